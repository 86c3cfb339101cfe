"""Small playbooks to run: notebooks written by the tests, a bank of two customers."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from typer.testing import CliRunner

from helpers.cli import app
from helpers.runs import pools
from helpers.runs.forking import client

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
HEAD = """\
bank: str = ""  # folder of the bank
as_of: str = ""  # last day that is seen
branch: str = ""  # one branch
language: str = "en"  # page language
run_dir: str = ""  # folder for results
limit_days: int = 5  # days"""
OPEN = """\
from helpers import bank as banks
from helpers.findings import Figure, Finding, Text
from helpers.reporting import Page
data = banks.open(bank, as_of=as_of, branch=branch)
page = Page("{name}", bank=data, language=language, run_dir=run_dir)
page.header()"""
COUNT = """\
n = int(data.customers.count().execute())
figure = Figure("customers", n, unit="customers", n=n)
page.finding(Finding("customers", Text(f"{n} customers.", f"{n} 位客户。"), (figure,)))"""


def notebook(name: str, body: str) -> nbformat.NotebookNode:
    return new_notebook(
        metadata=KERNEL,
        cells=[
            new_markdown_cell("# How many?", metadata={"tags": ["lang-en"]}),
            new_markdown_cell("# 多少？", metadata={"tags": ["lang-zh"]}),
            new_code_cell(HEAD, metadata={"tags": ["parameters"]}),
            new_code_cell(OPEN.format(name=name)),
            new_markdown_cell("## Counting", metadata={"tags": ["lang-en"]}),
            new_markdown_cell("## 计数", metadata={"tags": ["lang-zh"]}),
            new_code_cell(body),
            new_code_cell("page.keep()"),
        ],
    )


@cache
def kernel_server() -> client.ForkServer:
    server = client.ForkServer()
    atexit.register(server.close)
    return server


@pytest.fixture(autouse=True)
def runs_share_a_kernel_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process take their kernels from one server: two seconds of imports once, not once a run."""
    shared = SimpleNamespace(
        possible=client.possible,
        ForkServer=lambda: SimpleNamespace(address=kernel_server().address, close=lambda: None),
    )
    monkeypatch.setattr(pools, "client", shared)


@pytest.fixture
def playbook(tmp_path: Path, write_bank: Callable[..., Path]) -> Callable[..., Path]:
    """Write a playbook of notebooks given as bodies: ``playbook(a=COUNT, b="raise …")``."""

    def write(cases: str = "{whole: {}, harbour: {parameters: {branch: Harbour}}}", **bodies: str) -> Path:
        folder = tmp_path / "pb"
        folder.mkdir(exist_ok=True)
        for name, body in bodies.items():
            nbformat.write(notebook(name, body), folder / f"{name}.ipynb")
        steps = ", ".join(f"{{notebook: {name}.ipynb}}" for name in bodies)
        (folder / "playbook.yml").write_text(
            f"schema_version: 1\ntitle: {{en: Try, zh: 试跑}}\nbank: {write_bank()}\nsteps: [{steps}]\ncases: {cases}\n",
            encoding="utf-8",
        )
        return folder

    return write


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["run", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


LIGHT = """\
import pandas as pd
from helpers.findings import Figure, Finding, StepResult, Text, read
result = StepResult("{name}", run_dir=run_dir)
n = limit_days + {earlier}
result.add_table("numbers", pd.DataFrame({{"day": range(n), "share": [i / 7 for i in range(n)]}}))
text = Text(f"{{n}} days are counted.", f"共 {{n}} 天。")
print(text.en)
result.add(Finding("days", text, (Figure("days", n, unit="days", n=n),)))"""


def write_light(
    folder: Path, *names: str, cases: str = "{whole: {}}", body: str = "", bank: str | Path = "not-asked"
) -> Path:
    """Write a playbook whose steps open no bank, they only read the one before; ``body`` goes before a result is kept."""
    playbook = folder / "light"
    playbook.mkdir(exist_ok=True)
    for name, earlier in zip(names, ("", *names), strict=False):
        number = f'int(read(run_dir, "{earlier}").figures["days"].value)' if earlier else "0"
        cells = [
            new_markdown_cell("# How many?"),
            new_code_cell(HEAD.replace("bank: str", "bank_: str"), metadata={"tags": ["parameters"]}),
            new_code_cell(LIGHT.format(name=name, earlier=number)),
            new_code_cell(f"{body}\nresult.keep()".strip()),
        ]
        nbformat.write(new_notebook(metadata=KERNEL, cells=cells), playbook / f"{name}.ipynb")
    steps = ", ".join(f"{{notebook: {name}.ipynb}}" for name in names)
    (playbook / "playbook.yml").write_text(
        f"schema_version: 1\nbank: {bank}\nsteps: [{steps}]\ncases: {cases}\n", encoding="utf-8"
    )
    return playbook
