"""Whom a campaign may treat: one rule for the plan (step 3) and for the list (step 4), and who is out and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from helpers.findings import SpokenError, Text
from helpers.metrics import contacts, segments

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.bank import Bank

REASONS = ("in_segment", "account_closed", "no_consent", "not_active", "eligible")


def eligible(bank: Bank, segment: str, *, active_within_days: int, rules: Mapping[str, contacts.Rule]) -> ir.Table:
    """Return the customers whom a campaign may treat, as one lazy query.

    Members of the segment with an open account, with the consent that the contact policy asks for, and with at least
    one event in the last ``active_within_days`` days. Channels that a customer refused are another question: they
    leave the choice of a channel, and only who refused all of them can't be reached (step 4 takes them out of every
    arm alike).

    Parameters
    ----------
    bank : Bank
    segment : str
        Slug of `data/catalogue/segments.yml`.
    active_within_days : int
        Days up to ``bank.as_of``, that day included; at least 1.
    rules : dict of slug to Rule
        The contact policy. A rule of consent whose column the bank lacks can't be checked and takes nobody out.

    Returns
    -------
    lazy Ibis table
        ``customer_id``, one row a customer.

    Raises
    ------
    ValueError
        If ``active_within_days`` is not positive or the segment can't be formed.
    """
    table = _flags(bank, segment, active_within_days, rules)
    return table.filter(table.is_open & table.agreed & table.came).select("customer_id")


def left_out(bank: Bank, segment: str, *, active_within_days: int, rules: Mapping[str, contacts.Rule]) -> pd.DataFrame:
    """Count who is out and why, each member of the segment under the first reason that holds.

    Parameters
    ----------
    bank, segment, active_within_days, rules
        As in :func:`eligible`.

    Returns
    -------
    DataFrame, one row a reason in the order in which they are asked
        ``reason`` (``in_segment`` all members, ``account_closed``, ``no_consent``, ``not_active``, ``eligible``),
        ``n_customers``. The first row is the sum of the others.
    """
    import pandas as pd

    table = _flags(bank, segment, active_within_days, rules)

    def n(condition: Any) -> Any:
        return condition.cast("int64").sum().fill_null(0)

    counts = table.aggregate(
        in_segment=table.count(),
        account_closed=n(~table.is_open),
        no_consent=n(table.is_open & ~table.agreed),
        not_active=n(table.is_open & table.agreed & ~table.came),
        eligible=n(table.is_open & table.agreed & table.came),
    ).execute()
    return pd.DataFrame({"reason": list(REASONS), "n_customers": [int(counts[name].iloc[0]) for name in REASONS]})


def _flags(bank: Bank, segment: str, active_within_days: int, rules: Mapping[str, contacts.Rule]) -> ir.Table:
    """One row a member of the segment: is_open, agreed, came; never null."""
    import ibis

    if active_within_days < 1:
        raise SpokenError(
            Text(
                f"active_within_days should be at least 1, not {active_within_days!r}",
                f"active_within_days 应不小于 1，现为 {active_within_days!r}",
            )
        )
    members = segments.members(bank, segment)
    columns = set(members.columns)
    agreed: Any = ibis.literal(True)
    for rule in rules.values():
        if rule.kind == "consent" and rule.column in columns:
            # An empty cell is no consent: nobody asked, or nobody kept the answer.
            agreed = agreed & members[rule.column].fill_null(False)
    is_open = members.closed_date.isnull() if "closed_date" in columns else ibis.literal(True)
    members = members.select("customer_id", is_open=is_open, agreed=agreed)
    first = datetime.combine(bank.as_of - timedelta(days=active_within_days - 1), time.min)
    recent = bank.activity.filter(lambda t: t.occurred_at >= ibis.literal(first)).select("customer_id").distinct()
    recent = recent.mutate(came=ibis.literal(True))
    table = members.left_join(recent, "customer_id").drop("customer_id_right")
    return table.mutate(came=table.came.fill_null(False))
