"""Each parameter of each step notebook changes something that is kept or shown: none is decoration.

The notebooks' own cells are executed here in this process, on the small sample bank, once as they stand and once
for every parameter with another value.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from helpers.runs import parameters
from tests.conftest import ROOT
from tests.execution import execute

pytestmark = pytest.mark.slow
# Steps 2 and 3 are tried in tests/steps, where every parameter has a value chosen for its own effect.
TRIED_ELSEWHERE = ("02_segment_insight", "03_activity_design")
STEPS = [path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if path.stem not in TRIED_ELSEWHERE]
# Another value for each parameter; what is not named is halved or doubled.
OTHER: dict[str, Any] = {
    "as_of": "2025-11-15",
    "branch": "Harbour",
    "language": "zh",
    "segment": "women",
    "campaign_id": "K002",
    "acquired_since": "2025-06-01",
    "roi_convention": "net",
    "starts_date": "2026-03-02",
    "salt": "another draw",
    "form": "quiz",
    "goal_metric": "aum_change",
    "min_group_size": 400,
    "alpha": 0.2,
    "power": 0.95,
    "activation_days": 5,
    "stretch_quantile": 0.55,
    "return_basis": "activity",
    "winsorize_quantile": 0.9,
}


def other(parameter: parameters.Parameter) -> Any:
    """Return a value that is allowed and is not the default."""
    if parameter.name in OTHER:
        return OTHER[parameter.name]
    if parameter.kind == "bool":
        return not parameter.default
    if parameter.kind == "int":
        return parameter.default * 2 if parameter.default else 5000
    if parameter.kind == "float":
        return parameter.default / 2 if parameter.default else 1e9
    raise AssertionError(f"say in OTHER what else {parameter.name} may be")


def run(notebook: Path, folder: Path, values: dict[str, Any]) -> str:
    """Execute the code cells and return a digest of everything kept, and of the language shown."""
    scope = execute(notebook, folder, values)
    digest = hashlib.sha256(scope["page"].language.encode())
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = file.read_bytes()
        if file.name == "result.json":
            # What the page stands on (day, branch) is said there: it would make those two bite by itself.
            kept = json.loads(content)
            kept.pop("about", None)
            content = json.dumps(kept).encode()
        if file.suffix == ".csv":
            # The head of a list names the run that wrote it, which is another folder here.
            content = b"".join(
                line for line in content.splitlines(True) if not line.lstrip(b"\xef\xbb\xbf").startswith(b"#")
            )
        digest.update(file.relative_to(folder).as_posix().encode() + content)
    return digest.hexdigest()


def rewritten_brief(bank: Path, folder: Path) -> Path:
    """Write the brief of K001 with another target."""
    text = (bank / "briefs" / "K001.yml").read_text(encoding="utf-8")
    file = folder / "brief.yml"
    file.write_text(text.replace("target: 5.4", "target: 6.4"), encoding="utf-8")
    assert file.read_text(encoding="utf-8") != text
    return file


@cache
def cases() -> list[tuple[Path, str]]:
    return [
        (notebook, name) for notebook in STEPS for name in parameters.read(notebook) if name not in ("bank", "run_dir")
    ]


@pytest.fixture(scope="session")
def usual(tmp_path_factory: pytest.TempPathFactory, sample_bank_folder: Path) -> dict[str, str]:
    """Digest of each notebook with its own values, filled as needed."""
    return {}


@pytest.mark.parametrize(
    ("notebook", "name"), cases(), ids=lambda value: value.stem if isinstance(value, Path) else value
)
def test_a_parameter_changes_something(
    notebook: Path, name: str, usual: dict[str, str], sample_bank_folder: Path, tmp_path: Path
) -> None:
    bank = str(sample_bank_folder)
    if notebook.stem not in usual:
        usual[notebook.stem] = run(notebook, tmp_path / "usual", {"bank": bank})
    value = (
        other(parameters.read(notebook)[name])
        if name != "brief"
        else str(rewritten_brief(sample_bank_folder, tmp_path))
    )
    changed = run(notebook, tmp_path / "changed", {"bank": bank, name: value})
    assert changed != usual[notebook.stem]


@pytest.mark.parametrize("notebook", STEPS, ids=lambda path: path.stem)
def test_the_same_values_give_the_same_result(
    notebook: Path, usual: dict[str, str], sample_bank_folder: Path, tmp_path: Path
) -> None:
    """Without this the test above could not fail: any noise would pass for an effect of the parameter."""
    bank = str(sample_bank_folder)
    if notebook.stem not in usual:
        usual[notebook.stem] = run(notebook, tmp_path / "usual", {"bank": bank})
    assert run(notebook, tmp_path / "again", {"bank": bank}) == usual[notebook.stem]
