"""Lifecycle states by hand, their sums, and the catalogue's own checks."""

from __future__ import annotations

from datetime import date

import ibis
import pandas as pd
import pytest

from helpers.metrics import lifecycle
from helpers.metrics.definitions import read_metrics

END = date(2025, 6, 30)
# customer: joined, closed, active days
LIVES: dict[str, tuple[str, str | None, list[str]]] = {
    "edge": ("2024-01-01", None, ["2025-01-01", "2025-06-30"]),
    "habit": ("2024-01-01", None, [f"2025-05-{d:02d}" for d in range(1, 13)]),
    "eleven": ("2024-01-01", None, [f"2025-05-{d:02d}" for d in range(1, 12)]),
    "silent": ("2024-01-01", None, ["2025-05-01"]),
    "just_in_time": ("2024-01-01", None, ["2025-05-02"]),
    "never_old": ("2024-01-01", None, []),
    "never_new": ("2025-02-01", None, []),
    "settling": ("2025-06-10", None, ["2025-06-10"]),
    "settled": ("2025-05-20", None, ["2025-05-31", "2025-06-20"]),
    "back_after_years": ("2020-01-01", None, ["2025-06-20"]),
    "gone": ("2024-01-01", "2025-06-30", ["2025-06-20"]),
    "tomorrow": ("2025-07-01", None, []),
}
EXPECTED = {
    "edge": "active",
    "habit": "mature",
    "eleven": "active",
    "silent": "churning",
    "just_in_time": "active",
    "never_old": "churning",
    "never_new": "potential",
    "settling": "potential",
    "settled": "active",
    "back_after_years": "active",
    "gone": "closed",
    "tomorrow": "not_yet_joined",
}


@pytest.fixture(scope="module")
def tables() -> tuple[ibis.Table, ibis.Table]:
    rows = [(c, pd.Timestamp(d)) for c, (_, _, days) in LIVES.items() for d in days]
    activity = ibis.memtable(pd.DataFrame(rows, columns=["customer_id", "occurred_at"]))
    frame = pd.DataFrame(
        {
            "customer_id": list(LIVES),
            "joined_date": pd.to_datetime([life[0] for life in LIVES.values()]),
            "closed_date": pd.to_datetime([life[1] for life in LIVES.values()]),
        }
    )
    customers = ibis.memtable(frame)
    return activity, customers.mutate(
        joined_date=customers.joined_date.cast("date"), closed_date=customers.closed_date.cast("date")
    )


def test_states_by_hand(tables: tuple[ibis.Table, ibis.Table]) -> None:
    table = lifecycle.states_at(*tables, [END]).to_pandas()
    assert dict(zip(table["customer_id"], table["state"], strict=True)) == EXPECTED


def test_every_customer_is_in_one_state(tables: tuple[ibis.Table, ibis.Table]) -> None:
    table = lifecycle.lifecycle(*tables, as_of=END)
    # The first months of the log can't tell silence: the look-back of 90 days is full at the end of March.
    assert table["month"].unique().tolist() == ["2025-03", "2025-04", "2025-05", "2025-06"]
    last = table[table["month"] == "2025-06"].set_index("lifecycle_state")["customers"]
    assert last.to_dict() == {"potential": 2, "active": 5, "mature": 1, "churning": 2}
    assert table.groupby("month")["share"].sum().to_numpy() == pytest.approx(1)


def test_transitions_lead_from_one_month_to_the_next(tables: tuple[ibis.Table, ibis.Table]) -> None:
    moves = lifecycle.transitions(*tables, as_of=END)
    before = (
        lifecycle.lifecycle(*tables, as_of=END).query("month == '2025-05'").set_index("lifecycle_state")["customers"]
    )
    for state, n in before.items():
        assert moves.loc[moves["from_state"] == state, "customers"].sum() == n
    found = moves.set_index(["from_state", "to_state"])["customers"]
    assert found["active", "churning"] == 1  # silent: active on 1 May for the last time
    assert found["not_yet_joined", "potential"] == 1
    assert found["churning", "active"] == 2  # back_after_years, and edge after half a year
    known = moves[moves["n"] > 0]
    assert (known["lower"] <= known["share"]).all()
    assert (known["share"] <= known["upper"]).all()


def test_too_short_a_log_says_nothing(tables: tuple[ibis.Table, ibis.Table]) -> None:
    assert not len(lifecycle.lifecycle(*tables, as_of=date(2025, 2, 28)))
    assert not len(lifecycle.transitions(*tables, as_of=date(2025, 2, 28)))
    with pytest.raises(ValueError, match="months_back must be at least 1, not 0"):
        lifecycle.lifecycle(*tables, months_back=0)


def test_catalogue_is_whole_and_bound_to_the_metrics(tmp_path) -> None:
    states, metrics = lifecycle.read_lifecycle(), read_metrics()
    assert all(slug in metrics for state in states.values() for slug in state.metrics)
    from helpers.bank.places import project_root

    words = (project_root() / "data" / "catalogue" / "lifecycle.yml").read_text(encoding="utf-8")
    for broken, message in (
        (words.replace("silent_days: 60", "silent_days: 0"), "churning.silent_days"),
        (words.replace("    silent_days: 60", ""), "churning.silent_days is missing"),
        (words.replace("active_days: 12 ", "active_days: 120 "), "can't exceed lookback_days 90"),
        (words.replace("  mature:", "  grown:"), "states must be potential"),
    ):
        (tmp_path / "lifecycle.yml").write_text(broken, encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            lifecycle.read_lifecycle(folder=str(tmp_path))
