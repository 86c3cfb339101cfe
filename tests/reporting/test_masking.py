"""A group of seven is nowhere on a page: not in a table, not in a chart, its picture's text or alt text."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from matplotlib.axes import Axes

from helpers.reporting import Page
from helpers.reporting.plots import channels, growth, post_mortem, style
from helpers.runs import parameters, plan

GROUPS = pd.DataFrame(
    {"branch": ["Harbour", "Tiny Pier", "Old Town", "Hill"], "n": [900, 7, 80, 300], "share": [0.7, 0.01, 0.06, 0.23]}
)


def bars(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """A chart whose title, ticks and labels name every row of its table."""
    ax = style.new_axes(ax)
    ax.bar(table["branch"], table["n"])
    for place, (name, n) in enumerate(zip(table["branch"], table["n"], strict=True)):
        ax.text(place, n, f"{name} n={n}")
    ax.set_title(f"Smallest: {table.loc[table['n'].idxmin(), 'branch']} ({table['n'].min()})")
    return ax


@pytest.fixture
def page(tiny_bank: Callable[..., Any]) -> Callable[..., Page]:
    """A page: ``page(min_group_size=5)``."""

    def make(**settings: Any) -> Page:
        return Page("01_goal_decomposition", bank=tiny_bank(as_of="2024-03-31"), **settings)

    return make


def picture(markup: str) -> str:
    """The words of the picture inside a page's chart, one line each."""
    svg = base64.b64decode(re.search(r"base64,([^\"]+)", markup).group(1)).decode()
    return "\n".join(html.unescape(words) for words in re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", svg))


@pytest.fixture
def words_in_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Glyphs as text instead of outlines, so that a picture's words can be searched."""
    settings = style.settings()
    monkeypatch.setattr(style, "settings", lambda: {**settings, "svg.fonttype": "none"})


@pytest.mark.usefixtures("words_in_pictures")
def test_a_group_of_seven_is_in_no_table_chart_picture_or_alt_text(page: Callable[..., Page]) -> None:
    chart, table = page().chart(bars, GROUPS).html, page().table(GROUPS).html
    drawn = picture(chart)
    assert "Harbour n=900" in drawn
    for group in ("Tiny Pier", "n=7", "(7)", "Old Town"):
        assert group not in drawn
        assert group not in html.unescape(chart)
    # The next smallest goes with it: seven is what the total less the others leaves.
    assert re.findall(r'<td class="num">([^<]*)</td>', table) == ["900", "70.0 %", "–", "–", "–", "–", "300", "23.0 %"]
    assert "Not drawn: 2 rows of groups of fewer than 10 customers" in chart


@pytest.mark.usefixtures("words_in_pictures")
def test_the_pages_limit_is_the_notebooks(page: Callable[..., Page]) -> None:
    assert "Tiny Pier n=7" in picture(page(min_group_size=5).chart(bars, GROUPS).html)
    assert '<td class="num">7</td>' in page(min_group_size=5).table(GROUPS).html
    strict = page(min_group_size=100, language="zh")
    assert "Old Town" not in picture(strict.chart(bars, GROUPS).html)
    assert "不足 100 人的分组" in strict.chart(bars, GROUPS).html
    assert "以“–”隐去：不足 100 人的分组" in strict.table(GROUPS).html


def test_a_chart_of_small_groups_only_is_not_drawn(page: Callable[..., Page]) -> None:
    shown = page().chart(bars, GROUPS.assign(n=[3, 2, 1, 1])).html
    assert "<img" not in shown
    assert "Not drawn: 4 rows" in shown


def test_every_step_hands_its_limit_to_its_page() -> None:
    for notebook in plan.step_notebooks().values():
        assert "min_group_size" in parameters.read(notebook)
        assert "min_group_size=min_group_size)" in notebook.read_text(encoding="utf-8"), notebook


CLASSES = pd.DataFrame(
    {
        "month": "2025-08", "active_days_class": ["1", "2–3", "4–7", "8–14", "15–31"],
        "customers": [60, 40, 50, 7, 43], "share": [0.3, 0.2, 0.25, 0.035, 0.215],
        "lower": [0.2, 0.1, 0.2, 0.01, 0.15], "upper": [0.4, 0.3, 0.3, 0.07, 0.3],
    }
)  # fmt: skip
STATES = pd.DataFrame(
    {
        "month": "2025-08", "lifecycle_state": ["potential", "active", "mature", "churning"],
        "customers": [50, 60, 83, 7], "share": [0.25, 0.3, 0.415, 0.035],
    }
)  # fmt: skip
MOVES = pd.DataFrame(
    {
        "month": "2025-08", "from_state": ["mature", "mature", "active", "active", "churning", "churning"],
        "to_state": ["mature", "churning"] * 3,
        "customers": [5, 2, 30, 10, 10, 60], "n": [7, 7, 40, 40, 70, 70], "share": [0.7, 0.3, 0.75, 0.25, 0.14, 0.86],
        "lower": 0.1, "upper": 0.9,
    }
)  # fmt: skip


@pytest.mark.usefixtures("words_in_pictures")
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("plot", "table", "gone"),
    [
        (growth.active_days, CLASSES, ["8–14", "3.5"]),
        (growth.lifecycle, STATES, ["Churning", "流失", "3.5"]),
        (growth.transitions, MOVES, ["n = 7)", "（n = 7）"]),
    ],
    ids=["active_days", "lifecycle", "transitions"],
)
def test_charts_of_parts_do_without_the_small_ones(
    page: Callable[..., Page], plot: Any, table: pd.DataFrame, gone: list[str], language: str
) -> None:
    markup = page(language=language).chart(plot, table).html
    alt = html.unescape(re.search(r'alt="([^"]*)"', markup).group(1))
    for words in gone:
        assert words not in picture(markup)
        assert words not in alt
    if plot is not growth.transitions:
        # The whole is still the whole: not the sum of what is drawn.
        assert "200" in alt


FUNNEL = pd.DataFrame(
    {
        "channel": ["sms", "branch", "wecom"], "n_eligible": [400, 7, 90], "n_immature": [3, 0, 1],
        "n_registered": [100, 4, 30], "n_activated": [50, 3, 20], "registered_share": [0.25, 0.57, 0.33],
        "registered_lower": [0.2, 0.2, 0.2], "registered_upper": [0.3, 0.9, 0.5], "activated_share": [0.5, 0.75, 0.67],
        "activated_lower": [0.4, 0.2, 0.4], "activated_upper": [0.6, 0.9, 0.8], "overall_share": [0.125, 0.43, 0.22],
    }
)  # fmt: skip


@pytest.mark.usefixtures("words_in_pictures")
def test_a_channel_of_seven_is_neither_in_the_funnel_nor_in_its_table(page: Callable[..., Page]) -> None:
    shown = page().chart(channels.plot_funnel, FUNNEL).html + page().table(FUNNEL).html
    words = picture(shown) + re.sub(r"base64,[^\"]+", "", html.unescape(shown))
    assert "50.0 %" in words
    for share in ("57.0 %", "75.0 %", "33.0 %"):
        assert share not in words


def test_a_stage_of_seven_is_not_drawn(page: Callable[..., Page]) -> None:
    stages = pd.DataFrame(
        {
            "stage": ["assigned", "sent", "delivered", "succeeded"], "n": [200, 150, 90, 7], "n_any": [200, 150, 90, 7],
            "step_share": [1.0, 0.75, 0.6, 0.08], "lower": 0.0, "upper": 1.0, "reached_share": [1, 0.75, 0.45, 0.04],
            "n_lost": [0, 50, 60, 83], "cost_lost": 0.0,
        }
    )  # fmt: skip
    shown = page().chart(post_mortem.plot_funnel, stages).html
    assert "Not drawn: 2 rows" in shown
    assert " 7 " not in re.search(r'alt="([^"]*)"', shown).group(1)
