"""Messages and benefits: whom the bank reached, by what, at what hour, and what was paid out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.arrow import NO_TIME
from helpers.bank.sample.campaigns import Outcome
from helpers.bank.sample.chance import one_of
from helpers.bank.sample.clicks import EVENTS, CampaignClicks
from helpers.bank.sample.lives import Lives
from helpers.bank.sample.people import People
from helpers.bank.sample.window import Window

TOUCH_CHANNELS = (
    "app_push", "sms", "banner", "wecom", "call", "relationship_manager", "short_video", "wechat_official",
)  # fmt: skip
OUTCOMES = ("delivered", "clicked", "failed", "answered", "no_answer", "opted_out")
_COST = np.array([0.01, 0.045, 0.0, 0.02, 3.5, 12.0, 0.08, 0.03])
_FAILS = np.array([0.12, 0.03, 0.25, 0.05, 0.45, 0.2, 0.3, 0.1])
_CLICKS = np.array([0.10, 0.045, 0.03, 0.16, 0.30, 0.55, 0.04, 0.05])
_SPOKEN = np.isin(TOUCH_CHANNELS, ("call", "relationship_manager"))
QUIET_SHARE = 0.02  # of messages sent between 22:00 and 08:00
BURST_SHARE = 0.01  # of customers who get far more messages in a week than any cap allows
UNASKED_SHARE = 0.15  # of messages to those without consent that are sent all the same
ROUTINE_PER_MONTH = 0.55  # messages outside campaigns, a living customer
PATIENT_SHARE = 0.12  # of hunters
HASTY_SHARE = 0.06  # of benefits that honest customers use
PAYOUT_DAY = "2025-01-08"


@dataclass
class Touches:
    """Contacts of a cell; `campaign` is −1 outside campaigns."""

    row: np.ndarray
    campaign: np.ndarray
    channel: np.ndarray
    second: np.ndarray
    outcome: np.ndarray
    cost: np.ndarray


@dataclass
class Payouts:
    """Benefits of a cell; `redeemed` is `NO_TIME` where the benefit was not used."""

    row: np.ndarray
    campaign: np.ndarray
    kind: np.ndarray
    second: np.ndarray
    cost: np.ndarray
    redeemed: np.ndarray


def draw_touches(
    rng: np.random.Generator,
    window: Window,
    people: People,
    lives: Lives,
    outcomes: list[Outcome],
) -> Touches:
    """Draw the contacts of a cell: one to three a treated customer, routine messages, violations of any policy."""
    parts = []
    for number, outcome in enumerate(outcomes):
        rows = outcome.rows[outcome.is_treated]
        launch = outcome.launch[outcome.is_treated]
        hurried = rng.random(len(rows)) < BURST_SHARE
        times_sent = 1 + rng.binomial(2, 0.35, len(rows)) + 5 * hurried
        which = np.repeat(np.arange(len(rows)), times_sent)
        turn = np.arange(len(which)) - np.repeat(np.cumsum(times_sent) - times_sent, times_sent)
        weights = np.zeros((1, len(TOUCH_CHANNELS)))
        for channel, weight in outcome.plan.channels:
            weights[0, TOUCH_CHANNELS.index(channel)] = weight
        channel = one_of(rng, weights, np.zeros(len(which), dtype=int))
        day = launch[which] + turn * np.where(hurried[which], 1, rng.integers(4, 9, len(which)))
        parts.append((rows[which], np.full(len(which), number), channel, day))
    for month in range(window.months):
        first, last = window.month_starts[month], window.month_starts[month + 1] - 1
        rows = np.flatnonzero(lives.alive_at(int(first)) & (lives.closing_day > last))
        rows = np.repeat(rows, rng.poisson(ROUTINE_PER_MONTH, len(rows)))
        weights = np.array([[52, 24, 10, 8, 2, 1.5, 0, 2.5]])
        channel = one_of(rng, weights, np.zeros(len(rows), dtype=int))
        parts.append((rows, np.full(len(rows), -1), channel, rng.integers(first, last + 1, len(rows))))
    bursts = np.flatnonzero((rng.random(people.n) < BURST_SHARE) & lives.alive_at(window.days - 1))
    rows = np.repeat(bursts, 8)
    week = rng.integers(max(0, window.days - 120), window.days - 7, len(bursts))
    day = np.repeat(week, 8) + rng.integers(0, 6, len(rows))
    parts.append((rows, np.full(len(rows), -1), np.full(len(rows), TOUCH_CHANNELS.index("sms")), day))

    row, campaign, channel, day = (np.concatenate(column) for column in zip(*parts, strict=True))
    asked = people.consents[row] | (rng.random(len(row)) < UNASKED_SHARE)
    inside = asked & (day < window.days) & (day >= lives.first_start[row]) & (day <= lives.closing_day[row])
    row, campaign, channel, day = row[inside], campaign[inside], channel[inside], day[inside]
    hour = one_of(rng, _SENDING_HOURS, np.zeros(len(row), dtype=int))
    quiet = rng.random(len(row)) < QUIET_SHARE
    hour = np.where(quiet, np.where(rng.random(len(row)) < 0.7, 22, 6) + rng.integers(0, 2, len(row)), hour)
    second = day.astype(np.int64) * 86_400 + hour * 3600 + rng.integers(0, 3600, len(row))
    u = rng.random(len(row))
    ease = _CLICKS[channel] * (0.5 + people.keenness[row])
    outcome = np.where(
        u < _FAILS[channel],
        np.where(_SPOKEN[channel], OUTCOMES.index("no_answer"), OUTCOMES.index("failed")),
        np.where(
            u < _FAILS[channel] + (1 - _FAILS[channel]) * ease,
            np.where(_SPOKEN[channel], OUTCOMES.index("answered"), OUTCOMES.index("clicked")),
            OUTCOMES.index("delivered"),
        ),
    )
    outcome = np.where(u > 0.997, OUTCOMES.index("opted_out"), outcome)
    return Touches(row, campaign, channel, second, outcome, _COST[channel])


_SENDING_HOURS = np.array([[0] * 8 + [1, 6, 14, 9, 5, 3, 6, 8, 8, 7, 9, 10, 8, 0, 0, 0]], dtype=float)


def draw_payouts(
    rng: np.random.Generator,
    window: Window,
    special: CampaignClicks,
    special_second: np.ndarray,
    outcomes: list[Outcome],
    aum: np.ndarray,
    kinds: tuple[str, ...],
    *,
    is_hunter: np.ndarray,
) -> Payouts:
    """Draw the benefits of a cell from the campaigns' success events; hunters use theirs at once."""
    parts = []
    for number, outcome in enumerate(outcomes):
        if outcome.plan.planted == "rotates":
            parts.append(_uplift_payout(window, number, outcome, aum, kinds))
            continue
        mine = (special.campaign == number) & (special.event == EVENTS.index(outcome.plan.success_event))
        mine &= special.order == 2
        row, second = special.row[mine], special_second[mine]
        order = np.lexsort((second, row))
        row, second = row[order], second[order]
        is_first = np.r_[True, row[1:] != row[:-1]] if len(row) else np.zeros(0, dtype=bool)
        count = np.arange(len(row)) - np.flatnonzero(is_first)[np.cumsum(is_first) - 1] + 1
        arm_of = np.full(len(is_hunter), -1)
        arm_of[outcome.rows] = outcome.arm
        for position, (arm, _) in enumerate(outcome.plan.arms):
            for reward in outcome.plan.rewards.get(arm, ()):
                earned = (count % reward.every == 0) & (arm_of[row] == position)
                n = int(earned.sum())
                spread = np.exp(reward.spread * rng.standard_normal(n) - reward.spread**2 / 2)
                cost = np.maximum(np.round(reward.cost * spread, 2), 0.01)
                kind = np.full(n, kinds.index(reward.kind))
                parts.append((row[earned], np.full(n, number), kind, second[earned] + 4, cost))
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return Payouts(none, none, none, none, none.astype(float), none)
    row, campaign, kind, second, cost = (np.concatenate(column) for column in zip(*parts, strict=True))
    slow = (rng.exponential(4.5, len(row)) * 86_400).astype(np.int64) + 600
    fast = rng.integers(8, 120, len(row))
    # some hunters wait on purpose, and some honest customers use a benefit as soon as they have it
    grabs = is_hunter & (rng.random(len(is_hunter)) >= PATIENT_SHARE)
    delay = np.where(grabs[row] | (rng.random(len(row)) < HASTY_SHARE), fast, slow)
    used = is_hunter[row] | (rng.random(len(row)) < 0.74)
    redeemed = np.where(used & (second + delay < window.days * 86_400), second + delay, NO_TIME)
    return Payouts(row, campaign, kind, second, cost, redeemed)


def _uplift_payout(
    window: Window, number: int, outcome: Outcome, aum: np.ndarray, kinds: tuple[str, ...]
) -> tuple[np.ndarray, ...]:
    """Pay 0.4 % of the assets gained over the campaign, at most 300, a week after its measuring day."""
    plan = outcome.plan
    month_ends = window.month_starts[1:] - 1
    before = int(np.searchsorted(month_ends, window.day(plan.launch))) - 1
    after = int(np.searchsorted(month_ends, window.day(plan.ends)))
    rows = outcome.rows[outcome.takes_part]
    gained = aum[rows, after] - aum[rows, before]
    paid = gained >= 5_000
    rows, gained = rows[paid], gained[paid]
    cost = np.round(np.minimum(0.004 * gained, 300.0), 2)
    second = np.full(len(rows), window.day(PAYOUT_DAY) * 86_400 + 10 * 3600) + np.arange(len(rows)) % 1800
    kind = np.full(len(rows), kinds.index("cash"))
    return rows, np.full(len(rows), number), kind, second, cost
