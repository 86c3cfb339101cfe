"""Who is at risk on each day of a lapse, summed by day: from rows, or from patterns of covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from helpers.models.retention.arrays import SpellArrays
from helpers.models.retention.design import Covariate, find_patterns, standardise

BLOCK = 1 << 15


@dataclass(frozen=True)
class DaySums:
    """Sums of relative hazards (first column) and of hazard × covariates, ``(n_days, 1 + p)``."""

    risk: np.ndarray
    tied: np.ndarray


class RiskSets(Protocol):
    """What the likelihood needs; covariates are standardised throughout."""

    mean: np.ndarray
    spread: np.ndarray
    correlation: np.ndarray
    lapsed_by_day: np.ndarray

    def sums(self, beta: np.ndarray) -> DaySums:
        """Sums by day at some coefficients."""

    def gram(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Σ over days of a · (second moments at risk) − b · (second moments of the tied), at the last coefficients."""


@dataclass(frozen=True)
class Times:
    """Spells as indices into the days on which somebody lapsed.

    Attributes
    ----------
    days : array of shape (n_days,)
        Days of lapses, ascending.
    last : array of shape (n,)
        Index of the last of those days on which a spell is at risk; −1 if there is none.
    before : array of shape (n,) or None
        Index of the last of those days that lies before the spell's entry takes effect; −1 if none. None:
        all begin on day 0.
    event : array of shape (n,), int8
    count : array of shape (n_days,)
        Lapses in rows.
    weight_sum, at_risk : array of shape (n_days,)
        Lapses, and spells at risk, in weights.
    """

    days: np.ndarray
    last: np.ndarray
    before: np.ndarray | None
    event: np.ndarray
    count: np.ndarray
    weight_sum: np.ndarray
    at_risk: np.ndarray

    @property
    def mean_weight(self) -> np.ndarray:
        """Mean weight of the lapses of each day: what each term of the likelihood counts for."""
        return self.weight_sum / self.count


def index_times(spell: SpellArrays) -> Times:
    """Index spells by the days of lapses."""
    days, event, entry = spell.days, spell.event, spell.entry
    lapse = event == 1
    whole = days.dtype.kind in "iu" and len(days) and int(days.max()) < 1 << 20
    if whole:
        top = int(days.max()) + 1
        tally = np.bincount(days[lapse], minlength=top)
        lapse_days = np.flatnonzero(tally)
        lookup = (np.cumsum(tally > 0) - 1).astype(np.int32)
        last = lookup[days]
    else:
        lapse_days = np.unique(days[lapse])
        last = (np.searchsorted(lapse_days, days, side="right") - 1).astype(np.int32)
    before = None
    if entry is not None and entry.any():
        before = (np.searchsorted(lapse_days, entry, side="right") - 1).astype(np.int32)
        # Who enters on day 0 is at risk on day 0 already.
        before[entry == 0] = -1
    n_days = len(lapse_days)
    rows = None if spell.rows is None else spell.rows[lapse]
    mass = None if spell.mass is None else spell.mass[lapse]
    count = np.bincount(last[lapse], rows, minlength=n_days).astype(float)
    total = np.bincount(last[lapse], mass, minlength=n_days).astype(float)
    at_risk = _from_the_end(np.bincount(last + 1, spell.mass, minlength=n_days + 1)[1:])
    if before is not None:
        at_risk = at_risk - _from_the_end(np.bincount(before + 1, spell.mass, minlength=n_days + 1)[1:])
    return Times(lapse_days, last, before, event, count, total, at_risk.astype(float))


def _from_the_end(values: np.ndarray) -> np.ndarray:
    return np.cumsum(values[::-1], axis=0)[::-1]


def build(covariates: Sequence[Covariate], times: Times, weight: np.ndarray | None) -> RiskSets:
    """Patterns where the covariates take few values together, rows otherwise."""
    patterns = find_patterns(covariates, len(times.last), len(times.days))
    return ByRow(covariates, times, weight) if patterns is None else ByPattern(*patterns, times, weight)


class ByPattern:
    """Risk sets counted by pattern × day once; a step then costs patterns × days, not customers."""

    def __init__(self, pattern: np.ndarray, design: np.ndarray, times: Times, weight: np.ndarray | None) -> None:
        k, n_days = len(design), len(times.days)
        total = np.bincount(pattern, weight, minlength=k)
        size = total.sum()
        self.mean = total @ design / size
        centred = design - self.mean
        covariance = (centred * total[:, None]).T @ centred / max(size - 1, 1.0)
        self.spread = np.sqrt(np.diag(covariance))
        safe = np.where(self.spread > 0, self.spread, 1.0)
        self.correlation = covariance / np.outer(safe, safe)
        self.design = centred / safe
        # Slot 0 holds spells that end before the first lapse: never at risk.
        key = (times.last.astype(np.intp) + 1) * k
        key += pattern
        ends = np.bincount(key, weight, minlength=(n_days + 1) * k).reshape(n_days + 1, k)[1:]
        self.at_risk = _from_the_end(ends).astype(float)
        if times.before is not None:
            late = (times.before.astype(np.intp) + 1) * k + pattern
            starts = np.bincount(late, weight, minlength=(n_days + 1) * k).reshape(n_days + 1, k)[1:]
            self.at_risk -= _from_the_end(starts)
        lapse = times.event == 1
        own = None if weight is None else weight[lapse]
        self.tied = np.bincount(key[lapse], own, minlength=(n_days + 1) * k).reshape(n_days + 1, k)[1:].astype(float)
        self.lapsed_by_day = self.tied @ self.design

    def sums(self, beta: np.ndarray) -> DaySums:
        """Sums by day at some coefficients."""
        self._hazard = np.exp(self.design @ beta)
        columns = np.column_stack([self._hazard, self.design * self._hazard[:, None]])
        return DaySums(self.at_risk @ columns, self.tied @ columns)

    def gram(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Second moments, weighted by day."""
        weight = (a @ self.at_risk - b @ self.tied) * self._hazard
        return (self.design * weight[:, None]).T @ self.design


class ByRow:
    """Risk sets summed from rows, block by block: no sort, and no copy of the covariates."""

    def __init__(self, covariates: Sequence[Covariate], times: Times, weight: np.ndarray | None) -> None:
        self.covariates, self.times, self.weight = covariates, times, weight
        self.n = len(times.last)
        self.width = sum(c.width for c in covariates)
        n_days = len(times.days)
        self.block = max(BLOCK, 2 * n_days)
        self.mean, self.spread, self.correlation = standardise(covariates, self.n, weight, BLOCK)
        self._safe = np.where(self.spread > 0, self.spread, 1.0)
        self._hazard = np.empty(self.n)
        self._buffer = np.empty((min(self.block, self.n), self.width + 1))
        self._buffer[:, 0] = 1.0
        # Ends of both kinds share one sum: even slots censored, odd slots lapsed; the first two are never at risk.
        self._slot = (times.last + 1) * 2 + times.event
        self._pointer = np.arange(min(self.block, self.n) + 1, dtype=np.int32)
        self.lapsed_by_day = self._by_slot(self.weight)[3::2, 1:]

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Standardised rows with a leading 1, in a buffer that the next call overwrites."""
        out = self._buffer[: stop - start]
        at = 1
        for covariate in self.covariates:
            covariate.write(out[:, at : at + covariate.width], start, stop)
            at += covariate.width
        out[:, 1:] -= self.mean
        out[:, 1:] /= self._safe
        return out

    def _blocks(self) -> list[tuple[int, int]]:
        return [(start, min(start + self.block, self.n)) for start in range(0, self.n, self.block)]

    def _add(self, slot: np.ndarray, weight: np.ndarray, rows: np.ndarray, n_slots: int) -> np.ndarray:
        """Σ weight · row by slot: a sparse matrix with one entry a column adds whole rows at once."""
        pointer = self._pointer[: len(slot) + 1]
        return sparse.csc_array((weight, slot, pointer), shape=(n_slots, len(slot))) @ rows

    def _by_slot(self, weight: np.ndarray | None) -> np.ndarray:
        n_slots = 2 * (len(self.times.days) + 1)
        out = np.zeros((n_slots, self.width + 1))
        for start, stop in self._blocks():
            own = np.ones(stop - start) if weight is None else weight[start:stop]
            out += self._add(self._slot[start:stop], own, self.rows(start, stop), n_slots)
        return out

    def sums(self, beta: np.ndarray) -> DaySums:
        """Sums by day at some coefficients."""
        n_slots = 2 * (len(self.times.days) + 1)
        ends = np.zeros((n_slots, self.width + 1))
        late = np.zeros((len(self.times.days) + 1, self.width + 1)) if self.times.before is not None else None
        for start, stop in self._blocks():
            rows = self.rows(start, stop)
            hazard = self._hazard[start:stop]
            np.exp(rows[:, 1:] @ beta, out=hazard)
            if self.weight is not None:
                hazard *= self.weight[start:stop]
            ends += self._add(self._slot[start:stop], hazard, rows, n_slots)
            if late is not None:
                late += self._add(self.times.before[start:stop] + 1, hazard, rows, len(late))
        tied = ends[3::2]
        risk = _from_the_end(ends[2::2] + tied)
        if late is not None:
            risk = risk - _from_the_end(late[1:])
        return DaySums(risk, tied)

    def gram(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Second moments, weighted by day."""
        cumulative = np.concatenate([[0.0], np.cumsum(a)])
        own = np.concatenate([[0.0], b])
        per_slot = np.column_stack([cumulative, cumulative - own]).ravel()
        out = np.zeros((self.width, self.width))
        for start, stop in self._blocks():
            rows = self.rows(start, stop)[:, 1:]
            weight = per_slot[self._slot[start:stop]]
            if self.times.before is not None:
                weight -= cumulative[self.times.before[start:stop] + 1]
            weight *= self._hazard[start:stop]
            out += (rows * weight[:, None]).T @ rows
        return out
