"""The record of runs: `board.json` and the board page, over all playbooks of a reports folder, true at any moment."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.findings.result import RESULT_FILE
from helpers.runs import briefing, lock
from helpers.runs.files import write_whole
from helpers.runs.plan import Plan
from helpers.runs.step import WAITING, StepRun, step_title

FILE = "board.json"
PAGE = "index.html"
LOCK = ".board.lock"
SCHEMA_VERSION = 1
# Drawing the page after every step may not take more than this share of a run's time.
_DRAWING_SHARE = 0.1


class Board:
    """The board of a reports folder while one plan runs: told of every step, it writes at once.

    ``board.json`` is written after each step; the page too, unless drawing it would take too much of the run's
    time (many cases); it is drawn at the end in any case.

    Parameters
    ----------
    reports : Path
    plan : Plan
    simulated : bool
        Whether the plan's bank is simulated.
    currency : str
    """

    def __init__(self, reports: Path, plan: Plan, *, simulated: bool, currency: str) -> None:
        self.reports = reports
        self.plan = plan
        self.page = reports / PAGE
        self._facts = {"simulated": simulated, "currency": currency, "playbook_title": plan.title[plan.language]}
        self._titles = {
            (case.name, step.name): {
                "case_title": case.title[plan.language],
                "step_title": step_title(step.notebook, plan.language),
            }
            for case in plan.cases
            for step in case.steps
        }
        self._draw_after = 0.0

    def begin(self) -> None:
        """Enter all steps of the plan as not finished: what an earlier run did is no longer shown as done."""
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
            write_whole(self.page, _draw(self.reports, read(self.reports), self.plan.language))
        took = time.monotonic() - started
        self._draw_after = time.monotonic() + took / _DRAWING_SHARE
        return self.page

    def _put(self, runs: Sequence[StepRun]) -> None:
        fresh = {_key(entry): entry for entry in (self._entry(run) for run in runs)}
        with lock.wait_for(self.reports / LOCK):
            # An entry whose page somebody has deleted says nothing any more.
            known = [
                entry
                for entry in read(self.reports)
                if _key(entry) in fresh or entry["state"] == WAITING or (self.reports / entry["page"]).is_file()
            ]
            record = [fresh.pop(_key(entry), entry) for entry in known]
            record += fresh.values()
            record.sort(key=lambda entry: (entry["playbook"], entry["language"]))
            content = {"schema_version": SCHEMA_VERSION, "runs": record}
            write_whole(self.reports / FILE, json.dumps(content, ensure_ascii=False, indent=1) + "\n")

    def _entry(self, run: StepRun) -> dict[str, Any]:
        return {**run.as_dict(), **self._facts, **self._titles[run.case, run.step]}


def read(reports: Path) -> list[dict[str, Any]]:
    """Read the runs recorded in a reports folder; none if there is no (readable) record."""
    try:
        content = json.loads((reports / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return list(content.get("runs", [])) if content.get("schema_version") == SCHEMA_VERSION else []


def _draw(reports: Path, record: Sequence[dict[str, Any]], language: str) -> str:
    from helpers.reporting import board

    grouped: dict[str, dict[str, Any]] = {}
    for entry in record:
        group = grouped.setdefault(
            entry["playbook"], {"title": entry.get("playbook_title") or entry["playbook"], "runs": []}
        )
        group["runs"].append({**entry, "result": _result(reports, entry), "brief": briefing.link(reports, entry)})
    return board.render(
        list(grouped.values()),
        language=language,
        simulated=any(entry.get("simulated") for entry in record),
    )


def _result(reports: Path, entry: dict[str, Any]) -> dict[str, Any] | None:
    file = reports / entry["playbook"] / entry["case"] / entry["language"] / entry["step"] / RESULT_FILE
    if entry["state"] != "done":
        return None
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Another run of this folder may be at work on it; its own board entry follows.
        return None


def _key(entry: dict[str, Any]) -> tuple[str, str, str, str]:
    return entry["playbook"], entry["case"], entry["language"], entry["step"]
