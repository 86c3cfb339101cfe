"""Sample ratio: published vectors, the three tiers, arms without weight, looks that stay valid."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.models.experiments import sample_ratio, sample_ratio_sequence

EVEN = {"control": 0.5, "treatment": 0.5}


@pytest.mark.parametrize(
    ("counts", "statistic", "p_value", "tier"),
    [((50_600, 49_400), 14.4, 1.478e-4, "broken"), ((5_060, 4_940), 1.44, 0.2301, "ok")],
)
def test_golden_vectors(counts: tuple[int, int], statistic: float, p_value: float, tier: str) -> None:
    found = sample_ratio(dict(zip(EVEN, counts, strict=True)), EVEN)
    assert found["statistic"] == pytest.approx(statistic, abs=1e-9)
    assert found["p_value"] == pytest.approx(p_value, rel=3e-4)  # the vectors have four digits
    assert found["df"] == 1
    assert found["tier"] == tier


def test_equals_scipy_for_three_unequal_arms() -> None:
    counts, weights = np.array([700, 210, 95]), np.array([7, 2, 1])
    reference = stats.chisquare(counts, weights / weights.sum() * counts.sum())
    found = sample_ratio(counts, weights)
    assert found["statistic"] == pytest.approx(reference.statistic, rel=1e-12)
    assert found["p_value"] == pytest.approx(reference.pvalue, rel=1e-12)


def test_an_arm_without_weight_counts_in_neither_total_nor_degrees_of_freedom() -> None:
    weights = {**EVEN, "paused": 0.0}
    found = sample_ratio({"control": 5_060, "treatment": 4_940, "paused": 0}, weights)
    assert (found["df"], found["n"], found["tier"]) == (1, 10_000, "ok")
    assert found["statistic"] == pytest.approx(1.44)
    stray = sample_ratio({"control": 5_060, "treatment": 4_940, "paused": 3}, weights)
    assert (stray["n_unplanned"], stray["n"], stray["tier"]) == (3, 10_000, "watch")


@pytest.mark.parametrize(
    ("counts", "tier"),
    [
        ((10_000, 10_000), "ok"),
        ((10_000, 10_400), "watch"),  # p = 0.0051
        ((10_000, 10_500), "broken"),  # p = 0.00048, 1.2 points off
        ((50_040_000, 49_960_000), "watch"),  # p < 1e-14, but only 0.04 points off: found, and harmless
    ],
)
def test_tiers(counts: tuple[int, int], tier: str) -> None:
    assert sample_ratio(dict(zip(EVEN, counts, strict=True)), EVEN)["tier"] == tier


def test_series_of_counts_is_taken() -> None:
    counts = pd.Series(["control"] * 40 + ["treatment"] * 60).value_counts()
    assert sample_ratio(counts, EVEN)["statistic"] == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("counts", "weights", "message"),
    [
        ({"control": 1, "other": 2}, EVEN, "arm 'other' has no weight"),
        ({"control": 1}, EVEN, "arm 'treatment' is missing"),
        ([1, 2, 3], [1, 1], "2 weights for 3 counts"),
        ([1, 2], EVEN, "mapping"),
        ({"a": 1}, [1.0], "mapping"),
        ([5, -1], [1, 1], "whole numbers"),
        ([5, 1.5], [1, 1], "whole numbers"),
        ([5, 1], [1, -1], "0 or more"),
        ([5, 1], [1, 0], "fewer than two arms"),
        ([0, 0], [1, 1], "nobody"),
        (5, [1, 1], "counts: 5 is neither a mapping of arm to number nor a sequence"),
        ({"control": 3}, None, "weights: None is neither a mapping"),
        (["a", "b"], [0.5, 0.5], r"counts: \['a', 'b'\] must be numbers, one an arm"),
        ([5, 1], ["half", 0.5], r"weights: \['half', 0.5\] must be numbers, one an arm"),
        ({"control": "many", "treatment": 3}, EVEN, r"counts: \['many', 3\] must be numbers"),
        ({"control": 3}, {"control": 1, "treatment": "half"}, r"weights: \[1, 'half'\] must be numbers"),
    ],
)
def test_bad_input_is_named(counts: object, weights: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sample_ratio(counts, weights)


def test_looking_thirty_times_costs_the_sequential_test_nothing() -> None:
    """A/A splits, 30 looks of 400 customers: χ² at 0.05 cries wolf in about 29 of 100, the sequential test in < 5."""
    rng = np.random.default_rng(11)
    n_experiments, n_looks, a_day = 400, 30, 400
    control = rng.binomial(a_day, 0.5, size=(n_experiments, n_looks))
    total = a_day * np.arange(1, n_looks + 1)
    statistic = (2 * control.cumsum(axis=1) - total) ** 2 / total
    plain = (stats.chi2.sf(statistic, 1) < 0.05).any(axis=1).mean()
    assert plain == pytest.approx(0.293, abs=0.07)  # 3 standard errors of 400 experiments
    alarms = [
        sample_ratio_sequence(pd.DataFrame({"control": row, "treatment": a_day - row}), EVEN).p_value.iloc[-1] < 0.05
        for row in control[:200]
    ]
    assert np.mean(alarms) <= 0.05


def test_sequential_test_finds_a_broken_split() -> None:
    looks = pd.DataFrame({"control": [4_600] * 5, "treatment": [5_400] * 5})
    found = sample_ratio_sequence(looks, EVEN)
    assert found.p_value.is_monotonic_decreasing
    assert found.p_value.iloc[-1] < 1e-6
    assert found.n.tolist() == [10_000, 20_000, 30_000, 40_000, 50_000]


def test_bayes_factor_is_the_dirichlet_multinomial_ratio() -> None:
    """One look of (3, 1) with concentration 2 on even weights: ∫ p³(1−p) over the uniform = 1/20 against 1/16."""
    found = sample_ratio_sequence(pd.DataFrame({"control": [3], "treatment": [1]}), EVEN, concentration=2)
    assert found.bayes_factor.iloc[0] == pytest.approx(16 / 20, rel=1e-12)
