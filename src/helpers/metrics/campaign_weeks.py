"""A campaign week by week: how much more the treated came than the held out, before, during and after it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from helpers.metrics.campaigns import Campaign, midnight

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

WEEK_DAYS = 7


def weekly_difference(
    bank: Bank,
    of: Campaign,
    assigned: ir.Table,
    *,
    control: str,
    weeks_before: int = 8,
    days_after_launch: int = 90,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Difference in active days a week between each arm and the hold-out.

    Parameters
    ----------
    assigned : lazy Ibis table with ``customer_id, arm``
    control : str
        Hold-out arm.
    weeks_before : int
        Whole weeks before the launch; fewer where the log begins later.
    days_after_launch : int
        Whole weeks within so many days from the launch are shown, as far as they were seen.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame, one row an arm and week
        ``arm, week`` (0 begins on the launch), ``estimate`` in active days a customer and week, ``lower, upper`` (Welch),
        ``n, n_control``. Before the launch the difference should hold 0: it is the comparison's own check.
    """
    import ibis

    launch = of.starts_date
    room = (launch - bank.log_days[0]).days // WEEK_DAYS
    first = -min(weeks_before, max(room, 0))
    seen = ((bank.as_of - launch).days + 1) // WEEK_DAYS
    last = min(days_after_launch // WEEK_DAYS, seen) - 1
    begin = launch + timedelta(days=first * WEEK_DAYS)
    end = launch + timedelta(days=(last + 1) * WEEK_DAYS)
    log = bank.activity.filter(
        lambda t: (t.occurred_at >= ibis.literal(midnight(begin))) & (t.occurred_at < ibis.literal(midnight(end)))
    )
    days = log.semi_join(assigned, "customer_id")
    days = days.select("customer_id", day=days.occurred_at.date()).distinct()
    since = days.day.delta(ibis.literal(begin), unit="day")
    weekly = days.mutate(week=(since / WEEK_DAYS).floor().cast("int64") + first)
    weekly = weekly.group_by("customer_id", "week").aggregate(days=lambda t: t.count())
    joined = weekly.inner_join(assigned.select("customer_id", "arm"), "customer_id")
    sums = joined.group_by("arm", "week").aggregate(
        total=lambda t: t.days.sum(), squares=lambda t: (t.days * t.days).sum()
    )
    found = sums.execute().set_index(["arm", "week"])
    sizes = assigned.group_by("arm").aggregate(n=lambda t: t.count()).execute().set_index("arm")["n"]
    rows = []
    for arm in sorted(name for name in sizes.index if name != control):
        for week in range(first, last + 1):
            rows.append({"arm": arm, "week": week, **_difference(found, sizes, arm, control, week, alpha)})
    return pd.DataFrame(rows, columns=["arm", "week", "estimate", "lower", "upper", "n", "n_control"])


def _difference(
    sums: pd.DataFrame, sizes: pd.Series, arm: str, control: str, week: int, alpha: float
) -> dict[str, float]:
    from scipy.stats import t

    means, errors = [], []
    for name in (arm, control):
        n = int(sizes[name])
        total, squares = sums.loc[(name, week)] if (name, week) in sums.index else (0, 0)
        mean = float(total) / n
        # customers without activity in the week are no rows: they count as zeros in n
        variance = max(float(squares) - n * mean**2, 0.0) / (n - 1) if n > 1 else float("nan")
        means.append(mean)
        errors.append(variance / n)
    estimate, error = means[0] - means[1], sum(errors)
    sizes_pair = [int(sizes[arm]), int(sizes[control])]
    below = sum(e**2 / (n - 1) for e, n in zip(errors, sizes_pair, strict=True) if n > 1 and e > 0)
    half = float(t.ppf(1 - alpha / 2, error**2 / below)) * error**0.5 if below else float("nan")
    return {
        "estimate": estimate,
        "lower": estimate - half,
        "upper": estimate + half,
        "n": sizes_pair[0],
        "n_control": sizes_pair[1],
    }
