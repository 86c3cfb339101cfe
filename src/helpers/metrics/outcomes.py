"""What became of the customers whom a campaign assigned: activity, money and cost, one lazy row a customer.

Everybody who was assigned counts in the arm that was drawn, reached or not, taking part or not: this is what a
comparison of arms may stand on. Who takes part chooses to, and is told apart elsewhere (people–goods–place).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from helpers.findings import SpokenError, Text
from helpers.metrics.assets import at_days, new_money
from helpers.metrics.campaigns import (
    Campaign,
    MeasuringDays,
    campaign,
    finished_campaigns,
    measuring_days,
    midnight,
)
from helpers.metrics.exact import exact_sum

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

__all__ = [
    "Campaign",
    "MeasuringDays",
    "assigned_customers",
    "campaign",
    "campaign_outcomes",
    "finished_campaigns",
    "has_assignment",
    "measuring_days",
    "outcomes_of",
]


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
        A balance stands until the customer's next one (a bank may deliver only changes) or the account's closing,
        as everywhere in the metrics; who has none by then holds 0. Columns are null for all where the bank has no
        balance day to read (not yet, or no longer).

    Raises
    ------
    ValueError
        If the campaign is unknown, has no assignment, or its window is not over by the day that is looked at.
    """
    return outcomes_of(
        bank,
        campaign(bank, campaign_id),
        assigned_customers(bank, campaign_id),
        window_days=window_days,
        before_days=before_days,
        after_days=after_days,
    )


def outcomes_of(
    bank: Bank,
    of: Campaign,
    assigned: ir.Table,
    *,
    window_days: int = 28,
    before_days: int = 28,
    after_days: int = 0,
) -> ir.Table:
    """Outcomes of given customers in a campaign's windows, as :func:`campaign_outcomes` returns them.

    Parameters
    ----------
    assigned : lazy Ibis table with ``customer_id, arm, branch, propensity, assigned_at``
    """
    import ibis

    for name, value, least in (("window_days", window_days, 1), ("before_days", before_days, 1)):
        if value < least:
            raise SpokenError(
                Text(f"{name} must be at least {least}, not {value}", f"{name} 应不小于 {least}，现为 {value}")
            )
    if after_days < 0:
        raise SpokenError(
            Text(f"after_days must be 0 or more, not {after_days}", f"after_days 应不小于 0，现为 {after_days}")
        )
    last = of.last_day(window_days + after_days)
    if last > bank.as_of:
        raise SpokenError(
            Text(
                f"campaign {of.campaign_id}: the window of {window_days + after_days} days ends on {last}, "
                f"after the last day that is seen, {bank.as_of}; choose a later as_of or fewer days",
                f"活动 {of.campaign_id}：{window_days + after_days} 天的窗口至 {last} 结束，"
                f"晚于数据可见的最后一日 {bank.as_of}；请选更晚的 as_of 或减少天数",
            )
        )
    table = assigned.left_join(_activity(bank, of, assigned, window_days, before_days, after_days), "customer_id").drop(
        "customer_id_right"
    )
    days = measuring_days(bank, of, window_days=window_days)
    table = table.left_join(_money(bank, days, assigned), "customer_id").drop("customer_id_right")
    for costs in (_touches(bank, of.campaign_id), _rewards(bank, of.campaign_id)):
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
        raise SpokenError(
            Text(
                f"campaign {campaign_id}: the bank has no table assignments, so arms can't be compared",
                f"活动 {campaign_id}：银行数据中没有表 assignments，无法比较各分组",
            )
        )
    mine = bank.assignments.filter(lambda t: t.campaign_id == campaign_id)
    mine = mine.select("customer_id", "arm", "propensity", "assigned_at")
    if int(mine.count().execute()) == 0:
        raise SpokenError(
            Text(
                f"campaign {campaign_id} has no row in assignments, so arms can't be compared",
                f"活动 {campaign_id} 在 assignments 中没有记录，无法比较各分组",
            )
        )
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
    """Read what customers held on the measuring days and what flowed in between, one row a customer."""
    import ibis

    balances = bank.balances.semi_join(assigned, "customer_id")
    wanted = [day for day in (days.before, days.after, *days.base, *days.durable) if day is not None]
    if not wanted:  # no balance day to read: nobody has a row
        return balances.select("customer_id").limit(0)
    held = at_days(balances, wanted, customers=bank.customers)

    def on(*chosen: date | None) -> Any:
        given = [day for day in chosen if day is not None]
        return ibis.cases((held.day.isin(given), held.aum), else_=0.0) if given else held.aum * 0.0

    sums: dict[str, Any] = {
        "aum_before": on(days.before).sum(),
        "aum_after": on(days.after).sum(),
        "aum_base": on(*days.base).max(),
        # a customer who has no balance yet held nothing: divide by the balance days, not by the rows
        "aum_kept": exact_sum(on(*days.durable)) / max(len(days.durable), 1),
    }
    money = held.group_by("customer_id").aggregate(**sums)
    if "net_inflow" not in balances.columns or days.before is None or days.after is None:
        return money
    flows = new_money(balances, days.before, days.after, customers=bank.customers)
    return money.left_join(flows, "customer_id").drop("customer_id_right")


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
    return mine.group_by("customer_id").aggregate(**{cost: exact_sum(mine.cost), count: mine.count()})
