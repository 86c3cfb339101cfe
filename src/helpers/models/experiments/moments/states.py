"""Moments of one pair of variables by a single aggregate of DuckDB's, quicker than six sums.

DuckDB hands out the state that it keeps for an aggregate (``EXPORT_STATE``). The state of a correlation holds all that
an effect with a covariate needs: count, both means, both sums of squares and the sum of products, centred as they are
taken up, so that means somewhat far from 0 need no second query. How a state is laid out is DuckDB's own matter and may change: it is
read only where three known pairs come out right, and `moments_by_sums` answers everywhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.models.experiments.engines import engine_name
from helpers.models.experiments.moments.cells import Cells, Pair, Variable
from helpers.models.experiments.moments.sums import lazy_values

# as DuckDB lays out the state of corr(y, x): one state of the covariance, one of each variance
LAYOUT = np.dtype(
    [
        ("n", "<u8"), ("mean_x", "<f8"), ("mean_y", "<f8"), ("xy", "<f8"),
        ("n_x", "<u8"), ("same_x", "<f8"), ("xx", "<f8"),
        ("n_y", "<u8"), ("same_y", "<f8"), ("yy", "<f8"),
    ]
)  # fmt: skip
# A macro, as Ibis can call a function by its name but has no word for EXPORT_STATE. It lives as long as the connection,
# in its temporary schema: nothing is written to a database, and one that is read-only takes it too.
MACRO = """
CREATE TEMP MACRO IF NOT EXISTS playbook_pair_state(x, y) AS CAST(corr(y, x) EXPORT_STATE AS BLOB)
"""
# A running mean far from 0 drifts: up to here (of the variance within cells) by less than 1e-9 standard errors.
LARGEST_SQUARED_MEAN = 1e6
KNOWN_PAIRS = (
    "SELECT playbook_pair_state(x, y) FROM (VALUES (1.0, 2.0), (2.0, 8.0), (6.0, 5.0), (NULL, 9.0)) AS t(x, y)"
)
KNOWN_STATE = (3, 3.0, 5.0, 3.0, 3, 3.0, 14.0, 3, 5.0, 18.0)


@ibis.udf.agg.builtin(name="playbook_pair_state")
def _pair_state(x: float, y: float) -> bytes: ...


def moments_by_state(
    table: ir.Table, by: list[str], variables: Sequence[Variable], pairs: Sequence[Pair]
) -> Cells | None:
    """Counts, means and centred products of two variables, and of whether one of them is missing.

    Returns
    -------
    Cells, or None
        None where something else than one pair is asked for, the engine hands out no state that can be read, a value
        that may not be missing is, one is no finite number, or the mean is very far from 0.
    """
    values = [variable for variable in variables if not variable.missing]
    if len(values) != 2 or not any(set(pair) == set(values) for pair in pairs) or not _hands_out_states(table):
        return None
    # what is filled where it is missing comes second; two such would have more than one way to be incomplete
    first, second = sorted(values, key=lambda variable: variable.fill)
    if first.fill:
        return None

    keys = {f"key_{k}": table[column] for k, column in enumerate(by)}
    x, y = lazy_values(table, first), lazy_values(table, second)
    known = _ask(table, keys, x, y)
    if known.drifts():
        return None
    gaps = None
    if known.lacks_y and second.fill:
        gaps = _ask(table.filter(y.isnull()), keys, x, x).of_cells(known.keys)
    if known.lacks_x or (known.lacks_y and gaps is None) or not all(part.is_finite() for part in (known, gaps) if part):
        return None
    return _cells(known, gaps, variables, first, second)


@dataclass(frozen=True)
class _States:
    """What one query gave: of each cell's rows where both are known, count, means and products; and if any lacks one."""

    keys: pd.DataFrame
    n: np.ndarray
    mean: np.ndarray  # (cells, 2)
    scatter: np.ndarray  # (cells, 2, 2)
    lacks_x: bool
    lacks_y: bool

    def is_finite(self) -> bool:
        return bool(np.isfinite(self.mean).all() and np.isfinite(self.scatter).all())

    def drifts(self) -> bool:
        square = np.einsum("ckk->k", self.scatter)
        return bool((self.n @ self.mean**2 > LARGEST_SQUARED_MEAN * square).any())

    def of_cells(self, keys: pd.DataFrame) -> _States:
        """The same for these cells, in their order; nothing of those that it hasn't."""
        place = pd.MultiIndex.from_frame(self.keys).get_indexer(pd.MultiIndex.from_frame(keys))

        def there(values: np.ndarray) -> np.ndarray:
            found = np.zeros((len(keys), *values.shape[1:]))
            found[place >= 0] = values[place[place >= 0]]
            return found

        return _States(keys, there(self.n), there(self.mean), there(self.scatter), self.lacks_x, self.lacks_y)


def _ask(table: ir.Table, keys_by: dict[str, ir.Value], x: ir.FloatingValue, y: ir.FloatingValue) -> _States:
    # Whether any value is missing is cheaper to ask than how many: where statistics rule it out, the engine looks at none.
    asked = table.group_by(**keys_by).aggregate(
        lacks_x=x.isnull().any(), lacks_y=y.isnull().any(), state=_pair_state(x, y)
    )
    found = asked.to_pyarrow()
    keys = pd.DataFrame({key: found[key].to_pylist() for key in keys_by}, dtype=object)
    state = _read(found["state"].to_pylist())
    scatter = np.stack([state["xx"], state["xy"], state["xy"], state["yy"]], axis=-1).reshape(-1, 2, 2)
    mean = np.stack([state["mean_x"], state["mean_y"]], axis=-1)
    lacks = [any(found[name].to_pylist()) for name in ("lacks_x", "lacks_y")]
    return _States(keys, state["n"].astype(float), mean, scatter, *lacks)


def _read(states: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(states), dtype=LAYOUT)


def _cells(
    known: _States, gaps: _States | None, variables: Sequence[Variable], first: Variable, second: Variable
) -> Cells:
    """Put the complete rows and those without the second variable together, which is filled with its overall mean."""
    places = [variables.index(first), variables.index(second)]
    mean = np.zeros((len(known.n), len(variables)))
    scatter = np.zeros((len(known.n), len(variables), len(variables)))
    mean[:, places] = known.mean
    scatter[:, np.array(places)[:, None], places] = known.scatter
    if gaps is None:
        return Cells(known.keys, known.n, mean, scatter, tuple(variables))
    n = known.n + gaps.n
    share = gaps.n / n
    away = np.zeros_like(mean)  # from the means of the complete rows to those of the others
    away[:, places[0]] = gaps.mean[:, 0] - known.mean[:, 0]
    away[:, places[1]] = known.n @ known.mean[:, 1] / max(known.n.sum(), 1.0) - known.mean[:, 1]
    away[:, [k for k, variable in enumerate(variables) if variable.missing]] = 1.0
    scatter += (known.n * share)[:, None, None] * away[:, :, None] * away[:, None, :]
    scatter[:, places[0], places[0]] += gaps.scatter[:, 0, 0]
    return Cells(known.keys, n, mean + share[:, None] * away, scatter, tuple(variables))


def _hands_out_states(table: ir.Table) -> bool:
    """Whether the table's engine gives a state that reads as `LAYOUT` says."""
    if engine_name(table) != "duckdb":
        return False
    connection = ibis.get_backend(table).con
    try:
        # `sql` leaves the caller's own pending result alone, which `execute` would take the place of
        connection.sql(MACRO)
        (state,) = connection.sql(KNOWN_PAIRS).fetchone()
    except duckdb.Error:  # an engine that hands out none, or not as bytes
        return False
    return isinstance(state, bytes) and len(state) == LAYOUT.itemsize and _read([state])[0].item() == KNOWN_STATE
