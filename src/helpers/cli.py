"""The `playbook` command: run, check, sample, import, params, new. Heavy imports stay inside the commands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from helpers.runs.refusal import Refusal

if TYPE_CHECKING:
    from helpers.bank import Bank
    from helpers.runs.plan import Plan
    from helpers.runs.step import StepRun

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
    force: Annotated[
        bool, typer.Option("--force", help="Run also what has not changed since it was last done.")
    ] = False,
    from_step: Annotated[str, typer.Option(help="Run this step and those after it again.")] = "",
    executor: Annotated[str, typer.Option(help="Where steps run: local or dask.")] = "local",
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler, for --executor dask.")] = "",
) -> None:
    """Run a playbook: notebooks by papermill, one page a step, one board. What has not changed is kept."""
    from helpers.runs import lock, pools, preflight
    from helpers.runs import plan as plans

    try:
        plan = plans.read(
            playbook, bank=bank, case=case, step=step, language=language, overrides=_overrides(parameter or [])
        )
        if from_step:
            from_step = plans.find_step(from_step, dict.fromkeys(plan.step_names, Path()), where="--from-step")
        folder = Path(reports).expanduser()
        preflight.check_writable(folder)
        with lock.hold(folder / plan.name):
            the_bank = preflight.check_bank(plan)
            with pools.chosen(executor, scheduler) as start_pool:
                settings = {"workers": workers, "force": force, "from_step": from_step, "start_pool": start_pool}
                bad = _run(plan, folder, the_bank, **settings)
    except (Refusal, FileNotFoundError) as error:
        raise refuse(error) from error
    if bad:
        raise typer.Exit(FAILED_EXIT)


def _run(plan: Plan, reports: Path, bank: Bank, **settings: Any) -> int:
    """Run a checked plan, tell of every step, and return how much went wrong."""
    from helpers.findings import Text
    from helpers.runs import batch, summary
    from helpers.runs.board import Board

    board = Board(reports, plan, bank)
    unwritten: dict[str, None] = {}

    def on_board(change: Callable[[], object]) -> None:
        try:
            change()
        except OSError as error:
            reason = error.strerror or str(error)
            text = Text(f"{board.page}: can't be written ({reason})", f"{board.page}：无法写入（{reason}）")
            unwritten[text.say(plan.language)] = None

    on_board(board.begin)
    with _progress(plan.n_steps) as report:

        def finished(entry: StepRun) -> None:
            report(entry)
            on_board(lambda: board.add(entry))

        runs = batch.run(plan, reports, progress=finished, bank_fingerprint=bank.fingerprint, **settings)
    on_board(board.draw)
    for line in summary.lines(runs, language=plan.language):
        typer.echo(line)
    for line in unwritten:
        typer.echo(line, err=True)
    n_done = sum(entry.state == "done" for entry in runs)
    page = board.page.resolve()
    closing = Text(
        f"{n_done} of {len(runs)} steps done. Board: {page}", f"共 {len(runs)} 个步骤，完成 {n_done} 个。看板：{page}"
    )
    typer.echo(closing.say(plan.language))
    return len(runs) - n_done + len(unwritten)


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

    def __call__(self, entry: StepRun) -> None:
        from helpers.runs import summary

        self.n_done += 1
        text = f"{entry.case} / {entry.step}: {summary.STATES[entry.state].say(entry.language)}"
        if self.bar is not None:
            self.bar.update(self.task, advance=1, description=text)
        else:
            beside = summary.note(entry) if entry.kept_from else f"{entry.seconds:.1f} s"
            typer.echo(f"[{self.n_done}/{self.n_steps}] {text} ({beside})", err=True)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.stop()
