"""Portraits: TGI and its interval, hours with customers as units, benefits among those who were given them."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from helpers.metrics import portraits


def test_tgi_is_the_ratio_of_shares_and_the_interval_is_carried_over_from_inside_and_outside():
    table = portraits.tgi(pd.Series({"x": 30}), pd.Series({"x": 60}), n_group=100, n_base=500).iloc[0]
    assert table["tgi"] == pytest.approx(100 * 0.30 / 0.12)
    from helpers.metrics.shares import share_ratio

    _, low, high = share_ratio([30], [100], [30], [400])
    assert table["lower"] == pytest.approx(100 / (0.2 + 0.8 / low[0]))
    assert table["upper"] == pytest.approx(100 / (0.2 + 0.8 / high[0]))
    assert table["lower"] < table["tgi"] < table["upper"]


def test_tgi_interval_holds_the_truth():
    rng = np.random.default_rng(11)
    n_in, n_out, p_in, p_out = 120, 1200, 0.15, 0.10
    truth = 100 * p_in / ((n_in * p_in + n_out * p_out) / (n_in + n_out))
    held = 0
    for _ in range(600):
        inside, outside = rng.binomial(n_in, p_in), rng.binomial(n_out, p_out)
        row = portraits.tgi(
            pd.Series({"x": inside}), pd.Series({"x": inside + outside}), n_group=n_in, n_base=n_in + n_out
        ).iloc[0]
        held += row["lower"] <= truth <= row["upper"]
    # 600 draws: standard error 0.9 points
    assert 0.92 <= held / 600 <= 0.98


def test_equal_shares_are_seldom_called_distinct():
    rng = np.random.default_rng(5)
    false = 0
    for _ in range(200):
        values = rng.integers(0, 12, 2000)
        inside = values[:300]
        table = portraits.tgi(
            pd.Series(inside).value_counts(), pd.Series(values).value_counts(), n_group=300, n_base=2000
        )
        false += table["is_distinct"].any()
    # under the null the false-discovery rate is the chance of any: 5 %, standard error 1.5 points at 200 draws
    assert false / 200 <= 0.10


def test_small_values_are_joined_and_a_segment_larger_than_the_base_is_refused():
    base = pd.Series({"a": 100, "b": 6, "c": 5})
    table = portraits.tgi(pd.Series({"a": 10, "b": 2}), base, n_group=12, n_base=111)
    assert set(table["value"]) == {"a", "other"}
    assert table.set_index("value").loc["other", ["n_group", "n_base"]].tolist() == [2, 11]
    with pytest.raises(ValueError, match="every customer of the segment must be in the base"):
        portraits.tgi(pd.Series({"a": 11}), pd.Series({"a": 10}), n_group=20, n_base=100)


def test_the_whole_base_against_itself_differs_in_nothing():
    counts = pd.Series({"a": 40, "b": 60})
    table = portraits.tgi(counts, counts, n_group=100, n_base=100)
    assert (table["tgi"] == 100).all()
    assert not table["is_distinct"].any()


def hours_of(rows, **settings):
    activity = pd.DataFrame(rows, columns=["customer_id", "occurred_at"])
    activity["occurred_at"] = pd.to_datetime(activity["occurred_at"])
    customers = pd.DataFrame({"customer_id": sorted(set(activity["customer_id"]) - {"stranger"})})
    from datetime import date

    return portraits.active_hours(
        ibis.memtable(activity), ibis.memtable(customers), as_of=date(2024, 6, 30), **settings
    )


def test_hours_count_a_customer_once_an_hour():
    table = hours_of(
        [
            ("a", "2024-06-24 09:00"),  # a Monday
            ("a", "2024-06-24 09:59"),
            ("a", "2024-06-25 09:10"),
            ("b", "2024-06-24 20:00"),
            ("b", "2024-03-01 20:00"),  # too long ago
            ("stranger", "2024-06-24 03:00"),
        ]
    ).set_index(["weekday", "hour"])
    assert table.attrs["visits"] == 3
    assert table.attrs["n_customers"] == 2
    assert table.loc[(-1, 9), "visits"] == 2
    assert table.loc[(0, 9), "visits"] == 1
    assert table.loc[(0, -1), "share"] == pytest.approx(2 / 3)
    assert sum(table.loc[(-1, hour), "share"] for hour in range(24)) == pytest.approx(1)


def test_the_interval_of_hours_treats_customers_as_units():
    rng = np.random.default_rng(2)
    n, rows = 60, []
    shares = []
    for who in range(n):
        own = rng.random()  # each customer has an own habit: hours of one person go together
        for day in range(1, 21):
            rows.append((f"c{who}", f"2024-06-{day:02d} {9 if rng.random() < own else 15}:00"))
        shares.append(own)
    table = hours_of(rows).set_index(["weekday", "hour"])
    row = table.loc[(-1, 9)]
    half = (row["upper"] - row["lower"]) / 2
    naive = 1.96 * np.sqrt(0.25 / (n * 20))
    # between-customer spread 1/sqrt(12): standard error sqrt((1/12 + 1/6/20) / 60) = 0.039
    assert half == pytest.approx(1.96 * 0.039, rel=0.15)
    assert half > 2 * naive


def test_a_log_of_days_says_so():
    table = hours_of([("a", "2024-06-24"), ("b", "2024-06-25")])
    assert table.attrs["has_hours"] is False


def test_nobody_active():
    table = hours_of([("a", "2024-01-01 10:00")])
    assert table.attrs["visits"] == 0
    assert table["share"].isna().all()


def test_age_bands():
    ages = ibis.memtable(pd.DataFrame({"age": [29, 30, 49, 50, 69, 70, 99]}))
    assert ages.select(band=portraits.age_band(ages.age)).to_pandas()["band"].tolist() == [
        "<30",
        "30–39",
        "40–49",
        "50–59",
        "60–69",
        "70+",
        "70+",
    ]


def test_benefits_are_shares_of_those_who_were_given_them(tiny_bank):
    ids = [f"C{i:09d}" for i in range(1, 61)]
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "joined_date": pd.to_datetime(["2023-01-01"] * 60).date,
            "birth_year": pd.array([1960] * 30 + [1990] * 30, dtype="Int64"),
            "gender": "F",
            "branch": "Harbour",
        }
    )
    used = [True] * 27 + [False] * 3 + [True] * 6 + [False] * 24
    rewards = pd.DataFrame(
        {
            "campaign_id": "K1",
            "customer_id": ids,
            "rewarded_at": pd.Timestamp("2024-01-20"),
            "kind": "coupon",
            "cost": 4.0,
            "redeemed_at": [pd.Timestamp("2024-01-25") if u else pd.NaT for u in used],
        }
    )
    rewards = pd.concat([rewards, rewards.head(9).assign(kind="points", cost=1.0)], ignore_index=True)
    bank = tiny_bank(customers=customers, rewards=rewards)
    inside = bank.customers.filter(bank.customers.birth_year < 1980)
    table = portraits.benefits_taken(bank, inside, bank.customers)
    assert table["kind"].tolist() == ["coupon"]  # nine were given points: too few to show
    row = table.iloc[0]
    assert row[["n_rewarded", "n_redeemed", "n_others"]].tolist() == [30, 27, 30]
    assert row["share_redeemed_others"] == pytest.approx(0.2)
    assert row["used_more"]
    assert row["cost_each"] == 4.0


def test_without_rewards_there_is_no_table_of_benefits(tiny_bank):
    bank = tiny_bank()
    assert portraits.benefits_taken(bank, bank.customers, bank.customers) is None
