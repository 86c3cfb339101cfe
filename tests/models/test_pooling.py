"""Random effects: the eight schools, the limits, and coverage of what comes next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.models.pooling import RandomEffects

SCHOOLS = pd.DataFrame(
    {"group": "coaching", "estimate": [28, 8, -3, 7, -1, 1, 18, 12], "se": [15, 10, 16, 11, 9, 11, 10, 18]}
)


def test_eight_schools_agree_with_the_published_posterior() -> None:
    """Gelman et al., table 5.3 (uniform prior on the spread): medians and 95 % intervals of 200 draws.

    Theirs are rounded quantiles of 200 simulations, so each may be off by about 2; ours has a half-normal prior of
    scale 25 on the spread, nearly flat where the likelihood lives.
    """
    fitted = RandomEffects(scale=25.0).fit(SCHOOLS, by="group")
    shrunk = fitted.shrunk_
    assert shrunk["mean"].to_numpy() == pytest.approx([11, 8, 7, 8, 5, 6, 10, 8], abs=1.6)
    assert shrunk.loc[0, ["lower", "upper"]].to_numpy(dtype=float) == pytest.approx([-2, 31], abs=3)
    assert shrunk.loc[4, ["lower", "upper"]].to_numpy(dtype=float) == pytest.approx([-9, 14], abs=3.5)
    assert fitted.mean_ == pytest.approx(8, abs=1)


def test_without_spread_it_is_the_inverse_variance_mean() -> None:
    effects = pd.DataFrame({"form": ["a", "b", "c"], "estimate": [1.0, 2.0, 4.0], "se": [0.5, 1.0, 2.0]})
    row = RandomEffects(scale=1e-6).fit(effects, by="form").predict(["a"]).iloc[0]
    weight = 1 / effects["se"] ** 2
    assert row["mean"] == pytest.approx(float((weight * effects["estimate"]).sum() / weight.sum()), rel=1e-5)
    assert row["sd"] == pytest.approx(float(weight.sum() ** -0.5), rel=1e-4)


def test_prediction_equals_brute_force_over_the_same_model() -> None:
    """Importance sampling over both spreads and the conditional normal by matrix algebra of its own, 200,000 draws."""
    effects = pd.DataFrame({"form": ["a", "a", "b"], "estimate": [0.6, 0.3, 0.0], "se": [0.1, 0.15, 0.1]})
    row = RandomEffects(scale=0.3).fit(effects, by="form").predict(["a"]).iloc[0]
    rng = np.random.default_rng(1)
    n = 200_000
    between, within = np.abs(rng.normal(0, 0.3, (2, n)))
    # joint normal of (y1, y2, y3, new a) with a flat μ, written as a very wide one
    same = np.array([[1, 1, 0, 1], [1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 0, 1]], dtype=float)
    wide = 100.0
    cov = wide + between[:, None, None] ** 2 * same + within[:, None, None] ** 2 * np.eye(4)
    cov[:, range(3), range(3)] += effects["se"].to_numpy() ** 2
    inverse = np.linalg.inv(cov[:, :3, :3])
    y = effects["estimate"].to_numpy()
    density = np.exp(-0.5 * (np.einsum("i,nij,j->n", y, inverse, y) + np.linalg.slogdet(cov[:, :3, :3])[1]))
    weights = density / density.sum()
    mean = np.einsum("ni,nij,j->n", cov[:, 3, :3], inverse, y)
    variance = cov[:, 3, 3] - np.einsum("ni,nij,nj->n", cov[:, 3, :3], inverse, cov[:, 3, :3])
    expected = weights @ mean
    # Monte Carlo error of the weighted mean is about 0.001 here; the grid's own error is below it
    assert row["mean"] == pytest.approx(expected, abs=0.005)
    assert row["sd"] == pytest.approx(float(np.sqrt(weights @ (variance + (mean - expected) ** 2))), abs=0.01)


def test_interval_holds_the_next_campaigns_effect_as_often_as_it_says() -> None:
    """300 worlds: campaigns of three forms; the 95 % interval holds the next one's true effect in 95 ± 4 %.

    Binomial error at 300 is 1.3 points; three of it beside the prior's mismatch, since worlds have fixed spreads.
    """
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        kinds = dict(zip("abc", rng.normal(0.4, 0.2, 3), strict=True))
        forms = list("aabbc")
        true = np.array([kinds[form] for form in forms]) + rng.normal(0, 0.15, 5)
        se = rng.uniform(0.05, 0.15, 5)
        past = pd.DataFrame({"form": forms, "estimate": true + se * rng.normal(size=5), "se": se})
        row = RandomEffects().fit(past, by="form").predict(["a"]).iloc[0]
        held += row["lower"] <= kinds["a"] + rng.normal(0, 0.15) <= row["upper"]
    assert 0.91 <= held / 300 <= 0.99


def test_a_form_is_drawn_towards_the_others_and_an_unseen_one_is_wider() -> None:
    effects = pd.DataFrame({"form": list("aabb"), "estimate": [1.0, 0.9, 0.1, 0.2], "se": 0.1})
    rows = RandomEffects().fit(effects, by="form").predict(["a", "b", "new"]).set_index("group")
    assert 0.5 < rows.loc["a", "mean"] < 0.95
    assert 0.15 < rows.loc["b", "mean"] < 0.5
    assert rows.loc["new", "sd"] > rows.loc["a", "sd"]
    assert rows["n_campaigns"].tolist() == [2, 2, 0]


def test_draws_have_the_predictions_mean_and_spread() -> None:
    fitted = RandomEffects().fit(SCHOOLS, by="group")
    row = fitted.predict(["coaching"]).iloc[0]
    draws = fitted.draw("coaching", n=40_000, rng=np.random.default_rng(5))
    assert draws.mean() == pytest.approx(row["mean"], abs=4 * row["sd"] / 200)  # 4 standard errors
    assert draws.std() == pytest.approx(row["sd"], rel=0.03)


@pytest.mark.parametrize(
    ("effects", "says"),
    [
        (SCHOOLS.drop(columns="se"), "no column 'se'"),
        (SCHOOLS.iloc[:0], "no campaign is given"),
        (SCHOOLS.assign(se=0.0), "above 0"),
        (SCHOOLS.assign(estimate=np.nan), "finite"),
    ],
)
def test_bad_input_is_named(effects: pd.DataFrame, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        RandomEffects().fit(effects, by="group")
