"""Forked kernels: the same outputs as plain papermill, cell by cell; a plain kernel where forking can't serve."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from helpers.runs import kernel
from helpers.runs.forking import client, server
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not client.possible(), reason="kernels are forked on Linux only")

# Each cell shows something that is decided when a library is imported or a process starts.
CELLS = [
    "import os, sys, signal, warnings, logging, threading\nprint(os.getcwd(), sys.path, sys.flags, __name__)",
    "{k: v for k, v in sorted(os.environ.items()) if not k.startswith(('JPY_', 'PYTEST_'))}",
    "signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGCHLD)",
    "sys.stdin.isatty(), os.readlink('/proc/self/fd/0'), os.getpgid(0) == os.getpid(), sorted(t.name for t in threading.enumerate())",
    "print('out'); print('err', file=sys.stderr); logging.warning('logged'); warnings.warn('warned')",
    "!echo from a shell",
    "import numpy as np, pandas as pd\npd.DataFrame(np.arange(120.0).reshape(2, 60) / 7)",
    "print(pd.DataFrame(np.arange(120.0).reshape(2, 60) / 7))\nprint(pd.describe_option('display', _print_desc=False))",
    "pd.DataFrame({'text': ['x' * 200] * 100})",
    "import matplotlib, matplotlib.pyplot as plt\nprint(matplotlib.get_backend(), dict(matplotlib.rcParams))\nplt.plot([1, 3, 2]); plt.title('收益')",
    "figure, ax = plt.subplots(); ax.hist(np.random.default_rng(1).normal(size=500)); 'shown by the flush'",
    "import seaborn as sns\nsns.heatmap(np.arange(12).reshape(3, 4), annot=True)",
    "from helpers.models import retention\nfrom helpers.reporting.plots import style\n"
    "rng = np.random.default_rng(3)\n"
    "spells = pd.DataFrame({'customer_id': [f'C{i:09d}' for i in range(400)], 'entered_at': pd.Timestamp('2024-01-01'),"
    " 'entry_day': 0, 'days_active': rng.integers(1, 120, 400), 'lapsed': rng.random(400) < 0.6})\n"
    "curve = retention.survival_curves(spells, horizon_days=90)\ncurve.tail(3)",
    "with style.look():\n    ax = curve.plot(x='day', y='retained')\n    display(ax.figure)",
    "np.random.seed(5); import random; random.seed(5)\n(np.random.rand(3), random.random(), (np.random.rand(300, 300) @ np.random.rand(300, 300)).sum().hex())",
    "import threadpoolctl, sklearn.linear_model\nsorted((p['user_api'], os.path.basename(p['filepath']), p['num_threads']) for p in threadpoolctl.threadpool_info())",
    "import ibis\nibis.options.interactive, ibis.memtable({'x': [1, 2]}).x.sum().execute()",
    "import locale, time\nlocale.getlocale(), time.tzname, sys.getrecursionlimit()",
    "def f():\n    import this_is_not_there\nf()",
]


@pytest.fixture(scope="module")
def forks() -> Iterator[client.ForkServer]:
    running = client.ForkServer()
    yield running
    running.close()


def execute(notebook: Path, folder: Path, name: str, **settings: Any) -> Any:
    try:
        return papermill.execute_notebook(
            str(notebook), str(folder / name), kernel_name="python3", cwd=str(ROOT), progress_bar=False, **settings
        )
    except papermill.exceptions.PapermillExecutionError:
        return nbformat.read(folder / name, as_version=4)


def forked(notebook: Path, folder: Path, name: str, forks: client.ForkServer) -> Any:
    manager, settings = kernel.manager(forks.address), kernel.config(str(folder), forks.address)
    return execute(notebook, folder, name, kernel_manager_class=manager, config=settings)


def write(file: Path, *sources: str) -> Path:
    specification = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(metadata={"kernelspec": specification}, cells=[new_code_cell(s) for s in sources])
    # The same ids in both runs.
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    nbformat.write(notebook, file)
    return file


@pytest.mark.slow
def test_outputs_are_those_of_plain_papermill_cell_by_cell(
    tmp_path: Path, forks: client.ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise the colours of a traceback and of set's order would differ between any two kernels.
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    seeded = client.ForkServer()
    try:
        notebook = write(tmp_path / "n.ipynb", *CELLS)
        by_fork = forked(notebook, tmp_path, "forked.ipynb", seeded)
    finally:
        seeded.close()
    plain = execute(notebook, tmp_path, "plain.ipynb")
    assert len(plain.cells) == len(by_fork.cells)
    differing: list[Any] = []
    for one, other in zip(plain.cells, by_fork.cells, strict=True):
        differing += [] if stable(other) == stable(one) else [(one.source, stable(one), stable(other))]
    assert differing == []
    pictures = [o for cell in by_fork.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(pictures) >= 4
    assert by_fork.metadata.kernelspec == plain.metadata.kernelspec


def stable(cell: Any) -> Any:
    """Count and outputs without what differs between any two runs of one kernel: addresses, numbered cell names."""
    # How a stream is cut into messages is a matter of timing.
    streams = {
        name: "".join(o.text for o in cell.get("outputs", []) if o.get("name") == name) for name in ("stdout", "stderr")
    }
    text = json.dumps([streams, [o for o in cell.get("outputs", []) if o.output_type != "stream"]], indent=1)
    text = re.sub(r"ipykernel_\d+", "ipykernel", re.sub(r"pipe:\[\d+\]", "pipe", text))
    return cell.get("execution_count"), re.sub(r"0x[0-9a-f]{6,}", "0x", text).splitlines()


@pytest.mark.slow
def test_two_kernels_draw_different_random_numbers(tmp_path: Path, forks: client.ForkServer) -> None:
    source = "import numpy, random, uuid, os\nprint(numpy.random.rand(), random.random(), os.getppid())"
    notebook = write(tmp_path / "n.ipynb", source)
    one, other = (forked(notebook, tmp_path, f"{name}.ipynb", forks).cells[0].outputs[0].text.split() for name in "ab")
    assert one[2] == other[2] == str(forks._process.pid)
    assert not {*one[:2]} & {*other[:2]}


def test_the_server_has_one_thread_and_imports_nothing_of_the_project(tmp_path: Path) -> None:
    code = (
        "from helpers.runs.forking import server; import os, sys; server._import_all();"
        "print(len(os.listdir('/proc/self/task')), sorted(n for n in sys.modules if n.startswith('helpers')),"
        "'duckdb' in sys.modules)"
    )
    environment = {**os.environ, **server.QUIET}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split(" ", 1) == [
        "1", "['helpers', 'helpers.runs', 'helpers.runs.forking', 'helpers.runs.forking.server'] False\n",
    ]  # fmt: skip
    assert not done.stderr


def test_the_process_that_workers_are_forked_from_has_one_thread() -> None:
    code = "import helpers.runs.worker, os; print(len(os.listdir('/proc/self/task')))"
    environment = {**os.environ, **server.QUIET}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "1\n"


@pytest.mark.slow
def test_a_plain_kernel_does_where_the_server_is_gone(tmp_path: Path) -> None:
    gone = client.ForkServer()
    gone.close()
    notebook = write(tmp_path / "n.ipynb", "import os\nprint(os.getppid())")
    cell = forked(notebook, tmp_path, "out.ipynb", gone).cells[0]
    assert cell.outputs[0].text.strip() == str(os.getpid())


def test_another_environment_is_not_forked(forks: client.ForkServer) -> None:
    with pytest.raises(client.Unavailable, match="environment differs"):
        client.ForkedKernel(forks.address, [], env={**os.environ, "OMP_NUM_THREADS": "7"}, cwd="/", files=[0, 1, 2])


def test_a_kernel_ends_with_the_connection_that_asked_for_it_and_reports_its_signal(forks: client.ForkServer) -> None:
    def start() -> client.ForkedKernel:
        return client.ForkedKernel(
            forks.address, ["x", "--IPKernelApp.connection_file=/dev/null/x"], env={**os.environ}, cwd="/",
            files=[0, 1, 2],
        )  # fmt: skip

    killed = start()
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait(20) == -signal.SIGKILL
    left = start()
    os.kill(left.pid, signal.SIGSTOP)
    left._connection.close()
    ends = time.monotonic() + 20
    while psutil.pid_exists(left.pid):
        assert time.monotonic() < ends
        time.sleep(0.05)
