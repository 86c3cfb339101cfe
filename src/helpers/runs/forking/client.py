"""Starts a fork server and asks it for kernels; a forked kernel looks like a process that was started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from helpers.runs.forking.server import QUIET

START_LIMIT_SECONDS = 60.0
# Read by libraries while they are imported: a kernel that wants others than the server had is started plainly.
_READ_AT_IMPORT = ("PYTHON", "MPL", "OMP_", "OPENBLAS_", "MKL_", "BLIS_", "NUMEXPR_", "ARROW_", "LC_", "LANG", "LD_")


def possible() -> bool:
    """Whether kernels can be forked here: Linux only (a fork of macOS' system libraries is not safe)."""
    return sys.platform == "linux"


class Unavailable(RuntimeError):
    """No kernel can be had from the server; a plain one does."""


class ForkServer:
    """A fork server that lives as long as this object, and no longer than this process.

    Attributes
    ----------
    address : str
        Path of its socket, readable by this user only.
    """

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="kernels-")
        self.address = str(Path(self._folder) / "s")
        reading, self._alive = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "helpers.runs.forking.server", self.address, str(reading)],
            pass_fds=(reading,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, **QUIET},
            start_new_session=True,
        )
        os.close(reading)

    def close(self) -> None:
        """End the server and all kernels that it still has."""
        os.close(self._alive)
        if not Path(self.address).exists():
            # Still importing: nobody has asked it for anything, and it would look at the pipe only afterwards.
            self._process.kill()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class ForkedKernel:
    """A kernel of a fork server, with the part of :class:`subprocess.Popen` that jupyter_client uses.

    Raises
    ------
    Unavailable
        If the server is not there, or can't fork safely now.
    """

    stdin = stdout = stderr = None

    def __init__(self, address: str, argv: list[str], *, env: dict[str, str], cwd: str, files: list[int]) -> None:
        self.returncode: int | None = None
        if any(env.get(name) != os.environ.get(name) for name in _decisive({**env, **os.environ})):
            raise Unavailable("the kernel's environment differs from the server's")
        self._connection = _connect(address)
        request = json.dumps({"argv": argv, "env": env, "cwd": cwd}).encode()
        try:
            socket.send_fds(self._connection, [request], files)
            answer = json.loads(self._connection.recv(4096) or b"{}")
        except OSError as error:
            raise Unavailable(str(error)) from error
        if "pid" not in answer:
            self._connection.close()
            raise Unavailable(answer.get("error", "the server is gone"))
        self.pid: int = answer["pid"]
        self._connection.setblocking(False)

    def poll(self) -> int | None:
        """Return the exit code (negative: the signal), None while the kernel lives."""
        if self.returncode is None:
            try:
                answer = self._connection.recv(4096)
            except BlockingIOError:
                return None
            except OSError:
                answer = b""
            # A server that is gone has taken its kernels with it.
            self.returncode = json.loads(answer)["exit"] if answer else -signal.SIGKILL
            self._connection.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the kernel's end."""
        ends = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if ends is not None and time.monotonic() >= ends:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            time.sleep(0.02)
        return code

    def send_signal(self, number: int) -> None:
        """Signal the kernel, if it still lives."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the kernel."""
        self.send_signal(signal.SIGKILL)


def _connect(address: str) -> socket.socket:
    """Connect, waiting for a server that is still importing."""
    ends = time.monotonic() + START_LIMIT_SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(address)
        except OSError as error:
            connection.close()
            if not Path(address).parent.is_dir() or time.monotonic() >= ends:
                raise Unavailable(f"{address}: {error}") from error
            time.sleep(0.05)
        else:
            return connection


def _decisive(environment: dict[str, Any]) -> list[str]:
    return [name for name in environment if name.startswith(_READ_AT_IMPORT) and name not in QUIET]
