"""Does a predicted uplift mean what it says: predicted against observed, decile by decile."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from helpers.models.uplift.arms import (
    LEAST_IN_ARM,
    is_count,
    read_alpha,
    read_arms,
    read_expected,
    read_outcome,
    read_propensity,
    read_uplift,
)
from helpers.models.uplift.estimate import Estimate
from helpers.models.uplift.scores import doubly_robust_scores

MATERIAL_MISS = 0.25  # of the size of the predictions: below that a miss moves hardly any customer over the line
SIGNIFICANT = 0.01


class CalibrationError(ValueError):
    """Predicted uplift is not what is observed; ``table`` holds the deciles."""

    def __init__(self, message: str, table: pd.DataFrame):
        super().__init__(message)
        self.table = table


def calibration_by_decile(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    propensity: Any = None,
    outcomes: Any = None,
    control: Any = 0,
    n_bins: int = 10,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Observed effect beside the predicted one, in groups of customers of like prediction.

    Parameters
    ----------
    y : array-like, (n,)
    uplift : array-like, (n,)
        Predicted for customers that the learner has not seen.
    treatment : array-like, (n,)
        Two arms.
    propensity : None, float or (n,)
        Probability of the treated arm; None takes the share seen.
    outcomes : ndarray, (n, 2), optional
        Expected outcome without and with the campaign, from models that have not seen the customer: less noise.
    control : label
    n_bins : int
        Groups of equal size, 1 the highest prediction; fewer where predictions are equal.
    alpha : float

    Returns
    -------
    DataFrame, one row a group
        ``decile`` (1 highest), ``n``, ``n_treated``, ``predicted`` (mean prediction), ``observed`` (mean doubly
        robust score), ``se``, ``lower``, ``upper``; all effects in the outcome's unit. Nothing is observed (NaN) in
        a group without customers of either arm.

    Raises
    ------
    ValueError
        If input is missing or not finite, an arm has one customer, or there are fewer customers than groups.

    References
    ----------
    Xu and Yadlowsky (2022), AISTATS; Dwivedi et al. (2020), International Statistical Review 88.

    Examples
    --------
    >>> treatment = np.tile([0, 1], 20)
    >>> table = calibration_by_decile(treatment * 0.5, np.full(40, 0.5), treatment)
    >>> table[["n", "predicted", "observed"]].round(3).to_numpy().tolist()
    [[40.0, 0.5, 0.5]]
    """
    outcome = read_outcome(y)
    n = len(outcome)
    if not (is_count(n_bins) and 1 <= n_bins <= n // 2):
        raise ValueError(f"n_bins is {n_bins!r}; it must lie between 1 and half the number of customers ({n // 2:,})")
    arms = read_arms(treatment, n=n, control=control, min_arm_size=LEAST_IN_ARM)
    if arms.n_arms != 2:
        raise ValueError(f"treatment has {arms.n_arms} arms; calibration compares one arm with the control")
    predicted = read_uplift(uplift, n=n)
    table = read_propensity(propensity, arms=arms)
    score = doubly_robust_scores(outcome, arms, propensity=table, outcomes=read_expected(outcomes, n=n, n_arms=2))[:, 0]
    # Equal predictions stay together: splitting them would make groups out of the order of the rows.
    edge = np.unique(np.quantile(predicted, np.linspace(0, 1, n_bins + 1)[1:-1]))
    group = np.searchsorted(edge, predicted, side="left")
    frame = pd.DataFrame({"group": -group, "score": score, "predicted": predicted, "treated": arms.code})
    grouped = frame.groupby("group", sort=True)
    result = grouped.agg(
        n=("score", "size"),
        n_treated=("treated", "sum"),
        predicted=("predicted", "mean"),
        observed=("score", "mean"),
        se=("score", "sem"),
    ).reset_index(drop=True)
    lone = (result["n_treated"] == 0) | (result["n_treated"] == result["n"])
    result.loc[lone, ["observed", "se"]] = np.nan
    result.insert(0, "decile", np.arange(1, len(result) + 1))
    half = stats.norm.ppf(1 - read_alpha(alpha) / 2) * result["se"]
    return result.assign(lower=result["observed"] - half, upper=result["observed"] + half)


def calibration_test(table: pd.DataFrame) -> Estimate:
    """Judge a calibration table: is the miss beyond chance, and large enough to matter.

    Parameters
    ----------
    table : DataFrame
        From :func:`calibration_by_decile`.

    Returns
    -------
    Estimate
        ``estimate``: typical miss (root mean square over groups, chance taken off) as a share of the size of
        the predictions; ``statistic``, ``df``, ``p_value`` of the chi-square test of no miss;
        ``slope`` of observed on predicted with ``lower``, ``upper`` (NaN for one group); ``n``; ``passes``: False
        where p < 0.01 and the miss is above a quarter of the size of the predictions.

    Examples
    --------
    >>> table = pd.DataFrame({"n": [500, 500], "predicted": [0.2, 0.1], "observed": [0.19, 0.11], "se": [0.02, 0.02]})
    >>> calibration_test(table)["passes"]
    True
    """
    known = table[table["se"] > 0]
    if known.empty:
        raise ValueError("table has no group with a standard error; calibration needs customers of both arms")
    n, miss, se = (
        known["n"].to_numpy(float),
        (known["observed"] - known["predicted"]).to_numpy(),
        known["se"].to_numpy(),
    )
    predicted = known["predicted"].to_numpy()
    statistic = float(((miss / se) ** 2).sum())
    p_value = float(stats.chi2.sf(statistic, len(known)))
    typical = np.sqrt(max(0.0, np.average(miss**2 - se**2, weights=n)))
    size = np.sqrt(np.average(predicted**2, weights=n))
    share = float(typical / size) if size > 0 else (np.inf if typical > 0 else 0.0)
    slope = low = high = float("nan")
    centred = predicted - np.average(predicted, weights=1 / se**2)
    spread = float((centred**2 / se**2).sum())
    if len(known) > 1 and spread > 0:
        slope = float((centred * known["observed"].to_numpy() / se**2).sum() / spread)
        half = 1.959963984540054 / np.sqrt(spread)
        low, high = slope - half, slope + half
    return Estimate(
        estimate=share,
        statistic=statistic,
        df=len(known),
        p_value=p_value,
        slope=slope,
        lower=float(low),
        upper=float(high),
        n=int(n.sum()),
        passes=not (p_value < SIGNIFICANT and share > MATERIAL_MISS),
    )


def require_calibration(table: pd.DataFrame) -> Estimate:
    """Return the test of a calibration table, or raise :class:`CalibrationError` where it fails."""
    test = calibration_test(table)
    if not test["passes"]:
        raise CalibrationError(
            f"predicted uplift fails calibration on {test['n']:,} customers: the typical miss is "
            f"{test['estimate']:.0%} of the size of the predictions (allowed {MATERIAL_MISS:.0%}), p = "
            f"{test['p_value']:.1g}; refit the learner on more like customers or pass require_calibrated=False",
            table,
        )
    return test
