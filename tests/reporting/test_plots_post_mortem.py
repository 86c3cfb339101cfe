"""Charts of the post-mortem: drawn on the axes given, in both languages, titles with the number; empty tables too."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.reporting.plots import post_mortem as plots
from helpers.reporting.plots import style
from helpers.steps.post_mortem.earnings import COLUMNS as RETURNS
from helpers.steps.post_mortem.measures import COLUMNS as EFFECTS

BRIDGE = pd.DataFrame(
    {
        "piece": ["baseline", "drift", "effect", "actual", "gap", "target"],
        "amount": [4.6, -0.5, 1.0, 5.1, 0.3, 5.4],
    }
)
COURSE = pd.DataFrame(
    {
        "axis": "week",
        "arm": ["gift"] * 4 + ["points"] * 4,
        "position": [-1, 0, 1, 2] * 2,
        "estimate": [0.0, 0.3, 0.2, 0.0] * 2,
        "lower": -0.1,
        "upper": 0.4,
        "n": 100,
    }
)
FUNNEL = pd.DataFrame(
    {
        "stage": ["assigned", "delivered", "viewed", "joined"],
        "n": [100, 95, 40, 30],
        "step_share": [1.0, 0.95, 0.421, 0.75],
        "n_lost": [0, 5, 55, 10],
    }
)
MONEY = pd.DataFrame(
    {
        "metric": ["aum_change", "aum_kept_change"],
        "arm": "treatment",
        "method": "cuped+winsorized",
        "estimate": [2200.0, 7.0],
        "lower": [1700.0, -540.0],
        "upper": [2700.0, 560.0],
    }
).reindex(columns=EFFECTS)
ROI = pd.DataFrame([["treatment", "both", 100, 3.0, -6.0, 12.0, 3.1, 310.0, 0.96, -1.9, 3.9]], columns=RETURNS)
PICTURES = [
    (plots.plot_gap, BRIDGE, {}, "+0.30"),
    (plots.plot_course, COURSE, {"window_days": 14}, "+0.50"),
    (plots.plot_course, COURSE.assign(axis="period"), {}, "gift"),
    (plots.plot_funnel, FUNNEL, {}, "55"),
    (plots.plot_money, MONEY, {"currency": "CNY"}, "2,200"),
    (plots.plot_roi, ROI, {"roi_margin": 1.0}, "0.96"),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("plot", "table", "settings", "number"), PICTURES)
def test_drawn_on_the_axes_given_with_the_number_in_the_title(plot, table, settings, number, language) -> None:
    before = table.copy()
    with style.look():
        ax = style.new_axes()
        assert plot(table, ax=ax, language=language, **settings) is ax
        ax.figure.canvas.draw()
    assert number in ax.get_title(loc="left") + ax.get_title()
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(("plot", "table", "settings", "_number"), PICTURES)
def test_empty_tables_say_that_there_is_nothing(plot, table, settings, _number) -> None:
    ax = plot(table.iloc[:0], **settings)
    ax.figure.canvas.draw()


def test_a_broken_split_claims_nothing() -> None:
    ax = plots.plot_money(MONEY, is_causal=False)
    assert "no cause" in ax.get_title(loc="left") + ax.get_title()
    ax = plots.plot_course(COURSE, is_causal=False)
    assert "no cause" in ax.get_title(loc="left") + ax.get_title()


def test_pieces_of_the_bridge_stand_on_each_other() -> None:
    ax = plots.plot_gap(BRIDGE)
    tops = {round(bar.get_y() + bar.get_height(), 6) for bar in ax.patches}
    # drift leads down to 4.1, the effect from there to 5.1, the gap from 5.1 to the target
    assert {4.1, 5.1, 5.4} <= tops
