"""How long the sample bank takes and how much memory, by number of customers.

Run: ``python benchmarks/sample_bank.py [--customers 20000 100000 1000000]``. Each size is built once in a process of its
own, into a folder that is removed afterwards; memory is the peak of that process, code included. Results go to
``benchmarks/results/sample_bank.json``. There is no peer: no package builds a bank with planted truth.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results" / "sample_bank.json"
JOB = """
import json, resource, sys, time
from pathlib import Path
from helpers.bank.sample import build
began = time.perf_counter()
folder = build(sys.argv[1], customers=int(sys.argv[2]))
print(json.dumps({
    "seconds": round(time.perf_counter() - began, 1),
    "cpu_seconds": round(time.process_time(), 1),
    "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    "disk_mb": round(sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 2**20),
}))
"""


def main() -> None:
    """Build each size once and print a line a size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[20_000, 100_000])
    sizes = parser.parse_args().customers
    rows = []
    for customers in sizes:
        with tempfile.TemporaryDirectory() as folder:
            call = [sys.executable, "-c", JOB, str(Path(folder) / "bank"), str(customers)]
            done = subprocess.run(call, check=True, capture_output=True, text=True)
        rows.append({"customers": customers, **json.loads(done.stdout)})
        print(
            "{customers:>9,} customers  {seconds:7.1f} s  {cpu_seconds:7.1f} s CPU  "
            "{peak_mb:>6,} MB peak  {disk_mb:>6,} MB on disk".format(**rows[-1])
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"cores": os.cpu_count(), "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
