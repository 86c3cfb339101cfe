"""Sums over the customers who lapse on one day, by Efron's or Breslow's rule, for all days at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, polygamma

# Up to so many lapses a day the sum is taken term by term; above it the closed form is cheaper.
_DIRECT = 64
# Where those at risk outnumber the lapses by more than this, the closed form's differences lose digits.
_CROWD = 3000.0


@dataclass(frozen=True)
class TieSums:
    """With ``f = l / d`` and ``phi = risk − f · tied`` over ``l = 0 … d − 1`` of each day, arrays of shape
    (n_days,).

    ``log`` is Σ log phi, ``a`` Σ 1/phi, ``b`` Σ f/phi, ``aa`` Σ 1/phi², ``ab`` Σ f/phi², ``bb`` Σ f²/phi².
    """

    log: np.ndarray
    a: np.ndarray
    b: np.ndarray
    aa: np.ndarray
    ab: np.ndarray
    bb: np.ndarray


def tie_sums(risk: np.ndarray, tied: np.ndarray, d: np.ndarray, ties: str) -> TieSums:
    """Sum over the tied lapses of every day.

    Parameters
    ----------
    risk, tied : arrays of shape (n_days,)
        Sum of the relative hazards of those at risk, and of those who lapse on the day.
    d : array of shape (n_days,)
        Lapses of the day, at least 1 (counts).
    ties : {"efron", "breslow"}

    References
    ----------
    Efron (1977), JASA 72, 557–565. Closed form: Σ 1/(z − l) over l < d is digamma(z + 1) − digamma(z − d +
    1).
    """
    if ties == "breslow":
        zero = np.zeros_like(risk)
        return TieSums(d * np.log(risk), d / risk, zero, d / risk**2, zero, zero)
    few = (d <= _DIRECT) | (risk > _CROWD * tied)
    if few.all():
        return _direct(risk, tied, d)
    if not few.any():
        return _closed(risk, tied, d)
    parts = _direct(risk[few], tied[few], d[few]), _closed(risk[~few], tied[~few], d[~few])
    out = {}
    for name in ("log", "a", "b", "aa", "ab", "bb"):
        values = np.empty_like(risk)
        values[few], values[~few] = (getattr(part, name) for part in parts)
        out[name] = values
    return TieSums(**out)


def _direct(risk: np.ndarray, tied: np.ndarray, d: np.ndarray) -> TieSums:
    counts = d.astype(np.intp)
    first = np.cumsum(counts) - counts
    day = np.repeat(np.arange(len(counts)), counts)
    f = (np.arange(len(day)) - first[day]) / counts[day]
    phi = risk[day] - f * tied[day]

    def total(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, first) if len(values) else np.zeros(len(counts))

    inverse = 1 / phi
    square = inverse**2
    return TieSums(
        total(np.log(phi)), total(inverse), total(f * inverse), total(square), total(f * square), total(f**2 * square)
    )


def _closed(risk: np.ndarray, tied: np.ndarray, d: np.ndarray) -> TieSums:
    c = tied / d
    z = risk / c
    top, bottom = z + 1, np.maximum(z - d + 1, 1e-300)
    one = digamma(top) - digamma(bottom)
    two = polygamma(1, bottom) - polygamma(1, top)
    return TieSums(
        d * np.log(c) + gammaln(top) - gammaln(bottom),
        one / c,
        (z * one - d) / (c * d),
        two / c**2,
        (z * two - one) / (c**2 * d),
        (z**2 * two - 2 * z * one + d) / (c**2 * d**2),
    )
