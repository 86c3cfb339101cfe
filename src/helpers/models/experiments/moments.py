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

LARGEST_SQUARED_MEAN = 100.0  # of the variance within cells: plain sums then cost at most two digits of sixteen


@dataclass(frozen=True)
class Variable:
    """A column to be summed: its values, its values capped at ``bounds``, or whether it is ``missing``."""

    column: str
    bounds: tuple[float, float] | None = None
    missing: bool = False
    fill: bool = False  # missing values get an indicator beside (covariates); otherwise they are an error (metrics)


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
    with np.errstate(invalid="ignore"):  # infinite values are named by the caller, from the means
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
        # beside the indicator any value fills the gap alike; the mean keeps the two apart in floating point
        known = values[~np.isnan(values)]
        return np.where(np.isnan(values), known.mean() if len(known) else 0.0, values)
    return values if variable.bounds is None else np.clip(values, *variable.bounds)


def _collect_lazily(
    table: ir.Table, by: list[str], variables: list[Variable], pairs: list[Pair]
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """Plain sums, which engines do fastest, in one query; in exceptional cases once more, with more care."""
    no_shift = np.zeros(len(variables))
    sums = _sum_in_engine(table, by, variables, pairs, shift=no_shift)
    fills = [k for k, variable in enumerate(variables) if variable.fill]
    with_nan = bool(np.isnan(sums.mean[:, fills]).any())
    if with_nan:  # a float column that writes "missing" as NaN and not as NULL
        sums = _sum_in_engine(table, by, variables, pairs, shift=no_shift, with_nan=True)
    # Squares of a mean far from 0 would cost digits (years, balances of customers who are all alike):
    # then the deviations from the means of the first pass are summed.
    shiftable = np.array([not variable.missing for variable in variables])
    far = shiftable & (sums.known.sum(axis=0) * sums.overall**2 > LARGEST_SQUARED_MEAN * sums.square)
    if np.isfinite(sums.mean).all() and far.any():
        shift = np.where(far, sums.overall, 0.0)
        sums = _sum_in_engine(table, by, variables, pairs, shift=shift, with_nan=with_nan)
    return sums.keys, sums.n, sums.mean, sums.scatter


@dataclass(frozen=True)
class _Sums:
    """What one query gave: `Cells` without variables, and over all cells the known values' count, mean and scatter."""

    keys: pd.DataFrame
    n: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray
    known: np.ndarray
    overall: np.ndarray
    square: np.ndarray


def _sum_in_engine(
    table: ir.Table,
    by: list[str],
    variables: list[Variable],
    pairs: list[Pair],
    *,
    shift: np.ndarray,
    with_nan: bool = False,
) -> _Sums:
    """One query of sums of ``values - shift``; a missing covariate adds nothing: it is filled with its shift."""
    keys_by = [f"key_{k}" for k in range(len(by))]
    values = {
        f"v_{k}": _lazy_values(table, variable, shift[k], with_nan)
        for k, variable in enumerate(variables)
        if not variable.missing
    }
    prepared = table.select(**{key: table[column] for key, column in zip(keys_by, by, strict=True)}, **values)
    value = {k: prepared[f"v_{k}"] for k, variable in enumerate(variables) if not variable.missing}
    gap = {
        k: value[variables.index(Variable(variable.column, fill=True))].isnull()
        for k, variable in enumerate(variables)
        if variable.missing
    }

    sums: dict[str, ir.Value] = {"n": prepared.count()}
    for k in value:
        sums |= {f"sum_{k}": value[k].sum(), f"count_{k}": value[k].count()}
    places = _pair_places(variables, pairs)
    of_gaps: dict[str, ir.Value] = {}
    for i, j in places:
        if i in value and j in value:
            sums[f"product_{i}_{j}"] = (value[i] * value[j]).sum()
        elif i in gap and j in gap and i != j:
            of_gaps[f"product_{i}_{j}"] = (gap[i] & gap[j]).sum()
        elif i != j and variables[i].column != variables[j].column:
            missing, other = (i, j) if i in gap else (j, i)
            of_gaps[f"product_{i}_{j}"] = value[other].sum(where=gap[missing])
    keys, numbers = _ask(prepared, keys_by, sums)
    if any((numbers[f"count_{k}"] < numbers["n"]).any() for k in value if variables[k].fill):
        # Sums over gaps cost a tenth of the query and are 0 mostly: they are asked for where there are gaps.
        keys_again, again = _ask(prepared, keys_by, of_gaps)
        place = pd.MultiIndex.from_frame(keys_again).get_indexer(pd.MultiIndex.from_frame(keys))
        numbers |= {name: of[place] for name, of in again.items()}

    n = numbers["n"]
    mean = np.zeros((len(n), len(variables)))
    known = np.zeros_like(mean)
    for k, variable in enumerate(variables):
        if variable.missing:
            known[:, k] = n
            mean[:, k] = 1 - numbers[f"count_{variables.index(Variable(variable.column, fill=True))}"] / n
        else:
            known[:, k] = numbers[f"count_{k}"]
            # the sum of nothing is NULL in an engine; where something was counted it is NaN (Spark hands both over alike)
            mean[:, k] = np.where(known[:, k] > 0, numbers[f"sum_{k}"], 0.0) / n
            if not variable.fill:
                # engines leave NULL out of a sum without a word; here it has to show, as it does in numpy
                mean[known[:, k] < n, k] = np.nan
    scatter = np.full((len(n), len(variables), len(variables)), np.nan)
    for i, j in places:
        product = numbers.get(f"product_{i}_{j}", n * mean[:, i] if i == j else np.zeros(len(n)))
        product = np.nan_to_num(product)  # no pair known; NaN among the values shows in their means
        scatter[:, i, j] = scatter[:, j, i] = product - n * mean[:, i] * mean[:, j]
    counted = np.maximum(known.sum(axis=0), 1.0)
    overall = n @ mean / counted
    raw = np.einsum("ckk->k", scatter) + n @ mean**2
    return _Sums(keys, n, mean + shift, scatter, known, overall + shift, np.maximum(raw - counted * overall**2, 0.0))


def _ask(table: ir.Table, keys_by: list[str], sums: dict[str, ir.Value]) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Run one grouped query: the keys, and each sum as floats (NaN for NULL), a value a group."""
    found = table.group_by(keys_by).aggregate(**sums).to_pyarrow()
    keys = pd.DataFrame({key: found[key].to_pylist() for key in keys_by}, dtype=object)
    return keys, {name: found[name].cast("float64").fill_null(np.nan).to_numpy() for name in sums}


def _lazy_values(table: ir.Table, variable: Variable, shift: float, with_nan: bool) -> ir.Value:
    column = table[variable.column]
    values = column if column.type().is_float64() else column.cast("float64")
    if with_nan and variable.fill and column.type().is_floating():
        values = values.isnan().ifelse(ibis.null("float64"), values)
    if variable.bounds is not None:
        values = values.clip(*variable.bounds)
    return values - shift if shift else values


def _pair_places(variables: list[Variable], pairs: list[Pair]) -> list[tuple[int, int]]:
    """Places of all pairs, each once and the lower first, the squares among them."""
    place = {variable: k for k, variable in enumerate(variables)}
    squares = {(k, k) for k in place.values()}
    return sorted(squares | {tuple(sorted((place[a], place[b]))) for a, b in pairs})
