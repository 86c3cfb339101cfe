"""What became of the customers whom a campaign assigned: activity, money and cost, one lazy row a customer.

Everybody who was assigned counts in the arm that was drawn, reached or not, taking part or not: this is what a
comparison of arms may stand on. Who takes part chooses to, and is told apart elsewhere (people–goods–place).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from helpers.bank import catalogue

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.bank import Bank

# Durable money is read on days 31 to 90 after the last day of the campaign, when the bait is gone.
DURABLE_FROM_DAYS = 31
DURABLE_TO_DAYS = 90
BASE_SNAPSHOTS = 3  # the base is the highest of the last three month ends, so that a dip before launch is no gain


@dataclass(frozen=True)
class Campaign:
    """One row of the campaigns table.

    Attributes
    ----------
    campaign_id, form, name : str
    starts_date, ends_date : date
    budget : float or None
        In the bank's currency.
    success_event : str
        Event that counts as success; empty if none is named.
    """

    campaign_id: str
    form: str
    name: str
    starts_date: date
    ends_date: date
    budget: float | None
    success_event: str

    def last_day(self, window_days: int) -> date:
        """Return the last day of an outcome window of so many days, the first being the launch."""
        return self.starts_date + timedelta(days=window_days - 1)


@dataclass(frozen=True)
class MeasuringDays:
    """Balance days that a campaign's money is read on; None where the bank has none (yet).

    Attributes
    ----------
    before : date or None
        Last balance day before the launch.
    after : date or None
        Last balance day of the calendar month in which the outcome window ends.
    base : tuple of date
        Up to three last balance days of calendar months before the launch, newest first.
    durable : tuple of date
        Balance days 31 to 90 days after the campaign's last day, complete only if ``is_durable_complete``.
    is_durable_complete : bool
        True if the bank was seen until the 90th day after the campaign's end.
    """

    before: date | None
    after: date | None
    base: tuple[date, ...]
    durable: tuple[date, ...]
    is_durable_complete: bool


def campaign(bank: Bank, campaign_id: str) -> Campaign:
    """Return one campaign that the bank knows by the day it is looked at.

    Raises
    ------
    ValueError
        If the bank has no campaigns table, or no such campaign (the nearest is named).
    """
    if bank.campaigns is None:
        raise ValueError(f"campaign_id {campaign_id!r}: the bank has no table campaigns; a post-mortem needs one")
    found = bank.campaigns.filter(lambda t: t.campaign_id == campaign_id).execute()
    if found.empty:
        known = sorted(bank.campaigns.campaign_id.name("id").as_table().execute()["id"])
        if not known:
            raise ValueError(f"campaign_id {campaign_id!r}: no campaign had started by {bank.as_of}")
        raise ValueError(
            catalogue.unknown(campaign_id, known, what="campaign_id") + f" (campaigns that had started by {bank.as_of})"
        )
    row = found.iloc[0]
    budget, event = row["budget"], row["success_event"]
    return Campaign(
        campaign_id=str(row["campaign_id"]),
        form=str(row["form"]),
        name=str(row["name"]),
        starts_date=_as_date(row["starts_date"]),
        ends_date=_as_date(row["ends_date"]),
        budget=None if budget is None or budget != budget else float(budget),
        success_event="" if event is None or event != event else str(event),
    )


def finished_campaigns(bank: Bank, *, window_days: int = 28) -> pd.DataFrame:
    """List the campaigns with an assignment whose outcome window is over by the day that is looked at.

    Parameters
    ----------
    bank : Bank
    window_days : int
        Length of the outcome window in days from the launch.

    Returns
    -------
    DataFrame, one row a campaign, by launch
        ``campaign_id, form, name, starts_date, ends_date, n_arms, n, is_drawn`` (True if every row has a propensity
        and there is more than one arm). Empty, with these columns, if the bank has no campaigns or no assignments.
    """
    import pandas as pd

    columns = ["campaign_id", "form", "name", "starts_date", "ends_date", "n_arms", "n", "is_drawn"]
    if bank.campaigns is None or bank.assignments is None:
        return pd.DataFrame(columns=columns)
    arms = bank.assignments.group_by("campaign_id").aggregate(
        n_arms=lambda t: t.arm.nunique(), n=lambda t: t.count(), n_drawn=lambda t: t.propensity.count()
    )
    found = bank.campaigns.inner_join(arms, "campaign_id").execute()
    found["starts_date"] = [_as_date(value) for value in found["starts_date"]]
    found["ends_date"] = [_as_date(value) for value in found["ends_date"]]
    found["is_drawn"] = (found["n_arms"] > 1) & (found["n_drawn"] == found["n"])
    over = [day + timedelta(days=window_days - 1) <= bank.as_of for day in found["starts_date"]]
    return found.loc[over, columns].sort_values(["starts_date", "campaign_id"], ignore_index=True)


def measuring_days(bank: Bank, of: Campaign, *, window_days: int = 28) -> MeasuringDays:
    """Find the balance days on which a campaign's money is read.

    Examples
    --------
    With month ends, a campaign from 8 September whose 28 days end on 5 October is read on 31 August (before) and
    31 October (after).
    """
    days = bank.balances.select("balance_date").distinct().execute()["balance_date"]
    seen = sorted(_as_date(day) for day in days)
    last = of.last_day(window_days)
    earlier = [day for day in seen if day < of.starts_date]
    in_month = [day for day in seen if (day.year, day.month) == (last.year, last.month) and day >= of.starts_date]
    month_lasts = {(day.year, day.month): day for day in earlier}
    first, until = (of.ends_date + timedelta(days=d) for d in (DURABLE_FROM_DAYS, DURABLE_TO_DAYS))
    return MeasuringDays(
        before=earlier[-1] if earlier else None,
        after=in_month[-1] if in_month else None,
        base=tuple(sorted(month_lasts.values(), reverse=True)[:BASE_SNAPSHOTS]),
        durable=tuple(day for day in seen if first <= day <= until),
        is_durable_complete=bank.as_of >= until,
    )


def campaign_outcomes(
    bank: Bank,
    campaign_id: str,
    *,
    window_days: int = 28,
    before_days: int = 28,
    after_days: int = 0,
) -> ir.Table:
    """Outcomes of every customer whom a campaign assigned, as one lazy query.

    Parameters
    ----------
    bank : Bank
        Only what was seen by its day counts.
    campaign_id : str
    window_days : int
        The outcome window is the launch day and the days after it, so many in all.
    before_days : int
        The window before, so many days up to the day before the launch: covariates come from there.
    after_days : int
        Days after the outcome window in which activity is counted too (0: not asked for).

    Returns
    -------
    lazy Ibis table, one row an assigned customer
        ``customer_id, arm, branch, propensity, assigned_at``;
        ``active_days`` distinct days with any event in the outcome window, ``is_active`` (0/1),
        ``active_days_before`` in the window before, ``active_days_after`` and ``active_days_net`` (window and after
        together) if ``after_days`` is given;
        ``aum_before`` on the last balance day before the launch, ``aum_after`` on the last balance day of the month
        in which the outcome window ends, ``aum_change`` the difference; ``new_money`` the part of it that flowed in
        (where the bank delivers `net_inflow`);
        ``aum_base`` the highest of the last three month ends before the launch, ``aum_kept`` the mean balance on days
        31–90 after the campaign's end, ``aum_kept_change`` = kept − before (unbiased for comparisons),
        ``durable_aum`` = max(0, kept − base), the strict reading of what stayed;
        ``touch_cost, reward_cost, rewarded_cost`` (both together) in the bank's currency, ``n_touches, n_rewards``.
        A customer without a balance row on a balance day holds 0. Columns are null for all where the bank has no
        balance day to read (not yet, or no longer).

    Raises
    ------
    ValueError
        If the campaign is unknown, has no assignment, or its window is not over by the day that is looked at.
    """
    import ibis

    of = campaign(bank, campaign_id)
    for name, value, least in (("window_days", window_days, 1), ("before_days", before_days, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, not {value}")
    if after_days < 0:
        raise ValueError(f"after_days must be 0 or more, not {after_days}")
    last = of.last_day(window_days + after_days)
    if last > bank.as_of:
        raise ValueError(
            f"campaign {campaign_id}: the window of {window_days + after_days} days ends on {last}, "
            f"after the last day that is seen, {bank.as_of}; choose a later as_of or fewer days"
        )
    assigned = assigned_customers(bank, campaign_id)
    table = assigned.left_join(_activity(bank, of, assigned, window_days, before_days, after_days), "customer_id").drop(
        "customer_id_right"
    )
    days = measuring_days(bank, of, window_days=window_days)
    table = table.left_join(_money(bank, days, assigned), "customer_id").drop("customer_id_right")
    for costs in (_touches(bank, campaign_id), _rewards(bank, campaign_id)):
        table = table.left_join(costs, "customer_id").drop("customer_id_right")
    counts = ["active_days", "is_active", "active_days_before", "n_touches", "touch_cost", "n_rewards", "reward_cost"]
    counts += ["active_days_after"] if after_days else []
    table = table.mutate(**{name: table[name].fill_null(0) for name in counts})
    none = ibis.null("float64")

    def held(name: str, known: bool) -> Any:
        return table[name].fill_null(0.0) if known else none

    has_kept = bool(days.durable) and days.is_durable_complete
    before, after = held("aum_before", days.before is not None), held("aum_after", days.after is not None)
    kept, base = held("aum_kept", has_kept), held("aum_base", bool(days.base))
    table = table.mutate(
        aum_before=before,
        aum_after=after,
        aum_change=after - before,
        aum_base=base,
        aum_kept=kept,
        aum_kept_change=kept - before,
        durable_aum=ibis.greatest(kept - base, 0.0) if has_kept and days.base else none,
        rewarded_cost=table.touch_cost + table.reward_cost,
    )
    if "new_money" in table.columns:
        table = table.mutate(new_money=table.new_money.fill_null(0.0))
    if after_days:
        table = table.mutate(active_days_net=table.active_days + table.active_days_after)
    return table


def assigned_customers(bank: Bank, campaign_id: str) -> ir.Table:
    """Return the customers whom a campaign assigned, with their branch: lazy, one row a customer.

    Raises
    ------
    ValueError
        If the bank has no assignments, or none of this campaign.
    """
    if bank.assignments is None:
        raise ValueError(f"campaign {campaign_id}: the bank has no table assignments, so arms can't be compared")
    mine = bank.assignments.filter(lambda t: t.campaign_id == campaign_id)
    mine = mine.select("customer_id", "arm", "propensity", "assigned_at")
    if int(mine.count().execute()) == 0:
        raise ValueError(f"campaign {campaign_id} has no row in assignments, so arms can't be compared")
    branches = bank.customers.select("customer_id", "branch")
    table = mine.left_join(branches, "customer_id").drop("customer_id_right")
    return table.select("customer_id", "arm", "branch", "propensity", "assigned_at")


def has_assignment(bank: Bank, campaign_id: str) -> bool:
    """Tell whether the bank kept who was assigned in a campaign."""
    if bank.assignments is None:
        return False
    return int(bank.assignments.filter(lambda t: t.campaign_id == campaign_id).count().execute()) > 0


def _activity(
    bank: Bank, of: Campaign, assigned: ir.Table, window_days: int, before_days: int, after_days: int
) -> ir.Table:
    """Count distinct active days per customer in the three windows, in one pass over the log."""
    import ibis

    launch = of.starts_date
    first, end = launch - timedelta(days=before_days), launch + timedelta(days=window_days + after_days)
    log = bank.activity.filter(
        lambda t: (t.occurred_at >= ibis.literal(midnight(first))) & (t.occurred_at < ibis.literal(midnight(end)))
    )
    log = log.semi_join(assigned, "customer_id")
    days = log.select("customer_id", day=log.occurred_at.date()).distinct()
    after = ibis.literal(launch + timedelta(days=window_days))
    in_window = (days.day >= ibis.literal(launch)) & (days.day < after)
    counts: dict[str, Any] = {
        "active_days": in_window.sum(),
        "is_active": in_window.cast("int64").max(),
        "active_days_before": (days.day < ibis.literal(launch)).sum(),
    }
    if after_days:
        counts["active_days_after"] = (days.day >= after).sum()
    return days.group_by("customer_id").aggregate(**counts)


def _money(bank: Bank, days: MeasuringDays, assigned: ir.Table) -> ir.Table:
    """Read balances on the measuring days, one row a customer; nothing else of the table is touched."""
    import ibis

    wanted = sorted({day for day in (days.before, days.after, *days.base, *days.durable) if day is not None})
    table = bank.balances
    is_flow = "net_inflow" in table.columns and days.before is not None and days.after is not None
    first = days.before if is_flow else None
    rows = table.filter(
        lambda t: (
            t.balance_date.isin(wanted)
            if first is None
            else t.balance_date.isin(wanted) | ((t.balance_date > ibis.literal(first)) & (t.balance_date <= days.after))
        )
    ).semi_join(assigned, "customer_id")
    n_durable = max(len(days.durable), 1)

    def on(*chosen: date | None) -> Any:
        given = [day for day in chosen if day is not None]
        return ibis.cases((rows.balance_date.isin(given), rows.aum), else_=0.0) if given else rows.aum * 0.0

    sums: dict[str, Any] = {
        "aum_before": on(days.before).sum(),
        "aum_after": on(days.after).sum(),
        "aum_base": on(*days.base).max(),
        # a customer without a row that day held nothing: divide by the balance days, not by the rows
        "aum_kept": on(*days.durable).sum() / n_durable,
    }
    if is_flow:
        inside = (rows.balance_date > ibis.literal(days.before)) & (rows.balance_date <= ibis.literal(days.after))
        sums["new_money"] = ibis.cases((inside, rows.net_inflow.fill_null(0.0)), else_=0.0).sum()
    return rows.group_by("customer_id").aggregate(**sums)


def _touches(bank: Bank, campaign_id: str) -> ir.Table:
    return _costs(bank, "touches", campaign_id, "touch_cost", "n_touches")


def _rewards(bank: Bank, campaign_id: str) -> ir.Table:
    return _costs(bank, "rewards", campaign_id, "reward_cost", "n_rewards")


def _costs(bank: Bank, name: str, campaign_id: str, cost: str, count: str) -> ir.Table:
    """Sum one table's costs of a campaign by customer; an empty result if the bank hasn't the table."""
    table = bank.tables[name]
    if table is None:
        none = bank.customers.select("customer_id").limit(0)
        return none.group_by("customer_id").aggregate(**{cost: none.count().cast("float64"), count: none.count()})
    mine = table.filter(lambda t: t.campaign_id == campaign_id)
    return mine.group_by("customer_id").aggregate(**{cost: mine.cost.sum(), count: mine.count()})


def midnight(day: date) -> datetime:
    """Return the first moment of a day."""
    return datetime.combine(day, time.min)


def _as_date(value: Any) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else value.to_pydatetime().date()
