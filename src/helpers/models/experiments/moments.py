"""What an effect is estimated from: counts, means and centred products of each arm, not the customers.

From a lazy table they are collected by the engine in one query; from a pandas frame by numpy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Variable:
    """A column to be summed: its values, its values capped at ``bounds``, or whether it is ``missing``."""

    column: str
    bounds: tuple[float, float] | None = None
    missing: bool = False
    fill: bool = False  # missing values count as 0 (covariates); otherwise they are an error (metrics)


@dataclass(frozen=True)
class Cells:
    """Sufficient statistics, one cell an arm (or an arm in a cluster).

    Attributes
    ----------
    keys : DataFrame, one row a cell
        ``arm`` and, where asked for, ``cluster``.
    n : ndarray (cells,)
    mean : ndarray (cells, variables)
    scatter : ndarray (cells, variables, variables)
        Sums of products of deviations from the cell's own means; nan for pairs that were not asked for.
    """

    keys: pd.DataFrame
    n: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray
    variables: tuple[Variable, ...]

    def at(self, variable: Variable) -> int:
        return self.variables.index(variable)


Pair = tuple[Variable, Variable]


def collect(
    table: pd.DataFrame | ir.Table,
    *,
    arm: str,
    cluster: str | None,
    variables: Sequence[Variable],
    pairs: Sequence[Pair],
) -> Cells:
    """Counts, means and the asked-for centred products of every arm (and cluster), in one pass.

    Parameters
    ----------
    table : DataFrame or lazy table, one row a customer
    arm, cluster : str
        Columns that make the cells.
    variables : sequence of Variable
        Indicators of missing values come after the column that they belong to.
    pairs : sequence of pairs of variables
        Those whose products are needed beside each variable's own square.

    Returns
    -------
    Cells
    """
    by = [arm] if cluster is None else [arm, cluster]
    collect_cells = _collect_lazily if isinstance(table, ir.Table) else _collect_from_frame
    keys, n, mean, scatter = collect_cells(table, by, list(variables), list(pairs))
    keys.columns = ["arm", "cluster"][: len(by)]
    for name, column in zip(keys.columns, by, strict=True):
        missing = keys[name].isna().to_numpy()
        if missing.any():
            raise ValueError(f"{column}: {int(n[missing].sum())} customers have no value; every customer needs one")
    order = keys.astype(str).sort_values(list(keys.columns), kind="stable").index.to_numpy()
    keys = keys.loc[order].reset_index(drop=True)
    return Cells(keys, n[order], mean[order], scatter[order], tuple(variables))


def _collect_from_frame(
    table: pd.DataFrame, by: list[str], variables: list[Variable], pairs: list[Pair]
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    values = np.column_stack([_frame_values(table, variable) for variable in variables])
    cell = table.groupby(by, sort=False, dropna=False, observed=True)
    number = cell.ngroup().to_numpy()
    n_cells = int(number.max()) + 1 if len(number) else 0
    keys = table[by].iloc[np.unique(number, return_index=True)[1]].astype(object).reset_index(drop=True)
    n = np.bincount(number, minlength=n_cells).astype(float)

    def total(column: np.ndarray) -> np.ndarray:
        return np.bincount(number, weights=column, minlength=n_cells)

    mean = np.column_stack([total(values[:, k]) / n for k in range(len(variables))])
    # a second pass over what the first one left: a mean far from 0 costs no digits
    mean += np.column_stack([total(values[:, k] - mean[number, k]) / n for k in range(len(variables))])
    centred = values - mean[number]
    scatter = np.full((n_cells, len(variables), len(variables)), np.nan)
    for i, j in _pair_places(variables, pairs):
        scatter[:, i, j] = scatter[:, j, i] = total(centred[:, i] * centred[:, j])
    return keys, n, mean, scatter


def _frame_values(table: pd.DataFrame, variable: Variable) -> np.ndarray:
    values = pd.to_numeric(table[variable.column]).to_numpy(dtype=float, na_value=np.nan)
    if variable.missing:
        return np.isnan(values).astype(float)
    if variable.fill:
        return np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
    return values if variable.bounds is None else np.clip(values, *variable.bounds)


def _collect_lazily(
    table: ir.Table, by: list[str], variables: list[Variable], pairs: list[Pair]
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    place = {variable: k for k, variable in enumerate(variables)}
    prepared = table.select(
        **{f"key_{k}": table[column] for k, column in enumerate(by)},
        **{f"v_{k}": _lazy_values(table, variable) for variable, k in place.items()},
    )
    sums: dict[str, ir.Value] = {"n": prepared.count()}
    for variable, k in place.items():
        if variable.missing:
            sums[f"mean_{k}"] = prepared[f"v_{k}"].cast("int64").sum()
        else:
            sums[f"mean_{k}"] = prepared[f"v_{k}"].mean()
            if not variable.fill:
                sums[f"known_{k}"] = prepared[f"v_{k}"].count()
    for i, j in _pair_places(variables, pairs):
        if variables[j].missing:
            i, j = j, i
        if variables[i].missing:
            # the sum where the value is missing is enough; a covariate's own is 0 by its fill
            if not variables[j].missing and variables[j].column == variables[i].column:
                continue
            if i != j:
                other = prepared[f"v_{j}"]
                other = other.cast("int64") if variables[j].missing else other
                sums[f"product_{i}_{j}"] = other.sum(where=prepared[f"v_{i}"])
        elif i == j:
            sums[f"product_{i}_{i}"] = prepared[f"v_{i}"].var(how="pop")
        else:
            sums[f"product_{i}_{j}"] = prepared[f"v_{i}"].cov(prepared[f"v_{j}"], how="pop")
    keys_by = [f"key_{k}" for k in range(len(by))]
    found = prepared.group_by(keys_by).aggregate(**sums).to_pandas()

    n = found["n"].to_numpy(dtype=float)
    numbers = found.drop(columns=keys_by).astype(float)
    mean = numbers[[f"mean_{k}" for k in range(len(variables))]].to_numpy(copy=True)
    for variable, k in place.items():
        if variable.missing:
            mean[:, k] /= n
        elif not variable.fill:
            # engines leave NULL out of a mean without a word; here it has to show, as it does in numpy
            mean[numbers[f"known_{k}"].to_numpy() < n, k] = np.nan
    scatter = np.full((len(found), len(variables), len(variables)), np.nan)
    for i, j in _pair_places(variables, pairs):
        if variables[j].missing:
            i, j = j, i
        name = f"product_{i}_{j}"
        if not variables[i].missing:
            product = n * numbers[name].to_numpy()
        elif i == j:
            product = n * mean[:, i] * (1 - mean[:, i])
        else:
            where_missing = numbers[name].fillna(0.0).to_numpy() if name in numbers else 0.0
            product = where_missing - n * mean[:, i] * mean[:, j]
        scatter[:, i, j] = scatter[:, j, i] = product
    return found[keys_by].astype(object), n, mean, scatter


def _lazy_values(table: ir.Table, variable: Variable) -> ir.Value:
    column = table[variable.column]
    floating = column.type().is_floating()
    if variable.missing:
        return column.isnull() | column.isnan() if floating else column.isnull()  # noqa: PD003 (ibis)
    values = column.cast("float64")
    if variable.fill:
        values = values.fill_null(0.0)
        return ibis.ifelse(values.isnan(), 0.0, values) if floating else values
    if variable.bounds is None:
        return values
    return values.clip(*variable.bounds)


def _pair_places(variables: list[Variable], pairs: list[Pair]) -> list[tuple[int, int]]:
    """Places of all pairs, each once and the lower first, the squares among them."""
    place = {variable: k for k, variable in enumerate(variables)}
    squares = {(k, k) for k in place.values()}
    return sorted(squares | {tuple(sorted((place[a], place[b]))) for a, b in pairs})
