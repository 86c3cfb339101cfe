"""Moments of a lazy table by plain sums, which every engine has.

One query mostly; one more where there are gaps, where missing values are NaN, or where means are far from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.models.experiments.moments.cells import Cells, Pair, Variable, pair_places

LARGEST_SQUARED_MEAN = 100.0  # of the variance within cells: plain sums then cost at most two digits of sixteen


def moments_by_sums(table: ir.Table, by: list[str], variables: Sequence[Variable], pairs: Sequence[Pair]) -> Cells:
    """Counts, means and centred products of every cell; in exceptional cases asked once more, with more care."""
    variables = list(variables)
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
    return Cells(sums.keys, sums.n, sums.mean, sums.scatter, tuple(variables))


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
    pairs: Sequence[Pair],
    *,
    shift: np.ndarray,
    with_nan: bool = False,
) -> _Sums:
    """One query of sums of ``values - shift``; a missing covariate adds nothing: it is filled with its shift."""
    keys_by = [f"key_{k}" for k in range(len(by))]
    values = {
        f"v_{k}": lazy_values(table, variable, shift[k], with_nan)
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
    places = pair_places(variables, pairs)
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


def lazy_values(table: ir.Table, variable: Variable, shift: float = 0.0, with_nan: bool = False) -> ir.Value:
    """A variable of a lazy table as floats, less ``shift``; ``with_nan``: NaN stands for missing."""
    column = table[variable.column]
    values = column if column.type().is_float64() else column.cast("float64")
    if with_nan and variable.fill and column.type().is_floating():
        values = values.isnan().ifelse(ibis.null("float64"), values)
    if variable.bounds is not None:
        values = values.clip(*variable.bounds)
    return values - shift if shift else values
