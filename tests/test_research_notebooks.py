"""The research notebooks: both languages, outputs that nbval compares, and the truth only at the end."""

from __future__ import annotations

import ast
import re

import nbformat
import pytest

from tests.conftest import ROOT
from tests.test_notebooks import CONTRACT, STEPS, tags

RESEARCH = sorted((ROOT / "notebooks" / "research").glob("*.ipynb"))
CHECKED = "nbval-check-output"


@pytest.fixture(params=RESEARCH, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_they_are_found() -> None:
    assert {path.stem for path in RESEARCH} >= {"retention", "uplift", "experiments"}


def test_cells_counted_in_one_language(notebook: nbformat.NotebookNode) -> None:
    english = [cell for cell in notebook.cells if "lang-zh" not in tags(cell)]
    text = [cell for cell in english if cell.cell_type == "markdown"]
    assert 12 <= len(english) <= 30
    assert len(text) >= len(english) / 3


def test_text_stands_in_both_languages(notebook: nbformat.NotebookNode) -> None:
    text = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
    order = [tag for cell in text for tag in ("lang-en", "lang-zh") if tag in tags(cell)]
    assert order == ["lang-en", "lang-zh"] * (len(text) // 2)
    for english, chinese in zip(text[::2], text[1::2], strict=True):
        assert re.findall(r"^#+ ", english.source, re.M) == re.findall(r"^#+ ", chinese.source, re.M)
        # What the text points at is the same in both: columns, parameters, links.
        for mark in (r"`[^`]+`", r"\]\(([^)]+)\)"):
            assert sorted(re.findall(mark, english.source)) == sorted(re.findall(mark, chinese.source))
        assert re.search(r"[\u4e00-\u9fff]", chinese.source)
        assert not re.search(r"[\u4e00-\u9fff]", english.source)


@pytest.mark.parametrize("language", ["lang-en", "lang-zh"])
def test_contract_on_top_and_limits_at_the_end(notebook: nbformat.NotebookNode, language: str) -> None:
    text = [cell.source for cell in notebook.cells if language in tags(cell)]
    assert text[0].startswith("# ")
    assert all(words in text[0] for words in CONTRACT[language])
    assert re.search(r"^## (Limits|局限)", text[-1])
    for link in re.findall(r"\]\(([^)]+\.ipynb)\)", text[-1]):
        assert (ROOT / "notebooks" / "research" / link).exists(), link


def test_parameters_come_first_and_nothing_is_defined(notebook: nbformat.NotebookNode) -> None:
    assert "parameters" in tags(code(notebook)[0])
    for line in code(notebook)[0].source.splitlines():
        assert re.fullmatch(r"\w+: (str|int|float|bool) = .+  # .{8,}", line), line
    for cell in code(notebook):
        kinds = ast.FunctionDef | ast.ClassDef | ast.Lambda
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, kinds)]


def test_each_parameter_is_used(notebook: nbformat.NotebookNode) -> None:
    names = re.findall(r"^(\w+): ", code(notebook)[0].source, re.M)
    used = {
        node.id
        for cell in code(notebook)[1:]
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    assert set(names) <= used


def test_outputs_are_stored_and_small_tables_are_compared(notebook: nbformat.NotebookNode) -> None:
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))
    assert not [out for cell in code(notebook) for out in cell.outputs if out.output_type != "execute_result"]
    compared = [cell for cell in code(notebook) if CHECKED in tags(cell)]
    assert len(compared) >= 5
    for cell in compared:
        shown = cell.outputs[0].data["text/plain"]
        # Rounded, so that the last digits of another machine don't matter; no pictures.
        assert not re.search(r"\d\.\d{5}", shown), shown
        assert len(shown.splitlines()) < 40
        assert "<img" not in cell.outputs[0].data.get("text/html", "")


def test_the_truth_is_read_only_under_its_heading(notebook: nbformat.NotebookNode) -> None:
    at = next(i for i, cell in enumerate(notebook.cells) if cell.source.startswith("## The truth"))
    before = [cell for cell in notebook.cells[:at] if cell.cell_type == "code"]
    after = [cell for cell in notebook.cells[at:] if cell.cell_type == "code"]
    assert not [cell for cell in before if "truth/" in cell.source]
    assert [cell for cell in after if "truth/" in cell.source]


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_steps_do_not_read_the_truth(path) -> None:
    source = path.read_text(encoding="utf-8")
    assert "truth/" not in source
    module = ROOT / "src" / "helpers" / "steps"
    assert not [file for file in module.rglob("*.py") if "truth/" in file.read_text(encoding="utf-8")]
