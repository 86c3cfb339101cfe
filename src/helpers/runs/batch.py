"""Runs a plan: steps of a case in order, cases side by side in a process pool; one failed case stops no other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from helpers.bank.places import project_root
from helpers.runs import step as steps
from helpers.runs.plan import CasePlan, Plan
from helpers.runs.step import DONE, FAILED, StepJob, StepRun

Progress = Callable[[StepRun], None]


def jobs_of(plan: Plan, case: CasePlan, reports: Path) -> list[StepJob]:
    """Return the jobs of one case in order."""
    return [
        StepJob(
            playbook=plan.name,
            playbook_title=plan.title[plan.language],
            case=case.name,
            case_title=case.title[plan.language],
            language=plan.language,
            step=step,
            siblings=tuple(other.name for other in case.steps),
            reports=reports.resolve(),
            root=project_root(),
            time_limit_seconds=plan.time_limit_seconds,
        )
        for step in case.steps
    ]


def run(plan: Plan, reports: Path, *, workers: int = 0, progress: Progress | None = None) -> list[StepRun]:
    """Run all cases of a plan.

    Parameters
    ----------
    plan : Plan
    reports : Path
        Folder of the reports; pages go to ``<reports>/<playbook>/<case>/<language>/<step>.html``.
    workers : int
        Cases side by side; 0 takes one a core, at most one a case.
    progress : callable, optional
        Called with each finished :class:`StepRun`.

    Returns
    -------
    list of StepRun
        In the plan's order: cases, then steps.
    """
    queues = {case.name: jobs_of(plan, case, reports) for case in plan.cases}
    n_workers = max(1, min(workers or os.cpu_count() or 1, len(queues)))
    done: dict[tuple[str, str], StepRun] = {}

    def finish(entry: StepRun) -> None:
        done[entry.case, entry.step] = entry
        if progress is not None:
            progress(entry)

    pool = _pool(n_workers)
    try:
        waiting: dict[Future[StepRun], StepJob] = {pool.submit(steps.run, jobs[0]): jobs[0] for jobs in queues.values()}
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            following: list[StepJob] = []
            broken = False
            for future in ended:
                job = waiting.pop(future)
                broken = broken or isinstance(future.exception(), BrokenProcessPool)
                entry = _outcome(future, job)
                finish(entry)
                rest = queues[job.case][queues[job.case].index(job) + 1 :]
                if entry.state == DONE:
                    following += rest[:1]
                else:
                    for later in rest:
                        finish(steps.not_run(later, job.step.name))
            if broken and not waiting:
                # A killed worker takes the whole pool with it; cases that were not under way go on in a new one.
                pool.shutdown(wait=False)
                pool = _pool(n_workers)
            for job in following:
                waiting[pool.submit(steps.run, job)] = job
    finally:
        pool.shutdown(cancel_futures=True)
    return [done[case.name, step.name] for case in plan.cases for step in case.steps]


def _pool(n_workers: int) -> ProcessPoolExecutor:
    """Start workers; a fork would copy this process' engine threads, spawned ones start clean and import once."""
    return ProcessPoolExecutor(n_workers, mp_context=multiprocessing.get_context("spawn"))


def _outcome(future: Future[StepRun], job: StepJob) -> StepRun:
    """Return what a worker returned; a worker that died or could not write becomes a failed step, not a traceback."""
    try:
        return future.result()
    except (BrokenProcessPool, OSError) as error:
        killed = isinstance(error, BrokenProcessPool)
        message = (
            "the worker was killed, often for memory; run with --workers 1"
            if killed
            else f"{job.run_dir}: can't be written ({error.strerror or error})"
        )
        return StepRun(
            playbook=job.playbook,
            case=job.case,
            language=job.language,
            step=job.step.name,
            state=FAILED,
            seconds=0.0,
            page="",
            message=message,
            started_at="",
        )
