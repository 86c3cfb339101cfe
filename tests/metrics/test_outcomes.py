"""Outcomes of a campaign counted by hand on a bank of five customers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest

from helpers.metrics import outcomes

IDS = [f"C{i:09d}" for i in range(1, 6)]
LAUNCH = "2024-03-11"


def campaign_tables() -> dict[str, pd.DataFrame]:
    """One campaign from 11 March, ten days long; customer 5 is not assigned, customer 4 never came."""
    stamps = [
        (IDS[0], "2024-02-25 09:00"),  # 15 days before: before window
        (IDS[0], "2024-03-10 23:59:59"),  # last second before launch
        (IDS[0], "2024-03-11 00:00"),  # first moment of the window
        (IDS[0], "2024-03-11 08:00"),  # same day, counts once
        (IDS[0], "2024-03-11 08:00"),  # exact duplicate
        (IDS[0], "2024-03-24 23:59:59"),  # last moment of a 14 days' window
        (IDS[0], "2024-03-25 00:00"),  # first moment after it
        (IDS[1], "2024-03-12 10:00"),
        (IDS[1], "2024-03-30 10:00"),
        (IDS[2], "2024-02-20 10:00"),  # before the before window
        (IDS[4], "2024-03-12 10:00"),
        (IDS[4], "2024-08-01 10:00"),
    ]
    months = ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]
    aum = {IDS[0]: [5, 90, 100, 150, 160, 170], IDS[1]: [0, 0, 10, 5, 5, 5], IDS[2]: [0, 0, 0, 0, 40, 40]}
    balances = [
        (who, pd.Timestamp(day).date(), float(value), 0.0, float(value) / 10)
        for who, values in aum.items()
        for day, value in zip(months, values, strict=True)
    ]
    return {
        "customers": pd.DataFrame(
            {
                "customer_id": IDS,
                "joined_date": pd.to_datetime(["2023-01-01"] * 5).date,
                "birth_year": pd.array([1960, 1970, 1980, None, 1990], dtype="Int64"),
                "gender": ["F", "M", "F", None, "M"],
                "branch": ["Harbour", "Harbour", "Old Town", "Old Town", "Harbour"],
            }
        ),
        "activity": pd.DataFrame(stamps, columns=["customer_id", "occurred_at"]).assign(
            occurred_at=lambda t: pd.to_datetime(t.occurred_at, format="ISO8601"),
            event="login",
            page="home",
            session_id="s",
            app="main",
        ),
        "balances": pd.DataFrame(balances, columns=["customer_id", "balance_date", "aum", "loan", "net_inflow"]),
        "campaigns": pd.DataFrame(
            {
                "campaign_id": ["K901", "K902"],
                "form": ["checkin", "quiz"],
                "name": ["Check-in", "Quiz"],
                "starts_date": pd.to_datetime([LAUNCH, "2024-07-20"]).date,
                "ends_date": pd.to_datetime(["2024-03-20", "2024-07-31"]).date,
                "budget": [100.0, None],
                "success_event": ["checkin", None],
            }
        ),
        "assignments": pd.DataFrame(
            {
                "campaign_id": "K901",
                "customer_id": IDS[:4],
                "arm": ["treatment", "control", "treatment", "control"],
                "propensity": 0.5,
                "assigned_at": pd.Timestamp("2024-03-10 12:00"),
            }
        ),
        "touches": pd.DataFrame(
            {
                "touch_id": ["T1", "T2", "T3"],
                "campaign_id": ["K901", "K901", None],
                "customer_id": [IDS[0], IDS[0], IDS[1]],
                "channel": "sms",
                "sent_at": pd.to_datetime([f"{LAUNCH} 10:00"] * 3),
                "outcome": ["delivered", "clicked", "delivered"],
                "cost": [0.05, 0.05, 9.0],
            }
        ),
        "rewards": pd.DataFrame(
            {
                "campaign_id": ["K901"],
                "customer_id": [IDS[0]],
                "rewarded_at": pd.to_datetime([f"{LAUNCH} 11:00"]),
                "kind": ["points"],
                "cost": [2.0],
                "redeemed_at": pd.to_datetime([None]),
            }
        ),
    }


def test_every_column_is_what_was_counted_by_hand(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**campaign_tables())
    table = outcomes.campaign_outcomes(bank, "K901", window_days=14, before_days=16, after_days=30)
    got = table.execute().sort_values("customer_id", ignore_index=True)
    assert got.customer_id.tolist() == IDS[:4]
    assert got.arm.tolist() == ["treatment", "control", "treatment", "control"]
    assert got.branch.tolist() == ["Harbour", "Harbour", "Old Town", "Old Town"]
    # 11 March (three events) and 24 March; the second of 25 March belongs to the days after
    assert got.active_days.tolist() == [2, 1, 0, 0]
    assert got.is_active.tolist() == [1, 1, 0, 0]
    assert got.active_days_before.tolist() == [2, 0, 0, 0]
    assert got.active_days_after.tolist() == [1, 1, 0, 0]
    assert got.active_days_net.tolist() == [3, 2, 0, 0]
    # before: 29 February; after: 31 March; base: highest of December to February; kept: 30 April and 31 May
    assert got.aum_before.tolist() == [100, 10, 0, 0]
    assert got.aum_change.tolist() == [50, -5, 0, 0]
    assert got.new_money.tolist() == pytest.approx([15, 0.5, 0, 0])
    assert got.aum_base.tolist() == [100, 10, 0, 0]
    assert got.aum_kept.tolist() == [165, 5, 40, 0]
    assert got.aum_kept_change.tolist() == [65, -5, 40, 0]
    assert got.durable_aum.tolist() == [65, 0, 40, 0]
    assert got.touch_cost.tolist() == pytest.approx([0.1, 0, 0, 0])
    assert got.rewarded_cost.tolist() == pytest.approx([2.1, 0, 0, 0])
    assert got.n_touches.tolist() == [2, 0, 0, 0]
    assert got.n_rewards.tolist() == [1, 0, 0, 0]


def test_money_that_can_not_be_read_yet_is_null_not_zero(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**campaign_tables(), as_of="2024-03-25")
    got = outcomes.campaign_outcomes(bank, "K901", window_days=14).execute()
    assert got.aum_before.notna().all()
    assert got.aum_change.isna().all()
    assert got.aum_kept_change.isna().all()
    assert "active_days_after" not in got.columns


def test_bank_without_touches_and_rewards_has_no_cost(tiny_bank: Callable[..., Any]) -> None:
    tables = {**campaign_tables(), "touches": None, "rewards": None}
    got = outcomes.campaign_outcomes(tiny_bank(**tables), "K901", window_days=14).execute()
    assert got.rewarded_cost.tolist() == [0, 0, 0, 0]


def test_a_bank_that_delivers_only_changes_has_the_same_outcomes(tiny_bank: Callable[..., Any]) -> None:
    tables = campaign_tables()
    whole = tables["balances"].sort_values(["customer_id", "balance_date"])
    before = whole.groupby("customer_id").aum.shift()
    whole = whole.assign(net_inflow=(whole.aum - before.fillna(0.0)))
    changes = whole[before.isna() | (whole.aum != before)]
    assert len(changes) < len(whole) - 5
    for window_days in (14, 28):
        there, here = (
            outcomes.campaign_outcomes(tiny_bank(**{**tables, "balances": rows}), "K901", window_days=window_days)
            .execute()
            .sort_values("customer_id", ignore_index=True)
            for rows in (whole, changes)
        )
        pd.testing.assert_frame_equal(here, there)
        assert there.aum_after.tolist() == ([150.0, 5.0, 0.0, 0.0] if window_days == 14 else [160.0, 5.0, 40.0, 0.0])


@pytest.mark.parametrize("has_closing_row", [True, False])
def test_who_closes_the_account_takes_out_what_was_left(tiny_bank: Callable[..., Any], has_closing_row: bool) -> None:
    tables = campaign_tables()
    rows = tables["balances"]
    gone = (rows.customer_id == IDS[0]) & (rows.balance_date > date(2024, 3, 31))
    closing = rows[gone].head(1).assign(aum=0.0, net_inflow=-150.0)
    tables["balances"] = pd.concat([rows[~gone], closing]) if has_closing_row else rows[~gone]
    tables["customers"]["closed_date"] = [date(2024, 4, 10), None, None, None, None]
    got = outcomes.campaign_outcomes(tiny_bank(**tables), "K901", window_days=28).execute().set_index("customer_id")
    # 15 flowed in during March, 150 were there when the account was closed
    assert got.loc[IDS[0], ["aum_before", "aum_after", "aum_change", "new_money"]].tolist() == [100, 0, -100, -135]
    assert got.loc[IDS[0], "aum_kept"] == 0
    assert got.loc[IDS[1], "new_money"] == 1.0


def test_measuring_days_are_month_ends(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**campaign_tables())
    days = outcomes.measuring_days(bank, outcomes.campaign(bank, "K901"), window_days=28)
    assert days.before == date(2024, 2, 29)
    # 28 days from 11 March end on 7 April: April's last balance day
    assert days.after == date(2024, 4, 30)
    assert days.base == (date(2024, 2, 29), date(2024, 1, 31), date(2023, 12, 31))
    # the campaign ended on 20 March: days 31 to 90 are 20 April to 18 June
    assert days.durable == (date(2024, 4, 30), date(2024, 5, 31))
    assert days.is_durable_complete


def test_finished_campaigns_are_those_whose_window_is_over(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**campaign_tables())
    found = outcomes.finished_campaigns(bank, window_days=10)
    assert found.campaign_id.tolist() == ["K901"]
    assert found[["n_arms", "n", "is_drawn"]].iloc[0].tolist() == [2, 4, True]
    assert outcomes.finished_campaigns(bank, window_days=365).empty


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"campaign_id": "K991"}, "did you mean 'K901'"),
        ({"campaign_id": "K902"}, "has no row in assignments"),
        ({"window_days": 0}, "window_days must be at least 1, not 0"),
        ({"before_days": 0}, "before_days must be at least 1, not 0"),
        ({"after_days": -1}, "after_days must be 0 or more, not -1"),
        ({"window_days": 300}, "choose a later as_of or fewer days"),
    ],
)
def test_wrong_arguments_are_named(tiny_bank: Callable[..., Any], wrong: dict[str, Any], words: str) -> None:
    settings = {"campaign_id": "K901", "window_days": 12, **wrong}
    with pytest.raises(ValueError, match=words):
        outcomes.campaign_outcomes(tiny_bank(**campaign_tables()), **settings)


def test_bank_without_campaigns_says_so(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**{**campaign_tables(), "campaigns": None})
    with pytest.raises(ValueError, match="no table campaigns"):
        outcomes.campaign(bank, "K901")
    assert outcomes.finished_campaigns(bank).empty
