"""Spells as arrays: what a regression reads besides the covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from helpers.models.retention import columns as col
from helpers.models.retention.counts import weightless_lines
from helpers.models.retention.left_out import entry as left_out_entry


def check_days(days: Sequence[float] | np.ndarray, last_day: float) -> np.ndarray:
    """Return days to predict for, or raise ValueError: from 0 to the last day that was watched."""
    wanted = np.atleast_1d(np.asarray(days))
    if wanted.ndim != 1 or wanted.dtype.kind not in "iuf" or not len(wanted):
        raise ValueError(f"days must be a list of days such as [30, 60, 90], not {days!r}")
    bad = ~((wanted >= 0) & (wanted <= last_day))
    if bad.any():
        raise ValueError(f"days must lie from 0 to {last_day:g}, the last day watched; not {wanted[bad.argmax()]}")
    return wanted


@dataclass
class SpellArrays:
    """Days, flags, entries and weights of spells as arrays; rows that are not watched at all are out.

    Attributes
    ----------
    days, event, entry, weight, rows : arrays of shape (n,), the last three may be None
        ``rows`` counts the customers behind each row of a table that was counted in its engine.
    keep : array of bool or None
        Rows of the table that are in; None for all.
    left_out : list of dict
    """

    days: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None
    weight: np.ndarray | None
    rows: np.ndarray | None
    keep: np.ndarray | None = None
    left_out: list[dict[str, Any]] = field(default_factory=list)

    @property
    def mass(self) -> np.ndarray | None:
        """What each row counts for: its weight, else its customers, else 1 (None)."""
        return self.weight if self.weight is not None else self.rows

    @property
    def n(self) -> int:
        """Customers."""
        return len(self.days) if self.rows is None else int(self.rows.sum())

    @classmethod
    def read(cls, table: pd.DataFrame, *, lazy: bool) -> SpellArrays:
        """Read and check the columns (see :mod:`helpers.models.retention.columns`)."""
        col.require(table, [col.DAYS, col.LAPSED])
        if not len(table):
            raise ValueError("spells has no row; at least one customer is needed")
        days = col.read_days(table[col.DAYS], name=col.DAYS)
        event = col.read_flag(table[col.LAPSED])
        entry = col.read_days(table[col.ENTRY], name=col.ENTRY) if col.ENTRY in table.columns else None
        weight = col.read_weight(table[col.WEIGHT]) if col.WEIGHT in table.columns else None
        rows = table["n_rows"].to_numpy(dtype=float) if lazy else None
        out = cls(days, event, entry, weight, rows)
        bad = np.zeros(len(days), dtype=bool)
        lines = []
        if entry is not None and entry.any():
            if (entry > days).any():
                at = int((entry > days).argmax())
                raise ValueError(
                    f"column {col.ENTRY} lies past {col.DAYS}, for example {entry[at]} > {days[at]}; "
                    "a spell is entered before it ends"
                )
            bad = (entry > 0) & (entry == days)
            lines.append(left_out_entry("not_watched", int(bad.sum() if rows is None else rows[bad].sum())))
        if weight is not None and (weight == 0).any():
            none = weight == 0
            if rows is None:
                lines.append(left_out_entry("weight_zero", int(none.sum())))
            bad |= none
        if lazy and weight is not None:
            lines += weightless_lines(table)
        if not bad.any():
            out.left_out = [line for line in lines if line["n"]]
            return out
        if bad.all():
            raise ValueError("spells has no row left to watch")
        kept = out.take(~bad)
        kept.keep, kept.left_out = ~bad, [line for line in lines if line["n"]]
        return kept

    def take(self, which: slice | np.ndarray) -> SpellArrays:
        """Some of the rows."""
        parts = (self.days, self.event, self.entry, self.weight, self.rows)
        return SpellArrays(*(None if part is None else part[which] for part in parts))
