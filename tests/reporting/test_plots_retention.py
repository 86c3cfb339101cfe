"""Retention's charts: drawn headless on the axes given, in both languages, with what the table says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from helpers.findings.numbers import number
from helpers.models import retention
from helpers.reporting.plots import retention as plots
from helpers.reporting.plots import style


@pytest.fixture(scope="module")
def spells() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 1500
    lapse, watched = rng.exponential(120, n), rng.integers(30, 200, n)
    return pd.DataFrame(
        {
            "days_active": np.minimum(lapse, watched).astype(int),
            "lapsed": lapse <= watched,
            "cause": np.where(rng.random(n) < 0.7, "silent", "closed"),
            "segment": rng.choice(["a", "b"], n),
            "is_payroll": rng.random(n) < 0.4,
            "x": rng.standard_normal(n),
        }
    )


@pytest.fixture(scope="module")
def tables(spells: pd.DataFrame) -> dict[str, pd.DataFrame]:
    bins = pd.DataFrame(
        {
            "horizon_days": 30,
            "bin": [1, 2],
            "n": 50,
            "lapsed": [20, 5],
            "predicted": [0.4, 0.1],
            "observed": [0.42, 0.09],
            "lower": [0.3, 0.05],
            "upper": [0.55, 0.2],
            "lift": [1.6, 0.4],
            "captured": [0.8, 1.0],
        }
    )
    money = pd.DataFrame(
        {
            "campaign_id": "K1",
            "day": [0, 1, 2],
            "at_risk": [9.0, 9, 4],
            "kept": [1, 0.6, 0.5],
            "lower": 0.3,
            "upper": 1.0,
        }
    )
    return {
        "plot_survival_curves": retention.survival_curves(spells, by="segment", horizon_days=120),
        "plot_money_kept": money,
        "plot_cumulative_incidence": retention.cumulative_incidence(spells, horizon_days=100),
        "plot_hazard_ratios": retention.CoxRetention().fit(spells, ["is_payroll", "x"]).summary_,
        "plot_restricted_means": retention.restricted_mean(spells, by="segment", horizon_days=90),
        "plot_period_hazards": retention.DiscreteHazard(30).fit(spells, ["is_payroll"]).baseline_,
        "plot_projection": retention.ShiftedBetaGeometric().fit([100, 70, 55, 47]).project(8),
        "plot_calibration": bins,
        "plot_lift": bins,
    }


NAMES = [
    "plot_survival_curves",
    "plot_money_kept",
    "plot_cumulative_incidence",
    "plot_hazard_ratios",
    "plot_restricted_means",
    "plot_period_hazards",
    "plot_projection",
    "plot_calibration",
    "plot_lift",
]


def drawn(name: str) -> Callable[..., Axes]:
    return getattr(plots, name)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_a_chart_draws_on_the_axes_given_with_both_axes_named(
    name: str, language: str, tables: dict[str, pd.DataFrame]
) -> None:
    before = tables[name].copy(deep=True)
    with style.look():
        figure = Figure()
        ax = figure.subplots()
        assert drawn(name)(tables[name], ax=ax, language=language) is ax
        figure.canvas.draw()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert (any("一" <= c <= "鿿" for c in ax.get_xlabel())) == (language == "zh")
    pd.testing.assert_frame_equal(tables[name], before)


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_makes_its_own_axes_where_none_are_given(name: str, tables: dict[str, pd.DataFrame]) -> None:
    assert drawn(name)(tables[name]).figure is not None


def texts(ax: Axes) -> list[str]:
    return [text.get_text().strip() for text in ax.texts]


def test_curves_carry_names_bands_and_numbers_at_risk(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["plot_survival_curves"]
    ax = plots.plot_survival_curves(table)
    line = ax.lines[0]
    np.testing.assert_array_equal(line.get_ydata(), table.loc[table["segment"] == "a", "retained"])
    assert len(ax.collections) == 2
    start = table[table["day"] == 0]["at_risk"]
    assert {"a", "b", *(f"{n:,.0f}" for n in start)} <= set(texts(ax))
    without = plots.plot_survival_curves(table, at_risk=False)
    assert "Still watched" in texts(ax)
    assert "Still watched" not in texts(without)


def test_flags_and_causes_are_named_in_the_readers_language(spells: pd.DataFrame) -> None:
    curves = retention.survival_curves(spells, by="is_payroll", horizon_days=60)
    assert any(text.startswith("非：") for text in texts(plots.plot_survival_curves(curves, language="zh")))
    causes = retention.cumulative_incidence(spells, horizon_days=60)
    assert {"沉默", "销户"} <= set(texts(plots.plot_cumulative_incidence(causes, language="zh")))


def test_forest_shows_each_ratio_with_its_interval(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["plot_hazard_ratios"]
    ax = plots.plot_hazard_ratios(table)
    row = table.loc["x"]
    assert f"{row['hazard_ratio']:.2f} ({row['lower']:.2f}–{row['upper']:.2f})" in texts(ax)
    assert ax.get_xscale() == "log"
    odds = plots.plot_hazard_ratios(table.rename(columns={"hazard_ratio": "odds_ratio"}))
    assert "Odds ratio" in odds.get_xlabel()


def test_forest_names_the_banks_attributes_and_levels_in_the_readers_language() -> None:
    names = ["is_payroll", "gender[M]", "branch=Airport", "city_tier[2]", "x"]
    table = pd.DataFrame({"hazard_ratio": 0.8, "lower": 0.7, "upper": 0.9}, index=names)

    def shown(language: str) -> list[str]:
        return [tick.get_text() for tick in plots.plot_hazard_ratios(table, language=language).get_yticklabels()][::-1]

    assert shown("en") == ["Payroll", "Gender: men", "Branch: Airport", "City tier: 2", "x"]
    assert shown("zh") == ["代发", "性别：男", "网点：Airport", "城市级别：2", "x"]


def test_calibration_says_its_horizon_in_the_title_or_at_the_points(tables: dict[str, pd.DataFrame]) -> None:
    one = tables["plot_calibration"]
    n = int(one["n"].sum())
    came = number(one["lapsed"].sum() / n, "share")
    assert plots.plot_calibration(one).get_title().startswith("Falling silent within 30 days: ")
    assert plots.plot_calibration(one).get_title().endswith(f"predicted, {came} came (n = {n:,})")
    assert plots.plot_calibration(one, language="zh").get_title().startswith("30 天内沉默：预测 ")
    several = plots.plot_calibration(pd.concat([one, one.assign(horizon_days=60)]))
    assert several.get_title() == ""
    assert {"30 days", "60 days"} <= set(texts(several))


def test_lift_takes_one_horizon(tables: dict[str, pd.DataFrame]) -> None:
    two = pd.concat([tables["plot_lift"], tables["plot_lift"].assign(horizon_days=60)])
    with pytest.raises(ValueError, match="one horizon"):
        plots.plot_lift(two)
    assert plots.plot_calibration(two) is not None
