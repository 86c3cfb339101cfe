"""Rows of a design, block by block, and what one pass over them tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from helpers.models.retention.design.checks import missing_text

if TYPE_CHECKING:
    from helpers.models.retention.design.covariates import Covariate


class DesignRows:
    """Rows of a design in blocks: read in place where the columns lie side by side in memory, copied
    otherwise.

    Iterating yields ``start, stop, rows``; ``rows`` (stop − start, p) must not be kept or changed. A
    column whose values are far from 0 against their spread is shifted (``shift``), since sums of squares
    would lose digits.
    """

    def __init__(self, covariates: Sequence[Covariate], n: int, block: int) -> None:
        self.covariates, self.n, self.block = covariates, n, block
        self.width = sum(c.width for c in covariates)
        self.shift = np.zeros(self.width)
        self._whole = side_by_side([c.values for c in covariates])
        self._buffer: np.ndarray | None = None
        head = self._read(0, min(n, 1024))
        if n:
            middle, spread = head.mean(axis=0), head.std(axis=0)
            # A constant head tells no spread; 1 is then as good as any.
            far = np.abs(middle) > 100 * np.where(spread > 0, spread, np.maximum(np.abs(middle), 1.0))
            if far.any():
                self.shift = np.where(far, middle, 0.0)

    def _read(self, start: int, stop: int) -> np.ndarray:
        if self._whole is not None and not self.shift.any():
            return self._whole[start:stop]
        if self._buffer is None:
            self._buffer = np.empty((min(max(self.block, 1024), max(self.n, 1)), self.width))
        out = self._buffer[: stop - start]
        at = 0
        for covariate in self.covariates:
            covariate.write(out[:, at : at + covariate.width], start, stop)
            at += covariate.width
        if self.shift.any():
            out -= self.shift
        return out

    def __iter__(self) -> Iterator[tuple[int, int, np.ndarray]]:
        for start in range(0, self.n, self.block):
            stop = min(start + self.block, self.n)
            yield start, stop, self._read(start, stop)


def side_by_side(arrays: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Columns as one array without a copy, if they are float64 and at equal distances in memory."""
    if len(arrays) < 2 or any(a is None or a.dtype != np.float64 or len(a) < 2 for a in arrays):
        return None
    places = [a.__array_interface__["data"][0] for a in arrays]
    steps = {after - before for before, after in pairwise(places)}
    strides = {a.strides[0] for a in arrays}
    if len(steps) != 1 or len(strides) != 1:
        return None
    return np.lib.stride_tricks.as_strided(
        arrays[0], shape=(len(arrays[0]), len(arrays)), strides=(strides.pop(), steps.pop()), writeable=False
    )


def standardise(
    data: DesignRows, weight: np.ndarray | None, event: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean (of the rows as they come), standard deviation (n − 1), correlations, and the sum over the events' rows."""
    lapsed = np.zeros(data.width)
    total, size = np.zeros(data.width), 0.0
    second = np.zeros((data.width, data.width))
    for start, stop, rows in data:
        scaled = rows if weight is None else rows * weight[start:stop, None]
        total += scaled.sum(axis=0)
        second += scaled.T @ rows
        own = event[start:stop].astype(float)
        lapsed += (own if weight is None else own * weight[start:stop]) @ rows
        size += stop - start if weight is None else weight[start:stop].sum()
    if not np.isfinite(total).all():
        for covariate in data.covariates:
            if covariate.values is not None and not np.isfinite(covariate.values).all():
                raise ValueError(missing_text(covariate.names[0], int((~np.isfinite(covariate.values)).sum())))
    mean = total / size
    covariance = (second - size * np.outer(mean, mean)) / max(size - 1, 1.0)
    variance = np.diag(covariance)
    # What rounding leaves of a constant is no spread.
    spread = np.sqrt(np.where(variance > 1e-13 * np.maximum(mean**2, 1e-300), variance, 0.0))
    safe = np.where(spread > 0, spread, 1.0)
    return mean, spread, covariance / np.outer(safe, safe), lapsed
