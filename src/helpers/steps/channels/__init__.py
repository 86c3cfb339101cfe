"""Step 4, the channel matrix: which channels bring whom at what cost and return, and how the budget should flow."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from helpers.bank.connection import parse_day
from helpers.findings import SpokenError, Text
from helpers.findings.numbers import MIN_GROUP_SIZE, beside
from helpers.metrics import segments
from helpers.metrics.acquisition import CONVENTIONS
from helpers.metrics.contacts import Rule
from helpers.metrics.portraits import tgi
from helpers.steps.channels import campaign_list
from helpers.steps.channels.budget import BudgetPlan, last_spend, split_budget
from helpers.steps.channels.captions import caption
from helpers.steps.channels.says import (
    cost_finding,
    funnel_finding,
    inventory_finding,
    list_finding,
    name,
    policy_finding,
    return_finding,
    split_finding,
)

if TYPE_CHECKING:
    from helpers.bank import Bank

DEFAULT_HISTORY_DAYS = 365

__all__ = [
    "BudgetPlan",
    "breaches_shown",
    "campaign_list",
    "caption",
    "check_parameters",
    "cost_finding",
    "first_day",
    "funnel_finding",
    "inventory_finding",
    "last_spend",
    "list_finding",
    "missing",
    "name",
    "policy_finding",
    "portrait",
    "return_finding",
    "rule_names",
    "shared_note",
    "split_budget",
    "split_finding",
]


def check_parameters(*, activation_days: int, value_days: int, roi_convention: str, monthly_budget: float) -> None:
    """Refuse parameters that make no sense, naming parameter, value and what is allowed.

    Raises
    ------
    ValueError
    """
    for key, value in (("activation_days", activation_days), ("value_days", value_days)):
        if value < 1:
            raise SpokenError(Text(f"{key} should be at least 1, not {value!r}", f"{key} 应不小于 1，现为 {value!r}"))
    if roi_convention not in CONVENTIONS:
        raise SpokenError(
            Text(
                f"roi_convention should be one of {', '.join(CONVENTIONS)}, not {roi_convention!r}",
                f"roi_convention 应为 {'、'.join(CONVENTIONS)} 之一，现为 {roi_convention!r}",
            )
        )
    if monthly_budget < 0:
        raise SpokenError(
            Text(
                f"monthly_budget should not be negative, it is {monthly_budget!r}",
                f"monthly_budget 不应为负数，现为 {monthly_budget!r}",
            )
        )


def first_day(bank: Bank, acquired_since: str) -> date:
    """Return the first day of first contacts that count: as given, else a year before ``as_of``.

    Raises
    ------
    ValueError
        If it is no day, or lies after ``as_of``.
    """
    if not acquired_since:
        return bank.as_of - timedelta(days=DEFAULT_HISTORY_DAYS)
    day = parse_day(acquired_since, name="acquired_since")
    if day > bank.as_of:
        raise SpokenError(
            Text(f"acquired_since {day} lies after as_of {bank.as_of}", f"acquired_since {day} 晚于 as_of {bank.as_of}")
        )
    return day


def portrait(
    bank: Bank, *, since: date, alpha: float = 0.05, min_group_size: int = MIN_GROUP_SIZE
) -> pd.DataFrame | None:
    """Who is there: share of each segment among the customers whom a channel brought, against the whole base.

    Returns
    -------
    DataFrame or None
        ``channel, segment, n, segment_share, base_share, tgi`` (share in the channel ÷ share in the base × 100) with
        ``tgi_lower, tgi_upper``, and ``is_distinct`` (beyond chance, allowing for all the pairs of a segment);
        channels with fewer than ``min_group_size`` customers left out; what differs beyond chance first, then by how far
        from 100 it lies.
    """
    import ibis

    if bank.acquisitions is None:
        return None
    whole = (bank.whole or bank).at(as_of=bank.as_of)
    start = ibis.timestamp(since.isoformat())
    brought = bank.acquisitions.filter(lambda t: t.registered_at.notnull() & (t.seen_at >= start))
    brought = brought.select("customer_id", "channel").semi_join(whole.customers, "customer_id")
    base = int(whole.customers.count().execute())
    sizes = brought.group_by("channel").aggregate(n=lambda t: t.count()).execute()
    sizes = sizes[sizes["n"] >= min_group_size].set_index("channel")["n"]
    parts = []
    for slug in segments.read_segments():
        if slug == segments.EVERYBODY or segments.missing_columns(whole, segments.pick(slug)):
            continue
        members = segments.members(whole, slug)
        n_base = int(members.count().execute())
        inside = (
            brought.semi_join(members, "customer_id").group_by("channel").aggregate(k=lambda t: t.count()).execute()
        )
        inside = inside.set_index("channel")["k"]
        for channel, n in sizes.items():
            k = int(inside.get(channel, 0))
            table = tgi(
                pd.Series({slug: k, "others": int(n) - k}),
                pd.Series({slug: n_base, "others": base - n_base}),
                n_group=int(n),
                n_base=base,
                alpha=alpha,
                min_group_size=min_group_size,
            )
            row = table[table["value"] == slug].head(1)
            parts.append(row.assign(channel=channel, segment=slug, n=int(n)))
    columns = ["channel", "segment", "n", "segment_share", "base_share", "tgi", "tgi_lower", "tgi_upper", "is_distinct"]
    if not parts:
        return pd.DataFrame(columns=columns)
    found = pd.concat(parts, ignore_index=True).rename(
        columns={"share_group": "segment_share", "share_base": "base_share", "lower": "tgi_lower", "upper": "tgi_upper"}
    )
    found["apart"] = (found["tgi"] - 100).abs()
    order = ["is_distinct", "apart", "channel", "segment"]
    return found.sort_values(order, ascending=[False, False, True, True], ignore_index=True)[columns]


def missing(bank: Bank) -> list[Text]:
    """Say which optional tables are missing and what can't be answered without them."""
    said = []
    if bank.acquisitions is None:
        said.append(
            Text(
                "There is no table acquisitions: funnel, AAC, LROI and the split of the budget can't be answered.",
                "缺少 acquisitions 表：无法回答获客漏斗、AAC、LROI 与预算分配。",
            )
        )
    if bank.touches is None:
        said.append(
            Text(
                "There is no table touches: contact results and the contact policy can't be checked; the list takes "
                "channels by the catalogue's fit.",
                "缺少 touches 表：无法检查触达效果与触达规则；名单按目录适配度选渠道。",
            )
        )
    return said


def shared_note(bank: Bank) -> Text | None:
    """Say that acquisition is the whole bank's where one branch is looked at."""
    if not bank.branch or bank.acquisitions is None:
        return None
    gap = " " if bank.branch.isascii() else ""
    return Text(
        "People whom a channel meets belong to no branch yet: funnel, AAC, LROI and budget are the whole bank's; "
        f"contacts and the list are those of the branch {bank.branch}.",
        f"渠道接触的潜客尚无归属网点：漏斗、AAC、LROI 与预算为全行口径；触达与名单为{gap}{beside(bank.branch, '网点')}口径。",
    )


def breaches_shown(table: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the checked rules, most breaches first: what a page shows."""
    if table is None:
        return None
    return table[table["checked"]].sort_values("n_breaches", ascending=False, ignore_index=True)


def rule_names(rules: dict[str, Rule]) -> dict[str, Text]:
    """Return the words for the rules of the contact policy."""
    return {slug: rule.name.text for slug, rule in rules.items()}
