"""Words of the board that a reader could misread: whose figures they are, and how many steps there are."""

from __future__ import annotations

import re
from typing import Any

import pytest

from helpers.reporting import board


def drawn(language: str, branch: str, *, n_runs: int = 1) -> str:
    figures = [
        {"key": key, "value": value, "lower": None, "upper": None, "unit": unit, "n": n, "period": "", "target": None}
        for key, value, unit, n in (
            ("policy_breaches", 326, "count", 5890), ("expected_activated", 210, "customers", None),
            ("aac", 87.89, "money_each", 2694), ("lroi", 1.29, "score", 14850),
        )
    ]  # fmt: skip
    run: dict[str, Any] = {
        "playbook": "p", "case": "c", "case_title": "C", "step": "04_channel_matrix", "language": language,
        "state": "done", "seconds": 1.0, "page": "a.html", "message": "", "currency": "CNY", "figures": figures,
        "result": {"about": {"branch": branch}, "findings": []},
    }  # fmt: skip
    markup = board.render([{"title": "P", "runs": [run] * n_runs}], language=language, simulated=False)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style).*?</\1>", "", markup, flags=re.S)))


@pytest.mark.parametrize(
    ("language", "shared", "own"),
    [
        ("en", ("New customers expected from the budget (whole bank)", "AAC (whole bank)", "LROI (whole bank)"), "Contacts against the rules"),
        ("zh", ("预算预计激活新客（全行）", "AAC（全行）", "LROI（全行）"), "违规触达"),
    ],
)  # fmt: skip
def test_figures_of_a_branch_that_are_the_whole_banks_say_so(language: str, shared: tuple[str, ...], own: str) -> None:
    text, of_bank = drawn(language, "Harbour"), drawn(language, "")
    said = {"en": "(whole bank)", "zh": "（全行）"}[language]
    assert all(name in text for name in shared)
    assert text.count(said) == len(shared)
    assert f"{own} 326" in text
    assert said not in of_bank


def test_one_step_is_one_step() -> None:
    assert "1 step: 1 done" in drawn("en", "")
    assert "2 steps: 2 done" in drawn("en", "", n_runs=2)
