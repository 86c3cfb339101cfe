"""Customers, their activity and their assets side by side: the factors that a change of AUM is split over."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.metrics import months
from helpers.metrics.activity import customer_days
from helpers.metrics.activity.days import in_months
from helpers.metrics.assets.balances import at_months, month_frame, whole_months
from helpers.metrics.exact import exact_sum

if TYPE_CHECKING:
    import ibis.expr.types as ir

COLUMNS = ["month", "is_active", "customers", "holders", "aum", "overdrafts"]


def asset_factors(
    activity: ir.Table,
    balances: ir.Table,
    customers: ir.Table,
    *,
    as_of: date | None = None,
    by: tuple[str, ...] = (),
) -> pd.DataFrame:
    """Count customers, holders and assets of every whole month, those active in it apart from the others.

    Parameters
    ----------
    activity, balances, customers : lazy Ibis tables (canonical schemas)
    as_of : date, optional
        Last day that is seen.
    by : tuple of str
        Further columns of ``customers`` to count by, e.g. ``("branch",)``.

    Returns
    -------
    DataFrame, one row a month, the ``by`` columns and ``is_active``
        ``month``; ``is_active`` in that month; ``customers`` who had joined by its end and not closed;
        ``holders`` of them with assets above 0; ``aum`` (money, end of month); ``overdrafts``, the part of it below 0
        (at most 0; only where the bank nets overdrafts).
    """
    days = customer_days(activity)
    active_months = months.complete_in(days, "day", as_of=as_of)
    whole = [m for m in whole_months(balances, as_of=as_of) if m in set(active_months)]
    if not whole:
        return pd.DataFrame(columns=["month", *by, *COLUMNS[1:]])
    grid = month_frame(whole)
    closed = customers.closed_date.cast("date") if "closed_date" in customers.columns else ibis.null("date")
    people = customers.select(
        "customer_id",
        *by,
        joined=customers.joined_date.cast("date"),
        closed=ibis.coalesce(closed, ibis.literal(date.max)),
    )
    base = people.inner_join(grid, (people.joined <= grid.month_end) & (people.closed > grid.month_end))
    base = base.select("customer_id", "month", *by)
    active = in_months(days, whole).select(active_id="customer_id", active_month="month", was_active=ibis.literal(True))
    held = at_months(balances, whole, customers=customers).select(held_id="customer_id", held_month="month", held="aum")
    joined = base.left_join(active, [base.customer_id == active.active_id, base.month == active.active_month])
    joined = joined.left_join(held, [joined.customer_id == held.held_id, joined.month == held.held_month])
    joined = joined.mutate(is_active=ibis.coalesce(joined.was_active, False), held=ibis.coalesce(joined.held, 0.0))
    table = (
        joined.group_by("month", *by, "is_active")
        .aggregate(
            customers=joined.count(),
            holders=(joined.held > 0).cast("int64").sum(),
            aum=exact_sum(joined.held),
            overdrafts=exact_sum(ibis.least(joined.held, 0.0)),
        )
        .to_pandas()
    )
    table["month"] = [months.write(pd.Timestamp(m).date()) for m in table["month"]]
    return table[["month", *by, *COLUMNS[1:]]].sort_values(["month", *by, "is_active"], ignore_index=True)
