"""The process that kernels are forked from: imports once, has one thread, forks on request.

Run as ``python -m helpers.runs.forking.server SOCKET OWNER_FD``. It ends when ``OWNER_FD`` (a pipe) is closed by who
started it, and ends a kernel when the connection that asked for it is closed. Nothing of the project itself is
imported here: a kernel always runs the sources as they stand.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import importlib
import io
import json
import os
import selectors
import signal
import socket
import sys
import time
from types import SimpleNamespace
from typing import Any

MAX_REQUEST_BYTES = 1 << 20
INLINE = "module://matplotlib_inline.backend_inline"
# What pays, and starts no thread: not duckdb (a scheduler thread), not the inline backend (it looks for its shell).
IMPORTS = (
    "ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "IPython.core.pylabtools", "numpy", "pandas",
    "scipy.stats", "scipy.optimize", "matplotlib.pyplot", "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg", "seaborn", "pyarrow.parquet", "pydantic", "yaml", "sklearn.linear_model",
    "sklearn.ensemble", "ibis", "ibis.backends.sql", "ibis.backends.sql.compilers.duckdb", "pandera.pandas",
    "PIL.PngImagePlugin", "threadpoolctl", "lifelines",
)  # fmt: skip
# Engine threads do not survive a fork: the server starts none, and each kernel has as many as it would have by itself.
QUIET = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


def main() -> None:
    """Serve until the owner is gone; in a forked kernel, run it and end as any kernel ends."""
    path, owner = sys.argv[1], int(sys.argv[2])
    ending = _Ending()
    # As ipykernel_launcher does: the working folder must not shadow a library.
    if sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
    _import_all()
    request = _Server(path, owner).serve()
    if request is not None:
        from ipykernel import kernelapp

        # Its default was read from the environment when the class was made, in the server. The server ends the kernel
        # with its connection; this watches the server.
        kernelapp.launch_new_instance(parent_handle=os.getppid())
        ending.is_clean = True


class _Ending:
    """Spares a kernel that was asked to end the taking apart of everything imported: 0.2 s in a fork.

    Made before anything is imported, so it is the last of what runs at exit: libraries have closed their own by then.
    """

    def __init__(self) -> None:
        self.is_clean = False
        atexit.register(self.leave)

    def leave(self) -> None:
        if self.is_clean:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


def _import_all() -> None:
    # Read when matplotlib is imported; ipykernel sets it, but only in the kernel.
    os.environ.setdefault("MPLBACKEND", INLINE)
    # pandas asks at import whether it runs in a kernel (it cuts wide tables if not), and how that one's output is encoded.
    builtins.get_ipython = lambda: SimpleNamespace(kernel=True)  # type: ignore[attr-defined]
    with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="UTF-8")):
        importlib.import_module("pandas")
    del builtins.get_ipython  # type: ignore[attr-defined]
    for name in IMPORTS:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
    gc.collect()
    # Kernels share this memory as long as nobody touches it; the collector would.
    gc.freeze()


class _Server:
    def __init__(self, path: str, owner: int) -> None:
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen(64)
        self.owner = owner
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # An interrupt of the terminal is for the batch, which ends this process by closing the pipe.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        self.selector = selectors.DefaultSelector()
        for source in (self.listener, owner, self.wake_read):
            self.selector.register(source, selectors.EVENT_READ)
        self.connections: dict[socket.socket, int] = {}

    def serve(self) -> dict[str, Any] | None:
        """Handle requests; return the request in a forked kernel, None in the server when its owner is gone."""
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    connection, _ = self.listener.accept()
                    self.connections[connection] = 0
                    self.selector.register(connection, selectors.EVENT_READ)
                elif key.fileobj == self.owner:
                    self._end_all()
                    return None
                elif key.fileobj == self.wake_read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake_read, 4096)
                    self._reap()
                elif key.fileobj in self.connections:
                    request = self._answer(key.fileobj)
                    if request is not None:
                        return request

    def _answer(self, connection: socket.socket) -> dict[str, Any] | None:
        try:
            content, files, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, 3)
        except OSError:
            content, files = b"", []
        if not content:
            self._forget(connection, end=True)
            return None
        request = json.loads(content)
        n_threads = len(os.listdir("/proc/self/task"))
        if n_threads != 1 or len(files) != 3:
            self._say(connection, {"error": f"{n_threads} threads, {len(files)} files"})
        else:
            sys.stdout.flush()
            sys.stderr.flush()
            pid = os.fork()
            if pid == 0:
                self._leave()
                _become_kernel(request, files)
                return request
            self.connections[connection] = pid
            self._say(connection, {"pid": pid})
        for file in files:
            os.close(file)
        return None

    def _leave(self) -> None:
        """Close, in a fork, all that belongs to the server."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for connection in (self.listener, *self.connections):
            connection.close()
        for number in (self.owner, self.wake_read, self.wake_write):
            os.close(number)

    def _say(self, connection: socket.socket, message: dict[str, Any]) -> None:
        try:
            connection.send(json.dumps(message).encode())
        except OSError:
            self._forget(connection, end=True)

    def _forget(self, connection: socket.socket, *, end: bool) -> None:
        pid = self.connections.pop(connection, 0)
        if connection.fileno() >= 0:
            self.selector.unregister(connection)
            connection.close()
        if end and pid:
            _end(pid)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for connection, known in list(self.connections.items()):
                if known == pid:
                    self._say(connection, {"exit": os.waitstatus_to_exitcode(status)})
                    self._forget(connection, end=False)

    def _end_all(self) -> None:
        for pid in self.connections.values():
            if pid:
                _end(pid)


def _end(pid: int) -> None:
    """Kill a kernel that nobody speaks to any more, with what it has started."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
            return


def _become_kernel(request: dict[str, Any], files: list[int]) -> None:
    """Turn a fresh fork into what a process started with this command, environment and folder would be."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    time.tzset()
    sys.argv = request["argv"]
    import numpy
    import threadpoolctl

    # The old global generator: without this all kernels would draw the server's numbers.
    numpy.random.seed()  # noqa: NPY002
    n_threads = int(os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS") or 0)
    threadpoolctl.threadpool_limits(n_threads or len(os.sched_getaffinity(0)), user_api="blas")


if __name__ == "__main__":
    main()
