"""Doubly robust scores: one unbiased, noisy reading of each arm's effect per customer."""

from __future__ import annotations

import numpy as np

from helpers.models.uplift.arms import Arms


def arm_means(y: np.ndarray, arms: Arms, *, propensity: np.ndarray) -> np.ndarray:
    """Return each arm's mean outcome, weighted by the inverse propensity, (n_arms,)."""
    weight = 1 / propensity[np.arange(len(y)), arms.code]
    total = np.bincount(arms.code, weights=weight, minlength=arms.n_arms)
    return np.bincount(arms.code, weights=weight * y, minlength=arms.n_arms) / total


def arm_scores(y: np.ndarray, arms: Arms, *, propensity: np.ndarray, outcomes: np.ndarray | None = None) -> np.ndarray:
    """Return the doubly robust reading of each customer's outcome under each arm.

    Parameters
    ----------
    y : ndarray, (n,)
    arms : Arms
    propensity : ndarray, (n, n_arms)
    outcomes : ndarray, (n, n_arms), optional
        Expected outcomes under each arm, from models that have not seen the customer. None takes each arm's
        mean: still unbiased where the propensities are known, with more noise.

    Returns
    -------
    ndarray, (n, n_arms)

    References
    ----------
    Robins, Rotnitzky and Zhao (1994), JASA 89(427), 846–866.
    """
    if outcomes is None:
        outcomes = np.broadcast_to(arm_means(y, arms, propensity=propensity), propensity.shape)
    scores = np.array(outcomes, dtype=float)
    at = np.arange(len(y))
    scores[at, arms.code] += (y - outcomes[at, arms.code]) / propensity[at, arms.code]
    return scores


def doubly_robust_scores(
    y: np.ndarray, arms: Arms, *, propensity: np.ndarray, outcomes: np.ndarray | None = None
) -> np.ndarray:
    """Return each treated arm's score less the control's, (n, n_arms - 1); see :func:`arm_scores`.

    Their mean estimates the average effect; their mean among any customers chosen by covariates, theirs.

    Examples
    --------
    >>> from helpers.models.uplift.arms import read_arms, read_propensity
    >>> arms = read_arms([0, 1, 0, 1], n=4)
    >>> scores = doubly_robust_scores(np.array([0, 1, 1, 1.0]), arms, propensity=read_propensity(0.5, arms=arms))
    >>> float(scores.mean())
    0.5
    """
    scores = arm_scores(y, arms, propensity=propensity, outcomes=outcomes)
    return scores[:, 1:] - scores[:, :1]
