"""Charts of the post-mortem: gap, effect week by week, roll-out, funnel, money, return."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.findings import Text, Writer
from helpers.findings.labels import label
from helpers.findings.numbers import number
from helpers.reporting.plots import retention, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_LEVELS = ("baseline", "actual", "target")


def plot_gap(
    bridge: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", unit: str = "days", currency: str = ""
) -> Axes:
    """Waterfall from the planned baseline over branch, drift, draw and effect to actual, gap and target.

    Parameters
    ----------
    bridge : DataFrame
        ``piece, amount`` of `post_mortem.gap_bridge`.
    unit : str
        Unit of the amounts, as findings write it.
    """
    w = Writer(language, currency)
    ax = style.new_axes(ax)
    if bridge.empty:
        return _nothing(ax, w)
    amounts = bridge.set_index("piece")["amount"]
    bottom = 0.0
    for place, (piece, amount) in enumerate(amounts.items()):
        level = piece in _LEVELS
        start = 0.0 if level else bottom
        colour = style.NEUTRAL if level else style.GOOD if amount >= 0 else style.BAD
        # what is missing to the target is hollow: it is not there
        hollow = piece == "gap"
        ax.bar(
            place,
            amount,
            bottom=start,
            width=0.62,
            color="white" if hollow else colour,
            edgecolor=colour,
            hatch="///" if hollow else None,
        )
        top = max(start, start + amount)
        ax.annotate(
            w.n(amount, unit, signed=not level),
            (place, top),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
        )
        bottom = amount if level else bottom + amount
    names = label("piece").values
    ax.set_xticks(range(len(amounts)), [_wrapped(names[piece].say(language)) for piece in amounts.index])
    ax.axhline(0, color=style.INK, linewidth=0.8)
    ax.margins(y=0.12)
    ax.grid(axis="x", visible=False)
    ax.set_xlabel(Text("Piece of the bridge", "构成").say(language))
    ax.set_ylabel(
        {
            "days": Text("days per treated customer", "实验组户均天数"),
            "money_each": Text(f"{currency} per treated customer".strip(), f"实验组户均（{currency}）"),
        }.get(unit, Text("per treated customer", "实验组户均")).say(language)
    )
    if {"gap", "effect"} <= set(amounts.index):
        ax.set_title(
            w(
                f"Difference to the hold-out {w.n(amounts['effect'], unit, signed=True)}, gap to the target "
                f"{w.n(amounts['gap'], unit, signed=True)}",
                f"与留白组之差 {w.n(amounts['effect'], unit, signed=True)}，距目标 "
                f"{w.n(amounts['gap'], unit, signed=True)}",
            )
        )
    return ax


def plot_course(
    course: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", window_days: int = 28, is_causal: bool = True
) -> Axes:
    """Difference in active days to those the treated are compared with, before, during and after the campaign.

    Parameters
    ----------
    course : DataFrame
        Of `post_mortem.course`: ``axis`` (week, period), ``arm, position, estimate, lower, upper``. Before position 0
        the difference should hold 0.
    window_days : int
        Length of the outcome window, shaded where the axis is in weeks.
    is_causal : bool
        False where the split is broken: the title then speaks of a difference only. Between branches it never speaks of
        a cause.
    """
    w = Writer(language)
    ax = style.new_axes(ax)
    if course.empty:
        return _nothing(ax, w)
    is_weekly = course["axis"].iloc[0] == "week"
    ax.axhline(0, color=style.INK, linewidth=0.8)
    arms = list(course["arm"].unique())
    ends = []
    for place, arm in enumerate(arms):
        rows = course[course["arm"] == arm]
        colour = style.PALETTE[place % len(style.PALETTE)]
        # arms stand beside each other, so that their intervals don't hide one another
        x = rows["position"] + (place - (len(arms) - 1) / 2) * 0.16
        ax.plot(x, rows["estimate"], color=colour, marker=style.MARKERS[place], markersize=4, linewidth=1.2)
        ax.vlines(x, rows["lower"], rows["upper"], color=colour, linewidth=1.3, alpha=0.75)
        last = rows.iloc[-1]
        ends.append((float(last["position"]) + 0.4, float(last["estimate"]), _arm(arm, language), colour))
    if is_weekly:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
        ax.axvspan(-0.5, window_days / 7 - 0.5, color=style.GRID, zorder=0)
        # Room above the intervals for the words in the window.
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.12 * (high - low))
        ax.annotate(
            w("outcome window", "观察窗口"),
            ((window_days / 7 - 1) / 2, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, -11),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=style.MUTED,
        )
        ax.set_xlabel(w("weeks since the launch", "上线后周数"))
        ax.set_ylabel(w("active days a week, against those held out", "每周活跃天数（相对留白组）"))
    else:
        ax.set_xticks(sorted(course["position"].unique()))
        ax.set_xlabel(w("period since the branch was reached (−1 is the reference)", "网点上线前后时段（−1 为基准）"))
        ax.set_ylabel(w("active days, against branches not yet reached", "活跃天数（相对未上线网点）"))
    if len(arms) > 1:
        style.label_line_ends(ax, ends)
    ax.set_title(_course_title(w, course, arms, window_days, is_weekly=is_weekly, is_causal=is_causal))
    return ax


def _course_title(
    w: Writer, course: pd.DataFrame, arms: list[str], window_days: int, *, is_weekly: bool, is_causal: bool
) -> str:
    inside = course[(course["position"] >= 0) & (course["position"] < max(window_days // 7, 1))]
    said = "; ".join(
        f"{_arm(arm, w.language) + ' ' if len(arms) > 1 else ''}{w.n(value, 'days', signed=True)}"
        for arm, value in inside.groupby("arm")["estimate"].sum().items()
    )
    if not is_weekly:
        return w(
            f"On the start {said} against branches not yet reached; before it they should move alike",
            f"上线当期相对未上线网点 {said}；此前各时段走势应相同",
        )
    if not is_causal:
        return w("Difference between the arms, week by week: no cause is claimed", "各组逐周差异：不构成因果结论")
    return w(f"Added in the window, week by week and unadjusted: {said}", f"窗口期逐周增量合计（未校正）：{said}")


def plot_funnel(funnel: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Customers at each stage, and what share of the stage before went on.

    Parameters
    ----------
    funnel : DataFrame
        Of `people_goods_place.funnel`.
    """
    w = Writer(language)
    ax = style.new_axes(ax, height_inches=0.9 + 0.45 * max(len(funnel), 2))
    names = label("stage").values
    places = np.arange(len(funnel))[::-1]
    steps = funnel[funnel["stage"] != "assigned"]
    worst = steps.loc[steps["n_lost"].idxmax()] if len(steps) and steps["n_lost"].max() > 0 else None
    for place, (_, row) in zip(places, funnel.iterrows(), strict=True):
        is_worst = worst is not None and row["stage"] == worst["stage"]
        ax.barh(place, row["n"], height=0.62, color=style.BAD if is_worst else style.PALETTE[0])
        share = "" if row["stage"] == "assigned" else f" · {w.n(row['step_share'], 'share')}"
        ax.annotate(
            f"{int(row['n']):,}{share}",
            (row["n"], place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    ax.set_yticks(places, [names[stage].say(language) for stage in funnel["stage"]])
    ax.set_xlim(0, max(float(funnel["n"].max()) * 1.2, 1) if len(funnel) else 1)
    ax.set_xlabel(w("customers · share of the stage before", "客户数 · 环节转化率"))
    ax.set_ylabel(w("Stage", "环节"))
    style.format_axis(ax.xaxis, "count", language=language)
    ax.grid(axis="y", visible=False)
    if worst is not None:
        name = names[str(worst["stage"])].say(language)
        ax.set_title(
            w(
                f"Most were lost before “{name}”: {w.n(int(worst['n_lost']), 'customers')}",
                f"止步最多在“{name}”之前：{int(worst['n_lost']):,} 人",
            )
        )
    return ax


def plot_money(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", currency: str = "", is_causal: bool = True
) -> Axes:
    """Difference in assets to the hold-out: on the measuring day, and 31-90 days after the end.

    Parameters
    ----------
    table : DataFrame
        Effects on assets of `post_mortem.money_rows`.
    is_causal : bool
        False where the split is broken: the title then says that no cause is claimed.
    """
    w = Writer(language, currency)
    rows = table.reset_index(drop=True)
    ax = style.new_axes(ax, height_inches=0.9 + 0.5 * max(len(rows), 2))
    if rows.empty:
        return _nothing(ax, w)
    ax.axvline(0, color=style.INK, linewidth=0.8)
    names = label("metric").values
    arms = list(rows["arm"].unique())
    labels = []
    for place, row in zip(range(len(rows) - 1, -1, -1), rows.itertuples(), strict=True):
        colour = style.PALETTE[arms.index(row.arm) % len(style.PALETTE)]
        ax.hlines(place, row.lower, row.upper, color=colour, linewidth=2)
        ax.plot(row.estimate, place, marker=style.MARKERS[arms.index(row.arm)], color=colour, markersize=6)
        name = names[row.metric].say(language)
        labels.append(f"{name} · {_arm(row.arm, language)}" if len(arms) > 1 else name)
    ax.set_yticks(range(len(rows) - 1, -1, -1), labels)
    ax.margins(y=0.15)
    unit = "元" if language == "zh" and currency == "CNY" else currency
    ax.set_xlabel(w(f"{unit} per treated customer, against those held out", f"实验组户均（{unit}，相对留白组）"))
    ax.set_ylabel(w("Reading", "口径"))
    style.format_axis(ax.xaxis, "count", language=language)
    if not is_causal:
        ax.set_title(w("Difference in assets: no cause is claimed", "资产差异：不构成因果结论"))
    elif len(rows):
        first = rows.iloc[0]
        kept = rows[(rows["metric"] == "aum_kept_change") & (rows["arm"] == first["arm"])]
        then = _with_bounds(w, kept.iloc[0]) if len(kept) else w("not known yet", "尚未可知")
        now = _with_bounds(w, first)
        ax.set_title(
            w(f"On the measuring day {now},\nkept 31-90 days later {then}", f"考核时点 {now}，\n其后留存 {then}")
        )
    return ax


def plot_roi(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", roi_margin: float = 1.0) -> Axes:
    """ROI on activity, money and both, with intervals and the margin from which the campaign pays.

    Parameters
    ----------
    table : DataFrame
        Of `post_mortem.returns`.
    roi_margin : float
        Drawn as a line.
    """
    w = Writer(language)
    rows = table[table["roi"].notna()].reset_index(drop=True)
    ax = style.new_axes(ax, height_inches=0.9 + 0.5 * max(len(rows), 2))
    if rows.empty:
        return _nothing(ax, w)
    ax.axvline(roi_margin, color=style.BAD, linewidth=1.1, linestyle="--")
    names = label("part").values
    arms = list(rows["arm"].unique())
    labels = []
    for place, row in zip(range(len(rows) - 1, -1, -1), rows.itertuples(), strict=True):
        colour = style.PALETTE[arms.index(row.arm) % len(style.PALETTE)]
        ax.hlines(place, row.roi_lower, row.roi_upper, color=colour, linewidth=2)
        ax.plot(row.roi, place, marker=style.MARKERS[arms.index(row.arm)], color=colour, markersize=6)
        name = names[row.part].say(language)
        labels.append(f"{name} · {_arm(row.arm, language)}" if len(arms) > 1 else name)
    ax.set_yticks(range(len(rows) - 1, -1, -1), labels)
    ax.margins(y=0.2)
    reach = [roi_margin, *rows["roi_lower"], *rows["roi_upper"]]
    is_right = roi_margin > (min(reach) + max(reach)) / 2
    ax.annotate(
        w(f"pays from {w.n(roi_margin, 'ratio')}", f"达到 {w.n(roi_margin, 'ratio')} 才划算"),
        (roi_margin, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if is_right else 4, -9),
        textcoords="offset points",
        ha="right" if is_right else "left",
        fontsize=8.5,
        color=style.BAD,
    )
    ax.set_xlabel(w("ROI (return over cost)", "ROI（回报与成本之比）"))
    ax.set_ylabel(w("Return on", "回报口径"))
    if len(rows):
        last = rows.iloc[-1]
        ax.set_title(
            w(
                f"ROI {w.n(last['roi'], 'ratio')}, from {w.n(last['roi_lower'], 'ratio')} "
                f"to {w.n(last['roi_upper'], 'ratio')}",
                f"ROI {w.n(last['roi'], 'ratio')}，区间 {w.n(last['roi_lower'], 'ratio')} 至 "
                f"{w.n(last['roi_upper'], 'ratio')}",
            )
        )
    return ax


def _with_bounds(w: Writer, row: pd.Series) -> str:
    value = w.n(row["estimate"], "money_each", signed=True)
    low, high = (Writer(w.language).n(row[name], "money_each", signed=True) for name in ("lower", "upper"))
    return w(f"{value} ({low} to {high})", f"{value}（{low} 至 {high}）")


def _wrapped(words: str) -> str:
    """Break a name into short lines, so that neighbours on the axis don't run into each other."""
    return textwrap.fill(words, 12, break_long_words=False, break_on_hyphens=False)


def _nothing(ax: Axes, w: Writer) -> Axes:
    """Say on the axes that there is nothing to draw; the finding beside it says why."""
    ax.set_axis_off()
    words = w("Nothing to draw: see the finding above", "无可绘制内容，原因见上方结论")
    ax.set_title(words)
    return ax


def _arm(arm: str, language: str) -> str:
    known = label("arm").values
    return known[arm].say(language) if arm in known else str(arm)


def plot_money_kept(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Share of the money that was paid for and is still there, day by day, with the last day in the title.

    Parameters
    ----------
    table : DataFrame
        As :func:`helpers.steps.post_mortem.money_kept` returns it.
    """
    ax = retention.plot_money_kept(table, ax=ax, language=language)
    last = table.loc[table["day"].idxmax()]
    share_en, share_zh = number(last["kept"], "share"), number(last["kept"], "share", language="zh")
    ax.set_title(
        Text(
            f"{int(last['day'])} days after the payout {share_en} of the money is still there",
            f"发放 {int(last['day'])} 天后，资金留存 {share_zh}",
        ).say(language)
    )
    return ax
