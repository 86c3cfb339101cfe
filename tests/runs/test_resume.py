"""A batch that was cut off is finished by the next run: what stands is kept, what is torn is done again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.runs.conftest import COUNT, run, write_light

# Waits in the step that the test has named, so that the run can be killed there.
STOP = """\
import os, pathlib, time
place = pathlib.Path({folder!r})
if (place / f"stop-{{result.step}}").exists():
    (place / "at.part").write_text(str(os.getpid()))
    (place / "at.part").rename(place / "at")
    time.sleep(120)"""


def board(reports: Path) -> dict[str, dict[str, object]]:
    return {entry["step"]: entry for entry in json.loads((reports / "board.json").read_text())["runs"]}


def results(reports: Path) -> dict[str, bytes]:
    return {file.parent.relative_to(reports).as_posix(): file.read_bytes() for file in reports.rglob("result.json")}


def pages(reports: Path) -> dict[str, str]:
    """Return the steps' pages without what tells where and when they were made and how long that took."""
    made = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+]+|\b\d+\.\d\b")
    found = {page.relative_to(reports).as_posix(): page.read_text() for page in reports.rglob("*/*/*/*.html")}
    return {name: made.sub("", text.replace(str(reports), "")) for name, text in found.items()}


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.1)


@pytest.mark.slow
def test_killed_in_each_step_in_turn_the_next_run_finishes_with_the_same_results(
    write_bank: Callable[..., Path], tmp_path: Path
) -> None:
    stops = tmp_path / "stops"
    stops.mkdir()
    folder = write_light(tmp_path, "a", "b", "c", body=STOP.format(folder=str(stops)), bank=write_bank())
    undisturbed, reports = tmp_path / "undisturbed", tmp_path / "reports"
    assert run(str(folder), "--reports", str(undisturbed))[0] == 0
    command = [sys.executable, "-c", "from helpers.cli import app; app()", "run", str(folder)]
    for position, name in enumerate("abc"):
        (stops / f"stop-{name}").touch()
        process = subprocess.Popen(
            [*command, "--reports", str(reports)], cwd=ROOT, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until((stops / "at").exists, 120)
        # A second run at the same time is told who is at work, and disturbs nothing.
        code, output = run(str(folder), "--reports", str(reports))
        assert code == 2
        assert f"another run holds this folder (pid {process.pid} on " in output
        kernel = int((stops / "at").read_text())
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Nothing of the killed run goes on working in the folder.
        wait_until(lambda pid=kernel: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", 20)
        states = {step: entry["state"] for step, entry in board(reports).items()}
        assert states == {step: "done" if i < position else "waiting" for i, step in enumerate("abc")}
        assert not (reports / "light" / "whole" / "en" / f"{name}.html").exists()
        assert "not finished" in (reports / "index.html").read_text(encoding="utf-8")
        (stops / f"stop-{name}").unlink()
        (stops / "at").unlink()
    code, output = run(str(folder), "--reports", str(reports))
    assert code == 0
    assert output.count("kept from") == 4, output  # a and b, while it runs and in the closing table
    assert results(reports) == results(undisturbed)
    assert {entry["state"] for entry in board(reports).values()} == {"done"}
    assert "kept from" in (reports / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_only_what_a_change_reaches_is_run_again(write_bank: Callable[..., Path], tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    folder = write_light(tmp_path, "a", "b", bank=write_bank())

    def kept(*arguments: str) -> list[str]:
        code, output = run(str(folder), "--reports", str(reports), *arguments)
        assert code == 0, output
        return [step for step, entry in board(reports).items() if entry["kept_from"]]

    assert kept() == []
    before = board(reports)["a"]
    assert kept() == ["a", "b"]
    again = board(reports)["a"]
    assert (again["seconds"], again["started_at"]) == (before["seconds"], before["started_at"])
    assert kept("--from-step", "b") == ["a"]
    assert kept("-p", "b.limit_days=6") == ["a"]
    # A page that was tampered with is no kept page.
    page = reports / "light" / "whole" / "en" / "b.html"
    page.write_text(page.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert kept("-p", "b.limit_days=6") == ["a"]
    assert kept("--force") == []


@pytest.mark.slow
def test_a_kept_page_links_to_the_steps_that_there_are_now(write_bank: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_light(tmp_path, "a", "b", bank=write_bank())
    reports, at_once = tmp_path / "reports", tmp_path / "at_once"
    assert run(str(folder), "--reports", str(at_once))[0] == 0
    assert run(str(folder), "--reports", str(reports), "--step", "a")[0] == 0
    page = reports / "light/whole/en/a.html"
    # No link to a page that is not there yet.
    assert 'href="b.html"' not in page.read_text(encoding="utf-8")
    before = results(reports)
    assert run(str(folder), "--reports", str(reports))[0] == 0
    assert board(reports)["a"]["kept_from"]
    assert 'href="b.html"' in page.read_text(encoding="utf-8")
    assert pages(reports) == pages(at_once)
    assert before.items() <= results(reports).items()
    # The page drawn anew is the kept one from then on.
    drawn = page.stat().st_mtime_ns
    assert run(str(folder), "--reports", str(reports))[0] == 0
    assert board(reports)["a"]["kept_from"]
    assert page.stat().st_mtime_ns == drawn


def test_from_step_refuses_a_step_that_is_not_there(playbook: Callable[..., Path], tmp_path: Path) -> None:
    code, output = run(str(playbook(a=COUNT)), "--reports", str(tmp_path / "r"), "--from-step", "9")
    assert code == 2
    assert "--from-step: step '9' is unknown" in output
