"""What an effect is estimated from: counts, means and centred products of each arm, not the customers.

From a lazy table they are collected by the engine in one query; from a pandas frame by numpy.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.models.experiments.moments.cells import Cells, Pair, Variable
from helpers.models.experiments.moments.frame import moments_of_frame
from helpers.models.experiments.moments.states import moments_by_state
from helpers.models.experiments.moments.sums import moments_by_sums


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
        In the order of their keys.
    """
    by = [arm] if cluster is None else [arm, cluster]
    with np.errstate(invalid="ignore"):  # infinite values are named by the caller, from the means
        if isinstance(table, ir.Table):
            found = moments_by_state(table, by, variables, pairs) or moments_by_sums(table, by, variables, pairs)
        else:
            found = moments_of_frame(table, by, variables, pairs)
    keys = found.keys.set_axis(["arm", "cluster"][: len(by)], axis=1)
    for name, column in zip(keys.columns, by, strict=True):
        missing = keys[name].isna().to_numpy()
        if missing.any():
            raise ValueError(
                f"{column}: {int(found.n[missing].sum())} customers have no value; every customer needs one"
            )
    order = keys.astype(str).sort_values(list(keys.columns), kind="stable").index.to_numpy()
    keys = keys.loc[order].reset_index(drop=True)
    return Cells(keys, found.n[order], found.mean[order], found.scatter[order], found.variables)
