"""The kernel of a step: ready when it says so, ended as any kernel ends, and never waited for long."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import psutil
import pytest

from helpers.runs import kernel
from helpers.runs.forking import client
from tests.conftest import ROOT


@pytest.fixture(scope="module", params=["plain", "forked"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """Socket that kernels are forked from, empty for kernels started one by one."""
    if request.param == "plain":
        yield ""
        return
    if not client.possible():
        pytest.skip("kernels are forked on Linux only")
    running = client.ForkServer()
    yield running.address
    running.close()


def with_kernel(server: str, work: Any) -> Any:
    """Run ``work(manager, client)`` with a started kernel, and end what is left of it."""

    async def run() -> Any:
        with tempfile.TemporaryDirectory(prefix="kernel-") as sockets:
            manager = kernel.manager(server)(kernel_name="python3", config=kernel.config(sockets, server))
            await manager.start_kernel(cwd=str(ROOT))
            talk = manager.client()
            talk.start_channels()
            try:
                return await work(manager, talk)
            finally:
                talk.stop_channels()
                if await manager.is_alive():
                    await manager.shutdown_kernel(now=True)

    return asyncio.run(run())


async def execute(talk: Any, source: str) -> list[str]:
    """Run a cell and return what it printed, until it is idle."""
    asked, printed = talk.execute(source), []
    while True:
        message = await talk.get_iopub_msg(timeout=30)
        if message["parent_header"].get("msg_id") != asked:
            continue
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])
        if message["content"].get("execution_state") == "idle":
            return printed


def test_outputs_of_the_very_first_cell_arrive(server: str) -> None:
    async def work(_: Any, talk: Any) -> list[str]:
        assert isinstance(talk, kernel.PromptKernelClient)
        await talk.wait_for_ready(timeout=60)
        return await execute(talk, "print('here')")

    for _ in range(3):
        assert "".join(with_kernel(server, work)) == "here\n"


def test_a_first_idle_that_is_lost_is_asked_for_again(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = []
    own = kernel.PromptKernelClient._idle_after

    async def idle_after(self: Any, asked: str) -> None:
        if not lost:
            lost.append(asked)
            raise Empty
        await own(self, asked)

    monkeypatch.setattr(kernel.PromptKernelClient, "_idle_after", idle_after)

    async def work(_: Any, talk: Any) -> list[str]:
        await talk.wait_for_ready(timeout=60)
        return await execute(talk, "print('here')")

    assert "".join(with_kernel(server, work)) == "here\n"
    assert len(lost) == 1


def test_a_kernel_that_died_is_told_from_a_slow_one(server: str) -> None:
    async def died(manager: Any, talk: Any) -> None:
        psutil.Process(manager.provisioner.pid).kill()
        await talk.wait_for_ready(timeout=60)

    with pytest.raises(RuntimeError, match="died before"):
        with_kernel(server, died)

    async def stopped(manager: Any, talk: Any) -> None:
        process = psutil.Process(manager.provisioner.pid)
        process.suspend()
        try:
            await talk.wait_for_ready(timeout=0.2)
        finally:
            process.resume()

    with pytest.raises(RuntimeError, match=r"didn't respond in 0\.2 seconds"):
        with_kernel(server, stopped)


def test_what_a_notebook_leaves_for_the_end_is_done(server: str, tmp_path: Path) -> None:
    left = tmp_path / "left"

    async def work(manager: Any, talk: Any) -> int:
        await talk.wait_for_ready(timeout=60)
        await execute(talk, f"import atexit, pathlib; atexit.register(pathlib.Path({str(left)!r}).touch)")
        pid = manager.provisioner.pid
        await manager.shutdown_kernel()
        return pid

    pid = with_kernel(server, work)
    assert left.is_file()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_kernel_that_does_not_end_is_ended(server: str) -> None:
    """One that sleeps at its end gets SIGTERM; one that ignores that, SIGKILL."""

    def ended(source: str) -> Callable[[Any, Any], Awaitable[int]]:
        async def work(manager: Any, talk: Any) -> int:
            await talk.wait_for_ready(timeout=60)
            await execute(talk, source)
            pid = manager.provisioner.pid
            await asyncio.wait_for(manager.shutdown_kernel(), 30)
            return pid

        return work

    sleeps = "import atexit, time; atexit.register(time.sleep, 600)"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {sleeps}"
    for source in (sleeps, deaf):
        pid = with_kernel(server, ended(source))
        assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
