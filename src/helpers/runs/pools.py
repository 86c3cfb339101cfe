"""Where steps run: worker processes of this machine, or a Dask cluster that there is already."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver
from typing import Any

from helpers.findings.finding import Text
from helpers.findings.spoken import at
from helpers.runs.forking import client
from helpers.runs.forking.server import QUIET
from helpers.runs.refusal import Refusal

Start = Callable[[int], Executor]
SCHEDULER_LIMIT_SECONDS = 10
EXECUTORS = ("local", "dask")


def size(workers: int, n_cases: int) -> int:
    """Return how many cases run side by side: as asked for, else one a core; never more than there are cases."""
    return max(1, min(workers or os.cpu_count() or 1, n_cases))


@contextmanager
def warm(start_pool: Start) -> Iterator[str]:
    """Start the processes that this machine's workers and kernels are forked from; both import on their own.

    Yields the address of the one for kernels, empty where it can't serve: a kernel on another machine, or under another
    system than Linux, is started by itself.
    """
    if start_pool is not local or not client.possible():
        yield ""
        return
    server = client.ForkServer()
    _worker_server()
    try:
        yield server.address
    finally:
        server.close()


@contextmanager
def chosen(executor: str, scheduler: str = "") -> Iterator[Start]:
    """Yield what starts the executor that the command line names: ``local``, or ``dask`` with a scheduler's address.

    A Dask cluster has to see the same project, bank and reports folders under the same paths.

    Raises
    ------
    Refusal
        If the name is unknown, the optional extra is not installed, or no scheduler answers.
    """
    if executor not in EXECUTORS:
        raise Refusal(
            Text(
                f"--executor should be one of {', '.join(EXECUTORS)}, not {executor!r}",
                f"--executor 应为 {'、'.join(EXECUTORS)} 之一，现为 {executor!r}",
            )
        )
    if (executor == "dask") != bool(scheduler):
        raise Refusal(
            Text(
                "--executor dask and --scheduler ADDRESS go together",
                "--executor dask 与 --scheduler ADDRESS 须同时给出",
            )
        )
    if executor == "local":
        yield local
        return
    try:
        from distributed import Client
    except ImportError:
        command = "pip install 'bank-growth-playbooks[dask]'"
        raise Refusal(
            Text(f"--executor dask needs the optional extra: {command}", f"--executor dask 需要可选依赖：{command}")
        ) from None
    try:
        cluster = Client(scheduler, timeout=SCHEDULER_LIMIT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        words = Text("no Dask scheduler answers there", "该地址没有 Dask 调度器应答")
        raise Refusal(at(f"--scheduler {scheduler!r}", words)) from error
    try:
        yield lambda _: _cluster_executor(cluster)
    finally:
        cluster.close()


def _cluster_executor(cluster: Any) -> Executor:
    """One executor of the cluster's; a worker that dies has its step run again by another one, three times at most."""
    return cluster.get_executor(pure=False)


def local(n_workers: int) -> Executor:
    """Start worker processes; a fork would copy this process' engine threads, so they come from a clean process.

    On Linux that process imports once for all workers; elsewhere each worker imports by itself.
    """
    if not client.possible():
        return ProcessPoolExecutor(
            n_workers, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent
        )
    context, own = _worker_server()
    return ProcessPoolExecutor(n_workers, mp_context=context, initializer=_begin, initargs=(own,))


def _worker_server() -> tuple[Any, dict[str, str | None]]:
    """Start the process that workers are forked from, unless it runs; its context, and what workers set back."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["helpers.runs.worker"])
    own = {name: os.environ.get(name) for name in QUIET}
    # The process that is forked from starts no engine threads; workers get back what was set before.
    os.environ.update(QUIET)
    try:
        forkserver.ensure_running()
    finally:
        _set(own)
    return context, own


def _begin(own: dict[str, str | None]) -> None:
    _set(own)
    end_with_parent()


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def end_with_parent() -> None:
    """Make this worker end, with its kernel, when the run that started it is gone.

    Otherwise a run that was killed would leave workers behind that go on writing where the next run works already.
    """
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        _kill_children()
        os._exit(1)

    if parent is not None:
        threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def _kill_children() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        try:
            child.kill()
        except psutil.NoSuchProcess:
            continue
