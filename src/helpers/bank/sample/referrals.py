"""Who invited whom: friends, the invite campaign, and rings that fill up within hours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.arrow import NO_TIME
from helpers.bank.sample.campaigns import Outcome
from helpers.bank.sample.joining import CHANNELS, REFERRAL, Joining
from helpers.bank.sample.lives import Lives
from helpers.bank.sample.plans import INVITE
from helpers.bank.sample.rings import Rings
from helpers.bank.sample.window import Window

_DAY = 86_400
_IN_CAMPAIGN = 0.8


@dataclass
class Referrals:
    """Invitations of a cell; `referee` is a row of the cell, or −1 − position for a prospect."""

    referrer: np.ndarray
    referee: np.ndarray
    in_campaign: np.ndarray
    invited: np.ndarray
    registered: np.ndarray


def draw_referrals(
    rng: np.random.Generator,
    window: Window,
    joining: Joining,
    lives: Lives,
    rings: Rings,
    outcomes: list[Outcome],
) -> Referrals:
    """Draw an inviter for everybody who came by referral, and for those invited who never registered."""
    channel = CHANNELS.index(REFERRAL)
    rows = np.flatnonzero(joining.channel == channel)
    lost = np.flatnonzero(joining.prospect_channel == channel)
    day = np.concatenate([joining.day[rows], joining.prospect_day[lost]])
    second = np.concatenate([joining.second[rows], joining.prospect_second[lost]])
    at = day.astype(np.int64) * _DAY + second
    referee = np.concatenate([rows, -1 - lost])
    ring = np.concatenate([rings.ring[rows], np.full(len(lost), -1)])

    honest = np.flatnonzero(~rings.is_hunter)
    referrer = np.full(len(at), -1)
    in_campaign = np.zeros(len(at), dtype=bool)
    invite = next((outcome for outcome in outcomes if outcome.plan.campaign_id == INVITE), None)
    takers = np.zeros(0, dtype=np.int64)
    if invite is not None:
        takers = invite.rows[invite.takes_part & ~rings.is_hunter[invite.rows]]
        first, last = window.day(invite.plan.launch), window.day(invite.plan.ends)
        in_campaign = (day >= first) & (day <= last)
    for i in range(len(at)):
        if ring[i] >= 0:
            head = rings.head[ring[i]]
            referrer[i] = head if head != referee[i] else -1
            continue
        by_campaign = in_campaign[i] and len(takers) > 0 and rng.random() < _IN_CAMPAIGN
        pool = takers if by_campaign else honest
        pool = pool[(lives.first_start[pool] < day[i]) & (lives.first_end[pool] >= day[i])]
        in_campaign[i] = by_campaign
        if len(pool):
            referrer[i] = pool[rng.integers(len(pool))]
    is_ring = ring >= 0
    ahead = np.where(is_ring, rng.integers(60, 900, len(at)), (rng.exponential(0.7, len(at)) * _DAY).astype(np.int64))
    invited = at - ahead - 120
    if invite is not None:
        invited = np.where(in_campaign, np.maximum(invited, window.day(invite.plan.launch) * _DAY + 8 * 3600), invited)
        invited = np.minimum(invited, at - 30)
    registered = np.where(referee >= 0, at, NO_TIME)
    known = referrer >= 0
    order = np.flatnonzero(known)[np.argsort(invited[known], kind="stable")]
    return Referrals(referrer[order], referee[order], in_campaign[order], invited[order], registered[order])
