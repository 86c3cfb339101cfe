"""What a customer holds at a month's end or on a day: the last balance by then, carried on until the account closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    return at_months(balances, whole_months(balances, as_of=as_of), customers=customers)


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
    """Month-end assets in given months (see :func:`customer_month_ends`)."""
    grid = month_frame(whole)
    by_month = balances.mutate(month=balances.balance_date.truncate("M").cast("date"))
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
    )
    return _until_closed(table, customers, lambda t, closed: closed.truncate("M").cast("date") <= t.month)


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

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "a", "b"], "aum": [10.0, 30.0, 5.0],
    ...     "balance_date": pd.to_datetime(["2025-01-31", "2025-03-31", "2025-02-28"])})
    >>> held = at_days(ibis.memtable(rows), [date(2025, 2, 28), date(2025, 3, 31)]).to_pandas()
    >>> held.sort_values(["customer_id", "day"])["aum"].tolist()
    [10.0, 30.0, 5.0, 5.0]
    """
    ordered = sorted(set(days))
    rows = balances.filter(balances.balance_date.cast("date") <= ibis.literal(ordered[-1]))
    # Rows are first gathered up to each of the days: what is carried from one day to the next is a row a day then.
    upto = _first_not_before(rows.balance_date.cast("date"), ordered)
    ends = rows.group_by("customer_id", since=upto).aggregate(aum=rows.aum.argmax(rows.balance_date))
    frame = ibis.memtable(pd.DataFrame({"day": pd.to_datetime(ordered)}))
    spread = _carried(ends, frame.select(day=frame.day.cast("date")), since="since", at="day")
    table = spread.select("customer_id", "day", "aum")
    return _until_closed(table, customers, lambda t, closed: closed <= t.day)


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


def _until_closed(
    table: ir.Table, customers: ir.Table | None, is_gone: Callable[[ir.Table, ir.Value], ir.Value]
) -> ir.Table:
    """Put 0 for the assets of those whose account is closed by then; without ``closed_date`` nothing is known of it."""
    if customers is None or "closed_date" not in customers.columns:
        return table
    closing = customers.select(closing_id=customers.customer_id, closed=customers.closed_date.cast("date"))
    joined = table.left_join(closing, table.customer_id == closing.closing_id)
    gone = is_gone(joined, ibis.coalesce(joined.closed, ibis.literal(_FAR)))
    return joined.mutate(aum=ibis.cases((gone, 0.0), else_=joined.aum)).select(*table.columns)


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
