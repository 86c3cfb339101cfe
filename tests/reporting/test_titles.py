"""Titles stay inside their picture, whatever its axis labels leave them."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.reporting import notebook
from helpers.reporting.plots import style, titles

LONG = {
    "en": "An activated customer costs CNY 26.73 by Text message and CNY 314.36 by Relationship manager, all told",
    "zh": "每位激活新客的成本：短信 26.73 元，客户经理 314.36 元，老带新（MGM）40.03 元，网点柜面与自助设备 80.94 元",
}


def overrun(figure: object) -> float:
    figure.draw_without_rendering()
    return max(title.get_window_extent().x1 for title in titles._titles(figure)) - figure.bbox.width


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_title_that_would_run_out_is_broken(language: str) -> None:
    with style.look():
        ax = style.new_axes()
        ax.barh(["Branch counter and machines and everything else"], [1])
        ax.set_title(LONG[language])
        assert overrun(ax.figure) > 0
        titles.fit(ax.figure)
        assert overrun(ax.figure) <= 0
        shown = ax.get_title(loc="left")
    assert "\n" in shown
    assert titles.one_line(shown) == LONG[language]


@pytest.mark.parametrize(
    ("label", "title"),
    [
        (
            "K006 Autumn offer of the Harbour branch, second wave, discount day",
            "Expected next: +0.37 days (−0.34 days to +1.07 days)",
        ),
        (
            "K006 港湾网点秋季满减活动（第二期，含微信立减金与积分翻倍）",
            "下一场预期：+0.37 天（−0.34 天 至 +1.07 天），样本量不足",
        ),
    ],
)
def test_a_short_title_beside_long_names_is_broken_too(label: str, title: str) -> None:
    with style.look():
        ax = style.new_axes()
        ax.barh([0], [1])
        ax.set_yticks([0], [label])
        ax.set_title(title)
        assert overrun(ax.figure) > 0
        titles.fit(ax.figure)
        assert overrun(ax.figure) <= 0
        assert titles.one_line(ax.get_title(loc="left")) == title


def test_a_title_that_fits_stays_as_it_is() -> None:
    with style.look():
        ax = style.new_axes()
        ax.set_title("MAU 276 in 2025-08")
        titles.fit(ax.figure)
        assert ax.get_title(loc="left") == "MAU 276 in 2025-08"


@given(st.lists(st.text("ab,.01%“”", min_size=1, max_size=9), min_size=1, max_size=20), st.integers(20, 60))
def test_words_are_kept_and_lines_hold_their_width(words: list[str], width: int) -> None:
    line = " ".join(words)
    found = titles.broken(line, width)
    assert titles.one_line(found) == line
    assert max(map(titles.size, found.split("\n"))) <= width


@given(st.text("每位激活新客。，元0123456789.+ ", min_size=1, max_size=60), st.integers(20, 60))
def test_chinese_lines_hold_their_width_but_for_marks_that_close_them(words: str, width: int) -> None:
    words = f"每{words}"
    lines = titles.broken(words, width).split("\n")
    assert "".join(lines) == words
    for line, after in itertools.pairwise(lines):
        assert after[0] not in "。，元"
        assert not (line[-1] in "0123456789.+" and after[0] in "0123456789.+")


def test_a_chinese_line_is_broken_before_it_is_too_long() -> None:
    assert titles.broken("客户经理" * 6, 20).split("\n") == ["客户经理客户经理客户", "经理客户经理客户经理", "客户经理"]


@pytest.mark.parametrize(("language", "marks"), [("en", '""'), ("zh", "“”")])
def test_an_english_charts_quotation_marks_are_no_wider_than_a_letter(
    language: str, marks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packaged font draws “ and ” a full em wide, as Chinese wants them."""
    drawn = []
    monkeypatch.setattr(notebook, "_picture", lambda figure, _: drawn.append(figure) or "")

    def plot(_: object, ax: object, language: str) -> object:
        ax = style.new_axes(ax)
        ax.text(0.5, 0.5, "“a”")
        ax.set_title("“a”", loc="left")
        return ax

    page = notebook.Page("s", bank=None, language=language)
    with style.look():
        page.chart(plot, pd.DataFrame({"month": ["2025-01"]}))
        (ax,) = drawn[0].axes
        drawn[0].draw_without_rendering()
        texts = [ax.get_title(loc="left"), ax.texts[0].get_text()]
        wide = ax.texts[0].get_window_extent().width / (ax.texts[0].get_fontsize() * drawn[0].dpi / 72)
    assert texts == [f"{marks[0]}a{marks[1]}"] * 2
    assert (wide < 1.6) == (language == "en")
