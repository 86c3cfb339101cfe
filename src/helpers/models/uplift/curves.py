"""Qini and uplift curves: what targeting the top of a ranking would have changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.models.uplift.arms import read_alpha, read_n_boot
from helpers.models.uplift.ranking import Counts, Ranking, rank


def qini_heights(counts: Counts) -> np.ndarray:
    """Return Radcliffe's Q at each threshold: treated outcomes less the control's, scaled to the treated."""
    scale = np.divide(counts.n_treated, counts.n_control, out=np.zeros_like(counts.n), where=counts.n_control != 0)
    return counts.y_treated - counts.y_control * scale


def gain_heights(counts: Counts) -> np.ndarray:
    """Return U at each threshold: the difference of the means times the customers targeted."""
    treated = np.divide(counts.y_treated, counts.n_treated, out=np.zeros_like(counts.n), where=counts.n_treated != 0)
    control = np.divide(counts.y_control, counts.n_control, out=np.zeros_like(counts.n), where=counts.n_control != 0)
    return (treated - control) * counts.n


def qini_curve(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    control: Any = 0,
    n_boot: int = 0,
    seed: int = 0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Outcomes that the campaign added among the customers ranked highest, per threshold.

    Q(k) = Y_t − Y_c · N_t / N_c, counted among the k highest; customers of equal predicted uplift come in together.

    Parameters
    ----------
    y : array-like, (n,)
        Outcome, 0/1 or an amount.
    uplift : array-like, (n,)
        Predicted uplift, on customers that the learner has not seen.
    treatment : array-like, (n,)
        Arm of each customer; two arms.
    control : label
        Arm without the campaign.
    n_boot : int
        Bootstrap samples for a band at each threshold; 0 draws none. The band is NaN where an arm has one customer,
        who would be in every sample.
    seed : int
        Seed of the bootstrap.
    alpha : float
        1 minus the confidence level of the band.

    Returns
    -------
    DataFrame, one row a threshold and one for nobody
        ``n_targeted`` (customers), ``share_targeted`` (0–1), ``qini`` (outcomes added, in the outcome's unit, among
        the treated of those targeted); with ``n_boot`` also ``lower``, ``upper``.

    Raises
    ------
    ValueError
        If outcomes or predictions are missing, there are not exactly two arms, or ``n_boot`` is negative.

    References
    ----------
    Radcliffe (2007), Direct Marketing Analytics Journal 3, 14–21.

    Examples
    --------
    >>> qini_curve([1, 0, 1, 0], [0.4, 0.4, 0.1, 0.1], [1, 0, 0, 1])["qini"].tolist()
    [0.0, 1.0, 0.0]
    """
    return _curve(
        "qini", qini_heights, rank(y, uplift, treatment, control=control), n_boot=n_boot, seed=seed, alpha=alpha
    )


def uplift_curve(
    y: Any,
    uplift: Any,
    treatment: Any,
    *,
    control: Any = 0,
    n_boot: int = 0,
    seed: int = 0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Outcomes that treating everybody ranked highest would add, per threshold.

    U(k) = (Y_t / N_t − Y_c / N_c) · k, counted among the k highest; this is the curve under which AUUC is the area.

    Parameters
    ----------
    y, uplift, treatment, control, n_boot, seed, alpha
        As for :func:`qini_curve`.

    Returns
    -------
    DataFrame, one row a threshold and one for nobody
        ``n_targeted``, ``share_targeted``, ``uplift`` (outcomes added if all of those targeted were treated); with
        ``n_boot`` also ``lower``, ``upper``.

    Raises
    ------
    ValueError
        As for :func:`qini_curve`.

    References
    ----------
    Devriendt, Guns and Verbeke (2020), arXiv:2002.05897.

    Examples
    --------
    >>> uplift_curve([1, 0, 1, 0], [0.4, 0.4, 0.1, 0.1], [1, 0, 0, 1])["uplift"].tolist()
    [0.0, 2.0, 0.0]
    """
    return _curve(
        "uplift", gain_heights, rank(y, uplift, treatment, control=control), n_boot=n_boot, seed=seed, alpha=alpha
    )


def _curve(name: str, heights: Any, ranking: Ranking, *, n_boot: int, seed: int, alpha: float) -> pd.DataFrame:
    counts = ranking.counts()
    table = pd.DataFrame(
        {
            "n_targeted": np.r_[0, counts.n].astype(int),
            "share_targeted": np.r_[0, counts.n / ranking.n],
            name: np.r_[0.0, heights(counts)],
        }
    )
    if read_n_boot(n_boot):
        # A band needs no more than a few hundred places; between them it is drawn straight.
        read_alpha(alpha)
        grid = np.linspace(0, ranking.n, min(len(table), 201))
        drawn = np.full((n_boot, len(grid)), np.nan)
        for row, weight in enumerate(ranking.resamples(n_boot=n_boot, seed=seed)):
            counted = ranking.counts(weight)
            drawn[row] = np.interp(grid, np.r_[0, counted.n], np.r_[0.0, heights(counted)])
        low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2], axis=0)
        table["lower"] = np.interp(table["n_targeted"], grid, low)
        table["upper"] = np.interp(table["n_targeted"], grid, high)
    return table
