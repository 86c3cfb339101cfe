"""AAC, LROI and the funnel against hand counts: who was too young is never averaged in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.metrics import acquisition
from helpers.metrics.economics import Economics

ECONOMICS = Economics(
    spread=0.0365, fee_income_per_active_month=3.0, servicing_cost_per_active_month=1.0, expected_loss=0.0
)


def people() -> pd.DataFrame:
    """Six people of sms (one too young), two of app_store; as_of is 2024-03-31, activation_days 30."""
    rows = [
        # channel, seen, registered, activated, cost
        ("sms", "2024-01-01", "2024-01-02", "2024-01-05", 10.0),  # activated in time
        ("sms", "2024-01-01", "2024-01-02", "2024-03-05", 10.0),  # activated too late to count
        ("sms", "2024-01-01", "2024-03-15", "2024-03-16", 10.0),  # registered too late to count
        ("sms", "2024-01-01", None, None, 10.0),
        ("sms", "2024-03-01", "2024-03-02", "2024-03-03", 10.0),  # thirty days are just over: the last mature day
        ("sms", "2024-03-10", "2024-03-11", "2024-03-12", 500.0),  # too young, though active already
        ("app_store", "2024-01-10", "2024-01-11", None, 5.0),
        ("app_store", "2024-01-10", None, None, 5.0),
    ]
    frame = pd.DataFrame(rows, columns=["channel", "seen_at", "registered_at", "activated_at", "cost"])
    for column in ("seen_at", "registered_at", "activated_at"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    frame.insert(0, "customer_id", [f"C{number:09d}" for number in range(1, len(frame) + 1)])
    return frame


@pytest.fixture
def bank(tiny_bank: Callable[..., Any]) -> Any:
    return tiny_bank(**tables(), as_of="2024-03-31")


def tables() -> dict[str, pd.DataFrame]:
    acquired = people()
    customers = pd.DataFrame(
        {
            "customer_id": acquired["customer_id"],
            "joined_date": acquired["seen_at"].dt.date,
            "birth_year": pd.array([1970] * len(acquired), dtype="Int64"),
            "gender": "F",
            "branch": "Harbour",
        }
    )
    activity = pd.DataFrame(
        {
            "customer_id": ["C000000001", "C000000001", "C000000001", "C000000002"],
            "occurred_at": pd.to_datetime(["2024-01-02", "2024-01-03", "2024-02-10", "2024-01-05"]),
            "event": "login",
            "page": "home",
            "session_id": "s",
            "app": "main",
        }
    )
    balances = pd.DataFrame(
        {
            "customer_id": ["C000000001", "C000000001", "C000000002"],
            "balance_date": [date(2024, 1, 31), date(2024, 2, 29), date(2024, 1, 31)],
            "aum": [1000.0, 3000.0, 500.0],
            "loan": 0.0,
        }
    )
    return {"acquisitions": acquired, "customers": customers, "activity": activity, "balances": balances}


def row(table: pd.DataFrame, channel: str) -> pd.Series:
    return table.set_index("channel").loc[channel]


def test_funnel_counts_by_hand(bank: Any) -> None:
    table = acquisition.funnel(bank, since=date(2024, 1, 1), activation_days=30)
    sms = row(table, "sms")
    assert (sms["n_eligible"], sms["n_immature"], sms["n_registered"], sms["n_activated"]) == (5, 1, 3, 2)
    assert sms["registered_share"] == pytest.approx(3 / 5)
    assert sms["activated_share"] == pytest.approx(2 / 3)
    whole = row(table, "all")
    assert (whole["n_eligible"], whole["n_immature"], whole["n_activated"]) == (7, 1, 2)


def test_a_person_is_mature_on_the_day_the_window_is_over(bank: Any) -> None:
    # Seen 2024-03-01 with 30 days: the window is 03-01 … 03-30, all of it seen by 03-30 but not by 03-29.
    for day, n_mature in (("2024-03-30", 5), ("2024-03-29", 4)):
        table = acquisition.funnel(bank.at(as_of=day), since=date(2024, 1, 1), activation_days=30)
        assert row(table, "sms")["n_eligible"] == n_mature


def test_aac_divides_all_mature_cost_by_activated_people(bank: Any) -> None:
    table = acquisition.activated_cost(bank, since=date(2024, 1, 1), activation_days=30)
    sms = row(table, "sms")
    # The 500 of the person who is too young would have made it 275.
    assert sms["cost"] == 50.0
    assert sms["aac"] == pytest.approx(25.0)
    assert sms["cac"] == pytest.approx(50 / 3)
    assert sms["lower"] < 25.0 < sms["upper"]


def test_nobody_activated_gives_no_aac_rather_than_a_number(bank: Any) -> None:
    app_store = row(acquisition.activated_cost(bank, since=date(2024, 1, 1), activation_days=30), "app_store")
    assert np.isnan(app_store["aac"])
    assert np.isnan(app_store["lower"])


def test_lroi_by_hand(bank: Any) -> None:
    table = acquisition.return_on_cost(
        bank, since=date(2024, 1, 1), activation_days=30, value_days=50, economics=ECONOMICS
    )
    sms = row(table, "sms")
    # Mature for 30 + 50 days: the four of January. Registered in time: the first two, from 2024-01-02 to 02-20 each.
    # Month ends within: 1,000 and 500; margin 0.0365 × 50/365 = 0.005. Active 30-day months: two and one, at 2 each.
    assert sms["n_eligible"] == 4
    assert sms["n_immature"] == 2
    assert sms["cost"] == 40.0
    assert sms["value"] == pytest.approx((1000 + 500) * 0.005 + (2 + 1) * 2.0)
    assert sms["lroi"] == pytest.approx(sms["value"] / 40)


@pytest.mark.parametrize(("closed", "second"), [(None, 500.0), (date(2024, 2, 10), 250.0)])
def test_who_closes_holds_nothing_and_who_has_no_row_what_was_held(
    tiny_bank: Callable[..., Any], closed: date | None, second: float
) -> None:
    given = tables()
    given["customers"]["closed_date"] = [None, closed, *[None] * 6]
    # a row of the second customer would say what is known: 500 at the end of February too
    table = acquisition.return_on_cost(
        tiny_bank(**given, as_of="2024-03-31"), since=date(2024, 1, 1), activation_days=30, value_days=59,
        economics=ECONOMICS,
    )  # fmt: skip
    margin = 0.0365 * 59 / 365
    assert row(table, "sms")["value"] == pytest.approx((2_000 + second) * margin + (2 + 1) * 2.0)


def test_net_convention_is_the_ratio_less_one(bank: Any) -> None:
    settings = {"since": date(2024, 1, 1), "activation_days": 30, "value_days": 50, "economics": ECONOMICS}
    ratio = acquisition.return_on_cost(bank, **settings)
    net = acquisition.return_on_cost(bank, convention="net", **settings)
    assert net["lroi"].to_numpy() == pytest.approx(ratio["lroi"].to_numpy() - 1, nan_ok=True)
    assert set(net["break_even"]) == {0.0}


def test_break_even_spread_makes_value_meet_cost(bank: Any) -> None:
    settings = {"since": date(2024, 1, 1), "activation_days": 30, "value_days": 50}
    spread = row(acquisition.return_on_cost(bank, economics=ECONOMICS, **settings), "sms")["break_even_spread"]
    even = Economics(spread, 3.0, 1.0, 0.0)
    assert row(acquisition.return_on_cost(bank, economics=even, **settings), "sms")["lroi"] == pytest.approx(1.0)


def test_without_acquisitions_nothing_is_made_up(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank()
    assert acquisition.funnel(bank, since=date(2024, 1, 1), activation_days=30) is None
    assert acquisition.activated_cost(bank, since=date(2024, 1, 1), activation_days=30) is None
    assert acquisition.monthly_response(bank, activation_days=30) is None


def test_ratio_interval_keeps_its_level() -> None:
    """2,000 simulated channels of 400 people: the 95 % interval holds the true AAC in 93.5–96.5 % (4 s.e. = 2 %)."""
    rng = np.random.default_rng(7)
    n, cost_mean, share = 400, 20.0, 0.15
    costs = rng.gamma(2.0, cost_mean / 2.0, size=(2000, n))
    active = (rng.random((2000, n)) < share).astype(float)
    sums = pd.DataFrame(
        {
            "n": n,
            "sum_a": costs.sum(1),
            "sum_b": active.sum(1),
            "sum_aa": (costs**2).sum(1),
            "sum_bb": active.sum(1),
            "sum_ab": (costs * active).sum(1),
        }
    )
    _, low, high = acquisition.ratio_of_sums(sums)
    held = ((low <= cost_mean / share) & (cost_mean / share <= high)).mean()
    assert 0.93 <= held <= 0.97


def test_months_that_are_not_whole_or_not_mature_are_left_out(bank: Any) -> None:
    history = acquisition.monthly_response(bank, activation_days=30)
    # As of 2024-03-31 with 30 days: February is whole and mature, March is not; nobody was seen in February.
    assert sorted(set(history["month"])) == ["2024-01"]
