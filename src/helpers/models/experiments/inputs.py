"""What `effect` was asked for, checked against the table before anything is summed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from helpers.models.experiments.checks import check_share, check_table
from helpers.models.experiments.estimators import Outcome
from helpers.models.experiments.moments import Cells, Pair, Variable
from helpers.models.experiments.times import frame_times, read_moment, without_zone


@dataclass(frozen=True)
class Request:
    """Metrics by name as (numerator, denominator or None), and the covariates of each."""

    metrics: dict[str, tuple[str, str | None]]
    covariates: dict[str, list[str]]
    arm: str
    control: object
    cluster: str | None

    @property
    def metric_columns(self) -> list[str]:
        columns = [column for pair in self.metrics.values() for column in pair if column is not None]
        return list(dict.fromkeys(columns))

    def covariate_variables(self, name: str) -> list[Variable]:
        values = [Variable(column, fill=True) for column in self.covariates[name]]
        return values + [Variable(column, missing=True) for column in self.covariates[name]]

    def variables(self, bounds: Mapping[str, tuple[float, float]]) -> list[Variable]:
        metrics = [Variable(column) for column in self.metric_columns]
        capped = [Variable(column, bounds[column]) for column in self.metric_columns if column in bounds]
        covariates = [variable for name in self.metrics for variable in self.covariate_variables(name)]
        return list(dict.fromkeys([*metrics, *capped, *covariates]))

    def pairs(self, bounds: Mapping[str, tuple[float, float]]) -> list[Pair]:
        pairs: list[Pair] = []
        for name, columns in self.metrics.items():
            beside = self.covariate_variables(name)
            pairs += [(a, b) for k, a in enumerate(beside) for b in beside[k + 1 :]]
            for cap in [{}, bounds] if bounds else [{}]:
                values = [Variable(column, cap.get(column)) for column in columns if column is not None]
                pairs += [(value, x) for value in values for x in beside]
                if len(values) == 2 and values[0] != values[1]:
                    pairs.append((values[0], values[1]))
        return pairs

    def check_values(self, table: pd.DataFrame | ir.Table, cells: Cells) -> None:
        """Refuse an empty table and metrics with missing values."""
        if not len(cells.n):
            raise ValueError("table: it has no rows; at least two customers in each of two arms are needed")
        for k, variable in enumerate(cells.variables):
            if not np.all(np.isfinite(cells.mean[:, k])):
                raise ValueError(_missing_values(table, variable))

    def checked_arms(self, table: pd.DataFrame | ir.Table, cells: Cells, *, clustered: bool = True) -> list:
        """The arms, control first; one clear error where they don't make a comparison."""
        self.check_values(table, cells)
        seen = list(dict.fromkeys(cells.keys["arm"]))
        if not isinstance(self.control, Hashable) or self.control not in seen:
            raise ValueError(f"control: {self.control!r} is not among the arms {seen} of column {self.arm!r}")
        arms = [self.control, *(arm for arm in seen if arm != self.control)]
        if len(arms) == 1:
            raise ValueError(f"{self.arm}: all customers are in {self.control!r}; at least two arms are needed")
        for arm in arms:
            inside = (cells.keys["arm"] == arm).to_numpy()
            if cells.n[inside].sum() < 2:
                raise ValueError(f"{self.arm}: {arm!r} has one customer; at least two are needed for an interval")
            if clustered and self.cluster is not None and inside.sum() < 2:
                raise ValueError(
                    f"{self.cluster}: {arm!r} was given to one cluster only; at least two are needed for an interval"
                )
        return arms

    def check_variation(self, name: str, data: Outcome) -> None:
        """A metric that never varies inside an arm has no error to state, and 0 would be a lie."""
        centred = data.y - np.array(
            [np.average(data.y[data.arm == a], weights=data.n[data.arm == a]) for a in data.arm]
        )
        inside = np.bincount(data.arm, data.yy + data.n * centred**2)
        scale = data.n @ data.y**2 + data.yy.sum()
        if inside.sum() <= 1e-20 * scale or np.all(inside <= data.dust_of_parts()):
            raise ValueError(
                f"metric: {name!r} has the same value for every customer of an arm "
                f"({data.y.min():.6g} to {data.y.max():.6g}); no interval can be given for a metric that doesn't vary"
            )


def read_request(
    table: pd.DataFrame | ir.Table,
    *,
    metric: str | tuple[str, str] | Sequence[str | tuple[str, str]],
    arm: str,
    control: object,
    covariate: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None,
    cluster: str | None,
    alpha: float,
    covariate_at: object = None,
    exposed_at: object = None,
    cluster_role: str = "cluster",
) -> Request:
    """Check the arguments of `effect` against the table's columns and types.

    Raises
    ------
    ValueError
        As `effect`; it calls the cluster by ``cluster_role``, the name of the caller's argument.
    """
    check_table("table", table)
    check_share("alpha", alpha)
    metrics = {}
    for item in list(metric) if isinstance(metric, Iterable) and not isinstance(metric, str | tuple) else [metric]:
        if isinstance(item, str):
            metrics[item] = (item, None)
        elif isinstance(item, tuple) and len(item) == 2 and all(map(_is_name, item)):
            metrics[f"{item[0]}/{item[1]}"] = item
        else:
            raise ValueError(f"metric: {item!r} is neither a column nor a pair (numerator, denominator)")
    if not metrics:
        raise ValueError("metric: none is given; at least one column is needed")
    covariates = {name: _covariates_of(name, covariate) for name in metrics}
    if isinstance(covariate, Mapping):
        unknown = [name for name in covariate if name not in metrics]
        if unknown:
            raise ValueError(f"covariate: {unknown[0]!r} is not among the metrics {list(metrics)}")

    request = Request(metrics, covariates, arm, control, cluster)
    roles = [("arm", arm), *(("metric", column) for column in request.metric_columns)]
    roles += [("covariate", column) for name in metrics for column in covariates[name]]
    if cluster is not None or cluster_role != "cluster":
        roles.append((cluster_role, cluster))
    for role, column in roles:
        _check_column(table, role, column)
        if role in ("metric", "covariate") and not _is_numeric(table, column):
            raise ValueError(
                f"{role}: column {column!r} is {_type_of(table, column)}; a numeric or true/false one is allowed"
            )
    for name, columns in covariates.items():
        for column in columns:
            if column in (arm, *[c for c in metrics[name] if c]):
                raise ValueError(
                    f"covariate: {column!r} is the metric or the arm itself; a column from before is needed"
                )
            _check_before_exposure(table, column, covariate_at, exposed_at)
    return request


def _covariates_of(name: str, covariate: object) -> list[str]:
    given = covariate.get(name) if isinstance(covariate, Mapping) else covariate
    if given is None:
        return []
    columns = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for column in columns:
        if not _is_name(column) or isinstance(column, bool):
            raise ValueError(f"covariate: {column!r} is neither a column nor a sequence of columns")
    return list(dict.fromkeys(columns))


def _is_name(column: object) -> bool:
    return column is not None and isinstance(column, Hashable)


def _check_column(table: pd.DataFrame | ir.Table, role: str, column: object) -> None:
    """Refuse what names no column of the table, or two."""
    if not _is_name(column) or column not in table.columns:
        raise ValueError(f"{role}: the table has no column {column!r}, only {list(table.columns)}")
    if isinstance(table, pd.DataFrame) and list(table.columns).count(column) > 1:
        raise ValueError(f"{role}: the table has {column!r} more than once; every column needs a name of its own")


def _is_numeric(table: pd.DataFrame | ir.Table, column: str) -> bool:
    if isinstance(table, ir.Table):
        kind = table[column].type()
        return kind.is_numeric() or kind.is_boolean()
    return pd.api.types.is_numeric_dtype(table[column]) or _holds_decimals(table[column])


def _holds_decimals(values: pd.Series) -> bool:
    return values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "decimal"


def _type_of(table: pd.DataFrame | ir.Table, column: str) -> str:
    return str(table[column].type()) if isinstance(table, ir.Table) else str(table[column].dtype)


def _missing_values(table: pd.DataFrame | ir.Table, variable: Variable) -> str:
    column, role = variable.column, "covariate" if variable.fill else "metric"
    if isinstance(table, ir.Table):
        values = table[column].cast("float64")
        missing, infinite = values.isnull() | values.isnan(), values.isinf()
        n_missing = int(table.filter(missing).count().to_pandas())
        n_infinite = int(table.filter(infinite).count().to_pandas())
    else:
        values = pd.to_numeric(table[column]).to_numpy(dtype=float, na_value=np.nan)
        n_missing, n_infinite = int(np.isnan(values).sum()), int(np.isinf(values).sum())
    if n_infinite or variable.fill:
        return f"{role}: {column!r} is infinite for {n_infinite} customers; finite numbers are allowed"
    return f"{role}: {column!r} is missing for {n_missing} customers; say what it is for them (0 for nothing done)"


def _check_before_exposure(
    table: pd.DataFrame | ir.Table, covariate: str, covariate_at: object, exposed_at: object
) -> None:
    """Refuse a covariate that the campaign itself may have moved, or of which that can't be told."""
    measured = _time_of(table, covariate_at, [f"{covariate}_at", f"{covariate}_date", "covariate_at"])
    exposed = _time_of(table, exposed_at, ["exposed_at", "assigned_at"])
    if measured is None or exposed is None:
        return
    if isinstance(table, ir.Table):
        values = table[covariate]
        known = values.notnull() & ~values.isnan() if values.type().is_floating() else values.notnull()
        flags = table.select(late=measured >= exposed, untold=exposed.isnull() | (measured.isnull() & known))
        counts = flags.aggregate(late=flags.late.sum(), untold=flags.untold.sum()).to_pandas().fillna(0)
        late, untold = int(counts["late"].iloc[0]), int(counts["untold"].iloc[0])
    else:
        known = table[covariate].notna().to_numpy()
        blank = np.asarray(pd.isna(exposed)) | (np.asarray(pd.isna(measured)) & known)
        late = int(np.broadcast_to(np.asarray(measured >= exposed), len(table)).sum())
        untold = int(np.broadcast_to(blank, len(table)).sum())
    if late:
        raise ValueError(
            f"covariate: {covariate!r} was measured at exposure or later for {late} customers; "
            "only what was known before the campaign may adjust its effect"
        )
    if untold:
        raise ValueError(
            f"covariate_at, exposed_at: {untold} customers have no time of exposure, or a value of {covariate!r} "
            "without its time; every customer needs both (not exposed: the time of assignment)"
        )


def _time_of(table: pd.DataFrame | ir.Table, given: object, names: list[str]) -> object:
    """A column of times, or one time for all, in UTC without zone; None where nothing tells."""
    lazy = isinstance(table, ir.Table)
    if given is None or (isinstance(given, str) and given in table.columns):
        column = given if given is not None else next((name for name in names if name in table.columns), None)
        if column is None:
            return None
        _check_column(table, "covariate_at, exposed_at", column)
        return table[column].cast("timestamp") if lazy else frame_times(table, column)
    moment = read_moment(given, name="covariate_at, exposed_at", allowed="neither a column of the table nor a time")
    moment = without_zone(moment)
    return ibis.literal(moment.to_pydatetime()).cast("timestamp") if lazy else moment
