"""The notebooks keep to the house's manner; each parameter of each step changes something that is kept."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

from helpers.runs import parameters
from tests.conftest import ROOT

STEPS = sorted((ROOT / "notebooks").glob("*.ipynb"))
COMMON = ("bank", "as_of", "branch", "language", "run_dir")
CONTRACT = {
    "lang-en": ("Decision it serves", "Unit of analysis", "Reads", "Writes", "Assumes", "Breaks when"),
    "lang-zh": ("决策", "分析单位", "读取", "前提", "失效"),
}


def tags(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", []))


@pytest.fixture(params=STEPS, ids=lambda path: path.stem)
def step(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def test_there_are_five_steps() -> None:
    assert [path.stem for path in STEPS] == [
        "01_goal_decomposition",
        "02_segment_insight",
        "03_activity_design",
        "04_channel_matrix",
        "05_post_mortem",
    ]


def test_stored_without_outputs(step: nbformat.NotebookNode) -> None:
    code = [cell for cell in step.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_cells_counted_in_one_language(step: nbformat.NotebookNode) -> None:
    english = [cell for cell in step.cells if "lang-zh" not in tags(cell)]
    text = [cell for cell in english if cell.cell_type == "markdown"]
    assert 12 <= len(english) <= 30
    assert len(text) >= len(english) / 3


def test_notebooks_ask_and_do_not_define(step: nbformat.NotebookNode) -> None:
    for cell in step.cells:
        if cell.cell_type == "code":
            tree = ast.parse(cell.source)
            assert not [
                node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)
            ]


def test_imports_are_from_helpers_only(step: nbformat.NotebookNode) -> None:
    for cell in step.cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                assert all(name.split(".")[0] == "helpers" for name in names), names


def test_text_stands_in_both_languages(step: nbformat.NotebookNode) -> None:
    text = [cell for cell in step.cells if cell.cell_type == "markdown"]
    order = [tag for cell in text for tag in ("lang-en", "lang-zh") if tag in tags(cell)]
    assert order == ["lang-en", "lang-zh"] * (len(text) // 2)
    for english, chinese in zip(text[::2], text[1::2], strict=True):
        assert re.findall(r"^#+ ", english.source, re.M) == re.findall(r"^#+ ", chinese.source, re.M)
        assert re.search(r"[\u4e00-\u9fff]", chinese.source)
        assert not re.search(r"[\u4e00-\u9fff]", english.source)


@pytest.mark.parametrize("language", ["lang-en", "lang-zh"])
def test_the_contract_stands_on_top(step: nbformat.NotebookNode, language: str) -> None:
    first = next(cell for cell in step.cells if language in tags(cell))
    assert first.source.startswith("# ")
    assert all(words in first.source for words in CONTRACT[language])


def test_text_says_how_to_read_not_what_came_out(step: nbformat.NotebookNode) -> None:
    # Results in prose would be wrong in the next run: no percentages, no currency amounts.
    for cell in step.cells:
        if cell.cell_type == "markdown":
            assert not re.search(
                r"\d+(\.\d+)?\s?%|CNY\s?\d|[¥￥]\d", cell.source.replace("95 %", "").replace("95%", "")
            ), cell.source


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_parameters_are_typed_and_explained(path: Path) -> None:
    declared = parameters.read(path)
    assert tuple(declared)[: len(COMMON)] == COMMON
    assert all(len(parameter.meaning) > 8 for parameter in declared.values())


def test_the_first_cells_are_contract_and_parameters(step: nbformat.NotebookNode) -> None:
    assert [cell.cell_type for cell in step.cells[:3]] == ["markdown", "markdown", "code"]
    assert "parameters" in tags(step.cells[2])
    assert "page.keep()" in [cell for cell in step.cells if cell.cell_type == "code"][-1].source
