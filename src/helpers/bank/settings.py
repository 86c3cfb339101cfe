"""`bank.yml`: where a bank's tables are, what they and their columns are called there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from helpers.bank.places import SETTINGS
from helpers.bank.problems import BankError, Problem
from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError, at, nearest


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
            raise SpokenError(
                Text("not a time zone of the IANA list, such as Asia/Shanghai", "不是 IANA 时区名，例如 Asia/Shanghai")
            ) from error
        return value


def read_yaml(file: Path) -> Any:
    """Read YAML; ValueError names file, line and what the parser stumbled over."""
    import yaml

    try:
        # The C parser is some ten times faster; wheels have it, a bare build may not.
        return yaml.load(file.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = Text(f" line {mark.line + 1}", f" 第 {mark.line + 1} 行") if mark else Text("", "")
        reason = getattr(error, "problem", None)
        words = Text(f"broken YAML, {reason or 'not YAML'}", f"YAML 格式有误（{reason or '不是 YAML'}）")
        raise SpokenError(at(Text(f"{file}{line.en}", f"{file}{line.zh}"), words)) from error
    except UnicodeDecodeError as error:
        words = Text("not UTF-8 text; save it as UTF-8", "不是 UTF-8 文本；请另存为 UTF-8")
        raise SpokenError(at(str(file), words)) from error


def explain(error: ValidationError) -> list[Text]:
    """Turn pydantic's findings into one clear line each: where, what, what would be allowed."""
    return [at(".".join(str(part) for part in issue["loc"]) or "(top)", _issue(issue)) for issue in error.errors()]


def _issue(issue: Any) -> Text:
    kind, given = issue["type"], issue.get("ctx", {})
    if kind == "extra_forbidden":
        return Text("unknown entry", "无法识别的条目")
    if kind == "missing":
        return Text("is missing", "缺失")
    raised = given.get("error")
    english = issue["msg"].removeprefix("Value error, ")
    if isinstance(raised, SpokenError):
        words = Text(str(raised), raised.say("zh"))
    else:
        # pydantic speaks English only: what it expects is said by its kind, and its own words follow.
        wanted = next((allowed for start, allowed in _WANTED.items() if kind.startswith(start)), "不符合要求")
        words = Text(english, f"{wanted}（{english}）")
    if isinstance(issue["input"], dict | list):
        return words
    return Text(f"{words.en}, not {issue['input']!r}", f"{words.zh}，现为 {issue['input']!r}")


_WANTED = {
    "bool": "应为 true 或 false",
    "int": "应为整数",
    "float": "应为数字",
    "date": "应为日期",
    "string_pattern": "格式不符",
    "string": "应为文本",
    "literal": "不在可选值中",
    "dict": "应为映射",
    "list": "应为列表",
    "tuple": "应为列表",
    "model": "应为映射",
    "greater_than": "数值过小",
    "less_than": "数值过大",
}


def read(folder: Path, known_tables: tuple[str, ...]) -> Settings:
    """Read and check `bank.yml` of a bank's folder.

    Raises
    ------
    BankError
        If the folder or file is missing, the YAML is broken, or an entry is unknown or of a wrong type.
    """
    file = folder / SETTINGS
    if not file.is_file():
        there = Text(f"there is no {SETTINGS} in it", f"文件夹中没有 {SETTINGS}")
        if not folder.exists():
            there = Text("the folder does not exist", "文件夹不存在")
        words = Text(
            f"{there.en}; a bank is a folder with {SETTINGS} and its tables",
            f"{there.zh}；银行数据是含 {SETTINGS} 与各数据表的文件夹",
        )
        raise BankError(str(folder), [Problem(SETTINGS, "", words)])
    try:
        content = read_yaml(file)
        if not isinstance(content, dict):
            wanted = ("schema_version", "currency", "timezone", "simulated", "tables")
            words = Text(f"should be a mapping with {', '.join(wanted)}", f"应为包含 {'、'.join(wanted)} 的映射")
            raise SpokenError(at(str(file), words))
        settings = Settings.model_validate(content)
    except ValidationError as error:
        raise BankError(str(folder), [Problem(SETTINGS, "", line) for line in explain(error)]) from error
    except SpokenError as error:
        raise BankError(str(folder), [Problem(SETTINGS, "", text) for text in error.texts]) from error
    problems = []
    for table in settings.tables:
        if table not in known_tables:
            near = nearest(table, known_tables)
            words = Text(f"no canonical table{near.en}", f"没有这个标准表{near.zh}")
            problems.append(Problem(SETTINGS, "", at(f"tables.{table}", words)))
    if problems:
        raise BankError(str(folder), problems)
    return settings
