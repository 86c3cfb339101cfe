"""Runs one notebook of one case by papermill and writes its page; what fails keeps its page, with a card on top."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from helpers import findings
from helpers.findings import Text
from helpers.findings.files import write_whole
from helpers.findings.numbers import LANGUAGES
from helpers.findings.result import RESULT_FILE
from helpers.runs import failure, identity, lost, parameters
from helpers.runs.plan import StepPlan
from helpers.runs.refusal import Refusal

DONE, FAILED, NOT_RUN, WAITING = "done", "failed", "not_run", "waiting"
STATES = (DONE, FAILED, NOT_RUN, WAITING)
START_LIMIT_SECONDS = 120
_LEAST_SECONDS = 0.01
# The error stream and the environment belong to the whole process: threads of one worker run their steps in turn.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class StepJob:
    """Everything that a worker needs to run one step; plain values, so that it can be sent to another process."""

    playbook: str
    playbook_title: str
    case: str
    case_title: str
    language: str
    step: StepPlan
    siblings: tuple[str, ...]
    reports: Path
    root: Path
    time_limit_seconds: int
    # Digests of the bank's tables; empty where its content isn't known.
    bank_tables: dict[str, str] = field(default_factory=dict)
    # Set for the kernel, wherever it runs.
    environment: dict[str, str] = field(default_factory=dict)
    # Steps before this one in the playbook, whose kept results it may read.
    earlier: tuple[str, ...] = ()
    # Socket of the fork server that kernels come from; empty starts each by itself.
    kernel_server: str = ""
    # What the result depends on (see helpers.runs.identity), kept beside it once it stands.
    identity: dict[str, str] = field(default_factory=dict)

    @property
    def run_dir(self) -> Path:
        """Folder of the case in this language: results of all its steps."""
        return self.reports / self.playbook / self.case / self.language

    @property
    def page(self) -> Path:
        """The step's page."""
        return self.run_dir / f"{self.step.name}.html"

    def ended(self, state: str, **settings: Any) -> StepRun:
        """Return the entry of the board for what became of this job; a ``message`` may be a text or a plain string."""
        page = self.page.relative_to(self.reports).as_posix() if self.page.is_file() else ""
        given = {"seconds": 0.0, "page": page, "message": "", "started_at": "", **settings}
        if isinstance(given["message"], Text):
            words = given["message"]
            given |= {"message": words.say(self.language), "messages": {name: words.say(name) for name in LANGUAGES}}
        return StepRun(
            playbook=self.playbook, case=self.case, language=self.language, step=self.step.name, state=state, **given
        )


@dataclass(frozen=True)
class StepRun:
    """What became of a step; one entry of `board.json`."""

    playbook: str
    case: str
    language: str
    step: str
    state: str
    seconds: float
    page: str
    message: str
    started_at: str
    # When the result was made, if it stands from an earlier run because nothing that it depends on has changed.
    kept_from: str = ""
    # The message in both languages, where it has both: the board may be in another one than the page.
    messages: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def clear(job: StepJob) -> None:
    """Take away what an earlier run left: it must not pass for this one's if this one stops half-way."""
    # The identity vouches for the rest, so it goes first.
    (job.run_dir / job.step.name / identity.FILE).unlink(missing_ok=True)
    job.page.unlink(missing_ok=True)
    shutil.rmtree(job.run_dir / job.step.name, ignore_errors=True)


def discard(job: StepJob) -> None:
    """Take away what a step that could not be written has left, as far as its folder lets."""
    with contextlib.suppress(OSError):
        clear(job)


def run(job: StepJob) -> StepRun:
    """Run a step: fresh result folder, papermill, page, identity. Never raises but for the disk: a card says the rest.

    Raises
    ------
    OSError
        If the run folder can't be written (disk full); nothing half-written is left then.
    """
    with _ONE_AT_A_TIME:
        try:
            return _run(job)
        except OSError:
            discard(job)
            raise
        except Exception as error:  # noqa: BLE001 - said on the step's page; not every error can be sent to its parent
            return stopped(job, lost.of_worker(error, job.run_dir))


def _run(job: StepJob) -> StepRun:
    started = time.perf_counter()
    started_at = _now()
    folder = job.run_dir / job.step.name
    clear(job)
    folder.mkdir(parents=True)
    values = _values(job)
    notebook, problem = _execute(job, folder, values)
    if problem is None and not _keeps_result(job):
        problem = failure.Failure(
            Text(
                "The notebook ended without keeping a result that another step can read.",
                "笔记本运行结束，但没有保存其他步骤可读取的结果。",
            ),
            Text("Its last code cell should be `page.keep()`.", "最后一个代码单元格应为 `page.keep()`。"),
        )
    seconds = time.perf_counter() - started
    try:
        _write_page(job, notebook, values, problem, started_at, seconds)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever an output is that can't be drawn
        undrawn = lost.of_page(error)
        problem = problem or undrawn
        _log(folder, undrawn)
        _write_page(job, _drawable(notebook, job.language), values, problem, started_at, seconds)
    if problem is not None:
        # What a notebook kept before it stopped is no result of the step.
        (folder / RESULT_FILE).unlink(missing_ok=True)
    if problem is None and job.identity:
        identity.record(job, job.identity, seconds=seconds, started_at=started_at, finished_at=_now())
    return job.ended(
        DONE if problem is None else FAILED,
        seconds=round(seconds, 2),
        message="" if problem is None else problem.what,
        started_at=started_at,
    )


def redraw(job: StepJob, record: Mapping[str, Any]) -> None:
    """Draw the page of a kept step (see :func:`helpers.runs.identity.kept`) anew, with the links of now.

    Raises
    ------
    OSError
        If it can't be written.
    """
    import nbformat

    notebook = nbformat.read(job.run_dir / job.step.name / f"{job.step.name}.ipynb", as_version=4)
    _write_page(job, notebook, _values(job), None, record["started_at"], record["seconds"])
    times = {name: record[name] for name in ("seconds", "started_at", "finished_at")}
    identity.record(job, job.identity, **times)


def _values(job: StepJob) -> dict[str, Any]:
    return {**job.step.parameters, "language": job.language, "run_dir": str(job.run_dir)}


def _execute(job: StepJob, folder: Path, values: dict[str, Any]) -> tuple[Any, failure.Failure | None]:
    """Run the notebook; return it as far as it got, and what stopped it."""
    import papermill

    from helpers.runs import kernel

    executed = folder / f"{job.step.name}.ipynb"
    ends = time.monotonic() + job.time_limit_seconds
    kills_before = kernel.memory_kills()
    kernel.WatchedKernelManager.last_exit_code = None
    os.environ.update(job.environment)
    try:
        with kernel.log(folder / "kernel.log"), tempfile.TemporaryDirectory(prefix="kernel-") as sockets:
            notebook = papermill.execute_notebook(
                str(job.step.notebook),
                str(executed),
                parameters=values,
                kernel_name="python3",
                cwd=str(job.root),
                progress_bar=False,
                log_output=False,
                request_save_on_cell_execute=False,
                start_timeout=min(START_LIMIT_SECONDS, job.time_limit_seconds),
                # Each cell may take what is left of the step's time; 0 would be no limit.
                timeout_func=lambda _: max(_LEAST_SECONDS, round(ends - time.monotonic(), 2)),
                kernel_manager_class=kernel.manager(job.kernel_server),
                config=kernel.config(sockets, job.kernel_server),
            )
    except Exception as error:  # noqa: BLE001 - whatever a notebook raises becomes the card of its page
        # As far as it got; without outputs where that was not written, or cut off by a full disk.
        notebook = _read(executed, job.step.notebook)
        problem = failure.explain(
            error,
            notebook,
            time_limit_seconds=job.time_limit_seconds,
            exit_code=kernel.WatchedKernelManager.last_exit_code,
            memory_ran_out=kernel.memory_kills() > kills_before,
            time_ran_out=time.monotonic() >= ends,
        )
        _log(folder, problem)
        return notebook, problem
    return notebook, None


def _log(folder: Path, problem: failure.Failure) -> None:
    with (folder / "error.log").open("a", encoding="utf-8", errors="replace") as log:
        log.write(problem.log + "\n")


def _keeps_result(job: StepJob) -> bool:
    try:
        return findings.read(job.run_dir, job.step.name) is not None
    except (ValueError, KeyError, TypeError, AttributeError):
        # Written by the notebook itself, in a shape of its own.
        return False


def _drawable(notebook: Any, language: str) -> Any:
    """Take out of the cells what no page can show."""
    import copy

    from helpers.reporting import pages

    alone = copy.copy(notebook)
    for cell in notebook.cells:
        alone.cells = [cell]
        try:
            pages.render(alone, pages.PageSetting(language)).encode()
        except Exception:  # noqa: BLE001 - whatever it is
            cell |= {"outputs": []} if cell.cell_type == "code" else {"source": ""}
    return notebook


def _read(*files: Path) -> Any:
    """Read the first notebook that can be read; an empty one where somebody is changing it meanwhile."""
    import nbformat

    for file in files:
        with contextlib.suppress(OSError, ValueError):
            return nbformat.read(file, as_version=4)
    return nbformat.v4.new_notebook()


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")


def not_run(job: StepJob, because: str) -> StepRun:
    """Write the page of a step that was not run because an earlier one of its case failed."""
    clear(job)
    text = Text(f"Not run because step {because} of this case failed.", f"未运行：本案例的步骤 {because} 失败。")
    problem = failure.Failure(
        text, Text(f"Mend step {because} and run the case again.", f"修复步骤 {because} 后重跑本案例。")
    )
    _write_card(job, problem)
    return job.ended(NOT_RUN, message=text)


def stopped(job: StepJob, problem: failure.Failure) -> StepRun:
    """Enter a step that stopped outside of its notebook as failed; its page says why, if it can be written."""
    discard(job)
    with contextlib.suppress(OSError):
        _write_card(job, problem)
    return job.ended(FAILED, message=problem.what)


def _write_card(job: StepJob, problem: failure.Failure) -> None:
    """Write the page of a step of which there is nothing to show: its title, and what stopped it."""
    job.run_dir.mkdir(parents=True, exist_ok=True)
    if problem.log:
        (job.run_dir / job.step.name).mkdir(exist_ok=True)
        _log(job.run_dir / job.step.name, problem)
    notebook = _read(job.step.notebook)
    notebook.cells = notebook.cells[:2]
    _write_page(job, notebook, job.step.parameters, problem, "", 0.0)


def step_title(notebook: Path, language: str) -> str:
    """Return a short name of a step: its number and the words of its file name, or the Chinese heading's."""
    number, _, words = notebook.stem.partition("_")
    known = {
        "goal_decomposition": Text("Goals", "目标拆解"),
        "segment_insight": Text("Segments", "客群洞察"),
        "activity_design": Text("Activity", "活动设计"),
        "channel_matrix": Text("Channels", "渠道矩阵"),
        "post_mortem": Text("Post-mortem", "复盘"),
    }
    if words in known:
        return f"{number.lstrip('0')} {known[words].say(language)}"
    return notebook.stem.replace("_", " ")


def _write_page(
    job: StepJob,
    notebook: Any,
    values: dict[str, Any],
    problem: failure.Failure | None,
    started_at: str,
    seconds: float,
) -> None:
    from helpers.reporting import pages

    try:
        declared = parameters.read(job.step.notebook)
    except Refusal:
        # It could be read when the plan was made; the page says what is wrong with it now.
        declared = {}
    shown = [
        (name, values.get(name, parameter.default), parameter.say(job.language))
        for name, parameter in declared.items()
        if name != "run_dir"
    ]
    markup = pages.render(
        notebook,
        pages.PageSetting(
            language=job.language,
            case_title=f"{job.playbook_title} · {job.case_title}",
            parameters=shown,
            links=[
                (f"{name}.html", step_title(Path(name), job.language), name == job.step.name) for name in job.siblings
            ],
            board="../../../index.html",
            failure=None if problem is None else (problem.what.say(job.language), problem.advice.say(job.language)),
            facts={
                "started": started_at,
                "seconds": f"{seconds:.1f}",
                "notebook": f"{job.step.name}.ipynb",
            },
        ),
    )
    write_whole(job.page, markup)
