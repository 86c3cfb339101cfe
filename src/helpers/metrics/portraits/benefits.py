"""Which benefits a segment really uses when it is given them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from scipy.stats import false_discovery_control

from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.exact import exact_sum
from helpers.metrics.shares import equal_shares_p_value, wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank


def benefits_taken(
    bank: Bank, group: ir.Table, base: ir.Table, *, alpha: float = 0.05, min_group_size: int = MIN_GROUP_SIZE
) -> pd.DataFrame | None:
    """How often a segment uses the benefits that it is given, kind by kind, beside everybody else.

    Parameters
    ----------
    bank : Bank
        Its ``rewards`` up to ``as_of``.
    group, base : lazy Ibis tables
        Customers of the segment and of the base that contains it.

    Returns
    -------
    DataFrame or None
        None where the bank has no rewards table. One row a kind with at least ``min_group_size`` customers of the
        segment rewarded, best first by the lower bound: ``kind``, ``n_rewarded`` (customers of the segment),
        ``n_redeemed`` (of them who used at least one), ``share_redeemed``, ``lower``, ``upper`` (Wilson),
        ``share_redeemed_others`` (customers outside the segment), ``n_others`` (both missing where these are few), ``p_adjusted`` (equal use inside and
        outside, Benjamini–Hochberg over the kinds), ``used_more`` (more than by the others, surely), ``cost_each``
        (mean cost of one benefit to the bank, in its currency). Only who was offered a kind can use it: no preference
        among kinds never offered is seen.
    """
    rewards = bank.rewards
    if rewards is None:
        return None
    inside = _redeemers(rewards.semi_join(group, "customer_id"))
    whole = _redeemers(rewards.semi_join(base, "customer_id"))
    table = inside.merge(whole, on="kind", suffixes=("", "_base"))
    table = table[table["n_rewarded"] >= min_group_size].reset_index(drop=True)
    others, used = table["n_rewarded_base"] - table["n_rewarded"], table["n_redeemed_base"] - table["n_redeemed"]
    enough = others >= min_group_size
    lower, upper = wilson(table["n_redeemed"], table["n_rewarded"], alpha=alpha)
    table = table.assign(
        share_redeemed=table["n_redeemed"] / table["n_rewarded"],
        lower=lower,
        upper=upper,
        n_others=others.where((others == 0) | enough),
        share_redeemed_others=(used / others.where(enough)).astype(float),
        cost_each=table["cost"] / table["n_rewards"],
    )
    p_values = equal_shares_p_value(table["n_redeemed"], table["n_rewarded"], used, others)
    table["p_adjusted"] = false_discovery_control(p_values) if len(table) else p_values
    table["used_more"] = (table["p_adjusted"] < alpha) & (table["share_redeemed"] > table["share_redeemed_others"])
    table = table.sort_values(["lower", "kind"], ascending=[False, True], ignore_index=True)
    return table[
        [
            "kind",
            "n_rewarded",
            "n_redeemed",
            "share_redeemed",
            "lower",
            "upper",
            "share_redeemed_others",
            "n_others",
            "p_adjusted",
            "used_more",
            "cost_each",
        ]
    ]


def _redeemers(rewards: ir.Table) -> pd.DataFrame:
    each = rewards.group_by("kind", "customer_id").aggregate(
        used=rewards.redeemed_at.count(), n=rewards.count(), cost=exact_sum(rewards.cost)
    )
    return (
        each.group_by("kind")
        .aggregate(
            n_rewarded=each.count(),
            n_redeemed=each.count(where=each.used > 0),
            n_rewards=each.n.sum(),
            cost=exact_sum(each.cost),
        )
        .to_pandas()
    )
