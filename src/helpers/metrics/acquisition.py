"""What winning customers costs and returns: funnel, AAC and LROI per channel, on people who had the time.

One clock for everything: a person counts from the first contact (``seen_at``). Registered and activated mean *within*
``activation_days`` of it; who was seen later than that before ``as_of`` is too young, counted and left out. For LROI
the money must have had ``value_days`` more.

AAC (cost per activated new customer) and LROI (return in the new-customer period over its marketing cost) are this
field's own measures and have no standard formula; the ones here are printed on the page.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from helpers.findings import SpokenError, Text
from helpers.metrics.assets import at_days, balance_days
from helpers.metrics.campaigns import as_date
from helpers.metrics.economics import Economics
from helpers.metrics.exact import exact_sum
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

TOTAL = "all"
CONVENTIONS = ("ratio", "net")


def funnel(bank: Bank, *, since: date, activation_days: int, alpha: float = 0.05) -> pd.DataFrame | None:
    """Awareness, acquisition, activation by channel.

    Parameters
    ----------
    bank : Bank
        With ``acquisitions``; None comes back without.
    since : date
        First day of first contacts that count.
    activation_days : int
        Days from the first contact within which registration and activation count.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame, one row a channel and one ``all``
        ``channel, n_eligible`` (seen, with all their days behind them), ``n_immature, n_registered, n_activated``,
        ``registered_share, registered_lower, registered_upper`` (of those seen), ``activated_share, activated_lower,
        activated_upper`` (of those registered), ``overall_share`` (activated of those seen). Wilson intervals.
    """
    if bank.acquisitions is None:
        return None
    people = _people(bank, since=since, activation_days=activation_days)
    sums = _by_channel(
        people,
        n_eligible=lambda t: t.mature.sum(),
        n_immature=lambda t: (~t.mature).sum(),
        n_registered=lambda t: (t.mature & t.registered_in).sum(),
        n_activated=lambda t: (t.mature & t.activated_in).sum(),
    )
    registered = wilson(sums["n_registered"], sums["n_eligible"], alpha=alpha)
    activated = wilson(sums["n_activated"], sums["n_registered"], alpha=alpha)
    return sums.assign(
        registered_share=_share(sums["n_registered"], sums["n_eligible"]),
        registered_lower=registered[0],
        registered_upper=registered[1],
        activated_share=_share(sums["n_activated"], sums["n_registered"]),
        activated_lower=activated[0],
        activated_upper=activated[1],
        overall_share=_share(sums["n_activated"], sums["n_eligible"]),
    )


def activated_cost(bank: Bank, *, since: date, activation_days: int, alpha: float = 0.05) -> pd.DataFrame | None:
    """AAC by channel: all cost of the people seen, over those of them who activated in time.

    Returns
    -------
    DataFrame, one row a channel and one ``all``
        ``channel, n_eligible, n_immature, n_activated, cost, aac, lower, upper, cac`` (cost over registered). The
        interval is the delta method's for a ratio of sums, on the log scale; empty where nobody activated.
    """
    if bank.acquisitions is None:
        return None
    people = _people(bank, since=since, activation_days=activation_days)
    mature = people.filter(people.mature).mutate(
        activated=lambda t: t.activated_in.cast("float64"), registered=lambda t: t.registered_in.cast("float64")
    )
    sums = _by_channel(mature, **_moments("cost", "activated"), n_registered=lambda t: t.registered.sum())
    ages = _by_channel(people, n_immature=lambda t: (~t.mature).sum()).set_index("channel")["n_immature"]
    ratio, low, high = ratio_of_sums(sums, alpha=alpha)
    return pd.DataFrame(
        {
            "channel": sums["channel"],
            "n_eligible": sums["n"].astype(int),
            "n_immature": sums["channel"].map(ages).fillna(0).astype(int),
            "n_activated": sums["sum_b"].astype(int),
            "cost": sums["sum_a"],
            "aac": ratio,
            "lower": low,
            "upper": high,
            "cac": _share(sums["sum_a"], sums["n_registered"]),
        }
    )


def return_on_cost(
    bank: Bank,
    *,
    since: date,
    activation_days: int,
    value_days: int,
    economics: Economics,
    convention: str = "ratio",
    alpha: float = 0.05,
) -> pd.DataFrame | None:
    """LROI by channel: value of the new-customer period over the marketing cost of the same people.

    Value of a registered person over ``value_days``: mean of what was held on the period's balance days since the
    first (0 from the account's closing on) × (spread − expected loss) × days/365, plus (fees − servicing) for each month with activity.

    Parameters
    ----------
    convention : {"ratio", "net"}
        ``ratio``: value over cost, 1 breaks even. ``net``: (value − cost) over cost, 0 breaks even.

    Returns
    -------
    DataFrame, one row a channel and one ``all``
        ``channel, n_eligible, n_immature, cost, value, lroi, lower, upper, break_even, break_even_spread`` (margin on
        assets a year at which value meets cost; empty where there are no assets).

    Raises
    ------
    ValueError
        If the convention is unknown.
    """
    if convention not in CONVENTIONS:
        raise SpokenError(
            Text(
                f"convention should be one of {', '.join(CONVENTIONS)}, not {convention!r}",
                f"convention 应为 {'、'.join(CONVENTIONS)} 之一，现为 {convention!r}",
            )
        )
    if bank.acquisitions is None:
        return None
    people = _people(bank, since=since, activation_days=activation_days, more_days=value_days)
    valued = _values(bank, people.filter(people.mature), value_days)
    money_margin = economics.margin_on_money(value_days)
    valued = valued.mutate(
        value=lambda t: t.mean_aum * money_margin + t.active_months * economics.margin_per_active_month
    )
    sums = _by_channel(
        valued,
        **_moments("value", "cost"),
        assets=lambda t: exact_sum(t.mean_aum),
        months=lambda t: exact_sum(t.active_months),
    )
    ages = _by_channel(people, n_immature=lambda t: (~t.mature).sum()).set_index("channel")["n_immature"]
    ratio, low, high = ratio_of_sums(sums, alpha=alpha)
    shift = 1.0 if convention == "net" else 0.0
    needed = sums["sum_b"] - sums["months"] * economics.margin_per_active_month
    spread = (needed / (sums["assets"] * value_days / 365)).where(sums["assets"] > 0) + economics.expected_loss
    return pd.DataFrame(
        {
            "channel": sums["channel"],
            "n_eligible": sums["n"].astype(int),
            "n_immature": sums["channel"].map(ages).fillna(0).astype(int),
            "cost": sums["sum_b"],
            "value": sums["sum_a"],
            "lroi": ratio - shift,
            "lower": low - shift,
            "upper": high - shift,
            "break_even": 1.0 - shift,
            "break_even_spread": spread,
        }
    )


def ratio_of_sums(sums: pd.DataFrame, *, alpha: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ratio Σa/Σb over independent people, with the delta method's interval.

    Parameters
    ----------
    sums : DataFrame
        ``n, sum_a, sum_b, sum_aa, sum_bb, sum_ab``.

    Returns
    -------
    (ratio, lower, upper) : arrays, (k,)
        On the log scale where the ratio is positive, so that a cost never has a negative bound; NaN where Σb is 0.

    References
    ----------
    Cochran (1977), Sampling Techniques, 3rd ed., §2.11.

    Examples
    --------
    >>> sums = {"n": [4], "sum_a": [8.0], "sum_b": [4.0], "sum_aa": [20.0], "sum_bb": [4.0], "sum_ab": [8.0]}
    >>> [float(x[0].round(3)) for x in ratio_of_sums(pd.DataFrame(sums))]
    [2.0, 1.136, 3.522]
    """
    n, a, b = (sums[name].to_numpy(dtype=float) for name in ("n", "sum_a", "sum_b"))
    aa, bb, ab = (sums[name].to_numpy(dtype=float) for name in ("sum_aa", "sum_bb", "sum_ab"))
    z = ndtri(1 - alpha / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(b > 0, a / b, np.nan)
        squares = np.maximum(aa - 2 * ratio * ab + ratio**2 * bb, 0.0) * n / np.maximum(n - 1, 1)
        error = np.where(n > 1, np.sqrt(squares) / b, np.nan)
        factor = np.exp(z * error / ratio)
        positive = ratio > 0
        lower = np.where(positive, ratio / factor, ratio - z * error)
        upper = np.where(positive, ratio * factor, ratio + z * error)
    return ratio, lower, upper


def monthly_response(bank: Bank, *, activation_days: int) -> pd.DataFrame | None:
    """Spend and activated customers by channel and month of first contact, whole and mature months only.

    Returns
    -------
    DataFrame
        ``channel, month, spend, n_seen, n_registered, n_activated``.
    """
    if bank.acquisitions is None:
        return None
    first = bank.acquisitions.seen_at.min().execute()
    if first is None or pd.isna(first):
        return pd.DataFrame(columns=["channel", "month", "spend", "n_seen", "n_registered", "n_activated"])
    people = _people(bank, since=first.date(), activation_days=activation_days)
    table = (
        people.mutate(month=people.seen_at.strftime("%Y-%m"))
        .group_by("channel", "month")
        .aggregate(
            spend=lambda t: exact_sum(t.cost),
            n_seen=lambda t: t.count(),
            n_registered=lambda t: t.registered_in.sum(),
            n_activated=lambda t: t.activated_in.sum(),
        )
        .order_by("channel", "month")
        .execute()
    )
    last = pd.Period(bank.as_of - timedelta(days=activation_days - 1), "M") - 1
    start = pd.Period(first.date(), "M") if first.day == 1 else pd.Period(first.date(), "M") + 1
    months = table["month"].map(pd.Period)
    return table[(months <= last) & (months >= start)].reset_index(drop=True)


def _people(bank: Bank, *, since: date, activation_days: int, more_days: int = 0) -> ir.Table:
    """Mark who had the time, who registered and who activated within it; lazily."""
    import ibis

    start = ibis.literal(datetime.combine(since, datetime.min.time()))
    youngest = datetime.combine(bank.as_of + timedelta(days=1 - activation_days - more_days), datetime.min.time())
    window = ibis.interval(days=activation_days)
    people = bank.acquisitions.filter(lambda t: t.seen_at >= start)
    return people.mutate(
        mature=lambda t: t.seen_at <= ibis.literal(youngest),
        registered_in=lambda t: (t.registered_at < t.seen_at + window).fill_null(False),
        activated_in=lambda t: (t.activated_at < t.seen_at + window).fill_null(False),
    )


def _values(bank: Bank, people: ir.Table, value_days: int) -> ir.Table:
    """Add mean assets and active months of the first ``value_days`` of each registered person; 0 for all others."""
    import ibis

    window = ibis.interval(days=value_days)
    starts = people.filter(people.registered_in).select(
        "customer_id", start=people.registered_at.date(), stop=(people.registered_at + window).date()
    )
    whole = bank.whole or bank
    seen = whole.at(as_of=bank.as_of)
    first, last = starts.aggregate(first=starts.start.min(), last=starts.stop.max()).execute().iloc[0]
    days = [day for day in balance_days(seen.balances) if not pd.isna(first) and as_date(first) <= day < as_date(last)]
    mine = seen.balances.semi_join(starts, "customer_id")
    held = at_days(mine, days, customers=seen.customers) if days else mine.mutate(day=mine.balance_date).limit(0)
    assets = (
        held.inner_join(starts, "customer_id")
        .filter(lambda t: (t.day >= t.start) & (t.day < t.stop))
        .group_by("customer_id")
        .aggregate(mean_aum=lambda t: exact_sum(t.aum) / t.count())
    )
    activity = whole.at(as_of=bank.as_of).activity
    months = (
        activity.select("customer_id", day=activity.occurred_at.date())
        .inner_join(starts, "customer_id")
        .filter(lambda t: (t.day >= t.start) & (t.day < t.stop))
        .group_by("customer_id")
        .aggregate(active_months=lambda t: (t.day.delta(t.start, unit="day") // 30).nunique())
    )
    return (
        people.left_join(assets, "customer_id")
        .drop("customer_id_right")
        .left_join(months, "customer_id")
        .drop("customer_id_right")
        .mutate(
            mean_aum=lambda t: t.mean_aum.fill_null(0.0),
            active_months=lambda t: t.active_months.fill_null(0).cast("float64"),
        )
    )


def _moments(a: str, b: str) -> dict[str, Any]:
    return {
        "n": lambda t: t.count(),
        "sum_a": lambda t: exact_sum(t[a]),
        "sum_b": lambda t: exact_sum(t[b]),
        "sum_aa": lambda t: exact_sum(t[a] * t[a]),
        "sum_bb": lambda t: exact_sum(t[b] * t[b]),
        "sum_ab": lambda t: exact_sum(t[a] * t[b]),
    }


def _by_channel(people: ir.Table, **sums: Any) -> pd.DataFrame:
    """Sum by channel, most people first, and add the total; sums add up, so the total comes from the rows."""
    size = next(iter(sums))
    table = people.group_by("channel").aggregate(**sums).execute()
    table[list(sums)] = table[list(sums)].fillna(0).astype(float)
    table = table.sort_values([size, "channel"], ascending=[False, True], ignore_index=True)
    total = pd.DataFrame([{"channel": TOTAL, **table[list(sums)].sum().to_dict()}])
    table = pd.concat([table, total], ignore_index=True)
    for column in sums:
        if column.startswith("n_"):
            table[column] = table[column].astype(int)
    return table


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return (part / whole.where(whole > 0)).astype(float)
