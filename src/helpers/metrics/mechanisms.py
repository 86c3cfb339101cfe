"""How campaigns pay: ladders, draws, packets, referral tiers, contests and events, as the catalogue writes them.

Terms are arithmetic: what one participant with so many successes is paid, as mean and variance. How many take part,
and what that does to the bill, is estimated in `helpers.models.mechanism`. Money is in the bank's currency.
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import pairwise
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text

PERIOD_DAYS = 28  # `most` and the milestones of the catalogue are written for four weeks


class Terms(catalogue.Entry):
    """Base of all ways to pay."""

    @abstractmethod
    def payout_moments(self, successes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of what a participant with so many successes is paid, before any common limit.

        Parameters
        ----------
        successes : array of int, shape (m,)
            Counted successes in the period.

        Returns
        -------
        (mean, variance), each of shape (m,)
            In money and money squared.
        """

    @property
    def is_limited(self) -> bool:
        """True if a stock, a pool or seats limit what all participants get together."""
        return False

    @property
    def largest_prize(self) -> float:
        """Worth of the largest single prize, in money."""
        return 0.0

    def scaled(self, factor: float) -> Terms:
        """Return the same terms with every amount of money multiplied; odds, stocks and thresholds stay."""
        if not factor > 0:
            raise ValueError(f"factor must be above 0, not {factor}")
        return type(self).model_validate(_scale(self.model_dump(), factor))


class Milestone(catalogue.Entry):
    """A step of a ladder: ``value`` is paid once when ``at`` successes are reached."""

    at: int = Field(ge=1)
    value: float = Field(ge=0)


class Ladder(Terms):
    """Each success earns a little, each step reached earns more.

    Attributes
    ----------
    each : float
        Paid for each success.
    most : int or None
        Successes that are paid at most; the milestones are not touched by it.
    milestones : tuple of Milestone
        Paid once each.

    Examples
    --------
    >>> ladder = Ladder(kind="ladder", each=0.5, milestones=(Milestone(at=7, value=6),))
    >>> ladder.payout_moments(np.array([3, 7, 20]))[0].tolist()
    [1.5, 9.5, 16.0]
    """

    kind: Literal["ladder"]
    each: float = Field(ge=0)
    most: int | None = Field(default=None, ge=1)
    milestones: tuple[Milestone, ...] = ()

    @model_validator(mode="after")
    def _rising(self) -> Ladder:
        _check_rising(self.milestones)
        return self

    def payout_moments(self, successes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Terms.payout_moments`: a ladder pays for certain, the variance is 0."""
        successes = np.asarray(successes)
        counted = successes if self.most is None else np.minimum(successes, self.most)
        paid = self.each * counted.astype(float)
        for step in self.milestones:
            paid += step.value * (successes >= step.at)
        return paid, np.zeros_like(paid)

    @property
    def largest_prize(self) -> float:
        """See `Terms.largest_prize`."""
        return max([self.each, *(step.value for step in self.milestones)])

    def raised(self, days: int) -> Ladder:
        """Return the ladder with every milestone that many successes higher."""
        steps = tuple(Milestone(at=step.at + days, value=step.value) for step in self.milestones)
        return self.model_copy(update={"milestones": steps})


class DrawPrize(catalogue.Entry):
    """One prize of a draw: chance of winning it in one draw, and how many there are for 1,000 treated customers."""

    name: catalogue.Words
    value: float = Field(ge=0)
    odds: float = Field(gt=0, le=1)
    stock_per_1000: float | None = Field(default=None, ge=0)


class Draw(Terms):
    """Each success is a chance in a draw; a draw wins one prize or nothing.

    Attributes
    ----------
    most_chances : int
        Chances a participant has at most.
    prizes : tuple of DrawPrize
        Odds add up to at most 1.
    """

    kind: Literal["draw"]
    most_chances: int = Field(ge=1)
    prizes: tuple[DrawPrize, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _odds_add_up(self) -> Draw:
        total = sum(prize.odds for prize in self.prizes)
        if total > 1 + 1e-9:
            raise SpokenError(
                Text(
                    f"the odds of the prizes add up to {total:g}; at most 1 is possible",
                    f"各奖项中奖概率（odds）合计为 {total:g}，不得超过 1",
                )
            )
        return self

    def chances(self, successes: np.ndarray) -> np.ndarray:
        """Chances of a participant with so many successes."""
        return np.minimum(np.asarray(successes), self.most_chances)

    def payout_moments(self, successes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Terms.payout_moments`: independent draws, stocks left aside."""
        mean = sum(prize.odds * prize.value for prize in self.prizes)
        square = sum(prize.odds * prize.value**2 for prize in self.prizes)
        chances = self.chances(successes).astype(float)
        return chances * mean, chances * (square - mean**2)

    @property
    def is_limited(self) -> bool:
        """See `Terms.is_limited`."""
        return any(prize.stock_per_1000 is not None for prize in self.prizes)

    @property
    def largest_prize(self) -> float:
        """See `Terms.largest_prize`."""
        return max(prize.value for prize in self.prizes)


class Packet(Terms):
    """Each success earns an amount drawn evenly between two bounds, until the pool is empty.

    Attributes
    ----------
    lowest, highest : float
        Bounds of one packet.
    most : int
        Packets a participant gets at most.
    pool_per_1000 : float or None
        Money in the pool for 1,000 treated customers; None: no common limit.
    """

    kind: Literal["packet"]
    lowest: float = Field(ge=0)
    highest: float = Field(ge=0)
    most: int = Field(ge=1)
    pool_per_1000: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Packet:
        if self.highest < self.lowest:
            raise SpokenError(
                Text(
                    f"highest {self.highest:g} lies below lowest {self.lowest:g}",
                    f"highest {self.highest:g} 低于 lowest {self.lowest:g}",
                )
            )
        return self

    def payout_moments(self, successes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Terms.payout_moments`: sums of even draws, the pool left aside."""
        packets = np.minimum(np.asarray(successes), self.most).astype(float)
        return packets * (self.lowest + self.highest) / 2, packets * (self.highest - self.lowest) ** 2 / 12

    @property
    def is_limited(self) -> bool:
        """See `Terms.is_limited`."""
        return self.pool_per_1000 is not None

    @property
    def largest_prize(self) -> float:
        """See `Terms.largest_prize`."""
        return self.highest


class Referral(Terms):
    """Each friend who comes earns the inviter the rate of the tier reached, and the friend a gift.

    Attributes
    ----------
    tiers : tuple of Milestone
        From the ``at``-th friend on each friend earns ``value`` (marginal rates, as taxes).
    invited_value : float
        Gift of the friend.
    most : int
        Friends that are paid at most.
    generations : int
        Rounds of friends' friends that fit into the period (1: only the treated invite).
    again_share : float
        How keen a friend is to invite, against the treated customer: the K-factor of later rounds is multiplied by it.
    """

    kind: Literal["referral"]
    tiers: tuple[Milestone, ...] = Field(min_length=1)
    invited_value: float = Field(ge=0)
    most: int = Field(ge=1)
    generations: int = Field(ge=1, le=20)
    again_share: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _rising(self) -> Referral:
        _check_rising(self.tiers)
        if self.tiers[0].at != 1:
            raise SpokenError(
                Text(
                    f"the first tier begins at friend {self.tiers[0].at}; it has to begin at 1",
                    f"首档从第 {self.tiers[0].at} 位好友起，应从第 1 位起",
                )
            )
        return self

    def payout_moments(self, successes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Terms.payout_moments`: of the first round; later rounds are added by the model."""
        friends = np.minimum(np.asarray(successes), self.most)
        paid = self.invited_value * friends.astype(float)
        bounds = [tier.at - 1 for tier in self.tiers] + [self.most]
        for tier, (start, stop) in zip(self.tiers, pairwise(bounds), strict=True):
            paid += tier.value * np.clip(friends - start, 0, max(stop - start, 0))
        return paid, np.zeros_like(paid)

    @property
    def largest_prize(self) -> float:
        """See `Terms.largest_prize`."""
        return max([self.invited_value, *(tier.value for tier in self.tiers)])


class ContestPrize(catalogue.Entry):
    """A fixed number of equal prizes that a jury gives."""

    name: catalogue.Words
    value: float = Field(ge=0)
    number: int = Field(ge=1)


class Contest(Terms):
    """Each entry earns a little; a jury gives a fixed number of prizes, fewer only if there are fewer entrants."""

    kind: Literal["contest"]
    each: float = Field(ge=0)
    most: int = Field(ge=1)
    prizes: tuple[ContestPrize, ...] = Field(min_length=1)

    def payout_moments(self, successes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Terms.payout_moments`: of the entries; the jury's prizes are a sum of their own."""
        paid = self.each * np.minimum(np.asarray(successes), self.most).astype(float)
        return paid, np.zeros_like(paid)

    def jury_cost(self, entrants: np.ndarray) -> np.ndarray:
        """What the jury's prizes cost with so many entrants: the best prizes are given first, one a person."""
        worth = np.sort(np.repeat([p.value for p in self.prizes], [p.number for p in self.prizes]))[::-1]
        summed = np.concatenate([[0.0], np.cumsum(worth)])
        return summed[np.minimum(np.asarray(entrants), len(worth))]

    @property
    def is_limited(self) -> bool:
        """See `Terms.is_limited`."""
        return True

    @property
    def largest_prize(self) -> float:
        """See `Terms.largest_prize`."""
        return max(prize.value for prize in self.prizes)


class Event(Terms):
    """Each seat taken costs the same; there are so many seats for 1,000 treated customers."""

    kind: Literal["event"]
    each: float = Field(ge=0)
    most: int = Field(ge=1)
    seats_per_1000: float = Field(gt=0)

    def payout_moments(self, successes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Terms.payout_moments`: seats left aside."""
        paid = self.each * np.minimum(np.asarray(successes), self.most).astype(float)
        return paid, np.zeros_like(paid)

    @property
    def is_limited(self) -> bool:
        """See `Terms.is_limited`."""
        return True

    @property
    def largest_prize(self) -> float:
        """See `Terms.largest_prize`."""
        return self.each


AnyTerms = Annotated[Ladder | Draw | Packet | Referral | Contest | Event, Field(discriminator="kind")]
# Money among the fields of terms; everything else (odds, stocks, thresholds) is not multiplied.
_MONEY = ("each", "value", "lowest", "highest", "invited_value", "pool_per_1000")


def _scale(content: Any, factor: float) -> Any:
    if isinstance(content, dict):
        return {
            key: value * factor if key in _MONEY and value is not None else _scale(value, factor)
            for key, value in content.items()
        }
    if isinstance(content, list | tuple):
        return [_scale(value, factor) for value in content]
    return content


def _check_rising(steps: tuple[Milestone, ...]) -> None:
    for lower, higher in pairwise(steps):
        if higher.at <= lower.at:
            raise SpokenError(
                Text(
                    f"steps must rise: {higher.at} comes after {lower.at}",
                    f"各档门槛应递增：{lower.at} 之后为 {higher.at}",
                )
            )
