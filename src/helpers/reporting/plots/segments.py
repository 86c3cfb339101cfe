"""Charts of segment insight: layers, portrait, hours, cohorts, retention by segment, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.findings.numbers import in_currency, number
from helpers.metrics.layers import ACTIVITY_TIERS, VALUE_TIERS
from helpers.metrics.portraits import ALL
from helpers.metrics.segments import EVERYBODY, read_segments
from helpers.reporting.plots import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

WEEKDAYS = (
    Text("Mon", "周一"),
    Text("Tue", "周二"),
    Text("Wed", "周三"),
    Text("Thu", "周四"),
    Text("Fri", "周五"),
    Text("Sat", "周六"),
    Text("Sun", "周日"),
)
MOST_LINES = 6


def _names(slugs: Sequence[str], language: str) -> list[str]:
    known = read_segments()
    return [known[slug].name.say(language) if slug in known else str(slug) for slug in slugs]


def _heat(ax: Axes, values: np.ndarray, *, top: float) -> None:
    """Cells from white to the palette's blue; missing ones stay grey."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("page", ["#ffffff", style.PALETTE[0]])
    colours.set_bad("#eef0f2")
    ax.imshow(np.ma.masked_invalid(values), cmap=colours, vmin=0, vmax=top, aspect="auto")
    ax.grid(visible=False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(length=0)


def _ink(value: float, top: float) -> str:
    """Colour of the writing on a cell."""
    return "white" if top and value / top > 0.55 else style.INK


def plot_grid(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Value by activity: customers and their share of the segment's assets in each cell.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.metrics.layers.value_activity_grid` returns it; masked cells stay grey.
    """
    ax = style.new_axes(ax, height_inches=3.2)
    cells = table.set_index(["value_tier", "activity_tier"])
    money = np.array([[cells.loc[(v, a), "aum_share"] for a in ACTIVITY_TIERS] for v in VALUE_TIERS], dtype=float)
    top = float(np.nanmax(money)) if np.isfinite(money).any() else 1.0
    _heat(ax, money, top=top or 1.0)
    for i, value in enumerate(VALUE_TIERS):
        for j, activity in enumerate(ACTIVITY_TIERS):
            row = cells.loc[(value, activity)]
            if row["is_masked"]:
                words = Text("too few", "人数过少").say(language)
            else:
                share = number(row["aum_share"], "share", language=language)
                words = f"{number(row['customers'], 'customers', language=language)}\n" + Text(
                    f"{share} of AUM", f"AUM 占 {share}"
                ).say(language)
            ink = _ink(money[i, j], top) if np.isfinite(money[i, j]) else style.MUTED
            ax.text(j, i, words, ha="center", va="center", fontsize=8.5, color=ink)
    ax.set_xticks(range(3), [label("activity_tier").values[a].say(language) for a in ACTIVITY_TIERS])
    ax.set_yticks(range(4), [label("value_tier").values[v].say(language) for v in VALUE_TIERS])
    ax.set_xlabel(Text("Activity (days active)", "活跃层（按活跃天数）").say(language))
    ax.set_ylabel(Text("Value (rank of AUM)", "价值层（按 AUM 排名）").say(language))
    worthy = table[table["value_tier"].isin(["high", "middle"])]
    # Shares are of all assets, those of masked cells among them; sums of the cells shown would leave these out.
    share = worthy[worthy["activity_tier"] == "silent"]["aum_share"].sum(min_count=1)
    ax.set_title(
        Text(
            f"{number(share, 'share')} of the assets lie with silent customers of high or middle value",
            f"{number(share, 'share', language='zh')} 的资产在沉默的高、中价值客户手中",
        ).say(language)
    )
    return ax


def plot_portrait(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """TGI with intervals, one row a trait; 100 is the base.

    Parameters
    ----------
    table : DataFrame
        Columns ``trait`` (words of both languages, or text), ``tgi``, ``lower``, ``upper``, as
        :func:`helpers.steps.segments.shown_portrait` returns them.
    """
    rows = table.iloc[::-1].reset_index(drop=True)
    ax = style.new_axes(ax, height_inches=1.1 + 0.27 * max(len(rows), 3))
    places = np.arange(len(rows))
    for place, row in zip(places, rows.itertuples(), strict=True):
        colour = style.GOOD if row.tgi >= 100 else style.BAD
        ax.plot([row.lower, row.upper], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
        ax.plot(row.tgi, place, marker="o" if row.tgi >= 100 else "s", color=colour, markersize=5)
        ax.annotate(
            number(row.tgi, "index", language=language),
            (row.upper, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    ax.axvline(100, color=style.NEUTRAL, linewidth=1, linestyle="--")
    ax.set_yticks(places, [t.say(language) if isinstance(t, Text) else str(t) for t in rows["trait"]])
    ax.set_ylim(-0.7, max(len(rows), 1) - 0.3)
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(Text("TGI (base = 100) with 95 % interval", "TGI（全量 = 100），含 95% 置信区间").say(language))
    ax.set_ylabel(Text("Trait", "特征").say(language))
    if len(rows):
        first = rows.iloc[-1]
        what = first["trait"] if isinstance(first["trait"], Text) else Text(str(first["trait"]), str(first["trait"]))
        times = number(first["tgi"] / 100, "ratio", language=language)
        ax.set_title(
            Text(
                f"“{what.en}” is {times} times as frequent as in the base", f"“{what.zh}”的占比是全量的 {times} 倍"
            ).say(language)
        )
    else:
        ax.set_title(Text("No trait differs surely from the base", "没有与全量明显不同的特征").say(language))
    return ax


def plot_hours(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Active hours: hour of the day by weekday, darker where more of them fall.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.metrics.portraits.active_hours` returns it.
    """
    cells = table[(table["weekday"] != ALL) & (table["hour"] != ALL)]
    ax = style.new_axes(ax, height_inches=2.9)
    grid = cells.pivot(index="weekday", columns="hour", values="share").to_numpy(dtype=float)
    top = float(np.nanmax(grid)) if np.isfinite(grid).any() else 1.0
    _heat(ax, grid, top=top or 1.0)
    ax.set_xticks(range(0, 24, 2), [f"{hour}:00" for hour in range(0, 24, 2)])
    ax.set_yticks(range(7), [day.say(language) for day in WEEKDAYS])
    ax.set_xlabel(Text("Hour of the day (local time)", "一天中的钟点（当地时间）").say(language))
    ax.set_ylabel(Text("Day of the week", "星期").say(language))
    if np.isfinite(grid).any():
        day, hour = np.unravel_index(int(np.nanargmax(grid)), grid.shape)
        ax.text(
            hour, day, number(top, "share", language=language), ha="center", va="center", fontsize=6.5, color="white"
        )
        ax.set_title(
            Text(
                f"Busiest: {WEEKDAYS[day].en} {hour}:00–{hour + 1}:00, {number(top, 'share')} of all active hours",
                f"最活跃：{WEEKDAYS[day].zh} {hour}:00–{hour + 1}:00，占全部活跃小时的 {number(top, 'share', language='zh')}",
            ).say(language)
        )
    else:
        ax.set_title(Text("Nobody was active", "没有活跃客户").say(language))
    return ax


def plot_cohorts(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", max_cohorts: int = 14) -> Axes:
    """The cohort triangle; cells whose customers have not all had the time stay grey.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.metrics.cohorts.cohort_triangle` returns it.
    max_cohorts : int
        The latest cohorts are shown.
    """
    cohorts = sorted(table["cohort"].unique())[-max_cohorts:]
    rows = table[table["cohort"].isin(cohorts)]
    ax = style.new_axes(ax, height_inches=1.2 + 0.24 * max(len(cohorts), 3))
    if rows.empty:
        ax.set_title(Text("No cohort joined within the log", "日志期内没有新加入的批次").say(language))
        return ax
    wide = rows.pivot(index="cohort", columns="period", values="retained").reindex(cohorts)
    sizes = rows.groupby("cohort")["customers"].first().reindex(cohorts)
    grid = wide.to_numpy(dtype=float)
    _heat(ax, grid, top=1.0)
    for i, j in zip(*np.nonzero(np.isfinite(grid)), strict=True):
        ax.text(j, i, f"{grid[i, j] * 100:.0f}", ha="center", va="center", fontsize=7.5, color=_ink(grid[i, j], 1.0))
    ax.set_xticks(range(grid.shape[1]), [str(period) for period in wide.columns])
    ax.set_yticks(range(len(cohorts)), [f"{c} ({number(sizes[c], 'count', language=language)})" for c in cohorts])
    ax.set_xlabel(
        Text(
            "Periods of 30 days since joining; cells: % active, grey: not mature yet",
            "加入后第几个 30 天；格内为活跃 %，灰色为观察期未满",
        ).say(language)
    )
    ax.set_ylabel(Text("Month of joining (customers)", "加入月份（人数）").say(language))
    mature = rows[rows["is_mature"] & (rows["period"] == min(3, rows["period"].max()))]
    if len(mature):
        period = int(mature["period"].iloc[0])
        low, high = mature["retained"].min(), mature["retained"].max()
        ax.set_title(
            Text(
                f"Period {period}: between {number(low, 'share')} and {number(high, 'share')} of a cohort still active",
                f"第 {period} 期：各批次活跃率在 {number(low, 'share', language='zh')} 至 "
                f"{number(high, 'share', language='zh')} 之间",
            ).say(language)
        )
    else:
        ax.set_title(Text("No cohort is old enough yet", "尚无批次观察期满").say(language))
    return ax


def plot_retention(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", segment: str = EVERYBODY
) -> Axes:
    """Retention of each segment by day since joining; the segment looked at with its band.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.models.retention.survival_curves` by ``segment`` returns it.
    segment : str
        The one that is emphasised.
    """
    ax = style.new_axes(ax, height_inches=4.0)
    if table.empty:
        ax.set_title(Text("Nobody was watched", "没有可观察的客户").say(language))
        return ax
    last = table[table["day"] == table["day"].max()].set_index("segment")
    order = list(last.sort_values("retained", ascending=False).index)
    shown = [s for s in order if s in (segment, EVERYBODY)]
    shown += [s for s in order if s not in shown][: MOST_LINES - len(shown)]
    ends = []
    for place, slug in enumerate(sorted(shown, key=order.index)):
        part = table[table["segment"] == slug]
        colour = style.MUTED if slug == EVERYBODY else style.PALETTE[place % len(style.PALETTE)]
        width = 2.6 if slug == segment else 1.3
        ax.step(
            part["day"],
            part["retained"] * 100,
            where="post",
            color=colour,
            linewidth=width,
            linestyle=style.LINES[place % len(style.LINES)] if slug != segment else "-",
        )
        if slug == segment:
            ax.fill_between(
                part["day"],
                part["lower"] * 100,
                part["upper"] * 100,
                step="post",
                color=colour,
                alpha=0.18,
                linewidth=0,
            )
        end = part.iloc[-1]
        share = number(end["retained"], "share", language=language)
        ends.append(
            (float(end["day"]), float(end["retained"]) * 100, f" {_names([slug], language)[0]} {share}", colour)
        )
    lowest = table[table["segment"].isin(shown)]["lower"].min() * 100
    ax.set_ylim(max(0.0, min(lowest - 5, 90)), 101)
    style.label_line_ends(ax, ends)
    horizon = int(table["day"].max())
    ax.set_xlim(0, horizon * 1.3)
    ax.set_xticks(range(0, horizon + 1, max(30, horizon // 6 // 30 * 30)))
    ax.set_xlabel(Text("Days since joining", "加入后天数").say(language))
    ax.set_ylabel(Text("% still active (95 % band for the segment)", "仍活跃 %（所看客群带 95% 区间）").say(language))
    if segment in last.index:
        kept = last.loc[segment, "retained"]
        name = read_segments()[segment].name
        ax.set_title(
            Text(
                f"{name.en}: {number(kept, 'share')} still active {horizon} days after joining",
                f"{name.zh}：加入 {horizon} 天后仍活跃 {number(kept, 'share', language='zh')}",
            ).say(language)
        )
    return ax


def plot_scores(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", currency: str = "", segment: str = ""
) -> Axes:
    """Assets at stake of each segment, with the interval of the loss.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.steps.segments.scores` returns it.
    segment : str
        The one that is emphasised.
    """
    rows = table.sort_values(["at_stake", "segment"], ignore_index=True)
    ax = style.new_axes(ax, height_inches=1.1 + 0.36 * max(len(rows), 3))
    places = np.arange(len(rows))
    colours = [style.PALETTE[0] if slug == segment else style.NEUTRAL for slug in rows["segment"]]
    ax.barh(places, rows["at_stake"], color=colours, height=0.6)
    ax.hlines(places, rows["at_stake_lower"], rows["at_stake_upper"], color=style.INK, linewidth=1.3)
    for place, row in zip(places, rows.itertuples(), strict=True):
        ax.annotate(
            number(row.at_stake, "money", language=language),
            (row.at_stake_upper, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    ax.set_yticks(places, _names(rows["segment"], language))
    ax.set_xlim(0, float(rows["at_stake_upper"].max()) * 1.18 if len(rows) and rows["at_stake_upper"].max() > 0 else 1)
    style.format_axis(ax.xaxis, "money", language=language)
    ax.grid(axis="y", visible=False)
    stake = Text(in_currency("Assets at stake", currency, "en"), in_currency("待保资产", currency, "zh"))
    ax.set_xlabel(Text(f"{stake.en} with 95 % interval", f"{stake.zh}，含 95% 区间").say(language))
    ax.set_ylabel(Text("Segment", "客群").say(language))
    if len(rows):
        first = rows.iloc[-1]
        name = _names([first["segment"]], language)[0]
        amount = number(first["at_stake"], "money", language=language, currency=currency)
        ax.set_title(Text(f"{name}: most at stake, {amount}", f"{name}待保资产最多：{amount}").say(language))
    else:
        ax.set_title(Text("No segment could be scored", "没有可评分的客群").say(language))
    return ax
