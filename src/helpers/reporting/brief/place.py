"""People, goods and place of a case, one line each."""

from __future__ import annotations

import pandas as pd

from helpers.findings import Figure, Text
from helpers.reporting.brief.frame import block
from helpers.reporting.brief.kept import ACTIVITY, CHANNELS, POST_MORTEM, SEGMENTS
from helpers.reporting.brief.lines import Block, Line, Lines


def place(lines: Lines) -> Block:
    """Say people, goods and place in one line each."""
    return block(
        lines, "place", [_people(lines), _goods(lines), _channels(lines)], SEGMENTS, ACTIVITY, CHANNELS, POST_MORTEM
    )


def _people(lines: Lines) -> Line | None:
    parts: list[tuple[str, str]] = []
    focus, share = (lines.figure(SEGMENTS, key) for key in ("focus_customers", "focus_share"))
    kept = lines.figure(SEGMENTS, "retained")
    curves = lines.case.table(SEGMENTS, "retention_curves")
    if focus is not None and share is not None:
        who, part = lines.n(focus.value, "customers"), lines.n(share.value, "share")
        words = lines.write(f"{who}, {part} of all", f"目标客群 {who}，占 {part}")
        parts.append((words, lines.case.link(SEGMENTS, finding="segment_size")))
    if kept is not None and curves is not None and len(curves):
        number, days = _with_bounds(lines, kept), int(curves["day"].max())
        words = lines.write(f"{number} still active after {days} days", f"{days} 天后仍活跃 {number}")
        parts.append((words, lines.case.link(SEGMENTS, finding="retention")))
    stopped = _worst(lines, "people_stage")
    if stopped is not None:
        stage, n, gap = lines.code("stage", stopped["stage"]), f"{int(stopped['n']):,}", _gap(lines, stopped)
        words = lines.write(
            f"most of the shortfall ({gap}) lies with {n} customers who stopped at “{stage}”",
            f"缺口主要在止步于“{stage}”的 {n} 人（{gap}）",
        )
        parts.append((words, lines.case.link(POST_MORTEM, table="people_stage", finding="gap")))
    return _sentence(lines, Text("People", "人"), parts)


def _goods(lines: Lines) -> Line | None:
    parts: list[tuple[str, str]] = []
    used, spent = (lines.figure(POST_MORTEM, key) for key in ("redeemed_share", "reward_cost"))
    if used is not None and spent is not None:
        taken, cost, number = f"{used.n or 0:,}", lines.n(spent.value, "money"), _with_bounds(lines, used)
        words = lines.write(
            f"{taken} benefits taken for {cost}; {number} used", f"发放权益 {taken} 份、{cost}；核销 {number}"
        )
        parts.append((words, lines.case.link(POST_MORTEM, table="goods", finding="goods")))
    else:
        forms = lines.case.table(ACTIVITY, "forms")
        if forms is not None and len(forms):
            best = forms.sort_values("rank").iloc[0]
            name = str(best["form_name_en"] if lines.write.language == "en" else best["form_name_zh"])
            words = lines.write(f"step 3 ranks “{name}” first", f"第 3 步首选“{name}”")
            parts.append((words, lines.case.link(ACTIVITY, table="forms", finding="form")))
    wanted = _worst(lines, "goods_benefit")
    if wanted is not None:
        what, n, gap = lines.code("benefit", wanted["benefit"]), f"{int(wanted['n']):,}", _gap(lines, wanted)
        words = lines.write(
            f"most of the shortfall ({gap}) lies with {n} customers (“{what}”)", f"缺口主要在“{what}”的 {n} 人（{gap}）"
        )
        parts.append((words, lines.case.link(POST_MORTEM, table="goods_benefit", finding="gap")))
    return _sentence(lines, Text("Goods", "货"), parts)


def _channels(lines: Lines) -> Line | None:
    parts: list[tuple[str, str]] = []
    table = lines.case.table(POST_MORTEM, "channels")
    table = None if table is None else table[table["cost_per_success"].notna() & (table["n"] >= lines.case.least)]
    if table is not None and len(table) > 1:
        ranked = table.sort_values("cost_per_success")
        cheap, dear = ranked.iloc[0], ranked.iloc[-1]
        low, high = (lines.n(row["cost_per_success"], "money_each") for row in (cheap, dear))
        first, last = lines.code("channel", cheap["channel"]), lines.code("channel", dear["channel"])
        words = lines.write(
            f"a success costs {low} by {first} (n = {int(cheap['n']):,}), {high} by {last} (n = {int(dear['n']):,})",
            f"单次达成成本：{first} {low}（n = {int(cheap['n']):,}），{last} {high}（n = {int(dear['n']):,}）",
        )
        parts.append((words, lines.case.link(POST_MORTEM, table="channels")))
    breaches = lines.case.figure(CHANNELS, "policy_breaches")
    if breaches is not None:
        n, of = f"{int(breaches.value or 0):,}", f"{breaches.n or 0:,}"
        words = lines.write(f"{n} of {of} contacts broke the contact policy", f"{of} 次触达中 {n} 次违反触达规则")
        parts.append((words, lines.case.link(CHANNELS, table="breaches", finding="contact_policy")))
    return _sentence(lines, Text("Place", "场"), parts)


def _worst(lines: Lines, name: str) -> pd.Series | None:
    """Return the group that holds most of the gap; None without a gap or where the group is small."""
    table, gap = lines.case.table(POST_MORTEM, name), lines.case.figure(POST_MORTEM, "gap")
    if table is None or table.empty or gap is None or (gap.value or 0) <= 0:
        return None
    row = table.sort_values("contribution", ascending=False).iloc[0].copy()
    row["is_offset"] = bool((table["contribution"] < 0).any())
    return row if row["contribution"] > 0 and row["n"] >= lines.case.least else None


def _gap(lines: Lines, row: pd.Series) -> str:
    gap = lines.case.figure(POST_MORTEM, "gap")
    size = lines.n(row["contribution"], gap.unit if gap else "score", signed=True)
    return size + (
        lines.write("; other groups make up for part of it", "，其他组别抵补一部分") if row["is_offset"] else ""
    )


def _with_bounds(lines: Lines, figure: Figure) -> str:
    n = "" if figure.n is None else f"n = {figure.n:,}"
    inside = lines.write(", ", "，").join(part for part in (lines.bounds(figure), n) if part)
    number = lines.n(figure.value, figure.unit)
    return number + (lines.write(f" ({inside})", f"（{inside}）") if inside else "")


def _sentence(lines: Lines, name: Text, parts: list[tuple[str, str]]) -> Line | None:
    if not parts:
        return None
    (first, href), *rest = parts
    return Line(name=lines.say(name), parts=((first[:1].upper() + first[1:], href), *rest))
