"""The case of one campaign: its row, the brief written before it, who was assigned, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from helpers.bank import brief as briefs
from helpers.bank import places
from helpers.findings import SpokenError, Text, Writer
from helpers.findings.numbers import beside
from helpers.metrics import holdouts, journeys, outcomes, segments
from helpers.metrics.campaigns import Campaign, MeasuringDays, campaign, measuring_days, midnight
from helpers.models import rollout

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

RANDOMISED, ROLLOUT, WITHOUT = "randomised", "branch_rollout", "none"
TREATED = "treatment"
ELIGIBLE_DAYS = 180
MONEY = ("aum_change", "new_money", "aum_kept_change", "durable_aum")
ACTIVITY = ("active_days", "is_active", "active_days_after", "active_days_net")
METRICS = {
    "active_days": (Text("active days", "活跃天数"), "days"),
    "is_active": (Text("share active", "活跃率"), "share"),
    "active_days_after": (Text("active days after the window", "窗口期后活跃天数"), "days"),
    "active_days_net": (Text("active days in the window and after", "窗口期及其后活跃天数"), "days"),
    "aum_change": (Text("assets", "资产变动"), "money_each"),
    "new_money": (Text("new money", "净流入"), "money_each"),
    "aum_kept_change": (Text("assets kept 31-90 days after", "结束后 31–90 天留存资产变动"), "money_each"),
    "durable_aum": (Text("durable assets", "沉淀资产"), "money_each"),
}
# Bands of activity before the launch, by active days a week: known before, so effects may be compared between them.
_BANDS = ((0.0, "idle"), (0.75, "rare"), (1.75, "regular"), (float("inf"), "eager"))


@dataclass(frozen=True)
class Case:
    """What the post-mortem of one campaign stands on.

    Attributes
    ----------
    bank : Bank
    campaign : Campaign
    brief : Brief or None
    brief_file, fingerprint : str
    is_untouched : bool
        False if the brief was edited after it was sealed.
    design : {"randomised", "branch_rollout", "none"}
        Read from the assignment itself, not from the brief.
    control : str
        Hold-out arm, empty without one.
    arms : tuple of str
        The other arms.
    assigned : lazy Ibis table
    people : DataFrame, one row a customer
        Columns of `outcomes.outcomes_of` and `journeys.journey`, and ``activity_before``, a band.
    stages : tuple of str
        Stages of the funnel that the bank's log knows.
    window_days, before_days, after_days : int
        ``after_days`` as many as were seen, at most as many as asked for.
    after_days_asked : int
    alpha : float
    measuring : MeasuringDays
    brief_asked, run_dir : str
        As they were given, to open the campaign once more for another window.
    """

    bank: Bank
    campaign: Campaign
    brief: briefs.Brief | None
    brief_file: str
    fingerprint: str
    is_untouched: bool
    design: str
    control: str
    arms: tuple[str, ...]
    assigned: ir.Table
    people: pd.DataFrame
    stages: tuple[str, ...]
    window_days: int
    before_days: int
    after_days: int
    after_days_asked: int
    alpha: float
    measuring: MeasuringDays
    brief_asked: str = ""
    run_dir: str = ""

    @property
    def treated(self) -> pd.DataFrame:
        """Customers outside the hold-out."""
        return self.people[self.people["arm"] != self.control]

    @property
    def n_smallest(self) -> int:
        """Customers of the smallest arm; everybody's number without arms. Results compare arms, so they tell of each."""
        return int(self.people["arm"].value_counts().min()) if len(self.people) else 0

    @property
    def goal_metric(self) -> str:
        """Metric of the brief's goal; active days without a brief."""
        return self.brief.goal.metric if self.brief else "active_days"

    @property
    def period(self) -> str:
        """First and last day of the outcome window."""
        return f"{self.campaign.starts_date}/{self.campaign.last_day(self.window_days)}"

    @property
    def speaks_of_whole_plan(self) -> bool:
        """True if the customers looked at are those that the brief planned for."""
        return self.brief is not None and (self.bank.branch or "") == (self.brief.branch or "")

    def whose_plan(self, w: Writer) -> str:
        """Name those whom the brief planned for, where they are not those looked at; else nothing."""
        if self.brief is None or self.speaks_of_whole_plan:
            return ""
        if not self.brief.branch:
            return w("the whole bank's ", "全行")
        return w(f"branch {self.brief.branch}'s ", beside(self.brief.branch, "网点"))

    def who(self, w: Writer) -> str:
        """Name one of the customers looked at: treated where there are arms, else of the segment."""
        if self.design == WITHOUT:
            return w("customer of the segment", "目标客群")
        return w("treated customer", "实验组") if self.control else w("customer reached", "已上线网点")

    def measured(self, metric: str) -> bool:
        """Tell whether the bank's tables gave the metric for everybody."""
        return metric in self.people and not self.people.empty and bool(self.people[metric].notna().all())


def open_case(
    bank: Bank,
    campaign_id: str,
    *,
    brief: str = "",
    run_dir: str = "",
    window_days: int = 28,
    before_days: int = 28,
    after_days: int = 62,
    alpha: float = 0.05,
) -> Case:
    """Gather everything about one campaign.

    Parameters
    ----------
    bank : Bank
    campaign_id : str
    brief : str
        Path of the brief; empty: ``briefs/<campaign_id>.yml`` in the bank's folder, else the one that step 3 wrote in
        this run, if it is of this campaign.
    run_dir : str
        Folder of the case, for step 3's brief.
    window_days, before_days, after_days : int
        Outcome window from the launch, days before it for covariates, days after the window for what was only pulled
        forward. If the bank was not seen so long, as many days after as were seen.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    Case

    Raises
    ------
    ValueError
        If the campaign is unknown, its window is not over, the brief is of another campaign, or a number is out of
        range.
    """
    if not 0 < alpha < 0.5:
        raise SpokenError(
            Text(f"alpha must lie between 0 and 0.5, not {alpha}", f"alpha 应在 0 到 0.5 之间，现为 {alpha}")
        )
    if after_days < 0:
        raise SpokenError(
            Text(f"after_days must be 0 or more, not {after_days}", f"after_days 应不小于 0，现为 {after_days}")
        )
    if window_days < 1:
        raise SpokenError(
            Text(f"window_days must be at least 1, not {window_days}", f"window_days 应不小于 1，现为 {window_days}")
        )
    of = campaign(bank, campaign_id)
    written, file, mark, untouched = find_brief(bank, campaign_id, brief=brief, run_dir=run_dir)
    design, control, arms, assigned = _design(bank, of, written)
    last_start = of.starts_date
    if design == ROLLOUT:
        last_start = max(start for start in rollout.branch_starts(bank, of)["start"] if start is not None)
    seen_after = (bank.as_of - last_start).days + 1 - window_days
    days_after = max(0, min(after_days, seen_after))
    days = {"window_days": window_days, "before_days": before_days, "after_days": days_after}
    if design == ROLLOUT:
        people = _by_wave(bank, of, assigned, **days)
    else:
        people = outcomes.outcomes_of(bank, of, assigned, **days).execute()
    steps = journeys.journey(bank, of, assigned=assigned).drop("arm", "branch").execute()
    people = people.merge(steps, on="customer_id", how="left").sort_values("customer_id", ignore_index=True)
    people["branch"] = people["branch"].fillna("–")
    people["activity_before"] = _band(people["active_days_before"], before_days)
    return Case(
        bank=bank,
        campaign=of,
        brief=written,
        brief_file=file,
        fingerprint=mark,
        is_untouched=untouched,
        design=design,
        control=control,
        arms=arms,
        assigned=assigned,
        people=people,
        stages=journeys.known_stages(bank, of),
        window_days=window_days,
        before_days=before_days,
        after_days=days_after,
        after_days_asked=after_days,
        alpha=alpha,
        measuring=measuring_days(bank, of, window_days=window_days),
        brief_asked=brief,
        run_dir=run_dir,
    )


def find_brief(
    bank: Bank, campaign_id: str, *, brief: str = "", run_dir: str = ""
) -> tuple[briefs.Brief | None, str, str, bool]:
    """Find and read the brief of a campaign.

    Returns
    -------
    (brief, file, fingerprint, untouched)
        ``(None, "", "", True)`` if nobody wrote one.

    Raises
    ------
    ValueError
        If a path was given and there is no brief, it is broken, or it is of another campaign.
    """
    if brief:
        found, mark, untouched = briefs.read(places.find(brief))
        if found.campaign_id != campaign_id:
            raise SpokenError(
                Text(
                    f"brief {brief} is of campaign {found.campaign_id!r}, campaign_id is {campaign_id!r}",
                    f"简报 {brief} 属于活动 {found.campaign_id!r}，而 campaign_id 为 {campaign_id!r}",
                )
            )
        return found, brief, mark, untouched
    own = bank.folder / "briefs" / f"{campaign_id}.yml"
    if own.is_file():
        found, mark, untouched = briefs.read(own)
        return found, f"briefs/{campaign_id}.yml", mark, untouched
    step_3 = Path(run_dir) / "03_activity_design" / "brief.yml" if run_dir else None
    if step_3 is not None and step_3.is_file():
        found, mark, untouched = briefs.read(step_3)
        if found.campaign_id == campaign_id:
            return found, "03_activity_design/brief.yml", mark, untouched
    return None, "", "", True


def _design(bank: Bank, of: Campaign, brief: briefs.Brief | None) -> tuple[str, str, tuple[str, ...], ir.Table]:
    """Tell from the assignment how customers came into the campaign."""
    if not outcomes.has_assignment(bank, of.campaign_id):
        return WITHOUT, "", (TREATED,), eligible(bank, brief, of.starts_date)
    assigned = outcomes.assigned_customers(bank, of.campaign_id)
    arms = (
        assigned.group_by("arm")
        .aggregate(n=lambda t: t.count(), n_drawn=lambda t: t.propensity.count())
        .execute()
        .sort_values("arm")
    )
    names = [str(name) for name in arms["arm"]]
    drawn = bool((arms["n"] == arms["n_drawn"]).all())
    if len(names) > 1 and drawn:
        control = _control(names, brief, of)
        return RANDOMISED, control, tuple(name for name in names if name != control), assigned
    return (ROLLOUT if _came_by_branch(bank, of) else WITHOUT), "", tuple(names), assigned


def _control(names: list[str], brief: briefs.Brief | None, of: Campaign) -> str:
    found = holdouts.control_arm(names, named=brief.control if brief else "")
    if found:
        return found
    raise SpokenError(
        Text(
            f"campaign {of.campaign_id}: none of the arms {', '.join(names)} is known as the hold-out; "
            "name it in the brief (arms: control: true)",
            f"活动 {of.campaign_id}：分组 {'、'.join(names)} 中无法识别留白组，请在简报中标明（arms: control: true）",
        )
    )


def _came_by_branch(bank: Bank, of: Campaign) -> bool:
    """True if some branches were reached later than others, or never: then there is somebody to compare with."""
    whole = bank.at(as_of=bank.as_of)
    days = outcomes.assigned_customers(whole, of.campaign_id)
    starts = days.group_by("branch").aggregate(first=lambda t: t.assigned_at.min()).execute()
    n_branches = int(whole.customers.branch.nunique().execute())
    return len(starts) < n_branches or starts["first"].dt.date.nunique() > 1


def _by_wave(bank: Bank, of: Campaign, assigned: ir.Table, **days: int) -> pd.DataFrame:
    """Read each branch's outcomes from its own start, not from that of the first branch."""
    starts = rollout.branch_starts(bank, of).dropna(subset="start")
    parts = []
    for start, branches in starts.groupby("start")["branch"]:
        mine = assigned.filter(assigned.branch.isin(list(branches)))
        parts.append(outcomes.outcomes_of(bank, replace(of, starts_date=start), mine, **days).execute())
    return pd.concat(parts, ignore_index=True)


def eligible(bank: Bank, brief: briefs.Brief | None, day: date) -> ir.Table:
    """Return whom a campaign without a list would have met on a day: its segment, active in the half year before."""
    import ibis

    people = segments.members(bank, brief.segment) if brief else bank.customers
    first = midnight(day - timedelta(days=ELIGIBLE_DAYS))
    log = bank.activity.filter(
        lambda t: (t.occurred_at >= ibis.literal(first)) & (t.occurred_at < ibis.literal(midnight(day)))
    )
    return people.semi_join(log, "customer_id").select(
        "customer_id",
        "branch",
        arm=ibis.literal(TREATED),
        propensity=ibis.null("float64"),
        assigned_at=ibis.literal(midnight(day)),
    )


def _band(active_days_before: pd.Series, before_days: int) -> pd.Series:
    """Name the band of activity before the launch: idle (0 days a week), rare (to 0.75), regular (to 1.75), eager."""
    weekly = active_days_before / before_days * 7
    bands = pd.Series(_BANDS[-1][1], index=weekly.index)
    for most, name in reversed(_BANDS[:-1]):
        bands = bands.where(weekly > most, name)
    return bands


def metric_name(metric: str) -> Text:
    """Return a metric's name as sentences use it; the slug itself for one that is not known here."""
    return METRICS.get(metric, (Text(metric, metric), "score"))[0]


def arm_name(arm: str, language: str) -> str:
    """Return the words for an arm; a name that the labels don't know stands in quotation marks."""
    from helpers.findings.labels import label

    known = label("arm").values
    return known[arm].say(language) if arm in known else f"“{arm}”"


def metric_unit(metric: str, *, difference: bool = False) -> str:
    """Return a metric's unit, as a difference where asked: shares differ by points."""
    unit = METRICS.get(metric, (Text(metric, metric), "score"))[1]
    return "points" if difference and unit == "share" else unit
