"""Balances add up, activity pulls assets by what was planted, channels give what their curves say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.bank.sample.cell import begin_cell, simulate_cell
from helpers.bank.sample.joining import CHANNELS
from helpers.bank.sample.wealth import PULL_DAYS, PULL_PER_ACTIVE_DAY, USUAL_OUTFLOW
from helpers.bank.sample.writing import make_world
from tests import truth


@pytest.fixture(scope="module")
def months(table) -> pd.DataFrame:
    """Balances with those of the month before beside them."""
    frame = table("balances").sort_values(["customer_id", "balance_date"], ignore_index=True)
    frame["balance_date"] = pd.to_datetime(frame.balance_date)
    frame["before"] = frame.groupby("customer_id").aum.shift()
    return frame


def test_assets_change_by_new_money_and_the_market_alone(sample_bank_folder: Path, months: pd.DataFrame) -> None:
    settings = truth.read(sample_bank_folder, "settings").set_index("name").value
    frame = months.dropna(subset=["before"])
    market = frame.balance_date.dt.strftime("%Y-%m").map(lambda month: settings[f"market_return_{month}"])
    valuation = frame.aum - frame.before - frame.net_inflow
    # invested between nothing and all of it; rounding to cents; the floor at 0 is inside the flow
    limit = frame.before * market.abs() + 0.03
    assert (valuation.abs() <= limit).all()
    rich = frame[(frame.before > 50_000) & (market.abs() > 0.005)]
    share = valuation[rich.index] / (rich.before * market[rich.index])
    assert share.between(-0.01, 0.85).all()
    assert 0.1 < share.mean() < 0.5


def test_assets_are_never_negative_and_some_hold_none(months: pd.DataFrame) -> None:
    assert (months.aum >= 0).all()
    assert 0.05 < (months.aum == 0).mean() < 0.25
    assert (months.loan > 0).mean() > 0.03


def test_a_closed_account_ends_with_nothing(months: pd.DataFrame, table) -> None:
    closed = pd.to_datetime(table("customers").set_index("customer_id").closed_date).dropna()
    last = months[months.customer_id.isin(closed.index)].groupby("customer_id").tail(1).set_index("customer_id")
    assert (last.aum == 0).all()
    assert (last.balance_date.dt.to_period("M") == closed[last.index].dt.to_period("M")).all()


def test_activity_pulls_assets_by_the_planted_share() -> None:
    """New money over usual assets, on active days, among those who have long been here: 4,000 customers.

    Some 8,000 customer-months with a noise of 0.03 give the slope within 11 % (1 s.e.); the tolerance is 4 s.e.
    """
    world = make_world(3, customers=4_000)
    x, y = [], []
    for number in range(world.n_cells):
        cell = simulate_cell(world, number)
        first = world.window.month_starts
        days = np.minimum(np.add.reduceat(cell.active, first[:-1], axis=1), PULL_DAYS)
        usual = cell.wealth.usual[:, None]
        settled = cell.joining.is_prior[:, None] & (usual > 1_000) & (cell.lives.first_end[:, None] >= first[None, 1:])
        # far from the floor at 0, and money of campaigns apart
        settled = settled & (cell.wealth.aum > 0.5 * usual)
        share = cell.wealth.net_inflow / np.maximum(usual, 1.0)
        calm = settled & (np.abs(share) < 0.29)
        # campaigns add days that do not pull the base, so months before the first campaign or without one count
        quiet = np.isin(np.arange(world.window.months), (0, 1, 16, 18, 19, 21, 22, 23))
        calm = calm & quiet[None, :]
        x.append(days[calm])
        y.append(share[calm])
    x, y = np.concatenate(x).astype(float), np.concatenate(y)
    slope, intercept = np.polyfit(x, y, 1)
    se = np.std(y - slope * x - intercept) / (np.std(x) * np.sqrt(len(x)))
    assert se < 0.15 * PULL_PER_ACTIVE_DAY
    assert abs(slope - PULL_PER_ACTIVE_DAY) < 4 * se
    assert abs(intercept + USUAL_OUTFLOW) < 0.0015


def test_spend_of_channels_is_in_the_costs(sample_bank_folder: Path, table) -> None:
    came = table("acquisitions")
    came["month"] = came.seen_at.dt.to_period("M").dt.to_timestamp()
    paid = came.groupby(["channel", "month"]).cost.sum()
    planned = truth.read(sample_bank_folder, "channel_months").set_index(["channel", "month"]).spend
    both = planned.reindex(paid.index)
    # cents of some hundred rows are rounded
    assert (paid - both).abs().max() < 5
    assert set(came.channel) == set(CHANNELS)


def test_registrations_follow_the_curves_with_diminishing_returns(sample_bank_folder: Path) -> None:
    """Registrations are multinomial with the curves' expectations: χ² over channels and months."""
    world = make_world(20, customers=20_000)
    counted = np.zeros_like(world.channels.expected)
    for number in range(world.n_cells):
        _, joining, rings = begin_cell(world, number)
        came = ~joining.is_prior & (rings.ring < 0)
        np.add.at(counted, (joining.channel[came], joining.month[came]), 1)
    expected = world.channels.expected * counted.sum() / world.channels.expected.sum()
    chi2 = ((counted - expected) ** 2 / expected).sum()
    cells = counted.size - 1
    assert abs(chi2 - cells) < 4 * np.sqrt(2 * cells)
    curves = truth.read(sample_bank_folder, "channels").set_index("channel")
    months = truth.read(sample_bank_folder, "channel_months").merge(curves, on="channel")
    value = np.minimum(months.scale * months.spend**months.exponent, months.capacity)
    assert np.allclose(value, months.expected_registrations)
    assert (curves.exponent < 1).all()
    assert (months.expected_registrations >= months.capacity * 0.9999).any()  # somebody has hit the wall


def test_channels_activate_differently(table) -> None:
    came = table("acquisitions").dropna(subset=["registered_at"])
    old_enough = came[came.registered_at < "2025-11-01"]
    rate = old_enough.activated_at.notna().groupby(old_enough.channel).mean()
    assert rate["relationship_manager"] > rate["wechat_mini_program"] > rate["short_video"]
    activated = came.dropna(subset=["activated_at"])
    assert (activated.activated_at > activated.registered_at).all()
    assert (came.seen_at <= came.registered_at).all()


def test_new_customers_joined_when_they_registered(table) -> None:
    came = table("acquisitions").dropna(subset=["registered_at"]).merge(table("customers"), on="customer_id")
    assert (came.registered_at.dt.normalize() == pd.to_datetime(came.joined_date)).all()
    in_log = pd.to_datetime(table("customers").joined_date) >= "2024-01-01"
    assert len(came) == in_log.sum()
    assert 0.4 < 1 - in_log.mean() < 0.65  # joined before the log: late entry
