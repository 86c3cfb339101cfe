"""Retention curves by Kaplan and Meier, and the day by which half are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd
from scipy.special import ndtri

from helpers.models.retention import columns as col
from helpers.models.retention.counts import SpellCounts, collect
from helpers.models.retention.left_out import carry
from helpers.models.retention.maturity import at_horizon, on_each_day


@dataclass(frozen=True)
class KaplanMeier:
    """The product-limit estimate of every group on the times of its counts, each ``(n_groups, n_times)``."""

    at_risk: np.ndarray
    lapsed: np.ndarray
    retained: np.ndarray
    hazard: np.ndarray
    greenwood: np.ndarray

    @classmethod
    def of(cls, counts: SpellCounts) -> KaplanMeier:
        """Estimate from counts."""
        at_risk, lapsed = counts.at_risk, counts.lapsed
        watched = at_risk > 0
        n = np.where(watched, at_risk, 1.0)
        d = np.where(watched, lapsed, 0.0)
        # Weighted deaths may exceed the rest by rounding; a share is never below 0.
        kept = np.maximum(n - d, 0.0)
        with np.errstate(divide="ignore"):
            greenwood = np.cumsum(np.where(d > 0, d / (n * kept), 0.0), axis=1)
        return cls(at_risk, lapsed, np.cumprod(kept / n, axis=1), np.cumsum(d / n, axis=1), greenwood)


def bounds(estimate: np.ndarray, relative_variance: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Bounds on the log(−log) scale; 1 where the estimate is 1, 0 where it is 0.

    ``relative_variance`` is the variance of ``log(estimate)``, for Kaplan–Meier Greenwood's sum.
    """
    inside = (estimate > 0) & (estimate < 1)
    log_s = np.log(np.where(inside, estimate, 0.5))
    width = ndtri(1 - alpha / 2) * np.sqrt(np.where(inside, relative_variance, 0.0)) / log_s
    centre = np.log(-log_s)
    lower = np.where(inside, np.exp(-np.exp(centre - width)), estimate)
    upper = np.where(inside, np.exp(-np.exp(centre + width)), estimate)
    return lower, upper


def check_watched(counts: SpellCounts, retained: np.ndarray, horizon: int) -> None:
    """Raise where a group was not watched to the horizon and somebody of it was still there.

    A group that has lapsed to the last customer stays at 0: that is known.
    """
    last = watched_until(counts)
    short = (last < horizon) & (retained[:, -1] > 0)
    if short.any():
        told = ", ".join(
            f"{name} {int(day)} days" for name, day, bad in zip(counts.names(), last, short, strict=True) if bad
        )
        raise ValueError(
            f"horizon_days is {horizon}, past what was watched: {told}; "
            f"at most {int(last[short].min())} is possible here"
        )


def watched_until(counts: SpellCounts) -> np.ndarray:
    """Last day on which somebody of each group was watched."""
    ended = (counts.lapsed + counts.censored) > 0
    return counts.times[ended.shape[1] - 1 - np.argmax(ended[:, ::-1], axis=1)]


def on_days(counts: SpellCounts, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """For days 0…horizon: index of the last time up to the day (−1: none), and of the first time not before it."""
    days = np.arange(horizon + 1)
    return np.searchsorted(counts.times, days, side="right") - 1, np.searchsorted(counts.times, days)


def at_risk_on(counts: SpellCounts, first: np.ndarray) -> np.ndarray:
    """Weight at risk on each day, ``(n_groups, n_days)``; also between the times of fractional spells."""
    n_times = len(counts.times)
    # Between two times of fractional spells those are at risk who are so at the next one.
    return np.where(first < n_times, counts.at_risk[:, np.minimum(first, n_times - 1)], 0.0)


def survival_curves(
    spells: pd.DataFrame | ibis.Table,
    *,
    by: str | Sequence[str] | None = None,
    horizon_days: int,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Share of each group still active on every day since joining (Kaplan–Meier).

    Customers whose watching ended are censored, not counted as kept for ever, so a group that joined
    last week is not flattered. Everything comes from one count by group, day and way of ending.

    Parameters
    ----------
    spells : DataFrame or lazy Ibis table, one row a customer (schema `Spells`)
        ``days_active`` in days from joining to lapse or end of watching, ``lapsed`` 0/1; optional
        ``entry_day`` (days; who enters on day 0 is at risk from day 0 on, later entries from the day
        after) and ``weight``; rows of weight 0 are left out and counted (:func:`left_out`).
    by : str or list of str, optional
        Grouping columns; rows where one is empty are left out and counted too. A category that nobody is in, or
        nobody with a weight above 0, has no curve and no row.
    horizon_days : int
        Last day of the curves, at least 1.
    alpha : float
        1 minus the confidence level; 0.05 gives 95 % intervals.

    Returns
    -------
    DataFrame, ``n_groups * (horizon_days + 1)`` rows, sorted by group and day
        The ``by`` columns; ``day``; ``at_risk`` (customers, or their weight, still there at the start of
        the day);
        ``lapsed`` (lapses of the day); ``retained`` with ``lower``, ``upper`` (shares 0–1; log(−log)
        bounds with Greenwood's variance; 1 where the curve is 1 and 0 where it is 0);
        ``cumulative_hazard`` (Nelson–Aalen, Σ lapsed / at_risk); ``n_eligible`` (customers whose state on
        that day is known) and ``n_immature`` (customers whose watching ended before it).
        Where nobody is at risk (``at_risk`` 0, possible before late entrants come in) the curve stays as
        it was.

    Raises
    ------
    KeyError, ValueError
        A column is missing; days are negative, missing or no numbers; ``lapsed`` is not 0/1; a group was not watched
        to the horizon while some of it were still active (named with the group). A group that lapsed to the
        last customer stays at 0 instead.

    References
    ----------
    Kaplan and Meier (1958), JASA 53(282), 457–481. Nelson (1972); Aalen (1978). Bounds: Kalbfleisch and
    Prentice (1980); risk sets under late entry: Andersen et al. (1993), III.3.

    Examples
    --------
    >>> spells = pd.DataFrame({"days_active": [1, 2, 2, 3], "lapsed": [1, 1, 0, 0]})
    >>> survival_curves(spells, horizon_days=3)[["at_risk", "lapsed", "retained"]].to_dict("list")
    {'at_risk': [4.0, 4.0, 3.0, 1.0], 'lapsed': [0.0, 1.0, 1.0, 0.0], 'retained': [1.0, 0.75, 0.5, 0.5]}
    """
    horizon, alpha = col.check_horizon(horizon_days), col.check_alpha(alpha)
    counts = collect(spells, by=by)
    return curves_of(counts, horizon=horizon, alpha=alpha, source=spells)


def curves_of(counts: SpellCounts, *, horizon: int, alpha: float, source: object = None) -> pd.DataFrame:
    """Tidy curves from counts that were collected before (see :func:`survival_curves`)."""
    km = KaplanMeier.of(counts)
    check_watched(counts, km.retained, horizon)
    last, first = on_days(counts, horizon)
    lower, upper = bounds(km.retained, km.greenwood, alpha)
    eligible, immature = on_each_day(counts, first)
    n_groups, n_days = len(counts.labels), horizon + 1

    def stand(values: np.ndarray, start: float) -> np.ndarray:
        return np.concatenate([np.full((n_groups, 1), start), values], axis=1)[:, last + 1].ravel()

    total = stand(np.cumsum(km.lapsed, axis=1), 0.0).reshape(n_groups, n_days)
    table = pd.DataFrame(
        {
            **counts.frame(np.repeat(np.arange(n_groups), n_days)),
            "day": np.tile(np.arange(n_days), n_groups),
            "at_risk": at_risk_on(counts, first).ravel(),
            "lapsed": np.diff(total, axis=1, prepend=0.0).ravel(),
            "retained": stand(km.retained, 1.0),
            "lower": stand(lower, 1.0),
            "upper": stand(upper, 1.0),
            "cumulative_hazard": stand(km.hazard, 0.0),
            "n_eligible": eligible.ravel(),
            "n_immature": immature.ravel(),
        }
    )
    return carry(table, *counts.left_out, source=source)


def median_retention(
    spells: pd.DataFrame | ibis.Table, *, by: str | Sequence[str] | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """Day by which half of each group have lapsed, with an interval.

    Parameters
    ----------
    spells, by, alpha
        As in :func:`survival_curves`.

    Returns
    -------
    DataFrame, one row a group
        The ``by`` columns; ``median_days`` (first day on which the curve is at or below one half), ``lower``,
        ``upper`` (first days on which the curve's bounds are: Brookmeyer–Crowley on the log(−log) scale), in
        days; infinite where that was not reached while the group was watched; ``n`` (customers),
        ``lapsed`` (their weight); ``watched_days`` (last day on which somebody was watched); ``n_eligible``,
        ``n_immature`` (state known, not known, on the median day, or on the last day watched where the median
        was not reached).

    References
    ----------
    Brookmeyer and Crowley (1982), Biometrics 38(1), 29–41.

    Examples
    --------
    >>> spells = pd.DataFrame({"days_active": [1, 2, 3, 4], "lapsed": [1, 1, 1, 0]})
    >>> median_retention(spells)[["median_days", "n"]].to_dict("records")
    [{'median_days': 2.0, 'n': 4}]
    """
    alpha = col.check_alpha(alpha)
    counts = collect(spells, by=by)
    km = KaplanMeier.of(counts)
    lower, upper = bounds(km.retained, km.greenwood, alpha)

    def crossing(curve: np.ndarray) -> np.ndarray:
        # A curve that is one half but for rounding has reached it.
        reached = curve <= 0.5 + 1e-12
        return np.where(reached.any(axis=1), counts.times[reached.argmax(axis=1)].astype(float), np.inf)

    median, watched = crossing(km.retained), watched_until(counts)
    eligible, immature = at_horizon(counts, np.minimum(median, watched))
    table = pd.DataFrame(
        {
            **counts.frame(np.arange(len(counts.labels))),
            "median_days": median,
            "lower": crossing(lower),
            "upper": crossing(upper),
            "n": np.rint(counts.rows).astype(np.int64),
            "lapsed": counts.lapsed.sum(axis=1),
            "watched_days": watched,
            "n_eligible": eligible,
            "n_immature": immature,
        }
    )
    return carry(table, *counts.left_out, source=spells)
