"""The kernel of a step: how the batch talks to it, how it ended, what the system says about its memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import ClassVar

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_path
from traitlets import Float, Type, default
from traitlets.config import Config

from helpers.runs.forking import provisioner

_OWN_GROUPS = Path("/proc/self/cgroup")
# Where the groups of version 2 and of version 1 are, and the file that counts.
_COUNTERS = {
    "": (Path("/sys/fs/cgroup"), "memory.events"),
    "memory": (Path("/sys/fs/cgroup/memory"), "memory.oom_control"),
}
_ANSWER_LIMIT_SECONDS = 1.0
# The first "idle" is lost where the outputs' channel was not joined yet; then it is asked again.
_IDLE_LIMIT_SECONDS = 0.05
_POLL_SECONDS = 0.01


class PromptKernelClient(AsyncKernelClient):
    """Takes the kernel's word that it is ready; the stock client listens for 0.2 s of silence after it."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Ask until the kernel answers, and until its "idle" after the answer shows that its outputs arrive too.

        Raises
        ------
        RuntimeError
            If the kernel died, or did not answer within ``timeout`` seconds.
        """
        ends = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            asked = self.kernel_info()
            try:
                answer = await self._recv_reply(asked, timeout=_ANSWER_LIMIT_SECONDS)
                await self._idle_after(asked)
            except (TimeoutError, Empty):
                pass
            else:
                self._handle_kernel_info_reply(answer)
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > ends:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def _idle_after(self, asked: str) -> None:
        while True:
            message = await self.get_iopub_msg(timeout=_IDLE_LIMIT_SECONDS)
            own = message["parent_header"].get("msg_id") == asked
            if own and message["content"].get("execution_state") == "idle":
                return


class WatchedKernelManager(AsyncKernelManager):
    """A kernel manager that remembers how its kernel ended; a worker runs one kernel at a time."""

    last_exit_code: ClassVar[int | None] = None
    client_factory = Type(PromptKernelClient, klass=AsyncKernelClient)
    # A kernel that was asked to end sometimes waits 10 s for a thread of its own that has ended already; its results
    # are kept by then, so after half of this it gets SIGTERM, after all of it SIGKILL.
    shutdown_wait_time = Float(1.0)

    async def _async_finish_shutdown(
        self, waittime: float | None = None, pollinterval: float = _POLL_SECONDS, restart: bool = False
    ) -> None:
        # A kernel that was asked to end is gone after some hundredths of a second; the stock manager looks each tenth.
        await super()._async_finish_shutdown(waittime, pollinterval, restart)

    async def is_alive(self) -> bool:
        """Ask the provisioner; keep the exit code of a kernel that is gone."""
        if not self.has_kernel:
            return False
        code = await self.provisioner.poll()
        if code is not None:
            WatchedKernelManager.last_exit_code = code
        return code is None


class ForkingKernelManager(WatchedKernelManager):
    """Takes the spec of ``python3`` that has its kernels forked; notebooks keep the name of their kernel."""

    @default("kernel_spec_manager")
    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        provisioner.register()
        return KernelSpecManager(kernel_dirs=[str(provisioner.SPECS), *jupyter_path("kernels")])


def manager(server: str) -> type[WatchedKernelManager]:
    """Return the manager of kernels: forked from a server, or started one by one if there is none."""
    return ForkingKernelManager if server else WatchedKernelManager


def config(sockets: str, server: str = "") -> Config:
    """Talk to the kernel through sockets of this machine's file system: nothing listens on a port."""
    forking = {"ForkProvisioner": {"server": server}} if server else {}
    if os.name == "nt":
        return Config(forking)
    # Socket paths are limited to about 100 bytes: a short folder of their own.
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/k"}, **forking})


def memory_kills() -> int:
    """How many processes of this one's group the system has killed for memory; 0 where it doesn't tell.

    Kernels are in the control group of their worker. A group's file counts also those that the whole machine ran out
    of memory for; a container sees its own group as the root.
    """
    for line in _lines(_OWN_GROUPS):
        _, controllers, group = line.split(":", 2)
        for controller in {*controllers.split(",")} & {*_COUNTERS}:
            root, name = _COUNTERS[controller]
            for folder in (root / group.lstrip("/"), root):
                counts = dict(entry.split(" ", 1) for entry in _lines(folder / name))
                if "oom_kill" in counts:
                    return int(counts["oom_kill"])
    return 0


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


@contextmanager
def log(file: Path) -> Iterator[None]:
    """Send what a kernel writes to the error stream to a file beside the page; an empty file goes again."""
    saved = os.dup(2)
    with file.open("wb") as target:
        os.dup2(target.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        if file.is_file() and file.stat().st_size == 0:
            file.unlink()
