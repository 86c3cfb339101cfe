"""What a customer holds at a month's end or on a day: the last balance by then, carried on until the account closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.metrics import months
from helpers.metrics.exact import exact_sum

if TYPE_CHECKING:
    import ibis.expr.types as ir

_FAR = date(9999, 1, 1)


def customer_month_ends(
    balances: ir.Table, *, customers: ir.Table | None = None, as_of: date | None = None
) -> ir.Table:
    """Assets of every customer at the end of every whole month.

    A month without a balance row keeps the last one known (a bank may deliver only changes); from the month of
    ``closed_date`` on the assets are 0.

    Parameters
    ----------
    balances : lazy Ibis table (schema `Balances`)
    customers : lazy Ibis table (schema `Customers`), optional
        For ``closed_date``, if the bank has it.
    as_of : date, optional
        Last day that is seen; an unfinished last month is left out. By default the last balance day.

    Returns
    -------
    lazy Ibis table
        ``customer_id``, ``month`` (date, its first day), ``aum`` (money, end of month), ``net_inflow`` (money, of the
        month; null where the bank doesn't deliver it), ``is_carried`` (no row of that month).
    """
    return at_months(balances, whole_months(balances, as_of=as_of), customers=customers).drop("taken")


def whole_months(balances: ir.Table, *, as_of: date | None = None) -> list[date]:
    """List the months whose end the balances reach: month-end snapshots count from the month of the first one."""
    row = balances.aggregate(first=balances.balance_date.min(), last=balances.balance_date.max()).to_pandas().iloc[0]
    if row["first"] is None or row["first"] != row["first"]:
        return []
    first, last = pd.Timestamp(row["first"]).date(), pd.Timestamp(row["last"]).date()
    until = as_of or last
    # The last working day stands for the month's end where banks close their books on it.
    return months.complete(months.start_of(first), months.end_of(last), as_of=until)


def at_months(balances: ir.Table, whole: list[date], *, customers: ir.Table | None = None) -> ir.Table:
    """Month-end assets in given months (see :func:`customer_month_ends`).

    Beside them ``taken``: money that stood when the account was closed in that month, its outflow not delivered.
    """
    grid = month_frame(whole)
    rows = until_closing(balances, customers)
    by_month = rows.mutate(month=rows.balance_date.truncate("M").cast("date"))
    if "net_inflow" not in balances.columns:
        by_month = by_month.mutate(net_inflow=ibis.null("float64"))
    ends = by_month.group_by("customer_id", "month").aggregate(
        aum=by_month.aum.argmax(by_month.balance_date),
        net_inflow=exact_sum(by_month.net_inflow),
    )
    spread = _carried(ends.rename(row_month="month"), grid, since="row_month", at="month")
    table = spread.select(
        customer_id=spread.customer_id,
        month=spread.month,
        aum=spread.aum,
        net_inflow=ibis.cases((spread.month == spread.row_month, spread.net_inflow), else_=ibis.null("float64")),
        is_carried=spread.month != spread.row_month,
        taken=ibis.literal(0.0),
    )
    return _until_closed(
        table,
        customers,
        lambda t, closed: closed.truncate("M").cast("date") <= t.month,
        taken=lambda t, closed: ibis.cases((closed.truncate("M").cast("date") == t.month, t.aum), else_=0.0),
    )


def at_days(balances: ir.Table, days: Sequence[date], *, customers: ir.Table | None = None) -> ir.Table:
    """What every customer holds on given days: the last balance known by then (a bank may deliver only changes).

    Parameters
    ----------
    balances : lazy Ibis table (schema `Balances`)
    days : sequence of date, at least one
    customers : lazy Ibis table (schema `Customers`), optional
        For ``closed_date``, if the bank has it: from that day on a customer holds 0.

    Returns
    -------
    lazy Ibis table
        ``customer_id``, ``day``, ``aum`` (money); no row of a customer who has no balance by that day.

    Raises
    ------
    ValueError
        If no day is given.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "a", "b"], "aum": [10.0, 30.0, 5.0],
    ...     "balance_date": pd.to_datetime(["2025-01-31", "2025-03-31", "2025-02-28"])})
    >>> held = at_days(ibis.memtable(rows), [date(2025, 2, 28), date(2025, 3, 31)]).to_pandas()
    >>> held.sort_values(["customer_id", "day"])["aum"].tolist()
    [10.0, 30.0, 5.0, 5.0]
    """
    if not days:
        raise ValueError("days: none is given; at least one is needed")
    ordered = sorted(set(days))
    rows = balances.filter(balances.balance_date.cast("date") <= ibis.literal(ordered[-1]))
    # Rows are first gathered up to each of the days: what is carried from one day to the next is a row a day then.
    upto = _first_not_before(rows.balance_date.cast("date"), ordered)
    ends = rows.group_by("customer_id", since=upto).aggregate(aum=rows.aum.argmax(rows.balance_date))
    frame = ibis.memtable(pd.DataFrame({"day": pd.to_datetime(ordered)}))
    spread = _carried(ends, frame.select(day=frame.day.cast("date")), since="since", at="day")
    table = spread.select("customer_id", "day", "aum")
    return _until_closed(table, customers, lambda t, closed: closed <= t.day)


def held_on(balances: ir.Table, days: Mapping[str, date], *, customers: ir.Table | None = None) -> ir.Table:
    """What every customer holds on named days, as :func:`at_days` tells it: one row a customer, one column a name.

    Returns
    -------
    lazy Ibis table
        ``customer_id`` and a column (money) for each name, 0 before the customer's first balance; no row of a customer
        who has none by the last of the days.
    """
    held = at_days(balances, list(days.values()), customers=customers)
    on = {name: ibis.cases((held.day == ibis.literal(day), held.aum), else_=0.0).sum() for name, day in days.items()}
    return held.group_by("customer_id").aggregate(**on)


def balance_days(balances: ir.Table) -> list[date]:
    """List the days of which the bank has balances, the earliest first."""
    days = balances.select(day=balances.balance_date.cast("date")).distinct().execute()["day"]
    return sorted(pd.to_datetime(days).dt.date)


def _first_not_before(day: ir.DateValue, ordered: list[date]) -> ir.DateValue:
    """Find the first of the ordered days that is not before each value, none later than the last, by halving."""
    if len(ordered) == 1:
        return ibis.literal(ordered[0])
    half = len(ordered) // 2
    is_early = day <= ibis.literal(ordered[half - 1])
    return is_early.ifelse(_first_not_before(day, ordered[:half]), _first_not_before(day, ordered[half:]))


def _carried(ends: ir.Table, grid: ir.Table, *, since: str, at: str) -> ir.Table:
    """Let each row of a customer stand from ``since`` until the customer's next one, at every point of a grid."""
    row = ibis.window(group_by=ends.customer_id, order_by=ends[since])
    ends = ends.mutate(until=ibis.coalesce(ends[since].lead().over(row), ibis.literal(_FAR)))
    return ends.inner_join(grid, (grid[at] >= ends[since]) & (grid[at] < ends.until))


def until_closing(balances: ir.Table, customers: ir.Table | None) -> ir.Table:
    """Leave out rows dated after an account's closing, but for the one that settles it: 0 with its outflow."""
    joined = _with_closing(balances, customers)
    if joined is None:
        return balances
    settles = joined.aum == 0
    if "net_inflow" in balances.columns:
        settles &= joined.net_inflow.notnull()
    return joined.filter((joined.balance_date.cast("date") <= joined.closed) | settles).select(*balances.columns)


def new_money(balances: ir.Table, before: date, after: date, *, customers: ir.Table | None = None) -> ir.Table:
    """What flowed in after one day up to another; who closed the account in between took out what was left.

    Parameters
    ----------
    balances : lazy Ibis table (schema `Balances`, with ``net_inflow``)
    before, after : date
        The first is left out, the last counts.
    customers : lazy Ibis table (schema `Customers`), optional
        For ``closed_date``.

    Returns
    -------
    lazy Ibis table
        ``customer_id``, ``new_money`` (money, outflows negative); a flow that is not delivered counts as 0.
    """
    rows = until_closing(balances, customers)
    rows = rows.filter(rows.balance_date <= ibis.literal(after))
    inside = rows.balance_date > ibis.literal(before)
    flows = rows.group_by("customer_id").aggregate(
        inflow=exact_sum(ibis.cases((inside, rows.net_inflow.fill_null(0.0)), else_=0.0)),
        left=rows.aum.argmax(rows.balance_date),
    )
    joined = _with_closing(flows, customers)
    if joined is None:
        return flows.select("customer_id", new_money=flows.inflow)
    money = ibis.cases(
        (joined.closed <= ibis.literal(before), 0.0),
        (joined.closed <= ibis.literal(after), joined.inflow - joined.left),
        else_=joined.inflow,
    )
    return joined.select("customer_id", new_money=money)


def totals_by_day(balances: ir.Table, days: Sequence[date], *, customers: ir.Table | None = None) -> pd.Series:
    """Assets of all customers on given days, each holding the last balance known until the account closes.

    Parameters
    ----------
    balances : lazy Ibis table (schema `Balances`)
    days : sequence of date, in their order
    customers : lazy Ibis table (schema `Customers`), optional
        For ``closed_date``.

    Returns
    -------
    Series of money by day
    """
    joined = _with_closing(balances, customers)
    rows = balances if joined is None else joined.filter(joined.balance_date.cast("date") <= joined.closed)
    # Sums of what changed add up to what is held: nobody's balance has to be repeated for every day.
    earlier = rows.aum.lag().over(ibis.window(group_by=rows.customer_id, order_by=rows.balance_date))
    change = rows.select(day=rows.balance_date.cast("date"), change=rows.aum - ibis.coalesce(earlier, 0.0))
    if joined is not None:
        ends = rows.filter(rows.closed < ibis.literal(_FAR)).group_by("customer_id", "closed")
        ends = ends.aggregate(left=lambda t: t.aum.argmax(t.balance_date))
        change = change.union(ends.select(day=ends.closed, change=-ends.left))
    by_day = change.group_by("day").aggregate(change=exact_sum(change.change)).to_pandas()
    by_day = by_day.assign(day=pd.to_datetime(by_day["day"]).dt.date).set_index("day")["change"].sort_index()
    return by_day.cumsum().reindex(days, method="ffill")


def _with_closing(table: ir.Table, customers: ir.Table | None) -> ir.Table | None:
    """Join ``closed``, a day never reached where the account is open; None where the bank tells no closings."""
    if customers is None or "closed_date" not in customers.columns:
        return None
    closing = customers.select(closing_id=customers.customer_id, closing=customers.closed_date.cast("date"))
    joined = table.left_join(closing, table.customer_id == closing.closing_id)
    return joined.mutate(closed=ibis.coalesce(joined.closing, ibis.literal(_FAR))).drop("closing_id", "closing")


def _until_closed(
    table: ir.Table,
    customers: ir.Table | None,
    is_gone: Callable[[ir.Table, ir.Value], ir.Value],
    **more: Callable[[ir.Table, ir.Value], ir.Value],
) -> ir.Table:
    """Put 0 for the assets of those whose account is closed by then; without ``closed_date`` nothing is known of it."""
    joined = _with_closing(table, customers)
    if joined is None:
        return table
    others = {name: of(joined, joined.closed) for name, of in more.items()}
    aum = ibis.cases((is_gone(joined, joined.closed), 0.0), else_=joined.aum)
    return joined.mutate(aum=aum, **others).select(*table.columns)


def month_frame(whole: list[date]) -> ir.Table:
    """A tiny table of months (``month``, ``month_end``, ``position``) to join with."""
    frame = pd.DataFrame(
        {
            "month": pd.to_datetime(whole),
            "month_end": pd.to_datetime([months.end_of(m) for m in whole]),
            "position": pd.array(range(len(whole)), dtype="int64"),
        }
    )
    table = ibis.memtable(frame)
    return table.select(month=table.month.cast("date"), month_end=table.month_end.cast("date"), position=table.position)
