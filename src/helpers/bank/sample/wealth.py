"""Assets month by month: new money, valuation, the pull of activity, the drain of silence; and loans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.chance import generator
from helpers.bank.sample.joining import CURVES, Joining
from helpers.bank.sample.lives import Lives
from helpers.bank.sample.people import People
from helpers.bank.sample.window import Window

PULL_PER_ACTIVE_DAY = 0.0012  # of the customer's usual assets, new money in the month
PULL_DAYS = 12  # a month; more days pull no further
USUAL_OUTFLOW = 0.005  # of usual assets a month, what activity has to make up for
DRAIN_PER_SILENT_MONTH = 0.06  # of assets
RETURN_INFLOW = 0.15  # of usual assets, in each of the first two months of the second life
_INVESTED = np.array([0.08, 0.18, 0.35, 0.55, 0.80])  # share of assets that follow the market, by risk appetite
_ZERO_SHARE = 0.11


@dataclass
class Wealth:
    """Assets of a cell if no campaign had an effect.

    Attributes
    ----------
    usual : array of float, (n,)
        Assets that the customer is at home with, 0 for those who keep nothing here.
    aum, net_inflow : array of float, (n, months)
        At each month's end, and new money in the month; `aum` is 0 before joining and after closing.
    loan : array of float, (n, months)
        Loan outstanding.
    """

    usual: np.ndarray
    aum: np.ndarray
    net_inflow: np.ndarray
    loan: np.ndarray


def market_returns(seed: int, window: Window) -> np.ndarray:
    """Return of the market in each month, the same for everybody."""
    return 0.0025 + 0.014 * generator(seed, "market").standard_normal(window.months)


def draw_wealth(
    rng: np.random.Generator,
    window: Window,
    people: People,
    joining: Joining,
    lives: Lives,
    active: np.ndarray,
    returns: np.ndarray,
    *,
    is_hunter: np.ndarray,
) -> Wealth:
    """Draw the monthly assets of a cell.

    New money is usual assets × (noise − `USUAL_OUTFLOW` + `PULL_PER_ACTIVE_DAY` × active days), so
    that activity pulls assets; the silent drain; new customers bring their usual assets within three
    months of activation, and hardly anything without it. Assets never fall below 0: the outflow is
    then smaller.
    """
    n, months = people.n, window.months
    median = 25_000.0 * np.where(people.is_silver, 2.3, 1.0) * np.where(people.is_young, 0.25, 1.0)
    median *= np.where(people.is_payroll, 1.35, 1.0) * np.where(people.is_car_owner, 1.5, 1.0)
    median *= np.where(joining.is_prior, 1.0, np.array([c.assets for c in CURVES])[joining.channel])
    usual = np.minimum(median * np.exp(0.95 * rng.standard_normal(n)), 1.5e6)
    usual = np.where(rng.random(n) < _ZERO_SHARE, 0.0, usual)
    usual = np.where(is_hunter, np.where(rng.random(n) < 0.7, 0.0, 80.0 * rng.random(n)), usual)
    noise = np.clip(0.02 * rng.standard_t(4, (n, months)), -0.3, 0.3)
    start = np.where(joining.is_prior, usual * np.exp(0.25 * rng.standard_normal(n)), 0.0)
    dormant = joining.is_prior & (lives.first_end < 0)
    start = np.where(dormant, 0.15 * start, start)
    target = usual * np.where(joining.activates | joining.is_prior, 1.0, 0.04)
    invested = _INVESTED[people.risk_appetite]
    activation_day = joining.day + joining.activation_delay

    first = window.month_starts
    active_days = np.add.reduceat(active, first[:-1], axis=1, dtype=np.int64)
    closing = lives.closing_day
    aum = np.zeros((n, months))
    net_inflow = np.zeros((n, months))
    held = np.round(start, 2)
    for month in range(months):
        begin, end = first[month], first[month + 1] - 1
        is_customer = (joining.day <= end) & (closing > end)
        alive = lives.alive_at(end)
        settling = ~joining.is_prior & (activation_day <= end) & (activation_day > end - 92)
        flow = usual * (noise[:, month] - USUAL_OUTFLOW)
        flow += PULL_PER_ACTIVE_DAY * usual * np.minimum(active_days[:, month], PULL_DAYS)
        flow = np.where(joining.is_prior | joining.activates, flow, 0.04 * flow)
        flow = np.where(settling, np.maximum(target - held, 0.0) * 0.55 + 0.4 * flow, flow)
        came_back = (lives.second_start <= end) & (lives.second_start > end - 60)
        flow = np.where(came_back, flow + RETURN_INFLOW * usual, flow)
        flow = np.where(alive, flow, -DRAIN_PER_SILENT_MONTH * held * (1 + 2 * noise[:, month]))
        valuation = np.round(held * invested * returns[month], 2)
        flow = np.round(np.maximum(flow, -(held + valuation)), 2)
        leaves = (closing >= begin) & (closing <= end)
        flow = np.where(leaves, -(held + valuation), flow)
        held = np.where(is_customer | leaves, np.maximum(np.round(held + valuation + flow, 2), 0.0), 0.0)
        aum[:, month] = held
        net_inflow[:, month] = np.where(is_customer | leaves, flow, 0.0)
    return Wealth(usual=usual, aum=aum, net_inflow=np.round(net_inflow, 2), loan=_loans(rng, people, months))


def _loans(rng: np.random.Generator, people: People, months: int) -> np.ndarray:
    """Loans that run down by a fixed rate each month; most customers have none."""
    n = people.n
    chance = 0.04 + 0.10 * people.has_children + 0.07 * people.is_car_owner
    has_loan = (rng.random(n) < chance) & ~people.is_young
    size = np.where(rng.random(n) < 0.5, 420_000.0, 60_000.0) * np.exp(0.5 * rng.standard_normal(n))
    left = np.where(has_loan, size, 0.0)
    monthly = rng.uniform(0.003, 0.02, n)
    return np.round(left[:, None] * np.maximum(1 - monthly[:, None] * np.arange(months), 0.0), 2)
