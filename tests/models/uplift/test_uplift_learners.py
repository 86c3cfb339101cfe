"""Learners: known effects are found, settings are scikit-learn's, arms and propensities are read right."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator
from threadpoolctl import threadpool_info, threadpool_limits

from helpers.models.uplift import (
    ConstantEffect,
    DRLearner,
    RLearner,
    SLearner,
    TLearner,
    XLearner,
    defaults,
    overlap,
    require_measured_before,
)
from helpers.models.uplift.arms import read_arms

LEARNERS = {
    "s": SLearner(),
    "t": TLearner(),
    "x": XLearner(),
    "r": RLearner(),
    "dr": DRLearner(),
    "constant": ConstantEffect(),
}
ADAPTIVE = [name for name in LEARNERS if name != "constant"]


def campaign(n=8000, *, seed=0, share=0.5, confounded=False):
    """Return covariates, arm, an amount, its true effect 1 + 2·[x0 > 0], and each customer's propensity."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 4))
    chance = np.full(n, share)
    if confounded:
        chance = 1 / (1 + np.exp(-1.5 * X[:, 1]))
    treatment = (random.random(n) < chance).astype(int)
    effect = 1 + 2 * (X[:, 0] > 0)
    y = 2 * X[:, 1] + treatment * effect + random.normal(size=n)
    return X, treatment, y, effect, chance


def pehe(learner, X, effect):
    return float(np.sqrt(np.mean((learner.predict(X) - effect) ** 2)))


@pytest.mark.parametrize("name", ADAPTIVE)
def test_finds_a_known_effect(name):
    """A step of standard deviation 1, as strong as the noise: the order is found, the size shrunk to half at the most.

    The defaults are tuned to effects far below the noise, as campaigns have them; here they shrink too much.
    """
    X, treatment, y, _, _ = campaign()
    X_new, _, _, effect, _ = campaign(seed=1)
    learner = clone(LEARNERS[name]).fit(X, y, treatment)
    assert np.corrcoef(learner.predict(X_new), effect)[0, 1] > 0.95
    assert pehe(learner, X_new, effect) < 0.6


@pytest.mark.parametrize("learner", [XLearner(), RLearner(), DRLearner()])
def test_a_rougher_effect_model_finds_the_size_of_a_strong_effect(learner):
    """A third of the standard deviation is left at most, with 8,000 customers."""
    X, treatment, y, _, _ = campaign()
    X_new, _, _, effect, _ = campaign(seed=1)
    learner = clone(learner).set_params(effect_model=defaults.rough_effect_model(8000)).fit(X, y, treatment)
    assert pehe(learner, X_new, effect) < 0.33
    by_word = clone(learner).set_params(effect_model="rough").fit(X, y, treatment)
    # An X-learner's effect models see one arm each, so the word means a smaller model there.
    assert pehe(by_word, X_new, effect) < 0.33
    if not isinstance(learner, XLearner):
        np.testing.assert_array_equal(by_word.predict(X_new), learner.predict(X_new))


@pytest.mark.parametrize("name", ADAPTIVE)
def test_finds_the_effect_on_a_share(name):
    """Base .2, effect .3 for half of the customers: means of the halves within 4 standard errors (.025)."""
    random = np.random.default_rng(3)
    X, treatment = random.normal(size=(6000, 3)), random.integers(0, 2, 6000)
    y = (random.random(6000) < 0.2 + 0.3 * treatment * (X[:, 0] > 0)).astype(int)
    learner = clone(LEARNERS[name]).fit(X, y, treatment)
    predicted = learner.predict(X)
    assert predicted[X[:, 0] > 0].mean() == pytest.approx(0.3, abs=0.1)
    assert predicted[X[:, 0] < 0].mean() == pytest.approx(0.0, abs=0.1)


def test_constant_effect_is_the_difference_of_means():
    X, treatment, y, _, _ = campaign(500)
    learner = ConstantEffect().fit(X, y, treatment)
    assert np.unique(learner.predict(X)) == pytest.approx([y[treatment == 1].mean() - y[treatment == 0].mean()])


@pytest.mark.parametrize("name", ["x", "r", "dr"])
def test_estimated_propensity_removes_confounding(name):
    """x1 drives treatment and outcome: the naive difference is off by 2; shrunk outcome models leave a tenth of it."""
    X, treatment, y, effect, _ = campaign(confounded=True, n=6000)
    naive = y[treatment == 1].mean() - y[treatment == 0].mean()
    assert abs(naive - effect.mean()) > 1
    learner = clone(LEARNERS[name]).set_params(propensity_model=LogisticRegression()).fit(X, y, treatment)
    assert learner.predict(X).mean() == pytest.approx(effect.mean(), abs=0.25)
    assert learner.propensity_.shape == (6000, 2)
    table = overlap(learner.propensity_, treatment)
    assert table[["n_in_arm", "n_control"]].sum().tolist() == [treatment.sum(), (1 - treatment).sum()]


@pytest.mark.parametrize("name", ["r", "dr"])
def test_known_propensity_by_customer(name):
    X, treatment, y, effect, chance = campaign(confounded=True, n=6000)
    chance = np.clip(chance, 0.02, 0.98)
    learner = clone(LEARNERS[name]).fit(X, y, treatment, propensity=chance)
    assert learner.predict(X).mean() == pytest.approx(effect.mean(), abs=0.2)


def test_estimated_propensities_are_clipped_and_counted():
    X, treatment, y, _, _ = campaign(confounded=True, n=2000)
    model = LogisticRegression()
    learner = DRLearner(propensity_model=model, propensity_bounds=(0.2, 0.8)).fit(X, y, treatment)
    assert learner.propensity_.min() == pytest.approx(0.2)
    assert learner.propensity_.max() == pytest.approx(0.8)
    assert 100 < learner.n_clipped_ < 1900
    assert DRLearner(propensity_model=model).fit(X, y, treatment, propensity=0.5).n_clipped_ == 0


@pytest.mark.parametrize("name", LEARNERS)
def test_an_unequal_split_biases_no_learner(name):
    X, treatment, y, effect, _ = campaign(6000, share=0.15)
    learner = clone(LEARNERS[name]).fit(X, y, treatment, propensity=0.15)
    assert learner.predict(X).mean() == pytest.approx(effect.mean(), abs=0.15)


@pytest.mark.parametrize("name", LEARNERS)
def test_more_arms_give_a_column_each(name):
    X, _, _, _, _ = campaign(3000)
    random = np.random.default_rng(4)
    arm = random.choice(["b_call", "a_mail", "z_none"], 3000, p=[0.3, 0.3, 0.4])
    y = X[:, 1] + 3 * (arm == "b_call") - 2 * (arm == "a_mail") + random.normal(size=3000)
    learner = clone(LEARNERS[name]).fit(X, y, arm, control="z_none")
    assert learner.arms_.tolist() == ["a_mail", "b_call"]
    predicted = learner.predict(X[:50])
    assert predicted.shape == (50, 2)
    assert predicted.mean(axis=0) == pytest.approx([-2, 3], abs=0.4)
    by_name = clone(LEARNERS[name]).fit(
        X, y, arm, control="z_none", propensity={"a_mail": 0.3, "b_call": 0.3, "z_none": 0.4}
    )
    assert by_name.predict(X[:50]).shape == (50, 2)


@pytest.mark.parametrize("name", ["s", "t", "x", "r", "dr"])
def test_takes_classifiers_frames_and_pipelines(name):
    random = np.random.default_rng(5)
    X = pd.DataFrame(random.normal(size=(1500, 2)), columns=["aum", "tenure"], index=np.arange(1500) * 2)
    treatment = pd.Series(random.integers(0, 2, 1500), index=X.index[::-1])
    y = pd.Series((random.random(1500) < 0.3 + 0.3 * treatment.to_numpy()).astype(int), index=X.index)
    before = X.copy()
    model = make_pipeline(StandardScaler(), LogisticRegression())
    learner = clone(LEARNERS[name]).set_params(outcome_model=model).fit(X, y, treatment)
    assert learner.predict(X).mean() == pytest.approx(0.3, abs=0.1)
    pd.testing.assert_frame_equal(X, before)
    piped = make_pipeline(StandardScaler(), clone(LEARNERS[name]))
    step = piped.steps[-1][0]
    assert piped.fit(X, y, **{f"{step}__treatment": treatment}).predict(X).shape == (1500,)


@pytest.mark.parametrize("name", LEARNERS)
def test_same_seed_same_prediction_and_settings_survive(name):
    X, treatment, y, _, _ = campaign(600)
    learner = clone(LEARNERS[name])
    before = learner.get_params()
    first = learner.fit(X, y, treatment).predict(X)
    assert np.array_equal(first, clone(learner).fit(X, y, treatment).predict(X))
    assert learner.get_params() == before


def test_s_and_t_tell_the_outcomes_under_each_arm():
    X, treatment, y, _, _ = campaign(2000)
    for learner in (SLearner(), TLearner()):
        outcomes = learner.fit(X, y, treatment).outcomes(X)
        assert outcomes.shape == (2000, 2)
        assert outcomes[:, 1] - outcomes[:, 0] == pytest.approx(learner.predict(X))


class EverySecond:
    """Treats every second row, so that scikit-learn's checks can call ``fit(X, y)``."""

    min_arm_size = 1

    def fit(self, X, y=None):
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        size = X.shape[0] if hasattr(X, "shape") and len(X.shape) else len(X)
        return super().fit(X, y, np.arange(size) % 2)


class CheckedS(EverySecond, SLearner):
    pass


class CheckedT(EverySecond, TLearner):
    pass


class CheckedX(EverySecond, XLearner):
    pass


class CheckedR(EverySecond, RLearner):
    pass


class CheckedDR(EverySecond, DRLearner):
    pass


class CheckedConstant(EverySecond, ConstantEffect):
    pass


@pytest.mark.parametrize("model", [LinearRegression(), HistGradientBoostingRegressor(max_iter=2)])
@pytest.mark.parametrize("checked", [CheckedS, CheckedT, CheckedX, CheckedR, CheckedDR, CheckedConstant])
def test_scikit_learn_checks(checked, model):
    """All checks that apply to an estimator with a numeric target; each learner as it is but for the arm."""
    settings = {name: model for name in ("outcome_model", "effect_model") if name in checked().get_params()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(checked(**settings), on_fail=None)
    failed = [(one["check_name"], str(one["exception"])[:200]) for one in results if one["status"] == "failed"]
    assert failed == []
    assert sum(one["status"] == "passed" for one in results) > 25


X10 = np.zeros((40, 1)) + np.arange(40)[:, None]
Y10 = np.arange(40) % 3


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treatment": np.zeros(40)}, "treatment has one arm only"),
        ({"treatment": np.r_[np.ones(4), np.zeros(36)]}, "arm 1.0 has 4 customers; at least 10 are needed in each arm"),
        ({"treatment": np.where(np.arange(40) % 2, "mail", "none")}, "control=0 is not among the arms"),
        ({"treatment": np.linspace(0, 1, 40)}, "at least 10 are needed in each arm"),
        ({"propensity": 1.0}, "propensity is 1 for 40 of 40 customers; it must lie strictly between 0 and 1"),
        ({"propensity": np.r_[0.0, np.full(39, 0.5)]}, "propensity is 0 for 1 of 40 customers"),
        ({"propensity": [0.5, 0.5, 0.5]}, r"propensity has shape \(3,\)"),
        ({"propensity": {0: 0.7, 1: 0.7}}, "propensity of the arms sums to 1.4"),
        ({"propensity": {5: 0.7}}, "propensity names the arms"),
        ({"y": np.where(np.arange(40) == 3, np.nan, 1.0)}, "y is NaN or infinite for 1 of 40 customers"),
        ({"y": np.ones(40)}, "y is 1 for all 40 customers; a constant outcome shows no effect"),
        ({"y": np.ones(39)}, "y has 39 values, X 40 rows"),
        ({"X": pd.Series(range(40))}, r"X has shape \(40,\); a table with one column a covariate"),
        ({"treatment": ["none", "mail", np.nan, "none"] * 10, "control": "none"}, "treatment is missing for 10 of 40"),
        ({"treatment": ["none", 1] * 20, "control": "none"}, "treatment mixes texts and numbers"),
    ],
)
def test_bad_input_is_named(name, change, message):
    given_input = {"X": X10, "y": Y10, "treatment": np.arange(40) % 2} | change
    with pytest.raises(ValueError, match=message):
        clone(LEARNERS[name]).fit(**given_input)


def test_wrong_models_are_named():
    treatment = np.arange(40) % 2
    with pytest.raises(ValueError, match="outcome_model is a classifier"):
        TLearner(HistGradientBoostingClassifier()).fit(X10, Y10, treatment)
    with pytest.raises(ValueError, match="effect_model is LogisticRegression; a regressor is needed, or 'rough'"):
        RLearner(LinearRegression(), LogisticRegression()).fit(X10, Y10, treatment)
    with pytest.raises(ValueError, match="effect_model is 'gentle'; a regressor is needed, or 'rough'"):
        RLearner(LinearRegression(), "gentle").fit(X10, Y10, treatment)
    with pytest.raises(ValueError, match="propensity_model is LinearRegression; a classifier is needed"):
        DRLearner(LinearRegression(), LinearRegression(), propensity_model=LinearRegression()).fit(X10, Y10, treatment)
    varying = {"propensity": np.linspace(0.3, 0.7, 40)}
    with pytest.raises(ValueError, match="effect_model is KNeighborsRegressor, whose fit takes no sample_weight"):
        RLearner(KNeighborsRegressor(), KNeighborsRegressor()).fit(X10, Y10, treatment, **varying)
    with pytest.raises(ValueError, match="propensity_bounds is"):
        DRLearner(propensity_model=LogisticRegression(), propensity_bounds=(0, 1)).fit(X10, Y10, treatment)
    with pytest.raises(ValueError, match="n_folds is 1; it must lie between 2 and"):
        RLearner(n_folds=1).fit(X10, Y10, treatment)
    with pytest.raises(ValueError, match="X has a column 'arm_1'"):
        SLearner().fit(pd.DataFrame(X10, columns=["arm_1"]), Y10, treatment)


def test_covariates_measured_after_exposure_are_named():
    exposed = pd.to_datetime(["2026-03-01", "2026-03-02"])
    require_measured_before({"aum": "2026-02-28", "visits": exposed}, exposed_at=exposed)
    late = {"aum": "2026-02-28", "clicks": pd.to_datetime(["2026-03-01", "2026-03-09"])}
    with pytest.raises(ValueError, match=r"measured after exposure: clicks \(after exposure for 1 of 2\)"):
        require_measured_before(late, exposed_at=exposed)
    with pytest.raises(ValueError, match="has 3 times, exposed_at 2"):
        require_measured_before({"aum": ["2026-01-01"] * 3}, exposed_at=exposed)


@pytest.mark.parametrize(
    ("measured", "exposed", "message"),
    [
        ("2026-02-28T00:00Z", "2026-03-01", r"measured_at\['aum'\] has a time zone, exposed_at has none"),
        ("2026-02-28", "2026-03-01T00:00Z", r"measured_at\['aum'\] has no time zone, exposed_at has one"),
        (["2026-02-28", None], "2026-03-01", r"measured_at\['aum'\] is missing for 1 of 2; every time"),
        ("2026-02-28", [pd.NaT, "2026-03-01"], "exposed_at is missing for 1 of 2; every time must be known"),
        ("last week", "2026-03-01", r"measured_at\['aum'\] holds 'last week'; dates or times such as '2026-03-01'"),
        (["2026-02-28", "28 February"], "2026-03-01", r"measured_at\['aum'\] holds .*; dates or times"),
        ("2026-02-28", "soon", "exposed_at holds 'soon'; dates or times such as"),
    ],
)
def test_times_that_say_nothing_are_named(measured, exposed, message):
    with pytest.raises(ValueError, match=message):
        require_measured_before({"aum": measured}, exposed_at=exposed)


def test_times_are_held_against_each_other_across_zones():
    """Midnight in Shanghai is 16:00 of the day before in UTC."""
    exposed = pd.Series(pd.to_datetime(["2026-03-01"] * 2)).dt.tz_localize("Asia/Shanghai")
    require_measured_before({"aum": "2026-02-28T15:59Z"}, exposed_at=exposed)
    with pytest.raises(ValueError, match=r"aum \(after exposure for 2 of 2\)"):
        require_measured_before({"aum": "2026-02-28T16:01Z"}, exposed_at=exposed)


def test_a_table_whose_columns_have_numbers_is_learnt_from():
    X, treatment, y, _, _ = campaign(200)
    frame = pd.DataFrame(X)
    fitted = SLearner(LinearRegression()).fit(frame, y, treatment)
    same = SLearner(LinearRegression()).fit(X, y, treatment)
    np.testing.assert_allclose(fitted.predict(frame), same.predict(X), rtol=1e-9)
    assert frame.columns.tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"X has shape \(200,\); a table with one column a covariate"):
        fitted.predict(frame[0])


def test_arms_of_a_list_are_read_as_those_of_an_array():
    for labels in (["mail", "none"], [1, 0], [True, False]):
        listed, array = (read_arms(given, n=4, control=labels[1]) for given in (labels * 2, np.array(labels * 2)))
        assert listed.labels.dtype == array.labels.dtype
        assert listed.labels.tolist() == array.labels.tolist()
        assert listed.code.tolist() == array.code.tolist()


class Watcher(LinearRegression):
    """Remembers how many OpenMP threads a fit was given."""

    seen: ClassVar[list[int]] = []

    def fit(self, X, y, sample_weight=None):
        Watcher.seen.append(openmp_threads())
        return super().fit(X, y, sample_weight)


def openmp_threads() -> int:
    return max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp")


def test_small_fits_take_one_thread_and_give_the_others_back(monkeypatch):
    treatment = np.arange(40) % 2
    with threadpool_limits(2, user_api="openmp"):
        monkeypatch.setattr(Watcher, "seen", [])
        TLearner(Watcher()).fit(X10, Y10, treatment).predict(X10)
        assert Watcher.seen == [1, 1]
        assert openmp_threads() == 2
        monkeypatch.setattr("helpers.models.uplift.threads._MANY", 10)
        monkeypatch.setattr(Watcher, "seen", [])
        TLearner(Watcher()).fit(X10, Y10, treatment)
        assert Watcher.seen == [2, 2]
