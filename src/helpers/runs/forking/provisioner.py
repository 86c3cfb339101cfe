"""The kernel provisioner ``playbook-fork``: kernels forked from a pre-imported server, plain ones where it can't."""

from __future__ import annotations

import atexit
import os
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner
from traitlets import Unicode

from helpers.runs.forking.client import ForkedKernel, ForkServer, Unavailable, possible

NAME = "playbook-fork"
GROUP = "jupyter_client.kernel_provisioners"
SPECS = Path(__file__).parent / "kernels"


class ForkProvisioner(LocalProvisioner):
    """Forks a kernel from a server that has done the imports.

    A kernel spec chooses it by ``"metadata": {"kernel_provisioner": {"provisioner_name": "playbook-fork"}}``.
    """

    server = Unicode("", help="Socket of a running fork server; empty starts one for this process.").tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork, or start as usual where forking can't serve (another system, another interpreter or environment)."""
        launcher = cmd[1:3] == ["-m", "ipykernel_launcher"]
        if launcher and possible():
            try:
                self._fork(cmd, **kwargs)
            except Unavailable as error:
                self.log.info("Kernel started plainly: %s", error)
            else:
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)

    def _fork(self, cmd: list[str], **kwargs: Any) -> None:
        cwd = kwargs.get("cwd") or os.getcwd()
        env = {**(kwargs.get("env") or os.environ)}
        # As a started kernel would see them: its command, and a pipe that is at its end for input.
        argv = [_launcher(), *cmd[3:]]
        nothing, end = os.pipe()
        os.close(end)
        try:
            files = [nothing, _file_number(kwargs.get("stdout"), 1), _file_number(kwargs.get("stderr"), 2)]
            self.process = ForkedKernel(self.server or _own_server(), argv, env=env, cwd=str(cwd), files=files)
        finally:
            os.close(nothing)
        self.pid = self.pgid = self.process.pid
        self.cwd = cwd


def register() -> None:
    """Make the provisioner known in this process also where the package's entry points are not installed."""
    entry = EntryPoint(NAME, f"{__name__}:{ForkProvisioner.__name__}", GROUP)
    KernelProvisionerFactory.instance().provisioners.setdefault(NAME, entry)


@cache
def _own_server() -> str:
    server = ForkServer()
    atexit.register(server.close)
    return server.address


@cache
def _launcher() -> str:
    import ipykernel_launcher

    return str(Path(ipykernel_launcher.__file__))


def _file_number(given: Any, default: int) -> int:
    """Number of the file that a kernel's output goes to: as Popen takes it, this process' own by default."""
    if given is None:
        return default
    number = given if isinstance(given, int) else given.fileno()
    if number < 0:
        # Popen's PIPE and DEVNULL: who asks for those wants a plain kernel.
        raise Unavailable("stdout or stderr of the kernel is to be piped")
    return number
