"""The kernel of a step: how the batch talks to it, how it ended, what the system says about its memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_path
from traitlets import default
from traitlets.config import Config

from helpers.runs.forking import provisioner

_MEMORY_EVENTS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")


class WatchedKernelManager(AsyncKernelManager):
    """A kernel manager that remembers how its kernel ended; a worker runs one kernel at a time."""

    last_exit_code: ClassVar[int | None] = None

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
    """How many processes of this machine (or container) the system has killed for memory; 0 where it doesn't tell."""
    for file in map(Path, _MEMORY_EVENTS):
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


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
