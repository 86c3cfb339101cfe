"""What is too small to be shown stays hidden, also from a reader who subtracts."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.findings.small import hidden_parts
from helpers.steps import goals


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(2, 15))
def test_what_is_hidden_can_not_be_had_back(sizes: list[int], least: int) -> None:
    hidden = hidden_parts(sizes, least=least)
    kept = [size for size, is_hidden in zip(sizes, hidden, strict=True) if is_hidden]
    assert all(is_hidden for size, is_hidden in zip(sizes, hidden, strict=True) if 0 < size < least)
    if not kept:
        return
    everybody_hidden = sum(kept) == sum(sizes)
    assert everybody_hidden or (len(kept) >= 2 and sum(kept) >= least)


def bridge(new: int, back: int, gone: int, before: int = 200) -> pd.DataFrame:
    mau = before + new + back - gone
    return pd.DataFrame(
        {
            "month": ["2025-08"], "mau_before": [before], "mau_new": [new], "new_left_censored": [0],
            "activated_later": [0], "mau_retained": [before - gone], "mau_resurrected": [back], "mau_churned": [gone],
            "mau": [mau], "mau_change": [mau - before], "quick_ratio": [(new + back) / gone if gone else None],
            "month_retention": [(before - gone) / before],
        }
    )  # fmt: skip


def test_flows_of_many_are_all_said() -> None:
    table = bridge(20, 12, 30)
    pd.testing.assert_frame_equal(goals.shown_bridge(table), table, check_dtype=False)
    assert {figure.key for figure in goals.mau_finding(table).figures} >= {"mau_new", "mau_resurrected", "quick_ratio"}


@pytest.mark.parametrize(
    ("flows", "empty"),
    [
        # Those won together are ten or more: their sum may be had back, neither of them may.
        ((12, 4, 30), {"mau_new", "mau_resurrected"}),
        # Who left is known from who stayed, and from the net change with those won.
        ((40, 20, 3), {"mau_churned", "mau_resurrected", "mau_retained", "month_retention", "quick_ratio"}),
    ],
)
def test_flows_of_a_few_are_not_said(flows: tuple[int, int, int], empty: set[str]) -> None:
    table = bridge(*flows)
    row = goals.shown_bridge(table).iloc[0]
    assert set(row.index[row.isna()]) == empty
    finding = goals.mau_finding(table)
    assert not {figure.key for figure in finding.figures} & empty
    assert "fewer than 10" in finding.text.en
    assert "不足 10 人" in finding.text.zh


def test_a_state_of_a_few_is_not_said() -> None:
    states = pd.DataFrame(
        {
            "month": "2025-08", "lifecycle_state": ["potential", "active", "mature", "churning"],
            "customers": [4, 60, 50, 30], "share": [4 / 144, 60 / 144, 50 / 144, 30 / 144],
        }
    )  # fmt: skip
    moves = pd.DataFrame({"from_state": [], "to_state": [], "n": [], "customers": []})
    finding = goals.lifecycle_finding(states, moves)
    assert {figure.key for figure in finding.figures} == {"share_active", "share_mature"}
    assert "too small to be shown" in finding.text.en
    assert "2.8" not in finding.text.en
    assert "20.8" not in finding.text.en
    whole = goals.lifecycle_finding(states.assign(customers=[40, 60, 50, 30]), moves)
    assert len(whole.figures) == 4
    assert "too small" not in whole.text.en
