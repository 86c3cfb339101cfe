"""Why a step stopped, in plain words: what happened, where, what to try. Tracebacks go to a log beside the page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from helpers.findings import Text

# Errors that helpers raise on purpose: their message is the clear line.
_SPOKEN = ("ValueError", "BankError", "SegmentError", "FileNotFoundError", "KeyError")
_COLOUR_CODES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Failure:
    """What stopped and what to do, in both languages; ``log`` is the full account for a developer."""

    what: Text
    advice: Text
    log: str = ""


def explain(error: BaseException, notebook: Any = None) -> Failure:
    """Put an exception of papermill or nbclient in words.

    Parameters
    ----------
    error : exception
        ``PapermillExecutionError``, ``DeadKernelError``, ``CellTimeoutError`` or any other.
    notebook : nbformat NotebookNode, optional
        The partly executed notebook, to name the section that it stopped in.
    """
    section = _section(notebook)
    place = Text(f" (in “{section.en}”)" if section.en else "", f"（在“{section.zh}”一节）" if section.zh else "")
    kind = type(error).__name__
    log = _COLOUR_CODES.sub("", "\n".join(getattr(error, "traceback", None) or [str(error)]))
    if kind == "DeadKernelError":
        return Failure(
            Text(
                f"The kernel was killed (signal 9), often for memory{place.en}.",
                f"内核被终止（信号 9），常因内存不足{place.zh}。",
            ),
            Text(
                "Run with fewer workers (--workers 1), or look at one branch only.",
                "请减少并行数（--workers 1），或先只看一个网点。",
            ),
            log,
        )
    if kind == "CellTimeoutError":
        return Failure(
            Text(f"A cell ran past the time limit{place.en}.", f"单元格运行超过时限{place.zh}。"),
            Text(
                "Raise time_limit_seconds in playbook.yml, or look at one branch only.",
                "请调大 playbook.yml 中的 time_limit_seconds，或先只看一个网点。",
            ),
            log,
        )
    name = getattr(error, "ename", kind)
    message = str(getattr(error, "evalue", error)).strip().strip("'\"")
    if name == "MemoryError":
        return Failure(
            Text(f"Memory ran out{place.en}.", f"内存不足{place.zh}。"),
            Text("Run with fewer workers (--workers 1).", "请减少并行数（--workers 1）。"),
            log,
        )
    if name in _SPOKEN and message:
        return Failure(
            Text(f"{message}{place.en}", f"{message}{place.zh}"),
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


def _section(notebook: Any) -> Text:
    """Heading above the cell that raised, in both languages."""
    words = {"en": "", "zh": ""}
    for cell in notebook.cells if notebook is not None else []:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            found = re.search(r"^##?\s+(.+)$", cell.source, re.M)
            for language in words:
                if found and f"lang-{language}" in tags:
                    words[language] = found.group(1).strip()
        elif any(output.output_type == "error" for output in cell.get("outputs", [])):
            break
    return Text(words["en"], words["zh"])
