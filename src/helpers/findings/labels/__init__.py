"""Heads and units of the columns that tables show, in both languages.

One YAML file a noun beside this module: ``column: {en: …, zh: …, unit: …}``; the unit (one of
:data:`helpers.findings.numbers.UNITS`) decides how cells are written. A column may carry ``values`` —
what the codes in its cells mean: ``values: {sms: {en: SMS, zh: 短信}}``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from helpers.findings.finding import Text
from helpers.findings.numbers import UNITS


@dataclass(frozen=True)
class Label:
    """Head of a column, the unit of its cells, and the words for its codes."""

    text: Text
    unit: str
    values: dict[str, Text] = field(default_factory=dict)


@cache
def read() -> dict[str, Label]:
    """Read all labels; where two files label a column, the first one (by name) counts: see :func:`conflicts`.

    Raises
    ------
    ValueError
        If a unit is unknown.
    """
    labels: dict[str, Label] = {}
    for _, column, found in _entries():
        known = labels.get(column)
        labels[column] = found if known is None else Label(known.text, known.unit, {**found.values, **known.values})
    return labels


def conflicts() -> list[str]:
    """Name the columns that two files label differently: one line each, none in a release."""
    first: dict[str, tuple[str, Label]] = {}
    lines = []
    for file, column, found in _entries():
        where, known = first.setdefault(column, (file, found))
        if (known.text, known.unit) != (found.text, found.unit):
            lines.append(f"{column}: {where} says {known.text} {known.unit}, {file} says {found.text} {found.unit}")
    return lines


def _entries() -> Iterator[tuple[str, str, Label]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for file in sorted(resources.files(__package__).iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".yml"):
            continue
        for column, entry in (yaml.load(file.read_text(encoding="utf-8"), loader) or {}).items():
            unit = entry.get("unit", "text")
            if unit not in UNITS:
                raise ValueError(
                    f"labels/{file.name}: unit of {column} must be one of {', '.join(UNITS)}, not {unit!r}"
                )
            values = {str(code): Text(**words) for code, words in (entry.get("values") or {}).items()}
            yield file.name, column, Label(Text(entry["en"], entry["zh"]), unit, values)


def label(column: str) -> Label:
    """Return the label of a column; one without stands as its own name, so that an analyst's table still shows."""
    return read().get(column, Label(Text(column, column), "text"))
