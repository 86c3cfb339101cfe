"""Charts of activity design: scores of forms, effects of the past, the bill, what an experiment can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from helpers.findings import Text, Writer
from helpers.findings.labels import label
from helpers.reporting.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

SCORE_PARTS = ("score_effect", "score_certainty", "score_fit", "score_budget", "score_return", "score_safety")


def form_scores(
    table: pd.DataFrame, *, weights: dict[str, float], ax: Axes | None = None, language: str = "en"
) -> Axes:
    """Draw the score of every form, its parts stacked by their weight.

    Parameters
    ----------
    table : DataFrame
        Ranking, best first: ``form, form_score, form_verdict`` and the parts.
    weights : dict of part to weight
    """
    ax = style.new_axes(ax, height_inches=0.6 + 0.32 * max(len(table), 3))
    names = [
        label("form").values[slug].say(language) if slug in label("form").values else slug for slug in table["form"]
    ]
    at = np.arange(len(table))
    left = np.zeros(len(table))
    for number, (part, weight) in enumerate(weights.items()):
        width = weight * table[part].to_numpy(dtype=float)
        ax.barh(
            at, width, left=left, height=0.68, color=style.PALETTE[number % len(style.PALETTE)],
            label=label(part).text.say(language), edgecolor="white", linewidth=0.6,
        )  # fmt: skip
        left += width
    for y, (score, verdict) in enumerate(zip(table["form_score"], table["form_verdict"], strict=True)):
        word = Text(" not now", " 暂不宜").say(language) if verdict == "not_now" else ""
        ax.annotate(
            f"{score:.2f}{word}", (score, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5
        )
    ax.set_yticks(at, names)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.12)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(Text("Score, 0–1: parts times their weight", "综合得分（0–1）：各项得分×权重").say(language))
    ax.set_ylabel(Text("Form", "活动形式").say(language))
    best = table.iloc[0]
    ax.set_title(
        Text(
            f"{names[0]} scores highest: {best['form_score']:.2f}", f"{names[0]}得分最高：{best['form_score']:.2f}"
        ).say(language)
        if len(table)
        else ""
    )
    ax.legend(loc="lower right", fontsize=8, ncols=2)
    return ax


def past_effects(
    effects: pd.DataFrame,
    *,
    expected: dict,
    unit: str = "days",
    metric_name: Text | None = None,
    currency: str = "",
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw effects of past campaigns with intervals, and the range expected of the next one.

    Parameters
    ----------
    effects : DataFrame
        One metric: ``campaign_id, form, estimate, lower, upper``.
    expected : dict
        ``effect, lower, upper`` of the coming campaign.
    unit : str
        Unit of the metric, as `helpers.findings.numbers` knows it.
    metric_name : Text, optional
    """
    write = Writer(language, currency)
    rows = len(effects) + 1
    ax = style.new_axes(ax, height_inches=1.2 + 0.34 * max(rows, 3))
    words = label("form").values
    names = [
        f"{row.campaign_id} {words[row.form].say(language) if row.form in words else row.form}"
        for row in effects.itertuples(index=False)
    ]
    at = np.arange(len(effects))
    centre = effects["estimate"].to_numpy(dtype=float)
    low, high = effects["lower"].to_numpy(dtype=float), effects["upper"].to_numpy(dtype=float)
    if len(effects):
        ax.errorbar(
            centre,
            at,
            xerr=[centre - low, high - centre],
            fmt="o",
            color=style.MUTED,
            ecolor=style.NEUTRAL,
            capsize=2.5,
        )
    mid, lower, upper = (float(expected[name]) for name in ("effect", "lower", "upper"))
    ax.errorbar(
        [mid], [len(effects)], xerr=[[mid - lower], [upper - mid]], fmt="D", color=style.GOOD, ecolor=style.GOOD,
        capsize=4, linewidth=2,
    )  # fmt: skip
    ax.axvline(0, color=style.INK, linewidth=0.9)
    ax.set_yticks(np.arange(rows), [*names, Text("next campaign", "下一场活动").say(language)])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    style.format_axis(ax.xaxis, unit, language=language)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    name = (metric_name or Text("the goal", "目标")).say(language)
    ax.set_xlabel(
        Text(f"Effect on {name} per treated customer, with interval", f"对{name}的效果（每位实验组客户，含区间）").say(
            language
        )
    )
    ax.set_ylabel(Text("Past campaign", "历史活动").say(language))
    ax.set_title(
        write(
            f"Expected next: {write.n(mid, unit, signed=True)} ({write.n(lower, unit, signed=True)} to "
            f"{write.n(upper, unit, signed=True)})",
            f"下一场预期：{write.n(mid, unit, signed=True)}（{write.n(lower, unit, signed=True)} 至 "
            f"{write.n(upper, unit, signed=True)}）",
        )
    )
    return ax


def cost_distribution(
    table: pd.DataFrame,
    *,
    budget: float,
    p_over: float,
    currency: str = "",
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw how often the bill falls where, and the budget.

    Parameters
    ----------
    table : DataFrame
        ``cost_from, cost_to, n_bills`` as `Sizing.histogram` gives.
    budget : float
        In money.
    p_over : float
        Chance that the bill exceeds it, 0–1.
    """
    write = Writer(language, currency)
    ax = style.new_axes(ax)
    share = table["n_bills"] / max(int(table["n_bills"].sum()), 1)
    over = table["cost_from"] >= budget
    width = table["cost_to"] - table["cost_from"]
    ax.bar(
        table["cost_from"], share, width=width, align="edge", color=np.where(over, style.BAD, style.GOOD).tolist(),
        edgecolor="white", linewidth=0.4,
    )  # fmt: skip
    low, high = float(table["cost_from"].min()), float(table["cost_to"].max())
    # a budget far off the bill would squeeze the picture into a line: it is then named, not drawn to scale
    if low - (high - low) <= budget <= high + (high - low):
        ax.axvline(budget, color=style.INK, linewidth=1.2, linestyle="--")
        ax.annotate(
            write(f"budget {write.n(budget, 'money')}", f"预算 {write.n(budget, 'money')}"),
            (budget, float(share.max())), xytext=(4, -4), textcoords="offset points", va="top", fontsize=8.5,
        )  # fmt: skip
    style.format_axis(ax.xaxis, "money", language=language)
    style.format_axis(ax.yaxis, "share", language=language)
    name = "元" if language == "zh" and currency == "CNY" else currency
    unit = f" ({name})" if name else ""
    ax.set_xlabel(
        Text(f"Bill of the campaign{unit}", f"活动总成本{unit.replace('(', '（').replace(')', '）').strip()}").say(
            language
        )
    )
    ax.set_ylabel(Text("Share of simulations", "模拟占比").say(language))
    ax.set_title(
        write(
            f"The bill exceeds {write.n(budget, 'money')} in {write.n(p_over, 'share')} of simulations",
            f"{write.n(p_over, 'share')} 的模拟中成本超过 {write.n(budget, 'money')}",
        )
    )
    return ax


def detectable_effect(
    curve: pd.DataFrame,
    *,
    expected: dict,
    unit: str = "days",
    metric_name: Text | None = None,
    currency: str = "",
    ax: Axes | None = None,
    language: str = "en",
) -> Axes:
    """Draw the smallest detectable effect by number of customers, the plan's point, and the expected range.

    Parameters
    ----------
    curve : DataFrame
        ``n, detectable_effect, is_plan`` as `sensitivity_curve` gives.
    expected : dict
        ``effect, lower, upper`` of the coming campaign.
    """
    write = Writer(language, currency)
    ax = style.new_axes(ax)
    name = (metric_name or Text("the goal", "目标")).say(language)
    ax.set_xlabel(Text("Customers in both arms together", "两组客户合计（人）").say(language))
    ax.set_ylabel(Text(f"Detectable increase of {name}", f"{name}可检出提升").say(language))
    if curve.empty:
        ax.set_title(
            Text("The past doesn't say what could be detected", "历史不足，无法判断可检出的效果").say(language)
        )
        return ax
    ax.plot(curve["n"], curve["detectable_effect"], color=style.GOOD)
    mid, lower, upper = (float(expected[name]) for name in ("effect", "lower", "upper"))
    ax.axhspan(max(lower, 0.0), max(upper, 0.0), color=style.PALETTE[1], alpha=0.18, linewidth=0)
    ax.axhline(mid, color=style.PALETTE[1], linestyle="--", linewidth=1.3)
    ax.annotate(
        Text("expected effect", "预期效果").say(language), (float(curve["n"].iloc[-1]), mid), xytext=(0, 4),
        textcoords="offset points", ha="right", fontsize=8.5,
    )  # fmt: skip
    plan = curve[curve["is_plan"]].iloc[0]
    ax.plot([plan["n"]], [plan["detectable_effect"]], "D", color=style.INK)
    ax.annotate(
        Text("this plan", "本方案").say(language), (plan["n"], plan["detectable_effect"]), xytext=(7, 5),
        textcoords="offset points", fontsize=8.5,
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    style.format_log_axis(ax.xaxis, "count", language=language)
    style.format_axis(ax.yaxis, unit, language=language)
    found = write.n(float(plan["detectable_effect"]), unit)
    n = write.n(int(plan["n"]), "customers")
    ax.set_title(write(f"{n} show an increase of {found} or more", f"{n}可检出 {found}及以上的提升"))
    return ax
