"""Charts of the channel matrix: funnel, cost and return per channel, response curves, the budget's split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import LogLocator

from helpers.findings import Text
from helpers.findings.numbers import in_currency, number
from helpers.metrics.acquisition import TOTAL
from helpers.metrics.channels import read_channels
from helpers.metrics.segments import read_segments
from helpers.reporting.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def names() -> dict[str, dict[str, Text]]:
    """Return the words for channels and segments in the cells of a table: ``page.table(…, names=plots.names())``."""
    known = {slug: channel.name.text for slug, channel in read_channels().items()}
    groups = {slug: segment.name.text for slug, segment in read_segments().items()}
    return {"channel": {TOTAL: Text("All channels", "全部渠道"), **known}, "segment": groups}


def channel_names(channels: pd.Series, language: str) -> list[str]:
    """Return the catalogue's names of channels; one that is not registered stands as its slug."""
    known = read_channels()
    whole = Text("All channels", "全部渠道").say(language)
    return [whole if c == TOTAL else known[c].name.say(language) if c in known else str(c) for c in channels]


def plot_funnel(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Share of people seen who registered, and who activated, by channel.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.metrics.acquisition.funnel` returns it.
    """
    rows = table[(table["channel"] != TOTAL) & (table["n_eligible"] > 0)].sort_values("overall_share")
    ax = style.new_axes(ax, height_inches=0.9 + 0.42 * max(len(rows), 2))
    places = np.arange(len(rows))
    ax.barh(places, rows["registered_share"] * 100, height=0.62, color=style.GRID, edgecolor=style.NEUTRAL)
    ax.barh(places, rows["overall_share"] * 100, height=0.62, color=style.PALETTE[0])
    for place, registered, activated in zip(places, rows["registered_share"], rows["overall_share"], strict=True):
        ax.annotate(
            f"{number(activated, 'share', language=language)} / {number(registered, 'share', language=language)}",
            (registered * 100, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    ax.set_yticks(places, channel_names(rows["channel"], language))
    ax.set_xlim(0, min(100.0, max(5.0, rows["registered_share"].max() * 130)) if len(rows) else 1)
    ax.set_xlabel(
        Text(
            "% of people seen: activated (dark) / registered (light)", "占接触人数的百分比：激活（深）/ 注册（浅）"
        ).say(language)
    )
    ax.grid(axis="y", visible=False)
    if len(rows):
        top, bottom = rows.iloc[-1], rows.iloc[0]
        names = channel_names(rows["channel"], language)
        ax.set_title(
            Text(
                f"{names[-1]} activates {number(top.overall_share, 'share')} of those it meets, "
                f"{names[0]} {number(bottom.overall_share, 'share')}",
                f"{names[-1]}全程转化率 {number(top.overall_share, 'share', language='zh')}，"
                f"{names[0]} {number(bottom.overall_share, 'share', language='zh')}",
            ).say(language)
        )
    return ax


def plot_cost(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", currency: str = "") -> Axes:
    """AAC by channel with intervals, the cheapest on top.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.metrics.acquisition.activated_cost` returns it.
    """
    rows = table[table["aac"].notna() & (table["n_activated"] > 0)].sort_values("aac", ascending=False)
    ax = _forest(rows, "aac", ax=ax, language=language, unit="money_each")
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_minor_formatter(lambda *_: "")
    style.format_axis(ax.xaxis, "money_each", language=language)
    cost = Text(
        in_currency("Cost per activated new customer", currency, "en"), in_currency("每位激活新客成本", currency, "zh")
    )
    ax.set_xlabel(Text(f"{cost.en}, log scale", f"{cost.zh}，对数刻度").say(language))
    only = rows[rows["channel"] != TOTAL]
    if len(only):
        names = channel_names(only["channel"], language)
        least, most = (
            number(cost, "money_each", language=language, currency=currency) for cost in only["aac"].iloc[[-1, 0]]
        )
        ax.set_title(
            Text(
                f"An activated customer costs {least} by {names[-1]} and {most} by {names[0]}",
                f"每位激活新客：{names[-1]} {least}，{names[0]} {most}",
            ).say(language)
        )
    return ax


def plot_return(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """LROI by channel with intervals and the break-even line.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.metrics.acquisition.return_on_cost` returns it.
    """
    rows = table[table["lroi"].notna() & (table["n_eligible"] > 0)].sort_values("lroi")
    ax = _forest(rows, "lroi", ax=ax, language=language, unit="score")
    even = float(rows["break_even"].iloc[0]) if len(rows) else 1.0
    ax.axvline(even, color=style.INK, linewidth=1.0, linestyle="--")
    ax.set_xlabel(
        Text(
            f"LROI in the new-customer period (break-even at {even:g}, dashed)",
            f"新客期投入产出比 LROI（虚线为盈亏平衡 {even:g}）",
        ).say(language)
    )
    only = rows[rows["channel"] != TOTAL]
    clear, below = int((only["lower"] > even).sum()), int((only["upper"] < even).sum())
    unclear = len(only) - clear - below
    ax.set_title(
        Text(
            f"{clear} of {len(only)} channels earn their cost back beyond doubt, {below} don't, {unclear} undecided",
            f"{len(only)} 个渠道中，{clear} 个确定回本，{below} 个确定未回本，{unclear} 个尚无定论",
        ).say(language)
    )
    return ax


def plot_response(history: pd.DataFrame, *, curves: pd.DataFrame, ax: Axes | None = None, language: str = "en") -> Axes:
    """Activated customers against spend, month by month, with the fitted curve of each channel.

    Parameters
    ----------
    history : DataFrame
        ``channel, spend, n_activated``.
    curves : DataFrame
        ``channel, scale, exponent, saturation, spend_max, known`` of the fit.
    """
    ax = style.new_axes(ax, height_inches=4.4)
    ends = []
    names = dict(zip(curves["channel"], channel_names(curves["channel"], language), strict=True))
    for index, curve in enumerate(curves[curves["known"]].itertuples()):
        colour = style.PALETTE[index % len(style.PALETTE)]
        months = history[history["channel"] == curve.channel]
        ax.plot(
            months["spend"], months["n_activated"], style.MARKERS[index % 8], color=colour, markersize=3.5, alpha=0.6
        )
        grid = np.linspace(curve.spend_min, curve.spend_max, 60)
        bend = np.inf if np.isnan(curve.saturation) else curve.saturation
        line = curve.scale * np.minimum(grid, bend) ** curve.exponent
        ax.plot(grid, line, color=colour, linestyle=style.LINES[index % 4])
        ends.append((grid[-1], line[-1], names[curve.channel], colour))
    ax.set_xlabel(Text("Spend of a month (bank's currency)", "当月投入（本币）").say(language))
    ax.set_ylabel(Text("Activated customers of that month", "当月激活人数").say(language))
    style.format_axis(ax.xaxis, "count", language=language)
    style.label_line_ends(ax, ends)
    bent = int((curves["known"] & (curves["exponent_upper"] < 1)).sum())
    ax.set_title(
        Text(
            f"In {bent} of {int(curves['known'].sum())} channels each further unit of money brings clearly less",
            f"{int(curves['known'].sum())} 个渠道中有 {bent} 个明显边际递减",
        ).say(language)
    )
    return ax


def plot_split(splits: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", currency: str = "") -> Axes:
    """Last month's split beside the proposed one.

    Parameters
    ----------
    splits : DataFrame
        As :func:`helpers.models.allocation.compare` returns it.
    """
    rows = splits.sort_values("best")
    ax = style.new_axes(ax, height_inches=0.9 + 0.46 * max(len(rows), 2))
    places = np.arange(len(rows))
    ax.hlines(places, rows["last"], rows["best"], color=style.NEUTRAL, linewidth=2)
    ax.plot(rows["last"], places, "o", color="white", markeredgecolor=style.INK, markersize=7)
    ax.plot(rows["best"], places, "D", color=style.PALETTE[0], markersize=7)
    ax.set_yticks(places, channel_names(rows["channel"], language))
    style.format_axis(ax.xaxis, "count", language=language)
    ax.set_xlabel(
        Text("Money a month: last (circle), proposed (diamond)", "月投入：上月（圆）、建议（菱形）").say(language)
    )
    ax.grid(axis="y", visible=False)
    if len(rows):
        change = (rows["best"] - rows["last"]).to_numpy()
        names = channel_names(rows["channel"], language)
        up, down = int(change.argmax()), int(change.argmin())
        more, less = (
            number(money, "money", language=language, currency=currency, signed=True)
            for money in (change[up], change[down])
        )
        ax.set_title(
            Text(
                f"Proposed a month: {more} for {names[up]}, {less} for {names[down]}",
                f"每月预算建议：{names[up]} {more}，{names[down]} {less}",
            ).say(language)
        )
    return ax


def _forest(rows: pd.DataFrame, column: str, *, ax: Axes | None, language: str, unit: str) -> Axes:
    ax = style.new_axes(ax, height_inches=0.9 + 0.42 * max(len(rows), 2))
    places = np.arange(len(rows))
    low = rows["lower"].fillna(rows[column])
    high = rows["upper"].fillna(rows[column])
    colours = [style.INK if channel == TOTAL else style.PALETTE[0] for channel in rows["channel"]]
    ax.hlines(places, low, high, color=colours, linewidth=2.2)
    ax.scatter(rows[column], places, color=colours, zorder=3, s=30)
    for place, value, end in zip(places, rows[column], high, strict=True):
        ax.annotate(
            number(value, unit, language=language),
            (end, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    ax.set_yticks(places, channel_names(rows["channel"], language))
    ax.margins(x=0.12)
    ax.grid(axis="y", visible=False)
    return ax
