"""The command speaks the reader's language: refusals, help, messages, cards of steps that stopped."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from helpers import bank as banks
from helpers.bank.problems import BankError
from helpers.cli import app
from helpers.findings import SpokenError
from helpers.runs import lock, parameters, plan
from tests.conftest import ROOT, tiny_tables
from tests.runs.conftest import COUNT

CHINESE = re.compile(r"[\u4e00-\u9fff]")
# A run of English words is a sentence that nobody translated; names and codes stand alone or in lists.
ENGLISH = re.compile(r"\b[a-z]+(?: [a-z]+){3,}\b")
ZH = {"REPORT_LANGUAGE": "zh"}


def refused(*arguments: str, env: dict[str, str] | None = None) -> list[str]:
    done = CliRunner().invoke(app, list(arguments), env=env)
    assert done.exit_code == 2, done.output
    return done.output.strip().splitlines()


def assert_chinese(lines: list[str]) -> None:
    assert lines
    for line in lines:
        assert CHINESE.search(line), line
        assert not ENGLISH.search(line), line


WRONG_CALLS = [
    ["run", "first_reveiw"],
    ["run", "first_review", "-p", "horizon=3"],
    ["run", "first_review", "-p", "2.horizon_days=soon"],
    ["run", "first_review", "-p", "horizon_days=0"],
    ["run", "first_review", "-p", "alpha=0.7", "-p", "segment=sliver", "-p", "as_of=31.12.2025", "-p", "language=zh"],
    ["run", "silver_checkin", "-p", "holdout_share=1", "-p", "holdout_share=30", "-p", "roi_convention=gross"],
    ["run", "silver_checkin", "-p", "min_signals=99", "-p", "brief=none.yml", "-p", "power=0.4"],
    ["run", "first_review", "-p", "horizon_days"],
    ["run", "first_review", "--step", "9"],
    ["run", "first_review", "--from-step", "9"],
    ["run", "first_review", "--case", "nowhere"],
    ["run", "first_review", "--bank", "nowhere"],
    ["run", "first_review", "--bank", "{bank}", "-p", "as_of=2020-01-01"],
    ["run", "first_review", "--bank", "{bank}", "-p", "branch=Harbor"],
    ["run", "first_review", "--bank", "{bank}", "--executor", "cloud"],
    ["run", "first_review", "--bank", "{bank}", "--executor", "dask"],
    ["check", "nowhere"],
    ["sample", "{bank}/bank.yml"],
    ["import", "berka", "nowhere", "{new}"],
    ["params", "9"],
    ["new", "Bad Name"],
    ["new", "first_review"],
]


@pytest.mark.parametrize("call", WRONG_CALLS, ids=[" ".join(call) for call in WRONG_CALLS])
def test_a_refusal_is_said_in_chinese_by_option_or_variable_and_in_english_without(
    call: list[str], write_bank: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = [part.format(bank=tmp_path / "bank", new=tmp_path / "new") for part in call]
    write_bank()
    if call[0] == "run":
        call += ["--reports", str(tmp_path / "reports")]
    spoken = refused(*call, "--language", "zh")
    assert_chinese(spoken)
    assert refused(*call, env=ZH) == spoken
    english = refused(*call)
    assert len(english) == len(spoken)
    assert not CHINESE.search("\n".join(english))
    # The option goes before the variable.
    assert refused(*call, "--language", "en", env=ZH) == english


def test_a_language_that_there_is_not_is_refused_by_every_command(tmp_path: Path) -> None:
    for call in (["run", "first_review"], ["check", "x"], ["sample", str(tmp_path)], ["params"], ["new", "x"]):
        (line,) = refused(*call, "--language", "fr")
        assert line == "--language: language should be one of en, zh, not 'fr'"


@pytest.mark.parametrize("call", [["runn"], ["run"], ["run", "--wrkers", "3"], ["run", "x", "--workers", "-3"]])
def test_a_call_that_the_parser_refuses_is_one_chinese_line(call: list[str]) -> None:
    (line,) = refused(*call, env=ZH)
    assert CHINESE.search(line)
    assert "没有" in line or "缺少" in line or "取值" in line


def test_help_follows_the_variable_and_every_option_has_both() -> None:
    def shown(language: str, *arguments: str) -> str:
        env = {**os.environ, "REPORT_LANGUAGE": language, "COLUMNS": "200"}
        code = "import sys; from helpers.cli import app; sys.argv[0] = 'playbook'; app()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments, "--help"], capture_output=True, text=True, env=env, check=True
        )
        return done.stdout

    for arguments in ([], ["run"]):
        english, chinese = shown("en", *arguments), shown("zh", *arguments)
        assert not CHINESE.search(english)
        told = [line for line in chinese.splitlines() if "--" in line and "--help" not in line and "│" in line]
        assert all(CHINESE.search(line) for line in told), told
        assert "手册" in chinese


def test_chinese_help_is_whole_in_a_narrow_terminal() -> None:
    env = {**os.environ, "REPORT_LANGUAGE": "zh", "COLUMNS": "80"}
    code = "import sys; from helpers.cli import app; sys.argv[0] = 'playbook'; app()"
    for call in (["--help"], ["run", "--help"]):
        done = subprocess.run([sys.executable, "-c", code, *call], capture_output=True, text=True, env=env, check=True)
        assert "…" not in done.stdout
        assert "[env var" not in done.stdout
        assert "Show this message" not in done.stdout
        assert len(max(done.stdout.splitlines(), key=len)) <= 80


def test_every_parameter_says_what_it_means_in_chinese() -> None:
    declared = {name for file in plan.step_notebooks().values() for name in parameters.read(file)}
    assert set(parameters.meanings()) == declared
    assert all(CHINESE.search(meaning) for meaning in parameters.meanings().values())
    done = CliRunner().invoke(app, ["params", "2"], env=ZH)
    assert done.exit_code == 0
    assert all(CHINESE.search(line) for line in done.output.splitlines()[1:])


def test_check_tells_of_a_bank_in_chinese(write_bank: Callable[..., Path]) -> None:
    done = CliRunner().invoke(app, ["check", str(write_bank())], env=ZH)
    assert done.exit_code == 0
    assert_chinese(done.output.strip().splitlines())
    assert "customers：2 行" in done.output


def test_who_holds_the_folder_is_said_in_chinese(tmp_path: Path) -> None:
    with lock.hold(tmp_path / "first_review"):
        (line,) = refused("run", "first_review", "--reports", str(tmp_path), "--language", "zh")
    assert f"另一次运行正占用此文件夹（进程 {os.getpid()}" in line


BROKEN = {
    "no_table": ({"balances": None}, "缺少此表"),
    "no_column": ({"customers": tiny_tables()["customers"].drop(columns="joined_date")}, "缺少此列"),
    "rows": ({"balances": tiny_tables()["balances"].assign(aum=[-5.0, 1.0])}, "应不小于 0（1 行，例如 -5"),
    "empty": ({"activity": tiny_tables()["activity"].assign(customer_id=[None, "C000000002"])}, "为空，不应为空"),
    "unreadable": ({"customers": "customer_id,joined_date,birth_year,gender,branch\nC1,soon,1960,F,a\n"}, "无法读作日期"),
    "repeated": ({"customers": pd.concat([tiny_tables()["customers"]] * 2)}, "应唯一，却有重复"),
    "no_rows": ({"activity": tiny_tables()["activity"].head(0)}, "表中没有数据行"),
    "future": ({"customers": tiny_tables()["customers"].assign(joined_date=pd.Timestamp("2999-01-01").date())}, "晚于今天"),
    "yml": ({"yml": "schema_version: 1\ncurrency: yuan\ntimezone: Mars\nsimulated: maybe\nextra: 1\n"}, "不是 IANA 时区名"),
    "broken_yml": ({"yml": "schema_version: 1\n currency: x\n"}, "YAML 格式有误"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_a_bank_is_said_in_both_languages(name: str, write_bank: Callable[..., Path]) -> None:
    tables, words = BROKEN[name]
    folder = write_bank(**tables)
    with pytest.raises(BankError) as caught:
        banks.open(folder)
    assert words in caught.value.say("zh")
    assert not CHINESE.search(str(caught.value))
    lines = refused("check", str(folder), "--language", "zh")
    assert lines == caught.value.say("zh").splitlines()
    assert all(CHINESE.search(line) for line in lines)


def test_a_spoken_error_comes_back_whole_from_another_process() -> None:
    import pickle

    with pytest.raises(BankError) as caught:
        banks.open("nowhere")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.say("zh")) == (str(caught.value), caught.value.say("zh"))
    assert again.problems == caught.value.problems
    assert isinstance(again, SpokenError)


@pytest.mark.slow
def test_the_card_of_a_step_that_stopped_says_why_in_chinese(playbook: Callable[..., Path], tmp_path: Path) -> None:
    folder = playbook(a='data.at(branch="Habour")', b=COUNT)
    reports = tmp_path / "reports"
    done = CliRunner().invoke(app, ["run", str(folder), "--case", "whole", "--reports", str(reports)], env=ZH)
    assert done.exit_code == 1, done.output
    card = (reports / "pb" / "whole" / "zh" / "a.html").read_text(encoding="utf-8")
    assert "网点 'Habour' 不在 customers.branch 中；可选：Harbour、Old Town" in card
    assert "未运行：本案例的步骤 a 失败。" in done.output
    shutil.rmtree(reports)


def test_the_variable_is_the_one_that_the_readme_names() -> None:
    for file in ("README.md", "README.zh-CN.md", "Makefile"):
        assert "REPORT_LANGUAGE" in (ROOT / file).read_text(encoding="utf-8")
