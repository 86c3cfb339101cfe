"""Uplift learners beside their peers: what share of the possible gain they find, how far off, at what cost.

Run: ``python benchmarks/uplift.py [--peers PYTHON] [--jobs moderate large emails]``. ``--peers`` names an interpreter
that has econml, causalml and scikit-uplift (they don't share an environment with the project); without it peers
that are not installed are reported as absent. Everything runs on one thread, each fit in a process of its own, in turn,
peers and ours within the same run; seconds are processor time of fit and predict.

Jobs
----
moderate : 1e5 customers, seeds 11 to 15. Error and gain on 200,000 customers of seed 99.
large : 1e6 customers, seed 11.
emails : Hillstrom's e-mail test, women's arm against none, visits, 20 stratified halves (seeds 0 to 19).

Measures
--------
gain : area under the *true* cumulative effect over a random ranking, ÷ that of the true effect's own ranking.
pehe : root mean square error of the predicted effect.
qini : area between Qini curve and diagonal on the held-out half ÷ (customers × treated), outcomes per treated head.
Paired differences of the halves have the standard error of Nadeau and Bengio (2003), since training sets overlap.

Results go to ``benchmarks/results/uplift.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
ONE_THREAD = dict.fromkeys(THREADS, "1")
os.environ.update(ONE_THREAD)

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
EMAILS = ROOT.parent / "shared" / "data" / "hillstrom" / "hillstrom.csv.gz"
RESULTS = ROOT / "benchmarks" / "results" / "uplift.json"
N_TEST = 200_000
SEED_TEST = 99


def campaign(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return covariates (12 normal, 8 coins), arm (a coin), outcome 0/1 and the true effect on its probability."""
    random = np.random.default_rng(seed)
    X = np.empty((n, 20))
    X[:, :12] = random.standard_normal((n, 12))
    X[:, 12:] = random.integers(0, 2, (n, 8))
    arm = random.integers(0, 2, n).astype(np.int8)
    latent = -1.5 + 0.5 * X[:, 0] + 0.4 * X[:, 1] * X[:, 2] - 0.3 * np.abs(X[:, 3]) + 0.4 * X[:, 12]
    base = 1 / (1 + np.exp(-latent))
    effect = 0.02 + 0.06 * np.tanh(X[:, 0] + 0.5 * X[:, 4]) + 0.05 * X[:, 13] * (X[:, 5] > 0) - 0.04 * (X[:, 6] > 1)
    treated = np.clip(base + effect, 0.005, 0.995)
    y = (random.random(n) < np.where(arm == 1, treated, base)).astype(np.int8)
    return X, arm, y, treated - base


Fit = Callable[[Any, np.ndarray, np.ndarray, Any], np.ndarray]


def ours_r(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from helpers.models.uplift import RLearner

    return RLearner().fit(X, y, arm, propensity=0.5).predict(X_new)


def ours_dr(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from helpers.models.uplift import DRLearner

    return DRLearner().fit(X, y, arm, propensity=0.5).predict(X_new)


def ours_chosen(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from helpers.models.uplift import choose_learner

    return choose_learner(X, y, arm, propensity=0.5).learner.predict(X_new)


def _boosting(kind: str = "classifier") -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    made = HistGradientBoostingClassifier if kind == "classifier" else HistGradientBoostingRegressor
    return made(random_state=0)


def sklift_solo(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from sklift.models import SoloModel

    return np.asarray(SoloModel(_boosting()).fit(X, y, arm).predict(X_new))


def sklift_two(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from sklift.models import TwoModels

    return np.asarray(TwoModels(_boosting(), _boosting()).fit(X, y, arm).predict(X_new))


def econml_dr_defaults(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from econml.dr import DRLearner

    learner = DRLearner(discrete_outcome=True, random_state=0)
    return learner.fit(y.astype(int), arm.astype(int), X=X).effect(X_new).ravel()


def econml_dr_our_final(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    """Defaults but for the final model, which is ours."""
    from econml.dr import DRLearner

    from helpers.models.uplift import defaults

    learner = DRLearner(discrete_outcome=True, model_final=defaults.effect_model(len(y)), random_state=0)
    return learner.fit(y.astype(int), arm.astype(int), X=X).effect(X_new).ravel()


def econml_dr_boosting(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from econml.dr import DRLearner

    learner = DRLearner(
        model_propensity=_boosting(),
        model_regression=_boosting(),
        model_final=_boosting("regressor"),
        discrete_outcome=True,
        random_state=0,
    )
    return learner.fit(y.astype(int), arm.astype(int), X=X).effect(X_new).ravel()


def econml_x_boosting(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from econml.metalearners import XLearner

    learner = XLearner(models=_boosting("regressor"), propensity_model=_boosting(), cate_models=_boosting("regressor"))
    return learner.fit(y.astype(float), arm.astype(int), X=X).effect(X_new).ravel()


def causalml_x(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from causalml.inference.meta import BaseXRegressor

    learner = BaseXRegressor(learner=_boosting("regressor"))
    learner.fit(X=X, treatment=arm.astype(int), y=y.astype(float), p=np.full(len(y), 0.5))
    return np.asarray(learner.predict(X=X_new, p=np.full(len(X_new), 0.5))).ravel()


def causalml_r(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from causalml.inference.meta import BaseRRegressor

    learner = BaseRRegressor(learner=_boosting("regressor"), random_state=0)
    learner.fit(X=X, treatment=arm.astype(int), y=y.astype(float), p=np.full(len(y), 0.5), verbose=False)
    return np.asarray(learner.predict(X=X_new)).ravel()


def causalml_forest(X: Any, arm: np.ndarray, y: np.ndarray, X_new: Any) -> np.ndarray:
    from causalml.inference.tree import UpliftRandomForestClassifier

    learner = UpliftRandomForestClassifier(control_name="none", random_state=0, n_jobs=1)
    learner.fit(X=X, treatment=np.where(arm == 1, "mail", "none"), y=y.astype(int))
    return np.asarray(learner.predict(X_new)).ravel()


JOBS: dict[str, dict[str, Fit]] = {
    "moderate": {
        "ours: RLearner": ours_r,
        "ours: DRLearner": ours_dr,
        "econml DRLearner": econml_dr_defaults,
        "econml DRLearner, our final model": econml_dr_our_final,
        "causalml X on boosting": causalml_x,
        "causalml R on boosting": causalml_r,
        "scikit-uplift Solo on boosting": sklift_solo,
        "scikit-uplift Two on boosting": sklift_two,
    },
    "large": {"ours: RLearner": ours_r, "scikit-uplift Two on boosting": sklift_two},
    "emails": {
        "ours: choose_learner": ours_chosen,
        "scikit-uplift Solo on boosting": sklift_solo,
        "scikit-uplift Two on boosting": sklift_two,
        "causalml uplift forest": causalml_forest,
        "econml DRLearner on boosting": econml_dr_boosting,
        "econml XLearner on boosting": econml_x_boosting,
    },
}
SLOW = ("econml DRLearner", "econml DRLearner, our final model")  # four minutes a fit: they search for their nuisances
SEEDS = {"moderate": range(11, 16), "large": range(11, 12), "emails": range(20)}


def read_emails() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return covariates, arm and visit of the women's e-mail and of none."""
    table = pd.read_csv(EMAILS)
    table = table[table["segment"] != "Mens E-Mail"]
    arm = (table["segment"] == "Womens E-Mail").to_numpy().astype(np.int8)
    names = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]
    return pd.get_dummies(table[names], dtype=float).to_numpy(), arm, table["visit"].to_numpy().astype(np.int8)


def area_over_random(order: np.ndarray, effect: np.ndarray) -> float:
    """Return the mean height of the cumulative effect over its diagonal."""
    return float(np.cumsum(effect[order]).mean() - effect.sum() / 2)


def qini_per_treated(y: np.ndarray, predicted: np.ndarray, arm: np.ndarray) -> float:
    """Return the area between Qini curve and diagonal ÷ (customers × treated), written out: no package judges."""
    order = np.argsort(-predicted, kind="stable")
    score, arm, y = predicted[order], arm[order].astype(float), y[order].astype(float)
    ends = np.r_[np.flatnonzero(np.diff(score)), len(score) - 1]
    treated, n = np.cumsum(arm)[ends], ends + 1.0
    control = n - treated
    scale = np.divide(treated, control, out=np.zeros_like(treated), where=control > 0)
    height = np.cumsum(y * arm)[ends] - np.cumsum(y * (1 - arm))[ends] * scale
    area = np.trapezoid(np.r_[0, height], np.r_[0, n]) - n[-1] * height[-1] / 2
    return float(area / n[-1] / treated[-1])


def work(job: str, name: str, seed: int) -> dict[str, float]:
    """Fit and judge one learner in this process."""
    warnings.filterwarnings("ignore")
    fit = JOBS[job][name]
    if job == "emails":
        from sklearn.model_selection import train_test_split

        X, arm, y = read_emails()
        train, test = train_test_split(np.arange(len(y)), test_size=0.5, random_state=seed, stratify=arm * 2 + y)
        start = time.process_time()
        predicted = fit(X[train], arm[train], y[train], X[test])
        seconds = time.process_time() - start
        return {"qini": qini_per_treated(y[test], np.asarray(predicted, float), arm[test]), "seconds": seconds}
    X, arm, y, _ = campaign(10**6 if job == "large" else 10**5, seed=seed)
    X_new, _, _, effect = campaign(N_TEST, seed=SEED_TEST)
    start = time.process_time()
    predicted = np.asarray(fit(X, arm, y, X_new), float)
    seconds = time.process_time() - start
    order, best = np.argsort(-predicted, kind="stable"), np.argsort(-effect, kind="stable")
    top = int(0.3 * N_TEST)
    worth = np.where(predicted > 0, effect, 0).mean()
    return {
        "gain": area_over_random(order, effect) / area_over_random(best, effect),
        "gain_top30": (effect[order[:top]].mean() - effect.mean()) / (effect[best[:top]].mean() - effect.mean()),
        "gain_policy": (worth - max(effect.mean(), 0))
        / (np.where(effect > 0, effect, 0).mean() - max(effect.mean(), 0)),
        "pehe": float(np.sqrt(np.mean((predicted - effect) ** 2))),
        "seconds": seconds,
    }


def versions() -> dict[str, str]:
    """Return the versions of everything that has a say."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": sys.version.split()[0]}
    for package in ("scikit-learn", "numpy", "econml", "causalml", "scikit-uplift", "lightgbm", "xgboost"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def run(job: str, peers: str, *, seeds: range, slow_seeds: int, resume: bool, told: str) -> pd.DataFrame:
    """Run all learners of a job in turn, seed by seed, each in its own process; each run is kept as it ends."""
    file = Path(os.environ.get("BENCH_DATA", ROOT / "bench-data")) / f"uplift_{job}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = [json.loads(line) for line in file.read_text().splitlines()] if resume and file.exists() else []
    # Runs of other versions of any package are no part of this table.
    kept = [line for line in kept if line.pop("versions") == told]
    lines = [line for line in kept if line["seed"] in seeds and line["learner"] in JOBS[job]]
    there = {(line["learner"], line["seed"]) for line in lines}
    file.write_text("".join(json.dumps({**line, "versions": told}) + "\n" for line in kept))
    for seed in seeds:
        for name in JOBS[job]:
            if (name in SLOW and seeds.index(seed) >= slow_seeds) or (name, seed) in there:
                continue
            python = sys.executable if name.startswith("ours") else peers
            command = [python, __file__, "--work", job, name, str(seed)]
            environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(ROOT / "src")}
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            if done.returncode:
                reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
                print(f"{job}, {name}, seed {seed}: {reason}", file=sys.stderr)
                continue
            lines.append({"learner": name, "seed": seed, **json.loads(done.stdout.strip().splitlines()[-1])})
            print(lines[-1], file=sys.stderr, flush=True)
            with file.open("a") as target:
                target.write(json.dumps({**lines[-1], "versions": told}) + "\n")
    return pd.DataFrame(lines)


def summary(job: str, found: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds; for the e-mails also the paired difference to ours."""
    measures = [name for name in found.columns if name not in ("learner", "seed")]
    table = found.groupby("learner", sort=False)[measures].mean()
    table["n_runs"] = found.groupby("learner").size()
    table = table.loc[[name for name in JOBS[job] if name in table.index]]
    if job == "emails":
        wide = found.pivot(index="seed", columns="learner", values="qini")
        ours = "ours: choose_learner"
        difference = wide[ours].to_frame().to_numpy() - wide
        # Half trains, half tests: Nadeau and Bengio's factor 1/J + n_test/n_train = 1/20 + 1.
        table["ours_minus"] = difference.mean()
        table["se"] = np.sqrt((1 / len(wide) + 1.0) * difference.var(ddof=1))
    return table.reset_index()


def main() -> None:
    """Run the jobs asked for and keep their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="interpreter with econml, causalml and scikit-uplift")
    parser.add_argument("--jobs", nargs="+", choices=list(JOBS), default=list(JOBS))
    parser.add_argument("--seeds", type=int, help="only the first so many seeds of each job")
    parser.add_argument("--slow-seeds", type=int, default=5, help="seeds of the learners that take minutes a fit")
    parser.add_argument("--resume", action="store_true", help="take over runs of the same versions that were cut off")
    parser.add_argument("--work", nargs=3, metavar=("JOB", "LEARNER", "SEED"), help=argparse.SUPPRESS)
    parser.add_argument("--versions", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(options.work[0], options.work[1], int(options.work[2]))))
        return
    if options.versions:
        print(json.dumps(versions()))
        return
    told = subprocess.run([options.peers, __file__, "--versions"], capture_output=True, text=True, check=True)
    for job in options.jobs:
        if job == "emails" and not EMAILS.exists():
            print(f"emails: not run, {EMAILS.name} is not in {EMAILS.parent.name}/ beside the project")
            continue
        found = run(
            job,
            options.peers,
            seeds=SEEDS[job][: options.seeds],
            slow_seeds=options.slow_seeds,
            resume=options.resume,
            told=told.stdout.strip(),
        )
        table = summary(job, found)
        print(f"\n{job}\n{table.round(5).to_string(index=False)}", flush=True)
        absent = set(JOBS[job]) - set(table["learner"])
        if absent:
            print(f"absent: {', '.join(sorted(absent))}; the kept figures stay as they are (see --peers)")
            continue
        RESULTS.parent.mkdir(exist_ok=True)
        kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        kept[job] = {"versions": json.loads(told.stdout), "rows": json.loads(table.to_json(orient="records"))}
        RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
