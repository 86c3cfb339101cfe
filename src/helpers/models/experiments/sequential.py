"""Intervals and p-values that hold at every look, so that looking early costs nothing but width."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from helpers.models.experiments.checks import check_share, is_number

Numbers = float | Sequence[float] | np.ndarray | pd.Series


def confidence_sequence(
    estimate: Numbers, *, se: Numbers, n: Numbers, alpha: float = 0.05, tuned_for_n: float = 5_000
) -> dict[str, object]:
    """Interval around an effect that covers the truth at all looks together with probability 1 − alpha.

    An ordinary 95 % interval holds at one look fixed beforehand; read daily for a month it leaves out the
    truth in about 3 of 10 experiments at some look.

    Parameters
    ----------
    estimate : float, or sequence of n_looks in time order
        Effect so far.
    se : float or sequence
        Its standard error.
    n : float or sequence
        Customers so far in both arms together.
    alpha : float
        1 minus the confidence level.
    tuned_for_n : float
        Number of customers at which the interval is to be narrowest against the fixed one. Choose it *before* looking.

    Returns
    -------
    dict
        ``estimate``, ``lower``, ``upper``, ``half_width``, ``p_value`` valid at every look (running minimum over the
        looks given), ``fixed_lower``, ``fixed_upper`` the ordinary interval, ``width_ratio`` of the two, ``rho``,
        ``n``, ``alpha``; numbers for one look, arrays of shape (n_looks,) for several.

    Raises
    ------
    ValueError
        If a standard error is negative, ``n`` is not positive and finite or falls, lengths differ, or an argument
        is no number.

    References
    ----------
    Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Annals of Statistics 52(6), 2613–2640, as in equation 9 of
    the 2023 preprint: half² = s²·2(nρ²+1)/(nρ)²·ln(√(nρ²+1)/α), s² = se²·n. Asymptotic: at the first few hundred
    customers it is only approximate.

    Examples
    --------
    >>> look = confidence_sequence(0.0, se=1 / 5000**0.5, n=5000)
    >>> round(look["half_width"], 7), round(look["width_ratio"], 4)
    (0.0429243, 1.5486)
    """
    scalar = np.ndim(estimate) == 0
    estimate, se, n = _looks(estimate, se, n)
    alpha = check_share("alpha", alpha)
    if not is_number(tuned_for_n) or not tuned_for_n > 0:
        raise ValueError(f"tuned_for_n: {tuned_for_n!r} is not a positive number of customers")
    rho = mixture_rho(alpha=alpha, tuned_for_n=tuned_for_n)
    k = n * rho**2 + 1
    half = se * np.sqrt(n) * np.sqrt(2 * k * np.log(np.sqrt(k) / alpha)) / (n * rho)
    fixed = stats.norm.isf(alpha / 2) * se
    return _as_given(
        scalar,
        {
            "estimate": estimate,
            "lower": estimate - half,
            "upper": estimate + half,
            "half_width": half,
            "p_value": _running_p(_log_mixture(estimate, se**2, se**2 * n * rho**2)),
            "fixed_lower": estimate - fixed,
            "fixed_upper": estimate + fixed,
            "width_ratio": np.divide(half, fixed, out=np.full_like(half, np.nan), where=fixed > 0),
            "n": n,
        },
    ) | {"rho": rho, "alpha": alpha}


def mixture_rho(*, alpha: float, tuned_for_n: float) -> float:
    """Mixing parameter with which a confidence sequence is narrowest at ``tuned_for_n`` customers.

    Parameters
    ----------
    alpha : float
    tuned_for_n : float
        Customers in both arms together.

    Returns
    -------
    float

    Examples
    --------
    >>> round(mixture_rho(alpha=0.05, tuned_for_n=5000), 8)
    0.03984007
    """
    information = -2 * math.log(alpha)
    return math.sqrt((information + math.log(information + 1)) / tuned_for_n)


def msprt(estimate: Numbers, *, se: Numbers, expected_effect: float, alpha: float = 0.05) -> dict[str, object]:
    """Mixture sequential probability ratio test: a p-value that may be read at every look.

    Parameters
    ----------
    estimate : float, or sequence of n_looks in time order
        Effect so far.
    se : float or sequence
        Its standard error.
    expected_effect : float
        Standard deviation τ of the effects that one reckons with, in the metric's unit; fixed *before* looking.
    alpha : float

    Returns
    -------
    dict
        ``statistic`` Λ (capped at 1e300), ``p_value`` = running minimum of 1/Λ over the looks given, ``reject``,
        ``lower``, ``upper`` always-valid interval, ``estimate``, ``alpha``; numbers for one look, arrays for several.

    Raises
    ------
    ValueError
        If a standard error or ``expected_effect`` is not positive and finite.

    References
    ----------
    Johari, Koomen, Pekelis and Walsh (2022), Operations Research 70(3), 1806–1821:
    Λ = √(V/(V+τ²))·exp(τ²d²/(2V(V+τ²))), V = se².

    Examples
    --------
    >>> look = msprt(0.5, se=0.1, expected_effect=0.2)
    >>> round(look["statistic"]), look["reject"]
    (9851, True)
    """
    scalar = np.ndim(estimate) == 0
    estimate, se, _ = _looks(estimate, se, None)
    alpha = check_share("alpha", alpha)
    if not np.all(se > 0):
        raise ValueError(f"se: {se.min()!r} is not positive")
    if not is_number(expected_effect) or not expected_effect > 0:
        raise ValueError(f"expected_effect: {expected_effect!r} is not a positive number")
    variance, mixing = se**2, float(expected_effect) ** 2
    log_statistic = _log_mixture(estimate, variance, mixing)
    p_value = _running_p(log_statistic)
    total = variance + mixing
    half = np.sqrt(2 * variance * total / mixing * (np.log(1 / alpha) + np.log(total / variance) / 2))
    return _as_given(
        scalar,
        {
            "statistic": np.exp(np.minimum(log_statistic, math.log(1e300))),
            "p_value": p_value,
            "reject": p_value <= alpha,
            "estimate": estimate,
            "lower": estimate - half,
            "upper": estimate + half,
        },
    ) | {"alpha": alpha}


def _log_mixture(estimate: np.ndarray, variance: np.ndarray, mixing: np.ndarray | float) -> np.ndarray:
    """Logarithm of the likelihood ratio, mixed over a normal law of effects with variance ``mixing``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        total = variance + mixing
        log_ratio = 0.5 * np.log(variance / total) + mixing * estimate**2 / (2 * variance * total)
    # Without any variance an estimate is certain: it is 0, or 0 is ruled out.
    certain = np.where(estimate == 0, 0.0, np.inf)
    return np.where(variance > 0, log_ratio, certain)


def _running_p(log_statistic: np.ndarray) -> np.ndarray:
    return np.minimum.accumulate(np.exp(-np.maximum(log_statistic, 0.0)))


def _looks(estimate: Numbers, se: Numbers, n: Numbers | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    estimate, se = _numbers("estimate", estimate), _numbers("se", se)
    n = np.ones(len(estimate)) if n is None else _numbers("n", n)
    if not len(estimate) == len(se) == len(n):
        raise ValueError(f"se, n: {len(se)} and {len(n)} values for {len(estimate)} estimates; one a look is needed")
    if not len(estimate):
        raise ValueError("estimate: no look is given; at least one is needed")
    if not np.all(np.isfinite(estimate)):
        raise ValueError("estimate: it is missing or infinite at a look; finite numbers are allowed")
    if not np.all(np.isfinite(se) & (se >= 0)):
        raise ValueError(f"se: {se.tolist()} must be numbers of 0 or more")
    if not np.all(np.isfinite(n) & (n > 0)) or np.any(np.diff(n) < 0):
        raise ValueError(f"n: {n.tolist()} must be positive, finite and not fall from look to look")
    return estimate, se, n


def _numbers(name: str, values: Numbers) -> np.ndarray:
    try:
        return np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        shown = values if np.ndim(values) == 0 else list(values)
        raise ValueError(f"{name}: {shown!r} is neither a number nor a sequence of numbers") from None


def _as_given(scalar: bool, arrays: dict[str, np.ndarray]) -> dict[str, object]:
    """One number each for one look, the arrays for several."""
    return {name: values[0].item() for name, values in arrays.items()} if scalar else arrays
