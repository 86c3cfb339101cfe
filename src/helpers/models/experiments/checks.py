"""Arguments: what counts as a number, a count, a table."""

from __future__ import annotations

import math

import ibis.expr.types as ir
import numpy as np
import pandas as pd


def is_number(value: object) -> bool:
    """Tell a finite number, Python's or numpy's, from anything else; true and false are none."""
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def check_share(name: str, value: object, *, hint: str = "") -> float:
    """Return the value as float, or raise ValueError naming it: it lies between 0 and 1."""
    if not is_number(value) or not 0 < value < 1:
        raise ValueError(f"{name}: {value!r} is not between 0 and 1{hint}")
    return float(value)


def check_count(name: str, value: object, *, least: int = 1) -> int:
    """Return the value as int, or raise ValueError naming it: it is a whole number, at least so large."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name}: {value!r} is not a whole number of {least} or more")
    return int(value)


def check_table(name: str, value: object, *, is_lazy_allowed: bool = True) -> None:
    """Raise ValueError naming the argument unless it is a DataFrame, or a lazy table where that will do."""
    if not isinstance(value, pd.DataFrame | ir.Table if is_lazy_allowed else pd.DataFrame):
        wanted = "a DataFrame or a lazy Ibis table" if is_lazy_allowed else "a DataFrame"
        raise ValueError(f"{name}: {wanted} is needed, not {type(value).__name__}")
