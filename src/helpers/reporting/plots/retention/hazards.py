"""Charts of hazards: ratios as a forest, and the chance to lapse by period."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.reporting.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# ``gender[M]`` of a category, ``branch=Airport`` of a flag made from one.
_LEVEL = re.compile(r"(?P<name>\w+)(\[(?P<level>.+)\]|=(?P<value>.+))")


def plot_hazard_ratios(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Forest of hazard (or odds) ratios with intervals on a log scale; left of the line stay longer.

    Parameters
    ----------
    table : DataFrame
        ``summary_`` of :class:`helpers.models.retention.CoxRetention` or ``DiscreteHazard``. Columns with a label
        are written as readers know them, ``gender[M]`` and ``gender=M`` with the level's own words.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    column = "hazard_ratio" if "hazard_ratio" in table else "odds_ratio"
    rows = table.iloc[::-1]
    ax = style.new_axes(ax, height_inches=max(2.2, 0.9 + 0.34 * len(rows)))
    at = np.arange(len(rows))
    sure = ((rows["lower"] > 1) | (rows["upper"] < 1)).to_numpy()
    for value, low, high, y, is_sure in zip(rows[column], rows["lower"], rows["upper"], at, sure, strict=True):
        colour = style.BAD if is_sure and value > 1 else style.GOOD if is_sure else style.NEUTRAL
        ax.plot([low, high], [y, y], color=colour, linewidth=2)
        ax.plot([value], [y], marker="o", color=colour)
        words = f"{value:.2f} ({low:.2f}–{high:.2f})"
        ax.annotate(
            words,
            (1.01, y),
            xycoords=("axes fraction", "data"),
            fontsize=8.5,
            va="center",
            annotation_clip=False,
        )
    ax.axvline(1, color=style.INK, linewidth=1)
    ax.set_xscale("log")
    _plain_log_ticks(ax, float(rows["lower"].min()), float(rows["upper"].max()))
    ax.set_yticks(at, [_covariate(str(name), language) for name in rows.index])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.grid(axis="y", visible=False)
    names = {
        "hazard_ratio": Text(
            "Hazard ratio of lapsing (below 1: stays longer), 95 % CI",
            "流失风险比（小于 1 表示留得更久），95% 置信区间",
        ),
        "odds_ratio": Text(
            "Odds ratio of lapsing in a period (below 1: stays longer), 95 % CI",
            "单期流失优势比（小于 1 表示留得更久），95% 置信区间",
        ),
    }
    ax.set_xlabel(names[column].say(language))
    ax.set_ylabel(Text("What is known of the customer", "客户特征").say(language))
    return ax


def plot_period_hazards(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Chance to lapse in each period for the mean customer.

    Parameters
    ----------
    table : DataFrame
        ``baseline_`` of :class:`helpers.models.retention.DiscreteHazard`.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax)
    ax.bar(table["period"], table["hazard"], color=style.PALETTE[0], width=0.75)
    # More bars than this leave no room for numbers.
    for row in table.head(26).itertuples() if len(table) <= 26 else ():
        place = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center", "fontsize": 7}
        ax.annotate(f"{row.at_risk:,.0f}", (row.period, row.hazard), color=style.MUTED, **place)
    days = int(table["to_day"].iloc[0])
    ax.set_xlabel(Text(f"Period of {days} days since joining", f"加入后的第几个 {days} 天").say(language))
    ax.set_ylabel(Text("Chance to lapse (numbers: at risk)", "流失概率（数字为观察中人数）").say(language))
    style.format_axis(ax.yaxis, "share", language=language)
    return ax


def _covariate(name: str, language: str) -> str:
    """Name of a covariate, or of one of its levels, as a reader knows it."""
    found = _LEVEL.fullmatch(name)
    if found is None:
        return label(name).text.say(language)
    head, level = label(found["name"]), found["level"] or found["value"]
    words = head.values.get(level, Text(level, level))
    return Text(f"{head.text.en}: {words.en}", f"{head.text.zh}：{words.zh}").say(language)


def _plain_log_ticks(ax: Axes, low: float, high: float) -> None:
    """Ticks such as 0.5, 0.8, 1, 1.25, 2 instead of powers of ten."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    ladder = np.array([0.02, 0.05, 0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50])
    inside = ladder[(ladder >= low * 0.93) & (ladder <= high * 1.07)]
    ticks = inside if 2 <= len(inside) <= 8 else np.unique(np.append(inside[:: max(len(inside) // 6, 1)], 1.0))
    ax.xaxis.set_major_locator(FixedLocator(list(ticks)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlim(min(low * 0.93, 0.97), max(high * 1.07, 1.03))
