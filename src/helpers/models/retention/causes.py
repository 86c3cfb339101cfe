"""Lapses by cause: the share that fell silent, closed the account, … by each day (Aalen–Johansen)."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd
from scipy.special import ndtri

from helpers.models.retention import columns as col
from helpers.models.retention.counts import collect
from helpers.models.retention.curves import (
    KaplanMeier,
    at_risk_on,
    check_watched,
    on_days,
    watched_until,
)
from helpers.models.retention.left_out import carry
from helpers.models.retention.maturity import on_each_day


def _incidence(
    at_risk: np.ndarray, lapsed: np.ndarray, cause: np.ndarray, survival: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Incidence of one cause and its delta-method variance, each ``(n_groups, n_times)``, in O(n_times).

    The double sum over pairs of times is expanded, so that running sums suffice.
    """
    watched = at_risk > 0
    n = np.where(watched, at_risk, 1.0)
    d, k = np.where(watched, lapsed, 0.0), np.where(watched, cause, 0.0)
    before = np.concatenate([np.ones((len(n), 1)), survival[:, :-1]], axis=1)
    incidence = np.cumsum(before * k / n, axis=1)
    kept = np.maximum(n - d, 0.0)
    # Once everybody has lapsed the incidence stands still: the term's weight meets a difference of 0.
    a = np.divide(d, n * kept, out=np.zeros_like(n), where=kept > 0)
    b = before * k / n**2
    quadratic = (
        incidence**2 * np.cumsum(a, axis=1)
        - 2 * incidence * np.cumsum(a * incidence, axis=1)
        + np.cumsum(a * incidence**2, axis=1)
    )
    own = np.cumsum(before**2 * k * (n - k) / n**3, axis=1)
    cross = incidence * np.cumsum(b, axis=1) - np.cumsum(b * incidence, axis=1)
    return incidence, np.maximum(quadratic + own - 2 * cross, 0.0)


def cumulative_incidence(
    spells: pd.DataFrame | ibis.Table,
    *,
    cause: str = col.CAUSE,
    by: str | Sequence[str] | None = None,
    horizon_days: int | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Share of each group that lapsed by each cause up to every day (Aalen–Johansen).

    One minus a Kaplan–Meier curve of one cause would count customers who closed the account as if they
    could still fall silent; these shares add up to what has lapsed in all.

    Parameters
    ----------
    spells : DataFrame or lazy Ibis table (schema `Spells`)
        With the column ``cause``; it is read where ``lapsed`` is 1 and must be filled there.
    cause : str
        Name of that column.
    by : str or list of str, optional
    horizon_days : int, optional
        Last day; by default the last day to which every group was watched.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame, ``n_groups * n_causes * (horizon_days + 1)`` rows
        The ``by`` columns, ``day``, ``cause``; ``incidence`` (share 0–1) with its ``variance`` (delta
        method) and ``lower``, ``upper`` (log(−log) scale; 0 where nobody lapsed by the cause yet);
        ``at_risk``, ``n_eligible``, ``n_immature`` as in :func:`survival_curves`.

    Raises
    ------
    KeyError, ValueError
        As in :func:`survival_curves`; a lapse without a cause; nobody lapsed, so that there is no cause to
        show.

    References
    ----------
    Aalen and Johansen (1978), Scand. J. Statist. 5, 141–150. Variance: Collett, Modelling Survival Data in
    Medical Research, 3rd ed., p. 411.

    Examples
    --------
    >>> spells = pd.DataFrame({"days_active": [1, 2, 3, 3], "lapsed": [1, 1, 1, 0]})
    >>> spells["cause"] = ["silent", "closed", "silent", None]
    >>> table = cumulative_incidence(spells, horizon_days=3)
    >>> table[table["day"] == 3][["cause", "incidence"]].values.tolist()
    [['closed', 0.25], ['silent', 0.5]]
    """
    alpha = col.check_alpha(alpha)
    counts = collect(spells, by=by, cause=cause)
    if not counts.lapsed.any():
        raise ValueError(f"nobody lapsed, so column {cause} tells no causes apart; use survival_curves")
    km = KaplanMeier.of(counts)
    horizon = int(watched_until(counts).min()) if horizon_days is None else col.check_horizon(horizon_days)
    check_watched(counts, km.retained, horizon)
    last, first = on_days(counts, horizon)
    eligible, immature = on_each_day(counts, first)
    at_risk = at_risk_on(counts, first)
    n_groups, n_days, n_causes = len(counts.labels), horizon + 1, len(counts.causes)
    z = ndtri(1 - alpha / 2)

    shares, variances = np.zeros((2, n_groups, n_causes, n_days))
    for k in range(n_causes):
        incidence, variance = _incidence(km.at_risk, km.lapsed, counts.events[k], km.retained)
        none = np.zeros((n_groups, 1))
        shares[:, k] = np.concatenate([none, incidence], axis=1)[:, last + 1]
        variances[:, k] = np.concatenate([none, variance], axis=1)[:, last + 1]
    inside = (shares > 0) & (shares < 1)
    log_share = np.log(np.where(inside, shares, 0.5))
    width = z * np.sqrt(np.where(inside, variances, 0.0)) / np.where(inside, shares, 0.5) / -log_share
    centre = np.log(-log_share)
    lower = np.where(inside, np.exp(-np.exp(centre + width)), shares)
    upper = np.where(inside, np.exp(-np.exp(centre - width)), shares)

    def spread(values: np.ndarray) -> np.ndarray:
        return np.repeat(values[:, None, :], n_causes, axis=1).ravel()

    table = pd.DataFrame(
        {
            **counts.frame(np.repeat(np.arange(n_groups), n_causes * n_days)),
            "day": np.tile(np.arange(n_days), n_groups * n_causes),
            "cause": pd.Series(counts.causes)
            .take(np.tile(np.repeat(np.arange(n_causes), n_days), n_groups))
            .to_numpy(),
            "incidence": shares.ravel(),
            "variance": variances.ravel(),
            "lower": lower.ravel(),
            "upper": upper.ravel(),
            "at_risk": spread(at_risk),
            "n_eligible": spread(eligible),
            "n_immature": spread(immature),
        }
    )
    return carry(table, *counts.left_out, source=spells)
