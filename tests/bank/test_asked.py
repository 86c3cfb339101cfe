"""Which tables a bank was asked for, and how many rows they have: what the board says that a step read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.bank.asked import Asked
from tests.conftest import tiny_tables


def test_a_bank_tells_the_tables_that_were_asked_for(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(as_of="2024-03-31")
    # The last day of the data is looked up in both when the bank is opened.
    assert bank.tables_read == ("activity", "balances")
    assert bank.missing_tables
    assert bank.tables_read == ("activity", "balances"), "to ask what is missing reads nothing"
    assert bank.rewards is None
    assert "rewards" not in bank.tables_read, "what is not there can't be read"
    assert bank.customers is not None
    assert set(bank.tables_read) == {"customers", "activity", "balances"}


def test_a_branch_reads_the_customers_and_its_view_shares_what_was_asked(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(as_of="2024-03-31", branch="Harbour")
    assert "customers" in bank.tables_read
    whole = tiny_bank(as_of="2024-03-31")
    view = whole.at(as_of="2024-02-28")
    assert view.tables["customers"] is not None
    assert "customers" in whole.tables_read


def test_rows_are_those_of_the_whole_tables(tiny_bank: Callable[..., Any]) -> None:
    tables = tiny_tables()
    expected = {name: len(frame) for name, frame in tables.items()}
    bank = tiny_bank(as_of="2024-01-31", branch="Harbour")
    assert bank.n_rows == expected
    assert int(bank.activity.count().execute()) < expected["activity"]
    assert set(bank.tables_read) == {"customers", "activity", "balances"}


def test_looping_over_tables_asks_for_none() -> None:
    tables = Asked({"a": 1, "b": None})
    assert dict(tables.items()) == {"a": 1, "b": None}
    assert tables.names == set()
    assert (tables["a"], tables.get("c", 7)) == (1, 7)
    assert tables.names == {"a", "c"}
