"""Runs a plan: steps of a case in order, cases side by side; one failed case stops no other; what stands is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from helpers.bank.places import project_root
from helpers.runs import identity, pools
from helpers.runs import step as steps
from helpers.runs.code import Code
from helpers.runs.lost import error_of, of_worker
from helpers.runs.plan import CasePlan, Plan
from helpers.runs.step import DONE, NOT_RUN, StepJob, StepRun

Progress = Callable[[StepRun], None]


def jobs_of(
    plan: Plan, case: CasePlan, reports: Path, *, bank_tables: Mapping[str, str] | None = None, kernel_server: str = ""
) -> list[StepJob]:
    """Return the jobs of one case in order."""
    from helpers.bank.connection import CHECKED
    from helpers.bank.sources import fingerprint

    tables = dict(bank_tables or {})
    running = [step.name for step in case.steps]
    names = plan.step_names or tuple(running)
    folder = reports.resolve() / plan.name / case.name / plan.language
    return [
        StepJob(
            playbook=plan.name,
            playbook_title=plan.title[plan.language],
            case=case.name,
            case_title=plan.case_title(case)[plan.language],
            language=plan.language,
            step=step,
            siblings=tuple(name for name in names if name in running or (folder / f"{name}.html").is_file()),
            reports=reports.resolve(),
            root=project_root(),
            time_limit_seconds=plan.time_limit_seconds,
            bank_tables=tables,
            environment={CHECKED: fingerprint(tables)} if tables else {},
            kernel_server=kernel_server,
            earlier=names[: names.index(step.name)],
        )
        for step in case.steps
    ]


def run(
    plan: Plan,
    reports: Path,
    *,
    workers: int = 0,
    progress: Progress | None = None,
    bank_tables: Mapping[str, str] | None = None,
    force: bool = False,
    from_step: str = "",
    start_pool: pools.Start = pools.local,
    kernel_server: str = "",
) -> list[StepRun]:
    """Run all cases of a plan; steps of which nothing has changed since they ended well are kept as they are.

    Parameters
    ----------
    plan : Plan
    reports : Path
        Folder of the reports; pages go to ``<reports>/<playbook>/<case>/<language>/<step>.html``.
    workers : int
        Cases side by side; 0 takes one a core, at most one a case.
    progress : callable, optional
        Called with each finished :class:`StepRun`.
    bank_tables : mapping of str to str
        Digests of the tables of the bank that was checked; without them nothing is kept, because nothing is known of
        the data.
    force : bool
        Run everything again.
    from_step : str
        Run this step and those after it again; those before it only if something has changed.
    start_pool : callable
        ``start_pool(n_workers)`` returns an executor, see :mod:`helpers.runs.pools`.
    kernel_server : str
        From :func:`helpers.runs.pools.warm`; empty starts each kernel by itself.

    Returns
    -------
    list of StepRun
        In the plan's order: cases, then steps.
    """
    return _Batch(
        plan,
        reports,
        progress=progress,
        bank_tables=bank_tables,
        again_from=0 if force else plan.step_names.index(from_step) if from_step else len(plan.step_names),
        start_pool=start_pool,
        kernel_server=kernel_server,
    ).run(pools.size(workers, len(plan.cases)))


class _Batch:
    """The state of one run: what is under way, what has ended."""

    def __init__(
        self,
        plan: Plan,
        reports: Path,
        *,
        progress: Progress | None,
        bank_tables: Mapping[str, str] | None,
        again_from: int,
        start_pool: pools.Start,
        kernel_server: str,
    ) -> None:
        self.plan = plan
        self.queues = {
            case.name: jobs_of(plan, case, reports, bank_tables=bank_tables, kernel_server=kernel_server)
            for case in plan.cases
        }
        self.progress = progress
        self.again_from = again_from
        self.start_pool = start_pool
        self.code = Code()
        self.done: dict[tuple[str, str], StepRun] = {}

    def run(self, n_workers: int) -> list[StepRun]:
        ready = [job for queue in self.queues.values() if (job := self._next(queue)) is not None]
        pool = self.start_pool(n_workers) if ready else None
        waiting: dict[Future[StepRun], StepJob] = {}
        try:
            while ready or waiting:
                for job in ready:
                    waiting[_submit(pool, job)] = job
                ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
                lost = [waiting.pop(future) for future in ended if isinstance(error_of(future), BrokenExecutor)]
                entries = [(job, _outcome(future, job)) for future in ended if (job := waiting.pop(future, None))]
                if lost:
                    # A killed worker takes its pool with it, and the steps of other cases that were under way.
                    # Which one it was shows when each runs again, alone.
                    lost += waiting.values()
                    waiting.clear()
                    pool.shutdown(wait=False)
                    entries += [(job, self._alone(job)) for job in lost]
                    pool = self.start_pool(n_workers)
                ready = [job for entry in entries if (job := self._settle(*entry)) is not None]
        finally:
            for future in waiting:
                future.cancel()
            if pool is not None:
                pool.shutdown()
        return [self.done[case.name, step.name] for case in self.plan.cases for step in case.steps]

    def _next(self, queue: list[StepJob]) -> StepJob | None:
        """Take the next job of a case that has to run, with its identity; those before it that stand are kept."""
        while queue:
            job = queue.pop(0)
            if not job.bank_tables:
                return job
            try:
                parts = identity.of(job, self.code)
            except (OSError, ValueError):
                # Its notebook is being changed, or gone: running it says so.
                return job
            again = len(job.earlier) >= self.again_from
            record = None if again else identity.kept(job, parts)
            if record is None or not _links_stand(replace(job, identity=parts), record):
                return replace(job, identity=parts)
            self._finish(
                job.ended(
                    DONE,
                    seconds=record["seconds"],
                    started_at=record["started_at"],
                    kept_from=record["finished_at"],
                )
            )
        return None

    def _settle(self, job: StepJob, entry: StepRun) -> StepJob | None:
        """Enter what became of a step; return the case's next job, if it goes on."""
        self._finish(entry)
        queue = self.queues[job.case]
        if entry.state == DONE:
            return self._next(queue)
        while queue:
            later = queue.pop(0)
            try:
                self._finish(steps.not_run(later, job.step.name))
            except OSError as error:
                self._finish(later.ended(NOT_RUN, message=of_worker(error, later.run_dir).what))
        return None

    def _alone(self, job: StepJob) -> StepRun:
        pool = self.start_pool(1)
        try:
            future = _submit(pool, job)
            wait([future])
            return _outcome(future, job)
        finally:
            pool.shutdown()

    def _finish(self, entry: StepRun) -> None:
        self.done[entry.case, entry.step] = entry
        if self.progress is not None:
            self.progress(entry)


def _links_stand(job: StepJob, record: Mapping[str, Any]) -> bool:
    """Draw a kept page anew if there are other steps now than it links to; False where that can't be written."""
    if record.get("siblings") != list(job.siblings):
        try:
            steps.redraw(job, record)
        except OSError:
            # Running the step says what is wrong with the folder.
            return False
    return True


def _submit(pool: Executor, job: StepJob) -> Future[StepRun]:
    """Hand a job to a pool; of one that broke since it was last looked at, the future says so."""
    try:
        return pool.submit(steps.run, job)
    except Exception as error:  # noqa: BLE001 - a cluster has errors of its own
        future: Future[StepRun] = Future()
        future.set_exception(error)
        return future


def _outcome(future: Future[StepRun], job: StepJob) -> StepRun:
    """Return what a worker returned; whatever it ended with instead becomes a failed step, not a traceback."""
    error = error_of(future)
    return future.result() if error is None else steps.stopped(job, of_worker(error, job.run_dir))
