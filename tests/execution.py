"""Executes a notebook's own code cells in this process: as its kernel would, without the kernel's start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat


def execute(notebook: Path, folder: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Run all code cells with other parameter values; return the names that they leave behind.

    Parameters
    ----------
    notebook : Path
    folder : Path
        Run folder: the notebook's ``run_dir``.
    values : dict
        Parameters that differ from the notebook's own.
    """
    shown: list[Any] = []
    scope: dict[str, Any] = {"display": lambda *things, **_: shown.extend(things), "__name__": "__main__"}
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        exec(compile(cell.source, str(notebook), "exec"), scope)
        if "parameters" in cell.metadata.get("tags", []):
            scope.update(values, run_dir=str(folder))
    return scope
