"""A batch that was cut off is finished by the next run: what stands is kept, what is torn is done again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT
from tests.runs.conftest import COUNT, run

# Waits in the step that the test has named, so that the run can be killed there.
STOP = """\
import os, pathlib, time
place = pathlib.Path({folder!r})
if (place / "stop-{name}").exists():
    (place / "at.part").write_text(str(os.getpid()))
    (place / "at.part").rename(place / "at")
    time.sleep(120)
"""
NEXT = """\
from helpers.findings import read
n = int(read(run_dir, "{earlier}").figures["customers"].value) + 1
figure = Figure("customers", n, unit="customers", n=n)
page.finding(Finding("customers", Text(f"{{n}} customers.", f"{{n}} 位客户。"), (figure,)))"""


def board(reports: Path) -> dict[str, dict[str, object]]:
    return {entry["step"]: entry for entry in json.loads((reports / "board.json").read_text())["runs"]}


def results(reports: Path) -> dict[str, bytes]:
    return {file.parent.name: file.read_bytes() for file in sorted(reports.rglob("result.json"))}


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.1)


@pytest.mark.slow
def test_killed_in_each_step_in_turn_the_next_run_finishes_with_the_same_results(
    playbook: Callable[..., Path], tmp_path: Path
) -> None:
    stops = tmp_path / "stops"
    stops.mkdir()
    bodies = {
        name: STOP.format(folder=str(stops), name=name) + (NEXT.format(earlier=earlier) if earlier else COUNT)
        for name, earlier in (("a", ""), ("b", "a"), ("c", "b"))
    }
    folder = playbook("{whole: {}}", **bodies)
    undisturbed, reports = tmp_path / "undisturbed", tmp_path / "reports"
    assert run(str(folder), "--reports", str(undisturbed))[0] == 0
    command = [
        sys.executable,
        "-c",
        "from helpers.cli import app; app()",
        "run",
        str(folder),
        "--reports",
        str(reports),
    ]
    for position, name in enumerate("abc"):
        (stops / f"stop-{name}").touch()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until((stops / "at").exists, 120)
        kernel = int((stops / "at").read_text())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        # Nothing of the killed run goes on working in the folder.
        wait_until(lambda pid=kernel: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", 20)
        states = {step: entry["state"] for step, entry in board(reports).items()}
        assert states == {step: "done" if i < position else "waiting" for i, step in enumerate("abc")}
        assert not (reports / "pb" / "whole" / "en" / f"{name}.html").exists()
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
def test_only_what_a_change_reaches_is_run_again(playbook: Callable[..., Path], tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    folder = playbook("{whole: {}}", a=COUNT, b=NEXT.format(earlier="a"))

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
    page = reports / "pb" / "whole" / "en" / "b.html"
    page.write_text(page.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert kept("-p", "b.limit_days=6") == ["a"]
    assert kept("--force") == []


def test_from_step_refuses_a_step_that_is_not_there(playbook: Callable[..., Path], tmp_path: Path) -> None:
    code, output = run(str(playbook(a=COUNT)), "--reports", str(tmp_path / "r"), "--from-step", "9")
    assert code == 2
    assert "--from-step: step '9' is unknown" in output
