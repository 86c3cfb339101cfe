"""The bill of a mechanism: drawn many times over, and its mean and spread in closed form to check the draws.

Two kinds of chance add up. How each customer behaves matters little once there are thousands; that the *share* who
take part is not known beforehand hits all customers at once and does not average out. A bill reckoned from a fixed
share is therefore far too sure of itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from helpers.metrics.mechanisms import Contest, Draw, Event, Packet, Referral, Terms
from helpers.models.mechanism.habits import Habits

_SIMULATED_SINGLY = 50  # sums of fewer packets are drawn one by one, larger ones as normal
COLUMNS = ["simulation", "share", "participants", "successes", "reward_cost", "contact_cost", "fixed_cost", "cost"]


def simulate_cost(
    terms: Terms,
    habits: Habits,
    *,
    n_treated: int,
    fixed_cost: float = 0.0,
    contact_cost_each: float = 0.0,
    n_simulations: int = 2_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Draw the bill of a campaign many times.

    Parameters
    ----------
    terms : Ladder, Draw, Packet, Referral, Contest or Event
    habits : Habits
        Share who take part (uncertain), successes a participant (uncertain: Dirichlet over those who were watched).
    n_treated : int
        Customers in the treated arms, 0 or more.
    fixed_cost : float
        Set-up and upkeep in money.
    contact_cost_each : float
        Cost of reaching one treated customer in money.
    n_simulations : int
        At least 100.
    seed : int

    Returns
    -------
    DataFrame, one row a simulation
        ``simulation, share`` who take part, ``participants, successes`` (counts), ``reward_cost``, ``contact_cost``,
        ``fixed_cost``, ``cost`` (all three) in money. Common limits (stocks, pools, seats) bind.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """
    _check(n_treated, fixed_cost, contact_cost_each)
    if n_simulations < 100:
        raise ValueError(f"n_simulations must be at least 100, not {n_simulations}")
    rng = np.random.default_rng(seed)
    share = expit(habits.logit_mean + habits.logit_sd * rng.standard_normal(n_simulations))
    participants = rng.binomial(n_treated, share)
    known = habits.weights > 0
    levels = habits.successes[known]
    mix = rng.dirichlet(habits.weights[known], size=n_simulations)
    counts = rng.multinomial(participants, mix)  # participants by number of successes
    reward = _rewards(terms, counts, levels, n_treated, rng)
    contact = contact_cost_each * n_treated
    return pd.DataFrame(
        {
            "simulation": np.arange(n_simulations),
            "share": share,
            "participants": participants,
            "successes": counts @ levels,
            "reward_cost": reward,
            "contact_cost": contact,
            "fixed_cost": float(fixed_cost),
            "cost": reward + contact + fixed_cost,
        },
        columns=COLUMNS,
    )


def expected_cost(
    terms: Terms,
    habits: Habits,
    *,
    n_treated: int,
    fixed_cost: float = 0.0,
    contact_cost_each: float = 0.0,
) -> dict[str, float]:
    """Mean and standard deviation of the bill in closed form, common limits and friends of friends left aside.

    With share P, participants N ~ Binomial(n, P) and success mix Q ~ Dirichlet(w), the pay of one participant has
    mean m(Q) and variance v(Q):  E = n·E[P]·E[m];  Var = E[N]·E[v] + E[N²]·E[m²] − (E[N]·E[m])².

    Parameters
    ----------
    terms, habits, n_treated, fixed_cost, contact_cost_each
        As for `simulate_cost`.

    Returns
    -------
    dict
        ``mean, sd`` of the bill in money; ``sd_known_share``, what the sd would be if the share and the mix were known
        exactly.

    Examples
    --------
    >>> from helpers.metrics.mechanisms import Ladder
    >>> sure = Habits(0.0, 0.0, np.array([10]), np.array([100.0]), "own_form", 1, 1000)
    >>> cost = expected_cost(Ladder(kind="ladder", each=1.0), sure, n_treated=1000)
    >>> round(cost["mean"], 6), round(cost["sd"], 3)
    (5000.0, 158.114)
    """
    _check(n_treated, fixed_cost, contact_cost_each)
    w = habits.weights / habits.weights.sum()
    precision = habits.weights.sum() + 1
    paid, spread = terms.payout_moments(habits.successes)
    m = float(w @ paid)
    second = float(w @ (spread + paid**2))  # E of the squared pay of one participant, over the mix
    var_of_mean = (float(w @ paid**2) - m**2) / precision  # Dirichlet: variance of m(Q)
    mean_square = m**2 + var_of_mean  # E[m(Q)²]
    p, var_p = habits.share_moments
    n = float(n_treated)
    mean_n = n * p
    square_n = n * p + n * (n - 1) * (var_p + p**2)
    # E of the variance within participants, given Q: E[v] = second − E[m²]
    variance = mean_n * (second - mean_square) + square_n * mean_square - (mean_n * m) ** 2
    known = n * p * second - n * p**2 * m**2
    more = n * contact_cost_each + fixed_cost
    jury = float(terms.jury_cost(np.array(round(mean_n)))) if isinstance(terms, Contest) else 0.0
    return {
        "mean": mean_n * m + more + jury,
        "sd": float(np.sqrt(max(variance, 0.0))),
        "sd_known_share": float(np.sqrt(max(known, 0.0))),
    }


def _check(n_treated: int, fixed_cost: float, contact_cost_each: float) -> None:
    for name, value in (
        ("n_treated", n_treated),
        ("fixed_cost", fixed_cost),
        ("contact_cost_each", contact_cost_each),
    ):
        if not (np.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be 0 or more, not {value}")


def _rewards(
    terms: Any, counts: np.ndarray, levels: np.ndarray, n_treated: int, rng: np.random.Generator
) -> np.ndarray:
    """Reward cost of every simulation from participants by number of successes: shape (n_simulations,)."""
    thousands = n_treated / 1000
    if isinstance(terms, Draw):
        chances = counts @ terms.chances(levels)
        odds = np.array([prize.odds for prize in terms.prizes])
        won = rng.multinomial(chances, np.append(odds, max(0.0, 1 - odds.sum())))[:, :-1]
        stock = [np.inf if p.stock_per_1000 is None else np.ceil(p.stock_per_1000 * thousands) for p in terms.prizes]
        return np.minimum(won, stock) @ np.array([prize.value for prize in terms.prizes])
    if isinstance(terms, Packet):
        packets = counts @ np.minimum(levels, terms.most)
        paid = _sums_of_packets(packets, terms, rng)
        return paid if terms.pool_per_1000 is None else np.minimum(paid, terms.pool_per_1000 * thousands)
    paid = counts @ terms.payout_moments(levels)[0]
    if isinstance(terms, Contest):
        return paid + terms.jury_cost(counts.sum(axis=1))
    if isinstance(terms, Event):
        seats = np.floor(terms.seats_per_1000 * thousands)
        return np.minimum(paid, seats * terms.each)
    if isinstance(terms, Referral):
        friends = counts @ np.minimum(levels, terms.most)
        rate = friends / n_treated if n_treated else np.zeros(len(friends))
        return paid + _later_rounds(friends, rate * terms.again_share, terms, rng)
    return paid


def _sums_of_packets(packets: np.ndarray, terms: Packet, rng: np.random.Generator) -> np.ndarray:
    centre, width = (terms.lowest + terms.highest) / 2, terms.highest - terms.lowest
    paid = packets * centre + width * np.sqrt(packets / 12) * rng.standard_normal(len(packets))
    for i in np.flatnonzero(packets < _SIMULATED_SINGLY):
        paid[i] = rng.uniform(terms.lowest, terms.highest, packets[i]).sum()
    return np.clip(paid, packets * terms.lowest, packets * terms.highest)


def _later_rounds(friends: np.ndarray, k: np.ndarray, terms: Referral, rng: np.random.Generator) -> np.ndarray:
    """Cost of the friends of friends: each round is Poisson around K times the one before, paid at the first tier."""
    total = np.zeros(len(friends))
    arriving = friends.astype(float)
    for _ in range(terms.generations - 1):
        arriving = rng.poisson(np.minimum(arriving * k, 1e9)).astype(float)
        total += arriving * (terms.tiers[0].value + terms.invited_value)
    return total
