"""Growth accounting of MAU: last month's customers, those who came, came back, stayed and went."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from helpers.metrics import months
from helpers.metrics.activity.days import customer_days, in_months

if TYPE_CHECKING:
    import ibis.expr.types as ir

COLUMNS = ["month", "mau_before", "mau_new", "new_left_censored", "activated_later", "mau_retained", "mau_resurrected"]
COLUMNS += ["mau_churned", "mau", "mau_change", "quick_ratio", "month_retention"]


def mau_bridge(activity: ir.Table, *, customers: ir.Table | None = None, as_of: date | None = None) -> pd.DataFrame:
    """Growth accounting of calendar MAU, month by month, in sums that are exact.

    ``mau = mau_new + mau_retained + mau_resurrected`` and ``mau_before = mau_retained + mau_churned``, so the change is
    ``mau_new + mau_resurrected − mau_churned``. “New” is the first qualifying action in the log. Where the log starts
    after people had joined, some of the “new” may be old customers who come back: they are counted in
    ``new_left_censored``, and the truly new lie between ``mau_new − new_left_censored`` and ``mau_new``. The quick
    ratio does not depend on it.

    Parameters
    ----------
    activity : lazy Ibis table (schema `Activity`)
        Filter it first if only some events qualify.
    customers : lazy Ibis table (schema `Customers`), optional
        With it, first-timers are told apart by the day they joined; without it none of “new” is known for sure.
    as_of : date, optional
        Last day that is seen; only months finished by then are counted.

    Returns
    -------
    DataFrame, one row a month from the second whole month on
        ``month``, ``mau_before``, ``mau_new`` (of them ``new_left_censored``: joined before the log or not known when;
        of them ``activated_later``: joined in an earlier month, within the log, and came for the first time now),
        ``mau_retained``, ``mau_resurrected``, ``mau_churned``, ``mau``, ``mau_change``, ``quick_ratio`` (NaN if nobody
        churned),
        ``month_retention`` = mau_retained ÷ mau_before (share).

    References
    ----------
    Jonathan Hsu (2015), Social Capital, “Diligence at Social Capital: accounting for user growth”.

    Examples
    --------
    >>> seen = {"2025-01-05": "abcdef", "2025-02-05": "abcgh", "2025-03-31": "abdgij"}
    >>> log = pd.DataFrame([(c, pd.Timestamp(d)) for d, who in seen.items() for c in who],
    ...     columns=["customer_id", "occurred_at"])
    >>> mau_bridge(ibis.memtable(log))[["mau_new", "mau_retained", "mau_resurrected", "mau_churned"]].values.tolist()
    [[2, 3, 0, 3], [2, 3, 1, 2]]
    """
    days = customer_days(activity)
    whole = months.complete_in(days, "day", as_of=as_of)
    if len(whole) < 2:
        return pd.DataFrame(columns=COLUMNS)
    seen = steps_between(days, whole, customers=customers)
    index = pd.Index([months.write(m) for m in whole], name="month")
    first = seen["previous"].isna()
    kept = seen["previous"].eq(seen["month"] - 1)

    def by_month(rows: pd.Series) -> np.ndarray:
        found = seen.loc[rows, "customers"].groupby(seen["month"]).sum()
        return found.reindex(range(len(whole)), fill_value=0).to_numpy(dtype="int64")

    table = pd.DataFrame(index=index)
    table["mau"] = by_month(first | ~first)
    table["mau_new"] = by_month(first)
    table["new_left_censored"] = by_month(first & seen["origin"].eq("before_log"))
    table["activated_later"] = by_month(first & seen["origin"].eq("earlier"))
    table["mau_retained"] = by_month(kept)
    table["mau_resurrected"] = table["mau"] - table["mau_new"] - table["mau_retained"]
    table["mau_before"] = table["mau"].shift(1, fill_value=0)
    table["mau_churned"] = table["mau_before"] - table["mau_retained"]
    table["mau_change"] = table["mau"] - table["mau_before"]
    came = (table["mau_new"] + table["mau_resurrected"]).astype(float)
    table["quick_ratio"] = came / table["mau_churned"].where(table["mau_churned"] > 0)
    table["month_retention"] = table["mau_retained"] / table["mau_before"].where(table["mau_before"] > 0)
    # The first whole month has no month before it: everybody would be “new”.
    return table.iloc[1:].reset_index()[COLUMNS]


def steps_between(days: ir.Table, whole: list[date], *, customers: ir.Table | None = None) -> pd.DataFrame:
    """Count customers by month of activity, previous and next month of activity: all that bridge and chain need.

    Parameters
    ----------
    days : lazy Ibis table (:func:`customer_days`)
    whole : list of date
        Months that the log covers whole, oldest first.
    customers : lazy Ibis table, optional

    Returns
    -------
    DataFrame, one row a combination that occurs
        ``month``, ``previous``, ``next`` (positions in ``whole``; ``previous`` and ``next`` NaN if there is none),
        ``origin`` (of the customer: ``before_log`` joined before the log or unknown, ``same`` joined in the month of
        the first activity, ``earlier`` joined within the log in an earlier month than that), ``customers``.
    """
    pairs = in_months(days, whole)
    base = whole[0].year * 12 + whole[0].month - 1
    number = pairs.month.year().cast("int64") * 12 + pairs.month.month().cast("int64") - 1 - base
    numbered = pairs.select(customer_id=pairs.customer_id, position=number)
    row = ibis.window(group_by=numbered.customer_id, order_by=numbered.position)
    steps = numbered.mutate(
        previous=numbered.position.lag().over(row),
        next=numbered.position.lead().over(row),
        first=numbered.position.min().over(ibis.window(group_by=numbered.customer_id)),
    )
    if customers is None:
        steps = steps.mutate(origin=ibis.literal("before_log"))
    else:
        joined = customers.joined_date.cast("date")
        known = customers.select(
            known_id=customers.customer_id,
            joined=joined.year().cast("int64") * 12 + joined.month().cast("int64") - 1 - base,
        )
        steps = steps.left_join(known, steps.customer_id == known.known_id)
        steps = steps.mutate(
            origin=ibis.cases(
                (ibis.coalesce(steps.joined, -1) < 0, "before_log"),
                (steps.joined < steps["first"], "earlier"),
                else_="same",
            )
        )
    counted = steps.group_by(month=steps.position, previous=steps.previous, next=steps.next, origin=steps.origin)
    table = counted.aggregate(customers=lambda t: t.count()).to_pandas()
    for column in ("previous", "next"):
        table[column] = table[column].astype("float64")
    return table.sort_values(["month", "previous", "next", "origin"], ignore_index=True)
