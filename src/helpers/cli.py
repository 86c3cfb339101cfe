"""The `playbook` command: run, check, sample, import, params, new. Heavy imports stay inside the commands.

Its language is that of `--language`, else of the environment variable REPORT_LANGUAGE, else English; help texts follow
the variable.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from helpers.findings.finding import Text
from helpers.findings.numbers import EN, LANGUAGES
from helpers.findings.spoken import SpokenError, at, unwritable
from helpers.runs import usage
from helpers.runs.refusal import Refusal
from helpers.runs.usage import words

if TYPE_CHECKING:
    from helpers.bank import Bank
    from helpers.runs.plan import Plan
    from helpers.runs.step import StepRun

FAILED_EXIT, REFUSED_EXIT = 1, usage.REFUSED_EXIT


app = typer.Typer(
    cls=usage.Commands,
    help=words(
        "Run a bank's growth playbooks: its tables in, five step notebooks, review pages out.",
        "运行银行双增长手册：输入数据表，执行五个步骤笔记本，输出复盘页面。",
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
importing = typer.Typer(
    help=words("Turn a public bank's files into canonical tables.", "将公开银行数据转换为标准表。"),
    no_args_is_help=True,
)
app.add_typer(importing, name="import")
Language = Annotated[
    str,
    typer.Option(
        envvar=usage.LANGUAGE_VARIABLE, help=words("Language of messages: en or zh.", "消息的语言：en 或 zh。")
    ),
]


def refuse(error: Exception, language: str) -> typer.Exit:
    """Print each line of what was refused, in the user's language, and return the exit."""
    if isinstance(error, SpokenError):
        typer.echo(error.say(language if language in LANGUAGES else EN), err=True)
    else:
        # The system's or a library's own words: whatever they are, the reader is told that they are not ours.
        typer.echo(Text(str(error), f"出错：{error}").say(language if language in LANGUAGES else EN), err=True)
    return typer.Exit(REFUSED_EXIT)


def _check_language(language: str) -> None:
    from helpers.runs import values

    try:
        values.check("language", language, where="--language")
    except Refusal as error:
        raise refuse(error, EN) from error


@app.command(
    help=words(
        "Run a playbook: notebooks by papermill, one page a step, one board. What has not changed is kept.",
        "运行手册：用 papermill 执行笔记本，每步一页、共用一个看板；未变化的结果沿用。",
    )
)
def run(
    playbook: Annotated[
        str,
        typer.Argument(help=words("A folder of playbooks/ by name, or a path.", "playbooks/ 中的文件夹名，或路径。")),
    ],
    bank: Annotated[
        str,
        typer.Option(
            help=words("Folder of a bank instead of the playbook's own.", "改用此银行数据文件夹，代替手册中的。")
        ),
    ] = "",
    case: Annotated[str, typer.Option(help=words("Run only this case.", "只运行该案例。"))] = "",
    step: Annotated[
        str,
        typer.Option(
            help=words(
                "Run only this step (its kept predecessors are read).", "只运行该步骤（读取前序步骤已保存的结果）。"
            )
        ),
    ] = "",
    language: Annotated[
        str,
        typer.Option(
            envvar=usage.LANGUAGE_VARIABLE,
            help=words("Language of pages and messages: en or zh.", "页面与消息的语言：en 或 zh。"),
        ),
    ] = EN,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            metavar="[STEP.]NAME=VALUE",
            help=words("Set a parameter; may be repeated.", "设置参数，可重复使用。"),
        ),
    ] = None,
    reports: Annotated[str, typer.Option(help=words("Folder that the pages go to.", "页面输出文件夹。"))] = "reports",
    workers: Annotated[
        int, typer.Option(min=0, help=words("Cases side by side; 0: one a core.", "并行案例数；0 为每核一个。"))
    ] = 0,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help=words("Run also what has not changed since it was last done.", "未变化的步骤也重跑。")
        ),
    ] = False,
    from_step: Annotated[
        str, typer.Option(help=words("Run this step and those after it again.", "从该步骤起全部重跑。"))
    ] = "",
    executor: Annotated[
        str, typer.Option(help=words("Where steps run: local or dask.", "执行位置：local 或 dask。"))
    ] = "local",
    scheduler: Annotated[
        str,
        typer.Option(
            help=words("Address of a Dask scheduler, for --executor dask.", "Dask 调度器地址，配合 --executor dask。")
        ),
    ] = "",
) -> None:
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
        with (
            lock.hold(folder / plan.name),
            pools.chosen(executor, scheduler) as start_pool,
            # What kernels and workers are forked from does its imports while the bank is looked over.
            pools.warm(start_pool) as server,
        ):
            the_bank = preflight.check_bank(plan)
            settings = {"workers": workers, "force": force, "from_step": from_step, "start_pool": start_pool}
            bad = _run(plan, folder, the_bank, kernel_server=server, **settings)
    except SpokenError as error:
        raise refuse(error, language) from error
    if bad:
        raise typer.Exit(FAILED_EXIT)


def _run(plan: Plan, reports: Path, bank: Bank, **settings: Any) -> int:
    """Run a checked plan, tell of every step, and return how much went wrong."""
    from helpers.runs import batch, lost, summary
    from helpers.runs.board import Board
    from helpers.runs.progress import Progress

    board = Board(reports, plan, bank)
    unwritten: dict[str, None] = {}

    def told(error: OSError) -> Text:
        return at(str(board.page), unwritable(error))

    def on_board(change: Callable[[], object]) -> None:
        try:
            change()
        except OSError as error:
            unwritten[told(error).say(plan.language)] = None
        except Exception as error:  # noqa: BLE001 - a brief or board that can't be drawn must not end the night
            unwritten[at(str(board.page), lost.of_board(error)).say(plan.language)] = None

    try:
        board.begin()
    except OSError as error:
        # Nothing has run: a board that can't be written could not say so later either.
        raise Refusal(told(error)) from error
    with Progress(plan.n_steps, plan.language) as report:

        def finished(entry: StepRun) -> None:
            report(entry)
            on_board(lambda: board.add(entry))

        # Of tables behind a URL nobody can say cheaply whether they changed: nothing is kept from an earlier run.
        known = bank.fingerprints if bank.is_content_known else None
        runs = batch.run(plan, reports, progress=finished, bank_tables=known, **settings)
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


@app.command(
    help=words(
        "Look a bank's tables over: what is there, what is missing, what breaks a rule.",
        "检查银行数据表：有什么、缺什么、哪些不合规则。",
    )
)
def check(
    bank: Annotated[
        str, typer.Argument(help=words("Folder of the bank (bank.yml in it).", "银行数据文件夹（内有 bank.yml）。"))
    ],
    language: Language = EN,
) -> None:
    from helpers import bank as banks

    _check_language(language)
    try:
        opened = banks.open(bank)
    except ValueError as error:
        raise refuse(error, language) from error
    first, last = opened.log_days
    fits = Text(
        f"fits the schemas; activity log {first} to {last}, currency {opened.currency}",
        f"符合表结构；行为日志 {first} 至 {last}，币种 {opened.currency}",
    )
    typer.echo(at(opened.name, fits).say(language))
    for name, table in opened.tables.items():
        there = Text("not there", "没有此表")
        if table is not None:
            n_rows = int(table.count().execute())
            there = Text(f"{n_rows:,} rows", f"{n_rows:,} 行")
        typer.echo("  " + at(name, there).say(language))
    for remark in opened.remarks:
        typer.echo("  " + at(Text("noticed", "提示"), remark.text).say(language))


@app.command(
    help=words(
        "Build the simulated sample bank, with what was planted beside it in truth/.",
        "生成模拟示例银行；植入的真值放在旁边的 truth/。",
    )
)
def sample(
    dest: Annotated[str, typer.Argument(help=words("Folder to build the bank in.", "生成到哪个文件夹。"))],
    customers: Annotated[int, typer.Option(min=500, help=words("How many customers.", "客户数。"))] = 20_000,
    seed: Annotated[
        int, typer.Option(help=words("Seed; the same seed gives the same bank.", "随机种子；种子相同，结果相同。"))
    ] = 20_240_101,
    language: Language = EN,
) -> None:
    from helpers.bank import sample as sampling

    _check_language(language)
    try:
        folder = sampling.build(dest, customers=customers, seed=seed)
    except (ValueError, OSError) as error:
        raise refuse(error, language) from error
    built = Text(
        f"Sample bank of {customers:,} simulated customers: {folder}", f"示例银行（{customers:,} 位模拟客户）：{folder}"
    )
    typer.echo(built.say(language))


@importing.command(
    "berka",
    help=words(
        "Turn the PKDD'99 “Berka” files into a bank of canonical tables.", "将 PKDD'99 “Berka” 数据转换为标准表。"
    ),
)
def import_berka(
    source: Annotated[
        str,
        typer.Argument(
            help=words(
                "Folder with the PKDD'99 files (account.asc, client.asc, trans…).",
                "PKDD'99 数据文件夹（account.asc、client.asc、trans…）。",
            )
        ),
    ],
    dest: Annotated[str, typer.Argument(help=words("Folder to write the bank to.", "写入哪个文件夹。"))],
    language: Language = EN,
) -> None:
    from helpers.bank.importers import berka

    _check_language(language)
    try:
        folder = berka.convert(source, dest)
    except (ValueError, OSError) as error:
        raise refuse(error, language) from error
    typer.echo(at(Text("Berka bank", "Berka 银行数据"), Text(str(folder), str(folder))).say(language))


@app.command(
    help=words(
        "List the parameters of the step notebooks: name, type, default, meaning.",
        "列出各步骤笔记本的参数：名称、类型、默认值、含义。",
    )
)
def params(
    step: Annotated[
        str, typer.Argument(help=words("A step by name or number; empty lists all.", "步骤名或编号；不填则列出全部。"))
    ] = "",
    language: Language = EN,
) -> None:
    from helpers.runs import parameters
    from helpers.runs import plan as plans

    _check_language(language)
    try:
        known = plans.step_notebooks()
        names = [plans.find_step(step, known, where="params")] if step else list(known)
        for name in names:
            typer.echo(name)
            for parameter in parameters.read(known[name]).values():
                meaning = parameter.say(language)
                typer.echo(f"  {parameter.name}: {parameter.kind} = {parameter.default!r}  # {meaning}")
    except SpokenError as error:
        raise refuse(error, language) from error


@app.command(
    help=words(
        "Scaffold a playbook: playbook.yml and README.md to fill in.",
        "新建手册骨架：待填写的 playbook.yml 与 README.md。",
    )
)
def new(
    name: Annotated[
        str,
        typer.Argument(
            help=words("Name of the playbook: a folder of playbooks/.", "手册名，即 playbooks/ 中的文件夹名。")
        ),
    ],
    language: Language = EN,
) -> None:
    from helpers.runs import scaffold

    _check_language(language)
    try:
        folder = scaffold.create(name)
    except (SpokenError, OSError) as error:
        raise refuse(error, language) from error
    file, command = folder / "playbook.yml", f"`playbook run {folder.name}`"
    made = Text(f"edit {file}, then {command}", f"请编辑 {file}，然后运行 {command}")
    typer.echo(at(Text(f"Playbook {folder.name}", f"手册 {folder.name}"), made).say(language))


def _overrides(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in given:
        name, sign, value = entry.partition("=")
        if not sign or not name.strip():
            raise Refusal(at(f"-p {entry!r}", Text("should be [step.]name=value", "应写成 [步骤.]名称=取值")))
        found[name.strip()] = value
    return found
