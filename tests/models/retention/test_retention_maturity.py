"""Every table of an estimate says who is known and who is too young to count: counted here one customer at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.models.retention import (
    ChurnWarning,
    CoxRetention,
    DiscreteHazard,
    ShiftedBetaGeometric,
    cumulative_incidence,
    left_out,
    logrank,
    median_retention,
    restricted_mean,
    restricted_mean_differences,
    survival_curves,
)


@pytest.fixture(scope="module")
def spells() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 300
    table = pd.DataFrame({"days_active": rng.integers(1, 200, n), "lapsed": rng.integers(0, 2, n)})
    table["arm"] = rng.choice(["a", "b", "c"], n)
    table["region"] = rng.choice(["north", "south"], n)
    table["cause"] = np.where(rng.random(n) < 0.3, "closed", "silent")
    table["age"] = rng.normal(50, 10, n).round(1)
    table["flag"] = rng.integers(0, 2, n)
    return table


def known(spells: pd.DataFrame, day: float) -> tuple[int, int]:
    """Customers known and not known on a day, by looking at each."""
    young = sum(row.days_active < day and not row.lapsed for row in spells.itertuples())
    return len(spells) - young, young


def said(row: pd.Series) -> tuple[int, int]:
    return int(row["n_eligible"]), int(row["n_immature"])


def test_curves_causes_and_means(spells: pd.DataFrame) -> None:
    for arm, part in spells.groupby("arm"):
        curve = survival_curves(spells, by="arm", horizon_days=150).query("arm == @arm").set_index("day")
        causes = cumulative_incidence(spells, by="arm", horizon_days=150).query("arm == @arm and cause == 'closed'")
        means = restricted_mean(spells, by="arm", horizon_days=150).set_index("arm")
        for day in (0, 1, 77, 150):
            assert said(curve.loc[day]) == said(causes.set_index("day").loc[day]) == known(part, day)
        assert said(means.loc[arm]) == known(part, 150)


def test_the_median_is_known_of_those_watched_to_it(spells: pd.DataFrame) -> None:
    medians = median_retention(spells, by="arm").set_index("arm")
    for arm, part in spells.groupby("arm"):
        assert np.isfinite(medians.loc[arm, "median_days"])
        assert said(medians.loc[arm]) == known(part, medians.loc[arm, "median_days"])
    # Not reached: then to the last day watched.
    never = pd.DataFrame({"days_active": [5, 9, 9, 9], "lapsed": [0, 0, 0, 1]})
    assert said(median_retention(never).iloc[0]) == (3, 1)


@pytest.mark.parametrize("strata", [None, "region"])
def test_comparisons_are_known_to_their_last_lapse(spells: pd.DataFrame, strata: str | None) -> None:
    for row in logrank(spells, by="arm", strata=strata).to_dict("records"):
        own = spells if row["group_a"] == "all" else spells[spells["arm"].isin([row["group_a"], row["group_b"]])]
        assert said(row) == known(own, own.loc[own["lapsed"] == 1, "days_active"].max())
    nobody = spells.assign(lapsed=0)
    assert {said(row) for row in logrank(nobody, by="arm").tail(3).to_dict("records")} == {
        (int((spells["arm"] != left).sum()), 0) for left in "abc"
    }
    for row in restricted_mean_differences(spells, by="arm", horizon_days=120).to_dict("records"):
        assert said(row) == known(spells[spells["arm"].isin([row["group_a"], row["group_b"]])], 120)


@pytest.mark.parametrize("covariates", [["flag"], ["age"]], ids=["patterns", "rows"])
def test_regressions_are_known_to_their_last_lapse(spells: pd.DataFrame, covariates: list[str]) -> None:
    spells = pd.concat([spells, spells.tail(1).assign(days_active=230, lapsed=0)], ignore_index=True)
    cox = CoxRetention().fit(spells, covariates)
    last = spells.loc[spells["lapsed"] == 1, "days_active"].max()
    assert said(cox.summary_.attrs) == known(spells, last)
    assert cox.summary_.attrs["n"] == len(spells)
    for row in cox.baseline_.iloc[[0, 40, -1]].to_dict("records"):
        assert said(row) == known(spells, row["day"])
    hazard = DiscreteHazard(30).fit(spells, covariates)
    for row in hazard.baseline_.to_dict("records"):
        assert said(row) == known(spells, row["to_day"])
    with_lapse = hazard.baseline_[hazard.baseline_["lapsed"] > 0]
    assert len(with_lapse) < len(hazard.baseline_)
    assert said(hazard.summary_.attrs) == known(spells, with_lapse["to_day"].max())


def test_weights_do_not_make_customers(spells: pd.DataFrame) -> None:
    doubled = spells.assign(weight=2.0)
    for model in (CoxRetention(), DiscreteHazard(30)):
        plain, weighted = (model.fit(table, ["flag"]).summary_.attrs for table in (spells, doubled))
        assert said(plain) == said(weighted)


def test_regressions_carry_who_was_left_out(spells: pd.DataFrame) -> None:
    late = spells.assign(entry_day=0)
    late.loc[:6, "entry_day"] = late.loc[:6, "days_active"]
    late.attrs["left_out"] = [{"reason": "not_in_customers", "column": "", "n": 3}]
    expected = [["not_in_customers", 3], ["not_watched", 7]]
    cox = CoxRetention().fit(late, ["flag"])
    for table in (cox.summary_, cox.baseline_, cox.check_proportional_hazards()):
        assert left_out(table)[["reason", "n"]].to_numpy().tolist() == expected
    hazard = DiscreteHazard(200).fit(late, ["flag"])
    assert left_out(hazard.baseline_)[["reason", "n"]].to_numpy().tolist() == expected


def test_a_projection_knows_no_more_than_was_watched() -> None:
    """Two cohorts, one watched for three periods and one for one."""
    table = ShiftedBetaGeometric().fit(pd.DataFrame([[100, 80, 70, 65], [50, 40, np.nan, np.nan]])).project(5)
    # After period 1 all are known; the 40 of the younger cohort no longer after 2, the 65 no longer after 4.
    assert table["n_immature"].tolist() == [0, 0, 40, 40, 105, 105]
    assert (table["n_eligible"] + table["n_immature"]).eq(150).all()


def test_a_warning_says_who_was_not_forecast() -> None:
    rng = np.random.default_rng(0)
    start = pd.Timestamp("2024-01-01")
    rows = [
        (f"C{i:03d}", start + pd.Timedelta(int(day), "D"))
        for i in range(200)
        for day in rng.choice(700, 40, replace=False)
        if day < rng.exponential(600)
    ]
    activity = pd.DataFrame(rows, columns=["customer_id", "occurred_at"])
    customers = pd.DataFrame({"customer_id": activity["customer_id"].unique(), "joined_date": start})
    model = ChurnWarning(horizons_days=(30,), silent_days=60, n_backtests=2)
    model.fit(activity, customers, as_of="2025-11-30")
    told = left_out(model.probabilities_)
    assert told[["reason", "n"]].to_numpy().tolist() == [
        ["not_active_then", len(customers) - len(model.probabilities_)]
    ]
    forecasts = model.backtest_.query("cutoff != 'all'")["n"].sum()
    assert left_out(model.calibration_)["n"].tolist() == [2 * len(customers) - forecasts]
