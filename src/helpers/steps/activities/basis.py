"""Whom the campaign can treat, and what they did in a past period of the same length: the base of the experiment."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from helpers.metrics import contacts, eligibility
from helpers.metrics.assets import balance_days, held_on

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.bank import Bank
    from helpers.steps.activities.plan import Plan

COLUMNS = ["customer_id", "active_days", "is_active", "active_days_before", "aum_before", "aum_change"]


def eligible_customers(bank: Bank, plan: Plan) -> ir.Table:
    """Return the customers whom the campaign can treat: lazy, one row a customer with ``customer_id``.

    The rule is that of step 4's list (:func:`helpers.metrics.eligibility.eligible`): a member of the segment with an
    open account, consent to marketing, and at least one event in the last ``active_within_days`` days.
    """
    rules = contacts.read_policy()
    return eligibility.eligible(bank, plan.segment, active_within_days=plan.active_within_days, rules=rules)


def left_out(bank: Bank, plan: Plan) -> pd.DataFrame:
    """Count the members of the segment whom the campaign can't treat: ``reason, n_customers``.

    As :func:`helpers.metrics.eligibility.left_out` gives: all members, the reasons in order, those eligible.
    """
    rules = contacts.read_policy()
    return eligibility.left_out(bank, plan.segment, active_within_days=plan.active_within_days, rules=rules)


def rehearsal(bank: Bank, plan: Plan) -> pd.DataFrame:
    """Rehearse the campaign without treating anybody: who would have been eligible, and what they did then.

    As if the launch had been ``duration_days`` before the bank's day. Counting the past of those who are eligible
    *today* would flatter the baseline: they were chosen for having been active in it.

    Returns
    -------
    DataFrame, one row a customer eligible then
        ``customer_id``; ``active_days`` and ``is_active`` in the ``duration_days`` since; ``active_days_before`` in as
        many days before; ``aum_before`` on the last balance day before, ``aum_change`` to the last balance day since.
        Empty if the log doesn't reach back far enough.
    """
    import ibis
    import pandas as pd

    launch = bank.as_of - timedelta(days=plan.duration_days - 1)
    opened, _ = bank.log_days
    if launch - timedelta(days=plan.duration_days) < opened:
        return pd.DataFrame(columns=COLUMNS)
    then = bank.at(as_of=launch - timedelta(days=1), branch=bank.branch)
    eligible = eligible_customers(then, plan)
    start, first = (datetime.combine(day, time.min) for day in (launch, launch - timedelta(days=plan.duration_days)))
    log = bank.activity.filter(lambda t: t.occurred_at >= ibis.literal(first)).semi_join(eligible, "customer_id")
    days = log.select("customer_id", day=log.occurred_at.date()).distinct()
    since = days.day >= ibis.literal(start.date())
    counts = days.group_by("customer_id").aggregate(
        active_days=since.sum(), active_days_before=(days.day < ibis.literal(start.date())).sum()
    )
    table = eligible.left_join(counts, "customer_id").drop("customer_id_right")
    dates = balance_days(bank.balances)
    before = [day for day in dates if day < launch]
    after = [day for day in dates if day >= launch]
    found = {"aum_before": before[-1] if before else None, "aum_after": after[-1] if after else None}
    read = {name: day for name, day in found.items() if day is not None}
    if read:
        held = held_on(bank.balances.semi_join(eligible, "customer_id"), read, customers=bank.customers)
        table = table.left_join(held, "customer_id").drop("customer_id_right")
        table = table.mutate(**{name: table[name].fill_null(0.0) for name in read})
    table = table.mutate(**{name: ibis.null("float64") for name in found if name not in read})
    frame = table.execute().sort_values("customer_id", ignore_index=True)
    for name in ("active_days", "active_days_before"):
        frame[name] = frame[name].astype(float).fillna(0.0)
    frame["is_active"] = (frame["active_days"] > 0).astype(float)
    frame["aum_change"] = frame["aum_after"].astype(float) - frame["aum_before"].astype(float)
    return frame[COLUMNS]
