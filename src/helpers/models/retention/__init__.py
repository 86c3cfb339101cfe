"""Retention by survival analysis: how long customers stay, counted with those who are still here."""

from helpers.models.retention.causes import cumulative_incidence
from helpers.models.retention.comparison import logrank
from helpers.models.retention.counts import SpellCounts, collect
from helpers.models.retention.cox import CoxRetention, concordance
from helpers.models.retention.curves import median_retention, survival_curves
from helpers.models.retention.discrete import DiscreteHazard
from helpers.models.retention.geometric import ShiftedBetaGeometric
from helpers.models.retention.left_out import left_out
from helpers.models.retention.means import restricted_mean, restricted_mean_differences
from helpers.models.retention.money import money_survival
from helpers.models.retention.spells import spell_summary, spells_from_activity
from helpers.models.retention.warning import ChurnWarning

__all__ = [
    "ChurnWarning",
    "CoxRetention",
    "DiscreteHazard",
    "ShiftedBetaGeometric",
    "SpellCounts",
    "collect",
    "concordance",
    "cumulative_incidence",
    "left_out",
    "logrank",
    "median_retention",
    "money_survival",
    "restricted_mean",
    "restricted_mean_differences",
    "spell_summary",
    "spells_from_activity",
    "survival_curves",
]
