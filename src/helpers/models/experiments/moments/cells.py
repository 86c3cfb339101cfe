"""The nouns of what an effect is estimated from: a variable to be summed, and the moments of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Variable:
    """A column to be summed: its values, its values capped at ``bounds``, or whether it is ``missing``."""

    column: str
    bounds: tuple[float, float] | None = None
    missing: bool = False
    fill: bool = False  # missing values get an indicator beside (covariates); otherwise they are an error (metrics)


Pair = tuple[Variable, Variable]


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
        Sums of products of deviations from the cell's own means; only pairs that were asked for are to be read.
    """

    keys: pd.DataFrame
    n: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray
    variables: tuple[Variable, ...]

    def at(self, variable: Variable) -> int:
        return self.variables.index(variable)


def pair_places(variables: Sequence[Variable], pairs: Sequence[Pair]) -> list[tuple[int, int]]:
    """Places of all pairs, each once and the lower first, the squares among them."""
    place = {variable: k for k, variable in enumerate(variables)}
    squares = {(k, k) for k in place.values()}
    return sorted(squares | {tuple(sorted((place[a], place[b]))) for a, b in pairs})
