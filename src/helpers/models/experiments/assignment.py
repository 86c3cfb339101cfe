"""Who gets what: arms drawn by hashing, so that any machine and engine draws the same ones."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.models.experiments.engines import sha256_hex

HEX_DIGITS = 13  # 52 bits: the longest prefix of the digest that a double holds exactly
BUCKETS = 16**HEX_DIGITS
HELD_OUT = "holdout"


def hash_share(customer_ids: Iterable[object] | pd.DataFrame, *, salt: str) -> np.ndarray:
    """Place of every customer on the line from 0 to 1 that the arms divide up.

    Parameters
    ----------
    customer_ids : iterable of n texts or whole numbers, or a DataFrame with a column ``customer_id``
    salt : str
        Name of the draw; another salt gives an independent one.

    Returns
    -------
    ndarray of shape (n,), from 0 (included) to 1 (excluded)
        The first 13 hex digits of sha256 of ``"{salt}:{customer_id}"`` divided by 16¹³.

    Raises
    ------
    ValueError
        If the salt is empty, the ids are a single text or a frame without ``customer_id``, or an id is missing.

    Examples
    --------
    >>> round(float(hash_share(["C000000001"], salt="spring")[0]), 12)
    0.131891231919
    """
    return np.array([int(prefix, 16) for prefix in _prefixes(_ids(customer_ids), salt)], dtype=float) / BUCKETS


def assign(
    customer_ids: Iterable[object] | pd.DataFrame | ir.Table | ir.Column,
    *,
    salt: str,
    weights: Mapping[str, float],
    holdouts: Mapping[str, float] | None = None,
) -> pd.DataFrame | ir.Table:
    """Draw an arm for every customer from a hash of the id, without keeping a list.

    The same customer gets the same arm wherever and whenever it is asked, in Python or in the engine: one that has
    sha256, which are DuckDB, SQLite, Postgres, MySQL, Snowflake, BigQuery, ClickHouse, Trino, Athena, Spark, Databricks,
    Exasol and, for ids and salts in ASCII, SQL Server. Under one salt a larger share contains the smaller one: raising
    the first arm's weight from 0.05 to 0.10 only adds customers to it.

    Parameters
    ----------
    customer_ids : iterable of n ids, or a DataFrame or lazy table with a column ``customer_id``, or that column
        Texts (whole numbers are taken as their digits).
    salt : str
        Name of the draw. Use a new one for every experiment, else the arms of two experiments coincide.
    weights : mapping of arm to weight
        Weights of 0 or more, in the order in which they divide the line; they are divided by their sum.
    holdouts : mapping of salt to share, optional
        Standing hold-outs around this experiment, the outermost first, each drawn with its own salt: who is in one
        gets the arm ``"holdout"`` and never meets the experiment. Shares from 0 (included) to 1 (excluded).

    Returns
    -------
    DataFrame of n rows in the given order, or a lazy table when the ids are lazy
        ``customer_id, arm``; with ``holdouts`` also ``held_out_by``, the salt of the hold-out or an empty text.
        A lazy id that is NULL gets a NULL arm: it is only seen once the engine runs.

    Raises
    ------
    ValueError
        If the salt is empty, a weight is negative or not a number, all are 0, ``holdouts`` is no mapping of salts to
        shares, the ids are a single text or a table without ``customer_id``, an id is missing, or a lazy table's engine
        can't hash.

    References
    ----------
    Kohavi, Tang and Xu (2020), Trustworthy Online Controlled Experiments, chapter 4 (hashed assignment, layers).

    Examples
    --------
    >>> assign(["C000000001", "C000000002"], salt="spring", weights={"control": 0.5, "treatment": 0.5})
      customer_id      arm
    0  C000000001  control
    1  C000000002  control
    """
    bounds = _bounds(_checked_weights(weights))
    layers = _checked_holdouts(holdouts, salt)
    if isinstance(customer_ids, ir.Table | ir.Column):
        return _assign_lazily(customer_ids, salt=_checked_salt(salt), bounds=bounds, layers=layers)

    ids = list(_ids(customer_ids))
    arm = _arms(ids, salt, bounds)
    drawn = pd.DataFrame({"customer_id": ids, "arm": arm}, columns=["customer_id", "arm"], dtype=object)
    if layers:
        held_out_by = np.full(len(ids), "", dtype=object)
        for layer_salt, share in layers.items():
            caught = _arms(ids, layer_salt, _bounds({HELD_OUT: share, "": 1 - share})) == HELD_OUT
            held_out_by[caught & (held_out_by == "")] = layer_salt
        drawn.loc[held_out_by != "", "arm"] = HELD_OUT
        drawn["held_out_by"] = held_out_by
    return drawn


def _arms(ids: list, salt: str, bounds: list[tuple[str, str | None]]) -> np.ndarray:
    """Compare hex texts, as the engine does: one rule for both."""
    prefixes = np.array(list(_prefixes(ids, salt)), dtype=f"<U{HEX_DIGITS}")
    arm = np.full(len(ids), bounds[-1][0], dtype=object)
    for name, bound in reversed(bounds[:-1]):
        arm[prefixes < bound] = name
    return arm


def _assign_lazily(
    customer_ids: ir.Table | ir.Column,
    *,
    salt: str,
    bounds: list[tuple[str, str | None]],
    layers: dict[str, float],
) -> ir.Table:
    if isinstance(customer_ids, ir.Table):
        if "customer_id" not in customer_ids.columns:
            raise ValueError(f"customer_ids: the table has no column 'customer_id', only {customer_ids.columns}")
        table = customer_ids.select("customer_id")
    else:
        table = customer_ids.name("customer_id").as_table()
    column = table.customer_id
    if not (column.type().is_string() or column.type().is_integer()):
        raise ValueError(f"customer_ids: ids are texts or whole numbers, not {column.type()}")

    arm = _lazy_arm(column, salt, bounds)
    if not layers:
        return table.mutate(arm=arm)
    held_out_by = ibis.literal("")
    for layer_salt, share in reversed(layers.items()):
        caught = _lazy_arm(column, layer_salt, _bounds({HELD_OUT: share, "": 1 - share})) == HELD_OUT
        held_out_by = ibis.ifelse(caught, layer_salt, held_out_by)
    return table.mutate(arm=ibis.ifelse(held_out_by == "", arm, HELD_OUT), held_out_by=held_out_by)


def _lazy_arm(column: ir.Column, salt: str, bounds: list[tuple[str, str | None]]) -> ir.StringColumn:
    prefix = sha256_hex(ibis.literal(f"{salt}:") + column.cast("string")).left(HEX_DIGITS)
    arm = ibis.literal(bounds[-1][0])
    for name, bound in reversed(bounds[:-1]):
        # texts of equal length over 0-9a-f sort like the numbers that they write: no engine-specific conversion
        arm = ibis.ifelse(prefix < bound, name, arm)
    return ibis.ifelse(column.isnull(), ibis.null("string"), arm)


def _ids(customer_ids: object) -> Iterable[object]:
    """Ids one by one; a frame would give its columns' names, a text its letters."""
    if isinstance(customer_ids, pd.DataFrame):
        if "customer_id" not in customer_ids.columns:
            raise ValueError(f"customer_ids: the table has no column 'customer_id', only {list(customer_ids.columns)}")
        return customer_ids["customer_id"]
    if isinstance(customer_ids, str | bytes) or not isinstance(customer_ids, Iterable):
        raise ValueError(f"customer_ids: several ids are needed, such as [{customer_ids!r}], not {customer_ids!r}")
    return customer_ids


def _prefixes(ids: Iterable[object], salt: str) -> Iterable[str]:
    head = hashlib.sha256(f"{_checked_salt(salt)}:".encode())
    for customer_id in ids:
        if isinstance(customer_id, bool | np.bool_) or not isinstance(customer_id, str | int | np.integer):
            raise ValueError(f"customer_ids: ids are texts or whole numbers, not {customer_id!r}")
        digest = head.copy()
        digest.update(str(customer_id).encode())
        yield digest.hexdigest()[:HEX_DIGITS]


def _bounds(weights: Mapping[str, float]) -> list[tuple[str, str | None]]:
    """Upper bound of every arm on the line as 13 hex digits; None for the last, which takes the rest.

    Cumulated as exact fractions of the decimals that were written, so 0.1 + 0.2 ends at 0.3.
    """
    shares = {arm: Fraction(str(weight)) for arm, weight in weights.items() if weight > 0}
    total = sum(shares.values())
    bounds, cumulated = [], Fraction(0)
    for arm, share in shares.items():
        cumulated += share / total
        bounds.append((arm, None if cumulated == 1 else f"{math.ceil(cumulated * BUCKETS):0{HEX_DIGITS}x}"))
    return bounds


def _checked_salt(salt: str) -> str:
    if not isinstance(salt, str) or not salt:
        raise ValueError(f"salt: a text that names the draw is needed, not {salt!r}")
    return salt


def _checked_weights(weights: Mapping[str, float]) -> dict[str, float]:
    if not isinstance(weights, Mapping) or not weights:
        raise ValueError(f"weights: a mapping of arm to weight is needed, not {weights!r}")
    checked = {}
    for arm, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float | np.number) or not weight >= 0:
            raise ValueError(f"weights: {arm!r} has {weight!r}; a number of 0 or more is allowed")
        if not math.isfinite(weight):
            raise ValueError(f"weights: {arm!r} has {weight!r}; a finite number is allowed")
        checked[arm] = float(weight)
    if not sum(checked.values()) > 0:
        raise ValueError(f"weights: {dict(weights)!r} are all 0; at least one has to be positive")
    return checked


def _checked_holdouts(holdouts: Mapping[str, float] | None, salt: str) -> dict[str, float]:
    if not isinstance(holdouts, Mapping | None):
        raise ValueError(f"holdouts: a mapping of salt to share is needed, not {holdouts!r}")
    layers = dict(holdouts or {})
    for layer_salt, share in layers.items():
        _checked_salt(layer_salt)
        if isinstance(share, bool) or not isinstance(share, int | float | np.number) or not 0 <= share < 1:
            raise ValueError(f"holdouts: {layer_salt!r} has {share!r}; a share from 0 to below 1 is allowed")
        if layer_salt == salt:
            raise ValueError(f"holdouts: {layer_salt!r} is also the experiment's salt; a hold-out needs one of its own")
    return {layer_salt: float(share) for layer_salt, share in layers.items() if share > 0}
