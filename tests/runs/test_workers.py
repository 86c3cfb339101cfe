"""A worker of the local pool that is killed in the middle: its step runs again alone, or is said to have failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.runs.forking import client
from tests.runs.conftest import run, write_light
from tests.runs.test_resume import results

pytestmark = pytest.mark.skipif(not client.possible(), reason="the notebook finds workers through the fork server")

# Kills the run's workers from a kernel of the harbour case, as often as the folder has tokens. Kernels are forked from a
# server, so a worker is not this process' parent: both servers are children of the run.
KILL = """\
import os, pathlib, time
import psutil
tokens = sorted(pathlib.Path({folder!r}).glob("token-*"))
if branch == "Harbour" and tokens:
    tokens[0].unlink()
    for server in psutil.Process(os.getppid()).parent().children():
        if "multiprocessing.forkserver" in " ".join(server.cmdline()):
            for worker in server.children():
                worker.kill()
    time.sleep(60)"""
CASES = "{whole: {}, harbour: {parameters: {branch: Harbour}}, town: {parameters: {branch: Old Town, limit_days: 4}}}"


@pytest.mark.slow
def test_a_killed_worker_costs_no_case_and_one_killed_again_only_its_own(
    tmp_path: Path, write_bank: Callable[..., Path]
) -> None:
    playbook = write_light(tmp_path, "a", "b", cases=CASES, body=KILL.format(folder=str(tmp_path)), bank=write_bank())
    reports, again = tmp_path / "reports", tmp_path / "again"
    settings = (str(playbook), "--workers", "2", "--reports")
    (tmp_path / "token-1").touch()
    code, output = run(*settings, str(reports))
    assert code == 0, output
    assert not list(tmp_path.glob("token-*"))
    # Killed with others, then alone: its page says that it failed, and nothing else of it is left.
    (tmp_path / "token-1").touch()
    (tmp_path / "token-2").touch()
    code, output = run(*settings, str(again))
    assert code == 1
    assert "Traceback" not in output
    entries = json.loads((again / "board.json").read_text(encoding="utf-8"))["runs"]
    assert {(entry["case"], entry["step"]): entry["state"] for entry in entries} == {
        ("whole", "a"): "done", ("whole", "b"): "done", ("harbour", "a"): "failed", ("harbour", "b"): "not_run",
        ("town", "a"): "done", ("town", "b"): "done",
    }  # fmt: skip
    (lost,) = [entry for entry in entries if (entry["case"], entry["step"]) == ("harbour", "a")]
    assert (lost["page"], "The worker was killed" in lost["message"]) == ("light/harbour/en/a.html", True)
    page = (again / lost["page"]).read_text(encoding="utf-8")
    assert 'class="failure"' in page
    assert "The worker was killed" in page
    assert not (again / "light/harbour/en/a").exists()
    code, output = run(*settings, str(again))
    assert code == 0, output
    assert results(again) == results(reports)
