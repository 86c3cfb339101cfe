"""Columns of a spells table: read, checked, and turned into small integer codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

ENTRY = "entry_day"
DAYS = "days_active"
LAPSED = "lapsed"
WEIGHT = "weight"
CAUSE = "cause"
# Above this a day is no day any more (2,700 years): times are then ranked instead of indexed.
MAX_DAY_INDEX = 1_000_000
_TIMES = ("datetime64", "datetime", "date", "timedelta64", "timedelta", "period", "interval", "time")


def check_horizon(horizon_days: object, *, name: str = "horizon_days") -> int:
    """Return the horizon as int, or raise ValueError: it is a whole number of days, at least 1."""
    if isinstance(horizon_days, bool) or not isinstance(horizon_days, int | np.integer) or horizon_days < 1:
        raise ValueError(f"{name} must be a whole number of days, at least 1, not {horizon_days!r}")
    return int(horizon_days)


def check_alpha(alpha: object) -> float:
    """Return alpha, or raise ValueError: it lies between 0 and 1."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < float(alpha) < 1:
        raise ValueError(f"alpha must be a number between 0 and 1 (0.05 gives 95 % intervals), not {alpha!r}")
    return float(alpha)


def check_by(by: str | Sequence[str] | None) -> list[str]:
    """Return the grouping columns as a list."""
    if by is None:
        return []
    names = [by] if isinstance(by, str) else list(by)
    if not names or any(not isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise ValueError(f"by must be a column name or a list of different column names, not {by!r}")
    return names


def require(table: pd.DataFrame, names: Sequence[str], *, what: str = "spells") -> None:
    """Raise KeyError naming the columns that a table lacks and those that it has."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise KeyError(f"{what} lacks the column(s) {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")


def read_days(column: pd.Series, *, name: str) -> np.ndarray:
    """Return days as an array; ValueError with the count and an example where one is missing or negative."""
    values = _numeric(column, name=name, allowed="days from 0 on")
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values)
        if bad.any():
            raise ValueError(
                f"column {name} has {int(bad.sum())} row(s) without a finite number (first at row "
                f"{int(bad.argmax())}); every row needs days from 0 on"
            )
    if len(values) and values.min() < 0:
        bad = values < 0
        raise ValueError(
            f"column {name} has {int(bad.sum())} negative row(s), for example {values[bad.argmax()]}; "
            "days are counted from 0 on"
        )
    return values


def read_flag(column: pd.Series, *, name: str = LAPSED) -> np.ndarray:
    """Return a 0/1 column as int8; ValueError names the first value that is neither."""
    values = column.to_numpy()
    if values.dtype == bool:
        return values.view(np.int8)
    if values.dtype.kind in "iu":
        if len(values) and (values.min() < 0 or values.max() > 1):
            bad = (values != 0) & (values != 1)
            raise ValueError(_flag_text(name, bad, values))
        return values.astype(np.int8, copy=False)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    bad = ~((numbers == 0) | (numbers == 1))
    if bad.any():
        raise ValueError(_flag_text(name, bad, values))
    return numbers.astype(np.int8)


def _flag_text(name: str, bad: np.ndarray, values: np.ndarray) -> str:
    return (
        f"column {name} must be 0 or 1 (False or True); {int(bad.sum())} row(s) are not, "
        f"for example {values[bad.argmax()]!r}"
    )


def read_weight(column: pd.Series, *, name: str = WEIGHT) -> np.ndarray:
    """Return weights as float64; ValueError where one is negative or missing, or all are zero."""
    values = _numeric(column, name=name, allowed="weights from 0 on").astype(float, copy=False)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise ValueError(
            f"column {name} must hold finite weights from 0 on; {int(bad.sum())} row(s) do not, "
            f"for example {values[bad.argmax()]}"
        )
    if len(values) and not values.any():
        raise ValueError(f"column {name} is 0 in every row; at least one weight must be above 0")
    return values


def _numeric(column: pd.Series, *, name: str, allowed: str) -> np.ndarray:
    values = column.to_numpy()
    if values.dtype.kind in "iuf":
        return values
    try:
        # pandas would write times and lengths of time out in nanoseconds
        if pd.api.types.infer_dtype(column, skipna=True) in _TIMES:
            raise TypeError
        numbers = pd.to_numeric(column).to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise ValueError(
            f"column {name} must hold numbers ({allowed}), not {column.dtype} such as {column.iloc[0]!r}"
        ) from None
    return numbers


@dataclass(frozen=True)
class Codes:
    """A column as codes 0…n−1 into its sorted labels; −1 where the value is missing."""

    codes: np.ndarray
    labels: list[Any]


def encode(column: pd.Series) -> Codes:
    """Return the codes of a column; labels sorted, or in the order of its categories."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return Codes(column.cat.codes.to_numpy(), list(column.cat.categories))
    values = column.to_numpy() if not pd.api.types.is_extension_array_dtype(column.dtype) else None
    if values is not None and values.dtype == bool:
        return _dense(values.view(np.uint8), 0, 1, bool)
    if values is not None and values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < 4096:
            return _dense(values, low, high, int)
    codes, labels = pd.factorize(column, sort=True)
    return Codes(codes, list(labels))


def _dense(values: np.ndarray, low: int, high: int, kind: type) -> Codes:
    """Codes of integers in a narrow range: no hashing, and nothing to do where every value occurs."""
    present = np.zeros(high - low + 1, dtype=bool)
    block = 1 << 16
    for start in range(0, len(values), block):
        present[values[start : start + block].astype(np.intp) - low] = True
        if present.all():
            break
    labels = [kind(low + i) for i in np.flatnonzero(present)]
    if present.all():
        return Codes(values if low == 0 else values - values.dtype.type(low), labels)
    lookup = (np.cumsum(present) - 1).astype(np.int16)
    return Codes(lookup[values.astype(np.intp) - low], labels)


def combine(columns: Sequence[Codes]) -> tuple[np.ndarray, list[tuple[Any, ...]]]:
    """Codes of several columns together, only for combinations that occur; −1 where one is missing."""
    if len(columns) == 1:
        only = columns[0]
        return only.codes, [(label,) for label in only.labels]
    missing = np.zeros(len(columns[0].codes), dtype=bool)
    joint = np.zeros(len(columns[0].codes), dtype=np.int64)
    for column in columns:
        missing |= column.codes < 0
        joint = joint * max(len(column.labels), 1) + column.codes
    joint[missing] = -1
    present = np.unique(joint[~missing])
    codes = np.searchsorted(present, joint)
    codes[missing] = -1
    labels: list[tuple[Any, ...]] = []
    for value in present:
        parts = []
        for column in reversed(columns):
            value, position = divmod(int(value), max(len(column.labels), 1))
            parts.append(column.labels[position])
        labels.append(tuple(reversed(parts)))
    return codes, labels


def group_name(label: tuple[Any, ...]) -> str:
    """One text for the labels of a group, as messages and pair tables show it."""
    return " / ".join(str(part) for part in label) if label else "all"
