"""Counts of spells by group and day: all that curves, tests and incidences need, collected in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
import numpy as np
import pandas as pd

from helpers.models.retention import columns as col
from helpers.models.retention.left_out import entry as left_out_entry

_BLOCK = 1 << 18


@dataclass
class SpellCounts:
    """Spells counted by group and time.

    Attributes
    ----------
    by : list of str
        Grouping columns; empty for everybody together.
    labels : list of tuple
        Labels of the ``n_groups`` groups.
    times : array of shape (n_times,)
        Days, ascending; ``0, 1, 2 …`` where all spells are whole days.
    events : array of shape (n_causes, n_groups, n_times)
        Weight of the spells that ended by each cause.
    causes : list
        Their labels; ``[True]`` where causes are not told apart.
    censored, entered : array of shape (n_groups, n_times)
        Weight of the spells whose watching ended, and began, at a time.
    rows_censored, rows : arrays of shape (n_groups, n_times) and (n_groups,)
        The same in customers, unweighted.
    left_out : list of dict
        Who was left out and why (see :mod:`helpers.models.retention.left_out`).
    """

    by: list[str]
    labels: list[tuple[Any, ...]]
    times: np.ndarray
    events: np.ndarray
    causes: list[Any]
    censored: np.ndarray
    entered: np.ndarray
    rows_censored: np.ndarray
    rows: np.ndarray
    left_out: list[dict[str, Any]] = field(default_factory=list)

    @property
    def lapsed(self) -> np.ndarray:
        """Lapses of any cause, ``(n_groups, n_times)``."""
        return self.events.sum(axis=0)

    @property
    def at_risk(self) -> np.ndarray:
        """Weight at risk at each time, ``(n_groups, n_times)``: entered before it and not gone before it.

        Who enters on day 0 is at risk on day 0; who enters later is at risk from the day after.
        """
        gone = np.cumsum(self.lapsed + self.censored, axis=1)
        entered = np.cumsum(self.entered, axis=1)
        before = np.zeros_like(entered)
        before[:, 1:] = entered[:, :-1]
        at_start = self.entered[:, 0] if len(self.times) and self.times[0] == 0 else 0.0
        before[:, 0] = at_start
        before[:, 1:] -= gone[:, :-1]
        # Sums of weights leave dust where everybody is gone; plain counts are exact.
        scale = np.maximum(entered[:, -1:], 1.0)
        before[np.abs(before) < 1e-12 * scale] = 0.0
        return before

    def names(self) -> list[str]:
        """Texts of the groups."""
        return [col.group_name(label) for label in self.labels]

    def frame(self, group: np.ndarray) -> dict[str, Any]:
        """Columns of the grouping for a tidy table, given the group index of each row."""
        return {
            name: pd.Series([label[i] for label in self.labels]).take(group).to_numpy()
            for i, name in enumerate(self.by)
        }


def is_lazy(table: object) -> bool:
    """Tell an Ibis table from a data frame."""
    return isinstance(table, ibis.Table)


def cells_of(table: ibis.Table, names: Sequence[str]) -> pd.DataFrame:
    """Count a lazy table in its engine by the named columns: one row a combination.

    ``n_rows`` counts rows, ``weight`` sums weights where the table has them; then ``n_rows`` counts those above 0 and
    ``n_weightless`` the others.
    """
    measures: dict[str, ibis.Value] = {"n_rows": table.count()}
    if col.WEIGHT in table.columns:
        measures["weight_sum"] = table[col.WEIGHT].cast("float64").sum()
        measures["weight_min"] = table[col.WEIGHT].cast("float64").min()
        measures["weight_known"] = table[col.WEIGHT].count()
        measures["n_weightless"] = (table[col.WEIGHT] == 0).sum()
    cells = table.group_by(list(names)).aggregate(**measures).to_pandas()
    if col.WEIGHT in table.columns:
        low = cells["weight_min"].min()
        unknown = int((cells["n_rows"] - cells["weight_known"]).sum())
        if unknown or (low == low and low < 0):
            raise ValueError(
                f"column {col.WEIGHT} must hold finite weights from 0 on; "
                + (f"{unknown} row(s) are empty" if unknown else f"the smallest is {low}")
            )
        cells = cells.rename(columns={"weight_sum": col.WEIGHT}).drop(columns=["weight_min", "weight_known"])
        cells["n_rows"] -= cells["n_weightless"]
    return cells


def weightless_lines(cells: pd.DataFrame) -> list[dict[str, Any]]:
    """Who carried no weight among the customers behind cells: a line, or none."""
    n = int(cells["n_weightless"].sum())
    return [left_out_entry("weight_zero", n, column=col.WEIGHT)] if n else []


def as_frame(spells: pd.DataFrame | ibis.Table, names: Sequence[str]) -> pd.DataFrame:
    """Return the spells as a frame: as they are, or a lazy table counted by the named columns."""
    if is_lazy(spells):
        missing = [n for n in names if n not in spells.columns and n != col.ENTRY]
        if missing:
            raise KeyError(f"spells lacks the column(s) {', '.join(missing)}; it has {', '.join(spells.columns)}")
        return cells_of(spells, [n for n in names if n in spells.columns])
    if not isinstance(spells, pd.DataFrame):
        raise TypeError(f"spells must be a DataFrame or an Ibis table, not {type(spells).__name__}")
    return spells


def collect(
    spells: pd.DataFrame | ibis.Table, *, by: str | Sequence[str] | None = None, cause: str | None = None
) -> SpellCounts:
    """Count spells by group, day and way of ending.

    Parameters
    ----------
    spells : DataFrame or lazy Ibis table (schema `Spells`)
        ``days_active`` and ``lapsed`` are needed, ``entry_day`` (0) and ``weight`` (1) are optional.
        Rows of weight 0 are left out. A lazy table is counted in its engine; only the counts come here.
    by : str or list of str, optional
    cause : str, optional
        Column that tells the causes of the lapses apart; read only where ``lapsed`` is 1.

    Raises
    ------
    KeyError, ValueError
        Columns are missing; days are negative or missing; ``lapsed`` is not 0/1; no row is left.
    """
    names = col.check_by(by)
    wanted = [*names, col.DAYS, col.LAPSED, col.ENTRY, *([cause] if cause else [])]
    if len(set(wanted)) < len(wanted):
        raise ValueError(f"by must name grouping columns, not {', '.join(names)}")
    table = as_frame(spells, wanted)
    col.require(table, [n for n in wanted if n != col.ENTRY])
    if len(table) == 0:
        raise ValueError("spells has no row; at least one customer is needed")
    days = col.read_days(table[col.DAYS], name=col.DAYS)
    lapsed = col.read_flag(table[col.LAPSED])
    n_rows = table["n_rows"].to_numpy(dtype=float) if is_lazy(spells) else None
    weight = col.read_weight(table[col.WEIGHT]) if col.WEIGHT in table.columns else n_rows
    entry = col.read_days(table[col.ENTRY], name=col.ENTRY) if col.ENTRY in table.columns else None
    if entry is not None and not entry.any():
        entry = None

    left: list[dict[str, Any]] = []
    keep = None

    def drop(bad: np.ndarray, reason: str, column: str) -> None:
        nonlocal keep
        if bad.any():
            if keep is not None:
                bad = bad & keep
            left.append(left_out_entry(reason, int(bad.sum() if n_rows is None else n_rows[bad].sum()), column=column))
            keep = ~bad if keep is None else keep & ~bad

    # customers without weight are in no estimate: a group of them alone has none
    if col.WEIGHT in table.columns and weight.min() == 0:
        drop(weight == 0, "weight_zero", col.WEIGHT)
    if "n_weightless" in table.columns and is_lazy(spells):
        left = weightless_lines(table)
    if names:
        group, labels = col.combine([col.encode(table[name]) for name in names])
        if len(group) and group.min() < 0:
            drop(group < 0, "missing_group", ", ".join(names))
    else:
        group, labels = None, [()]
    if entry is not None:
        beyond = entry > days
        if beyond.any():
            at = int(beyond.argmax())
            raise ValueError(
                f"column {col.ENTRY} lies past {col.DAYS} in {int(beyond.sum())} row(s), "
                f"for example {entry[at]} > {days[at]}; a spell is entered before it ends"
            )
        drop((entry > 0) & (entry == days), "not_watched", col.ENTRY)
    if cause:
        which = col.encode(table[cause].where(pd.Series(lapsed, index=table.index) == 1))
        unknown = (lapsed == 1) & (which.codes < 0)
        if unknown.any():
            raise ValueError(f"column {cause} is empty in {int(unknown.sum())} row(s) where {col.LAPSED} is 1")
        kind = np.where(lapsed == 1, which.codes + 1, 0)
        causes = [_plain(label) for label in which.labels]
        used = np.bincount(kind, minlength=len(causes) + 1)[1:] > 0
        kind = np.concatenate([[0], np.cumsum(used)])[kind] if not used.all() else kind
        causes = [label for label, is_used in zip(causes, used, strict=True) if is_used]
    else:
        kind, causes = lapsed, [True]
    if keep is not None:
        days, kind = days[keep], kind[keep]
        group = group[keep] if group is not None else None
        entry = entry[keep] if entry is not None else None
        weight = weight[keep] if weight is not None else None
        n_rows = n_rows[keep] if n_rows is not None else None
        if not len(days):
            raise ValueError("spells has no row left to count: " + "; ".join(f"{x['n']} {x['reason']}" for x in left))

    times, day_index, entry_index = _time_index(days, entry)
    n_groups, n_times, n_kinds = len(labels), len(times), max(len(causes), 1) + 1
    shape = (n_groups, n_times, n_kinds)
    ends = _tally(group, day_index, kind, weight, shape)
    rows_ends = ends if weight is n_rows else _tally(group, day_index, kind, n_rows, shape)
    rows = rows_ends.sum(axis=(1, 2))
    if entry_index is None:
        entered = np.zeros((n_groups, n_times))
        entered[:, 0] = ends.sum(axis=(1, 2))
    else:
        entered = _tally(group, entry_index, None, weight, (n_groups, n_times, 1))[:, :, 0]
    used = rows > 0
    return SpellCounts(
        by=names,
        labels=[label for label, is_used in zip(labels, used, strict=True) if is_used],
        times=times,
        events=np.moveaxis(ends[used, :, 1:], 2, 0).astype(float),
        causes=causes or [True],
        censored=ends[used, :, 0].astype(float),
        entered=entered[used].astype(float),
        rows_censored=rows_ends[used, :, 0],
        rows=rows[used],
        left_out=left,
    )


def _plain(label: Any) -> Any:
    """A cause as a plain value: floats that are whole (a column with gaps) become ints."""
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return int(label)
    return label.item() if isinstance(label, np.generic) else label


def _time_index(days: np.ndarray, entry: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Times and the index of each spell's end and entry in them: the days themselves where they are whole."""
    whole = _whole(days)
    whole_entry = None if entry is None else _whole(entry)
    if whole is not None and (entry is None or whole_entry is not None) and whole.max() <= col.MAX_DAY_INDEX:
        top = int(whole.max())
        return np.arange(top + 1), whole, whole_entry
    values = days if entry is None else np.concatenate([days, entry])
    times, index = np.unique(np.append(values, 0), return_inverse=True)
    index = index[:-1]
    return times, index[: len(days)], None if entry is None else index[len(days) :]


def _whole(values: np.ndarray) -> np.ndarray | None:
    if values.dtype.kind in "iu":
        return values
    if values.max() > col.MAX_DAY_INDEX:
        return None
    as_int = values.astype(np.int64)
    return as_int if np.array_equal(as_int, values) else None


def _tally(
    group: np.ndarray | None,
    index: np.ndarray,
    kind: np.ndarray | None,
    weight: np.ndarray | None,
    shape: tuple[int, int, int],
) -> np.ndarray:
    """Histogram over group × time × kind, block by block so that the keys stay in the processor's cache."""
    n_groups, n_times, n_kinds = shape
    size = n_groups * n_times * n_kinds
    block = max(_BLOCK, 4 * size)
    out = np.zeros(size, dtype=float if weight is not None else np.int64)
    for start in range(0, len(index), block):
        part = slice(start, start + block)
        key = index[part].astype(np.intp)
        if group is not None:
            key += group[part].astype(np.intp) * n_times
        if kind is not None:
            key *= n_kinds
            key += kind[part]
        out += np.bincount(key, None if weight is None else weight[part], minlength=size)
    return out.reshape(shape)
