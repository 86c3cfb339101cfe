"""Charts of assets: the bridge of AUM month by month, and its change split over factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.findings.numbers import number
from helpers.reporting.plots import style
from helpers.reporting.plots.growth.frame import MONTH, empty, month_ticks, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def aum_bridge(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", currency: str = "") -> Axes:
    """Draw what added to AUM and what took from it, month by month, and what remains.

    Parameters
    ----------
    table : DataFrame (:func:`helpers.metrics.assets.aum_bridge`)
    ax : Axes, optional
    language : {"en", "zh"}
    currency : str
    """
    ax = style.new_axes(ax)
    if not len(table):
        return empty(ax, language)
    x = np.arange(len(table))
    looks = (
        (
            ("aum_new", style.PALETTE[0], ""),
            ("aum_resurrected", style.PALETTE[2], "xx"),
            ("aum_expansion", style.PALETTE[4], "//"),
        ),
        (("aum_lost", style.PALETTE[6], ""), ("aum_contraction", style.PALETTE[5], "..")),
    )
    for sign, parts in zip((1.0, -1.0), looks, strict=True):
        bottom = np.zeros(len(table))
        for column, colour, hatch in parts:
            value = sign * table[column].to_numpy(dtype=float)
            ax.bar(
                x,
                value,
                bottom=bottom,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0.4,
                label=label(column).text.say(language),
            )
            bottom += value
    ax.plot(
        x,
        table["aum_change"],
        color=style.INK,
        marker="o",
        markersize=3.5,
        linewidth=1.3,
        label=label("aum_change").text.say(language),
    )
    ax.axhline(0, color=style.INK, linewidth=0.8)
    month_ticks(ax, table["month"])
    style.format_axis(ax.yaxis, "money", language=language)
    ax.set_xlabel(MONTH.say(language))
    ax.set_ylabel(_money_axis(currency).say(language))
    ax.legend(loc="lower left", ncols=6, fontsize=8, bbox_to_anchor=(0, -0.34), borderaxespad=0, columnspacing=1.0)
    last = table.iloc[-1]
    set_title(
        ax,
        Text.write(
            lambda w: w(
                f"{last['month']}: AUM {w.n(last['aum_change'], 'money', signed=True)} to {w.n(last['aum'], 'money')}; "
                f"net new money {w.n(last['net_new_money'], 'money', signed=True)}",
                f"{last['month']} AUM {w.n(last['aum_change'], 'money', signed=True)}，至 {w.n(last['aum'], 'money')}；"
                f"净新增资金 {w.n(last['net_new_money'], 'money', signed=True)}",
            ),
            currency=currency,
        ),
        language,
    )
    return ax


def aum_split(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", currency: str = "") -> Axes:
    """Draw how the change of AUM splits over its factors, as a waterfall that ends at the whole change.

    Parameters
    ----------
    table : DataFrame (:func:`helpers.steps.goals.compare_factors`)
    ax : Axes, optional
    language : {"en", "zh"}
    currency : str
    """
    ax = style.new_axes(ax, height_inches=3.2)
    if not len(table):
        return empty(ax, language)
    effects = table["effect"].to_numpy(dtype=float)
    starts = np.concatenate([[0.0], np.cumsum(effects)[:-1]])
    total = float(effects.sum())
    names = [label("factor").values[f].say(language) for f in table["factor"]]
    names.append(Text("Change of AUM", "AUM 变动").say(language))
    widths, lefts = np.append(effects, total), np.append(starts, 0.0)
    y = np.arange(len(names))[::-1]
    colours = [style.GOOD if v >= 0 else style.BAD for v in effects] + [style.PALETTE[6]]
    hatches = ["" if v >= 0 else ".." for v in effects] + [""]
    for at, width, left, colour, hatch in zip(y, widths, lefts, colours, hatches, strict=True):
        ax.barh(at, width, left=left, color=colour, hatch=hatch, edgecolor="white", height=0.62)
        ax.annotate(
            number(width, "money", language=language, signed=True),
            (max(left, left + width), at),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    ax.axvline(0, color=style.INK, linewidth=0.8)
    ax.set_yticks(y, names)
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.16)
    style.format_axis(ax.xaxis, "money", language=language)
    ax.set_xlabel(_money_axis(currency).say(language))
    ax.set_ylabel(Text("factor", "因素").say(language))
    biggest = int(np.argmax(np.abs(effects)))
    before, after = table["month_before"].iloc[0], table["month_after"].iloc[0]
    set_title(
        ax,
        Text.write(
            lambda w: w(
                f"{before} to {after}: AUM {w.n(total, 'money', signed=True)}, the largest part "
                f"({w.n(effects[biggest], 'money', signed=True)}) from “{names[biggest]}”",
                f"{before} 至 {after}：AUM {w.n(total, 'money', signed=True)}，其中影响最大的是“{names[biggest]}”"
                f"（{w.n(effects[biggest], 'money', signed=True)}）",
            ),
            currency=currency,
        ),
        language,
        width=66,
    )
    return ax


def _money_axis(currency: str) -> Text:
    return Text(
        f"change of AUM ({currency})" if currency else "change of AUM",
        f"AUM 变动（{'元' if currency == 'CNY' else currency}）" if currency else "AUM 变动",
    )
