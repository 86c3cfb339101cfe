"""What the last run of each playbook changed, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from helpers.findings import Text, Writer
from helpers.reporting.board import figures
from helpers.reporting.board.rows import STATES, branch, moment, title

# A longer list is folded; the table says in how many places each step changed.
MAX_OPEN = 12
_LANGUAGES = {"en": Text("pages in English", "英文页"), "zh": Text("pages in Chinese", "中文页")}


def since(
    last_runs: Sequence[Mapping[str, Any]], runs: Sequence[Mapping[str, Any]], language: str
) -> list[dict[str, Any]]:
    """Return a section for the last run of each playbook, the newest first.

    Each has ``title, summary, remarks`` (of the data doctor), ``steps`` (``name, page, lines``) and ``is_open``.
    """
    sections = []
    for last in sorted(last_runs, key=lambda last: last["started_at"], reverse=True):
        mine = [run for run in runs if all(run[name] == last[name] for name in ("playbook", "language"))]
        several = len({run["language"] for run in runs}) > 1
        name = next((title(run, "playbook", language) for run in mine), last["playbook"])
        steps = _steps(last, mine, language)
        sections.append(
            {
                "title": f"{name} · {_LANGUAGES[last['language']].say(language)}" if several else name,
                "summary": _summary(last).say(language),
                "remarks": [remark[language] for remark in last.get("remarks", ())],
                "steps": steps,
                "fold": _fold(last["changes"]).say(language),
                "is_open": sum(len(step["lines"]) for step in steps) <= MAX_OPEN,
            }
        )
    return sections


def _summary(last: Mapping[str, Any]) -> Text:
    """Say what was run and against what it is held."""
    at, before = moment(last["started_at"]), moment(last["before"])
    n, n_kept, n_waiting = last["n_steps"], last["n_kept"], last["n_waiting"]
    n_run = n - n_kept - n_waiting - last["n_not_run"]
    en = [f"{n_run} run", f"{n_kept} kept"]
    zh = [f"重跑 {n_run}", f"沿用 {n_kept}"]
    for number, words in ((last["n_not_run"], ("not run", "未运行")), (n_waiting, ("not finished", "未完成"))):
        if number:
            en.append(f"{number} {words[0]}")
            zh.append(f"{words[1]} {number}")
    head = Text(
        f"Run of {at}: {n} step{'' if n == 1 else 's'}, {', '.join(en)}.",
        f"{at} 运行：共 {n} 个步骤，{'，'.join(zh)}。",
    )
    if not last["before"]:
        tail = Text("It is the first run: there is nothing to compare it with.", "首次运行，暂无可比结果。")
    elif last["changes"]:
        tail = Text(f"Compared with the run of {before}:", f"与 {before} 的运行相比：")
    else:
        finished = not n_waiting
        tail = Text(
            f"Nothing changed since the run of {before}{'' if finished else ', so far'}.",
            f"与 {before} 的运行相比{'' if finished else '，目前'}没有变化。",
        )
    return Text(f"{head.en} {tail.en}", f"{head.zh}{tail.zh}")


def _fold(changes: Sequence[Mapping[str, Any]]) -> Text:
    n = sum(change.get("n", 1) for change in changes)
    return Text(f"{n:,} change{'' if n == 1 else 's'}", f"{n:,} 处变动")


def _steps(last: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], language: str) -> list[dict[str, Any]]:
    by_step = {(run["case"], run["step"]): run for run in runs}
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for change in last["changes"]:
        grouped.setdefault((change["case"], change["step"]), []).append(change)
    steps = []
    for key, changes in grouped.items():
        # A step that is gone brings its titles along.
        run = by_step.get(key, changes[0])
        steps.append(
            {
                "name": f"{title(run, 'case', language)} · {title(run, 'step', language)}",
                "page": run.get("page") or "",
                "lines": [_line(change, run, language) for change in changes],
            }
        )
    return steps


def _line(change: Mapping[str, Any], run: Mapping[str, Any], language: str) -> str:
    """Say one change."""
    write = Writer(language, run.get("currency") or "")
    kind = change["kind"]
    if kind == "new":
        return write("new on the board", "看板新增")
    if kind == "gone":
        return write("no longer there", "已不在看板上")
    if kind == "state":
        before, after = (STATES[change[side]].say(language) for side in ("before", "after"))
        return write(f"state: {before} → {after}", f"状态：{before} → {after}")
    if kind == "figures":
        n = change["n"]
        return write(f"{n:,} other figure{'' if n == 1 else 's'} moved", f"另有 {n:,} 项指标变动")
    if kind == "figure":
        return _moved(change, run, write)
    words = change[language]
    if kind == "warning":
        return write(f"new warning: {words}", f"新增提醒：{words}")
    return write(f"no longer warned: {words}", f"不再提醒：{words}")


def _moved(change: Mapping[str, Any], run: Mapping[str, Any], write: Writer) -> str:
    unit, difference = change["unit"], change["difference"]
    name = figures.name(run["step"], change["key"], language=write.language, branch=branch(run))
    moved = f"{write.n(change['before'], unit)} → {write.n(change['after'], unit)}"
    if difference is None:
        return write(f"{name}: {moved}", f"{name}：{moved}")
    by = write.n(difference, figures.difference_unit(unit), signed=True)
    return write(f"{name}: {moved} ({by})", f"{name}：{moved}（{by}）")
