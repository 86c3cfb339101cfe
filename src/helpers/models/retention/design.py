"""Covariates of a hazard model: read, checked by name, and laid out as columns of a design."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from helpers.models.retention import columns as col

# A number column with at most so many values is counted by pattern instead of row by row.
_FEW_VALUES = 64
_GLANCE = 512
_MOST_PATTERNS = 1 << 20
_MOST_CELLS = 2 * 10**7
_MOST_TOGETHER = 1 << 14
_BLOCK = 1 << 13
_PRIMES = np.array([2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53], dtype=float)


@dataclass(frozen=True)
class _Joint:
    """Patterns of several covariates at once, the last one's code running fastest."""

    pattern: np.ndarray
    sizes: tuple[int, ...]

    def codes(self, place: int) -> np.ndarray:
        """Codes of one covariate."""
        return (self.pattern // math.prod(self.sizes[place + 1 :])) % self.sizes[place]


@dataclass
class Covariate:
    """One covariate as the model sees it: ``width`` columns, from numbers or from the codes of few values."""

    names: list[str]
    values: np.ndarray | None = None
    own_codes: np.ndarray | None = None
    table: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))
    joint: _Joint | None = None
    place: int = 0

    @property
    def codes(self) -> np.ndarray | None:
        """Code of each row's value in ``table``, or None for plain numbers."""
        if self.own_codes is None and self.joint is not None:
            self.own_codes = self.joint.codes(self.place)
        return self.own_codes

    @property
    def width(self) -> int:
        """Number of design columns."""
        return len(self.names)

    def take(self, which: slice | np.ndarray) -> Covariate:
        """The covariate of some rows."""
        if self.values is not None:
            return replace(self, values=self.values[which])
        return replace(self, own_codes=self.codes[which], joint=None)

    def product(self, coef: np.ndarray) -> np.ndarray:
        """Design times coefficients, shape (n,)."""
        return self.values * coef[0] if self.values is not None else (self.table @ coef)[self.codes]

    def write(self, out: np.ndarray, start: int, stop: int) -> None:
        """Fill ``out``, shape (stop − start, width), with the rows of the design."""
        if self.values is not None:
            out[:, 0] = self.values[start:stop]
        else:
            np.take(self.table, self.codes[start:stop], axis=0, out=out)


class Design:
    """Learns how covariates become columns: numbers stay, categories become one column each but the first.

    Attributes
    ----------
    names_ : list of str
        Design columns: the covariate's name, or ``name[level]``.
    references_ : dict
        Level left out of each categorical covariate.
    """

    def __init__(self, covariates: Sequence[str]) -> None:
        self.covariates = covariates

    def check(self) -> list[str]:
        """Return the covariates as a list of different names, or raise ValueError."""
        if isinstance(self.covariates, str) or not len(self.covariates):
            raise ValueError(f"covariates must be a list of at least one column name, not {self.covariates!r}")
        if len(set(self.covariates)) < len(self.covariates):
            raise ValueError(f"covariates must be different columns, not {list(self.covariates)!r}")
        return list(self.covariates)

    def fit(self, table: pd.DataFrame) -> Design:
        """Learn levels; KeyError or ValueError names a covariate that is absent or can't be used."""
        col.require(table, self.check())
        self.references_: dict[str, object] = {}
        self.levels_: dict[str, list[object]] = {}
        self.names_: list[str] = []
        for name in self.covariates:
            if not _is_number(table[name]):
                levels = col.encode(table[name]).labels
                present = set(pd.unique(table[name].dropna()))
                # A category that nobody has can't get a coefficient.
                levels = [level for level in levels if level in present]
                if not levels:
                    raise ValueError(missing_text(name, len(table)))
                self.references_[name], self.levels_[name] = levels[0], levels
                self.names_ += [f"{name}[{level}]" for level in levels[1:]]
                if len(levels) == 1:
                    raise ValueError(_constant(name, levels[0]))
            else:
                self.names_.append(name)
        return self

    def read(self, table: pd.DataFrame, *, codes: bool = True) -> list[Covariate]:
        """Return the covariates of a table; ValueError names one with missing values or unknown levels.

        ``codes=False`` leaves numbers as numbers, whatever their number of values.
        """
        col.require(table, self.covariates, what="table")
        numbers = {n: table[n].to_numpy() for n in self.covariates if n not in self.levels_}
        if codes and len(numbers) == len(self.covariates):
            together = _few_together(self.covariates, list(numbers.values()))
            if together is not None:
                return together
        # One number with many values, and counting by pattern is out: the others stay as they are too.
        codes = codes and not any(_many(values) for values in numbers.values())
        return [self._one(table[name], name, codes) for name in self.covariates]

    def matrix(self, table: pd.DataFrame) -> np.ndarray:
        """Design of a table, ``(n, len(names_))``."""
        out = np.empty((len(table), len(self.names_)))
        at = 0
        for covariate in self.read(table, codes=False):
            covariate.write(out[:, at : at + covariate.width], 0, len(table))
            at += covariate.width
        if not np.isfinite(out).all():
            at = int((~np.isfinite(out)).sum(axis=0).argmax())
            raise ValueError(missing_text(self.names_[at], int((~np.isfinite(out[:, at])).sum())))
        return out

    def _one(self, column: pd.Series, name: str, codes: bool) -> Covariate:
        if name in self.levels_:
            levels = self.levels_[name]
            found = pd.Categorical(column, categories=levels).codes
            if len(found) and found.min() < 0:
                if column.isna().any():
                    raise ValueError(missing_text(name, int(column.isna().sum())))
                other = column[found < 0].iloc[0]
                raise ValueError(
                    f"covariate {name} has the value {other!r}, which the model has not seen; "
                    f"known are {', '.join(map(str, levels))}"
                )
            table = np.eye(len(levels))[:, 1:]
            return Covariate([f"{name}[{level}]" for level in levels[1:]], own_codes=found, table=table)
        values = column.to_numpy()
        if values.dtype.kind not in "iufb":
            values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        few = _few(values) if codes else None
        if few is not None:
            return Covariate([name], own_codes=few[0], table=few[1].astype(float)[:, None])
        if values.dtype.kind == "f" and (codes or len(values) < _GLANCE * 512):
            # In a long table gaps are found by the first sums over it instead.
            bad = ~np.isfinite(values)
            if bad.any():
                raise ValueError(missing_text(name, int(bad.sum())))
        return Covariate([name], values=values)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not isinstance(column.dtype, pd.CategoricalDtype))


def _many(values: np.ndarray) -> bool:
    """Whether a glance at some hundred values already shows more than a few."""
    if values.dtype.kind not in "iuf" or not len(values):
        return False
    return len(np.unique(values[:: max(len(values) // _GLANCE, 1)])) > _FEW_VALUES


def _few(values: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Codes and values of a number column that takes few values, else None; a glance at its head decides mostly."""
    if not len(values):
        return None
    if values.dtype == bool:
        return values.view(np.uint8), np.array([0.0, 1.0])
    if _many(values):
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


def _few_together(names: Sequence[str], arrays: list[np.ndarray]) -> list[Covariate] | None:
    """Whole numbers of few values in float64 columns that lie side by side: recognised in one pass over all of them.

    A glance guesses the values of each column; the pass proves the guess or refutes it.
    """
    whole = side_by_side(arrays)
    if whole is None:
        return None
    for rows in (whole[:: max(len(whole) // _GLANCE, 1)], whole):
        low, high = rows.min(axis=0), rows.max(axis=0)
        if not (np.all(high - low < _FEW_VALUES) and np.all(low == np.rint(low))):
            return None
        sizes = (high - low).astype(int) + 1
        if float(np.prod(sizes, dtype=float)) > _MOST_TOGETHER:
            return None
        pattern = _patterns_together(whole, low, sizes)
        if pattern is not None:
            joint = _Joint(pattern, tuple(int(size) for size in sizes))
            return [
                Covariate([name], table=(low[j] + np.arange(sizes[j]))[:, None], joint=joint, place=j)
                for j, name in enumerate(names)
            ]
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


def missing_text(name: str, n: int) -> str:
    """Words for a covariate with gaps."""
    return f"covariate {name} is missing or not finite in {n} row(s); fill them or leave those customers out"


def _constant(name: str, value: object) -> str:
    return f"covariate {name} is constant ({value}); it can't explain who lapses, leave it out"


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


def check_spread(names: Sequence[str], mean: np.ndarray, spread: np.ndarray) -> None:
    """Raise for a column that is the same for everybody."""
    flat = spread <= 1e-12 * np.maximum(np.abs(mean), 1.0)
    if flat.any():
        at = int(flat.argmax())
        raise ValueError(_constant(names[at], f"{mean[at]:g}"))


def check_collinear(names: Sequence[str], correlation: np.ndarray) -> None:
    """Raise where a column is a sum of others, naming them."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < 1e-10 * len(names):
        part = np.abs(vectors[:, 0])
        told = [name for name, share in zip(names, part, strict=True) if share > 1e-3 * part.max()]
        raise ValueError(f"covariates {', '.join(told)} are collinear: each follows from the others; leave one out")


def separation_text(name: str) -> str:
    """Words for a coefficient that runs away."""
    return (
        f"covariate {name} separates those who lapse from those who don't: its coefficient has no finite "
        "estimate; leave it out, merge its levels, or set penalizer above 0"
    )


def check_flat(beta: np.ndarray, information: np.ndarray, names: Sequence[str]) -> None:
    """Raise where the likelihood went flat on the way to infinity: a huge coefficient with a larger error still."""
    with np.errstate(all="ignore"):
        se = np.sqrt(1 / np.linalg.eigvalsh(information)[0])
    worst = int(np.abs(beta).argmax())
    if abs(beta[worst]) > 3.0 and not se < abs(beta[worst]):
        raise ValueError(separation_text(names[worst]))


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
