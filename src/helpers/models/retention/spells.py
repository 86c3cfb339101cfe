"""Spells: one row a customer, from joining to the lapse or to the end of what could be watched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd

from helpers.findings import SpokenError, Text
from helpers.models.retention import columns as col
from helpers.models.retention.left_out import REASONS, carry
from helpers.models.retention.left_out import entry as left_out_entry

SILENT = "silent"
CLOSED = "closed"
_NEVER = np.iinfo(np.int64).max // 4


def spells_from_activity(
    activity: ibis.Table | pd.DataFrame,
    customers: ibis.Table | pd.DataFrame,
    *,
    silent_days: int,
    as_of: date | str,
    log_start: date | str | None = None,
    attributes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Turn an activity log into spells: how long each customer stayed, and whether the end was seen.

    A lapse is dated at the last day of activity before the first silence of at least ``silent_days``.
    Joining counts as activity, so somebody who joined and never came (or came only after such a silence)
    lapses on day 0. A silence is known only ``silent_days`` later: everybody else is censored at ``as_of −
    silent_days``, never at the last activity. A later return does not reopen the spell; returns are
    counted beside it.

    Where the log starts after a customer joined, the spell begins late (``entry_day``): the customer was
    picked because of having stayed until then. Customers with no activity in the first ``silent_days`` of
    the log were silent already and are left out; so are those who joined too recently to have been seen
    silent. Rows of one day count once, so duplicates do no harm. An account closed
    (``customers.closed_date``) before the silence was
    ``silent_days`` long ends the spell on that day with cause ``closed``; closures, too, are followed only to
    ``as_of − silent_days``.

    Parameters
    ----------
    activity : lazy Ibis table or DataFrame (schema `Activity`)
        ``customer_id``, ``occurred_at``; filter it first if only some events qualify. Gaps are found in
        the engine.
    customers : lazy Ibis table or DataFrame (schema `Customers`)
        ``customer_id``, ``joined_date``, optional ``closed_date``; other columns are carried along.
    silent_days : int
        Days without activity that make a lapse, at least 1.
    as_of : date or ISO text
        Nothing after this day is seen.
    log_start : date or ISO text, optional
        First day of the log; by default the first day in it.
    attributes : list of str, optional
        Columns of ``customers`` to carry along; by default all.

    Returns
    -------
    DataFrame, one row a customer in the order of ``customer_id`` (schema `Spells`)
        ``customer_id``, ``entered_at`` (day of joining), ``entry_day`` (days from joining to the log's first
        day, 0 if the log was there), ``days_active`` (days from joining to the lapse or to the end of
        watching), ``lapsed``,
        ``cause`` (``silent``, ``closed``, empty if censored), then the attributes.
        ``attrs["spells"]`` holds the counts that :func:`spell_summary` shows, ``attrs["left_out"]`` who
        was left out (:func:`left_out`); parquet keeps both.

    Raises
    ------
    KeyError, ValueError
        A column is missing; a customer stands twice; ``as_of − silent_days`` lies before the log; nobody
        is left.

    References
    ----------
    Klein and Moeschberger (2003), ch. 3 (censoring and truncation); Andersen et al. (1993), III.3.

    Examples
    --------
    >>> joined = pd.to_datetime(["2025-01-01"] * 3)
    >>> customers = pd.DataFrame({"customer_id": ["a", "b", "c"], "joined_date": joined})
    >>> activity = pd.DataFrame({"customer_id": ["a", "a", "b", "b"],
    ...     "occurred_at": pd.to_datetime(["2025-01-01", "2025-01-20", "2025-02-10", "2025-03-10"])})
    >>> spells = spells_from_activity(activity, customers, silent_days=30, as_of="2025-03-31")
    >>> spells[["customer_id", "days_active", "lapsed"]].values.tolist()
    [['a', 19, True], ['b', 0, True], ['c', 0, True]]
    """
    if isinstance(silent_days, bool) or not isinstance(silent_days, int | np.integer) or silent_days < 1:
        raise ValueError(f"silent_days must be a whole number of days, at least 1, not {silent_days!r}")
    end = _day(as_of, "as_of")
    days = _activity_days(activity, end)
    people = _lazy(customers, "customers", ["customer_id", "joined_date"])
    start = _first_day(days) if log_start is None else _day(log_start, "log_start")
    horizon = end - pd.Timedelta(days=int(silent_days))
    if horizon < start:
        raise ValueError(
            f"as_of − silent_days is {horizon.date()}, before the activity log starts ({start.date()}): "
            f"no silence of {silent_days} days can be seen; use a later as_of or fewer silent_days"
        )
    frame = people.to_pandas() if not isinstance(customers, pd.DataFrame) else customers
    if frame["customer_id"].duplicated().any():
        twice = frame["customer_id"][frame["customer_id"].duplicated()]
        raise ValueError(
            f"customers.customer_id must be unique; {len(twice)} row(s) repeat one, e.g. {twice.iloc[0]!r}"
        )
    has_closing = "closed_date" in people.columns
    seen = _silences(days, people, start=start, silent_days=int(silent_days), has_closing=has_closing)
    return _assemble(
        frame,
        seen,
        start=start,
        horizon=horizon,
        end=end,
        silent_days=int(silent_days),
        has_closing=has_closing,
        attributes=attributes,
    )


def spell_summary(spells: pd.DataFrame) -> pd.DataFrame:
    """Counts behind a table of spells: customers, lapses, censored, returned, late entries.

    Parameters
    ----------
    spells : DataFrame
        As :func:`spells_from_activity` returned it (its ``attrs`` carry the counts; a join loses them).

    Returns
    -------
    DataFrame, one row
        ``as_of``, ``log_start``, ``watched_until`` (dates); ``silent_days``; ``n_customers`` (rows
        of
        customers), ``n_spells``, ``n_lapsed``, ``n_closed`` (of them by closing), ``n_censored``,
        ``n_returned`` (active again after the lapse),
        ``n_late_entry`` (the log starts after they joined), ``n_left_out``.

    Raises
    ------
    ValueError
        The table carries no counts.
    """
    if "spells" not in spells.attrs:
        raise ValueError("spells carries no counts (attrs); ask before joining or grouping it")
    return pd.DataFrame([spells.attrs["spells"]])


def _day(value: Any, name: str) -> pd.Timestamp:
    try:
        day = pd.Timestamp(value)
    except (TypeError, ValueError):
        day = pd.NaT
    if day is pd.NaT or isinstance(value, int | float):
        raise ValueError(f"{name} must be a date such as 2025-09-30, not {value!r}")
    return day.tz_localize(None).normalize()


def _lazy(table: Any, name: str, needed: Sequence[str]) -> ibis.Table:
    if not isinstance(table, pd.DataFrame | ibis.Table):
        raise TypeError(f"{name} must be an Ibis table or a DataFrame, not {type(table).__name__}")
    missing = [column for column in needed if column not in table.columns]
    if missing:
        raise KeyError(f"{name} lacks the column(s) {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    if isinstance(table, ibis.Table):
        return table
    kept = [*needed, *(c for c in ("closed_date",) if c in table.columns)]
    slim = table[kept].reset_index(drop=True)
    # An empty or all-missing object column has no type of its own for the engine.
    types = {c: "string" if c == "customer_id" else "datetime64[us]" for c in kept}
    return ibis.memtable(slim.astype({c: t for c, t in types.items() if slim[c].isna().all()}))


def _activity_days(activity: Any, end: pd.Timestamp) -> ibis.Table:
    """Distinct customer-days up to the cut-off."""
    table = _lazy(activity, "activity", ["customer_id", "occurred_at"])
    when = table.occurred_at
    day = when if when.type().is_date() else when.cast("timestamp").date()
    return (
        table.select(customer_id=table.customer_id, day=day)
        .filter(lambda t: t.day <= ibis.literal(end.date()))
        .drop_null("customer_id")
        .distinct()
    )


def _first_day(days: ibis.Table) -> pd.Timestamp:
    first = days.day.min().to_pandas()
    if first is None or first is pd.NaT:
        raise ValueError("activity has no row up to as_of; there is nothing to tell silence from")
    return pd.Timestamp(first).normalize()


def _silences(
    days: ibis.Table, people: ibis.Table, *, start: pd.Timestamp, silent_days: int, has_closing: bool
) -> pd.DataFrame:
    """Per customer: first and last day of activity, day before the first long silence, day of the return."""
    log_start = ibis.literal(start.date())
    joined = people.joined_date.cast("date")
    closed = people.closed_date.cast("date") if has_closing else ibis.null("date")
    known = people.select(known_id=people.customer_id, joined=joined, closed=closed)
    rows = days.filter(days.day >= log_start).left_join(known, days.customer_id == known.known_id)
    # Activity of nobody's (no row in customers) stays in, so that it can be counted.
    opened = ibis.coalesce(rows.joined, log_start)
    ended = ibis.coalesce(rows.closed, rows.day)
    rows = rows.filter((rows.day >= opened) & (rows.day <= ended))
    # The day of joining opens the first gap, but only where the log was there to see it.
    opening = ibis.ifelse(rows.joined >= log_start, rows.joined, ibis.null("date"))
    since = ibis.coalesce(rows.day.lag().over(ibis.window(group_by=rows.customer_id, order_by=rows.day)), opening)
    gaps = rows.select(customer_id=rows.customer_id, day=rows.day, since=since)
    gaps = gaps.mutate(gap=gaps.day.delta(gaps.since, unit="day"))
    long = gaps.gap >= silent_days
    return (
        gaps.group_by("customer_id")
        .aggregate(
            first_day=gaps.day.min(),
            last_day=gaps.day.max(),
            lapse_day=gaps.since.min(where=long),
            return_day=gaps.day.min(where=long),
        )
        .to_pandas()
    )


def _number(column: pd.Series) -> np.ndarray:
    """Dates as whole days since 1970; a far future where missing."""
    values = pd.to_datetime(column).to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(values), _NEVER, values.astype(np.int64))


def _assemble(
    frame: pd.DataFrame,
    seen: pd.DataFrame,
    *,
    start: pd.Timestamp,
    horizon: pd.Timestamp,
    end: pd.Timestamp,
    silent_days: int,
    has_closing: bool,
    attributes: Sequence[str] | None,
) -> pd.DataFrame:
    """Decide for every customer how the spell ends; whole days since 1970 throughout."""
    first_log, until, last_seen = (int(_number(pd.Series([day]))[0]) for day in (start, horizon, end))
    both = frame[["customer_id"]].merge(seen, on="customer_id", how="left")
    joined = _number(frame["joined_date"])
    closed = _number(frame["closed_date"]) if has_closing else np.full(len(frame), _NEVER)
    closed = np.where(closed > last_seen, _NEVER, closed)
    first, last = _number(both["first_day"]), _number(both["last_day"])
    gap_from, back = _number(both["lapse_day"]), _number(both["return_day"])

    early = joined < first_log
    reasons = np.select(
        [
            joined == _NEVER,
            joined > last_seen,
            closed < joined,
            joined > until,
            early & (closed < first_log),
            early & (first - first_log >= silent_days),
        ],
        [
            "no_joined_date",
            "joined_after_as_of",
            "closed_before_joining",
            "joined_too_recently",
            "closed_before_log",
            "silent_before_log",
        ],
        default="",
    )
    keep = reasons == ""
    strangers = int((~seen["customer_id"].isin(frame["customer_id"])).sum())
    lines = [
        left_out_entry(str(reason), int(n))
        for reason, n in zip(*np.unique(reasons[~keep], return_counts=True), strict=True)
    ]
    lines.append(left_out_entry("not_in_customers", strangers))

    # The last sign of life before the end: activity, else the joining itself.
    sign = np.where(last == _NEVER, joined, last)
    tail = np.where(
        np.minimum(closed, last_seen + 1) - sign >= np.where(closed == _NEVER, silent_days + 1, silent_days),
        sign,
        _NEVER,
    )
    silent_at = np.where(gap_from != _NEVER, gap_from, tail)
    fell_silent = keep & (silent_at <= until)
    closing = keep & ~fell_silent & (closed <= until)
    ended = np.where(fell_silent, silent_at, np.where(closing, closed, until))
    lapsed = fell_silent | closing

    if attributes is None:
        taken = {"customer_id", "joined_date", "closed_date", "loaded_at"}
        attributes = [c for c in frame.columns if c not in taken]
    col.require(frame, list(attributes), what="customers")
    table = pd.DataFrame(
        {
            "customer_id": frame["customer_id"].to_numpy(),
            "entered_at": pd.to_datetime(frame["joined_date"]).to_numpy().astype("datetime64[us]"),
            col.ENTRY: np.maximum(first_log - joined, 0),
            col.DAYS: ended - joined,
            col.LAPSED: lapsed,
            col.CAUSE: np.where(fell_silent, SILENT, np.where(closing, CLOSED, None)),
            **{name: frame[name].array for name in attributes},
        }
    )[keep]
    if not len(table):
        told = "; ".join(f"{line['n']} {line['reason']}" for line in lines if line["n"])
        told_zh = "；".join(f"{REASONS[line['reason']].zh} {line['n']} 人" for line in lines if line["n"])
        raise SpokenError(
            Text(
                f"no customer is left to watch: {told or 'customers has no row'}",
                f"没有可观察的客户：{told_zh or '客户表为空'}",
            )
        )
    table = table.sort_values("customer_id", kind="stable", ignore_index=True)
    table.attrs["spells"] = {
        "as_of": end.date().isoformat(),
        "log_start": start.date().isoformat(),
        "watched_until": horizon.date().isoformat(),
        "silent_days": silent_days,
        "n_customers": len(frame),
        "n_spells": len(table),
        "n_lapsed": int(lapsed[keep].sum()),
        "n_closed": int(closing.sum()),
        "n_censored": int((~lapsed[keep]).sum()),
        "n_returned": int((fell_silent & (back != _NEVER)).sum()),
        "n_late_entry": int((keep & early).sum()),
        "n_left_out": len(frame) - len(table),
    }
    return carry(table, *lines)
