"""Experiments: drawing arms, planning, reading effects, looking early without fooling oneself."""

from helpers.models.experiments.adjustment import holm
from helpers.models.experiments.assignment import assign, hash_share
from helpers.models.experiments.effects import effect
from helpers.models.experiments.group_sequential import crossing_chance, group_sequential
from helpers.models.experiments.guardrails import guardrails
from helpers.models.experiments.history import days_needed, metric_history, reach_curve
from helpers.models.experiments.looks import effect_by_look, false_alarms
from helpers.models.experiments.planning import minimum_detectable_effect, sample_size
from helpers.models.experiments.sentences import (
    effect_findings,
    guardrail_findings,
    plan_finding,
    sample_ratio_finding,
)
from helpers.models.experiments.sequential import confidence_sequence, mixture_rho, msprt
from helpers.models.experiments.split import sample_ratio, sample_ratio_sequence

__all__ = [
    "assign",
    "confidence_sequence",
    "crossing_chance",
    "days_needed",
    "effect",
    "effect_by_look",
    "effect_findings",
    "false_alarms",
    "group_sequential",
    "guardrail_findings",
    "guardrails",
    "hash_share",
    "holm",
    "metric_history",
    "minimum_detectable_effect",
    "mixture_rho",
    "msprt",
    "plan_finding",
    "reach_curve",
    "sample_ratio",
    "sample_ratio_finding",
    "sample_ratio_sequence",
    "sample_size",
]
