"""Budgets are never exceeded, marginal returns are equal, planted response curves are found again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.metrics.acquisition import monthly_response
from helpers.models import allocation

CURVE = st.tuples(
    st.floats(0.01, 5), st.floats(0.1, 1.0), st.floats(100, 1e5), st.one_of(st.none(), st.floats(50, 1e5))
)


def curves(rows: list[tuple[float, float, float, float | None]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"channel": f"c{i}", "scale": s, "exponent": e, "spend_max": m, "saturation": np.nan if b is None else b}
            for i, (s, e, m, b) in enumerate(rows)
        ]
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(CURVE, min_size=1, max_size=6), st.floats(0, 1e6))
def test_a_budget_is_spent_and_never_exceeded(rows: list, budget: float) -> None:
    split = allocation.allocate(curves(rows), budget)
    assert (split["spend"] >= 0).all()
    assert (split["spend"] <= split["bound"] * (1 + 1e-9)).all()
    assert split["spend"].sum() == pytest.approx(min(budget, split["bound"].sum()), rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(CURVE, min_size=2, max_size=5), st.floats(10, 1e5), st.integers(0, 10**6))
def test_no_other_split_brings_more(rows: list, budget: float, seed: int) -> None:
    table = curves(rows)
    best = allocation.allocate(table, budget)
    rng = np.random.default_rng(seed)
    saturation = table["saturation"].fillna(np.inf).to_numpy()
    for _ in range(20):
        other = np.minimum(rng.dirichlet(np.ones(len(table))) * best["spend"].sum(), best["bound"])
        brought = (table["scale"] * np.minimum(other, saturation) ** table["exponent"]).sum()
        assert brought <= best["expected"].sum() * (1 + 1e-6) + 1e-9


def test_the_last_unit_brings_the_same_everywhere() -> None:
    split = allocation.allocate(curves([(1.0, 0.5, 1e6, None), (3.0, 0.5, 1e6, None), (0.5, 0.7, 1e6, None)]), 10_000)
    assert split["marginal"].std() / split["marginal"].mean() < 1e-6
    # With equal exponents of one half spend goes with the square of the scale.
    assert split["spend"][1] / split["spend"][0] == pytest.approx(9.0, rel=1e-6)


def test_capacity_binds() -> None:
    table = curves([(1.0, 0.5, 1e6, None), (1.0, 0.5, 1e6, None)])
    split = allocation.allocate(table, 10_000, capacity=pd.Series({"c0": 10.0}))
    assert split["expected"][0] <= 10.0 + 1e-9
    assert split["spend"].sum() == pytest.approx(10_000)


def history(exponent: float, scale: float, *, months: int = 24, seed: int = 0, bend: float = np.inf) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    spend = rng.lognormal(8.0, 0.6, months)
    return pd.DataFrame(
        {"channel": "sms", "spend": spend, "n_activated": rng.poisson(scale * np.minimum(spend, bend) ** exponent)}
    )


def test_planted_exponents_lie_in_their_intervals() -> None:
    """40 simulated channels: at least 34 of the 95 % intervals hold the planted exponent (binomial, p < 0.01 below)."""
    held = 0
    for seed in range(40):
        row = allocation.fit_response(history(0.6, 0.5, seed=seed), seed=seed).table.iloc[0]
        held += row["exponent_lower"] - 0.025 <= 0.6 <= row["exponent_upper"] + 0.025
    assert held >= 34


def test_a_saturation_is_seen_where_there_is_one_and_rarely_where_there_is_none() -> None:
    bend = float(np.exp(8.0))
    seen = [
        np.isfinite(allocation.fit_response(history(0.9, 0.5, seed=s, bend=bend), n_boot=2).table["saturation"][0])
        for s in range(20)
    ]
    false = [
        np.isfinite(allocation.fit_response(history(0.6, 0.5, seed=s), n_boot=2).table["saturation"][0])
        for s in range(40)
    ]
    assert np.mean(seen) > 0.8
    assert np.mean(false) < 0.2


def test_a_month_far_off_is_set_aside_and_counted() -> None:
    months = history(0.6, 0.5, seed=3)
    months.loc[5, "n_activated"] *= 8
    row = allocation.fit_response(months).table.iloc[0]
    assert row["n_months_aside"] == 1
    assert row["exponent"] == pytest.approx(0.6, abs=0.2)


@pytest.mark.parametrize("months", [3, 24])
def test_too_little_history_is_said(months: int) -> None:
    table = history(0.6, 0.5, months=months)
    if months == 24:
        table["spend"] = 1000.0  # never varied: nothing can be told of the response
    fitted = allocation.fit_response(table)
    assert not fitted.table["known"].any()
    assert fitted.known.empty


def test_money_past_the_bound_is_credited_with_nothing() -> None:
    fitted = allocation.fit_response(history(0.6, 0.5))
    splits, comparison = allocation.compare(fitted, 1e9, pd.Series({"sms": 1.0}))
    assert splits["best"][0] == pytest.approx(splits["bound"][0])
    assert comparison["expected"].max() == pytest.approx(comparison["expected"].min())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: allocation.allocate(curves([(1, 0.5, 1, None)]), -1),
            "budget should be a finite amount of at least 0",
        ),
        (lambda: allocation.allocate(curves([(1, 0.5, 1, None)]), 1, reach=0), "reach should be positive"),
        (lambda: allocation.fit_response(pd.DataFrame({"channel": []})), "history lacks spend, n_activated"),
        (lambda: allocation.fit_response(history(0.6, 0.5).assign(spend=-1.0)), "finite and not negative"),
    ],
)
def test_bad_input_is_named(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_the_sample_banks_channels_are_found_again(sample_bank: Any, sample_bank_folder: Any) -> None:
    """Planted exponents within the fitted intervals (widened by the grid's half step) for at least six of eight."""
    truth = pd.read_parquet(sample_bank_folder / "truth" / "channels.parquet").set_index("channel")["exponent"]
    fitted = allocation.fit_response(monthly_response(sample_bank, activation_days=30)).table
    fitted = fitted[fitted["known"]]
    planted = fitted["channel"].map(truth)
    held = (fitted["exponent_lower"] - 0.025 <= planted) & (planted <= fitted["exponent_upper"] + 0.025)
    assert held.sum() >= min(6, len(fitted) - 2)
