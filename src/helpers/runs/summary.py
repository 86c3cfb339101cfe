"""The table that `playbook run` ends with: every step, its state, its time, and what is to be said."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from helpers.findings import Text
from helpers.runs.step import DONE, FAILED, NOT_RUN, WAITING, StepRun

STATES = {
    DONE: Text("done", "完成"),
    FAILED: Text("failed", "失败"),
    NOT_RUN: Text("not run", "未运行"),
    WAITING: Text("not finished", "未完成"),
}
_HEADS = (Text("case", "案例"), Text("step", "步骤"), Text("state", "状态"), Text("seconds", "秒"), Text("", ""))


def lines(runs: Sequence[StepRun], *, language: str) -> list[str]:
    """Return the table's lines, columns aligned also where they hold Chinese.

    Examples
    --------
    >>> lines([StepRun("p", "whole", "en", "a", "done", 1.25, "", "", "")], language="en")
    ['case   step  state  seconds', 'whole  a     done   1.2']
    """
    rows = [[head.say(language) for head in _HEADS]]
    rows += [
        [run.case, run.step, STATES[run.state].say(language), "" if run.kept_from else f"{run.seconds:.1f}", note(run)]
        for run in runs
    ]
    widths = [max(_width(row[column]) for row in rows) for column in range(len(_HEADS) - 1)]
    return [
        "  ".join([*(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)), row[-1]])
        .rstrip()
        for row in rows
    ]  # fmt: skip


def note(run: StepRun) -> str:
    """Return why a step stopped, or since when its result stands."""
    if run.kept_from:
        return Text(f"kept from {moment(run.kept_from)}", f"沿用 {moment(run.kept_from)} 的结果").say(run.language)
    return run.message


def moment(at: str) -> str:
    """Return an ISO time to the minute, as a reader writes it."""
    return at[:16].replace("T", " ")


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
