"""Who could still be won, woken up or lost: the pools that the levers of MAU draw from, by branch."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import ibis
import pandas as pd

from helpers.metrics import months
from helpers.metrics.activity.days import customer_days, in_months

if TYPE_CHECKING:
    import ibis.expr.types as ir

POOLS = ("customers", "active", "recently_new", "sleepers", "never_active")


def activity_pools(
    activity: ir.Table,
    customers: ir.Table,
    *,
    by: str = "branch",
    as_of: date | None = None,
    recent_months: int = 6,
) -> pd.DataFrame:
    """Count the customers of each branch by what the app has seen of them up to the last whole month.

    Parameters
    ----------
    activity, customers : lazy Ibis tables (canonical schemas)
    by : str
        Column of ``customers``; an empty value is a group of its own, ``None``.
    as_of : date, optional
        Last day that is seen.
    recent_months : int
        Months that ``recently_new`` looks back over.

    Returns
    -------
    DataFrame, one row a group, largest first
        the ``by`` column; ``customers`` who had joined by the end of the last whole month and not closed; of them
        ``active`` in that month, ``sleepers`` active before but not in it (also those who joined before the log and
        were never seen in it), ``never_active`` joined within the log and never seen; and ``recently_new``, those of
        ``active`` or ``sleepers`` first seen in the last ``recent_months``.
    """
    if by not in customers.columns:
        raise KeyError(f"customers has no column {by!r}; it has {', '.join(customers.columns)}")
    days = customer_days(activity)
    whole = months.complete_in(days, "day", as_of=as_of)
    if not whole:
        return pd.DataFrame(columns=[by, *POOLS])
    end = months.end_of(whole[-1])
    recent = max(months.add(whole[-1], 1 - recent_months), whole[0])
    seen = in_months(days, whole)
    lives = seen.group_by("customer_id").aggregate(first=seen.month.min(), last=seen.month.max())
    lives = lives.rename(seen_id="customer_id")
    closed = customers.closed_date.cast("date") if "closed_date" in customers.columns else ibis.null("date")
    people = customers.select(
        "customer_id",
        group=customers[by],
        joined=customers.joined_date.cast("date"),
        closed=ibis.coalesce(closed, ibis.literal(date(9999, 1, 1))),
    )
    people = people.filter((people.joined <= ibis.literal(end)) & (people.closed > ibis.literal(end)))
    table = people.left_join(lives, people.customer_id == lives.seen_id)
    far = ibis.literal(date(1, 1, 1))
    last, first = ibis.coalesce(table["last"], far), ibis.coalesce(table["first"], far)
    is_active = last == ibis.literal(whole[-1])
    was_seen = last > far
    within_log = table.joined >= ibis.literal(whole[0])
    counted = (
        table.mutate(
            is_active=is_active.cast("int64"),
            is_new=(was_seen & within_log & (first >= ibis.literal(recent))).cast("int64"),
            is_sleeper=((was_seen & ~is_active) | (~was_seen & ~within_log)).cast("int64"),
            is_never=(~was_seen & within_log).cast("int64"),
        )
        .group_by("group")
        .aggregate(
            customers=lambda t: t.count(),
            active=lambda t: t.is_active.sum(),
            recently_new=lambda t: t.is_new.sum(),
            sleepers=lambda t: t.is_sleeper.sum(),
            never_active=lambda t: t.is_never.sum(),
        )
        .to_pandas()
        .rename(columns={"group": by})
    )
    counted[list(POOLS)] = counted[list(POOLS)].astype("int64")
    return counted.sort_values(["customers", by], ascending=[False, True], ignore_index=True)[[by, *POOLS]]
