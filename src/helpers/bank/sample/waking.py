"""Win-back: silent customers whom a campaign brings back, with the life that they would then lead drawn beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.days import walk
from helpers.bank.sample.lives import RETURN_AFTER_DAYS, SECOND_LIFE_RATIO, Lives
from helpers.bank.sample.people import People
from helpers.bank.sample.plans import DURABLE_DAYS, EFFECT_DAYS
from helpers.bank.sample.wealth import Wealth
from helpers.bank.sample.window import Window

WAKING_DAYS = 14  # from the launch, within which the woken return
BROUGHT_BACK = 0.10  # of usual assets, in the month of return


@dataclass
class Waking:
    """What a campaign would do to those silent at its launch; one value an assigned customer.

    Attributes
    ----------
    can : array of bool, (m,)
        True for those who could be woken.
    days, days_later : array of float, (m,)
        Active days that being woken adds in 28 days, and in 90 (against the return that would have come anyway).
    money : array of float, (m,)
        Assets brought back when woken.
    """

    can: np.ndarray
    days: np.ndarray
    days_later: np.ndarray
    money: np.ndarray
    path: np.ndarray
    place: np.ndarray
    start: np.ndarray
    end: np.ndarray

    def wake(self, rows: np.ndarray, is_woken: np.ndarray, lives: Lives, active: np.ndarray) -> None:
        """Give the woken their other life, in place of the one without the campaign."""
        for i in np.flatnonzero(is_woken & self.can):
            row, j = rows[i], self.place[i]
            begin = self.start[j]
            active[row, begin:] = self.path[j, begin:]
            lives.second_start[row], lives.second_end[row] = begin, self.end[j]


def draw_waking(
    rng: np.random.Generator,
    window: Window,
    people: People,
    lives: Lives,
    wealth: Wealth,
    active: np.ndarray,
    rows: np.ndarray,
    launch: int,
    measured: tuple[int, int],
    *,
    is_hunter: np.ndarray,
) -> Waking:
    """Draw, for everybody assigned who has been silent long enough, the life after being woken.

    Silent long enough is at least the shortest silence before a return, so that the first life's end stays a lapse.
    Who would come back within the 28 days anyway is left alone, and so is who would close the account later.

    Parameters
    ----------
    launch : int
        First day of the campaign.
    measured : (after, durable)
        Months whose ends measure assets.
    """
    silent = ~lives.first_closed[rows] & (lives.first_end[rows] <= launch - RETURN_AFTER_DAYS[0])
    later = lives.second_start[rows] >= launch + EFFECT_DAYS
    can = silent & later & ~lives.second_closed[rows] & ~is_hunter[rows]
    found = np.flatnonzero(can)
    who = rows[found]
    start = launch + rng.integers(0, WAKING_DAYS, len(who))
    length = np.floor(rng.exponential(1.0, len(who)) / (lives.lapse_hazard[who] * SECOND_LIFE_RATIO)).astype(np.int64)
    end = start + length
    path = np.zeros((len(who), window.days), dtype=bool)
    walk(rng, window, path, np.arange(len(who)), start, end, people.gap_days[who])
    days, days_later, money = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
    days[found] = path[:, launch : launch + EFFECT_DAYS].sum(axis=1)
    until = launch + DURABLE_DAYS
    days_later[found] = path[:, launch:until].sum(axis=1) - active[who, launch:until].sum(axis=1)
    after, durable = measured
    stays = (end >= window.month_starts[durable + 1]) & (wealth.aum[who, after] > 0)
    money[found] = np.where(stays, np.round(BROUGHT_BACK * wealth.usual[who], 2), 0.0)
    place = np.full(len(rows), -1)
    place[found] = np.arange(len(found))
    return Waking(can, days, days_later, money, path, place, start, end)
