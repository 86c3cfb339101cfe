"""Runs a playbook again and again, each time disturbed at another moment, and then once more; says what was left.

``python -m tests.runs.disturbed kills|disks PLAYBOOK FOLDER`` prints JSON. It imports once, without starting a thread,
and forks each run. Cells are executed in the run's own process, so that what a kernel writes is killed in turn too:
every file that is written, renamed or removed, every folder that is made or removed, in the order in which it happens.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import papermill
import pyarrow.parquet  # noqa: F401 - imported here once, not in each fork
from nbformat.v4 import new_output

import helpers.runs.worker  # noqa: F401
from helpers import cli
from helpers.findings import files
from helpers.runs import board, pools, preflight
from tests.runs.conftest import write_light

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")


class Here(Executor):
    """Runs a step at once, in this process."""

    def submit(self, call: Any, /, *arguments: Any, **settings: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(call(*arguments, **settings))
        except Exception as error:  # noqa: BLE001 - as any executor
            future.set_exception(error)
        return future


def execute(source: str, target: str, *, parameters: dict[str, Any], **_: Any) -> Any:
    """Execute a notebook's cells here; write it at the beginning and at the end, as papermill does."""
    notebook = nbformat.read(source, as_version=4)
    nbformat.write(notebook, target)
    values: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            said = io.StringIO()
            with contextlib.redirect_stdout(said):
                exec(cell.source, values)
            cell.outputs = [new_output("stream", name="stdout", text=said.getvalue())] if said.getvalue() else []
            if "parameters" in cell.metadata.get("tags", []):
                values.update(parameters)
    nbformat.write(notebook, target)
    return notebook


def set_up() -> None:
    """Take away what a fork can't have (engines, kernels) and what the clock decides; all else is the product's own."""
    papermill.execute_notebook = execute
    pools.client.possible = lambda: False
    pools.local = lambda n_workers: Here()
    # The board is drawn less often where drawing takes long; here every time, so that runs make the same calls.
    board._DRAWING_SHARE = float("inf")
    preflight.check_bank = lambda plan: SimpleNamespace(
        fingerprint="f",
        fingerprints={"bank.yml": "f"},
        is_content_known=True,
        simulated=True,
        currency="CNY",
        n_rows={},
        remarks=(),
    )


class Watch:
    """Numbers the calls that may change a folder; kills its process group before the one with a given number.

    Calls are numbered whether or not they change anything: that number is the same in every run. Whether something
    has changed since the call before is seen by sizes and times, and times move in ticks of the system's clock: it
    only chooses, once, which calls are worth a kill.
    """

    def __init__(self, folder: Path, kill_before: int = 0) -> None:
        self.folder = str(folder)
        self.kill_before = kill_before
        self.n_calls = 0
        self.seen: list[tuple[int, str]] = []
        self.last: Any = None
        self.synced: set[tuple[int, int]] = set()
        self.unsynced: list[str] = []
        fsync = os.fsync

        def synced(handle: int) -> None:
            fsync(handle)
            status = os.fstat(handle)
            self.synced.add((status.st_dev, status.st_ino))

        os.fsync = synced
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not (writing or event in CHANGES):
            return
        path = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else ""
        # Folders are emptied by names relative to them. What is half-written is looked at when it gets its name.
        if (os.path.isabs(path) and not path.startswith(self.folder)) or (
            event == "open" and path.endswith(files.PART)
        ):
            return
        self.n_calls += 1
        state = self.state()
        if event == "os.rename" or state != self.last:
            # Otherwise (a lock was opened, a folder was there) it would be the same kill as the one before.
            self.last = state
            self.seen.append((self.n_calls, f"{event} {os.path.basename(path)}"))
        if event == "os.rename":
            status = os.stat(path)
            if (status.st_dev, status.st_ino) not in self.synced:
                self.unsynced.append(os.path.basename(os.fsdecode(arguments[1])))
        if self.n_calls == self.kill_before:
            if event == "os.rename":
                # Killed while it was written: half of it is there.
                os.truncate(path, os.path.getsize(path) // 2)
            os.killpg(0, signal.SIGKILL)

    def state(self) -> list[tuple[str, int, int]]:
        """Names, sizes and times of all that is there."""
        there = [Path(path, name) for path, folders, names in os.walk(self.folder) for name in (*folders, *names)]
        return [(str(file), file.lstat().st_size, file.lstat().st_mtime_ns) for file in there]


def run(
    playbook: str, reports: Path, *arguments: str, kill_before: int = 0, told: Path | None = None
) -> dict[str, Any]:
    """Run in a fork; return its exit code (negative: the signal), what it said, found and left, and its changes."""
    told = told or reports.with_suffix(".json")
    told.unlink(missing_ok=True)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        found = {"parts": parts(reports), "wrong": wrong(reports)}
        watch = Watch(reports, kill_before)
        said = io.StringIO()
        code = 0
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                cli.app(["run", playbook, "--reports", str(reports), *arguments])
            except SystemExit as end:
                code = int(end.code or 0)
        watch.folder = "nowhere"
        left = {"content": content(reports), "parts": parts(reports)}
        changes = {"changes": watch.seen, "unsynced": watch.unsynced}
        told.write_text(json.dumps({"said": said.getvalue(), "found": found, "left": left, **changes}))
        os._exit(code)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return {"code": code, **(json.loads(told.read_text()) if told.exists() else {})}


def content(reports: Path) -> dict[str, Any]:
    """Results, tables by content, and the state of every step; nothing that tells when or how long."""
    found: dict[str, Any] = {}
    for file in sorted(reports.rglob("result.json")):
        found[file.relative_to(reports).as_posix()] = json.loads(file.read_text(encoding="utf-8"))
    for file in sorted(reports.rglob("*.parquet")):
        found[file.relative_to(reports).as_posix()] = pd.read_parquet(file).to_dict("list")
    entries = board.read(reports)
    found["states"] = [(entry["case"], entry["step"], entry["state"], entry["page"]) for entry in entries]
    found["pages"] = sorted(file.relative_to(reports).as_posix() for file in reports.rglob("*.html"))
    return found


def wrong(reports: Path) -> list[str]:
    """Look at what a kill has left: pages and results are whole, and what is shown as done is."""
    found = []
    for page in reports.rglob("*.html"):
        if not page.read_text(encoding="utf-8").rstrip().endswith("</html>"):
            found.append(f"{page.name} is cut off")
    results: dict[str, str] = {}
    for file in reports.rglob("result.json"):
        try:
            result = json.loads(file.read_text(encoding="utf-8"))
            for table in result["tables"]:
                pd.read_parquet(file.parent / table)
        except (ValueError, OSError) as error:
            found.append(f"{file.parent.name}/{file.name}: {error}")
        else:
            results[file.parent.name] = result["findings"][0]["en"]
    if (reports / board.FILE).exists() and not board.read(reports):
        found.append("the board can't be read")
    for entry in board.read(reports):
        if entry["state"] != "done":
            continue
        page = reports / entry["page"]
        if entry["step"] not in results:
            found.append(f"{entry['step']} is shown as done and has no result")
        elif not page.is_file() or results[entry["step"]] not in page.read_text(encoding="utf-8"):
            found.append(f"{entry['step']} is shown as done and its page is not that result's")
    return found


def parts(reports: Path) -> list[str]:
    """Files that were never finished."""
    return [path.name for path in reports.rglob(f".*{files.PART}")]


def kills(playbook: str, folder: Path) -> dict[str, Any]:
    """Change a parameter of a playbook that has run, kill that run before each change in turn, and run once more."""
    before, undisturbed = folder / "before", folder / "undisturbed"
    first = run(playbook, before, "-p", "limit_days=6")
    shutil.copytree(before, undisturbed)
    whole = run(playbook, undisturbed)
    told = []
    for number, change in whole["changes"]:
        reports = folder / f"kill-{number}"
        shutil.copytree(before, reports)
        killed = run(playbook, reports, kill_before=number)
        again = run(playbook, reports)
        same = again["left"]["content"] == whole["left"]["content"]
        told.append({"before": change, "killed": killed["code"], "again": again, "same": same})
    return {"first": first, "whole": whole, "kills": told}


def disks(playbook: str, folder: Path) -> dict[str, Any]:
    """Run on disks of 12 kB, 24 kB, … until one is large enough; on each too small one run again when it has grown."""
    whole = run(playbook, folder / "undisturbed")
    told = []
    for number in range(1, 1000):
        disk = folder / f"disk-{number}"
        disk.mkdir()
        mount(disk, f"size={number * 12}k")
        try:
            full = run(playbook, disk / "reports", told=folder / "full.json")
            mount(disk, "remount,size=64m")
            again = run(playbook, disk / "reports", told=folder / "again.json")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
        if full["code"] == 0:
            break
        same = again["left"]["content"] == whole["left"]["content"]
        told.append({"full": full, "again": again, "same": same})
    return {"whole": whole, "disks": told}


def mount(disk: Path, options: str) -> None:
    """Mount a disk in memory."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "disk", str(disk)], check=True)


def warm_up(folder: Path) -> None:
    """Run once here, so that no fork has to import and compile it again; nothing that starts a thread."""
    (folder / "warm").mkdir()
    playbook = write_light(folder / "warm", "a", body="result.tables.clear()")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        cli.app(["run", str(playbook), "--reports", str(folder / "warm" / "reports")], standalone_mode=False)
    n_threads = len(os.listdir("/proc/self/task"))
    assert n_threads == 1, n_threads


def main(way: str, playbook: str, folder: Path) -> None:
    """Print what one of the ways to be disturbed has led to."""
    set_up()
    warm_up(folder)
    print(json.dumps({"kills": kills, "disks": disks}[way](playbook, folder)))  # noqa: T201 - to the test


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).resolve())
