"""The three ways to name what is needed say the same: pyproject.toml, environment.yml, requirements.lock."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from tests.conftest import ROOT

# What conda-forge calls a distribution otherwise. The channel can't be reached from here: names are its documented ones.
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "ibis-framework": "ibis-duckdb",
    "matplotlib": "matplotlib-base",
    "nbconvert": "nbconvert-core",
}


def _requirements() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(_split(requirement) for requirement in project["dependencies"])


def _split(requirement: str) -> tuple[str, str]:
    name, bounds = re.fullmatch(r"([A-Za-z0-9_.-]+?)(?:\[[^]]*\])?\s*([<>=!].*)", requirement).groups()
    return name.lower(), bounds.replace(" ", "")


def test_conda_environment_has_the_same_bounds() -> None:
    content = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [entry for entry in content["dependencies"] if isinstance(entry, str)]
    by_pip = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
    stated = dict(_split(entry) for entry in plain if entry != "pip")
    stated |= dict(_split(entry) for entry in by_pip if not entry.startswith("--"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert stated.pop("python") == project["requires-python"]
    assert stated == {CONDA_NAMES.get(name, name): bounds for name, bounds in _requirements().items()}


@pytest.mark.parametrize("name", sorted(_requirements()))
def test_lock_pins_every_requirement_with_hashes(name: str) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    block = re.search(
        rf"^{re.escape(name)}(?:\[[^]]*\])?==[^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{{64}}[^\n]*\n)+", lock, re.M
    )
    assert block, f"{name} is not pinned with hashes in requirements.lock; run make lock"


def test_lock_names_no_host() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"https?://|--index-url|--extra-index-url|--find-links", lock)
