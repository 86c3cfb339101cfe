"""Money that was paid for: what the rotators take out again shows in the curve, and nothing is said where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ibis
import pandas as pd
import pytest

from helpers.steps import post_mortem


@pytest.fixture(scope="module")
def cases(sample_bank: Any) -> dict[str, Any]:
    return {name: post_mortem.open_case(sample_bank, name) for name in ("K001", "K007")}


def test_rotated_money_is_seen_to_leave(cases: dict[str, Any]) -> None:
    """K007 pays on a measuring day for money that its rotators take out in the month after; K001 does not."""
    kept = {name: post_mortem.money_kept(case) for name, case in cases.items()}
    at_60 = {name: table.loc[table["day"] == 60].iloc[0] for name, table in kept.items()}
    assert at_60["K007"]["upper"] < at_60["K001"]["lower"]
    assert at_60["K007"]["kept"] < 0.5


def test_the_sentence_describes_and_claims_no_cause(cases: dict[str, Any]) -> None:
    finding = post_mortem.money_kept_finding(post_mortem.money_kept(cases["K007"]), currency="CNY")
    assert "describes" in finding.text.en
    assert [figure.key for figure in finding.figures] == ["money_kept_30", "money_kept_60", "money_kept_90"]
    assert all(figure.n for figure in finding.figures)


def test_without_rewards_nothing_is_said(sample_bank: Any) -> None:
    bank = replace(sample_bank, tables={**sample_bank.tables, "rewards": None})
    case = post_mortem.open_case(bank, "K001")
    assert post_mortem.money_kept(case) is None
    assert post_mortem.money_kept_finding(None, currency="CNY") is None


def test_a_bank_that_delivers_only_changes_keeps_as_much(cases: dict[str, Any]) -> None:
    """Money that stays has no row of its own in such a bank; it must not drop out of the curve for that."""
    case = cases["K007"]
    # to whole thousands: then balances do stay as they are from month to month
    whole = case.bank.balances.mutate(aum=(case.bank.balances.aum / 1000).round() * 1000)
    earlier = whole.aum.lag().over(ibis.window(group_by=whole.customer_id, order_by=whole.balance_date))
    marked = whole.mutate(is_change=earlier.isnull() | (earlier != whole.aum))
    changes = marked.filter(marked.is_change).drop("is_change")
    n_changes, n_whole = (int(table.count().execute()) for table in (changes, whole))
    assert n_changes < 0.9 * n_whole

    def kept(balances: ibis.Table) -> pd.DataFrame:
        bank = replace(case.bank, tables={**case.bank.tables, "balances": balances})
        return post_mortem.money_kept(replace(case, bank=bank))

    pd.testing.assert_frame_equal(kept(changes), kept(whole))
