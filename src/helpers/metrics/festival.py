"""Spring Festival: the day it falls on, and how it shifts comparisons with the year before."""

from __future__ import annotations

from datetime import date, timedelta

from helpers.metrics import months

# First day of the Chinese lunar year, from the Gregorian–lunar conversion tables of the Hong Kong Observatory.
NEW_YEAR: dict[int, date] = {
    day.year: day
    for day in (
        date(2015, 2, 19),
        date(2016, 2, 8),
        date(2017, 1, 28),
        date(2018, 2, 16),
        date(2019, 2, 5),
        date(2020, 1, 25),
        date(2021, 2, 12),
        date(2022, 2, 1),
        date(2023, 1, 22),
        date(2024, 2, 10),
        date(2025, 1, 29),
        date(2026, 2, 17),
        date(2027, 2, 6),
        date(2028, 1, 26),
        date(2029, 2, 13),
        date(2030, 2, 3),
        date(2031, 1, 23),
        date(2032, 2, 11),
        date(2033, 1, 31),
        date(2034, 2, 19),
        date(2035, 2, 8),
    )
}
# Currencies of banks that keep the festival.
CURRENCIES = ("CNY",)
# New Year's Eve to the seventh day: the public holiday, whatever working days are shifted around it.
_FROM, _TO = -1, 6


def festival_days(month: date) -> int | None:
    """Days of a month that lie in the Spring Festival holiday (New Year's Eve to the seventh day).

    Parameters
    ----------
    month : date
        Any day of the month.

    Returns
    -------
    int, or None for years outside the table (2015–2035)

    Examples
    --------
    >>> [festival_days(date(year, m, 1)) for year in (2024, 2025) for m in (1, 2, 3)]
    [0, 8, 0, 4, 4, 0]
    """
    if month.year not in NEW_YEAR:
        return None
    first = NEW_YEAR[month.year]
    days = (first + timedelta(days=offset) for offset in range(_FROM, _TO + 1))
    return sum(months.start_of(day) == months.start_of(month) for day in days)
