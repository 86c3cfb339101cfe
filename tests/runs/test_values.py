"""Wrong values are refused by their name before a kernel starts; what a notebook declares as default is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from helpers.cli import app
from helpers.models.abuse import read_rules
from helpers.runs import parameters, plan, values
from helpers.runs.refusal import Refusal
from helpers.steps.activities.plan import GOALS, LEAST_SIMULATIONS, RETURN_BASES, ROI_CONVENTIONS

WRONG: list[tuple[str, Any, str]] = [
    ("return_basis", "all", "return_basis should be one of activity, money, both, not 'all'"),
    ("roi_convention", "gross", "roi_convention should be one of ratio, net, not 'gross'"),
    ("goal_metric", "mau", "goal_metric should be one of active_days, is_active, aum_change, not 'mau'"),
    ("language", "de", "language should be one of en, zh"),
    ("segment", "sliver", "segment 'sliver' is not in data/catalogue/segments.yml, did you mean 'silver'"),
    ("segment", "", "segment '' is not in data/catalogue/segments.yml"),
    ("form", "quizz", "form 'quizz' is not in data/catalogue/activities.yml, did you mean 'quiz'"),
    ("channels", "app_push, smss", "channels 'smss' is not in data/catalogue/channels.yml, did you mean 'sms'"),
    ("as_of", "2025-02-30", "as_of should be a day written YYYY-MM-DD"),
    ("starts_date", "8.9.2025", "starts_date should be a day written YYYY-MM-DD"),
    ("acquired_since", "soon", "acquired_since should be a day written YYYY-MM-DD"),
    ("alpha", 0.0, "alpha should be above 0 and below 0.5, not 0.0"),
    ("alpha", 0.5, "alpha should be above 0 and below 0.5"),
    ("power", 1.0, "power should be at least 0.5 and below 1"),
    ("power", 0.4, "power should be at least 0.5 and below 1"),
    ("overrun_risk", 0.0, "overrun_risk should be above 0 and below 1"),
    ("stretch_quantile", 0.4, "stretch_quantile should be from 0.5 to 1, not 0.4"),
    ("stretch_quantile", 1.1, "stretch_quantile should be from 0.5 to 1"),
    ("winsorize_quantile", 0.5, "winsorize_quantile should be above 0.5 and at most 1"),
    ("winsorize_quantile", 1.01, "winsorize_quantile should be above 0.5 and at most 1"),
    ("reach", 0.0, "reach should be above 0"),
    ("budget", 0.0, "budget should be above 0"),
    ("monthly_budget", -1.0, "monthly_budget should be at least 0"),
    ("active_day_value", -0.1, "active_day_value should be at least 0"),
    ("roi_margin", -0.1, "roi_margin should be at least 0"),
    ("target_mau", -1, "target_mau should be at least 0"),
    ("target_aum", -0.5, "target_aum should be at least 0"),
    ("mau_growth_share", 5.0, "mau_growth_share is a share from 0 to 1, not 5.0"),
    ("aum_growth_share", -0.1, "aum_growth_share is a share from 0 to 1"),
    ("holdout_share", 1.0, "holdout_share should be at least 0 and below 1, not 1.0"),
    ("holdout_share", -0.1, "holdout_share is a share from 0 to 1"),
    ("horizon_months", 0, "horizon_months should be from 1 to 36, not 0"),
    ("horizon_months", 37, "horizon_months should be from 1 to 36, not 37"),
    ("history_months", 1, "history_months should be at least 2, not 1"),
    ("compare_months", 0, "compare_months should be at least 1"),
    ("after_days", -1, "after_days should be at least 0, not -1"),
    *((f"{name}_days", 0, f"{name}_days should be at least 1, not 0") for name in (
        "horizon", "silent", "warning", "duration", "lasting", "earning", "active_within", "activation", "value", "window", "before",
    )),
    ("min_signals", 0, "min_signals should be at least 1"),
    ("min_signals", 99, "the signals of data/catalogue/abuse_rules.yml, not 99"),
    ("min_group_size", 0, "min_group_size should be at least 1"),
    ("n_simulations", 99, "n_simulations should be at least 100"),
    ("seed", -1, "seed should be at least 0"),
    ("brief", "briefs/none.yml", "brief should be a file, relative to the working folder or the project's, not 'briefs/none.yml'"),
]  # fmt: skip
# Texts that are free: any branch or campaign may be in a bank, only opening it tells.
FREE = {"bank", "run_dir", "branch", "new_campaign_id", "campaign_id", "salt", "contact"}


def declared() -> dict[str, parameters.Parameter]:
    found: dict[str, parameters.Parameter] = {}
    for notebook in plan.step_notebooks().values():
        found |= parameters.read(notebook)
    return found


@pytest.mark.parametrize(("name", "value", "words"), WRONG, ids=[f"{name}={value}" for name, value, _ in WRONG])
def test_a_wrong_value_is_refused_in_one_line(name: str, value: Any, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        values.check(name, value, where="case one")
    assert len(caught.value.lines) == 1
    assert caught.value.lines[0].startswith("case one: ")
    assert words in caught.value.lines[0]


def test_every_parameter_of_the_five_notebooks_is_refused_something() -> None:
    assert set(declared()) - FREE == {name for name, _, _ in WRONG}


def test_defaults_of_every_notebook_are_allowed() -> None:
    for notebook in plan.step_notebooks().values():
        for parameter in parameters.read(notebook).values():
            assert values.check(parameter.name, parameter.default, where=notebook.stem) == parameter.default


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("after_days", 0), ("holdout_share", 0.0), ("stretch_quantile", 1.0), ("winsorize_quantile", 1.0), ("horizon_months", 36),
        ("history_months", 2), ("n_simulations", 100), ("seed", 0), ("alpha", 0.49), ("power", 0.5), ("target_mau", 0), ("roi_margin", 0.0),
        ("channels", ""), ("channels", "sms,wecom , app_push"), ("form", ""), ("as_of", ""), ("brief", ""), ("min_signals", 1),
    ],
)  # fmt: skip
def test_the_ends_of_each_range_are_allowed(name: str, value: Any) -> None:
    assert values.check(name, value, where="-p") == value


def test_what_is_allowed_is_what_the_steps_allow() -> None:
    """The check must stay light, so it repeats what the steps say: held together here."""
    assert values.CHOICES["goal_metric"] == tuple(GOALS)
    assert values.CHOICES["return_basis"] == RETURN_BASES
    assert values.CHOICES["roi_convention"] == ROI_CONVENTIONS
    assert values.RANGES["n_simulations"].least == LEAST_SIMULATIONS
    values.check("min_signals", len(read_rules()), where="-p")
    with pytest.raises(Refusal):
        values.check("min_signals", len(read_rules()) + 1, where="-p")


def test_a_brief_given_from_the_working_folder_is_found_from_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.yml"
    file.write_text("campaign_id: K001\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert values.check("brief", "mine.yml", where="-p") == str(file)
    read = plan.read("silver_checkin", overrides={"brief": "mine.yml"})
    assert read.cases[0].steps[-1].parameters["brief"] == str(file)
    # A file of the project is found by its relative path from wherever the step runs, and stays as it was written.
    assert values.check("brief", "pyproject.toml", where="-p") == "pyproject.toml"


def test_the_command_ends_with_2_and_starts_no_kernel(tmp_path: Path, sample_bank_folder: Path) -> None:
    reports = tmp_path / "reports"
    command = ["run", "silver_checkin", "--bank", str(sample_bank_folder), "--reports", str(reports)]
    wrong = ["-p", "return_basis=all", "-p", "alpha=0.5", "-p", "channels=smss", "-p", "brief=none.yml"]
    done = CliRunner().invoke(app, [*command, *wrong])
    assert done.exit_code == 2, done.output
    for words in (
        "return_basis should be one of",
        "alpha should be above 0",
        "did you mean 'sms'",
        "brief should be a",
    ):
        assert words in done.output
    assert not reports.exists()
