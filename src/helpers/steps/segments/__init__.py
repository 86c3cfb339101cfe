"""Step 2, segment insight: who the customers of a segment are, how long they stay, which segment to work on."""

from helpers.steps.segments.choice import (
    choice_finding,
    scores,
    shown_suggestions,
    suggestion_finding,
    suggestions,
)
from helpers.steps.segments.likeness import (
    benefits,
    hours,
    hours_finding,
    portrait,
    portrait_finding,
    shown_portrait,
    strongest,
)
from helpers.steps.segments.retention import (
    Study,
    cohort_finding,
    naive_finding,
    retention_finding,
    study,
    triangle,
)
from helpers.steps.segments.subject import (
    Focus,
    focus,
    goal_text,
    named,
    segment_table,
    size_finding,
    unanswered,
)
from helpers.steps.segments.tags import audit, signals, tag_finding
from helpers.steps.segments.tiers import grid, layer_finding, layers, rfm, rfm_finding
from helpers.steps.segments.warning import LIST_FILE, Outlook, outlook, warning_findings, write_list

__all__ = [
    "LIST_FILE",
    "Focus",
    "Outlook",
    "Study",
    "audit",
    "benefits",
    "choice_finding",
    "cohort_finding",
    "focus",
    "goal_text",
    "grid",
    "hours",
    "hours_finding",
    "layer_finding",
    "layers",
    "naive_finding",
    "named",
    "outlook",
    "portrait",
    "portrait_finding",
    "retention_finding",
    "rfm",
    "rfm_finding",
    "scores",
    "segment_table",
    "shown_portrait",
    "shown_suggestions",
    "signals",
    "size_finding",
    "strongest",
    "study",
    "suggestion_finding",
    "suggestions",
    "tag_finding",
    "triangle",
    "unanswered",
    "warning_findings",
    "write_list",
]
