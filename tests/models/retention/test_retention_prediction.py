"""Intervals of predicted retention: published hand counts, statsmodels, bootstrap, the curve's limit, coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from lifelines.datasets import load_rossi

from helpers.models.retention import CoxRetention, DiscreteHazard, survival_curves

# Data set 1 of Therneau and Grambsch (2000), appendix E: two lapses on day 6.
BOOK = pd.DataFrame({"days_active": [1, 1, 6, 6, 8, 9], "lapsed": [1, 0, 1, 1, 0, 1], "x": [1, 1, 1, 0, 0, 0]})


def log_log(table: pd.DataFrame) -> pd.Series:
    """Half the width of the 95 % interval on the log(−log) scale, in standard errors."""
    inside = table[(table["retained"] > 0) & (table["retained"] < 1)]
    return (np.log(-np.log(inside["lower"])) - np.log(-np.log(inside["upper"]))) / (2 * 1.959963985)


def simulated(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Hazard 0.01 · exp(0.5 x − 0.4 flag) a day, watched for 30–200 days; ``S(t) = exp(−0.01 t · exp(score))``."""
    table = pd.DataFrame({"x": rng.standard_normal(n), "flag": rng.random(n) < 0.4})
    lapse = rng.exponential(100 / np.exp(0.5 * table["x"] - 0.4 * table["flag"]))
    watched = rng.integers(30, 200, n)
    return table.assign(days_active=np.minimum(lapse, watched), lapsed=lapse <= watched)


@pytest.mark.parametrize("x", [0.0, 1.0, -1.0])
def test_breslow_is_the_hand_count_of_the_book(x: float) -> None:
    """Lapses on days 1, 6 (two), 9: hazards 1/(3r + 3), 2/(r + 3), 1, means at risk r/(r + 1), r/(r + 3), 0."""
    model = CoxRetention(ties="breslow").fit(BOOK, ["x"])
    beta = model.summary_.loc["x", "coef"]
    assert beta == pytest.approx(1.4752849, abs=5e-8)
    r = np.exp(beta)
    hazard, mean = np.array([1 / (3 * r + 3), 2 / (r + 3), 1.0]), np.array([r / (r + 1), r / (r + 3), 0.0])
    own = np.cumsum([1 / (3 * r + 3) ** 2, 2 / (r + 3) ** 2, 1.0])
    information = r / (r + 1) ** 2 + 6 * r / (r + 3) ** 2
    variance = (own + np.cumsum((x - mean) * hazard) ** 2 / information) * np.exp(2 * beta * x)
    total = np.cumsum(hazard) * np.exp(beta * x)
    found = model.predict_retained_interval(pd.DataFrame({"x": [x]}), [1, 6, 9])
    np.testing.assert_allclose(found["retained"], np.exp(-total), rtol=1e-9)
    np.testing.assert_allclose(log_log(found), np.sqrt(variance) / total, rtol=1e-7)


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_efron_is_the_hand_count_of_the_book(x: float) -> None:
    """The second lapse of day 6 is weighed against half of the two that lapse: (r + 5)/2 instead of r + 3."""
    model = CoxRetention().fit(BOOK, ["x"])
    beta = model.summary_.loc["x", "coef"]
    assert beta == pytest.approx(1.676857, abs=5e-7)
    r = np.exp(beta)
    at_risk = np.array([3 * r + 3, r + 3, (r + 5) / 2, 1.0])
    mean = np.array([r / (r + 1), r / (r + 3), r / (r + 5), 0.0])
    information = (mean - mean**2).sum()
    variance = np.cumsum(at_risk**-2.0) + np.cumsum((x - mean) / at_risk) ** 2 / information
    total = np.cumsum(1 / at_risk)
    found = model.predict_retained_interval(pd.DataFrame({"x": [x]}), [1, 6, 9])
    np.testing.assert_allclose(log_log(found), (np.sqrt(variance) / total)[[0, 2, 3]], rtol=1e-7)


def by_rows(table: pd.DataFrame, model: CoxRetention, row: np.ndarray, day: float) -> float:
    """Variance of Λ(day | row) by Breslow's rule, one lapse day and one risk set after the other."""
    names = list(model.summary_.index)
    x, weight = table[names].to_numpy(float), table["weight"].to_numpy()
    hazard = weight * np.exp(x @ model.summary_["coef"])
    own, drift = 0.0, np.zeros(len(names))
    for at in np.unique(table.loc[table["lapsed"] == 1, "days_active"]):
        if at <= day:
            here = ((table["days_active"] >= at) & ((table["entry_day"] < at) | (table["entry_day"] == 0))).to_numpy()
            total = hazard[here].sum()
            lapses = weight[((table["days_active"] == at) & (table["lapsed"] == 1)).to_numpy()].sum()
            own += lapses / total**2
            drift += lapses / total * (row - hazard[here] @ x[here] / total)
    return float((own + drift @ model.covariance_ @ drift) * np.exp(2 * row @ model.summary_["coef"]))


@pytest.mark.parametrize("covariates", [["fin", "prio"], ["fin", "score"]], ids=["patterns", "rows"])
def test_late_entry_and_weights_are_in_the_risk_sets(covariates: list[str]) -> None:
    rossi = load_rossi().rename(columns={"week": "days_active", "arrest": "lapsed"})
    rossi["entry_day"] = np.minimum(np.arange(len(rossi)) % 20, rossi["days_active"] - 1)
    rossi["weight"] = 1.0 + np.arange(len(rossi)) % 3
    rossi["score"] = np.random.default_rng(0).standard_normal(len(rossi)) + 500
    model = CoxRetention(ties="breslow").fit(rossi, covariates)
    who = rossi.iloc[[0, 17]]
    found = model.predict_retained_interval(who, [20, 45])
    expected = []
    for place in range(2):
        row = who[covariates].to_numpy(float)[place]
        expected += [np.sqrt(by_rows(rossi, model, row, day)) for day in (20, 45)]
    np.testing.assert_allclose(log_log(found) * -np.log(found["retained"]), expected, rtol=1e-6)


def test_discrete_equals_the_delta_method_on_expanded_rows() -> None:
    """statsmodels' whole covariance matrix of levels and coefficients; a day inside a period takes part of its log."""
    table = simulated(900, np.random.default_rng(1))
    model = DiscreteHazard(40).fit(table, ["x", "flag"])
    last = np.maximum(np.ceil(table["days_active"] / 40).astype(int) - 1, 0)
    rows = table.loc[table.index.repeat(last + 1)]
    period = rows.groupby(level=0).cumcount()
    event = (period == last.loc[rows.index]) & rows["lapsed"]
    design = np.column_stack([pd.get_dummies(period, dtype=float), rows["x"], rows["flag"].astype(float)])
    fit = sm.Logit(event.to_numpy(float), design).fit(disp=0, tol=1e-14)
    for x, flag in ((0.7, 1.0), (-2.0, 0.0)):
        rows_of = np.column_stack([np.eye(5), np.full(5, x), np.full(5, flag)])
        hazard = 1 / (1 + np.exp(-rows_of @ fit.params))
        for day, share in ((40, [1, 0, 0, 0, 0]), (90, [1, 1, 0.25, 0, 0]), (190, [1, 1, 1, 1, 0.75])):
            slope = -(np.array(share) * hazard) @ rows_of
            log_kept = np.array(share) @ np.log(1 - hazard)
            found = model.predict_retained_interval(pd.DataFrame({"x": [x], "flag": [flag]}), [day])
            assert found["retained"].iloc[0] == pytest.approx(np.exp(log_kept), rel=1e-8)
            se = np.sqrt(slope @ fit.cov_params() @ slope)
            assert log_log(found).iloc[0] == pytest.approx(-se / log_kept, rel=1e-7)


@pytest.mark.parametrize("model", [CoxRetention(), DiscreteHazard(30, partial="share")], ids=["cox", "discrete"])
def test_errors_are_those_of_the_bootstrap(model: CoxRetention | DiscreteHazard) -> None:
    """300 resamples tell a standard deviation to 4 %; 15 % leave room for the small sample."""
    rng = np.random.default_rng(2)
    table = simulated(500, rng)
    who, days = pd.DataFrame({"x": [0.0, 1.5, -1.0], "flag": [False, True, False]}), [30, 90, 150]
    stated = log_log(model.fit(table, ["x", "flag"]).predict_retained_interval(who, days))
    drawn = []
    for _ in range(300):
        again = model.fit(table.iloc[rng.integers(0, 500, 500)], ["x", "flag"])
        drawn.append(np.log(-np.log(again.predict_retained(who, days).to_numpy())).ravel())
    np.testing.assert_allclose(stated, np.std(drawn, axis=0), rtol=0.15)


@pytest.mark.parametrize("model", [CoxRetention(), DiscreteHazard(30)], ids=["cox", "discrete"])
def test_without_an_effect_they_are_those_of_the_curve(model: CoxRetention | DiscreteHazard) -> None:
    """Greenwood's at the mean of a covariate that does nothing; censoring at the periods' ends only."""
    rng = np.random.default_rng(3)
    lapse, watched = np.floor(rng.exponential(120, 3000)).astype(int), rng.integers(1, 7, 3000) * 30
    table = pd.DataFrame({"days_active": np.minimum(lapse, watched), "lapsed": lapse <= watched})
    table["noise"] = rng.standard_normal(3000)
    days = [30, 90, 150]
    model.fit(table, ["noise"])
    found = model.predict_retained_interval(pd.DataFrame({"noise": [table["noise"].mean()]}), days)
    curve = survival_curves(table, horizon_days=150).set_index("day").loc[days]
    # Efron's Σ 1/(n − l)² against Greenwood's Σ 1/((n − l)(n − l − 1)), and a coefficient that is only nearly 0.
    np.testing.assert_allclose(found[["lower", "upper"]], curve[["lower", "upper"]], atol=0.002)
    assert found["n"].eq(3000).all()


@pytest.mark.parametrize("kind", ["cox", "discrete"])
def test_the_truth_is_inside_as_often_as_stated(kind: str) -> None:
    """400 samples of 250 customers: 95 % has a standard error of 1.1 points; far from the mean included."""
    rng = np.random.default_rng(4)
    who, days = pd.DataFrame({"x": [0.0, 1.5, -1.5], "flag": [0.0, 1.0, 0.0]}), [30, 90, 150]
    score = (0.5 * who["x"] - 0.4 * who["flag"]).to_numpy()[:, None]
    inside = np.zeros((3, 3))
    for _ in range(400):
        table = simulated(250, rng)
        if kind == "cox":
            model, truth = CoxRetention(), np.exp(-0.01 * np.array(days) * np.exp(score))
        else:
            # Odds to lapse in each period of 30 days; watched to the end of a period.
            model, odds = DiscreteHazard(30), np.exp(-1.2 + score)
            truth = (1 + odds) ** -(np.array(days) / 30)
            own = 1 / (1 + np.exp(1.2 - 0.5 * table["x"] + 0.4 * table["flag"]))
            lapse, watched = rng.geometric(own), rng.integers(2, 7, len(table))
            table = table.assign(days_active=30 * np.minimum(lapse, watched), lapsed=lapse <= watched)
        found = model.fit(table, ["x", "flag"]).predict_retained_interval(who, days)
        bounds = found[["lower", "upper"]].to_numpy().reshape(3, 3, 2)
        inside += (bounds[..., 0] < truth) & (truth < bounds[..., 1])
    assert (inside / 400 > 0.915).all(), inside / 400
    assert inside.mean() / 400 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("model", [CoxRetention(alpha=0.2), DiscreteHazard(30, alpha=0.2)], ids=["cox", "discrete"])
def test_shape_level_and_bad_input(model: CoxRetention | DiscreteHazard) -> None:
    table = simulated(400, np.random.default_rng(5))
    model.fit(table, ["x", "flag"])
    who = table.loc[[7, 3], ["x", "flag"]]
    found = model.predict_retained_interval(who, [0, 60])
    assert found.index.tolist() == [7, 7, 3, 3]
    assert found["day"].tolist() == [0, 60, 0, 60]
    assert found.columns.tolist() == ["day", "retained", "lower", "upper", "n"]
    assert found.loc[found["day"] == 0, ["retained", "lower", "upper"]].eq(1).all(axis=None)
    plain = model.predict_retained(who, [0, 60]).to_numpy().ravel()
    np.testing.assert_allclose(found["retained"], plain, rtol=1e-12)
    wider = model.predict_retained_interval(who, [60], alpha=0.01)
    narrow = found[found["day"] == 60]
    assert (wider["lower"] < narrow["lower"]).all()
    assert (wider["upper"] > narrow["upper"]).all()
    assert ((narrow["lower"] < narrow["retained"]) & (narrow["retained"] < narrow["upper"])).all()
    with pytest.raises(ValueError, match="alpha"):
        model.predict_retained_interval(who, [60], alpha=1.5)
    with pytest.raises(ValueError, match="days must lie from 0 to"):
        model.predict_retained_interval(who, [5000])


def test_periods_in_which_everybody_lapsed_end_at_nothing() -> None:
    table = pd.DataFrame(
        {"days_active": [10, 12, 20, 80, 85, 95, 95], "lapsed": [1, 1, 0, 1, 0, 1, 1], "flag": [0, 1, 1, 0, 1, 1, 0]}
    )
    model = DiscreteHazard(30).fit(pd.concat([table] * 5), ["flag"])
    found = model.predict_retained_interval(table.head(1), [30, 60, 95]).set_index("day")
    # Nobody lapsed in days 31–60: what was in doubt before stays so, no more and no less.
    assert found.loc[60, ["lower", "upper"]].tolist() == pytest.approx(found.loc[30, ["lower", "upper"]].tolist())
    assert found.loc[95, ["retained", "lower", "upper"]].tolist() == [0, 0, 0]
