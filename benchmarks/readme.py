"""Writes the tables of the last benchmark runs into README.md: ``python benchmarks/readme.py``.

Everything between the two markers is replaced; nothing there is written by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
START, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"


def retention() -> str:
    """Return the table that the retention benchmark prints of its last run."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "retention.py"), "--table"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def uplift() -> str:
    """Return the tables of the uplift benchmark: accuracy and cost beside the peers."""
    results = json.loads((RESULTS / "uplift.json").read_text(encoding="utf-8"))
    lines: list[str] = []
    for job, rows in (("moderate", "100,000 rows"), ("large", "1,000,000 rows, one thread")):
        lines += [f"| {rows} | share of the oracle's gain | PEHE | cpu, s | seeds |", "|:--|--:|--:|--:|--:|"]
        lines += [
            f"| {row['learner']} | {row['gain']:.3f} | {row['pehe']:.4f} | {row['seconds']:.1f} | {row['n_runs']} |"
            for row in results[job]["rows"]
        ]
        lines.append("")
    lines += [
        "| Hillstrom, visits: Qini per treated head | Qini | ours − it (s.e.) | splits |",
        "|:--|--:|--:|--:|",
    ]
    lines += [
        f"| {row['learner']} | {row['qini']:.5f} | {row['ours_minus']:+.5f} ({row['se']:.5f}) | {row['n_runs']} |"
        for row in results["emails"]["rows"]
    ]
    return "\n".join(lines)


def experiments() -> str:
    """Return the table of the experiments benchmark: CUPED on ten million customers."""
    results = json.loads((RESULTS / "experiments.json").read_text(encoding="utf-8"))
    lines = [
        f"| effect with CUPED, {results['customers']:,} customers in parquet | bare scan, s | ours, s | tea-tasting, s "
        "| ours is faster by | ours ÷ scan |",
        "|:--|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {threads} thread{'s' if threads != '1' else ''} | {run['scan']['seconds']:.3f} | {run['ours']['seconds']:.3f} "
        f"| {run['tea_tasting']['seconds']:.3f} | {run['tea_tasting_to_ours']:.2f} × | {run['ours_to_scan']:.2f} |"
        for threads, run in results["threads"].items()
    ]
    return "\n".join(lines)


def batch() -> str:
    """Return the table of the batch of forty cases."""
    found = json.loads((RESULTS / "forty_cases.json").read_text(encoding="utf-8"))
    first, again = found["run"], found["again"]
    n_steps = found["n_cases"] * len(found["steps"])
    lines = [
        f"| {found['n_cases']} cases, {found['customers']:,} customers, {found['workers']} workers on {found['cores']} cores "
        "| done | kept | seconds | processor seconds | peak memory, MB (by quarter of the run) |",
        "|:--|--:|--:|--:|--:|:--|",
    ]
    lines += [
        f"| {name} | {run['states'].get('done', 0)} of {n_steps} | {run['n_kept']} | {run['seconds']:,.0f} "
        f"| {run['cpu_seconds']:,.0f} | {run['peak_mb']:,} ({', '.join(f'{mb:,}' for mb in run['peak_mb_by_quarter'])}) |"
        for name, run in (("the batch", first), ("the same command again", again))
    ]
    load = f"{found['load_before'][0]:.1f} before and {found['load_after'][0]:.1f} after the batch"
    return "\n".join([*lines, "", f"Other work ran on the machine: its load was {load}."])


def views() -> str:
    """Return what the forty cases of the last run looked at."""
    return json.loads((RESULTS / "forty_cases.json").read_text(encoding="utf-8"))["views"]


def eight() -> str:
    """Return the table of the batch of eight equal steps, and of the real playbooks, beside the usual ways of running one."""
    found = json.loads((RESULTS / "batch.json").read_text(encoding="utf-8"))
    ours, *others = found["medians"]
    real = {name: run["medians"] for name, run in found["real"].items()}
    heads = [
        "eight one-step cases, pages included",
        "seconds",
        "ours is faster by",
        "demand",
        *(f"`{name}`, s" for name in real),
    ]
    lines = [f"| {' | '.join(heads)} |", f"|:--{'|--:' * (len(heads) - 1)}|"]
    for name in (ours, *others):
        ratio = "" if name == ours else f"{found['medians'][name] / found['medians'][ours]:.1f} ×"
        demand = f"{found['demands'][name]:g} ×" if name in found["demands"] else ""
        times = [f"{medians[name]:.0f}" for medians in real.values()]
        seconds = f"{found['medians'][name]:.1f}"
        lines.append(f"| {' | '.join([name, seconds, ratio, demand, *times])} |")
    return "\n".join(lines)


def main() -> None:
    """Replace the part of README.md between the markers."""
    file = ROOT / "README.md"
    before, rest = file.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    body = "\n\n".join(
        [
            "**Retention** (`benchmarks/retention.py`), medians of wall seconds; the ratio also in processor time:",
            retention(),
            "**Uplift** (`benchmarks/uplift.py`), peers in the same run:",
            uplift(),
            "**Experiments** (`benchmarks/experiments.py`):",
            experiments(),
            "**Batch** (`benchmarks/batch.py`), the same notebook and values each way, medians of the rounds:",
            eight(),
            f"**A large batch** (`benchmarks/forty_cases.py`): {views()} × four campaigns, the post-mortem of each; "
            "memory of the run and all that it starts, shared pages counted once:",
            batch(),
        ]
    )
    file.write_text(f"{before}{START}\n{body}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
