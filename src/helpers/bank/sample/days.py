"""On which days each customer is active: visits on the busyness clock, cut at the ends of the lives."""

from __future__ import annotations

import numpy as np

from helpers.bank.sample.lives import LONGEST_GAP_DAYS, Lives
from helpers.bank.sample.people import People
from helpers.bank.sample.window import BURN_IN_DAYS, Window

LONGEST_CLOCK_GAP = 27.0  # on the busyness clock; never more than LONGEST_GAP_DAYS on the calendar
_DRAWS = 16
HUNTER_DAYS = 10  # in which a campaign's first prizes are taken


def draw_days(
    rng: np.random.Generator,
    window: Window,
    people: People,
    lives: Lives,
    *,
    is_hunter: np.ndarray,
    launches: list[int],
) -> np.ndarray:
    """Draw the days on which the customers of a cell would be active if no campaign had an effect.

    Within a life the gap between two active days is exponential on the busyness clock and cut at
    `LONGEST_CLOCK_GAP`; the first and the last day of a life are always active. Hunters look in every
    three to six weeks and come for a few days when a campaign starts, whatever arm they are in.

    Returns
    -------
    array of bool, (n, days of the log)
        True on active days.
    """
    active = np.zeros((people.n, window.days), dtype=bool)
    gap = np.where(is_hunter, np.inf, people.gap_days)
    visits = _hunting(rng, window, is_hunter, launches)
    for start, end in ((lives.first_start, lives.first_end), (lives.second_start, lives.second_end)):
        in_log = np.flatnonzero((end >= 0) & (start < window.days))
        if len(in_log) == 0:
            continue
        walk(rng, window, active, in_log, start[in_log], end[in_log], gap[in_log])
        days = np.arange(window.days)
        alive = (days >= start[in_log, None]) & (days <= end[in_log, None])
        active[in_log] |= visits[in_log] & alive
    return active


def walk(
    rng: np.random.Generator,
    window: Window,
    active: np.ndarray,
    rows: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    gap: np.ndarray,
) -> None:
    """Mark the days of one life of some customers, in place.

    Parameters
    ----------
    active : array of bool, (n, days of the log)
        Marked in rows `rows`.
    start, end, gap : array, one value a row of `rows`
        First and last day of the life; mean gap on the busyness clock, infinite for hunters.
    """
    last = np.minimum(end, window.days - 1)
    # who joined long ago is picked up somewhere before the log, so that the log finds them in mid-stride
    begin = np.maximum(start, -BURN_IN_DAYS + rng.integers(0, LONGEST_GAP_DAYS, len(rows)))
    in_log = begin >= 0
    active[rows[in_log], begin[in_log]] = True
    seen_end = end < window.days
    active[rows[seen_end], end[seen_end]] = True
    now = window.clock[begin + BURN_IN_DAYS]
    until = window.clock[last + BURN_IN_DAYS]
    is_sparse = np.isinf(gap)
    cut = 1 - np.exp(-LONGEST_CLOCK_GAP / np.where(is_sparse, 1.0, gap))
    left = np.arange(len(rows))
    while len(left):
        u = rng.random((len(left), _DRAWS))
        steps = (
            np.where(
                is_sparse[left, None],
                18.0 + 9.0 * u,
                -gap[left, None] * np.log1p(-u * cut[left, None]),
            )
            if is_sparse.any()
            else -gap[left, None] * np.log1p(-u * cut[left, None])
        )
        times = now[left, None] + np.cumsum(steps, axis=1)
        day = np.searchsorted(window.clock, times) - BURN_IN_DAYS
        i, j = np.nonzero((day >= 0) & (day <= last[left, None]))
        active[rows[left[i]], day[i, j]] = True
        now[left] = times[:, -1]
        left = left[times[:, -1] < until[left]]


def _hunting(rng: np.random.Generator, window: Window, is_hunter: np.ndarray, launches: list[int]) -> np.ndarray:
    """Mark the days on which hunters come because a campaign has started."""
    visits = np.zeros((len(is_hunter), window.days), dtype=bool)
    hunters = np.flatnonzero(is_hunter)
    for launch in launches:
        stop = min(launch + HUNTER_DAYS, window.days)
        chance = np.linspace(0.75, 0.15, HUNTER_DAYS)[: stop - launch]
        visits[hunters, launch:stop] = rng.random((len(hunters), stop - launch)) < chance
    return visits
