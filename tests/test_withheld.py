"""A branch of seven customers: every step runs and keeps its result, and no page tells of them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from helpers.cli import app
from helpers.findings import Figure, Finding, Text
from helpers.reporting import Page

BRANCH = "Pier"
GROUPS = pd.DataFrame({"branch": ["Harbour", "Hill"], "n": [900, 300], "share": [0.75, 0.25]})
FOUND = Finding("mau", Text("MAU is 5.", "月活 5 人。"), (Figure("mau", 5, unit="customers"),))
FEW = {"en": "fewer than 10 customers", "zh": "客户不足 10 人"}


def drawn_for_k001(bank: Path) -> pd.DataFrame:
    return pd.read_parquet(bank / "assignments.parquet").query("campaign_id == 'K001'").sort_values("customer_id")


def with_branch(source: Path, dest: Path, ids: list[str]) -> Path:
    """Copy a bank, with these customers in a branch of their own."""
    shutil.copytree(source, dest)
    customers = pd.read_parquet(dest / "customers.parquet")
    customers.loc[customers["customer_id"].isin(ids), "branch"] = BRANCH
    customers.to_parquet(dest / "customers.parquet", index=False)
    return dest


@pytest.fixture(scope="module")
def small_branch(sample_bank_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample bank with seven of its campaign's customers in a branch of their own."""
    drawn = drawn_for_k001(sample_bank_folder)
    return with_branch(sample_bank_folder, tmp_path_factory.mktemp("bank") / "bank", list(drawn["customer_id"].head(7)))


@pytest.mark.parametrize(("language", "steps"), [("en", []), ("zh", ["--step", "1"])])
def test_a_branch_of_seven_has_pages_that_say_so_and_tell_nothing(
    small_branch: Path, tmp_path: Path, language: str, steps: list[str]
) -> None:
    arguments = ["--bank", str(small_branch), "--reports", str(tmp_path), "--language", language, "--case", "harbour"]
    done = CliRunner().invoke(app, ["run", "silver_checkin", *arguments, *steps, "-p", f"branch={BRANCH}"])
    assert done.exit_code == 0, done.output
    pages = sorted((tmp_path / "silver_checkin").glob("*/*/*.html"))
    assert len(pages) == (2 if steps else 6)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert FEW[language] in text, page.name
        assert not re.findall(r'data-finding|class="num|<img', text), page.name
        assert page.stem == "brief" or (page.parent / page.stem / "result.json").is_file()
    entries = json.loads((tmp_path / "board.json").read_text(encoding="utf-8"))["runs"]
    assert entries
    assert all(entry["state"] == "done" and not entry["figures"] and not entry["warnings"] for entry in entries)


@pytest.fixture(scope="module")
def small_arm(sample_bank_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample bank with a branch of six treated customers, twenty held out and fifty others."""
    drawn = drawn_for_k001(sample_bank_folder)
    customers = pd.read_parquet(sample_bank_folder / "customers.parquet")
    ids = pd.concat([drawn[drawn["arm"] == "treatment"].head(6), drawn[drawn["arm"] == "control"].head(20)])
    others = customers.loc[~customers["customer_id"].isin(drawn["customer_id"]), "customer_id"].head(50)
    return with_branch(sample_bank_folder, tmp_path_factory.mktemp("bank") / "bank", [*ids["customer_id"], *others])


def test_an_arm_of_six_is_told_by_no_page_brief_or_board(small_arm: Path, tmp_path: Path) -> None:
    arguments = ["--bank", str(small_arm), "--reports", str(tmp_path), "--case", "harbour", "--step", "5"]
    done = CliRunner().invoke(app, ["run", "silver_checkin", *arguments, "-p", f"branch={BRANCH}"])
    assert done.exit_code == 0, done.output
    for page in [*(tmp_path / "silver_checkin").glob("*/*/*.html"), tmp_path / "index.html"]:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"n = 6\b|>6<", text), page.name
        assert page.name == "index.html" or "An arm of this campaign" in text, page.name
    effects = pd.read_parquet(tmp_path / "silver_checkin" / "harbour" / "en" / "05_post_mortem" / "effects.parquet")
    assert set(effects["n"]) == {6}


@pytest.fixture
def shown(tiny_bank: Callable[..., Any]) -> Callable[..., list[str]]:
    """What a page of a bank of so many customers shows of a group of so many of them."""

    def make(n_customers: int, n_group: int, **settings: Any) -> list[str]:
        ids = [f"C{number:09d}" for number in range(1, n_customers + 1)]
        joined = pd.to_datetime(["2024-01-01"] * n_customers).date
        customers = pd.DataFrame({"customer_id": ids, "joined_date": joined, "branch": "Harbour", "gender": "F"})
        customers["birth_year"] = pd.array([1980] * n_customers, dtype="Int64")
        page = Page("05_post_mortem", bank=tiny_bank(customers=customers, as_of="2024-03-31"), **settings)
        page.header()
        parts = [
            page.only_of(n_group, Text("this campaign", "本次活动")),
            page.finding(FOUND),
            page.table(GROUPS, "groups"),
            page.message(Text("Five of them came.", "来了五人。")),
        ]
        assert page.result.figure("mau").value == 5
        assert "groups" in page.result.tables
        return [part.html for part in parts]

    return make


def test_a_campaign_of_five_in_a_larger_bank_is_kept_and_not_shown(shown: Callable[..., list[str]]) -> None:
    said, *rest = shown(30, 5)
    assert "This campaign has fewer than 10 customers" in said
    assert rest == ["", "", ""]


def test_large_groups_nobody_and_a_minimum_of_one_are_shown(shown: Callable[..., list[str]]) -> None:
    for parts in (shown(30, 10), shown(30, 0), shown(30, 5, min_group_size=1)):
        said, *rest = parts
        assert said == ""
        assert all(rest)


def test_a_whole_bank_of_few_customers_is_shown_with_a_remark(tiny_bank: Callable[..., Any]) -> None:
    page = Page("01_goal_decomposition", bank=tiny_bank(as_of="2024-03-31"))
    assert "this page speaks of single persons" in page.header().html
    assert page.only_of(2, Text("this campaign", "本次活动")).html == ""
    assert "MAU is 5." in page.finding(FOUND).html
