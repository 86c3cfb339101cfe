"""The cohort triangle: who joined together, and what share of them was active in each period since.

Periods run from each customer's own day of joining (not calendar months, which give the one who joined on the 30th
a month of one day), and a customer counts in a period only when the period is over: a cell is a share of
those who had the time, and one whose youngest members had not is masked.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.findings import SpokenError, Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

PERIOD_DAYS = 30
COLUMNS = (
    "cohort",
    "period",
    "customers",
    "n_eligible",
    "n_immature",
    "active",
    "is_mature",
    "retained",
    "lower",
    "upper",
)


def cohort_triangle(
    activity: ir.Table,
    customers: ir.Table,
    *,
    as_of: date,
    log_start: date,
    period_days: int = PERIOD_DAYS,
    max_periods: int = 12,
    min_group_size: int = MIN_GROUP_SIZE,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Count activity by month of joining and period since joining (“N-period” retention).

    Parameters
    ----------
    activity, customers : lazy Ibis tables
        Canonical; customers may be a segment. Who joined before the log starts is left out (their first periods were
        not watched) and counted in ``attrs["n_before_log"]``.
    as_of, log_start : date
        Last and first day that is seen.
    period_days : int
        Length of a period; period 0 begins on the day of joining.
    max_periods : int
        Periods shown after period 0.
    min_group_size : int
        Cohorts smaller than this are not shown singly: joined with the next ones until they are large enough.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame, one row a cohort and period
        ``cohort`` (month of joining; months that were joined together as ``2024-01…2024-03``), ``period`` (0, 1 …),
        ``customers`` (in the cohort), ``n_eligible`` (their period is over), ``n_immature`` (it is not), ``active``
        (eligible and seen in the period), ``is_mature``, ``retained`` with ``lower`` and ``upper`` (Wilson; NaN where
        the cell is not mature). Customers who closed their account stay in the denominator.

    Raises
    ------
    ValueError
        If ``period_days``, ``max_periods`` or ``min_group_size`` is below 1.
    """
    for name, value in (
        ("period_days", period_days),
        ("max_periods", max_periods),
        ("min_group_size", min_group_size),
    ):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise SpokenError(
                Text(
                    f"{name} must be a whole number, at least 1, not {value!r}",
                    f"{name} 应为不小于 1 的整数，现为 {value!r}",
                )
            )
    joined = customers.group_by(joined=customers.joined_date.cast("date")).aggregate(n=lambda t: t.count()).to_pandas()
    joined["joined"] = pd.to_datetime(joined["joined"])
    start, end = pd.Timestamp(log_start), pd.Timestamp(as_of)
    before = int(joined.loc[joined["joined"] < start, "n"].sum())
    joined = joined[joined["joined"] >= start]
    if joined.empty:
        table = pd.DataFrame(columns=list(COLUMNS))
        table.attrs["n_before_log"] = before
        return table
    n_complete = int((end - joined["joined"].min()).days + 1) // period_days
    periods = min(max_periods, max(n_complete - 1, 0))
    seen = _active_by_joining(activity, customers, start.date(), period_days, periods)
    joined["month"] = joined["joined"].dt.strftime("%Y-%m")
    joined["cohort"] = joined["month"].map(_cohorts(joined.groupby("month")["n"].sum(), min_group_size))
    rows = []
    for period in range(periods + 1):
        over = joined["joined"] + pd.Timedelta(days=(period + 1) * period_days - 1) <= end
        here = joined.assign(
            n_eligible=np.where(over, joined["n"], 0),
            active=np.where(over, joined["joined"].map(seen.get(period, pd.Series(dtype=float))).fillna(0), 0),
        )
        sums = here.groupby("cohort", sort=True)[["n", "n_eligible", "active"]].sum().astype(np.int64)
        rows.append(sums.assign(period=period).reset_index())
    table = pd.concat(rows, ignore_index=True).rename(columns={"n": "customers"})
    table["n_immature"] = table["customers"] - table["n_eligible"]
    table["is_mature"] = (table["n_immature"] == 0) & (table["customers"] >= min_group_size)
    table = _with_shares(table, alpha)
    for column in ("retained", "lower", "upper"):
        table[column] = table[column].where(table["is_mature"])
    table = table.sort_values(["cohort", "period"], ignore_index=True)
    table.attrs["n_before_log"] = before
    table.attrs["period_days"] = period_days
    return table[list(COLUMNS)]


def cohort_mean(triangle: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE, alpha: float = 0.05) -> pd.DataFrame:
    """Retention by period over all cohorts, weighted: all who were active over all who had the time.

    The plain mean of cohort shares would give a cohort of 30 the say of one of 3,000.

    Parameters
    ----------
    triangle : DataFrame
        From :func:`cohort_triangle`.

    Returns
    -------
    DataFrame, one row a period
        ``period``, ``n_eligible``, ``n_immature``, ``active``, ``retained``, ``lower``, ``upper``; periods with fewer
        than ``min_group_size`` eligible customers are left out.
    """
    sums = triangle.groupby("period", as_index=False)[["n_eligible", "n_immature", "active"]].sum()
    return _with_shares(sums[sums["n_eligible"] >= min_group_size].reset_index(drop=True), alpha)


def _with_shares(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    eligible, active = table["n_eligible"].to_numpy(dtype=float), table["active"].to_numpy(dtype=float)
    lower, upper = wilson(active, eligible, alpha=alpha)
    share = np.divide(active, eligible, out=np.full(len(table), np.nan), where=eligible > 0)
    return table.assign(retained=share, lower=lower, upper=upper)


def _active_by_joining(
    activity: ir.Table, customers: ir.Table, log_start: date, period_days: int, periods: int
) -> dict[int, pd.Series]:
    """Distinct active customers by day of joining, one series a period."""
    import ibis

    people = customers.select(who=customers.customer_id, joined=customers.joined_date.cast("date")).filter(
        lambda t: t.joined >= ibis.literal(log_start)
    )
    days = activity.select(customer_id=activity.customer_id, day=activity.occurred_at.date())
    rows = days.inner_join(people, days.customer_id == people.who)
    age = rows.day.delta(rows.joined, unit="day")
    rows = rows.select("customer_id", "joined", age=age).filter(lambda t: t.age >= 0)
    counts = (
        rows.mutate(period=(rows.age / period_days).floor().cast("int64"))
        .filter(lambda t: t.period <= periods)
        .group_by("joined", "period")
        .aggregate(active=lambda t: t.customer_id.nunique())
        .to_pandas()
    )
    counts["joined"] = pd.to_datetime(counts["joined"])
    return {int(period): part.set_index("joined")["active"] for period, part in counts.groupby("period")}


def _cohorts(sizes: pd.Series, least: int) -> dict[str, str]:
    """Name the cohort of each month; months too small to stand alone are joined with the following ones."""
    names: dict[str, str] = {}
    waiting: list[str] = []
    total = 0
    groups: list[list[str]] = []
    for month, n in sizes.sort_index().items():
        waiting.append(str(month))
        total += int(n)
        if total >= least:
            groups.append(waiting)
            waiting, total = [], 0
    if waiting:
        # The last months are too few together: they go to the cohort before, if there is one.
        groups = [*groups[:-1], groups[-1] + waiting] if groups else [waiting]
    for group in groups:
        name = group[0] if len(group) == 1 else f"{group[0]}…{group[-1]}"
        names.update(dict.fromkeys(group, name))
    return names
