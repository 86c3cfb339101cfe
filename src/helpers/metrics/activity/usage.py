"""How many come, and how often: DAU, WAU, MAU, stickiness, the spread of active days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from helpers.findings import SpokenError, Text
from helpers.metrics import months
from helpers.metrics.activity.days import customer_days, in_months
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

# Classes of “days active in a month”: a bank's app is opened a few times a month, so the low end is cut finer.
DAY_CLASSES = ((1, 1), (2, 3), (4, 7), (8, 14), (15, 31))
TRAILING_DAYS = 30


def usage_by_month(
    activity: ir.Table, *, as_of: date | None = None, trailing_days: int = TRAILING_DAYS
) -> pd.DataFrame:
    """DAU, WAU and MAU of every whole month, and stickiness in both of its meanings.

    MAU of a calendar month is what accounts report; the trailing window ending on the month's last day always has
    the same length and is what steering wants. Both stand side by side and are never mixed. Days are never summed
    to a month: a customer counts once.

    Parameters
    ----------
    activity : lazy Ibis table (schema `Activity`)
    as_of : date, optional
        Last day that is seen; only months finished by then are counted.
    trailing_days : int
        Length of the trailing window in days, at least 1.

    Returns
    -------
    DataFrame, one row a month, oldest first
        ``month``; ``mau`` customers of the calendar month; ``mau_trailing`` customers of the trailing window (NaN
        while the log is shorter than the window); ``wau`` mean over the Monday-to-Sunday weeks that end in the month
        and that the log covers; ``dau`` mean over all days of the month; ``stickiness`` = dau ÷ mau and ``wau_mau`` =
        wau ÷ mau (shares); ``active_days_mean``, ``active_days_median`` days a customer of the month was active.

    References
    ----------
    Both meanings of stickiness as PostHog and Amplitude document them: DAU ÷ MAU, and the distribution of active days.

    Examples
    --------
    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"],
    ...     "occurred_at": pd.to_datetime(["2025-01-01", "2025-01-31", "2025-01-31"])})
    >>> usage_by_month(ibis.memtable(log))[["month", "mau", "active_days_mean"]].values.tolist()
    [['2025-01', 2, 1.5]]
    """
    if trailing_days < 1:
        raise SpokenError(
            Text(
                f"trailing_days must be at least 1, not {trailing_days!r}",
                f"trailing_days 应不小于 1，现为 {trailing_days!r}",
            )
        )
    days = customer_days(activity)
    whole = months.complete_in(days, "day", as_of=as_of)
    columns = ["month", "mau", "mau_trailing", "wau", "dau", "stickiness", "wau_mau"]
    columns += ["active_days_mean", "active_days_median"]
    if not whole:
        return pd.DataFrame(columns=columns)
    # Counts of customers by (month, days active) hold MAU, DAU and the distribution in at most 31 rows a month.
    counts = _counts(days, whole)
    by_month = counts.groupby("month")
    mau = by_month["customers"].sum()
    customer_days_ = (counts["active_days"] * counts["customers"]).groupby(counts["month"]).sum()
    table = pd.DataFrame({"month": [months.write(m) for m in whole]}).set_index("month", drop=False)
    table["mau"] = mau.reindex(table.index, fill_value=0).astype("int64")
    lengths = np.array([months.end_of(m).day for m in whole])
    table["mau_trailing"] = _trailing(days, whole, trailing_days)
    table["wau"] = _mean_wau(days, whole)
    table["dau"] = customer_days_.reindex(table.index, fill_value=0) / lengths
    customers = table["mau"].where(table["mau"] > 0)
    table["stickiness"] = table["dau"] / customers
    table["wau_mau"] = table["wau"] / customers
    table["active_days_mean"] = table["dau"] * lengths / customers
    table["active_days_median"] = by_month.apply(_median, include_groups=False).reindex(table.index)
    return table[columns].reset_index(drop=True)


def active_days_distribution(
    activity: ir.Table, *, month: str = "", as_of: date | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """How many of a month's customers were active on how many days: the honest form of stickiness for a bank.

    Parameters
    ----------
    activity : lazy Ibis table (schema `Activity`)
    month : str
        ``YYYY-MM``; empty: the last whole month.
    as_of : date, optional
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame, one row a class of days
        ``month``, ``active_days_class`` (``1``, ``2–3``, …), ``customers``, ``share``, ``lower``, ``upper`` (Wilson).

    Raises
    ------
    ValueError
        If the month is not covered whole by the log.
    """
    days = customer_days(activity)
    whole = months.complete_in(days, "day", as_of=as_of)
    if month and months.read(month) not in whole:
        ends = [months.write(end) for end in (whole[0], whole[-1])] if whole else []
        raise SpokenError(
            Text(
                f"month {month!r} is not covered whole by the log; there are {' to '.join(ends) or 'no whole months'}",
                f"month {month!r} 未被日志完整覆盖；完整月份：{' 至 '.join(ends) or '无'}",
            )
        )
    if not whole:
        return pd.DataFrame(columns=["month", "active_days_class", "customers", "share", "lower", "upper"])
    chosen = months.read(month) if month else whole[-1]
    counts = _counts(days, [chosen])
    rows = []
    total = int(counts["customers"].sum())
    for low, high in DAY_CLASSES:
        n = int(counts.loc[counts["active_days"].between(low, high), "customers"].sum())
        lower, upper = (float(bound) for bound in wilson(n, total, alpha=alpha))
        name = str(low) if low == high else f"{low}–{high}"
        rows.append((months.write(chosen), name, n, n / total if total else np.nan, lower, upper))
    return pd.DataFrame(rows, columns=["month", "active_days_class", "customers", "share", "lower", "upper"])


def _counts(days: ir.Table, whole: list[date]) -> pd.DataFrame:
    table = (
        in_months(days, whole)
        .group_by("month", "active_days")
        .aggregate(customers=lambda t: t.count())
        .order_by("month", "active_days")
        .to_pandas()
    )
    table["month"] = [months.write(pd.Timestamp(m).date()) for m in table["month"]]
    return table


def _median(counts: pd.DataFrame) -> float:
    values = np.repeat(counts["active_days"].to_numpy(), counts["customers"].to_numpy())
    return float(np.median(values))


def _trailing(days: ir.Table, whole: list[date], trailing_days: int) -> list[float]:
    """Distinct customers of the window that ends on each month's last day."""
    ends = [months.end_of(m) for m in whole]
    windows = ibis.memtable(
        pd.DataFrame(
            {
                "window_end": pd.to_datetime(ends),
                "window_start": pd.to_datetime([end - timedelta(days=trailing_days - 1) for end in ends]),
            }
        )
    )
    windows = windows.select(window_end=windows.window_end.cast("date"), window_start=windows.window_start.cast("date"))
    seen = days.inner_join(windows, (days.day >= windows.window_start) & (days.day <= windows.window_end))
    counts = seen.group_by("window_end").aggregate(n=seen.customer_id.nunique()).to_pandas()
    found = {pd.Timestamp(end).date(): float(n) for end, n in zip(counts["window_end"], counts["n"], strict=True)}
    first = whole[0]
    return [found.get(end, 0.0) if end - timedelta(days=trailing_days - 1) >= first else float("nan") for end in ends]


def _mean_wau(days: ir.Table, whole: list[date]) -> list[float]:
    """Mean over the whole weeks (Monday to Sunday) that end in each month."""
    weeks = days.mutate(week=days.day.truncate("W").cast("date"))
    counts = weeks.group_by("week").aggregate(n=weeks.customer_id.nunique()).to_pandas()
    found = {pd.Timestamp(week).date(): int(n) for week, n in zip(counts["week"], counts["n"], strict=True)}
    means = []
    for month in whole:
        last = months.end_of(month)
        sundays = [d for d in (month + timedelta(days=i) for i in range(last.day)) if d.weekday() == 6]
        mondays = [d - timedelta(days=6) for d in sundays if d - timedelta(days=6) >= whole[0]]
        means.append(float(np.mean([found.get(monday, 0) for monday in mondays])) if mondays else float("nan"))
    return means
