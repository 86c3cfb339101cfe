"""Customers at risk and lapses by pattern of covariates and period: the person-period table, never written out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from helpers.models.retention.arrays import SpellArrays
from helpers.models.retention.design import Covariate, DesignRows, find_patterns, standardise

_BLOCK = 1 << 14


@dataclass(frozen=True)
class Periods:
    """First and last period of each spell, whether it lapsed in the last, and how much of the last was watched."""

    first: np.ndarray | None
    last: np.ndarray
    event: np.ndarray
    share: np.ndarray | None
    n_periods: int
    n_short: int

    @classmethod
    def of(cls, spell: SpellArrays, length: int, partial: str) -> Periods:
        days = spell.days
        if days.dtype.kind in "iu":
            last = (np.maximum(days, 1) - 1) // length
        else:
            last = np.maximum(np.ceil(days / length).astype(np.int64) - 1, 0)
        last = last.astype(np.int32)
        first, short = None, 0
        if spell.entry is not None and spell.entry.any():
            # Who enters inside a period is followed from the start of the next.
            first = np.ceil(np.asarray(spell.entry) / length).astype(np.int32)
            missed = first > last
            short = int(missed.sum() if spell.rows is None else spell.rows[missed].sum())
        share = None
        if partial == "share":
            watched = np.minimum((days - last * float(length)) / length, 1.0)
            share = np.where(spell.event == 1, 1.0, watched)
        return cls(first, last, spell.event, share, int(last.max()) + 1, short)


class Cells:
    """Customers at risk and lapses by pattern (or row) and period, in blocks."""

    @classmethod
    def of(cls, columns: list[Covariate], periods: Periods, mass: np.ndarray | None) -> Cells:
        """Count by pattern where there are few, else keep rows."""
        out = cls()
        out.periods, out.mass = periods, mass
        n = len(periods.last)
        found = find_patterns(columns, n, periods.n_periods)
        if found is None:
            out.data = DesignRows(columns, n, _BLOCK)
            mean, out.spread, out.correlation, _ = standardise(out.data, mass, periods.event)
            out.centre, out.mean = mean, mean + out.data.shift
            return out
        pattern, design = found
        k = periods.n_periods
        out.at_risk, out.lapsed = _count(pattern, len(design), k, periods, mass)
        everybody_starts = periods.first is None and periods.share is None
        total = out.at_risk[:, 0] if everybody_starts else np.bincount(pattern, mass, minlength=len(design))
        size = total.sum()
        out.mean = total @ design / size
        centred = design - out.mean
        covariance = (centred * total[:, None]).T @ centred / max(size - 1, 1.0)
        out.spread = np.sqrt(np.diag(covariance))
        safe = np.where(out.spread > 0, out.spread, 1.0)
        out.correlation = covariance / np.outer(safe, safe)
        out.design = centred / safe
        return out

    def __init__(self) -> None:
        self.design: np.ndarray | None = None

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Design, at risk and lapsed of one block of patterns or rows."""
        if self.design is not None:
            yield self.design, self.at_risk, self.lapsed
            return
        k = self.periods.n_periods
        safe = np.where(self.spread > 0, self.spread, 1.0)
        for start, stop, rows in self.data:
            part = slice(start, stop)
            own = Periods(
                None if self.periods.first is None else self.periods.first[part],
                self.periods.last[part],
                self.periods.event[part],
                None if self.periods.share is None else self.periods.share[part],
                k,
                0,
            )
            mass = None if self.mass is None else self.mass[part]
            yield (rows - self.centre) / safe, *_count(np.arange(stop - start), stop - start, k, own, mass)

    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """At risk and lapsed by period."""
        at_risk, lapsed = np.zeros((2, self.periods.n_periods))
        for _, n, d in self.blocks():
            at_risk += n.sum(axis=0)
            lapsed += d.sum(axis=0)
        return at_risk, lapsed


def _count(
    pattern: np.ndarray, n_patterns: int, k: int, periods: Periods, mass: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """At risk and lapsed, each ``(n_patterns, k)``."""
    shape = (n_patterns, k)
    keep = slice(None) if periods.first is None else periods.first <= periods.last
    pattern, last, event = pattern[keep], periods.last[keep], periods.event[keep]
    own = None if mass is None else mass[keep]
    key = pattern * np.intp(k)
    key += last
    if own is None and periods.share is None:
        key *= 2
        key += event
        both = np.bincount(key, minlength=2 * n_patterns * k).reshape(n_patterns, k, 2)
        lapsed = both[:, :, 1].astype(float)
        ends = lapsed + both[:, :, 0]
    else:
        ends = np.bincount(key, own, minlength=n_patterns * k).reshape(shape).astype(float)
        lapsed = np.bincount(key, event if own is None else event * own, minlength=n_patterns * k).reshape(shape)
    at_risk = np.cumsum(ends[:, ::-1], axis=1)[:, ::-1]
    if periods.first is not None:
        late = np.bincount(pattern * np.intp(k) + periods.first[keep], own, minlength=n_patterns * k)
        after = np.cumsum(late.reshape(shape)[:, ::-1], axis=1)[:, ::-1]
        # Those who start in a later period than this one are not here yet.
        at_risk = at_risk - (after - late.reshape(shape))
    if periods.share is not None:
        missing = 1.0 - periods.share[keep]
        missing = missing if own is None else missing * own
        at_risk = at_risk - np.bincount(key, missing, minlength=n_patterns * k).reshape(shape)
    return at_risk, lapsed.astype(float)
