"""A branch of a handful of customers has no pages: each figure would be somebody's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import tiny_tables
from tests.runs.conftest import run


def bank_of(write_bank: Callable[..., Path], n: int) -> Path:
    customers = tiny_tables()["customers"]
    more = pd.concat([customers.head(1)] * n, ignore_index=True)
    more["customer_id"] = [f"C{i:09d}" for i in range(1, n + 1)]
    return write_bank(customers=pd.concat([more, customers.tail(1).assign(customer_id="C000000099")]))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_refused_before_any_kernel(write_bank: Callable[..., Path], tmp_path: Path, language: str) -> None:
    folder = bank_of(write_bank, 9)
    code, output = run(
        "first_review", "--bank", str(folder), "--reports", str(tmp_path / "r"), "--language", language,
        "-p", "branch=Harbour",
    )  # fmt: skip
    assert code == 2
    said = {
        "en": "branch 'Harbour' has 9 customers on 2024-02-29, fewer than min_group_size (10)",
        "zh": "仅有 9 位客户",
    }
    assert said[language] in output
    assert not list(tmp_path.rglob("*.html"))


def test_enough_customers_pass_the_check(write_bank: Callable[..., Path]) -> None:
    from helpers.runs import plan, preflight

    folder = bank_of(write_bank, 10)
    read = plan.read("first_review", bank=str(folder), overrides={"branch": "Harbour"})
    assert preflight.check_bank(read).fingerprints
