"""Folders that may not be written, for a user whom permissions hold; the superuser gives up the right to pass them by."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.runs.conftest import run, write_light

_DROP_FROM_BOUNDING_SET, _OVERRIDE_PERMISSIONS = 24, 1


def held_by_permissions() -> None:
    """Give up, in a child and all that it starts, the superuser's right to write everywhere."""
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(_DROP_FROM_BOUNDING_SET, _OVERRIDE_PERMISSIONS, 0, 0, 0):
        raise OSError("the capability can't be given up")


@pytest.fixture
def ask(tmp_path: Path, write_bank: Callable[..., Path]) -> Iterator[Callable[..., tuple[int, list[str]]]]:
    """Run a playbook of one step with reports in ``tmp_path/reports``: exit code, lines of the error stream."""
    if os.geteuid() == 0 and sys.platform != "linux":
        pytest.skip("the superuser may write to any folder, and this system has no capability to give up")
    playbook = write_light(tmp_path, "a", "b", bank=write_bank())
    command = [sys.executable, "-c", "from helpers.cli import app; app()", "run", str(playbook)]

    def run_held(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [*command, "--reports", str(tmp_path / "reports"), *arguments],
            cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=held_by_permissions,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    yield run_held
    for folder in (tmp_path / "reports").rglob("*"):
        if folder.is_dir():
            folder.chmod(0o755)


def test_a_read_only_folder_is_refused_in_one_line(ask: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir(mode=0o555)
    code, output, errors = ask()
    assert (code, output) == (2, "")
    assert errors == f"--reports {tmp_path / 'reports'}: can't be written (Permission denied)\n"
    # The same where the folder is there and its playbook's is not to be written.
    (tmp_path / "reports").chmod(0o755)
    (tmp_path / "reports" / "light").mkdir(mode=0o555)
    code, output, errors = ask()
    assert (code, output) == (2, "")
    assert errors == f"{tmp_path / 'reports' / 'light'}: can't be written (Permission denied)\n"


@pytest.mark.slow
def test_a_case_that_may_not_be_written_keeps_what_it_has(
    ask: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    reports = tmp_path / "reports"
    assert run(str(tmp_path / "light"), "--reports", str(reports))[0] == 0
    case = reports / "light" / "whole" / "en"
    before = {file: file.read_bytes() for file in case.rglob("*") if file.is_file()}
    for folder in (case, *case.iterdir()):
        if folder.is_dir():
            folder.chmod(0o555)
    code, output, errors = ask("--force")
    assert code == 1
    assert f"{case}: can't be written (Permission denied)" in output
    assert "Traceback" not in output + errors
    assert {file: file.read_bytes() for file in case.rglob("*") if file.is_file()} == before
