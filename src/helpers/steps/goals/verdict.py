"""What step 1 says about tomorrow: the projections, the gaps, who closes them, and whether the target is feasible."""

from __future__ import annotations

import math

import pandas as pd

from helpers.findings import Figure, Finding, Text, Writer
from helpers.findings.labels import label
from helpers.models.forecast.mau import ARRIVALS
from helpers.steps.goals.projections import Projection
from helpers.steps.goals.split import Split, driver_table

# Twice the way to the good months: beyond it, “ambitious” would be a kind word.
_FAR = 2.0
_UNITS = {"mau": "customers", "aum": "money"}
# Between Latin letters and Chinese characters stands a space.
_NAMES = {"mau": ("MAU", "月活"), "aum": ("AUM", "AUM ")}


def projection_finding(projection: Projection, *, currency: str) -> Finding:
    """Say where the goal ends up if nothing new is done, how sure that is, and how such projections did before.

    Parameters
    ----------
    projection : Projection
    currency : str

    Returns
    -------
    Finding
        Figures ``projected_<metric>`` with its 95 % prediction interval and ``coverage_<metric>``.
    """
    metric, unit = projection.metric, _UNITS[projection.metric]
    en, zh = _NAMES[metric]
    key = f"projection_{metric}"
    if not projection.is_possible:
        words = Text(
            f"{en} can't be projected: that takes at least two whole months of data.",
            f"数据不足两个完整月，无法预测{zh}。",
        )
        return Finding(key, words, tone="warning")
    end, past = projection.end, projection.backtest
    figure = Figure(
        f"projected_{metric}",
        float(end[metric]),
        _known(end["lower"]),
        _known(end["upper"]),
        unit,
        projection.n,
        str(end["month"]),
    )
    cover = Figure(
        f"coverage_{metric}",
        _known(past["coverage"]),
        _known(past["lower"]),
        _known(past["upper"]),
        "share",
        int(past["n_origins"]),
        projection.last_month,
    )

    is_worse = past["n_origins"] > 0 and past["error"] > past["naive_error"]

    def sentence(w: Writer) -> str:
        text = w(
            f"If everything goes on as in the recent months, {en} goes from {w.n(projection.now, unit)} in "
            f"{projection.last_month} to {w.n(figure.value, unit)} in {end['month']}{_band(w, figure)}.",
            f"若维持近几个月的节奏，{zh}将由 {projection.last_month} 的 {w.n(projection.now, unit)}变为 {end['month']} 的 "
            f"{w.n(figure.value, unit)}{_band(w, figure)}。",
        )
        if figure.lower is None:
            text += w(" One month of change gives no interval.", "仅有一个月的变动，无法给出区间。")
        if past["n_origins"]:
            text += w(
                f" Projected in the same way from {w.n(past['n_origins'])} past months, {w.n(past['coverage'], 'share')} "
                f"of the intervals held the truth (95 % meant; neighbouring months are not independent); mean error "
                f"{w.n(past['error'], 'share')}, against {w.n(past['naive_error'], 'share')} for carrying the last value on.",
                f"用同样方法回测 {w.n(past['n_origins'])} 个历史起点，{w.n(past['coverage'], 'share')} 的区间覆盖了实际值"
                f"（名义 95%，相邻起点并不独立）；平均误差 {w.n(past['error'], 'share')}，"
                f"直接沿用上期值为 {w.n(past['naive_error'], 'share')}。",
            )
            if is_worse:
                text += w(
                    " Carrying the last value on would have done better so far: this bank changes too fast for its recent "
                    "rates, mistrust the central value and plan by the interval.",
                    "迄今直接沿用上期值反而更准：本行变化过快，近期比率参考性有限，请以区间而非中心值做计划。",
                )
        else:
            text += w(
                " The log is too short to test this on the past: the interval's coverage is not known.",
                "历史过短无法回测，区间的实际覆盖率未知。",
            )
        return text

    tone = "warning" if is_worse else "plain"
    return Finding(key, Text.write(sentence, currency=currency), (figure, cover), f"{metric}_projection", tone)


def gap_finding(split: Split, *, currency: str) -> Finding:
    """Say the gap between projection and target and what each lever adds.

    Parameters
    ----------
    split : Split
    currency : str

    Returns
    -------
    Finding
        Figures ``target_<metric>``, ``gap_<metric>`` and ``gap_<metric>_<lever>``.
    """
    metric, unit = split.metric, _UNITS[split.metric]
    en, zh = _NAMES[metric]
    key, target = f"gap_{metric}", split.target
    if split.plan is None:
        words = Text(f"Without a projection there is no gap to split for {en}.", f"无法预测{zh}，因此无法拆分缺口。")
        return Finding(key, words, tone="warning")
    end = split.projection.end
    month, n = str(end["month"]), split.projection.n
    low, high = (
        None if v is None else max(target.value - v, 0.0) for v in (_known(end["upper"]), _known(end["lower"]))
    )
    figures = [
        Figure(f"target_{metric}", target.value, unit=unit, n=n, period=month),
        Figure(f"gap_{metric}", split.gap, low, high, unit, n, month),
    ]
    figures += [
        Figure(f"gap_{metric}_{lever}", int(gap), unit=unit, n=n, period=month)
        for lever, gap in split.levers[["lever", "lever_gap"]].itertuples(index=False)
    ]

    def sentence(w: Writer) -> str:
        origin = (
            w("set for this run", "本次指定")
            if target.is_given
            else w(
                f"{w.n(target.growth_share, 'share', signed=True)} on {split.projection.last_month}",
                f"较 {split.projection.last_month} {w.n(target.growth_share, 'share', signed=True)}",
            )
        )
        head = w(
            f"The {en} target for {month} is {w.n(target.value, unit)} ({origin}).",
            f"{month} {zh}目标为 {w.n(target.value, unit)}（{origin}）。",
        )
        if split.gap == 0:
            return head + w(
                f" It lies {w.n(split.surplus, unit)} below the projection: nothing has to be added, the target asks less "
                "than what comes without any effort. Consider a higher one.",
                f"该目标低于基线预测 {w.n(split.surplus, unit)}，无需额外增量，建议上调目标。",
            )
        parts = [
            f"{label('lever').values[lever].say(w.language)} {w.n(gap, unit, signed=True)}"
            for lever, gap in split.levers[["lever", "lever_gap"]].itertuples(index=False)
        ]
        return head + w(
            f" That is {w.n(split.gap, unit)} more than projected{_band(w, figures[1])}, to come from: {'; '.join(parts)}.",
            f"较基线预测还差 {w.n(split.gap, unit)}{_band(w, figures[1])}，拆分为：{'；'.join(parts)}。",
        )

    return Finding(key, Text.write(sentence, currency=currency), tuple(figures), f"{metric}_levers")


def feasibility_finding(split: Split, *, currency: str) -> Finding:
    """Say plainly whether the target can be reached: against the interval, the levers' own good months and past growth.

    Parameters
    ----------
    split : Split
    currency : str

    Returns
    -------
    Finding
        Figures ``chance_<metric>`` (share of simulated paths that reach the target without any effort), ``effort_<metric>``
        (part of the way to the good months; null if out of reach), ``best_growth_<metric>`` (over as many months).
    """
    metric = split.metric
    en, zh = _NAMES[metric]
    key, projection, target = f"feasibility_{metric}", split.projection, split.target
    if split.plan is None:
        words = Text(
            f"Whether the {en} target is feasible can't be said without a projection.",
            f"缺少预测，无法判断{zh}目标是否可行。",
        )
        return Finding(key, words, tone="warning")
    best, best_month = projection.best_growth()
    chance, effort = projection.chance(target.value), split.plan.effort
    month = str(projection.end["month"])
    figures = (
        Figure(f"chance_{metric}", _known(chance), unit="probability", n=projection.n, period=month),
        Figure(f"effort_{metric}", _known(effort), unit="ratio", n=projection.n, period=month),
        Figure(f"best_growth_{metric}", _known(best), unit="share", n=projection.n, period=best_month),
        Figure(f"asked_growth_{metric}", _known(target.growth_share), unit="share", n=projection.n, period=month),
    )
    tone, words = _verdict(split, best)

    def sentence(w: Writer) -> str:
        text = words.say(w.language)
        if not math.isnan(chance):
            text += w(
                f" Without any effort the chance is {w.n(chance, 'probability')} (simulated paths, n = {projection.n:,}).",
                f"不做任何新动作时达成概率为 {w.n(chance, 'probability')}（模拟路径，n = {projection.n:,}）。",
            )
        if not math.isnan(best):
            text += w(
                f" It asks {w.n(target.growth_share, 'share', signed=True)} over {projection.horizon_months} months; the "
                f"bank's best so far over as many months was {w.n(best, 'share', signed=True)} (to {best_month}).",
                f"目标要求 {projection.horizon_months} 个月增长 {w.n(target.growth_share, 'share', signed=True)}，"
                f"历史同等时长最好成绩为 {w.n(best, 'share', signed=True)}（截至 {best_month}）。",
            )
        return text

    return Finding(key, Text.write(sentence, currency=currency), figures, f"{metric}_projection", tone)


def driver_page(mau: Split, aum: Split, *, currency: str) -> pd.DataFrame:
    """Write what is asked of each driver beside its level and its good months, for `Page.table`."""
    rows = []
    for _, lever, driver, *values in driver_table(mau, aum).itertuples(index=False):
        unit = "count" if driver in ARRIVALS else "money" if driver == "first_assets" else "share"
        cells = [Text.write(lambda w, v=value, u=unit: w.n(v, u), currency=currency) for value in values]
        rows.append((lever, driver, *cells))
    return pd.DataFrame(rows, columns=["lever", "driver_name", "driver_level", "driver_stretch", "driver_asked"])


def _verdict(split: Split, best: float) -> tuple[str, Text]:
    en, zh = _NAMES[split.metric]
    effort = split.plan.effort
    upper = _known(split.projection.end["upper"])
    if split.gap == 0:
        return "warning", Text(
            f"The {en} target is below what comes by itself: reachable, but no stretch.",
            f"{zh}目标低于自然水平：可达成，但缺乏牵引力。",
        )
    if math.isnan(effort):
        return "bad", Text(
            f"The {en} target is out of reach: even five times the way to the levers' own good months would not do.",
            f"{zh}目标不可达：即使各抓手的提升幅度达到自身好月份的五倍仍不够。",
        )
    beyond = not math.isnan(best) and split.target.growth_share > best
    share = Text.write(lambda w: w.n(effort, "share"))
    if beyond or effort > _FAR:
        return "bad", Text(
            f"The {en} target asks more than this bank's own history supports: every lever would have to go {share.en} of "
            "the way to its recent good months"
            + (", and the growth asked is more than it ever had." if beyond else "."),
            f"{zh}目标超出本行自身历史支撑：各抓手需达到近期好月份提升幅度的 {share.zh}"
            + ("，且要求的增速超过历史最好水平。" if beyond else "。"),
        )
    if effort > 1:
        return "warning", Text(
            f"The {en} target is ambitious: every lever would have to go {share.en} of the way to its recent good months, "
            "further than any of them went lately, though the bank has grown as fast before.",
            f"{zh}目标偏高：各抓手需达到近期好月份提升幅度的 {share.zh}，近期尚无先例，但历史上有过同等增速。",
        )
    inside = upper is not None and split.target.value <= upper
    where = Text("within", "之内") if inside else Text("above", "之上")
    return ("good" if inside else "warning"), Text(
        f"The {en} target is feasible by this bank's own history: it lies {where.en} the projection's interval, and every "
        f"lever has to go {share.en} of the way to its good months.",
        f"{zh}目标在本行历史经验范围内可行：位于预测区间{where.zh}，各抓手需达到好月份提升幅度的 {share.zh}。",
    )


def _band(w: Writer, figure: Figure) -> str:
    """Write the prediction interval and the group size."""
    unit = "count" if figure.unit == "customers" else figure.unit
    low, high = w.n(figure.lower, unit), w.n(figure.upper, unit)
    if figure.lower is None:
        return w(f" (n = {figure.n:,})", f"（n = {figure.n:,}）")
    return w(
        f" (95 % prediction interval {low} to {high}, n = {figure.n:,})",
        f"（95% 预测区间 {low} 至 {high}，n = {figure.n:,}）",
    )


def _known(value: float) -> float | None:
    return None if value is None or value != value else float(value)
