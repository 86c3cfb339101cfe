"""Uplift's charts: drawn headless on the axes given, in both languages, with what the table says."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from helpers.findings import Text
from helpers.models.uplift import (
    calibration_by_decile,
    overlap,
    policy_curve,
    qini_curve,
    response_groups,
    toc_curve,
    uplift_curve,
)
from helpers.reporting.plots import style
from helpers.reporting.plots import uplift as plots


@pytest.fixture(scope="module")
def tables():
    random = np.random.default_rng(0)
    x, treatment = random.uniform(-1, 1, 3000), random.integers(0, 2, 3000)
    effect = 0.04 + 0.10 * x
    y = random.binomial(1, 0.1 + treatment * effect)
    choice = pd.DataFrame(
        {
            "candidate": ["constant", "r_learner", "own"],
            "improvement": [0.0, 0.02, -0.01],
            "se": [0.0, 0.005, 0.004],
            "lower": [0.0, 0.01, -0.02],
            "upper": [0.0, 0.03, 0.0],
            "chosen": [False, True, False],
        }
    )
    return {
        "qini_curve": qini_curve(y, effect, treatment, n_boot=10),
        "uplift_curve": uplift_curve(y, effect, treatment),
        "toc_curve": toc_curve(y, effect, treatment, n_boot=10),
        "calibration": calibration_by_decile(y, effect, treatment),
        "policy_curve": policy_curve(
            effect, y=y, treatment=treatment, value=100, cost=3, present=x < 0, require_calibrated=False
        ),
        "response_groups": response_groups(effect, baseline=y, lower=effect - 0.05, upper=effect + 0.05),
        "learner_choice": choice,
        "overlap": overlap(np.full(3000, 0.5), treatment),
    }


NAMES = [
    "qini_curve",
    "uplift_curve",
    "toc_curve",
    "calibration",
    "policy_curve",
    "response_groups",
    "learner_choice",
    "overlap",
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_draws_on_the_axes_given_in_both_languages(tables, name, language):
    with style.look():
        axes = Figure().subplots()
        before = tables[name].copy()
        drawn = getattr(plots, f"plot_{name}")(tables[name], ax=axes, language=language)
    assert drawn is axes
    pd.testing.assert_frame_equal(tables[name], before)
    words = axes.get_xlabel() + axes.get_ylabel() + axes.get_title()
    assert axes.get_xlabel()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in words) == (language == "zh")


@pytest.mark.parametrize("name", NAMES)
def test_makes_axes_of_its_own(tables, name):
    axes = getattr(plots, f"plot_{name}")(tables[name])
    axes.figure.canvas.draw()
    assert axes.has_data()


def test_calibration_of_one_group_is_drawn_without_a_warning():
    random = np.random.default_rng(0)
    table = calibration_by_decile(random.normal(size=60), random.normal(size=60), np.arange(60) % 2, n_bins=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = plots.plot_calibration(table)
    (point,) = axes.containers[0].lines[0].get_xydata()
    assert point == pytest.approx(table.loc[0, ["predicted", "observed"]].tolist())


def test_curve_ends_where_the_table_ends(tables):
    axes = plots.plot_qini_curve(tables["qini_curve"])
    diagonal, curve = axes.lines[0], axes.lines[1]
    end = tables["qini_curve"]["qini"].iloc[-1]
    assert curve.get_ydata()[-1] == pytest.approx(end)
    assert diagonal.get_ydata()[-1] == pytest.approx(end)
    assert curve.get_ydata()[0] == 0


def test_a_curve_says_what_it_is_ranked_by(tables):
    for draw, table in ((plots.plot_qini_curve, "qini_curve"), (plots.plot_uplift_curve, "uplift_curve")):
        plain, named = draw(tables[table]), draw(tables[table], ranking=Text("Who responds", "谁会响应"), language="zh")
        assert plain.get_title() == ""
        assert "predicted uplift" in plain.get_xlabel()
        assert named.get_title() == "谁会响应"
        assert "增量" not in named.get_xlabel()


def test_toc_ends_at_the_average_and_its_noisy_start_sets_no_scale(tables):
    table = tables["toc_curve"]
    wild = table.assign(toc=np.where(table.index < 3, 50.0, table["toc"]))
    axes = plots.plot_toc_curve(wild)
    assert axes.lines[1].get_ydata()[-1] == pytest.approx(0, abs=1e-12)
    assert axes.get_ylim()[1] < 2
    assert len(axes.collections) == 1
    assert not plots.plot_toc_curve(table[["n_targeted", "share_targeted", "toc"]]).collections


def test_profit_title_says_the_best_rule(tables):
    axes = plots.plot_policy_curve(tables["policy_curve"], currency="CNY")
    assert "CNY" in axes.get_title()
    assert "(CNY)" in axes.get_ylabel()
    shown = {text.get_text() for text in axes.texts}
    assert {"No one", "Everyone", "As the bank does now", "Best within the budget"} <= shown


def test_constant_is_said_in_the_title(tables):
    table = tables["learner_choice"].assign(chosen=[True, False, False])
    assert plots.plot_learner_choice(table).get_title() == "No heterogeneity that we can use"
    assert plots.plot_learner_choice(tables["learner_choice"]).get_title() == "Chosen: R-learner"


def test_overlap_of_two_arms_is_refused(tables):
    with pytest.raises(ValueError, match="keep one to draw"):
        plots.plot_overlap(pd.concat([tables["overlap"], tables["overlap"].assign(arm="x")]))
