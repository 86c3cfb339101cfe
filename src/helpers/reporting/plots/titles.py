"""Titles that stay inside their picture: broken into lines where they would run out of it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# Half-width characters of a title that fits beside axis labels, and of both together where the labels are names from
# data; shorter ones are not measured.
_SURELY_FITS = 56
_BOTH_SURELY_FIT = 80
# A title beside labels that leave it next to nothing stays words, not a column of letters.
_NARROWEST = 16
_MARGIN_PIXELS = 4
_NARROW = str.maketrans("“”‘’", "\"\"''")
# What a Chinese line never begins with.
_NOT_FIRST = "，。；：）”% 万亿元人天"


def size(words: str) -> int:
    """Width in half-width characters: Chinese ones count twice.

    Examples
    --------
    >>> size("MAU 月活")
    8
    """
    return sum(1 if ord(character) < 0x2E80 else 2 for character in words)


def broken(words: str, width: int) -> str:
    """Break words into lines of at most ``width`` half-width characters; Chinese text may be broken nearly anywhere.

    Examples
    --------
    >>> broken("每位激活新客：短信 26.73 元", 18).splitlines()
    ['每位激活新客：短', '信 26.73 元']
    >>> broken("Text message and relationship manager", 20).splitlines()
    ['Text message and', 'relationship manager']
    """
    if size(words) == len(words):
        return textwrap.fill(words, width)
    lines, start, last = [], 0, 0
    for place, character in enumerate(words):
        if place > start and _may_begin(character, words[place - 1]):
            last = place
        if size(words[start : place + 1]) > width and last > start:
            lines.append(words[start:last])
            start = last
    return "\n".join([*lines, words[start:]])


def _may_begin(character: str, before: str) -> bool:
    """Whether a line may be broken before a character: not inside a number or a word, not before a closing mark."""
    inside = size(character) == 1 and size(before) == 1 and before != " "
    return character not in _NOT_FIRST and not inside


def one_line(words: str) -> str:
    """Take the breaks out again: English lines are joined by a space, Chinese ones by nothing."""
    return words.replace("\n", " " if size(words) == len(words) else "")


def narrow_quotes(figure: Figure) -> None:
    """Write quotation marks straight: those of the packaged font are as wide as a Chinese letter, with gaps beside them."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        narrow = text.get_text().translate(_NARROW)
        if narrow != text.get_text():
            text.set_text(narrow)


def fit(figure: Figure) -> None:
    """Break each title of a figure that runs past its right edge; the layout makes room for the lines."""
    titles = [title for title in _titles(figure) if not _surely_fits(title)]
    if not titles:
        return
    figure.draw_without_rendering()
    right = figure.bbox.width - _MARGIN_PIXELS
    for title in titles:
        place = title.get_window_extent()
        if place.x1 > right:
            room = max(int((right - place.x0) / (place.width / _longest_line(title))), _NARROWEST)
            title.set_text(broken(one_line(title.get_text()), room))


def _surely_fits(title: Text) -> bool:
    width = _longest_line(title)
    beside = max(map(_longest_line, title.axes.get_yticklabels()), default=0)
    return width <= _SURELY_FITS and width + beside <= _BOTH_SURELY_FIT


def _longest_line(text: Text) -> int:
    return max(map(size, text.get_text().split("\n")))


def _titles(figure: Figure) -> list[Text]:
    from matplotlib.text import Text

    found = []
    for axes in figure.axes:
        shown = {axes.get_title(loc=side) for side in ("left", "center", "right")} - {""}
        found += [one for one in axes.get_children() if isinstance(one, Text) and one.get_text() in shown]
    return found
