"""Draws the run board: every playbook, case and step with its state, time, rows, warnings and figures; what changed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from helpers.findings import Text
from helpers.findings.numbers import check_language
from helpers.reporting import fonts, pages
from helpers.reporting.board.figures import main_figures
from helpers.reporting.board.rows import NUMBERS, STATES, row
from helpers.reporting.board.since import since

__all__ = ["main_figures", "render"]

_FOLDER = Path(__file__).parent
_WORDS = {
    "title": Text("Run board", "运行看板"),
    "skip": Text("Skip to the content", "跳到正文"),
    "simulated": Text(
        "Some of these pages are of simulated data: no real customer, no real money.",
        "部分页面基于模拟数据：无真实客户、无真实资金。",
    ),
    "runs": Text("All steps", "全部步骤"),
    "since": Text("Since the last run", "与上次运行相比"),
    "remarks": Text("The data doctor noticed", "数据体检提示"),
    "brief": Text("Decision brief", "决策简报"),
    "sorted_up": Text("Sorted by {}, ascending.", "已按“{}”升序排列。"),
    "sorted_down": Text("Sorted by {}, descending.", "已按“{}”降序排列。"),
    "sorted_not": Text("In the playbooks' order; a column's head sorts by it.", "按手册顺序排列；点按列名可排序。"),
}
# Heads of the table: name, how the cells stand (txt, num), how they sort.
_HEADS = (
    (Text("Case", "案例"), "txt", "text"),
    (Text("Step", "步骤"), "txt", "text"),
    (Text("State", "状态"), "txt", "number"),
    *((name, "num", "number") for name in NUMBERS.values()),
    (Text("Main figures against target", "主要指标与目标"), "txt", "number"),
)
_NOTES = (
    Text(
        "Rows read: rows of all tables of the bank that the step asked for, each table once and whole, before its day "
        "and branch are applied.",
        "读取行数：该步骤用到的各数据表的总行数，每张表计一次，按整表计，未按截止日与网点筛选。",
    ),
    Text(
        "Warnings: findings of the step that are marked as a warning or as unfavourable. Changes: what moved since the "
        "last run, figures, state and warnings.",
        "提醒：该步骤标为“注意”或“不利”的结论数。变动：与上次运行相比的指标、状态与提醒变化数。",
    ),
    Text(
        "Figures: in brackets the 95 % interval and the group size; behind the target the difference to it. The column sorts "
        "by the least share of a target that is reached.",
        "指标：括号内为 95% 置信区间与样本量，目标后为与目标之差；点列头时按最低的目标完成比例排序。",
    ),
)


def render(
    playbooks: Sequence[Mapping[str, Any]],
    *,
    language: str,
    simulated: bool,
    last_runs: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Render the board.

    Parameters
    ----------
    playbooks : sequence of mappings
        ``title`` and ``runs``; a run is an entry of `board.json` with ``brief`` (link to the case's brief) and
        ``result`` (content of its `result.json`, or None) beside it.
    language : {"en", "zh"}
    simulated : bool
        Say that data are simulated.
    last_runs : sequence of mappings
        As `board.json` keeps them: what the last run of each playbook changed.

    Returns
    -------
    str
        A whole HTML document without any outside reference; its one script sorts the table.
    """
    check_language(language)
    everything = [run for entry in playbooks for run in entry["runs"]]
    drawn = [
        {"title": entry["title"], "runs": [row(run, last_runs, language) for run in _mark_first(entry["runs"])]}
        for entry in playbooks
    ]
    markup = (
        pages.environment(_FOLDER)
        .get_template("board.html.j2")
        .render(
            lang="zh-CN" if language == "zh" else "en",
            lang_code=language,
            css="/*css*/",
            script=_script(),
            script_digest=_digest(_script()),
            words={key: text.say(language) for key, text in _WORDS.items()},
            heads=[{"name": name.say(language), "stands": stands, "sorts": sorts} for name, stands, sorts in _HEADS],
            notes=[text.say(language) for text in _NOTES],
            summary=_summary(everything).say(language),
            simulated=simulated,
            playbooks=drawn,
            since=since(last_runs, everything, language),
        )
    )
    css = pages.stylesheet() + (_FOLDER / "board.css").read_text(encoding="utf-8").strip()
    return markup.replace("/*css*/", fonts.face_css(markup) + css, 1)


def _summary(runs: Sequence[Mapping[str, Any]]) -> Text:
    counts = {state: sum(run["state"] == state for run in runs) for state in STATES}
    return Text(
        f"{len(runs)} step{'' if len(runs) == 1 else 's'}: {counts['done']} done, {counts['failed']} failed, {counts['not_run']} not run, "
        f"{counts['waiting']} not finished.",
        f"共 {len(runs)} 个步骤：完成 {counts['done']}，失败 {counts['failed']}，未运行 {counts['not_run']}，"
        f"未完成 {counts['waiting']}。",
    )


def _mark_first(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    marked, last = [], None
    for run in runs:
        key = (run["case"], run["language"])
        marked.append({**run, "first": key != last})
        last = key
    return marked


@cache
def _script() -> str:
    return (_FOLDER / "board.js").read_text(encoding="utf-8").strip()


def _digest(script: str) -> str:
    """Return the digest by which the page's policy admits this script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
