"""The money that a decision is about."""

from __future__ import annotations

from helpers.findings import Figure, Text
from helpers.reporting.brief.kept import ACTIVITY, POST_MORTEM, SEGMENTS
from helpers.reporting.brief.lines import Line, Lines


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
