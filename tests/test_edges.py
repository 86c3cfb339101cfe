"""Banks at the edge: every step gives an honest answer, none stops.

One customer; nobody lapsed; everybody lapsed; only the three tables that every bank has; a real bank without campaigns.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers import findings
from helpers.bank.importers import berka
from tests.conftest import ROOT, SHARED_DATA
from tests.execution import execute

STEPS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST, LAST = date(2024, 1, 1), date(2024, 12, 31)
pytestmark = pytest.mark.slow


def tables(n: int, last_day: Callable[[int], date], *, every_days: int = 9) -> dict[str, pd.DataFrame]:
    """Write ``n`` customers who come every ``every_days`` days until their last day, with month-end balances."""
    ids = [f"C{number:09d}" for number in range(1, n + 1)]
    rng = np.random.default_rng(1)
    joined = [FIRST + timedelta(days=int(day)) for day in rng.integers(0, 60, n)]
    visits = [
        (customer, start + timedelta(days=step))
        for index, (customer, start) in enumerate(zip(ids, joined, strict=True))
        for step in range(0, max((last_day(index) - start).days, 0) + 1, every_days)
    ]
    ends = [day.date() for day in pd.date_range(FIRST, LAST, freq="ME")]
    return {
        "customers": pd.DataFrame(
            {
                "customer_id": ids,
                "joined_date": joined,
                "birth_year": pd.array(rng.integers(1940, 2004, n), dtype="Int64"),
                "gender": rng.choice(["F", "M"], n),
                "branch": rng.choice(["Harbour", "Old Town"], n),
            }
        ),
        "activity": pd.DataFrame(
            {
                "customer_id": [customer for customer, _ in visits],
                "occurred_at": pd.to_datetime([day for _, day in visits]) + pd.Timedelta(hours=10),
                "event": "login",
                "page": "home",
                "session_id": [f"s{number}" for number in range(len(visits))],
                "app": "main",
            }
        ),
        "balances": pd.DataFrame(
            [
                {"customer_id": customer, "balance_date": end, "aum": 1000.0 + 10 * index, "loan": 0.0}
                for index, (customer, start) in enumerate(zip(ids, joined, strict=True))
                for end in ends
                if end >= start
            ]
        ),
    }


EDGES: dict[str, Callable[[], dict[str, pd.DataFrame]]] = {
    "one_customer": lambda: tables(1, lambda _: LAST),
    "nobody_lapsed": lambda: tables(60, lambda _: LAST, every_days=5),
    "everybody_lapsed": lambda: tables(60, lambda index: date(2024, 5, 1) + timedelta(days=index)),
    "three_tables": lambda: tables(200, lambda index: LAST if index % 3 else date(2024, 7, 1)),
}


def kept(notebook: Path, folder: Path, **values: Any) -> findings.KeptResult:
    execute(notebook, folder, values)
    result = findings.read(folder, notebook.stem)
    assert result is not None
    assert result.findings, notebook.stem
    for finding in result.findings.values():
        for words in (finding.text.en, finding.text.zh):
            assert "nan" not in words.lower().split(), words
            assert " None" not in words, words
    return result


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("notebook", STEPS, ids=lambda path: path.stem)
def test_every_step_answers(edge: str, notebook: Path, write_bank: Callable[..., Path], tmp_path: Path) -> None:
    bank = write_bank(**EDGES[edge]())
    values: dict[str, Any] = {"bank": str(bank), "as_of": LAST.isoformat()}
    if notebook.stem == "02_segment_insight":
        values["segment"] = "all"
    kept(notebook, tmp_path / "run", **values)


@pytest.fixture(scope="module")
def berka_bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = SHARED_DATA / "berka"
    if not source.is_dir():
        pytest.skip("the PKDD'99 files are not beside the project")
    return berka.convert(source, tmp_path_factory.mktemp("berka") / "bank")


@pytest.mark.parametrize("notebook", STEPS, ids=lambda path: path.stem)
def test_every_step_answers_for_a_real_bank(notebook: Path, berka_bank: Path, tmp_path: Path) -> None:
    result = kept(notebook, tmp_path / "run", bank=str(berka_bank))
    if notebook.stem == "01_goal_decomposition":
        # The last whole month of the part at hand is February 1994; its AUM to the crown.
        assert round(result.figures["aum"].value) == 36_873_402
