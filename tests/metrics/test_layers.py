"""Layers: recency and frequency as counted by hand, tiers, RFM groups, masked cells."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.metrics import layers

IDS = [f"C{i:09d}" for i in range(1, 5)]


@pytest.fixture
def bank(tiny_bank):
    customers = pd.DataFrame(
        {
            "customer_id": IDS,
            "joined_date": pd.to_datetime(["2023-01-01"] * 4).date,
            "birth_year": pd.array([1970] * 4, dtype="Int64"),
            "gender": "F",
            "branch": "Harbour",
            "closed_date": pd.to_datetime([None, None, None, "2024-02-01"]),
        }
    )
    days = {
        IDS[0]: ["2024-06-30", "2024-06-29", "2024-06-29", "2024-06-01", "2024-05-31", "2024-03-01"],
        IDS[1]: ["2024-05-01"],
    }
    activity = pd.DataFrame(
        [(who, pd.Timestamp(day) + pd.Timedelta(hours=8)) for who, when in days.items() for day in when],
        columns=["customer_id", "occurred_at"],
    ).assign(event="login", page="home", session_id="s", app="main")
    balances = pd.DataFrame(
        {
            "customer_id": [IDS[0], IDS[0], IDS[1], IDS[2]],
            "balance_date": pd.to_datetime(["2024-05-31", "2024-06-30", "2024-06-30", "2024-05-31"]).date,
            "aum": [10.0, 500.0, 20.0, 999.0],
            "loan": 0.0,
        }
    )
    return tiny_bank(customers=customers, activity=activity, balances=balances)


def test_recency_frequency_and_money(bank):
    table = layers.customer_layers(bank).set_index("customer_id")
    assert list(table.index) == IDS[:3]  # the closed account is no open customer
    assert table.loc[IDS[0], "days_since_active"] == 0
    # distinct days: 30, 29, 1 June (the 30th day back) and 31 May; 1 March lies outside 90 days (2 April – 30 June)
    assert table.loc[IDS[0], ["active_days_recent", "active_days_month"]].tolist() == [4, 3]
    assert table.loc[IDS[1], "days_since_active"] == 60
    assert pd.isna(table.loc[IDS[2], "days_since_active"])
    # the last balance known stands: the third customer has no row on the newest day and keeps the one of May
    assert table["aum"].tolist() == [500.0, 20.0, 999.0]


def test_activity_tiers_turn_at_the_days_given(bank):
    at60 = layers.customer_layers(bank, silent_days=60).set_index("customer_id")["activity_tier"]
    at61 = layers.customer_layers(bank, silent_days=61).set_index("customer_id")["activity_tier"]
    assert at60.tolist() == ["occasional", "silent", "silent"]
    assert at61.tolist() == ["occasional", "occasional", "silent"]


def people(aum, tier, **more):
    return pd.DataFrame({"aum": aum, "value_tier": tier, **more})


def test_the_grid_adds_up_and_masks_small_cells():
    table = pd.DataFrame(
        {
            "aum": [100.0] * 12 + [1.0] * 5 + [0.0] * 20,
            "value_tier": ["high"] * 12 + ["low"] * 5 + ["none"] * 20,
            "activity_tier": ["silent"] * 12 + ["frequent"] * 5 + ["occasional"] * 20,
        }
    )
    for column, known in (("value_tier", layers.VALUE_TIERS), ("activity_tier", layers.ACTIVITY_TIERS)):
        table[column] = pd.Categorical(table[column], categories=known)
    grid = layers.value_activity_grid(table, min_group_size=10).set_index(["value_tier", "activity_tier"])
    assert len(grid) == 12
    assert grid.loc[("high", "silent"), ["customers", "aum", "group"]].tolist() == [12, 1200.0, "win_back"]
    assert grid.loc[("low", "frequent"), "is_masked"]
    assert grid.loc[("low", "frequent"), ["customers", "aum"]].isna().all()
    assert grid.loc[("middle", "silent"), "customers"] == 0
    assert not grid.loc[("middle", "silent"), "is_masked"]
    whole = layers.value_activity_grid(table, min_group_size=1)
    assert whole["customers"].sum() == 37
    assert whole["aum"].sum() == pytest.approx(table["aum"].sum())
    assert whole["share"].sum() == pytest.approx(1)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=80))
@settings(max_examples=60)
def test_value_tiers_never_put_the_poorer_above_the_richer(amounts):
    aum = pd.Series(amounts)
    tiers = pd.Series(layers.value_tiers(aum)).map({t: i for i, t in enumerate(layers.VALUE_TIERS)}).astype(int)
    order = aum.argsort()
    assert (tiers.iloc[order].diff().dropna() <= 0).all()
    assert (tiers[aum == 0] == 3).all()


def test_rfm_groups_cover_everybody_and_join_the_small():
    table = pd.DataFrame(
        {
            "days_since_active": [1.0] * 30 + [100.0] * 30 + [None] * 3,
            "active_days_recent": [20] * 30 + [0] * 30 + [0] * 3,
            "aum": [900.0] * 30 + [5.0] * 30 + [900.0] * 3,
        }
    )
    names = layers.rfm_group_of(table)
    assert set(names) == {"important_value", "general_win_back", "important_win_back"}
    groups = layers.rfm_groups(table, min_group_size=10)
    assert groups["customers"].sum() == 63
    assert groups["aum_share"].sum() == pytest.approx(1)
    assert "important_win_back" not in set(groups["rfm_group"])
    assert groups.set_index("rfm_group").loc["other", "customers"] == 3


@pytest.mark.parametrize(
    ("setting", "value"), [("recent_days", 0), ("silent_days", -1), ("high_share", 1.0), ("silent_days", True)]
)
def test_wrong_settings_are_named(bank, setting, value):
    with pytest.raises(ValueError, match=f"{setting} must .* not {value!r}"):
        layers.customer_layers(bank, **{setting: value})
