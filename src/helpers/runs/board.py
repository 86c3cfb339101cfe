"""The record of runs: `board.json` and the board page, over all playbooks of a reports folder, true at any moment."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.findings.files import read_object, write_whole
from helpers.findings.numbers import LANGUAGES
from helpers.runs import briefing, changes, lock, outcome, outdated
from helpers.runs.plan import Plan
from helpers.runs.step import NOT_RUN, WAITING, StepRun, step_title

if TYPE_CHECKING:
    from helpers.bank import Bank

FILE = "board.json"
PAGE = "index.html"
LOCK = ".board.lock"
SCHEMA_VERSION = 1
# Drawing the page after every step may not take more than this share of a run's time.
_DRAWING_SHARE = 0.1


class Board:
    """The board of a reports folder while one plan runs: told of every step, it writes at once.

    ``board.json`` is written after each step; the page too, unless drawing it would take too much of the run's
    time (many cases); it is drawn at the end in any case. What stood on the board before the run is set aside, so
    that the board can say what the run changed.

    Parameters
    ----------
    reports : Path
    plan : Plan
    bank : Bank
        The plan's bank, as it was checked.
    """

    def __init__(self, reports: Path, plan: Plan, bank: Bank) -> None:
        self.reports = reports
        self.plan = plan
        self.page = reports / PAGE
        self._facts = {
            "simulated": bank.simulated,
            "currency": bank.currency,
            "playbook_title": plan.title[plan.language],
        }
        self._titles = {(case.name, step.name): _titles(plan, case, step) for case in plan.cases for step in case.steps}
        self._n_rows = bank.n_rows
        self._last = {
            "playbook": plan.name,
            "language": plan.language,
            "started_at": datetime.now().astimezone().isoformat(timespec="seconds"),
            "ended_at": "",
            "before": "",
            "remarks": [_remark(problem) for problem in bank.remarks],
        }
        # What stood of each step before this run, and what stands now of those that have ended.
        self._before: list[dict[str, Any]] = []
        self._now: dict[tuple[str, str], dict[str, Any]] = {}
        self._draw_after = 0.0

    def begin(self) -> None:
        """Set aside what stands, then enter all steps of the plan as not finished: no earlier run's work is shown as done."""
        self._set_aside()
        briefing.clear(self.plan, self.reports)
        self._put(
            [
                StepRun(self.plan.name, case.name, self.plan.language, step.name, WAITING, 0.0, "", "", "")
                for case in self.plan.cases
                for step in case.steps
            ]
        )
        self.draw()

    def add(self, run: StepRun) -> None:
        """Enter what became of a step; after the last one of its case its decision brief is drawn."""
        self._put([run])
        briefing.add(self.plan, run, self.reports)
        if time.monotonic() >= self._draw_after:
            self.draw()

    def draw(self) -> Path:
        """Draw the page from the record and return it."""
        started = time.monotonic()
        with lock.wait_for(self.reports / LOCK):
            write_whole(self.page, _draw(self.reports, self.plan.language))
        took = time.monotonic() - started
        self._draw_after = time.monotonic() + took / _DRAWING_SHARE
        return self.page

    def _set_aside(self) -> None:
        content = _content(self.reports)
        last = next((last for last in content["last_runs"] if self._is_mine(last)), None)
        mine = [entry for entry in content["runs"] if self._is_mine(entry)]
        folder = self.reports / self.plan.name
        aside = outcome.set_aside(folder, self.plan.language)
        if last is None or last["ended_at"] or aside is None:
            # A run that was cut off is no run to compare with: what it had set aside stays.
            since = last["started_at"] if last else max((entry["started_at"] for entry in mine), default="")
            aside = {"started_at": since, "steps": [outcome.snapshot(self.reports, entry) for entry in mine]}
            # Where that is not allowed the steps can't be written either, and say so; this run still compares.
            with contextlib.suppress(OSError):
                outcome.write_aside(folder, self.plan.language, aside)
        self._before = aside["steps"]
        self._last["before"] = aside["started_at"]

    def _put(self, runs: Sequence[StepRun]) -> None:
        fresh = {_key(entry): entry for entry in (self._entry(run) for run in runs)}
        with lock.wait_for(self.reports / LOCK):
            content = _content(self.reports)
            # An entry whose page somebody has deleted says nothing any more; nor does one that the playbook has dropped.
            known = [
                entry
                for entry in content["runs"]
                if _key(entry) in fresh
                or (
                    not self._is_dropped(entry)
                    # One that never had a page (its worker was killed, the disk was full) still says what became of it.
                    and (not entry["page"] or (self.reports / entry["page"]).is_file())
                )
            ]
            ended = {run.case for run in runs if run.state != WAITING}
            record = [fresh.pop(_key(entry), None) or self._left_out(entry, ended) for entry in known]
            record += fresh.values()
            record.sort(key=lambda entry: (entry["playbook"], entry["language"]))
            there = {(entry["playbook"], entry["language"]) for entry in record}
            others = [
                last
                for last in content["last_runs"]
                if not self._is_mine(last) and (last["playbook"], last["language"]) in there
            ]
            content = {
                "schema_version": SCHEMA_VERSION,
                "runs": record,
                "last_runs": [*others, self._last_run([entry for entry in record if self._is_mine(entry)])],
            }
            write_whole(self.reports / FILE, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def _entry(self, run: StepRun) -> dict[str, Any]:
        entry = {**run.as_dict(), **self._facts, **self._titles[run.case, run.step]}
        result = outcome.read(self.reports, entry)
        if run.state != WAITING:
            self._now[run.case, run.step] = outcome.snapshot(self.reports, entry, result)
        return {**entry, **outcome.of(run.step, result, self._n_rows)}

    def _left_out(self, entry: dict[str, Any], ended: set[str]) -> dict[str, Any]:
        """Return the entry of a step that this run does not touch; a step before it in one of its cases may have ended."""
        key = entry["case"], entry["step"]
        if not self._is_mine(entry) or entry["case"] not in ended or key in self._titles:
            return entry
        case = next(case for case in self.plan.cases if case.name == entry["case"])
        fresh = outdated.entered(entry, self.plan, case, self.reports)
        if fresh != entry:
            self._now[key] = outcome.snapshot(self.reports, fresh)
        return fresh

    def _last_run(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Say what this run has done so far, and what it changed."""
        mine = [entry for entry in entries if (entry["case"], entry["step"]) in self._titles]
        n_waiting = sum(entry["state"] == WAITING for entry in mine)
        if not n_waiting:
            self._last["ended_at"] = datetime.now().astimezone().isoformat(timespec="seconds")
        there = {(entry["case"], entry["step"]) for entry in entries}
        # Steps that this run has not reached, and those of other cases, stand as they stood.
        same = [
            step for step in self._before if (key := (step["case"], step["step"])) in there and key not in self._now
        ]
        order = {(entry["case"], entry["step"]): index for index, entry in enumerate(entries)}
        after = sorted([*same, *self._now.values()], key=lambda step: order.get((step["case"], step["step"]), 0))
        return {
            **self._last,
            "n_steps": len(mine),
            "n_kept": sum(bool(entry["kept_from"]) for entry in mine),
            "n_not_run": sum(entry["state"] == NOT_RUN for entry in mine),
            "n_waiting": n_waiting,
            "changes": changes.compare(self._before, after) if self._last["before"] else [],
        }

    def _is_mine(self, entry: Mapping[str, Any]) -> bool:
        return (entry["playbook"], entry["language"]) == (self.plan.name, self.plan.language)

    def _is_dropped(self, entry: Mapping[str, Any]) -> bool:
        """Tell an entry of a case or step that is no longer in the playbook."""
        plan = self.plan
        known = not plan.case_names or (entry["case"] in plan.case_names and entry["step"] in plan.step_names)
        return self._is_mine(entry) and not known


def read(reports: Path) -> list[dict[str, Any]]:
    """Read the runs recorded in a reports folder; none if there is no (readable) record."""
    return _content(reports)["runs"]


def _content(reports: Path) -> dict[str, Any]:
    content = read_object(reports / FILE)
    if content.get("schema_version") != SCHEMA_VERSION:
        content = {}
    return {"runs": list(content.get("runs", [])), "last_runs": list(content.get("last_runs", []))}


def _titles(plan: Plan, case: Any, step: Any) -> dict[str, Any]:
    """Return what a step, its case and its playbook are called: in the run's language, and in both."""
    both = {
        "playbook": dict(plan.title),
        "case": plan.case_title(case),
        "step": {language: step_title(step.notebook, language) for language in LANGUAGES},
    }
    return {
        "case_title": both["case"][plan.language],
        "step_title": both["step"][plan.language],
        "titles": both,
    }


def _remark(problem: Any) -> dict[str, Any]:
    """Say what the data doctor noticed, as a page may show it."""
    said = problem.for_pages
    return {
        "table": problem.table,
        "column": problem.column,
        "n_rows": problem.n_rows,
        "en": said.en,
        "zh": said.zh,
    }


def _draw(reports: Path, language: str) -> str:
    from helpers.reporting import board

    content = _content(reports)
    grouped: dict[str, dict[str, Any]] = {}
    for entry in content["runs"]:
        title = (entry.get("titles") or {}).get("playbook", {}).get(language) or entry.get("playbook_title")
        group = grouped.setdefault(entry["playbook"], {"title": title or entry["playbook"], "runs": []})
        group["runs"].append({**entry, "result": outcome.read(reports, entry), "brief": briefing.link(reports, entry)})
    return board.render(
        list(grouped.values()),
        language=language,
        simulated=any(entry.get("simulated") for entry in content["runs"]),
        last_runs=content["last_runs"],
    )


def _key(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return entry["playbook"], entry["case"], entry["language"], entry["step"]
