"""Names of campaigns, channels and segments come from data: a chart draws them as they are written."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

from helpers.reporting.notebook import _picture
from helpers.reporting.plots import activities, channels, post_mortem, segments, style, titles

# An unclosed formula, a whole one, marks that formulas, paths, formats and markup are made of.
NAMES = ("Save $5^{ $ now", "Gift $A_5$", r"\frac_50%_{off}\$<b>&", "_first")
EXPECTED = {"effect": 0.4, "lower": -0.1, "upper": 0.9}


def written(figure: Any) -> list[str]:
    """Texts of a picture as a reader of its SVG gets them; a formula's would stand apart, sign by sign."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg")
    texts = ET.fromstring(buffer.getvalue()).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(text.itertext()) for text in texts]


def ticks(name: str) -> Any:
    effects = pd.DataFrame(
        {"campaign_id": [name], "form": ["own_thing"], "estimate": [0.3], "lower": [0.1], "upper": [0.5]}
    )
    return activities.past_effects(effects, expected=EXPECTED)


def ticks_and_title(name: str) -> Any:
    money = {"at_stake": [2e6], "at_stake_lower": [1e6], "at_stake_upper": [3e6]}
    return segments.plot_scores(pd.DataFrame({"segment": [name], **money}))


def line_ends(name: str) -> Any:
    rows = [(arm, at, 0.1 * at) for arm in (name, "control_like") for at in range(3)]
    course = pd.DataFrame(rows, columns=["arm", "position", "estimate"]).assign(axis="period", lower=-0.1, upper=0.4)
    return post_mortem.plot_course(course.assign(n=100))


def ticks_of_channels(name: str) -> Any:
    table = pd.DataFrame({"channel": [name, "sms"], "registered_share": [0.4, 0.3], "overall_share": [0.2, 0.1]})
    return channels.plot_funnel(table.assign(n_eligible=100))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("plot", [ticks, ticks_and_title, line_ends, ticks_of_channels])
def test_a_name_is_drawn_as_it_is_written(plot: Any, name: str) -> None:
    with style.look():
        figure = plot(name).figure
        titles.fit(figure)
        shown = written(figure)
        assert "<img" in _picture(figure, name)
    assert any(name in text for text in shown), shown


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_long_title_with_such_a_name_is_broken_and_kept(name: str) -> None:
    words = " and ".join([f"{name} reached more of its customers"] * 4)
    with style.look():
        ax = style.new_axes()
        ax.barh(["Branch counter"], [1], label=name)
        ax.legend()
        ax.set_title(words)
        titles.fit(ax.figure)
        shown = written(ax.figure)
    assert "\n" in ax.get_title(loc="left")
    assert name in shown
    assert titles.one_line(ax.get_title(loc="left")) == words
    assert words in " ".join(shown)


@pytest.mark.parametrize(("n", "told"), [((2_100, 2_600, 3_900), "3,000"), ((100, 1_000, 10_000), "1,000")])
def test_numbers_of_a_log_scale_are_numbers(n: tuple[int, ...], told: str) -> None:
    """Matplotlib writes powers of ten as formulas, between the ticks too where the scale is short."""
    curve = pd.DataFrame({"n": n, "detectable_effect": [2.0, 0.6, 0.2], "is_plan": [False, True, False]})
    with style.look():
        shown = written(activities.detectable_effect(curve, expected=EXPECTED).figure)
    assert told in shown
    assert not any(mark in text for text in shown for mark in "$\\{"), shown
