"""Caps for heavy tails: one for all arms, so that the capping itself can't make a difference."""

from __future__ import annotations

from collections.abc import Sequence

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis.common.exceptions import TranslationError

from helpers.models.experiments.checks import is_number
from helpers.models.experiments.engines import engine_name


def caps(table: pd.DataFrame | ir.Table, *, columns: Sequence[str], quantile: float) -> dict[str, tuple[float, float]]:
    """Lower and upper cap of each column, pooled over arms.

    Parameters
    ----------
    table : DataFrame or lazy table, one row a customer
    columns : sequence of str
    quantile : float
        From 0.5 to below 1; the upper cap is the value at this quantile.

    Returns
    -------
    dict of column to (lower, upper)
        Lower is ``-inf`` unless the column has negative values (as a change in AUM has), else the value at
        ``1 - quantile``. Where most values are 0 the quantiles are those of the others: else the cap would be 0.

    Raises
    ------
    ValueError
        If the quantile lies outside its range, or a lazy table's engine has no quantiles.

    Examples
    --------
    >>> caps(pd.DataFrame({"aum": range(1, 102)}), columns=["aum"], quantile=0.9)
    {'aum': (-inf, 91.0)}
    """
    if not is_number(quantile) or not 0.5 <= quantile < 1:
        raise ValueError(f"winsorize: {quantile!r} is not a quantile from 0.5 to below 1, such as 0.99")
    read = _lazy_quantiles if isinstance(table, ir.Table) else _frame_quantiles
    bounds = {}
    for column, (smallest, share_zero, everyone, others) in read(table, list(columns), quantile).items():
        low, high = others if share_zero > 0.5 else everyone
        if np.isnan(high):  # all values are 0
            low, high = 0.0, 0.0
        bounds[column] = (float(low) if smallest < 0 else -np.inf, float(high))
    return bounds


def _frame_quantiles(table: pd.DataFrame, columns: list[str], quantile: float) -> dict[str, tuple]:
    found = {}
    for column in columns:
        values = pd.to_numeric(table[column]).to_numpy(dtype=float, na_value=np.nan)
        if not len(values):  # as an engine answers: nothing to cap
            found[column] = (np.nan, np.nan, (np.nan, np.nan), (np.nan, np.nan))
            continue
        other = values[values != 0]
        at = [1 - quantile, quantile]
        found[column] = (
            values.min(),
            1 - len(other) / len(values),
            np.quantile(values, at),
            np.quantile(other, at) if len(other) else np.full(2, np.nan),
        )
    return found


def _lazy_quantiles(table: ir.Table, columns: list[str], quantile: float) -> dict[str, tuple]:
    values = table.select(**{f"v_{k}": table[column].cast("float64") for k, column in enumerate(columns)})
    sums: dict[str, ir.Value] = {}
    for k in range(len(columns)):
        value = values[f"v_{k}"]
        sums |= {
            f"smallest_{k}": value.min(),
            f"share_zero_{k}": (value == 0).cast("float64").mean(),
            f"low_{k}": value.quantile(1 - quantile),
            f"high_{k}": value.quantile(quantile),
            f"low_other_{k}": value.quantile(1 - quantile, where=value != 0),
            f"high_other_{k}": value.quantile(quantile, where=value != 0),
        }
    try:
        row = values.aggregate(**sums).to_pandas().astype(float).iloc[0]
    except TranslationError:
        raise ValueError(
            f"winsorize: this engine can't tell a quantile: {engine_name(table)}; pass the table as a DataFrame"
        ) from None
    return {
        column: (
            row[f"smallest_{k}"],
            row[f"share_zero_{k}"],
            (row[f"low_{k}"], row[f"high_{k}"]),
            (row[f"low_other_{k}"], row[f"high_other_{k}"]),
        )
        for k, column in enumerate(columns)
    }
