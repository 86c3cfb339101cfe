"""The blocks of a brief: each reads kept figures and tables, computes nothing anew, and says where a step is missing."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from helpers.findings import Figure, Text
from helpers.reporting.brief.kept import ACTIVITY, CHANNELS, GOALS, POST_MORTEM, SEGMENTS
from helpers.reporting.brief.lines import Block, Line, Lines

MIN_GROUP_SIZE = 10
MAX_CLAIMS, MAX_ARMS = 6, 3
STEP_NAMES = {
    GOALS: Text("step 1, goals", "第 1 步“目标拆解”"),
    SEGMENTS: Text("step 2, segments", "第 2 步“客群洞察”"),
    ACTIVITY: Text("step 3, activity", "第 3 步“活动设计”"),
    CHANNELS: Text("step 4, channels", "第 4 步“渠道矩阵”"),
    POST_MORTEM: Text("step 5, post-mortem", "第 5 步“复盘”"),
}
_TITLES = {
    "campaign": Text("Goal against actual", "目标与实际"),
    "bank": Text("MAU and AUM against target", "MAU 与 AUM 目标"),
    "caused": Text("What the campaign caused", "活动带来了什么"),
    "money": Text("Cost and return", "成本与回报"),
    "place": Text("People, goods, place", "人、货、场"),
    "leak": Text("Where money leaked", "资金漏在哪里"),
    "claims": Text("Hypotheses", "假设检验"),
}


def blocks(lines: Lines) -> list[Block]:
    """Return all blocks of the brief in the order of the page."""
    return [campaign(lines), caused(lines), bank_goals(lines), money(lines), place(lines), leak(lines), claims(lines)]


def not_run(lines: Lines, *steps: str) -> str:
    """Say which step a place waits for."""
    missing = [lines.say(STEP_NAMES[step]) for step in steps if not lines.case.has(step)]
    joined = (", " if lines.write.language == "en" else "、").join(missing)
    return lines.write(f"Not run: {joined}.", f"未运行：{joined}。") if missing else ""


def _block(lines: Lines, key: str, found: Iterable[Line | None], *steps: str, summary: str = "") -> Block:
    """Make a block; where nothing could be written it says which step is missing, or that nothing was kept."""
    kept = tuple(line for line in found if line is not None)
    absent = not_run(lines, *steps)
    if not kept and not absent:
        absent = lines.write("The step kept nothing for this place.", "该步骤未保存相应结果。")
    return Block(key, lines.say(_TITLES[key]), kept, summary, absent)


def arms(lines: Lines) -> list[str]:
    """Return the arms reviewed; empty without a post-mortem."""
    cycle = lines.case.table(POST_MORTEM, "next_cycle")
    return [] if cycle is None or cycle.empty else [str(arm) for arm in cycle["arm"].drop_duplicates()]


def _per_arm(lines: Lines, key: str) -> list[tuple[str, str, Figure]]:
    """Return (key, arm, figure): one under its own key where there is one arm, else one an arm."""
    alone = lines.case.figure(POST_MORTEM, key)
    if alone is not None:
        return [(key, "", alone)]
    named = [(f"{key}_{arm}", arm) for arm in arms(lines)][:MAX_ARMS]
    found = [(name, arm, lines.case.figure(POST_MORTEM, name)) for name, arm in named]
    return [(name, arm, figure) for name, arm, figure in found if figure is not None]


def goal_metric(lines: Lines) -> str:
    """Return the metric that the effect was read on: that of the row of `effects` which its figure came from."""
    table = lines.case.table(POST_MORTEM, "effects")
    for _, _, figure in _per_arm(lines, "effect"):
        if table is not None and len(table):
            same = table[(table["estimate"] - float(figure.value or 0)).abs() < 1e-12]
            if len(same):
                return str(same["metric"].iloc[0])
    return ""


def campaign(lines: Lines) -> Block:
    """Set the campaign's target beside what was reached, level by level."""
    table = lines.case.table(POST_MORTEM, "attainment")
    found: list[Line] = []
    metric = goal_metric(lines)
    href = lines.case.link(POST_MORTEM, finding="attainment", table="attainment")
    for row in [] if table is None else table.to_dict("records"):
        is_goal = row["level"] == "goal"
        name = lines.code("level", row["level"])
        if is_goal and metric:
            name = lines.code("metric", metric)
        actual = lines.case.figure(POST_MORTEM, "goal_actual") if is_goal else None
        planned = lines.n(row["planned"], row["level_unit"])
        reached = lines.n(row["attained"], "share")
        has_plan = not pd.isna(row["planned"])
        found.append(
            Line(
                name=name,
                value=lines.n(row["actual"], row["level_unit"]),
                interval=lines.bounds(actual) if actual else "",
                n=f"{int(row['n']):,}",
                note=lines.write(f"of {planned} planned, {reached}", f"计划 {planned}，完成 {reached}")
                if has_plan
                else "",
                href=href,
            )
        )
    return _block(lines, "campaign", found, POST_MORTEM)


def bank_goals(lines: Lines) -> Block:
    """Say where MAU and AUM stand, what the target asks, and how likely it comes by itself."""
    found: list[Line | None] = []
    for metric, name in (("mau", Text("MAU", "月活（MAU）")), ("aum", Text("AUM", "资产（AUM）"))):
        now, target = (lines.case.figure(GOALS, key) for key in (metric, f"target_{metric}"))
        ahead, chance = (lines.case.figure(GOALS, key) for key in (f"projected_{metric}", f"chance_{metric}"))
        if now is not None:
            found.append(
                lines.of(GOALS, metric, Text(f"{name.en} {now.period}", f"{name.zh} {now.period}"), finding="usage")
                if metric == "mau"
                else lines.of(
                    GOALS, metric, Text(f"{name.en} {now.period}", f"{name.zh} {now.period}"), finding="aum_bridge"
                )
            )
        if target is not None and ahead is not None:
            aim, odds = lines.n(target.value, target.unit), lines.n(chance.value, "probability") if chance else ""
            note = lines.write(f"target {aim}", f"目标 {aim}")
            if odds:
                note += lines.write(f", chance without effort {odds}", f"，不作努力达成概率 {odds}")
            found.append(
                lines.of(
                    GOALS,
                    f"projected_{metric}",
                    Text(f"{name.en} {ahead.period}, projected", f"{name.zh} {ahead.period} 预测"),
                    finding=f"gap_{metric}",
                    note=note,
                )
            )
    return _block(lines, "bank", found, GOALS)


def caused(lines: Lines) -> Block:
    """Say what was caused, added over the longer span, and kept in money; and what had been expected."""
    found: list[Line | None] = []
    metric = goal_metric(lines)
    named = {
        "effect": lines.code("metric", metric) if metric else lines.write("Goal's metric", "目标指标"),
        "effect_net": lines.code("metric", "active_days_net"),
        "effect_aum_kept": lines.code("metric", "aum_kept_change"),
    }
    if not _per_arm(lines, "effect_aum_kept"):
        named = {**named, "effect_aum": lines.code("metric", "aum_change")}
    for key, name in named.items():
        for figure_key, arm, figure in _per_arm(lines, key):
            of_arm = f" · {lines.code('arm', arm)}" if arm else ""
            href = lines.case.link(POST_MORTEM, table="effects", finding=figure_key)
            found.append(lines.line(figure, name + of_arm, href=href, signed=True, reference=0.0))
    expected = lines.of(
        ACTIVITY,
        "expected_effect",
        Text("Expected beforehand (step 3)", "事前预期（第 3 步）"),
        signed=True,
        reference=0.0,
    )
    return _block(lines, "caused", [*found, expected], POST_MORTEM, summary=evidence(lines))


def evidence(lines: Lines) -> str:
    """Say how strong the evidence is: how the groups were made, whether the split held, whether the brief is sealed."""
    cycle = lines.case.table(POST_MORTEM, "next_cycle")
    if cycle is None or cycle.empty:
        return ""
    basis = str(cycle["basis"].iloc[0])
    split, sealed, placebo = (lines.case.finding(POST_MORTEM, key) for key in ("split", "brief_fingerprint", "placebo"))
    strength = {
        "randomised": Text("strong, drawn by chance, split as configured", "强，随机分组，比例符合设定"),
        "rollout": Text(
            "medium, branch after branch, if all would have moved alike", "中，网点分批上线，以走势相同为前提"
        ),
        "broken_split": Text("none, the split is broken, no cause can be claimed", "无，分组比例异常，不构成因果结论"),
        "before_after": Text("none, no hold-out, no cause can be claimed", "无，没有留白组，不构成因果结论"),
    }.get(basis, Text("not known", "未知"))
    if basis == "randomised" and split is not None and split.tone != "good":
        strength = Text("medium, drawn by chance, but the split is unusual", "中，随机分组，但比例略偏")
    if basis == "rollout" and placebo is not None and placebo.tone == "warning":
        strength = Text("weak, the branches moved apart before the start already", "弱，上线前各网点走势已有差异")
    text = lines.write("Evidence: ", "证据强度：") + lines.say(strength)
    if basis == "randomised":
        row = cycle.iloc[0]
        text += lines.write(
            f" ({int(row['n']):,} treated, {int(row['n_control']):,} held out)",
            f"（实验 {int(row['n']):,} 人，留白 {int(row['n_control']):,} 人）",
        )
    if sealed is None:
        text += lines.write("; no brief was sealed beforehand.", "；事前无封存简报。")
    elif sealed.tone == "good":
        text += lines.write("; brief sealed and untouched.", "；简报已封存且未改动。")
    else:
        text += lines.write("; the brief was EDITED after it was sealed.", "；简报在封存后被改动。")
    return text


def money(lines: Lines) -> Block:
    """Give cost, return and ROI of the campaign, AAC and LROI of the channels."""
    found: list[Line | None] = [
        lines.of(POST_MORTEM, "cost", Text("Cost of the campaign", "活动成本"), finding="roi", table="returns")
    ]
    for key, name in (
        ("return_each", Text("Return per treated customer", "户均增量回报")),
        ("roi", Text("ROI", "ROI")),
    ):
        for figure_key, arm, figure in _per_arm(lines, key):
            of_arm = f" · {lines.code('arm', arm)}" if arm else ""
            even = _break_even(lines, figure) if key == "roi" else 0.0
            note = "" if key != "roi" or even is None else lines.write(f"{even:g} breaks even", f"{even:g} 为保本点")
            found.append(
                lines.line(
                    figure,
                    lines.say(name) + of_arm,
                    href=lines.case.link(POST_MORTEM, table="returns", finding=figure_key),
                    signed=key == "return_each",
                    reference=even,
                    note=note,
                )
            )
    found.append(lines.of(CHANNELS, "aac", Text("AAC, an activated new customer", "AAC（激活新客单位成本）")))
    costs = lines.case.table(CHANNELS, "return_on_cost")
    even = None if costs is None or costs.empty else float(costs["break_even"].iloc[0])
    found.append(
        lines.of(
            CHANNELS,
            "lroi",
            Text("LROI, first days of new customers", "LROI（新客期投入产出）"),
            reference=even,
            note="" if even is None else lines.write(f"{even:g} breaks even", f"{even:g} 为保本点"),
        )
    )
    return _block(lines, "money", found, POST_MORTEM, CHANNELS)


def _break_even(lines: Lines, figure: Figure) -> float | None:
    """Return where the ROI breaks even, 1 as a ratio and 0 net of cost: told from the kept return and cost."""
    table = lines.case.table(POST_MORTEM, "returns")
    if table is None or table.empty or figure.value is None:
        return None
    same = table[(table["roi"] - float(figure.value)).abs() < 1e-12]
    if same.empty:
        return None
    row = same.iloc[0]
    return 1.0 if abs(row["value_each"] / row["cost_each"] - row["roi"]) < 1e-6 else 0.0


def place(lines: Lines) -> Block:
    """Say people, goods and place in one line each."""
    return _block(
        lines, "place", [_people(lines), _goods(lines), _channels(lines)], SEGMENTS, ACTIVITY, CHANNELS, POST_MORTEM
    )


def _people(lines: Lines) -> Line | None:
    parts, href = [], ""
    focus, share = (lines.case.figure(SEGMENTS, key) for key in ("focus_customers", "focus_share"))
    kept = lines.case.figure(SEGMENTS, "retained")
    curves = lines.case.table(SEGMENTS, "retention_curves")
    if focus is not None and share is not None:
        who, part = lines.n(focus.value, "customers"), lines.n(share.value, "share")
        parts.append(lines.write(f"{who}, {part} of all", f"目标客群 {who}，占 {part}"))
        href = lines.case.link(SEGMENTS, finding="segment_size")
    if kept is not None and curves is not None and len(curves):
        number, days = _with_bounds(lines, kept), int(curves["day"].max())
        parts.append(lines.write(f"{number} still active after {days} days", f"{days} 天后仍活跃 {number}"))
        href = lines.case.link(SEGMENTS, finding="retention")
    stopped = _worst(lines, "people_stage")
    if stopped is not None:
        stage, n, gap = lines.code("stage", stopped["stage"]), f"{int(stopped['n']):,}", _gap(lines, stopped)
        parts.append(
            lines.write(
                f"most of the shortfall ({gap}) lies with {n} customers who stopped at “{stage}”",
                f"缺口主要在止步于“{stage}”的 {n} 人（{gap}）",
            )
        )
        href = lines.case.link(POST_MORTEM, table="people_stage", finding="gap")
    return _sentence(lines, Text("People", "人"), parts, href)


def _goods(lines: Lines) -> Line | None:
    parts, href = [], ""
    used, spent = (lines.case.figure(POST_MORTEM, key) for key in ("redeemed_share", "reward_cost"))
    if used is not None and spent is not None:
        taken, cost = f"{used.n or 0:,}", lines.n(spent.value, "money")
        number = _with_bounds(lines, used)
        parts.append(
            lines.write(
                f"{taken} benefits taken for {cost}; {number} used", f"发放权益 {taken} 份、{cost}；核销 {number}"
            )
        )
        href = lines.case.link(POST_MORTEM, table="goods", finding="goods")
    else:
        forms = lines.case.table(ACTIVITY, "forms")
        if forms is not None and len(forms):
            best = forms.sort_values("rank").iloc[0]
            name = str(best["form_name_en"] if lines.write.language == "en" else best["form_name_zh"])
            parts.append(lines.write(f"step 3 ranks “{name}” first", f"第 3 步首选“{name}”"))
            href = lines.case.link(ACTIVITY, table="forms", finding="form")
    wanted = _worst(lines, "goods_benefit")
    if wanted is not None:
        what, n, gap = lines.code("benefit", wanted["benefit"]), f"{int(wanted['n']):,}", _gap(lines, wanted)
        parts.append(
            lines.write(
                f"most of the shortfall ({gap}) lies with {n} customers (“{what}”)",
                f"缺口主要在“{what}”的 {n} 人（{gap}）",
            )
        )
    return _sentence(lines, Text("Goods", "货"), parts, href)


def _channels(lines: Lines) -> Line | None:
    parts, href = [], ""
    table = lines.case.table(POST_MORTEM, "channels")
    table = None if table is None else table[table["cost_per_success"].notna() & (table["n"] >= MIN_GROUP_SIZE)]
    if table is not None and len(table) > 1:
        ranked = table.sort_values("cost_per_success")
        cheap, dear = ranked.iloc[0], ranked.iloc[-1]
        low, high = (lines.n(row["cost_per_success"], "money_each") for row in (cheap, dear))
        first, last = lines.code("channel", cheap["channel"]), lines.code("channel", dear["channel"])
        parts.append(
            lines.write(
                f"a success costs {low} by {first} (n = {int(cheap['n']):,}), {high} by {last} (n = {int(dear['n']):,})",
                f"单次达成成本：{first} {low}（n = {int(cheap['n']):,}），{last} {high}（n = {int(dear['n']):,}）",
            )
        )
        href = lines.case.link(POST_MORTEM, table="channels")
    breaches = lines.case.figure(CHANNELS, "policy_breaches")
    if breaches is not None:
        n, of = f"{int(breaches.value or 0):,}", f"{breaches.n or 0:,}"
        parts.append(lines.write(f"{n} of {of} contacts broke the contact policy", f"{of} 次触达中 {n} 次违反触达规则"))
        href = href or lines.case.link(CHANNELS, table="breaches", finding="contact_policy")
    return _sentence(lines, Text("Place", "场"), parts, href)


def _worst(lines: Lines, name: str) -> pd.Series | None:
    """Return the group that holds most of the gap; None without a gap or where the group is small."""
    table, gap = lines.case.table(POST_MORTEM, name), lines.case.figure(POST_MORTEM, "gap")
    if table is None or table.empty or gap is None or (gap.value or 0) <= 0:
        return None
    row = table.sort_values("contribution", ascending=False).iloc[0]
    return row if row["contribution"] > 0 and row["n"] >= MIN_GROUP_SIZE else None


def _gap(lines: Lines, row: pd.Series) -> str:
    gap = lines.case.figure(POST_MORTEM, "gap")
    return lines.n(row["contribution"], gap.unit if gap else "score", signed=True)


def _with_bounds(lines: Lines, figure: Figure) -> str:
    n = "" if figure.n is None else f"n = {figure.n:,}"
    inside = lines.write(", ", "，").join(part for part in (lines.bounds(figure), n) if part)
    number = lines.n(figure.value, figure.unit)
    return number + (lines.write(f" ({inside})", f"（{inside}）") if inside else "")


def _sentence(lines: Lines, name: Text, parts: list[str], href: str) -> Line | None:
    if not parts:
        return None
    joined = "; ".join(parts) + "." if lines.write.language == "en" else "；".join(parts) + "。"
    return Line(name=lines.say(name), note=joined[:1].upper() + joined[1:], href=href)


def leak(lines: Lines) -> Block:
    """Name the biggest leak in money, and what went to bonus hunters."""
    found: list[Line | None] = []
    funnel = lines.case.table(POST_MORTEM, "funnel")
    if funnel is not None and len(funnel) > 1 and funnel["cost_lost"].max() > 0:
        row = funnel.sort_values("cost_lost", ascending=False).iloc[0]
        n = int(row["n_lost"])
        stage = lines.code("stage", row["stage"])
        found.append(
            Line(
                name=lines.write(f"Spent on those who stopped before “{stage}”", f"止步于“{stage}”之前者的花费"),
                value=lines.n(row["cost_lost"], "money"),
                n=f"{n:,}" if n >= MIN_GROUP_SIZE else f"< {MIN_GROUP_SIZE}",
                href=lines.case.link(POST_MORTEM, table="funnel", finding="leak"),
            )
        )
    hunters = {"finding": "hunters", "table": "abuse_rules"}
    found.append(
        lines.of(
            POST_MORTEM, "hunter_share", Text("Bonus hunters among takers, flagged", "领取者中疑似羊毛党"), **hunters
        )
    )
    found.append(lines.of(POST_MORTEM, "hunter_cost", Text("Benefits that went to them", "其所得权益"), **hunters))
    expected = lines.of(
        ACTIVITY, "expected_leak", Text("Expected beforehand (step 3)", "事前预期（第 3 步）"), finding="leak"
    )
    return _block(lines, "leak", [*found, expected], POST_MORTEM)


def claims(lines: Lines) -> Block:
    """Answer each hypothesis and guardrail of the campaign's brief: confirmed, refuted or undecided."""
    table = lines.case.table(POST_MORTEM, "hypotheses")
    if table is None or table.empty:
        return _block(lines, "claims", [], POST_MORTEM)
    answers = {
        ("hypothesis", "confirmed"): Text("confirmed", "成立"),
        ("hypothesis", "refuted"): Text("refuted", "不成立"),
        ("hypothesis", "undecided"): Text("undecided", "未定"),
        ("guardrail", "confirmed"): Text("kept", "守住"),
        ("guardrail", "refuted"): Text("broken", "突破"),
        ("guardrail", "undecided"): Text("undecided", "未定"),
    }
    several = table["arm"].nunique() > 1
    found = []
    for row in table.head(MAX_CLAIMS).to_dict("records"):
        key = f"claim_{row['claim']}"
        figure = lines.case.figure(POST_MORTEM, f"{key}_{row['arm']}" if several else key)
        unit = figure.unit if figure else "score"
        metric, limit = lines.code("metric", row["metric"]), _limit(lines, row["threshold"], unit)
        up = row["direction"] == "up"
        if row["kind"] == "hypothesis":
            name = lines.write(
                f"{metric} {'above' if up else 'below'} {limit}", f"{metric}{'高于' if up else '低于'} {limit}"
            )
        else:
            name = lines.write(
                f"Guardrail: {metric} not {'below' if up else 'above'} {limit}",
                f"护栏：{metric}不{'低于' if up else '高于'} {limit}",
            )
        found.append(
            Line(
                name=name + (f" · {lines.code('arm', row['arm'])}" if several else ""),
                value=lines.n(figure.value, unit, signed=True) if figure else "",
                interval=lines.bounds(figure, signed=True) if figure else "",
                n=f"{int(row['n']):,}" if row["n"] else "",
                note=lines.say(answers[row["kind"], row["answer"]]),
                href=lines.case.link(POST_MORTEM, finding=key, table=""),
                mark=str(row["answer"]),
            )
        )
    counts = table.loc[table["kind"] == "hypothesis", "answer"].value_counts()
    yes, no, open_ = (int(counts.get(name, 0)) for name in ("confirmed", "refuted", "undecided"))
    more = len(table) - MAX_CLAIMS
    summary = lines.write(
        f"{yes} confirmed, {no} refuted, {open_} undecided.", f"成立 {yes} 条，不成立 {no} 条，未定 {open_} 条。"
    )
    if more > 0:
        summary += lines.write(f" {more} more on the page of step 5.", f"其余 {more} 条见第 5 步页面。")
    return _block(lines, "claims", found, POST_MORTEM, summary=summary)


def _limit(lines: Lines, threshold: float, unit: str) -> str:
    """Write a threshold; 0 needs no unit."""
    return "0" if threshold == 0 else lines.n(threshold, unit, signed=True)


def at_stake(lines: Lines, arm: str) -> Line | None:
    """Say the money that the decision is about: what was spent and earned, else what is planned, else what may be lost."""
    table = lines.case.table(POST_MORTEM, "returns")
    mine = None if table is None or table.empty else table[table["arm"] == arm] if arm else table
    href = lines.case.link(POST_MORTEM, table="returns", finding="roi")
    if mine is not None and len(mine):
        roi = lines.case.figure(POST_MORTEM, f"roi_{arm}" if arm else "roi")
        same = mine[(mine["roi"] - float(roi.value)).abs() < 1e-12] if roi is not None else mine.tail(1)
        row = same.iloc[0] if len(same) else mine.iloc[-1]
        # The arm's own sum: what is kept for each treated customer, for all of them, less what they cost.
        net, low, high = (row[name] * row["n"] - row["cost"] for name in ("value_each", "value_lower", "value_upper"))
        figure = Figure("net", float(net), float(low), float(high), "money", int(row["n"]))
        spent = lines.n(row["cost"], "money")
        return lines.line(
            figure,
            lines.write("Return less cost", "回报减成本"),
            href=href,
            signed=True,
            reference=0.0,
            note=lines.write(f"{spent} spent", f"已花费 {spent}"),
        )
    spent_line = lines.of(
        POST_MORTEM,
        "cost",
        Text("Spent, return not known", "已花费，回报未知"),
        finding="roi",
    )
    if spent_line is not None:
        return spent_line
    planned = lines.of(ACTIVITY, "cost", Text("Planned cost", "计划成本"))
    if planned is not None:
        return planned
    for key, name in (
        ("at_stake_focus", Text("Assets at stake in the segment", "客群中面临流失的资产")),
        ("at_stake_first", Text("Assets at stake in the first segment", "首选客群中面临流失的资产")),
    ):
        found = lines.of(SEGMENTS, key, name, finding="segment_choice")
        if found is not None:
            return found
    return None
