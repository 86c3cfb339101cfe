"""A small batch from end to end: pages, results, the board, and what happens when a step stops."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers.cli import app
from tests.runs.conftest import COUNT, run


@pytest.mark.slow
def test_pages_results_and_board_stand_where_the_contract_says(playbook: Callable[..., Path], tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    code, output = run(str(playbook(a=COUNT)), "--reports", str(reports), "--language", "zh")
    assert code == 0, output
    assert f"看板：{reports / 'index.html'}" in output.replace("\n", "")
    for case, n in (("whole", 2), ("harbour", 1)):
        folder = reports / "pb" / case / "zh"
        result = json.loads((folder / "a" / "result.json").read_text(encoding="utf-8"))
        assert (result["schema_version"], result["step"]) == (1, "a")
        assert result["figures"][0] == {
            "key": "customers", "value": n, "lower": None, "upper": None, "unit": "customers", "n": n, "period": "",
        }  # fmt: skip
        assert (result["findings"][0]["en"], result["findings"][0]["zh"]) == (f"{n} customers.", f"{n} 位客户。")
        page = (folder / "a.html").read_text(encoding="utf-8")
        # A branch of fewer than ten customers is not told of.
        assert (f"{n} 位客户。" in page, "该网点客户不足 10 人" in page) == (case == "whole", case == "harbour")
        assert f"{n} customers." not in page
        assert '<html lang="zh-CN">' in page
        assert "How many?" not in page
    board = json.loads((reports / "board.json").read_text(encoding="utf-8"))
    assert board["schema_version"] == 1
    keys = {"playbook", "case", "language", "step", "state", "seconds", "page", "message"}
    assert all(keys <= set(entry) for entry in board["runs"])
    assert [(e["case"], e["state"], e["page"]) for e in board["runs"]] == [
        ("whole", "done", "pb/whole/zh/a.html"),
        ("harbour", "done", "pb/harbour/zh/a.html"),
    ]
    assert "试跑" in (reports / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_failed_step_keeps_its_page_and_stops_only_its_own_case(
    playbook: Callable[..., Path], tmp_path: Path
) -> None:
    reports = tmp_path / "reports"
    trouble = COUNT + "\nif branch:\n    raise ValueError(f\"segment 'x' is unknown\")"
    code, output = run(str(playbook(a=COUNT, b=trouble, c=COUNT)), "--reports", str(reports))
    assert code == 1
    assert "Traceback" not in output
    states = {(e["case"], e["step"]): e for e in json.loads((reports / "board.json").read_text())["runs"]}
    assert {key: entry["state"] for key, entry in states.items()} == {
        ("whole", "a"): "done", ("whole", "b"): "done", ("whole", "c"): "done",
        ("harbour", "a"): "done", ("harbour", "b"): "failed", ("harbour", "c"): "not_run",
    }  # fmt: skip
    assert "segment 'x' is unknown (in “Counting”)" in states["harbour", "b"]["message"]
    failed = (reports / "pb/harbour/en/b.html").read_text(encoding="utf-8")
    assert 'class="failure"' in failed
    assert "segment 'x' is unknown" in failed
    assert "Traceback" not in failed
    # The partial page below the card: the cells before the one that stopped.
    assert "How many?" in failed
    assert not (reports / "pb/harbour/en/b/result.json").exists()
    assert "Traceback" in (reports / "pb/harbour/en/b/error.log").read_text(encoding="utf-8")
    assert "Not run because step b" in (reports / "pb/harbour/en/c.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_killed_kernel_is_named_and_a_rerun_replaces_the_entry(playbook: Callable[..., Path], tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    folder = playbook("{whole: {}}", a="import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    code, output = run(str(folder), "--reports", str(reports))
    assert code == 1
    assert "killed (signal 9), often for memory" in output.replace("\n", " ")
    playbook("{whole: {}}", a=COUNT)
    assert run(str(folder), "--reports", str(reports))[0] == 0
    (entry,) = json.loads((reports / "board.json").read_text())["runs"]
    assert entry["state"] == "done"


@pytest.mark.slow
def test_a_notebook_that_keeps_nothing_has_failed(playbook: Callable[..., Path], tmp_path: Path) -> None:
    folder = playbook("{whole: {}}", a=COUNT + "\npage.result.run_dir = None")
    code, output = run(str(folder), "--reports", str(tmp_path / "reports"))
    assert code == 1
    assert "ended without keeping a result" in output


def test_an_unknown_branch_is_refused_before_any_kernel(playbook: Callable[..., Path], tmp_path: Path) -> None:
    code, output = run(str(playbook(a=COUNT)), "--reports", str(tmp_path / "r"), "-p", "branch=Habour")
    assert code == 2
    assert "branch 'Habour' is not in customers.branch" in output
    assert not list((tmp_path / "r").rglob("*.html"))


def test_a_day_before_the_data_is_refused_before_any_kernel(playbook: Callable[..., Path], tmp_path: Path) -> None:
    code, output = run(str(playbook(a=COUNT)), "--reports", str(tmp_path / "r"), "-p", "as_of=2019-01-01")
    assert code == 2
    assert "lies before the first day of the activity log" in output


def test_a_bank_that_breaks_rules_is_refused_with_every_rule(
    playbook: Callable[..., Path], tmp_path: Path, write_bank: Callable[..., Path]
) -> None:
    bank = write_bank(name="other", balances="customer_id,balance_date,aum,loan\nC000000001,x,-1,0\n")
    code, output = run(str(playbook(a=COUNT)), "--bank", str(bank), "--reports", str(tmp_path / "r"))
    assert code == 2
    assert "balances.balance_date: can't be read as date (1 row, e.g. x)" in output
    assert "balances.aum: should be at least 0 (1 row, e.g. -1.0)" in output


@pytest.mark.parametrize(
    "arguments",
    [
        ("-p", "limit_day=3"),
        ("-p", "limit_days=x"),
        ("-p", "limit_days"),
        ("--case", "nope"),
        ("--step", "9"),
        ("--language", "fr"),
    ],
)
def test_wrong_requests_exit_with_2(playbook: Callable[..., Path], tmp_path: Path, arguments: tuple[str, str]) -> None:
    code, output = run(str(playbook(a=COUNT)), "--reports", str(tmp_path / "r"), *arguments)
    assert code == 2
    assert len(output.strip().splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_refused(playbook: Callable[..., Path], tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    code, output = run(str(playbook(a=COUNT)), "--reports", str(blocked / "reports"))
    assert code == 2
    assert "can't be written" in output


def test_new_scaffolds_a_playbook_that_is_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from helpers.runs import plan, scaffold

    (tmp_path / "data" / "catalogue").mkdir(parents=True)
    (tmp_path / "playbooks").mkdir()
    monkeypatch.chdir(tmp_path)
    folder = scaffold.create("spring_review")
    monkeypatch.setattr(plan, "notebooks_folder", lambda: Path(__file__).parents[2] / "notebooks")
    assert plan.read(str(folder)).n_steps == 2
    assert CliRunner().invoke(app, ["new", "spring_review"]).exit_code == 2
    assert CliRunner().invoke(app, ["new", "Spring Review"]).exit_code == 2
