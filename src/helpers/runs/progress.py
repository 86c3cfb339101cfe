"""What a run tells while it runs: a bar on a terminal, a line a step in a log."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from helpers.findings import Text
from helpers.runs import summary

if TYPE_CHECKING:
    from helpers.runs.step import StepRun


class Progress:
    """A progress bar on a terminal, one line a step elsewhere (a log of the night)."""

    def __init__(self, n_steps: int, language: str) -> None:
        self.n_steps = n_steps
        self.language = language
        self.n_done = 0
        self.bar = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich import progress
            from rich.console import Console

            self.bar = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self.task = self.bar.add_task(Text("starting", "启动中").say(self.language), total=self.n_steps)
            self.bar.start()
        return self

    def __call__(self, entry: StepRun) -> None:
        self.n_done += 1
        text = f"{entry.case} / {entry.step}: {summary.STATES[entry.state].say(entry.language)}"
        if self.bar is not None:
            self.bar.update(self.task, advance=1, description=text)
        else:
            seconds = Text(f"{entry.seconds:.1f} s", f"{entry.seconds:.1f} 秒").say(entry.language)
            beside = summary.note(entry) if entry.kept_from else seconds
            typer.echo(f"[{self.n_done}/{self.n_steps}] {text} ({beside})", err=True)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
