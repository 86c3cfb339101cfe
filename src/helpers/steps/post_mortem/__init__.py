"""Step 5, post-mortem: what a past campaign reached, caused, leaked and earned, and what to do next."""

from helpers.metrics.economics import read_economics
from helpers.steps.post_mortem import nothing
from helpers.steps.post_mortem.captions import CAPTIONS, WHOM, gap_captions
from helpers.steps.post_mortem.cases import Case, metric_unit, open_case
from helpers.steps.post_mortem.decisions import SHOWN as CYCLE_COLUMNS
from helpers.steps.post_mortem.decisions import Decision, decide, decision_findings, next_cycle
from helpers.steps.post_mortem.earnings import returns, returns_findings
from helpers.steps.post_mortem.effects import (
    course,
    effect_findings,
    net_findings,
    placebo_finding,
    split_finding,
)
from helpers.steps.post_mortem.hunters import Hunters, find_hunters, hunters_findings, without_shown, write_list
from helpers.steps.post_mortem.kept_money import money_kept, money_kept_finding
from helpers.steps.post_mortem.levels import (
    attainment,
    attainment_finding,
    gap_bridge,
    gap_finding,
    gap_tables,
    in_words,
)
from helpers.steps.post_mortem.measures import Measures, effects_shown, measure, money_rows
from helpers.steps.post_mortem.money import money_findings
from helpers.steps.post_mortem.moved import (
    GROUP_COLUMNS,
    POLICY_COLUMNS,
    groups_shown,
    learnt_unit,
    moved,
    moved_findings,
    policies_shown,
    policy_points,
)
from helpers.steps.post_mortem.naive import naive_finding
from helpers.steps.post_mortem.promises import brief_findings, design_remark
from helpers.steps.post_mortem.routes import (
    GOODS_COLUMNS,
    SHARE_BOUNDS,
    Places,
    funnel_shown,
    goods_finding,
    leak_finding,
    places,
)
from helpers.steps.post_mortem.verdicts import hypotheses, hypotheses_shown, hypothesis_findings

__all__ = [
    "CAPTIONS",
    "CYCLE_COLUMNS",
    "GOODS_COLUMNS",
    "GROUP_COLUMNS",
    "POLICY_COLUMNS",
    "SHARE_BOUNDS",
    "WHOM",
    "Case",
    "Decision",
    "Hunters",
    "Measures",
    "Places",
    "attainment",
    "attainment_finding",
    "brief_findings",
    "course",
    "decide",
    "decision_findings",
    "design_remark",
    "effect_findings",
    "effects_shown",
    "find_hunters",
    "funnel_shown",
    "gap_bridge",
    "gap_captions",
    "gap_finding",
    "gap_tables",
    "goods_finding",
    "groups_shown",
    "hunters_findings",
    "hypotheses",
    "hypotheses_shown",
    "hypothesis_findings",
    "in_words",
    "leak_finding",
    "learnt_unit",
    "measure",
    "metric_unit",
    "money_findings",
    "money_kept",
    "money_kept_finding",
    "money_rows",
    "moved",
    "moved_findings",
    "naive_finding",
    "net_findings",
    "next_cycle",
    "open_case",
    "placebo_finding",
    "places",
    "policies_shown",
    "policy_points",
    "read_economics",
    "returns",
    "returns_findings",
    "split_finding",
    "without_shown",
    "write_list",
]

# A bank without campaigns goes through the same cells of the notebook: see `nothing`.
open_case = nothing.case_or_nothing(open_case)
for _name, _instead in nothing.INSTEAD.items():
    globals()[_name] = nothing.otherwise(_instead)(globals()[_name])
