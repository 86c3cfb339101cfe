"""What customers hold: products, and the devices that they sign in from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.joining import Joining
from helpers.bank.sample.lives import NEVER, Lives
from helpers.bank.sample.people import People
from helpers.bank.sample.rings import Rings
from helpers.bank.sample.wealth import Wealth
from helpers.bank.sample.window import Window

PRODUCTS = (
    "current_account",
    "time_deposit",
    "wealth_product",
    "fund",
    "credit_card",
    "mortgage",
    "consumer_loan",
    "insurance",
)
SECOND_DEVICE_SHARE = 0.17
COUPLE_SHARE = 0.012  # customers who share a device with one other, in all innocence
HOUSEHOLD_SHARE = 0.008  # customers of families of four on one device
_DAY = 86_400


@dataclass
class Products:
    """Products of a cell, one row a holding; `closed` is `NEVER` while it is held."""

    row: np.ndarray
    product: np.ndarray
    opened: np.ndarray
    closed: np.ndarray


@dataclass
class Devices:
    """Devices of a cell, one row a customer and device; numbers are unique in the cell only."""

    row: np.ndarray
    device: np.ndarray
    first_second: np.ndarray
    last_second: np.ndarray


def draw_products(
    rng: np.random.Generator, window: Window, people: People, joining: Joining, lives: Lives, wealth: Wealth
) -> Products:
    """Draw what each customer holds; a product is opened after joining and closed with the account at the latest."""
    n = people.n
    has_loan = wealth.loan[:, 0] > 0
    is_large = wealth.loan[:, 0] > 150_000
    rich = wealth.usual > 50_000
    risk = people.risk_appetite / 4
    chances = {
        "current_account": np.ones(n),
        "time_deposit": np.where(wealth.usual > 5_000, 0.22 + 0.25 * people.is_silver, 0.01),
        "wealth_product": np.where(rich, 0.48, 0.06),
        "fund": np.where(wealth.usual > 3_000, 0.05 + 0.30 * risk, 0.01),
        "credit_card": np.where(people.is_payroll, 0.42, 0.16),
        "mortgage": (has_loan & is_large).astype(float),
        "consumer_loan": (has_loan & ~is_large).astype(float),
        "insurance": 0.05 + 0.09 * people.has_children,
    }
    closing = lives.closing_day
    parts = []
    for number, product in enumerate(PRODUCTS):
        rows = np.flatnonzero(rng.random(n) < chances[product])
        delay = np.zeros(len(rows)) if product == "current_account" else rng.exponential(120.0, len(rows))
        opened = joining.day[rows] + np.floor(delay).astype(np.int64)
        term = np.where(product == "time_deposit", 365 * rng.integers(1, 4, len(rows)), NEVER)
        closed = np.minimum(np.where(term < NEVER, opened + term, NEVER), closing[rows])
        keeps = (opened < np.minimum(window.days, closed)) | (product == "current_account")
        parts.append((rows[keeps], np.full(int(keeps.sum()), number), opened[keeps], closed[keeps]))
    return Products(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def draw_devices(
    rng: np.random.Generator,
    window: Window,
    people: People,
    joining: Joining,
    lives: Lives,
    active: np.ndarray,
    rings: Rings,
) -> Devices:
    """Draw devices: one a customer, sometimes a second later on; rings use one or two devices together, couples one."""
    n = people.n
    own = rng.permutation(4 * n)  # numbers tell nothing
    device = own[:n].copy()
    honest = rng.permutation(np.flatnonzero(~rings.is_hunter))
    couples = round(COUPLE_SHARE * len(honest) / 2)
    families = round(HOUSEHOLD_SHARE * len(honest) / 4)
    device[honest[couples : 2 * couples]] = device[honest[:couples]]
    rest = honest[2 * couples : 2 * couples + 4 * families]
    device[rest] = np.repeat(device[rest[:families]], 4)
    for ring in range(len(rings.head)):
        members = np.flatnonzero(rings.ring == ring)
        shared = own[2 * n + 2 * ring : 2 * n + 2 * ring + 2]
        used = int(rng.integers(1, 3))
        device[members] = shared[rng.integers(0, used, len(members))]

    is_seen = active.any(axis=1)
    last_active = np.where(is_seen, window.days - 1 - np.argmax(active[:, ::-1], axis=1), lives.first_end)
    last_active = np.minimum(np.maximum(last_active, joining.day), window.days - 1)
    first = joining.day.astype(np.int64) * _DAY + joining.second
    last = np.maximum(last_active.astype(np.int64) * _DAY + 82_000, first + 600)
    changes = (rng.random(n) < SECOND_DEVICE_SHARE) & ~rings.is_hunter & (last - first > 90 * _DAY)
    rows = np.flatnonzero(changes)
    switch = first[rows] + np.floor((last[rows] - first[rows]) * rng.uniform(0.2, 0.9, len(rows))).astype(np.int64)
    last_of_first = last.copy()
    last_of_first[rows] = switch + rng.integers(0, 20, len(rows)) * _DAY
    return Devices(
        row=np.concatenate([np.arange(n), rows]),
        device=np.concatenate([device, own[n : n + len(rows)]]),
        first_second=np.concatenate([first, switch]),
        last_second=np.concatenate([np.minimum(last_of_first, last), last[rows]]),
    )
