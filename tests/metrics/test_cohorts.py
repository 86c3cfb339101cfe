"""The cohort triangle: counted by hand, masked where customers have not had the time."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from helpers.metrics.cohorts import cohort_mean, cohort_triangle


def frames(people: dict[str, tuple[str, list[int]]]):
    """Customers by day of joining and the days after it on which they were active."""
    customers = pd.DataFrame(
        {"customer_id": list(people), "joined_date": pd.to_datetime([day for day, _ in people.values()]).date}
    )
    rows = [
        (who, pd.Timestamp(day) + pd.Timedelta(days=after, hours=9))
        for who, (day, days) in people.items()
        for after in days
    ]
    return pd.DataFrame(rows, columns=["customer_id", "occurred_at"]), customers


def triangle(people, as_of="2024-06-30", **settings):
    import ibis

    activity, customers = frames(people)
    settings = {"min_group_size": 1, "log_start": date(2024, 1, 1), **settings}
    return cohort_triangle(
        ibis.memtable(activity), ibis.memtable(customers), as_of=date.fromisoformat(as_of), **settings
    )


def cell(table, cohort, period):
    return table[(table["cohort"] == cohort) & (table["period"] == period)].iloc[0]


def test_cells_are_counted_by_each_customers_own_days():
    table = triangle(
        {
            "a": ("2024-01-31", [0, 29, 30]),  # day 29 is period 0, day 30 period 1: calendar months play no part
            "b": ("2024-01-02", [0, 59, 60]),
            "c": ("2024-01-15", []),
        }
    )
    assert cell(table, "2024-01", 0)[["n_eligible", "active"]].tolist() == [3, 2]
    assert cell(table, "2024-01", 1)[["n_eligible", "active"]].tolist() == [3, 2]
    assert cell(table, "2024-01", 2)["retained"] == pytest.approx(1 / 3)
    assert cell(table, "2024-01", 3)["active"] == 0


def test_a_cell_is_masked_until_its_youngest_customer_has_lived_through_it():
    people = {"a": ("2024-05-01", [0]), "b": ("2024-05-31", [0])}
    # a's first 30 days end on 2024-05-30, b's on 2024-06-29
    early, late = triangle(people, as_of="2024-06-28"), triangle(people, as_of="2024-06-29")
    assert cell(early, "2024-05", 0)[["n_eligible", "n_immature"]].tolist() == [1, 1]
    assert np.isnan(cell(early, "2024-05", 0)["retained"])
    assert cell(late, "2024-05", 0)["retained"] == 1.0


def test_activity_of_the_immature_does_not_count():
    people = {"a": ("2024-05-01", []), "b": ("2024-05-31", [0, 1, 2])}
    row = cell(triangle(people, as_of="2024-06-28"), "2024-05", 0)
    assert row["active"] == 0


def test_who_joined_before_the_log_is_counted_but_in_no_cohort():
    table = triangle({"a": ("2023-11-01", [100]), "b": ("2024-02-01", [0])})
    assert table.attrs["n_before_log"] == 1
    assert set(table["cohort"]) == {"2024-02"}


def test_small_cohorts_are_joined_not_shown():
    people = {f"a{i}": ("2024-01-10", [0]) for i in range(2)}
    people |= {f"b{i}": ("2024-02-10", [0]) for i in range(2)}
    people |= {"c": ("2024-03-10", [0])}
    table = triangle(people, min_group_size=3)
    assert set(table["cohort"]) == {"2024-01…2024-03"}
    assert set(table["customers"]) == {5}


def test_the_mean_is_weighted_by_customers():
    people = {f"a{i}": ("2024-01-10", [0, 40]) for i in range(9)} | {"b": ("2024-02-10", [0])}
    mean = cohort_mean(triangle(people), min_group_size=1).set_index("period")
    assert mean.loc[1, "retained"] == pytest.approx(0.9)
    assert mean.loc[1, "n_eligible"] == 10


def test_nobody_joined_within_the_log():
    table = triangle({"a": ("2023-11-01", [100])})
    assert table.empty
    assert table.attrs["n_before_log"] == 1


@pytest.mark.parametrize("name", ["period_days", "max_periods", "min_group_size"])
def test_wrong_settings_are_named(name):
    with pytest.raises(ValueError, match=f"{name} must be a whole number, at least 1, not 0"):
        triangle({"a": ("2024-01-10", [0])}, **{name: 0})
