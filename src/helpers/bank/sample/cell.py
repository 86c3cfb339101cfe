"""One cell of customers from first draw to last: the order in which the nouns depend on each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.campaigns import Outcome, run_campaign
from helpers.bank.sample.chance import CELL_CUSTOMERS, generator
from helpers.bank.sample.clicks import CampaignClicks, Clicks, campaign_clicks, draw_clicks
from helpers.bank.sample.contacts import Payouts, Touches, draw_payouts, draw_touches
from helpers.bank.sample.days import draw_days
from helpers.bank.sample.holdings import Devices, Products, draw_devices, draw_products
from helpers.bank.sample.joining import ChannelPlan, Joining, draw_joining
from helpers.bank.sample.lives import Lives, draw_lives
from helpers.bank.sample.people import People, draw_people
from helpers.bank.sample.plans import PLANS, launches_in, plans_in
from helpers.bank.sample.referrals import Referrals, draw_referrals
from helpers.bank.sample.rings import Rings, form_rings
from helpers.bank.sample.surveys import Surveys, draw_surveys
from helpers.bank.sample.tags import TagValues, draw_tags
from helpers.bank.sample.transfers import Transfers, draw_transfers
from helpers.bank.sample.wealth import Wealth, draw_wealth
from helpers.bank.sample.window import Window

REWARD_KINDS = tuple(
    dict.fromkeys(reward.kind for plan in PLANS for rewards in plan.rewards.values() for reward in rewards)
)


@dataclass
class Cell:
    """Everything simulated for up to 1,000 customers; arrays with one row a customer unless said otherwise."""

    number: int
    people: People
    joining: Joining
    rings: Rings
    lives: Lives
    active: np.ndarray
    wealth: Wealth
    aum: np.ndarray
    net_inflow: np.ndarray
    has_balance: np.ndarray
    outcomes: list[Outcome]
    special: CampaignClicks
    special_second: np.ndarray
    clicks: Clicks
    touches: Touches
    payouts: Payouts
    products: Products
    devices: Devices
    referrals: Referrals
    transfers: Transfers
    surveys: Surveys
    tags: TagValues


@dataclass(frozen=True)
class World:
    """What all cells share."""

    seed: int
    customers: int
    window: Window
    channels: ChannelPlan
    returns: np.ndarray

    @property
    def n_cells(self) -> int:
        """Cells in the bank."""
        return -(-self.customers // CELL_CUSTOMERS)

    def size(self, number: int) -> int:
        """Customers in a cell; only the last one may be smaller."""
        return min(CELL_CUSTOMERS, self.customers - number * CELL_CUSTOMERS)


def begin_cell(world: World, number: int) -> tuple[People, Joining, Rings]:
    """Draw who the customers of a cell are and how they came: cheap, and all that spending needs to know."""
    first = number * CELL_CUSTOMERS + 1
    n = world.size(number)
    window = world.window
    people = draw_people(generator(world.seed, "people", number), first=first, n=n)
    joining = draw_joining(generator(world.seed, "joining", number), window, world.channels, n=n)
    rings = form_rings(
        generator(world.seed, "rings", number),
        window,
        people,
        joining,
        launches=launches_in(window),
    )
    joined_year = window.date(joining.day).astype("datetime64[Y]").astype(int) + 1970
    people.birth_year = np.minimum(people.birth_year, joined_year - 18)  # nobody joins as a child
    return people, joining, rings


def simulate_cell(world: World, number: int) -> Cell:
    """Simulate one cell."""
    window = world.window

    def rng(stream: str) -> np.random.Generator:
        return generator(world.seed, stream, number)

    people, joining, rings = begin_cell(world, number)
    is_hunter = rings.is_hunter
    lives = draw_lives(rng("lives"), people, joining.day)
    active = draw_days(
        rng("days"), window, people, lives, is_hunter=is_hunter, launches=list(launches_in(window).values())
    )
    wealth = draw_wealth(rng("wealth"), window, people, joining, lives, active, world.returns, is_hunter=is_hunter)
    extra_aum = np.zeros_like(wealth.aum)
    campaigns = rng("campaigns")
    outcomes = [
        run_campaign(campaigns, window, plan, people, lives, wealth, active, extra_aum, is_hunter=is_hunter)
        for plan in plans_in(window)
    ]
    clicking = rng("clicks")
    special = campaign_clicks(clicking, window, active, outcomes, is_hunter=is_hunter)
    clicks, special_second = draw_clicks(
        clicking,
        window,
        people,
        active,
        special,
        is_hunter=is_hunter,
        earliest=(joining.day, joining.second),
    )
    aum, net_inflow, has_balance = _with_campaigns(window, joining, lives, wealth, extra_aum)
    touches = draw_touches(rng("touches"), window, people, lives, outcomes)
    payouts = draw_payouts(
        rng("rewards"),
        window,
        special,
        special_second,
        outcomes,
        aum,
        REWARD_KINDS,
        is_hunter=is_hunter,
    )
    return Cell(
        number=number,
        people=people,
        joining=joining,
        rings=rings,
        lives=lives,
        active=active,
        wealth=wealth,
        aum=aum,
        net_inflow=net_inflow,
        has_balance=has_balance,
        outcomes=outcomes,
        special=special,
        special_second=special_second,
        clicks=clicks,
        touches=touches,
        payouts=payouts,
        products=draw_products(rng("products"), window, people, joining, lives, wealth),
        devices=draw_devices(rng("devices"), window, people, joining, lives, active, rings),
        referrals=draw_referrals(rng("referrals"), window, joining, lives, rings, outcomes),
        transfers=draw_transfers(rng("transactions"), window, clicks, wealth, outcomes),
        surveys=draw_surveys(rng("surveys"), window, people, lives, clicks),
        tags=draw_tags(rng("tags"), window, people, joining, wealth, aum, active),
    )


def _with_campaigns(
    window: Window, joining: Joining, lives: Lives, wealth: Wealth, extra_aum: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the campaigns' money to assets and new money; say where a customer has a balance row."""
    first = window.month_starts
    closing = lives.closing_day[:, None]
    extra = np.where(closing >= first[None, 1:], extra_aum, 0.0)
    aum = np.round(wealth.aum + extra, 2)
    net_inflow = np.round(wealth.net_inflow + np.diff(extra, axis=1, prepend=0.0), 2)
    has_balance = (joining.day[:, None] < first[None, 1:]) & (closing >= first[None, :-1])
    return aum, net_inflow, has_balance
