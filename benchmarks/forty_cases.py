"""Forty cases in one batch: the post-mortem of four campaigns in ten branches of the sample bank, on two workers.

The sample bank has eight branches; in the copy that is run here its two largest are halved. Three things are asked: is every step done; how much memory do the run and all that it starts take, and does it grow from the first
quarter of the cases to the last; is everything kept when the same command is given again. Run it by
``python benchmarks/forty_cases.py``; results go to ``benchmarks/results/forty_cases.json``, with the machine's load.

Memory is the sum of the proportional set sizes (a page that processes share counts once), sampled every half second;
where the system has none (not Linux), of resident set sizes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "forty_cases.json"
CAMPAIGNS = ("K001", "K002", "K005", "K008")
N_BRANCHES = 10
STEPS = ("05_post_mortem",)
N_WORKERS = 2
SAMPLE_EVERY_SECONDS = 0.5


def with_ten_branches(bank: Path, copy: Path) -> list[str]:
    """Copy a bank, halving its largest branches until there are ten; return their names."""
    import pandas as pd

    shutil.copytree(bank, copy, ignore=shutil.ignore_patterns("truth"))
    file = copy / "customers.parquet"
    customers = pd.read_parquet(file)
    for largest in customers["branch"].value_counts().index[: N_BRANCHES - customers["branch"].nunique()]:
        half = customers.index[customers["branch"] == largest][::2]
        customers.loc[half, "branch"] = f"{largest} East"
    customers.to_parquet(file, index=False)
    return sorted(customers["branch"].dropna().unique())


def write(folder: Path, bank: Path, branches: list[str]) -> Path:
    """Write the playbook of forty cases and return its folder."""
    import yaml

    playbook = folder / "forty"
    playbook.mkdir()
    content = {
        "schema_version": 1,
        "title": {"en": "Forty cases", "zh": "四十个案例"},
        "bank": str(bank),
        "steps": [{"step": step} for step in STEPS],
        "cases": {
            f"{branch.lower().replace(' ', '_')}-{campaign.lower()}": {
                "parameters": {"branch": branch, "campaign_id": campaign}
            }
            for branch in branches
            for campaign in CAMPAIGNS
        },
    }
    (playbook / "playbook.yml").write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), "utf-8")
    return playbook


def run(playbook: Path, reports: Path) -> dict[str, Any]:
    """Run the batch as a user does; return its exit code, seconds, processor seconds and memory over time."""
    command = [sys.executable, "-c", "from helpers.cli import app; app()", "run", str(playbook)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    samples: list[tuple[float, float, int]] = []
    with (reports.parent / "said.txt").open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            [*command, "--reports", str(reports), "--workers", str(N_WORKERS)], cwd=ROOT, stdout=said, stderr=said
        )
        while process.poll() is None:
            samples.append((time.perf_counter() - started, megabytes(process.pid), len(list(reports.rglob("*.html")))))
            time.sleep(SAMPLE_EVERY_SECONDS)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    if process.returncode == 2:
        raise SystemExit((reports.parent / "said.txt").read_text(encoding="utf-8"))
    board = json.loads((reports / "board.json").read_text(encoding="utf-8"))["runs"]
    return {
        "exit_code": process.returncode,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "states": dict(Counter(entry["state"] for entry in board)),
        "n_kept": sum(bool(entry["kept_from"]) for entry in board),
        "messages": sorted({entry["message"] for entry in board if entry["message"]}),
        "peak_mb": round(max((mb for _, mb, _ in samples), default=0.0)),
        "peak_mb_by_quarter": [
            round(max((mb for at, mb, _ in samples if quarter <= 4 * at / seconds < quarter + 1), default=0.0))
            for quarter in range(4)
        ],
    }


def megabytes(pid: int) -> float:
    """Memory of a process and all below it."""
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for one in family:
        try:
            full = one.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            # Ended meanwhile.
            continue
        total += getattr(full, "pss", full.rss)
    return total / 2**20


def main() -> None:
    """Run the batch, run it again, write what was measured."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--bank", default=str(ROOT / "data" / "banks" / "sample"))
    settings = asked.parse_args()
    bank = Path(settings.bank).resolve()
    import pyarrow.parquet as parquet

    found: dict[str, Any] = {
        "customers": parquet.read_metadata(bank / "customers.parquet").num_rows,
        "views": "ten branches of the sample bank",
        "n_cases": N_BRANCHES * len(CAMPAIGNS),
        "steps": STEPS,
        "workers": N_WORKERS,
        "cores": os.cpu_count(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        branches = with_ten_branches(bank, folder / "bank")
        playbook = write(folder, folder / "bank", branches)
        found["run"] = run(playbook, folder / "reports")
        found["load_after"] = [round(load, 2) for load in os.getloadavg()]
        found["again"] = run(playbook, folder / "reports")
        if found["run"]["exit_code"]:
            print((folder / "said.txt").read_text(encoding="utf-8"))
    RESULTS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))
    if found["run"]["states"] != {"done": found["n_cases"] * len(STEPS)}:
        raise SystemExit("not every step was done")


if __name__ == "__main__":
    main()
