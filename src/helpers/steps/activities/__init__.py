"""Step 3, activity design: which form, what it costs, what it may return, how it will be judged, what is promised."""

from helpers.findings.result import in_words
from helpers.steps.activities.baseline import baseline_findings
from helpers.steps.activities.basis import eligible_customers, left_out, rehearsal
from helpers.steps.activities.benefits import benefit_finding
from helpers.steps.activities.chosen import ChosenForm, choose_form
from helpers.steps.activities.experiment import assignment_check, experiment_options, sensitivity_curve
from helpers.steps.activities.history import EffectRanges, campaigns_table, history_finding, learn_effects
from helpers.steps.activities.plan import GOALS, Plan, plan_campaign
from helpers.steps.activities.promise import compliance_findings, seal_brief, write_brief
from helpers.steps.activities.ranking import WEIGHTS, rank_forms
from helpers.steps.activities.returns import active_day_value, expected_return
from helpers.steps.activities.sentences import (
    choice_finding,
    cost_finding,
    draw_finding,
    effect_finding,
    experiment_finding,
    leak_finding,
    return_finding,
)
from helpers.steps.activities.sizing import Sizing, size_mechanism
from helpers.steps.activities.whom import GROUP_COLUMNS, Whom, whom_findings, whom_to_treat
from helpers.steps.activities.words import CAPTIONS, WHOM

__all__ = [
    "CAPTIONS",
    "GOALS",
    "GROUP_COLUMNS",
    "WEIGHTS",
    "WHOM",
    "ChosenForm",
    "EffectRanges",
    "Plan",
    "Sizing",
    "Whom",
    "active_day_value",
    "assignment_check",
    "baseline_findings",
    "benefit_finding",
    "campaigns_table",
    "choice_finding",
    "choose_form",
    "compliance_findings",
    "cost_finding",
    "draw_finding",
    "effect_finding",
    "eligible_customers",
    "expected_return",
    "experiment_finding",
    "experiment_options",
    "history_finding",
    "in_words",
    "leak_finding",
    "learn_effects",
    "left_out",
    "plan_campaign",
    "rank_forms",
    "rehearsal",
    "return_finding",
    "seal_brief",
    "sensitivity_curve",
    "size_mechanism",
    "whom_findings",
    "whom_to_treat",
    "write_brief",
]
