"""What all canonical tables share, and the plain description that checks and dictionary are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandera.pandas as pa

DATE = "date"
TIMESTAMP = "timestamp"
STRING = "string"
FLOAT = "float64"
INTEGER = "int64"
BOOLEAN = "boolean"


class Table(pa.DataFrameModel):
    """Base of the canonical tables; subclasses add columns and say what a row is."""

    class Config:
        strict = False  # a bank's own attributes are welcome
        coerce = True


def about(en: str, zh: str, *, key: tuple[str, ...], required: bool = False) -> dict[str, Any]:
    """Say what one row of a table is, its key (empty if rows may repeat), and if every bank must have it."""
    return {"row_is": (en, zh), "key": key, "required": required}


@dataclass(frozen=True)
class TableRule:
    """One canonical table, free of pandera's types."""

    name: str
    row_en: str
    row_zh: str
    key: tuple[str, ...]
    required: bool
    columns: tuple[ColumnRule, ...]

    def __getitem__(self, name: str) -> ColumnRule:
        """Return the rule of one column; KeyError if the table has none of that name."""
        for rule in self.columns:
            if rule.name == name:
                return rule
        raise KeyError(name)


@dataclass(frozen=True)
class ColumnRule:
    """One column of a canonical table, free of pandera's types.

    Attributes
    ----------
    kind : str
        ``string``, ``date``, ``timestamp``, ``float64``, ``int64`` or ``boolean``.
    required : bool
        False if the table is complete without the column.
    """

    name: str
    kind: str
    en: str
    zh: str
    unit: str
    required: bool
    nullable: bool
    unique: bool
    ge: float | None
    gt: float | None
    le: float | None
    isin: tuple[Any, ...] | None
    seen: str
    lenient: bool

    @property
    def allowed(self) -> str:
        """What the column may hold, in words for an error message."""
        parts = []
        if self.isin is not None:
            parts.append("one of " + ", ".join(map(str, self.isin)))
        if self.gt is not None:
            parts.append(f"above {self.gt:g}")
        if self.ge is not None:
            parts.append(f"at least {self.ge:g}")
        if self.le is not None:
            parts.append(f"at most {self.le:g}")
        if not self.nullable:
            parts.append("not empty")
        return ", ".join(parts) or "anything"


_KINDS = {
    "str": STRING,
    "float": FLOAT,
    "Int64Dtype": INTEGER,
    "BooleanDtype": BOOLEAN,
    "Date": DATE,
    "Timestamp": TIMESTAMP,
    "DateTime": TIMESTAMP,
}


def table_rule(model: type[Table]) -> TableRule:
    """Describe a canonical table and its columns, in declared order."""
    meta = model.Config.metadata
    return TableRule(
        name=model.Config.name,
        row_en=meta["row_is"][0],
        row_zh=meta["row_is"][1],
        key=meta["key"],
        required=meta["required"],
        columns=_columns(model),
    )


def _columns(model: type[Table]) -> tuple[ColumnRule, ...]:
    found = []
    for name, (annotation, info) in model.__fields__.items():
        meta = info.metadata or {}
        limits: dict[str, Any] = {}
        for check in info.checks:
            limits.update({f"{check.name}:{key}": value for key, value in check.statistics.items()})
        isin = limits.get("isin:allowed_values")
        found.append(
            ColumnRule(
                name=name,
                kind=_KINDS[(annotation.arg or annotation.raw_annotation).__name__],
                en=info.description or "",
                zh=meta.get("zh", ""),
                unit=meta.get("unit", ""),
                required=not annotation.optional,
                nullable=bool(info.nullable),
                unique=bool(info.unique),
                ge=limits.get("greater_than_or_equal_to:min_value"),
                gt=limits.get("greater_than:min_value"),
                le=limits.get("less_than_or_equal_to:max_value"),
                isin=None if isin is None else tuple(isin),
                seen=meta.get("seen", ""),
                lenient=bool(meta.get("lenient")),
            )
        )
    return tuple(found)
