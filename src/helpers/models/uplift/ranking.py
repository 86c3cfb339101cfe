"""Customers in the order of their predicted uplift: what curves and coefficients count from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from helpers.models.uplift.arms import read_arms, read_outcome, read_uplift


@dataclass(frozen=True)
class Counts:
    """Treated and untreated customers, and their outcomes, among those ranked above each threshold."""

    n: np.ndarray
    n_treated: np.ndarray
    n_control: np.ndarray
    y_treated: np.ndarray
    y_control: np.ndarray


@dataclass(frozen=True)
class Ranking:
    """Customers from the highest predicted uplift to the lowest; those of equal uplift share one threshold.

    Equal uplifts are ordered by arm and outcome, so the order in which rows arrive changes no sum.
    """

    y: np.ndarray
    treated: np.ndarray
    ends: np.ndarray  # place of the last customer of each uplift value
    order: np.ndarray
    labels: np.ndarray  # of the two arms, the control first

    @property
    def n(self) -> int:
        """Return the number of customers."""
        return len(self.y)

    @property
    def is_binary(self) -> bool:
        """Tell whether outcomes are 0 and 1 only."""
        return bool(np.isin(self.y, (0.0, 1.0)).all())

    def counts(self, weight: np.ndarray | None = None) -> Counts:
        """Count above each threshold; ``weight`` is how often each ranked customer is counted (bootstrap)."""
        treated = self.treated.astype(float)
        all_rows = np.ones(self.n) if weight is None else weight
        inside = treated * all_rows
        n = np.cumsum(all_rows)[self.ends]
        n_treated = np.cumsum(inside)[self.ends]
        y_treated = np.cumsum(self.y * inside)[self.ends]
        y_control = np.cumsum(self.y * (all_rows - inside))[self.ends]
        return Counts(n, n_treated, n - n_treated, y_treated, y_control)

    def resamples(self, *, n_boot: int, seed: int, keep_arm_sizes: bool = True) -> Iterator[np.ndarray]:
        """Yield how often each ranked customer is drawn, the size of either arm kept or left to chance.

        Nothing is yielded where an arm has one customer: it would be drawn every time, as if known without error.
        """
        random = np.random.default_rng(seed)
        arms = [np.flatnonzero(self.treated == side) for side in (False, True)]
        if min(map(len, arms)) < 2:
            return
        groups = arms if keep_arm_sizes else [np.arange(self.n)]
        for _ in range(n_boot):
            weight = np.zeros(self.n)
            for members in groups:
                drawn = random.integers(0, len(members), len(members))
                weight[members] = np.bincount(drawn, minlength=len(members))
            yield weight


def rank(y: Any, uplift: Any, treatment: Any, *, control: Any = 0) -> Ranking:
    """Check and rank the customers of two arms; ValueError if there are more arms than two."""
    outcome = read_outcome(y)
    arms = read_arms(treatment, n=len(outcome), control=control)
    if arms.n_arms != 2:
        raise ValueError(
            f"treatment has {arms.n_arms} arms {arms.labels.tolist()}; a curve compares one arm with the control"
        )
    score = read_uplift(uplift, n=len(outcome))
    treated = arms.code == 1
    order = np.lexsort((outcome, treated, -score))
    score = score[order]
    ends = np.r_[np.flatnonzero(np.diff(score)), len(score) - 1]
    return Ranking(y=outcome[order], treated=treated[order], ends=ends, order=order, labels=arms.labels)
