"""Heads and units of the columns that tables show, in both languages.

One YAML file a noun beside this module: ``column: {en: …, zh: …, unit: …}``; the unit (one of
:data:`helpers.findings.numbers.UNITS`) decides how cells are written. A column may carry ``values`` —
what the codes in its cells mean: ``values: {sms: {en: SMS, zh: 短信}}``.
"""

from __future__ import annotations

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
    """Read all labels; ValueError if two files disagree on a column or a unit is unknown."""
    import yaml

    labels: dict[str, Label] = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".yml"):
            continue
        content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        for column, entry in content.items():
            unit = entry.get("unit", "text")
            if unit not in UNITS:
                raise ValueError(
                    f"labels/{file.name}: unit of {column} must be one of {', '.join(UNITS)}, not {unit!r}"
                )
            values = {str(code): Text(**words) for code, words in (entry.get("values") or {}).items()}
            label = Label(Text(entry["en"], entry["zh"]), unit, values)
            known = labels.get(column)
            if known is not None and (known.text, known.unit) != (label.text, label.unit):
                raise ValueError(f"labels/{file.name}: {column} is labelled otherwise in another file")
            if known is not None:
                label = Label(label.text, label.unit, {**known.values, **label.values})
            labels[column] = label
    return labels


def label(column: str) -> Label:
    """Return the label of a column; one without stands as its own name, so that an analyst's table still shows."""
    return read().get(column, Label(Text(column, column), "text"))
