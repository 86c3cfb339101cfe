"""Whatever stops a step outside of its notebook is a card on its page; the other cases go on, the run ends by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from pathlib import Path
from typing import Any

import pytest

from helpers.runs import batch, briefing, plan
from helpers.runs.step import DONE, StepJob, StepRun
from tests.runs.conftest import run, write_light

CASES = "{whole: {}, harbour: {parameters: {branch: Harbour}}, town: {parameters: {branch: Old Town}}}"
# What a page can't show, beside what it can; what another step can't read.
ODD = """\
import json, pathlib
from IPython.display import display
if branch == "Harbour":
    print("This can be shown.")
    display({"image/png": ["a", "b"]}, raw=True)
if branch == "Old Town":
    result.keep = lambda: (pathlib.Path(run_dir) / "a" / "result.json").write_text(json.dumps({"schema_version": 1}))"""


class KilledWorker(Exception):
    """What Dask's scheduler answers where a step has killed its workers: a plain exception."""


class OnePerCase(Executor):
    """Ends the jobs of a case as the test says, all others well."""

    def __init__(self, endings: dict[str, BaseException], *, at_once: bool = False) -> None:
        self.endings = endings
        self.at_once = at_once

    def submit(self, _: Any, job: StepJob) -> Future[StepRun]:
        future: Future[StepRun] = Future()
        error = self.endings.get(job.case)
        if error is None:
            future.set_result(job.ended(DONE))
        elif self.at_once:
            raise error
        elif isinstance(error, CancelledError):
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_exception(error)
        return future


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KilledWorker("a", "w", 3), ("The worker was killed several times, often for memory.", "工作进程多次被终止")),
        (CancelledError(), ("The step was cancelled before it had ended.", "本步骤在结束前被取消")),
        (KeyError("figures"), ("The worker stopped (KeyError: figures).", "工作进程中断（KeyError：figures）")),
        (RuntimeError("no \udcff\nsecond"), ("The worker stopped (RuntimeError: no ?).", "RuntimeError：no ?）")),
        # No customer is named by a card.
        (ValueError("row of C000000123"), ("The worker stopped (ValueError: row of …).", "ValueError：row of …）")),
        (OSError(28, "No space left"), ("can't be written (No space left)", "无法写入（磁盘空间不足）")),
        (SystemExit(3), ("The worker stopped (SystemExit: 3).", "工作进程中断（SystemExit：3）")),
    ],
)
def test_any_ending_of_a_worker_is_a_card(
    tmp_path: Path, write_bank: Callable[..., Path], error: BaseException, words: tuple[str, str]
) -> None:
    playbook = write_light(tmp_path, "a", "b", cases=CASES, bank=write_bank())
    # A cluster that is gone says so when it is given a job.
    pool = OnePerCase({"harbour": error}, at_once=isinstance(error, KeyError))
    for language, said in zip(("en", "zh"), words, strict=True):
        reports = tmp_path / language
        runs = batch.run(plan.read(str(playbook), language=language), reports, start_pool=lambda _: pool)
        assert [(entry.case, entry.step, entry.state) for entry in runs] == [
            ("whole", "a", "done"), ("whole", "b", "done"), ("harbour", "a", "failed"), ("harbour", "b", "not_run"),
            ("town", "a", "done"), ("town", "b", "done"),
        ]  # fmt: skip
        assert said in runs[2].message
        assert runs[2].page == f"light/harbour/{language}/a.html"
        page = (reports / runs[2].page).read_text(encoding="utf-8")
        assert 'class="failure"' in page
        assert "Traceback" not in page
        log = reports / f"light/harbour/{language}/a/error.log"
        assert log.is_file() == ("error.log" in page)


@pytest.mark.slow
def test_an_output_that_cannot_be_drawn_and_a_result_of_no_shape_stop_their_own_cases(
    tmp_path: Path, write_bank: Callable[..., Path]
) -> None:
    reports = tmp_path / "reports"
    playbook = write_light(tmp_path, "a", cases=CASES, body=ODD, bank=write_bank())
    code, output = run(str(playbook), "--reports", str(reports), "--workers", "1")
    assert code == 1
    assert "1 of 3 steps done" in output
    states = {entry["case"]: entry for entry in json.loads((reports / "board.json").read_text())["runs"]}
    assert {case: entry["state"] for case, entry in states.items()} == {
        "whole": "done", "harbour": "failed", "town": "failed",
    }  # fmt: skip
    assert "The page can't be drawn in whole (AttributeError: " in states["harbour"]["message"]
    assert "without keeping a result that another step can read" in states["town"]["message"]
    page = (reports / "light/harbour/en/a.html").read_text(encoding="utf-8")
    assert 'class="failure"' in page
    # Of the cells before, what can be drawn stays.
    assert "5 days are counted." in page
    assert "Traceback" in (reports / "light/harbour/en/a/error.log").read_text(encoding="utf-8")
    for case in ("harbour", "town"):
        assert not (reports / f"light/{case}/en/a/result.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize("change", ["write_text('{')", "unlink(missing_ok=True)"])
def test_a_notebook_that_is_changed_meanwhile_is_a_card(
    tmp_path: Path, write_bank: Callable[..., Path], change: str
) -> None:
    reports, b = tmp_path / "reports", tmp_path / "light" / "b.ipynb"
    body = f"import pathlib\npathlib.Path({str(b)!r}).{change}"
    playbook = write_light(tmp_path, "a", "b", "c", body=body, bank=write_bank())
    code, output = run(str(playbook), "--reports", str(reports))
    assert code == 1
    assert "1 of 3 steps done" in output
    assert "Traceback" not in output
    states = {entry["step"]: entry for entry in json.loads((reports / "board.json").read_text())["runs"]}
    assert [entry["state"] for entry in states.values()] == ["done", "failed", "not_run"]
    assert "can't be written" not in states["b"]["message"]
    assert 'class="failure"' in (reports / states["b"]["page"]).read_text(encoding="utf-8")


def test_a_brief_that_cannot_be_drawn_ends_no_run(
    tmp_path: Path, write_bank: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = briefing.add

    def broken(plan: Any, entry: StepRun, reports: Path) -> Path | None:
        if entry.case == "harbour":
            raise KeyError("figures")
        return drawn(plan, entry, reports)

    monkeypatch.setattr(briefing, "add", broken)
    playbook = write_light(tmp_path, "a", cases=CASES, bank=write_bank())
    reports = tmp_path / "reports"
    code, output = run(str(playbook), "--reports", str(reports))
    assert code == 1
    assert "The brief or the board can't be drawn (KeyError: figures)." in output
    assert "3 of 3 steps done" in output
    assert "Traceback" not in output
    assert (reports / "light/town/en/brief.html").is_file()
