"""Charts of activity design: drawn on the axes given, labelled in both languages, whole where nothing is known."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.findings import Text
from helpers.reporting.plots import activities as plots
from helpers.reporting.plots import style

EXPECTED = {"effect": 0.4, "lower": -0.1, "upper": 0.9}
EFFECTS = pd.DataFrame(
    {
        "campaign_id": ["K1", "K2"],
        "form": ["checkin", "own_thing"],
        "estimate": [0.3, -0.1],
        "lower": [0.1, -0.4],
        "upper": [0.5, 0.2],
    }
)
CURVE = pd.DataFrame({"n": [100, 1000, 10000], "detectable_effect": [2.0, 0.6, 0.2], "is_plan": [False, True, False]})
BILLS = pd.DataFrame({"cost_from": [0.0, 10.0, 20.0], "cost_to": [10.0, 20.0, 30.0], "n_bills": [10, 70, 20]})
WEIGHTS = {"score_effect": 0.6, "score_fit": 0.4}
SCORES = pd.DataFrame(
    {
        "form": ["checkin", "quiz"], "form_score": [0.84, 0.5], "form_verdict": ["first", "not_now"],
        "score_effect": [1.0, 0.5], "score_fit": [0.6, 0.5],
    }
)  # fmt: skip
DRAWN = [
    (plots.past_effects, EFFECTS, {"expected": EXPECTED, "metric_name": Text("active days", "活跃天数")}),
    (plots.past_effects, EFFECTS.iloc[:0], {"expected": EXPECTED}),
    (plots.detectable_effect, CURVE, {"expected": EXPECTED}),
    (plots.detectable_effect, CURVE.iloc[:0], {"expected": EXPECTED}),
    (plots.cost_distribution, BILLS, {"budget": 20.0, "p_over": 0.2, "currency": "CNY"}),
    (plots.cost_distribution, BILLS, {"budget": 1e6, "p_over": 0.0}),
    (plots.form_scores, SCORES, {"weights": WEIGHTS}),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("plot", "table", "settings"), DRAWN)
def test_drawn_on_the_axes_given_with_title_and_labels(plot, table, settings, language) -> None:
    before = table.copy()
    with style.look():
        ax = style.new_axes()
        assert plot(table, ax=ax, language=language, **settings) is ax
        ax.figure.canvas.draw()
    assert ax.get_title(loc="left")
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    words = ax.get_title(loc="left") + ax.get_xlabel() + ax.get_ylabel()
    assert any("\u4e00" <= char <= "\u9fff" for char in words) == (language == "zh")
    pd.testing.assert_frame_equal(table, before)


def test_bars_end_at_the_score_and_bills_over_the_budget_are_marked() -> None:
    with style.look():
        ax = plots.form_scores(SCORES, weights=WEIGHTS)
        ends = [bar.get_x() + bar.get_width() for bar in ax.patches][-2:]
        assert ends == pytest.approx(SCORES["form_score"].tolist())
        ax = plots.cost_distribution(BILLS, budget=20.0, p_over=0.2)
    colours = [patch.get_facecolor() for patch in ax.patches]
    assert colours[0] == colours[1] != colours[2]
    assert "20.0 %" in ax.get_title(loc="left")
