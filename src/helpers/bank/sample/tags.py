"""The tag system: six families, with holes, stale values and values that contradict the source table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.arrow import NO_TIME
from helpers.bank.sample.chance import one_of
from helpers.bank.sample.joining import Joining
from helpers.bank.sample.people import RISK_APPETITES, People
from helpers.bank.sample.wealth import Wealth
from helpers.bank.sample.window import Window

REFRESHES = ("2025-06-30", "2025-07-31", "2025-08-31")  # runs of the tag system that reached most customers
_DAY = 86_400
AGE_BANDS = ("<30", "30-39", "40-49", "50-59", "60+")
BENEFITS = ("points", "coupon", "cash_red_packet", "physical_gift")
AUM_BANDS = ("zero", "under_10k", "10k_50k", "50k_200k", "200k_plus")
ACTIVITY_BANDS = ("none", "low", "middle", "high")
YES_NO = ("no", "yes")


@dataclass(frozen=True)
class TagPlan:
    """One tag and what is wrong with it.

    Attributes
    ----------
    source : str
        Column of the customers table that says the same, empty if there is none.
    hole : float
        Share of customers for whom the value is missing (empty, or no row at all).
    wrong : float
        Share of values that differ from the truth at the time of the refresh.
    stale : float
        Share last refreshed before 2025.
    """

    tag: str
    family: str
    vocabulary: tuple[str, ...]
    source: str
    hole: float
    wrong: float
    stale: float


TAGS = (
    TagPlan("age_band", "basic", AGE_BANDS, "birth_year", 0.06, 0.06, 0.10),
    TagPlan("gender", "basic", ("M", "F"), "gender", 0.05, 0.03, 0.20),
    TagPlan("city_tier", "basic", ("1", "2", "3"), "city_tier", 0.10, 0.02, 0.20),
    TagPlan("aum_band", "financial", AUM_BANDS, "", 0.08, 0.02, 0.10),
    TagPlan("payroll", "financial", YES_NO, "is_payroll", 0.10, 0.05, 0.15),
    TagPlan("has_loan", "financial", YES_NO, "", 0.12, 0.01, 0.05),
    TagPlan("community_member", "social", YES_NO, "", 0.45, 0.10, 0.35),
    TagPlan("invites_friends", "social", YES_NO, "", 0.35, 0.08, 0.20),
    TagPlan("risk_appetite", "risk", RISK_APPETITES, "risk_appetite", 0.22, 0.09, 0.40),
    TagPlan("car_owner", "life", YES_NO, "is_car_owner", 0.28, 0.14, 0.30),
    TagPlan("has_children", "social", YES_NO, "has_children", 0.38, 0.16, 0.30),
    TagPlan("interest", "life", ("food", "travel", "health", "education", "home"), "", 0.42, 0.20, 0.30),
    TagPlan("activity_band", "behaviour", ACTIVITY_BANDS, "", 0.04, 0.01, 0.03),
    TagPlan("preferred_benefit", "behaviour", BENEFITS, "", 0.30, 0.12, 0.15),
)  # fmt: skip
FAMILIES = ("basic", "financial", "social", "risk", "life", "behaviour")


@dataclass
class TagValues:
    """Tag rows of a cell: customer row, tag (position in `TAGS`), value (−1: hole), second of the last refresh."""

    row: np.ndarray
    tag: np.ndarray
    value: np.ndarray
    updated: np.ndarray


def draw_tags(
    rng: np.random.Generator,
    window: Window,
    people: People,
    joining: Joining,
    wealth: Wealth,
    aum: np.ndarray,
    active: np.ndarray,
) -> TagValues:
    """Draw the tags of a cell as the tag system holds them at the log's end, one value a customer and tag."""
    n = people.n
    parts = []
    for number, plan in enumerate(TAGS):
        run = np.array([window.day(day) for day in REFRESHES])[rng.integers(0, len(REFRESHES), n)]
        recent = window.day(REFRESHES[-1]) + rng.integers(1, 120, n)
        day = np.where(rng.random(n) < 0.15, np.minimum(recent, window.days - 1), run)
        old = window.day("2025-01-01") - 1 - rng.integers(0, 700, n)
        day = np.where(rng.random(n) < plan.stale, old, day)
        day = np.minimum(np.maximum(day, joining.day + 1), window.days - 1)
        truth = _truth(plan, window, people, wealth, aum, active, day, rng)
        other = (truth + rng.integers(1, len(plan.vocabulary), n)) % len(plan.vocabulary)
        value = np.where(rng.random(n) < plan.wrong, other, truth)
        u = rng.random(n)
        value = np.where(u < plan.hole / 2, -1, value)
        has_row = u < 1 - plan.hole / 2  # the other half of the holes has no row at all
        rows = np.flatnonzero(has_row)
        second = day[rows].astype(np.int64) * _DAY + 3 * 3600
        second = np.where((value[rows] < 0) & (rng.random(len(rows)) < 0.3), NO_TIME, second)
        parts.append((rows, np.full(len(rows), number), value[rows], second))
    return TagValues(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _truth(
    plan: TagPlan,
    window: Window,
    people: People,
    wealth: Wealth,
    aum: np.ndarray,
    active: np.ndarray,
    day: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the value that a tag should have had when it was refreshed."""
    n = people.n
    if plan.tag == "age_band":
        year = window.date(day).astype("datetime64[Y]").astype(int) + 1970
        return np.digitize(year - people.birth_year, (30, 40, 50, 60))
    if plan.tag == "aum_band":
        month = np.clip(np.searchsorted(window.month_starts, np.maximum(day, 0), side="right") - 2, 0, None)
        return np.digitize(aum[np.arange(n), month], (0.01, 10_000, 50_000, 200_000))
    if plan.tag == "activity_band":
        counted = np.cumsum(active, axis=1)
        now, before = np.maximum(day, 0), np.maximum(day - 28, 0)
        days = counted[np.arange(n), now] - counted[np.arange(n), before]
        return np.digitize(days, (1, 4, 10))
    simple = {
        "gender": people.is_woman,
        "city_tier": people.city_tier - 1,
        "payroll": people.is_payroll,
        "has_loan": wealth.loan[:, 0] > 0,
        "risk_appetite": people.risk_appetite,
        "car_owner": people.is_car_owner,
        "has_children": people.has_children,
    }
    if plan.tag in simple:
        return simple[plan.tag].astype(np.int64)
    segment = np.select([people.is_silver, people.is_young], [1, 2], 0)
    weights = {
        "community_member": [[75, 25], [60, 40], [85, 15]],
        "invites_friends": [[85, 15], [88, 12], [75, 25]],
        "interest": [[25, 20, 15, 20, 20], [20, 10, 45, 5, 20], [35, 35, 8, 12, 10]],
        "preferred_benefit": [[30, 35, 20, 15], [25, 20, 10, 45], [20, 30, 45, 5]],
    }[plan.tag]
    return one_of(rng, np.array(weights, dtype=float), segment)
