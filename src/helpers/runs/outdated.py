"""What a run of one step leaves behind: later steps of its case that stand on an older result of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from helpers.findings import Text
from helpers.findings.numbers import LANGUAGES
from helpers.runs import identity, outcome
from helpers.runs.plan import CasePlan, Plan
from helpers.runs.step import DONE, WAITING

# The entry of the board as it was; it is entered again once the step before holds the same result as then.
STOOD = "stood"


def steps(plan: Plan, case: CasePlan, reports: Path) -> tuple[str, ...]:
    """Return the steps of a case whose earlier steps no longer hold what they were run on, and those run on top of them."""
    run_dir = reports / plan.name / case.name / plan.language
    ran = {step.name for step in case.steps}
    found: list[str] = []
    for position, name in enumerate(plan.step_names):
        stands = name in ran or identity.stands(run_dir, name, plan.step_names[:position])
        if found or not stands:
            found.append(name)
    return tuple(found)


def entered(entry: Mapping[str, Any], plan: Plan, case: CasePlan, reports: Path) -> dict[str, Any]:
    """Return a board entry of a step left out of the run: as not finished while it stands on an older result."""
    if entry["step"] not in steps(plan, case, reports):
        return dict(entry.get(STOOD, entry))
    names = plan.step_names
    before = [step.name for step in case.steps if names.index(step.name) < names.index(entry["step"])]
    if entry["state"] != DONE or not before:
        return dict(entry)
    text = Text(
        f"Stands on an older result of step {before[-1]}; run the case again.",
        f"本步骤依据步骤 {before[-1]} 的旧结果；请重跑本案例。",
    )
    return {
        **entry,
        **outcome.of(entry["step"], None, {}),
        "state": WAITING,
        "kept_from": "",
        "message": text.say(entry["language"]),
        "messages": {language: text.say(language) for language in LANGUAGES},
        STOOD: dict(entry),
    }
