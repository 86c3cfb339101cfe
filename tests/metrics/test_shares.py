"""Intervals of shares and of their ratio, held against statsmodels and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest

from helpers.metrics.shares import equal_shares_p_value, share_ratio, wilson


@pytest.mark.parametrize(("x", "n"), [(1, 10), (9, 10), (81, 263), (500, 1000)])
def test_wilson_is_statsmodels_wilson(x, n):
    low, high = wilson([x], [n])
    assert (low[0], high[0]) == pytest.approx(proportion_confint(x, n, method="wilson"), abs=1e-12)


def test_wilson_at_the_edges():
    low, high = wilson([0, 7, 0], [7, 7, 0])
    assert low.tolist()[0] == 0.0
    assert high.tolist()[1] == 1.0
    assert (low[2], high[2]) == (0.0, 1.0)


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilson_contains_the_share_and_stays_in_bounds(x, n):
    x = min(x, n)
    low, high = wilson([x], [n])
    assert 0 <= low[0] <= x / n <= high[0] <= 1


@pytest.mark.parametrize(("a", "n", "b", "m"), [(40, 100, 20, 100), (3, 30, 9, 300), (120, 400, 300, 2000)])
def test_ratio_is_close_to_the_score_interval(a, n, b, m):
    # another method (Koopman's score interval): both are right to within 3 % of a bound at these sizes
    expected = confint_proportions_2indep(a, n, b, m, compare="ratio", method="score")
    ratio, low, high = share_ratio([a], [n], [b], [m])
    assert ratio[0] == pytest.approx((a / n) / (b / m))
    assert (low[0], high[0]) == pytest.approx(expected, rel=0.03)


def test_ratio_keeps_its_level_with_few_successes():
    rng = np.random.default_rng(3)
    a, b = rng.binomial(60, 0.08, 4000), rng.binomial(900, 0.04, 4000)
    _, low, high = share_ratio(a, 60, b, 900)
    covered = ((low <= 2.0) & (high >= 2.0)).mean()
    # 4,000 draws: standard error 0.34 points; discreteness may add a point
    assert 0.94 <= covered <= 0.98


def test_ratio_at_the_edges():
    ratio, low, high = share_ratio([0, 5, 0], [40, 20, 10], [12, 0, 0], [200, 50, 10])
    assert (ratio[0], low[0]) == (0.0, 0.0)
    assert 1 < high[0] < 2
    assert np.isinf(ratio[1])
    assert np.isinf(high[1])
    assert low[1] > 2
    assert np.isnan([ratio[2], low[2], high[2]]).all()


def test_equal_shares_is_the_pooled_z_test():
    expected = proportions_ztest([40, 20], [100, 100])[1]
    assert equal_shares_p_value([40], [100], [20], [100])[0] == pytest.approx(expected, abs=1e-12)
    assert equal_shares_p_value([0], [10], [0], [20])[0] == 1.0
    assert equal_shares_p_value([0], [0], [3], [20])[0] == 1.0
