"""Charts of segment insight, drawn headless on the axes given, in both languages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.findings import Text
from helpers.metrics.layers import ACTIVITY_TIERS, VALUE_TIERS, value_activity_grid
from helpers.reporting.plots import segments as plots
from helpers.reporting.plots import style


def grid_table():
    rows = pd.DataFrame({"aum": [100.0] * 60 + [10.0] * 5})
    rows["value_tier"] = pd.Categorical(["high"] * 60 + ["low"] * 5, categories=VALUE_TIERS)
    rows["activity_tier"] = pd.Categorical(
        ["silent"] * 15 + ["frequent"] * 45 + ["silent"] * 5, categories=ACTIVITY_TIERS
    )
    return value_activity_grid(rows, min_group_size=10)


def portrait_table():
    return pd.DataFrame(
        {"trait": [Text("Fund", "基金"), Text("Loan", "贷款")], "tgi": [150.0, 50.0], "lower": [120.0, 30.0]}
    ).assign(upper=[180.0, 80.0])


def hours_table():
    rows = [(d, h, 1.0 if (d, h) == (2, 9) else 0.0) for d in range(7) for h in range(24)]
    rows += [(-1, h, 0.0) for h in range(24)] + [(d, -1, 0.0) for d in range(7)]
    return pd.DataFrame(rows, columns=["weekday", "hour", "share"])


def cohort_table():
    rows = [(f"2024-0{c}", p, 20, c + p < 5) for c in range(1, 5) for p in range(4)]
    table = pd.DataFrame(rows, columns=["cohort", "period", "customers", "is_mature"])
    return table.assign(retained=np.where(table["is_mature"], 1 - 0.1 * table["period"], np.nan))


def curve_table():
    rows = [(s, d, 1 - k * d / 100) for s, k in (("all", 0.2), ("silver", 0.1)) for d in range(61)]
    table = pd.DataFrame(rows, columns=["segment", "day", "retained"])
    return table.assign(lower=table["retained"] - 0.02, upper=table["retained"] + 0.02)


def score_table():
    return pd.DataFrame({"segment": ["silver", "women"], "at_stake": [2e6, 1e6]}).assign(
        at_stake_lower=[1.5e6, 0.9e6], at_stake_upper=[2.5e6, 1.1e6]
    )


CASES = [
    (plots.plot_grid, grid_table, {}, ("24.8 %",)),
    (plots.plot_portrait, portrait_table, {}, ("1.50 times",)),
    (plots.plot_hours, hours_table, {}, ("Wed 9:00",)),
    (plots.plot_cohorts, cohort_table, {}, ("Period 3",)),
    (plots.plot_retention, curve_table, {"segment": "silver"}, ("94.0 %",)),
    (plots.plot_scores, score_table, {"segment": "silver", "currency": "CNY"}, ("CNY 2.00 m",)),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("plot", "table", "settings", "told"), CASES, ids=lambda v: getattr(v, "__name__", ""))
def test_draws_on_the_axes_given_with_title_and_labels(plot, table, settings, told, language):
    with style.look():
        given = style.new_axes()
        ax = plot(table(), ax=given, language=language, **settings)
    assert ax is given
    title = ax.get_title(loc="left") or ax.get_title()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    if language == "en":
        assert any(words in title for words in told), title
    else:
        assert any("\u4e00" <= c <= "\u9fff" for c in title)
        assert any("\u4e00" <= c <= "\u9fff" for c in ax.get_xlabel())


def test_masked_cells_stay_without_a_number():
    with style.look():
        ax = plots.plot_grid(grid_table())
    words = [text.get_text() for text in ax.texts]
    assert sum("too few" in w for w in words) == 1
    assert not any(w.startswith("5 ") for w in words)


def test_immature_cells_are_not_written():
    with style.look():
        ax = plots.plot_cohorts(cohort_table())
    assert len(ax.texts) == int(cohort_table()["is_mature"].sum())


def test_the_segment_looked_at_has_the_band():
    with style.look():
        ax = plots.plot_retention(curve_table(), segment="silver")
    assert len(ax.collections) == 1


@pytest.mark.parametrize("plot", [plots.plot_retention, plots.plot_scores, plots.plot_portrait])
def test_an_empty_table_says_so(plot):
    table = {
        plots.plot_retention: curve_table,
        plots.plot_scores: score_table,
        plots.plot_portrait: portrait_table,
    }[plot]().head(0)
    with style.look():
        assert plot(table).get_title(loc="left")
