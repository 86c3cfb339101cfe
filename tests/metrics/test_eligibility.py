"""Whom a campaign may treat, counted by hand on a tiny bank with one customer for every reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from helpers.metrics import eligibility
from helpers.metrics.contacts import Rule, read_policy

# Each customer's fate in order: closed, no consent, empty consent, silent, active too long ago by a day, and two who can be treated.
IDS = [f"C00000000{k}" for k in range(1, 8)]
AS_OF = "2024-03-31"


@pytest.fixture
def bank(tiny_bank: Callable[..., Any]) -> Any:
    customers = pd.DataFrame(
        {
            "customer_id": IDS,
            "joined_date": pd.to_datetime(["2023-01-01"] * 7).date,
            "birth_year": pd.array([1950] * 7, dtype="Int64"),
            "gender": "F",
            "branch": "Harbour",
            "closed_date": pd.to_datetime(["2024-02-01", *[None] * 6]).date,
            "marketing_consent": pd.array([True, False, None, True, True, True, True], dtype="boolean"),
        }
    )
    came = ["2024-03-30", "2024-03-30", "2024-03-30", None, "2024-03-01 23:59", "2024-03-02 00:00", "2024-03-31"]
    rows = [(who, day) for who, day in zip(IDS, came, strict=True) if day]
    activity = pd.DataFrame(
        {
            "customer_id": [who for who, _ in rows],
            "occurred_at": pd.to_datetime([day for _, day in rows], format="mixed"),
            "event": "login",
            "page": "home",
            "session_id": "s",
            "app": "main",
        }
    )
    activity = pd.concat([activity, activity.tail(1)], ignore_index=True)  # who came twice still counts once
    balances = pd.DataFrame(
        {"customer_id": IDS, "balance_date": pd.to_datetime("2024-02-29").date(), "aum": 1.0, "loan": 0.0}
    )
    return tiny_bank(customers=customers, activity=activity, balances=balances, as_of=AS_OF)


def test_everybody_is_out_for_the_first_reason_that_holds(bank: Any) -> None:
    counts = eligibility.left_out(bank, "silver", active_within_days=30, rules=read_policy())
    assert counts.set_index("reason")["n_customers"].to_dict() == {
        "in_segment": 7, "account_closed": 1, "no_consent": 2, "not_active": 2, "eligible": 2,
    }  # fmt: skip
    people = eligibility.eligible(bank, "silver", active_within_days=30, rules=read_policy()).execute()
    assert sorted(people["customer_id"]) == IDS[5:]


def test_without_a_rule_of_consent_nobody_is_out_for_it(bank: Any) -> None:
    rules = {"cap": Rule(kind="cap", name={"en": "x", "zh": "上限"}, max=3, days=7)}
    counts = eligibility.left_out(bank, "silver", active_within_days=31, rules=rules).set_index("reason")["n_customers"]
    assert counts["no_consent"] == 0
    assert counts["eligible"] == 5


def test_a_bank_without_the_column_is_not_refused(tiny_bank: Callable[..., Any]) -> None:
    counts = eligibility.left_out(tiny_bank(as_of="2024-02-03"), "all", active_within_days=1, rules=read_policy())
    assert counts["n_customers"].tolist() == [2, 0, 0, 1, 1]


def test_an_empty_segment_counts_nobody(bank: Any) -> None:
    rules = read_policy()
    assert eligibility.left_out(bank, "young", active_within_days=9, rules=rules)["n_customers"].tolist() == [0] * 5


def test_days_below_one_are_refused(bank: Any) -> None:
    with pytest.raises(ValueError, match="active_within_days should be at least 1, not 0"):
        eligibility.eligible(bank, "silver", active_within_days=0, rules=read_policy())
