"""Who the customers are: attributes, overlapping segments, habits that nobody sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.chance import one_of

BRANCHES = (
    "Harbour",
    "Old Town",
    "Riverside",
    "Tech Park",
    "University",
    "North Gate",
    "Lakeside",
    "Airport",
)
RISK_APPETITES = ("conservative", "cautious", "balanced", "growth", "aggressive")
SILVER_BORN_UNTIL = 1975  # 50 or older in 2025
YOUNG_BORN_FROM = 1996  # under 30 in 2025
_BRANCH_WEIGHTS = np.array(
    [
        [22, 15, 16, 15, 5, 11, 9, 7],  # neither young nor silver
        [20, 32, 14, 4, 2, 12, 13, 3],  # silver-haired
        [18, 7, 12, 20, 24, 9, 5, 5],  # young
    ],
    dtype=float,
)
_RISK_WEIGHTS = np.array([[18, 27, 30, 17, 8], [38, 34, 20, 6, 2], [9, 18, 30, 27, 16]], dtype=float)


@dataclass
class People:
    """Customers of one cell, one value a customer in each array, as they are in truth.

    What the bank's own tables do not know (`*_known` False) is drawn here too, so that a hole in a
    table never changes what the customer is.
    """

    number: np.ndarray
    birth_year: np.ndarray
    birth_year_known: np.ndarray
    is_woman: np.ndarray
    gender_known: np.ndarray
    branch: np.ndarray
    branch_distance_km: np.ndarray
    is_payroll: np.ndarray
    is_car_owner: np.ndarray
    has_children: np.ndarray
    risk_appetite: np.ndarray
    risk_known: np.ndarray
    city_tier: np.ndarray
    uses_elder_edition: np.ndarray
    gap_days: np.ndarray
    keenness: np.ndarray
    consents: np.ndarray
    consent_known: np.ndarray

    @property
    def n(self) -> int:
        """Customers in the cell."""
        return len(self.number)

    @property
    def is_silver(self) -> np.ndarray:
        """True for the silver-haired, 50 or older in 2025."""
        return self.birth_year <= SILVER_BORN_UNTIL

    @property
    def is_young(self) -> np.ndarray:
        """True for those under 30 in 2025."""
        return self.birth_year >= YOUNG_BORN_FROM


def draw_people(rng: np.random.Generator, *, first: int, n: int) -> People:
    """Draw the customers of a cell.

    Parameters
    ----------
    rng : Generator
        Stream "people" of the cell.
    first : int
        Number of the first customer, from 1.
    n : int
        Customers in the cell.
    """
    kind = one_of(rng, np.array([[0.48, 0.30, 0.22]]), np.zeros(n, dtype=int))  # middle, silver, young
    u = rng.random(n)
    born = np.select(
        [kind == 1, kind == 2],
        [SILVER_BORN_UNTIL - np.floor(36 * u**1.6), YOUNG_BORN_FROM + np.floor(12 * u)],
        SILVER_BORN_UNTIL + 1 + np.floor(20 * u),
    ).astype(np.int64)
    age = 2025 - born
    working = (age >= 23) & (age <= 59)
    is_payroll = rng.random(n) < np.where(working, 0.34, 0.06)
    is_car_owner = rng.random(n) < np.where((age >= 28) & (age <= 62), 0.38, 0.12)
    has_children = rng.random(n) < np.clip((age - 24) / 14, 0.02, 0.78)
    # days between visits, on the busyness clock; the payroll customer looks in more often
    median_gap = 7.2 * np.where(is_payroll, 0.75, 1.0) * np.where(kind == 1, 1.1, 1.0)
    gap_days = np.clip(median_gap * np.exp(0.65 * rng.standard_normal(n)), 1.3, 20.0)
    return People(
        number=first + np.arange(n),
        birth_year=born,
        birth_year_known=rng.random(n) >= 0.012,
        is_woman=rng.random(n) < 0.51,
        gender_known=rng.random(n) >= 0.04,
        branch=one_of(rng, _BRANCH_WEIGHTS, kind),
        branch_distance_km=np.round(2.6 * np.exp(0.85 * rng.standard_normal(n)), 1),
        is_payroll=is_payroll,
        is_car_owner=is_car_owner,
        has_children=has_children,
        risk_appetite=one_of(rng, _RISK_WEIGHTS, kind),
        risk_known=rng.random(n) >= 0.12,
        city_tier=1 + one_of(rng, np.array([[0.35, 0.4, 0.25]]), np.zeros(n, dtype=int)),
        uses_elder_edition=(kind == 1) & (rng.random(n) < 0.45),
        gap_days=gap_days,
        keenness=rng.random(n),
        consents=rng.random(n) < 0.90,
        consent_known=rng.random(n) >= 0.07,
    )
