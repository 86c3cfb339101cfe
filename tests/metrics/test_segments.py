"""Segments: who is in one, who can't be placed, what is refused."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.metrics import segments

IDS = [f"C{i:09d}" for i in range(1, 7)]


@pytest.fixture
def bank(tiny_bank):
    customers = pd.DataFrame(
        {
            "customer_id": IDS,
            "joined_date": pd.to_datetime(["2020-01-01"] * 6).date,
            "birth_year": pd.array([1974, 1975, 1994, 1995, None, 1960], dtype="Int64"),
            "gender": ["F", "M", "F", None, "F", "M"],
            "branch": ["Harbour"] * 6,
            "is_payroll": pd.array([True, False, None, True, True, False], dtype="boolean"),
        }
    )
    activity = pd.DataFrame(
        {
            "customer_id": IDS[:2],
            "occurred_at": pd.to_datetime(["2024-01-01 10:00", "2024-12-31 11:00"]),
            "event": "login",
            "page": "home",
            "session_id": ["s1", "s2"],
            "app": "main",
        }
    )
    return tiny_bank(customers=customers, activity=activity)


def ids(bank, segment):
    return sorted(segments.members(bank, segment).customer_id.execute())


def test_age_is_the_age_reached_in_the_year_of_the_day_looked_at(bank):
    # as_of 2024: born 1974 turns 50, born 1975 turns 49; born 1994 turns 30, born 1995 turns 29
    assert ids(bank, "silver") == [IDS[0], IDS[5]]
    assert ids(bank, "young") == [IDS[3]]


def test_an_empty_cell_fulfils_no_condition(bank):
    assert ids(bank, "women") == [IDS[0], IDS[2], IDS[4]]
    assert ids(bank, "payroll") == [IDS[0], IDS[3], IDS[4]]
    assert ids(bank, "all") == IDS


def test_members_keep_the_customers_columns(bank):
    assert segments.members(bank, "silver").columns == bank.customers.columns


def test_sizes_count_members_and_those_who_cant_be_placed(bank):
    table = segments.sizes(bank).set_index("segment")
    assert table.loc["silver", ["customers", "n_unknown"]].tolist() == [2, 1]
    assert table.loc["women", ["customers", "n_unknown"]].tolist() == [3, 1]
    assert table.loc["women", "share"] == pytest.approx(3 / 6)
    assert table.loc["car_owners", "missing"] == "is_car_owner"
    assert pd.isna(table.loc["car_owners", "share"])


def test_membership_says_null_where_it_cant_be_told(bank):
    table = segments.membership(bank).execute().set_index("customer_id")
    assert table.loc[IDS[4], "silver"] is None or pd.isna(table.loc[IDS[4], "silver"])
    assert bool(table.loc[IDS[0], "silver"]) is True
    assert "car_owners" not in table.columns


def test_an_unknown_segment_names_the_nearest_one(bank):
    with pytest.raises(segments.SegmentError, match=r"segment 'silvr' is unknown, did you mean 'silver';"):
        segments.members(bank, "silvr")


def test_a_column_that_the_bank_lacks_is_named_with_what_is_possible(bank):
    with pytest.raises(
        segments.SegmentError,
        match=r"'car_owners' can't be formed: .* no column is_car_owner; possible here are all, silver, women",
    ):
        segments.members(bank, "car_owners")


def test_a_segment_error_is_a_value_error():
    assert issubclass(segments.SegmentError, ValueError)


def test_own_attributes_extend_the_catalogue(tmp_path):
    words = "{en: x, zh: 某}"
    (tmp_path / "segments.yml").write_text(
        "schema_version: 1\nentries:\n"
        f"  vips:\n    name: {words}\n    description: {words}\n"
        "    where: [{column: tier, is_in: [gold, black]}, {column: age, above: 30, at_most: 60}]\n",
        encoding="utf-8",
    )
    vips = segments.read_segments(folder=tmp_path)["vips"]
    assert vips.columns == ("tier", "birth_year")
    assert vips.where[1].bounds == {"above": 30, "at_most": 60}


def test_a_condition_without_a_bound_is_refused(tmp_path):
    (tmp_path / "segments.yml").write_text(
        "schema_version: 1\nentries:\n  odd:\n    name: {en: x, zh: 某}\n    description: {en: x, zh: 某}\n"
        "    where: [{column: tier}]\n",
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match="tier needs one of is, is_in"):
        segments.read_segments(folder=tmp_path)
