"""Newton's method for the levels and odds ratios of a discrete-time hazard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.models.retention.design import check_flat, separation_text
from helpers.models.retention.discrete.cells import Cells

_RUNAWAY = 15.0


def maximise(
    cells: Cells, live: np.ndarray, at_risk: np.ndarray, lapsed: np.ndarray, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float, np.ndarray, np.ndarray]:
    """Newton's method; the levels' diagonal block is eliminated, so each step solves only for the covariates.

    Returns levels, coefficients, their covariance, log-likelihood, and the information's diagonal and cross blocks.
    """
    rate = lapsed[live] / at_risk[live]
    level, beta = np.log(rate / (1 - rate)), np.zeros(len(names))
    if not live.any():
        raise ValueError("in every period nobody or everybody lapsed; covariates can't be told apart")
    value = -np.inf
    step_level, step_beta = np.zeros_like(level), np.zeros_like(beta)
    for _ in range(60):
        for _ in range(40):
            new = _evaluate(cells, live, level + step_level, beta + step_beta)
            if new[0] >= value - 1e-12 * abs(value if np.isfinite(value) else 0.0):
                break
            step_level, step_beta = step_level / 2, step_beta / 2
        level, beta = level + step_level, beta + step_beta
        value, slope_level, slope_beta, diagonal, cross, own = new
        reduced = own - (cross / diagonal[:, None]).T @ cross
        try:
            step_beta = np.linalg.solve(reduced, slope_beta - cross.T @ (slope_level / diagonal))
        except np.linalg.LinAlgError:
            break
        step_level = (slope_level - cross @ step_beta) / diagonal
        worst = int(np.abs(beta).argmax())
        if abs(beta[worst]) > _RUNAWAY:
            raise ValueError(separation_text(names[worst]))
        if slope_level @ step_level + slope_beta @ step_beta < 1e-11 * max(abs(value), 1.0):
            # One last step squares what error is left; errors and value are taken where it ends.
            level, beta = level + step_level, beta + step_beta
            value, _, _, diagonal, cross, own = _evaluate(cells, live, level, beta)
            reduced = own - (cross / diagonal[:, None]).T @ cross
            check_flat(beta, reduced, names)
            return level, beta, np.linalg.inv(reduced), float(value), diagonal, cross
    raise ValueError(separation_text(names[int(np.abs(beta).argmax())]))


def _evaluate(
    cells: Cells, live: np.ndarray, level: np.ndarray, beta: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood, slopes, and the blocks of the information matrix."""
    k, p = len(level), len(beta)
    value, slope_level, slope_beta = 0.0, np.zeros(k), np.zeros(p)
    diagonal, cross, own = np.zeros(k), np.zeros((k, p)), np.zeros((p, p))
    everything = bool(live.all())
    for design, at_risk, lapsed in cells.blocks():
        n, d = (at_risk, lapsed) if everything else (at_risk[:, live], lapsed[:, live])
        score = (design @ beta)[:, None] + level
        # One exponential serves share and likelihood; beyond 700 it would overflow, and the share is 1 anyway.
        odds = np.exp(np.minimum(score, 700.0))
        whole = 1 + odds
        expected = odds / whole
        spread = expected / whole
        expected *= n
        spread *= n
        # The sum is large: what the logarithm of 1 + a tiny number loses is below its last digit.
        value += float(np.vdot(d, score) - np.vdot(n, np.log(whole)))
        residual = np.subtract(d, expected, out=expected)
        by_row, by_level = np.ones(len(design)), np.ones(k)
        slope_level += by_row @ residual
        slope_beta += (residual @ by_level) @ design
        diagonal += by_row @ spread
        cross += spread.T @ design
        own += (design * (spread @ by_level)[:, None]).T @ design
    return value, slope_level, slope_beta, diagonal, cross, own
