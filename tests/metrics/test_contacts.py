"""The contact policy: order of the rules, rolling windows, null against 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from helpers.metrics import contacts
from helpers.metrics.channels import read_channels
from tests.conftest import tiny_tables

NAME = {"en": "rule", "zh": "规则"}
SUPPRESSION = contacts.Rule(kind="suppression", name=NAME, after_outcomes=("opted_out",))
QUIET = contacts.Rule(kind="quiet_hours", name=NAME, from_hour=21, to_hour=8)


def cap(limit: int | None, days: int = 7, **extra: Any) -> contacts.Rule:
    return contacts.Rule(kind="cap", name=NAME, max=limit, days=days, **{"class": "promotional", **extra})


@pytest.fixture
def touched(tiny_bank: Callable[..., Any]) -> Callable[..., Any]:
    """Open a bank with touches given as (sent_at, channel, outcome, campaign_id) of one customer."""

    def make(*rows: tuple[str, str, str, str | None]) -> Any:
        frame = pd.DataFrame(rows, columns=["sent_at", "channel", "outcome", "campaign_id"])
        frame["sent_at"] = pd.to_datetime(frame["sent_at"])
        frame["touch_id"] = [f"T{index}" for index in range(len(frame))]
        return tiny_bank(touches=frame.assign(customer_id="C000000001", cost=0.0))

    return make


def count(bank: Any, **rules: contacts.Rule) -> dict[str, int]:
    table = contacts.breaches(bank, rules, read_channels())
    return table.groupby("rule")["n_breaches"].sum().astype(int).to_dict()


def test_windows_roll_and_are_no_calendar_weeks(touched: Callable[..., Any]) -> None:
    # Friday to Friday: two calendar weeks. A second short of seven days the third one is one too many.
    for third, n_breaches in (("2024-01-12 09:59:59", 1), ("2024-01-12 10:00:00", 0)):
        bank = touched(
            *[(at, "sms", "delivered", "K1") for at in ("2024-01-05 10:00:00", "2024-01-08 10:00:00", third)]
        )
        assert count(bank, week=cap(2)) == {"week": n_breaches}


def test_null_is_no_rule_and_zero_blocks_all(touched: Callable[..., Any]) -> None:
    bank = touched(*[(f"2024-01-05 1{hour}:00", "sms", "delivered", "K1") for hour in range(5)])
    assert count(bank, none=cap(0)) == {"none": 5}
    table = contacts.breaches(bank, {"any": cap(None)}, read_channels())
    assert table["n_breaches"].isna().all()
    assert not table["checked"].any()


def test_classes_have_budgets_of_their_own(touched: Callable[..., Any]) -> None:
    bank = touched(
        ("2024-01-05 10:00", "sms", "delivered", "K1"),
        ("2024-01-05 11:00", "sms", "delivered", None),
        ("2024-01-05 12:00", "sms", "delivered", "K1"),
    )
    assert count(bank, promotional=cap(1)) == {"promotional": 1}


def test_what_failed_was_not_received(touched: Callable[..., Any]) -> None:
    bank = touched(("2024-01-05 10:00", "sms", "failed", "K1"), ("2024-01-05 11:00", "sms", "delivered", "K1"))
    assert count(bank, week=cap(1)) == {"week": 0}


def test_contacts_after_a_refusal_break_the_suppression_of_that_channel_only(touched: Callable[..., Any]) -> None:
    bank = touched(
        ("2024-01-05 10:00", "sms", "opted_out", "K1"),
        ("2024-01-06 10:00", "sms", "delivered", "K1"),
        ("2024-01-06 10:00", "app_push", "delivered", "K1"),
    )
    assert count(bank, gone=SUPPRESSION) == {"gone": 1}
    everywhere = SUPPRESSION.model_copy(update={"scope": "all"})
    assert count(bank, gone=everywhere) == {"gone": 2}


def test_a_contact_counts_under_the_first_rule_that_it_breaks(touched: Callable[..., Any]) -> None:
    bank = touched(
        ("2024-01-05 10:00", "sms", "opted_out", "K1"),
        ("2024-01-05 23:00", "sms", "delivered", "K1"),  # suppressed, over the cap and in the night
        ("2024-01-20 23:00", "call", "answered", "K1"),  # in the night only
    )
    assert count(bank, gone=SUPPRESSION, week=cap(1), night=QUIET) == {"gone": 1, "week": 0, "night": 1}


def test_quiet_hours_bind_the_channels_that_ring(touched: Callable[..., Any]) -> None:
    bank = touched(("2024-01-05 23:00", "banner", "delivered", "K1"), ("2024-01-05 07:59", "sms", "delivered", "K1"))
    table = contacts.breaches(bank, {"night": QUIET}, read_channels())
    assert table[["channel", "n_breaches"]].to_dict("records") == [{"channel": "sms", "n_breaches": 1}]


def test_consent_is_asked_of_promotional_contacts_where_the_bank_keeps_it(tiny_bank: Callable[..., Any]) -> None:
    touches = pd.DataFrame(
        {
            "touch_id": ["T1", "T2", "T3"],
            "campaign_id": ["K1", "K1", None],
            "customer_id": ["C000000001", "C000000002", "C000000001"],
            "channel": "sms",
            "sent_at": pd.to_datetime("2024-02-05 10:00"),
            "outcome": "delivered",
            "cost": 0.0,
        }
    )
    rule = contacts.Rule(kind="consent", name=NAME, column="marketing_consent")
    customers = tiny_tables()["customers"]
    without = contacts.breaches(tiny_bank(touches=touches, customers=customers), {"c": rule}, read_channels())
    assert not without["checked"].any()
    # The first never answered: an empty cell is no consent.
    asked = customers.assign(marketing_consent=pd.array([None, True], dtype="boolean"))
    assert count(tiny_bank(touches=touches, customers=asked), c=rule) == {"c": 1}


def test_the_policy_of_the_project_is_read_in_its_order() -> None:
    kinds = [rule.kind for rule in contacts.read_policy().values()]
    assert kinds == sorted(kinds, key=contacts.ORDER.index)


def test_a_rule_without_what_it_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="a cap needs days"):
        contacts.Rule(kind="cap", name=NAME, max=3)


def test_the_planted_night_contacts_are_found(sample_bank: Any) -> None:
    """Night contacts are planted in the ringing channels at a known rate; the log holds nothing else at night."""
    from helpers.bank.sample.contacts import QUIET_SHARE

    table = contacts.breaches(sample_bank, {"night": QUIET}, read_channels())
    n = table["n_contacts"].sum()
    error = (QUIET_SHARE * (1 - QUIET_SHARE) / n) ** 0.5
    assert abs(table["n_breaches"].sum() / n - QUIET_SHARE) < 4 * error
