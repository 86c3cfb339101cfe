"""How long customers stay: planted proportional hazards, closing as the other cause, returns after a lapse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.people import BRANCHES, People

SILENT_DAYS = 60  # silence that the catalogue calls a lapse
LONGEST_GAP_DAYS = 44  # between two active days of one life: a lapse never happens by chance
LAPSE_PER_DAY = 1 / 640
CLOSING_PER_DAY = 1 / 4_200
SECOND_LIFE_RATIO = 1.5  # hazard of those who came back, against their first life's
RETURN_SHARE = 0.32
RETURN_AFTER_DAYS = (75, 240)
NEVER = 10**7

# log hazard ratios of the lapse; `is_…` of the true attribute, whatever the tables say
LAPSE_EFFECTS = {
    "is_silver": -0.30,
    "is_woman": -0.15,
    "is_payroll": -0.60,
    "is_young": 0.40,
    "is_car_owner": -0.20,
    "has_children": -0.10,
    "branch=Airport": 0.35,
    "branch=University": 0.15,
}
CLOSING_EFFECTS = {"is_young": 0.30, "is_payroll": -0.40, "branch=Airport": 0.50}


@dataclass
class Lives:
    """First and second life of each customer, in day numbers of the log (`NEVER` if there is none).

    A life's last day is a day with activity, both ends included.

    Attributes
    ----------
    first_start, first_end, second_start, second_end : array of int, (n,)
        Life one starts on the day of joining.
    first_closed, second_closed : array of bool, (n,)
        True where the life ended by closing the account, False where by falling silent.
    lapse_hazard, closing_hazard : array of float, (n,)
        Per day, in the first life.
    """

    first_start: np.ndarray
    first_end: np.ndarray
    first_closed: np.ndarray
    second_start: np.ndarray
    second_end: np.ndarray
    second_closed: np.ndarray
    lapse_hazard: np.ndarray
    closing_hazard: np.ndarray

    def alive_at(self, day: int) -> np.ndarray:
        """True for those in a life on that day."""
        return self.first_alive(day) | self.second_alive(day)

    def first_alive(self, day: int) -> np.ndarray:
        """True for those in their first life on that day."""
        return (self.first_start <= day) & (day <= self.first_end)

    def second_alive(self, day: int) -> np.ndarray:
        """True for those in their second life on that day."""
        return (self.second_start <= day) & (day <= self.second_end)

    def end_at(self, day: int) -> np.ndarray:
        """Last day of the life that is led on that day; the day before it for those in none."""
        none = np.full(len(self.first_end), day - 1)
        return np.where(self.first_alive(day), self.first_end, np.where(self.second_alive(day), self.second_end, none))

    @property
    def closing_day(self) -> np.ndarray:
        """Day on which the account was closed, `NEVER` if it never is."""
        return np.where(self.first_closed, self.first_end, np.where(self.second_closed, self.second_end, NEVER))


def linear_predictor(people: People, effects: dict[str, float]) -> np.ndarray:
    """Sum the log hazard ratios of each customer's true attributes."""
    total = np.zeros(people.n)
    for name, effect in effects.items():
        if name.startswith("branch="):
            holds = people.branch == BRANCHES.index(name.removeprefix("branch="))
        else:
            holds = getattr(people, name)
        total += effect * holds
    return total


def draw_lives(rng: np.random.Generator, people: People, joined: np.ndarray) -> Lives:
    """Draw lapses, closings and returns of a cell.

    Hazards are constant in time, so the day of a lapse is the whole part of an exponential time
    since joining; closing runs from the log's start on at the earliest (who closed before it is in
    no table). Who lapsed before the log comes back, if at all, only after the log's first
    `SILENT_DAYS`: the log alone can then tell who was silent at its start.

    Parameters
    ----------
    joined : array of int, (n,)
        Day of joining, negative before the log.
    """
    n = people.n
    lapse = LAPSE_PER_DAY * np.exp(linear_predictor(people, LAPSE_EFFECTS))
    closing = CLOSING_PER_DAY * np.exp(linear_predictor(people, CLOSING_EFFECTS))
    lapse_day = joined + np.floor(rng.exponential(1.0, n) / lapse).astype(np.int64)
    closing_day = np.maximum(joined, 0) + np.floor(rng.exponential(1.0, n) / closing).astype(np.int64)
    first_closed = closing_day < lapse_day
    first_end = np.minimum(lapse_day, closing_day)
    shortest, longest = RETURN_AFTER_DAYS
    silence = rng.integers(shortest, longest + 1, n)
    late_silence = rng.integers(shortest, 500, n)
    returns = (rng.random(n) < RETURN_SHARE) & ~first_closed
    start = np.where(first_end >= 0, first_end + silence, late_silence)
    second_start = np.where(returns, start, NEVER)
    again = np.floor(rng.exponential(1.0, n) / (lapse * SECOND_LIFE_RATIO)).astype(np.int64)
    again_closed = np.floor(rng.exponential(1.0, n) / closing).astype(np.int64)
    second_closed = returns & (again_closed < again)
    second_end = np.where(returns, second_start + np.minimum(again, again_closed), -NEVER)
    return Lives(
        first_start=joined,
        first_end=first_end,
        first_closed=first_closed,
        second_start=second_start,
        second_end=second_end,
        second_closed=second_closed,
        lapse_hazard=lapse,
        closing_hazard=closing,
    )
