"""Shares with their intervals: of one group, and the ratio of two."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri


def wilson(successes: ArrayLike, n: ArrayLike, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a share by Wilson's score method: it never leaves 0–1 and is honest in small groups.

    Parameters
    ----------
    successes, n : array-like, (k,)
        Counts; a group of 0 knows nothing: its interval is 0 to 1.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    tuple of array, (k,)
        Lower and upper bounds; exactly 0 where there is no success, exactly 1 where all are.

    References
    ----------
    Wilson (1927), JASA 22(158), 209–212.

    Examples
    --------
    >>> low, high = wilson([81, 0], [263, 20])
    >>> low.round(4).tolist(), high.round(4).tolist()
    ([0.2553, 0.0], [0.3662, 0.1611])
    """
    x, total = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    z2 = ndtri(1 - alpha / 2) ** 2
    known = total > 0
    size = np.where(known, total, 1.0)
    share = np.where(known, x / size, 0.5)
    centre = (share + z2 / (2 * size)) / (1 + z2 / size)
    half = np.sqrt(z2 * (share * (1 - share) / size + z2 / (4 * size**2))) / (1 + z2 / size)
    lower = np.where(known & (x > 0), np.maximum(centre - half, 0.0), 0.0)
    upper = np.where(known & (x < total), np.minimum(centre + half, 1.0), 1.0)
    return lower, upper


def share_ratio(
    successes_a: ArrayLike, n_a: ArrayLike, successes_b: ArrayLike, n_b: ArrayLike, *, alpha: float = 0.05
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratio of the shares of two independent groups, a over b, with its interval.

    The two Wilson intervals are combined (method of variance estimates recovery), which keeps its level where the
    delta method fails: at few successes, or none.

    Returns
    -------
    tuple of array, (k,)
        Ratio, lower, upper; infinite where nobody of b succeeded, NaN where nobody of either did.

    References
    ----------
    Donner and Zou (2012), Statistical Methods in Medical Research 21(4), 347–359.

    Examples
    --------
    >>> ratio, low, high = share_ratio([40], [100], [20], [100])
    >>> [round(float(value[0]), 2) for value in (ratio, low, high)]
    [2.0, 1.27, 3.16]
    """
    x_a, m_a, x_b, m_b = (np.asarray(value, dtype=float) for value in (successes_a, n_a, successes_b, n_b))
    low_a, high_a = wilson(x_a, m_a, alpha=alpha)
    low_b, high_b = wilson(x_b, m_b, alpha=alpha)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = x_a / m_a, x_b / m_b
        ratio = a / b
        lower = (
            a * b - np.sqrt(np.maximum((a * b) ** 2 - low_a * high_b * (2 * a - low_a) * (2 * b - high_b), 0.0))
        ) / (high_b * (2 * b - high_b))
        upper = (
            a * b + np.sqrt(np.maximum((a * b) ** 2 - high_a * low_b * (2 * a - high_a) * (2 * b - low_b), 0.0))
        ) / (low_b * (2 * b - low_b))
    lower = np.where(x_a == 0, 0.0, lower)
    upper = np.where(x_b == 0, np.inf, upper)
    return ratio, np.where(np.isnan(ratio), np.nan, lower), np.where(np.isnan(ratio), np.nan, upper)


def equal_shares_p_value(successes_a: ArrayLike, n_a: ArrayLike, successes_b: ArrayLike, n_b: ArrayLike) -> np.ndarray:
    """Two-sided p-value of equal shares in two independent groups (score test, pooled variance).

    Examples
    --------
    >>> equal_shares_p_value([40, 3], [100, 10], [20, 3], [100, 10]).round(4).tolist()
    [0.002, 1.0]
    """
    from scipy.special import ndtr

    x_a, m_a, x_b, m_b = (np.asarray(value, dtype=float) for value in (successes_a, n_a, successes_b, n_b))
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (x_a + x_b) / (m_a + m_b)
        error = np.sqrt(pooled * (1 - pooled) * (1 / m_a + 1 / m_b))
        z = (x_a / m_a - x_b / m_b) / error
    # Nobody or everybody succeeded, or a group is empty: nothing tells the groups apart.
    return np.where(np.isfinite(z), 2 * ndtr(-np.abs(z)), 1.0)
