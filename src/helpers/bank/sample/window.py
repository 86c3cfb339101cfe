"""The simulated calendar: which days the log covers and how busy each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

LAST_DAY = np.datetime64("2025-12-31", "D")
SPRING_FESTIVALS = np.array(
    ["2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17"],
    dtype="datetime64[D]",
)
BURN_IN_DAYS = 120
# Monday to Sunday: a bank's app is a weekday thing
_WEEKDAY = np.array([1.08, 1.03, 1.02, 1.03, 1.10, 0.90, 0.84])
# January to December
_MONTH = np.array([1.03, 0.97, 1.02, 1.00, 0.98, 1.02, 0.97, 0.96, 1.00, 0.97, 1.05, 1.06])


@dataclass(frozen=True)
class Window:
    """The days of the log, counted from 0; days before it are negative.

    Attributes
    ----------
    months : int
        Calendar months, the last of them December 2025.
    """

    months: int

    @cached_property
    def start(self) -> np.datetime64:
        """First day of the log."""
        return ((LAST_DAY.astype("datetime64[M]") + 1) - self.months).astype("datetime64[D]")

    @cached_property
    def days(self) -> int:
        """Days in the log."""
        return int((LAST_DAY - self.start).astype(int)) + 1

    def day(self, date: str | np.datetime64) -> int:
        """Return the number of a calendar day."""
        return int((np.datetime64(date, "D") - self.start).astype(int))

    def date(self, day: np.ndarray) -> np.ndarray:
        """Return calendar days (datetime64[D]) of day numbers."""
        return self.start + np.asarray(day).astype("timedelta64[D]")

    @cached_property
    def month_starts(self) -> np.ndarray:
        """Day number of the first day of every month, and of the day after the log: months + 1 values."""
        months = self.start.astype("datetime64[M]") + np.arange(self.months + 1)
        return (months.astype("datetime64[D]") - self.start).astype(np.int64)

    @cached_property
    def month_of_day(self) -> np.ndarray:
        """Month number, from 0, of every day of the log."""
        return np.searchsorted(self.month_starts, np.arange(self.days), side="right") - 1

    @cached_property
    def busyness(self) -> np.ndarray:
        """Factor on everybody's activity for each day from `BURN_IN_DAYS` before the log to its end.

        Weekday × month × pay days × Spring Festival, which moves activity forward into the ten
        days before New Year's Eve and empties the week of the holiday.
        """
        days = self.date(np.arange(-BURN_IN_DAYS, self.days))
        weekday = (days.astype(int) + 3) % 7  # 1970-01-01 was a Thursday
        month = days.astype("datetime64[M]").astype(int) % 12
        in_month = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(int) + 1
        factor = _WEEKDAY[weekday] * _MONTH[month]
        factor *= np.where(np.isin(in_month, (10, 15)), 1.15, 1.0)
        for festival in SPRING_FESTIVALS:
            ahead = (days - festival).astype(int)
            factor *= np.where((ahead >= -12) & (ahead <= -3), 1.18, 1.0)
            factor *= np.where((ahead >= -1) & (ahead <= 6), 0.55, 1.0)
        return factor

    @cached_property
    def clock(self) -> np.ndarray:
        """Busyness cumulated to the end of each day from `BURN_IN_DAYS` before the log on.

        Visits are drawn on this clock, not on the calendar: a busy day is a long day.
        """
        return np.cumsum(self.busyness)
