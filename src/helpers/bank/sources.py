"""Reaches a bank's tables — parquet, CSV or an engine's own — and gives them canonical names and types, lazily."""

from __future__ import annotations

import codecs
import difflib
import glob
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.bank.places import BRIEFS, SETTINGS
from helpers.bank.problems import Problem
from helpers.bank.schemas import TABLES, ColumnRule, TableRule
from helpers.bank.settings import Settings, TableSource
from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError, nearest

if TYPE_CHECKING:
    import ibis.expr.types as ir

_WHOLE_BYTES = 1 << 28
_N_BLOCKS, _BLOCK_BYTES = 256, 65_536
# Column as delivered, kept beside a cast so that the checks can show what could not be read.
RAW = "__raw_"
# What the kinds of columns are called in Chinese sentences.
KINDS = {
    "string": "文本", "date": "日期", "timestamp": "时间", "float64": "数字", "int64": "整数", "boolean": "是/否值",
}  # fmt: skip


def connect(folder: Path, config: Settings) -> tuple[dict[str, Any], list[Problem]]:
    """Reach all tables of a bank.

    Returns
    -------
    (tables, problems)
        ``tables`` by canonical name, with canonical columns first, the bank's own attributes after, and for each
        column that had to be cast its delivered form under ``__raw_<column>``; None for optional tables that are
        not there.
    """
    try:
        engine = _engine(folder, config)
    except Exception as error:  # noqa: BLE001 - any driver's error becomes one line
        reason = _first_line(error)
        return {}, [Problem("bank.yml", "", Text(f"connection: {reason.en}", f"连接失败：{reason.zh}"))]
    tables: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, rule in TABLES.items():
        source = config.tables.get(name)
        tables[name] = None
        if source is None:
            source = _by_convention(folder, name)
            if source is None:
                continue
        try:
            raw = _reach(engine, folder, name, source)
        except SpokenError as error:
            problems.append(Problem(name, "", _first_line(error)))
            continue
        except Exception as error:  # noqa: BLE001 - a driver's error names file and table in one line
            what, reason = source.file or source.table, _first_line(error)
            words = Text(f"{what} can't be read: {reason.en}", f"{what} 无法读取：{reason.zh}")
            problems.append(Problem(name, "", words))
            continue
        table, found = _canonical(raw, rule, source)
        problems += found
        tables[name] = table
    return tables, problems


def fingerprints(folder: Path, config: Settings) -> dict[str, str]:
    """Return a digest of each table that is there, names and content of its files; under `SETTINGS` that of `bank.yml`, under
    `BRIEFS` that of the campaigns' briefs.

    Files up to `_WHOLE_BYTES` count with all their bytes. Of a larger one, whose reading would take longer than the step
    that asks, `_N_BLOCKS` blocks spread over it count, its size, and when it was last written: a copy of it is another
    file. A database file counts like any other. Tables behind a URL count by name only, see :func:`is_content_known`.
    """
    found = {SETTINGS: hashlib.sha256(config.model_dump_json().encode()).hexdigest()}
    known: dict[Path, bytes] = {}
    for name in TABLES:
        source = config.tables.get(name) or _by_convention(folder, name)
        if source is not None:
            whole = hashlib.sha256()
            for file in _files(folder, config, source):
                # Tables of one database lie in the same files.
                if file not in known:
                    known[file] = _content(folder, file)
                whole.update(known[file])
            found[name] = whole.hexdigest()
    briefs = hashlib.sha256()
    for file in sorted((folder / BRIEFS).glob("*.yml")):
        briefs.update(_content(folder, file))
    return {**found, BRIEFS: briefs.hexdigest()}


def fingerprint(of_tables: Mapping[str, str]) -> str:
    """Return one short digest of all tables and settings, from those of :func:`fingerprints`."""
    return hashlib.sha256(json.dumps(dict(of_tables), sort_keys=True).encode()).hexdigest()[:16]


def _content(folder: Path, file: Path) -> bytes:
    size = file.stat().st_size
    digest = hashlib.sha256()
    digest.update(f"{file.relative_to(folder) if file.is_relative_to(folder) else file.name}:{size}:".encode())
    with file.open("rb") as handle:
        if size <= _WHOLE_BYTES:
            digest.update(hashlib.file_digest(handle, "sha256").digest())
        else:
            digest.update(f"{file.stat().st_mtime_ns}:".encode())
            for k in range(_N_BLOCKS):
                handle.seek(k * max(size - _BLOCK_BYTES, 0) // (_N_BLOCKS - 1))
                digest.update(handle.read(_BLOCK_BYTES))
    return digest.digest()


def is_content_known(config: Settings) -> bool:
    """Tell whether the fingerprint follows the data: not where tables lie behind a URL, in an engine of the bank's."""
    return not config.connection.url


def _files(folder: Path, config: Settings, source: TableSource) -> list[Path]:
    if source.file:
        return _matching(folder, source.file)
    if not config.connection.database:
        return []
    database = folder / config.connection.database
    # What DuckDB has not yet moved into its file stands beside it.
    return [file for file in (database, Path(f"{database}.wal")) if file.is_file()]


def _matching(folder: Path, pattern: str) -> list[Path]:
    place = folder / pattern
    return sorted(Path(file) for file in glob.glob(str(place))) if glob.has_magic(pattern) else [place]


def _by_convention(folder: Path, name: str) -> TableSource | None:
    """Find a table that `bank.yml` doesn't name but whose file stands in the folder under the canonical name."""
    for file, there in (
        (f"{name}.parquet", (folder / f"{name}.parquet").is_file()),
        (f"{name}/*.parquet", any((folder / name).glob("*.parquet")) if (folder / name).is_dir() else False),
        (f"{name}.csv", (folder / f"{name}.csv").is_file()),
    ):
        if there:
            return TableSource(file=file)
    return None


def _engine(folder: Path, config: Settings) -> Any:
    import ibis

    if config.connection.url:
        return ibis.connect(config.connection.url)
    if config.connection.engine != "duckdb":
        engine = config.connection.engine
        words = Text(
            f"engine {engine!r} needs a url that Ibis can connect to", f"引擎 {engine!r} 需要 Ibis 可连接的 url"
        )
        raise SpokenError(words)
    database = str(folder / config.connection.database) if config.connection.database else ":memory:"
    if config.connection.database and not Path(database).is_file():
        name = config.connection.database
        raise SpokenError(Text(f"database {name} is not there", f"数据库 {name} 不存在"))
    return ibis.duckdb.connect(database, read_only=bool(config.connection.database))


def _reach(engine: Any, folder: Path, name: str, source: TableSource) -> ir.Table:
    if source.table:
        if source.table not in engine.list_tables():
            near = nearest(source.table, engine.list_tables())
            raise SpokenError(
                Text(
                    f"table {source.table!r} is not in the database{near.en}",
                    f"数据库中没有表 {source.table!r}{near.zh}",
                )
            )
        return engine.table(source.table)
    if not source.file:
        raise SpokenError(Text("bank.yml gives neither file nor table for it", "bank.yml 未给出它的 file 或 table"))
    files = _matching(folder, source.file)
    if not files or not all(file.is_file() for file in files):
        raise SpokenError(
            Text(f"file {source.file} is not in the bank's folder", f"银行文件夹中没有文件 {source.file}")
        )
    if files[0].suffix == ".csv" or files[0].name.endswith(".csv.gz"):
        return _csv(engine, name, files, source)
    return engine.read_parquet([str(file) for file in files], table_name=f"raw_{name}")


def _csv(engine: Any, name: str, files: list[Path], source: TableSource) -> ir.Table:
    """Read CSV as text throughout: what can't be cast is then found row by row, not by the reader's first guess."""
    encoding = codecs.lookup(source.encoding).name
    if encoding == "utf-8":
        for file in files:
            _check_utf8(file)
        return engine.read_csv(
            [str(file) for file in files],
            table_name=f"raw_{name}",
            all_varchar=True,
            delim=source.delimiter,
            header=True,
        )
    import pyarrow as pa
    from pyarrow import csv

    parts = []
    for file in files:
        with file.open("rb") as handle:
            header = handle.readline().decode(encoding).strip().split(source.delimiter)
        names = [column.strip('"') for column in header]
        parts.append(
            csv.read_csv(
                file,
                read_options=csv.ReadOptions(encoding=source.encoding),
                parse_options=csv.ParseOptions(delimiter=source.delimiter),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True
                ),
            )
        )
    return engine.create_table(f"raw_{name}", pa.concat_tables(parts), temp=True)


def _check_utf8(file: Path) -> None:
    if file.suffix == ".gz":
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as handle:
        while block := handle.read(1 << 22):
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                guess = _guess_encoding(block)
                reads = Text(f", it reads as {guess}", f"，可按 {guess} 读取") if guess else Text("", "")
                line = f"`encoding: {guess or '…'}`"
                raise SpokenError(
                    Text(
                        f"file {file.name} is not UTF-8{reads.en}; write {line} beside its file in bank.yml",
                        f"文件 {file.name} 不是 UTF-8{reads.zh}；请在 bank.yml 该文件旁写明 {line}",
                    )
                ) from None


def _guess_encoding(block: bytes) -> str:
    for name in ("gb18030", "big5", "latin-1"):
        try:
            # Incremental: a block may end inside a character, which is not held against the encoding.
            codecs.getincrementaldecoder(name)().decode(block)
        except UnicodeDecodeError:
            continue
        return name
    return ""


def _canonical(raw: ir.Table, rule: TableRule, source: TableSource) -> tuple[ir.Table | None, list[Problem]]:
    """Rename, cast and order the columns; say which are missing or of a type that can't be cast."""
    import ibis

    problems = []
    theirs = {own: canonical for canonical, own in source.columns.items()}
    for canonical, own in source.columns.items():
        if own not in raw.columns:
            near = _near(own, raw.columns)
            words = Text(
                f"bank.yml maps it to {own!r}, which is not there{near.en}",
                f"bank.yml 将其对应到 {own!r}，但该列不存在{near.zh}",
            )
            problems.append(Problem(rule.name, canonical, words))
    columns: dict[str, Any] = {}
    for column in rule.columns:
        if column.name in source.constants:
            columns[column.name] = ibis.literal(source.constants[column.name]).cast(_ibis_type(column))
            continue
        own = source.columns.get(column.name, column.name)
        if own not in raw.columns:
            if column.required and column.name not in source.columns:
                others = [name for name in raw.columns if name not in theirs]
                near = _near(column.name, others)
                words = Text(f"the column is missing{near.en}", f"缺少此列{near.zh}")
                problems.append(Problem(rule.name, column.name, words))
            continue
        value = raw[own]
        if not _castable(value.type(), column.kind):
            if int(value.count().execute()) == 0:
                # Parquet written without a single value carries whatever type its writer fell back on.
                columns[column.name] = ibis.null(_ibis_type(column))
                continue
            words = Text(
                f"is of type {value.type()}, should be {column.kind}",
                f"类型为 {value.type()}，应为{KINDS[column.kind]}（{column.kind}）",
            )
            problems.append(Problem(rule.name, column.name, words, example=own))
            continue
        cast = _cast(value, column)
        if column.nullable and cast.type().is_floating():
            # pandas writes holes as NaN: in a column that may be empty they are just that.
            columns[column.name] = cast.nullif(float("nan"))
        else:
            columns[column.name] = cast
        if cast is not value:
            columns[RAW + column.name] = value
    for name in raw.columns:
        if name not in theirs and name not in columns:
            columns[name] = raw[name]
    if problems:
        return None, problems
    return raw.select(**columns), []


def _near(name: str, names: Any) -> Text:
    near = difflib.get_close_matches(name, list(names), 1, cutoff=0.7)
    return Text(f"; {near[0]!r} looks like it", f"；{near[0]!r} 看似就是它") if near else Text("", "")


def _ibis_type(column: ColumnRule) -> str:
    return {"int64": "int64", "float64": "float64"}.get(column.kind, column.kind)


def _castable(kind: Any, wanted: str) -> bool:
    # A column without any value has no type of its own in parquet.
    if kind.is_string() or kind.is_null():
        return True
    return {
        "string": kind.is_integer(),
        "date": kind.is_date() or kind.is_timestamp(),
        "timestamp": kind.is_date() or kind.is_timestamp(),
        "float64": kind.is_numeric(),
        "int64": kind.is_numeric() and not kind.is_boolean(),
        "boolean": kind.is_boolean() or kind.is_integer(),
    }[wanted]


def _cast(value: Any, column: ColumnRule) -> Any:
    """Cast to the canonical type; the same object comes back if there was nothing to do."""
    kind = value.type()
    wanted = column.kind
    if wanted == "timestamp" and kind.is_timestamp():
        # Zoned times would be moved into the session's zone by some engines: the wall clock of the bank counts.
        return value if kind.timezone is None else value.cast("timestamp")
    if (wanted == "date" and kind.is_date()) or (wanted == "string" and kind.is_string()):
        return value
    if wanted == "date" and kind.is_timestamp():
        return value.date()
    if (wanted == "float64" and kind.is_floating()) or (wanted == "int64" and kind.is_integer()):
        return value
    if wanted == "boolean" and kind.is_boolean():
        return value
    if kind.is_string():
        blank = value.strip() == ""
        import ibis

        return ibis.cases((blank, ibis.null(_ibis_type(column))), else_=value.strip().try_cast(_ibis_type(column)))
    return value.cast(_ibis_type(column))


def _first_line(error: BaseException) -> Text:
    """Return an error's first line; a driver's own words stand in both languages as they are."""
    if isinstance(error, SpokenError):
        return error.texts[0]
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return Text(line, line)
