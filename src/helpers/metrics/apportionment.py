"""Splits a whole number into whole numbers in given proportions, so that the parts add up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from helpers.findings import SpokenError, Text


def largest_remainder(total: int, weights: Sequence[float]) -> list[int]:
    """Split a whole number by weights: everybody gets the whole part, what is left goes to the largest remainders.

    Parameters
    ----------
    total : int
        Heads or currency units; may be negative.
    weights : sequence of float
        None negative. If all are 0, the split is even.

    Returns
    -------
    list of int, as long as ``weights``; its sum is ``total``. Equal remainders go to the earlier one.

    Raises
    ------
    ValueError
        If there is no weight, or one is negative or missing.

    References
    ----------
    The Hare–Niemeyer method of apportionment.

    Examples
    --------
    >>> largest_remainder(10, [1, 1, 1]), largest_remainder(-7, [3, 1])
    ([4, 3, 3], [-5, -2])
    """
    shares = np.asarray(weights, dtype=float)
    if shares.size == 0 or not np.isfinite(shares).all() or (shares < 0).any():
        raise SpokenError(
            Text(
                f"weights must be at least one finite number of at least 0, not {list(weights)!r}",
                f"weights 应至少含一个数，且均为不小于 0 的有限数，现为 {list(weights)!r}",
            )
        )
    if shares.sum() == 0:
        shares = np.ones_like(shares)
    size = abs(int(total))
    exact = size * (shares / shares.sum())
    parts = np.floor(exact).astype("int64")
    left = size - int(parts.sum())
    order = np.argsort(-(exact - parts), kind="stable")
    parts[order[:left]] += 1
    return [int(part) if total >= 0 else -int(part) for part in parts]
