"""The hold-out is told by the brief first, then by a usual name: the same for every step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers import bank as banks
from helpers.bank import brief as briefs
from helpers.metrics import holdouts, outcomes
from helpers.metrics.participation import participation

N_EACH = 6


@pytest.fixture
def folder(write_bank: Callable[..., Path]) -> Path:
    """K1 has the arm `hold-out`; K2 `waiting`, named in its brief, beside a treated arm `control`; K3 none."""
    ids = [f"C{k:09d}" for k in range(2 * N_EACH)]
    arms = {"K1": ("hold-out", "gift"), "K2": ("waiting", "control"), "K3": ("gift", "letter")}
    assignments = pd.DataFrame(
        [
            {"campaign_id": key, "customer_id": who, "arm": pair[k % 2], "propensity": 0.5}
            for key, pair in arms.items()
            for k, who in enumerate(ids)
        ]
    ).assign(assigned_at=pd.Timestamp("2024-01-31"))
    campaigns = pd.DataFrame(
        {
            "campaign_id": list(arms),
            "form": "checkin",
            "name": list(arms),
            "starts_date": pd.Timestamp("2024-02-01").date(),
            "ends_date": pd.Timestamp("2024-02-07").date(),
            "budget": 100.0,
            "success_event": "checkin",
        }
    )
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "joined_date": pd.Timestamp("2023-01-01").date(),
            "birth_year": pd.array([1960] * len(ids), dtype="Int64"),
            "gender": "F",
            "branch": "Harbour",
        }
    )
    activity = pd.DataFrame(
        {
            "customer_id": ids[:5],  # three of the even (held out in K1 and K2), two of the odd
            "occurred_at": pd.Timestamp("2024-02-03 10:00"),
            "event": "checkin",
            "page": "home",
            "session_id": "s",
            "app": "main",
        }
    )
    balances = pd.DataFrame(
        {"customer_id": ids, "balance_date": pd.Timestamp("2024-02-29").date(), "aum": 1.0, "loan": 0.0}
    )
    made = write_bank(
        customers=customers, activity=activity, balances=balances, campaigns=campaigns, assignments=assignments
    )
    (made / "briefs").mkdir()
    brief = briefs.Brief(
        campaign_id="K2", name={"en": "K2", "zh": "二号"}, form="checkin", segment="all", written_on=date(2024, 1, 30),
        starts_date=date(2024, 2, 1), ends_date=date(2024, 2, 7), evaluate_on=date(2024, 3, 1), budget=100, assignment="randomised",
        arms=[{"name": "waiting", "weight": 0.5, "control": True}, {"name": "control", "weight": 0.5}],
        goal={"metric": "active_days", "baseline": 1, "target": 2},
        hypotheses=[{"key": "more", "text": {"en": "More.", "zh": "更多。"}, "metric": "active_days", "direction": "up",
                     "threshold": 0, "window_days": 7}],
    )  # fmt: skip
    briefs.write(brief, made / "briefs" / "K2.yml")
    return made


def test_brief_first_then_the_usual_names(folder: Path) -> None:
    bank = banks.open(folder, as_of="2024-03-31")
    assert holdouts.control_arms(bank, ["K1", "K2", "K3"]) == {"K1": "hold-out", "K2": "waiting"}
    assert holdouts.control_arms(bank, []) == {}


def test_take_up_counts_the_treated_and_nobody_held_out(folder: Path) -> None:
    bank = banks.open(folder, as_of="2024-03-31")
    campaigns = outcomes.finished_campaigns(bank, window_days=7)
    summary, _ = participation(bank, campaigns, least_treated=1)
    by = summary.set_index("campaign_id")
    assert by["n_treated"].to_dict() == {"K1": N_EACH, "K2": N_EACH, "K3": 2 * N_EACH}
    assert by["n_participants"].to_dict() == {"K1": 2, "K2": 2, "K3": 5}


@pytest.mark.parametrize(
    ("arms", "named", "found"), [(["a", "b"], "b", "b"), (["a", "control"], "gone", "control"), (["a"], "", "")]
)
def test_a_name_that_is_no_arm_is_passed_over(arms: list[str], named: str, found: Any) -> None:
    assert holdouts.control_arm(arms, named=named) == found
