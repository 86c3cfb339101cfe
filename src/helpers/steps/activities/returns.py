"""What the campaign may bring in, as a range: effects drawn from what is known, bills drawn beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from helpers.metrics.economics import Economics
    from helpers.steps.activities.history import EffectRanges
    from helpers.steps.activities.plan import Plan
    from helpers.steps.activities.sizing import Sizing

DAYS_A_MONTH = 30


def active_day_value(rehearsed: pd.DataFrame, plan: Plan, economics: Economics) -> float:
    """Margin of one more active day in money: that of an active month over the days an active customer comes in it.

    The post-mortem reckons the same way, so that what was promised and what came out can be compared. 0 if nobody was
    active in the rehearsal.
    """
    days = rehearsed.loc[rehearsed["active_days"] > 0, "active_days"]
    if days.empty:
        return 0.0
    return economics.margin_per_active_month / (float(days.mean()) * DAYS_A_MONTH / plan.duration_days)


def expected_return(
    slug: str, *, ranges: EffectRanges, sizing: Sizing, plan: Plan, economics: Economics, day_value: float
) -> dict[str, float]:
    """Return on cost of a form as a range.

    Value of one treated customer = effect on active days × ``day_value`` + effect on assets × (spread − expected loss)
    × ``earning_days`` ÷ 365, or one of the two by the plan's ``return_basis``. Effects of a *new* campaign are drawn from
    the pooled ranges, the bill from the mechanism's simulation, independently of each other.

    Parameters
    ----------
    slug : str
    ranges : EffectRanges
    sizing : Sizing
    plan : Plan
    economics : Economics
    day_value : float
        As `active_day_value` gives.

    Returns
    -------
    dict
        ``value_each, value_lower, value_upper`` per treated customer in money; ``roi, roi_lower, roi_upper`` by the plan's
        convention; ``p_pays_back`` chance that the value covers the bill; ``cost_each`` of a treated customer;
        ``break_even_assets`` increase of assets per treated customer that covers the bill alone; ``break_even_days``
        increase of active days that does.
    """
    n = len(sizing.draws)
    rng = np.random.default_rng([plan.seed, 1])
    days = ranges.draw(slug, "active_days", n=n, rng=rng)
    money = ranges.draw(slug, "aum_change", n=n, rng=rng)
    margin = economics.margin_on_money(plan.earning_days)
    value_each = np.zeros(n)
    if plan.return_basis != "money":
        value_each = value_each + days * day_value
    if plan.return_basis != "activity":
        value_each = value_each + money * margin
    value = value_each * sizing.n_treated
    cost = sizing.draws["cost"].to_numpy()
    ends = [plan.alpha / 2, 1 - plan.alpha / 2]
    lower, upper = np.quantile(value_each, ends)
    mean_cost = float(cost.mean())
    nan = float("nan")
    result = {
        "value_each": float(value_each.mean()),
        "value_lower": float(lower),
        "value_upper": float(upper),
        "roi": nan,
        "roi_lower": nan,
        "roi_upper": nan,
        "p_pays_back": float((value >= cost).mean()),
        "cost_each": nan,
        "break_even_assets": nan,
        "break_even_days": nan,
    }
    if mean_cost <= 0 or sizing.n_treated == 0:
        return result
    shift = 1.0 if plan.roi_convention == "net" else 0.0
    ratio = np.divide(value, cost, out=np.full(n, np.nan), where=cost > 0) - shift
    low, high = np.nanquantile(ratio, ends)
    cost_each = mean_cost / sizing.n_treated
    return result | {
        # the ratio of means: single draws with small bills would pull a mean of ratios away
        "roi": float(value.mean() / mean_cost - shift),
        "roi_lower": float(low),
        "roi_upper": float(high),
        "cost_each": cost_each,
        "break_even_assets": cost_each / margin if margin > 0 else nan,
        "break_even_days": cost_each / day_value if day_value > 0 else nan,
    }
