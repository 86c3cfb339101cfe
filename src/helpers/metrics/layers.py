"""Layers of customers: recency, frequency and value of each, RFM groups, the grid of value by activity.

The customer-level frame is aggregated in the engine; everything after it is pandas.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.findings import SpokenError, Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.exact import exact_sum

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

RECENT_DAYS = 90
HIGH_SHARE = 0.2
MIDDLE_OF_REST = 3 / 8  # of the customers below the high tier
MONTH_DAYS = 30
FREQUENT_DAYS = 4  # active days in the last 30 from which a customer counts as a frequent one: about once a week
VALUE_TIERS = ("high", "middle", "low", "none")
ACTIVITY_TIERS = ("frequent", "occasional", "silent")
RFM_GROUPS = (
    "important_value",
    "important_develop",
    "important_keep",
    "important_win_back",
    "general_value",
    "general_develop",
    "general_keep",
    "general_win_back",
)


def open_customers(bank: Bank) -> ir.Table:
    """Return the customers who have not closed their account by ``bank.as_of``, as a lazy table."""
    customers = bank.customers
    if "closed_date" not in customers.columns:
        return customers
    return customers.filter(customers.closed_date.isnull())


def last_balances(bank: Bank) -> ir.Table:
    """Return each customer's last balance up to ``bank.as_of``, lazy: ``customer_id, balance_date, aum, loan``.

    A customer without a row on the newest balance day keeps the last one known, as everywhere in the metrics (a bank
    may deliver only changes); who closed the last account by then has none.
    """
    rows = bank.balances
    last = rows.group_by("customer_id").aggregate(
        aum=rows.aum.argmax(rows.balance_date),
        # A hole in the loan says nothing of the day: the last row counts, not the last loan.
        loan=rows.loan.fill_null(0.0).argmax(rows.balance_date),
        balance_date=rows.balance_date.max(),
    )
    if "closed_date" in bank.customers.columns:
        closed = bank.customers.filter(bank.customers.closed_date.notnull())
        last = last.anti_join(closed, "customer_id")
    return last.select("customer_id", "balance_date", "aum", "loan")


def customer_layers(
    bank: Bank, *, recent_days: int = RECENT_DAYS, silent_days: int = 60, high_share: float = HIGH_SHARE
) -> pd.DataFrame:
    """One row an open customer: how recent, how frequent, how much, and the tiers that follow.

    Parameters
    ----------
    bank : Bank
        As seen on ``bank.as_of``.
    recent_days : int
        Days up to ``as_of`` over which frequency is counted.
    silent_days : int
        Days without activity from which a customer counts as silent.
    high_share : float
        Share of the customers with assets who make up the ``high`` tier; the next three eighths of the rest are
        ``middle`` (with 0.2: the top fifth, then three tenths, then the lower half).

    Returns
    -------
    DataFrame, one row an open customer
        ``customer_id``; ``days_since_active`` (whole days; NaN if never seen active in the log);
        ``active_days_recent`` (distinct days in the last ``recent_days``); ``active_days_month`` (in the last 30);
        ``aum`` (last balance; 0 if none); ``value_tier`` (one of :data:`VALUE_TIERS`); ``activity_tier`` (one of
        :data:`ACTIVITY_TIERS`).

    Raises
    ------
    ValueError
        If a number of days is below 1 or ``high_share`` is not between 0 and 1.
    """
    for name, value in (("recent_days", recent_days), ("silent_days", silent_days)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise SpokenError(
                Text(
                    f"{name} must be a whole number of days, at least 1, not {value!r}",
                    f"{name} 应为不小于 1 的整数（天），现为 {value!r}",
                )
            )
    if not 0 < high_share < 1:
        raise SpokenError(
            Text(
                f"high_share must lie between 0 and 1, not {high_share!r}",
                f"high_share 应在 0 到 1 之间，现为 {high_share!r}",
            )
        )
    people = open_customers(bank).select("customer_id")
    habits = _habits(bank.activity, bank.as_of, recent_days)
    money = last_balances(bank).group_by("customer_id").aggregate(aum=lambda t: exact_sum(t.aum))
    rows = people.left_join(habits, "customer_id").drop("customer_id_right")
    rows = rows.left_join(money, "customer_id").drop("customer_id_right")
    table = rows.to_pandas()
    last = pd.to_datetime(table.pop("last_day"))
    table["days_since_active"] = (pd.Timestamp(bank.as_of) - last).dt.days.astype(float)
    for column in ("active_days_recent", "active_days_month"):
        table[column] = table[column].fillna(0).astype(np.int64)
    table["aum"] = table["aum"].fillna(0.0).astype(float)
    table["value_tier"] = value_tiers(table["aum"], high_share=high_share)
    table["activity_tier"] = activity_tiers(table, silent_days=silent_days)
    return table.sort_values("customer_id", ignore_index=True)[
        [
            "customer_id",
            "days_since_active",
            "active_days_recent",
            "active_days_month",
            "aum",
            "value_tier",
            "activity_tier",
        ]
    ]


def _habits(activity: ir.Table, as_of: date, recent_days: int) -> ir.Table:
    import ibis

    days = activity.select(customer_id=activity.customer_id, day=activity.occurred_at.date()).distinct()
    recent = ibis.literal(as_of - timedelta(days=recent_days - 1))
    month = ibis.literal(as_of - timedelta(days=MONTH_DAYS - 1))
    return days.group_by("customer_id").aggregate(
        last_day=days.day.max(),
        active_days_recent=days.day.count(where=days.day >= recent),
        active_days_month=days.day.count(where=days.day >= month),
    )


def value_tiers(aum: pd.Series, *, high_share: float = HIGH_SHARE) -> pd.Categorical:
    """Sort customers into value tiers by the rank of their assets.

    Ranks instead of amounts: the tiers mean the same in a village bank and in a private one, in any currency. Equal
    amounts fall into the same tier.

    Examples
    --------
    >>> list(value_tiers(pd.Series([0.0, 10.0, 20.0, 30.0, 900.0])))
    ['none', 'low', 'low', 'middle', 'high']
    """
    has = aum > 0
    rank = aum[has].rank(pct=True, method="average")
    middle = (1 - high_share) * (1 - MIDDLE_OF_REST)
    tiers = pd.Series("none", index=aum.index)
    tiers[rank.index] = np.select([rank > 1 - high_share, rank > middle], ["high", "middle"], "low")
    return pd.Categorical(tiers, categories=list(VALUE_TIERS), ordered=True)


def activity_tiers(table: pd.DataFrame, *, silent_days: int) -> pd.Categorical:
    """Sort customers into activity tiers: frequent, occasional, silent (see :func:`customer_layers`)."""
    silent = ~(table["days_since_active"] < silent_days)
    frequent = table["active_days_month"] >= FREQUENT_DAYS
    return pd.Categorical(
        np.select([silent, frequent], ["silent", "frequent"], "occasional"),
        categories=list(ACTIVITY_TIERS),
        ordered=True,
    )


def value_activity_grid(layers: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE) -> pd.DataFrame:
    """Count the cells of value tier by activity tier.

    Parameters
    ----------
    layers : DataFrame
        From :func:`customer_layers`, or some of its rows.
    min_group_size : int
        Cells with fewer customers are masked: ``is_masked`` is True, counts and amounts are missing.

    Returns
    -------
    DataFrame, ``len(VALUE_TIERS) * len(ACTIVITY_TIERS)`` rows
        ``value_tier``, ``activity_tier``, ``customers``, ``share`` (of all customers given), ``aum`` (sum),
        ``aum_share``, ``aum_each`` (mean), ``group`` (what to do with them: ``keep``, ``win_back``, ``potential``,
        ``base``), ``is_masked``. An empty cell has 0 customers and is not masked.
    """
    counts = (
        layers.groupby(["value_tier", "activity_tier"], observed=False)["aum"]
        .agg(customers="size", aum="sum")
        .reset_index()
    )
    total, money = len(layers), layers["aum"].sum()
    counts["share"] = counts["customers"] / total if total else np.nan
    counts["aum_share"] = counts["aum"] / money if money else np.nan
    counts["aum_each"] = counts["aum"] / counts["customers"].where(counts["customers"] > 0)
    value, activity = counts["value_tier"].astype(str), counts["activity_tier"].astype(str)
    counts["value_tier"], counts["activity_tier"] = value, activity
    worthy = value.isin(["high", "middle"])
    counts["group"] = np.select(
        [(value == "high") & (activity != "silent"), worthy & (activity == "silent"), activity != "silent"],
        ["keep", "win_back", "potential"],
        "base",
    )
    counts["is_masked"] = (counts["customers"] > 0) & (counts["customers"] < min_group_size)
    numbers = ["customers", "aum", "share", "aum_share", "aum_each"]
    counts[numbers] = counts[numbers].astype(float).where(~counts["is_masked"])
    return counts[
        ["value_tier", "activity_tier", "customers", "share", "aum", "aum_share", "aum_each", "group", "is_masked"]
    ]


def rfm_groups(layers: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE) -> pd.DataFrame:
    """Sort customers into the eight RFM groups and count them.

    A customer is high in recency, frequency or money where it is at or above the median of those with any: the usual
    three yes-or-no questions, which eight names answer. Those never seen active are low in recency and frequency.

    Parameters
    ----------
    layers : DataFrame
        From :func:`customer_layers`.
    min_group_size : int
        Smaller groups are joined into the row ``other``.

    Returns
    -------
    DataFrame, one row a group that has customers, largest assets first
        ``rfm_group``, ``customers``, ``share``, ``aum``, ``aum_share``, ``aum_each``, ``median_days_since_active``,
        ``mean_active_days`` (in the recent window).
    """
    names = rfm_group_of(layers)
    sizes = names.value_counts()
    small = sizes.index[(sizes > 0) & (sizes < min_group_size)]
    names = names.where(~names.isin(small), "other")
    table = (
        layers.assign(rfm_group=names)
        .groupby("rfm_group")
        .agg(
            customers=("aum", "size"),
            aum=("aum", "sum"),
            median_days_since_active=("days_since_active", "median"),
            mean_active_days=("active_days_recent", "mean"),
        )
        .reset_index()
    )
    money = table["aum"].sum()
    table["share"] = table["customers"] / max(len(layers), 1)
    table["aum_share"] = table["aum"] / money if money else np.nan
    table["aum_each"] = table["aum"] / table["customers"]
    table = table.sort_values(["aum", "rfm_group"], ascending=[False, True], ignore_index=True)
    return table[
        [
            "rfm_group",
            "customers",
            "share",
            "aum",
            "aum_share",
            "aum_each",
            "median_days_since_active",
            "mean_active_days",
        ]
    ]


def rfm_group_of(layers: pd.DataFrame) -> pd.Series:
    """Return the RFM group of each row, one of :data:`RFM_GROUPS`.

    Examples
    --------
    >>> rows = pd.DataFrame({"days_since_active": [1.0, 50.0], "active_days_recent": [9, 1], "aum": [10.0, 900.0]})
    >>> list(rfm_group_of(rows))
    ['general_value', 'important_win_back']
    """
    since, often, money = layers["days_since_active"], layers["active_days_recent"], layers["aum"]
    recent = since <= since.median()
    frequent = (often > 0) & (often >= often[often > 0].median())
    rich = (money > 0) & (money >= money[money > 0].median())
    kind = np.select(
        [recent & frequent, recent & ~frequent, ~recent & frequent], ["value", "develop", "keep"], "win_back"
    )
    return pd.Series(np.where(rich, "important_", "general_"), index=layers.index) + kind
