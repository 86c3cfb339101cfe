"""Covariates of few values counted together: one code a row stands for all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.models.retention.design.rows import side_by_side

if TYPE_CHECKING:
    from helpers.models.retention.design.covariates import Covariate

# A number column with at most so many values is counted by pattern instead of row by row.
_FEW_VALUES = 64
GLANCE = 512
_MOST_PATTERNS = 1 << 20
_MOST_CELLS = 2 * 10**7
_MOST_TOGETHER = 1 << 14
_BLOCK = 1 << 13
_PRIMES = np.array([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53], dtype=float)


@dataclass(frozen=True)
class Joint:
    """Patterns of several covariates at once, the last one's code running fastest."""

    pattern: np.ndarray
    sizes: tuple[int, ...]

    def codes(self, place: int) -> np.ndarray:
        """Codes of one covariate."""
        return (self.pattern // math.prod(self.sizes[place + 1 :])) % self.sizes[place]


def has_many(values: np.ndarray) -> bool:
    """Whether a glance at some hundred values already shows more than a few."""
    if values.dtype.kind not in "iuf" or not len(values):
        return False
    return len(np.unique(values[:: max(len(values) // GLANCE, 1)])) > _FEW_VALUES


def few_values(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Codes and values of a number column that takes few values, else None; a glance at its head decides mostly."""
    if not len(values):
        return None
    if values.dtype == bool:
        return values.view(np.uint8), np.array([0.0, 1.0])
    if has_many(values):
        return None
    if values.dtype.kind == "f":
        # Small whole numbers stored as floats need no hashing; what isn't one differs from its own copy.
        with np.errstate(invalid="ignore"):
            small = values.astype(np.int8)
        if not (small == values).all():
            codes, labels = pd.factorize(values)
            known = len(labels) <= _FEW_VALUES and np.isfinite(labels).all() and codes.min() >= 0
            return (codes, labels) if known else None
        values = small
    low, high = int(values.min()), int(values.max())
    if high - low >= _FEW_VALUES:
        return None
    # A value in between that nobody has costs nothing: patterns that do not occur are not counted.
    return values - values.dtype.type(low), np.arange(low, high + 1, dtype=float)


def few_together(arrays: list[np.ndarray]) -> tuple[Joint, list[np.ndarray]] | None:
    """Patterns of rows, and each column's values, for whole numbers of few values in columns that lie side by side.

    One pass over all of them: a glance guesses the values of each column, the pass proves the guess or refutes it.
    """
    whole = side_by_side(arrays)
    if whole is None:
        return None
    for rows in (whole[:: max(len(whole) // GLANCE, 1)], whole):
        low, high = rows.min(axis=0), rows.max(axis=0)
        if not (np.all(high - low < _FEW_VALUES) and np.all(low == np.rint(low))):
            return None
        sizes = (high - low).astype(int) + 1
        if float(np.prod(sizes, dtype=float)) > _MOST_TOGETHER:
            return None
        pattern = _patterns_together(whole, low, sizes)
        if pattern is not None:
            values = [start + np.arange(size) for start, size in zip(low, sizes, strict=True)]
            return Joint(pattern, tuple(int(size) for size in sizes)), values
    return None


def _patterns_together(whole: np.ndarray, low: np.ndarray, sizes: np.ndarray) -> np.ndarray | None:
    """Pattern of each row, the last column running fastest; None if a row holds a value that was not expected.

    Each block is multiplied by two vectors: the columns' strides give the pattern, square roots of primes a check sum
    that no other row of such numbers has. What differs from a whole number by less than 1e-9 counts as that number.
    """
    n, p = whole.shape
    strides = np.append(np.cumprod(sizes[:0:-1])[::-1], 1)
    product = int(strides[0] * sizes[0])
    roots = np.sqrt(_PRIMES[np.arange(p) % len(_PRIMES)] + 1e3 * (np.arange(p) // len(_PRIMES)))
    both = np.stack([strides, roots])
    first = float(strides @ low)
    expected = (low + (np.arange(product)[:, None] // strides) % sizes) @ roots
    pattern = np.empty(n, dtype=np.int32)
    for start in range(0, n, _BLOCK):
        place, check = both @ whole[start : start + _BLOCK].T
        place -= first
        with np.errstate(invalid="ignore"):
            own = np.rint(place, out=place).astype(np.int32)
        if own.min() < 0 or own.max() >= product:
            return None
        check -= expected.take(own)
        # Written so that a gap in the data (not a number) fails too.
        if not (max(check.max(), -check.min()) < 1e-9):
            return None
        pattern[start : start + _BLOCK] = own
    return pattern


def find_patterns(covariates: Sequence[Covariate], n: int, n_times: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Pattern of each row and the design of each pattern, or None where there are too many."""
    sizes = [len(c.table) if c.values is None else 0 for c in covariates]
    product = float(np.prod(np.array(sizes, dtype=float)))
    if 0 in sizes or product > _MOST_PATTERNS:
        return None
    together = covariates[0].joint
    if together is not None and all(c.joint is together for c in covariates):
        joint = together.pattern
    else:
        joint = np.zeros(n, dtype=np.int32)
        for covariate, size in zip(covariates, sizes, strict=True):
            joint *= size
            joint += covariate.codes.astype(np.int32, copy=False)
    seen = np.zeros(int(product), dtype=bool)
    seen[joint] = True
    present = np.flatnonzero(seen)
    if len(present) * max(n_times, 1) > _MOST_CELLS or len(present) * 4 > max(n, 64):
        return None
    pattern = joint if len(present) == product else (np.cumsum(seen) - 1).astype(np.int32)[joint]
    parts, rest = [], present
    for covariate, size in zip(reversed(covariates), reversed(sizes), strict=True):
        rest, code = np.divmod(rest, size)
        parts.append(covariate.table[code])
    return pattern, np.concatenate(parts[::-1], axis=1)
