"""Charts of activity: DAU, WAU and MAU; days active; the bridge of MAU; lifecycle states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.findings.numbers import MIN_GROUP_SIZE, number
from helpers.reporting.plots import style
from helpers.reporting.plots.growth.frame import MONTH, empty, month_ticks, room_on_right, set_title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def usage(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw MAU, mean WAU and mean DAU by month.

    Parameters
    ----------
    table : DataFrame (:func:`helpers.metrics.activity.usage_by_month`)
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax)
    if not len(table):
        return empty(ax, language)
    x = np.arange(len(table))
    ends = []
    for position, column in enumerate(("mau", "wau", "dau")):
        colour = style.PALETTE[position]
        ax.plot(x, table[column], color=colour, linestyle=style.LINES[position], marker=_mark(table, position))
        name = {"mau": Text("MAU", "月活"), "wau": Text("WAU", "周活"), "dau": Text("DAU", "日活")}[column]
        if table[column].notna().any():
            value = table[column].dropna().iloc[-1]
            ends.append((x[-1], float(value), f" {name.say(language)} {number(value, language=language)}", colour))
    month_ticks(ax, table["month"])
    ax.set_ylim(bottom=0)
    style.label_line_ends(ax, ends)
    room_on_right(ax, len(x))
    style.format_axis(ax.yaxis, "count", language=language)
    ax.set_xlabel(MONTH.say(language))
    ax.set_ylabel(Text("customers", "客户数（人）").say(language))
    first, last = table.iloc[0], table.iloc[-1]
    change = last["mau"] / first["mau"] - 1 if first["mau"] else float("nan")
    set_title(
        ax,
        Text.write(
            lambda w: w(
                f"MAU {w.n(last['mau'])} in {last['month']}, {w.n(change, 'share', signed=True)} since {first['month']}; "
                f"on a mean day {w.n(last['stickiness'], 'share')} of them come",
                f"{last['month']} 月活 {w.n(last['mau'])} 人，较 {first['month']} {w.n(change, 'share', signed=True)}；"
                f"平均每天到访 {w.n(last['stickiness'], 'share')}",
            )
        ),
        language,
    )
    return ax


def active_days(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw on how many days the month's customers were active, with intervals.

    Parameters
    ----------
    table : DataFrame (:func:`helpers.metrics.activity.active_days_distribution`)
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax, height_inches=3.0)
    if not len(table) or not table["customers"].sum():
        return empty(ax, language)
    x = np.arange(len(table))
    share = table["share"].to_numpy()
    errors = np.vstack([share - table["lower"], table["upper"] - share]).clip(min=0)
    ax.bar(x, share, color=style.PALETTE[0], width=0.66)
    ax.errorbar(x, share, yerr=errors, fmt="none", ecolor=style.INK, elinewidth=1, capsize=3)
    for i, (value, upper) in enumerate(zip(share, table["upper"], strict=True)):
        ax.annotate(
            number(value, "share", language=language),
            (i, upper),
            (0, 4),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
        )
    ax.set_xticks(x, table["active_days_class"])
    ax.grid(visible=False, axis="x")
    ax.margins(y=0.16)
    style.format_axis(ax.yaxis, "share", language=language)
    ax.set_xlabel(Text("active days in the month (days)", "当月活跃天数（天）").say(language))
    ax.set_ylabel(Text("share of the month's customers", "占当月活跃客户比重").say(language))
    shares = table.set_index("active_days_class")["share"]
    n = _whole(table)
    if {"1", "8–14", "15–31"} <= set(shares.index):
        often, once = shares[["8–14", "15–31"]].sum(), shares["1"]
        title = Text.write(
            lambda w: w(
                f"{w.n(often, 'share')} of {n:,} customers came on eight days or more, {w.n(once, 'share')} on one only",
                f"{n:,} 位客户中 {w.n(often, 'share')} 活跃 8 天及以上，{w.n(once, 'share')} 仅来 1 天",
            )
        )
    else:
        most = str(shares.idxmax())
        title = Text.write(
            lambda w: w(
                f"{w.n(shares.max(), 'share')} of {n:,} customers came on {most} day{'' if most == '1' else 's'}, more than on any other number drawn",
                f"{n:,} 位客户中 {w.n(shares.max(), 'share')} 活跃 {most} 天，为图中占比最高",
            )
        )
    set_title(ax, title, language)
    return ax


def mau_bridge(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw who came and who went, month by month, and what remains.

    Parameters
    ----------
    table : DataFrame (:func:`helpers.metrics.activity.mau_bridge`)
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax)
    if not len(table):
        return empty(ax, language)
    x = np.arange(len(table))
    parts = (("mau_new", style.PALETTE[0], ""), ("mau_resurrected", style.PALETTE[4], "//"))
    bottom = np.zeros(len(table))
    for column, colour, hatch in parts:
        ax.bar(
            x,
            table[column],
            bottom=bottom,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.4,
            label=label(column).text.say(language),
        )
        bottom += np.nan_to_num(table[column].to_numpy(dtype=float))
    ax.bar(
        x,
        -table["mau_churned"],
        color=style.PALETTE[5],
        hatch="..",
        edgecolor="white",
        linewidth=0.4,
        label=label("mau_churned").text.say(language),
    )
    ax.plot(
        x,
        table["mau_change"],
        color=style.INK,
        marker="o",
        markersize=3.5,
        linewidth=1.3,
        label=label("mau_change").text.say(language),
    )
    ax.axhline(0, color=style.INK, linewidth=0.8)
    month_ticks(ax, table["month"])
    style.format_axis(ax.yaxis, "count", language=language)
    ax.set_xlabel(MONTH.say(language))
    ax.set_ylabel(Text("customers", "客户数（人）").say(language))
    ax.legend(loc="lower left", ncols=4, fontsize=8, bbox_to_anchor=(0, -0.34), borderaxespad=0)
    last = table.iloc[-1]
    set_title(
        ax,
        Text.write(
            lambda w: w(
                f"{last['month']}: {w.n(last['mau_change'], signed=True)} net; quick ratio "
                f"{w.n(last['quick_ratio'], 'ratio')} won for each one lost",
                f"{last['month']} 净变动 {w.n(last['mau_change'], signed=True)} 人；速动比 {w.n(last['quick_ratio'], 'ratio')}",
            )
        ),
        language,
    )
    return ax


def lifecycle(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Draw the shares of the four lifecycle states at the months' ends.

    Parameters
    ----------
    table : DataFrame (:func:`helpers.metrics.lifecycle.lifecycle`)
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax, height_inches=3.2)
    if not len(table):
        return empty(ax, language)
    wide = table.pivot(index="month", columns="lifecycle_state", values="share")
    known = list(label("lifecycle_state").values)
    states = [state for state in known if state in wide.columns]
    x = np.arange(len(wide))
    colours = (style.PALETTE[1], style.PALETTE[4], style.PALETTE[0], style.PALETTE[6])
    bottom = np.zeros(len(wide))
    for state in states:
        colour = colours[known.index(state)]
        # A month's state that is not there was too small to be shown: it is left blank, not drawn as 0.
        value = wide[state].to_numpy(dtype=float)
        ax.bar(x, value, bottom=bottom, color=colour, width=0.82)
        if not np.isnan(value[-1]):
            name = label("lifecycle_state").values[state].say(language)
            ax.annotate(
                f" {name} {number(value[-1], 'share', language=language)}",
                (x[-1] + 0.45, bottom[-1] + value[-1] / 2),
                fontsize=8.5,
                va="center",
                color=style.INK,
                annotation_clip=False,
            )
        bottom = bottom + np.nan_to_num(value)
    month_ticks(ax, pd.Series(wide.index))
    room_on_right(ax, len(x))
    ax.grid(visible=False, axis="x")
    ax.set_ylim(0, 1)
    style.format_axis(ax.yaxis, "share", language=language)
    ax.set_xlabel(Text("end of month", "月末").say(language))
    ax.set_ylabel(Text("share of customers", "客户占比").say(language))
    last = wide.iloc[-1]
    n = _whole(table[table["month"] == wide.index[-1]])
    state = "churning" if last.get("churning", np.nan) > 0 else str(last.idxmax())
    name = label("lifecycle_state").values[state]
    title = Text.write(
        lambda w: w(
            f"{w.n(last[state], 'share')} of {n:,} customers are in the state “{name.en}” at the end of {wide.index[-1]}",
            f"{wide.index[-1]} 月末 {n:,} 位客户中 {w.n(last[state], 'share')} 处于“{name.zh}”阶段",
        )
    )
    if state == "churning":
        title = Text.write(
            lambda w: w(
                f"{w.n(last[state], 'share')} of {n:,} customers are silent at the end of {wide.index[-1]}",
                f"{wide.index[-1]} 月末 {n:,} 位客户中 {w.n(last[state], 'share')} 处于静默",
            )
        )
    set_title(ax, title, language)
    return ax


def transitions(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", min_group_size: int = MIN_GROUP_SIZE
) -> Axes:
    """Draw who moved between lifecycle states in a month, as shares of the state they left.

    Parameters
    ----------
    table : DataFrame (:func:`helpers.metrics.lifecycle.transitions`)
    ax : Axes, optional
    language : {"en", "zh"}
    min_group_size : int
        Rows of fewer customers are left blank.
    """
    ax = style.new_axes(ax, height_inches=3.2)
    if not len(table):
        return empty(ax, language)
    sources, targets = list(dict.fromkeys(table["from_state"])), list(dict.fromkeys(table["to_state"]))
    shares = table.pivot(index="from_state", columns="to_state", values="share").loc[sources, targets]
    sizes = table.groupby("from_state")["n"].first().loc[sources]
    values = shares.to_numpy(dtype=float)
    values[sizes.to_numpy() < min_group_size] = np.nan
    ax.imshow(np.nan_to_num(values), cmap="Blues", vmin=0, vmax=1.25, aspect="auto")
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            if not np.isnan(value) and value > 0:
                ax.text(
                    j,
                    i,
                    number(value, "share", language=language),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color="white" if value > 0.7 else style.INK,
                )
    ax.grid(visible=False)
    ax.set_xticks(range(len(targets)), [label("to_state").values[t].say(language) for t in targets])
    ax.set_yticks(
        range(len(sources)), [f"{label('from_state').values[s].say(language)} (n = {int(sizes[s]):,})" for s in sources]
    )
    ax.set_xlabel(Text("state a month later", "一个月后的阶段").say(language))
    ax.set_ylabel(Text("state before", "期初阶段").say(language))
    staying = table[(table["from_state"] == table["to_state"]) & (table["n"] >= min_group_size)]
    mature = staying[staying["from_state"] == "mature"]
    if len(staying):
        stay = mature.iloc[0] if len(mature) else staying.loc[staying["n"].idxmax()]
        name = label("from_state").values[str(stay["from_state"])]
        title = Text.write(
            lambda w: w(
                f"{stay['month']}: {w.n(stay['share'], 'share')} of the {name.en.lower()} stay so (n = {int(stay['n']):,})",
                f"{stay['month']}：{name.zh}客户 {w.n(stay['share'], 'share')} 保持不变（n = {int(stay['n']):,}）",
            )
        )
        set_title(ax, title, language)
    return ax


def _whole(parts: pd.DataFrame) -> int:
    """Customers of the whole that shares are of: told by its largest part, also where small parts are not drawn."""
    largest = parts.loc[parts["customers"].idxmax()]
    return round(float(largest["customers"]) / float(largest["share"])) if largest["share"] else 0


def _mark(table: pd.DataFrame, position: int) -> str | None:
    """A single month is a point, not a line."""
    return style.MARKERS[position] if len(table) < 3 else None
