"""`bank.yml`: where a bank's tables are, what they and their columns are called there."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from helpers.bank.problems import BankError, Problem

FILE = "bank.yml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Connection(_Strict):
    """How the tables are reached: DuckDB over files by default, else any engine that Ibis knows by URL."""

    engine: str = "duckdb"
    url: str = ""
    database: str = ""


class TableSource(_Strict):
    """Where one canonical table comes from.

    ``file`` (parquet or CSV, a glob is fine, relative to the bank's folder) or ``table`` (name in the engine);
    ``columns`` maps canonical names to the bank's own; ``constants`` gives a canonical column one value for all rows.
    """

    file: str = ""
    table: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str | int | float | bool] = Field(default_factory=dict)


class Settings(_Strict):
    """The content of `bank.yml`."""

    schema_version: Literal[1]
    name: str = ""
    title: dict[str, str] = Field(default_factory=dict)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    timezone: str
    simulated: bool
    # An overdraft may stand as a negative AUM; otherwise a negative balance is refused.
    aum_net_of_overdrafts: bool = False
    activity_means: dict[str, str] = Field(default_factory=dict)
    notes: dict[str, str] = Field(default_factory=dict)
    connection: Connection = Field(default_factory=Connection)
    tables: dict[str, TableSource] = Field(default_factory=dict)

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("not a time zone of the IANA list, such as Asia/Shanghai") from error
        return value


def read_yaml(file: Path) -> Any:
    """Read YAML; ValueError names file, line and what the parser stumbled over."""
    import yaml

    try:
        # The C parser is some ten times faster; wheels have it, a bare build may not.
        return yaml.load(file.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        reason = getattr(error, "problem", None) or "not YAML"
        raise ValueError(f"{file}{line}: broken YAML, {reason}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not UTF-8 text; save it as UTF-8") from error


def explain(error: ValidationError) -> list[str]:
    """Turn pydantic's findings into one clear line each: where, what, what would be allowed."""
    lines = []
    for issue in error.errors():
        where = ".".join(str(part) for part in issue["loc"]) or "(top)"
        message = issue["msg"].removeprefix("Value error, ")
        if issue["type"] == "extra_forbidden":
            message = "unknown entry"
        elif issue["type"] == "missing":
            message = "is missing"
        elif not isinstance(issue["input"], dict | list):
            message = f"{message}, not {issue['input']!r}"
        lines.append(f"{where}: {message}")
    return lines


def read(folder: Path, known_tables: tuple[str, ...]) -> Settings:
    """Read and check `bank.yml` of a bank's folder.

    Raises
    ------
    BankError
        If the folder or file is missing, the YAML is broken, or an entry is unknown or of a wrong type.
    """
    file = folder / FILE
    if not file.is_file():
        there = "the folder does not exist" if not folder.exists() else f"there is no {FILE} in it"
        raise BankError(str(folder), [Problem(FILE, "", f"{there}; a bank is a folder with {FILE} and its tables")])
    try:
        content = read_yaml(file)
        if not isinstance(content, dict):
            raise ValueError(f"{file}: should be a mapping with schema_version, currency, timezone, simulated, tables")
        settings = Settings.model_validate(content)
    except ValidationError as error:
        raise BankError(str(folder), [Problem(FILE, "", line) for line in explain(error)]) from error
    except ValueError as error:
        raise BankError(str(folder), [Problem(FILE, "", str(error))]) from error
    problems = []
    for table in settings.tables:
        if table not in known_tables:
            near = difflib.get_close_matches(table, known_tables, 1)
            hint = f", did you mean {near[0]}" if near else ""
            problems.append(Problem(FILE, "", f"tables.{table}: no canonical table{hint}"))
    if problems:
        raise BankError(str(folder), problems)
    return settings
