"""Weekly differences against a count by hand and against scipy's Welch test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.metrics import campaign_weeks, outcomes
from helpers.metrics.economics import Economics, read_assumptions, read_economics
from tests.metrics.test_outcomes import campaign_tables

N = 40


def weekly_tables() -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Forty customers, active days drawn week by week; returns the tables and the days by customer and week."""
    rng = np.random.default_rng(5)
    ids = [f"C{i:09d}" for i in range(1, N + 1)]
    launch = pd.Timestamp("2024-03-11")
    days = pd.DataFrame(rng.integers(0, 6, (N, 6)), index=ids, columns=range(-2, 4))
    events = [
        (who, launch + pd.Timedelta(days=7 * week + d, hours=h))
        for who in ids
        for week in days.columns
        for d in range(days.loc[who, week])
        for h in (9, 20)  # twice a day counts once
    ]
    tables = campaign_tables()
    tables["customers"] = pd.DataFrame(
        {
            "customer_id": ids,
            "joined_date": pd.Timestamp("2023-01-01").date(),
            "birth_year": pd.array([1960] * N, dtype="Int64"),
            "gender": "F",
            "branch": "Harbour",
        }
    )
    events.append((ids[0], pd.Timestamp("2024-02-26 12:00")))
    tables["activity"] = pd.DataFrame(events, columns=["customer_id", "occurred_at"]).assign(
        event="login", page="home", session_id="s", app="main"
    )
    tables["assignments"] = pd.DataFrame(
        {
            "campaign_id": "K901",
            "customer_id": ids,
            "arm": ["treatment"] * 25 + ["control"] * 15,
            "propensity": [0.625] * 25 + [0.375] * 15,
            "assigned_at": launch - pd.Timedelta(hours=6),
        }
    )
    tables["balances"] = tables["balances"].iloc[:1].assign(customer_id=ids[0])
    tables["touches"] = tables["rewards"] = None
    days.loc[ids[0], -2] = max(days.loc[ids[0], -2], 1)
    return tables, days


def test_weekly_difference_is_welch(tiny_bank: Callable[..., Any]) -> None:
    tables, days = weekly_tables()
    bank = tiny_bank(**tables, as_of="2024-04-07")
    assigned = outcomes.assigned_customers(bank, "K901")
    of = outcomes.campaign(bank, "K901")
    found = campaign_weeks.weekly_difference(bank, of, assigned, control="control", days_after_launch=90)
    # two weeks before are in the log, four weeks from the launch were seen
    assert found["week"].tolist() == list(range(-2, 4))
    for row in found.itertuples():
        treated, held_out = days[row.week].iloc[:25], days[row.week].iloc[25:]
        test = stats.ttest_ind(treated, held_out, equal_var=False).confidence_interval(0.95)
        assert row.estimate == pytest.approx(treated.mean() - held_out.mean())
        assert (row.lower, row.upper) == pytest.approx((test.low, test.high))
        assert (row.n, row.n_control) == (25, 15)


def test_economics_say_what_they_stand_on() -> None:
    economics = read_economics()
    assert economics.margin_per_active_month == pytest.approx(
        economics.fee_income_per_active_month - economics.servicing_cost_per_active_month
    )
    assert Economics(0.01, 3, 1, 0.002).margin_on_money(73) == pytest.approx(0.0016)
    for entry in read_assumptions().values():
        assert entry.source.en
        assert entry.source.zh


def test_missing_or_impossible_assumptions_are_refused(tmp_path: Any) -> None:
    words = "{en: a, zh: 甲}"
    spread = f"  spread: {{name: {words}, value: 1.2, unit: share, source: {words}}}\n"
    (tmp_path / "economics.yml").write_text(f"schema_version: 1\nentries:\n{spread}", encoding="utf-8")
    with pytest.raises(ValueError, match="must be 0 to 1"):
        read_economics(folder=tmp_path)
    fine = spread.replace("1.2", "0.012")
    (tmp_path / "economics.yml").write_text(f"schema_version: 1\nentries:\n{fine}", encoding="utf-8")
    with pytest.raises(ValueError, match=r"fee_income_per_active_month.* missing"):
        read_economics(folder=tmp_path)
