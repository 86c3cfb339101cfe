"""How a step ended is named: time limit, signal, exit code, memory, a full disk; nothing half-written stays."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from helpers.findings import files
from helpers.runs import batch, failure, outcome, step
from helpers.runs.plan import StepPlan
from tests.runs.conftest import COUNT, notebook, run, write_light


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"exit_code": -9}, "The kernel was killed (signal 9), often for memory."),
        ({"exit_code": -9, "memory_ran_out": True}, "The system killed the kernel because memory ran out."),
        ({"exit_code": -11}, "The kernel was ended by signal 11."),
        ({"exit_code": 3}, "The kernel ended by itself (exit code 3)."),
        ({"exit_code": -9, "time_ran_out": True, "time_limit_seconds": 60}, "past its time limit of 60 s."),
    ],
)
def test_a_dead_kernel_is_named_by_how_it_ended(settings: dict[str, Any], words: str) -> None:
    found = failure.explain(DeadKernelError("Kernel died"), **settings)
    assert words in found.what.en
    assert found.what.zh != found.what.en


@pytest.mark.parametrize(
    "error",
    [
        KeyError("C000000123"),
        ValueError("customers.customer_id must be unique; 2 rows repeat, e.g. 'C000000123'"),
        ValueError("customer_id '77-4' stands twice"),
        RuntimeError("row of C000000123 (6222021234567890) is odd"),
    ],
)
def test_a_card_names_no_customer(error: Exception) -> None:
    """The account in the log does; the card is part of a page."""
    found = failure.explain(error)
    for words in (found.what.en, found.what.zh):
        assert not any(name in words for name in ("C000000123", "77-4", "6222021234567890"))
        assert "…" in words


def test_a_card_keeps_days_and_amounts() -> None:
    found = failure.explain(ValueError("budget must be at least 1000, not 250.5 on 2025-09-07 for campaign 'K001'"))
    assert "not 250.5 on 2025-09-07 for campaign 'K001'" in found.what.en


def raised(error: Exception, *notes: str, tags: tuple[list[str], list[str]]) -> tuple[str, str]:
    """What the card says of an error below two headings with these tags."""
    cells = [
        nbformat.v4.new_markdown_cell(f"# {words}", metadata={"tags": one})
        for words, one in zip("AB", tags, strict=True)
    ]
    output = nbformat.v4.new_output("error", ename=type(error).__name__, evalue=str(error), traceback=list(notes))
    stopped = papermill.PapermillExecutionError(3, 3, "", type(error).__name__, str(error), list(notes))
    code = nbformat.v4.new_code_cell("", outputs=[output])
    found = failure.explain(stopped, nbformat.v4.new_notebook(cells=[*cells, code]))
    return found.what.en, found.what.zh


@pytest.mark.parametrize(
    ("key", "shown"), [("aum_eur", "'aum_eur'"), ("Customer ID", "'Customer ID'"), (5, "5"), ("it's", '"it\'s"')]
)
def test_a_missing_column_is_called_one(key: object, shown: str) -> None:
    found = raised(KeyError(key), tags=(["lang-en"], ["lang-zh"]))
    assert found == (f"column or key {shown} is not there (in “A”)", f"没有名为 {shown} 的列或键（在“B”一节）")


def test_a_place_is_named_in_both_languages_where_its_heading_stands_in_both() -> None:
    found = raised(KeyError("aum_eur"), tags=([], []))
    assert found == ("column or key 'aum_eur' is not there (in “B”)", "没有名为 'aum_eur' 的列或键（在“B”一节）")


@pytest.mark.parametrize(
    "error",
    [
        KeyError("spells lacks the column(s) a; it has b"),
        KeyError("['q'] not in index"),
        ValueError("aum_eur"),
        FileNotFoundError("x"),
    ],
)
def test_an_error_that_says_more_stays_as_it_is(error: Exception) -> None:
    said = str(error.args[0])
    found = raised(error, tags=([], ["other"]))
    assert found == (f"{said} (in “B”)", f"函数给出的原因（英文原文）：{said}（在“B”一节）")


def test_an_error_in_both_languages_stays_as_it_is() -> None:
    assert raised(KeyError("no key"), "中文：无此键", tags=([], [])) == ("no key (in “B”)", "无此键（在“B”一节）")


def test_a_time_limit_and_a_full_disk_are_named() -> None:
    limit = failure.explain(CellTimeoutError("x"), time_limit_seconds=1800)
    assert limit.what.en == "The step ran past its time limit of 1,800 s."
    full = failure.explain(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert (full.what.en, full.what.zh) == ("The disk is full.", "磁盘已满。")


@pytest.mark.slow
def test_the_time_limit_is_the_whole_steps(write_bank: Callable[..., Path], tmp_path: Path) -> None:
    # Neither cell takes as long as the limit.
    nap = "import time\ntime.sleep(4)"
    folder = write_light(tmp_path, "a", "b", body=nap, bank=write_bank())
    for file in folder.glob("*.ipynb"):
        content = nbformat.read(file, as_version=4)
        content.cells[-1:-1] = [nbformat.v4.new_code_cell(nap)]
        nbformat.write(content, file)
    settings = folder / "playbook.yml"
    settings.write_text(settings.read_text(encoding="utf-8") + "time_limit_seconds: 6\n", encoding="utf-8")
    code, output = run(str(folder), "--reports", str(tmp_path / "r"))
    assert code == 1
    assert "past its time limit of 6 s" in output
    lines = output.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("case "))
    assert [line.split()[:3] for line in lines[head + 1 : head + 3]] == [
        ["whole", "a", "failed"], ["whole", "b", "not"],
    ]  # fmt: skip


@pytest.mark.slow
def test_many_short_cells_end_with_the_time_limit_too(write_bank: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_light(tmp_path, "a", bank=write_bank())
    content = nbformat.read(folder / "a.ipynb", as_version=4)
    content.cells[-1:-1] = [nbformat.v4.new_code_cell("import time\ntime.sleep(0.9)") for _ in range(12)]
    nbformat.write(content, folder / "a.ipynb")
    settings = folder / "playbook.yml"
    settings.write_text(settings.read_text(encoding="utf-8") + "time_limit_seconds: 2\n", encoding="utf-8")
    assert run(str(folder), "--reports", str(tmp_path / "r"))[0] == 1
    (entry,) = json.loads((tmp_path / "r/board.json").read_text(encoding="utf-8"))["runs"]
    assert "past its time limit of 2 s" in entry["message"]
    # The limit, and the second that a kernel has to end; all cells would take 10.8.
    assert entry["seconds"] < 4


@pytest.fixture
def job(tmp_path: Path) -> step.StepJob:
    file = tmp_path / "a.ipynb"
    nbformat.write(notebook("a", COUNT), file)
    return step.StepJob(
        playbook="p", playbook_title="P", case="c", case_title="C", language="en", step=StepPlan("a", file, {}),
        siblings=("a",), reports=tmp_path / "reports", root=tmp_path, time_limit_seconds=60, identity={"bank": "x"},
    )  # fmt: skip


@pytest.mark.parametrize("n_before_full", [0, 1])
def test_a_disk_that_fills_up_leaves_nothing_half_written(
    job: step.StepJob, monkeypatch: pytest.MonkeyPatch, n_before_full: int
) -> None:
    def executed(source: str, target: str, **_: Any) -> Any:
        content = {"schema_version": 1, "step": "a", "figures": [], "findings": [], "tables": []}
        (Path(target).parent / "result.json").write_text(json.dumps(content))
        return nbformat.read(source, as_version=4)

    written: list[int] = []

    def full(handle: int) -> None:
        written.append(handle)
        if len(written) > n_before_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(papermill, "execute_notebook", executed)
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        step.run(job)
    # First the page does not fit, then the identity: either way the step is as if it had not been.
    assert [path for path in job.reports.rglob("*") if path.is_file()] == []
    future: Future[step.StepRun] = Future()
    future.set_exception(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    entry = batch._outcome(future, job)
    assert (entry.state, entry.page) == ("failed", "")
    assert entry.message == f"{job.run_dir}: can't be written (No space left on device)"


@pytest.mark.parametrize(
    "content",
    [
        {"schema_version": 1, "step": "a"},
        {"schema_version": 1, "step": "a", "figures": [{"key": "n"}], "findings": [], "tables": []},
        {"schema_version": 1, "step": "a", "figures": 3, "findings": [], "tables": []},
        {"schema_version": 1, "step": "a", "about": [], "figures": [], "findings": [], "tables": []},
    ],
)
def test_what_is_no_result_says_nothing_to_the_board(tmp_path: Path, content: dict[str, Any]) -> None:
    folder = tmp_path / "p/c/en/a"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(content))
    entry = {"playbook": "p", "case": "c", "language": "en", "step": "a", "state": "done"}
    assert outcome.read(tmp_path, entry) is None
    assert outcome.snapshot(tmp_path, entry)["figures"] == []
