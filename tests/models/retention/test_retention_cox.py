"""Cox regression: published values, lifelines, statsmodels, both ways of counting, bad covariates."""

from __future__ import annotations

import warnings

import ibis
import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from lifelines.datasets import load_rossi
from lifelines.utils import concordance_index
from sklearn.exceptions import NotFittedError
from statsmodels.duration.hazard_regression import PHReg

from helpers.models.retention import (
    ChurnWarning,
    CoxRetention,
    DiscreteHazard,
    ShiftedBetaGeometric,
    concordance,
    left_out,
    survival_curves,
)
from helpers.models.retention.arrays import SpellArrays
from helpers.models.retention.cox.likelihood import maximise
from helpers.models.retention.cox.riskset import ByPattern, ByRow, index_times
from helpers.models.retention.cox.ties import _closed, _direct, tie_sums
from helpers.models.retention.design import Design, find_patterns

# lifelines' own limits stop it 1e-6 to 1e-5 before the maximum.
TO_THE_END = {"precision": 1e-14, "r_precision": 1e-15}
ROSSI = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]


@pytest.fixture(scope="module")
def rossi() -> pd.DataFrame:
    return load_rossi().assign(days_active=lambda t: t["week"], lapsed=lambda t: t["arrest"])


def simulated(n: int = 3000, seed: int = 0, *, late: bool = False) -> pd.DataFrame:
    """Hazard 0.01 · exp(0.5 x − 0.3 flag + 0.4 [tier 2]) a day, watched for 30–200 days."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"x": rng.standard_normal(n).round(2), "flag": rng.random(n) < 0.4, "tier": rng.choice(["1", "2", "3"], n)}
    )
    score = 0.5 * table["x"] - 0.3 * table["flag"] + 0.4 * (table["tier"] == "2")
    lapse = np.floor(rng.exponential(100 / np.exp(score)))
    watched = rng.integers(30, 200, n)
    table["days_active"] = np.minimum(lapse, watched).astype(int)
    table["lapsed"] = (lapse <= watched).astype(int)
    if late:
        entry = np.where(rng.random(n) < 0.5, 0, rng.integers(0, 80, n))
        table["entry_day"] = entry
        table = table[(entry == 0) | (entry < table["days_active"])].reset_index(drop=True)
    return table


def test_rossi_is_the_published_table(rossi: pd.DataFrame) -> None:
    """Fox and Weisberg's appendix on Cox regression (R's coxph)."""
    model = CoxRetention().fit(rossi, ROSSI)
    published = {"fin": -0.3794, "age": -0.0574, "prio": 0.0915}
    for name, value in published.items():
        assert model.summary_.loc[name, "coef"] == pytest.approx(value, abs=5e-5)
    assert model.log_likelihood_ == pytest.approx(-658.748, abs=5e-4)
    assert (model.n_, model.n_lapsed_) == (432, 114)


def test_rossi_equals_statsmodels_and_lifelines(rossi: pd.DataFrame) -> None:
    model = CoxRetention().fit(rossi, ROSSI)
    exact = PHReg(rossi["week"], rossi[ROSSI].astype(float), status=rossi["arrest"], ties="efron").fit()
    np.testing.assert_allclose(model.summary_["coef"], exact.params, rtol=0, atol=1e-9)
    np.testing.assert_allclose(model.summary_["se"], exact.bse, rtol=0, atol=1e-9)
    assert model.log_likelihood_ == pytest.approx(exact.llf, abs=1e-9)
    # lifelines stops when its log-likelihood no longer moves: good for about 1e-8 here.
    theirs = CoxPHFitter().fit(rossi[[*ROSSI, "week", "arrest"]], "week", "arrest")
    np.testing.assert_allclose(model.summary_["coef"], theirs.params_, atol=1e-7)
    np.testing.assert_allclose(model.summary_["se"], theirs.standard_errors_, atol=1e-7)
    assert model.log_likelihood_ == pytest.approx(theirs.log_likelihood_, abs=1e-7)
    assert model.log_likelihood_null_ == pytest.approx(theirs._ll_null_, abs=1e-9)
    assert model.concordance_ == pytest.approx(theirs.concordance_index_, abs=1e-12)
    bounds = np.exp(theirs.confidence_intervals_.to_numpy())
    np.testing.assert_allclose(model.summary_[["lower", "upper"]], bounds, rtol=1e-6)


def test_breslow_equals_statsmodels(rossi: pd.DataFrame) -> None:
    exact = PHReg(rossi["week"], rossi[ROSSI].astype(float), status=rossi["arrest"], ties="breslow").fit()
    model = CoxRetention(ties="breslow").fit(rossi, ROSSI)
    np.testing.assert_allclose(model.summary_["coef"], exact.params, atol=1e-9)
    assert model.log_likelihood_ == pytest.approx(exact.llf, abs=1e-9)


def test_late_entry_and_penalty_equal_lifelines(rossi: pd.DataFrame) -> None:
    late = rossi.assign(entry_day=np.minimum(np.arange(len(rossi)) % 20, rossi["week"] - 1))
    theirs = CoxPHFitter().fit(late[[*ROSSI, "week", "arrest", "entry_day"]], "week", "arrest", entry_col="entry_day")
    model = CoxRetention().fit(late, ROSSI)
    np.testing.assert_allclose(model.summary_["coef"], theirs.params_, atol=1e-7)
    assert model.log_likelihood_ == pytest.approx(theirs.log_likelihood_, abs=1e-7)
    ridge = CoxPHFitter(penalizer=0.1).fit(rossi[[*ROSSI, "week", "arrest"]], "week", "arrest", fit_options=TO_THE_END)
    own = CoxRetention(penalizer=0.1).fit(rossi, ROSSI)
    np.testing.assert_allclose(own.summary_["coef"], ridge.params_, atol=1e-7)
    np.testing.assert_allclose(own.summary_["se"], ridge.standard_errors_, atol=1e-7)


def test_weights_equal_lifelines_and_scale_the_variance(rossi: pd.DataFrame) -> None:
    weighted = rossi.assign(weight=1 + np.arange(len(rossi)) % 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = CoxPHFitter().fit(
            weighted[[*ROSSI, "week", "arrest", "weight"]],
            "week",
            "arrest",
            weights_col="weight",
            fit_options=TO_THE_END,
        )
    model = CoxRetention().fit(weighted, ROSSI)
    np.testing.assert_allclose(model.summary_["coef"], theirs.params_, atol=1e-7)
    np.testing.assert_allclose(model.summary_["se"], theirs.standard_errors_, atol=1e-7)
    double = CoxRetention().fit(rossi.assign(weight=2.0), ROSSI)
    single = CoxRetention().fit(rossi, ROSSI)
    np.testing.assert_allclose(double.summary_["coef"], single.summary_["coef"], atol=1e-10)
    np.testing.assert_allclose(double.summary_["se"], single.summary_["se"] / np.sqrt(2), atol=1e-10)


@pytest.mark.parametrize("late", [False, True])
def test_patterns_and_rows_give_the_same_fit(late: bool) -> None:
    table = simulated(late=late)
    spell = SpellArrays.read(table, lazy=False)
    design = Design(["flag", "tier"]).fit(table)
    columns = design.read(table)
    times = index_times(spell)
    found = find_patterns(columns, len(table), len(times.days))
    assert found is not None
    assert len(found[1]) == 6
    fits = [
        maximise(sets, times, design.names_, ties="efron", penalty=0.0)
        for sets in (ByPattern(*found, times, None), ByRow(columns, times, None))
    ]
    np.testing.assert_allclose(fits[0][0].beta, fits[1][0].beta, atol=1e-11)
    np.testing.assert_allclose(fits[0][1], fits[1][1], rtol=1e-9)
    assert fits[0][0].value == pytest.approx(fits[1][0].value, rel=1e-12)


def test_a_lazy_table_is_counted_first_and_gives_the_same_fit() -> None:
    table = simulated(late=True)
    ours = CoxRetention().fit(ibis.memtable(table), ["flag", "tier"])
    plain = CoxRetention().fit(table, ["flag", "tier"])
    np.testing.assert_allclose(ours.summary_, plain.summary_, rtol=1e-8)
    assert (ours.n_, ours.n_lapsed_) == (plain.n_, plain.n_lapsed_)
    assert ours.concordance_ == pytest.approx(plain.concordance_, abs=1e-12)


def test_fractional_days_equal_statsmodels() -> None:
    table = simulated(400)
    table["days_active"] = table["days_active"] + np.random.default_rng(1).random(400)
    x = np.column_stack([table["x"], table["flag"]]).astype(float)
    exact = PHReg(table["days_active"], x, status=table["lapsed"], ties="efron").fit()
    model = CoxRetention().fit(table, ["x", "flag"])
    np.testing.assert_allclose(model.summary_["coef"], exact.params, atol=1e-9)


def test_tie_sums_in_closed_form_equal_the_sums() -> None:
    """Digamma differences against adding up, from few ties in a crowd to a day on which nearly all lapse."""
    d = np.array([65.0, 100, 700, 900, 1000])
    risk = np.array([2e5, 1e5, 4e5, 1000, 1000.5])
    tied = np.array([70.0, 90, 800, 899, 1000])
    closed, direct = _closed(risk, tied, d), _direct(risk, tied, d)
    for name in ("log", "a", "aa"):
        np.testing.assert_allclose(getattr(closed, name), getattr(direct, name), rtol=1e-9)
    # These are differences of nearly equal numbers in a crowd; what they lose is nothing beside a · risk.
    for name, rtol in (("b", 1e-7), ("ab", 1e-5), ("bb", 1e-4)):
        np.testing.assert_allclose(getattr(closed, name), getattr(direct, name), rtol=rtol)
    # A larger crowd is summed term by term.
    mixed = tie_sums(np.array([5e6, 1000.0]), np.array([70.0, 899]), np.array([65.0, 900]), "efron")
    assert mixed.b[0] == _direct(np.array([5e6]), np.array([70.0]), np.array([65.0])).b[0]


def test_many_ties_a_day_equal_statsmodels() -> None:
    """About 200 lapses a day: the closed form is in use."""
    table = simulated(4000)
    table["days_active"] //= 15
    x = np.column_stack([table["x"], table["flag"]]).astype(float)
    exact = PHReg(table["days_active"] + 1, x, status=table["lapsed"], ties="efron").fit()
    model = CoxRetention().fit(table, ["x", "flag"])
    assert model.baseline_["lapsed"].max() > 64
    np.testing.assert_allclose(model.summary_["coef"], exact.params, atol=1e-9)
    np.testing.assert_allclose(model.summary_["se"], exact.bse, atol=1e-9)
    assert model.log_likelihood_ == pytest.approx(exact.llf, rel=1e-11)


def test_planted_coefficients_are_inside_their_intervals_late_entry_included() -> None:
    """Twenty seeds, late entry and censoring: each planted coefficient inside its 95 % interval in at least 17."""
    planted, inside = np.array([0.5, -0.3]), np.zeros(2)
    ignoring = 0
    for seed in range(20):
        table = simulated(1500, seed, late=True)
        summary = CoxRetention().fit(table, ["x", "flag"]).summary_
        # Without tier in the model the two planted effects shrink by less than a tenth of their error.
        bounds = np.log(summary[["lower", "upper"]].to_numpy())
        inside += (bounds[:, 0] < planted) & (bounds[:, 1] > planted)
        watched = table.assign(lapsed=1)
        wrong = CoxRetention().fit(watched, ["x", "flag"]).summary_
        ignoring += np.log(wrong.loc["x", "lower"]) < 0.5 < np.log(wrong.loc["x", "upper"])
    assert (inside >= 17).all()
    # Taking the end of watching for a lapse misses the truth.
    assert ignoring < 10


def test_baseline_and_prediction_agree_with_the_curve() -> None:
    """A covariate without effect: the prediction at the mean is close to Kaplan–Meier (both use the same counts)."""
    table = simulated(3000)
    table["noise"] = np.random.default_rng(2).standard_normal(len(table))
    model = CoxRetention().fit(table, ["noise"])
    days = [0, 30, 90, 150]
    predicted = model.predict_retained(pd.DataFrame({"noise": [model.means_["noise"]]}), days)
    curve = survival_curves(table, horizon_days=150).set_index("day").loc[days, "retained"]
    # Efron's increments against the product limit differ by Σ d²/2n², here under 2e-4 a day.
    np.testing.assert_allclose(predicted.iloc[0], curve, atol=0.005)
    many = model.predict_retained(table.head(7), days)
    assert many.shape == (7, 4)
    assert (np.diff(many.to_numpy(), axis=1) <= 0).all()
    with pytest.raises(ValueError, match="covariate noise is missing or not finite in 1 row"):
        model.predict_retained(pd.DataFrame({"noise": [0.0, np.nan]}), days)
    with pytest.raises(ValueError, match="days must lie from 0 to"):
        model.predict_retained(table.head(1), [5000])


def test_categories_have_a_reference_and_unknown_levels_are_named() -> None:
    table = simulated()
    model = CoxRetention().fit(table, ["x", "tier"])
    assert list(model.summary_.index) == ["x", "tier[2]", "tier[3]"]
    assert model.references_ == {"tier": "1"}
    low, high = np.log(model.summary_.loc["tier[2]", ["lower", "upper"]].astype(float))
    assert low < 0.4 < high
    with pytest.raises(ValueError, match=r"covariate tier has the value '9'.*known are 1, 2, 3"):
        model.predict_retained(pd.DataFrame({"x": [0.0], "tier": ["9"]}), [10])


def test_concordance_equals_lifelines_with_ties_everywhere() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        n = int(rng.integers(5, 80))
        days, event = rng.integers(0, 12, n), rng.integers(0, 2, n)
        score = rng.integers(0, 6, n).astype(float)
        if event.sum() == 0 or (days[event == 1].min() == days.max() and event.all()):
            continue
        try:
            theirs = concordance_index(days, -score, event)
        except ZeroDivisionError:
            theirs = 0.5
        assert concordance(days, event, score) == pytest.approx(theirs, abs=1e-12)


def test_concordance_with_late_entry_and_weights_equals_a_count_of_pairs() -> None:
    rng = np.random.default_rng(4)
    n = 60
    days, event, score = rng.integers(1, 15, n), rng.integers(0, 2, n), rng.integers(0, 5, n).astype(float)
    entry = np.minimum(rng.integers(0, 8, n), days - 1)
    weight = rng.random(n)
    right = total = 0.0
    for i in range(n):
        for j in range(n):
            later = days[j] > days[i] or (days[j] == days[i] and event[j] == 0)
            there = entry[j] < days[i] or entry[j] == 0
            if i != j and event[i] and later and there:
                total += weight[i] * weight[j]
                right += weight[i] * weight[j] * (0.5 if score[i] == score[j] else float(score[i] > score[j]))
    assert concordance(days, event, score, entry=entry, weight=weight) == pytest.approx(right / total, abs=1e-12)


def test_proportionality_is_the_score_of_a_slope_over_time(rossi: pd.DataFrame) -> None:
    """The same number by brute force: information matrices from per-day risk sets, one covariate."""
    table = rossi.assign(days_active=rossi["week"])
    model = CoxRetention(ties="breslow").fit(table, ["age"])
    result = model.check_proportional_hazards().set_index("covariate")
    beta, x = model.summary_.loc["age", "coef"], table["age"].to_numpy(float)
    hazard = np.exp(beta * x)
    week, event = table["week"].to_numpy(), table["arrest"].to_numpy() == 1
    weeks, d = np.unique(week[event], return_counts=True)
    age = (np.cumsum(d) - d / 2) / d.sum()
    score = plain = mixed = square = 0.0
    for day, count, g in zip(weeks, d, age, strict=True):
        here = week >= day
        mean = np.average(x[here], weights=hazard[here])
        spread = np.average((x[here] - mean) ** 2, weights=hazard[here]) * count
        score += g * (x[event & (week == day)] - mean).sum()
        plain, mixed, square = plain + spread, mixed + g * spread, square + g * g * spread
    assert result.loc["age", "statistic"] == pytest.approx(score**2 / (square - mixed**2 / plain), rel=1e-6)


def test_proportionality_is_told_in_words_and_finds_a_hazard_that_turns() -> None:
    """Planted: the flag triples the hazard in the first 20 days and does nothing later."""
    rng = np.random.default_rng(7)
    n = 6000
    flag = rng.random(n) < 0.5
    early = rng.exponential(np.where(flag, 30, 90), n)
    lapse = np.where(early < 20, early, 20 + rng.exponential(90, n))
    table = pd.DataFrame({"days_active": np.minimum(lapse, 120).astype(int), "lapsed": lapse <= 120, "flag": flag})
    table["steady"] = rng.random(n) < 0.5
    result = CoxRetention().fit(table, ["flag", "steady"]).check_proportional_hazards().set_index("covariate")
    assert not result.loc["flag", "holds"]
    assert result.loc["flag", "slope"] < 0
    assert "falls with age" in result.loc["flag", "en"]
    assert "下降" in result.loc["flag", "zh"]
    assert result.loc["steady", "holds"]
    assert result["en"].str.len().gt(20).all()


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("x", lambda t: 1.0, "covariate x is constant"),
        ("tier", lambda t: "1", "covariate tier is constant"),
        ("x", lambda t: t["x"].mask(t.index < 3), "covariate x is missing or not finite in 3 row"),
        ("tier", lambda t: t["tier"].mask(t.index < 2), "covariate tier is missing or not finite in 2 row"),
        ("x", lambda t: t["flag"] * 2.0 + 1, "covariates x, flag are collinear"),
    ],
)
def test_covariates_that_can_not_be_used_are_named(column: str, values: object, message: str) -> None:
    table = simulated(500)
    table[column] = values(table)  # type: ignore[operator]
    with pytest.raises(ValueError, match=message):
        CoxRetention().fit(table, ["x", "flag", "tier"])


def test_separation_no_lapse_and_wrong_settings_are_told() -> None:
    table = simulated(500)
    with pytest.raises(ValueError, match="covariate sure separates those who lapse"):
        CoxRetention().fit(table.assign(sure=table["lapsed"]), ["sure"])
    finite = CoxRetention(penalizer=0.01).fit(table.assign(sure=table["lapsed"]), ["sure"])
    assert np.isfinite(finite.summary_["coef"]).all()
    with pytest.raises(ValueError, match="nobody lapsed"):
        CoxRetention().fit(table.assign(lapsed=0), ["x"])
    with pytest.raises(ValueError, match="ties must be 'efron' or 'breslow', not 'exact'"):
        CoxRetention(ties="exact").fit(table, ["x"])
    with pytest.raises(ValueError, match="penalizer must be a number from 0 on"):
        CoxRetention(penalizer=-1).fit(table, ["x"])
    with pytest.raises(ValueError, match="penalizer must be a number from 0 on, not 'a'"):
        CoxRetention(penalizer="a").fit(table, ["x"])  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="income"):
        CoxRetention().fit(table, ["income"])
    with pytest.raises(ValueError, match="covariates must be a list"):
        CoxRetention().fit(table, [])
    with pytest.raises(ValueError, match="spells has no row"):
        CoxRetention().fit(table.head(0), ["x"])


def test_a_large_table_starts_warm_and_ends_at_the_same_place() -> None:
    table = simulated(210_000)
    warm = CoxRetention().fit(table, ["x", "flag"])
    spell = SpellArrays.read(table, lazy=False)
    times = index_times(spell)
    design = Design(["x", "flag"]).fit(table)
    sets = ByRow(design.read(table), times, None)
    cold, _, _ = maximise(sets, times, design.names_, ties="efron", penalty=0.0)
    np.testing.assert_allclose(warm.summary_["coef"], cold.beta / sets.spread, atol=1e-9)


def test_customers_without_weight_are_counted_as_left_out_by_frame_and_engine() -> None:
    table = simulated(600).assign(weight=1.0)
    table.loc[::3, "weight"] = 0.0
    there = CoxRetention().fit(table[table["weight"] > 0], ["flag"])
    for spells in (table, ibis.memtable(table)):
        model = CoxRetention().fit(spells, ["flag"])
        assert left_out(model.summary_)[["reason", "n"]].to_numpy().tolist() == [["weight_zero", 200]]
        assert model.n_ == 400
        assert model.summary_.loc["flag", "coef"] == pytest.approx(there.summary_.loc["flag", "coef"], abs=1e-8)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: CoxRetention().predict_retained(pd.DataFrame({"x": [0.0]}), [1]),
        lambda: CoxRetention().predict_retained_interval(pd.DataFrame({"x": [0.0]}), [1]),
        lambda: CoxRetention().check_proportional_hazards(),
        lambda: CoxRetention().baseline_,
        lambda: CoxRetention().concordance_,
        lambda: DiscreteHazard().predict_retained(pd.DataFrame({"x": [0.0]}), [1]),
        lambda: DiscreteHazard().predict_retained_interval(pd.DataFrame({"x": [0.0]}), [1]),
        lambda: ShiftedBetaGeometric().retained([1]),
        lambda: ShiftedBetaGeometric().project(3),
        lambda: ShiftedBetaGeometric().forecast(10, age=0, periods=3),
        lambda: ChurnWarning().better_than_base_rate(30),
        lambda: ChurnWarning().warning_list(),
        lambda: ChurnWarning().findings(),
    ],
)
def test_a_model_that_is_not_fitted_says_so(ask) -> None:
    with pytest.raises(NotFittedError, match=r"this (Cox|Discrete|Shifted|Churn)\w+ is not fitted yet; call fit first"):
        ask()
