"""Has the decision brief of a case drawn when its last step has ended, from what its steps kept."""

from __future__ import annotations

import contextlib
from pathlib import Path

from helpers.runs import identity, outdated, titles
from helpers.runs.plan import CasePlan, Plan
from helpers.runs.step import StepRun, step_title

FILE = "brief.html"


def clear(plan: Plan, reports: Path) -> None:
    """Take away the briefs of a plan's cases: until a case has ended, an old one would speak for the new run."""
    for case in plan.cases:
        # Where that is not allowed the case's steps can't be written either, and say so.
        with contextlib.suppress(OSError):
            (_folder(plan, case, reports) / FILE).unlink(missing_ok=True)


def add(plan: Plan, run: StepRun, reports: Path) -> Path | None:
    """Draw the brief of a case if this was its last step (done, failed or not run), and return its file."""
    from helpers.reporting import brief

    case = next(case for case in plan.cases if case.name == run.case)
    folder = _folder(plan, case, reports)
    if run.step != case.steps[-1].name or not folder.is_dir():
        return None
    names = plan.step_names or tuple(step.name for step in case.steps)
    there = [name for name in names if (folder / f"{name}.html").is_file()]
    return brief.write(
        folder,
        language=plan.language,
        title=f"{plan.title[plan.language]} · {plan.case_title(case)[plan.language]}",
        campaign=_campaign(plan, case, folder),
        links=[(f"{name}.html", step_title(Path(name), plan.language)) for name in there],
        # One brief has one state of a case.
        without=outdated.steps(plan, case, reports),
    )


def link(reports: Path, entry: dict[str, str]) -> str:
    """Return the board's link to the brief of an entry's case; empty if there is none."""
    place = f"{entry['playbook']}/{entry['case']}/{entry['language']}/{FILE}"
    return place if (reports / place).is_file() else ""


def _campaign(plan: Plan, case: CasePlan, folder: Path) -> str:
    """Return id and name of the campaign that the last step with one is about; empty if there is none."""
    ran = {step.name: step for step in case.steps}
    for name in reversed(plan.step_names or tuple(ran)):
        found = identity.campaign_of(ran[name]) if name in ran else identity.recorded_campaign(folder, name)
        if found:
            return titles.campaign(found, plan.campaigns)
    return ""


def _folder(plan: Plan, case: CasePlan, reports: Path) -> Path:
    return reports / plan.name / case.name / plan.language
