"""Charts of uplift: curves, calibration, profit by share treated, response groups, choice of learner, overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.findings.numbers import in_currency, number
from helpers.reporting.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

POINTS = 400  # more than a page shows


def plot_qini_curve(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", ranking: Text | None = None
) -> Axes:
    """Outcomes added by share targeted, over the diagonal of a random ranking.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.uplift.qini_curve`; its band is drawn if it has one.
    ax : Axes, optional
    language : {"en", "zh"}
    ranking : Text, optional
        What the customers are ranked by, for the title; predicted uplift if None.
    """
    name = Text("Outcomes added (treated of those targeted)", "增量（触达范围内投放组）")
    return _curve(table, "qini", name, ax=ax, language=language, ranking=ranking)


def plot_uplift_curve(
    table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", ranking: Text | None = None
) -> Axes:
    """Outcomes that treating the top of the ranking adds, over the diagonal of a random ranking.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.uplift.uplift_curve`; its band is drawn if it has one.
    ax : Axes, optional
    language : {"en", "zh"}
    ranking : Text, optional
        As for :func:`plot_qini_curve`.
    """
    name = Text("Outcomes added (all targeted are treated)", "增量（触达范围内全部投放）")
    return _curve(table, "uplift", name, ax=ax, language=language, ranking=ranking)


def plot_toc_curve(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """How much more the top of the ranking is moved than the average customer; at 0 the ranking knows nothing.

    The height is set by shares from 5 % on: the first few customers are nearly all noise.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.uplift.toc_curve`; its band is drawn if it has one.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax)
    rows = table.iloc[np.unique(np.linspace(0, len(table) - 1, POINTS).astype(int))]
    share = rows["share_targeted"]
    if "lower" in rows:
        ax.fill_between(share, rows["lower"], rows["upper"], color=style.PALETTE[0], alpha=0.15, linewidth=0)
    ax.axhline(0, color=style.NEUTRAL, linestyle="--", linewidth=1.2)
    ax.plot(share, rows["toc"], color=style.PALETTE[0])
    steady = rows.loc[share >= 0.05, [column for column in ("toc", "lower", "upper") if column in rows]].to_numpy()
    low, high = min(float(steady.min()), 0.0), max(float(steady.max()), 0.0)
    room = 0.08 * ((high - low) or 1.0)
    ax.set_ylim(low - room, high + room)
    ax.set_xlim(0, 1)
    ax.set_xlabel(
        Text("Customers targeted, highest predicted uplift first", "按预测增量从高到低触达的客户占比").say(language)
    )
    ax.set_ylabel(Text("Effect in the top less the mean effect of all", "靠前客户的增量减全体平均增量").say(language))
    style.format_axis(ax.xaxis, "share", language=language)
    ax.annotate(
        Text("a ranking at random", "随机排序").say(language),
        (0.98, 0),
        xycoords=("axes fraction", "data"),
        xytext=(0, -5),
        textcoords="offset points",
        ha="right",
        va="top",
        color=style.MUTED,
        fontsize=8.5,
    )
    return ax


def _curve(
    table: pd.DataFrame, column: str, name: Text, *, ax: Axes | None, language: str, ranking: Text | None
) -> Axes:
    ax = style.new_axes(ax)
    at = np.unique(np.linspace(0, len(table) - 1, POINTS).astype(int))
    rows = table.iloc[at]
    share = rows["share_targeted"]
    end = table[column].iloc[-1]
    if "lower" in rows:
        ax.fill_between(share, rows["lower"], rows["upper"], color=style.PALETTE[0], alpha=0.15, linewidth=0)
    ax.plot([0, 1], [0, end], color=style.NEUTRAL, linestyle="--", linewidth=1.2)
    ax.plot(share, rows[column], color=style.PALETTE[0])
    if ranking is None:
        xlabel = Text("Customers targeted, highest predicted uplift first", "按预测增量从高到低触达的客户占比")
    else:
        xlabel = Text("Customers targeted, highest ranked first", "按排序从高到低触达的客户占比")
        ax.set_title(ranking.say(language))
    ax.set_xlabel(xlabel.say(language))
    ax.set_ylabel(name.say(language))
    style.format_axis(ax.xaxis, "share", language=language)
    ax.set_xlim(0, 1)
    # Read in the middle, where ranking and chance differ most.
    middle = int(len(rows) * 0.4)
    model, chance = Text("by prediction", "按预测排序"), Text("at random", "随机排序")
    over = bool(rows[column].iloc[middle] >= end * share.iloc[middle])
    for words, x, y, colour, above in (
        (model, share.iloc[middle], rows[column].iloc[middle], style.PALETTE[0], over),
        (chance, 0.7, end * 0.7, style.MUTED, False),
    ):
        ax.annotate(
            words.say(language),
            (x, y),
            xytext=(-4, 8) if above else (6, -12),
            textcoords="offset points",
            ha="right" if above else "left",
            color=colour,
            fontsize=8.5,
        )
    return ax


def plot_calibration(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Observed effect against the predicted one by group, with intervals; on the line the prediction holds.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.uplift.calibration_by_decile`.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax)
    low = min(table["predicted"].min(), table["lower"].min())
    high = max(table["predicted"].max(), table["upper"].max())
    ax.plot([low, high], [low, high], color=style.NEUTRAL, linestyle="--", linewidth=1.2)
    predicted, observed, lower, upper = (table[name].to_numpy() for name in ("predicted", "observed", "lower", "upper"))
    ax.errorbar(
        predicted,
        observed,
        yerr=[observed - lower, upper - observed],
        fmt="o",
        color=style.PALETTE[0],
        markersize=4.5,
        elinewidth=1.2,
    )
    ax.axhline(0, color=style.INK, linewidth=0.8)
    ax.set_xlabel(Text("Predicted uplift, mean of the group", "预测增量（组均值）").say(language))
    ax.set_ylabel(Text("Observed uplift, with interval", "实测增量（含区间）").say(language))
    ax.annotate(
        Text("prediction holds", "预测与实测一致").say(language),
        (high, high),
        xytext=(-4, -14),
        textcoords="offset points",
        ha="right",
        color=style.MUTED,
        fontsize=8.5,
    )
    return ax


def plot_policy_curve(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en", currency: str = "") -> Axes:
    """Profit by share treated, with the rules to beat.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.uplift.policy_curve`.
    ax : Axes, optional
    language : {"en", "zh"}
    currency : str
        The bank's, for the axis.
    """
    ax = style.new_axes(ax, height_inches=4.2)
    words = label("policy").values
    model, chance = (table[table["policy"] == name] for name in ("model", "random"))
    ax.axhline(0, color=style.INK, linewidth=0.8)
    ax.fill_between(
        model["share_treated"], model["lower"], model["upper"], color=style.PALETTE[0], alpha=0.15, linewidth=0
    )
    ax.plot(model["share_treated"], model["profit"], color=style.PALETTE[0])
    ax.plot(chance["share_treated"], chance["profit"], color=style.NEUTRAL, linestyle="--", linewidth=1.2)
    best = table[table["policy"] == "best"].iloc[0]
    # Where the best choice is to treat no one, one point says both.
    told_by_others = ["model", "random", *([] if best.n_treated else ["best"])]
    points = table[~table["policy"].isin(told_by_others)]
    for place, row in enumerate(points.itertuples()):
        colour = style.PALETTE[5] if row.policy == "best" else style.INK
        ax.errorbar(
            row.share_treated,
            row.profit,
            yerr=[[row.profit - row.lower], [row.upper - row.profit]],
            fmt=style.MARKERS[place % len(style.MARKERS)],
            color=colour,
            markersize=6,
            elinewidth=1.2,
        )
        name = words[row.policy].say(language) + (f" · {row.arm}" if row.arm and len(points) > 4 else "")
        right = row.share_treated > 0.6
        ax.annotate(
            name,
            (row.share_treated, row.profit),
            xytext=(-8 if right else 8, 8),
            textcoords="offset points",
            ha="right" if right else "left",
            color=colour,
            fontsize=8.5,
        )
    ax.set_xlabel(label("share_treated").text.say(language))
    ax.set_ylabel(in_currency(label("profit").text.say(language), currency, language))
    style.format_axis(ax.xaxis, "share", language=language)
    style.format_axis(ax.yaxis, "money", language=language)
    amount = {lang: number(best.profit, "money", language=lang, currency=currency) for lang in ("en", "zh")}
    share = {lang: number(best.share_treated, "share", language=lang) for lang in ("en", "zh")}
    ax.set_title(
        Text(
            f"Treating {share['en']} is worth {amount['en']} against treating no one"
            if best.n_treated
            else "No share of customers treated is predicted to bring in what it costs",
            f"触达 {share['zh']} 的客户，较全不投放收益 {amount['zh']}"
            if best.n_treated
            else "无论触达多大比例，预测收益都抵不上成本",
        ).say(language)
    )
    return ax


def plot_response_groups(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Customers in each response group, and how many of them are beyond doubt.

    Parameters
    ----------
    table : DataFrame
        From :func:`helpers.models.uplift.response_groups`.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    ax = style.new_axes(ax, height_inches=2.8)
    places = np.arange(len(table))[::-1]
    words = label("response_group").values
    ax.barh(places, table["n"], height=0.62, color=style.GRID, edgecolor=style.NEUTRAL)
    ax.barh(places, table["n_beyond_doubt"], height=0.62, color=style.PALETTE[0])
    for place, row in zip(places, table.itertuples(), strict=True):
        ax.annotate(
            f"{row.n_beyond_doubt:,} / {row.n:,}",
            (row.n, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    ax.set_yticks(places, [words[group].say(language) for group in table["response_group"]])
    ax.set_xlim(0, max(table["n"].max() * 1.2, 1))
    ax.set_xlabel(
        Text("Customers: beyond doubt (dark) / all of the group", "客户数：区间可确认（深）/ 全组").say(language)
    )
    style.format_axis(ax.xaxis, "count", language=language)
    ax.grid(axis="y", visible=False)
    return ax


def plot_learner_choice(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """How much better than the same effect for all each candidate is, with intervals; the chosen one stands out.

    Parameters
    ----------
    table : DataFrame
        ``table`` of :func:`helpers.models.uplift.choose_learner`.
    ax : Axes, optional
    language : {"en", "zh"}
    """
    rows = table[table["se"] > 0] if (table["se"] > 0).any() else table
    ax = style.new_axes(ax, height_inches=0.9 + 0.4 * max(len(rows), 2))
    words = label("candidate").values
    places = np.arange(len(rows))[::-1]
    for place, row in zip(places, rows.itertuples(), strict=True):
        ax.errorbar(
            row.improvement,
            place,
            xerr=[[row.improvement - row.lower], [row.upper - row.improvement]],
            fmt="D" if row.chosen else "o",
            color=style.PALETTE[0] if row.chosen else style.NEUTRAL,
            markersize=6,
        )
    ax.axvline(0, color=style.INK, linewidth=0.8)
    ax.set_yticks(places, [words[name].say(language) if name in words else name for name in rows["candidate"]])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlabel(
        Text(
            "Better than the same effect for all (score on customers not seen, 95 % interval)",
            "优于“人人相同”的幅度（样本外得分，95% 区间）",
        ).say(language)
    )
    chosen = table[table["chosen"]].iloc[0]["candidate"]
    ax.set_title(
        Text("No heterogeneity that we can use", "没有可利用的差异").say(language)
        if chosen == "constant"
        else Text("Chosen: ", "选用：").say(language) + (words[chosen].say(language) if chosen in words else chosen)
    )
    ax.grid(axis="y", visible=False)
    return ax


def plot_overlap(table: pd.DataFrame, *, ax: Axes | None = None, language: str = "en") -> Axes:
    """Customers of the arm (up) and of the control (down) by probability of the arm.

    Parameters
    ----------
    table : DataFrame, of one arm
        From :func:`helpers.models.uplift.overlap`.
    ax : Axes, optional
    language : {"en", "zh"}

    Raises
    ------
    ValueError
        If the table has more arms than one.
    """
    if table["arm"].nunique() > 1:
        raise ValueError(f"table has arms {sorted(table['arm'].unique())}; keep one to draw")
    ax = style.new_axes(ax)
    width = (table["propensity_to"] - table["propensity_from"]).to_numpy()
    ax.bar(table["propensity_from"], table["n_in_arm"], width=width, align="edge", color=style.PALETTE[0])
    ax.bar(table["propensity_from"], -table["n_control"], width=width, align="edge", color=style.PALETTE[1])
    ax.axhline(0, color=style.INK, linewidth=0.8)
    arm = table["arm"].iloc[0]
    for words, at, colour in (
        (Text(f"arm {arm}", f"{arm} 组"), 0.94, style.PALETTE[0]),
        (Text("control", "对照组"), 0.06, style.PALETTE[1]),
    ):
        ax.annotate(words.say(language), (0.02, at), xycoords="axes fraction", va="center", color=colour)
    ax.set_xlim(0, 1)
    ax.set_xlabel(Text("Probability of the arm", "进入该组的概率").say(language))
    ax.set_ylabel(Text("Customers (control below)", "客户数（对照组在下）").say(language))
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    style.format_axis(ax.xaxis, "probability", language=language)
    return ax
