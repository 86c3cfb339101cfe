"""What all blocks of a brief share: their titles, and what is said in the place of a step that kept nothing."""

from __future__ import annotations

from collections.abc import Iterable

from helpers.findings import Text
from helpers.reporting.brief.kept import ACTIVITY, CHANNELS, GOALS, POST_MORTEM, SEGMENTS
from helpers.reporting.brief.lines import Block, Line, Lines

STEP_NAMES = {
    GOALS: Text("step 1, goals", "第 1 步“目标拆解”"),
    SEGMENTS: Text("step 2, segments", "第 2 步“客群洞察”"),
    ACTIVITY: Text("step 3, activity", "第 3 步“活动设计”"),
    CHANNELS: Text("step 4, channels", "第 4 步“渠道矩阵”"),
    POST_MORTEM: Text("step 5, post-mortem", "第 5 步“复盘”"),
}
TITLES = {
    "campaign": Text("Goal against actual", "目标与实际"),
    "bank": Text("MAU and AUM against target", "MAU 与 AUM 目标"),
    "caused": Text("What the campaign caused", "活动带来了什么"),
    "money": Text("Cost and return", "成本与回报"),
    "place": Text("People, goods, place", "人、货、场"),
    "leak": Text("Where money leaked", "资金漏在哪里"),
    "claims": Text("Hypotheses", "假设检验"),
}


def not_run(lines: Lines, *steps: str) -> str:
    """Say which step a place waits for, or which is not shown for want of customers."""
    withheld = [step for step in steps if step in lines.case.withheld]
    missing = [step for step in steps if not lines.case.has(step) and step not in withheld]
    said = []
    if missing:
        names = _names(lines, missing)
        said.append(lines.write(f"Not run, or not to its end: {names}.", f"未运行或未完成：{names}。"))
    if withheld:
        names = _names(lines, withheld)
        said.append(lines.write(f"Not shown, of too few customers: {names}.", f"客户过少，不予展示：{names}。"))
    return lines.write(" ", "").join(said)


def _names(lines: Lines, steps: Iterable[str]) -> str:
    return lines.write(", ", "、").join(lines.say(STEP_NAMES[step]) for step in steps)


def block(
    lines: Lines, key: str, found: Iterable[Line | None], *steps: str, summary: str = "", href: str = ""
) -> Block:
    """Make a block; where nothing could be written it says which step is missing, or that nothing was kept."""
    kept = tuple(line for line in found if line is not None)
    absent = not_run(lines, *steps)
    if not kept and not absent:
        absent = lines.write("The step kept nothing for this place.", "该步骤未保存相应结果。")
    return Block(key, lines.say(TITLES[key]), kept, summary, href, absent)
