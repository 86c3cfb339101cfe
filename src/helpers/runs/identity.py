"""What a step's result depends on, and whether what stands on disk is still that: the base of resuming."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.bank.places import BRIEFS, SETTINGS
from helpers.findings.files import read_object, write_whole
from helpers.findings.result import RESULT_FILE
from helpers.runs import parameters, titles
from helpers.runs.code import Code
from helpers.runs.refusal import Refusal

if TYPE_CHECKING:
    from helpers.runs.plan import StepPlan
    from helpers.runs.step import StepJob

FILE = "identity.json"
SCHEMA_VERSION = 2
# Written along the way, of no consequence to a result.
_LOGS = ("error.log", "kernel.log")
_LIBRARIES = ("pandas", "numpy", "scipy", "scikit-learn", "matplotlib", "ibis-framework", "duckdb", "pyarrow")


def of(job: StepJob, code: Code) -> dict[str, str]:
    """Return a digest for each thing that the step's page and result depend on.

    Keys are ``notebook, parameters, code, libraries, catalogues, bank, earlier``; ``earlier`` covers what the steps
    before it in the playbook have kept for this case. ``bank`` covers which tables there are, and `bank.yml`: what
    the tables hold counts only for those that the step reads, which its result tells (see :func:`record`).
    """
    shown = {
        "parameters": job.step.parameters,
        "meanings": {name: entry.say(job.language) for name, entry in parameters.read(job.step.notebook).items()},
        "files": _named_files(job),
        "playbook": job.playbook_title,
        "case": job.case_title,
        "language": job.language,
    }
    return {
        "notebook": _digest(job.step.notebook.read_bytes()),
        "parameters": _digest(json.dumps(shown, sort_keys=True, ensure_ascii=False, default=str).encode()),
        "code": code.digest(job.step.notebook),
        "libraries": _libraries(),
        "catalogues": _together(sorted((job.root / "data" / "catalogue").glob("*.yml")), job.root),
        "bank": _digest(json.dumps([sorted(job.bank_tables), job.bank_tables.get(SETTINGS)]).encode()),
        "earlier": _earlier(job.run_dir, job.earlier),
    }


def record(job: StepJob, identity: dict[str, str], *, seconds: float, started_at: str, finished_at: str) -> None:
    """Write the identity of a step that has just ended well, with the digests of all that it left. Always last."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "parts": identity,
        # What the page links to; no part of the identity, because a page can be drawn anew without its notebook.
        "siblings": list(job.siblings),
        # The brief of the case names it, also when this step is not run again.
        "campaign": campaign_of(job.step),
        "tables": _tables_read(job),
        "files": {file.relative_to(job.run_dir).as_posix(): _digest(file.read_bytes()) for file in _left(job)},
        "seconds": round(seconds, 2),
        "started_at": started_at,
        "finished_at": finished_at,
    }
    write_whole(job.run_dir / job.step.name / FILE, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def campaign_of(step: StepPlan) -> str:
    """Return the id of the campaign that a step is run for; empty if it is for none."""
    if titles.CAMPAIGN in step.parameters:
        return str(step.parameters[titles.CAMPAIGN])
    try:
        declared = parameters.read(step.notebook).get(titles.CAMPAIGN)
    except (Refusal, OSError):
        # Its notebook has been changed since the plan was made, or is gone.
        return ""
    return "" if declared is None else str(declared.default)


def recorded_campaign(run_dir: Path, step: str) -> str:
    """Return the id of the campaign that a step in a run folder was last done for; empty if nothing tells."""
    return str(read_object(run_dir / step / FILE).get("campaign", ""))


def kept(job: StepJob, identity: dict[str, str]) -> dict[str, Any] | None:
    """Return the record of an earlier run of this step if nothing has changed and all that it left is there, whole."""
    content = read_object(job.run_dir / job.step.name / FILE)
    if content.get("schema_version") != SCHEMA_VERSION or content.get("parts") != identity:
        return None
    tables = content.get("tables", {})
    if any(job.bank_tables.get(name) != digest for name, digest in tables.items()):
        return None
    files = content.get("files", {})
    own = {job.page.name, f"{job.step.name}/{RESULT_FILE}"}
    if not own <= set(files):
        return None
    for name, digest in files.items():
        file = job.run_dir / name
        if not file.is_file() or _digest(file.read_bytes()) != digest:
            return None
    return content


def stands(run_dir: Path, step: str, earlier: Sequence[str]) -> bool:
    """Tell whether the steps before still hold what a kept step was run on; True where that is not known."""
    parts = read_object(run_dir / step / FILE).get("parts") or {}
    return "earlier" not in parts or parts["earlier"] == _earlier(run_dir, earlier)


def _tables_read(job: StepJob) -> dict[str, str]:
    """Digests of the tables that the step's result says it has read; of all where it doesn't say."""
    about = read_object(job.run_dir / job.step.name / RESULT_FILE).get("about", {})
    names = set(about.get("tables_read", job.bank_tables))
    # Briefs are looked for beside the tables without a word of it in the result.
    names.add(BRIEFS)
    return {name: job.bank_tables[name] for name in sorted(names) if name in job.bank_tables}


def _left(job: StepJob) -> list[Path]:
    folder = job.run_dir / job.step.name
    inside = [file for file in folder.rglob("*") if file.is_file() and file.name not in (*_LOGS, FILE)]
    return [job.page, *sorted(inside)]


def _earlier(run_dir: Path, steps: Sequence[str]) -> str:
    """Results and tables of the steps before; a step that has none is told apart from one that kept nothing new."""
    whole = hashlib.sha256()
    for name in steps:
        folder = run_dir / name
        result = read_object(folder / RESULT_FILE)
        names = [RESULT_FILE, *result.get("tables", []), *result.get("files", [])] if result else []
        files = [folder / name for name in names if (folder / name).is_file()]
        whole.update(f"{name}:{_together(files, run_dir)}\n".encode())
    return whole.hexdigest()


def _named_files(job: StepJob) -> dict[str, str]:
    """Digests of files that parameters name (a brief that another run sealed), by parameter."""
    named = {name: job.root / value for name, value in job.step.parameters.items() if value and isinstance(value, str)}
    return {name: _digest(file.read_bytes()) for name, file in named.items() if file.is_file()}


@cache
def _libraries() -> str:
    versions = {name: metadata.version(name) for name in _LIBRARIES}
    return _digest(json.dumps([platform.python_version(), versions]).encode())


def _together(files: list[Path], root: Path) -> str:
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.relative_to(root).as_posix()}:{_digest(file.read_bytes())}\n".encode())
    return whole.hexdigest()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
