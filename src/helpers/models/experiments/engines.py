"""What not every engine can do, or not by the same name: digests of ids."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.common.exceptions import IbisError


def engine_name(value: ir.Expr) -> str:
    """Name of the engine that a lazy value lives in, as Ibis calls it; empty for a table without a connection."""
    try:
        return ibis.get_backend(value).name
    except IbisError:
        return ""


def sha256_hex(text: ir.StringValue) -> ir.StringValue:
    """Digest of a lazy text's UTF-8 bytes as 64 hex digits in lower case, by what its engine calls the function.

    Raises
    ------
    ValueError
        If the engine can't hash.
    """
    engine = engine_name(text)
    if engine in DIGESTS:
        return DIGESTS[engine](text)
    if engine and not ibis.get_backend(text).has_operation(ops.HexDigest):
        raise ValueError(f"customer_ids: this engine can't hash: {engine}; pass the customer ids as a DataFrame column")
    return text.hexdigest("sha256").lower()


# Functions of engines for which Ibis has no word of its own; it writes them out by name.


@ibis.udf.scalar.builtin(name="sha256")
def _sha256_of_bytes(data: bytes) -> bytes: ...


@ibis.udf.scalar.builtin(name="SHA256")
def _sha256_of_text(text: str) -> bytes: ...


@ibis.udf.scalar.builtin(name="sha2")
def _sha2(text: str, bits: int) -> str: ...


@ibis.udf.scalar.builtin(name="encode")
def _encode(data: bytes, form: str) -> str: ...


@ibis.udf.scalar.builtin(name="convert_to")
def _convert_to(text: str, encoding: str) -> bytes: ...


@ibis.udf.scalar.builtin(name="to_utf8")
def _to_utf8(text: str) -> bytes: ...


@ibis.udf.scalar.builtin(name="to_hex")
def _to_hex(data: bytes) -> str: ...


@ibis.udf.scalar.builtin(name="hex")
def _hex(data: bytes) -> str: ...


@ibis.udf.scalar.python(name="sha256_hex_digest")
def _sha256_in_python(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _as_presto(text: ir.StringValue) -> ir.StringValue:
    return _to_hex(_sha256_of_bytes(_to_utf8(text))).lower()


DIGESTS: dict[str, Callable[[ir.StringValue], ir.StringValue]] = {
    "athena": _as_presto,
    "bigquery": lambda text: _to_hex(_sha256_of_text(text)).lower(),
    "clickhouse": lambda text: _hex(_sha256_of_text(text)).lower(),
    # texts of SQL Server may be UTF-16, whose bytes give other digests: one byte a letter, so for ASCII only
    "mssql": lambda text: text.cast(dt.String(length=8000)).hexdigest("sha256").lower(),
    "mysql": lambda text: _sha2(text, 256),
    "postgres": lambda text: _encode(_sha256_of_bytes(_convert_to(text, "UTF8")), "hex"),
    "snowflake": lambda text: _sha2(text, 256),
    "sqlite": lambda text: _sha256_in_python(text),
    "trino": _as_presto,
}
