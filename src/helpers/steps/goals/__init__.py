"""Step 1, goal decomposition: where MAU and AUM stand, where they go, what closes the gap to the target."""

from helpers.steps.goals.findings import (
    aum_finding,
    compare_factors,
    factor_finding,
    factor_page,
    lifecycle_finding,
    usage_finding,
)
from helpers.steps.goals.flows import mau_finding, shown_bridge
from helpers.steps.goals.ogsm import ogsm_page, ogsm_table, read_strategies
from helpers.steps.goals.projections import Projection, project_aum, project_mau
from helpers.steps.goals.seasons import compare_months, seasons_finding
from helpers.steps.goals.split import Split, branch_split, driver_table, milestone_table, split_gap
from helpers.steps.goals.targets import Target, set_target
from helpers.steps.goals.verdict import driver_page, feasibility_finding, gap_finding, projection_finding

__all__ = [
    "Projection",
    "Split",
    "Target",
    "aum_finding",
    "branch_split",
    "compare_factors",
    "compare_months",
    "driver_page",
    "driver_table",
    "factor_finding",
    "factor_page",
    "feasibility_finding",
    "gap_finding",
    "lifecycle_finding",
    "mau_finding",
    "milestone_table",
    "ogsm_page",
    "ogsm_table",
    "project_aum",
    "project_mau",
    "projection_finding",
    "read_strategies",
    "seasons_finding",
    "set_target",
    "shown_bridge",
    "split_gap",
    "usage_finding",
]
