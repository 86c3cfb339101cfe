"""Runs disturbed at every moment in turn (signal 9, a full disk): nothing false is left, the next run finishes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.runs.forking import client, server
from tests.conftest import ROOT
from tests.runs.conftest import run, write_light

pytestmark = pytest.mark.skipif(not client.possible(), reason="runs are forked with all imports done: Linux only")


def disturb(way: str, folder: Path) -> dict[str, Any]:
    playbook = write_light(folder, "a", "b")
    done = subprocess.run(
        [sys.executable, "-m", "tests.runs.disturbed", way, str(playbook), str(folder)],
        cwd=ROOT, env={**os.environ, **server.QUIET}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_killed_before_each_change_to_the_folder_the_next_run_ends_with_the_same(tmp_path: Path) -> None:
    told = disturb("kills", tmp_path)
    assert (told["first"]["code"], told["whole"]["code"]) == (0, 0), told
    kills = told["kills"]
    # Each thing that is written is among them: tables, results, pages, identities, briefs, the board and its page.
    renamed = {
        kill["before"].split(" .")[1].rsplit(".", 2)[0] for kill in kills if kill["before"].startswith("os.rename")
    }
    assert renamed == {
        "numbers.parquet", "result.json", "a.html", "b.html", "identity.json", "brief.html", "board.json", "index.html",
        ".before.en.json",
    }  # fmt: skip
    assert {kill["killed"] for kill in kills} == {-9}
    assert [
        (kill["before"], kill["again"]["found"]["wrong"]) for kill in kills if kill["again"]["found"]["wrong"]
    ] == []
    assert [(kill["before"], kill["again"]) for kill in kills if kill["again"]["code"] != 0 or not kill["same"]] == []
    # Half-written files were left by kills, and taken away.
    assert sum(bool(kill["again"]["found"]["parts"]) for kill in kills) > 10
    assert [kill["before"] for kill in kills if kill["again"]["left"]["parts"]] == []
    # A name reaches the disk after its content: a power cut leaves no empty file.
    assert told["whole"]["unsynced"] == []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk in memory, full after 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "disk", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a disk can't be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_full_sooner_or_later_leaves_nothing_half_written(disk: Path, tmp_path: Path) -> None:
    told = disturb("disks", tmp_path)
    small = told["disks"]
    assert len(small) > 6
    for number, one in enumerate(small):
        full, again = one["full"], one["again"]
        assert full["code"] in (1, 2), (number, full)
        assert "No space left on device" in full["said"] or "The disk is full" in full["said"], (number, full)
        assert "Traceback" not in full["said"]
        # Refused before anything has run, it says nothing else.
        assert full["code"] == 1 or len(full["said"].strip().splitlines()) == 1, (number, full)
        assert (full["left"]["parts"], again["found"]["wrong"]) == ([], []), (number, full)
        assert (again["code"], one["same"]) == (0, True), (number, again)
    assert {one["full"]["code"] for one in small} == {1, 2}


@pytest.mark.slow
def test_a_kernel_that_fills_the_disk_is_named_and_more_room_is_enough(
    disk: Path, tmp_path: Path, write_bank: Callable[..., Path]
) -> None:
    big = "import numpy\nresult.add_table('big', pd.DataFrame({'x': numpy.random.default_rng(1).random(10**6)}))"
    playbook, reports = write_light(tmp_path, "a", "b", body=big, bank=write_bank()), disk / "reports"
    code, output = run(str(playbook), "--reports", str(reports))
    assert code == 1
    assert "The disk is full (in “How many?”)." in output
    assert "Traceback" not in output
    assert "The disk is full" in (reports / "light/whole/en/a.html").read_text(encoding="utf-8")
    assert not list(reports.rglob("result.json"))
    assert not list(reports.rglob(".*.part"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "remount,size=64m", "disk", str(disk)], check=True)
    assert run(str(playbook), "--reports", str(reports))[0] == 0
    assert len(pd.read_parquet(reports / "light/whole/en/b/big.parquet")) == 10**6
