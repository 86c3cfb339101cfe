"""When customers are active: hours of the day and days of the week, with intervals that know whose hours they are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri

from helpers.findings import SpokenError, Text

if TYPE_CHECKING:
    import ibis.expr.types as ir

HOURS_DAYS = 90
ALL = -1


def active_hours(
    activity: ir.Table, customers: ir.Table, *, as_of: date, recent_days: int = HOURS_DAYS, alpha: float = 0.05
) -> pd.DataFrame:
    """When a group is active: share of its active hours that fall into each hour of each weekday.

    Counted are distinct customer, day and hour: who clicks fifty times at noon counts once for that noon. Intervals
    treat the customer as the unit (the hours of one person go together), by linearisation of the ratio.

    Parameters
    ----------
    activity, customers : lazy Ibis tables
        Canonical; only activity of these customers counts.
    as_of : date
        Last day.
    recent_days : int
        Days up to ``as_of`` that are counted.

    Returns
    -------
    DataFrame, 199 rows: 168 of a weekday and hour, 24 of an hour (all days), 7 of a weekday (all hours)
        ``weekday`` (0 Monday … 6 Sunday, −1 all), ``hour`` (0–23, −1 all), ``visits`` (customer-hours), ``share`` (of
        the group's customer-hours), ``lower``, ``upper``. ``attrs``: ``n_customers`` (active ones), ``visits``,
        ``has_hours`` (False where every event stands at midnight: the log knows days only).
    """
    import ibis

    if isinstance(recent_days, bool) or not isinstance(recent_days, int | np.integer) or recent_days < 1:
        raise SpokenError(
            Text(
                f"recent_days must be a whole number of days, at least 1, not {recent_days!r}",
                f"recent_days 应为不小于 1 的整数（天），现为 {recent_days!r}",
            )
        )
    first = ibis.literal(as_of - timedelta(days=int(recent_days) - 1))
    when = activity.occurred_at
    hours = (
        activity.select(customer_id=activity.customer_id, day=when.date(), hour=when.hour())
        .filter(lambda t: t.day >= first)
        .distinct()
        .semi_join(customers, "customer_id")
    )
    hours = hours.select("customer_id", "hour", weekday=hours.day.day_of_week.index())
    each = hours.group_by("customer_id").aggregate(total=lambda t: t.count().cast("float64"))
    parts = [
        _hour_sums(hours, each),
        _hour_sums(hours.mutate(weekday=ibis.literal(ALL)), each),
        _hour_sums(hours.mutate(hour=ibis.literal(ALL)), each),
    ]
    sums = (
        each.aggregate(n=each.count(), total=each.total.sum(), squares=(each.total * each.total).sum())
        .to_pandas()
        .iloc[0]
        .fillna(0)
    )
    cells = [(weekday, hour) for weekday in range(7) for hour in range(24)]
    cells += [(ALL, hour) for hour in range(24)] + [(weekday, ALL) for weekday in range(7)]
    grid = pd.MultiIndex.from_tuples(cells, names=["weekday", "hour"])
    found = pd.concat(parts).set_index(["weekday", "hour"])
    table = found.reindex(grid, fill_value=0).reset_index()
    n, total = int(sums["n"]), float(sums["total"])
    share = table["visits"] / total if total else pd.Series(np.nan, index=table.index)
    spread = table["squares"] - 2 * share * table["products"] + share**2 * sums["squares"]
    error = np.sqrt(np.maximum(spread, 0) * (n / (n - 1) if n > 1 else np.nan)) / total if total else np.nan
    z = ndtri(1 - alpha / 2)
    result = table[["weekday", "hour"]].assign(
        visits=table["visits"].astype(np.int64),
        share=share,
        lower=np.maximum(share - z * error, 0.0),
        upper=np.minimum(share + z * error, 1.0),
    )
    result.attrs.update(
        n_customers=n, visits=int(total), has_hours=bool((result["visits"][result["hour"] > 0] > 0).any())
    )
    return result


def _hour_sums(hours: ir.Table, each: ir.Table) -> pd.DataFrame:
    """Per weekday and hour: visits, sum of squares per customer, sum of products with the customer's total."""
    own = hours.group_by("customer_id", "weekday", "hour").aggregate(x=lambda t: t.count().cast("float64"))
    rows = own.inner_join(each, "customer_id")
    return (
        rows.group_by("weekday", "hour")
        .aggregate(
            visits=rows.x.sum(),
            squares=(rows.x * rows.x).sum(),
            products=(rows.x * rows.total).sum(),
        )
        .to_pandas()
    )
