"""A result is kept whole and read back as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from helpers import findings
from helpers.findings import Figure, Finding, StepResult, Text, labels
from helpers.findings.numbers import UNITS


@pytest.fixture
def result(tmp_path: Path) -> StepResult:
    made = StepResult("01_try", run_dir=tmp_path)
    made.add(
        Finding(
            "mau", Text("MAU is 12.", "月活 12 人。"), (Figure("mau", 12, unit="customers", n=20),), "bridge", "good"
        )
    )
    made.add_table("bridge", pd.DataFrame({"month": ["2024-01"], "mau": [12]}))
    return made


def test_kept_results_are_read_back(result: StepResult, tmp_path: Path) -> None:
    result.keep()
    kept = findings.read(tmp_path, "01_try")
    assert kept is not None
    assert kept.figures["mau"] == Figure("mau", 12, unit="customers", n=20)
    assert kept.findings["mau"].text == Text("MAU is 12.", "月活 12 人。")
    assert kept.table("bridge").equals(pd.DataFrame({"month": ["2024-01"], "mau": [12]}))


def test_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    made = StepResult("01_try")
    assert made.keep() is None
    assert made.path("list.csv") is None
    assert findings.read("", "01_try") is None
    assert findings.read(tmp_path, "01_try") is None


def test_a_result_of_another_version_is_refused(result: StepResult, tmp_path: Path) -> None:
    file = result.keep()
    assert file is not None
    content = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**content, "schema_version": 99}), encoding="utf-8")
    with pytest.raises(ValueError, match="schema_version is 99, this version reads 1; run the step again"):
        findings.read(tmp_path, "01_try")


def test_a_finding_stands_once(result: StepResult) -> None:
    with pytest.raises(ValueError, match="has a finding 'mau' already"):
        result.add(Finding("mau", Text("x", "某")))


def test_a_write_that_fails_leaves_the_old_result(
    result: StepResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = result.keep()
    assert file is not None
    before = file.read_bytes()
    result.add(Finding("more", Text("More.", "更多。")))
    monkeypatch.setattr(
        Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space left"):
        result.keep()
    assert file.read_bytes() == before
    assert not [path for path in file.parent.iterdir() if path.name.startswith(".")]


def test_labels_agree_with_each_other() -> None:
    assert labels.conflicts() == []


def test_labels_have_both_languages_and_a_known_unit() -> None:
    for column, label in labels.read().items():
        assert label.text.en.strip(), column
        assert label.text.zh.strip(), column
        assert "unit:" not in label.text.zh + label.text.en, column
        assert label.unit in UNITS
