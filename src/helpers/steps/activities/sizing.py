"""One form sized for the budget: habits, bill, the largest rewards that fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helpers.models.mechanism import (
    Habits,
    affordable_factor,
    budget_options,
    cost_summary,
    expected_cost,
    form_habits,
    simulate_cost,
)

if TYPE_CHECKING:
    import pandas as pd

    from helpers.metrics.forms import Form
    from helpers.metrics.mechanisms import Terms
    from helpers.steps.activities.history import EffectRanges
    from helpers.steps.activities.plan import Plan

HISTOGRAM_BINS = 40
HISTOGRAM_QUANTILE = 0.999


@dataclass
class Sizing:
    """What one form costs.

    Attributes
    ----------
    form : Form
        The catalogue's entry, rewards as written.
    habits : Habits
    n_treated : int
    written : dict
        Summary of the bill with the rewards as written (`cost_summary`).
    factor : float
        Factor on all rewards, at most 1: rewards are never raised only because there is money.
    terms : Terms
        Terms with the rewards multiplied; as written where nothing fits (``factor`` 0).
    draws : DataFrame
        Simulated bills of these terms.
    summary : dict
        Their summary.
    closed : dict
        The same bill's mean and sd in closed form.
    contact_cost_each, fixed_cost : float
        In money.
    """

    form: Form
    habits: Habits
    n_treated: int
    written: dict[str, float]
    factor: float
    terms: Terms
    draws: pd.DataFrame
    summary: dict[str, float]
    closed: dict[str, float]
    contact_cost_each: float
    fixed_cost: float

    def histogram(self) -> pd.DataFrame:
        """Count simulated bills in equal bins: ``cost_from, cost_to, n``; the last bin takes what lies beyond."""
        import pandas as pd

        cost = self.draws["cost"].to_numpy()
        low, high = float(cost.min()), float(np.quantile(cost, HISTOGRAM_QUANTILE))
        if high <= low:
            high = low + max(abs(low), 1.0) * 1e-6
        edges = np.linspace(low, high, HISTOGRAM_BINS + 1)
        counts, _ = np.histogram(np.minimum(cost, high), edges)
        return pd.DataFrame({"cost_from": edges[:-1], "cost_to": edges[1:], "n_bills": counts})

    def options(self, plan: Plan) -> pd.DataFrame:
        """Ways to keep the bill within the budget, side by side (`budget_options`)."""
        return budget_options(
            self.form.terms,
            self.habits,
            n_treated=self.n_treated,
            budget=plan.budget,
            fixed_cost=self.fixed_cost,
            contact_cost_each=self.contact_cost_each,
            overrun_risk=plan.overrun_risk,
            n_simulations=plan.n_simulations,
            seed=plan.seed,
        )

    def payout_table(self) -> pd.DataFrame:
        """What participants get: ``successes, participants`` expected, ``share``, ``paid_each`` by number of successes."""
        import pandas as pd

        share = self.habits.weights / self.habits.weights.sum()
        expected = self.n_treated * self.habits.share_moments[0] * share
        paid, _ = self.terms.payout_moments(self.habits.successes)
        return pd.DataFrame(
            {"successes": self.habits.successes, "participants": expected, "share": share, "paid_each": paid}
        )


def size_mechanism(form: Form, slug: str, *, ranges: EffectRanges, plan: Plan, n_treated: int) -> Sizing:
    """Size one form for the plan's budget.

    Parameters
    ----------
    form : Form
    slug : str
    ranges : EffectRanges
        For habits and contact costs of past campaigns.
    plan : Plan
    n_treated : int
        Customers in the treated arm.

    Returns
    -------
    Sizing
    """
    habits = form_habits(
        form, slug, summary=ranges.participation, levels=ranges.levels, duration_days=plan.duration_days
    )
    contact = contact_cost_each(ranges.participation, slug)
    bill = {"n_treated": n_treated, "fixed_cost": form.fixed_cost, "contact_cost_each": contact}
    chance = {"n_simulations": plan.n_simulations, "seed": plan.seed}
    draws = simulate_cost(form.terms, habits, **bill, **chance)
    written = cost_summary(draws, budget=plan.budget, alpha=plan.alpha)
    factor = min(1.0, affordable_factor(draws, budget=plan.budget, overrun_risk=plan.overrun_risk))
    terms: Terms = form.terms
    if 0 < factor < 1:
        terms = form.terms.scaled(factor)
        draws = simulate_cost(terms, habits, **bill, **chance)
    return Sizing(
        form=form,
        habits=habits,
        n_treated=n_treated,
        written=written,
        factor=factor,
        terms=terms,
        draws=draws,
        summary=cost_summary(draws, budget=plan.budget, alpha=plan.alpha),
        closed=expected_cost(terms, habits, **bill),
        contact_cost_each=contact,
        fixed_cost=form.fixed_cost,
    )


def contact_cost_each(participation: pd.DataFrame, slug: str) -> float:
    """Cost of reaching one treated customer in the bank's past campaigns: of the form, else the median of all; else 0."""
    if participation.empty:
        return 0.0
    own = participation[participation["form"] == slug]
    if len(own):
        return float((own["contact_cost_each"] * own["n_treated"]).sum() / own["n_treated"].sum())
    return float(participation["contact_cost_each"].median())
