"""Parameters of a notebook, read from its JSON without starting anything: names, types, defaults, meanings.

Only plain types are parameters (str, int, float, bool), one a line, the comment behind each says what it means:
``horizon_days: int = 90  # days since activation``.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from helpers.runs.refusal import Refusal, nearest

TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: ``kind`` is ``str``, ``int``, ``float`` or ``bool``."""

    name: str
    kind: str
    default: Any
    meaning: str


def read(notebook: Path) -> dict[str, Parameter]:
    """Read the parameters of a notebook's cell tagged ``parameters``.

    Raises
    ------
    Refusal
        If the file is not a notebook, has no such cell, or a line of the cell is not ``name: type = literal``.
    """
    try:
        content = json.loads(notebook.read_text(encoding="utf-8"))
        cells = content["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(f"{notebook}: is not a notebook that can be read ({type(error).__name__})") from error
    for cell in cells:
        if cell.get("cell_type") == "code" and "parameters" in cell.get("metadata", {}).get("tags", []):
            source = cell["source"]
            return _parse("".join(source) if isinstance(source, list) else source, notebook)
    raise Refusal(f"{notebook}: has no cell tagged `parameters`")


def _parse(source: str, notebook: Path) -> dict[str, Parameter]:
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise Refusal(f"{notebook}: parameters cell, line {error.lineno}: {error.msg}") from error
    lines = source.splitlines()
    found: dict[str, Parameter] = {}
    for node in body:
        line = lines[node.lineno - 1]
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None):
            raise Refusal(f"{notebook}: parameters cell: `{line.strip()}` should be `name: type = literal  # meaning`")
        kind = ast.unparse(node.annotation)
        if kind not in TYPES:
            raise Refusal(f"{notebook}: parameter {node.target.id} is of type {kind}; plain {', '.join(TYPES)} only")
        try:
            default = ast.literal_eval(node.value)
        except ValueError as error:
            raise Refusal(f"{notebook}: parameter {node.target.id}: the default should be a literal") from error
        comment = re.search(r"#\s*(.*)$", lines[(node.end_lineno or node.lineno) - 1])
        found[node.target.id] = Parameter(node.target.id, kind, default, comment.group(1) if comment else "")
    return found


def coerce(parameter: Parameter, value: Any, *, where: str) -> Any:
    """Bring a value from YAML or the command line to the declared type.

    Text is read (``"90"`` for an int, ``"true"`` for a bool, a YAML date for a str); anything lossy is refused.

    Raises
    ------
    Refusal
        Naming place, parameter, value and type.

    Examples
    --------
    >>> coerce(Parameter("horizon_days", "int", 90, ""), "30", where="-p")
    30
    """
    kind = parameter.kind
    refused = Refusal(f"{where}: {parameter.name} should be {_spoken(kind)}, not {value!r}")
    if isinstance(value, date):
        value = value.isoformat()
    if kind == "str":
        if isinstance(value, bool | list | dict) or value is None:
            raise refused
        return str(value)
    if kind == "bool":
        if isinstance(value, bool):
            return value
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if str(value).lower() in words:
            return words[str(value).lower()]
        raise refused
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refused
    try:
        read_number = float(value)
    except ValueError:
        raise refused from None
    if read_number != read_number or read_number in (float("inf"), float("-inf")):
        raise refused
    if kind == "int":
        if read_number != int(read_number):
            raise refused
        return int(read_number)
    return read_number


def _spoken(kind: str) -> str:
    return {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}[kind]


def unknown(name: str, known: dict[str, Parameter], *, where: str) -> Refusal:
    """Say that a parameter is unknown, with the nearest name and all that there are."""
    return Refusal(f"{where}: parameter {name!r} is unknown{nearest(name, known)}; there are {', '.join(known)}")
