"""One number for a ranking: Qini and AUUC, each with its convention named and its interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from helpers.models.uplift.arms import read_alpha, read_n_boot
from helpers.models.uplift.curves import gain_heights, qini_heights
from helpers.models.uplift.estimate import Estimate
from helpers.models.uplift.ranking import Counts, Ranking, rank

CONVENTIONS = ("radcliffe", "causalml", "scikit-uplift")


def qini_coefficient(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    convention: str = "radcliffe",
    normalize: bool = True,
    control: Any = 0,
    n_boot: int = 200,
    seed: int = 0,
    alpha: float = 0.05,
) -> Estimate:
    """Area between the Qini curve and the diagonal of a random ranking, in a named convention.

    The same ranking scores 0.007, 143 or 0.13 by convention: a number without its convention says nothing.

    Parameters
    ----------
    y, uplift, treatment, control
        As for :func:`helpers.models.uplift.qini_curve`.
    convention : {"radcliffe", "causalml", "scikit-uplift"}
        ``radcliffe``: area ÷ n², outcomes per customer. ``causalml``: mean height over the diagonal, ÷ the curve's
        end if ``normalize`` (``qini_score`` of causalml 0.18). ``scikit-uplift``: area ÷ that of the
        perfect ranking, binary outcomes only (``qini_auc_score`` of scikit-uplift 0.5.1).
    normalize : bool
        Only read by ``causalml``: its own option and default.
    n_boot : int
        Bootstrap samples of customers within arms; the ranking stays as it is, and so does what the convention
        divides by (the curve's end, the perfect area): in samples it may be near 0, and the interval would be as
        wide as one likes. 0 gives no interval (NaN); neither does an arm of one customer, who would be in every sample.
    seed : int
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    Estimate
        Mapping with ``estimate, lower, upper, n`` and ``convention``.

    Raises
    ------
    ValueError
        For an unknown convention, an amount under ``scikit-uplift``, a negative ``n_boot``, or where the convention
        divides by zero.

    References
    ----------
    Radcliffe (2007), Direct Marketing Analytics Journal 3, 14–21.

    Examples
    --------
    >>> score = qini_coefficient([1, 0, 1, 0], [0.4, 0.3, 0.2, 0.1], [1, 0, 0, 1], convention="radcliffe", n_boot=0)
    >>> score["estimate"], score["n"]
    (0.15625, 4)
    """
    ranking = rank(y, uplift, treatment, control=control)
    measure = _measure(convention, ranking, "qini_coefficient")

    def value(counts: Counts) -> float:
        if measure == "causalml":
            return _causalml_mean(counts, qini_heights, minus_diagonal=True)
        return _area_over_diagonal(counts.n, qini_heights(counts))

    def unit(counts: Counts) -> float:
        if measure == "causalml":
            return _causalml_end(qini_heights(counts)) if normalize else 1.0
        return _perfect_qini(counts) if measure == "scikit-uplift" else counts.n[-1] ** 2

    return _with_interval(ranking, value, unit, convention, n_boot=n_boot, seed=seed, alpha=alpha)


def auuc(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    convention: str = "causalml",
    normalize: bool = True,
    control: Any = 0,
    n_boot: int = 200,
    seed: int = 0,
    alpha: float = 0.05,
) -> Estimate:
    """Area under the uplift curve, in a named convention.

    Parameters
    ----------
    y, uplift, treatment, control, normalize, n_boot, seed, alpha
        As for :func:`qini_coefficient`.
    convention : {"radcliffe", "causalml", "scikit-uplift"}
        ``causalml``: mean height of the curve, ÷ its end if ``normalize``; a random ranking then scores about 0.5.
        ``scikit-uplift``: area over the diagonal ÷ that of the perfect ranking, binary outcomes only
        (``uplift_auc_score``). ``radcliffe``: area over the diagonal ÷ n², outcomes per customer.

    Returns
    -------
    Estimate
        Mapping with ``estimate, lower, upper, n`` and ``convention``.

    Raises
    ------
    ValueError
        As for :func:`qini_coefficient`.

    Examples
    --------
    >>> auuc([1, 0, 1, 0], [0.4, 0.3, 0.2, 0.1], [1, 0, 0, 1], convention="radcliffe", n_boot=0)["estimate"]
    0.28125
    """
    ranking = rank(y, uplift, treatment, control=control)
    measure = _measure(convention, ranking, "auuc")

    def value(counts: Counts) -> float:
        if measure == "causalml":
            return _causalml_mean(counts, gain_heights, minus_diagonal=False)
        return _area_over_diagonal(counts.n, gain_heights(counts))

    def unit(counts: Counts) -> float:
        if measure == "causalml":
            return _causalml_end(gain_heights(counts)) if normalize else 1.0
        return _perfect_gain(counts) if measure == "scikit-uplift" else counts.n[-1] ** 2

    return _with_interval(ranking, value, unit, convention, n_boot=n_boot, seed=seed, alpha=alpha)


def _measure(convention: str, ranking: Ranking, name: str) -> str:
    if convention not in CONVENTIONS:
        raise ValueError(f"convention is {convention!r}; it must be one of {', '.join(CONVENTIONS)}")
    if convention == "scikit-uplift" and not ranking.is_binary:
        raise ValueError(
            f"{name}: convention 'scikit-uplift' divides by the perfect ranking of outcomes 0 and 1, "
            "but y has other values; use 'radcliffe' or 'causalml' for amounts"
        )
    return convention


def _with_interval(
    ranking: Ranking,
    value: Callable[[Counts], float],
    unit: Callable[[Counts], float],
    convention: str,
    *,
    n_boot: int,
    seed: int,
    alpha: float,
) -> Estimate:
    samples = read_n_boot(n_boot)
    seen = ranking.counts()
    estimate, one = value(seen), unit(seen)
    drawn = [value(ranking.counts(weight)) / one for weight in ranking.resamples(n_boot=samples, seed=seed)]
    return Estimate.from_draws(estimate / one, drawn, n=ranking.n, alpha=read_alpha(alpha), convention=convention)


def _area_over_diagonal(n: np.ndarray, height: np.ndarray) -> float:
    return float(np.trapezoid(np.r_[0.0, height], np.r_[0.0, n]) - n[-1] * height[-1] / 2)


def _causalml_mean(counts: Counts, heights: Callable[[Counts], np.ndarray], *, minus_diagonal: bool) -> float:
    """Mean of the curve over 0…n customers as causalml has it.

    causalml knows no height before both arms are seen and draws its first piece straight from zero: the Qini curve
    itself, but for the uplift curve the difference of the means, so that its product with k bends.
    """
    height, n = heights(counts), counts.n
    seen = counts.n_control > 0
    if not minus_diagonal:
        seen &= counts.n_treated > 0
    n_hidden = int(np.argmax(seen))
    n, height = n[n_hidden:], height[n_hidden:]
    before, base, size = np.r_[0.0, n[:-1]], np.r_[0.0, height[:-1]], np.diff(n, prepend=0.0)
    # Sum of a straight line over the whole numbers of each piece.
    pieces = size * base + np.where(size > 0, (height - base) * (size + 1) / 2, 0.0)
    if n_hidden and not minus_diagonal:
        pieces[0] = height[0] / n[0] ** 2 * (n[0] * (n[0] + 1) * (2 * n[0] + 1) / 6)
    mean = float(pieces.sum() / (before[-1] + size[-1] + 1))
    if minus_diagonal:
        mean -= float(height[-1] / 2)
    return mean


def _causalml_end(height: np.ndarray) -> float:
    if height[-1] == 0:
        raise ValueError(
            "convention 'causalml' divides by the curve's end, and the arms' means are equal; use normalize=False"
        )
    return abs(float(height[-1]))


def _perfect_qini(counts: Counts) -> float:
    """Area of the best possible Qini curve: treated responders first, control responders last."""
    n_t, n_c, y_t, y_c = (part[-1] for part in (counts.n_treated, counts.n_control, counts.y_treated, counts.y_control))
    groups = [(y_t, 0.0, y_t, 0.0), (n_t - y_t, n_c - y_c, 0.0, 0.0), (0.0, y_c, 0.0, y_c)]
    return _perfect_area(groups, qini_heights)


def _perfect_gain(counts: Counts) -> float:
    """Area of the best possible uplift curve, by scikit-uplift's rule for the groups that can't be told apart."""
    n_t, n_c, y_t, y_c = (part[-1] for part in (counts.n_treated, counts.n_control, counts.y_treated, counts.y_control))
    treated_yes, treated_no = (y_t, 0.0, y_t, 0.0), (n_t - y_t, 0.0, 0.0, 0.0)
    control_yes, control_no = (0.0, y_c, 0.0, y_c), (0.0, n_c - y_c, 0.0, 0.0)
    if y_c > n_t - y_t:
        groups = [treated_yes, control_no, control_yes, treated_no]
    else:
        groups = [treated_yes, control_no, treated_no, control_yes]
    return _perfect_area(groups, gain_heights)


def _perfect_area(groups: list[tuple[float, float, float, float]], heights: Callable[[Counts], np.ndarray]) -> float:
    """Area over the diagonal of groups (treated, control, treated outcomes, control outcomes) taken in turn."""
    parts = np.array([group for group in groups if group[0] + group[1] > 0]).cumsum(axis=0)
    counts = Counts(parts[:, 0] + parts[:, 1], parts[:, 0], parts[:, 1], parts[:, 2], parts[:, 3])
    area = _area_over_diagonal(counts.n, heights(counts))
    if area == 0:
        raise ValueError(
            "convention 'scikit-uplift' divides by the perfect ranking, which here is no better than random"
        )
    return area
