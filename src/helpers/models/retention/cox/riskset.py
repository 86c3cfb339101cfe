"""Who is at risk on each day of a lapse, summed by day: from rows, or from patterns of covariates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import sparse

from helpers.models.retention.arrays import SpellArrays
from helpers.models.retention.design import Covariate, DesignRows, find_patterns, standardise

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
    lapsed_sum: np.ndarray
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
    ended : array of int, shape (n_days,)
        Customers whose watching ended before each day.
    """

    days: np.ndarray
    last: np.ndarray
    before: np.ndarray | None
    event: np.ndarray
    count: np.ndarray
    weight_sum: np.ndarray
    at_risk: np.ndarray
    ended: np.ndarray

    @property
    def mean_weight(self) -> np.ndarray:
        """Mean weight of the lapses of each day: what each term of the likelihood counts for."""
        return self.weight_sum / self.count


def index_times(spell: SpellArrays) -> Times:
    """Index spells by the days of lapses."""
    days, event, entry = spell.days, spell.event, spell.entry
    whole = days.dtype.kind in "iu" and len(days) and int(days.max()) < 1 << 20
    if whole:
        slot, n_slots = days.astype(np.intp), int(days.max()) + 1
        times = np.arange(n_slots)
    else:
        times, slot = np.unique(days, return_inverse=True)
        n_slots = len(times)
    # One tally over day × kind of end; everything else is sums of it.
    slot = slot * 2
    slot += event
    rows = np.bincount(slot, spell.rows, minlength=2 * n_slots).reshape(n_slots, 2).astype(float)
    mass = rows
    if spell.mass is not spell.rows:
        mass = np.bincount(slot, spell.mass, minlength=2 * n_slots).reshape(n_slots, 2)
    lapse = rows[:, 1] > 0
    lapse_days = times[lapse]
    lookup = (np.cumsum(lapse) - 1).astype(np.int32)
    last = lookup[days] if whole else lookup[slot // 2]
    at_risk = _from_the_end(mass.sum(axis=1))[lapse]
    before = None
    if entry is not None and entry.any():
        before = (np.searchsorted(lapse_days, entry, side="right") - 1).astype(np.int32)
        # Who enters on day 0 is at risk on day 0 already.
        before[entry == 0] = -1
        n_days = len(lapse_days)
        late = np.bincount(before + 1, spell.mass, minlength=n_days + 1)[1:]
        at_risk = at_risk - _from_the_end(late)
    ended = np.rint(np.cumsum(rows[:, 0]) - rows[:, 0])[lapse].astype(np.int64)
    return Times(lapse_days, last, before, event, rows[lapse, 1], mass[lapse, 1], at_risk.astype(float), ended)


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
        # Slot 0 holds spells that end before the first lapse: never at risk.
        key = times.last.astype(np.intp)
        key += 1
        key *= 2
        key += times.event
        key *= k
        key += pattern
        ends = np.bincount(key, weight, minlength=2 * (n_days + 1) * k).reshape(n_days + 1, 2, k)
        self.tied = ends[1:, 1].astype(float)
        both = ends.sum(axis=1).astype(float)
        total = both.sum(axis=0)
        self.at_risk = _from_the_end(both[1:])
        if times.before is not None:
            late = (times.before.astype(np.intp) + 1) * k + pattern
            starts = np.bincount(late, weight, minlength=(n_days + 1) * k).reshape(n_days + 1, k)[1:]
            self.at_risk = self.at_risk - _from_the_end(starts)
        size = total.sum()
        self.mean = total @ design / size
        centred = design - self.mean
        covariance = (centred * total[:, None]).T @ centred / max(size - 1, 1.0)
        self.spread = np.sqrt(np.diag(covariance))
        safe = np.where(self.spread > 0, self.spread, 1.0)
        self.correlation = covariance / np.outer(safe, safe)
        self.design = centred / safe
        self.lapsed_by_day = self.tied @ self.design
        self.lapsed_sum = self.lapsed_by_day.sum(axis=0)

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
    """Risk sets summed from rows, block by block: no sort, and no copy of the covariates where they lie
    side by side.

    Rows are summed as they are (less a shift where a column is far from 0); means and spreads are put in
    afterwards, into sums.
    """

    def __init__(self, covariates: Sequence[Covariate], times: Times, weight: np.ndarray | None) -> None:
        self.times, self.weight = times, weight
        self.n = len(times.last)
        self.block = max(BLOCK, 2 * len(times.days))
        self.data = DesignRows(covariates, self.n, self.block)
        mean, self.spread, self.correlation, lapsed = standardise(self.data, weight, times.event)
        self.mean = mean + self.data.shift
        self._safe = np.where(self.spread > 0, self.spread, 1.0)
        self._centre = mean
        self._hazard = np.empty(self.n)
        # Ends of both kinds share one sum: even slots censored, odd slots lapsed; the first two are never at risk.
        self._slot = (times.last + 1) * 2 + times.event
        self._pointer = np.arange(min(self.block, self.n) + 1, dtype=np.int32)
        self.lapsed_sum = (lapsed - times.weight_sum.sum() * mean) / self._safe

    @property
    def lapsed_by_day(self) -> np.ndarray:
        """Covariates of the lapses of each day, summed, ``(n_days, p)``."""
        weight = np.ones(self.n) if self.weight is None else self.weight
        return self._standard(self._by_slot(weight)[3::2])[:, 1:]

    def _standard(self, sums: np.ndarray) -> np.ndarray:
        out = sums.copy()
        out[:, 1:] = (sums[:, 1:] - sums[:, :1] * self._centre) / self._safe
        return out

    def _add(self, slot: np.ndarray, weight: np.ndarray, rows: np.ndarray, n_slots: int) -> np.ndarray:
        """Σ weight · (1, row) by slot: a sparse matrix with one entry a column adds whole rows at once."""
        pointer = self._pointer[: len(slot) + 1]
        out = np.empty((n_slots, rows.shape[1] + 1))
        out[:, 0] = np.bincount(slot, weight, minlength=n_slots)
        out[:, 1:] = sparse.csc_array((weight, slot, pointer), shape=(n_slots, len(slot))) @ rows
        return out

    def _by_slot(self, weight: np.ndarray) -> np.ndarray:
        n_slots = 2 * (len(self.times.days) + 1)
        out = np.zeros((n_slots, len(self.mean) + 1))
        for start, stop, rows in self.data:
            out += self._add(self._slot[start:stop], weight[start:stop], rows, n_slots)
        return out

    def sums(self, beta: np.ndarray) -> DaySums:
        """Sums by day at some coefficients."""
        raw = beta / self._safe
        at_mean = float(self._centre @ raw)
        n_slots = 2 * (len(self.times.days) + 1)
        ends = np.zeros((n_slots, len(beta) + 1))
        late = np.zeros((len(self.times.days) + 1, len(beta) + 1)) if self.times.before is not None else None
        for start, stop, rows in self.data:
            hazard = self._hazard[start:stop]
            np.matmul(rows, raw, out=hazard)
            hazard -= at_mean
            np.exp(hazard, out=hazard)
            if self.weight is not None:
                hazard *= self.weight[start:stop]
            ends += self._add(self._slot[start:stop], hazard, rows, n_slots)
            if late is not None:
                late += self._add(self.times.before[start:stop] + 1, hazard, rows, len(late))
        tied = ends[3::2]
        risk = _from_the_end(ends[2::2] + tied)
        if late is not None:
            risk = risk - _from_the_end(late[1:])
        self._raw = DaySums(risk, tied)
        return DaySums(self._standard(risk), self._standard(tied))

    def gram(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Second moments, weighted by day."""
        cumulative = np.concatenate([[0.0], np.cumsum(a)])
        own = np.concatenate([[0.0], b])
        per_slot = np.column_stack([cumulative, cumulative - own]).ravel()
        out = np.zeros((len(self.mean), len(self.mean)))
        for start, stop, rows in self.data:
            weight = per_slot[self._slot[start:stop]]
            if self.times.before is not None:
                weight -= cumulative[self.times.before[start:stop] + 1]
            weight *= self._hazard[start:stop]
            out += (rows * weight[:, None]).T @ rows
        # The weights' own sums follow from the sums by day.
        moments = a @ self._raw.risk - b @ self._raw.tied
        cross = np.outer(moments[1:], self._centre)
        out += moments[0] * np.outer(self._centre, self._centre) - cross - cross.T
        return out / np.outer(self._safe, self._safe)
