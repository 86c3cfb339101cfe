"""The `playbook` command: run, check, sample, import, params, new. Heavy imports stay inside the commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from helpers.runs.refusal import Refusal

FAILED_EXIT, REFUSED_EXIT = 1, 2

app = typer.Typer(
    help="Run a bank's growth playbooks: its tables in, five step notebooks, review pages out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
importing = typer.Typer(help="Turn a public bank's files into canonical tables.", no_args_is_help=True)
app.add_typer(importing, name="import")


def refuse(error: Exception) -> typer.Exit:
    """Print each line of what was refused and return the exit."""
    for line in getattr(error, "lines", None) or str(error).splitlines():
        typer.echo(line, err=True)
    return typer.Exit(REFUSED_EXIT)


@app.command()
def run(
    playbook: Annotated[str, typer.Argument(help="A folder of playbooks/ by name, or a path.")],
    bank: Annotated[str, typer.Option(help="Folder of a bank instead of the playbook's own.")] = "",
    case: Annotated[str, typer.Option(help="Run only this case.")] = "",
    step: Annotated[str, typer.Option(help="Run only this step (its kept predecessors are read).")] = "",
    language: Annotated[str, typer.Option(help="Language of the pages: en or zh.")] = "en",
    parameter: Annotated[
        list[str] | None, typer.Option("-p", metavar="[STEP.]NAME=VALUE", help="Set a parameter; may be repeated.")
    ] = None,
    reports: Annotated[str, typer.Option(help="Folder that the pages go to.")] = "reports",
    workers: Annotated[int, typer.Option(min=0, help="Cases side by side; 0: one a core.")] = 0,
) -> None:
    """Run a playbook: notebooks by papermill, one page a step, one board."""
    from helpers.runs import plan as plans
    from helpers.runs import preflight

    try:
        plan = plans.read(
            playbook, bank=bank, case=case, step=step, language=language, overrides=_overrides(parameter or [])
        )
        folder = Path(reports).expanduser()
        preflight.check_writable(folder)
        the_bank = preflight.check_bank(plan)
    except (Refusal, FileNotFoundError) as error:
        raise refuse(error) from error
    from helpers.bank.connection import CHECKED
    from helpers.runs import batch, board

    # Kernels inherit this: the tables were checked a moment ago.
    os.environ[CHECKED] = the_bank.fingerprint
    with _progress(plan.n_steps) as report:
        runs = batch.run(plan, folder, workers=workers, progress=report)
    page = board.update(folder, plan, runs, simulated=the_bank.simulated, currency=the_bank.currency)
    bad = [entry for entry in runs if entry.state != "done"]
    for entry in bad:
        typer.echo(f"{entry.case} / {entry.step}: {entry.state.replace('_', ' ')}: {entry.message}", err=True)
    typer.echo(f"{len(runs) - len(bad)} of {len(runs)} steps done. Board: {page.resolve()}")
    if bad:
        raise typer.Exit(FAILED_EXIT)


@app.command()
def check(bank: Annotated[str, typer.Argument(help="Folder of the bank (bank.yml in it).")]) -> None:
    """Look a bank's tables over: what is there, what is missing, what breaks a rule."""
    from helpers import bank as banks

    try:
        opened = banks.open(bank)
    except ValueError as error:
        raise refuse(error) from error
    first, last = opened.log_days
    typer.echo(f"{opened.name}: fits the schemas; activity log {first} to {last}, currency {opened.currency}")
    for name, table in opened.tables.items():
        typer.echo(f"  {name}: {'not there' if table is None else f'{int(table.count().execute()):,} rows'}")
    for remark in opened.remarks:
        typer.echo(f"  noticed: {remark}")


@app.command()
def sample(
    dest: Annotated[str, typer.Argument(help="Folder to build the bank in.")],
    customers: Annotated[int, typer.Option(min=500, help="How many customers.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same bank.")] = 20_240_101,
) -> None:
    """Build the simulated sample bank, with what was planted beside it in truth/."""
    from helpers.bank import sample as sampling

    try:
        folder = sampling.build(dest, customers=customers, seed=seed)
    except (ValueError, OSError) as error:
        raise refuse(error) from error
    typer.echo(f"Sample bank of {customers:,} simulated customers: {folder}")


@importing.command("berka")
def import_berka(
    source: Annotated[str, typer.Argument(help="Folder with the PKDD'99 files (account.asc, client.asc, trans…).")],
    dest: Annotated[str, typer.Argument(help="Folder to write the bank to.")],
) -> None:
    """Turn the PKDD'99 “Berka” files into a bank of canonical tables."""
    from helpers.bank.importers import berka

    try:
        folder = berka.convert(source, dest)
    except (ValueError, OSError) as error:
        raise refuse(error) from error
    typer.echo(f"Berka bank: {folder}")


@app.command()
def params(step: Annotated[str, typer.Argument(help="A step by name or number; empty lists all.")] = "") -> None:
    """List the parameters of the step notebooks: name, type, default, meaning."""
    from helpers.runs import parameters
    from helpers.runs import plan as plans

    try:
        known = plans.step_notebooks()
        names = [plans.find_step(step, known, where="params")] if step else list(known)
        for name in names:
            typer.echo(name)
            for parameter in parameters.read(known[name]).values():
                typer.echo(f"  {parameter.name}: {parameter.kind} = {parameter.default!r}  # {parameter.meaning}")
    except (Refusal, FileNotFoundError) as error:
        raise refuse(error) from error


@app.command()
def new(name: Annotated[str, typer.Argument(help="Name of the playbook: a folder of playbooks/.")]) -> None:
    """Scaffold a playbook: playbook.yml and README.md to fill in."""
    from helpers.runs import scaffold

    try:
        folder = scaffold.create(name)
    except (Refusal, OSError) as error:
        raise refuse(error) from error
    typer.echo(f"Playbook {folder.name}: edit {folder / 'playbook.yml'}, then `playbook run {folder.name}`")


def _overrides(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in given:
        name, sign, value = entry.partition("=")
        if not sign or not name.strip():
            raise Refusal(f"-p {entry!r}: should be [step.]name=value")
        found[name.strip()] = value
    return found


class _progress:
    """A progress bar on a terminal, one line a step elsewhere (a log of the night)."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps
        self.n_done = 0
        self.bar = None

    def __enter__(self) -> _progress:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self.bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self.task = self.bar.add_task("starting", total=self.n_steps)
            self.bar.start()
        return self

    def __call__(self, entry: object) -> None:
        self.n_done += 1
        text = f"{entry.case} / {entry.step}: {entry.state.replace('_', ' ')}"  # type: ignore[attr-defined]
        if self.bar is not None:
            self.bar.update(self.task, advance=1, description=text)
        else:
            typer.echo(f"[{self.n_done}/{self.n_steps}] {text} ({entry.seconds:.1f} s)", err=True)  # type: ignore[attr-defined]

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
