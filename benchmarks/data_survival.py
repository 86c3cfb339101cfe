"""Simulated survival data of the benchmarks: sizes, seed and distributions are part of the definition.

Whole days 1 to 730, six segments with hazards of their own, eight covariates: ``cont`` four normal and four coins,
``cat`` six coins and two of three levels (576 patterns). Lapse times are exponential with mean 600 days ÷ hazard ratio;
watching ends after a uniform 30 to 1,100 days, at most 730. Of the lapses 60 % are of cause 1, the rest of cause 2.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SEED = 20261121
BETA = np.array([0.30, -0.20, 0.15, 0.05, 0.40, -0.35, 0.25, -0.10])
SEGMENT_EFFECT = np.array([0, 0.1, 0.2, -0.15, 0.3, -0.3])
COVARIATES = [f"x{j}" for j in range(8)]


def generate(n: int, *, categorical: bool = False) -> dict[str, np.ndarray]:
    """Return ``segment``, ``X`` (n, 8), ``days``, ``lapsed`` and ``cause`` of ``n`` customers."""
    random = np.random.default_rng(SEED + categorical)
    segment = random.integers(0, 6, n, dtype=np.int8)
    X = np.empty((n, 8))
    if categorical:
        X[:, :6], X[:, 6:] = random.integers(0, 2, (n, 6)), random.integers(0, 3, (n, 2))
    else:
        X[:, :4], X[:, 4:] = random.standard_normal((n, 4)), random.integers(0, 2, (n, 4))
    score = X @ BETA + SEGMENT_EFFECT[segment]
    lapse = random.exponential(600.0, n) * np.exp(-score)
    watched = np.minimum(random.uniform(30, 1100, n), 730.0)
    lapsed = (lapse <= watched).astype(np.int8)
    days = np.clip(np.ceil(np.minimum(lapse, watched)), 1, 730).astype(np.int16)
    cause = np.where(lapsed == 1, np.where(random.random(n) < 0.6, 1, 2), 0).astype(np.int8)
    return {"segment": segment, "X": X, "days": days, "lapsed": lapsed, "cause": cause}


def frame(data: dict[str, np.ndarray]) -> pd.DataFrame:
    """Spells with covariates, as a regression takes them."""
    table = pd.DataFrame(data["X"], columns=COVARIATES)
    return table.assign(days_active=data["days"], lapsed=data["lapsed"])
