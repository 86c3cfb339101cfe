"""Log-rank tests and incidences by cause: against lifelines, statsmodels, published values and direct sums."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from lifelines import AalenJohansenFitter
from lifelines.datasets import load_lung
from lifelines.statistics import multivariate_logrank_test, pairwise_logrank_test
from statsmodels.duration.survfunc import survdiff

from helpers.models.retention import cumulative_incidence, logrank, survival_curves


def simulated(n: int = 2000, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    segment = rng.choice(["a", "b", "c"], n)
    lapse = rng.exponential(np.where(segment == "a", 60, 80))
    watched = rng.integers(0, 150, n)
    return pd.DataFrame(
        {
            "days_active": np.minimum(np.floor(lapse), watched).astype(int),
            "lapsed": (lapse <= watched).astype(int),
            "segment": segment,
            "region": rng.choice(["n", "s"], n),
        }
    )


def test_lung_by_sex_is_the_published_value() -> None:
    """R's survdiff on the lung data: 10.3 on 1 degree of freedom, p = 0.0013."""
    lung = load_lung().assign(days_active=lambda t: t["time"], lapsed=lambda t: t["status"])
    row = logrank(lung, by="sex").iloc[0]
    assert row["statistic"] == pytest.approx(10.3267, abs=5e-5)
    assert row["p_value"] == pytest.approx(0.001311, abs=5e-7)


def test_overall_and_pairs_equal_lifelines() -> None:
    table = simulated()
    ours = logrank(table, by="segment")
    overall = multivariate_logrank_test(table["days_active"], table["segment"], table["lapsed"])
    assert ours.loc[0, "statistic"] == pytest.approx(overall.test_statistic, rel=1e-10)
    assert ours.loc[0, "p_value"] == pytest.approx(overall.p_value, rel=1e-10)
    assert (ours.loc[0, "group_a"], ours.loc[0, "df"]) == ("all", 2)
    pairs = pairwise_logrank_test(table["days_active"], table["segment"], table["lapsed"]).summary
    for row in ours.iloc[1:].itertuples():
        theirs = pairs.loc[(row.group_a, row.group_b)]
        assert row.statistic == pytest.approx(theirs["test_statistic"], rel=1e-10)
    ordered = ours.iloc[1:].sort_values("p_value")
    assert ordered["p_adjusted"].iloc[0] == pytest.approx(min(3 * ordered["p_value"].iloc[0], 1))


def test_strata_equal_statsmodels() -> None:
    table = simulated()
    two = table[table["segment"] != "c"]
    ours = logrank(two, by="segment", strata="region").iloc[0]
    chi2, p_value = survdiff(two["days_active"], two["lapsed"], two["segment"], strata=two["region"])
    assert ours["statistic"] == pytest.approx(chi2, rel=1e-10)
    assert ours["p_value"] == pytest.approx(p_value, rel=1e-9)


def test_late_entry_is_honoured_as_a_direct_sum_says() -> None:
    table = simulated(600)
    rng = np.random.default_rng(2)
    table["entry_day"] = np.minimum(rng.integers(0, 40, 600), (table["days_active"] - 1).clip(lower=0))
    two = table[table["segment"] != "c"]
    watched = two[(two["entry_day"] == 0) | (two["entry_day"] < two["days_active"])]
    score = variance = 0.0
    for day in np.unique(watched.loc[watched["lapsed"] == 1, "days_active"]):
        here = watched[
            (watched["days_active"] >= day)
            & ((watched["entry_day"] < day) | ((watched["entry_day"] == 0) & (day == 0)))
        ]
        event = here[(here["days_active"] == day) & (here["lapsed"] == 1)]
        n, d, n_a = len(here), len(event), (here["segment"] == "a").sum()
        score += (event["segment"] == "a").sum() - d * n_a / n
        variance += d * n_a / n * (1 - n_a / n) * (n - d) / (n - 1) if n > 1 else 0.0
    assert logrank(two, by="segment")["statistic"].iloc[0] == pytest.approx(score**2 / variance, rel=1e-10)


def test_a_lazy_table_gives_the_same_test() -> None:
    table = simulated()
    pd.testing.assert_frame_equal(logrank(ibis.memtable(table), by="segment"), logrank(table, by="segment"))


def test_level_is_kept_when_nothing_differs() -> None:
    """400 tests of two equal groups: about 5 % below 0.05 (standard error 1.1 points)."""
    rng = np.random.default_rng(8)
    low = 0
    for _ in range(400):
        lapse, watched = rng.geometric(0.02, 200), rng.integers(1, 90, 200)
        table = pd.DataFrame(
            {"days_active": np.minimum(lapse, watched), "lapsed": lapse <= watched, "arm": np.tile([0, 1], 100)}
        )
        low += logrank(table, by="arm")["p_value"].iloc[0] < 0.05
    assert 0.02 <= low / 400 <= 0.085


def test_limits_of_the_test() -> None:
    nobody = pd.DataFrame({"days_active": [3, 4, 5, 6], "lapsed": 0, "arm": list("aabb")})
    assert logrank(nobody, by="arm")[["statistic", "p_value"]].iloc[0].tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="at least two groups apart; there is only a"):
        logrank(nobody[nobody["arm"] == "a"], by="arm")
    with pytest.raises(ValueError, match="by and strata must differ"):
        logrank(nobody, by="arm", strata="arm")
    with pytest.raises(ValueError, match="by must name"):
        logrank(nobody, by=None)  # type: ignore[arg-type]


def causes(n: int = 800, seed: int = 4) -> pd.DataFrame:
    """Lapses of two causes, never tied across causes: silent on even days, closed on odd ones."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, n)
    days = rng.integers(1, 80, n) * 2
    days = np.where(kind == 2, days + 1, days)
    return pd.DataFrame({"days_active": days, "lapsed": kind > 0, "cause": np.array([None, "silent", "closed"])[kind]})


def test_incidence_and_variance_equal_lifelines_where_it_does_not_jitter() -> None:
    """lifelines takes a day for free of ties if it has no two causes; it then sums whole days exactly."""
    rng = np.random.default_rng(6)
    n = 700
    days = rng.permutation(n) + 1.0
    kind = rng.integers(0, 3, n)
    table = pd.DataFrame({"days_active": days, "lapsed": kind > 0, "cause": kind})
    ours = cumulative_incidence(table, horizon_days=600)
    for cause in (1, 2):
        theirs = AalenJohansenFitter(calculate_variance=True).fit(days, kind, event_of_interest=cause)
        own = ours[ours["cause"] == cause]
        for column, expected in (
            ("incidence", theirs.cumulative_density_.iloc[:, 0]),
            ("variance", theirs.variance_),
        ):
            reference = expected.reindex(np.arange(601), method="ffill").fillna(0.0).to_numpy()
            np.testing.assert_allclose(own[column], reference, rtol=0, atol=1e-10)
        bounds = theirs.confidence_interval_.reindex(np.arange(601), method="ffill").to_numpy()
        seen = own["incidence"].to_numpy() > 0
        np.testing.assert_allclose(
            own.loc[seen, ["lower", "upper"]].to_numpy(), np.sort(bounds[seen], axis=1), rtol=0, atol=1e-10
        )


def test_incidence_and_variance_equal_a_direct_sum_with_ties_and_late_entry() -> None:
    rng = np.random.default_rng(9)
    n = 300
    days, kind = rng.integers(0, 25, n), rng.integers(0, 3, n)
    entry = np.minimum(rng.integers(0, 10, n), (days - 1).clip(0))
    table = pd.DataFrame({"days_active": days, "lapsed": kind > 0, "cause": kind, "entry_day": entry})
    ours = cumulative_incidence(table, horizon_days=20)
    watched = (entry == 0) | (entry < days)
    survival, terms = 1.0, []
    for day in range(21):
        at_risk = watched & (days >= day) & ((entry < day) | ((entry == 0) & (day == 0)))
        here, d = at_risk.sum(), (at_risk & (days == day) & (kind > 0)).sum()
        terms.append((here, d, (at_risk & (days == day) & (kind == 1)).sum(), survival))
        survival *= 1 - d / here
    incidence = np.cumsum([s * k / n_ for n_, d, k, s in terms])
    own = ours[ours["cause"] == 1]
    np.testing.assert_allclose(own["incidence"], incidence, rtol=0, atol=1e-12)
    for t in range(21):
        variance = sum(
            (incidence[t] - incidence[i]) ** 2 * d / (m * (m - d))
            + s**2 * k * (m - k) / m**3
            - 2 * (incidence[t] - incidence[i]) * s * k / m**2
            for i, (m, d, k, s) in enumerate(terms[: t + 1])
        )
        assert own["variance"].iloc[t] == pytest.approx(variance, abs=1e-12)


def test_incidences_add_up_to_what_has_lapsed() -> None:
    table = causes()
    total = cumulative_incidence(table, horizon_days=150).groupby("day")["incidence"].sum()
    curve = survival_curves(table, horizon_days=150).set_index("day")["retained"]
    np.testing.assert_allclose(total, 1 - curve, atol=1e-12)


def test_one_cause_alone_is_one_minus_the_curve_with_greenwood() -> None:
    table = causes().assign(cause="any")
    own = cumulative_incidence(table, horizon_days=150)
    curve = survival_curves(table, horizon_days=150)
    np.testing.assert_allclose(own["incidence"], 1 - curve["retained"], atol=1e-12)
    n, d = curve["at_risk"].to_numpy(), curve["lapsed"].to_numpy()
    greenwood = curve["retained"] ** 2 * np.cumsum(d / (n * (n - d)))
    np.testing.assert_allclose(own["variance"], greenwood, rtol=1e-9, atol=1e-14)


def test_cause_errors_and_limits() -> None:
    table = causes()
    with pytest.raises(ValueError, match="cause is empty in 1 row"):
        cumulative_incidence(table.assign(cause=table["cause"].mask(table.index == table["lapsed"].idxmax())))
    with pytest.raises(ValueError, match="nobody lapsed"):
        cumulative_incidence(table.assign(lapsed=0))
    with pytest.raises(KeyError, match="cause"):
        cumulative_incidence(table.drop(columns="cause"))
    everybody = pd.DataFrame({"days_active": [1, 2], "lapsed": 1, "cause": ["silent", "closed"]})
    last = cumulative_incidence(everybody, horizon_days=5).query("day == 5")
    assert last["incidence"].tolist() == [0.5, 0.5]
    assert np.isfinite(last[["variance", "lower", "upper"]].to_numpy()).all()
    by_group = cumulative_incidence(table.assign(g=np.arange(len(table)) % 2), by="g", horizon_days=100)
    assert len(by_group) == 2 * 2 * 101
