"""A playbook is checked before anything starts: every wrong name, type and value in one line of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from helpers.runs import parameters, plan, values
from helpers.runs.refusal import Refusal
from tests.conftest import ROOT

PARAMETERS = """\
bank: str = "data/banks/sample"  # folder of the bank
as_of: str = ""  # last day that is seen
language: str = "en"  # page language
run_dir: str = ""  # folder for results
horizon_days: int = 90  # days since activation
holdout_share: float = 0.3  # share held out
loud: bool = False  # say more"""


@pytest.fixture
def playbook(tmp_path: Path) -> Callable[..., Path]:
    """Write a playbook of two notebooks of its own: ``playbook("cases: …")``."""

    def write(
        extra: str = "", *, steps: str = "[{notebook: a.ipynb}, {notebook: b.ipynb}]", head: str | None = None
    ) -> Path:
        folder = tmp_path / "try_it"
        folder.mkdir(exist_ok=True)
        for name, source in (("a", PARAMETERS), ("b", PARAMETERS.replace("horizon_days", "window_days"))):
            cells = [new_markdown_cell("# Q"), new_code_cell(source, metadata={"tags": ["parameters"]})]
            nbformat.write(new_notebook(cells=cells), folder / f"{name}.ipynb")
        top = "schema_version: 1\nbank: some/bank\n" if head is None else head
        (folder / "playbook.yml").write_text(f"{top}steps: {steps}\n{extra}\n", encoding="utf-8")
        return folder

    return write


def refused(folder: Path, **settings: object) -> list[str]:
    with pytest.raises(Refusal) as caught:
        plan.read(str(folder), **settings)  # type: ignore[arg-type]
    return caught.value.lines


def test_values_come_from_playbook_step_case_and_command_in_that_order(playbook: Callable[..., Path]) -> None:
    folder = playbook(
        "parameters: {horizon_days: 1, window_days: 1, holdout_share: 0.1}\ncases: {one: {parameters: {holdout_share: 0.2}}, two: {}}",
        steps="[{notebook: a.ipynb, parameters: {horizon_days: 2}}, {notebook: b.ipynb}]",
    )
    read = plan.read(str(folder), overrides={"b.window_days": "7"}, language="zh")
    one, two = read.cases
    bank = str(ROOT / "some" / "bank")
    assert one.steps[0].parameters == {"bank": bank, "horizon_days": 2, "holdout_share": 0.2, "language": "zh"}
    assert one.steps[1].parameters == {"bank": bank, "window_days": 7, "holdout_share": 0.2, "language": "zh"}
    assert two.steps[0].parameters["holdout_share"] == 0.1


def test_a_bank_given_relative_to_the_working_folder_keeps_its_meaning(
    playbook: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = playbook()
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert plan.read(str(folder), bank="mine").bank == str(tmp_path / "mine")


def test_a_bare_name_goes_to_every_step_that_declares_it(playbook: Callable[..., Path]) -> None:
    read = plan.read(str(playbook()), overrides={"as_of": "2025-01-31", "horizon_days": "5"})
    assert [step.parameters["as_of"] for step in read.cases[0].steps] == ["2025-01-31"] * 2
    assert "horizon_days" not in read.cases[0].steps[1].parameters


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("parameters: {horizon_day: 3}", "parameter 'horizon_day' is unknown, did you mean 'horizon_days'; there are"),
        ("parameters: {horizon_days: soon}", "horizon_days should be a whole number, not 'soon'"),
        ("parameters: {horizon_days: 2.5}", "horizon_days should be a whole number, not 2.5"),
        ("parameters: {horizon_days: 0}", "horizon_days should be at least 1, not 0"),
        ("parameters: {holdout_share: 30}", "holdout_share is a share from 0 to 1, not 30.0"),
        ("parameters: {loud: maybe}", "loud should be true or false, not 'maybe'"),
        ("parameters: {as_of: 31.12.2025}", "as_of should be a day written YYYY-MM-DD"),
        ("parameters: {as_of: [1]}", "as_of should be text, not [1]"),
        ("parameters: {language: zh}", "language is set by the batch for all steps; use --language"),
        ("parameters: {run_dir: /x}", "run_dir is set by the batch for all steps; use --reports"),
        ("parameters: {c.horizon_days: 3}", "step 'c' is unknown"),
        ("cases: {Bad Name: {}}", "case 'Bad Name' should be lower-case"),
        ("cases: {one: {paramters: {}}}", "'paramters' is unknown, did you mean 'parameters'"),
        ("stepps: []", "'stepps' is unknown, did you mean 'steps'"),
        ("time_limit_seconds: never", "time_limit_seconds should be a whole number"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(playbook: Callable[..., Path], extra: str, words: str) -> None:
    lines = refused(playbook(extra))
    assert len(lines) == 1
    assert words in lines[0]


def test_several_wrongs_come_together(playbook: Callable[..., Path]) -> None:
    assert len(refused(playbook("parameters: {horizon_day: 3, holdout_share: 2, loud: x}"))) == 3


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("[01_goal_decompositon]", "step '01_goal_decompositon' is unknown, did you mean '01_goal_decomposition'"),
        ("[{notebook: z.ipynb}]", "notebook 'z.ipynb' is not there"),
        ("[{step: 1, parms: {}}]", "step entry 'parms' is unknown"),
        ("[{notebook: a.ipynb}, {notebook: a.ipynb}]", "step a stands twice"),
    ],
)
def test_unknown_steps_and_notebooks_are_named(playbook: Callable[..., Path], steps: str, words: str) -> None:
    assert words in refused(playbook(steps=steps))[0]


def test_a_notebook_whose_name_no_link_can_carry_is_refused(playbook: Callable[..., Path]) -> None:
    folder = playbook(steps="[{notebook: 'a#1.ipynb'}]")
    (folder / "a#1.ipynb").write_text("{}", encoding="utf-8")
    assert "notebook 'a#1' has one of # ? % in its name" in refused(folder)[0]


def test_broken_yaml_is_said_with_its_line(playbook: Callable[..., Path]) -> None:
    assert "line 2: broken YAML" in refused(playbook(head="schema_version: 1\n bank: x\n"))[0]


def test_a_playbook_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(Refusal, match="playbook 'first_reveiw' is unknown, did you mean 'first_review'"):
        plan.read("first_reveiw")


def test_catalogue_names_are_checked() -> None:
    with pytest.raises(
        Refusal, match=r"segment 'sliver' is not in data/catalogue/segments\.yml, did you mean 'silver'"
    ):
        values.check("segment", "sliver", where="-p")


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "playbooks").iterdir() if path.is_dir()))
def test_every_playbook_of_the_project_is_in_order(name: str) -> None:
    read = plan.read(name)
    assert read.n_steps > 0
    assert all(read.title[language] != name for language in ("en", "zh"))
    assert (ROOT / "playbooks" / name / "README.md").is_file()


def test_steps_are_found_by_stem_number_and_words() -> None:
    known = plan.step_notebooks()
    assert {
        plan.find_step(name, known, where="x") for name in ("01_goal_decomposition", "1", "01", "goal_decomposition")
    } == {"01_goal_decomposition"}


def test_a_parameters_cell_that_papermill_would_misread_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "n.ipynb"
    for source, words in (
        ("x: int | None = None", "plain str, int, float, bool only"),
        ("x = 3", "should be `name: type = literal"),
        ("x: int = 1 + 1", "the default should be a literal"),
    ):
        nbformat.write(new_notebook(cells=[new_code_cell(source, metadata={"tags": ["parameters"]})]), file)
        with pytest.raises(Refusal) as caught:
            parameters.read(file)
        assert words in str(caught.value)


def test_the_check_needs_none_of_the_heavy_imports() -> None:
    code = (
        "import sys; from helpers.runs import plan; plan.read('first_review');"
        "print(sorted({'pandas', 'numpy', 'ibis', 'papermill', 'nbconvert', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_help_needs_none_of_the_heavy_imports() -> None:
    code = (
        "import sys; import helpers.cli;"
        "print(sorted({'pandas', 'numpy', 'ibis', 'papermill', 'nbconvert', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
