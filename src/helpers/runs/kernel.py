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

_OWN_GROUPS = Path("/proc/self/cgroup")
# Where the groups of version 2 and of version 1 are, and the file that counts.
_COUNTERS = {
    "": (Path("/sys/fs/cgroup"), "memory.events"),
    "memory": (Path("/sys/fs/cgroup/memory"), "memory.oom_control"),
}


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
