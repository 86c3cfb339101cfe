"""What a step's kept result says to the board, and what stood of each step before a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.findings.files import read_object, write_whole
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.findings.result import RESULT_FILE, KeptResult
from helpers.runs.step import DONE

SCHEMA_VERSION = 1
# Findings with these tones are what the board counts as warnings.
WARNING_TONES = ("warning", "bad")


def read(reports: Path, entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the result of a board entry's step; None if it is not done, or no result that a step could read is there.

    Where the page is withheld (so few customers that single persons would be told of), the board's copy has no figures
    and no findings either.
    """
    if entry["state"] != DONE:
        return None
    # Another run of this folder may be at work on it; its own board entry follows.
    folder = reports / entry["playbook"] / entry["case"] / entry["language"] / entry["step"]
    result = read_object(folder / RESULT_FILE)
    try:
        is_withheld = KeptResult(folder, result).about.get("withheld")
    except (KeyError, TypeError, AttributeError):
        # Not there, or not what `keep` writes: a notebook's own, another version's.
        return None
    if is_withheld:
        result |= {"figures": [], "findings": []}
    return result


def of(step: str, result: Mapping[str, Any] | None, n_rows: Mapping[str, int]) -> dict[str, Any]:
    """Return what the board adds to an entry.

    Parameters
    ----------
    step : str
    result : mapping or None
        Content of its `result.json`.
    n_rows : mapping of str to int
        Rows of the bank's tables.

    Returns
    -------
    dict
        ``tables_read``: the bank's tables that the step asked for. ``rows_read``: their rows in all, each table once
        and whole, before day and branch are applied; None where it is not known (not done, or kept without the
        project's page). ``warnings``: how many findings warn. ``figures``: the main figures, as kept, each with
        ``target`` (``key, value``, or None).

    Examples
    --------
    >>> of("a", {"about": {"tables_read": ["activity"]}, "figures": [], "findings": []}, {"activity": 7, "tags": 9})
    {'tables_read': ['activity'], 'rows_read': 7, 'warnings': 0, 'figures': []}
    >>> of("a", None, {})["rows_read"]
    """
    if result is None:
        return {"tables_read": [], "rows_read": None, "warnings": None, "figures": []}
    tables = result.get("about", {}).get("tables_read")
    return {
        "tables_read": tables or [],
        "rows_read": None if tables is None else sum(n_rows[name] for name in tables),
        "warnings": len(_warnings(result)),
        "figures": _main(step, result),
    }


def snapshot(reports: Path, entry: Mapping[str, Any], result: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what :func:`helpers.runs.changes.compare` needs of a board entry, with its titles and page."""
    result = result or read(reports, entry) or {"figures": [], "findings": []}
    main = {figure["key"] for figure in _main(entry["step"], result)}
    return {
        **{name: entry.get(name) for name in ("case", "step", "state", "page", "titles", "currency")},
        "figures": [
            {**{name: figure[name] for name in ("key", "value", "unit")}, "is_main": figure["key"] in main}
            for figure in result["figures"]
        ],
        "warnings": [{name: finding[name] for name in ("key", "en", "zh")} for finding in _warnings(result)],
    }


def set_aside(folder: Path, language: str) -> dict[str, Any] | None:
    """Read what stood before the last run of a playbook: ``started_at`` of the run then, ``steps``; None if unknown."""
    content = read_object(_aside(folder, language))
    return content if content.get("schema_version") == SCHEMA_VERSION else None


def write_aside(folder: Path, language: str, content: Mapping[str, Any]) -> None:
    """Write what stood before a run, in the playbook's folder, which the run holds."""
    text = json.dumps({"schema_version": SCHEMA_VERSION, **content}, ensure_ascii=False)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(_aside(folder, language), text + "\n")


def _aside(folder: Path, language: str) -> Path:
    return folder / f".before.{language}.json"


def _main(step: str, result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the main figures of a result, with the smallest group that its page shows."""
    from helpers.reporting.board import main_figures

    least = result.get("about", {}).get("min_group_size", MIN_GROUP_SIZE)
    return main_figures(step, result["figures"], least=least)


def _warnings(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [finding for finding in result["findings"] if finding.get("tone") in WARNING_TONES]
