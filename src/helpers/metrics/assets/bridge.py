"""Growth accounting of AUM: who brought, added, withdrew and left, and what only the market did."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import ibis
import numpy as np
import pandas as pd

from helpers.metrics import months
from helpers.metrics.assets.balances import at_months, balance_days, totals_by_day, whole_months
from helpers.metrics.exact import exact_sum

if TYPE_CHECKING:
    import ibis.expr.types as ir

DAILY = 20  # balance days a month from which a daily mean is told
COMPONENTS = ("new", "resurrected", "expansion", "contraction", "lost")
_ADDS = ("new", "resurrected", "expansion")
COLUMNS = ["month", "aum_before", *(f"aum_{c}" for c in COMPONENTS), "aum", "aum_change"]
COLUMNS += ["net_new_money", "valuation", "n_carried", "n_holders"]


def aum_components(balances: ir.Table, *, customers: ir.Table | None = None, as_of: date | None = None) -> pd.DataFrame:
    """Change of month-end AUM by what happened to each customer, split into new money and valuation.

    Parameters
    ----------
    balances : lazy Ibis table (schema `Balances`)
    customers : lazy Ibis table (schema `Customers`), optional
        For ``closed_date``.
    as_of : date, optional

    Returns
    -------
    DataFrame, one row a month and component, from the second whole month on
        ``month``, ``component`` (``new`` first assets ever seen, ``resurrected`` from 0 back above it, ``expansion``,
        ``contraction``, ``lost`` down to 0, ``unchanged``), ``customers``, of them ``n_holders`` with assets, ``aum_before``, ``aum``, ``aum_change``
        (money, signed), ``net_new_money``, ``valuation`` (money, signed; NaN if any of the component's rows has no
        ``net_inflow``).
    """
    columns = [
        "month",
        "component",
        "customers",
        "n_holders",
        "aum_before",
        "aum",
        "aum_change",
        "net_new_money",
        "valuation",
    ]
    whole = whole_months(balances, as_of=as_of)
    if len(whole) < 2:
        return pd.DataFrame(columns=columns)
    counted = _counted(balances, whole, customers)
    counted = counted[counted["month"] != months.write(whole[0])]
    counted["valuation"] = counted["aum_change"] - counted["net_new_money"]
    return counted[columns].reset_index(drop=True)


def aum_bridge(balances: ir.Table, *, customers: ir.Table | None = None, as_of: date | None = None) -> pd.DataFrame:
    """Growth accounting of month-end AUM in sums that are exact, one row a month.

    ``aum = aum_before + new + resurrected + expansion − contraction − lost``, and the change is also
    ``net_new_money + valuation`` where the bank delivers ``net_inflow``. Without it new money and valuation can't be
    told apart, and both columns are NaN.

    Parameters
    ----------
    balances : lazy Ibis table (schema `Balances`)
    customers : lazy Ibis table (schema `Customers`), optional
        For ``closed_date``: assets are 0 from the month of closing on.
    as_of : date, optional
        Last day that is seen; only months whose end the balances reach are counted.

    Returns
    -------
    DataFrame, one row a month from the second whole month on
        ``month``; ``aum_before``, ``aum_new``, ``aum_resurrected``, ``aum_expansion``, ``aum_contraction``,
        ``aum_lost`` (money, all ≥ 0), ``aum``, ``aum_change``, ``net_new_money``, ``valuation`` (money);
        ``n_carried`` customers whose balance was carried forward; ``n_holders`` customers with assets.

    Examples
    --------
    >>> rows = [("a", "2025-01-31", 100.0), ("b", "2025-01-31", 50.0), ("a", "2025-02-28", 130.0),
    ...         ("b", "2025-02-28", 0.0), ("c", "2025-02-28", 20.0)]
    >>> book = ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "balance_date", "aum"])
    ...     .assign(balance_date=lambda t: pd.to_datetime(t.balance_date)))
    >>> aum_bridge(book)[["aum_before", "aum_new", "aum_expansion", "aum_lost", "aum"]].values.tolist()
    [[150.0, 20.0, 30.0, 50.0, 150.0]]
    """
    whole = whole_months(balances, as_of=as_of)
    if len(whole) < 2:
        return pd.DataFrame(columns=COLUMNS)
    counted = _counted(balances, whole, customers)
    index = pd.Index([months.write(m) for m in whole], name="month")

    def total(column: str, component: str = "") -> pd.Series:
        rows = counted if not component else counted[counted["component"] == component]
        return rows.groupby("month")[column].sum().reindex(index, fill_value=0)

    table = pd.DataFrame(index=index)
    for component in COMPONENTS:
        sign = 1.0 if component in _ADDS else -1.0
        # Adding 0.0 turns the −0.0 of an empty component into 0.0.
        table[f"aum_{component}"] = sign * total("aum_change", component) + 0.0
    table["aum"] = total("aum")
    table["aum_before"] = table["aum"].shift(1, fill_value=0.0)
    table["aum_change"] = table["aum"] - table["aum_before"]
    unknown = counted["net_new_money"].isna() & (counted["component"] != "unchanged")
    has_gap = unknown.groupby(counted["month"]).any().reindex(index, fill_value=False)
    table["net_new_money"] = total("net_new_money").where(~has_gap, np.nan)
    table["valuation"] = table["aum_change"] - table["net_new_money"]
    table["n_carried"] = total("n_carried").astype("int64")
    table["n_holders"] = total("n_holders").astype("int64")
    return table.iloc[1:].reset_index()[COLUMNS]


def aum_by_month(balances: ir.Table, *, customers: ir.Table | None = None, as_of: date | None = None) -> pd.DataFrame:
    """Assets at every month's end, and their daily average where balances come daily.

    Quarter-end window-dressing shows in the gap between the two.

    Returns
    -------
    DataFrame, one row a whole month
        ``month``, ``aum`` (money, end of month), ``aum_daily_mean`` (money, over the month's balance days; NaN if it has
        fewer than 20), ``n_balance_days``.
    """
    whole = whole_months(balances, as_of=as_of)
    if not whole:
        return pd.DataFrame(columns=["month", "aum", "aum_daily_mean", "n_balance_days"])
    ends = at_months(balances, whole, customers=customers)
    ends = ends.group_by("month").aggregate(aum=exact_sum(ends.aum)).to_pandas()
    found = {pd.Timestamp(m).date(): float(a) for m, a in zip(ends["month"], ends["aum"], strict=True)}
    days = balance_days(balances)
    n_days = Counter(months.start_of(day) for day in days)
    averages = {}
    if max(n_days.values()) >= DAILY:
        by_day = totals_by_day(balances, days, customers=customers)
        averages = by_day.groupby([months.start_of(day) for day in days]).mean().to_dict()
    rows = []
    for month in whole:
        mean = averages[month] if n_days[month] >= DAILY else float("nan")
        rows.append((months.write(month), found.get(month, 0.0), mean, n_days[month]))
    return pd.DataFrame(rows, columns=["month", "aum", "aum_daily_mean", "n_balance_days"])


def _counted(balances: ir.Table, whole: list[date], customers: ir.Table | None) -> pd.DataFrame:
    """Sums by month and component, made in the engine."""
    ends = at_months(balances, whole, customers=customers)
    row = ibis.window(group_by=ends.customer_id, order_by=ends.month)
    earlier = ibis.window(group_by=ends.customer_id, order_by=ends.month, preceding=(None, 1))
    ends = ends.mutate(
        before=ibis.coalesce(ends.aum.lag().over(row), 0.0),
        most_before=ibis.coalesce(ends.aum.max().over(earlier), 0.0),
    )
    component = ibis.cases(
        ((ends.before == 0) & (ends.aum > 0) & (ends.most_before <= 0), "new"),
        ((ends.before == 0) & (ends.aum > 0), "resurrected"),
        ((ends.before > 0) & (ends.aum == 0), "lost"),
        # Overdrafts (where a bank nets them) only ever expand or contract: nobody is won or lost by them.
        (ends.aum > ends.before, "expansion"),
        (ends.aum < ends.before, "contraction"),
        else_="unchanged",
    )
    # A carried balance has no flow of its own. Who closes the account takes out what is left.
    inflow = ibis.cases((ends.is_carried, ends.aum - ends.before), else_=ends.net_inflow - ends.taken)
    ends = ends.mutate(component=component, inflow=inflow)
    table = (
        ends.group_by("month", "component")
        .aggregate(
            customers=ends.count(),
            aum_before=exact_sum(ends.before),
            aum=exact_sum(ends.aum),
            net_new_money=exact_sum(ends.inflow),
            n_known=ends.inflow.count(),
            n_carried=ends.is_carried.cast("int64").sum(),
            n_holders=(ends.aum > 0).cast("int64").sum(),
        )
        .to_pandas()
    )
    table["month"] = [months.write(pd.Timestamp(m).date()) for m in table["month"]]
    table["net_new_money"] = (
        table["net_new_money"].astype("float64").where(table["n_known"] == table["customers"], np.nan)
    )
    table["aum_change"] = table["aum"] - table["aum_before"]
    return table.sort_values(["month", "component"], ignore_index=True)
