"""Charts of experiments: effects with intervals, the course of an experiment, false alarms, plans, reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.findings.numbers import number
from helpers.reporting.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

RULE_NAMES = {
    "plain": Text("stop at the first p below the level", "首次 p 值达标即停"),
    "confidence_sequence": Text("interval valid at every look", "随时有效区间"),
    "planned_looks": Text("planned looks (O'Brien–Fleming)", "预定查看（O'Brien–Fleming）"),
}


def plot_effects(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    language: str = "en",
    relative: bool = True,
    names: Mapping[str, Text] | None = None,
    unit: str = "score",
    unit_text: Text | None = None,
) -> Axes:
    """Effect of each arm on each metric with its interval; empty marks could be nothing.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.models.experiments.effect` returns it.
    relative : bool
        Relative to control (metrics of any unit side by side), else in the metric's unit.
    names : mapping of metric to its name, optional
    unit : str
        Unit of the axis where not ``relative``.
    unit_text : Text, optional
        Words for that unit at the axis.
    """
    columns = ["relative", "relative_lower", "relative_upper"] if relative else ["estimate", "lower", "upper"]
    scale = 100.0 if relative else 1.0
    rows = table.iloc[::-1]
    names_of_rows = [_row_name(row, table, names or {}, language) for row in rows.to_dict("records")]
    lines = 1 + max((name.count("\n") for name in names_of_rows), default=0)
    ax = style.new_axes(ax, height_inches=1.1 + (0.26 + 0.18 * lines) * max(len(rows), 2))
    places = np.arange(len(rows))
    values = rows[columns].to_numpy(dtype=float) * scale
    bounded = np.isfinite(values).all(axis=1)
    reach = np.abs(values[bounded]).max() * 1.15 if bounded.any() else 1.0
    for place, (value, low, high), known, p in zip(places, values, bounded, rows["p_adjusted"], strict=True):
        if not known:
            ax.annotate(
                Text("control's mean could be 0: no relative figure", "对照组均值可能为 0，无法给出相对值").say(language),
                (0, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8.5, color=style.MUTED,
            )  # fmt: skip
            continue
        sure = p < 0.05
        colour = style.PALETTE[0] if sure else style.MUTED
        ax.plot([low, high], [place, place], color=colour, linewidth=2)
        ax.plot(value, place, marker="o", color=colour, markerfacecolor=colour if sure else "white", markersize=6)
        ax.annotate(
            _signed(value, relative, unit, language), (value, place), xytext=(0, 6), textcoords="offset points",
            ha="center", fontsize=8.5, color=colour,
        )  # fmt: skip
    ax.axvline(0, color=style.INK, linewidth=0.9)
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-0.7, len(rows) - 0.2)
    ax.set_yticks(places, names_of_rows)
    ax.grid(axis="y", visible=False)
    own_unit = f" ({unit_text.say(language)})" if unit_text is not None else ""
    ax.set_xlabel(
        Text("Difference from control, % of control's mean", "与对照组之差，占对照组均值 %").say(language)
        if relative
        else Text("Difference from control", "与对照组之差").say(language) + own_unit
    )
    ax.set_ylabel(label("metric").text.say(language))
    n_sure = int((table["p_adjusted"] < 0.05).sum())
    ax.set_title(
        Text(
            f"{n_sure} of {len(table)} differences can be told from chance (n = {_customers(table)})",
            f"{len(table)} 项差异中 {n_sure} 项可与随机波动区分（n = {_customers(table)}）",
        ).say(language)
    )
    return ax


def plot_looks(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", unit: str = "score", name: Text | None = None
) -> Axes:
    """Course of an experiment: the estimate with the interval valid at every look and the ordinary one inside.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.models.experiments.effect_by_look` returns it, one arm.
    unit : str
        Unit of the metric's difference.
    name : Text, optional
        The metric's name.
    """
    if table["arm"].nunique() > 1:
        raise ValueError(f"table: it has the arms {sorted(table['arm'].unique())}; one is drawn at a time")
    rows = table.dropna(subset=["estimate"])
    ax = style.new_axes(ax)
    if not len(rows):
        ax.text(0.5, 0.5, Text("Nothing can be estimated yet", "暂无可估计内容").say(language), ha="center")
    else:
        x = rows["look"].to_numpy()
        ax.fill_between(x, rows["lower"], rows["upper"], color=style.PALETTE[0], alpha=0.16, linewidth=0)
        ax.plot(x, rows["fixed_lower"], color=style.PALETTE[5], linewidth=1, linestyle="--")
        ax.plot(x, rows["fixed_upper"], color=style.PALETTE[5], linewidth=1, linestyle="--")
        ax.plot(x, rows["estimate"], color=style.PALETTE[0])
        # the first looks are so wide that they would press everything else flat
        wide = float(np.nanquantile(np.abs(rows[["lower", "upper"]].to_numpy()), 0.85)) * 1.1
        ax.set_ylim(-wide, wide)
        last = rows.iloc[-1]
        style.label_line_ends(
            ax,
            [
                (
                    x[-1],
                    float(last["upper"]),
                    Text(" valid at every look", " 随时有效").say(language),
                    style.PALETTE[0],
                ),
                (x[-1], float(last["fixed_lower"]), Text(" ordinary", " 普通区间").say(language), style.PALETTE[5]),
            ],
        )
        crossed = rows[(rows["fixed_lower"] > 0) | (rows["fixed_upper"] < 0)]
        held = rows[(rows["lower"] > 0) | (rows["upper"] < 0)]
        ax.set_title(
            Text(
                f"The ordinary interval leaves out 0 at {len(crossed)} of {len(rows)} looks, the valid one at {len(held)} "
                f"(n = {int(last.n + last.n_control):,})",
                f"{len(rows)} 次查看中，普通区间 {len(crossed)} 次不含 0，随时有效区间 {len(held)} 次"
                f"（n = {int(last.n + last.n_control):,}）",
            ).say(language)
        )
    ax.axhline(0, color=style.INK, linewidth=0.9)
    style.format_axis(ax.yaxis, unit, language=language)
    metric = name.say(language) if name is not None else str(table["metric"].iloc[0])
    ax.set_ylabel(Text(f"Difference in {metric}", f"{metric}之差").say(language))
    ax.set_xlabel(Text("Look (day)", "查看（天）").say(language))
    return ax


def plot_false_alarms(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", alpha: float = 0.05
) -> Axes:
    """Share of experiments without effect that have been announced as a success or a failure by each look.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.models.experiments.false_alarms` returns it.
    alpha : float
        The chance that was meant.
    """
    ax = style.new_axes(ax)
    ends = []
    colours = {"plain": style.PALETTE[5], "confidence_sequence": style.PALETTE[0], "planned_looks": style.PALETTE[2]}
    for k, (rule, part) in enumerate(table.groupby("rule", sort=False)):
        colour = colours.get(str(rule), style.PALETTE[k])
        ax.fill_between(part["look"], part["lower"] * 100, part["upper"] * 100, color=colour, alpha=0.15, linewidth=0)
        ax.plot(part["look"], part["false_alarm"] * 100, color=colour, linestyle=style.LINES[k % len(style.LINES)])
        name = RULE_NAMES[rule].say(language) if rule in RULE_NAMES else str(rule)
        last = part.iloc[-1]
        ends.append((float(last["look"]), float(last["false_alarm"]) * 100, f" {name}", colour))
    ax.axhline(alpha * 100, color=style.INK, linewidth=0.9, linestyle=":")
    ax.set_ylim(0, max(table["upper"].max() * 100 * 1.1, alpha * 130))
    style.label_line_ends(ax, ends)
    ax.set_xlabel(Text("Looks so far", "已查看次数").say(language))
    ax.set_ylabel(Text("False alarms so far, %", "累计误报率，%").say(language))
    worst = table.loc[table["look"] == table["look"].max()].sort_values("false_alarm").iloc[-1]
    ax.set_title(
        Text(
            f"{number(worst.false_alarm, 'share')} false alarms instead of {number(alpha, 'share')} "
            f"after {int(worst.look)} looks ({int(worst.n):,} simulated experiments)",
            f"查看 {int(worst.look)} 次后误报率 {number(worst.false_alarm, 'share', language='zh')}，"
            f"而非 {number(alpha, 'share', language='zh')}（模拟 {int(worst.n):,} 次实验）",
        ).say(language)
    )
    return ax


def plot_bounds(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Bounds of the planned looks against the single look's.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.models.experiments.group_sequential` returns it.
    """
    from statistics import NormalDist

    ax = style.new_axes(ax)
    share = table["information_share"] * 100
    single = NormalDist().inv_cdf(1 - float(table["alpha_spent"].iloc[-1]) / 2)
    for sign in (1, -1):
        ax.plot(share, sign * table["z_bound"], color=style.PALETTE[0], marker="o", markersize=4)
        ax.axhline(sign * single, color=style.PALETTE[5], linewidth=1, linestyle="--")
    style.label_line_ends(
        ax,
        [
            (
                100.0,
                float(table["z_bound"].iloc[-1]) + 0.25,
                Text(" stop beyond", " 越界即停").say(language),
                style.PALETTE[0],
            ),
            (100.0, single - 0.25, Text(" one look only", " 仅查看一次").say(language), style.PALETTE[5]),
        ],
    )
    ax.set_xlabel(Text("Customers so far, % of the plan", "已到样本，占计划 %").say(language))
    ax.set_ylabel(Text("z (effect ÷ standard error)", "z（效果 ÷ 标准误）").say(language))
    more = number(float(table["inflation"].iloc[0]) - 1, "share", language=language)
    ax.set_title(
        Text(
            f"{len(table)} looks cost at most {more} more customers than one",
            f"{len(table)} 次查看最多比一次多需 {more} 样本",
        ).say(language)
    )
    return ax


def plot_reach(
    table: pd.DataFrame, *, n_needed: int | None = None, ax: Axes | None = None, language: str = "en"
) -> Axes:
    """Customers met by each day of a past window, with the number that a plan needs.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.models.experiments.reach_curve` returns it.
    n_needed : int, optional
        Customers in all arms together.
    """
    ax = style.new_axes(ax)
    ax.plot(table["day"], table["n_reached"], color=style.PALETTE[0])
    total = int(table["n_reached"].iloc[-1])
    title = Text(
        f"{number(total)} different customers came by in {len(table)} days",
        f"{len(table)} 天内共触及 {number(total, language='zh')} 位不同客户",
    )
    if n_needed is not None:
        ax.axhline(n_needed, color=style.PALETTE[5], linewidth=1, linestyle="--")
        enough = table.loc[table["n_reached"] >= n_needed, "day"]
        if len(enough):
            day = int(enough.iloc[0])
            ax.plot(day, n_needed, "o", color=style.PALETTE[5])
            title = Text(
                f"The {number(n_needed)} customers needed have come by on day {day}",
                f"所需 {number(n_needed, language='zh')} 位客户在第 {day} 天到齐",
            )
        else:
            title = Text(
                f"The {number(n_needed)} customers needed don't come by in {len(table)} days (only {number(total)})",
                f"{len(table)} 天内凑不齐所需 {number(n_needed, language='zh')} 位客户（仅 {number(total, language='zh')} 位）",
            )
    ax.set_ylim(0, max(total, n_needed or 0) * 1.08 + 1)
    style.format_axis(ax.yaxis, "count", language=language)
    ax.set_xlabel(Text("Days since the start", "开始后天数").say(language))
    ax.set_ylabel(Text("Different customers met", "累计触及客户数").say(language))
    ax.set_title(title.say(language))
    return ax


def _signed(value: float, relative: bool, unit: str, language: str) -> str:
    if relative:
        return number(value / 100, "share", language=language, signed=True)
    return number(value, unit, language=language, signed=True)


def _row_name(row: Mapping, table: pd.DataFrame, names: Mapping[str, Text], language: str) -> str:
    metric = names[row["metric"]].say(language) if row["metric"] in names else label(row["metric"]).text.say(language)
    if table["arm"].nunique() > 1:
        arms = label("arm").values
        metric += " · " + (arms[str(row["arm"])].say(language) if str(row["arm"]) in arms else str(row["arm"]))
    if table["method"].nunique() > 1:
        methods = label("method").values
        metric += "\n" + (methods[row["method"]].say(language) if row["method"] in methods else row["method"])
    return metric


def _customers(table: pd.DataFrame) -> str:
    each = table.drop_duplicates("arm")
    return f"{int(each['n'].sum() + each['n_control'].iloc[0]):,}" if len(each) else "0"
