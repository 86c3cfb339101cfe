"""Shifted beta-geometric: the paper's cohorts, its limits, and intervals that hold what comes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import betaln

from helpers.models.retention import ShiftedBetaGeometric

# Fader and Hardie (2007), table 1: customers of 1,000 left after each year, years 0–7.
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]


@pytest.mark.parametrize(("survivors", "alpha", "beta"), [(HIGH_END, 0.668, 3.806), (REGULAR, 0.704, 1.182)])
def test_the_papers_cohorts(survivors: list[int], alpha: float, beta: float) -> None:
    model = ShiftedBetaGeometric().fit(survivors)
    assert (round(model.alpha_, 3), round(model.beta_, 3)) == (alpha, beta)
    # The likelihood by its definition, with beta functions.
    a, b = model.alpha_, model.beta_
    lapsed, t = -np.diff(survivors), np.arange(1, 8)
    value = lapsed @ (betaln(a + 1, b + t - 1) - betaln(a, b)) + survivors[-1] * (betaln(a, b + 7) - betaln(a, b))
    assert model.log_likelihood_ == pytest.approx(value, rel=1e-12)


def test_maximum_and_covariance_against_finite_differences() -> None:
    model = ShiftedBetaGeometric().fit(HIGH_END)
    theta = np.log([model.alpha_, model.beta_])
    step = 1e-4

    def value(shift: np.ndarray) -> float:
        return model._likelihood(theta + shift)[0]

    eye = np.eye(2) * step
    for i in range(2):
        assert abs(value(eye[i]) - value(-eye[i])) / (2 * step) < 1e-4
    hessian = [[(value(a + b) - value(a - b) - value(b - a) + value(-a - b)) / (4 * step**2) for b in eye] for a in eye]
    np.testing.assert_allclose(model.covariance_, np.linalg.inv(-np.array(hessian)), rtol=1e-4)


def test_forms_of_input_agree() -> None:
    plain = ShiftedBetaGeometric().fit(HIGH_END)
    counts = pd.DataFrame({"period": range(8), "lapsed": [0, *-np.diff(HIGH_END)], "censored": [0] * 7 + [491]})
    assert ShiftedBetaGeometric().fit(counts).alpha_ == pytest.approx(plain.alpha_, rel=1e-9)
    halves = pd.DataFrame([np.array(HIGH_END) / 2, np.array(HIGH_END) / 2])
    assert ShiftedBetaGeometric().fit(halves).beta_ == pytest.approx(plain.beta_, rel=1e-9)
    younger = pd.DataFrame([HIGH_END, [*HIGH_END[:4], *[np.nan] * 4]])
    assert ShiftedBetaGeometric().fit(younger).n_ == 2000


def test_projection_has_an_interval_that_widens_and_holds_the_truth() -> None:
    """40 simulated cohorts, 5 periods seen, period 12 forecast: the 95 % interval holds the true share in about 95 %."""
    rng = np.random.default_rng(0)
    truth = np.exp(betaln(1.0, 4.0 + 12) - betaln(1.0, 4.0))
    inside = inside_count = 0
    for _ in range(40):
        chance = rng.beta(1.0, 4.0, 3000)
        life = rng.geometric(chance)
        survivors = [(life > t).sum() for t in range(6)]
        model = ShiftedBetaGeometric().fit(survivors)
        last = model.project(12).iloc[-1]
        inside += last["lower"] < truth < last["upper"]
        ahead = model.forecast(survivors[-1], age=5, periods=7).iloc[-1]
        inside_count += ahead["lower"] <= (life > 12).sum() <= ahead["upper"]
    # Binomial(40, 0.95): 34 or more with probability 0.99.
    assert inside >= 34
    assert inside_count >= 34
    table = model.project(12)
    assert (np.diff(table["retained"]) < 0).all()
    assert (np.diff(table["upper"] - table["lower"])[:5] > 0).all()
    assert (np.diff(table["churn"][1:]) < 0).all()
    assert table["seen"].tolist() == [True] * 6 + [False] * 7


def test_a_cohort_without_differences_is_the_plain_geometric_one() -> None:
    model = ShiftedBetaGeometric().fit([10_000 * 0.9**t for t in range(8)])
    assert model.homogeneous_
    assert model.mean_churn_ == pytest.approx(0.1, abs=1e-4)
    assert model.project(10)["retained"].iloc[-1] == pytest.approx(0.9**10, abs=1e-3)
    assert (model.project(10)["upper"] >= model.project(10)["lower"]).all()


@pytest.mark.parametrize(
    ("survivors", "message"),
    [
        ([100, 90, 95], "must never rise: period 2 has 95 after 90"),
        ([100, -1, -2], "finite counts from 0 on"),
        ([100, np.nan, 80], "no gap"),
        ([100, 100, 100], "show no lapse"),
        ([100, 90], "at least two periods"),
        ([100, 0, 0], "at least two periods"),
        (pd.DataFrame({"period": [0, 1], "lapsed": [2, 1], "censored": [0, 5]}), "lapsed must be 0 in period 0"),
        (pd.DataFrame([[100, 90, 80], [100, 90, 92]]), "cohort 1 must never rise"),
        (["a", "b", "c"], "survivors must be numbers of customers"),
        ([[100, 90, 80], [100, 90]], "survivors must be numbers of customers, as many in each cohort"),
    ],
)
def test_survivors_that_can_not_be_are_refused(survivors: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ShiftedBetaGeometric().fit(survivors)  # type: ignore[arg-type]
    model = ShiftedBetaGeometric().fit(HIGH_END)
    with pytest.raises(ValueError, match="periods must be a whole number"):
        model.project(0)
    with pytest.raises(ValueError, match="customers and age must be 0 or more"):
        model.forecast(-1, age=0, periods=2)
    with pytest.raises(ValueError, match="customers and age must be 0 or more, not nan and 0"):
        model.forecast(np.nan, age=0, periods=2)
    with pytest.raises(ValueError, match="customers and age must be 0 or more, not 'a' and 0"):
        model.forecast("a", age=0, periods=2)  # type: ignore[arg-type]
