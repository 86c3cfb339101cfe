"""Lifecycle of a customer in the app: potential, active, mature, churning, and who moved between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.findings.spoken import at
from helpers.metrics import months
from helpers.metrics.activity import customer_days
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

STATES = ("potential", "active", "mature", "churning")
CLOSED = "closed"
NOT_YET = "not_yet_joined"
_NEEDS = {
    "potential": ("settling_days",),
    "churning": ("silent_days",),
    "mature": ("lookback_days", "active_days"),
    "active": (),
}


class State(catalogue.Entry):
    """One state of `lifecycle.yml`: its words, the metrics that steer it, and its thresholds."""

    name: catalogue.Words
    means: catalogue.Words
    focus: catalogue.Words
    metrics: tuple[str, ...] = Field(min_length=1)
    settling_days: int | None = Field(default=None, ge=1)
    silent_days: int | None = Field(default=None, ge=1)
    lookback_days: int | None = Field(default=None, ge=1)
    active_days: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _possible(self) -> State:
        if self.lookback_days and self.active_days and self.active_days > self.lookback_days:
            raise SpokenError(
                Text(
                    f"active_days {self.active_days} can't exceed lookback_days {self.lookback_days}",
                    f"active_days {self.active_days} 不能大于 lookback_days {self.lookback_days}",
                )
            )
        return self


def read_lifecycle(*, folder: str = "") -> dict[str, State]:
    """Read `lifecycle.yml`: the four states and their thresholds.

    Raises
    ------
    ValueError
        If a state or a threshold is missing or doesn't belong to it.

    Examples
    --------
    >>> read_lifecycle()["churning"].silent_days
    60
    """
    states = catalogue.read("lifecycle", State, folder=folder)
    if set(states) != set(STATES):
        raise SpokenError(
            Text(
                f"lifecycle.yml: the states must be {', '.join(STATES)}, not {', '.join(states)}",
                f"lifecycle.yml：状态应为 {'、'.join(STATES)}，现为 {'、'.join(states)}",
            )
        )
    for slug, state in states.items():
        for threshold in ("settling_days", "silent_days", "lookback_days", "active_days"):
            given = getattr(state, threshold) is not None
            if given != (threshold in _NEEDS[slug]):
                words = Text("does not belong to this state", "不适用于该状态") if given else Text("is missing", "缺失")
                place = f"{slug}.{threshold}"
                raise SpokenError(at("lifecycle.yml", Text(f"{place} {words.en}", f"{place} {words.zh}")))
    return states


def states_at(
    activity: ir.Table, customers: ir.Table, days: Sequence[date], *, states: dict[str, State] | None = None
) -> ir.Table:
    """State of every customer at the end of given days.

    Parameters
    ----------
    activity, customers : lazy Ibis tables (canonical schemas)
    days : sequence of date
        Days to look at.
    states : mapping, optional
        As :func:`read_lifecycle` gives them (the default).

    Returns
    -------
    lazy Ibis table, one row a customer and day
        ``customer_id``, ``position`` (of the day in ``days``), ``state`` (``potential``, ``active``, ``mature``,
        ``churning``, ``closed``, ``not_yet_joined``).

    Notes
    -----
    Somebody who joined before the log and was never seen in it is churning (silent at least since the log began), not
    potential: there may have been activity that the log doesn't show. In the first ``silent_days`` of the log that
    can't be known; ask for later days.
    """
    rules = states or read_lifecycle()
    settling, silent = rules["potential"].settling_days, rules["churning"].silent_days
    lookback, habit = rules["mature"].lookback_days, rules["mature"].active_days
    seen = customer_days(activity)
    frame = pd.DataFrame(
        {
            "look": pd.to_datetime(list(days)),
            "position": pd.array(range(len(days)), dtype="int64"),
            "settling_from": pd.to_datetime([d - timedelta(days=settling - 1) for d in days]),
            "silent_from": pd.to_datetime([d - timedelta(days=silent - 1) for d in days]),
            "lookback_from": pd.to_datetime([d - timedelta(days=lookback - 1) for d in days]),
        }
    )
    grid = ibis.memtable(frame)
    grid = grid.select(
        "position", **{c: grid[c].cast("date") for c in ("look", "settling_from", "silent_from", "lookback_from")}
    )
    until = seen.inner_join(grid, seen.day <= grid.look)
    lives = until.group_by(seen_id=until.customer_id, seen_position=until.position).aggregate(
        first=until.day.min(),
        last=until.day.max(),
        often=(until.day >= until.lookback_from).cast("int64").sum(),
    )
    log_start = seen.aggregate(log_start=seen.day.min())
    closed = customers.closed_date.cast("date") if "closed_date" in customers.columns else ibis.null("date")
    people = customers.select(
        "customer_id",
        joined=customers.joined_date.cast("date"),
        closed=ibis.coalesce(closed, ibis.literal(date(9999, 1, 1))),
    )
    table = people.cross_join(grid).cross_join(log_start)
    table = table.left_join(lives, [table.customer_id == lives.seen_id, table.position == lives.seen_position])
    never = ibis.coalesce(table.often, -1) < 0
    state = ibis.cases(
        (table.joined > table.look, NOT_YET),
        (table.closed <= table.look, CLOSED),
        (never & (table.joined < table.log_start), "churning"),
        (never, "potential"),
        # First seen long after the log began, joined before it: an old customer who came back, not a new one.
        ((table["first"] >= table.settling_from) & (table.joined >= table.log_start), "potential"),
        (table["last"] < table.silent_from, "churning"),
        (table.often >= habit, "mature"),
        else_="active",
    )
    return table.select(customer_id=table.customer_id, position=table.position, state=state)


def lifecycle(
    activity: ir.Table,
    customers: ir.Table,
    *,
    as_of: date | None = None,
    months_back: int = 12,
    states: dict[str, State] | None = None,
) -> pd.DataFrame:
    """How many customers are in which state at the end of each of the last months.

    Parameters
    ----------
    activity, customers : lazy Ibis tables (canonical schemas)
    as_of : date, optional
        Last day that is seen.
    months_back : int
        Months to look back from the last whole one, at least 1. Months too early in the log to tell silence are left
        out.
    states : mapping, optional

    Returns
    -------
    DataFrame, one row a month and state
        ``month``, ``lifecycle_state``, ``customers``, ``share`` of those in the four states.
    """
    ends = _ends(activity, as_of, months_back, states)
    columns = ["month", "lifecycle_state", "customers", "share"]
    if not ends:
        return pd.DataFrame(columns=columns)
    table = states_at(activity, customers, ends, states=states)
    counts = table.group_by("position", "state").aggregate(customers=table.count()).to_pandas()
    found = {(int(p), s): int(n) for p, s, n in counts[["position", "state", "customers"]].itertuples(index=False)}
    rows = []
    for position, end in enumerate(ends):
        here = [found.get((position, state), 0) for state in STATES]
        total = sum(here)
        rows += [
            (months.write(end), state, n, n / total if total else np.nan) for state, n in zip(STATES, here, strict=True)
        ]
    return pd.DataFrame(rows, columns=columns)


def transitions(
    activity: ir.Table,
    customers: ir.Table,
    *,
    as_of: date | None = None,
    states: dict[str, State] | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Who moved between states in the last whole month: counts, shares of the state they left, intervals.

    Parameters
    ----------
    activity, customers : lazy Ibis tables (canonical schemas)
    as_of : date, optional
    states : mapping, optional
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame, one row a pair of states, also those that nobody moved between
        ``month``, ``from_state`` (the four and ``not_yet_joined``), ``to_state`` (the four and ``closed``),
        ``customers``, ``n`` in ``from_state`` before, ``share``, ``lower``, ``upper`` (Wilson).
    """
    ends = _ends(activity, as_of, 2, states)
    columns = ["month", "from_state", "to_state", "customers", "n", "share", "lower", "upper"]
    if len(ends) < 2:
        return pd.DataFrame(columns=columns)
    table = states_at(activity, customers, ends, states=states)
    before = table.filter(table.position == 0).select("customer_id", from_state="state")
    after = table.filter(table.position == 1).select(after_id="customer_id", to_state="state")
    moved = before.inner_join(after, before.customer_id == after.after_id)
    counts = moved.group_by("from_state", "to_state").aggregate(customers=moved.count()).to_pandas()
    found = {(a, b): int(n) for a, b, n in counts[["from_state", "to_state", "customers"]].itertuples(index=False)}
    rows = []
    for source in (NOT_YET, *STATES):
        here = {target: found.get((source, target), 0) for target in (*STATES, CLOSED)}
        total = sum(here.values())
        for target, n in here.items():
            low, high = (float(bound) for bound in wilson(n, total, alpha=alpha)) if total else (np.nan, np.nan)
            rows.append((months.write(ends[1]), source, target, n, total, n / total if total else np.nan, low, high))
    return pd.DataFrame(rows, columns=columns)


def _ends(activity: ir.Table, as_of: date | None, months_back: int, states: dict[str, State] | None) -> list[date]:
    """Month ends late enough in the log for every threshold to be known, oldest first."""
    if months_back < 1:
        raise SpokenError(
            Text(
                f"months_back must be at least 1, not {months_back!r}", f"months_back 应不小于 1，现为 {months_back!r}"
            )
        )
    rules = states or read_lifecycle()
    needed = max(rules["churning"].silent_days, rules["mature"].lookback_days)
    whole = months.complete_in(customer_days(activity), "day", as_of=as_of)
    if not whole:
        return []
    known = [months.end_of(m) for m in whole if (months.end_of(m) - whole[0]).days + 1 >= needed]
    return known[-months_back:]
