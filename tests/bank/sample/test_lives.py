"""Lapses, returns and hazards: the log gives back exactly what was planted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from helpers.bank.sample.cell import simulate_cell
from helpers.bank.sample.lives import CLOSING_EFFECTS, LAPSE_EFFECTS, LONGEST_GAP_DAYS, SILENT_DAYS
from helpers.bank.sample.people import BRANCHES
from helpers.bank.sample.writing import make_world
from tests import truth

LOG_START, LOG_END = pd.Timestamp("2024-01-01"), pd.Timestamp("2025-12-31")


@pytest.fixture(scope="module")
def lives(sample_bank_folder: Path, active_days: pd.DataFrame) -> pd.DataFrame:
    """Truth beside what the bare log says: first day before a silence of at least 60 days, by the simplest code."""
    following = active_days.groupby("customer_id").day.shift(-1).fillna(LOG_END)
    falls_silent = (following - active_days.day).dt.days >= SILENT_DAYS
    frame = truth.read(sample_bank_folder, "customers").set_index("customer_id")
    frame["seen_lapse"] = active_days[falls_silent].groupby("customer_id").day.min()
    frame["first_seen"] = active_days.groupby("customer_id").day.min()
    return frame


def test_lapse_days_come_back_exactly(lives: pd.DataFrame) -> None:
    in_log = lives[lives.lapse_date >= LOG_START]
    visible = in_log.lapse_date <= LOG_END - pd.Timedelta(days=SILENT_DAYS)
    assert visible.sum() > 800
    assert (in_log[visible].seen_lapse == in_log[visible].lapse_date).all()
    assert in_log[~visible].seen_lapse.isna().all()


def test_who_was_silent_at_the_start_is_known_from_the_first_60_days(lives: pd.DataFrame) -> None:
    early = lives.first_seen < LOG_START + pd.Timedelta(days=SILENT_DAYS)
    joined_before = lives.joined_date < LOG_START
    dormant = lives.lapse_date < LOG_START
    assert dormant.sum() > 300
    assert not (dormant & early).any()
    assert (early | dormant | ~joined_before).all()


def test_nobody_is_active_before_joining_after_closing_or_between_lives(
    lives: pd.DataFrame, active_days: pd.DataFrame, table
) -> None:
    days = active_days.merge(lives.reset_index(), on="customer_id")
    assert (days.day >= days.joined_date).all()
    second = (days.day >= days.return_date) & (days.day <= days.second_end_date)
    assert ((days.day <= days.lapse_date) | second).all()
    closed = pd.to_datetime(table("customers").set_index("customer_id").closed_date)
    ends = lives.lapse_date.where(lives.cause == "closed", lives.second_end_date.where(lives.second_cause == "closed"))
    assert closed.equals(ends.where(ends <= LOG_END).rename("closed_date").reindex(closed.index))


def test_gaps_within_a_life_stay_short_and_returns_take_long(active_days: pd.DataFrame) -> None:
    gaps = active_days.groupby("customer_id").day.diff().dt.days.dropna()
    assert not gaps.between(LONGEST_GAP_DAYS + 1, 74).any()
    assert (gaps >= 75).sum() > 100  # returns


def test_late_rows_hide_no_active_day(events: pd.DataFrame) -> None:
    on_time = events[events.loaded_at.dt.normalize() == events.day]
    assert len(on_time[["customer_id", "day"]].drop_duplicates()) == len(
        events[["customer_id", "day"]].drop_duplicates()
    )
    late = (events.loaded_at.dt.normalize() - events.day).dt.days
    assert set(late[late > 0].unique()) <= set(range(2, 21))
    assert 0.003 < (late > 0).mean() < 0.008


@pytest.mark.slow
def test_a_hazard_regression_recovers_both_causes() -> None:
    """Poisson regression on person-days is the maximum likelihood of constant hazards; 8,000 customers.

    The discretised exponential has the day's hazard 1 − exp(−h) ≈ h (h < 0.004), so the bias is below 0.2 %.
    """
    world = make_world(11, customers=8_000)
    names = list(LAPSE_EFFECTS)
    rows, exposure, lapsed, closed = [], [], [], []
    for number in range(world.n_cells):
        cell = simulate_cell(world, number)
        people, lives = cell.people, cell.lives
        columns = [
            people.branch == BRANCHES.index(name.removeprefix("branch="))
            if name.startswith("branch=")
            else getattr(people, name)
            for name in names
        ]
        entry = np.maximum(lives.first_start, 0)
        stop = np.minimum(lives.first_end, world.window.days - 1)
        at_risk = lives.first_end >= entry
        rows.append(np.column_stack(columns)[at_risk])
        exposure.append((stop - entry + 1)[at_risk])
        seen = (lives.first_end < world.window.days)[at_risk]
        closed.append(seen & lives.first_closed[at_risk])
        lapsed.append(seen & ~lives.first_closed[at_risk])
    x = sm.add_constant(np.concatenate(rows).astype(float))
    offset = np.log(np.concatenate(exposure))
    for events, effects in ((lapsed, LAPSE_EFFECTS), (closed, CLOSING_EFFECTS)):
        fit = sm.GLM(np.concatenate(events).astype(float), x, family=sm.families.Poisson(), offset=offset).fit()
        planted = np.array([effects.get(name, 0.0) for name in names])
        z = (fit.params[1:] - planted) / fit.bse[1:]
        # 8 coefficients a cause: beyond 3.5 standard errors once in 270 such fits
        assert np.abs(z).max() < 3.5, dict(zip(names, z.round(1), strict=True))
        assert (z**2).mean() < 2.5
