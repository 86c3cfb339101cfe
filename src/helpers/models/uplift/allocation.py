"""Who gets which arm: the most profit that the predictions promise under a budget and the arms' capacities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from scipy import optimize, sparse

from helpers.models.uplift.arms import read_numbers, read_uplift

LP_CUSTOMERS = 20_000  # above, the prices of budget and capacities come from this many customers drawn by lot
ROUNDING = 1e-9  # of a budget: three times 0.1 is a little more than 0.3 to a computer


def best_policy(
    uplift: Any,
    *,
    value: Any = 1.0,
    cost: Any = 0.0,
    budget: float | None = None,
    capacity: float | Mapping[Any, float] | None = None,
    arms: Sequence[Any] | None = None,
    control: Any = 0,
) -> np.ndarray:
    """Give each customer the arm, or none, so that predicted profit is largest under budget and capacity.

    Parameters
    ----------
    uplift : array-like, (n,) or (n, n_treated_arms)
        Predicted change in outcome that each arm makes.
    value : float or (n,)
        Money that one unit of outcome is worth.
    cost : float, mapping by arm, (n,) or (n, n_treated_arms)
        Money that treating a customer costs.
    budget : float, optional
        Most money to spend, to one part in a billion (rounding of sums); None knows no limit, 0 treats only where it
        costs nothing.
    capacity : int or mapping by arm, optional
        Most customers in an arm; an arm that is not named has no limit.
    arms : sequence, optional
        Labels of the treated arms; default 1, 2, … (a learner's ``arms_``).
    control : label
        Stands for customers not treated.

    Returns
    -------
    ndarray, (n,)
        Label of each customer's arm, each as it was given. Up to 20,000 customers the linear programme is solved and the one to few
        customers whom it would split go untreated; above, its prices come from a sample, and customers fill in order.

    Raises
    ------
    ValueError
        If shapes differ, an arm is unknown, or cost, budget or capacity are negative or no numbers.

    Examples
    --------
    >>> best_policy([0.3, 0.1, -0.2, 0.2], value=100, cost=5, budget=10).tolist()
    [1, 0, 0, 1]
    """
    first = read_numbers(uplift, name="uplift")
    if first.ndim not in (1, 2):
        raise ValueError(f"uplift has shape {first.shape}; (n,) or (n, n_treated_arms) is needed")
    n_treated = 1 if first.ndim == 1 else first.shape[1]
    predicted = read_uplift(uplift, n=len(first), n_treated_arms=n_treated)
    n = len(predicted)
    labels = list(range(1, n_treated + 1)) if arms is None else list(arms)
    if len(labels) != n_treated:
        raise ValueError(f"arms names {len(labels)} arms, uplift has {n_treated} columns; they must agree")
    if control in labels:
        raise ValueError(f"control={control!r} is also among arms {labels}; it must name customers not treated")
    paid = treated_cost(cost, n=n, labels=labels)
    net = predicted * treated_value(value, n=n)[:, None] - paid
    limit = spending_limit(budget)
    place = _fill(net, paid, limit, treated_room(capacity, labels))
    names = [control, *labels]
    # Texts beside numbers stay what they are: one array of both would write the control 0 as "0".
    mixed = len({isinstance(name, str) for name in names}) > 1
    return np.asarray(names, dtype=object if mixed else None)[place]


def treated_value(value: Any, *, n: int) -> np.ndarray:
    """Return the money that a unit of outcome is worth for each customer, (n,)."""
    values = read_numbers(value, name="value")
    if values.shape not in ((), (n,)) or not np.isfinite(values).all():
        raise ValueError(f"value has shape {values.shape}; a finite number or one a customer ({n},) is needed")
    return np.broadcast_to(values, (n,))


def treated_cost(cost: Any, *, n: int, labels: Sequence[Any]) -> np.ndarray:
    """Return the cost of each treated arm for each customer, (n, n_treated_arms)."""
    if isinstance(cost, Mapping):
        missing = [label for label in labels if label not in cost]
        unknown = [label for label in cost if label not in labels]
        if missing or unknown:
            raise ValueError(f"cost names the arms {list(cost)}; the treated arms are {list(labels)}")
        values = np.column_stack([_cost_of(cost, label, n) for label in labels])
    else:
        values = read_numbers(cost, name="cost")
        values = values[:, None] if values.shape == (n,) else values
    if values.shape not in ((), (n, 1), (n, len(labels))):
        raise ValueError(
            f"cost has shape {values.shape}; a number, a mapping by arm, ({n},) or ({n}, {len(labels)}) is needed"
        )
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError(f"cost is {values.min():g} at the least; it must be finite and 0 or more")
    return np.broadcast_to(values, (n, len(labels)))


def spending_limit(budget: float | None) -> float:
    """Return the budget with room for the rounding of sums; infinite where there is none."""
    if budget is None:
        return np.inf
    if not (isinstance(budget, Real) and budget >= 0):
        raise ValueError(f"budget is {budget!r}; it must be 0 or more, or None for no limit")
    return float(budget) * (1 + ROUNDING)


def _cost_of(cost: Mapping[Any, Any], label: Any, n: int) -> np.ndarray:
    values = read_numbers(cost[label], name=f"cost[{label!r}]")
    if values.shape not in ((), (n,)):
        raise ValueError(f"cost[{label!r}] has shape {values.shape}; a number or one a customer ({n},) is needed")
    return np.broadcast_to(values, (n,))


def _room(capacity: Any) -> float:
    if not isinstance(capacity, Real):
        raise ValueError(f"capacity is {capacity!r}; a number or a mapping by arm is needed, or None for no limit")
    return float(capacity)


def treated_room(capacity: float | Mapping[Any, float] | None, labels: Sequence[Any]) -> np.ndarray:
    """Return the most customers of each treated arm, (n_treated_arms,); infinite where there is no limit."""
    if isinstance(capacity, Mapping):
        unknown = [label for label in capacity if label not in labels]
        if unknown:
            raise ValueError(f"capacity names arms {unknown}; the treated arms are {list(labels)}")
        room = np.array([_room(capacity[label]) if label in capacity else np.inf for label in labels])
    else:
        room = np.full(len(labels), np.inf if capacity is None else _room(capacity))
    if not (room >= 0).all():
        raise ValueError(f"capacity is {room.min():g} for an arm; it must be 0 or more, or left out for no limit")
    return np.floor(np.round(room, 9))  # 0.29 of 100 customers are 29, as floats a hair less


def _fill(net: np.ndarray, paid: np.ndarray, budget: float, room: np.ndarray) -> np.ndarray:
    """Return the place of each customer's arm, 0 for none."""
    n = len(net)
    place = np.where(net.max(axis=1) > 0, net.argmax(axis=1) + 1, 0)
    if _spent(place, paid) <= budget and (np.bincount(place, minlength=len(room) + 1)[1:] <= room).all():
        return place
    worth = np.flatnonzero(place > 0)
    if len(worth) <= LP_CUSTOMERS:
        solved = np.zeros(n, dtype=np.intp)
        solved[worth] = _solve(net[worth], paid[worth], budget, room)[0]
        return _top_up(solved, net, paid, budget, room)
    drawn = np.random.default_rng(0).choice(worth, LP_CUSTOMERS, replace=False)
    scale = LP_CUSTOMERS / len(worth)
    _, budget_price, room_price = _solve(net[drawn], paid[drawn], budget * scale, room * scale)
    surplus = net - budget_price * paid - room_price
    place = np.where(surplus.max(axis=1) > 0, surplus.argmax(axis=1) + 1, 0)
    return _top_up(_within(place, surplus.max(axis=1), paid, budget, room), net, paid, budget, room)


def _solve(net: np.ndarray, paid: np.ndarray, budget: float, room: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Solve the linear programme; returns whole assignments and the prices of budget and capacities."""
    n, n_arms = net.shape
    at = np.arange(n * n_arms)
    limits = [sparse.csr_matrix((np.ones(n * n_arms), (at // n_arms, at)), shape=(n, n_arms * n))]
    bound = [np.ones(n)]
    arm_limited = np.flatnonzero(np.isfinite(room))
    if np.isfinite(budget):
        limits.append(sparse.csr_matrix(paid.reshape(1, -1)))
        bound.append(np.array([budget]))
    if len(arm_limited):
        limits.append(sparse.csr_matrix((at % n_arms == arm_limited[:, None]).astype(float)))
        bound.append(room[arm_limited])
    found = optimize.linprog(
        -net.ravel(), A_ub=sparse.vstack(limits), b_ub=np.concatenate(bound), bounds=(0, 1), method="highs"
    )
    if found.x is None:
        raise RuntimeError(f"the linear programme of {n:,} customers was not solved: {found.message}")
    share = found.x.reshape(n, n_arms)
    place = np.where(share.max(axis=1) > 1 - 1e-6, share.argmax(axis=1) + 1, 0)
    prices = -found.ineqlin.marginals[n:]
    budget_price = float(prices[0]) if np.isfinite(budget) else 0.0
    room_price = np.zeros(n_arms)
    room_price[arm_limited] = prices[1 if np.isfinite(budget) else 0 :]
    return _within(place, np.where(place > 0, net.max(axis=1), 0.0), paid, budget, room), budget_price, room_price


def _within(place: np.ndarray, rank_by: np.ndarray, paid: np.ndarray, budget: float, room: np.ndarray) -> np.ndarray:
    """Drop the customers ranked lowest until every limit holds."""
    order = np.argsort(-rank_by, kind="stable")
    kept = place[order].copy()
    for arm, limit in enumerate(room, start=1):
        kept[(kept == arm) & (np.cumsum(kept == arm) > limit)] = 0
    spent = np.where(kept > 0, paid[order, np.maximum(kept, 1) - 1], 0.0)
    kept[np.cumsum(spent) > budget] = 0
    result = np.empty_like(place)
    result[order] = kept
    return result


def _top_up(place: np.ndarray, net: np.ndarray, paid: np.ndarray, budget: float, room: np.ndarray) -> np.ndarray:
    """Spend what is left on untreated customers, the most profit per money first."""
    place = place.copy()
    for _ in range(len(room)):
        left = budget - _spent(place, paid)
        free = room - np.bincount(place, minlength=len(room) + 1)[1:]
        open_net = np.where((free > 0) & (place == 0)[:, None] & (net > 0) & (paid <= left), net, 0.0)
        best = open_net.argmax(axis=1)
        at = np.arange(len(net))
        gain, price = open_net[at, best], paid[at, best]
        if not (gain > 0).any():
            break
        ratio = np.where(gain > 0, gain / np.maximum(price, 1e-12), 0.0)
        added = _within(np.where(gain > 0, best + 1, 0), ratio, paid, left, free)
        place = np.where(place > 0, place, added)
    return place


def _spent(place: np.ndarray, paid: np.ndarray) -> float:
    treated = place > 0
    return float(paid[treated, place[treated] - 1].sum())
