"""Exact splits against the published vector, closed forms, and all orders of changing the factors."""

from __future__ import annotations

import math
from itertools import permutations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.metrics.decomposition import lmdi, lmdi_groups, shapley, split_asset_change

BEFORE = {"registered": 1_000_000.0, "mau_rate": 0.30, "penetration": 0.40, "mean_aum": 25_000.0}
AFTER = {"registered": 1_050_000.0, "mau_rate": 0.33, "penetration": 0.38, "mean_aum": 26_000.0}
positive = st.floats(0.01, 1e6, allow_nan=False)
value = st.one_of(st.just(0.0), positive)


def test_golden_lmdi() -> None:
    table = lmdi(BEFORE, AFTER).set_index("factor")["effect"]
    golden = [156_472_630.33, 305_664_774.55, -164_500_300.99, 125_782_896.10]
    assert table.round(2).tolist() == golden
    assert table.sum() == pytest.approx(423_420_000, abs=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(value, value), min_size=1, max_size=5))
def test_effects_add_up_even_with_zeros(pairs: list[tuple[float, float]]) -> None:
    before = {f"f{i}": a for i, (a, _) in enumerate(pairs)}
    after = {f"f{i}": b for i, (_, b) in enumerate(pairs)}
    change = math.prod(after.values()) - math.prod(before.values())
    # Shapley passes through mixtures of both ends, which may be far larger than either: rounding follows the largest.
    scale = max(1.0, math.prod(max(a, b) for a, b in pairs))
    assert lmdi(before, after)["effect"].sum() == pytest.approx(change, abs=1e-9 * scale)
    assert shapley(before, after)["effect"].sum() == pytest.approx(change, abs=1e-9 * scale)


def test_zero_takes_the_whole_change() -> None:
    table = lmdi({"customers": 10.0, "share": 0.0, "aum": 5.0}, {"customers": 20.0, "share": 0.5, "aum": 7.0})
    assert table["effect"].tolist() == [0.0, 70.0, 0.0]
    # The limit is what tiny numbers come close to (the rest goes down with 1 / ln, hence the wide tolerance).
    near = lmdi({"customers": 10.0, "share": 1e-300, "aum": 5.0}, {"customers": 20.0, "share": 0.5, "aum": 7.0})
    assert near["effect"][1] == pytest.approx(70.0, rel=0.01)


def test_nearly_equal_products_lose_no_digits() -> None:
    table = lmdi({"a": 1e6, "b": 3.0}, {"a": 1e6 + 1e-3, "b": 3.0})
    assert table["effect"].tolist() == pytest.approx([3e-3, 0.0], rel=1e-6)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(positive, positive), min_size=2, max_size=4))
def test_shapley_is_the_mean_over_all_orders(pairs: list[tuple[float, float]]) -> None:
    before = {f"f{i}": a for i, (a, _) in enumerate(pairs)}
    after = {f"f{i}": b for i, (_, b) in enumerate(pairs)}

    def worth(factors) -> float:
        return sum(factors.values()) / max(factors.values())

    sums = dict.fromkeys(before, 0.0)
    orders = list(permutations(before))
    for order in orders:
        now = dict(before)
        for factor in order:
            start = worth(now)
            now[factor] = after[factor]
            sums[factor] += worth(now) - start
    table = shapley(before, after, value=worth).set_index("factor")["effect"]
    for factor, total in sums.items():
        assert table[factor] == pytest.approx(total / len(orders), abs=1e-9)


def test_groups_that_come_and_go() -> None:
    table = pd.DataFrame(
        {
            "month": ["a", "a", "b", "b"],
            "branch": ["x", "y", "x", "z"],
            "n": [10.0, 5.0, 12.0, 4.0],
            "m": [2.0, 3, 2, 5],
        }
    )
    split = lmdi_groups(table, factors=["n", "m"], period="month", by=["branch"])
    assert split.groupby("branch")["effect"].sum().to_dict() == pytest.approx({"x": 4.0, "y": -15.0, "z": 20.0})
    with pytest.raises(ValueError, match="month must have exactly two values, it has 1"):
        lmdi_groups(table[:1], factors=["n", "m"], period="month", by=["branch"])
    with pytest.raises(ValueError, match="stands twice"):
        lmdi_groups(pd.concat([table, table]), factors=["n", "m"], period="month", by=["branch"])


count = st.integers(0, 50)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(count, count, st.decimals(0, 100_000, places=2).map(float)), min_size=4, max_size=4))
def test_asset_split_adds_up_to_the_change(cells: list[tuple[int, int, float]]) -> None:
    rows = []
    for (month, is_active), (customers, holders, aum) in zip(
        [(m, a) for m in ("2025-01", "2025-02") for a in (False, True)], cells, strict=True
    ):
        held = min(holders, customers)
        rows.append((month, is_active, customers, held, aum if held else 0.0, 0.0))
    table = pd.DataFrame(rows, columns=["month", "is_active", "customers", "holders", "aum", "overdrafts"])
    split = split_asset_change(table, before="2025-01", after="2025-02")
    sums = table.groupby("month")["aum"].sum()
    assert split["effect"].sum() == pytest.approx(sums["2025-02"] - sums["2025-01"], abs=1e-6)


def test_only_customers_grew() -> None:
    table = pd.DataFrame(
        {
            "month": ["2025-01"] * 2 + ["2025-02"] * 2,
            "is_active": [True, False] * 2,
            "customers": [40, 60, 80, 120],
            "holders": [20, 30, 40, 60],
            "aum": [1000.0, 500.0, 2000.0, 1000.0],
        }
    )
    split = split_asset_change(table, before="2025-01", after="2025-02").set_index("factor")["effect"]
    assert split["customers"] == pytest.approx(1500)
    assert split.drop("customers").abs().max() < 1e-9
    with pytest.raises(ValueError, match="after month '2025-03' is not in the table of factors"):
        split_asset_change(table, before="2025-01", after="2025-03")
    with pytest.raises(ValueError, match="must be an earlier month"):
        split_asset_change(table, before="2025-02", after="2025-01")


def test_errors_name_factor_and_value() -> None:
    with pytest.raises(ValueError, match="same factors"):
        lmdi({"a": 1.0}, {"b": 1.0})
    with pytest.raises(ValueError, match=r"factor 'a' is -1\.0 after"):
        lmdi({"a": 1.0}, {"a": -1.0})
    with pytest.raises(ValueError, match="at most 8 factors"):
        shapley(dict.fromkeys("abcdefghi", 1.0), dict.fromkeys("abcdefghi", 2.0))
