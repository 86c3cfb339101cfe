"""Forms of campaigns: `data/catalogue/activities.yml`, what each is good for, and how it pays out."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.findings.spoken import at, unknown
from helpers.metrics.conditions import FactCondition
from helpers.metrics.mechanisms import AnyTerms

Level = Literal["low", "medium", "high"]
FitLevel = Literal["strong", "good", "fair", "poor"]
# What a level counts in a score from 0 to 1.
FIT_SCORES: dict[str, float] = {"strong": 1.0, "good": 0.75, "fair": 0.5, "poor": 0.1}
SAFETY_SCORES: dict[str, float] = {"low": 1.0, "medium": 0.6, "high": 0.2}


class Range(catalogue.Entry):
    """Low, middle and high of a number that is reckoned with; low and high hold it in about 95 of 100 cases."""

    low: float
    mid: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low <= self.mid <= self.high:
            raise SpokenError(
                Text(
                    f"should rise: low {self.low:g}, mid {self.mid:g}, high {self.high:g}",
                    f"应依次递增：low {self.low:g}，mid {self.mid:g}，high {self.high:g}",
                )
            )
        return self


class Share(Range):
    """A range of a share, from 0 to 1."""

    @model_validator(mode="after")
    def _is_share(self) -> Share:
        if self.low < 0 or self.high > 1:
            raise SpokenError(
                Text(
                    f"shares lie between 0 and 1, not {self.low:g} to {self.high:g}",
                    f"比例应在 0 到 1 之间，现为 {self.low:g} 到 {self.high:g}",
                )
            )
        return self


class Fit(catalogue.Entry):
    """How a form suits a segment, and why."""

    level: FitLevel
    why: catalogue.Words


class Against(catalogue.Entry):
    """A counter-indication; without ``when`` it is always worth saying."""

    text: catalogue.Words
    when: tuple[FactCondition, ...] = ()


class Assumed(catalogue.Entry):
    """What is assumed where the bank has no campaign of its own to learn from.

    Attributes
    ----------
    participation : Share
        Treated customers who succeed at least once.
    successes_mean : float
        Successes a participant over 28 days, at least 1.
    effects : dict of metric to Range
        Effect per treated customer over 28 days, in the metric's unit.
    """

    participation: Share
    successes_mean: float = Field(ge=1)
    effects: dict[str, Range]


class Form(catalogue.Entry):
    """One form of `activities.yml`; texts in both languages, money in the bank's currency.

    Attributes
    ----------
    variant_of : str
        Slug of the form that this one is a variant of; empty if none.
    success_event : str
        Event in the activity log that counts as success, unless a campaign names its own.
    fits : dict of segment to Fit
        Segments that are not named are ``fair``.
    leak_share : Share
        Share of the rewards that bonus hunters take: an assumption of the trade.
    fixed_cost : float
        Set-up and upkeep, whatever the number of participants.
    prize_promotion, has_draw, rewards_assets : bool
        What compliance asks about.
    terms : Ladder, Draw, Packet, Referral, Contest or Event
        How it pays.
    """

    name: catalogue.Words
    variant_of: str = ""
    rules: catalogue.Words
    goal: catalogue.Words
    strength: catalogue.Words
    risk: catalogue.Words
    metrics: tuple[str, ...] = Field(min_length=1)
    abuse: catalogue.Words
    abuse_level: Level
    prevention: catalogue.Words
    cost_drivers: catalogue.Words
    success_event: str
    fits: dict[str, Fit] = Field(default_factory=dict)
    against: tuple[Against, ...] = ()
    prize_promotion: bool
    has_draw: bool = False
    rewards_assets: bool = False
    benefits: tuple[str, ...] = Field(min_length=1)
    fixed_cost: float = Field(ge=0)
    leak_share: Share
    assumed: Assumed
    terms: AnyTerms

    def fit(self, segment: str) -> FitLevel:
        """Return how the form suits a segment."""
        return self.fits[segment].level if segment in self.fits else "fair"


def read_forms(*, folder: str | Path = "") -> dict[str, Form]:
    """Read the catalogue of forms.

    Parameters
    ----------
    folder : str or Path
        Folder of the catalogues; the project's by default.

    Returns
    -------
    dict of slug to Form

    Raises
    ------
    ValueError
        One line for each entry that is wrong; a variant of a form that is not there.

    Examples
    --------
    >>> read_forms()["discount_day"].variant_of
    'red_packet'
    """
    forms = catalogue.read("activities", Form, folder=folder)
    for slug, form in forms.items():
        if form.variant_of and form.variant_of not in forms:
            words = unknown("form", form.variant_of, forms)
            raise SpokenError(at("activities.yml", at(f"{slug}.variant_of", words)))
    return forms


def pick_form(slug: str, *, forms: dict[str, Form] | None = None) -> Form:
    """Return one form; ValueError names the nearest slug and all that there are.

    Examples
    --------
    >>> pick_form("chekin")
    Traceback (most recent call last):
    helpers.findings.spoken.SpokenError: form 'chekin' is unknown, did you mean 'checkin'; there are checkin, ...
    """
    return catalogue.pick(read_forms() if forms is None else forms, slug, what="form")
