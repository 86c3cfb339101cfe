"""Eight one-step cases (two survival fits, two figures each): our batch beside the ways a batch is usually run.

Peers on the same notebook and values: the `papermill` command followed by `jupyter nbconvert`, in a loop; a pool of
two processes over papermill's API (pages by nbconvert in the same process). Demands: at least 4 and 2 times faster.
The project's own playbooks are run the same three ways, without a demand. Run it by ``python benchmarks/batch.py``;
ways take turns, the median of the rounds counts. Results go to ``benchmarks/results/batch.json``.
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
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "batch.json"
N_CASES = 8
# Of the real playbooks nothing is demanded; what their steps compute is most of their time.
REAL = ("first_review", "silver_checkin")
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


def cases_of(playbook: Path, bank: Path, out: Path) -> list[list[tuple[str, dict[str, Any]]]]:
    """Return notebook and parameters of each step, case by case; steps of one case share a folder for results."""
    from helpers.runs import plan

    found = []
    for case in plan.read(str(playbook), bank=str(bank)).cases:
        # A case of one step has nobody to keep a result for.
        shared = {"run_dir": str(out / "results" / case.name)} if len(case.steps) > 1 else {}
        found.append([(str(step.notebook), {**step.parameters, **shared}) for step in case.steps])
    return found


def by_playbook(playbook: Path, bank: Path, out: Path) -> None:
    """Our batch: checks of the bank, pages, results and board included."""
    quiet(BIN / "playbook", "run", playbook, "--bank", bank, "--reports", out, "--force")


def by_command(playbook: Path, bank: Path, out: Path) -> None:
    """The `papermill` command, then `jupyter nbconvert`, one case after the other."""
    for number, steps in enumerate(cases_of(playbook, bank, out)):
        for notebook, values in steps:
            executed = out / f"{number}-{Path(notebook).name}"
            own = json.dumps(values, default=str)
            quiet(BIN / "papermill", notebook, executed, "-y", own, "-k", "python3", "--cwd", ROOT)
            quiet(BIN / "jupyter", "nbconvert", "--to", "html", executed)


def by_pool(playbook: Path, bank: Path, out: Path) -> None:
    """A process pool over papermill's API, pages by nbconvert's API in the same processes."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        list(pool.map(one, [(str(out), *case) for case in enumerate(cases_of(playbook, bank, out))]))


def one(job: tuple[str, int, list[tuple[str, dict[str, Any]]]]) -> None:
    """Run one case by papermill's API."""
    import papermill
    from nbconvert import HTMLExporter

    out, number, steps = job
    for notebook, values in steps:
        place = f"{out}/{number}-{Path(notebook).stem}"
        executed = papermill.execute_notebook(
            notebook, f"{place}.ipynb", parameters=values, progress_bar=False, cwd=str(ROOT)
        )
        Path(f"{place}.html").write_text(HTMLExporter().from_notebook_node(executed)[0], encoding="utf-8")


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


def measure(playbook: Path, bank: Path, folder: Path, *, rounds: int) -> dict[str, list[float]]:
    """Let the ways take turns; seconds of each by round."""
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(rounds):
        for place, (name, way) in enumerate(WAYS.items()):
            out = folder / f"{playbook.name}-{number}-{place}"
            out.mkdir()
            started = time.perf_counter()
            way(playbook, bank, out)
            seconds[name].append(time.perf_counter() - started)
            print(f"{playbook.name}, round {number + 1}: {name}: {seconds[name][-1]:.1f} s", flush=True)
    return seconds


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Median of each way over the rounds."""
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Take turns, print the table, write it as JSON if asked."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--real-rounds", type=int, default=1, help="rounds of the real playbooks, 0 for none")
    asked.add_argument("--bank", default="data/banks/sample")
    asked.add_argument("--json", default=str(RESULTS))
    settings = asked.parse_args()
    load, bank = round(os.getloadavg()[0], 1), Path(settings.bank).resolve()
    with tempfile.TemporaryDirectory() as folder:
        playbook = write(Path(folder), bank)
        seconds = measure(playbook, bank, Path(folder), rounds=settings.rounds)
        real = {
            name: medians(measure(ROOT / "playbooks" / name, bank, Path(folder), rounds=settings.real_rounds))
            for name in (REAL if settings.real_rounds else ())
        }
    eight = medians(seconds)
    print(f"\n| {N_CASES} one-step cases, median of {settings.rounds} | seconds | ours is faster by | demanded |")
    print("|:--|--:|--:|--:|")
    for name, median in eight.items():
        ratio = "" if name == OURS else f"{median / eight[OURS]:.1f}"
        print(f"| {name} | {median:.1f} | {ratio} | {DEMANDS.get(name, '')} |")
    kept = {"cores": os.cpu_count(), "load_before": load, "seconds": seconds, "medians": eight, "demands": DEMANDS}
    kept["real"] = {name: {"medians": found, "rounds": settings.real_rounds} for name, found in real.items()}
    Path(settings.json).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = [name for name, demand in DEMANDS.items() if eight[name] < demand * eight[OURS]]
    if missed:
        raise SystemExit(f"demand missed beside: {', '.join(missed)}")


if __name__ == "__main__":
    main()
