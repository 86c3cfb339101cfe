"""Each campaign on the same customers with and without it: what it changes is what the truth says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from helpers.bank.sample.campaigns import Outcome, run_campaign
from helpers.bank.sample.cell import begin_cell
from helpers.bank.sample.chance import generator
from helpers.bank.sample.days import draw_days
from helpers.bank.sample.lives import LONGEST_GAP_DAYS, Lives, draw_lives
from helpers.bank.sample.plans import PLANS, Plan, launches_in
from helpers.bank.sample.wealth import draw_wealth
from helpers.bank.sample.writing import make_world

CELLS = 3
BY_ID = {plan.campaign_id: plan for plan in PLANS}


@dataclass
class Twins:
    """One cell's assigned customers without and with a campaign."""

    outcome: Outcome
    lives: Lives
    without: np.ndarray
    with_it: np.ndarray
    money: np.ndarray
    is_hunter: np.ndarray

    def gained(self, first: int, days: int) -> np.ndarray:
        """Active days that the campaign added to each assigned customer from a day after the launch on."""
        rows, start = self.outcome.rows, self.outcome.launch + first
        window = start[:, None] + np.arange(days)
        change = self.with_it[rows[:, None], window].astype(int) - self.without[rows[:, None], window]
        return change.sum(axis=1)


def twins_of(plan: Plan) -> list[Twins]:
    """Run one campaign alone on some cells."""
    world = make_world(42, customers=CELLS * 1_000)
    window = world.window
    found = []
    for number in range(CELLS):
        people, joining, rings = begin_cell(world, number)
        lives = draw_lives(generator(42, "lives", number), people, joining.day)
        active = draw_days(
            generator(42, "days", number),
            window,
            people,
            lives,
            is_hunter=rings.is_hunter,
            launches=list(launches_in(window).values()),
        )
        wealth = draw_wealth(
            generator(42, "wealth", number),
            window,
            people,
            joining,
            lives,
            active,
            world.returns,
            is_hunter=rings.is_hunter,
        )
        without, money = active.copy(), np.zeros_like(wealth.aum)
        rng = generator(42, "campaigns", number)
        outcome = run_campaign(rng, window, plan, people, lives, wealth, active, money, is_hunter=rings.is_hunter)
        found.append(Twins(outcome, lives, without, active, money, rings.is_hunter))
    return found


@pytest.fixture(scope="module")
def twins() -> dict[str, list[Twins]]:
    """Twins of every campaign."""
    return {plan.campaign_id: twins_of(plan) for plan in PLANS}


@pytest.mark.parametrize("campaign_id", BY_ID)
def test_nothing_happens_to_those_held_out_to_hunters_and_to_others(
    twins: dict[str, list[Twins]], campaign_id: str
) -> None:
    for twin in twins[campaign_id]:
        touched = np.zeros(len(twin.without), dtype=bool)
        touched[twin.outcome.rows[twin.outcome.takes_part]] = True
        touched &= ~twin.is_hunter
        assert (twin.with_it[~touched] == twin.without[~touched]).all()
        assert (twin.money[~touched] == 0).all()
        assert not twin.outcome.takes_part[~twin.outcome.is_treated].any()


@pytest.mark.parametrize("campaign_id", BY_ID)
def test_gains_of_the_treated_average_to_tau(twins: dict[str, list[Twins]], campaign_id: str) -> None:
    """Paired, so the noise of what customers do anyway is gone: 4 standard errors of the differences."""
    for days, metric in ((28, "active_days"), (90, "active_days_90")):
        surprise = []
        for twin in twins[campaign_id]:
            outcome = twin.outcome
            tau = outcome.effects[metric][np.arange(len(outcome.rows)), outcome.arm]
            surprise.append((twin.gained(0, days) - tau)[outcome.is_treated])
        surprise = np.concatenate(surprise)
        se = surprise.std(ddof=1) / np.sqrt(len(surprise))
        assert abs(surprise.mean()) <= 4 * se
        assert se < 0.25


def test_pulling_forward_moves_days_and_makes_none(twins: dict[str, list[Twins]]) -> None:
    gained = np.concatenate([twin.gained(0, 28) for twin in twins["K006"]])
    lost = np.concatenate([twin.gained(28, 62) for twin in twins["K006"]])
    assert (gained == -lost).all()
    assert gained.min() == 0
    assert gained.sum() > 200


def test_no_effect_changes_no_day_and_no_money(twins: dict[str, list[Twins]]) -> None:
    for twin in twins["K005"]:
        assert (twin.with_it == twin.without).all()
        assert (twin.money == 0).all()
        assert twin.outcome.takes_part.sum() > 20


@pytest.mark.parametrize("campaign_id", BY_ID)
def test_no_campaign_tears_a_hole_into_a_life(twins: dict[str, list[Twins]], campaign_id: str) -> None:
    for twin in twins[campaign_id]:
        row, day = np.nonzero(twin.with_it)
        gap = np.diff(day)[row[1:] == row[:-1]]
        assert not ((gap > LONGEST_GAP_DAYS) & (gap < 75)).any()
        days = np.arange(twin.with_it.shape[1])
        lives = twin.lives
        first = (days >= lives.first_start[:, None]) & (days <= lives.first_end[:, None])
        second = (days >= lives.second_start[:, None]) & (days <= lives.second_end[:, None])
        assert not (twin.with_it & ~first & ~second).any()
        ends = np.flatnonzero((lives.first_end >= 0) & (lives.first_end < len(days)))
        assert twin.with_it[ends, lives.first_end[ends]].all()


def test_money_added_averages_to_tau_and_rotated_money_leaves(twins: dict[str, list[Twins]]) -> None:
    for campaign_id, month_after, month_later in (("K001", 21, 23), ("K007", 11, 14), ("K010", 16, 18)):
        early, late = [], []
        for twin in twins[campaign_id]:
            outcome = twin.outcome
            treated = outcome.is_treated
            tau, kept = (outcome.effects[name][:, -1][treated] for name in ("aum_change", "aum_kept_change"))
            money = twin.money[outcome.rows][treated]
            early.append(money[:, month_after] - tau)
            late.append(money[:, month_later] - kept)
        for surprise in (np.concatenate(early), np.concatenate(late)):
            assert abs(surprise.mean()) <= 4 * surprise.std(ddof=1) / np.sqrt(len(surprise))
    rotated = np.concatenate([twin.outcome.rotated for twin in twins["K007"]])
    brought = np.concatenate([(twin.money[:, 11] - twin.money[:, 12])[twin.outcome.rows] for twin in twins["K007"]])
    assert rotated.sum() > 500_000
    assert np.allclose(rotated, brought)


def test_some_of_the_silent_are_woken(twins: dict[str, list[Twins]]) -> None:
    woken = 0
    for twin in twins["K001"] + twins["K010"]:
        outcome = twin.outcome
        idle = ~twin.without[outcome.rows[:, None], outcome.launch[:, None] + np.arange(28)].any(axis=1)
        now = twin.with_it[outcome.rows[:, None], outcome.launch[:, None] + np.arange(28)].any(axis=1)
        woken += int((idle & now).sum())
        assert (outcome.effects["is_active"][~idle] == 0).all()
    assert woken >= 5
