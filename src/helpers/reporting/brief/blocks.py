"""The blocks of a brief: each reads kept figures and tables, computes nothing anew, and says where a step is missing."""

from __future__ import annotations

import pandas as pd

from helpers.findings import Figure, Text
from helpers.findings.labels import read as read_labels
from helpers.reporting.brief.frame import block
from helpers.reporting.brief.kept import ACTIVITY, CHANNELS, GOALS, POST_MORTEM
from helpers.reporting.brief.lines import Block, Line, Lines
from helpers.reporting.brief.place import place

MAX_CLAIMS, MAX_ARMS = 6, 3


def blocks(lines: Lines) -> list[Block]:
    """Return all blocks of the brief in the order of the page."""
    return [campaign(lines), caused(lines), bank_goals(lines), money(lines), place(lines), leak(lines), claims(lines)]


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
    return block(lines, "campaign", found, POST_MORTEM)


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
    return block(lines, "bank", found, GOALS)


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
    return block(
        lines,
        "caused",
        [*found, expected],
        POST_MORTEM,
        summary=evidence(lines),
        href=lines.case.link(POST_MORTEM, table="effects", finding="split"),
    )


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
    shared = lines.write("of the whole bank", "全行口径") if lines.case.branch(CHANNELS) else ""
    found.append(
        lines.of(CHANNELS, "aac", Text("AAC, an activated new customer", "AAC（激活新客单位成本）"), note=shared)
    )
    costs = lines.case.table(CHANNELS, "return_on_cost")
    even = None if costs is None or costs.empty else float(costs["break_even"].iloc[0])
    found.append(
        lines.of(
            CHANNELS,
            "lroi",
            Text("LROI, first days of new customers", "LROI（新客期投入产出）"),
            reference=even,
            note=lines.write(", ", "，").join(
                part
                for part in ("" if even is None else lines.write(f"{even:g} breaks even", f"{even:g} 为保本点"), shared)
                if part
            ),
        )
    )
    return block(lines, "money", found, POST_MORTEM, CHANNELS)


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


def leak(lines: Lines) -> Block:
    """Name the biggest leak in money, and what went to bonus hunters."""
    found: list[Line | None] = []
    funnel = lines.case.table(POST_MORTEM, "funnel")
    if funnel is not None and len(funnel) > 1 and funnel["cost_lost"].max() > 0:
        row = funnel.sort_values("cost_lost", ascending=False).iloc[0]
        stage = lines.code("stage", row["stage"])
        came = int(row.get("n_came", 0))
        # a few who came another way are not to be had as the difference to the funnel on the page
        n = int(row["n_lost"]) - (0 if came < lines.case.least else came)
        found.append(
            lines.line(
                Figure("cost_lost", float(row["cost_lost"]), unit="money", n=n),
                lines.write(
                    f"Spent on those who stopped before “{stage}” for good", f"止步于“{stage}”之前且未再参与者的花费"
                ),
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
    return block(lines, "leak", [*found, expected], POST_MORTEM)


def _unit_of_difference(metric: str) -> str:
    """Return the unit of a difference in a metric that wasn't measured, by its label: shares differ by points."""
    label = read_labels().get(metric)
    unit = (label.unit if label else "") or "score"
    return "points" if unit == "share" else unit


def claims(lines: Lines) -> Block:
    """Answer each hypothesis and guardrail of the campaign's brief: confirmed, refuted or undecided."""
    table = lines.case.table(POST_MORTEM, "hypotheses")
    if table is None or table.empty:
        return block(lines, "claims", [], POST_MORTEM)
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
        unit = figure.unit if figure else _unit_of_difference(row["metric"])
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
    return block(
        lines, "claims", found, POST_MORTEM, summary=summary, href=lines.case.link(POST_MORTEM, table="hypotheses")
    )


def _limit(lines: Lines, threshold: float, unit: str) -> str:
    """Write a threshold; 0 needs no unit."""
    return "0" if threshold == 0 else lines.n(threshold, unit, signed=True)
