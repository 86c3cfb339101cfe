"""What a step's result depends on: each thing that matters changes the identity, nothing else does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers.runs import identity, parameters
from helpers.runs.code import Code
from helpers.runs.plan import StepPlan
from helpers.runs.step import StepJob

SOURCES = {
    "__init__.py": "",
    "reporting/__init__.py": "def __getattr__(name):\n    from helpers.reporting.notebook import Page\n",
    "reporting/notebook.py": "from helpers.counts import total\n",
    "reporting/pages.py": "",
    "reporting/templates/style.css": "a{}",
    "counts/__init__.py": "from .total import total",
    "counts/total.py": "import helpers.deep as deep",
    "deep.py": "X = 1",
    "other/__init__.py": "",
    "other/unused.py": "",
    "bank/__init__.py": "",
    "bank/open.py": "",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "helpers"
    for name, source in SOURCES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(source)
    return folder


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    file = tmp_path / "a.ipynb"
    source = "%matplotlib inline\nfrom helpers.reporting import Page\nfrom helpers.bank import open"
    declared = new_code_cell("limit_days: int = 5  # days at most", metadata={"tags": ["parameters"]})
    nbformat.write(new_notebook(cells=[declared, new_code_cell(source)]), file)
    return file


def test_modules_are_found_all_the_way_down_with_late_and_relative_imports(package: Path, notebook: Path) -> None:
    found = {file.relative_to(package).as_posix() for file in Code(package).files(notebook)}
    assert found == set(SOURCES) - {"other/__init__.py", "other/unused.py"}


@pytest.mark.parametrize("name", ["deep.py", "counts/total.py", "reporting/templates/style.css", "bank/open.py"])
def test_a_changed_module_or_template_changes_the_digest(package: Path, notebook: Path, name: str) -> None:
    before = Code(package).digest(notebook)
    (package / "other" / "unused.py").write_text("Y = 2")
    assert Code(package).digest(notebook) == before
    (package / name).write_text("Z = 3")
    assert Code(package).digest(notebook) != before


def test_the_real_notebooks_need_their_step_and_not_another_one() -> None:
    from helpers.runs.plan import step_notebooks

    names = {file.as_posix() for file in Code().files(step_notebooks()["01_goal_decomposition"])}
    assert any("/steps/goals" in name for name in names)
    assert any("/findings/labels/" in name for name in names)
    assert not any("/steps/post_mortem" in name or "/runs/" in name for name in names)


TABLES = {"bank.yml": "s1", "activity": "a1", "rewards": "r1"}


@pytest.fixture
def job(tmp_path: Path, notebook: Path) -> StepJob:
    (tmp_path / "data" / "catalogue").mkdir(parents=True)
    (tmp_path / "data" / "catalogue" / "metrics.yml").write_text("a: 1")
    job = StepJob(
        playbook="p", playbook_title="P", case="c", case_title="C", language="en",
        step=StepPlan("a", notebook, {"bank": "b", "limit_days": 5}), siblings=("z", "a"), reports=tmp_path / "reports",
        root=tmp_path, time_limit_seconds=60, bank_tables=TABLES, earlier=("z",),
    )  # fmt: skip
    for step in ("a", "z"):
        (job.run_dir / step).mkdir(parents=True)
        (job.run_dir / step / "t.parquet").write_text("1")
        content = {"schema_version": 1, "figures": [], "findings": [], "tables": ["t.parquet"], "files": []}
        (job.run_dir / step / "result.json").write_text(json.dumps(content))
    job.page.write_text("page")
    return job


def test_each_thing_that_matters_changes_its_own_part(job: StepJob, package: Path, tmp_path: Path) -> None:
    before = identity.of(job, Code(package))

    def changed(other: StepJob = job) -> set[str]:
        now = identity.of(other, Code(package))
        return {part for part in now if now[part] != before[part]}

    assert changed() == set()
    assert changed(replace(job, reports=job.reports, time_limit_seconds=5, siblings=("a",))) == set()
    assert changed(replace(job, step=replace(job.step, parameters={"bank": "b", "limit_days": 6}))) == {"parameters"}
    assert changed(replace(job, bank_tables={**TABLES, "bank.yml": "other"})) == {"bank"}
    # A table more or less is another bank; what a table holds counts where it is read.
    assert changed(replace(job, bank_tables={**TABLES, "tags": "t1"})) == {"bank"}
    assert changed(replace(job, bank_tables={**TABLES, "activity": "a2"})) == set()
    # A parameter that names a file: it is the content that counts.
    (tmp_path / "b").write_text("sealed")
    assert changed() == {"parameters"}
    (tmp_path / "b").unlink()
    (job.run_dir / "z" / "t.parquet").write_text("2")
    assert changed() == {"earlier"}
    (tmp_path / "data" / "catalogue" / "metrics.yml").write_text("a: 2")
    assert changed() == {"earlier", "catalogues"}
    job.step.notebook.write_text(job.step.notebook.read_text() + "\n")
    assert changed() == {"earlier", "catalogues", "notebook"}


def test_a_table_counts_for_the_steps_that_read_it(job: StepJob, package: Path) -> None:
    other_rewards = replace(job, bank_tables={**TABLES, "rewards": "r2"})
    parts = identity.of(job, Code(package))
    identity.record(job, parts, seconds=1.0, started_at="s", finished_at="f")
    # Its result does not say what it has read: then it may have read everything.
    assert identity.kept(other_rewards, parts) is None
    result = job.run_dir / "a" / "result.json"
    result.write_text(json.dumps({**json.loads(result.read_text()), "about": {"tables_read": ["activity"]}}))
    identity.record(job, parts, seconds=1.0, started_at="s", finished_at="f")
    assert identity.kept(other_rewards, parts) is not None
    assert identity.kept(replace(job, bank_tables={**TABLES, "activity": "a2"}), parts) is None


def test_a_brief_of_the_bank_counts_for_every_step(job: StepJob, package: Path) -> None:
    with_briefs = replace(job, bank_tables={**TABLES, "briefs": "b1"})
    parts = identity.of(with_briefs, Code(package))
    identity.record(with_briefs, parts, seconds=1.0, started_at="s", finished_at="f")
    assert identity.kept(with_briefs, parts) is not None
    assert identity.kept(replace(job, bank_tables={**TABLES, "briefs": "b2"}), parts) is None


def test_the_meaning_of_a_parameter_is_on_the_page(
    job: StepJob, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chinese = replace(job, language="zh")
    before = identity.of(chinese, Code(package))
    monkeypatch.setattr(parameters, "meanings", lambda: {"limit_days": "天数上限（含）"})
    now = identity.of(chinese, Code(package))
    assert {part for part in now if now[part] != before[part]} == {"parameters"}


def test_kept_needs_everything_that_was_left_whole(job: StepJob, package: Path) -> None:
    parts = identity.of(job, Code(package))
    assert identity.kept(job, parts) is None
    identity.record(job, parts, seconds=1.0, started_at="s", finished_at="f")
    assert identity.kept(job, parts)["finished_at"] == "f"
    assert identity.kept(job, {**parts, "bank": "other"}) is None
    for file in (job.page, job.run_dir / "a" / "t.parquet", job.run_dir / "a" / "result.json"):
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        assert identity.kept(job, parts) is None, file
        file.write_bytes(whole)
    assert identity.kept(job, parts) is not None
    record = job.run_dir / "a" / identity.FILE
    record.write_text(record.read_text()[:40])
    assert identity.kept(job, parts) is None
