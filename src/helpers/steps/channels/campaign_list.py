"""The campaign list: who is drawn into which arm, by which channel and at which hour; a file, never a page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.bank import brief as briefs
from helpers.findings import SpokenError, Text
from helpers.findings.lists import ListHead, write_list
from helpers.metrics import contacts, eligibility, segments
from helpers.metrics.channels import Channel
from helpers.models.experiments import assign

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

LIST_FILE = "campaign_list.csv"
CONTROL, TREATMENT = "control", "treatment"
ACTIVITY_STEP = "03_activity_design"
BRIEF_FILE = "brief.yml"
# Hours are read from the last 90 days: long enough for a habit, short enough to be the present one.
HABIT_DAYS = 90
DEFAULT_HOUR = 10


@dataclass(frozen=True)
class Draw:
    """How customers are drawn into arms.

    Attributes
    ----------
    salt : str
    weights : dict of arm to share
    control : str
    from_brief : bool
        True if step 3's brief says so, False if the notebook's parameters do.
    """

    salt: str
    weights: dict[str, float]
    control: str
    from_brief: bool

    @property
    def text(self) -> Text:
        """Say in one sentence where the draw comes from."""
        arms_en = ", ".join(f"{arm} {weight:.0%}" for arm, weight in self.weights.items())
        arms_zh = "、".join(f"{arm} {weight:.0%}" for arm, weight in self.weights.items())
        if self.from_brief:
            return Text(
                f"Arms are drawn as step 3's brief says: salt “{self.salt}”, {arms_en}.",
                f"按步骤 3 的活动简报分组：盐值“{self.salt}”，{arms_zh}。",
            )
        return Text(
            f"There is no brief of step 3 in this run, so arms are drawn by this notebook's parameters: "
            f"salt “{self.salt}”, {arms_en}.",
            f"本次运行没有步骤 3 的活动简报，按本笔记本参数分组：盐值“{self.salt}”，{arms_zh}。",
        )


def read_draw(run_dir: str | Path, *, salt: str, holdout_share: float) -> Draw:
    """Take the draw from the brief that step 3 kept in this run, else from the parameters.

    Raises
    ------
    ValueError
        If the salt is empty or the hold-out is not a share below 1; if the brief can't be read.
    """
    file = Path(run_dir) / ACTIVITY_STEP / BRIEF_FILE if str(run_dir) else None
    if file is not None and file.is_file():
        brief, _, _ = briefs.read(file)
        if brief.salt and brief.weights:
            return Draw(brief.salt, brief.weights, brief.control, True)
    if not salt:
        raise SpokenError(Text("salt should not be empty: it names the draw", "salt 不应为空：它是抽签分组的标识"))
    if not 0 <= holdout_share < 1:
        raise SpokenError(
            Text(
                f"holdout_share should be at least 0 and below 1, not {holdout_share!r}",
                f"holdout_share 应不小于 0 且小于 1，现为 {holdout_share!r}",
            )
        )
    return Draw(salt, {CONTROL: holdout_share, TREATMENT: 1 - holdout_share}, CONTROL, False)


def build(
    bank: Bank,
    *,
    segment: str,
    draw: Draw,
    active_within_days: int,
    rules: dict[str, contacts.Rule],
    channels: dict[str, Channel],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw the list.

    Parameters
    ----------
    bank : Bank
    segment : str
    draw : Draw
    active_within_days : int
        Only who came at least once in these days before ``as_of``: others are win-back's.
    rules : dict of Rule
        Contact policy; refused channels and quiet hours are kept.
    channels : dict of Channel
        Catalogue; only channels with the role ``contact`` are proposed.

    Returns
    -------
    (people, counts)
        ``people``: ``customer_id, arm, is_holdout, channel, hour``, ordered by id; held-out customers have neither
        channel nor hour. ``counts``: why customers are not on it, ``reason, n_customers``.

    Raises
    ------
    ValueError
        If ``active_within_days`` is not positive or the segment can't be formed.
    """
    who = {"active_within_days": active_within_days, "rules": rules}
    left_out = eligibility.left_out(bank, segment, **who).set_index("reason")["n_customers"]
    ids = eligibility.eligible(bank, segment, **who).order_by("customer_id").execute()["customer_id"]
    order = _channel_order(bank, segment, rules, channels)
    refused = _refused(bank, rules)
    people = (
        assign(ids, salt=draw.salt, weights=draw.weights) if len(ids) else pd.DataFrame(columns=["customer_id", "arm"])
    )
    people["is_holdout"] = people["arm"] == draw.control
    everywhere = {slug for slug, rule in rules.items() if rule.kind == "suppression" and rule.scope == "all"}
    chosen = [_choose(customer, order, refused, bool(everywhere)) for customer in people["customer_id"]]
    people["channel"] = pd.Series(chosen, dtype="string", index=people.index)
    people["hour"] = pd.Series(_hours(bank, people["customer_id"], rules), dtype="Int64", index=people.index)
    unreachable = people["channel"].isna() & ~people["is_holdout"]
    n_unreachable = int(unreachable.sum())
    # Who can't be reached is taken out of both arms alike, or the arms would no longer be comparable.
    people = people[people["channel"].notna()].reset_index(drop=True)
    people.loc[people["is_holdout"], ["channel", "hour"]] = pd.NA
    counts = pd.DataFrame(
        {
            "reason": ["in_segment", "account_closed", "no_consent", "not_active", "no_channel_left", "on_the_list"],
            "n_customers": [
                *(int(left_out[reason]) for reason in ("in_segment", "account_closed", "no_consent", "not_active")),
                len(chosen) - len(people),
                len(people),
            ],
        }
    )
    counts.attrs["n_unreachable_treated"] = n_unreachable
    return people[["customer_id", "arm", "is_holdout", "channel", "hour"]], counts


def write(people: pd.DataFrame, file: Path | None, *, bank: Bank, segment: str, draw: Draw) -> Path | None:
    """Write the list as a private CSV with purpose and run in its head; None (a dry run) writes nothing."""
    name = segments.pick(segment).name
    purpose = Text(
        f"Contact the segment “{name.en}” for one campaign as drawn (salt “{draw.salt}”); the arm {draw.control or '–'} is "
        "held out and not contacted",
        f"按分组（盐值“{draw.salt}”）触达“{name.zh}”一次活动；{draw.control or '–'} 组留白，不得触达",
    )
    return write_list(people, file, head=ListHead.of(bank, purpose))


def _since(bank: Bank, days: int) -> ir.Table:
    import ibis

    start = datetime.combine(bank.as_of + timedelta(days=1 - days), datetime.min.time())
    return bank.activity.filter(lambda t: t.occurred_at >= ibis.literal(start))


def _channel_order(
    bank: Bank, segment: str, rules: dict[str, contacts.Rule], channels: dict[str, Channel]
) -> list[str]:
    """Order the contact channels by how often this segment answered them per unit of doubt: Wilson's lower bound.

    Where it was never contacted by one of them, by how well they fit and what they cost.
    """
    from helpers.metrics.shares import wilson

    blocked = {rule.channel for rule in rules.values() if rule.kind == "cap" and rule.max == 0}
    usable = [slug for slug, channel in channels.items() if "contact" in channel.roles and slug not in blocked]
    if "" in blocked:
        return []
    ranks = {"strong": 0, "good": 1, "fair": 2, "poor": 3}
    by_fit = sorted(usable, key=lambda slug: (ranks[channels[slug].fit(segment)], channels[slug].unit_cost.high))
    if bank.touches is None:
        return by_fit
    members = segments.members(bank, segment)
    counts = (
        bank.touches.semi_join(members, "customer_id")
        .group_by("channel")
        .aggregate(n=lambda t: t.count(), hits=lambda t: t.outcome.isin(["clicked", "answered"]).fill_null(False).sum())
        .execute()
    )
    counts = counts[counts["channel"].isin(usable)]
    # People's time is scarce: calls and visits are for the journeys that need them, not for a mass list.
    counts = counts.loc[[channels[slug].capacity_per_month is None for slug in counts["channel"]]]
    if counts.empty:
        return by_fit
    low, _ = wilson(counts["hits"], counts["n"])
    return list(counts.assign(low=low).sort_values(["low", "channel"], ascending=[False, True])["channel"])


def _refused(bank: Bank, rules: dict[str, contacts.Rule]) -> dict[str, set[str]]:
    table = contacts.suppressed_customers(bank, rules)
    if table is None:
        return {}
    rows = table.execute()
    return rows.groupby("customer_id")["channel"].agg(set).to_dict()


def _choose(customer: str, order: list[str], refused: dict[str, set[str]], silence_all: bool) -> str | None:
    refusals = refused.get(customer, set())
    if silence_all and refusals:
        return None
    return next((slug for slug in order if slug not in refusals), None)


def _hours(bank: Bank, ids: pd.Series, rules: dict[str, contacts.Rule]) -> list[int | None]:
    """Each customer's most frequent hour outside the quiet ones; the group's where a customer has none."""
    quiet = [rule for rule in rules.values() if rule.kind == "quiet_hours"]
    loud = [hour for hour in range(24) if not any(contacts.is_quiet(hour, rule) for rule in quiet)]
    if not loud:
        return [None] * len(ids)
    table = (
        _since(bank, HABIT_DAYS)
        .mutate(hour=lambda t: t.occurred_at.hour(), day=lambda t: t.occurred_at.date())
        .filter(lambda t: t.hour.isin(loud))
        .select("customer_id", "day", "hour")
        .distinct()
        .group_by("customer_id", "hour")
        .aggregate(days=lambda t: t.count())
        .execute()
    )
    table = table[table["customer_id"].isin(set(ids))]
    own = (
        table.sort_values(["days", "hour"], ascending=[False, True])
        .drop_duplicates("customer_id")
        .set_index("customer_id")
    )["hour"]
    sums = table.groupby("hour")["days"].sum()
    usual = int(sums.idxmax()) if len(sums) else (DEFAULT_HOUR if DEFAULT_HOUR in loud else loud[0])
    return [int(hour) for hour in np.nan_to_num(ids.map(own).to_numpy(dtype=float), nan=usual)]
