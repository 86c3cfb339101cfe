"""A campaign that reached branch after branch: difference in differences against branches not yet reached.

Counts per branch and day are all that is needed, so the cost grows with branches, not customers. Each wave is
compared only with branches that the campaign had not reached by the end of the days compared (stacked, as in
Callaway and Sant'Anna), never with branches reached earlier.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.metrics.campaigns import Campaign, midnight
from helpers.metrics.outcomes import assigned_customers

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

ELIGIBLE_DAYS = 180
_FEW_BRANCHES = 4  # below so many the jackknife over branches has no use


def branch_starts(bank: Bank, of: Campaign) -> pd.DataFrame:
    """When the campaign reached each branch: the first whole day after its customers were assigned.

    Returns
    -------
    DataFrame, one row a branch of the bank
        ``branch, start`` (date; None where the campaign never came), ``n_assigned``.
    """
    import ibis

    first = assigned_customers(bank, of.campaign_id).group_by("branch")
    first = first.aggregate(first_at=lambda t: t.assigned_at.min(), n_assigned=lambda t: t.count()).execute()
    every = bank.customers.select("branch").distinct().filter(ibis._.branch != "").execute()
    table = every.merge(first, on="branch", how="left").sort_values("branch", ignore_index=True)
    table["start"] = [None if pd.isna(at) else max(of.starts_date, _whole_day(at)) for at in table["first_at"]]
    table["n_assigned"] = table["n_assigned"].fillna(0).astype(int)
    return table[["branch", "start", "n_assigned"]]


def daily_counts(bank: Bank, population: ir.Table, *, first: date, last: date) -> pd.DataFrame:
    """Active customers per branch and day, for a population fixed before the campaign.

    Parameters
    ----------
    population : lazy table with ``customer_id, branch``

    Returns
    -------
    DataFrame, one row a branch and day with activity: ``branch, day, active``
    """
    import ibis

    log = bank.activity.filter(
        lambda t: (
            (t.occurred_at >= ibis.literal(midnight(first)))
            & (t.occurred_at < ibis.literal(midnight(last + timedelta(days=1))))
        )
    )
    log = log.inner_join(population.select("customer_id", "branch"), "customer_id")
    days = log.select("customer_id", "branch", day=log.occurred_at.date()).distinct()
    counts = days.group_by("branch", "day").aggregate(active=lambda t: t.count()).execute()
    counts["day"] = pd.to_datetime(counts["day"])
    return counts.sort_values(["branch", "day"], ignore_index=True)


def population_of(bank: Bank, of: Campaign, customers: ir.Table, *, eligible_days: int = ELIGIBLE_DAYS) -> ir.Table:
    """Customers who could have been reached: of the given ones, those active in the days before the campaign.

    The same rule in every branch, since branches that were never reached have no assignment to go by.
    """
    import ibis

    first = of.starts_date - timedelta(days=eligible_days)
    log = bank.activity.filter(
        lambda t: (
            (t.occurred_at >= ibis.literal(midnight(first))) & (t.occurred_at < ibis.literal(midnight(of.starts_date)))
        )
    )
    return customers.filter(lambda t: t.branch != "").semi_join(log, "customer_id").select("customer_id", "branch")


def event_study(
    counts: pd.DataFrame,
    sizes: pd.Series,
    starts: pd.DataFrame,
    *,
    window_days: int = 28,
    n_before: int = 3,
    first_day: date,
    last_day: date,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Effect by period before and after the start, each against the period just before it.

    Parameters
    ----------
    counts : DataFrame ``branch, day, active`` (:func:`daily_counts`)
    sizes : Series
        Customers of the population by branch.
    starts : DataFrame ``branch, start``
        ``start`` None for branches never reached.
    window_days : int
        Length of a period; period 0 begins on the start, period −1 is the reference.
    n_before : int
        Periods before the reference that are shown: there was no campaign, so their effect should be nil.
    first_day, last_day : date
        Days watched; periods that reach outside are left out.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame, one row a period
        ``period`` (−n_before−1 … 0), ``estimate`` in active days per customer and period, ``se, lower, upper``
        (jackknife over branches, t with branches − 1 degrees of freedom; empty with fewer than four branches or where
        leaving one out leaves nothing to compare with), ``n`` customers of the branches reached, ``n_branches``
        reached, ``n_comparison`` branches not yet reached by the end of the period.

    References
    ----------
    Callaway and Sant'Anna (2021), J. Econometrics 225(2), 200–230 (not-yet-treated comparison); MacKinnon, Nielsen and
    Webb (2023), J. Econometrics 232(2), 272–299 (cluster jackknife with few clusters).
    """
    starts = starts.set_index("branch")["start"].to_dict()
    branches = [branch for branch in sizes.index if sizes[branch] > 0 and branch in starts]
    sums = _cumulated(counts, branches, first_day, last_day)
    rows = []
    for period in range(-1 - n_before, 1):
        if period == -1:
            rows.append(_reference(branches, sizes, starts))
            continue
        whole = _estimate(sums, sizes, starts, branches, period, window_days, first_day, last_day)
        if whole is None:
            continue
        estimate, n, reached, comparison = whole
        left_out = [
            _estimate(sums, sizes, starts, [b for b in branches if b != one], period, window_days, first_day, last_day)
            for one in branches
        ]
        se, lower, upper = _jackknife([None if x is None else x[0] for x in left_out], estimate, alpha)
        rows.append(
            {
                "period": period,
                "estimate": estimate,
                "se": se,
                "lower": lower,
                "upper": upper,
                "n": n,
                "n_branches": reached,
                "n_comparison": comparison,
            }
        )
    columns = ["period", "estimate", "se", "lower", "upper", "n", "n_branches", "n_comparison"]
    return pd.DataFrame(rows, columns=columns)


def naive_before_after(
    counts: pd.DataFrame, sizes: pd.Series, starts: pd.DataFrame, *, window_days: int, first_day: date, last_day: date
) -> float:
    """Mean change of the reached branches from the period before to the period after the start, season included."""
    begun = {b: s for b, s in starts.set_index("branch")["start"].items() if s is not None and b in sizes.index}
    sums = _cumulated(counts, list(sizes.index), first_day, last_day)
    changes, weights = [], []
    for branch, start in begun.items():
        if _inside(start, 0, window_days, first_day, last_day) and sizes[branch] > 0:
            changes.append(_change(sums, sizes, branch, start, 0, window_days, first_day))
            weights.append(sizes[branch])
    return float(np.average(changes, weights=weights)) if weights else float("nan")


def _estimate(
    sums: dict[str, np.ndarray],
    sizes: pd.Series,
    starts: dict[str, date | None],
    branches: list[str],
    period: int,
    window_days: int,
    first_day: date,
    last_day: date,
) -> tuple[float, int, int, int] | None:
    """Return (effect, customers, branches reached, comparison branches), None if nothing can be compared."""
    gains, weights, n_comparison = [], [], set()
    for branch in branches:
        start = starts[branch]
        if start is None or not _inside(start, period, window_days, first_day, last_day):
            continue
        # branches of the same wave are no comparison for each other, also not before the start: they would dilute
        # just that difference which the periods before are to show
        end = start + timedelta(days=max(period + 1, 0) * window_days - 1)
        others = [b for b in branches if starts[b] is None or starts[b] > max(start, end)]
        if not others:
            continue
        own = _change(sums, sizes, branch, start, period, window_days, first_day)
        usual = [_change(sums, sizes, other, start, period, window_days, first_day) for other in others]
        gains.append(own - np.average(usual, weights=[sizes[other] for other in others]))
        weights.append(sizes[branch])
        n_comparison.update(others)
    if not gains:
        return None
    return float(np.average(gains, weights=weights)), int(sum(weights)), len(gains), len(n_comparison)


def _change(
    sums: dict[str, np.ndarray],
    sizes: pd.Series,
    branch: str,
    start: date,
    period: int,
    window_days: int,
    first_day: date,
) -> float:
    """Active days per customer in a period less those in the period before the start."""
    zero = (start - first_day).days
    line = sums[branch]
    here = line[zero + (period + 1) * window_days] - line[zero + period * window_days]
    before = line[zero] - line[zero - window_days]
    return float(here - before) / float(sizes[branch])


def _inside(start: date, period: int, window_days: int, first_day: date, last_day: date) -> bool:
    first = start + timedelta(days=min(period, -1) * window_days)
    last = start + timedelta(days=max(period + 1, 0) * window_days - 1)
    return first >= first_day and last <= last_day


def _cumulated(counts: pd.DataFrame, branches: list[str], first_day: date, last_day: date) -> dict[str, np.ndarray]:
    """Return cumulated active customer-days by branch; position d is the sum of the days before day d."""
    n_days = (last_day - first_day).days + 1
    place = (counts["day"] - pd.Timestamp(first_day)).dt.days.to_numpy()
    sums = {}
    for branch in branches:
        mine = (counts["branch"] == branch).to_numpy() & (place >= 0) & (place < n_days)
        daily = np.zeros(n_days)
        np.add.at(daily, place[mine], counts["active"].to_numpy()[mine])
        sums[branch] = np.concatenate([[0.0], np.cumsum(daily)])
    return sums


def _jackknife(left_out: list[float | None], estimate: float, alpha: float) -> tuple[float, float, float]:
    from scipy.stats import t

    none = (float("nan"), float("nan"), float("nan"))
    n = len(left_out)
    if n < _FEW_BRANCHES or any(value is None for value in left_out):
        return none
    values = np.array(left_out, dtype=float)
    se = float(np.sqrt((n - 1) / n * np.sum((values - estimate) ** 2)))
    half = float(t.ppf(1 - alpha / 2, n - 1)) * se
    return se, estimate - half, estimate + half


def _reference(branches: list[str], sizes: pd.Series, starts: dict[str, date | None]) -> dict[str, object]:
    reached = [branch for branch in branches if starts[branch] is not None]
    return {
        "period": -1,
        "estimate": 0.0,
        "se": 0.0,
        "lower": 0.0,
        "upper": 0.0,
        "n": int(sum(sizes[branch] for branch in reached)),
        "n_branches": len(reached),
        "n_comparison": len(branches) - len(reached),
    }


def _whole_day(moment: datetime | pd.Timestamp) -> date:
    stamp = pd.Timestamp(moment)
    return stamp.date() if stamp.time() == time.min else stamp.date() + timedelta(days=1)
