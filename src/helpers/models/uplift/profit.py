"""Profit against the share of customers treated, beside everyone, no one, at random and what the bank does now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from helpers.models.uplift.allocation import best_policy, spending_limit, treated_cost, treated_room, treated_value
from helpers.models.uplift.arms import (
    MIN_ARM_SIZE,
    Arms,
    is_count,
    read_alpha,
    read_arms,
    read_expected,
    read_outcome,
    read_propensity,
    read_uplift,
)
from helpers.models.uplift.calibration import calibration_by_decile, require_calibration
from helpers.models.uplift.policy import read_policy
from helpers.models.uplift.scores import arm_scores

POLICIES = ("model", "random", "no_one", "everyone", "present", "best")


def policy_curve(
    uplift: Any,
    *,
    y: Any,
    treatment: Any,
    value: Any = 1.0,
    cost: Any = 0.0,
    budget: float | None = None,
    capacity: float | Mapping[Any, float] | None = None,
    present: Any = None,
    propensity: Any = None,
    outcomes: Any = None,
    control: Any = 0,
    n_points: int = 101,
    require_calibrated: bool = True,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Profit of treating the customers ranked highest, for each share treated, with the rules to beat.

    Customers are ranked and chosen by *predicted* profit; what each choice earns is read off *observed* outcomes
    of a randomised campaign, so the best point is not a lucky one picked afterwards.

    Parameters
    ----------
    uplift : array-like, (n,) or (n, n_treated_arms)
        Predicted for customers that the learner has not seen, columns in the order of the treated arms sorted.
    y : array-like, (n,)
        Outcome without cost.
    treatment : array-like, (n,)
        Arm of each customer.
    value : float or (n,)
        Money that a unit of outcome is worth.
    cost : float, mapping by arm, (n,) or (n, n_treated_arms)
        Money that treating a customer costs.
    budget : float, optional
        Most money to spend on these customers.
    capacity : int or mapping by arm, optional
        Most customers in an arm.
    present : array-like, (n,), optional
        Arm that the bank's present rule gives to each customer (True/False for two arms).
    propensity : None, float, mapping, (n,) or (n, n_arms) array
        Probability of the arm(s); None takes the shares seen.
    outcomes : ndarray, (n, n_arms), optional
        Expected outcome under each arm, the control first, from models that have not seen the customer.
    control : label
    n_points : int
        Points of the curve, at least 2.
    require_calibrated : bool
        Refuse where predicted uplift is not what is observed; False shows the curve all the same.
    alpha : float

    Returns
    -------
    DataFrame
        ``policy`` (``model`` and ``random``, a row a point; ``no_one``; ``everyone``, a row an arm; ``present`` if
        given; ``best``: highest predicted profit under budget and capacity, as expected where limits leave out some
        customers of equal predictions and the lot decides which), ``arm`` (of everyone and random),
        ``share_treated``, ``n_treated``, ``spend``, ``profit``, ``lower``, ``upper`` (money over all ``n`` customers,
        against treating no one), ``within_budget``, ``n``.

    Raises
    ------
    CalibrationError
        If predictions fail calibration; ``table`` of the error holds the deciles.
    ValueError
        For input that does not fit, an arm under 10 customers, outcomes that are missing or, if calibration is
        required, constant.

    Examples
    --------
    >>> treatment = np.tile([0, 1], 500)
    >>> good = np.repeat([True, False], 500)
    >>> y = np.where(good, treatment, 0) + np.tile([0, 0, 1, 1], 250) * 0.1
    >>> curve = policy_curve(np.where(good, 1.0, 0.0), y=y, treatment=treatment, value=10, cost=2)
    >>> curve.set_index("policy")["profit"].loc[["no_one", "everyone", "best"]].round().tolist()
    [0.0, 3000.0, 4000.0]
    """
    if not is_count(n_points) or n_points < 2:
        raise ValueError(f"n_points is {n_points!r}; at least 2 are needed")
    outcome = read_outcome(y)
    n = len(outcome)
    arms = read_arms(treatment, n=n, control=control, min_arm_size=MIN_ARM_SIZE)
    predicted = read_uplift(uplift, n=n, n_treated_arms=arms.n_arms - 1)
    table = read_propensity(propensity, arms=arms)
    expected = read_expected(outcomes, n=n, n_arms=arms.n_arms)
    labels = arms.treated.tolist()
    worth, paid = treated_value(value, n=n), treated_cost(cost, n=n, labels=labels)
    limit, room = spending_limit(budget), capacity_by_place(capacity, labels)
    treated_room(capacity, labels)  # refused before the calibration is looked at, like all arguments
    now = None if present is None else read_policy(present, arms=arms, name="present")
    z = float(stats.norm.ppf(1 - read_alpha(alpha) / 2))
    if require_calibrated:
        if (outcome == outcome[0]).all():
            raise ValueError(
                f"y is {outcome[0]:g} for all {n:,} customers; a constant outcome shows no effect to calibrate with"
            )
        _check_arms(outcome, predicted, arms, table, expected)
    scores = arm_scores(outcome, arms, propensity=table, outcomes=expected)
    earned = worth[:, None] * (scores[:, 1:] - scores[:, :1]) - paid
    net = worth[:, None] * predicted - paid
    account = _Account(earned, paid, z)

    best_arm, average_arm = net.argmax(axis=1), int(net.mean(axis=0).argmax())
    order = np.argsort(-net.max(axis=1), kind="stable")
    ends = np.r_[0, np.flatnonzero(np.diff(net.max(axis=1)[order])) + 1, n]
    at = np.arange(n)
    gained, spent = earned[at, best_arm][order], paid[at, best_arm][order]
    sums = [np.r_[0.0, np.cumsum(part)] for part in (gained, gained**2, spent)]
    lines = []
    for size in np.unique(np.linspace(0, n, n_points).round().astype(int)):
        lines.append(account.row("model", "", size, *_up_to(sums, ends, size)))
        lines.append(account.share("random", size / n, average_arm, str(labels[average_arm])))
    lines.append(account.line("no_one", np.zeros(n, dtype=np.intp)))
    lines += [account.share("everyone", 1.0, arm, str(label)) for arm, label in enumerate(labels)]
    if now is not None:
        lines.append(account.line("present", now))
    places = best_policy(predicted, value=value, cost=paid, budget=budget, capacity=room)
    lines.append(account.by_lot("best", places.astype(np.intp), net))
    result = pd.DataFrame(lines)
    result["within_budget"] = result["spend"] <= limit
    return result.assign(n=n)


def _up_to(sums: list[np.ndarray], ends: np.ndarray, size: int) -> tuple[float, float, float]:
    """Earned, squares and spent of the first ``size``; of customers that the ranking does not tell apart, a share of all.

    Otherwise the curve would depend on the order in which tied customers happen to stand in the table.
    """
    block = min(int(np.searchsorted(ends, size, side="right")) - 1, len(ends) - 2)
    first, last = ends[block], ends[block + 1]
    share = (size - first) / (last - first)
    earned, squares, spent = (
        float(part[first] + weight * (part[last] - part[first]))
        for part, weight in zip(sums, (share, share**2, share), strict=True)
    )
    return earned, squares, spent


def capacity_by_place(
    capacity: float | Mapping[Any, float] | None, labels: list[Any]
) -> float | dict[int, float] | None:
    """Return the capacity with arms named by their place, 1, 2, …; ValueError for an arm that is not there."""
    if not isinstance(capacity, Mapping):
        return capacity
    unknown = [label for label in capacity if label not in labels]
    if unknown:
        raise ValueError(f"capacity names arms {unknown}; the treated arms are {labels}")
    return {labels.index(label) + 1: room for label, room in capacity.items()}


class _Account:
    """Adds up what was earned under a rule, with its standard error over customers."""

    def __init__(self, earned: np.ndarray, paid: np.ndarray, z: float):
        self.earned, self.paid, self.z, self.n = earned, paid, z, len(earned)
        self.totals = np.column_stack([earned.sum(axis=0), (earned**2).sum(axis=0), paid.sum(axis=0)])

    def line(self, policy: str, place: np.ndarray) -> dict[str, Any]:
        treated = np.flatnonzero(place > 0)
        parts, paid = (part[treated, place[treated] - 1] for part in (self.earned, self.paid))
        return self.row(policy, "", len(treated), parts.sum(), (parts**2).sum(), paid.sum())

    def by_lot(self, policy: str, place: np.ndarray, net: np.ndarray) -> dict[str, Any]:
        """Account for a choice under limits: of customers whom the predictions do not tell apart, any as likely.

        Otherwise the order in which they stand in the table would decide whose observed outcomes count.
        """
        if (place == np.where(net.max(axis=1) > 0, net.argmax(axis=1) + 1, 0)).all():
            return self.line(policy, place)
        alike = pd.DataFrame(np.column_stack([net, self.paid]))
        group = alike.groupby(list(alike), sort=False).ngroup().to_numpy()
        size, at = np.bincount(group), np.flatnonzero(place > 0)
        chance = np.zeros((len(size), net.shape[1]))
        np.add.at(chance, (group[at], place[at] - 1), 1.0)
        chance = (chance / size[:, None])[group]
        gained = (chance * self.earned).sum(axis=1)
        return self.row(policy, "", len(at), gained.sum(), (gained**2).sum(), (chance * self.paid).sum())

    def share(self, policy: str, share: float, arm: int, label: str) -> dict[str, Any]:
        total, squares, paid = self.totals[arm] * np.array([share, share**2, share])
        return self.row(policy, label, round(share * self.n), total, squares, paid)

    def row(self, policy: str, arm: str, treated: int, profit: float, squares: float, spend: float) -> dict[str, Any]:
        """Add the interval: customers not treated earn 0 and count in the spread."""
        se = np.sqrt(max(squares - profit**2 / self.n, 0.0))
        return {
            "policy": policy,
            "arm": arm,
            "share_treated": treated / self.n,
            "n_treated": int(treated),
            "spend": float(spend),
            "profit": float(profit),
            "lower": float(profit - self.z * se),
            "upper": float(profit + self.z * se),
        }


def _check_arms(
    y: np.ndarray, predicted: np.ndarray, arms: Arms, table: np.ndarray, expected: np.ndarray | None
) -> None:
    for k in range(1, arms.n_arms):
        pair = (arms.code == 0) | (arms.code == k)
        share = table[pair, k] / (table[pair, 0] + table[pair, k])
        require_calibration(
            calibration_by_decile(
                y[pair],
                predicted[pair, k - 1],
                (arms.code[pair] == k).astype(int),
                propensity=share,
                outcomes=None if expected is None else expected[pair][:, [0, k]],
                n_bins=min(10, int(pair.sum()) // 2),
            )
        )
