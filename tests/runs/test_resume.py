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
from typing import Any

import psutil
import pytest

from helpers.reporting import brief
from helpers.reporting.brief import kept
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

    def kept_by(*arguments: str) -> list[str]:
        code, output = run(str(folder), "--reports", str(reports), *arguments)
        assert code == 0, output
        return [step for step, entry in board(reports).items() if entry["kept_from"]]

    assert kept_by() == []
    before = board(reports)["a"]
    assert kept_by() == ["a", "b"]
    again = board(reports)["a"]
    assert (again["seconds"], again["started_at"]) == (before["seconds"], before["started_at"])
    assert kept_by("--from-step", "b") == ["a"]
    assert kept_by("-p", "b.limit_days=6") == ["a"]
    # A page that was tampered with is no kept page.
    page = reports / "light" / "whole" / "en" / "b.html"
    page.write_text(page.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert kept_by("-p", "b.limit_days=6") == ["a"]
    assert kept_by("--force") == []


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


@pytest.mark.slow
def test_a_step_on_an_older_result_is_not_done_and_not_in_the_brief(
    write_bank: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = kept.GOALS, kept.SEGMENTS, kept.ACTIVITY
    reports = tmp_path / "reports"
    folder = write_light(tmp_path, a, b, c, bank=write_bank())
    in_brief: list[tuple[str, ...]] = []
    draw = brief.render

    def noted(run_dir: Path, **settings: Any) -> str:
        case = kept.KeptCase(run_dir, without=settings["without"])
        in_brief.append(tuple(step for step in kept.STEPS if case.has(step)))
        return draw(run_dir, **settings)

    monkeypatch.setattr(brief, "render", noted)

    def states(*arguments: str) -> list[str]:
        code, output = run(str(folder), "--reports", str(reports), *arguments)
        assert code == 0, output
        assert (reports / "light/whole/en/brief.html").is_file()
        return [str(entry["state"]) for entry in board(reports).values()]

    assert states() == ["done", "done", "done"]
    first = board(reports)
    assert states("--step", a) == ["done", "done", "done"]
    assert in_brief == [(a, b, c), (a, b, c)]
    assert states("--step", a, "-p", f"{a}.limit_days=9") == ["done", "waiting", "waiting"]
    assert in_brief[-1] == (a,)
    later = board(reports)[b]
    assert later["messages"] == {
        "en": f"Stands on an older result of step {a}; run the case again.",
        "zh": f"本步骤依据步骤 {a} 的旧结果；请重跑本案例。",
    }
    assert (later["figures"], later["page"]) == ([], f"light/whole/en/{b}.html")
    assert f"Stands on an older result of step {a}" in (reports / "index.html").read_text(encoding="utf-8")
    changes = json.loads((reports / "board.json").read_text())["last_runs"][0]["changes"]
    assert [(change["step"], change["kind"]) for change in changes] == [(a, "figures"), (b, "state"), (c, "state")]
    # The next one alone, then with the first as it was: what they were run on is there again, or is not.
    assert states("--step", b) == ["done", "done", "waiting"]
    assert in_brief[-1] == (a, b)
    assert states("--step", a) == ["done", "waiting", "waiting"]
    assert states("--step", b) == ["done", "done", "done"]
    assert in_brief[-1] == (a, b, c)
    assert board(reports)[c] == first[c]
    # A run of the whole case runs again what needs it.
    assert states("-p", f"{a}.limit_days=9") == ["done", "done", "done"]
    assert not any(entry["kept_from"] for entry in board(reports).values())
    # What is run on top of an older result is of the older state, too.
    assert states("--step", a) == ["done", "waiting", "waiting"]
    assert states("--step", c)[1] == "waiting"
    assert in_brief[-1] == (a,)


def test_from_step_refuses_a_step_that_is_not_there(playbook: Callable[..., Path], tmp_path: Path) -> None:
    code, output = run(str(playbook(a=COUNT)), "--reports", str(tmp_path / "r"), "--from-step", "9")
    assert code == 2
    assert "--from-step: step '9' is unknown" in output
