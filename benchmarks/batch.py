"""Eight one-step cases (two survival fits, two figures each): our batch beside the ways a batch is usually run.

Peers on the same notebook and values: the `papermill` command followed by `jupyter nbconvert`, in a loop; a pool of
two processes over papermill's API (pages by nbconvert in the same process). Demands: at least 4 and 2 times faster.
Run it by ``python benchmarks/batch.py``; ways take turns, the median of the rounds counts. Results go to
``benchmarks/results/batch.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

RESULTS = Path(__file__).resolve().parent / "results" / "batch.json"
N_CASES = 8
DEMANDS = {"papermill command + nbconvert": 4.0, "process pool over papermill's API": 2.0}
OURS = "playbook run"
BIN = Path(sys.executable).parent
PARAMETERS = """\
bank: str = ""  # folder of the bank
as_of: str = ""  # last day that is seen
language: str = "en"  # page language
run_dir: str = ""  # folder for results
seed: int = 0  # of the simulated spells"""
CELLS = (
    """\
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
import seaborn as sns
from helpers.models import retention""",
    """\
rng = np.random.default_rng(seed)
n = 4_000
spells = pd.DataFrame({
    "customer_id": [f"C{number:09d}" for number in range(n)],
    "entered_at": pd.Timestamp("2024-01-01"),
    "entry_day": 0,
    "days_active": rng.integers(1, 200, n),
    "lapsed": rng.random(n) < 0.6,
    "tier": rng.choice(["new", "old"], n),
    "age": rng.normal(40, 12, n),
})
curves = retention.survival_curves(spells, by="tier", horizon_days=180)
curves.groupby("tier").tail(1)""",
    """\
model = retention.CoxRetention().fit(spells, covariates=["age"])
model.summary_""",
    """\
sns.lineplot(curves, x="day", y="retained", hue="tier")""",
    """\
plt.hist(spells["days_active"], bins=40)
plt.xlabel("days active")""",
)
KEEP = """\
import os
if run_dir:
    from helpers.findings import Figure, StepResult
    result = StepResult("fits", run_dir=run_dir)
    result.add_figures(Figure("retained", float(curves["retained"].iloc[-1]), unit="share", n=len(spells)))
    result.keep()"""


def write(folder: Path, bank: Path) -> Path:
    """Write the playbook and return its folder."""
    playbook = folder / "eight"
    playbook.mkdir(parents=True)
    cells = [
        new_markdown_cell("# How many stay?"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}),
        *(new_code_cell(source) for source in (*CELLS, KEEP)),
    ]
    specification = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": specification}), playbook / "fits.ipynb")
    cases = "\n".join(f"  case{number}: {{parameters: {{seed: {number}}}}}" for number in range(N_CASES))
    (playbook / "playbook.yml").write_text(
        f"schema_version: 1\nbank: {bank}\nsteps: [{{notebook: fits.ipynb}}]\ncases:\n{cases}\n", encoding="utf-8"
    )
    return playbook


def by_playbook(playbook: Path, out: Path) -> None:
    """Our batch: checks of the bank, pages, results and board included."""
    quiet(BIN / "playbook", "run", playbook, "--reports", out, "--force")


def by_command(playbook: Path, out: Path) -> None:
    """The `papermill` command, then `jupyter nbconvert`, one case after the other."""
    for number in range(N_CASES):
        executed = out / f"{number}.ipynb"
        quiet(BIN / "papermill", playbook / "fits.ipynb", executed, "-p", "seed", number, "-k", "python3")
        quiet(BIN / "jupyter", "nbconvert", "--to", "html", executed)


def by_pool(playbook: Path, out: Path) -> None:
    """A process pool over papermill's API, pages by nbconvert's API in the same processes."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        list(pool.map(one, [(str(playbook), str(out), number) for number in range(N_CASES)]))


def one(job: tuple[str, str, int]) -> None:
    """Run one case by papermill's API."""
    import papermill
    from nbconvert import HTMLExporter

    playbook, out, number = job
    executed = papermill.execute_notebook(
        f"{playbook}/fits.ipynb", f"{out}/{number}.ipynb", parameters={"seed": number}, progress_bar=False
    )
    Path(f"{out}/{number}.html").write_text(HTMLExporter().from_notebook_node(executed)[0], encoding="utf-8")


def quiet(*command: object) -> None:
    """Run a command; its output is shown only if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]}: exit {done.returncode}\n{done.stdout}{done.stderr}")


WAYS = {
    OURS: by_playbook,
    "papermill command + nbconvert": by_command,
    "process pool over papermill's API": by_pool,
}


def main() -> None:
    """Take turns, print the table, write it as JSON if asked."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--bank", default="data/banks/sample")
    asked.add_argument("--json", default=str(RESULTS))
    settings = asked.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    load = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory() as folder:
        playbook = write(Path(folder), Path(settings.bank).resolve())
        for number in range(settings.rounds):
            for name, way in WAYS.items():
                out = Path(folder) / f"{number}-{list(WAYS).index(name)}"
                out.mkdir()
                started = time.perf_counter()
                way(playbook, out)
                seconds[name].append(time.perf_counter() - started)
                print(f"round {number + 1}: {name}: {seconds[name][-1]:.1f} s", flush=True)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"\n| {N_CASES} one-step cases, median of {settings.rounds} | seconds | ours is faster by | demanded |")
    print("|:--|--:|--:|--:|")
    for name, median in medians.items():
        ratio = "" if name == OURS else f"{median / medians[OURS]:.1f}"
        print(f"| {name} | {median:.1f} | {ratio} | {DEMANDS.get(name, '')} |")
    kept = {"cores": os.cpu_count(), "load_before": load, "seconds": seconds, "medians": medians, "demands": DEMANDS}
    Path(settings.json).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = [name for name, demand in DEMANDS.items() if medians[name] < demand * medians[OURS]]
    if missed:
        raise SystemExit(f"demand missed beside: {', '.join(missed)}")


if __name__ == "__main__":
    main()
