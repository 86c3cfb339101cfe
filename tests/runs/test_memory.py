"""Memory that runs out: in the kernel under a limit, in a control group, and what the system says about it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from helpers.runs import failure, kernel
from tests.conftest import ROOT
from tests.runs.conftest import run, write_light
from tests.runs.test_resume import wait_until

# Half a gigabyte more than the kernel has by now; the array is sixteen times that.
GREEDY = """\
import resource
import numpy, psutil
limit = psutil.Process().memory_info().vms + 2**29
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
numpy.ones(2**30)"""
HOG = "hog = [bytearray(b'x' * 2**24) for _ in range(1024)]"
LIMIT_BYTES = 3 * 2**29


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't hold a process to RLIMIT_AS")
def test_a_notebook_that_asks_for_too_much_is_named(tmp_path: Path, write_bank: Callable[..., Path]) -> None:
    playbook = write_light(tmp_path, "a", body=GREEDY, bank=write_bank())
    code, output = run(str(playbook), "--reports", str(tmp_path / "r"))
    assert code == 1
    assert "Memory ran out (in “How many?”)." in output
    page = (tmp_path / "r/light/whole/en/a.html").read_text(encoding="utf-8")
    assert "Memory ran out (in “How many?”)." in page
    assert "Run with fewer workers (--workers 1)." in page
    # What it printed before stands below the card.
    assert "5 days are counted." in page
    assert not (tmp_path / "r/light/whole/en/a/result.json").exists()


@pytest.mark.parametrize("name", failure._MEMORY)
def test_each_librarys_word_for_it_is_known(name: str) -> None:
    error = type(name, (Exception,), {})("malloc of size 99 failed")
    assert failure.explain(error).what.en == "Memory ran out."


def test_those_are_the_libraries_words() -> None:
    import duckdb
    import pyarrow
    from numpy._core._exceptions import _ArrayMemoryError

    errors = (MemoryError, _ArrayMemoryError, pyarrow.lib.ArrowMemoryError, duckdb.OutOfMemoryException)
    assert {error.__name__ for error in errors} == set(failure._MEMORY)


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group below this process' own, that may take 1.5 GB."""
    for line in kernel._lines(kernel._OWN_GROUPS):
        _, controllers, own = line.split(":", 2)
        if controllers in kernel._COUNTERS:
            root, counter = kernel._COUNTERS[controllers]
            folder = root / own.lstrip("/") / f"test-{os.getpid()}"
            limit = "memory.max" if counter == "memory.events" else "memory.limit_in_bytes"
            try:
                folder.mkdir()
                (folder / limit).write_text(str(LIMIT_BYTES))
            except OSError:
                if folder.is_dir():
                    folder.rmdir()
                continue
            break
    else:
        pytest.skip("no control group with a limit of memory can be made here")
    yield folder
    # The servers of the run end a moment after it.
    wait_until(lambda: not (folder / "cgroup.procs").read_text(), 20)
    folder.rmdir()


@pytest.mark.slow
def test_a_kernel_that_the_system_kills_for_memory_is_named_as_that(
    tmp_path: Path, write_bank: Callable[..., Path], group: Path
) -> None:
    playbook = write_light(tmp_path, "a", body=HOG, bank=write_bank())
    done = subprocess.run(
        [sys.executable, "-c", "from helpers.cli import app; app()", "run", str(playbook), "--reports", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
        preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())),
    )  # fmt: skip
    assert done.returncode == 1, done
    assert "The system killed the kernel because memory ran out (in “How many?”)." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("groups", "files", "counted"),
    [
        # Version 2, version 1 in a group, version 1 in a container that sees its own group as the root, a mixture.
        ("0::/night", {"night/memory.events": "oom 2\noom_kill 3\n", "memory.events": "oom_kill 9\n"}, 3),
        ("4:memory:/a/b\n0::/", {"memory/a/b/memory.oom_control": "under_oom 0\noom_kill 5"}, 5),
        ("4:cpu,memory:/docker/x", {"memory/memory.oom_control": "oom_kill_disable 0\noom_kill 1"}, 1),
        ("9:name=systemd:/\n0::/", {}, 0),
    ],
)
def test_the_systems_count_is_that_of_ones_own_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str, files: dict[str, str], counted: int
) -> None:
    own = tmp_path / "cgroup"
    own.write_text(groups + "\n")
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(kernel, "_OWN_GROUPS", own)
    moved = {
        name: (tmp_path / root.name if name else tmp_path, file) for name, (root, file) in kernel._COUNTERS.items()
    }
    monkeypatch.setattr(kernel, "_COUNTERS", moved)
    assert kernel.memory_kills() == counted
