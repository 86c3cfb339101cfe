"""What a fitted model expects of customers, as a table with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.models.retention.curves import bounds


def with_interval(
    retained: np.ndarray,
    variance: np.ndarray,
    *,
    index: pd.Index,
    days: Sequence[float] | np.ndarray,
    alpha: float,
    n: int,
) -> pd.DataFrame:
    """One row a customer and day, bounds on the log(−log) scale as for the curves.

    Parameters
    ----------
    retained, variance : arrays of shape (n_rows, n_days)
        Shares 0–1, and the variance of their logarithm.
    index : Index of length n_rows
    days : sequence of length n_days
    alpha : float
    n : int
        Customers that the model was fitted to.
    """
    lower, upper = bounds(retained, variance, alpha)
    days = np.atleast_1d(np.asarray(days))
    return pd.DataFrame(
        {
            "day": np.tile(days, len(index)),
            "retained": retained.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
            "n": n,
        },
        index=index.repeat(len(days)),
    )
