"""What the bank's own past says about a metric and about how fast customers come in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.models.experiments.checks import check_count, check_table, is_number
from helpers.models.experiments.estimators import outcome
from helpers.models.experiments.inputs import read_request
from helpers.models.experiments.moments import Variable, collect
from helpers.models.experiments.times import UTC, frame_times, read_moment

DAYS_A_WEEK = 7


def metric_history(
    table: pd.DataFrame | ir.Table,
    *,
    metric: str | tuple[str, str],
    covariate: str | Sequence[str] | None = None,
    cluster: str | None = None,
) -> dict[str, float]:
    """Mean, spread and likeness of a metric in past data: what a plan needs.

    Parameters
    ----------
    table : DataFrame or lazy table, one row a customer
        A past period of the length that the experiment is to have.
    metric : str, or (numerator, denominator)
        A ratio of totals is made linear (delta method): ``sd`` is that of a customer's part in it.
    covariate : str or sequence of str, optional
        Known before that period.
    cluster : str, optional
        The unit that is to be assigned as a whole.

    Returns
    -------
    dict
        ``n`` customers, ``mean``, ``sd``, ``covariate_correlation`` (multiple correlation, 0 without a covariate),
        ``cluster_size`` (the mean size that a design effect needs, Σm²/Σm; 1 without clusters), ``cluster_mean_size``
        (customers ÷ clusters, which a number of clusters needs; no larger), ``intraclass_correlation`` (analysis of
        variance; not below 0), ``n_clusters``. To be passed as ``history`` to `sample_size`.

    Raises
    ------
    ValueError
        If a column is missing or not numeric, the metric has missing values or doesn't vary.

    Examples
    --------
    >>> past = pd.DataFrame({"active_days": [0, 2, 4, 6], "before": [1, 1, 4, 6]})
    >>> history = metric_history(past, metric="active_days", covariate="before")
    >>> history["mean"], round(history["sd"], 3), round(history["covariate_correlation"], 3)
    (3.0, 2.582, 0.949)
    """
    lazy = isinstance(table, ir.Table)
    everyone = "everyone in the past period"
    if lazy:
        table = table.mutate(**{everyone: ibis.literal("all")})
    elif isinstance(table, pd.DataFrame):
        table = table.assign(**{everyone: "all"})
    request = read_request(
        table, metric=metric, arm=everyone, control="all", covariate=covariate, cluster=cluster, alpha=0.05
    )
    cells = collect(table, arm=everyone, cluster=cluster, variables=request.variables({}), pairs=request.pairs({}))
    request.check_values(table, cells)
    (name, (numerator, denominator)), *_ = request.metrics.items()
    data = outcome(
        cells,
        arms=["all"],
        numerator=Variable(numerator),
        denominator=None if denominator is None else Variable(denominator),
        covariates=request.covariate_variables(name),
    )
    request.check_variation(name, data)
    n = data.n.sum()
    mean = float(data.n @ data.y / n)
    within, between = data.yy.sum(), float(data.n @ (data.y - mean) ** 2)
    result = {
        "n": int(n),
        "mean": mean,
        "sd": math.sqrt((within + between) / (n - 1)),
        "covariate_correlation": math.sqrt(max(data.merged().explained(), 0.0)),
        "cluster_size": 1.0,
        "cluster_mean_size": 1.0,
        "intraclass_correlation": 0.0,
        "n_clusters": math.nan,
    }
    if cluster is not None:
        result |= _likeness(data.n, within, between)
    return result


def _likeness(n: np.ndarray, within: float, between: float) -> dict[str, float]:
    """Intraclass correlation by analysis of variance with unequal clusters (Donner and Klar 2000, §1.3)."""
    total, k = n.sum(), len(n)
    if k < 2 or total <= k:
        raise ValueError(f"cluster: {k} clusters of {total:.0f} customers say nothing about their likeness")
    mean_square_between, mean_square_within = between / (k - 1), within / (total - k)
    typical = (total - (n**2).sum() / total) / (k - 1)
    spread = mean_square_between + (typical - 1) * mean_square_within
    correlation = (mean_square_between - mean_square_within) / spread if spread > 0 else 0.0
    return {
        "cluster_size": float((n**2).sum() / total),
        "cluster_mean_size": float(total / k),
        "intraclass_correlation": float(min(max(correlation, 0.0), 1.0)),
        "n_clusters": k,
    }


def reach_curve(
    activity: pd.DataFrame | ir.Table,
    *,
    starts_at: object,
    days: int,
    customer_id: str = "customer_id",
    occurred_at: str = "occurred_at",
) -> pd.DataFrame:
    """How many different customers have come by on each day since a start: whom an experiment could have met.

    Parameters
    ----------
    activity : DataFrame or lazy table, one row an event
        Only the events at which a customer would be met, of those who are eligible; events without a customer
        bring in nobody. Times with a zone are read in that of ``starts_at``, in UTC if it has none.
    starts_at : datetime, date or text
        First day of the past window, included; for a lazy table in UTC or without a zone.
    days : int
        Length of the window, at least 1.
    customer_id, occurred_at : str
        Columns.

    Returns
    -------
    DataFrame, one row a day
        ``day`` 1…days, ``n_new`` customers who came for the first time in the window, ``n_reached`` cumulated.

    Raises
    ------
    ValueError
        If a column is missing, ``days`` is not a whole number of 1 or more, or ``starts_at`` or a value of
        ``occurred_at`` is no time.

    Examples
    --------
    >>> events = pd.DataFrame({
    ...     "customer_id": ["C1", "C2", "C1"],
    ...     "occurred_at": pd.to_datetime(["2025-03-01 08:00", "2025-03-03 09:00", "2025-03-02 10:00"]),
    ... })
    >>> reach_curve(events, starts_at="2025-03-01", days=3).n_reached.tolist()
    [1, 1, 2]
    """
    days = check_count("days", days)
    check_table("activity", activity)
    for column in (customer_id, occurred_at):
        if column not in activity.columns:
            raise ValueError(f"activity: the table has no column {column!r}, only {list(activity.columns)}")
    start = read_moment(starts_at, name="starts_at").normalize()
    zone = start.tz or UTC
    if isinstance(activity, ir.Table) and str(zone) != UTC:
        raise ValueError(f"starts_at: {starts_at!r} is in {zone}; a lazy table's days are counted in UTC")
    start = start.tz_localize(None)
    end = start + pd.Timedelta(days=days)
    if isinstance(activity, ir.Table):
        # one date a customer leaves the engine only as counts a date
        at = activity[occurred_at].cast("timestamp")
        events = activity.select(customer=activity[customer_id], at=at).filter(lambda t: t.customer.notnull())
        inside = events.filter(
            lambda t: (t.at >= ibis.literal(start.to_pydatetime())) & (t.at < ibis.literal(end.to_pydatetime()))
        )
        first = inside.group_by("customer").aggregate(first_at=inside["at"].min())
        by_date = first.group_by(first_date=first.first_at.cast("date")).aggregate(n_new=first.count()).to_pandas()
    else:
        at = frame_times(activity, occurred_at, zone=zone)
        inside = activity.assign(**{occurred_at: at})[(at >= start) & (at < end)]
        first = inside.groupby(customer_id)[occurred_at].min()
        by_date = first.dt.normalize().value_counts().rename_axis("first_date").reset_index(name="n_new")
    day = (pd.to_datetime(by_date["first_date"]) - start).dt.days + 1
    n_new = pd.Series(by_date["n_new"].to_numpy(), index=day).reindex(range(1, days + 1), fill_value=0).astype(int)
    return pd.DataFrame({"day": n_new.index, "n_new": n_new.to_numpy(), "n_reached": n_new.cumsum().to_numpy()})


def days_needed(n: int, *, reach: pd.DataFrame, whole_weeks: bool = True, shortest_days: int = 3) -> dict[str, object]:
    """Days until the past reach curve has brought in ``n`` customers.

    The curve bends: regulars come in the first week, the rest trickle in. Dividing by customers a day
    promises far too short a run; and past the end of the curve nothing is known, so nothing is extrapolated.

    Parameters
    ----------
    n : int
        Customers needed in all arms together, as `sample_size` gives.
    reach : DataFrame, one row a day
        ``day`` and ``n_reached`` as `reach_curve` gives.
    whole_weeks : bool
        Round up to whole weeks: working days and weekends differ.
    shortest_days : int
        Not fewer than these.

    Returns
    -------
    dict
        ``reachable`` True or False; ``days`` (nan if not reachable), ``days_exact`` before rounding, ``n``,
        ``n_reached`` by then (or at the end of the curve), ``days_watched`` the length of the curve.

    Raises
    ------
    ValueError
        If ``n`` is not positive and finite, or the curve is no DataFrame, lacks a column, is empty or falls.

    Examples
    --------
    >>> reach = pd.DataFrame({"day": range(1, 29), "n_reached": [40 * day for day in range(1, 29)]})
    >>> plan = days_needed(300, reach=reach)
    >>> plan["days_exact"], plan["days"], plan["n_reached"]
    (8, 14, 560)
    """
    if not is_number(n) or not n > 0:
        raise ValueError(f"n: {n!r} is not a positive number of customers")
    check_table("reach", reach, is_lazy_allowed=False)
    for column in ("day", "n_reached"):
        if column not in reach.columns:
            raise ValueError(f"reach: the table has no column {column!r}, only {list(reach.columns)}")
    curve = reach.sort_values("day").set_index("day")["n_reached"]
    if curve.empty or not curve.is_monotonic_increasing:
        raise ValueError("reach: the curve is empty or falls; n_reached has to be cumulated over the days")
    watched = int(curve.index[-1])
    enough = curve.index[curve >= n]
    answer = {"reachable": bool(len(enough)), "days": math.nan, "days_exact": math.nan, "n": math.ceil(n)}
    if not len(enough):
        return answer | {"n_reached": int(curve.iloc[-1]), "days_watched": watched}
    exact = int(enough[0])
    days = max(exact, shortest_days)
    if whole_weeks:
        days = math.ceil(days / DAYS_A_WEEK) * DAYS_A_WEEK
    reached = int(curve[curve.index <= days].iloc[-1])
    return answer | {"days": days, "days_exact": exact, "n_reached": reached, "days_watched": watched}
