"""What a rule for whom to treat is worth, judged on customers whose arm was drawn by lot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from helpers.models.uplift.arms import (
    LEAST_IN_ARM,
    Arms,
    read_alpha,
    read_arms,
    read_expected,
    read_numbers,
    read_outcome,
    read_propensity,
)
from helpers.models.uplift.estimate import Estimate
from helpers.models.uplift.scores import arm_scores

METHODS = ("dr", "ips", "snips")


def policy_value(
    y: Any,
    treatment: Any,
    policy: Any,
    *,
    propensity: Any = None,
    outcome_model: Any = None,
    method: str = "dr",
    cost: Any = 0.0,
    control: Any = 0,
    alpha: float = 0.05,
) -> Estimate:
    """Mean outcome per customer, less the cost, if the policy had decided.

    Parameters
    ----------
    y : array-like, (n,)
        Outcome, in the unit of ``cost`` if there is one.
    treatment : array-like, (n,)
        Arm that each customer got.
    policy : array-like, (n,)
        Arm that the policy gives to each customer (True/False for two arms 1/0).
    propensity : None, float, mapping, (n,) or (n, n_arms) array
        Probability of the arm(s); None takes the shares seen.
    outcome_model : ndarray, (n, n_arms), optional
        Expected outcome under each arm, the control first, from models that have not seen the customer. Read by
        ``dr`` only; None takes each arm's mean.
    method : {"dr", "ips", "snips"}
        ``ips``: mean of 1[policy = arm] · (y − cost) / propensity. ``snips`` divides by the sum of weights. ``dr``
        adds the outcome model: least noise.
    cost : float, mapping or (n,)
        Cost per customer treated; a mapping by arm. The control costs nothing unless the mapping says so.
    control : label
    alpha : float

    Returns
    -------
    Estimate
        ``estimate, se, lower, upper, n`` and ``share_treated``.

    Raises
    ------
    ValueError
        For an unknown method, an arm in ``policy`` that was never tried, an arm of one customer, who says nothing
        about how the arm varies, propensities outside (0, 1), or no customer whose arm agrees with the policy.

    References
    ----------
    Dudík, Langford and Li (2011), ICML; Swaminathan and Joachims (2015), NIPS.

    Examples
    --------
    >>> value = policy_value([1, 0, 1, 0], [1, 0, 1, 0], [1, 1, 1, 1], propensity=0.5, method="ips")
    >>> value["estimate"], value["n"]
    (1.0, 4)
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    outcome = read_outcome(y)
    n = len(outcome)
    arms = read_arms(treatment, n=n, control=control, min_arm_size=LEAST_IN_ARM)
    chosen = read_policy(policy, arms=arms)
    table = read_propensity(propensity, arms=arms)
    at = np.arange(n)
    paid = read_cost(cost, arms=arms)[at, chosen]
    agrees = chosen == arms.code
    if method == "dr":
        outcomes = read_expected(outcome_model, n=n, n_arms=arms.n_arms, name="outcome_model")
        parts = arm_scores(outcome, arms, propensity=table, outcomes=outcomes)[at, chosen] - paid
        estimate, deviation = parts.mean(), parts - parts.mean()
    elif not agrees.any():
        raise ValueError(
            f"policy agrees with the arm of none of {n:,} customers; method={method!r} has nothing to count"
        )
    else:
        # The cost is weighted like the outcome that it bought: both methods value the net outcome.
        weight = agrees / table[at, chosen]
        net = outcome - paid
        if method == "ips":
            parts = weight * net
            estimate, deviation = parts.mean(), parts - parts.mean()
        else:
            estimate = float((weight * net).sum() / weight.sum())
            deviation = weight * (net - estimate) / weight.mean()
    se = float(np.sqrt((deviation**2).sum() / max(n - 1, 1) / n))
    half = stats.norm.ppf(1 - read_alpha(alpha) / 2) * se
    return Estimate(
        estimate=float(estimate),
        se=se,
        lower=float(estimate - half),
        upper=float(estimate + half),
        n=n,
        share_treated=float((chosen != 0).mean()),
        method=method,
    )


def read_policy(policy: Any, *, arms: Arms, name: str = "policy") -> np.ndarray:
    """Return the place of the arm that a policy gives to each customer, (n,)."""
    values = np.asarray(policy)
    if values.shape != arms.code.shape:
        raise ValueError(f"{name} has shape {values.shape}; one arm a customer, shape {arms.code.shape}, is needed")
    if values.dtype == bool and arms.n_arms == 2:
        return values.astype(np.intp)
    places = np.full(len(values), -1, dtype=np.intp)
    for place, label in enumerate(arms.labels.tolist()):
        places[values == label] = place
    if (places < 0).any():
        raise ValueError(
            f"{name} gives arm {values[places < 0].tolist()[0]!r}; only arms that were tried are allowed: {arms.labels.tolist()}"
        )
    return places


def read_cost(cost: Any, *, arms: Arms) -> np.ndarray:
    """Return the cost of each arm for each customer, (n, n_arms); the control's is 0 unless named."""
    n = len(arms.code)
    table = np.zeros((n, arms.n_arms))
    if isinstance(cost, Mapping):
        unknown = set(cost) - set(arms.labels.tolist())
        if unknown:
            raise ValueError(f"cost names arms {sorted(map(str, unknown))}; the arms seen are {arms.labels.tolist()}")
        for place, label in enumerate(arms.labels.tolist()):
            values = read_numbers(cost.get(label, 0.0), name=f"cost[{label!r}]")
            if values.shape not in ((), (n,)):
                raise ValueError(
                    f"cost[{label!r}] has shape {values.shape}; a number or one a customer ({n},) is needed"
                )
            table[:, place] = values
    else:
        values = read_numbers(cost, name="cost")
        if values.shape not in ((), (n,)):
            raise ValueError(
                f"cost has shape {values.shape}; a number, one a customer ({n},), or a mapping by arm is needed"
            )
        table[:, 1:] = values[..., None] if values.ndim else values
    if not (np.isfinite(table).all() and (table >= 0).all()):
        raise ValueError(
            f"cost is {table[~(table >= 0)][0] if (~(table >= 0)).any() else 'infinite'}; it must be 0 or more"
        )
    return table
