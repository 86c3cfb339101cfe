"""Referral waves: how many come when friends bring friends."""

from __future__ import annotations

import numpy as np


def k_factor(invites_per_customer: float, conversion: float, *, hunter_share: float = 0.0) -> float:
    """Real new customers that one customer brings.

    Parameters
    ----------
    invites_per_customer : float
        Invitations sent by an average customer, 0 or more.
    conversion : float
        Share of invitations that become a customer, 0–1.
    hunter_share : float
        Share of the newcomers who are bonus hunters and no customers, 0–1; 0 gives K as it looks.

    Returns
    -------
    float

    Examples
    --------
    >>> round(k_factor(2.0, 0.2), 3), round(k_factor(2.0, 0.2, hunter_share=0.25), 3)
    (0.4, 0.3)
    """
    if invites_per_customer < 0:
        raise ValueError(f"invites_per_customer must be 0 or more, not {invites_per_customer}")
    for name, value in (("conversion", conversion), ("hunter_share", hunter_share)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be between 0 and 1, not {value}")
    return invites_per_customer * conversion * (1 - hunter_share)


def referral_reach(n_start: float, k: float, *, generations: int) -> np.ndarray:
    """Customers after each round if each person invites once, the first ones included.

    The formula ``(1 + K) ** rounds`` that is found on the web lets everybody invite anew in every round; this does not.

    Parameters
    ----------
    n_start : float
        Customers who are asked to invite.
    k : float
        K-factor of a round, 0 or more.
    generations : int
        Rounds, 0 or more.

    Returns
    -------
    array, shape (generations + 1,)
        ``n_start · (1 − K^(n+1)) / (1 − K)``, for K = 1 its limit.

    Examples
    --------
    >>> referral_reach(1000, 0.5, generations=3).tolist()
    [1000.0, 1500.0, 1750.0, 1875.0]
    """
    if k < 0 or generations < 0:
        raise ValueError(f"k and generations must be 0 or more, not {k} and {generations}")
    return n_start * np.cumsum(float(k) ** np.arange(generations + 1))
