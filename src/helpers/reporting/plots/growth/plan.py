"""Charts of the plan: projection with interval and target, and what each lever adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.findings.numbers import number
from helpers.reporting.plots import style
from helpers.reporting.plots.growth.frame import MONTH, empty, month_ticks, room_on_right, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NAMES = {"mau": Text("MAU", "月活"), "aum": Text("AUM", "AUM ")}
_UNITS = {"mau": "count", "aum": "money"}
_SHOWN_MONTHS = 15


def projection(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    language: str = "en",
    currency: str = "",
    target: float = 0.0,
    milestones: pd.DataFrame | None = None,
) -> Axes:
    """Draw the history of a goal, its projection with the interval, the target and the way to it.

    Parameters
    ----------
    table : DataFrame (``table`` of :class:`helpers.steps.goals.Projection`)
    ax : Axes, optional
    language : {"en", "zh"}
    currency : str
    target : float
        Customers or money at the last month; 0 draws none.
    milestones : DataFrame, optional
        ``month``, ``milestone``.
    """
    ax = style.new_axes(ax)
    metric = "mau" if "mau" in table.columns else "aum"
    if not table["is_projected"].any():
        return empty(ax, language)
    shown = table.tail(_SHOWN_MONTHS + int(table["is_projected"].sum())).reset_index(drop=True)
    x = np.arange(len(shown))
    ahead = shown["is_projected"].to_numpy(dtype=bool)
    # The projection starts where the history ends, so that the eye sees one line.
    fan = np.flatnonzero(ahead)
    fan = np.concatenate([[fan[0] - 1], fan])
    values = shown[metric].to_numpy(dtype=float)
    lower = shown["lower"].fillna(shown[metric]).to_numpy(dtype=float)
    upper = shown["upper"].fillna(shown[metric]).to_numpy(dtype=float)
    ax.plot(x[~ahead], values[~ahead], color=style.INK)
    ax.fill_between(x[fan], lower[fan], upper[fan], color=style.PALETTE[4], alpha=0.35, linewidth=0)
    ax.plot(x[fan], values[fan], color=style.PALETTE[0], linestyle="--")
    unit = _UNITS[metric]
    ends = [
        (
            x[-1],
            values[-1],
            "   " + Text("projected ", "预测 ").say(language) + number(values[-1], unit, language=language),
            style.PALETTE[0],
        )
    ]
    if target > 0:
        ax.plot(x[-1], target, marker="D", markersize=6, color=style.PALETTE[5])
        ends.append(
            (
                x[-1],
                target,
                "   " + Text("target ", "目标 ").say(language) + number(target, unit, language=language),
                style.PALETTE[5],
            )
        )
    if milestones is not None and len(milestones):
        at = [list(shown["month"]).index(m) for m in milestones["month"]]
        ax.plot(
            [fan[0], *at],
            [values[fan[0]], *milestones["milestone"]],
            color=style.PALETTE[5],
            linestyle=":",
            marker="s",
            markersize=3,
        )
    month_ticks(ax, shown["month"])
    room_on_right(ax, len(x))
    style.label_line_ends(ax, ends)
    style.format_axis(ax.yaxis, unit, language=language)
    ax.set_xlabel(MONTH.say(language))
    money = Text(f"AUM ({currency})", f"AUM（{'元' if currency == 'CNY' else currency}）")
    ax.set_ylabel((Text("MAU (customers)", "月活（人）") if metric == "mau" else money).say(language))
    name, end = _NAMES[metric], shown.iloc[-1]
    gap = target - values[-1]
    set_title(
        ax,
        Text.write(
            lambda w: w(
                f"{name.en} projected at {w.n(values[-1], unit)} in {end['month']} (shaded: 95 % prediction interval)"
                + (f"; target {w.n(abs(gap), unit)} {'above' if gap > 0 else 'below'}" if target > 0 else ""),
                f"{end['month']} {name.zh}预测 {w.n(values[-1], unit)}（阴影为 95% 预测区间）"
                + (f"；目标{'高出' if gap > 0 else '低于'}预测 {w.n(abs(gap), unit)}" if target > 0 else ""),
            ),
            currency=currency,
        ),
        language,
    )
    return ax


def levers(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", metric: str = "mau", currency: str = ""
) -> Axes:
    """Draw what each lever has to add, beside what it would add at the level of its own good months.

    Parameters
    ----------
    table : DataFrame (``levers`` of :class:`helpers.steps.goals.Split`)
    ax : Axes, optional
    language : {"en", "zh"}
    metric : {"mau", "aum"}
    currency : str
    """
    if metric not in _UNITS:
        raise ValueError(f"metric must be one of {', '.join(_UNITS)}, not {metric!r}")
    ax = style.new_axes(ax, height_inches=2.6)
    unit = _UNITS[metric]
    y = np.arange(len(table))[::-1]
    names = [label("lever").values[name].say(language) for name in table["lever"]]
    rooms = table["lever_room"].fillna(0.0)
    ax.barh(y + 0.19, table["lever_gap"], height=0.34, color=style.PALETTE[0])
    ax.barh(y - 0.19, rooms, height=0.34, color=style.NEUTRAL, hatch="//", edgecolor="white")
    for at, gap, room in zip(y, table["lever_gap"], table["lever_room"], strict=True):
        for value, offset, words in (
            (gap, 0.19, Text("asked ", "需补 ")),
            (room, -0.19, Text("good months ", "好月份 ")),
        ):
            ax.annotate(
                " " + words.say(language) + number(value, unit, language=language),
                (0 if value != value else value, at + offset),
                va="center",
                fontsize=8,
            )
    ax.set_yticks(y, names)
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.24)
    style.format_axis(ax.xaxis, unit, language=language)
    money = Text(f"added at the horizon ({currency})", f"期末增量（{'元' if currency == 'CNY' else currency}）")
    heads = Text("added at the horizon (customers)", "期末增量（人）")
    ax.set_xlabel((heads if metric == "mau" else money).say(language))
    ax.set_ylabel(Text("lever", "抓手").say(language))
    total, name = int(table["lever_gap"].sum()), _NAMES[metric]
    top = int(table["lever_gap"].to_numpy().argmax())
    set_title(
        ax,
        Text.write(
            lambda w: w(
                f"{w.n(total, unit)} {name.en} to be added, most of it by “{names[top]}” ({w.n(table['lever_gap'].iloc[top], unit)})"
                if total
                else f"Nothing has to be added to the {name.en} projection",
                f"{name.zh}需补 {w.n(total, unit)}，其中“{names[top]}”最多（{w.n(table['lever_gap'].iloc[top], unit)}）"
                if total
                else f"{name.zh}无需额外增量",
            ),
            currency=currency,
        ),
        language,
    )
    return ax
