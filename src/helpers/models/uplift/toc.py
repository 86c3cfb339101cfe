"""How much more the campaign moves the top of a ranking than the average: the TOC curve, and AUTOC, its mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from helpers.models.uplift.arms import Arms, read_alpha, read_expected, read_n_boot, read_propensity
from helpers.models.uplift.estimate import Estimate
from helpers.models.uplift.ranking import Ranking, rank
from helpers.models.uplift.scores import doubly_robust_scores

_PLACES = 201  # of a band; between them it is drawn straight


@dataclass(frozen=True)
class _Scored:
    """A ranking with each customer's doubly robust score of the effect, in the ranking's order."""

    ranking: Ranking
    scores: np.ndarray
    seen_shares: bool  # no propensity was given

    @classmethod
    def of(cls, y: Any, uplift: Any, treatment: Any, propensity: Any, outcomes: Any, control: Any) -> _Scored:
        ranking = rank(y, uplift, treatment, control=control)
        arms = Arms(labels=ranking.labels, code=ranking.treated.astype(np.intp))
        table = _by_customer(propensity, ranking)
        expected = read_expected(outcomes, n=ranking.n, n_arms=2)
        if len(ranking.ends) < ranking.n and not (table is None and expected is None):
            ranking = _settled(ranking, table, expected)
        expected = None if expected is None else expected[ranking.order]
        table = read_propensity(propensity, arms=arms) if table is None else table[ranking.order]
        return cls(
            ranking,
            doubly_robust_scores(ranking.y, arms, propensity=table, outcomes=expected)[:, 0],
            propensity is None,
        )

    def resamples(self, *, n_boot: int, seed: int) -> Iterator[np.ndarray]:
        """Yield how often each ranked customer is drawn.

        Where the shares seen stand in for the propensities, scores hold for arms of the sizes seen, and those are
        kept. Where propensities are known, the sizes were chance, and scores divided by the propensities feel it.
        """
        return self.ranking.resamples(n_boot=n_boot, seed=seed, keep_arm_sizes=self.seen_shares)

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
        As for :func:`helpers.models.uplift.qini_curve`; ``outcomes`` of another shape or not finite.

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
    if read_n_boot(n_boot):
        read_alpha(alpha)
        # Closer together where few are targeted: the curve bends there.
        grid = np.geomspace(1, ranking.n, _PLACES)
        drawn = np.full((n_boot, len(grid)), np.nan)
        for row, weight in enumerate(scored.resamples(n_boot=n_boot, seed=seed)):
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
    propensity : None, float, mapping, (n,) or (n, 2)
        Probability of the treated arm, or of either; None takes the share seen. The interval then comes from
        customers drawn within arms, else from customers drawn whatever their arm: the arms' sizes were chance too.
    outcomes : ndarray, (n, 2), optional
        Expected outcome without and with the campaign, from models that have not seen the customer: less noise.

    Returns
    -------
    Estimate
        Mapping with ``estimate, lower, upper, n``, in the outcome's unit; the interval is NaN where an arm has one
        customer, who would be in every sample.

    Raises
    ------
    ValueError
        As for :func:`toc_curve`.

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
    drawn = [value(weight) for weight in scored.resamples(n_boot=read_n_boot(n_boot), seed=seed)]
    return Estimate.from_draws(estimate, drawn, n=ranking.n, alpha=read_alpha(alpha))


def _by_customer(propensity: Any, ranking: Ranking) -> np.ndarray | None:
    """Return the probability of each arm in the order in which rows came; None where it is the same for all."""
    if propensity is None or (np.ndim(propensity) == 0 and not isinstance(propensity, Mapping)):
        return None
    code = np.empty(ranking.n, dtype=np.intp)
    code[ranking.order] = ranking.treated
    return read_propensity(propensity, arms=Arms(labels=ranking.labels, code=code))


def _settled(ranking: Ranking, table: np.ndarray | None, expected: np.ndarray | None) -> Ranking:
    """Order those of equal uplift, arm and outcome by what else their score is made of: arrival must not matter."""
    block = np.zeros(ranking.n, dtype=np.intp)
    block[ranking.ends[:-1] + 1] = 1
    keys = [part[ranking.order, -1] for part in (expected, table) if part is not None]
    keys += [] if expected is None else [expected[ranking.order, 0]]
    again = np.lexsort((*keys, ranking.y, ranking.treated, np.cumsum(block)))
    return replace(ranking, order=ranking.order[again])
