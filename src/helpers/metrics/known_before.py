"""What the bank knew of customers before a day: the only things that a choice of whom to treat may stand on.

Attributes without a date (such as payroll) may have changed since, by the campaign even, and are left out. So is gender:
a campaign may be made for women, but whom it leaves out should not be decided by it.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from helpers.metrics.assets import at_days

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.bank import Bank

HISTORY_DAYS = 90
FEATURES = (
    "active_days_7",
    "active_days_28",
    "active_days_90",
    "recency_days",
    "aum_before",
    "age_years",
    "tenure_days",
    "city_tier",
    "branch_distance_km",
)


def known_before(bank: Bank, customers: ir.Table, day: date) -> pd.DataFrame:
    """Features of customers that end before a day.

    Parameters
    ----------
    bank : Bank
    customers : lazy table
        With ``customer_id``, one row a customer.
    day : date
        First day that is *not* seen: the launch.

    Returns
    -------
    DataFrame, one row a customer, sorted by ``customer_id``
        ``customer_id`` and, as float64, of `FEATURES` those that the bank's tables give: ``active_days_7``,
        ``active_days_28``, ``active_days_90`` (distinct active days in the last so many days), ``recency_days`` (since the
        last active day, `HISTORY_DAYS` + 1 where there is none), ``aum_before`` (what is held on the day before, 0
        without any balance by then), ``age_years``, ``tenure_days``, ``city_tier``, ``branch_distance_km`` (nan where unknown).
    """
    import ibis

    launch = ibis.literal(day)
    start, end = (datetime.combine(one, time.min) for one in (day - timedelta(days=HISTORY_DAYS), day))
    log = bank.activity.filter(
        lambda t: (t.occurred_at >= ibis.literal(start)) & (t.occurred_at < ibis.literal(end))
    ).semi_join(customers, "customer_id")
    days = log.select("customer_id", day=log.occurred_at.date()).distinct()
    ago = launch.delta(days.day, unit="day")
    activity = days.group_by("customer_id").aggregate(
        active_days_7=(ago <= 7).sum(),
        active_days_28=(ago <= 28).sum(),
        active_days_90=days.count(),
        recency_days=ago.min(),
    )
    balances = bank.balances.semi_join(customers, "customer_id")
    held = at_days(balances, [day - timedelta(days=1)], customers=bank.customers)
    money = held.select("customer_id", aum_before=held.aum)
    about = bank.customers.semi_join(customers, "customer_id")
    given = {
        "age_years": lambda: day.year - about.birth_year,
        "tenure_days": lambda: launch.delta(about.joined_date, unit="day"),
        "city_tier": lambda: about.city_tier,
        "branch_distance_km": lambda: about.branch_distance_km,
    }
    needs = {"age_years": "birth_year", "tenure_days": "joined_date"}
    columns = {name: make() for name, make in given.items() if needs.get(name, name) in about.columns}
    table = about.select("customer_id", **columns)
    for part in (activity, money):
        table = table.left_join(part, "customer_id").drop("customer_id_right")
    frame = table.execute().sort_values("customer_id", ignore_index=True)
    names = [name for name in FEATURES if name in frame.columns]
    frame[names] = frame[names].astype("float64")
    never = {"active_days_7": 0.0, "active_days_28": 0.0, "active_days_90": 0.0, "recency_days": HISTORY_DAYS + 1.0}
    return frame[["customer_id", *names]].fillna({**never, "aum_before": 0.0})
