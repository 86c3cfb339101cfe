"""Finds the settings in ``helpers.models.uplift.defaults``, once, on data that no benchmark uses.

Run: ``python benchmarks/tune_uplift_defaults.py``. It prints a table a job; the settings with the smallest mean regret
over the jobs (error ÷ the best error of the job − 1) among those of like cost are written into the
module by hand. Nothing here is read by ``fit``.

Data: five kinds of campaign (smooth, steps, few strong responders, weak, amount), seeds 5001 and on; the benchmark
has one other kind with seeds 11 to 15 and 99, and Hillstrom's e-mails.
"""

from __future__ import annotations

import argparse
import itertools
import time

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


def boosting(**settings: object) -> HistGradientBoostingRegressor:
    """Return a booster without early stopping."""
    return HistGradientBoostingRegressor(early_stopping=False, random_state=0, **settings)


def out_of_fold(model: HistGradientBoostingRegressor, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Predict each half by the other."""
    half = np.arange(len(y)) % 2
    expected = np.empty(len(y))
    for side in (0, 1):
        expected[half == side] = model.fit(X[half != side], y[half != side]).predict(X[half == side])
    return expected


def grid(**options: tuple) -> list[dict[str, object]]:
    """Return all combinations."""
    return [dict(zip(options, values, strict=True)) for values in itertools.product(*options.values())]


def tune(sizes: list[int], *, n_seeds: int) -> pd.DataFrame:
    """Return error and processor time of each setting on each job."""
    outcome_grid = grid(learning_rate=(0.2,), max_iter=(25, 50), max_leaf_nodes=(8, 16))
    effect_grid = grid(learning_rate=(0.05, 0.1), max_iter=(40, 80), max_leaf_nodes=(3, 4, 6, 8), share_leaf=(500, 100))
    lines = []
    for n, kind, seed in itertools.product(sizes, KINDS, range(5001, 5001 + n_seeds)):
        X, treatment, y, _ = campaign(kind, n, seed=seed)
        X_new, _, _, truth = campaign(kind, 50_000, seed=seed + 500)
        for place, settings in enumerate(outcome_grid):
            start = time.process_time()
            expected = out_of_fold(boosting(**settings, min_samples_leaf=max(20, n // 2000)), X, y)
            seconds = time.process_time() - start
            target = (y - expected) / (treatment - 0.5)
            lines.append(
                {"part": "outcome", "n": n, "kind": kind, "seed": seed, "seconds": seconds, **settings}
                | {"error": float(np.sqrt(np.mean((y - expected) ** 2)))}
            )
            if place:
                continue
            for chosen in effect_grid:
                leaf = max(20, n // chosen["share_leaf"])
                start = time.process_time()
                model = boosting(**{k: v for k, v in chosen.items() if k != "share_leaf"}, min_samples_leaf=leaf)
                predicted = model.fit(X, target).predict(X_new)
                lines.append(
                    {"part": "effect", "n": n, "kind": kind, "seed": seed, **chosen}
                    | {
                        "seconds": time.process_time() - start,
                        "error": float(np.sqrt(np.mean((predicted - truth) ** 2))),
                    }
                )
    return pd.DataFrame(lines)


def main() -> None:
    """Tune and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 50_000, 300_000])
    parser.add_argument("--seeds", type=int, default=2, help="data sets a kind and size")
    options = parser.parse_args()
    found = tune(options.sizes, n_seeds=options.seeds)
    settings = ["learning_rate", "max_iter", "max_leaf_nodes", "share_leaf"]
    for (part, n), job in found.groupby(["part", "n"]):
        best = job.groupby(["kind", "seed"])["error"].transform("min")
        job = job.assign(regret=job["error"] / best - 1)
        keys = settings[: 3 if part == "outcome" else 4]
        table = job.groupby(keys).agg(regret=("regret", "mean"), worst=("regret", "max"), seconds=("seconds", "mean"))
        print(f"\n{part}, n = {n:,}\n{table.sort_values('regret').head(12).round(4).to_string()}")
        by_kind = job.pivot_table(index=keys, columns="kind", values="regret").loc[table.sort_values("regret").index]
        print(by_kind.head(6).round(4).to_string())


if __name__ == "__main__":
    main()
