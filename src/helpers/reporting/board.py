"""Draws the run board: every playbook, case and step with state, time, main figures and first finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from helpers.findings import Text
from helpers.findings.labels import read as read_labels
from helpers.findings.numbers import check_language, number
from helpers.reporting import fonts, pages

MAX_FIGURES = 4
_WORDS = {
    "title": Text("Run board", "运行看板"),
    "skip": Text("Skip to the content", "跳到正文"),
    "simulated": Text(
        "Some of these pages are of simulated data: no real customer, no real money.",
        "部分页面基于模拟数据：无真实客户、无真实资金。",
    ),
    "case": Text("Case", "案例"),
    "step": Text("Step", "步骤"),
    "state": Text("State", "状态"),
    "seconds": Text("Seconds", "耗时（秒）"),
    "brief": Text("Decision brief", "决策简报"),
    "says": Text("Main figures and first finding", "主要指标与首条结论"),
}
STATES = {
    "done": Text("done", "完成"),
    "failed": Text("failed", "失败"),
    "not_run": Text("not run", "未运行"),
    "waiting": Text("not finished", "未完成"),
}


def render(playbooks: Sequence[Mapping[str, Any]], *, language: str, simulated: bool) -> str:
    """Render the board.

    Parameters
    ----------
    playbooks : sequence of mappings
        ``title`` and ``runs``; a run has ``case, language, step, state, seconds, page, message, kept_from,
        currency, brief`` (link to the case's brief) and ``result`` (content of its `result.json`, or None).
    language : {"en", "zh"}
    simulated : bool
        Say that data are simulated.

    Returns
    -------
    str
        A whole HTML document without any outside reference.
    """
    from jinja2 import Environment, FileSystemLoader

    check_language(language)
    environment = Environment(loader=FileSystemLoader(pages.TEMPLATES), autoescape=True)
    drawn = [
        {"title": entry["title"], "runs": [_row(run, language) for run in _mark_first(entry["runs"])]}
        for entry in playbooks
    ]
    everything = [run for entry in playbooks for run in entry["runs"]]
    counts = {state: sum(run["state"] == state for run in everything) for state in STATES}
    summary = Text(
        f"{len(everything)} steps: {counts['done']} done, {counts['failed']} failed, {counts['not_run']} not run, "
        f"{counts['waiting']} not finished.",
        f"共 {len(everything)} 个步骤：完成 {counts['done']}，失败 {counts['failed']}，未运行 {counts['not_run']}，"
        f"未完成 {counts['waiting']}。",
    )
    markup = environment.get_template("board.html.j2").render(
        lang="zh-CN" if language == "zh" else "en",
        lang_code=language,
        css="/*css*/",
        words={key: text.say(language) for key, text in _WORDS.items()},
        summary=summary.say(language),
        simulated=simulated,
        playbooks=drawn,
    )
    return markup.replace("/*css*/", fonts.face_css(markup) + pages.stylesheet(), 1)


def _mark_first(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    marked, last = [], None
    for run in runs:
        key = (run["case"], run["language"])
        marked.append({**run, "first": key != last})
        last = key
    return marked


def _row(run: Mapping[str, Any], language: str) -> dict[str, Any]:
    result = run.get("result") or {}
    findings = result.get("findings") or []
    return {
        "case": run.get("case_title") or run["case"],
        "step": run.get("step_title") or run["step"],
        "language": run["language"],
        "state": run["state"],
        "state_text": STATES[run["state"]].say(language),
        "seconds": f"{run['seconds']:.1f}" if run["seconds"] else "–",
        "page": run["page"],
        "message": run["message"],
        "brief": run.get("brief") or "",
        "kept": _kept(run.get("kept_from") or "", language),
        "first": run["first"],
        "headline": findings[0][language] if findings else "",
        "figures": _main_figures(result.get("figures") or [], language, run.get("currency") or ""),
    }


def _kept(at: str, language: str) -> str:
    """Say since when a result stands that was not made anew; empty if it was."""
    day_and_minute = at[:16].replace("T", " ")
    return Text(f"kept from {day_and_minute}", f"沿用 {day_and_minute}").say(language) if at else ""


def _main_figures(figures: Sequence[Mapping[str, Any]], language: str, currency: str) -> list[str]:
    """Write the first figures that have a head in both languages, with unit."""
    labels = read_labels()
    shown = []
    for figure in figures:
        if figure["key"] in labels and figure["value"] is not None:
            name = labels[figure["key"]].text.say(language)
            value = number(figure["value"], figure["unit"], language=language, currency=currency)
            shown.append(f"{name} {value}")
        if len(shown) == MAX_FIGURES:
            break
    return shown
