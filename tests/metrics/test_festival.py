"""The table of Spring Festivals against the moon itself."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta

import pytest

from helpers.metrics.festival import NEW_YEAR, festival_days


def new_moons(year: int) -> list[date]:
    """Days of the new moons around the start of a year, in China's time (Meeus, Astronomical Algorithms, ch. 49)."""
    found = []
    for k in range(round((year - 2000) * 12.3685) - 1, round((year - 2000) * 12.3685) + 4):
        t = k / 1236.85
        jde = 2451550.09766 + 29.530588861 * k + 0.00015437 * t**2
        e = 1 - 0.002516 * t
        m, mm, f, omega = (
            math.radians(a + b * k)
            for a, b in (
                (2.5534, 29.10535670),
                (201.5643, 385.81693528),
                (160.7108, 390.67050284),
                (124.7746, -1.56375588),
            )
        )
        jde += (
            -0.40720 * math.sin(mm)
            + 0.17241 * e * math.sin(m)
            + 0.01608 * math.sin(2 * mm)
            + 0.01039 * math.sin(2 * f)
            + 0.00739 * e * math.sin(mm - m)
            - 0.00514 * e * math.sin(mm + m)
            + 0.00208 * e * e * math.sin(2 * m)
            - 0.00111 * math.sin(mm - 2 * f)
            - 0.00057 * math.sin(mm + 2 * f)
            + 0.00056 * e * math.sin(2 * mm + m)
            - 0.00042 * math.sin(3 * mm)
            + 0.00042 * e * math.sin(m + 2 * f)
            + 0.00038 * e * math.sin(m - 2 * f)
            - 0.00024 * e * math.sin(2 * mm - m)
            - 0.00017 * math.sin(omega)
        )
        # About 70 s between dynamical and civil time in these decades; China is 8 hours ahead.
        moment = datetime(2000, 1, 1, 12) + timedelta(days=jde - 2451545.0, seconds=-70, hours=8)
        found.append(moment.date())
    return found


@pytest.mark.parametrize("year", sorted(NEW_YEAR))
def test_new_year_is_the_first_new_moon_from_21_january_on(year: int) -> None:
    moons = [day for day in new_moons(year) if date(year, 1, 21) <= day <= date(year, 2, 20)]
    assert moons[0] == NEW_YEAR[year]


def test_table_covers_what_it_promises() -> None:
    assert sorted(NEW_YEAR) == list(range(2015, 2036))
    for year in NEW_YEAR:
        assert sum(festival_days(date(year, month, 1)) for month in (1, 2, 3)) == 8
    assert festival_days(date(2040, 2, 1)) is None
