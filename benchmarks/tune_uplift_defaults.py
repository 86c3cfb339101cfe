"""Finds the settings in ``helpers.models.uplift.defaults``, once, on data that no benchmark uses.

Run: ``python benchmarks/tune_uplift_defaults.py``. It prints a table a job; the settings with the smallest mean regret
over the jobs (error ÷ the best error of the job − 1) are written into the module by hand. Nothing here is read by ``fit``.

Data: five kinds of campaign (smooth, steps, few strong responders, weak, amount), seeds 5001 and on; the benchmark
has one other kind with seeds 11 to 15 and 99, and Hillstrom's e-mails.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

KINDS = ("smooth", "steps", "few", "weak", "amount")


def campaign(kind: str, n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return covariates, arm, outcome and true effect of one simulated campaign."""
    random = np.random.default_rng(seed)
    X = np.column_stack([random.normal(size=(n, 8)), random.exponential(size=(n, 3)), random.integers(0, 3, (n, 5))])
    treatment = random.integers(0, 2, n)
    latent = -1.2 + 0.6 * X[:, 1] - 0.4 * (X[:, 11] == 1) + 0.3 * X[:, 2] * X[:, 8] - 0.2 * X[:, 9]
    base = 1 / (1 + np.exp(-latent))
    if kind == "smooth":
        effect = 0.03 + 0.05 * np.sin(X[:, 0]) + 0.03 * X[:, 12] * np.tanh(X[:, 3])
    elif kind == "steps":
        effect = 0.08 * (X[:, 0] > 0.3) * (X[:, 12] > 0) - 0.06 * (X[:, 8] > 1.5)
    elif kind == "few":
        effect = 0.25 * ((X[:, 4] > 1.2) & (X[:, 13] == 2)) + 0.005
    elif kind == "weak":
        effect = 0.02 + 0.008 * X[:, 1] + 0.006 * (X[:, 11] == 1)
    else:
        effect = 200 + 150 * np.tanh(X[:, 0]) + 100 * (X[:, 12] > 0)
        y = 1000 * base + random.gamma(2.0, 800, n) + treatment * effect
        return X, treatment, y, effect
    treated = np.clip(base + effect, 0.002, 0.998)
    y = (random.random(n) < np.where(treatment == 1, treated, base)).astype(float)
    return X, treatment, y, treated - base


def boosting(n: int, **settings: float) -> HistGradientBoostingRegressor:
    """Return a booster without early stopping."""
    return HistGradientBoostingRegressor(
        early_stopping=False, random_state=0, min_samples_leaf=max(20, n // 100), **settings
    )


def expected_outcome(X: np.ndarray, y: np.ndarray, rounds: list[int], **settings: float) -> dict[int, np.ndarray]:
    """Predict each half by the other after each number of rounds."""
    half = np.arange(len(y)) % 2
    expected = {done: np.empty(len(y)) for done in rounds}
    for side in (0, 1):
        model = HistGradientBoostingRegressor(
            early_stopping=False,
            random_state=0,
            max_iter=max(rounds),
            min_samples_leaf=max(20, len(y) // 2000),
            **settings,
        )
        model.fit(X[half != side], y[half != side])
        for done, predicted in enumerate(model.staged_predict(X[half == side]), start=1):
            if done in expected:
                expected[done][half == side] = predicted
    return expected


def tune(sizes: list[int], *, n_seeds: int) -> pd.DataFrame:
    """Return the error of each setting on each job; rounds are read off one fit as it grows."""
    outcome_rounds, lines = [15, 25, 40, 60, 80], []
    for n, kind, seed in itertools.product(sizes, KINDS, range(5001, 5001 + n_seeds)):
        job = {"n": n, "kind": kind, "seed": seed}
        X, treatment, y, _ = campaign(kind, n, seed=seed)
        X_new, _, _, truth = campaign(kind, 50_000, seed=seed + 500)
        for leaves in (8, 16):
            expected = expected_outcome(X, y, outcome_rounds, learning_rate=0.2, max_leaf_nodes=leaves)
            for done, predicted in expected.items():
                error = float(np.sqrt(((y - predicted) ** 2).mean()))
                lines.append({"part": "outcome", **job, "rate": 0.2, "leaves": leaves, "rounds": done, "error": error})
        target = (y - expected[25]) / (treatment - 0.5)
        for rate, leaves in itertools.product((0.05, 0.1), (3, 4, 6)):
            wanted = {round(total / rate) for total in (0.5, 1, 1.5, 2, 3, 4, 6, 8)}
            model = boosting(n, learning_rate=rate, max_iter=max(wanted), max_leaf_nodes=leaves).fit(X, target)
            for done, predicted in enumerate(model.staged_predict(X_new), start=1):
                if done in wanted:
                    error = float(np.sqrt(((predicted - truth) ** 2).mean()))
                    lines.append(
                        {"part": "effect", **job, "rate": rate, "leaves": leaves, "rounds": done, "error": error}
                    )
        print(f"done: {job}", flush=True)
    return pd.DataFrame(lines)


def main() -> None:
    """Tune and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[3_000, 20_000, 100_000])
    parser.add_argument("--seeds", type=int, default=2, help="data sets a kind and size")
    options = parser.parse_args()
    found = tune(options.sizes, n_seeds=options.seeds)
    keys = ["rate", "leaves", "rounds"]
    for (part, n), job in found.groupby(["part", "n"]):
        best = job.groupby(["kind", "seed"])["error"].transform("min")
        job = job.assign(regret=job["error"] / best - 1)
        table = job.groupby(keys).agg(regret=("regret", "mean"), worst=("regret", "max"))
        by_kind = job.pivot_table(index=keys, columns="kind", values="regret")
        print(f"\n{part}, n = {n:,}\n{table.join(by_kind).sort_values('regret').head(14).round(4).to_string()}")


if __name__ == "__main__":
    main()
