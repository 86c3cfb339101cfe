"""What the growth charts share: month ticks, room for labels at the right, and saying that there is nothing to draw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from helpers.findings import Text
from helpers.reporting.plots import style, titles

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MONTH = Text("month", "月份")
_MAX_TICKS = 9


def month_ticks(ax: Axes, names: Sequence[str]) -> None:
    """Name some of the months below the axis, the last one always."""
    names = list(names)
    step = max(1, -(-len(names) // _MAX_TICKS))
    at = list(range(len(names) - 1, -1, -step))[::-1]
    ax.set_xticks(at, [names[i] for i in at])


def room_on_right(ax: Axes, n: int) -> None:
    """Leave room for names at the lines' ends."""
    ax.set_xlim(-0.6, n - 1 + max(1.0, 0.24 * n))


def set_title(ax: Axes, text: Text, language: str, *, width: int = 82) -> None:
    """Set the title, broken into lines where it would run out of the picture.

    Parameters
    ----------
    width : int
        Latin characters a line; Chinese ones are twice as wide and may be broken anywhere.
    """
    ax.set_title(titles.broken(text.say(language), width))


def empty(ax: Axes, language: str) -> Axes:
    """Say that there is nothing to draw yet."""
    words = Text("Not enough whole months to draw", "完整月份不足，暂无法绘图").say(language)
    ax.set_title(words)
    ax.set_xlabel(MONTH.say(language))
    ax.set_ylabel(Text("customers", "客户数（人）").say(language))
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, "–", transform=ax.transAxes, ha="center", va="center", color=style.MUTED, fontsize=14)
    return ax
