"""Curves, medians and means: against lifelines, against closed forms, at their limits, and with bad input."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter, NelsonAalenFitter
from lifelines.utils import restricted_mean_survival_time

from helpers.models.retention import (
    left_out,
    median_retention,
    restricted_mean,
    restricted_mean_differences,
    survival_curves,
)

CURVE = ["retained", "lower", "upper"]


def simulated(n: int = 3000, *, seed: int = 0, late: bool = False, weight: bool = False) -> pd.DataFrame:
    """Spells with ties, censoring and, if wanted, late entry and weights."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 200, n)
    table = pd.DataFrame(
        {"days_active": days, "lapsed": rng.integers(0, 2, n), "segment": rng.choice(["a", "b", "c"], n)}
    )
    if late:
        entry = np.where(rng.random(n) < 0.5, 0, rng.integers(0, 150, n))
        table["entry_day"] = np.minimum(entry, days - 1).clip(0)
    if weight:
        table["weight"] = rng.integers(1, 5, n)
    return table


def lifelines_curve(part: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """Curve, bounds and Nelson–Aalen of lifelines on given days."""
    late, weight = part.get("entry_day"), part.get("weight")
    km = KaplanMeierFitter().fit(part["days_active"], part["lapsed"], entry=late, weights=weight)
    aalen = NelsonAalenFitter(nelson_aalen_smoothing=False)
    aalen.fit(part["days_active"], part["lapsed"], entry=late, weights=weight)
    bounds = km.confidence_interval_.reindex(days, method="ffill").fillna(1.0).to_numpy()
    hazard = aalen.cumulative_hazard_.reindex(days, method="ffill").fillna(0.0).to_numpy()
    return np.column_stack([km.survival_function_at_times(days).to_numpy(), bounds, hazard])


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("weight", [False, True])
def test_curves_bounds_and_hazard_equal_lifelines(late: bool, weight: bool) -> None:
    table = simulated(late=late, weight=weight)
    curves = survival_curves(table, by="segment", horizon_days=150)
    days = np.arange(151)
    for segment, part in table.groupby("segment"):
        own = curves[curves["segment"] == segment]
        ours = own[[*CURVE, "cumulative_hazard"]].to_numpy()
        # The demanded tolerance: sums of at most 200 terms in double precision.
        np.testing.assert_allclose(ours, lifelines_curve(part, days), rtol=0, atol=1e-12)


def test_fractional_days_equal_lifelines() -> None:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"days_active": rng.exponential(40, 500), "lapsed": rng.integers(0, 2, 500)})
    curves = survival_curves(table, horizon_days=60)
    np.testing.assert_allclose(
        curves[[*CURVE, "cumulative_hazard"]], lifelines_curve(table, np.arange(61)), rtol=0, atol=1e-12
    )
    # Between two times the risk set is that of the next one.
    assert curves["at_risk"].tolist() == [(table["days_active"] >= d).sum() for d in range(61)]


def test_a_lazy_table_is_counted_in_the_engine_with_equal_results() -> None:
    table = simulated(late=True)
    lazy = ibis.memtable(table)
    pd.testing.assert_frame_equal(
        survival_curves(lazy, by="segment", horizon_days=150),
        survival_curves(table, by="segment", horizon_days=150),
        rtol=1e-13,
    )
    weighted = simulated(weight=True)
    pd.testing.assert_frame_equal(
        survival_curves(ibis.memtable(weighted), horizon_days=150),
        survival_curves(weighted, horizon_days=150),
        rtol=1e-13,
    )


def test_a_helper_that_ignores_censoring_is_caught() -> None:
    """Known truth: exponential lapses (hazard 0.01 a day), half the customers watched for less than 60 days.

    Share-lapsed (never seen to lapse = kept) lies outside the interval on day 100; the curve's interval holds the truth.
    """
    rng = np.random.default_rng(11)
    lapse, watched = np.floor(rng.exponential(100, 4000)), rng.integers(0, 120, 4000)
    table = pd.DataFrame({"days_active": np.minimum(lapse, watched), "lapsed": lapse <= watched})
    truth = np.exp(-0.01 * 101)  # still there after day 100: lapse day ≥ 101
    last = survival_curves(table, horizon_days=100).iloc[-1]
    assert last["lower"] < truth < last["upper"]
    naive_kept = 1 - (table["lapsed"] & (table["days_active"] <= 100)).mean()
    dropped = table[table["lapsed"] | (table["days_active"] > 100)]
    naive_dropped = (dropped["days_active"] > 100).mean()
    assert not last["lower"] < naive_kept < last["upper"]
    assert not last["lower"] < naive_dropped < last["upper"]


def test_late_entry_ignored_would_be_caught() -> None:
    """Customers seen only because they stayed until the log began make retention look better than it is."""
    honest, flattered = [], []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        lapse, entry = np.floor(rng.exponential(100, 20_000)), rng.integers(0, 300, 20_000)
        entry[:6000] = 0
        seen = (lapse >= entry) & ~((entry > 0) & (lapse == entry))
        table = pd.DataFrame({"days_active": lapse, "lapsed": 1, "entry_day": entry})[seen]
        honest.append(survival_curves(table, horizon_days=90)["retained"].iloc[-1])
        without = table.drop(columns="entry_day")
        flattered.append(survival_curves(without, horizon_days=90)["retained"].iloc[-1])
    truth = np.exp(-0.01 * 91)
    # The standard error of one curve is 0.0054 there, of the mean of ten 0.0017; three of them are allowed.
    assert np.mean(honest) == pytest.approx(truth, abs=0.0051)
    assert np.mean(flattered) > truth + 0.05


def test_maturity_counts_who_was_censored_before_the_day() -> None:
    table = pd.DataFrame({"days_active": [2, 4, 4, 9], "lapsed": [0, 1, 0, 0]})
    curves = survival_curves(table, horizon_days=6).set_index("day")
    assert curves["n_immature"].tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert (curves["n_eligible"] + curves["n_immature"] == 4).all()
    assert curves.loc[4, ["at_risk", "lapsed"]].tolist() == [3, 1]


def test_several_columns_group_together_and_missing_groups_are_counted() -> None:
    table = simulated().assign(branch=np.tile(["x", "y", None], 1000))
    curves = survival_curves(table, by=["segment", "branch"], horizon_days=100)
    assert curves.groupby(["segment", "branch"]).ngroups == 6
    assert left_out(curves)[["reason", "column", "n"]].to_numpy().tolist() == [
        ["missing_group", "segment, branch", 1000]
    ]
    part = table[(table["segment"] == "b") & (table["branch"] == "y")]
    alone = survival_curves(part, horizon_days=100)
    own = curves[(curves["segment"] == "b") & (curves["branch"] == "y")].reset_index(drop=True)
    pd.testing.assert_frame_equal(own[alone.columns], alone, check_like=True)


def test_group_labels_keep_their_type_and_the_callers_frame_is_untouched() -> None:
    table = simulated().assign(flag=lambda t: t["segment"] == "a", tier=lambda t: t["days_active"] % 3)
    before = table.copy(deep=True)
    assert survival_curves(table, by="flag", horizon_days=50)["flag"].dtype == bool
    assert survival_curves(table, by="tier", horizon_days=50)["tier"].dtype.kind == "i"
    categories = table.assign(segment=pd.Categorical(table["segment"], categories=["c", "a", "b", "empty"]))
    assert survival_curves(categories, by="segment", horizon_days=50)["segment"].unique().tolist() == ["c", "a", "b"]
    pd.testing.assert_frame_equal(table, before)


def test_limits_are_stated_values() -> None:
    """All censored: 1 with bounds 1. All lapsed: 0 with bounds 0, and it stays so past the last spell. One customer."""
    kept = survival_curves(pd.DataFrame({"days_active": [5, 9], "lapsed": [0, 0]}), horizon_days=9)
    assert (kept[CURVE] == 1).all(axis=None)
    gone = survival_curves(pd.DataFrame({"days_active": [2, 3], "lapsed": [1, 1]}), horizon_days=30)
    assert (gone.loc[gone["day"] >= 3, CURVE] == 0).all(axis=None)
    one = survival_curves(pd.DataFrame({"days_active": [0], "lapsed": [1]}), horizon_days=2)
    assert one["retained"].tolist() == [0, 0, 0]
    for table in (kept, gone, one):
        assert np.isfinite(table.to_numpy(dtype=float)).all()


def test_rows_without_any_watching_are_left_out_and_counted() -> None:
    table = pd.DataFrame({"days_active": [5, 7, 7], "lapsed": [1, 1, 0], "entry_day": [5, 0, 3]})
    curves = survival_curves(table, horizon_days=7)
    assert left_out(curves)["reason"].tolist() == ["not_watched"]
    assert curves["n_eligible"].iloc[0] == 2


@pytest.mark.parametrize("make", [pd.DataFrame, ibis.memtable], ids=["frame", "engine"])
def test_customers_without_weight_are_left_out_and_counted(make) -> None:
    """As if their rows were not there, a group of them alone included."""
    table = simulated(400, weight=True)
    table.loc[::3, "weight"] = 0
    table.loc[table["segment"] == "c", "weight"] = 0
    there = table[table["weight"] > 0]
    for ask in (survival_curves, restricted_mean):
        found = ask(make(table), by="segment", horizon_days=150)
        pd.testing.assert_frame_equal(found, ask(there, by="segment", horizon_days=150))
        assert set(found["segment"]) == {"a", "b"}
        assert left_out(found)[["reason", "column", "n"]].to_numpy().tolist() == [
            ["weight_zero", "weight", (table["weight"] == 0).sum()]
        ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"days_active": [1, -2, 3]}, "days_active has 1 negative row.*-2"),
        ({"days_active": [1, np.nan, 3]}, "days_active has 1 row.*without a finite number.*row 1"),
        ({"days_active": ["a", "b", "c"]}, "days_active must hold numbers"),
        (
            {"days_active": pd.to_timedelta([1, 2, 3], unit="D")},
            r"days_active must hold numbers .*not timedelta64\[ns\]",
        ),
        ({"days_active": pd.to_datetime(["2025-01-01"] * 3)}, r"days_active must hold numbers .*not datetime64\[ns\]"),
        (
            {"days_active": pd.Series(pd.to_timedelta([1, 2, 3], unit="D"), dtype=object)},
            "must hold numbers .*not object",
        ),
        ({"entry_day": pd.to_timedelta([0, 0, 1], unit="D")}, "entry_day must hold numbers"),
        ({"lapsed": [0, 1, 2]}, "lapsed must be 0 or 1.*2"),
        ({"lapsed": [0, 1, None]}, "lapsed must be 0 or 1"),
        ({"weight": [1, -1, 1]}, "weight must hold finite weights from 0 on.*-1"),
        ({"weight": [0, 0, 0]}, "weight is 0 in every row"),
        ({"entry_day": [0, 9, 0]}, "entry_day lies past days_active.*9 > 2"),
    ],
)
def test_bad_columns_are_named(change: dict[str, list[object]], message: str) -> None:
    table = pd.DataFrame({"days_active": [1, 2, 3], "lapsed": [0, 1, 0], **change})
    with pytest.raises(ValueError, match=message):
        survival_curves(table, horizon_days=2)


def test_bad_arguments_are_named() -> None:
    table = simulated(60)
    with pytest.raises(KeyError, match="spells lacks the column"):
        survival_curves(table, by="branch", horizon_days=5)
    with pytest.raises(ValueError, match="horizon_days must be a whole number of days, at least 1, not 0"):
        survival_curves(table, horizon_days=0)
    with pytest.raises(ValueError, match="alpha must be a number between 0 and 1"):
        survival_curves(table, horizon_days=5, alpha=5)
    with pytest.raises(ValueError, match="spells has no row"):
        survival_curves(table.head(0), horizon_days=5)
    with pytest.raises(TypeError, match="DataFrame or an Ibis table, not list"):
        survival_curves([1, 2], horizon_days=5)  # type: ignore[arg-type]
    short = pd.DataFrame({"days_active": [40, 90], "lapsed": [0, 0], "segment": ["new", "old"]})
    with pytest.raises(ValueError, match=r"horizon_days is 60, past what was watched: new 40 days; at most 40"):
        survival_curves(short, by="segment", horizon_days=60)


SPELLS = st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.integers(0, 10)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(SPELLS)
def test_curves_never_rise_and_bounds_hold_them(rows: list[tuple[int, bool, int]]) -> None:
    table = pd.DataFrame(rows, columns=["days_active", "lapsed", "entry_day"])
    table["entry_day"] = np.minimum(table["entry_day"], (table["days_active"] - 1).clip(lower=0))
    horizon = int(table["days_active"].max())
    assume(horizon >= 1)
    curves = survival_curves(table, horizon_days=horizon)
    assert (np.diff(curves["retained"]) <= 0).all()
    assert ((curves["lower"] <= curves["retained"]) & (curves["retained"] <= curves["upper"])).all()
    assert (np.diff(curves["cumulative_hazard"]) >= 0).all()
    assert curves["lapsed"].sum() == table["lapsed"].sum()


def test_median_equals_lifelines_and_is_infinite_where_not_reached() -> None:
    table = simulated()
    medians = median_retention(table, by="segment").set_index("segment")
    for segment, part in table.groupby("segment"):
        km = KaplanMeierFitter().fit(part["days_active"], part["lapsed"])
        assert medians.loc[segment, "median_days"] == km.median_survival_time_
        for bound, column in (("lower", 0), ("upper", 1)):
            curve = km.confidence_interval_.iloc[:, column]
            assert medians.loc[segment, bound] == curve.index[curve <= 0.5][0]
    never = median_retention(pd.DataFrame({"days_active": [9, 9], "lapsed": [0, 0]}))
    assert np.isinf(never[["median_days", "lower", "upper"]].to_numpy()).all()


def test_restricted_mean_equals_lifelines_and_its_error_the_jackknife() -> None:
    table = simulated(400)
    row = restricted_mean(table, horizon_days=120).iloc[0]
    km = KaplanMeierFitter().fit(table["days_active"], table["lapsed"])
    assert row["rmst_days"] == pytest.approx(restricted_mean_survival_time(km, 120), abs=1e-10)
    n = len(table)
    leave_one = [restricted_mean(table.drop(index=i), horizon_days=120)["rmst_days"].iloc[0] for i in range(0, n, 4)]
    jackknife = np.sqrt((n - 1) * np.var(leave_one))
    # The jackknife on a quarter of the customers is itself known to about 1/√200 = 7 %.
    assert row["se_days"] == pytest.approx(jackknife, rel=0.15)


def test_restricted_mean_of_a_closed_form() -> None:
    """No censoring: the mean of min(days, horizon) and its standard error (divisor n, as Greenwood gives)."""
    days = np.array([3, 8, 8, 15, 40, 41])
    row = restricted_mean(pd.DataFrame({"days_active": days, "lapsed": 1}), horizon_days=20).iloc[0]
    capped = np.minimum(days, 20)
    assert row["rmst_days"] == pytest.approx(capped.mean(), abs=1e-12)
    assert row["se_days"] == pytest.approx(capped.std() / np.sqrt(6), abs=1e-12)


def test_differences_of_means_are_the_differences() -> None:
    table = simulated()
    means = restricted_mean(table, by="segment", horizon_days=100).set_index("segment")
    pairs = restricted_mean_differences(table, by="segment", horizon_days=100)
    assert len(pairs) == 3
    first = pairs.iloc[0]
    assert first["difference_days"] == pytest.approx(means.loc["a", "rmst_days"] - means.loc["b", "rmst_days"])
    assert first["se_days"] == pytest.approx(np.hypot(*means.loc[["a", "b"], "se_days"]))
    same = pd.DataFrame({"days_active": [9, 9, 9, 9], "lapsed": 0, "arm": list("aabb")})
    assert restricted_mean_differences(same, by="arm", horizon_days=9)["p_value"].tolist() == [1.0]
    with pytest.raises(ValueError, match="at least two groups"):
        restricted_mean_differences(table[table["segment"] == "a"], by="segment", horizon_days=9)
