"""Calendar months: which of them the log covers whole, and how they are written (``2025-08``)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir

# A log that starts within the first week still counts its first month as whole: a small branch may simply have had
# nobody in the app on New Year's Day. Later starts leave the month out, since its MAU would be too low.
GRACE_DAYS = 6


def start_of(day: date) -> date:
    """Return the first day of a day's month.

    Examples
    --------
    >>> start_of(date(2025, 8, 17))
    datetime.date(2025, 8, 1)
    """
    return date(day.year, day.month, 1)


def add(month: date, months: int) -> date:
    """Return the first day of the month so many months later (earlier if negative).

    Examples
    --------
    >>> add(date(2025, 11, 1), 3), add(date(2025, 1, 1), -1)
    (datetime.date(2026, 2, 1), datetime.date(2024, 12, 1))
    """
    index = month.year * 12 + month.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def end_of(day: date) -> date:
    """Return the last day of a day's month.

    Examples
    --------
    >>> end_of(date(2024, 2, 1))
    datetime.date(2024, 2, 29)
    """
    return add(start_of(day), 1) - timedelta(days=1)


def between(earlier: date, later: date) -> int:
    """Count the months from one month to another.

    Examples
    --------
    >>> between(date(2024, 11, 1), date(2025, 2, 1))
    3
    """
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def write(month: date) -> str:
    """Write a month as tables and pages show it.

    Examples
    --------
    >>> write(date(2025, 8, 1))
    '2025-08'
    """
    return f"{month.year:04d}-{month.month:02d}"


def read(month: str) -> date:
    """Read a month written YYYY-MM.

    Examples
    --------
    >>> read("2025-08")
    datetime.date(2025, 8, 1)
    """
    return date.fromisoformat(f"{month}-01")


def complete(first_day: date, last_day: date, *, as_of: date | None = None) -> list[date]:
    """List the months that a log covers whole, oldest first.

    Parameters
    ----------
    first_day, last_day : date
        First and last day with a row.
    as_of : date, optional
        Last day that is seen; by default ``last_day``. A later one completes the month of ``last_day`` (nobody came
        on its last days) but adds no month in which the log has no row at all.

    Returns
    -------
    list of date, the first days of the months

    Examples
    --------
    >>> [write(m) for m in complete(date(2025, 1, 2), date(2025, 3, 20))]
    ['2025-01', '2025-02']
    >>> [write(m) for m in complete(date(2025, 1, 20), date(2025, 3, 30), as_of=date(2025, 4, 15))]
    ['2025-02', '2025-03']
    """
    until = min(as_of or last_day, end_of(last_day))
    month = start_of(first_day)
    if (first_day - month).days > GRACE_DAYS:
        month = add(month, 1)
    found = []
    while end_of(month) <= until:
        found.append(month)
        month = add(month, 1)
    return found


def complete_in(table: ir.Table, column: str, *, as_of: date | None = None) -> list[date]:
    """List the months that a lazy table covers whole, by one of its date or timestamp columns.

    Returns
    -------
    list of date, empty if the table has no row
    """
    row = table.aggregate(first=table[column].min(), last=table[column].max()).to_pandas().iloc[0]
    if row["first"] is None or row["first"] != row["first"]:
        return []
    return complete(_day(row["first"]), _day(row["last"]), as_of=as_of)


def _day(value: object) -> date:
    return value.date() if hasattr(value, "date") else value  # type: ignore[return-value]
