"""How long the money stayed that stood with customers when they were paid: survival of money, not of customers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.assets import at_days, balance_days
from helpers.models.retention.money import money_survival, reach_of_money

if TYPE_CHECKING:
    from helpers.steps.post_mortem.cases import Case

HORIZON_DAYS = 90
READ_AT_DAYS = (30, 60, 90)
MIN_CUSTOMERS = 10


def money_kept(case: Case) -> pd.DataFrame | None:
    """Share of the new money at the payout that is still there day by day.

    Returns
    -------
    DataFrame or None
        As :func:`helpers.models.retention.money_survival` gives it; None where the campaign paid nobody, or where
        fewer than ten customers stood above their usual level, so that a share would speak of single ones.
    """
    bank = case.bank
    if bank.rewards is None:
        return None
    paid = bank.rewards.filter(lambda t: t.campaign_id == case.campaign.campaign_id)
    first, last = paid.aggregate(first=paid.rewarded_at.min(), last=paid.rewarded_at.max()).execute().iloc[0]
    if pd.isna(first):
        return None
    before, after = (timedelta(days=days) for days in reach_of_money(HORIZON_DAYS))
    days = [day for day in balance_days(bank.balances) if first.date() - before <= day <= last.date() + after]
    if not days:
        return None
    # Whoever has no row on a balance day holds what was held before, or nothing once the account is closed.
    mine = bank.balances.semi_join(paid, "customer_id")
    held = at_days(mine, days, customers=bank.customers).rename(balance_date="day").cache()
    try:
        table = money_survival(held, paid, horizon_days=HORIZON_DAYS, as_of=bank.as_of, alpha=case.alpha)
    except ValueError:
        # Nobody paid stood above the usual level, or no balance reaches past the payout: there is no money to follow.
        return None
    return table if int(table["n"].max()) >= MIN_CUSTOMERS else None


def money_kept_finding(table: pd.DataFrame, *, currency: str, min_group_size: int = MIN_GROUP_SIZE) -> Finding:
    """Say how much of the money was still there 30, 60 and 90 days on; a description, no effect."""
    rows = {int(row["day"]): row for row in table.to_dict("records")}
    seen = [day for day in READ_AT_DAYS if day in rows]
    last = rows[seen[-1]] if seen else rows[max(rows)]
    figures = tuple(
        Figure(
            f"money_kept_{day}",
            rows[day]["kept"],
            rows[day]["lower"],
            rows[day]["upper"],
            "share",
            int(rows[day]["n_eligible"]),
        )
        for day in seen
    )
    n_young = int(last["n_immature"])
    young = Text(f"fewer than {min_group_size} customers", f"不足 {min_group_size} 人")
    if n_young >= min_group_size:
        young = Text(f"{n_young:,} customers", f"{n_young:,} 人")
    money = float(rows[0]["at_risk"])
    text = Text.write(
        lambda w: w(
            f"{w.n(money, 'money')} stood above their usual level with {w.n(int(rows[0]['n']), 'customers')} when they were paid. "
            + (
                "Still there: "
                + "; ".join(f"after {day} days {w.est(figure)}" for day, figure in zip(seen, figures, strict=True))
                if seen
                else "Too early to tell how much stays"
            )
            + (f" ({young.en} not watched that long)" if n_young else "")
            + ". This describes the money that was paid for; what would have stayed anyway the effect above tells.",
            f"发放奖励时，{int(rows[0]['n']):,} 位客户的资产高出平时水平共 {w.n(money, 'money')}。"
            + (
                "仍然留存："
                + "；".join(f"{day} 天后 {w.est(figure)}" for day, figure in zip(seen, figures, strict=True))
                if seen
                else "尚早，无法判断留存"
            )
            + (f"（另有{young.zh}观察期未满）" if n_young else "")
            + "。这里只描述所奖励的资金去留；没有活动时会留下多少，请看上方效果。",
        ),
        currency=currency,
    )
    return Finding("money_kept", text, figures, "money_kept")
