"""Whose state on a day is known, and who is too young to count: watching ended before that day.

A customer who lapsed before the day counts as known; one who was still active when the watching ended does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from helpers.models.retention.arrays import SpellArrays
    from helpers.models.retention.counts import SpellCounts


def on_each_day(counts: SpellCounts, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Customers known and not known on days, given as indices of the first time not before each.

    Parameters
    ----------
    counts : SpellCounts
    first : array of int, shape (n_days,)

    Returns
    -------
    two arrays of int, ``(n_groups, n_days)``
    """
    before = np.zeros((len(counts.labels), len(counts.times) + 1), dtype=counts.rows_censored.dtype)
    before[:, 1:] = np.cumsum(counts.rows_censored, axis=1)
    immature = np.rint(before[:, first]).astype(np.int64)
    return np.rint(counts.rows).astype(np.int64)[:, None] - immature, immature


def at_horizon(counts: SpellCounts, day: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Customers known and not known on one day of each group (or one day for all), two arrays of int ``(n_groups,)``."""
    early = counts.times[None, :] < np.broadcast_to(np.asarray(day, dtype=float), len(counts.labels))[:, None]
    immature = np.rint((counts.rows_censored * early).sum(axis=1)).astype(np.int64)
    return np.rint(counts.rows).astype(np.int64) - immature, immature


def ended_before(spell: SpellArrays, length: int, n_periods: int) -> np.ndarray:
    """Customers whose watching ended before the end of each period of ``length`` days, an array of int ``(n_periods,)``."""
    days = spell.days
    if days.dtype.kind in "iu" and days.max() < len(days):
        # One tally by day and way of ending, without a pass to pick out who was still active.
        tally = np.bincount(2 * days.astype(np.intp) + spell.event, spell.rows).astype(float)
        by_day = np.zeros(n_periods * length)
        ended = tally[::2][: len(by_day)]
        by_day[: len(ended)] = ended
        return np.rint(np.cumsum(by_day)[length - 1 :: length]).astype(np.int64)
    active = spell.event == 0
    period = (spell.days[active] // length).astype(np.intp)
    rows = None if spell.rows is None else spell.rows[active]
    ended = np.bincount(period, rows, minlength=n_periods)[:n_periods]
    return np.rint(np.cumsum(ended)).astype(np.int64)
