"""Banks that the tests stand on: tiny ones written by hand, and one small sample bank built once a run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.browser import ARGUMENTS, chromium

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
SMALL_CUSTOMERS = 3_000
# Tests say which language they mean; the shell's is not to leak into them.
os.environ.pop("REPORT_LANGUAGE", None)
BANK_YML = "schema_version: 1\ncurrency: CNY\ntimezone: Asia/Shanghai\nsimulated: true\n"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long ones first, so that two workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def write_bank(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny bank and return its folder: ``write_bank(customers=frame, activity=frame, yml=…)``.

    Tables that are not given are the smallest valid ones: two customers with one event and one balance each.
    ``None`` leaves a table out. A table given as str is written as CSV text.
    """

    def write(*, name: str = "bank", yml: str = BANK_YML, **tables: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        for table, frame in {**tiny_tables(), **tables}.items():
            if frame is None:
                continue
            if isinstance(frame, str):
                (folder / f"{table}.csv").write_text(frame, encoding="utf-8")
            else:
                frame.to_parquet(folder / f"{table}.parquet", index=False)
        (folder / "bank.yml").write_text(yml, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def tiny_bank(write_bank: Callable[..., Path]) -> Callable[..., Any]:
    """Write a tiny bank and open it: ``tiny_bank(activity=frame, as_of="2024-03-31")``."""
    from helpers import bank as banks

    def make(*, as_of: str | None = None, branch: str = "", **tables: Any) -> banks.Bank:
        return banks.open(write_bank(**tables), as_of=as_of, branch=branch)

    return make


def tiny_tables() -> dict[str, pd.DataFrame]:
    """The smallest valid bank: two customers, one event and one balance each."""
    ids = ["C000000001", "C000000002"]
    return {
        "customers": pd.DataFrame(
            {
                "customer_id": ids,
                "joined_date": pd.to_datetime(["2024-01-01", "2024-02-01"]).date,
                "birth_year": pd.array([1960, 1999], dtype="Int64"),
                "gender": ["F", "M"],
                "branch": ["Harbour", "Old Town"],
            }
        ),
        "activity": pd.DataFrame(
            {
                "customer_id": ids,
                "occurred_at": pd.to_datetime(["2024-01-01 10:00", "2024-02-03 11:00"]),
                "event": "login",
                "page": "home",
                "session_id": ["s1", "s2"],
                "app": "main",
            }
        ),
        "balances": pd.DataFrame(
            {
                "customer_id": ids,
                "balance_date": pd.to_datetime(["2024-01-31", "2024-02-29"]).date,
                "aum": [1000.0, 2000.0],
                "loan": [0.0, 0.0],
            }
        ),
    }


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that all parallel workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


def build_once(folder: Path, build: Callable[[Path], object]) -> Path:
    """Build a folder once a run, whichever worker comes first; the others wait for it."""
    done, lock = folder.with_name(folder.name + ".done"), folder.with_name(folder.name + ".lock")
    while not done.is_file():
        try:
            handle = os.open(lock, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            time.sleep(0.2)
            continue
        try:
            if not done.is_file():
                build(folder)
                done.touch()
        finally:
            os.close(handle)
            lock.unlink()
    return folder


@pytest.fixture(scope="session")
def sample_bank_folder(shared_folder: Path) -> Path:
    """Build the small sample bank (3,000 customers, all 24 months)."""
    from helpers.bank import sample

    return build_once(shared_folder / "sample-bank", lambda folder: sample.build(folder, customers=SMALL_CUSTOMERS))


@pytest.fixture(scope="session")
def reports(shared_folder: Path, sample_bank_folder: Path) -> Path:
    """Run every playbook on the small sample bank, in English, and the first case of each in Chinese."""
    from typer.testing import CliRunner

    from helpers.cli import app
    from helpers.runs import plan

    def build(folder: Path) -> None:
        for playbook in playbooks():
            first = plan.read(playbook).cases[0].name
            for language, extra in (("en", []), ("zh", ["--case", first])):
                done = CliRunner().invoke(
                    app,
                    [
                        "run",
                        playbook,
                        "--bank",
                        str(sample_bank_folder),
                        "--reports",
                        str(folder),
                        "--language",
                        language,
                        *extra,
                    ],
                )
                assert done.exit_code == 0, done.output

    return build_once(shared_folder / "reports", build)


def playbooks() -> list[str]:
    """Names of the project's playbooks."""
    return sorted(folder.name for folder in (ROOT / "playbooks").iterdir() if (folder / "playbook.yml").is_file())


@pytest.fixture(scope="session")
def sample_bank(sample_bank_folder: Path) -> Any:
    """Open the small sample bank (3,000 customers, all 24 months)."""
    from helpers import bank as banks

    return banks.open(sample_bank_folder)


@pytest.fixture(scope="module")
def launcher() -> Iterator[Any]:
    """Start chromium, with further settings: ``launcher(env=…)``."""
    program = chromium()
    if program is None:
        message = "no chromium on this machine"
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"{message}, and this run requires one")
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield lambda **more: playwright.chromium.launch(executable_path=program, args=ARGUMENTS, **more)


@pytest.fixture(scope="module")
def browser(launcher: Any) -> Iterator[Any]:
    started = launcher()
    yield started
    started.close()
