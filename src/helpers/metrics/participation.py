"""Who took part in past campaigns, how often, and what it cost: the habits that a new mechanism is reckoned with.

Descriptions of the treated, no effects: who takes part chooses to.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from helpers.metrics.exact import exact_sum
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import pandas as pd

    from helpers.bank import Bank

EVERYBODY = "everybody"
SEGMENT = "segment"
COLUMNS = [
    "campaign_id", "form", "population", "counted_by", "days", "n_treated", "n_participants", "participation_share",
    "participation_lower", "participation_upper", "successes_mean", "reward_cost_each", "contact_cost_each",
]  # fmt: skip
LEVEL_COLUMNS = ["campaign_id", "form", "successes", "customers"]


def participation(
    bank: Bank, campaigns: pd.DataFrame, *, segment: str = "all", least_treated: int = 200
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count participants and their successes in past campaigns.

    A success is a day on which a treated customer was rewarded; where a campaign has no row in `rewards`, a day with
    its success event within its own days. Rewards come first, since an event such as a payment also happens without
    any campaign.

    Parameters
    ----------
    bank : Bank
    campaigns : DataFrame, one row a campaign
        ``campaign_id, form, starts_date, ends_date``, as `helpers.metrics.outcomes.finished_campaigns` gives.
    segment : str
        Its members are counted where a campaign treated at least ``least_treated`` of them, else everybody treated.
    least_treated : int

    Returns
    -------
    (summary, levels)
        ``summary``, one row a campaign: ``campaign_id, form, population`` (segment or everybody), ``counted_by``
        (rewards or events), ``days`` the campaign ran, ``n_treated, n_participants, participation_share`` of treated
        with at least one success, with Wilson ``participation_lower, participation_upper``, ``successes_mean`` of participants (distinct days),
        ``reward_cost_each``, ``contact_cost_each`` mean cost of one treated customer in money.
        ``levels``, one row a campaign and number of successes from 1 on: ``campaign_id, form, successes, customers``.
    """
    import pandas as pd

    if bank.assignments is None or campaigns.empty:
        return pd.DataFrame(columns=COLUMNS), pd.DataFrame(columns=LEVEL_COLUMNS)
    counted_by = _counted_by(bank, campaigns)
    counts = _counts(bank, campaigns, segment, counted_by)
    rows, levels = [], []
    for of in campaigns.itertuples(index=False):
        mine = counts[counts["campaign_id"] == of.campaign_id]
        if mine.empty:
            continue
        members = mine[mine["is_member"]]
        is_enough = int(members["customers"].sum()) >= least_treated
        population, mine = (SEGMENT, members) if is_enough else (EVERYBODY, mine)
        by_level = mine.groupby("successes")["customers"].sum()
        n = int(by_level.sum())
        took_part = by_level[by_level.index > 0]
        x = int(took_part.sum())
        lower, upper = wilson(x, n)
        rows.append(
            {
                "campaign_id": of.campaign_id,
                "form": of.form,
                "population": population,
                "counted_by": counted_by[of.campaign_id],
                "days": (of.ends_date - of.starts_date).days + 1,
                "n_treated": n,
                "n_participants": x,
                "participation_share": x / n,
                "participation_lower": float(lower),
                "participation_upper": float(upper),
                "successes_mean": float((took_part.index * took_part).sum()) / x if x else float("nan"),
                "reward_cost_each": round(float(mine["reward_cost"].sum()) / n, 8),
                "contact_cost_each": round(float(mine["touch_cost"].sum()) / n, 8),
            }
        )
        levels += [
            {"campaign_id": of.campaign_id, "form": of.form, "successes": int(k), "customers": int(c)}
            for k, c in took_part.items()
        ]
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(levels, columns=LEVEL_COLUMNS)


def _counted_by(bank: Bank, campaigns: pd.DataFrame) -> dict[str, str]:
    """Choose for each campaign whether rewards or events say who succeeded."""
    rewarded: set[str] = set()
    if bank.rewards is not None:
        rewarded = set(bank.rewards.select("campaign_id").distinct().execute()["campaign_id"])
    return {key: "rewards" if key in rewarded else "events" for key in campaigns["campaign_id"]}


def _counts(bank: Bank, campaigns: pd.DataFrame, segment: str, counted_by: dict[str, str]) -> pd.DataFrame:
    """Treated customers of each campaign by membership and number of successes, with their costs, in one query."""
    from helpers.metrics import holdouts, segments

    ids = list(campaigns["campaign_id"])
    controls = holdouts.control_arms(bank, ids)
    treated = bank.assignments.filter(lambda t: t.campaign_id.isin(ids) & ~holdouts.is_held_out(t, controls))
    treated = treated.select("campaign_id", "customer_id")
    members = segments.members(bank, segment).select("customer_id").mutate(is_member=True)
    table = treated.left_join(members, "customer_id").drop("customer_id_right")
    for part in (_successes(bank, campaigns, counted_by), _costs(bank, "rewards"), _costs(bank, "touches")):
        if part is None:
            continue
        table = table.left_join(part, ["campaign_id", "customer_id"]).drop("campaign_id_right", "customer_id_right")
    given = [name for name in ("successes", "reward_cost", "touch_cost") if name in table.columns]
    table = table.mutate(
        is_member=table.is_member.fill_null(False), **{name: table[name].fill_null(0) for name in given}
    )
    if "successes" not in given:
        table = table.mutate(successes=0)
    sums: dict[str, Any] = {
        name: table[name].sum() if name in given else table.count() * 0.0 for name in ("reward_cost", "touch_cost")
    }
    found = table.group_by("campaign_id", "is_member", "successes").aggregate(customers=table.count(), **sums).execute()
    return found.sort_values(["campaign_id", "is_member", "successes"], ignore_index=True)


def _successes(bank: Bank, campaigns: pd.DataFrame, counted_by: dict[str, str]) -> Any:
    """Distinct days with a success, a row a campaign and customer; None if nothing can be counted."""
    import ibis

    parts = []
    by_rewards = [key for key, how in counted_by.items() if how == "rewards"]
    if by_rewards:
        paid = bank.rewards.filter(lambda t: t.campaign_id.isin(by_rewards))
        parts.append(paid.select("campaign_id", "customer_id", day=paid.rewarded_at.date()))
    events = bank.campaigns.select("campaign_id", "success_event").execute().set_index("campaign_id")["success_event"]
    for of in campaigns.itertuples(index=False):
        event = events.get(of.campaign_id)
        if counted_by[of.campaign_id] != "events" or not isinstance(event, str) or not event:
            continue
        first = datetime.combine(of.starts_date, time.min)
        end = datetime.combine(of.ends_date + timedelta(days=1), time.min)
        done = bank.activity.filter(
            lambda t, event=event, first=first, end=end: (
                (t.event == event) & (t.occurred_at >= ibis.literal(first)) & (t.occurred_at < ibis.literal(end))
            )
        )
        parts.append(
            done.select("customer_id", campaign_id=ibis.literal(of.campaign_id), day=done.occurred_at.date()).select(
                "campaign_id", "customer_id", "day"
            )
        )
    if not parts:
        return None
    days = parts[0] if len(parts) == 1 else ibis.union(*parts)
    days = days.distinct()
    return days.group_by("campaign_id", "customer_id").aggregate(successes=days.count())


def _costs(bank: Bank, name: str) -> Any:
    table = bank.tables[name]
    if table is None:
        return None
    cost = {"rewards": "reward_cost", "touches": "touch_cost"}[name]
    mine = table.filter(table.campaign_id.notnull())
    return mine.group_by("campaign_id", "customer_id").aggregate(**{cost: exact_sum(mine.cost)})
