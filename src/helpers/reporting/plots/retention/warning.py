"""Charts of the churn warning: does a probability mean what it says, and how far does the order reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helpers.findings import Text
from helpers.findings.numbers import number
from helpers.reporting.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def plot_calibration(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Share that fell silent against the predicted probability, by tenth; on the line the warning holds.

    One horizon stands in the title, several each beside its highest point.

    Parameters
    ----------
    table : DataFrame
        ``calibration_`` of :class:`helpers.models.retention.ChurnWarning`, of one horizon or several.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax)
    top = float(max(table["upper"].max(), table["predicted"].max())) * 1.05
    ax.plot([0, top], [0, top], color=style.NEUTRAL, linestyle="--", linewidth=1.2)
    ends = []
    for i, (horizon, part) in enumerate(table.groupby("horizon_days")):
        colour = style.PALETTE[i % len(style.PALETTE)]
        width = np.abs(part[["lower", "upper"]].to_numpy().T - part["observed"].to_numpy())
        ax.errorbar(
            part["predicted"],
            part["observed"],
            yerr=width,
            fmt=style.MARKERS[i % len(style.MARKERS)],
            color=colour,
            markersize=4.5,
            elinewidth=1.2,
        )
        highest = part.loc[part["predicted"].idxmax()]
        words = Text(f" {horizon} days", f" {horizon} 天").say(language)
        ends.append((float(highest["predicted"]) + top * 0.01, float(highest["observed"]), words, colour))
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    if len(ends) > 1:
        style.label_line_ends(ax, ends)
    else:
        horizon = int(table["horizon_days"].iloc[0])
        n = int(table["n"].sum())
        shares = [(table["predicted"] * table["n"]).sum() / n, table["lapsed"].sum() / n]
        expected, came = (number(share, "share", language=language) for share in shares)
        ax.set_title(
            Text(
                f"Falling silent within {horizon} days: {expected} predicted, {came} came (n = {n:,})",
                f"{horizon} 天内沉默：预测 {expected}，实际 {came}（n = {n:,}）",
            ).say(language)
        )
    ax.set_xlabel(Text("Predicted probability of falling silent", "预测沉默概率").say(language))
    ax.set_ylabel(Text("Share that fell silent, 95 % CI", "实际沉默占比，95% 置信区间").say(language))
    style.format_axis(ax.xaxis, "share", language=language)
    style.format_axis(ax.yaxis, "share", language=language)
    return ax


def plot_lift(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Lift by tenth of customers, the highest probabilities first; 1 is the base rate.

    Parameters
    ----------
    table : DataFrame
        ``calibration_`` of :class:`helpers.models.retention.ChurnWarning`, rows of one horizon.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    if table["horizon_days"].nunique() > 1:
        raise ValueError("table must hold one horizon; filter horizon_days first")
    ax = style.new_axes(ax)
    ax.bar(table["bin"], table["lift"], color=style.PALETTE[0], width=0.75)
    ax.axhline(1, color=style.INK, linewidth=1)
    for row in table.itertuples():
        ax.annotate(
            number(row.captured, "share", language=language),
            (row.bin, row.lift),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=7.5,
            color=style.MUTED,
        )
    if len(table):
        first = number(table["captured"].iloc[0], "share", language=language)
        share = number(table["n"].iloc[0] / table["n"].sum(), "share", language=language)
        ax.set_title(
            Text(
                f"The first {share} of the list hold {first} of those who fell silent",
                f"名单前 {share} 的客户覆盖了 {first} 的沉默客户",
            ).say(language)
        )
    ax.set_xticks(table["bin"])
    ax.set_xlabel(Text("Tenth of customers, highest probability first", "客户十分位（概率从高到低）").say(language))
    ax.set_ylabel(
        Text("Lift over the base rate (numbers: share of all found so far)", "提升度（数字为累计捕获占比）").say(
            language
        )
    )
    return ax
