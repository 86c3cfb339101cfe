"""What to say of a step that its worker brought no outcome of: killed, cancelled, unable to write, or stopped by itself."""

from __future__ import annotations

import traceback
from concurrent.futures import BrokenExecutor, CancelledError, Future
from pathlib import Path
from typing import Any

from helpers.findings import Text
from helpers.findings.spoken import at, unwritable
from helpers.runs.failure import Failure, explain

# As Dask's scheduler calls it; `distributed` is optional, so it goes by its name.
_KILLED_OFTEN = "KilledWorker"


def error_of(future: Future[Any]) -> BaseException | None:
    """Return what ended a future that has ended, also where it was cancelled; None where it has a result."""
    try:
        return future.exception()
    except CancelledError as error:
        return error


def of_worker(error: BaseException, run_dir: Path) -> Failure:
    """Say why a worker brought nothing back.

    Parameters
    ----------
    error : exception
        What its future ended with.
    run_dir : Path
        The case's folder, to be named where it can't be written.

    Examples
    --------
    >>> of_worker(CancelledError(), Path("reports")).what.en
    'The step was cancelled before it had ended.'
    >>> of_worker(RuntimeError("no such engine\\nmore"), Path("reports")).what.zh
    '工作进程中断（RuntimeError：no such engine）。'
    """
    kind = type(error).__name__
    if kind == _KILLED_OFTEN:
        return Failure(
            Text("The worker was killed several times, often for memory.", "工作进程多次被终止，常因内存不足。"),
            Text(
                "Give the cluster's workers more memory, or look at one branch only.",
                "请为集群的工作进程增加内存，或先只看一个网点。",
            ),
        )
    if isinstance(error, BrokenExecutor):
        return Failure(
            Text("The worker was killed, often for memory.", "工作进程被终止，常因内存不足。"),
            Text(
                "Run with fewer workers (--workers 1), or look at one branch only.",
                "请减少并行数（--workers 1），或先只看一个网点。",
            ),
        )
    if isinstance(error, CancelledError):
        return Failure(
            Text("The step was cancelled before it had ended.", "本步骤在结束前被取消。"),
            Text("Run the case again.", "请重跑本案例。"),
        )
    if isinstance(error, OSError):
        return Failure(
            at(str(run_dir), unwritable(error)),
            Text("Make room, or give another --reports, and run again.", "请清理磁盘空间或更换 --reports 目录后重跑。"),
        )
    return _unforeseen(error, Text("The worker stopped", "工作进程中断"))


def of_page(error: BaseException) -> Failure:
    """Say that a page can't be drawn as its notebook left it."""
    return _unforeseen(error, Text("The page can't be drawn in whole", "页面无法完整生成"))


def of_board(error: BaseException) -> Text:
    """Say that the board, or the brief that it leads to, can't be brought up to date.

    Examples
    --------
    >>> of_board(KeyError("n")).en
    "The brief or the board can't be drawn (KeyError: n)."
    """
    return _unforeseen(error, Text("The brief or the board can't be drawn", "简报或看板无法生成")).what


def _unforeseen(error: BaseException, what: Text) -> Failure:
    # The words of a plain error pass through what keeps customers' ids off the pages.
    line = str(error).strip().partition("\n")[0].encode("utf-8", "replace").decode()
    said = explain(RuntimeError(line)).what.en.partition("RuntimeError: ")[2]
    kind = type(error).__name__
    reason = Text(f"{kind}: {said}" if said else kind, f"{kind}：{said}" if said else kind)
    return Failure(
        Text(f"{what.en} ({reason.en}).", f"{what.zh}（{reason.zh}）。"),
        Text(
            "The full account stands in error.log in the step's folder; run the step again, and pass it on if that "
            "does not help.",
            "完整信息见该步骤文件夹中的 error.log；请重跑本步骤，仍不行请将其反馈。",
        ),
        "".join(traceback.format_exception(error)),
    )
