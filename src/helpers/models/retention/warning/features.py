"""What is known of a customer on a day, from activity that ended by then; and when silence began afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import numpy as np
import pandas as pd

_NEVER = np.iinfo(np.int64).max // 4
HISTORY_DAYS = 180
_MOST_LEVELS = 20


def daily(activity: ibis.Table | pd.DataFrame, as_of: date) -> ibis.Table:
    """Events by customer and day up to the cut-off day, counted once and kept in the engine."""
    if isinstance(activity, pd.DataFrame):
        activity = ibis.memtable(activity[["customer_id", "occurred_at"]].reset_index(drop=True))
    day = activity.occurred_at.cast("timestamp").date()
    return (
        activity.select("customer_id", day=day)
        .filter(lambda t: t.day <= ibis.literal(as_of))
        .drop_null("customer_id")
        .group_by(["customer_id", "day"])
        .aggregate(events=lambda t: t.count())
        # Read once, asked once a cut-off day: the engine keeps the customer-days, not the log.
        .cache()
    )


def silences(days: ibis.Table, *, silent_days: int, as_of: date) -> pd.DataFrame:
    """Every silence of at least ``silent_days``: ``customer_id`` and ``from_day`` (last active day, since 1970)."""
    following = days.day.lead().over(ibis.window(group_by=days.customer_id, order_by=days.day))
    rows = days.select("customer_id", "day", until=ibis.coalesce(following, ibis.literal(as_of)))
    long = rows.filter(rows.until.delta(rows.day, unit="day") >= silent_days).select("customer_id", "day")
    table = long.to_pandas()
    return pd.DataFrame({"customer_id": table["customer_id"], "from_day": day_number(table["day"])})


def day_number(column: pd.Series) -> np.ndarray:
    """Dates as whole days since 1970; a far future where missing."""
    values = pd.to_datetime(column).to_numpy().astype("datetime64[D]")
    return np.where(np.isnat(values), _NEVER, values.astype(np.int64))


def behaviour(days: ibis.Table, cutoff: date, *, silent_days: int) -> pd.DataFrame:
    """Activity features of the customers who are not known to be silent on the cut-off day.

    Parameters
    ----------
    days : lazy table
        As :func:`daily` made it.
    cutoff : date
        Last day whose activity is used.
    silent_days : int
        Only customers active in the last ``silent_days`` days are in: the others are silent already.

    Returns
    -------
    DataFrame, one row a customer
        ``customer_id``, ``last_day`` (since 1970), ``recency_days``, ``active_7``, ``active_30``,
        ``active_31_60``, ``active_90``,
        ``active_days`` (distinct active days in the last so many days; of the last 180), ``events_30``,
        ``gap_days`` (mean between active days).
    """
    on = ibis.literal(cutoff)
    age = on.delta(days.day, unit="day")
    rows = days.mutate(age=age).filter(lambda t: (t.age >= 0) & (t.age < max(HISTORY_DAYS, silent_days)))
    table = (
        rows.group_by("customer_id")
        .aggregate(
            recency_days=rows.age.min(),
            oldest=rows.age.max(),
            active_7=rows.age.count(where=rows.age < 7),
            active_30=rows.age.count(where=rows.age < 30),
            active_31_60=rows.age.count(where=(rows.age >= 30) & (rows.age < 60)),
            active_90=rows.age.count(where=rows.age < 90),
            active_days=rows.age.count(),
            events_30=rows.events.sum(where=rows.age < 30),
        )
        .filter(lambda t: t.recency_days < silent_days)
        .to_pandas()
    )
    table["events_30"] = pd.to_numeric(table["events_30"]).fillna(0)
    between = np.maximum(table["active_days"] - 1, 1)
    table["gap_days"] = np.where(
        table["active_days"] > 1, (table["oldest"] - table["recency_days"]) / between, float(silent_days)
    )
    table["last_day"] = int(day_number(pd.Series([cutoff]))[0]) - table["recency_days"]
    return table.drop(columns="oldest").sort_values("customer_id", ignore_index=True)


def money(balances: ibis.Table | pd.DataFrame, cutoff: date) -> pd.DataFrame:
    """Balance that stands on the cut-off day and its change over 90 days: ``customer_id, aum, aum_change``."""
    if isinstance(balances, pd.DataFrame):
        balances = ibis.memtable(balances[["customer_id", "balance_date", "aum"]].reset_index(drop=True))
    age = ibis.literal(cutoff).delta(balances.balance_date.cast("date"), unit="day")
    rows = balances.select("customer_id", aum=balances.aum.cast("float64"), age=age)
    rows = rows.filter(rows.age >= 0)
    table = (
        rows.group_by("customer_id")
        .aggregate(aum=rows.aum.argmin(rows.age), earlier=rows.aum.argmin(rows.age, where=rows.age >= 90))
        .to_pandas()
    )
    earlier = table["earlier"].fillna(table["aum"])
    table["aum_change"] = np.log1p(table["aum"].clip(lower=0)) - np.log1p(earlier.clip(lower=0))
    return table[["customer_id", "aum", "aum_change"]]


def fell_silent(table: pd.DataFrame, gaps: pd.DataFrame, *, until_day: int) -> np.ndarray:
    """Whether the first silence from each customer's last active day on began by a day; int8.

    A silence that has begun but is not ``silent_days`` old on the cut-off day counts: the bank can't know
    it yet.
    """
    codes = pd.Categorical(gaps["customer_id"], categories=table["customer_id"]).codes
    inside = (codes >= 0) & (gaps["from_day"].to_numpy() <= until_day)
    codes, days = codes[inside], gaps["from_day"].to_numpy()[inside]
    later = days >= table["last_day"].to_numpy()[codes]
    label = np.zeros(len(table), dtype=np.int8)
    label[codes[later]] = 1
    return label


class Design:
    """Turns features into the columns of the logistic model; learns means, spreads and levels once."""

    def __init__(self, attributes: Sequence[str]) -> None:
        self.attributes = list(attributes)

    def fit(self, table: pd.DataFrame) -> Design:
        """Learn the levels and scales from the training rows."""
        self.levels_: dict[str, list[object]] = {}
        self.middle_: dict[str, float] = {}
        for name in self.attributes:
            column = table[name]
            if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
                self.middle_[name] = float(column.astype(float).mean()) if column.notna().any() else 0.0
            else:
                # The commonest level is the reference; missing is a level of its own.
                counts = column.astype(object).where(column.notna(), "").value_counts()
                self.levels_[name] = list(counts.index[1:])
        raw = self._raw(table)
        self.mean_, spread = raw.mean(axis=0), raw.std(axis=0)
        # The scaled column of a constant is 0 in training; its coefficient stays at 0.
        self.scale_ = np.where(spread > 1e-12, spread, np.inf)
        return self

    def matrix(self, table: pd.DataFrame) -> np.ndarray:
        """Standardised columns, ``(n, n_features)``."""
        return (self._raw(table) - self.mean_) / self.scale_

    def _raw(self, table: pd.DataFrame) -> np.ndarray:
        recency, gap = table["recency_days"].to_numpy(float), table["gap_days"].to_numpy(float)
        tenure = table["tenure_days"].to_numpy(float)
        now, before = table["active_30"].to_numpy(float), table["active_31_60"].to_numpy(float)
        ratio = np.log1p(recency) - np.log1p(gap)
        columns = {
            "recency": np.log1p(recency),
            "recency over 7 days": np.maximum(recency - 7, 0),
            "recency over 21 days": np.maximum(recency - 21, 0),
            "recency against own rhythm": ratio,
            "recency far above own rhythm": np.maximum(ratio - 1, 0),
            "rhythm": np.log1p(gap),
            "active days, 7": np.log1p(table["active_7"].to_numpy(float)),
            "active days, 30": np.log1p(now),
            "active days, 90": np.log1p(table["active_90"].to_numpy(float)),
            "events, 30 days": np.log1p(table["events_30"].to_numpy(float)),
            "trend": (now - before) / (now + before + 1),
            "tenure": np.log1p(tenure),
            "tenure under 90 days": np.maximum(90 - tenure, 0),
        }
        if "aum" in table:
            columns["balance"] = np.log1p(table["aum"].fillna(0).clip(lower=0).to_numpy(float))
            columns["balance change"] = table["aum_change"].fillna(0).to_numpy(float)
        for name in self.attributes:
            if name in self.middle_:
                value = table[name].astype(float)
                columns[name] = value.fillna(self.middle_[name]).to_numpy()
                columns[f"{name} missing"] = value.isna().to_numpy(float)
            else:
                value = table[name].astype(object).where(table[name].notna(), "")
                for level in self.levels_[name]:
                    columns[f"{name}={level}"] = (value == level).to_numpy(float)
        self.names_ = list(columns)
        return np.column_stack(list(columns.values()))


def table(
    days: ibis.Table,
    people: pd.DataFrame,
    balances: ibis.Table | pd.DataFrame | None,
    cutoff: date,
    *,
    attributes: Sequence[str],
    silent_days: int,
) -> pd.DataFrame:
    """Everything that is known on a cut-off day of those who were customers and active then, one row each.

    Parameters
    ----------
    days : lazy table
        As :func:`daily` gives.
    people : DataFrame
        ``customer_id, joined_date``, ``closed_date`` where known, and the attributes.
    balances : lazy table, DataFrame or None
    cutoff : date
    attributes : sequence of str
    silent_days : int
    """
    found = behaviour(days, cutoff, silent_days=silent_days)
    names = ["customer_id", "joined_date", *(["closed_date"] if "closed_date" in people else []), *attributes]
    found = found.merge(people[list(dict.fromkeys(names))], on="customer_id", how="inner")
    at = int(day_number(pd.Series([cutoff]))[0])
    joined = day_number(found["joined_date"])
    keep = joined <= at
    if "closed_date" in found:
        keep &= day_number(found["closed_date"]) > at
    found["tenure_days"] = at - joined
    found = found[keep].reset_index(drop=True)
    return found if balances is None else found.merge(money(balances, cutoff), on="customer_id", how="left")


def usable(people: pd.DataFrame) -> list[str]:
    """Columns of customers that are numbers or flags, or have at most 20 values."""
    skip = {"customer_id", "joined_date", "closed_date", "loaded_at"}
    names = []
    for name in people.columns:
        column = people[name]
        if name in skip or pd.api.types.is_datetime64_any_dtype(column):
            continue
        if pd.api.types.is_numeric_dtype(column) or column.nunique(dropna=True) <= _MOST_LEVELS:
            names.append(name)
    return names
