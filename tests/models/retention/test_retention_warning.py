"""Churn warning: labels, features that end in time, honest tests, and words that admit defeat."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import ibis
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from helpers.models.retention import ChurnWarning
from helpers.models.retention.warning import features, scores

START = pd.Timestamp("2024-01-01")
TODAY = date(2025, 9, 22)  # day 630 of the log


def log_of(days: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "customer_id": np.repeat(list(days), [len(d) for d in days.values()]),
            "day": np.concatenate(list(days.values())),
        }
    )
    rows["occurred_at"] = START + pd.to_timedelta(rows["day"], unit="D") + pd.Timedelta(hours=10)
    return rows[["customer_id", "occurred_at"]]


def bank(n: int = 700, *, seed: int = 0, told: bool = True) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers with visits every ~4 days until a lapse; those of group ``x`` lapse four times as fast (if ``told``).

    Until the lapse nothing in the behaviour announces it, so that what there is to know is the group and the silence.
    """
    rng = np.random.default_rng(seed)
    group = rng.choice(["x", "y"], n)
    rate = np.where(group == "x", 1 / 150, 1 / 600) if told else np.full(n, 1 / 300)
    days = {}
    joined = rng.integers(-100, 500, n)
    for i in range(n):
        visits = joined[i] + np.cumsum(rng.integers(1, 8, 200))
        end = joined[i] + rng.exponential(1 / rate[i])
        days[f"C{i:04d}"] = visits[(visits >= 0) & (visits <= min(end, 630))]
    customers = pd.DataFrame(
        {"customer_id": list(days), "joined_date": START + pd.to_timedelta(joined, unit="D"), "group": group}
    )
    return log_of(days), customers


@pytest.fixture(scope="module")
def fitted() -> ChurnWarning:
    activity, customers = bank(1500)
    balances = pd.DataFrame(
        {
            "customer_id": customers["customer_id"],
            "balance_date": pd.Timestamp(TODAY) - pd.Timedelta(days=20),
            "aum": np.arange(len(customers)) * 10.0,
        }
    )
    model = ChurnWarning((30, 60), silent_days=30, n_backtests=3)
    return model.fit(activity, customers, as_of=TODAY, balances=balances)


def test_labels_equal_a_plain_look_at_the_log() -> None:
    activity, customers = bank(120)
    cutoff, horizon, silent = TODAY - timedelta(days=120), 45, 30
    days = features.daily(activity, TODAY)
    gaps = features.silences(days, silent_days=silent, as_of=TODAY)
    table = features.behaviour(days, cutoff, silent_days=silent)
    at = (pd.Timestamp(cutoff) - pd.Timestamp(1970, 1, 1)).days
    label = features.fell_silent(table, gaps, until_day=at + horizon)
    own_days = (
        activity.assign(day=(activity["occurred_at"].dt.normalize() - pd.Timestamp(1970, 1, 1)).dt.days)
        .groupby("customer_id")["day"]
        .apply(lambda d: np.unique(d))
    )
    last_day = (pd.Timestamp(TODAY) - pd.Timestamp(1970, 1, 1)).days
    seen = dict(zip(table["customer_id"], label, strict=True))
    expected = {}
    for customer, active in own_days.items():
        before = active[active <= at]
        if not len(before) or at - before[-1] >= silent:
            continue
        walk = [before[-1], *active[active > at], last_day]
        begins = next((a for a, b in pairwise(walk) if b - a >= silent), None)
        expected[customer] = int(begins is not None and begins <= at + horizon)
    assert seen == expected
    assert 0 < sum(expected.values()) < len(expected)
    assert set(customers["customer_id"]) >= set(seen)


def test_features_end_before_the_cut_off_day() -> None:
    activity, _ = bank(60)
    cutoff = TODAY - timedelta(days=200)
    earlier = activity[activity["occurred_at"] < pd.Timestamp(cutoff) + pd.Timedelta(days=1)]
    whole, cut = (features.behaviour(features.daily(a, TODAY), cutoff, silent_days=30) for a in (activity, earlier))
    pd.testing.assert_frame_equal(whole, cut)
    row = whole.iloc[0]
    own = earlier[earlier["customer_id"] == row["customer_id"]]["occurred_at"].dt.normalize()
    age = (pd.Timestamp(cutoff) - own).dt.days
    assert row["recency_days"] == age.min()
    assert row["active_30"] == (age < 30).sum()
    assert row["active_31_60"] == ((age >= 30) & (age < 60)).sum()


def test_it_finds_what_was_planted_and_is_calibrated(fitted: ChurnWarning) -> None:
    overall = fitted.backtest_[fitted.backtest_["cutoff"] == "all"].set_index("horizon_days")
    assert overall["better"].all()
    assert (overall["auc_lower"] > 0.6).all()
    assert ((overall["predicted"] - overall["base_rate"]).abs() < 0.05).all()
    bins = fitted.calibration_
    # Ten intervals of 95 % a horizon: three or more miss with probability 0.01.
    missed = (
        ((bins["predicted"] < bins["lower"]) | (bins["predicted"] > bins["upper"])).groupby(bins["horizon_days"]).sum()
    )
    assert (missed <= 3).all()
    assert (bins.groupby("horizon_days")["captured"].last() == 1).all()
    assert fitted.better_than_base_rate(30)
    finding = fitted.findings(horizon_days=30)[0]
    assert "beat the base rate" in finding.text.en
    assert "优于基准率" in finding.text.zh
    assert finding.figures[0].n == overall.loc[30, "n"]


def test_probabilities_do_not_contradict_each_other_and_the_list_is_by_value_at_risk(fitted: ChurnWarning) -> None:
    table = fitted.probabilities_
    assert (table["p_30"] <= table["p_60"]).all()
    assert table[["p_30", "p_60"]].apply(lambda p: p.between(0, 1).all()).all()
    ranked = fitted.warning_list(horizon_days=60, top=20)
    assert len(ranked) == 20
    assert ranked["value_at_risk"].is_monotonic_decreasing
    np.testing.assert_allclose(ranked["value_at_risk"], ranked["p_60"] * ranked["value"])
    own = pd.DataFrame({"customer_id": table["customer_id"].head(3), "value": [1.0, 5.0, 9.0]})
    assert fitted.warning_list(value=own)["value"].sum() == 15
    with pytest.raises(ValueError, match="horizon_days must be one of 30, 60, not 90"):
        fitted.warning_list(horizon_days=90)


def test_it_says_so_when_it_is_no_better_than_the_base_rate() -> None:
    """Visits every day until a lapse that nothing announces, and a fresh log each day: only chance is left."""
    rng = np.random.default_rng(3)
    days = {}
    for i in range(400):
        start = int(rng.integers(0, 400))
        end = start + int(rng.exponential(400))
        days[f"C{i:04d}"] = np.arange(start, min(end, 630) + 1)
    activity = log_of({name: d for name, d in days.items() if len(d)})
    # Only customers seen on the cut-off day are scored, so that no begun silence gives anything away.
    activity = activity[activity["customer_id"].isin([c for c, d in days.items() if len(d) > 1])]
    customers = pd.DataFrame({"customer_id": list(days)})
    customers["joined_date"] = START + pd.to_timedelta([d[0] if len(d) else 0 for d in days.values()], unit="D")
    model = ChurnWarning((30,), silent_days=1, n_backtests=2).fit(activity, customers, as_of=TODAY)
    assert not model.better_than_base_rate(30)
    finding = model.findings()[0]
    assert "no better than the base rate" in finding.text.en
    assert "并不优于基准率" in finding.text.zh
    assert finding.tone == "warning"


def test_lazy_tables_give_the_same_model(fitted: ChurnWarning) -> None:
    activity, customers = bank(300)
    model = ChurnWarning((30,), silent_days=30, n_backtests=3)
    lazy = model.fit(ibis.memtable(activity), ibis.memtable(customers), as_of=TODAY.isoformat())
    plain = ChurnWarning((30,), silent_days=30, n_backtests=3).fit(activity, customers, as_of=TODAY)
    pd.testing.assert_frame_equal(lazy.backtest_, plain.backtest_)


def test_backtests_train_only_on_outcomes_known_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens after a test day changes its outcomes, never its forecasts."""
    activity, customers = bank(300)
    model = ChurnWarning((30,), silent_days=30, n_backtests=1).fit(activity, customers, as_of=TODAY)
    cutoff = date.fromisoformat(model.backtest_["cutoff"].iloc[0])
    rng = np.random.default_rng(0)
    later = activity["occurred_at"] >= pd.Timestamp(cutoff) + pd.Timedelta(days=1)
    scrambled = activity[~later | (rng.random(len(activity)) < 0.5)]
    again = ChurnWarning((30,), silent_days=30, n_backtests=1).fit(scrambled, customers, as_of=TODAY)
    assert again.backtest_["predicted"].iloc[0] == model.backtest_["predicted"].iloc[0]
    assert again.backtest_["base_rate"].iloc[0] != model.backtest_["base_rate"].iloc[0]


def test_scores_equal_scikit_learn_and_delong_the_bootstrap() -> None:
    rng = np.random.default_rng(1)
    p = np.round(rng.beta(1, 4, 600), 2)
    label = (rng.random(600) < p).astype(int)
    value, low, high = scores.auc(label, p)
    assert value == pytest.approx(roc_auc_score(label, p), abs=1e-12)
    draws = [roc_auc_score(label[i], p[i]) for i in (rng.integers(0, 600, 600) for _ in range(300))]
    # 300 draws know a standard deviation to 4 %.
    assert (high - low) / 2 / 1.96 == pytest.approx(np.std(draws), rel=0.15)
    own = scores.brier(label, p, label.mean())
    assert own["brier"] == pytest.approx(brier_score_loss(label, p))
    assert own["skill"] == pytest.approx(1 - own["brier"] / (label.mean() * (1 - label.mean())))
    twice = scores.auc(np.tile(label, 2), np.tile(p, 2), cluster=np.tile(np.arange(600), 2))
    assert twice[1] == pytest.approx(low, abs=1e-3)
    assert scores.auc(np.zeros(5), p[:5]) == (0.5, 0.0, 1.0)


def test_tenths_keep_ties_together() -> None:
    table = scores.tenths(np.array([1, 0, 1, 0, 0, 0]), np.array([0.9, 0.5, 0.5, 0.5, 0.2, 0.1]), bins=3)
    assert table["n"].tolist() == [4, 2]
    assert table["lapsed"].tolist() == [2, 0]
    assert table["captured"].tolist() == [1.0, 1.0]
    none = scores.tenths(np.zeros(4), np.arange(4) / 10, bins=2)
    assert np.isfinite(none.to_numpy()).all()


def test_bad_input_is_told_plainly() -> None:
    activity, customers = bank(40)
    with pytest.raises(ValueError, match=r"too short for a horizon of 90 days: it has \d+ days, at least 360"):
        ChurnWarning((90,)).fit(activity[activity["occurred_at"] > "2025-06-01"], customers, as_of=TODAY)
    with pytest.raises(ValueError, match="horizons_days must be different days in rising order"):
        ChurnWarning((60, 30)).fit(activity, customers, as_of=TODAY)
    with pytest.raises(ValueError, match="silent_days must be a whole number"):
        ChurnWarning(silent_days=0).fit(activity, customers, as_of=TODAY)
    with pytest.raises(KeyError, match="customers lacks"):
        ChurnWarning().fit(activity, customers, as_of=TODAY, attributes=["salary"])
    with pytest.raises(ValueError, match="activity has no row"):
        ChurnWarning().fit(activity.head(0), customers, as_of=TODAY)


def test_a_balance_stands_until_the_next_one_however_old_it_is() -> None:
    rows = [("a", date(2024, 3, 31), 50.0), ("b", date(2025, 1, 31), 10.0), ("b", date(2025, 6, 30), 40.0)]
    balances = pd.DataFrame([*rows, ("b", date(2025, 7, 31), 99.0)], columns=["customer_id", "balance_date", "aum"])
    for table in (balances, ibis.memtable(balances)):
        held = features.money(table, date(2025, 7, 30)).set_index("customer_id")
        assert held.aum.to_dict() == {"a": 50.0, "b": 40.0}
        assert held.aum_change["a"] == 0.0
        assert held.aum_change["b"] == pytest.approx(np.log(41 / 11))
