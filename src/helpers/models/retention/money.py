"""How long money stays: the share of what came with a payout that is still there day by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import numpy as np
import pandas as pd

from helpers.metrics.exact import exact_sum
from helpers.models.retention import columns as col
from helpers.models.retention.curves import bounds
from helpers.models.retention.left_out import carry
from helpers.models.retention.left_out import entry as left_out_entry

NEW = "new"
ALL = "all"
_CHUNK = 20_000
# Longest wait for the balance that shows that the horizon was reached: two months.
_NEXT_BALANCE = 62
CAMPAIGN_DAYS, BASE_MONTHS = 30, 3


def money_survival(
    balances: ibis.Table | pd.DataFrame,
    rewards: ibis.Table | pd.DataFrame,
    *,
    horizon_days: int = 90,
    by: str | Sequence[str] | None = None,
    of: str = NEW,
    campaign_days: int = CAMPAIGN_DAYS,
    base_months: int = BASE_MONTHS,
    as_of: date | str | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Share of the money that came with a payout that is still there on every day after it.

    Each unit of money is a spell: it begins at the payout and lapses on the first balance day on which it
    is no longer there; money that leaves and comes back has left. Customers whose balances end early are
    censored, so a recent payout is not flattered. The intervals are by customer, since one customer's
    money moves together.

    Parameters
    ----------
    balances : lazy Ibis table or DataFrame (schema `Balances`)
        ``customer_id``, ``balance_date``, ``aum``; daily or month-end (a loss is dated on the balance day
        that shows it).
    rewards : lazy Ibis table or DataFrame (schema `Rewards`)
        ``customer_id``, ``rewarded_at``, the ``by`` columns; the first payout of a customer in a group
        counts.
    horizon_days : int
        Last day after the payout.
    by : str or list of str, optional
        Columns of ``rewards``, such as ``campaign_id`` or ``kind``.
    of : {"new", "all"}
        ``new``: what stood above the customer's usual level at the payout; ``all``: all that the customer
        had then.
    campaign_days : int
        Days before the payout in which the money may have come; they are no part of the usual level.
    base_months : int
        The usual level is the highest of the averages over so many 30-day windows before that.
    as_of : date or ISO text, optional
        Nothing after this day is seen.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame, ``n_groups * (horizon_days + 1)`` rows
        The ``by`` columns, ``day`` since the payout; ``at_risk`` and ``lost`` (money); ``kept`` with
        ``lower``, ``upper`` (share of the money 0–1); ``n`` (customers with such money); ``n_eligible``,
        ``n_immature`` (customers whose balances reach the day, or do not). The curve ends (rows are
        absent) where nobody's balances reach; :func:`left_out` tells who had no such money.

    Raises
    ------
    KeyError, ValueError
        A column or setting is wrong; no customer brought money; no balance reaches past the payout.

    References
    ----------
    Kaplan and Meier (1958) with money as weight; variance by influence functions summed over customers
    (Reid 1981, Biometrika 68). The base: durable AUM, this project's own definition.

    Examples
    --------
    >>> rewards = pd.DataFrame({"customer_id": ["a", "b"], "rewarded_at": pd.to_datetime(["2025-06-30"] * 2)})
    >>> days = pd.to_datetime(["2025-05-20", "2025-06-30", "2025-07-31", "2025-08-31"])
    >>> balances = pd.DataFrame({"customer_id": ["a"] * 4 + ["b"] * 4, "balance_date": list(days) * 2,
    ...     "aum": [0.0, 100, 100, 40, 50, 150, 50, 150]})
    >>> money_survival(balances, rewards, horizon_days=62).query("day in (30, 31, 62)")["kept"].round(3).tolist()
    [1.0, 0.5, 0.2]
    """
    horizon, alpha = col.check_horizon(horizon_days), col.check_alpha(alpha)
    campaign_days = col.check_horizon(campaign_days, name="campaign_days")
    base_months = col.check_horizon(base_months, name="base_months")
    if of not in (NEW, ALL):
        raise ValueError(f"of must be {NEW!r} or {ALL!r}, not {of!r}")
    names = col.check_by(by)
    paid = _payouts(rewards, names, as_of)
    rows = _around(paid, balances, names, *reach_of_money(horizon, campaign_days, base_months), as_of)
    people = _levels(rows, names, campaign_days, base_months)
    # The engine's threads hand rows over in any order; sums of money in another order end in other last digits.
    levels = people.to_pandas().sort_values(["customer_id", *names], ignore_index=True)
    n_paid = paid.count().to_pandas()
    start, base = levels["start"].to_numpy(float), levels["base"].to_numpy(float)
    base = np.zeros_like(base) if of == ALL else base
    money = start - base
    reach = levels["reach"].to_numpy(float)
    no_base, no_money = np.isnan(money), money <= 0
    no_after = ~no_base & ~no_money & ~(reach > 0)
    keep = ~(no_base | no_money | no_after)
    lines = [
        left_out_entry("no_base_before_payout", int(no_base.sum()) + int(n_paid) - len(levels)),
        left_out_entry("no_new_money", int((no_money & ~no_base).sum())),
        left_out_entry("no_balance_after_payout", int(no_after.sum())),
    ]
    if not keep.any():
        told = "; ".join(f"{line['n']} {line['reason']}" for line in lines if line["n"])
        raise ValueError(f"rewards leave no customer whose money can be followed: {told or 'there is none'}")
    people_kept = levels[keep].reset_index(drop=True)
    people_kept["reach"] = np.minimum(reach[keep], horizon).astype(int)
    people_kept["money"], people_kept["base_used"] = money[keep], base[keep]
    falls = _falls(rows, names).to_pandas()
    table = _curves(people_kept, falls, names, horizon, alpha)
    return carry(table, *lines)


def reach_of_money(
    horizon_days: int, campaign_days: int = CAMPAIGN_DAYS, base_months: int = BASE_MONTHS
) -> tuple[int, int]:
    """Days before a payout and days after it whose balances :func:`money_survival` looks at."""
    # A balance stands until the next one: month-end balances past the horizon tell that it was reached.
    return campaign_days + 30 * base_months, horizon_days + _NEXT_BALANCE


def _table(table: object, name: str, needed: Sequence[str]) -> ibis.Table:
    if not isinstance(table, pd.DataFrame | ibis.Table):
        raise TypeError(f"{name} must be an Ibis table or a DataFrame, not {type(table).__name__}")
    missing = [c for c in needed if c not in table.columns]
    if missing:
        raise KeyError(f"{name} lacks the column(s) {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    return ibis.memtable(table[list(needed)].reset_index(drop=True)) if isinstance(table, pd.DataFrame) else table


def _limit(as_of: date | str | None) -> date | None:
    return None if as_of is None else pd.Timestamp(as_of).date()


def _payouts(rewards: object, names: list[str], as_of: date | str | None) -> ibis.Table:
    table = _table(rewards, "rewards", ["customer_id", "rewarded_at", *names])
    table = table.mutate(paid_on=table.rewarded_at.cast("date"))
    if as_of is not None:
        table = table.filter(table.paid_on <= ibis.literal(_limit(as_of)))
    return table.group_by(["customer_id", *names]).aggregate(paid_on=table.paid_on.min())


def _around(
    paid: ibis.Table, balances: object, names: list[str], before: int, after: int, as_of: date | str | None
) -> ibis.Table:
    """Balances of paid customers with their distance in days from the payout."""
    table = _table(balances, "balances", ["customer_id", "balance_date", "aum"])
    slim = table.select(
        customer_id=table.customer_id, balance_on=table.balance_date.cast("date"), aum=table.aum.cast("float64")
    )
    if as_of is not None:
        slim = slim.filter(slim.balance_on <= ibis.literal(_limit(as_of)))
    rows = slim.inner_join(paid, "customer_id")
    rows = rows.mutate(after=rows.balance_on.delta(rows.paid_on, unit="day"))
    odd = rows.filter(rows.aum.isnull() | rows.aum.isnan() | rows.aum.isinf())
    n_odd = int(odd.count().to_pandas())
    if n_odd:
        first = odd.order_by(["balance_on", "customer_id"]).limit(1).to_pandas().iloc[0]
        raise ValueError(
            f"balances has {n_odd} row(s) of paid customers without a finite aum, the first on {first.balance_on}: "
            f"{first.aum}; every balance must be a number"
        )
    return rows.filter((rows.after >= -before) & (rows.after <= after)).select("customer_id", *names, "after", "aum")


def _levels(rows: ibis.Table, names: list[str], campaign_days: int, base_months: int) -> ibis.Table:
    """Per customer: balance at the payout, usual level before, last balance day after."""
    upto = rows.after <= 0
    measures = {"start": rows.aum.argmax(rows.after, where=upto), "reach": rows.after.max()}
    for k in range(base_months):
        newest = -campaign_days - 30 * k
        inside = (rows.after < newest) & (rows.after >= newest - 30)
        total = exact_sum(inside.ifelse(rows.aum, ibis.null("float64")))
        measures[f"window_{k}"] = total / inside.ifelse(rows.aum, ibis.null("float64")).count().nullif(0)
    table = rows.group_by(["customer_id", *names]).aggregate(**measures)
    windows = [ibis.coalesce(table[f"window_{k}"], ibis.literal(-1.0)) for k in range(base_months)]
    highest = ibis.greatest(*windows) if base_months > 1 else windows[0]
    base = ibis.ifelse(highest < 0, ibis.null("float64"), highest)
    return table.select("customer_id", *names, "start", "reach", base=base)


def _falls(rows: ibis.Table, names: list[str]) -> ibis.Table:
    """Days on which a customer's lowest balance since the payout fell further."""
    after = rows.filter(rows.after > 0)
    keys = ["customer_id", *names]
    running = after.mutate(
        low=after.aum.min().over(
            ibis.window(group_by=[after[k] for k in keys], order_by=after.after, preceding=None, following=0)
        )
    )
    return running.group_by([*keys, "low"]).aggregate(after=running.after.min()).select(*keys, "after", "low")


def _curves(people: pd.DataFrame, falls: pd.DataFrame, names: list[str], horizon: int, alpha: float) -> pd.DataFrame:
    keys = ["customer_id", *names]
    people = people.assign(person=np.arange(len(people)))
    falls = falls.merge(people[[*keys, "person"]], on=keys, how="inner")
    falls = falls[falls["after"] <= people["reach"].max()]
    falls = falls.sort_values(["person", "after"], kind="stable")
    groups = [((), people)] if not names else list(people.groupby(names, sort=True, dropna=False))
    tables = []
    for label, part in groups:
        own = falls[falls["person"].isin(part["person"])] if names else falls
        curve = _one_curve(part, own, horizon, alpha)
        label = label if isinstance(label, tuple) else (label,)
        for i, name in enumerate(names):
            curve.insert(i, name, label[i])
        tables.append(curve)
    return pd.concat(tables, ignore_index=True)


def _one_curve(people: pd.DataFrame, falls: pd.DataFrame, horizon: int, alpha: float) -> pd.DataFrame:
    """Weighted product-limit curve of one group with a variance that is robust to customers' own streaks."""
    n, days = len(people), horizon + 1
    money = people["money"].to_numpy(float)
    reach = people["reach"].to_numpy(int)
    order = pd.Series(np.arange(n), index=people["person"].to_numpy())
    person = order.loc[falls["person"]].to_numpy()
    left = np.clip(falls["low"].to_numpy(float) - people["base_used"].to_numpy(float)[person], 0.0, money[person])
    # What a fall takes: the money kept before it less the money kept after it.
    first = np.r_[True, person[1:] != person[:-1]] if len(person) else np.zeros(0, dtype=bool)
    before = np.where(first, money[person], np.r_[0.0, left[:-1]]) if len(person) else left
    loss = before - left
    after = falls["after"].to_numpy(int)

    lost = np.bincount(after, loss, minlength=days)
    kept_to_end = money - np.bincount(person, loss, minlength=n)
    gone = np.bincount(reach, kept_to_end, minlength=days)
    at_risk = money.sum() - np.concatenate([[0.0], np.cumsum(lost + gone)[:-1]])
    at_risk[at_risk < 1e-9 * money.sum()] = 0.0
    watched = at_risk > 0
    rate = np.divide(lost, at_risk, out=np.zeros(days), where=watched)
    rate = np.minimum(rate, 1.0)
    kept = np.cumprod(1 - rate)
    rest = at_risk - lost
    safe = rest > 1e-9 * money.sum()
    variance = np.zeros(days)
    for start in range(0, n, _CHUNK):
        stop = min(start + _CHUNK, n)
        inside = (person >= start) & (person < stop)
        own_loss = np.zeros((stop - start, days))
        np.add.at(own_loss, (person[inside] - start, after[inside]), loss[inside])
        own_risk = money[start:stop, None] - np.cumsum(own_loss, axis=1) + own_loss
        own_risk = np.where(np.arange(days) <= reach[start:stop, None], own_risk, 0.0)
        change = np.divide(own_loss - own_risk * rate, rest, out=np.zeros_like(own_loss), where=safe)
        variance += (np.cumsum(change, axis=1) ** 2).sum(axis=0)
    lower, upper = bounds(kept, variance, alpha)
    immature = np.concatenate([[0], np.cumsum(np.bincount(reach, minlength=days))[:-1]])
    table = pd.DataFrame(
        {
            "day": np.arange(days),
            "at_risk": at_risk,
            "lost": lost,
            "kept": kept,
            "lower": lower,
            "upper": upper,
            "n": n,
            "n_eligible": n - immature,
            "n_immature": immature,
        }
    )
    return table[(table["day"] <= reach.max()) | (table["kept"] == 0)]
