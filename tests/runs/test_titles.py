"""What pages, brief and board call a case: its own title only where its parameters hold, else what it runs on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers import bank as banks
from helpers.findings import StepResult
from helpers.runs import batch, briefing, identity, preflight
from helpers.runs import plan as plans
from helpers.runs.board import Board
from helpers.runs.step import DONE, StepRun
from tests.conftest import ROOT

LAST = "05_post_mortem"
# Named here by hand, as data/banks/sample/README.md and its tables have them.
K010 = "K010 春日签到"


def read(language: str = "en", **overrides: str) -> plans.Plan:
    read = plans.read("silver_checkin", case="harbour", language=language, overrides=overrides)
    preflight.check_bank(read)
    return read


def draw(plan: plans.Plan, reports: Path, *, branch: str) -> str:
    """Keep a last step by hand and return the brief that is drawn of it."""
    folder = reports / plan.name / "harbour" / plan.language
    result = StepResult(LAST, run_dir=folder)
    result.about = {"bank": {"en": "Sample bank", "zh": "示例银行"}, "branch": branch}
    result.keep()
    run = StepRun(plan.name, "harbour", plan.language, LAST, DONE, 1.0, "", "", "")
    file = briefing.add(plan, run, reports)
    assert file is not None
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("language", "overrides", "title"),
    [
        ("en", {}, "Harbour branch"),
        ("zh", {}, "Harbour 网点"),
        ("en", {"branch": "Harbour"}, "Harbour branch"),
        ("en", {"branch": "Airport"}, "Airport branch"),
        ("zh", {"branch": "Airport"}, "Airport 网点"),
        ("zh", {"branch": ""}, "全行"),
        ("en", {"campaign_id": "K010"}, f"Harbour branch · {K010}"),
        ("en", {"branch": "Airport", "campaign_id": "K010"}, f"Airport branch · {K010}"),
        ("en", {"05_post_mortem.branch": "Airport"}, "Harbour branch / Airport branch"),
        # What no title speaks of leaves it alone.
        ("en", {"alpha": "0.1"}, "Harbour branch"),
    ],
)
def test_a_case_is_called_by_what_it_runs_on(
    language: str, overrides: dict[str, str], title: str, tmp_path: Path
) -> None:
    plan = read(language, **overrides)
    (case,) = plan.cases
    assert {job.case_title for job in batch.jobs_of(plan, case, tmp_path)} == {title}
    board = Board(tmp_path, plan, banks.open(plan.bank))
    board.begin()
    rows = [
        plain for plain in (tmp_path / "index.html").read_text(encoding="utf-8").split("<tr ") if "· </span>" in plain
    ]
    assert len(rows) == len(case.steps)
    assert all(f"· </span>{title}" in row.split("</th>")[0] for row in rows)
    brief = draw(plan, tmp_path, branch=overrides.get("branch", "Harbour"))
    assert f"</span> {plan.title[language]} · {title}</h1>" in brief


def test_a_campaign_that_the_case_itself_gives_is_not_claimed_by_its_title_any_more(tmp_path: Path) -> None:
    cases = "{spring: {title: Spring check-in at Harbour, parameters: {campaign_id: K010, branch: Harbour}}}"
    (tmp_path / "playbook.yml").write_text(
        f"schema_version: 1\nbank: {ROOT / 'data/banks/sample'}\nsteps: ['5']\ncases: {cases}\n", encoding="utf-8"
    )
    plan = plans.read(str(tmp_path), overrides={"campaign_id": "K001"})
    preflight.check_bank(plan)
    assert plan.case_title(plan.cases[0])["en"] == "Harbour branch · K001 银发签到有礼"


@pytest.mark.parametrize(
    ("language", "branch", "campaign"), [("en", "Branch: Airport", "Campaign: "), ("zh", "网点：Airport", "活动：")]
)
def test_the_brief_says_which_campaign_and_branch_its_numbers_are_of(
    language: str, branch: str, campaign: str, tmp_path: Path
) -> None:
    plan = read(language, branch="Airport", campaign_id="K010")
    brief = draw(plan, tmp_path, branch="Airport")
    assert f"<span>{branch}</span>" in brief
    assert f"<span>{campaign}{K010}</span>" in brief


def test_the_brief_of_a_run_without_its_last_step_names_the_campaign_that_step_was_done_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = read(campaign_id="K010")
    (job,) = (job for job in batch.jobs_of(plan, plan.cases[0], tmp_path) if job.step.name == LAST)
    draw(plan, tmp_path, branch="Harbour")
    job.page.write_text("<p>page</p>", encoding="utf-8")
    identity.record(job, {}, seconds=1.0, started_at="", finished_at="")
    other = plans.read("silver_checkin", case="harbour", step="04")
    preflight.check_bank(other)
    said: dict[str, Any] = {}
    monkeypatch.setattr("helpers.reporting.brief.write", lambda _, **settings: said.update(settings))
    run = StepRun(other.name, "harbour", "en", "04_channel_matrix", DONE, 1.0, "", "", "")
    briefing.add(other, run, tmp_path)
    assert said["campaign"] == K010
