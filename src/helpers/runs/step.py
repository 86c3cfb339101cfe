"""Runs one notebook of one case by papermill and writes its page; what fails keeps its page, with a card on top."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from helpers.findings import Text
from helpers.findings.result import RESULT_FILE
from helpers.runs import failure, parameters
from helpers.runs.plan import StepPlan

DONE, FAILED, NOT_RUN = "done", "failed", "not_run"
STATES = (DONE, FAILED, NOT_RUN)


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

    @property
    def run_dir(self) -> Path:
        """Folder of the case in this language: results of all its steps."""
        return self.reports / self.playbook / self.case / self.language

    @property
    def page(self) -> Path:
        """The step's page."""
        return self.run_dir / f"{self.step.name}.html"


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

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def run(job: StepJob) -> StepRun:
    """Run a step: fresh result folder, papermill, page. Never raises for what goes wrong in the notebook."""
    import nbformat
    import papermill

    started = time.perf_counter()
    started_at = datetime.now().astimezone().isoformat(timespec="seconds")
    folder = job.run_dir / job.step.name
    # A result of an earlier run must not pass for this one's if this one stops half-way.
    shutil.rmtree(folder, ignore_errors=True)
    job.page.unlink(missing_ok=True)
    folder.mkdir(parents=True)
    executed = folder / f"{job.step.name}.ipynb"
    values = {**job.step.parameters, "language": job.language, "run_dir": str(job.run_dir)}
    problem: failure.Failure | None = None
    try:
        with _kernel_log(folder / "kernel.log"), tempfile.TemporaryDirectory(prefix="kernel-") as sockets:
            notebook = papermill.execute_notebook(
                str(job.step.notebook),
                str(executed),
                parameters=values,
                kernel_name="python3",
                cwd=str(job.root),
                progress_bar=False,
                log_output=False,
                request_save_on_cell_execute=False,
                execution_timeout=job.time_limit_seconds,
                config=_kernel_config(sockets),
            )
    except Exception as error:  # noqa: BLE001 - whatever a notebook raises becomes the card of its page
        notebook = nbformat.read(executed, as_version=4) if executed.is_file() else nbformat.read(job.step.notebook, 4)
        problem = failure.explain(error, notebook)
        (folder / "error.log").write_text(problem.log + "\n", encoding="utf-8")
    if problem is None and not (folder / RESULT_FILE).is_file():
        problem = failure.Failure(
            Text("The notebook ended without keeping a result.", "笔记本运行结束，但没有保存结果。"),
            Text("Its last code cell should be `page.keep()`.", "最后一个代码单元格应为 `page.keep()`。"),
        )
    seconds = time.perf_counter() - started
    _write_page(job, notebook, values, problem, started_at, seconds)
    return StepRun(
        playbook=job.playbook,
        case=job.case,
        language=job.language,
        step=job.step.name,
        state=DONE if problem is None else FAILED,
        seconds=round(seconds, 2),
        page=job.page.relative_to(job.reports).as_posix(),
        message="" if problem is None else problem.what.say(job.language),
        started_at=started_at,
    )


def _kernel_config(sockets: str) -> Any:
    """Talk to the kernel through sockets of this machine's file system: nothing listens on a port."""
    from traitlets.config import Config

    if os.name == "nt":
        return Config()
    # Socket paths are limited to about 100 bytes: a short folder of their own.
    return Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/k"}})


@contextmanager
def _kernel_log(file: Path) -> Iterator[None]:
    """Send what a kernel writes to the error stream to a file beside the page; an empty file goes again."""
    saved = os.dup(2)
    with file.open("wb") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        if file.is_file() and file.stat().st_size == 0:
            file.unlink()


def not_run(job: StepJob, because: str) -> StepRun:
    """Write the page of a step that was not run because an earlier one of its case failed."""
    import nbformat

    shutil.rmtree(job.run_dir / job.step.name, ignore_errors=True)
    job.run_dir.mkdir(parents=True, exist_ok=True)
    text = Text(f"Not run because step {because} of this case failed.", f"未运行：本案例的步骤 {because} 失败。")
    problem = failure.Failure(
        text, Text(f"Mend step {because} and run the case again.", f"修复步骤 {because} 后重跑本案例。")
    )
    notebook = nbformat.read(job.step.notebook, as_version=4)
    notebook.cells = notebook.cells[:2]
    _write_page(job, notebook, job.step.parameters, problem, "", 0.0)
    return StepRun(
        playbook=job.playbook,
        case=job.case,
        language=job.language,
        step=job.step.name,
        state=NOT_RUN,
        seconds=0.0,
        page=job.page.relative_to(job.reports).as_posix(),
        message=text.say(job.language),
        started_at="",
    )


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

    declared = parameters.read(job.step.notebook)
    shown = [
        (name, values.get(name, parameter.default), parameter.meaning)
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
    temporary = job.page.with_suffix(".html.part")
    temporary.write_text(markup, encoding="utf-8")
    os.replace(temporary, job.page)
