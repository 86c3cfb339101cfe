"""Do groups differ in retention? Log-rank tests from counts, overall, pairwise and stratified."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import ibis
import numpy as np
import pandas as pd
from scipy.special import chdtrc

from helpers.models.retention import columns as col
from helpers.models.retention.counts import SpellCounts, collect
from helpers.models.retention.left_out import carry
from helpers.models.retention.maturity import at_horizon

ALL = "all"


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values adjusted by Holm's step-down rule, in the order given.

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def _observed_less_expected(at_risk: np.ndarray, lapsed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Score vector and its hypergeometric covariance, from ``(n_groups, n_times)`` counts."""
    n, d = at_risk.sum(axis=0), lapsed.sum(axis=0)
    event = (d > 0) & (n > 0)
    n, d, at_risk, lapsed = n[event], d[event], at_risk[:, event], lapsed[:, event]
    score = lapsed.sum(axis=1) - (at_risk * (d / n)).sum(axis=1)
    share = at_risk / n
    # One customer left at risk: no variance is left either.
    spread = d * np.divide(n - d, n - 1, out=np.zeros_like(n), where=n > 1)
    covariance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    return score, covariance


def _test(parts: list[tuple[np.ndarray, np.ndarray]], groups: Sequence[int]) -> tuple[float, int]:
    """χ² over strata for some of the groups, and its degrees of freedom."""
    pick = list(groups)
    score, covariance = np.zeros(len(pick)), np.zeros((len(pick), len(pick)))
    for at_risk, lapsed in parts:
        part_score, part_covariance = _observed_less_expected(at_risk[pick], lapsed[pick])
        score += part_score
        covariance += part_covariance
    # Groups that were never at risk beside another one bring no information and no degree of freedom.
    informed = np.diag(covariance) > 0
    df = int(informed.sum()) - 1
    if df < 1:
        return 0.0, max(len(pick) - 1, 1)
    keep = np.flatnonzero(informed)[:-1]
    z = score[keep]
    return float(z @ np.linalg.solve(covariance[np.ix_(keep, keep)], z)), df


def _by_strata(counts: SpellCounts, n_by: int) -> tuple[list[tuple[object, ...]], list[tuple[np.ndarray, np.ndarray]]]:
    """Groups without their strata, and for each stratum the counts of all groups (0 where absent)."""
    groups = list(dict.fromkeys(label[:n_by] for label in counts.labels))
    place = {label: i for i, label in enumerate(groups)}
    at_risk, lapsed = counts.at_risk, counts.lapsed
    parts: dict[tuple[object, ...], tuple[np.ndarray, np.ndarray]] = {}
    for i, label in enumerate(counts.labels):
        empty = (np.zeros((len(groups), len(counts.times))), np.zeros((len(groups), len(counts.times))))
        part = parts.setdefault(label[n_by:], empty)
        part[0][place[label[:n_by]]] += at_risk[i]
        part[1][place[label[:n_by]]] += lapsed[i]
    return groups, list(parts.values())


def _known(counts: SpellCounts, pick: np.ndarray) -> tuple[int, int]:
    """Customers of some counts whose state on the last day compared, that of their last lapse, is known and not known."""
    lapses = np.flatnonzero(counts.lapsed[pick].any(axis=0))
    eligible, immature = at_horizon(counts, counts.times[lapses[-1]] if len(lapses) else 0.0)
    return int(eligible[pick].sum()), int(immature[pick].sum())


def logrank(
    spells: pd.DataFrame | ibis.Table, *, by: str | Sequence[str], strata: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """Log-rank test of equal retention: all groups together, then every pair.

    Parameters
    ----------
    spells
        As in :func:`survival_curves`; late entry is honoured, weights count as repeated customers.
    by : str or list of str
        Columns that tell the groups apart; at least two groups.
    strata : str or list of str, optional
        Groups are compared only inside each stratum, then added up.

    Returns
    -------
    DataFrame
        ``group_a``, ``group_b`` (texts; the overall test is the row with ``group_a == "all"``),
        ``statistic`` (χ²), ``df``, ``p_value``, ``p_adjusted`` (Holm over the pairs; the overall test
        stands alone), ``n_a``, ``n_b`` customers
        (in the overall row: everybody, twice); ``n_eligible``, ``n_immature`` (customers of the groups compared
        whose state on the day of their last lapse is known, not known). Without any lapse the statistic is 0
        and p is 1.

    Raises
    ------
    KeyError, ValueError
        Fewer than two groups, and as in :func:`survival_curves`.

    References
    ----------
    Mantel (1966); Peto and Peto (1972), JRSS A 135(2), 185–207. Holm (1979).

    Examples
    --------
    >>> spells = pd.DataFrame({"days_active": [1, 2, 3, 4], "lapsed": [1, 1, 1, 1], "arm": list("aabb")})
    >>> logrank(spells, by="arm").round(4)[["group_a", "group_b", "statistic", "df", "p_value"]].values.tolist()
    [['all', 'all', 2.8824, 1, 0.0896], ['a', 'b', 2.8824, 1, 0.0896]]
    """
    groups_by, strata_by = col.check_by(by), col.check_by(strata)
    if not groups_by:
        raise ValueError("by must name the column that tells the groups apart")
    if set(groups_by) & set(strata_by):
        raise ValueError(f"by and strata must differ; both name {', '.join(set(groups_by) & set(strata_by))}")
    counts = collect(spells, by=[*groups_by, *strata_by])
    groups, parts = _by_strata(counts, len(groups_by))
    if len(groups) < 2:
        raise ValueError(
            f"by must tell at least two groups apart; there is only {', '.join(map(col.group_name, groups))}"
        )
    names = [col.group_name(label) for label in groups]
    # Which of the groups each count belongs to: a group has one a stratum.
    place = np.array([groups.index(label[: len(groups_by)]) for label in counts.labels])
    n = np.bincount(place, counts.rows).round().astype(int)
    pairs = list(combinations(range(len(groups)), 2))
    known = [_known(counts, np.isin(place, pick)) for pick in (range(len(groups)), *pairs)]
    tests = [_test(parts, range(len(groups))), *(_test(parts, pair) for pair in pairs)]
    p_values = np.array([float(chdtrc(df, statistic)) for statistic, df in tests])
    table = pd.DataFrame(
        {
            "group_a": [ALL, *(names[a] for a, _ in pairs)],
            "group_b": [ALL, *(names[b] for _, b in pairs)],
            "statistic": [statistic for statistic, _ in tests],
            "df": [df for _, df in tests],
            "p_value": p_values,
            "p_adjusted": np.append(p_values[:1], holm(p_values[1:])),
            "n_a": [n.sum(), *(n[a] for a, _ in pairs)],
            "n_b": [n.sum(), *(n[b] for _, b in pairs)],
            "n_eligible": [eligible for eligible, _ in known],
            "n_immature": [immature for _, immature in known],
        }
    )
    return carry(table, *counts.left_out, source=spells)
