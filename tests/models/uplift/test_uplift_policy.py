"""Policy value, calibration, profit curve, allocation and response groups against simulated truth and brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from helpers.models.uplift import (
    CalibrationError,
    ConstantEffect,
    RLearner,
    best_policy,
    calibration_by_decile,
    calibration_test,
    policy_curve,
    policy_value,
    require_calibration,
    response_groups,
    uplift_intervals,
)


def campaign(n=20_000, *, seed=42):
    """Return the definitions' data set: effect .04 + .10 x with x uniform on (-1, 1), base rate .10."""
    random = np.random.default_rng(seed)
    x = random.uniform(-1, 1, n)
    treatment = random.binomial(1, 0.5, n)
    y = random.binomial(1, 0.10 + treatment * (0.04 + 0.10 * x))
    return x, treatment, y


def test_policy_value_of_the_definitions():
    """Top 30 % at cost .03: true .12396, IPS .11816, SNIPS .11886; treat-none .10, all to five digits."""
    x, treatment, y = campaign()
    top = (x > np.quantile(x, 0.7)).astype(int)
    common = {"propensity": 0.5, "cost": 0.03}
    ips, snips, dr = (policy_value(y, treatment, top, method=method, **common) for method in ("ips", "snips", "dr"))
    assert ips["estimate"] == pytest.approx(0.11816, abs=5e-6)
    assert snips["estimate"] == pytest.approx(0.11886, abs=5e-6)
    truth = float(np.mean(0.10 + top * (0.04 + 0.10 * x - 0.03)))
    assert truth == pytest.approx(0.12396, abs=5e-6)
    for found in (ips, snips, dr):
        assert found["lower"] < truth < found["upper"]
        assert found["n"] == 20_000
        assert found["share_treated"] == pytest.approx(0.3)


@pytest.mark.parametrize("method", ["ips", "snips", "dr"])
def test_standard_errors_are_those_of_repeated_campaigns(method):
    """300 campaigns of 500: the standard deviation of the estimates is known to 4 %, three of those allowed."""
    found = []
    for seed in range(300):
        x, treatment, y = campaign(500, seed=seed)
        found.append(policy_value(y, treatment, x > 0, propensity=0.5, method=method, cost=0.03))
    spread = np.std([one["estimate"] for one in found])
    assert np.mean([one["se"] for one in found]) == pytest.approx(spread, rel=0.13)
    # True value: .10 + half of the customers at .04 + .05 − .03.
    assert np.mean([one["estimate"] for one in found]) == pytest.approx(0.13, abs=4 * spread / np.sqrt(300))


def test_policy_value_of_an_arm_is_its_mean():
    x, treatment, y = campaign()
    for method in ("snips", "dr"):
        assert policy_value(y, treatment, np.ones(len(y), int), method=method)["estimate"] == pytest.approx(
            y[treatment == 1].mean()
        )
        assert policy_value(y, treatment, np.zeros(len(y), int), method=method)["estimate"] == pytest.approx(
            y[treatment == 0].mean()
        )
    outcomes = np.column_stack([np.full(len(y), 0.1), 0.14 + 0.10 * x])
    plain = policy_value(y, treatment, x > 0.4, propensity=0.5)
    helped = policy_value(y, treatment, x > 0.4, propensity=0.5, outcome_model=outcomes)
    assert helped["se"] < plain["se"]


def test_policy_value_with_three_arms_and_unequal_propensities():
    """Arm means 1, 2, 3 with propensities that depend on the customer; standard error about .04."""
    random = np.random.default_rng(1)
    u = random.random(8000)
    table = np.column_stack([0.2 + 0.3 * u, 0.3 * np.ones(8000), 0.5 - 0.3 * u])
    arm = (random.random(8000)[:, None] > table.cumsum(axis=1)).sum(axis=1)
    y = np.array([1, 2, 3])[arm] + u + random.normal(size=8000)
    policy = np.where(u > 0.5, 2, 1)
    for method in ("ips", "snips", "dr"):
        found = policy_value(y, arm, policy, propensity=table, method=method, cost={1: 0.1, 2: 1.0})
        assert found["estimate"] == pytest.approx(2.5 + 0.5 - 0.55, abs=5 * found["se"])
        assert found["se"] < 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "magic"}, "method is 'magic'; it must be one of dr, ips, snips"),
        ({"policy": [3, 1, 1, 1]}, r"policy gives arm 3; only arms that were tried are allowed: \[0, 1\]"),
        ({"policy": [1, 1]}, r"policy has shape \(2,\)"),
        ({"propensity": 0.0}, "it must lie strictly between 0 and 1"),
        ({"policy": [0, 1, 0, 1], "method": "ips"}, "policy agrees with the arm of none of 4 customers"),
        ({"cost": -1.0}, "cost is -1.0; it must be 0 or more"),
        ({"cost": {7: 1.0}}, r"cost names arms \['7'\]"),
        ({"cost": [1.0, 2.0]}, r"cost has shape \(2,\)"),
        ({"outcome_model": np.zeros((4, 3))}, r"outcome_model has shape \(4, 3\)"),
        ({"y": [1, np.nan, 0, 1]}, "y is NaN or infinite for 1 of 4"),
        ({"treatment": [1, 0, 0, 0]}, "arm 1 has 1 customers; at least 2 are needed in each arm"),
        ({"propensity": "half"}, "propensity holds 'half'; only numbers"),
        ({"propensity": {1: "half", 0: 0.5}}, r"propensity\[1\] holds 'half'; only numbers"),
        (
            {"propensity": {1: [0.5] * 4, 0: 0.5}},
            r"propensity\[1\] has shape \(4,\); a mapping holds one number an arm",
        ),
        ({"cost": "free"}, "cost holds 'free'; only numbers"),
        ({"cost": {1: "free"}}, r"cost\[1\] holds 'free'; only numbers"),
        ({"cost": {1: [1.0, 2.0]}}, r"cost\[1\] has shape \(2,\)"),
        ({"outcome_model": LinearRegression()}, r"outcome_model holds LinearRegression\(\); only numbers"),
        ({"outcome_model": np.full((4, 2), np.nan)}, "outcome_model is NaN or infinite for 4 of 4 customers"),
    ],
)
def test_policy_value_names_bad_input(change, message):
    given_input = {"y": [1, 0, 1, 0], "treatment": [1, 0, 1, 0], "policy": [1, 1, 0, 0], "propensity": 0.5} | change
    with pytest.raises(ValueError, match=message):
        policy_value(**given_input)


def test_calibration_tells_true_from_false_predictions():
    x, treatment, y = campaign()
    truth = 0.04 + 0.10 * x
    table = calibration_by_decile(y, truth, treatment)
    assert table["decile"].tolist() == list(range(1, 11))
    assert table["n"].sum() == 20_000
    assert table["predicted"].is_monotonic_decreasing
    assert ((table["lower"] < table["predicted"]) & (table["predicted"] < table["upper"])).sum() >= 8
    assert require_calibration(table)["passes"]
    for wrong in (3 * truth, truth + 0.2, -truth):
        false = calibration_by_decile(y, wrong, treatment)
        assert not calibration_test(false)["passes"]
        with pytest.raises(CalibrationError, match="fails calibration on 20,000 customers") as caught:
            require_calibration(false)
        assert caught.value.table is false
    assert calibration_test(calibration_by_decile(y, 3 * truth, treatment))["slope"] == pytest.approx(1 / 3, abs=0.1)


def test_calibration_passes_the_truth_in_all_but_one_in_a_hundred_campaigns():
    """Chi-square at p < .01 in 100 campaigns: more than 5 failures have probability .0005."""
    failures = 0
    for seed in range(100):
        x, treatment, y = campaign(2000, seed=seed)
        failures += not calibration_test(calibration_by_decile(y, 0.04 + 0.10 * x, treatment, propensity=0.5))["passes"]
    assert failures <= 5


def test_calibration_keeps_equal_predictions_together():
    _, treatment, y = campaign(1000)
    table = calibration_by_decile(y, np.repeat([0.1, 0.2], 500), treatment)
    assert table["n"].tolist() == [500, 500]
    with pytest.raises(ValueError, match="n_bins is 600"):
        calibration_by_decile(y, np.zeros(1000), treatment, n_bins=600)


def test_policy_curve_holds_the_rules_to_beat():
    """True profit of the best rule: effect > .03 is x > -.1, 55 % treated, mean gain .055 each: 605 of 20,000 at 1."""
    x, treatment, y = campaign()
    curve = policy_curve(0.04 + 0.10 * x, y=y, treatment=treatment, value=100, cost=3, present=x < 0, propensity=0.5)
    by = curve.set_index("policy")
    assert set(by.index) == {"model", "random", "no_one", "everyone", "present", "best"}
    assert by.loc["no_one", ["n_treated", "spend", "profit", "lower", "upper"]].tolist() == [0, 0, 0, 0, 0]
    truth = {"best": 55_000 * 1.1, "everyone": 20_000, "present": 10_000 * (100 * -0.01 - 3)}
    for policy, profit in truth.items():
        assert by.loc[policy, "lower"] < profit < by.loc[policy, "upper"]
    assert by.loc["best", "share_treated"] == pytest.approx(0.55, abs=0.01)
    assert by.loc["best", "spend"] == pytest.approx(3 * by.loc["best", "n_treated"])
    model, chance = by.loc["model"], by.loc["random"]
    assert len(model) == len(chance) == 101
    assert model["profit"].iloc[-1] == pytest.approx(by.loc["everyone", "profit"])
    assert chance["profit"].iloc[50] == pytest.approx(by.loc["everyone", "profit"] / 2)
    assert (curve["n"] == 20_000).all()


def test_policy_curve_interval_is_that_of_repeated_campaigns():
    """200 campaigns: the 95 % interval of the best rule misses its true profit 10 ± 3 times; 20 is beyond chance."""
    missed = 0
    for seed in range(200):
        x, treatment, y = campaign(1500, seed=seed)
        curve = policy_curve(
            0.04 + 0.10 * x, y=y, treatment=treatment, cost=0.03, propensity=0.5, n_points=2, require_calibrated=False
        ).set_index("policy")
        # Given these customers: their own effects, not those of all customers there could be.
        truth = np.maximum(0.01 + 0.10 * x, 0).sum()
        missed += not curve.loc["best", "lower"] < truth < curve.loc["best", "upper"]
    assert missed < 20


def test_policy_curve_keeps_to_the_budget():
    x, treatment, y = campaign(4000)
    curve = policy_curve(0.04 + 0.10 * x, y=y, treatment=treatment, value=100, cost=3, budget=900, capacity=250)
    best = curve[curve["policy"] == "best"].iloc[0]
    assert best["n_treated"] == 250
    assert best["spend"] == 750
    assert (curve["within_budget"] == (curve["spend"] <= 900)).all()


def test_policy_curve_refuses_predictions_that_do_not_hold():
    x, treatment, y = campaign()
    with pytest.raises(CalibrationError, match="fails calibration"):
        policy_curve(0.3 - 0.10 * x, y=y, treatment=treatment, value=100, cost=3)
    shown = policy_curve(0.3 - 0.10 * x, y=y, treatment=treatment, value=100, cost=3, require_calibrated=False)
    assert len(shown) > 200


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": "much"}, "value holds 'much'"),
        ({"cost": -1}, "cost is -1 at the least"),
        ({"budget": -1}, "budget is -1; it must be 0 or more"),
        ({"capacity": -1}, "capacity is -1 for an arm"),
        ({"capacity": {"sms": 5}}, r"capacity names arms \['sms'\]"),
        ({"present": np.full(2000, 7)}, "present gives arm 7; only arms that were tried"),
        ({"alpha": 2}, "alpha is 2; it must lie strictly between 0 and 1"),
    ],
)
def test_policy_curve_judges_its_arguments_before_the_predictions(change, message):
    """The predictions fail calibration: refitting a learner first would be a long way to a misspelt argument."""
    x, treatment, y = campaign(2000)
    with pytest.raises(ValueError, match=message):
        policy_curve(3 - x, y=y, treatment=treatment, **change)


def test_policy_curve_with_arms_of_their_own_cost():
    random = np.random.default_rng(2)
    arm = random.choice(["none", "call", "mail"], 9000)
    x = random.random(9000)
    effects = np.column_stack([0.6 * x, np.full(9000, 0.2)])  # call, mail: sorted
    y = effects[np.arange(9000), (arm == "mail").astype(int)] * (arm != "none") + random.normal(size=9000) * 0.3
    curve = policy_curve(
        effects, y=y, treatment=arm, control="none", value=10, cost={"call": 3, "mail": 1}, capacity={"call": 500}
    )
    assert curve[curve["policy"] == "everyone"]["arm"].tolist() == ["call", "mail"]
    best = curve[curve["policy"] == "best"].iloc[0]
    assert best["spend"] == pytest.approx(500 * 3 + 8500 * 1)
    with pytest.raises(ValueError, match="capacity names arms"):
        policy_curve(effects, y=y, treatment=arm, control="none", cost=1, capacity={"sms": 5})


def _by_hand(net, paid, budget, room):
    """Return the highest profit over all assignments."""
    n, n_arms = net.shape
    best = 0.0
    for choice in itertools.product(range(n_arms + 1), repeat=n):
        place = np.array(choice)
        treated = place > 0
        if paid[treated, place[treated] - 1].sum() > budget + 1e-9:
            continue
        if any((place == arm + 1).sum() > room[arm] for arm in range(n_arms)):
            continue
        best = max(best, net[treated, place[treated] - 1].sum())
    return best


def test_a_share_of_the_customers_as_capacity_loses_none_to_rounding() -> None:
    uplift = np.linspace(1, 2, 100)
    for share in range(1, 100):
        assert (best_policy(uplift, cost=0.0, capacity=share / 100 * 100) != 0).sum() == share
    assert (best_policy(uplift, cost=0.0, capacity=28.9) != 0).sum() == 28


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), n_arms=st.integers(1, 2))
def test_allocation_keeps_limits_and_comes_near_the_best(seed, n_arms):
    """At most one customer a limit is left out against trying all assignments."""
    random = np.random.default_rng(seed)
    uplift = random.normal(0.2, 0.5, (6, n_arms)).round(2)
    paid = random.uniform(0, 0.3, (6, n_arms)).round(2)
    budget, room = float(random.uniform(0, 1)), random.integers(0, 5, n_arms)
    capacity = {arm + 1: int(limit) for arm, limit in enumerate(room)}
    place = best_policy(uplift, cost=paid, budget=budget, capacity=capacity)
    treated = place > 0
    assert paid[treated, place[treated] - 1].sum() <= budget + 1e-9
    assert all((place == arm).sum() <= limit for arm, limit in capacity.items())
    net = uplift - paid
    assert (net[treated, place[treated] - 1] > 0).all()
    got = net[treated, place[treated] - 1].sum()
    assert got >= _by_hand(net, paid, budget, room) - 2 * max(net.max(), 0)


def test_allocation_of_one_cost_is_exact():
    random = np.random.default_rng(0)
    uplift = random.normal(size=5000)
    place = best_policy(uplift, value=10, cost=2, budget=2 * 700)
    assert set(np.flatnonzero(place)) == set(np.argsort(-uplift)[:700])


@pytest.mark.parametrize(
    ("budget", "expected"), [(0.3, [1, 1, 1]), (0.2999999, [1, 1, 0]), (0.2, [1, 1, 0]), (0.0, [0, 0, 0])]
)
def test_no_customer_is_lost_to_the_rounding_of_a_sum(budget, expected):
    """To a computer .1 + .1 + .1 is more than .3; a budget that is short by more than that is kept to."""
    assert best_policy([0.3, 0.2, 0.1], value=100, cost=0.1, budget=budget).tolist() == expected


@pytest.mark.parametrize("size", [14, 41, 209, 398])
def test_a_budget_for_so_many_is_enough_for_so_many(size):
    """Sizes at which the sum of the costs is a little more than the budget to a computer."""
    uplift = np.random.default_rng(0).random(400) + 0.1
    assert np.cumsum(np.full(400, 0.1))[size - 1] != size / 10
    assert best_policy(uplift, value=100, cost=0.1, budget=size / 10).sum() == size


def test_allocation_of_very_many_customers_uses_the_budget():
    """Above 20,000 customers prices come from a sample: within half a percent of the upper bound from the prices."""
    random = np.random.default_rng(0)
    uplift = random.normal(0.1, 0.3, (60_000, 2))
    paid = random.uniform(0.05, 0.2, (60_000, 2))
    place = best_policy(uplift, cost=paid, budget=1500, capacity={1: 4000})
    treated = place > 0
    spent = paid[treated, place[treated] - 1].sum()
    assert 0.995 * 1500 < spent <= 1500
    assert (place == 1).sum() <= 4000
    net = uplift - paid
    got = net[treated, place[treated] - 1].sum()
    # Any prices give an upper bound (weak duality); the grid finds nearly the lowest.
    bound = min(
        np.maximum((net - price * paid - [room_price, 0]).max(axis=1), 0).sum() + price * 1500 + room_price * 4000
        for price in np.linspace(1, 5, 17)
        for room_price in np.linspace(0, 0.6, 9)
    )
    assert 0.98 * bound < got <= bound


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"budget": -1}, "budget is -1; it must be 0 or more"),
        ({"capacity": -1}, "capacity is -1 for an arm"),
        ({"capacity": {"x": 3}}, r"capacity names arms \['x'\]"),
        ({"cost": -2}, "cost is -2 at the least"),
        ({"cost": {"x": 1}}, "cost names the arms"),
        ({"value": np.nan}, "value has shape"),
        ({"arms": ["a", "b"]}, "arms names 2 arms, uplift has 1 columns"),
        ({"arms": [0]}, "control=0 is also among arms"),
        ({"budget": "a"}, "budget is 'a'; it must be 0 or more"),
        ({"capacity": [1, 2]}, r"capacity is \[1, 2\]; a number or a mapping by arm is needed"),
        ({"capacity": {1: "few"}}, "capacity is 'few'; a number"),
        ({"cost": "free"}, "cost holds 'free'; only numbers"),
        ({"cost": {1: [1, 2, 3]}}, r"cost\[1\] has shape \(3,\)"),
        ({"value": "much"}, "value holds 'much'; only numbers"),
    ],
)
def test_allocation_names_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        best_policy([0.1, 0.2], **change)


def test_response_groups_count_and_doubt():
    x, treatment, y = campaign()
    uplift = 0.04 + 0.10 * x
    groups = response_groups(
        uplift,
        baseline=np.where(np.arange(20_000) % 2, 0.2, 0.05),
        lower=uplift - 0.05,
        upper=uplift + 0.05,
        min_effect=0.01,
        sure_from=0.1,
        y=y,
        treatment=treatment,
    ).set_index("response_group")
    assert groups["n"].sum() == 20_000
    assert groups["share"].sum() == pytest.approx(1)
    # Persuadable: x > -.3; beyond doubt: x > .2. Do not disturb: x < -.5; beyond doubt: none above x = -1.
    assert groups.loc["persuadable", "n"] == (uplift > 0.01).sum()
    assert groups.loc["persuadable", "n_beyond_doubt"] == (uplift - 0.05 > 0.01).sum()
    assert groups.loc["do_not_disturb", "n"] == (uplift < -0.01).sum()
    assert groups.loc["do_not_disturb", "n_beyond_doubt"] == (uplift + 0.05 < -0.01).sum()
    assert groups.loc[["sure_thing", "lost_cause"], "n_beyond_doubt"].tolist() == [0, 0]
    assert groups.loc["persuadable", "lower"] < 0.075 < groups.loc["persuadable", "upper"]
    assert groups.loc["sure_thing", "baseline"] == pytest.approx(0.2)


def test_response_groups_beyond_doubt_between_the_lines():
    groups = response_groups([0.0, 0.0], baseline=[0.9, 0.1], lower=[-0.01, -0.5], upper=[0.01, 0.5], min_effect=0.1)
    assert groups["n_beyond_doubt"].tolist() == [0, 1, 0, 0]
    assert np.isnan(groups["share_beyond_doubt"].iloc[0])
    with pytest.raises(ValueError, match="lower is above upper"):
        response_groups([0.1], baseline=[0], lower=[0.3], upper=[0.2])
    with pytest.raises(ValueError, match="baseline has 2 values, uplift 1"):
        response_groups([0.1], baseline=[0, 1], lower=[0], upper=[0.2])
    with pytest.raises(ValueError, match=r"uplift 0.5 is outside its interval 0.6 to 0.7, as for 1 of 1 customers"):
        response_groups([0.5], baseline=[0.1], lower=[0.6], upper=[0.7])
    for bad in (np.nan, "much"):
        with pytest.raises(ValueError, match=r"min_effect is (nan|'much'); it must be a number, 0 or more"):
            response_groups([0.1], baseline=[0], lower=[0], upper=[0.2], min_effect=bad)
        with pytest.raises(ValueError, match=r"sure_from is (nan|'much'); it must be a finite number"):
            response_groups([0.1], baseline=[0], lower=[0], upper=[0.2], sure_from=bad)
    with pytest.raises(ValueError, match="min_effect is -1"):
        response_groups([0.1], baseline=[0], lower=[0], upper=[0.2], min_effect=-1)
    with pytest.raises(ValueError, match="y and treatment go together"):
        response_groups([0.1], baseline=[0], lower=[0], upper=[0.2], y=[1])


def test_half_sample_standard_errors_are_those_of_the_mean():
    """For the constant effect the standard error is known; 40 splits give it to about 16 %, allowed 40 %."""
    random = np.random.default_rng(0)
    treatment = np.arange(2000) % 2
    y = treatment + random.normal(size=2000)
    constant = {"learner": ConstantEffect(), "spread_learner": ConstantEffect()}
    found = uplift_intervals(
        X=np.zeros((2000, 1)), y=y, treatment=treatment, X_new=np.zeros((3, 1)), n_splits=40, **constant
    )
    known = np.sqrt(y[treatment == 1].var() / 1000 + y[treatment == 0].var() / 1000)
    assert found["se"].to_numpy() == pytest.approx(np.full(3, known), rel=0.4)
    assert (found["lower"] < found["uplift"]).all()
    with pytest.raises(ValueError, match="n_splits is 1"):
        uplift_intervals(ConstantEffect(), np.zeros((2000, 1)), y, treatment, X_new=np.zeros((3, 1)), n_splits=1)


def test_intervals_hold_the_true_effect_of_most_customers():
    """A strong effect that the default shrinks a lot: 95 % intended, 90 % demanded."""
    random = np.random.default_rng(0)
    X, treatment = random.normal(size=(4000, 5)), np.arange(4000) % 2
    effect = np.sin(2 * X[:, 0]) + 0.5 * (X[:, 1] > 0)
    y = X[:, 2] + treatment * effect + 2 * random.normal(size=4000)
    width = {}
    for n in (1000, 4000):
        found = uplift_intervals(RLearner(), X[:n], y[:n], treatment[:n], X_new=X[:500], n_splits=5)
        covered = (found["lower"] <= effect[:500]) & (effect[:500] <= found["upper"])
        assert covered.mean() > 0.9
        width[n] = found["se"].mean()
    assert width[4000] < width[1000]
    steady = uplift_intervals(RLearner(), X, y, treatment, X_new=X[:500], n_splits=5, spread_learner=RLearner())
    # The reason for the rough model: the learner's own spread promises too much.
    assert ((steady["lower"] <= effect[:500]) & (effect[:500] <= steady["upper"])).mean() < 0.8


def test_tables_stay_the_callers():
    x, treatment, y = campaign(500)
    frame = pd.DataFrame({"x": x, "t": treatment, "y": y, "u": 0.04 + 0.1 * x})
    before = frame.copy()
    calibration_by_decile(frame["y"], frame["u"], frame["t"])
    policy_curve(frame["u"], y=frame["y"], treatment=frame["t"], require_calibrated=False)
    pd.testing.assert_frame_equal(frame, before)


def test_the_curve_of_tied_predictions_does_not_depend_on_the_order_of_rows() -> None:
    """Where all are tied it is the straight line of treating at random; where half are, only that half is."""
    random = np.random.default_rng(5)
    n = 400
    treatment, y = random.integers(0, 2, n), random.normal(size=n)
    curves = {}
    for name, scores in (("all tied", np.ones(n)), ("halves", np.repeat([2.0, 1.0], n // 2))):
        for shuffled in (False, True):
            at = random.permutation(n) if shuffled else np.arange(n)
            table = policy_curve(scores[at], y=y[at], treatment=treatment[at], propensity=0.5, require_calibrated=False)
            curves[name, shuffled] = table[table["policy"] == "model"].drop(columns="arm").reset_index(drop=True)
    for name in ("all tied", "halves"):
        pd.testing.assert_frame_equal(curves[name, False], curves[name, True], rtol=1e-9)
    line = curves["all tied", False]
    np.testing.assert_allclose(line["profit"], line["share_treated"] * line["profit"].iloc[-1], atol=1e-9)


def test_one_customer_an_arm_gives_no_false_certainty():
    random = np.random.default_rng(0)
    y, treatment = random.normal(size=400), np.r_[1, np.zeros(399, int)]
    with pytest.raises(ValueError, match="arm 1 has 1 customers; at least 2 are needed in each arm"):
        policy_value(y, treatment, np.ones(400))
    with pytest.raises(ValueError, match="arm 1 has 1 customers; at least 10 are needed in each arm"):
        policy_curve(np.full(400, 0.5), y=y, treatment=treatment, require_calibrated=False)
    with pytest.raises(ValueError, match="arm 1 has 1 customers; at least 2 are needed in each arm"):
        calibration_by_decile(y, np.full(400, 0.5), treatment)


def test_a_table_of_propensities_is_read_by_name():
    """By hand: the two agree with the policy, weights 1/.9, outcome 1: 2 / .9 / 4 = .556."""
    table = pd.DataFrame({"a": [0.9] * 4, "b": [0.1] * 4})
    common = {"control": "b", "method": "ips"}
    found = policy_value([1, 0, 1, 0], list("abab"), list("aaaa"), propensity=table, **common)
    assert found["estimate"] == pytest.approx(2 / 0.9 / 4)
    assert found == policy_value([1, 0, 1, 0], list("abab"), list("aaaa"), propensity={"a": 0.9, "b": 0.1}, **common)
    by_place = policy_value([1, 0, 1, 0], list("abab"), list("aaaa"), propensity=table.to_numpy()[:, ::-1], **common)
    assert found == by_place
    flags = pd.DataFrame({True: [0.9] * 4, False: [0.1] * 4})
    truth = np.array([True, False, True, False])
    assert policy_value([1, 0, 1, 0], truth, truth | True, propensity=flags, method="ips")["estimate"] == pytest.approx(
        2 / 0.9 / 4
    )


def test_one_number_is_no_propensity_of_three_arms():
    with pytest.raises(ValueError, match=r"3 arms it must be a mapping by arm or \(6, 3\) with the control first"):
        policy_value(np.arange(6.0), [0, 1, 2] * 2, [0] * 6, propensity=0.3)


def test_the_best_choice_of_tied_predictions_is_what_the_lot_earns():
    """All tied, a quarter affordable: a quarter of what everyone earns, whoever stands first in the table."""
    random = np.random.default_rng(5)
    n = 400
    treatment, y = np.tile([0, 1], n // 2), random.normal(size=n) + 1
    lines = []
    for at in (np.arange(n), np.argsort(y), random.permutation(n)):
        curve = policy_curve(
            np.ones(n), y=y[at], treatment=treatment[at], cost=0.5, budget=50, propensity=0.5, require_calibrated=False
        ).set_index("policy")
        lines.append(curve.loc["best", ["n_treated", "spend", "profit", "lower", "upper"]].astype(float))
        assert lines[-1]["profit"] == pytest.approx(curve.loc["everyone", "profit"] / 4)
        model = curve.loc["model"].set_index("n_treated").loc[100, ["profit", "lower", "upper"]].astype(float)
        np.testing.assert_allclose(lines[-1][["profit", "lower", "upper"]], model, rtol=1e-9)
    assert lines[0][["n_treated", "spend"]].tolist() == [100, 50]
    pd.testing.assert_series_equal(lines[0], lines[1], rtol=1e-9)
    pd.testing.assert_series_equal(lines[0], lines[2], rtol=1e-9)


def test_the_best_choice_of_untied_predictions_counts_those_chosen():
    """Two arms with costs of their own: by hand, the sum of the earnings of the customers whom best_policy names."""
    random = np.random.default_rng(6)
    n = 900
    arm, uplift = np.tile([0, 1, 2], n // 3), random.normal(size=(n, 2)).round(3)
    y = random.normal(size=n)
    cost = {1: 0.1, 2: 0.3}
    curve = policy_curve(uplift, y=y, treatment=arm, cost=cost, budget=20, require_calibrated=False)
    place = best_policy(uplift, cost=cost, budget=20)
    means = np.array([y[arm == k].mean() for k in range(3)])
    score = np.tile(means, (n, 1))
    score[np.arange(n), arm] += 3 * (y - means[arm])
    earned = score[np.arange(n), place] - score[:, 0] - np.array([0, 0.1, 0.3])[place]
    assert curve.set_index("policy").loc["best", "profit"] == pytest.approx(earned[place > 0].sum(), rel=1e-9)


def test_outcomes_of_the_policy_curve_must_be_known_and_vary():
    treatment, y = np.tile([0, 1], 50), np.tile([0, 1, 1, 0], 25)
    outcomes = np.full((100, 2), 0.5)
    outcomes[3, 1] = np.nan
    with pytest.raises(ValueError, match="outcomes is NaN or infinite for 1 of 100 customers"):
        policy_curve(np.ones(100), y=y, treatment=treatment, outcomes=outcomes, require_calibrated=False)
    with pytest.raises(ValueError, match="y is 1 for all 100 customers; a constant outcome shows no effect"):
        policy_curve(np.ones(100), y=np.ones(100), treatment=treatment)


def test_calibration_observes_nothing_where_an_arm_is_absent():
    table = calibration_by_decile([0, 1] * 10, np.arange(20), [1] * 10 + [0] * 10, n_bins=10)
    assert table[["observed", "se", "lower", "upper"]].isna().all(axis=None)
    with pytest.raises(ValueError, match="table has no group with a standard error"):
        calibration_test(table)
    part = calibration_by_decile([0, 1] * 10, np.arange(20), [1] * 10 + [0, 1, 1, 0] + [0] * 6, n_bins=5)
    # Groups of four from the highest: only those of places 12–15 and 8–11 hold both arms.
    assert part["observed"].notna().tolist() == [False, True, True, False, False]
    assert (part["observed"].isna() == part["se"].isna()).all()


def test_labels_of_a_policy_stay_as_they_were_given():
    assert best_policy([0.1, -0.2], arms=["mail"]).tolist() == ["mail", 0]
    assert best_policy([0.1, -0.2], arms=["mail"], control="none").tolist() == ["mail", "none"]
    assert best_policy([0.1, -0.2]).dtype.kind == "i"


def test_intervals_read_propensities_as_fit_does():
    """The shares of a lot of one half: a mapping, a table and a number are the same."""
    random = np.random.default_rng(0)
    treatment = np.arange(200) % 2
    X, y = np.zeros((200, 1)), treatment + random.normal(size=200)
    fixed = {"learner": ConstantEffect(), "spread_learner": ConstantEffect(), "X_new": X[:1], "n_splits": 3}
    tables = [
        uplift_intervals(X=X, y=y, treatment=treatment, propensity=propensity, **fixed)
        for propensity in (0.4, {0: 0.6, 1: 0.4}, np.tile([0.6, 0.4], (200, 1)), np.full(200, 0.4))
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], table, rtol=1e-12)


def test_intervals_count_the_customers_that_were_given():
    fixed = {"learner": ConstantEffect(), "spread_learner": ConstantEffect(), "X_new": np.zeros((1, 1)), "n_splits": 3}
    with pytest.raises(ValueError, match="arm 1 has 12 customers; at least 20 are needed in each arm, so that either"):
        uplift_intervals(X=np.zeros((112, 1)), y=np.arange(112) % 3, treatment=np.r_[[1] * 12, [0] * 100], **fixed)
    # One customer in 400 acts: in every split one half is constant, which shows no effect and stops nothing.
    y, treatment = np.arange(400) == 3, np.arange(400) % 2
    found = uplift_intervals(X=np.zeros((400, 1)), y=y, treatment=treatment, **fixed)
    assert found["uplift"].iloc[0] == pytest.approx(1 / 200)
    # (a − b)²/4 with a = 1/100 in one half and none in the other.
    assert found["se"].iloc[0] == pytest.approx(0.01 / 2)


@pytest.mark.parametrize("bad", ["ten", 2.5])
def test_counts_are_whole_numbers(bad):
    y, treatment = np.arange(60) % 3, np.arange(60) % 2
    with pytest.raises(ValueError, match=f"n_bins is {bad!r}; it must lie between 1 and half the number"):
        calibration_by_decile(y, y, treatment, n_bins=bad)
    with pytest.raises(ValueError, match=f"n_points is {bad!r}; at least 2 are needed"):
        policy_curve(y, y=y, treatment=treatment, n_points=bad)
    with pytest.raises(ValueError, match=f"n_splits is {bad!r}; at least 2 are needed"):
        uplift_intervals(RLearner(), np.zeros((60, 1)), y, treatment, X_new=np.zeros((1, 1)), n_splits=bad)
    with pytest.raises(ValueError, match=f"n_folds is {bad!r}; it must lie between 2 and"):
        RLearner(n_folds=bad).fit(np.zeros((60, 1)), y, treatment)
