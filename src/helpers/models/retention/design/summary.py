"""Coefficients as a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri


def summary(
    names: Sequence[str], coef: np.ndarray, covariance: np.ndarray, alpha: float, *, ratio: str = "hazard_ratio"
) -> pd.DataFrame:
    """Coefficients with standard errors, ratios (named ``ratio``) with intervals, and p-values; indexed by covariate."""
    se = np.sqrt(np.diag(covariance))
    z, width = coef / se, ndtri(1 - alpha / 2) * se
    with np.errstate(over="ignore"):
        return pd.DataFrame(
            {
                "coef": coef,
                "se": se,
                ratio: np.exp(coef),
                "lower": np.exp(coef - width),
                "upper": np.exp(coef + width),
                "z": z,
                "p_value": 2 * ndtr(-np.abs(z)),
            },
            index=pd.Index(names, name="covariate"),
        )
