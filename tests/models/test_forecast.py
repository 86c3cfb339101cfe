"""Projections against chains worked out by hand and simulated truths; gaps that close to the last customer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.metrics import months
from helpers.models.forecast import (
    AumProjection,
    MauProjection,
    backtest_aum,
    backtest_mau,
    backtest_summary,
    close_gap,
)


def steps_of(histories: list[list[int]], n_months: int) -> pd.DataFrame:
    """Count histories (months active, 0 the first) as the engine does; all joined in their first active month."""
    rows: dict[tuple, int] = {}
    for active in histories:
        seen = [m for m in active if m < n_months]
        for i, month in enumerate(seen):
            key = (month, seen[i - 1] if i else np.nan, seen[i + 1] if i + 1 < len(seen) else np.nan)
            key = tuple(-1 if x != x else x for x in key)
            rows[key] = rows.get(key, 0) + 1
    table = pd.DataFrame(
        [(*k, "same", n) for k, n in rows.items()], columns=["month", "previous", "next", "origin", "customers"]
    )
    return table.assign(**{c: table[c].astype(float).where(table[c] >= 0) for c in ("previous", "next")})


def world(
    seed: int, n_months: int = 24, *, new: float = 200.0, stay: float = 0.9, back: float = 0.05
) -> list[list[int]]:
    """Simulate customers whose months follow known rates that never change."""
    rng = np.random.default_rng(seed)
    histories = []
    for month in range(n_months):
        for _ in range(rng.poisson(new if month else new / (1 - stay))):
            active, is_on = [month], True
            for later in range(month + 1, n_months):
                is_on = rng.random() < (stay if is_on else back)
                if is_on:
                    active.append(later)
            histories.append(active)
    return histories


@pytest.fixture(scope="module")
def fitted() -> MauProjection:
    return MauProjection(history_months=8).fit(steps_of(world(1), 24), n_months=24)


def test_rates_are_recovered(fitted: MauProjection) -> None:
    level, n = fitted.drivers_.level, fitted.n_at_risk_
    # Four standard errors of a share out of those at risk in the eight months.
    assert abs(level["stay_old"] - 0.9) < 4 * np.sqrt(0.09 / n["stay_old"])
    assert abs(level["return_later"] - 0.05) < 4 * np.sqrt(0.0475 / n["return_later"])
    assert abs(level["arrive_joined_now"] - 200) < 4 * np.sqrt(200 / 8)


def test_projection_is_the_chain_worked_out_by_hand(fitted: MauProjection) -> None:
    d, s = fitted.drivers_.level, fitted.state_
    came = sum(s[r] * d[r] for r in ("stay_new", "stay_old", "return_after_1", "return_after_2", "return_later"))
    first = d["arrive_joined_now"] + d["arrive_joined_earlier"] + d["arrive_unseen"]
    one = came + first
    away = s["stay_new"] * (1 - d["stay_new"]) + s["stay_old"] * (1 - d["stay_old"])
    new = d["arrive_joined_now"] + d["arrive_joined_earlier"]
    later = s["return_after_2"] * (1 - d["return_after_2"]) + s["return_later"] * (1 - d["return_later"])
    two = new * d["stay_new"] + (one - new) * d["stay_old"] + away * d["return_after_1"]
    two += s["return_after_1"] * (1 - d["return_after_1"]) * d["return_after_2"] + later * d["return_later"] + first
    assert fitted.project(2).tolist() == pytest.approx([one, two])


def test_interval_covers_worlds_whose_rates_do_not_change() -> None:
    horizon, hits, worlds = 3, 0, 20
    for seed in range(worlds):
        histories = world(100 + seed, 18 + horizon, new=60.0)
        model = MauProjection(n_paths=500).fit(steps_of(histories, 18), n_months=18)
        end = model.predict(horizon).iloc[-1]
        hits += end["lower"] <= sum(18 + horizon - 1 in active for active in histories) <= end["upper"]
    # 95 % meant; of 20 worlds fewer than 17 would be seen in 1.6 % of runs (binomial).
    assert hits >= 17


def test_same_seed_same_interval_and_more_horizon_more_doubt(fitted: MauProjection) -> None:
    table = fitted.predict(6)
    pd.testing.assert_frame_equal(table, fitted.predict(6))
    width = (table["upper"] - table["lower"]).to_numpy()
    assert width[-1] > width[0] > 0
    assert ((table["lower"] <= table["mau"]) & (table["mau"] <= table["upper"])).all()


def test_nobody_lapsed_and_everybody_lapsed() -> None:
    stays = MauProjection().fit(steps_of([[0, 1, 2, 3, 4, 5]] * 50, 6), n_months=6)
    assert stays.project(3)[-1] == pytest.approx(50, abs=1)
    gone = MauProjection().fit(steps_of([[0]] * 50, 6), n_months=6)
    assert gone.mau_ == 0
    assert gone.predict(2)["mau"].iloc[-1] < 5
    with pytest.raises(ValueError, match="at least 2 whole months of activity, there is 1"):
        MauProjection().fit(steps_of([[0]], 1), n_months=1)


def test_single_month_of_change_has_no_interval() -> None:
    model = MauProjection().fit(steps_of([[0, 1], [0], [1]], 2), n_months=2)
    assert model.predict(2)["lower"].isna().all()
    assert model.paths(2).shape == (0, 2)


def components(
    n_months: int = 20,
    *,
    inflow: float = 0.04,
    outflow: float = 0.03,
    noise: float = 0.004,
    seed: int = 0,
    known: bool = True,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    aum, rows = 1e6, []
    for i in range(n_months):
        month = f"{2024 + i // 12}-{i % 12 + 1:02d}"
        up, down = aum * (inflow + rng.normal(0, noise)), -aum * (outflow + rng.normal(0, noise))
        market, first = aum * rng.normal(0, noise), 5_000.0
        parts = (
            ("expansion", 60, aum * 0.6, up + market),
            ("contraction", 40, aum * 0.4, down),
            ("new", 5, 0.0, first),
        )
        for name, customers, before, change in parts:
            money = change - market if name == "expansion" else change
            rows.append(
                (month, name, customers, customers, before, before + change, change, money if known else np.nan)
            )
        aum += up + down + market + first
    columns = ["month", "component", "customers", "n_holders", "aum_before", "aum", "aum_change", "net_new_money"]
    return pd.DataFrame(rows, columns=columns).assign(valuation=lambda t: t["aum_change"] - t["net_new_money"])


def test_aum_drivers_are_recovered_and_add_up() -> None:
    table = components()
    model = AumProjection(history_months=12).fit(table)
    # Standard error of a mean of twelve: 0.004 / √12 = 0.0012; four of them.
    assert model.drivers_.level["inflow_rate"] == pytest.approx(0.04, abs=0.0046)
    assert model.drivers_.level["outflow_rate"] == pytest.approx(0.03, abs=0.0046)
    assert model.drivers_.level["first_assets"] == pytest.approx(5000)
    d = model.drivers_.level
    one = model.aum_ * (1 + d["inflow_rate"] - d["outflow_rate"] + d["valuation_rate"]) + d["first_assets"]
    assert model.project(1)[0] == pytest.approx(one)
    rates = model.drivers_.history
    opening = table.groupby("month")["aum_before"].sum()
    change = table.groupby("month")["aum_change"].sum()
    built = opening * (rates["inflow_rate"] - rates["outflow_rate"] + rates["valuation_rate"]) + rates["first_assets"]
    assert (built - change).abs().max() < 1e-6


def test_without_net_inflow_the_market_has_no_driver_of_its_own() -> None:
    model = AumProjection().fit(components(known=False))
    assert not model.has_new_money_
    assert model.drivers_.history["valuation_rate"].abs().max() < 1e-12


def test_backtest_sees_nothing_of_the_future() -> None:
    histories = world(3, 16, new=40.0)
    names = [months.write(months.add(months.read("2024-01"), i)) for i in range(16)]
    table = backtest_mau(steps_of(histories, 16), names, horizon_months=2, n_paths=200)
    origin = table[table["origin"] == names[9]]
    early = MauProjection(n_paths=200).fit(steps_of(histories, 10), n_months=10).predict(2)
    assert origin["projected"].tolist() == pytest.approx(early["mau"].tolist())
    assert origin["lower"].tolist() == pytest.approx(early["lower"].tolist())
    assert origin["naive"].iloc[0] == sum(9 in active for active in histories)
    found = backtest_summary(table, horizon_months=2)
    assert found["n_origins"] == 11
    assert 0 <= found["lower"] <= found["coverage"] <= found["upper"] <= 1
    assert backtest_summary(table.iloc[:0], horizon_months=2)["n_origins"] == 0
    money = backtest_aum(components(12), horizon_months=3, n_paths=200)
    assert money["origin"].iloc[0] == "2024-03"


@pytest.mark.parametrize("growth", [1.01, 1.05])
def test_gap_is_closed_exactly_and_shared_without_rest(fitted: MauProjection, growth: float) -> None:
    target = fitted.project(4)[-1] * growth
    plan = close_gap(fitted, target=target, horizon_months=4)
    assert plan.path[-1] == pytest.approx(target, rel=1e-9)
    assert sum(plan.shares.values()) == pytest.approx(plan.gap, rel=1e-6)
    assert set(plan.shares) == {"acquire", "activate", "retain", "resurrect"}
    assert all(share >= 0 for share in plan.shares.values())
    assert (plan.levers["asked"] >= plan.levers["level"]).all()
    # Full effort is by definition the good months' level.
    whole = close_gap(fitted, target=fitted.project(4)[-1] + plan.room, horizon_months=4)
    assert whole.effort == pytest.approx(1, abs=1e-6)


def test_target_below_and_target_out_of_reach(fitted: MauProjection) -> None:
    base = fitted.project(3)[-1]
    below = close_gap(fitted, target=base * 0.9, horizon_months=3)
    assert below.effort == 0
    assert below.gap < 0
    assert sum(below.shares.values()) == 0
    beyond = close_gap(fitted, target=base * 50, horizon_months=3)
    assert np.isnan(beyond.effort)
    assert beyond.path[-1] < base * 50


def test_asking_for_more_money_never_asks_for_more_outflow() -> None:
    model = AumProjection().fit(components())
    plan = close_gap(model, target=model.project(3)[-1] * 1.02, horizon_months=3)
    levers = plan.levers.set_index("driver")
    assert levers.loc["outflow_rate", "asked"] < levers.loc["outflow_rate", "level"]
    assert levers.loc["inflow_rate", "asked"] > levers.loc["inflow_rate", "level"]
    assert sum(plan.shares.values()) == pytest.approx(plan.gap, rel=1e-6)


def test_bad_settings_are_named(fitted: MauProjection) -> None:
    steps = steps_of([[0, 1]], 2)
    for settings, message in (
        ({"history_months": 1}, "history_months must be at least 2, not 1"),
        ({"n_paths": 5}, "n_paths must be at least 100, not 5"),
        ({"alpha": 1.0}, "alpha must lie between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=message):
            MauProjection(**settings).fit(steps, n_months=2)
    with pytest.raises(ValueError, match="horizon_months must be a whole number from 1 to 36, not 0"):
        fitted.predict(0)
    with pytest.raises(ValueError, match=r"stretch_quantile must lie between 0\.5 and 1, not 0\.2"):
        close_gap(fitted, target=1.0, horizon_months=1, stretch_quantile=0.2)
    with pytest.raises(ValueError, match="at least 2 month ends"):
        AumProjection().fit(components(1).iloc[:0])
