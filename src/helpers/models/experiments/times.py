"""Times as they are given, read so that they compare: in one zone, without it."""

from __future__ import annotations

import pandas as pd

UTC = "UTC"


def read_moment(value: object, *, name: str, allowed: str = "no time") -> pd.Timestamp:
    """Return one time, with its zone if it has one; ValueError names the argument otherwise."""
    try:
        moment = pd.Timestamp(value)
    except (ValueError, TypeError):
        moment = pd.NaT
    if moment is pd.NaT:
        raise ValueError(f"{name}: {value!r} is {allowed}")
    return moment


def without_zone(moment: pd.Timestamp) -> pd.Timestamp:
    """One time in UTC, as engines write it; one without a zone stays as it is."""
    return moment if moment.tz is None else moment.tz_convert(UTC).tz_localize(None)


def frame_times(table: pd.DataFrame, column: str, *, zone: object = UTC) -> pd.Series:
    """A frame's column as times without a zone; those that have one as they read in ``zone``."""
    values = table[column]
    if pd.api.types.is_numeric_dtype(values):
        raise ValueError(f"{column}: the column is {values.dtype}; times are allowed")
    try:
        times = pd.to_datetime(values)
        return times if times.dt.tz is None else times.dt.tz_convert(zone).dt.tz_localize(None)
    except (ValueError, TypeError, AttributeError):  # AttributeError: objects that no single type of times holds
        raise ValueError(
            f"{column}: the column holds values that are no times; times of one kind are allowed"
        ) from None
