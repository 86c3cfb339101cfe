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
from functools import cache
from pathlib import Path
from typing import Any

from helpers.findings import spoken
from helpers.findings.finding import Text
from helpers.findings.numbers import ZH
from helpers.findings.spoken import at
from helpers.runs.refusal import Refusal

TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_KINDS = {
    "str": Text("text", "文本"),
    "int": Text("a whole number", "整数"),
    "float": Text("a number", "数字"),
    "bool": Text("true or false", " true 或 false"),
}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: ``kind`` is ``str``, ``int``, ``float`` or ``bool``."""

    name: str
    kind: str
    default: Any
    meaning: str

    def say(self, language: str) -> str:
        """Return the meaning in a language: the notebook's comment, or its Chinese from `meanings.yml`."""
        return meanings().get(self.name, self.meaning) if language == ZH else self.meaning


@cache
def meanings() -> dict[str, str]:
    """Read what the parameters of the step notebooks mean in Chinese; one of a notebook of one's own has none."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((Path(__file__).parent / "meanings.yml").read_text(encoding="utf-8"), loader)


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
        kind = type(error).__name__
        words = Text(f"is not a notebook that can be read ({kind})", f"不是可读取的笔记本（{kind}）")
        raise Refusal(at(str(notebook), words)) from error
    for cell in cells:
        if cell.get("cell_type") == "code" and "parameters" in cell.get("metadata", {}).get("tags", []):
            source = cell["source"]
            return _parse("".join(source) if isinstance(source, list) else source, notebook)
    raise Refusal(at(str(notebook), Text("has no cell tagged `parameters`", "没有标签为 `parameters` 的单元格")))


def _parse(source: str, notebook: Path) -> dict[str, Parameter]:
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        place = Text(f"{notebook}: parameters cell, line {error.lineno}", f"{notebook}：参数单元格第 {error.lineno} 行")
        raise Refusal(at(place, Text(error.msg, f"Python 语法有误（{error.msg}）"))) from error
    lines = source.splitlines()
    found: dict[str, Parameter] = {}
    for node in body:
        line = lines[node.lineno - 1]
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None):
            place = Text(f"{notebook}: parameters cell", f"{notebook}：参数单元格")
            form = "`name: type = literal  # meaning`"
            raise Refusal(at(place, Text(f"`{line.strip()}` should be {form}", f"`{line.strip()}` 应写成 {form}")))
        kind = ast.unparse(node.annotation)
        if kind not in TYPES:
            words = Text(
                f"parameter {node.target.id} is of type {kind}; plain {', '.join(TYPES)} only",
                f"参数 {node.target.id} 的类型为 {kind}；只能用 {'、'.join(TYPES)}",
            )
            raise Refusal(at(str(notebook), words))
        try:
            default = ast.literal_eval(node.value)
        except ValueError as error:
            name = node.target.id
            words = Text(f"parameter {name}: the default should be a literal", f"参数 {name}：默认值应为字面量")
            raise Refusal(at(str(notebook), words)) from error
        comment = re.search(r"#\s*(.*)$", lines[(node.end_lineno or node.lineno) - 1])
        found[node.target.id] = Parameter(node.target.id, kind, default, comment.group(1) if comment else "")
    return found


def coerce(parameter: Parameter, value: Any, *, where: str | Text) -> Any:
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
    wanted = _KINDS[kind]
    refused = Refusal(
        at(
            where,
            Text(
                f"{parameter.name} should be {wanted.en}, not {value!r}",
                f"{parameter.name} 应为{wanted.zh}，现为 {value!r}",
            ),
        )
    )
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


def unknown(name: str, known: dict[str, Parameter], *, where: str | Text) -> Refusal:
    """Say that a parameter is unknown, with the nearest name and all that there are."""
    return Refusal(at(where, spoken.unknown(Text("parameter", "参数"), name, known)))
