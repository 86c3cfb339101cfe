"""Steps on a Dask cluster of two processes: the same results, also when a worker is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runs.conftest import COUNT, run, write_light
from tests.runs.test_resume import pages, results

# The first kernel of the harbour case waits, so that its worker can be killed.
ONCE = """\
import os, pathlib, time
place = pathlib.Path({folder!r})
if branch and not (place / "seen").exists():
    (place / "seen").touch()
    (place / "at.part").write_text(str(os.getppid()))
    (place / "at.part").rename(place / "at")
    time.sleep(120)"""
CASES = "{whole: {}, harbour: {parameters: {branch: Harbour}}}"


@pytest.mark.slow
def test_a_cluster_gives_the_same_results_even_if_a_worker_is_killed(
    write_bank: Callable[..., Path], tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed")
    body = ONCE.format(folder=str(tmp_path))
    folder = write_light(tmp_path, "a", cases=CASES, body=body, bank=write_bank())
    killed: list[int] = []

    def kill_once() -> None:
        ends = time.monotonic() + 120
        while not (tmp_path / "at").exists() and time.monotonic() < ends:
            time.sleep(0.1)
        killed.append(int((tmp_path / "at").read_text()))
        os.kill(killed[0], signal.SIGKILL)

    reports, at_home = tmp_path / "reports", tmp_path / "at_home"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        killer = threading.Thread(target=kill_once, daemon=True)
        killer.start()
        address = cluster.scheduler_address
        code, output = run(str(folder), "--reports", str(reports), "--executor", "dask", "--scheduler", address)
        killer.join(10)
    assert killed
    assert code == 0, output
    entries = json.loads((reports / "board.json").read_text())["runs"]
    assert [(entry["case"], entry["state"]) for entry in entries] == [("whole", "done"), ("harbour", "done")]
    assert run(str(folder), "--reports", str(at_home))[0] == 0
    assert len(results(reports)) == 2
    assert results(reports) == results(at_home)
    assert len(pages(reports)) == 4  # a brief and a step each
    assert pages(reports) == pages(at_home)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--executor", "spark"), "--executor should be one of local, dask, not 'spark'"),
        (("--executor", "dask"), "--executor dask and --scheduler ADDRESS go together"),
        (("--executor", "dask", "--scheduler", "nonsense"), "no Dask scheduler answers there"),
    ],
)
def test_wrong_executors_are_refused(
    playbook: Callable[..., Path],
    tmp_path: Path,
    arguments: tuple[str, ...],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from helpers.runs import pools

    monkeypatch.setattr(pools, "SCHEDULER_LIMIT_SECONDS", 1)
    code, output = run(str(playbook(a=COUNT)), "--reports", str(tmp_path / "r"), *arguments)
    assert code == 2
    assert words in output
