"""What a randomised campaign changed: per metric and arm, absolute and relative, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import stats

from helpers.models.experiments.adjustment import holm
from helpers.models.experiments.capping import caps
from helpers.models.experiments.estimators import ArmMeans, clustered_means, independent_means, outcome
from helpers.models.experiments.inputs import Request, read_request
from helpers.models.experiments.moments import Cells, Variable, collect

Metric = str | tuple[str, str]

COLUMNS = [
    "metric", "arm", "method", "n", "n_control", "mean", "mean_control", "estimate", "se", "df", "lower", "upper",
    "relative", "relative_lower", "relative_upper", "p_value", "p_adjusted", "variance_explained",
    "n_clusters", "n_clusters_control", "cap_lower", "cap_upper",
]  # fmt: skip


def effect(
    table: pd.DataFrame | ir.Table,
    *,
    metric: Metric | Sequence[Metric],
    arm: str = "arm",
    control: object,
    covariate: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
    cluster: str | None = None,
    winsorize: float | None = None,
    alpha: float = 0.05,
    covariate_at: object = None,
    exposed_at: object = None,
) -> pd.DataFrame:
    """Difference between every arm and control in every metric.

    Everyone who was assigned counts, whether or not the campaign reached them. From a lazy table only
    sums leave the engine, in one query (with ``winsorize`` one more before it, for the caps).

    Parameters
    ----------
    table : DataFrame or lazy table, one row a customer
    metric : str, or (numerator, denominator), or a sequence of them
        Numeric or true/false columns without missing values. A pair is a ratio of totals, its error by the
        delta method.
    arm : str
        Column with the arm that a customer was assigned to.
    control : value of ``arm``
        The arm that the others are compared with.
    covariate : str, sequence of str, or mapping of metric to either, optional
        Columns measured strictly *before* exposure, best the metric's own past (CUPED): θ is pooled within arms,
        which makes it the least-squares fit with the covariate. Missing values count as 0 with an indicator beside.
    cluster : str, optional
        Column with the unit that was assigned as a whole, such as ``branch``: CR2 standard errors, t with
        Satterthwaite degrees of freedom.
    winsorize : float, optional
        Quantile from 0.5 to below 1 at which values are capped (not trimmed), one cap for all arms; among values other
        than 0 if most are 0, and on both sides if some are negative. The uncapped row stands beside.
    alpha : float
        1 minus the confidence level.
    covariate_at, exposed_at : str, datetime, optional
        When the covariates were measured and the customer exposed: columns or one time for all. Without them the
        columns ``<covariate>_at``, ``<covariate>_date`` or ``covariate_at`` and ``exposed_at`` or ``assigned_at`` are
        used where the table has them. Times with a zone are compared in UTC, and those without one are taken as UTC.
        A covariate measured at exposure or later is refused, and so is one of which that can't be told.

    Returns
    -------
    DataFrame, one row a metric and arm (two with ``winsorize``, the capped one first)
        ``metric``; ``arm``; ``method``: ``"difference"`` (Welch's t), ``"cuped"``, ``"cluster"`` (CR2) or
        ``"cluster+cuped"``, with ``"winsorized"`` added where capped; ``n``, ``n_control`` customers; ``mean``,
        ``mean_control`` (adjusted ones with a covariate); ``estimate`` with ``se``, ``df``, ``lower``, ``upper`` in the
        metric's unit; ``relative`` = estimate ÷ control mean with Fieller's ``relative_lower``, ``relative_upper``
        (infinite where the control mean could be 0); ``p_value``; ``p_adjusted``, Holm's over all metrics and arms;
        ``variance_explained``, the share that the covariates take away; ``n_clusters``, ``n_clusters_control``;
        ``cap_lower``, ``cap_upper``. Where the data leave nothing to tell an error from (both arms without any
        variation beside a third that has some, branches whose means are all equal, covariates that leave nothing
        unexplained, be it because they are as many as the customers or clusters) ``se`` is infinite, ``df`` nan, the
        intervals leave nothing out and ``p_value`` is 1.

    Raises
    ------
    ValueError
        If a column is missing, there twice or not numeric, a metric or covariate is not given by columns' names, a
        metric has missing values or never varies (be it a ratio that is the same for all customers of an arm), the
        control arm is absent or the only one, an arm has fewer than two customers (or clusters), a covariate was
        measured after exposure, or a customer's time of exposure, or of a covariate that is known, is missing or no
        time, or ``winsorize`` is asked of an engine that has no quantiles.

    References
    ----------
    Deng, Xu, Kohavi and Walker (2013), WSDM, 123–132 (CUPED); Fieller (1954), JRSS B 16(2), 175–185;
    Pustejovsky and Tipton (2018), JBES 36(4), 672–683 (CR2); Holm (1979).

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "arm": ["control"] * 4 + ["treatment"] * 4,
    ...     "active_days": [1, 2, 3, 4, 3, 4, 5, 6],
    ... })
    >>> effect(table, metric="active_days", control="control")[["estimate", "lower", "upper"]].round(2)
       estimate  lower  upper
    0       2.0  -0.23   4.23
    """
    request = read_request(
        table, metric=metric, arm=arm, control=control, covariate=covariate, cluster=cluster, alpha=alpha,
        covariate_at=covariate_at, exposed_at=exposed_at,
    )  # fmt: skip
    bounds = caps(table, columns=request.metric_columns, quantile=winsorize) if winsorize is not None else {}
    cells = collect(table, arm=arm, cluster=cluster, variables=request.variables(bounds), pairs=request.pairs(bounds))
    arms = request.checked_arms(table, cells)
    cluster_place = pd.factorize(cells.keys["cluster"])[0] if cluster is not None else None

    rows = []
    for capped in [True, False] if bounds else [False]:
        found = []
        for name in request.metrics:
            fit = _fit(request, cells, arms, name, bounds if capped else {}, cluster_place)
            found += [_row(name, fit, arms, k, alpha) for k in range(len(arms)) if arms[k] != control]
            for row in found[-(len(arms) - 1) :]:
                row["method"] = _method(bool(request.covariates[name]), cluster is not None, capped)
                row["cap_lower"], row["cap_upper"] = _caps_of(name, bounds) if capped else (np.nan, np.nan)
        for row, adjusted in zip(found, holm([row["p_value"] for row in found]), strict=True):
            row["p_adjusted"] = adjusted
        rows.append(found)
    # the capped row and the uncapped one of the same metric and arm stand together
    return pd.DataFrame([row for together in zip(*rows, strict=True) for row in together], columns=COLUMNS)


def relative_interval(
    mean: float, mean_control: float, covariance: np.ndarray, critical: float
) -> tuple[float, float, float]:
    """Relative difference with Fieller's interval, which excludes 0 exactly when the absolute one does.

    Parameters
    ----------
    mean, mean_control : float
    covariance : ndarray (2, 2) of the two means in this order
    critical : float
        Quantile that the absolute interval uses.

    Returns
    -------
    (relative, lower, upper)
        Infinite bounds where the control mean can't be told from 0; nan all three where it is 0.
    """
    if mean_control == 0:
        return np.nan, np.nan, np.nan
    a = mean_control**2 - critical**2 * covariance[1, 1]
    b = mean * mean_control - critical**2 * covariance[0, 1]
    c = mean**2 - critical**2 * covariance[0, 0]
    relative = mean / mean_control - 1
    if a <= 0:
        return relative, -np.inf, np.inf
    root = np.sqrt(max(b**2 - a * c, 0.0))
    return relative, (b - root) / a - 1, (b + root) / a - 1


def _fit(
    request: Request,
    cells: Cells,
    arms: list,
    name: str,
    bounds: Mapping[str, tuple[float, float]],
    cluster_place: np.ndarray | None,
) -> ArmMeans:
    numerator, denominator = request.metrics[name]
    data = outcome(
        cells,
        arms=arms,
        numerator=Variable(numerator, bounds.get(numerator)),
        denominator=None if denominator is None else Variable(denominator, bounds.get(denominator)),
        covariates=request.covariate_variables(name),
    )
    request.check_variation(name, data)
    return independent_means(data) if cluster_place is None else clustered_means(data, cluster_place)


def _row(name: str, fit: ArmMeans, arms: list, k: int, alpha: float) -> dict[str, object]:
    c = 0 if k else 1  # control is sorted to the front, see Request.checked_arms
    estimate = fit.mean[k] - fit.mean[c]
    se = float(np.sqrt(fit.variance_of_difference(k, c)))
    if np.isfinite(se):
        covariance, df = fit.covariance[np.ix_([k, c], [k, c])], fit.df(k, c)
        critical = float(stats.t.ppf(1 - alpha / 2, df))
    else:  # nothing tells the error: the interval leaves nothing out
        covariance, df, critical = np.diag([np.inf, np.inf]), np.nan, 1.0
    relative, relative_lower, relative_upper = relative_interval(fit.mean[k], fit.mean[c], covariance, critical)
    clusters = (np.nan, np.nan) if fit.n_clusters is None else (fit.n_clusters[k], fit.n_clusters[c])
    return {
        "metric": name,
        "arm": arms[k],
        "n": int(fit.n[k]),
        "n_control": int(fit.n[c]),
        "mean": fit.mean[k],
        "mean_control": fit.mean[c],
        "estimate": estimate,
        "se": se,
        "df": df,
        "lower": estimate - critical * se,
        "upper": estimate + critical * se,
        "relative": relative,
        "relative_lower": relative_lower,
        "relative_upper": relative_upper,
        "p_value": float(2 * stats.t.sf(abs(estimate) / se, df)) if np.isfinite(se) else 1.0,
        "variance_explained": fit.explained,
        "n_clusters": clusters[0],
        "n_clusters_control": clusters[1],
    }


def _method(adjusted: bool, clustered: bool, capped: bool) -> str:
    parts = [name for name, on in [("cluster", clustered), ("cuped", adjusted), ("winsorized", capped)] if on]
    return "+".join(parts) or "difference"


def _caps_of(name: str, bounds: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    # a ratio has caps on both its columns; no pair of numbers would say that
    return bounds.get(name, (np.nan, np.nan))
