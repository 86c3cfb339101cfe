"""One row of the board: a step of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from helpers.findings import Text
from helpers.reporting.board import figures
from helpers.reporting.tables import anchor

STATES = {
    "done": Text("done", "完成"),
    "failed": Text("failed", "失败"),
    "not_run": Text("not run", "未运行"),
    "waiting": Text("not finished", "未完成"),
}
# Heads of the columns that hold a number.
NUMBERS = {
    "seconds": Text("Seconds", "耗时（秒）"),
    "rows": Text("Rows read", "读取行数"),
    "warnings": Text("Warnings", "提醒"),
    "changes": Text("Changes", "变动"),
}
# States sort by how much they want to be looked at.
_ORDER = ("failed", "not_run", "waiting", "done")
TONES = {"warning": Text("Note", "注意"), "bad": Text("Unfavourable", "不利")}
_FIRST = Text("First finding", "首条结论")
_OTHER_LANGUAGE = {"en": Text("page in English", "英文页"), "zh": Text("page in Chinese", "中文页")}
_NEW = Text("new", "新增")


def title(run: Mapping[str, Any], what: str, language: str) -> str:
    """Return a title of a run's playbook, case or step in the board's language, whatever its pages are in."""
    both = (run.get("titles") or {}).get(what) or {}
    return both.get(language) or run.get(f"{what}_title") or run.get(what) or ""


def row(run: Mapping[str, Any], last_runs: Sequence[Mapping[str, Any]], language: str) -> dict[str, Any]:
    """Return what the template shows of a run; texts in the board's language."""
    result = run.get("result") or {}
    findings = result.get("findings") or []
    shown = run.get("figures") or []
    said = {"language": language, "currency": run.get("currency") or "", "branch": branch(run)}
    other = run["language"] != language
    seconds = run["seconds"]
    return {
        "playbook": title(run, "playbook", language),
        "case": title(run, "case", language),
        "step": title(run, "step", language),
        "step_key": run["step"],
        "other_language": _OTHER_LANGUAGE[run["language"]].say(language) if other else "",
        "state": run["state"],
        "state_text": STATES[run["state"]].say(language),
        "state_key": _ORDER.index(run["state"]),
        "numbers": [
            (NUMBERS["seconds"].say(language), f"{seconds:.1f}" if seconds else "–", seconds or ""),
            (NUMBERS["rows"].say(language), *_count(run.get("rows_read"))),
            (NUMBERS["warnings"].say(language), *_count(run.get("warnings"))),
            (NUMBERS["changes"].say(language), *_changes(run, last_runs, language)),
        ],
        "more": _more(findings, run["page"], language),
        "more_head": _more_head(run.get("warnings") or 0).say(language),
        "n_warnings": "–" if run.get("warnings") is None else run["warnings"],
        "warnings_key": "" if run.get("warnings") is None else run["warnings"],
        "page": run["page"],
        "message": (run.get("messages") or {}).get(language) or run["message"],
        "brief": run.get("brief") or "",
        "kept": _kept(run.get("kept_from") or "", language),
        "first": run["first"],
        "figures": [figures.say(run["step"], figure, **said) for figure in shown],
        "attained": _empty_if_none(figures.attainment(shown)),
    }


def branch(run: Mapping[str, Any]) -> str:
    """Return the branch that a step's result is of; empty for the whole bank, and where nothing is kept."""
    return ((run.get("result") or {}).get("about") or {}).get("branch") or ""


def _more(findings: Sequence[Mapping[str, Any]], page: str, language: str) -> list[dict[str, str]]:
    """Return the first finding and all that warn, each with its place on the step's page."""
    shown = []
    for index, finding in enumerate(findings):
        name = TONES.get(finding.get("tone", ""), _FIRST if index == 0 else None)
        if name is not None:
            href = f"{page}#{anchor('finding', finding['key'])}" if page else ""
            shown.append({"name": name.say(language), "text": finding[language], "href": href})
    return shown


def _more_head(n_warnings: int) -> Text:
    if not n_warnings:
        return _FIRST
    return Text(
        f"{_FIRST.en}, {n_warnings} warning{'' if n_warnings == 1 else 's'}", f"{_FIRST.zh}，{n_warnings} 条提醒"
    )


def _count(n: int | None) -> tuple[str, int | str]:
    """Return how a count is written, and what it sorts by."""
    return ("–", "") if n is None else (f"{n:,}", n)


def _changes(run: Mapping[str, Any], last_runs: Sequence[Mapping[str, Any]], language: str) -> tuple[str, int | str]:
    """Count what the last run changed in this step."""
    of = next((last for last in last_runs if all(last[name] == run[name] for name in ("playbook", "language"))), None)
    if of is None or not of["before"]:
        return _count(None)
    mine = [change for change in of["changes"] if (change["case"], change["step"]) == (run["case"], run["step"])]
    n = sum(change.get("n", 1) for change in mine)
    return (_NEW.say(language), n) if any(change["kind"] == "new" for change in mine) else _count(n)


def _kept(at: str, language: str) -> str:
    """Say since when a result stands that was not made anew; empty if it was."""
    return Text(f"kept from {moment(at)}", f"沿用 {moment(at)}").say(language) if at else ""


def moment(at: str) -> str:
    """Return an ISO time to the minute, as a reader writes it."""
    return at[:16].replace("T", " ")


def _empty_if_none(value: float | None) -> float | str:
    return "" if value is None else value
