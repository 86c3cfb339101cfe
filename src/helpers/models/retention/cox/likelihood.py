"""Partial likelihood of the Cox model with its slope and curvature, and its maximum by Newton's method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from helpers.models.retention.cox.riskset import DaySums, RiskSets, Times
from helpers.models.retention.cox.ties import TieSums, tie_sums
from helpers.models.retention.design import check_flat, separation_text

_MAX_STEPS = 60
# A standardised coefficient beyond this multiplies the hazard by more than e¹⁵ a standard deviation.
_RUNAWAY = 15.0
# Squared distance from the maximum, in standard deviations of the covariates.
_STILL = 1e-8
_LARGE = 100_000


@dataclass(frozen=True)
class Point:
    """The likelihood at some (standardised) coefficients; ``value`` without, ``objective`` with the penalty."""

    beta: np.ndarray
    value: float
    objective: float
    slope: np.ndarray
    sums: DaySums
    ties: TieSums
    mean_weight: np.ndarray


def evaluate(sets: RiskSets, times: Times, beta: np.ndarray, *, ties: str, penalty: float) -> Point:
    """Value and slope; the curvature is worth its cost only where a step is taken from (:func:`curvature`)."""
    sums = sets.sums(beta)
    tie = tie_sums(sums.risk[:, 0], sums.tied[:, 0], times.count, ties)
    mean_weight, lapsed = times.mean_weight, sets.lapsed_sum
    value = float(lapsed @ beta - mean_weight @ tie.log)
    expected = (mean_weight * tie.a) @ sums.risk[:, 1:] - (mean_weight * tie.b) @ sums.tied[:, 1:]
    return Point(
        beta,
        value,
        value - penalty / 2 * float(beta @ beta),
        lapsed - expected - penalty * beta,
        sums,
        tie,
        mean_weight,
    )


def curvature(sets: RiskSets, point: Point, *, penalty: float, by_day: np.ndarray | None = None) -> np.ndarray:
    """Information matrix at the point just evaluated, each day weighted by ``by_day`` (1 if None)."""
    weight = point.mean_weight if by_day is None else point.mean_weight * by_day
    tie, risk, tied = point.ties, point.sums.risk[:, 1:], point.sums.tied[:, 1:]
    cross = (risk * (weight * tie.ab)[:, None]).T @ tied
    outer = (
        (risk * (weight * tie.aa)[:, None]).T @ risk - cross - cross.T + (tied * (weight * tie.bb)[:, None]).T @ tied
    )
    return sets.gram(weight * tie.a, weight * tie.b) - outer + penalty * np.eye(len(point.beta))


def maximise(
    sets: RiskSets,
    times: Times,
    names: Sequence[str],
    *,
    ties: str,
    penalty: float,
    start: np.ndarray | None = None,
    guess: np.ndarray | None = None,
    tolerance: float = 1e-11,
    steps: int | None = None,
) -> tuple[Point, np.ndarray, int]:
    """Newton's method with step halving; stops one step after the decrement falls under the tolerance, or
    after ``steps`` steps.

    ``guess`` stands in for the information matrix of the first step, where a part of the rows told it.

    Returns
    -------
    tuple
        Point at the maximum, information matrix there, number of steps.

    Raises
    ------
    ValueError
        A covariate separates; the matrix is singular; no convergence.
    """
    beta = np.zeros(len(names)) if start is None else start
    large = times.count.sum() > _LARGE
    point = evaluate(sets, times, beta, ties=ties, penalty=penalty)
    if not np.isfinite(point.objective):
        point = evaluate(sets, times, np.zeros(len(names)), ties=ties, penalty=penalty)
        guess = None
    for step_number in range(1, _MAX_STEPS + 1):
        information = curvature(sets, point, penalty=penalty) if guess is None else guess
        exact, guess = guess is None, None
        try:
            step = np.linalg.solve(information, point.slope)
        except np.linalg.LinAlgError:
            _tell_runaway(point.beta, names)
            raise ValueError(f"covariates {', '.join(names)} leave no unique estimate (singular information)") from None
        decrement = float(point.slope @ step)
        scale = max(abs(point.objective), 1.0)
        # Newton squares its error. Where the step is a hundred-thousandth of a standard deviation of a covariate,
        # value and information at its end are those here (the value to third order); the sums follow when asked for.
        if exact and large and decrement < _STILL * times.weight_sum.sum():
            gain = decrement / 2
            end = replace(point, beta=point.beta + step, value=point.value + gain, objective=point.objective + gain)
            return end, information, step_number
        if step_number == steps:
            return replace(point, beta=point.beta + step), information, step_number
        trial = None
        for _ in range(40):
            with np.errstate(all="ignore"):
                trial = evaluate(sets, times, point.beta + step, ties=ties, penalty=penalty)
            # Rounding of a long sum may hide the last gain.
            if np.isfinite(trial.objective) and trial.objective >= point.objective - 1e-12 * scale:
                break
            step = step / 2
        else:
            break
        point = trial
        if np.abs(point.beta).max() > _RUNAWAY:
            _tell_runaway(point.beta, names)
        done = exact and (decrement < tolerance * scale or decrement < 1e-9)
        if done:
            information = curvature(sets, point, penalty=penalty)
            check_flat(point.beta, information, names)
            return point, information, step_number
    _tell_runaway(point.beta, names, least=3.0)
    raise ValueError(f"the fit did not converge in {_MAX_STEPS} steps; covariates: {', '.join(names)}")


def _tell_runaway(beta: np.ndarray, names: Sequence[str], least: float = _RUNAWAY / 2) -> None:
    worst = int(np.abs(beta).argmax())
    if abs(beta[worst]) > least:
        raise ValueError(separation_text(names[worst]))
