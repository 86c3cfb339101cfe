"""Twenty small banks: the project's own estimators find what was planted, as often as they claim."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.bank.sample.cell import simulate_cell
from helpers.bank.sample.plans import EFFECT_DAYS
from helpers.bank.sample.writing import make_world
from helpers.models.experiments import effect, sample_ratio

SEEDS = range(20)
CUSTOMERS = 2_000


@pytest.fixture(scope="module")
def banks() -> list[dict[str, pd.DataFrame]]:
    """For each seed and campaign, one row an assigned customer: arm, active days in and before the window, tau."""
    found = []
    for seed in SEEDS:
        world = make_world(seed, customers=CUSTOMERS)
        campaigns: dict[str, list[pd.DataFrame]] = {}
        for number in range(world.n_cells):
            cell = simulate_cell(world, number)
            for outcome in cell.outcomes:
                days = outcome.launch[:, None] + np.arange(-EFFECT_DAYS, EFFECT_DAYS)
                active = cell.active[outcome.rows[:, None], days]
                frame = pd.DataFrame(
                    {
                        "arm": np.array([name for name, _ in outcome.plan.arms])[outcome.arm],
                        "active_days": active[:, EFFECT_DAYS:].sum(axis=1),
                        "active_days_before": active[:, :EFFECT_DAYS].sum(axis=1),
                        "tau": outcome.effects["active_days"][:, -1],
                    }
                )
                campaigns.setdefault(outcome.plan.campaign_id, []).append(frame)
        found.append({name: pd.concat(parts, ignore_index=True) for name, parts in campaigns.items()})
    return found


@pytest.mark.slow
@pytest.mark.parametrize("campaign_id", ["K001", "K002", "K005", "K006", "K010"])
def test_intervals_hold_the_planted_effect(banks: list[dict[str, pd.DataFrame]], campaign_id: str) -> None:
    """At least 17 of 20 intervals of 95 %: fewer come once in 63 such sets if the claim is true."""
    held = []
    for bank in banks:
        table = bank[campaign_id]
        row = effect(table, metric="active_days", control="control", covariate="active_days_before").iloc[0]
        held.append(row.lower <= table.tau.mean() <= row.upper)
    assert sum(held) >= 17


@pytest.mark.slow
def test_the_broken_draw_is_found_in_every_bank_and_misleads(banks: list[dict[str, pd.DataFrame]]) -> None:
    wrong_sign = 0
    for bank in banks:
        table = bank["K003"]
        counts = table.arm.value_counts().to_dict()
        assert sample_ratio(counts, {"control": 0.5, "treatment": 0.5})["tier"] == "broken"
        means = table.groupby("arm").active_days.mean()
        wrong_sign += means["treatment"] < means["control"]
        assert table.tau.mean() > 0.3
    assert wrong_sign >= 15


@pytest.mark.slow
def test_sound_draws_are_not_called_broken(banks: list[dict[str, pd.DataFrame]]) -> None:
    """100 sound draws at 0.001: one false alarm in ten such sets."""
    broken = sum(
        sample_ratio(bank[name].arm.value_counts().to_dict(), weights)["tier"] == "broken"
        for bank in banks
        for name, weights in (
            ("K001", {"control": 0.3, "treatment": 0.7}),
            ("K002", {"control": 0.3, "treatment": 0.7}),
            ("K005", {"control": 0.5, "treatment": 0.5}),
            ("K006", {"control": 0.5, "treatment": 0.5}),
            ("K010", {"control": 0.2, "treatment": 0.8}),
        )
    )
    assert broken <= 1
