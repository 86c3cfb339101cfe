"""Charts of how long customers and money stay: curves with bands and numbers at risk, means, projections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.findings.numbers import number
from helpers.reporting.plots import style

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd
    from matplotlib.axes import Axes

_DAYS = Text("Days since joining", "加入后天数")
_AT_RISK = Text("Still watched", "观察中人数")
_RISK_TICKS = 6


def plot_survival_curves(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", at_risk: bool = True
) -> Axes:
    """Share retained by day with its band, each group named at its line's end, numbers at risk below.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.retention.survival_curves`.
    ax : Axes, optional
    language : {"en", "zh"}
    at_risk : bool
        Write the numbers at risk under the axis.
    """
    ylabel = Text("Share still active", "仍活跃占比")
    return _bands(table, "retained", _DAYS, ylabel, ax=ax, language=language, at_risk=at_risk)


def plot_money_kept(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", at_risk: bool = False
) -> Axes:
    """Share of the money that came with a payout and is still there, by day after it.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.retention.money_survival`.
    ax, language, at_risk
        As in :func:`plot_survival_curves`; at risk is money here.
    """
    xlabel = Text("Days since the payout", "发放后天数")
    ylabel = Text("Share of the money still there", "资金留存占比")
    return _bands(table, "kept", xlabel, ylabel, ax=ax, language=language, at_risk=at_risk)


def plot_cumulative_incidence(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Share that lapsed by each cause, by day, with its band.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.retention.cumulative_incidence`.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    words = label("cause").values
    shown = table.assign(cause=[words[str(c)].say(language) if str(c) in words else str(c) for c in table["cause"]])
    ylabel = Text("Share lapsed by the cause", "因该原因流失占比")
    order = [c for c in shown.columns if c != "cause"]
    return _bands(
        shown[[*order[: order.index("day")], "cause", *order[order.index("day") :]]],
        "incidence",
        _DAYS,
        ylabel,
        ax=ax,
        language=language,
        at_risk=False,
    )


def plot_restricted_means(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Mean days active within the horizon, by group, with intervals.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.retention.restricted_mean`.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    rows = table.iloc[::-1].reset_index(drop=True)
    ax = style.new_axes(ax, height_inches=max(2.0, 0.9 + 0.34 * len(rows)))
    by = list(rows.columns[: list(rows.columns).index("rmst_days")])
    at = np.arange(len(rows))
    width = np.abs(rows[["lower", "upper"]].to_numpy().T - rows["rmst_days"].to_numpy())
    ax.errorbar(rows["rmst_days"], at, xerr=width, fmt="o", color=style.PALETTE[0], elinewidth=2)
    names = [_name(row, by, language) for row in rows.itertuples(index=False)]
    ax.set_yticks(at, [f"{name} (n = {n:,})" for name, n in zip(names, rows["n"], strict=True)])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlabel(
        Text("Mean days active within the horizon, 95 % CI", "观察期内平均活跃天数，95% 置信区间").say(language)
    )
    ax.set_ylabel(Text("Group", "分组").say(language))
    return ax


def plot_projection(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Retention by period, seen and projected, with its band.

    Parameters
    ----------
    table : DataFrame
        ``project()`` of :class:`helpers.models.retention.ShiftedBetaGeometric`.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax)
    colour = style.PALETTE[0]
    ax.fill_between(table["period"], table["lower"], table["upper"], color=colour, alpha=0.15, linewidth=0)
    seen = table["seen"].to_numpy(bool)
    last = int(np.flatnonzero(seen)[-1]) if seen.any() else 0
    ax.plot(table["period"][: last + 1], table["retained"][: last + 1], color=colour, marker="o", markersize=3.5)
    ax.plot(table["period"][last:], table["retained"][last:], color=colour, linestyle="--")
    ax.axvline(table["period"].iloc[last], color=style.NEUTRAL, linewidth=1, linestyle=":")
    ax.annotate(
        Text("projected →", "预测 →").say(language),
        (table["period"].iloc[last], 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        va="top",
        fontsize=8.5,
        color=style.MUTED,
    )
    ax.set_xlabel(Text("Period since joining", "加入后的期数").say(language))
    ax.set_ylabel(Text("Share still there", "留存占比").say(language))
    ax.set_ylim(0, 1.02)
    style.format_axis(ax.yaxis, "share", language=language)
    return ax


def _bands(
    table: pd.DataFrame,
    column: str,
    xlabel: Text,
    ylabel: Text,
    *,
    ax: Axes | None,
    language: str,
    at_risk: bool,
) -> Axes:
    by = list(table.columns[: list(table.columns).index("day")])
    groups = list(_groups(table, by, language))
    ax = style.new_axes(ax, height_inches=style.HEIGHT_INCHES + (0.24 * len(groups) + 0.3 if at_risk else 0))
    ends = []
    for i, (name, part) in enumerate(groups):
        colour = style.PALETTE[i % len(style.PALETTE)]
        ax.fill_between(part["day"], part["lower"], part["upper"], step="post", color=colour, alpha=0.15, linewidth=0)
        line = style.LINES[(i // len(style.PALETTE)) % len(style.LINES)]
        ax.step(part["day"], part[column], where="post", color=colour, linestyle=line)
        ends.append((float(part["day"].iloc[-1]), float(part[column].iloc[-1]), f" {name}", colour))
    if column in ("retained", "kept"):
        ax.set_ylim(0, 1.02)
    else:
        ax.set_ylim(bottom=0)
    ax.set_xlim(0, float(table["day"].max()))
    if by:
        style.label_line_ends(ax, ends)
    ax.set_xlabel(xlabel.say(language))
    ax.set_ylabel(ylabel.say(language))
    style.format_axis(ax.yaxis, "share", language=language)
    if at_risk:
        _numbers_at_risk(ax, groups, ends, language)
    return ax


def _groups(table: pd.DataFrame, by: Sequence[str], language: str) -> Iterator[tuple[str, pd.DataFrame]]:
    if not by:
        yield Text("All", "全部").say(language), table
        return
    for _, part in table.groupby(list(by), sort=False):
        yield _name(next(part.itertuples(index=False)), by, language), part


def _name(row: tuple[object, ...], by: Sequence[str], language: str) -> str:
    """Name of a group as a reader knows it; a flag is named by its column."""
    parts = []
    for value, name in zip(row, by, strict=False):
        head = label(name)
        if isinstance(value, bool | np.bool_):
            no = Text("not: ", "非：").say(language)
            parts.append(("" if value else no) + head.text.say(language))
        else:
            words = head.values.get(str(value))
            parts.append(words.say(language) if words else str(value))
    return " / ".join(parts) or Text("All", "全部").say(language)


def _numbers_at_risk(
    ax: Axes, groups: list[tuple[str, pd.DataFrame]], ends: list[tuple[float, float, str, str]], language: str
) -> None:
    """Write the numbers under the axis, a row a group in its colour."""
    last = int(ax.get_xlim()[1])
    days = np.unique(np.linspace(0, last, min(_RISK_TICKS, last + 1)).round().astype(int))
    ax.set_xticks(days)
    ax.annotate(
        _AT_RISK.say(language),
        (0, 0),
        xycoords="axes fraction",
        xytext=(-6, -44),
        textcoords="offset points",
        fontsize=8,
        color=style.MUTED,
        ha="right",
        annotation_clip=False,
    )
    for i, ((_, part), end) in enumerate(zip(groups, ends, strict=True)):
        at_risk = part.set_index("day")["at_risk"]
        for day in days:
            if day in at_risk.index:
                ax.annotate(
                    number(float(at_risk[day]), "count", language=language),
                    (day, 0),
                    xycoords=("data", "axes fraction"),
                    xytext=(0, -57 - 12 * i),
                    textcoords="offset points",
                    fontsize=8,
                    color=end[3],
                    ha="center",
                    annotation_clip=False,
                )
