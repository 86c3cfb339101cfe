"""Plans: customers, effects and days, against statsmodels, by simulation, and from the bank's own past."""

from __future__ import annotations

import math

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from helpers.models.experiments import (
    days_needed,
    effect,
    metric_history,
    minimum_detectable_effect,
    reach_curve,
    sample_size,
)
from helpers.models.experiments.estimators import Outcome, clustered_means


@pytest.mark.parametrize(("difference", "share"), [(0.5, 0.5), (0.2, 0.7), (0.05, 0.5), (0.01, 0.2)])
def test_sample_size_is_statsmodels(difference: float, share: float) -> None:
    reference = TTestIndPower().solve_power(difference, power=0.8, alpha=0.05, ratio=(1 - share) / share)
    plan = sample_size(difference, sd=1.0, share_treated=share)
    assert plan["n_treatment"] == math.ceil(reference)
    assert plan["n_control"] == math.ceil(reference * (1 - share) / share)
    power = TTestIndPower().power(difference, plan["n_treatment"], 0.05, plan["n_control"] / plan["n_treatment"])
    assert plan["power"] == pytest.approx(power, abs=1e-9)
    assert plan["power"] >= 0.8


@given(
    difference=st.floats(0.01, 2.0),
    share=st.floats(0.1, 0.9),
    power=st.floats(0.5, 0.95),
    correlation=st.floats(-0.9, 0.9),
)
@settings(max_examples=25, deadline=None)
def test_minimum_detectable_effect_turns_sample_size_around(difference, share, power, correlation) -> None:
    options = {"sd": 1.0, "share_treated": share, "power": power, "covariate_correlation": correlation}
    n = sample_size(difference, **options)["n"]
    # whole customers: a few more than needed, the more so the smaller the experiment
    found = minimum_detectable_effect(n, **options)["effect"]
    assert found <= difference * (1 + 1e-3)
    assert found == pytest.approx(difference, rel=0.01 + 4 / n / min(share, 1 - share))


def test_two_customers_in_the_smaller_arm_are_enough_to_turn_around() -> None:
    plan = sample_size(2.0, sd=1.0, share_treated=0.8, power=0.5)
    assert (plan["n"], plan["n_control"]) == (10, 2)
    assert minimum_detectable_effect(10, sd=1.0, share_treated=0.8, power=0.5)["effect"] < 2.0


def test_a_share_has_its_own_variance_in_each_arm() -> None:
    """Conversion 10 % to 12 %: z formula with unpooled variances gives 3,838.2 an arm (within one of the t test)."""
    plan = sample_size(0.02, mean=0.10)
    z = stats.norm.isf(0.025) + stats.norm.isf(0.2)
    by_hand = z**2 * (0.1 * 0.9 + 0.12 * 0.88) / 0.02**2
    assert plan["n_treatment"] == pytest.approx(by_hand, abs=2.0)
    assert sample_size(0.2, mean=0.10, relative=True)["n"] == plan["n"]
    back = minimum_detectable_effect(plan["n"], mean=0.10)
    assert back["effect"] == pytest.approx(0.02, rel=1e-3)
    assert back["relative_effect"] == pytest.approx(0.2, rel=1e-3)


def test_planned_power_is_reached_with_the_covariate() -> None:
    """400 experiments of the planned size, ρ = 0.7, read by `effect`: 80 % ± 3 standard errors (6 points)."""
    plan = sample_size(0.3, sd=1.0, covariate_correlation=0.7)
    assert plan["variance_left"] == pytest.approx(0.51)
    rng = np.random.default_rng(9)
    found = []
    for _ in range(400):
        arm = np.repeat([0, 1], [plan["n_control"], plan["n_treatment"]])
        x = rng.normal(size=len(arm))
        y = 0.7 * x + rng.normal(0, math.sqrt(0.51), len(arm)) + 0.3 * arm
        table = pd.DataFrame({"arm": arm, "x": x, "y": y})
        found.append(effect(table, metric="y", control=0, covariate="x").p_value[0] < 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_clusters_and_comparisons_cost_customers() -> None:
    single = sample_size(0.1, sd=1.0)
    clustered = sample_size(0.1, sd=1.0, cluster_size=50, intraclass_correlation=0.02)
    assert clustered["design_effect"] == pytest.approx(1.98)
    # a little above the design effect: degrees of freedom are counted in clusters
    assert clustered["n"] / single["n"] == pytest.approx(1.98, rel=0.02)
    assert clustered["n_clusters"] == math.ceil(clustered["n"] / 50)
    several = sample_size(0.1, sd=1.0, comparisons=4)
    assert several["alpha"] == 0.0125
    assert several["n"] == sample_size(0.1, sd=1.0, alpha=0.0125)["n"]


def test_few_clusters_are_never_enough_where_customers_alone_would_be() -> None:
    assert minimum_detectable_effect(4_000, sd=1.0, cluster_size=500, intraclass_correlation=0.05)["effect"] > 0.5
    assert minimum_detectable_effect(4_000, sd=1.0)["effect"] < 0.1


def past(seed: int = 5) -> pd.DataFrame:
    """40 branches of unequal size with ICC 0.1 and a covariate with ρ = 0.6 between customers."""
    rng = np.random.default_rng(seed)
    branch = np.repeat(np.arange(40), rng.integers(20, 80, 40))
    n = len(branch)
    x = rng.normal(size=n)
    y = 5 + rng.normal(0, math.sqrt(0.1), 40)[branch] + math.sqrt(0.9) * (0.6 * x + 0.8 * rng.normal(size=n))
    return pd.DataFrame(
        {"branch": branch, "y": y, "x": x, "orders": rng.poisson(2, n), "visits": rng.integers(1, 9, n)}
    )


@pytest.mark.parametrize("make", [pd.DataFrame, ibis.memtable], ids=["frame", "engine"])
def test_history_of_a_metric(make) -> None:
    table = past()
    found = metric_history(make(table), metric="y", covariate="x", cluster="branch")
    sizes = table.branch.value_counts()
    assert found["n"] == len(table)
    assert found["mean"] == pytest.approx(table.y.mean(), rel=1e-10)
    assert found["sd"] == pytest.approx(table.y.std(), rel=1e-10)
    assert found["covariate_correlation"] == pytest.approx(abs(table.x.corr(table.y)), rel=1e-8)
    assert found["cluster_size"] == pytest.approx((sizes**2).sum() / sizes.sum(), rel=1e-12)
    # one-way analysis of variance from scipy's F: ICC = (F − 1) / (F − 1 + m0)
    groups = [group.y for _, group in table.groupby("branch")]
    f = stats.f_oneway(*groups).statistic
    typical = (len(table) - (sizes**2).sum() / len(table)) / 39
    assert found["intraclass_correlation"] == pytest.approx((f - 1) / (f - 1 + typical), rel=1e-9)
    plan = sample_size(0.05, relative=True, history=found)
    assert plan["effect"] == pytest.approx(0.05 * table.y.mean())
    assert plan["variance_left"] == pytest.approx(1 - found["covariate_correlation"] ** 2)
    assert plan["design_effect"] > 4


def test_history_of_a_ratio_has_the_error_that_effect_finds() -> None:
    """Delta method: the planned standard error of a split of the past is the one that `effect` reports on it."""
    table = past().assign(arm=lambda frame: np.arange(len(frame)) % 2)
    history = metric_history(table, metric=("orders", "visits"))
    assert history["mean"] == pytest.approx(table.orders.sum() / table.visits.sum(), rel=1e-12)
    row = effect(table, metric=("orders", "visits"), control=0).iloc[0]
    planned = history["sd"] * math.sqrt(1 / row.n + 1 / row.n_control)
    assert row.se == pytest.approx(planned, rel=0.02)  # the halves differ in their ratios by chance


def test_own_arguments_go_before_history() -> None:
    assert sample_size(0.5, sd=2.0, history={"sd": 1.0})["n"] == sample_size(0.5, sd=2.0)["n"]


@pytest.mark.parametrize(
    "neutral", [{"covariate_correlation": 0.0}, {"cluster_size": 1.0}, {"intraclass_correlation": 0}]
)
def test_a_neutral_argument_goes_before_history_too(neutral: dict) -> None:
    history = {"covariate_correlation": 0.7, "cluster_size": 50.0, "cluster_mean_size": 30.0}
    history |= {"sd": 1.0, "mean": 1.0, "intraclass_correlation": 0.2}
    name = next(iter(neutral))
    for function, first in ((sample_size, 0.5), (minimum_detectable_effect, 10_000)):
        without = {key: past for key, past in history.items() if key != name}
        if name == "cluster_size":
            del without["cluster_mean_size"]
        assert function(first, history=history, **neutral) == function(first, history=without)
        assert function(first, history=history, **neutral) != function(first, history=history)
        assert function(first, history=history, **{name: None}) == function(first, history=history)


def power_with_clusters(n_clusters: int, difference: float, correlation: float, sizes: np.ndarray) -> float:
    """Share of 600 experiments found by `effect`'s estimator, drawn cluster by cluster; standard error below 2 points."""
    rng = np.random.default_rng(21)
    arm = np.arange(n_clusters) % 2
    found = []
    for _ in range(600):
        n = rng.choice(sizes, n_clusters).astype(float)
        own = rng.normal(0, np.sqrt(correlation), n_clusters) + rng.normal(size=n_clusters) * np.sqrt(
            (1 - correlation) / n
        )
        none = np.zeros((n_clusters, 0))
        data = Outcome(
            n, own + difference * arm, none, (n - 1) * (1 - correlation), none, np.zeros((n_clusters, 0, 0)), arm, 2
        )
        fit = clustered_means(data, np.arange(n_clusters))
        t = abs(fit.mean[1] - fit.mean[0]) / np.sqrt(fit.variance_of_difference(1, 0))
        found.append(2 * stats.t.sf(t, fit.df(1, 0)) < 0.05)
    return float(np.mean(found))


def test_planned_power_is_reached_with_unequal_clusters() -> None:
    """Branches of 10 and of 190 customers: the design effect needs Σm²/Σm = 181, their number the mean of 100."""
    sizes = np.array([10, 190])
    branch = np.repeat(np.arange(40), np.tile(sizes, 20))
    past = pd.DataFrame({"branch": branch, "y": np.random.default_rng(3).normal(size=len(branch))})
    history = metric_history(past, metric="y", cluster="branch")
    assert (history["cluster_size"], history["cluster_mean_size"]) == pytest.approx((181.0, 100.0), rel=1e-12)
    plan = sample_size(0.15, history=history | {"sd": 1.0, "intraclass_correlation": 0.06})
    assert plan["n_clusters"] == math.ceil(plan["n"] / 100)
    assert plan["design_effect"] == pytest.approx(1 + 180 * 0.06)
    # three standard errors; 93 clusters, as by the larger size, reach half
    assert power_with_clusters(plan["n_clusters"], 0.15, 0.06, sizes) == pytest.approx(0.8, abs=0.05)


EVENTS = pd.DataFrame(
    {
        "customer_id": ["C1", "C2", "C1", "C3", "C4", "C5", "C2"],
        "occurred_at": pd.to_datetime(
            ["2025-03-01 00:00", "2025-03-01 23:59", "2025-03-02 10:00", "2025-03-04 09:00", "2025-02-28 23:59",
             "2025-03-05 00:00", "2025-03-04 12:00"]
        ),
    }
)  # fmt: skip


@pytest.mark.parametrize("make", [pd.DataFrame, ibis.memtable], ids=["frame", "engine"])
def test_reach_counts_each_customer_once_and_only_inside_the_window(make) -> None:
    curve = reach_curve(make(EVENTS), starts_at="2025-03-01", days=4)
    assert curve.day.tolist() == [1, 2, 3, 4]
    assert curve.n_new.tolist() == [2, 0, 0, 1]
    assert curve.n_reached.tolist() == [2, 2, 2, 3]


@pytest.mark.parametrize("make", [pd.DataFrame, ibis.memtable], ids=["frame", "engine"])
def test_events_of_nobody_bring_in_nobody(make) -> None:
    events = pd.DataFrame({"customer_id": ["C1", None, None], "occurred_at": pd.to_datetime(["2025-03-01"] * 3)})
    assert reach_curve(make(events), starts_at="2025-03-01", days=2).n_reached.tolist() == [1, 1]


@pytest.mark.parametrize("make", [pd.DataFrame, ibis.memtable], ids=["frame", "engine"])
def test_days_of_times_with_a_zone_are_utcs_or_the_starts_own(make) -> None:
    """01:00 of 2 March in Shanghai is 17:00 UTC of 1 March."""
    at = pd.Series(pd.to_datetime(["2025-03-02 01:00", "2025-03-02 12:00"])).dt.tz_localize("Asia/Shanghai")
    events = pd.DataFrame({"customer_id": ["C1", "C2"], "occurred_at": at})
    for start in ("2025-03-01", pd.Timestamp("2025-03-01", tz="UTC")):
        assert reach_curve(make(events), starts_at=start, days=3).n_new.tolist() == [1, 1, 0]
    there = pd.Timestamp("2025-03-01", tz="Asia/Shanghai")
    if make is pd.DataFrame:
        assert reach_curve(events, starts_at=there, days=3).n_new.tolist() == [0, 2, 0]
    else:
        with pytest.raises(
            ValueError, match=r"starts_at: .* is in Asia/Shanghai; a lazy table's days are counted in UTC"
        ):
            reach_curve(make(events), starts_at=there, days=3)


@pytest.mark.parametrize("make", [pd.DataFrame, ibis.memtable], ids=["frame", "engine"])
def test_reach_of_nobody_is_a_flat_line(make) -> None:
    assert reach_curve(make(EVENTS), starts_at="2026-01-01", days=3).n_reached.tolist() == [0, 0, 0]


def test_days_follow_the_bent_curve_and_not_customers_a_day() -> None:
    day = np.arange(1, 57)
    reach = pd.DataFrame({"day": day, "n_reached": (10_000 * (1 - np.exp(-day / 10))).astype(int)})
    plan = days_needed(8_000, reach=reach)
    assert plan["days_exact"] == 17  # 10·ln 5 = 16.1; customers of the first day would have promised 9
    assert plan["days"] == 21
    assert plan["n_reached"] == reach.n_reached[20]
    assert days_needed(8_000, reach=reach, whole_weeks=False)["days"] == 17
    assert days_needed(1, reach=reach, whole_weeks=False)["days"] == 3
    never = days_needed(10_001, reach=reach)
    assert (never["reachable"], never["days_watched"], never["n_reached"]) == (False, 56, reach.n_reached.iloc[-1])
    assert math.isnan(never["days"])


REACH = pd.DataFrame({"day": [1, 2], "n_reached": [5, 9]})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sample_size(0.0, sd=1.0), "effect of 0"),
        (lambda: sample_size(math.nan, sd=1.0), "effect: nan"),
        (lambda: sample_size(1e-9, sd=1.0), "so small"),
        (lambda: sample_size(0.95, mean=0.1), "share of 0.1 would be 1.05"),
        (lambda: sample_size(-0.2, mean=0.1), "would be -0.1"),
        (lambda: sample_size(0.1), "sd: give"),
        (lambda: sample_size(0.1, mean=7.0), "mean: 7.0 is not between 0 and 1"),
        (lambda: sample_size(0.1, sd=1.0, relative=True), "mean: None"),
        (lambda: sample_size(0.1, sd=0.0), "sd: 0.0"),
        (lambda: sample_size(0.1, sd=1.0, power=1.0), "power: 1.0"),
        (lambda: sample_size(0.1, sd=1.0, alpha=0), "alpha: 0"),
        (lambda: sample_size(0.1, sd=1.0, share_treated=1.0), "share_treated: 1.0"),
        (lambda: sample_size(0.1, sd=1.0, covariate_correlation=1.0), "covariate_correlation: 1.0"),
        (lambda: sample_size(0.1, sd=1.0, cluster_size=0.5), "cluster_size: 0.5"),
        (lambda: sample_size(0.1, sd=1.0, intraclass_correlation=2), "intraclass_correlation: 2"),
        (lambda: sample_size(0.1, sd=1.0, comparisons=0), "comparisons: 0"),
        (lambda: minimum_detectable_effect(2, sd=1.0), "n: 2"),
        (lambda: minimum_detectable_effect(20, mean=0.95), "wouldn't show any increase"),
        (lambda: minimum_detectable_effect(900, sd=1.0, cluster_size=450), "fewer than three clusters"),
        (lambda: minimum_detectable_effect(900, sd=1.0, power=0.01), "power: 0.01"),
        (lambda: minimum_detectable_effect(math.nan, sd=1.0), "n: nan is not a number of customers"),
        (lambda: minimum_detectable_effect(math.inf, sd=1.0), "n: inf is not a number of customers"),
        (lambda: minimum_detectable_effect("a", sd=1.0), "n: 'a' is not a number of customers"),
        (lambda: sample_size(0.1, sd=1.0, mean=math.nan, relative=True), "mean: nan is not a finite number"),
        (lambda: sample_size(0.1, sd="a"), "sd: 'a' is not a positive number"),
        (lambda: sample_size(0.1, sd=1.0, power="a"), "power: 'a' is not between"),
        (lambda: sample_size(0.1, sd=1.0, power=0.01), r"power: 0.01 is not between alpha \(0.05\) and 1"),
        (lambda: sample_size(0.1, sd=1.0, covariate_correlation="a"), "covariate_correlation: 'a'"),
        (lambda: sample_size(0.1, sd=1.0, cluster_size=math.inf), "cluster_size: inf"),
        (lambda: sample_size(0.1, sd=1.0, intraclass_correlation="a"), "intraclass_correlation: 'a'"),
        (lambda: sample_size(0.1, sd=1.0, comparisons=2.5), "comparisons: 2.5"),
        (lambda: sample_size(0.1, history=3), "history: 3 is no mapping; what `metric_history` returned is allowed"),
        (lambda: minimum_detectable_effect(900, history=[1]), r"history: \[1\] is no mapping"),
        (lambda: sample_size(0.1, history={"sd": "a"}), "sd: 'a' is not a positive number"),
        (
            lambda: sample_size(0.1, history={"sd": 1.0, "cluster_mean_size": 0.5}),
            "cluster_mean_size: 0.5 is not 1 or more",
        ),
        (lambda: days_needed(0, reach=REACH), "n: 0"),
        (lambda: days_needed(math.inf, reach=REACH), "n: inf is not a positive number"),
        (lambda: days_needed(5, reach=REACH.rename(columns={"day": "date"})), "no column 'day'"),
        (lambda: days_needed(5, reach=None), "reach: a DataFrame is needed, not NoneType"),
        (lambda: reach_curve(None, starts_at="2025-03-01", days=2), "activity: a DataFrame or a lazy Ibis table is"),
        (lambda: days_needed(5, reach=REACH[:0]), "empty or falls"),
        (lambda: days_needed(5, reach=REACH.assign(n_reached=[9, 5])), "empty or falls"),
        (lambda: reach_curve(EVENTS, starts_at="2025-03-01", days=0), "days: 0"),
        (lambda: reach_curve(EVENTS[["customer_id"]], starts_at="2025-03-01", days=3), "no column 'occurred_at'"),
        (lambda: reach_curve(EVENTS, starts_at="soon", days=3), "starts_at: 'soon' is no time"),
        (
            lambda: reach_curve(EVENTS.assign(occurred_at="soon"), starts_at="2025-03-01", days=3),
            "occurred_at: the column holds values that are no times",
        ),
        (lambda: metric_history(past(), metric="revenue"), "no column 'revenue'"),
        (lambda: metric_history(past().assign(y=1.0), metric="y"), "same value"),
        (lambda: metric_history(past().assign(one=1), metric="y", cluster="one"), "1 clusters"),
    ],
)
def test_bad_input_is_named(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_numpys_numbers_are_numbers() -> None:
    plan = sample_size(np.float64(0.1), sd=np.float64(1.0), comparisons=np.int64(3), alpha=np.float64(0.05))
    assert plan == sample_size(0.1, sd=1.0, comparisons=3)
    assert minimum_detectable_effect(np.int64(128), sd=1.0) == minimum_detectable_effect(128, sd=1.0)
