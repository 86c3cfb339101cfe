"""An experiment as it looked on each day: the ordinary interval that misleads, beside the one that holds."""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from scipy import stats

from helpers.models.experiments.checks import check_count
from helpers.models.experiments.effects import Metric
from helpers.models.experiments.estimators import independent_means, outcome
from helpers.models.experiments.inputs import read_request
from helpers.models.experiments.moments import Cells, Variable, collect
from helpers.models.experiments.sequential import confidence_sequence

RULES = ("plain", "confidence_sequence", "planned_looks")


def effect_by_look(
    table: pd.DataFrame | ir.Table,
    *,
    metric: Metric,
    look: str,
    arm: str = "arm",
    control: object,
    covariate: str | None = None,
    alpha: float = 0.05,
    tuned_for_n: float = 5_000,
) -> pd.DataFrame:
    """Effect on all customers who had come in by each look, with the interval that is valid at every look.

    Parameters
    ----------
    table : DataFrame or lazy table, one row a customer
    metric, arm, control, covariate, alpha
        As in `effect`; one metric.
    look : str
        Column with the look (day, week) at which the customer's outcome came in; any type that sorts.
    tuned_for_n : float
        As in `confidence_sequence`; fixed before looking.

    Returns
    -------
    DataFrame, one row an arm and look
        ``metric, arm, look, n, n_control, estimate, se``; ``lower``, ``upper`` valid at all looks together;
        ``fixed_lower``, ``fixed_upper`` and ``p_value`` of the ordinary test (right at one look fixed beforehand
        only); ``p_always`` valid at every look. Nothing can be estimated while the arm or control has fewer than two
        customers or the metric hasn't varied: nan there. An arm that starts late counts from then on.

    Raises
    ------
    ValueError
        As `effect`.

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "arm": ["control", "treatment"] * 6, "day": [1] * 4 + [2] * 4 + [3] * 4,
    ...     "logins": [1, 2, 3, 4, 2, 5, 1, 3, 2, 4, 3, 6],
    ... })
    >>> found = effect_by_look(table, metric="logins", look="day", control="control")
    >>> found[["look", "n", "n_control", "estimate"]].round(2)
       look  n  n_control  estimate
    0     1  2          2      1.00
    1     2  4          4      1.75
    2     3  6          6      2.00
    """
    if not isinstance(metric, str | tuple):
        raise ValueError(f"metric: {metric!r}; one metric a call is looked at")
    request = read_request(
        table, metric=metric, arm=arm, control=control, covariate=covariate, cluster=look, alpha=alpha,
        cluster_role="look",
    )  # fmt: skip
    cells = collect(table, arm=arm, cluster=look, variables=request.variables({}), pairs=request.pairs({}))
    arms = request.checked_arms(table, cells, clustered=False)
    (name, (numerator, denominator)), *_ = request.metrics.items()
    rows = []
    for at in sorted(cells.keys["cluster"].unique()):
        inside = (cells.keys["cluster"] <= at).to_numpy()
        n = np.array([cells.n[inside & (cells.keys["arm"] == each).to_numpy()].sum() for each in arms])
        present = [each for each, customers in zip(arms, n, strict=True) if customers >= 2]
        inside &= cells.keys["arm"].isin(present).to_numpy()
        fit = None
        if arms[0] in present[:1] and len(present) >= 2:
            seen = Cells(
                cells.keys[inside].reset_index(drop=True),
                cells.n[inside],
                cells.mean[inside],
                cells.scatter[inside],
                cells.variables,
            )
            fit = independent_means(
                outcome(
                    seen,
                    arms=present,
                    numerator=Variable(numerator),
                    denominator=None if denominator is None else Variable(denominator),
                    covariates=request.covariate_variables(name),
                )
            )
        for k in range(1, len(arms)):
            row = {"metric": name, "arm": arms[k], "look": at, "n": int(n[k]), "n_control": int(n[0])}
            row |= {"estimate": np.nan, "se": np.nan, "df": np.nan}
            if fit is not None and arms[k] in present:
                place = present.index(arms[k])
                variance = fit.variance_of_difference(place, 0)
                if np.isfinite(variance):
                    row |= {"estimate": fit.mean[place] - fit.mean[0], "se": np.sqrt(variance), "df": fit.df(place, 0)}
            rows.append(row)
    found = pd.DataFrame(rows).sort_values(["arm", "look"], ignore_index=True)
    return pd.concat(
        [_with_intervals(part, alpha, tuned_for_n) for _, part in found.groupby("arm", sort=False)], ignore_index=True
    )


def _with_intervals(part: pd.DataFrame, alpha: float, tuned_for_n: float) -> pd.DataFrame:
    columns = ["lower", "upper", "fixed_lower", "fixed_upper", "p_value", "p_always"]
    result = part.assign(**dict.fromkeys(columns, np.nan))
    known = part["se"].notna()
    if known.any():
        seen = part[known]
        always = confidence_sequence(
            seen["estimate"].to_numpy(),
            se=seen["se"].to_numpy(),
            n=(seen["n"] + seen["n_control"]).to_numpy(),
            alpha=alpha,
            tuned_for_n=tuned_for_n,
        )
        half = stats.t.isf(alpha / 2, seen["df"]) * seen["se"]
        result.loc[known, columns] = np.column_stack(
            [
                always["lower"],
                always["upper"],
                seen["estimate"] - half,
                seen["estimate"] + half,
                2 * stats.t.sf((seen["estimate"] / seen["se"]).abs(), seen["df"]),
                always["p_value"],
            ]
        )
    return result


def false_alarms(
    *,
    looks: int = 30,
    customers_a_look: int = 200,
    experiments: int = 2_000,
    alpha: float = 0.05,
    seed: int = 0,
) -> pd.DataFrame:
    """Simulate experiments without any effect and count who would have announced one by each look.

    Parameters
    ----------
    looks : int
        Looks at an experiment, at least 1.
    customers_a_look : int
        Customers who come in between two looks, both arms together; even, at least 20.
    experiments : int
        Number simulated, at least 100.
    alpha : float
    seed : int

    Returns
    -------
    DataFrame, one row a rule and look
        ``rule``: ``"plain"`` (stop at the first p < alpha), ``"confidence_sequence"``, ``"planned_looks"`` (O'Brien
        and Fleming's bounds for these looks); ``look``; ``false_alarm`` share of experiments stopped by then, with
        Wilson's ``lower``, ``upper`` (95 %); ``n`` experiments.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Examples
    --------
    >>> found = false_alarms(looks=10, experiments=500, seed=1)
    >>> last = found[found.look == 10].set_index("rule").false_alarm
    >>> bool(last["plain"] > 0.12), bool(last["confidence_sequence"] < 0.05)
    (True, True)
    """
    from helpers.models.experiments.group_sequential import group_sequential

    limits = {"looks": (looks, 1), "customers_a_look": (customers_a_look, 20), "experiments": (experiments, 100)}
    for name, (value, least) in limits.items():
        check_count(name, value, least=least)
    rng = np.random.default_rng(check_count("seed", seed, least=0))
    a_look = customers_a_look // 2
    n = a_look * np.arange(1, looks + 1)
    # outcomes as skewed as counts of active days are, a block of experiments at a time: they stay in the cache
    z = np.concatenate(
        [_running_z(rng, min(100, experiments - done), n, a_look) for done in range(0, experiments, 100)]
    )
    always = confidence_sequence(np.zeros(looks), se=np.ones(looks), n=2 * n, alpha=alpha, tuned_for_n=int(2 * n[-1]))
    bounds = {
        "plain": np.full(looks, stats.norm.isf(alpha / 2)),
        "confidence_sequence": always["half_width"],
        "planned_looks": group_sequential(looks, alpha=alpha).z_bound.to_numpy(),
    }
    rows = []
    for rule in RULES:
        stopped = np.logical_or.accumulate(z >= bounds[rule], axis=1).sum(axis=0)
        for k, count in enumerate(stopped):
            interval = stats.binomtest(int(count), experiments).proportion_ci(0.95, method="wilson")
            rows.append(
                {
                    "rule": rule,
                    "look": k + 1,
                    "false_alarm": count / experiments,
                    "lower": interval.low,
                    "upper": interval.high,
                    "n": experiments,
                }
            )
    return pd.DataFrame(rows)


def _running_z(rng: np.random.Generator, experiments: int, n: np.ndarray, a_look: int) -> np.ndarray:
    """Size of z at every look of experiments without effect, from the running sums of both arms."""
    mean, variance = [], []
    for _ in range(2):
        y = rng.standard_exponential(size=(experiments, len(n), a_look), dtype=np.float32)
        total = y.sum(axis=2, dtype=float).cumsum(axis=1)
        squares = np.einsum("elc,elc->el", y, y, dtype=float).cumsum(axis=1)
        mean.append(total / n)
        variance.append((squares - total**2 / n) / (n - 1))
    return np.abs(mean[1] - mean[0]) / np.sqrt((variance[0] + variance[1]) / n)
