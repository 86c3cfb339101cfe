"""Discrete hazards: against the logistic regression on one row a customer and period, and at the limits."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from helpers.models.retention import DiscreteHazard, left_out, survival_curves


def simulated(n: int = 2000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"flag": rng.integers(0, 2, n), "tier": rng.choice(["a", "b", "c"], n), "x": rng.standard_normal(n)}
    )
    score = 0.4 * table["flag"] - 0.5 * (table["tier"] == "c") + 0.3 * table["x"]
    lapse = np.floor(rng.exponential(150 / np.exp(score)))
    watched = rng.integers(20, 300, n)
    table["days_active"] = np.minimum(lapse, watched).astype(int)
    table["lapsed"] = (lapse <= watched).astype(int)
    return table


def expanded(table: pd.DataFrame, length: int = 30) -> tuple[np.ndarray, pd.DataFrame]:
    """One row a customer and period, made the plain way."""
    last = (np.maximum(table["days_active"], 1) - 1) // length
    rows = table.loc[table.index.repeat(last + 1)].copy()
    rows["period"] = rows.groupby(level=0).cumcount()
    event = ((rows["period"] == last.loc[rows.index]) & (rows["lapsed"] == 1)).astype(int)
    return event.to_numpy(), rows


@pytest.mark.parametrize("covariates", [["flag", "tier"], ["flag", "tier", "x"]])
def test_equals_the_regression_on_expanded_rows(covariates: list[str]) -> None:
    table = simulated()
    event, rows = expanded(table)
    model = DiscreteHazard(30).fit(table, covariates)
    design = pd.get_dummies(rows["period"], dtype=float)
    live = model.baseline_.loc[np.isfinite(model.baseline_["effect"]), "period"] - 1
    keep = rows["period"].isin(live).to_numpy()
    design = design[list(live)]
    design["flag"] = rows["flag"]
    design["b"], design["c"] = rows["tier"] == "b", rows["tier"] == "c"
    if "x" in covariates:
        design["x"] = rows["x"]
    fit = sm.Logit(event[keep], design[keep].to_numpy(float)).fit(disp=0, tol=1e-14, maxiter=100)
    n = len(live)
    np.testing.assert_allclose(model.summary_["coef"], fit.params[n:], atol=1e-8)
    np.testing.assert_allclose(model.summary_["se"], fit.bse[n:], atol=1e-8)
    assert model.log_likelihood_ == pytest.approx(fit.llf, rel=1e-10)
    assert model.n_person_periods_ == len(rows)
    person = table.head(5)
    score = person["flag"] * fit.params[n] + (person["tier"] == "b") * fit.params[n + 1]
    score += (person["tier"] == "c") * fit.params[n + 2] + (person["x"] * fit.params[-1] if "x" in covariates else 0)
    hazard = 1 / (1 + np.exp(-(score.to_numpy()[:, None] + fit.params[:3])))
    predicted = model.predict_retained(person, [0, 30, 60, 90])
    np.testing.assert_allclose(predicted[90], np.prod(1 - hazard, axis=1), atol=1e-8)
    assert predicted[0].eq(1).all()


def test_lazy_tables_and_weights_count_as_repeated_customers() -> None:
    table = simulated(800)
    plain = DiscreteHazard(30).fit(table, ["flag", "tier"])
    lazy = DiscreteHazard(30).fit(ibis.memtable(table), ["flag", "tier"])
    np.testing.assert_allclose(lazy.summary_, plain.summary_, rtol=1e-8)
    times = np.arange(len(table)) % 3 + 1
    repeated = DiscreteHazard(30).fit(table.loc[table.index.repeat(times)], ["flag", "x"])
    weighted = DiscreteHazard(30).fit(table.assign(weight=times), ["flag", "x"])
    np.testing.assert_allclose(weighted.summary_, repeated.summary_, rtol=1e-8)


def test_without_effect_and_partial_periods_it_is_the_life_table() -> None:
    """Censoring only at the periods' ends: the retained share equals Kaplan–Meier's there."""
    rng = np.random.default_rng(1)
    n = 4000
    lapse = np.floor(rng.exponential(120, n)).astype(int)
    watched = rng.integers(1, 7, n) * 30
    table = pd.DataFrame(
        {"days_active": np.minimum(lapse, watched), "lapsed": lapse <= watched, "half": np.arange(n) % 2}
    )
    model = DiscreteHazard(30).fit(table, ["half"])
    curve = survival_curves(table, horizon_days=180).set_index("day")["retained"]
    # The mean customer of a logistic model is the life table but for the (here null) effect of the covariate.
    np.testing.assert_allclose(model.baseline_["retained"], curve[[30, 60, 90, 120, 150, 180]], atol=2e-4)


def test_partial_periods_by_share_take_out_most_of_the_bias() -> None:
    """Hazard 1/120 a day, watching ends inside periods: counting those as whole makes hazards too low."""
    table = simulated(60_000, seed=3).assign(flag=lambda t: t["flag"])
    truth = survival_curves(table, horizon_days=120).iloc[-1]["retained"]
    whole, share = (
        DiscreteHazard(60, partial=how).fit(table, ["flag"]).baseline_["retained"].iloc[1] for how in ("count", "share")
    )
    assert abs(share - truth) < abs(whole - truth) / 2


def test_late_entry_starts_with_the_next_whole_period() -> None:
    table = simulated(3000)
    table["entry_day"] = np.where(np.arange(3000) % 3 == 0, np.minimum(45, (table["days_active"] - 1).clip(0)), 0)
    model = DiscreteHazard(30).fit(table, ["flag"])
    last = (np.maximum(table["days_active"], 1) - 1) // 30
    first = np.ceil(table["entry_day"] / 30).astype(int)
    watched = (table["entry_day"] == 0) | (table["entry_day"] < table["days_active"])
    expected = [int((watched & (first <= k) & (last >= k)).sum()) for k in range(3)]
    assert model.baseline_["at_risk"].head(3).tolist() == expected
    assert {line["reason"] for line in model.left_out_} == {"not_watched"}


def test_periods_in_which_nobody_or_everybody_lapsed_have_their_limit() -> None:
    table = pd.DataFrame(
        {"days_active": [10, 12, 20, 80, 85, 95, 95], "lapsed": [1, 1, 0, 1, 0, 1, 1], "flag": [0, 1, 1, 0, 1, 1, 0]}
    )
    model = DiscreteHazard(30).fit(pd.concat([table] * 5), ["flag"])
    assert model.baseline_["hazard"].iloc[[1, 3]].tolist() == [0.0, 1.0]
    assert model.predict_retained(table.head(1), [95]).iloc[0, 0] >= 0
    assert np.isfinite(model.summary_.to_numpy()).all()


def test_bad_input_is_named() -> None:
    table = simulated(300)
    with pytest.raises(ValueError, match="period_days must be a whole number of days, at least 1, not 0"):
        DiscreteHazard(0).fit(table, ["flag"])
    with pytest.raises(ValueError, match="partial must be 'count' or 'share', not 'half'"):
        DiscreteHazard(partial="half").fit(table, ["flag"])
    with pytest.raises(ValueError, match="nobody lapsed"):
        DiscreteHazard().fit(table.assign(lapsed=0), ["flag"])
    with pytest.raises(ValueError, match="covariate sure separates"):
        DiscreteHazard().fit(table.assign(sure=table["lapsed"]), ["sure"])
    with pytest.raises(ValueError, match="covariate x is missing or not finite in 1 row"):
        DiscreteHazard().fit(table.assign(x=table["x"].mask(table.index == 4)), ["x"])
    with pytest.raises(ValueError, match="covariate one is constant"):
        DiscreteHazard().fit(table.assign(one=1), ["one"])
    assert left_out(table).empty
