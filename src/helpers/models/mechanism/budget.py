"""Does the bill fit the budget: chance of overrun, and what has to change so that it stays small."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.metrics.mechanisms import Ladder, Terms
from helpers.metrics.shares import wilson
from helpers.models.mechanism.cost import simulate_cost
from helpers.models.mechanism.habits import Habits

OPTION_COLUMNS = [
    "cost_option",
    "n_treated",
    "option_factor",
    "cost",
    "cost_lower",
    "cost_upper",
    "p_over",
    "is_within",
]


def cost_summary(draws: pd.DataFrame, *, budget: float, alpha: float = 0.05) -> dict[str, float]:
    """Middle, range and chance of overrun of a simulated bill.

    Parameters
    ----------
    draws : DataFrame
        As `simulate_cost` gives.
    budget : float
        In money, 0 or more.
    alpha : float
        1 minus the level of the interval.

    Returns
    -------
    dict
        ``cost`` (mean), ``cost_lower, cost_upper`` between which it falls in 1 − alpha of the cases, ``p_over`` the
        chance that it exceeds the budget with the simulation's own Wilson interval ``p_over_lower, p_over_upper``,
        ``p95`` the bill that is exceeded in 1 of 20 cases, ``n_simulations``.
    """
    if not budget >= 0:
        raise ValueError(f"budget must be 0 or more, not {budget}")
    cost = draws["cost"].to_numpy()
    over = int((cost > budget).sum())
    low, high = wilson(over, len(cost))
    lower, upper, p95 = np.quantile(cost, [alpha / 2, 1 - alpha / 2, 0.95])
    return {
        "cost": float(cost.mean()),
        "cost_lower": float(lower),
        "cost_upper": float(upper),
        "p_over": over / len(cost),
        "p_over_lower": float(low),
        "p_over_upper": float(high),
        "p95": float(p95),
        "n_simulations": len(cost),
    }


def affordable_factor(draws: pd.DataFrame, *, budget: float, overrun_risk: float = 0.05) -> float:
    """Largest factor on all rewards with which the bill exceeds the budget with at most the given chance.

    Rewards scale as a whole (stocks, odds and thresholds stay), so the factor follows from the draws at hand.

    Parameters
    ----------
    draws : DataFrame
        As `simulate_cost` gives, for the rewards as written.
    budget : float
        In money.
    overrun_risk : float
        Chance of overrun that is accepted, between 0 and 1.

    Returns
    -------
    float
        0 if contacts and fixed cost alone use up the budget; above 1 where there is room; infinite if nobody is paid.

    Examples
    --------
    >>> draws = pd.DataFrame({"reward_cost": [80.0, 100.0, 120.0], "contact_cost": 0.0, "fixed_cost": 10.0})
    >>> affordable_factor(draws, budget=70.0, overrun_risk=0.34)
    0.6
    """
    if not 0 < overrun_risk < 1:
        raise ValueError(f"overrun_risk must be between 0 and 1, not {overrun_risk}")
    left = budget - float(draws["fixed_cost"].iloc[0]) - float(draws["contact_cost"].iloc[0])
    if left <= 0:
        return 0.0
    reward = np.sort(draws["reward_cost"].to_numpy())
    # the largest bill that still has to fit: at most risk · n simulations may lie above it
    worst = reward[len(reward) - 1 - int(np.floor(overrun_risk * len(reward)))]
    return float(left / worst) if worst > 0 else float("inf")


def budget_options(
    terms: Terms,
    habits: Habits,
    *,
    n_treated: int,
    budget: float,
    fixed_cost: float,
    contact_cost_each: float,
    overrun_risk: float = 0.05,
    n_simulations: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Ways to keep the bill within the budget, side by side.

    Parameters
    ----------
    terms, habits, n_treated, fixed_cost, contact_cost_each, n_simulations, seed
        As for `simulate_cost`.
    budget : float
        In money.
    overrun_risk : float
        Chance of overrun that is accepted.

    Returns
    -------
    DataFrame, one row an option
        ``cost_option``: ``as_written``; ``smaller_rewards`` (all money times ``option_factor``); ``fewer_customers`` (as many
        treated as the budget carries); for ladders ``later_steps`` (milestones moved up until the bill fits, ``option_factor``
        the successes added); ``n_treated, option_factor, cost, cost_lower, cost_upper, p_over, is_within``.
    """
    settings: Mapping[str, float | int] = {"n_simulations": n_simulations, "seed": seed}

    def bill(of: Terms, n: int) -> dict[str, float]:
        draws = simulate_cost(
            of, habits, n_treated=n, fixed_cost=fixed_cost, contact_cost_each=contact_cost_each, **settings
        )
        return cost_summary(draws, budget=budget)

    def row(option: str, n: int, factor: float, summary: Mapping[str, float]) -> dict[str, object]:
        kept = {name: summary[name] for name in ("cost", "cost_lower", "cost_upper", "p_over")}
        within = summary["p_over"] <= overrun_risk
        return {"cost_option": option, "n_treated": n, "option_factor": factor, **kept, "is_within": bool(within)}

    written = bill(terms, n_treated)
    rows = [row("as_written", n_treated, 1.0, written)]
    if written["p_over"] > overrun_risk:
        draws = simulate_cost(
            terms, habits, n_treated=n_treated, fixed_cost=fixed_cost, contact_cost_each=contact_cost_each, **settings
        )
        factor = affordable_factor(draws, budget=budget, overrun_risk=overrun_risk)
        if factor > 0:
            rows.append(row("smaller_rewards", n_treated, factor, bill(terms.scaled(factor), n_treated)))
        n_fewer = _largest_n(lambda n: bill(terms, n)["p_over"] <= overrun_risk, n_treated)
        rows.append(row("fewer_customers", n_fewer, 1.0, bill(terms, n_fewer)))
        if isinstance(terms, Ladder) and terms.milestones:
            for more in range(1, int(habits.successes.max()) + 1):
                summary = bill(terms.raised(more), n_treated)
                if summary["p_over"] <= overrun_risk:
                    rows.append(row("later_steps", n_treated, float(more), summary))
                    break
    return pd.DataFrame(rows, columns=OPTION_COLUMNS)


def _largest_n(fits: object, n: int) -> int:
    """Largest number of customers from 0 to n for which it still fits; the bill grows with the number."""
    low, high = 0, n
    while high - low > max(1, n // 200):
        middle = (low + high) // 2
        if fits(middle):  # type: ignore[operator]
            low = middle
        else:
            high = middle
    return low
