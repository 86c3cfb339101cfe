"""Looks at any time and agreed looks: published numbers, the identity of the two tests, false alarms by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from helpers.models.experiments import (
    confidence_sequence,
    crossing_chance,
    group_sequential,
    mixture_rho,
    msprt,
)


@pytest.mark.parametrize(("n", "ratio"), [(500, 1.9669), (1_000, 1.7163), (5_000, 1.5486)])
def test_confidence_sequence_golden(n: int, ratio: float) -> None:
    look = confidence_sequence(0.0, se=1 / math.sqrt(n), n=n, alpha=0.05, tuned_for_n=5_000)
    assert look["width_ratio"] == pytest.approx(ratio, abs=5e-5)
    assert look["rho"] == pytest.approx(0.03984007, abs=5e-9)
    if n == 5_000:
        assert look["half_width"] == pytest.approx(0.0429243, abs=5e-8)


def test_rho_makes_the_interval_narrowest_near_the_customers_it_was_tuned_for() -> None:
    tuned = {
        n: confidence_sequence(0.0, se=1e-2, n=10_000, tuned_for_n=n)["half_width"] for n in (2_000, 10_000, 50_000)
    }
    assert min(tuned, key=tuned.get) == 10_000


def test_confidence_sequence_is_the_inverted_mixture_test() -> None:
    """With τ² = s²ρ² both reject together, and the p-value of either is the alpha at which its interval touches 0."""
    n, se, rho = 3_000, 0.02, mixture_rho(alpha=0.05, tuned_for_n=5_000)
    for estimate in (0.01, 0.05, 0.07, 0.2):
        interval = confidence_sequence(estimate, se=se, n=n)
        test = msprt(estimate, se=se, expected_effect=se * math.sqrt(n) * rho)
        assert interval["p_value"] == pytest.approx(test["p_value"], rel=1e-10)
        assert interval["lower"] == pytest.approx(test["lower"], abs=1e-12)
        assert (interval["lower"] > 0) == test["reject"] == (test["p_value"] <= 0.05)


def test_msprt_is_the_ratio_of_a_normal_mixture() -> None:
    """Λ = density of d under N(0, V + τ²) against N(0, V)."""
    d, v, tau = 0.13, 0.004, 0.2
    found = msprt(d, se=math.sqrt(v), expected_effect=tau)["statistic"]
    assert found == pytest.approx(stats.norm.pdf(d, 0, math.sqrt(v + tau**2)) / stats.norm.pdf(d, 0, math.sqrt(v)))


def test_p_values_never_rise_from_look_to_look() -> None:
    estimates = np.array([0.1, 0.3, 0.05, 0.4])
    found = msprt(estimates, se=np.array([0.2, 0.1, 0.08, 0.07]), expected_effect=0.1)["p_value"]
    assert np.all(np.diff(found) <= 0)
    assert found.shape == (4,)


def aa_looks(n_experiments: int, n_looks: int, a_day: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Running difference of two equal arms of skewed outcomes, its estimated error, and the customers so far."""
    rng = np.random.default_rng(seed)
    shape = (n_experiments, n_looks, a_day)
    n = a_day * np.arange(1, n_looks + 1)
    means, variances = [], []
    for _ in range(2):
        y = rng.exponential(1.0, size=shape)
        total, squares = y.sum(axis=2).cumsum(axis=1), (y**2).sum(axis=2).cumsum(axis=1)
        means.append(total / n)
        variances.append((squares - total**2 / n) / (n - 1))
    return means[1] - means[0], np.sqrt((variances[0] + variances[1]) / n), 2 * n


def test_aa_with_thirty_looks() -> None:
    """4,000 A/A tests, 30 daily looks of 2 × 100 customers: the plain test cries wolf in about 29 of 100."""
    estimate, se, n = aa_looks(4_000, 30, 100, seed=20260101)
    plain = (np.abs(estimate / se) > 1.96).any(axis=1).mean()
    valid = np.mean(
        [confidence_sequence(d, se=s, n=n)["p_value"][-1] <= 0.05 for d, s in zip(estimate, se, strict=True)]
    )
    mixture = np.mean([msprt(d, se=s, expected_effect=0.05)["reject"].any() for d, s in zip(estimate, se, strict=True)])
    assert plain == pytest.approx(0.294, abs=0.022)  # 3 standard errors
    assert valid <= 0.05
    assert mixture <= 0.05
    # references by another implementation: 1.7 % and 1.65 %; here 3 standard errors around them
    assert valid == pytest.approx(0.017, abs=0.008)
    covered = np.mean(
        [
            np.all((look["lower"] <= 0) & (look["upper"] >= 0))
            for look in (confidence_sequence(d, se=s, n=n) for d, s in zip(estimate[:500], se[:500], strict=True))
        ]
    )
    assert covered >= 0.95


@pytest.mark.parametrize(
    ("spending", "bounds"),
    [
        # Lan–DeMets, 5 equal looks, two-sided 0.05: as printed by ldbounds and gsDesign
        ("obrien_fleming", [4.877, 3.357, 2.680, 2.290, 2.031]),
        ("pocock", [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_group_sequential_published_bounds(spending: str, bounds: list[float]) -> None:
    table = group_sequential(5, alpha=0.05, spending=spending)
    assert table.z_bound.tolist() == pytest.approx(bounds, abs=1e-3)
    assert table.alpha_spent.iloc[-1] == pytest.approx(0.05, abs=1e-12)
    assert table.stop_chance.iloc[-1] == pytest.approx(0.8, abs=1e-9)


def test_crossing_chance_of_pococks_and_obrien_flemings_constants() -> None:
    """Jennison and Turnbull (2000), tables 2.1 and 2.3: C_P(5, 0.05) = 2.413, C_B(5, 0.05) = 2.040."""
    shares = np.arange(1, 6) / 5
    assert crossing_chance(shares, [2.413] * 5)[-1] == pytest.approx(0.05, abs=1e-4)
    assert crossing_chance(shares, 2.040 / np.sqrt(shares))[-1] == pytest.approx(0.05, abs=1e-4)


def test_crossing_chance_equals_the_multivariate_normal() -> None:
    shares, bounds, drift = np.array([0.3, 0.7, 1.0]), np.array([2.6, 2.2, 2.0]), 2.5
    covariance = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))
    law = stats.multivariate_normal(mean=drift * np.sqrt(shares), cov=covariance, seed=1, abseps=1e-9, releps=1e-9)
    inside = law.cdf(bounds, lower_limit=-bounds)
    assert crossing_chance(shares, bounds, drift=drift)[-1] == pytest.approx(1 - inside, abs=1e-6)


def test_linear_spending_spends_in_proportion() -> None:
    """The bounds of two looks, held against the bivariate normal: 0.025 spent at half, 0.05 at the end."""
    table = group_sequential(2, spending="linear")
    assert table.z_bound.iloc[0] == pytest.approx(stats.norm.isf(0.0125), abs=1e-9)
    law = stats.multivariate_normal(cov=[[1, math.sqrt(0.5)], [math.sqrt(0.5), 1]])
    bounds = table.z_bound.to_numpy()
    assert law.cdf(bounds, lower_limit=-bounds) == pytest.approx(0.95, abs=1e-6)


def test_one_look_is_the_ordinary_test() -> None:
    table = group_sequential(1, alpha=0.05)
    assert table.z_bound.iloc[0] == pytest.approx(stats.norm.isf(0.025), abs=1e-9)
    assert table.inflation.iloc[0] == pytest.approx(1.0, abs=1e-6)


def test_group_sequential_bounds_hold_in_simulation() -> None:
    """20,000 experiments without effect at 4 looks; 3 standard errors."""
    table = group_sequential([0.25, 0.5, 0.75, 1.0], alpha=0.05, spending="pocock")
    steps = np.random.default_rng(5).normal(0, 0.5, size=(20_000, 4))
    z = steps.cumsum(axis=1) / np.sqrt(table.information_share.to_numpy())
    assert (np.abs(z) >= table.z_bound.to_numpy()).any(axis=1).mean() == pytest.approx(0.05, abs=0.0047)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: confidence_sequence([0.1, 0.2], se=[0.1], n=[10, 20]), "one a look is needed"),
        (lambda: confidence_sequence([], se=[], n=[]), "no look"),
        (lambda: confidence_sequence(0.1, se=-1, n=10), "se:"),
        (lambda: confidence_sequence(0.1, se=0.1, n=0), "n:"),
        (lambda: confidence_sequence([0.1, 0.1], se=[0.1, 0.1], n=[20, 10]), "not fall"),
        (lambda: confidence_sequence(math.nan, se=0.1, n=10), "estimate:"),
        (lambda: confidence_sequence(0.1, se=0.1, n=10, alpha=5), "alpha: 5"),
        (lambda: confidence_sequence(0.1, se=0.1, n=10, tuned_for_n=0), "tuned_for_n"),
        (lambda: confidence_sequence(0.1, se=0.1, n=math.inf), r"n: \[inf\] must be positive, finite"),
        (lambda: confidence_sequence(0.1, se=0.1, n=10, tuned_for_n=math.inf), "tuned_for_n: inf"),
        (lambda: confidence_sequence("a", se=0.1, n=10), "estimate: 'a' is neither a number"),
        (lambda: confidence_sequence(0.1, se="a", n=10), "se: 'a' is neither a number"),
        (lambda: msprt(0.1, se=0.1, expected_effect=math.inf), "expected_effect: inf is not a positive number"),
        (lambda: msprt(0.1, se=0.1, expected_effect="a"), "expected_effect: 'a' is not a positive number"),
        (lambda: msprt(0.1, se=0.0, expected_effect=0.1), "se:"),
        (lambda: msprt(0.1, se=0.1, expected_effect=0), "expected_effect: 0"),
        (lambda: group_sequential(0), "looks: 0"),
        (lambda: group_sequential([0.5, 0.4, 1.0]), "rise"),
        (lambda: group_sequential([0.5, 0.9]), "end at 1"),
        (lambda: group_sequential(3, spending="haybittle"), "haybittle"),
        (lambda: group_sequential(3, alpha=0), "alpha: 0"),
        (lambda: group_sequential(3, power=0.01), "power: 0.01"),
        (lambda: group_sequential(2.0), "looks: 2.0 is neither a number of looks nor a sequence of shares"),
        (lambda: group_sequential(None), "looks: None is neither a number of looks nor a sequence of shares"),
        (lambda: group_sequential(["a"]), r"looks: \['a'\] is neither a number of looks nor a sequence of shares"),
        (lambda: group_sequential([[0.5, 1.0]]), r"looks: \[\[0.5, 1.0\]\] is neither"),
        (lambda: group_sequential(3, spending=["pocock"]), r"spending: \['pocock'\] is unknown"),
        (lambda: crossing_chance([0.5, 1.0], [2.0]), "bounds:"),
        (lambda: crossing_chance(None, [2.0]), "shares: None is neither"),
        (lambda: crossing_chance([0.5, 1.0], ["a", 2.0]), r"bounds: \['a', 2.0\] is no sequence of numbers"),
        (lambda: crossing_chance([0.5, 1.0], [2.0, 2.0], drift="a"), "drift: 'a' is not a finite number"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_an_estimate_without_any_variance_is_certain() -> None:
    """Interval and p-value say the same: 0.1 exactly rules 0 out, 0 exactly doesn't."""
    assert confidence_sequence(0.1, se=0.0, n=100)["p_value"] == 0.0
    assert confidence_sequence(0.0, se=0.0, n=100)["p_value"] == 1.0


def test_numpys_numbers_are_numbers() -> None:
    """0.05 of single precision is 0.05 to eight digits."""
    half, single = confidence_sequence(0.1, se=0.1, n=100)["half_width"], np.float32(0.05)
    assert confidence_sequence(0.1, se=0.1, n=100, alpha=single)["half_width"] == pytest.approx(half, rel=1e-7)
    p_value = msprt(0.1, se=0.1, expected_effect=0.1)["p_value"]
    assert msprt(0.1, se=0.1, expected_effect=np.float32(0.1), alpha=single)["p_value"] == pytest.approx(
        p_value, rel=1e-7
    )
    assert group_sequential(2, alpha=single).z_bound[0] == pytest.approx(group_sequential(2).z_bound[0], rel=1e-6)
