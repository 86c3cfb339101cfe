"""How much more the campaign moves the top of a ranking than the average: the TOC curve, and AUTOC, its mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.models.uplift.arms import Arms, read_alpha, read_propensity
from helpers.models.uplift.estimate import Estimate
from helpers.models.uplift.ranking import Ranking, rank
from helpers.models.uplift.scores import doubly_robust_scores

_PLACES = 201  # of a band; between them it is drawn straight


@dataclass(frozen=True)
class _Scored:
    """A ranking with each customer's doubly robust score of the effect, in the ranking's order."""

    ranking: Ranking
    scores: np.ndarray

    @classmethod
    def of(cls, y: Any, uplift: Any, treatment: Any, propensity: Any, outcomes: Any, control: Any) -> _Scored:
        ranking = rank(y, uplift, treatment, control=control)
        arms = Arms(labels=np.array([0, 1]), code=ranking.treated.astype(np.intp))
        table = read_propensity(_reordered(propensity, ranking), arms=arms)
        if outcomes is not None:
            outcomes = np.asarray(outcomes, dtype=float)
            if outcomes.shape != (ranking.n, 2):
                raise ValueError(f"outcomes has shape {outcomes.shape}; ({ranking.n}, 2), control first, is needed")
            outcomes = outcomes[ranking.order]
        return cls(ranking, doubly_robust_scores(ranking.y, arms, propensity=table, outcomes=outcomes)[:, 0])

    def sums(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Customers above each threshold, and the sum of their scores."""
        ends = self.ranking.ends
        return np.cumsum(weight)[ends].astype(np.intp), np.cumsum(weight * self.scores)[ends]


def toc_curve(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    propensity: Any = None,
    outcomes: np.ndarray | None = None,
    control: Any = 0,
    n_boot: int = 0,
    seed: int = 0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """How much more the campaign moves the customers ranked highest than the average customer, per threshold.

    TOC(q) is the mean effect in the top share q less the mean effect of all; it ends at 0. Over the first few
    customers it is nearly all noise: read it from where the band leaves 0 out.

    Parameters
    ----------
    y, uplift, treatment, control, n_boot, seed, alpha
        As for :func:`helpers.models.uplift.qini_curve`.
    propensity, outcomes
        As for :func:`autoc`.

    Returns
    -------
    DataFrame, one row a threshold
        ``n_targeted`` (customers), ``share_targeted`` (above 0, up to 1), ``toc`` (in the outcome's unit); with
        ``n_boot`` also ``lower``, ``upper``.

    Raises
    ------
    ValueError
        As for :func:`helpers.models.uplift.qini_curve`; ``outcomes`` of another shape.

    References
    ----------
    Yadlowsky, Fleming, Shah, Brunskill and Wager (2021), arXiv:2111.07966.

    Examples
    --------
    >>> y, treatment = [1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 1, 1, 0, 0]
    >>> toc_curve(y, [2, 2, 2, 2, 1, 1, 1, 1], treatment)[["share_targeted", "toc"]].values.tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    scored = _Scored.of(y, uplift, treatment, propensity, outcomes, control)
    ranking = scored.ranking
    n, total = scored.sums(np.ones(ranking.n))
    table = pd.DataFrame(
        {"n_targeted": n, "share_targeted": n / ranking.n, "toc": total / n - total[-1] / ranking.n},
    )
    if n_boot:
        read_alpha(alpha)
        # Closer together where few are targeted: the curve bends there.
        grid = np.geomspace(1, ranking.n, _PLACES)
        drawn = np.empty((n_boot, len(grid)))
        for row, weight in enumerate(ranking.resamples(n_boot=n_boot, seed=seed)):
            counted, summed = scored.sums(weight)
            sums = np.interp(grid, np.r_[0, counted], np.r_[0.0, summed])
            drawn[row] = sums / grid - sums[-1] / ranking.n
        low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2], axis=0)
        table["lower"] = np.interp(table["n_targeted"], grid, low)
        table["upper"] = np.interp(table["n_targeted"], grid, high)
    return table


def autoc(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    propensity: Any = None,
    outcomes: np.ndarray | None = None,
    control: Any = 0,
    n_boot: int = 200,
    seed: int = 0,
    alpha: float = 0.05,
) -> Estimate:
    """How much more the campaign moves the top of the ranking than the average, averaged over all shares targeted.

    The mean of :func:`toc_curve` over q. A few strong responders show here first. Effects come from doubly robust
    scores, so a top of three customers counts without one in each arm. Zero means that the ranking knows nothing.

    Parameters
    ----------
    y, uplift, treatment, control, n_boot, seed, alpha
        As for :func:`qini_coefficient`.
    propensity : None, float or (n,)
        Probability of the treated arm; None takes the share seen.
    outcomes : ndarray, (n, 2), optional
        Expected outcome without and with the campaign, from models that have not seen the customer: less noise.

    Returns
    -------
    Estimate
        Mapping with ``estimate, lower, upper, n``, in the outcome's unit.

    References
    ----------
    Yadlowsky, Fleming, Shah, Brunskill and Wager (2021), arXiv:2111.07966.

    Examples
    --------
    >>> y, treatment = [1, 1, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 1, 1, 0, 0]
    >>> round(autoc(y, [2, 2, 2, 2, 1, 1, 1, 1], treatment, n_boot=0)["estimate"], 4)
    0.3173
    """
    scored = _Scored.of(y, uplift, treatment, propensity, outcomes, control)
    ranking = scored.ranking
    harmonic = np.r_[0.0, np.cumsum(1 / np.arange(1, ranking.n + 1))]

    def value(weight: np.ndarray) -> float:
        # Within equal uplifts any order is as likely, so the sum grows straight there: closed form, no shuffling.
        n, total = scored.sums(weight)
        before, base = np.r_[0, n[:-1]], np.r_[0.0, total[:-1]]
        size = n - before
        mean = np.divide(total - base, size, out=np.zeros_like(total), where=size > 0)
        tops = size * mean + (base - before * mean) * (harmonic[n] - harmonic[before])
        return float(tops.sum() / n[-1] - total[-1] / n[-1])

    estimate = value(np.ones(ranking.n))
    drawn = [value(weight) for weight in ranking.resamples(n_boot=n_boot, seed=seed)]
    return Estimate.from_draws(estimate, drawn, n=ranking.n, alpha=read_alpha(alpha))


def _reordered(propensity: Any, ranking: Ranking) -> Any:
    values = None if propensity is None or isinstance(propensity, dict) else np.asarray(propensity, dtype=float)
    return propensity if values is None or values.shape[:1] != (ranking.n,) else values[ranking.order]
