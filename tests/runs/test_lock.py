"""One run at a time on a folder: a second one is told who holds it, a dead holder blocks nobody."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from helpers.cli import app
from helpers.runs import lock
from helpers.runs.refusal import Refusal
from tests.conftest import ROOT
from tests.runs.conftest import CliRunner

HOLD = "import sys, time; from pathlib import Path; from helpers.runs import lock\nwith lock.hold(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout.readline().strip() == "held"
    return process


def test_a_second_run_is_told_who_holds_the_folder_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    process = holder(tmp_path / "first_review")
    try:
        done = CliRunner().invoke(app, ["run", "first_review", "--reports", str(tmp_path)])
        assert done.exit_code == 2
        (line,) = done.output.strip().splitlines()
        assert f"another run holds this folder (pid {process.pid} on {socket.gethostname()}, since 2" in line
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    with lock.hold(tmp_path / "first_review"):
        assert json.loads((tmp_path / "first_review" / lock.FILE).read_text())["pid"] == os.getpid()


def test_without_file_locks_a_living_holder_is_respected_and_a_dead_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "fcntl", None)
    with lock.hold(tmp_path), pytest.raises(Refusal, match=f"pid {os.getpid()} on"), lock.hold(tmp_path):
        pass
    dead = next(pid for pid in range(2**22 - 2, 1, -1) if not psutil.pid_exists(pid))
    (tmp_path / ".lock.pid").write_text(json.dumps({"pid": dead, "host": socket.gethostname(), "since": "x"}))
    with lock.hold(tmp_path):
        assert json.loads((tmp_path / ".lock.pid").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".lock.pid").exists()
    # A holder on another machine can't be asked whether it lives.
    (tmp_path / ".lock.pid").write_text(json.dumps({"pid": dead, "host": "elsewhere", "since": "x"}))
    with pytest.raises(Refusal, match="on elsewhere"), lock.hold(tmp_path):
        pass
