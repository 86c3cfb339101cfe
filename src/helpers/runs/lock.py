"""One run at a time on a playbook's reports: who holds the folder is said, a dead holder does not block."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from helpers.findings import files
from helpers.findings.finding import Text
from helpers.findings.spoken import at, unwritable
from helpers.runs.refusal import Refusal

try:
    import fcntl
except ImportError:  # Windows: a file with the holder's pid takes the part of the system's lock
    fcntl = None  # type: ignore[assignment]

FILE = ".lock"


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a folder while a run writes into it.

    Where the system has file locks the lock goes with its process, however that ends. Elsewhere (or on a file
    system without locks) a file with pid and host stands for it, and is taken over once that process is gone.

    Raises
    ------
    Refusal
        If another run holds the folder (with its pid, host and since when), or it can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        release = _take(folder / FILE)
    except OSError as error:
        raise Refusal(at(str(folder), unwritable(error))) from error
    try:
        # Nobody else writes here now: what is half-written is a dead run's. Where that may not be removed, steps say so.
        with suppress(OSError):
            files.sweep(folder, below=True)
        yield
    finally:
        release()


@contextmanager
def wait_for(file: Path) -> Iterator[None]:
    """Wait for the lock of a file that is only held for moments (two playbooks updating one board)."""
    if fcntl is None:
        yield
        return
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            if not _unsupported(error):
                raise
        else:
            files.sweep(file.parent)
        yield
    finally:
        os.close(handle)


def _take(file: Path) -> Any:
    if fcntl is None:
        return _take_by_pid(file)
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise _held(file) from None
    except OSError as error:
        os.close(handle)
        if _unsupported(error):
            return _take_by_pid(file)
        raise
    try:
        os.ftruncate(handle, 0)
        os.write(handle, _me().encode())
    except OSError:
        os.close(handle)
        raise

    def release() -> None:
        os.ftruncate(handle, 0)
        os.close(handle)

    return release


def _take_by_pid(file: Path) -> Any:
    marker = file.with_name(f"{file.name}.pid")
    for _ in range(2):
        try:
            handle = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            holder = files.read_object(marker)
            if holder.get("host") != socket.gethostname() or _alive(holder.get("pid")):
                raise _held(marker) from None
            marker.unlink(missing_ok=True)
            continue
        with os.fdopen(handle, "w", encoding="utf-8") as target:
            target.write(_me())
        return lambda: marker.unlink(missing_ok=True)
    raise _held(marker)


def _me() -> str:
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now})


def _held(file: Path) -> Refusal:
    who = files.read_object(file)
    words = Text.write(
        lambda w: w(
            "another run holds this folder (pid {pid} on {host}, since {since}); wait for it, or give another --reports",
            "另一次运行正占用此文件夹（进程 {pid}，主机 {host}，自 {since}）；请等待其结束，或换一个 --reports 目录",
        ).format(**{name: who.get(name, w("unknown", "未知")) for name in ("pid", "host", "since")})
    )
    return Refusal(at(str(file.parent), words))


def _alive(pid: Any) -> bool:
    import psutil

    return isinstance(pid, int) and psutil.pid_exists(pid)


def _unsupported(error: OSError) -> bool:
    import errno

    return error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
