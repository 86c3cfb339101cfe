"""The frame of the coming campaign: what the analyst decides, checked before anything is reckoned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from helpers.bank.connection import parse_day
from helpers.findings import SpokenError, Text
from helpers.findings.spoken import unknown
from helpers.metrics import segments
from helpers.metrics.channels import read_channels
from helpers.metrics.forms import pick_form

if TYPE_CHECKING:
    from helpers.bank import Bank

ROI_CONVENTIONS = ("ratio", "net")
RETURN_BASES = ("activity", "money", "both")
LEAST_SIMULATIONS = 100


@dataclass(frozen=True)
class GoalMetric:
    """A metric that a campaign of this step may be for; its effect is per treated customer."""

    name: Text
    unit: str
    covariate: str


GOALS: dict[str, GoalMetric] = {
    "active_days": GoalMetric(Text("active days", "活跃天数"), "days", "active_days_before"),
    "is_active": GoalMetric(Text("share active", "活跃率"), "points", "active_days_before"),
    "aum_change": GoalMetric(Text("change in assets", "资产变动"), "money_each", "aum_before"),
}


@dataclass(frozen=True)
class Plan:
    """Settings of the coming campaign; see `plan_campaign`."""

    segment: str
    goal: str
    form: str
    budget: float
    written_on: date
    starts_date: date
    duration_days: int
    lasting_days: int
    earning_days: int
    active_within_days: int
    holdout_share: float
    power: float
    alpha: float
    overrun_risk: float
    roi_convention: str
    return_basis: str
    n_simulations: int
    seed: int
    campaign_id: str
    salt: str
    channels: tuple[str, ...]
    contact: str
    branch: str

    @property
    def ends_date(self) -> date:
        """Last day of the campaign."""
        return self.starts_date + timedelta(days=self.duration_days - 1)

    @property
    def period(self) -> str:
        """First and last day, as figures write periods."""
        return f"{self.starts_date}/{self.ends_date}"

    @property
    def metric(self) -> GoalMetric:
        """The goal's metric."""
        return GOALS[self.goal]


def plan_campaign(
    bank: Bank,
    *,
    segment: str,
    goal_metric: str,
    budget: float,
    form: str = "",
    starts_date: str = "",
    duration_days: int = 28,
    lasting_days: int = 90,
    earning_days: int = 365,
    active_within_days: int = 180,
    holdout_share: float = 0.3,
    power: float = 0.8,
    alpha: float = 0.05,
    overrun_risk: float = 0.05,
    roi_convention: str = "ratio",
    return_basis: str = "both",
    n_simulations: int = 4_000,
    seed: int = 1,
    campaign_id: str = "",
    salt: str = "",
    channels: str = "",
    contact: str = "",
) -> Plan:
    """Check the settings of the coming campaign and fill in those that follow from others.

    Parameters
    ----------
    bank : Bank
        The brief is written on its day.
    segment : str
        Slug of `segments.yml`.
    goal_metric : str
        One of `GOALS`.
    budget : float
        In the bank's currency, above 0.
    form : str
        Slug of `activities.yml`; empty: the best ranked one.
    starts_date : str
        YYYY-MM-DD, not before the bank's day; empty: the Monday after it.
    duration_days, lasting_days, earning_days, active_within_days : int
        Days the campaign runs; from the launch over which an effect has to last; for which additional assets are
        credited with the margin; within which a customer must have been active to be treated.
    holdout_share, overrun_risk : float
        Between 0 and 1.
    power : float
        From 0.5, below 1.
    alpha : float
        Between 0 and 0.5.
    roi_convention : {"ratio", "net"}
        Return ÷ cost (1 is break-even) or (return − cost) ÷ cost (0 is break-even).
    return_basis : {"activity", "money", "both"}
        What counts as return: additional active days, additional assets, or both.
    n_simulations, seed : int
    campaign_id, salt : str
        Empty: composed of segment, form and launch once the form is chosen.
    channels : str
        Slugs of `channels.yml`, separated by commas.
    contact : str
        What customers are given to reach the organiser.

    Returns
    -------
    Plan

    Raises
    ------
    ValueError
        One clear line with parameter, value and what is allowed.
    """
    segments.pick(segment)
    if goal_metric not in GOALS:
        raise SpokenError(
            Text(
                f"goal_metric must be one of {', '.join(GOALS)}, not {goal_metric!r}",
                f"goal_metric 应为 {'、'.join(GOALS)} 之一，现为 {goal_metric!r}",
            )
        )
    if form:
        pick_form(form)
    if not budget > 0:
        raise SpokenError(Text(f"budget must be above 0, not {budget}", f"budget 应大于 0，现为 {budget}"))
    for name, value, least in (
        ("duration_days", duration_days, 1),
        ("earning_days", earning_days, 1),
        ("active_within_days", active_within_days, 1),
        ("n_simulations", n_simulations, LEAST_SIMULATIONS),
        ("seed", seed, 0),
    ):
        if value < least:
            raise SpokenError(
                Text(f"{name} must be at least {least}, not {value}", f"{name} 应不小于 {least}，现为 {value}")
            )
    if lasting_days <= duration_days:
        raise SpokenError(
            Text(
                f"lasting_days must be more than duration_days ({duration_days}), not {lasting_days}",
                f"lasting_days 应大于 duration_days（{duration_days}），现为 {lasting_days}",
            )
        )
    for name, share, most in (
        ("holdout_share", holdout_share, 1),
        ("alpha", alpha, 0.5),
        ("overrun_risk", overrun_risk, 1),
    ):
        if not 0 < share < most:
            raise SpokenError(
                Text(
                    f"{name} must be between 0 and {most}, not {share}", f"{name} 应大于 0 且小于 {most}，现为 {share}"
                )
            )
    if not 0.5 <= power < 1:
        raise SpokenError(
            Text(f"power must be at least 0.5 and below 1, not {power}", f"power 应不小于 0.5 且小于 1，现为 {power}")
        )
    if roi_convention not in ROI_CONVENTIONS:
        raise SpokenError(
            Text(
                f"roi_convention must be one of {', '.join(ROI_CONVENTIONS)}, not {roi_convention!r}",
                f"roi_convention 应为 {'、'.join(ROI_CONVENTIONS)} 之一，现为 {roi_convention!r}",
            )
        )
    if return_basis not in RETURN_BASES:
        raise SpokenError(
            Text(
                f"return_basis must be one of {', '.join(RETURN_BASES)}, not {return_basis!r}",
                f"return_basis 应为 {'、'.join(RETURN_BASES)} 之一，现为 {return_basis!r}",
            )
        )
    starts = parse_day(starts_date, name="starts_date") if starts_date else next_monday(bank.as_of)
    if starts < bank.as_of:
        raise SpokenError(
            Text(
                f"starts_date {starts} lies before as_of, {bank.as_of}: a brief is written before the launch",
                f"starts_date {starts} 早于 as_of {bank.as_of}：简报须在上线前写好",
            )
        )
    return Plan(
        segment=segment,
        goal=goal_metric,
        form=form,
        budget=float(budget),
        written_on=bank.as_of,
        starts_date=starts,
        duration_days=duration_days,
        lasting_days=lasting_days,
        earning_days=earning_days,
        active_within_days=active_within_days,
        holdout_share=holdout_share,
        power=power,
        alpha=alpha,
        overrun_risk=overrun_risk,
        roi_convention=roi_convention,
        return_basis=return_basis,
        n_simulations=n_simulations,
        seed=seed,
        campaign_id=campaign_id,
        salt=salt,
        channels=_channels(channels),
        contact=str(contact).strip(),  # a hotline such as 95000 arrives as a number
        branch=bank.branch,
    )


def next_monday(day: date) -> date:
    """Return the first Monday after a day.

    Examples
    --------
    >>> next_monday(date(2025, 9, 7)).isoformat(), next_monday(date(2025, 9, 8)).isoformat()
    ('2025-09-08', '2025-09-15')
    """
    return day + timedelta(days=7 - day.weekday())


def _channels(given: str) -> tuple[str, ...]:
    """Slugs of a comma-separated list, each one of the catalogue."""
    known = read_channels()
    slugs = tuple(part.strip() for part in given.split(",") if part.strip())
    for slug in slugs:
        if slug not in known:
            raise SpokenError(unknown(Text("channels: channel", "channels：渠道"), slug, known))
    return slugs
