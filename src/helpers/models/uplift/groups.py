"""Persuadables, sure things, lost causes and do-not-disturbs — with how many of them are beyond doubt."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from helpers.models.uplift.arms import LEAST_IN_ARM, read_alpha, read_arms, read_outcome, read_propensity, read_uplift
from helpers.models.uplift.scores import doubly_robust_scores

GROUPS = ("persuadable", "sure_thing", "lost_cause", "do_not_disturb")


def response_groups(
    uplift: Any,
    *,
    baseline: Any,
    lower: Any,
    upper: Any,
    min_effect: float = 0.0,
    sure_from: float | None = None,
    y: Any = None,
    treatment: Any = None,
    propensity: Any = None,
    control: Any = 0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Count the four response groups, and in each those whom the interval puts there beyond doubt.

    A customer is persuadable if the predicted uplift exceeds ``min_effect``, do-not-disturb if it lies below
    ``-min_effect``; the rest acts without the campaign (sure thing) or not at all (lost cause). Which group a
    single customer is in can never be seen: nobody is both treated and not. So each group says how many of it have
    an interval that lies wholly on its side.

    Parameters
    ----------
    uplift : array-like, (n,)
        Predicted change in outcome.
    baseline : array-like, (n,)
        Expected outcome without the campaign.
    lower, upper : array-like, (n,)
        Interval of each customer's uplift, e.g. from :func:`helpers.models.uplift.uplift_intervals`.
    min_effect : float
        Smallest change that matters, in the outcome's unit, 0 or more.
    sure_from : float, optional
        Baseline from which a customer counts as acting anyway; None takes the median of ``baseline``.
    y, treatment, propensity, control
        Optional, of customers that the learner has not seen: adds the effect observed in each group.
    alpha : float
        For the interval of the observed effect.

    Returns
    -------
    DataFrame, four rows
        ``response_group``, ``n``, ``share``, ``n_beyond_doubt``, ``share_beyond_doubt`` (of the group), ``uplift`` and
        ``baseline`` (group means); with ``y`` and ``treatment`` also ``effect``, ``lower``, ``upper``. For sure
        things and lost causes beyond doubt means that the interval lies within ±``min_effect``, which no interval
        does when that is 0.

    Raises
    ------
    ValueError
        If shapes differ, an interval does not hold its prediction, ``min_effect`` is negative or NaN,
        ``sure_from`` is no finite number, or an arm has one customer.

    References
    ----------
    Radcliffe and Surry (2011), Stochastic Solutions white paper; Devriendt et al. (2018), Big Data 6(1).

    Examples
    --------
    >>> bounds = {"lower": [0.1, -0.1, -0.5], "upper": [0.3, 0.2, 0.1]}
    >>> groups = response_groups([0.2, 0.05, -0.2], baseline=[0.1, 0.1, 0.5], **bounds)
    >>> groups[["response_group", "n", "n_beyond_doubt"]].values.tolist()
    [['persuadable', 2, 1], ['sure_thing', 0, 0], ['lost_cause', 0, 0], ['do_not_disturb', 1, 0]]
    """
    predicted = read_outcome(uplift, name="uplift")
    n = len(predicted)
    parts = {"baseline": baseline, "lower": lower, "upper": upper}
    read = {name: read_outcome(values, name=name) for name, values in parts.items()}
    for name, values in read.items():
        if len(values) != n:
            raise ValueError(f"{name} has {len(values):,} values, uplift {n:,}; they must agree")
    if (read["lower"] > read["upper"]).any():
        raise ValueError("lower is above upper for a customer; the interval must hold the prediction")
    outside = (predicted < read["lower"]) | (predicted > read["upper"])
    if outside.any():
        at = int(outside.argmax())
        raise ValueError(
            f"uplift {predicted[at]:g} is outside its interval {read['lower'][at]:g} to {read['upper'][at]:g}, as for "
            f"{int(outside.sum()):,} of {n:,} customers; lower and upper must hold the prediction"
        )
    if not (isinstance(min_effect, Real) and 0 <= min_effect < np.inf):
        raise ValueError(f"min_effect is {min_effect!r}; it must be a number, 0 or more")
    if not (sure_from is None or (isinstance(sure_from, Real) and np.isfinite(sure_from))):
        raise ValueError(f"sure_from is {sure_from!r}; it must be a finite number, or None for the median of baseline")
    sure = float(np.median(read["baseline"])) if sure_from is None else float(sure_from)
    group = np.select(
        [predicted > min_effect, predicted < -min_effect, read["baseline"] >= sure],
        [0, 3, 1],
        default=2,
    )
    inside = (read["lower"] >= -min_effect) & (read["upper"] <= min_effect)
    beyond = np.select(
        [group == 0, group == 3], [read["lower"] > min_effect, read["upper"] < -min_effect], default=inside
    )
    size = np.bincount(group, minlength=4)
    table = pd.DataFrame(
        {
            "response_group": GROUPS,
            "n": size,
            "share": size / n,
            "n_beyond_doubt": np.bincount(group, weights=beyond, minlength=4).astype(int),
        }
    )
    table["share_beyond_doubt"] = _share(table["n_beyond_doubt"], size)
    table["uplift"] = _share(np.bincount(group, weights=predicted, minlength=4), size)
    table["baseline"] = _share(np.bincount(group, weights=read["baseline"], minlength=4), size)
    if (y is None) != (treatment is None):
        raise ValueError("y and treatment go together; give both or neither")
    return table if y is None else table.join(_observed(group, y, treatment, propensity, control, alpha))


def _observed(group: np.ndarray, y: Any, treatment: Any, propensity: Any, control: Any, alpha: float) -> pd.DataFrame:
    outcome = read_outcome(y)
    read_uplift(group, n=len(outcome))
    arms = read_arms(treatment, n=len(outcome), control=control, min_arm_size=LEAST_IN_ARM)
    if arms.n_arms != 2:
        raise ValueError(f"treatment has {arms.n_arms} arms; response groups speak of one arm and the control")
    score = doubly_robust_scores(outcome, arms, propensity=read_propensity(propensity, arms=arms))[:, 0]
    z = stats.norm.ppf(1 - read_alpha(alpha) / 2)
    by_group = pd.Series(score).groupby(group).agg(["mean", "sem"]).reindex(range(4))
    effect, half = by_group["mean"], z * by_group["sem"]
    return pd.DataFrame({"effect": effect, "lower": effect - half, "upper": effect + half})


def _share(part: Any, size: np.ndarray) -> np.ndarray:
    return np.divide(np.asarray(part, dtype=float), size, out=np.full(len(size), np.nan), where=size > 0)
