"""What a prize mechanism will cost: the distribution of the bill before anybody has taken part."""

from helpers.models.mechanism.budget import affordable_factor, budget_options, cost_summary
from helpers.models.mechanism.cost import expected_cost, simulate_cost
from helpers.models.mechanism.habits import Habits, assumed_habits, form_habits
from helpers.models.mechanism.referral import k_factor, referral_reach

__all__ = [
    "Habits",
    "affordable_factor",
    "assumed_habits",
    "budget_options",
    "cost_summary",
    "expected_cost",
    "form_habits",
    "k_factor",
    "referral_reach",
    "simulate_cost",
]
