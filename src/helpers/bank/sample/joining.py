"""How customers come: channels with diminishing returns, prospects who never register, activation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.chance import generator, one_of
from helpers.bank.sample.window import SPRING_FESTIVALS, Window

PRIOR_SHARE = 0.55  # joined before the log starts, in the default 24 months
PRIOR_DAYS = 1_460
REFERRAL = "referral"


@dataclass(frozen=True)
class ResponseCurve:
    """What a channel gives for money: expected registrations a month = min(scale · spend ** exponent, capacity).

    Attributes
    ----------
    share : float
        Share of all registrations at the usual spend.
    cost : float
        Usual cost a registration.
    exponent : float
        Below 1: returns diminish.
    headroom : float
        Capacity as a multiple of the usual registrations.
    activation : float
        Share of registrations that activate.
    registration : float
        Share of people seen who register.
    assets : float
        Factor on the assets of those who come this way.
    """

    channel: str
    share: float
    cost: float
    exponent: float
    headroom: float
    activation: float
    registration: float
    assets: float


CURVES = (
    ResponseCurve("branch_counter", 0.22, 62.0, 0.80, 1.25, 0.82, 0.60, 1.4),
    ResponseCurve("relationship_manager", 0.07, 210.0, 0.70, 1.30, 0.90, 0.35, 2.4),
    ResponseCurve("app_store", 0.14, 34.0, 0.55, 1.90, 0.55, 0.30, 0.8),
    ResponseCurve("wechat_mini_program", 0.17, 27.0, 0.62, 2.20, 0.48, 0.16, 0.7),
    ResponseCurve("short_video", 0.12, 41.0, 0.45, 2.60, 0.27, 0.08, 0.35),
    ResponseCurve("partner_merchant", 0.11, 36.0, 0.60, 1.60, 0.42, 0.22, 0.6),
    ResponseCurve("sms", 0.07, 15.0, 0.50, 1.50, 0.60, 0.12, 1.0),
    ResponseCurve(REFERRAL, 0.10, 45.0, 0.65, 3.50, 0.66, 0.40, 0.9),
)
CHANNELS = tuple(curve.channel for curve in CURVES)


@dataclass(frozen=True)
class ChannelPlan:
    """Money and expected registrations of every channel and month.

    Attributes
    ----------
    spend, expected : array, (n_channels, months)
        Spend in the bank's currency; expected registrations (real customers, hunters' rings apart).
    scale, capacity : array, (n_channels,)
        The curve's factor, and registrations a month that can't be exceeded.
    """

    spend: np.ndarray
    expected: np.ndarray
    scale: np.ndarray
    capacity: np.ndarray


def plan_channels(seed: int, window: Window, *, customers: int) -> ChannelPlan:
    """Fix what each channel spends in every month, and what its curve gives for it."""
    rng = generator(seed, "spend")
    usual = np.array([c.share for c in CURVES]) * customers * (1 - prior_share(window)) / window.months
    usual_spend = usual * np.array([c.cost for c in CURVES])
    exponent = np.array([c.exponent for c in CURVES])
    swing = np.exp(0.45 * rng.standard_normal((len(CURVES), window.months)))
    months = window.start.astype("datetime64[M]") + np.arange(window.months)
    opening = np.isin(months, SPRING_FESTIVALS.astype("datetime64[M]") - 1)  # 开门红: money early in the year
    swing *= np.where(opening, 1.35, 1.0)
    swing[CHANNELS.index(REFERRAL)] *= np.where(months == np.datetime64("2025-06"), 2.5, 1.0)
    spend = np.round(usual_spend[:, None] * swing, 2)
    scale = usual / usual_spend**exponent
    capacity = usual * np.array([c.headroom for c in CURVES])
    expected = np.minimum(scale[:, None] * spend ** exponent[:, None], capacity[:, None])
    return ChannelPlan(spend=spend, expected=expected, scale=scale, capacity=capacity)


def prior_share(window: Window) -> float:
    """Share of customers who joined before the log starts: fewer join in a shorter log."""
    return max(0.25, 1 - (1 - PRIOR_SHARE) * window.months / 24)


@dataclass
class Joining:
    """How each customer of a cell came; arrays with one value a customer, then one a prospect.

    `channel` and `month` are −1 for those who joined before the log.
    """

    day: np.ndarray
    second: np.ndarray
    channel: np.ndarray
    month: np.ndarray
    seen_days_before: np.ndarray
    activates: np.ndarray
    activation_delay: np.ndarray
    prospect_channel: np.ndarray
    prospect_month: np.ndarray
    prospect_day: np.ndarray
    prospect_second: np.ndarray

    @property
    def is_prior(self) -> np.ndarray:
        """True for those who joined before the log starts."""
        return self.day < 0


def draw_joining(rng: np.random.Generator, window: Window, plan: ChannelPlan, *, n: int) -> Joining:
    """Draw when and by which channel the customers of a cell came, and who was seen but never registered."""
    is_prior = rng.random(n) < prior_share(window)
    cell = one_of(rng, plan.expected.reshape(1, -1), np.zeros(n, dtype=int))
    channel, month = np.divmod(cell, window.months)
    starts = window.month_starts
    in_month = np.floor(rng.random(n) * (starts[month + 1] - starts[month])).astype(np.int64)
    before = -1 - np.floor(PRIOR_DAYS * rng.random(n) ** 1.5).astype(np.int64)
    day = np.where(is_prior, before, starts[month] + in_month)
    activation = np.array([c.activation for c in CURVES])[channel]
    seen = np.floor(rng.exponential(1.6, n)).astype(np.int64)
    seen = np.minimum(seen, in_month)  # the person is seen in the month that pays for it
    missed = np.array([(1 - c.registration) / c.registration for c in CURVES])
    joiners = np.flatnonzero(~is_prior)
    n_prospects = rng.poisson(missed[channel[joiners]])
    prospect_channel = np.repeat(channel[joiners], n_prospects)
    prospect_month = np.repeat(month[joiners], n_prospects)
    m = len(prospect_month)
    length = starts[prospect_month + 1] - starts[prospect_month]
    return Joining(
        day=day,
        second=rng.integers(8 * 3600, 22 * 3600, n),
        channel=np.where(is_prior, -1, channel),
        month=np.where(is_prior, -1, month),
        seen_days_before=seen,
        activates=rng.random(n) < activation,
        activation_delay=np.floor(rng.exponential(4.0, n)).astype(np.int64),
        prospect_channel=prospect_channel,
        prospect_month=prospect_month,
        prospect_day=starts[prospect_month] + np.floor(rng.random(m) * length).astype(np.int64),
        prospect_second=rng.integers(7 * 3600, 23 * 3600, m),
    )
