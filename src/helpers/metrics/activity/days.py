"""Who was active on which day: the distinct customer-days that every activity count starts from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import ibis

from helpers.metrics import months

if TYPE_CHECKING:
    import ibis.expr.types as ir


def customer_days(activity: ir.Table) -> ir.Table:
    """Distinct (customer, day) pairs of an activity log; repeated and late rows change nothing.

    Parameters
    ----------
    activity : lazy Ibis table (schema `Activity`)
        Every row is a qualifying action; filter it first if only some events qualify. A table that has been through
        this function already is returned as it is, so that a notebook may keep the pairs and count from them.

    Returns
    -------
    lazy Ibis table
        ``customer_id``, ``day`` (date).

    Raises
    ------
    KeyError
        If neither ``occurred_at`` nor ``day`` is a column.
    """
    if "day" in activity.columns and "customer_id" in activity.columns:
        return activity.select("customer_id", "day")
    if "occurred_at" not in activity.columns or "customer_id" not in activity.columns:
        raise KeyError(f"activity needs customer_id and occurred_at; it has {', '.join(activity.columns)}")
    day = activity.occurred_at if activity.occurred_at.type().is_date() else activity.occurred_at.date()
    return activity.select(customer_id=activity.customer_id, day=day).distinct()


def customer_months(activity: ir.Table, *, as_of: date | None = None) -> ir.Table:
    """Distinct (customer, month) pairs of the months that the log covers whole, with the days active in each.

    Parameters
    ----------
    activity : lazy Ibis table (schema `Activity`, or :func:`customer_days`)
    as_of : date, optional
        Last day that is seen; an unfinished last month is left out. By default the log's last day.

    Returns
    -------
    lazy Ibis table
        ``customer_id``, ``month`` (date, its first day), ``active_days`` (1–31).
    """
    days = customer_days(activity)
    whole = months.complete_in(days, "day", as_of=as_of)
    return in_months(days, whole)


def in_months(days: ir.Table, whole: list[date]) -> ir.Table:
    """Customer-days of given months, counted by month; an empty list gives an empty table."""
    seen = (
        days.filter((days.day >= ibis.literal(whole[0])) & (days.day <= ibis.literal(months.end_of(whole[-1]))))
        if whole
        else days.filter(ibis.literal(False))
    )
    return (
        seen.mutate(month=seen.day.truncate("M").cast("date"))
        .group_by("customer_id", "month")
        .aggregate(active_days=lambda t: t.count())
    )
