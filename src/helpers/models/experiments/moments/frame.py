"""Moments of a pandas frame, by numpy in two passes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.models.experiments.moments.cells import Cells, Pair, Variable, pair_places


def moments_of_frame(table: pd.DataFrame, by: list[str], variables: Sequence[Variable], pairs: Sequence[Pair]) -> Cells:
    """Counts, means and centred products of every cell, in the order of their first rows."""
    values = np.column_stack([_values(table, variable) for variable in variables])
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
    for i, j in pair_places(variables, pairs):
        scatter[:, i, j] = scatter[:, j, i] = total(centred[:, i] * centred[:, j])
    return Cells(keys, n, mean, scatter, tuple(variables))


def _values(table: pd.DataFrame, variable: Variable) -> np.ndarray:
    values = pd.to_numeric(table[variable.column]).to_numpy(dtype=float, na_value=np.nan)
    if variable.missing:
        return np.isnan(values).astype(float)
    if variable.fill:
        # beside the indicator any value fills the gap alike; the mean keeps the two apart in floating point
        known = values[~np.isnan(values)]
        return np.where(np.isnan(values), known.mean() if len(known) else 0.0, values)
    return values if variable.bounds is None else np.clip(values, *variable.bounds)
