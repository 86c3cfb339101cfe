"""The record of runs: `board.json` and the board page, over all playbooks of a reports folder."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.findings.result import RESULT_FILE
from helpers.runs.plan import Plan
from helpers.runs.step import StepRun, step_title

FILE = "board.json"
PAGE = "index.html"
SCHEMA_VERSION = 1


def read(reports: Path) -> list[dict[str, Any]]:
    """Read the runs recorded in a reports folder; none if there is no (readable) record."""
    file = reports / FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return list(content.get("runs", [])) if content.get("schema_version") == SCHEMA_VERSION else []


def update(reports: Path, plan: Plan, runs: Sequence[StepRun], *, simulated: bool, currency: str) -> Path:
    """Put the runs of a plan into the record, in place of their earlier ones, and draw the board.

    Returns
    -------
    Path
        The board's page.
    """
    titles = {
        (case.name, step.name): (case.title[plan.language], step_title(step.notebook, plan.language))
        for case in plan.cases
        for step in case.steps
    }
    fresh = [
        {
            **run.as_dict(),
            "playbook_title": plan.title[plan.language],
            "case_title": titles[run.case, run.step][0],
            "step_title": titles[run.case, run.step][1],
            "simulated": simulated,
            "currency": currency,
        }
        for run in runs
    ]
    replaced = {_key(entry) for entry in fresh}
    kept = [entry for entry in read(reports) if _key(entry) not in replaced and (reports / entry["page"]).is_file()]
    record = sorted(kept + fresh, key=lambda entry: (entry["playbook"], entry["language"]))
    _write(
        reports / FILE,
        json.dumps({"schema_version": SCHEMA_VERSION, "runs": record}, ensure_ascii=False, indent=1) + "\n",
    )
    _write(reports / PAGE, _draw(reports, record, plan.language))
    return reports / PAGE


def _draw(reports: Path, record: Sequence[dict[str, Any]], language: str) -> str:
    from helpers.reporting import board

    grouped: dict[str, dict[str, Any]] = {}
    for entry in record:
        group = grouped.setdefault(
            entry["playbook"], {"title": entry.get("playbook_title") or entry["playbook"], "runs": []}
        )
        group["runs"].append({**entry, "result": _result(reports, entry)})
    return board.render(
        list(grouped.values()),
        language=language,
        simulated=any(entry.get("simulated") for entry in record),
    )


def _result(reports: Path, entry: dict[str, Any]) -> dict[str, Any] | None:
    file = reports / entry["playbook"] / entry["case"] / entry["language"] / entry["step"] / RESULT_FILE
    if entry["state"] != "done" or not file.is_file():
        return None
    return json.loads(file.read_text(encoding="utf-8"))


def _key(entry: dict[str, Any]) -> tuple[str, str, str, str]:
    return entry["playbook"], entry["case"], entry["language"], entry["step"]


def _write(file: Path, text: str) -> None:
    temporary = file.with_name(f".{file.name}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, file)
