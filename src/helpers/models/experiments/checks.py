"""Numbers as arguments: what counts as one."""

from __future__ import annotations

import math

import numpy as np


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
