"""How good were the probabilities? Ranking, accuracy and calibration with their intervals."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata


def _clustered(influence: np.ndarray, cluster: np.ndarray | None) -> float:
    """Variance of a sum of influences; those of one customer move together."""
    if cluster is not None:
        influence = np.bincount(pd.factorize(cluster)[0], influence)
    return float(np.sum(influence**2))


def auc(
    label: np.ndarray, probability: np.ndarray, alpha: float = 0.05, *, cluster: np.ndarray | None = None
) -> tuple[float, float, float]:
    """Chance that a customer who fell silent had the higher probability than one who did not, with
    DeLong's interval.

    One half with bounds 0 and 1 where only one kind of outcome occurred: nothing can be said.

    Parameters
    ----------
    label : array of shape (n,)
        0 or 1.
    probability : array of shape (n,)
    alpha : float
    cluster : array of shape (n,), optional
        Customer of each row, where a customer stands in several.

    Returns
    -------
    tuple of float
        Estimate, lower, upper (0–1).

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), 837–845; ranks as in Sun and Xu (2014).

    Examples
    --------
    >>> auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]))[0]
    0.75
    """
    event = np.asarray(label) == 1
    m, n = int(event.sum()), int((~event).sum())
    if m == 0 or n == 0:
        return 0.5, 0.0, 1.0
    ranks = rankdata(probability)
    among_events, among_others = rankdata(probability[event]), rankdata(probability[~event])
    # Placements: share of the other kind below each one, ties by half.
    above = (ranks[event] - among_events) / n
    below = 1 - (ranks[~event] - among_others) / m
    value = float(above.mean())
    influence = np.empty(m + n)
    # Centred with n − 1, as DeLong's variance is.
    influence[event] = (above - value) / np.sqrt(m * max(m - 1, 1))
    influence[~event] = (below - value) / np.sqrt(n * max(n - 1, 1))
    half = float(ndtri(1 - alpha / 2) * np.sqrt(_clustered(influence, cluster)))
    return value, max(value - half, 0.0), min(value + half, 1.0)


def brier(
    label: np.ndarray,
    probability: np.ndarray,
    base_rate: float | np.ndarray,
    alpha: float = 0.05,
    *,
    cluster: np.ndarray | None = None,
) -> dict[str, float]:
    """Mean squared error of the probabilities, of the base rate alone, and the skill between them.

    ``skill`` is 1 minus their ratio: 0 is no better than the base rate; its interval comes from the paired
    differences of the squared errors.
    """
    own = (probability - label) ** 2
    plain = (base_rate - label) ** 2
    gain = plain - own
    error = np.sqrt(_clustered((gain - gain.mean()) / len(gain), cluster))
    half = ndtri(1 - alpha / 2) * error if len(gain) > 1 else np.inf
    scale = float(plain.mean())
    if scale == 0:
        skill = lower = upper = 0.0
    else:
        skill, lower, upper = (float((gain.mean() + shift) / scale) for shift in (0.0, -half, half))
    return {
        "brier": float(own.mean()),
        "brier_base_rate": scale,
        "skill": skill,
        "skill_lower": lower,
        "skill_upper": upper,
    }


def wilson(events: np.ndarray, n: np.ndarray, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of a share by Wilson's score (1927)."""
    z = ndtri(1 - alpha / 2)
    share = events / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return np.maximum(centre - half, 0.0), np.minimum(centre + half, 1.0)


def tenths(
    label: np.ndarray,
    probability: np.ndarray,
    *,
    bins: int = 10,
    alpha: float = 0.05,
    cluster: np.ndarray | None = None,
) -> pd.DataFrame:
    """Customers in equal groups by falling probability: what was predicted, what came, and the lift.

    Customers with equal probability stay in one group, so groups may be fewer and unequal. With
    ``cluster`` (the customer of each row) a customer who stands in a group several times counts once for
    the width of its interval.

    Returns
    -------
    DataFrame, at most ``bins`` rows, the highest probabilities first
        ``bin`` (1 the highest), ``n``, ``lapsed``, ``predicted``, ``observed`` with ``lower``, ``upper``
        (shares; Wilson), ``lift`` (observed ÷ overall share), ``captured`` (share of all who fell silent
        found so far).
    """
    order = np.argsort(-probability, kind="stable")
    sorted_p, event = probability[order], np.asarray(label)[order]
    who = np.arange(len(order)) if cluster is None else np.asarray(cluster)[order]
    place = np.arange(len(order)) * bins // max(len(order), 1)
    # All ties take the group of their first.
    starts = np.r_[True, sorted_p[1:] != sorted_p[:-1]] if len(order) else np.zeros(0, dtype=bool)
    place = place[np.flatnonzero(starts)][np.cumsum(starts) - 1]
    table = (
        pd.DataFrame({"place": place, "event": event, "p": sorted_p, "who": who})
        .groupby("place")
        .agg(n=("event", "size"), lapsed=("event", "sum"), predicted=("p", "mean"), own=("who", "nunique"))
        .reset_index(drop=True)
    )
    overall = event.mean() if len(event) else 0.0
    own = table.pop("own").to_numpy(float)
    lower, upper = wilson(table["lapsed"].to_numpy(float) / table["n"].to_numpy() * own, own, alpha)
    table.insert(0, "bin", np.arange(1, len(table) + 1))
    table["observed"] = table["lapsed"] / table["n"]
    table["lower"], table["upper"] = lower, upper
    table["lift"] = table["observed"] / overall if overall > 0 else 1.0
    table["captured"] = np.cumsum(table["lapsed"]) / table["lapsed"].sum() if overall > 0 else 0.0
    return table


def backtest_row(
    horizon_days: int,
    cutoff: date | str,
    label: np.ndarray,
    probability: np.ndarray,
    rate: float | np.ndarray,
    customers: np.ndarray,
    *,
    alpha: float,
) -> dict[str, object]:
    """Sum up one test day, or all of them: a row of ``ChurnWarning.backtest_``.

    Parameters
    ----------
    horizon_days : int
    cutoff : date or "all"
    label, probability : ndarray (n,)
        Whether the customer fell silent, and the forecast.
    rate : float or ndarray (n,)
        Base rate of the training days.
    customers : ndarray (n,)
        Whose forecast it is: those of one customer move together.
    alpha : float
        1 minus the confidence level.
    """
    value, low, high = auc(label, probability, alpha, cluster=customers)
    accuracy = brier(label, probability, rate, alpha, cluster=customers)
    return {
        "horizon_days": horizon_days,
        "cutoff": str(cutoff),
        "n": len(label),
        "n_customers": len(np.unique(customers)),
        "lapsed": int(label.sum()),
        "base_rate": float(label.mean()),
        "expected_rate": float(np.mean(rate)),
        "predicted": float(probability.mean()),
        "auc": value,
        "auc_lower": low,
        "auc_upper": high,
        **accuracy,
        "better": bool(accuracy["skill_lower"] > 0),
    }
