"""Why a step stopped, in plain words: what happened, where, what to try. Tracebacks go to a log beside the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from helpers.findings import Text
from helpers.findings.spoken import NOTE

# Errors that helpers raise on purpose: their message is the clear line.
_SPOKEN = ("ValueError", "SpokenError", "BankError", "SegmentError", "FileNotFoundError", "KeyError")
# As Python and numpy, pyarrow, and DuckDB call it.
_MEMORY = ("MemoryError", "ArrowMemoryError", "OutOfMemoryException")
_COLOUR_CODES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Failure:
    """What stopped and what to do, in both languages; ``log`` is the full account for a developer."""

    what: Text
    advice: Text
    log: str = ""


def explain(
    error: BaseException,
    notebook: Any = None,
    *,
    time_limit_seconds: int = 0,
    exit_code: int | None = None,
    memory_ran_out: bool = False,
    time_ran_out: bool = False,
) -> Failure:
    """Put an exception of papermill or nbclient in words.

    Parameters
    ----------
    error : exception
        ``PapermillExecutionError``, ``DeadKernelError``, ``CellTimeoutError`` or any other.
    notebook : nbformat NotebookNode, optional
        The partly executed notebook, to name the section that it stopped in.
    time_limit_seconds : int
        The step's time limit, to be named if it was exceeded.
    exit_code : int, optional
        How the kernel ended, if it did: negative is the signal that killed it.
    memory_ran_out : bool
        The system says that it killed a process for memory meanwhile.
    time_ran_out : bool
        The step's time is over, whatever the error says (a kernel that did not start in time).
    """
    section = _section(notebook)
    place = Text(f" (in “{section.en}”)" if section.en else "", f"（在“{section.zh}”一节）" if section.zh else "")
    kind = type(error).__name__
    log = _COLOUR_CODES.sub("", "\n".join(getattr(error, "traceback", None) or [str(error)]))
    if kind == "CellTimeoutError" or time_ran_out:
        limit = f"{time_limit_seconds:,}"
        return Failure(
            Text(
                f"The step ran past its time limit of {limit} s{place.en}.",
                f"本步骤运行超过时限 {limit} 秒{place.zh}。",
            ),
            Text(
                "Raise time_limit_seconds in playbook.yml, or look at one branch only.",
                "请调大 playbook.yml 中的 time_limit_seconds，或先只看一个网点。",
            ),
            log,
        )
    if kind == "DeadKernelError":
        what, advice = _death(exit_code, memory_ran_out)
        return Failure(Text(f"{what.en}{place.en}.", f"{what.zh}{place.zh}。"), advice, log)
    name = getattr(error, "ename", kind)
    message = _without_ids(_unquoted(str(getattr(error, "evalue", error)).strip()))
    if name in _MEMORY:
        return Failure(
            Text(f"Memory ran out{place.en}.", f"内存不足{place.zh}。"),
            Text("Run with fewer workers (--workers 1).", "请减少并行数（--workers 1）。"),
            log,
        )
    if "No space left on device" in message:
        return Failure(
            Text(f"The disk is full{place.en}.", f"磁盘已满{place.zh}。"),
            Text("Make room, or give another --reports, and run again.", "请清理磁盘空间或更换 --reports 目录后重跑。"),
            log,
        )
    if name in _SPOKEN and message:
        chinese = _without_ids(_in_chinese(log)) or f"函数给出的原因（英文原文）：{message}"
        if name == "KeyError" and _is_bare(message) and not _in_chinese(log):
            key = _without_ids(str(getattr(error, "evalue", error)).strip())
            message, chinese = f"column or key {key} is not there", f"没有名为 {key} 的列或键"
        return Failure(
            Text(f"{message}{place.en}", f"{chinese}{place.zh}"),
            Text(
                "Correct what is named and run this step again; `playbook check` looks through the tables, "
                "`playbook params` lists the parameters.",
                "请按提示更正后重跑本步骤；`playbook check` 可检查数据表，`playbook params` 可列出参数。",
            ),
            log,
        )
    return Failure(
        Text(
            f"An error that was not foreseen: {name}: {message}{place.en}", f"未预料的错误：{name}：{message}{place.zh}"
        ),
        Text(
            "The full account stands in error.log in the step's folder; please pass it on with the parameters above.",
            "完整信息见该步骤文件夹中的 error.log；请连同上方参数一并反馈。",
        ),
        log,
    )


def _without_ids(message: str) -> str:
    """Take out what may be a customer's id: a card is a page, and the whole account is in the log.

    Letters followed by five digits or more, and nine digits or more in a row; where ``customer_id`` is spoken of, each
    quoted value with a digit.
    """
    message = re.sub(r"\b(?:[A-Za-z]{1,8}[-_]?\d{5,}|\d{9,})\b", "…", message)
    return re.sub(r"'[^']*\d[^']*'", "'…'", message) if "customer_id" in message else message


def _death(exit_code: int | None, memory_ran_out: bool) -> tuple[Text, Text]:
    """Say how a kernel ended: the system's word where it gives one, else the signal or exit code."""
    fewer = Text(
        "Run with fewer workers (--workers 1), or look at one branch only.",
        "请减少并行数（--workers 1），或先只看一个网点。",
    )
    if memory_ran_out and exit_code in (None, -9):
        return Text("The system killed the kernel because memory ran out", "内存耗尽，系统终止了内核"), fewer
    if exit_code is None or exit_code == -9:
        return Text("The kernel was killed (signal 9), often for memory", "内核被终止（信号 9），常因内存不足"), fewer
    look = Text(
        "kernel.log in the step's folder may say more; run the step again.",
        "请查看该步骤文件夹中的 kernel.log 后重跑。",
    )
    if exit_code < 0:
        return Text(f"The kernel was ended by signal {-exit_code}", f"内核被信号 {-exit_code} 终止"), look
    return Text(f"The kernel ended by itself (exit code {exit_code})", f"内核自行退出（退出码 {exit_code}）"), look


def _section(notebook: Any) -> Text:
    """Heading above the cell that raised, in both languages; one that is tagged with neither stands in both pages."""
    words = {"en": "", "zh": ""}
    for cell in notebook.cells if notebook is not None else []:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            found = re.search(r"^##?\s+(.+)$", cell.source, re.M)
            is_of_all = not any(f"lang-{language}" in tags for language in words)
            for language in words:
                if found and (is_of_all or f"lang-{language}" in tags):
                    words[language] = found.group(1).strip()
        elif any(output.output_type == "error" for output in cell.get("outputs", [])):
            break
    return Text(words["en"], words["zh"])


def _in_chinese(log: str) -> str:
    """Return the Chinese lines that a spoken error noted below its traceback; empty for errors without."""
    return "\n".join(line.removeprefix(NOTE) for line in log.splitlines() if line.startswith(NOTE))


def _is_bare(message: str) -> bool:
    """Whether a KeyError says no more than the key: Python's own and pandas' do, those of helpers are sentences."""
    return len(message.split()) < 4


def _unquoted(message: str) -> str:
    """Take the quotes off that a KeyError puts around its whole message, and no others."""
    whole = len(message) > 1 and message[0] in "'\"" and message[-1] == message[0]
    return message[1:-1] if whole and message[0] not in message[1:-1] else message
