"""The effect of a campaign with CUPED on ten million customers in parquet, beside tea-tasting and a bare scan.

Run: ``python benchmarks/experiments.py [--peers PYTHON] [--customers 10000000] [--rounds 7]``. ``--peers`` names an
interpreter that has tea-tasting with the same duckdb and ibis; without it the peer is reported as absent.

The data (made once, in ``BENCH_DATA`` or ``bench-data``): ``customer_id`` text, ``arm`` control or treatment by a coin,
``aum_before`` log-normal (median 8,000, σ 1.2), ``aum`` = 0.7 · ``aum_before`` + log-normal (median 4,000, σ 1) + 50 for the
treated; PCG64 with seed 2026, blocks of 1,000,000 rows. ``before_gappy`` is ``aum_before`` with a twentieth missing.

Each round runs the jobs in turn, each in a process of its own with a warm-up before nine timed runs; the figures are the
medians over all rounds of the fastest of the nine (the speed of a shared machine swings by a third within seconds). All use DuckDB on the same file with the same number of threads.

Jobs
----
scan : ``SELECT arm, count(*), sum(aum), sum(aum_before) … GROUP BY arm``, the least that reads what is needed.
ours : `helpers.models.experiments.effect` with the covariate: estimate, intervals, relative effect, p-values.
ours_gaps : the same with the gappy covariate (indicator beside).
tea_tasting : ``Mean("aum", "aum_before")`` analysed on the same lazy table.

Results go to ``benchmarks/results/experiments.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "experiments.json"
BLOCK = 1_000_000
SEED = 2026
TIMED_RUNS = 9
JOBS = ("scan", "ours", "ours_gaps", "tea_tasting")
AGREEMENT = 1e-4  # of the estimates, in standard errors: the peer's θ is not pooled within arms


def data(customers: int) -> Path:
    """Write the experiment table, unless it is there."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(os.environ.get("BENCH_DATA", ROOT / "bench-data"))
    file = folder / f"experiment_{customers}.parquet"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    partial, writer = file.with_suffix(".partial"), None
    for start in range(0, customers, BLOCK):
        n = min(BLOCK, customers - start)
        treated = random.random(n) < 0.5
        before = random.lognormal(np.log(8_000), 1.2, n)
        aum = 0.7 * before + random.lognormal(np.log(4_000), 1.0, n) + 50 * treated
        table = pa.table(
            {
                "customer_id": pa.array([f"C{k:09d}" for k in range(start, start + n)]),
                "arm": pa.array(np.where(treated, "treatment", "control")),
                "aum": aum,
                "aum_before": before,
                "before_gappy": pa.array(before, mask=random.random(n) < 0.05),
            }
        )
        writer = writer or pq.ParquetWriter(partial, table.schema)
        writer.write_table(table)
    writer.close()
    partial.rename(file)
    return file


def work(job: str, file: str, threads: int) -> dict[str, float]:
    """Run one job in this process: a warm-up, then the timed runs."""
    import ibis

    connection = ibis.duckdb.connect(threads=threads)
    table = connection.read_parquet(file)

    if job == "scan":
        query = f"SELECT arm, count(*), sum(aum), sum(aum_before) FROM '{file}' GROUP BY arm"

        def run() -> tuple[float, float, float]:
            connection.con.execute(query).fetchall()
            return 0.0, 0.0, 1.0

    elif job == "tea_tasting":
        import tea_tasting

        experiment = tea_tasting.Experiment({"aum": tea_tasting.Mean("aum", "aum_before")}, variant="arm")

        def run() -> tuple[float, float, float]:
            found = experiment.analyze(table, control="control")["aum"]
            return found.effect_size, found.effect_size_ci_lower, found.effect_size_ci_upper

    else:
        from helpers.models.experiments import effect

        covariate = "aum_before" if job == "ours" else "before_gappy"

        def run() -> tuple[float, float, float]:
            row = effect(table, metric="aum", control="control", covariate=covariate).iloc[0]
            return float(row.estimate), float(row.lower), float(row.upper)

    run()
    wall, cpu = [], []
    for _ in range(TIMED_RUNS):
        started, used = time.perf_counter(), time.process_time()
        estimate, lower, upper = run()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    return {"seconds": min(wall), "cpu_seconds": min(cpu), "estimate": estimate, "lower": lower, "upper": upper}


def measure(job: str, file: Path, threads: int, python: str) -> dict[str, float] | None:
    """Run a job in a process of its own; None where its library isn't installed."""
    command = [python, __file__, "--job", job, "--file", str(file), "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        if "ModuleNotFoundError" in done.stderr:
            return None
        raise RuntimeError(f"{job} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--customers", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--job", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(work(options.job, options.file, options.threads[0])))
        return

    file = data(options.customers)
    results: dict[str, object] = {"customers": options.customers, "rounds": options.rounds, "threads": {}}
    for threads in options.threads:
        found: dict[str, list[dict[str, float]]] = {job: [] for job in JOBS}
        for _ in range(options.rounds):
            for job in JOBS:
                one = measure(job, file, threads, options.peers if job == "tea_tasting" else sys.executable)
                if one is not None:
                    found[job].append(one)
        summary: dict[str, object] = {}
        for job, runs in found.items():
            if runs:
                summary[job] = {
                    key: statistics.median(one[key] for one in runs)
                    for key in ("seconds", "cpu_seconds", "estimate", "lower", "upper")
                }
        ours, scan, peer = summary["ours"], summary["scan"], summary.get("tea_tasting")
        summary["ours_to_scan"] = ours["seconds"] / scan["seconds"]
        if peer:
            error = (ours["upper"] - ours["lower"]) / 4
            if abs(ours["estimate"] - peer["estimate"]) > AGREEMENT * error:
                raise RuntimeError(f"the estimates differ: {ours['estimate']} and {peer['estimate']}")
            summary["tea_tasting_to_ours"] = peer["seconds"] / ours["seconds"]
            summary["tea_tasting_to_ours_cpu"] = peer["cpu_seconds"] / ours["cpu_seconds"]
        results["threads"][str(threads)] = summary
        for job in JOBS:
            line = summary.get(job)
            print(
                f"{threads} thread(s) {job:12}",
                "absent" if line is None else f"{line['seconds']:.3f} s, cpu {line['cpu_seconds']:.3f} s",
            )
        print({name: round(value, 2) for name, value in summary.items() if isinstance(value, float)})
    if any("tea_tasting" not in summary for summary in results["threads"].values()):
        print("tea-tasting is absent: the kept figures stay as they are (see --peers)")
        return
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
