"""Bonus hunters: rings of accounts that share devices and invite each other, and a few who hunt alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.joining import CHANNELS, REFERRAL, Joining
from helpers.bank.sample.people import People
from helpers.bank.sample.window import Window

RING_SHARE = 0.032  # of all customers
LONE_SHARE = 0.008
# chances of the campaign that a ring is formed for: those that pay cash at once draw most
FAVOURITES = {"K005": 0.45, "K008": 0.30}


@dataclass
class Rings:
    """Hunters of a cell.

    Attributes
    ----------
    is_hunter : array of bool, (n,)
        One value a customer.
    ring : array of int, (n,)
        Ring within the cell, −1 for those in none.
    head : array of int, (n_rings,)
        Row of the account that invited the others.
    """

    is_hunter: np.ndarray
    ring: np.ndarray
    head: np.ndarray


def form_rings(
    rng: np.random.Generator,
    window: Window,
    people: People,
    joining: Joining,
    *,
    launches: dict[str, int],
) -> Rings:
    """Choose the hunters of a cell and let them join in bursts, by invitation.

    `people` and `joining` are changed in place: a hunter has no salary here and came by referral.

    Parameters
    ----------
    launches : dict of campaign to int
        First days of the campaigns in the log.
    """
    n = people.n
    is_hunter = np.zeros(n, dtype=bool)
    ring = np.full(n, -1)
    heads = []
    days = np.array(list(launches.values()))
    others = (1 - sum(FAVOURITES.values())) / max(len(launches) - len(FAVOURITES), 1)
    chances = np.array([FAVOURITES.get(campaign, others) for campaign in launches])
    chances /= chances.sum()
    wanted = round(RING_SHARE * n)
    order = rng.permutation(n)
    taken = 0
    while wanted - taken >= 4:
        size = min(int(rng.integers(5, 12)), wanted - taken)
        members = order[taken : taken + size]
        taken += size
        launch = int(rng.choice(days, p=chances))
        burst = max(25, launch + int(rng.integers(-3, 6)))
        head = members[0]
        is_hunter[members] = True
        ring[members] = len(heads)
        heads.append(head)
        day = np.minimum(burst + rng.integers(0, 2, size), window.days - 1)
        day[0] = max(0, burst - int(rng.integers(10, 25)))
        joining.day[members] = day
        joining.second[members] = np.minimum(
            int(rng.integers(9 * 3600, 20 * 3600)) + np.sort(rng.integers(0, 5400, size)), 84_000
        )
        joining.channel[members] = CHANNELS.index(REFERRAL)
        joining.channel[head] = CHANNELS.index("short_video")
        joining.month[members] = window.month_of_day[day]
        joining.seen_days_before[members] = 0
        joining.activates[members] = rng.random(size) < 0.9
        joining.activation_delay[members] = 0
    alone = order[taken : taken + round(LONE_SHARE * n)]
    alone = alone[joining.day[alone] >= 0]
    is_hunter[alone] = True
    people.is_payroll[is_hunter] = False
    people.uses_elder_edition[is_hunter] = False
    return Rings(is_hunter=is_hunter, ring=ring, head=np.array(heads, dtype=int))
