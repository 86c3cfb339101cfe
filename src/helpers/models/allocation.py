"""How much to spend where: response curves with diminishing returns, and the split of a budget that they ask for.

A channel's month brings ``scale · min(spend, saturation) ** exponent`` activated customers on average: each further
unit of money brings less (exponent below 1), and past the saturation nothing more. Fitted on the bank's own months;
what was never tried is not promised — no channel gets more than ``reach`` times its dearest month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import gammaln

MIN_MONTHS = 6
EXPONENTS = np.round(np.arange(0.05, 1.0001, 0.05), 2)
# A saturation point is believed where it raises the log-likelihood by more than chance would: above χ²'s 1.92, since
# the best of many points is looked for (in simulation of curves without one, 4 is passed in about 4 % of fits).
_SATURATION_GAIN = 4.0
# A month this many (robust) standard deviations off its curve is a campaign's or an abuse ring's, not the channel's.
_FAR_OFF = 4.0
DEFAULT_REACH = 1.25
ACTUAL, EQUAL, BEST = "last", "equal", "best"


@dataclass(frozen=True)
class ResponseCurves:
    """Fitted curves, one a channel, with bootstrap replicates.

    Attributes
    ----------
    table : DataFrame
        ``channel, n_months, n_months_aside`` (far off the curve: a campaign's or a ring's), ``scale, exponent,
        exponent_lower, exponent_upper, saturation`` (spend past which nothing is gained, empty if none was seen),
        ``spend_min, spend_max`` (money a month), ``known`` (False if the history can't tell: too few months, or
        spend that hardly moved).
    replicates : array, (n_boot, n_known, 3)
        ``scale, exponent, saturation`` of each bootstrap fit, in the order of the known channels.
    """

    table: pd.DataFrame
    replicates: np.ndarray

    @property
    def known(self) -> pd.DataFrame:
        """Curves that may be used."""
        return self.table[self.table["known"]].reset_index(drop=True)


def fit_response(history: pd.DataFrame, *, n_boot: int = 200, alpha: float = 0.05, seed: int = 0) -> ResponseCurves:
    """Fit a response curve to each channel's months.

    Parameters
    ----------
    history : DataFrame
        ``channel, spend, n_activated``, one row a channel and month (money a month, customers).
    n_boot : int
        Parametric bootstrap replicates: Poisson around the fit, or negative binomial where months scatter more.
    alpha : float
        1 minus the confidence level of the exponent's interval.
    seed : int

    Returns
    -------
    ResponseCurves

    Raises
    ------
    ValueError
        If a column is missing, or spend or customers are negative or not finite.

    Notes
    -----
    For a given exponent and saturation the Poisson likelihood has its scale in closed form, so the fit is a search
    of a small grid, the same for all replicates at once.
    """
    missing = [column for column in ("channel", "spend", "n_activated") if column not in history.columns]
    if missing:
        raise ValueError(f"history lacks {', '.join(missing)}; it needs channel, spend, n_activated")
    numbers = history[["spend", "n_activated"]].to_numpy(dtype=float)
    if not np.isfinite(numbers).all() or (numbers < 0).any():
        raise ValueError("spend and n_activated of history should be finite and not negative")
    rng = np.random.default_rng(seed)
    rows, replicates = [], []
    for channel, months in history.groupby("channel", sort=True):
        spend = months["spend"].to_numpy(dtype=float)
        count = months["n_activated"].to_numpy(dtype=float)
        used = spend > 0
        spend, count = spend[used], count[used]
        known = len(spend) >= MIN_MONTHS and count.sum() > 0 and np.ptp(np.log(spend)) > 0.2
        row = {
            "channel": channel,
            "n_months": len(spend),
            "n_months_aside": 0,
            "scale": np.nan,
            "exponent": np.nan,
            "exponent_lower": np.nan,
            "exponent_upper": np.nan,
            "saturation": np.nan,
            "spend_min": spend.min() if len(spend) else np.nan,
            "spend_max": spend.max() if len(spend) else np.nan,
            "known": bool(known),
        }
        if known:
            spend, count, (scale, exponent, saturation), dispersion = _robust_fit(spend, count)
            expected = _respond(spend, scale, exponent, saturation)
            drawn = _fit(spend, _draw(rng, expected, dispersion, n_boot))
            low, high = np.quantile(drawn[:, 1], [alpha / 2, 1 - alpha / 2])
            row |= {
                "n_months_aside": int(row["n_months"] - len(spend)),
                "scale": scale,
                "exponent": exponent,
                "exponent_lower": low,
                "exponent_upper": high,
                "saturation": saturation if np.isfinite(saturation) else np.nan,
            }
            replicates.append(drawn)
        rows.append(row)
    stacked = np.stack(replicates, axis=1) if replicates else np.empty((n_boot, 0, 3))
    return ResponseCurves(pd.DataFrame(rows), stacked)


def allocate(
    curves: pd.DataFrame, budget: float, *, reach: float = DEFAULT_REACH, capacity: pd.Series | None = None
) -> pd.DataFrame:
    """Split a budget so that the last unit of money brings the same everywhere.

    Parameters
    ----------
    curves : DataFrame
        ``channel, scale, exponent, saturation, spend_max``.
    budget : float
        Money for the month, at least 0.
    reach : float
        Most that a channel may get, as a multiple of its dearest month seen.
    capacity : Series, optional
        Activated customers a month that a channel can carry at most, by channel; empty where not known.

    Returns
    -------
    DataFrame, one row a channel
        ``channel, spend, expected, marginal`` (activated customers that one more unit of money would bring), ``bound``
        (most that the channel may get). Spends add up to the budget, or to the sum of the bounds if that is less.

    Raises
    ------
    ValueError
        If the budget is negative or not finite, or the reach not positive.

    References
    ----------
    Equal marginal returns (Gossen's second law); the multiplier is found by bisection, since spend falls in it.
    """
    if not np.isfinite(budget) or budget < 0:
        raise ValueError(f"budget should be a finite amount of at least 0, not {budget!r}")
    if not reach > 0:
        raise ValueError(f"reach should be positive, not {reach!r}")
    scale, exponent = (curves[name].to_numpy(dtype=float) for name in ("scale", "exponent"))
    saturation = curves["saturation"].fillna(np.inf).to_numpy(dtype=float)
    bound = np.minimum(saturation, reach * curves["spend_max"].to_numpy(dtype=float))
    if capacity is not None:
        limit = curves["channel"].map(capacity).to_numpy(dtype=float)
        with np.errstate(divide="ignore"):
            bound = np.where(np.isnan(limit), bound, np.minimum(bound, (limit / scale) ** (1 / exponent)))
    spend = bound.copy() if bound.sum() <= budget else _split(scale, exponent, bound, budget)
    with np.errstate(divide="ignore"):
        marginal = np.where(spend < bound, scale * exponent * np.maximum(spend, 1e-12) ** (exponent - 1), 0.0)
    return pd.DataFrame(
        {
            "channel": curves["channel"],
            "spend": spend,
            "expected": _respond(spend, scale, exponent, saturation),
            "marginal": marginal,
            "bound": bound,
        }
    )


def compare(
    fitted: ResponseCurves,
    budget: float,
    last: pd.Series,
    *,
    reach: float = DEFAULT_REACH,
    capacity: pd.Series | None = None,
    alpha: float = 0.05,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold the best split against an equal one and last time's, with the doubt of the curves.

    Parameters
    ----------
    fitted : ResponseCurves
    budget : float
        Money for the month.
    last : Series
        Spend by channel last time; scaled to the budget.

    Returns
    -------
    (splits, comparison)
        ``splits``: ``channel, last, equal, best, expected_last, expected_equal, expected_best, marginal, bound``.
        ``comparison``: one row a split, ``split, expected, lower, upper`` (activated customers a month) and for all
        but the best ``gain, gain_lower, gain_upper``: what the best split is expected to bring more.

    Notes
    -----
    Each bootstrap curve judges the same three splits: the interval of the gain is of the difference, not of two sums.
    Customers in it are expectations; a month's chance comes on top.
    """
    curves = fitted.known
    best = allocate(curves, budget, reach=reach, capacity=capacity)
    spent = float(best["spend"].sum())
    usual = curves["channel"].map(last).fillna(0.0).to_numpy(dtype=float)
    usual = usual * (spent / usual.sum()) if usual.sum() > 0 else np.full(len(curves), spent / max(len(curves), 1))
    equal = np.full(len(curves), spent / max(len(curves), 1))
    plans = {ACTUAL: usual, EQUAL: equal, BEST: best["spend"].to_numpy()}
    parameters = curves.assign(saturation=curves["saturation"].fillna(np.inf))[["scale", "exponent", "saturation"]]
    # Money past a channel's bound was never tried: no plan is credited with customers for it.
    useful = {name: np.minimum(plan, best["bound"].to_numpy()) for name, plan in plans.items()}
    point = {name: _respond(plan, *parameters.to_numpy(dtype=float).T) for name, plan in useful.items()}
    drawn = {name: _respond(plan, *np.moveaxis(fitted.replicates, 2, 0)).sum(axis=1) for name, plan in useful.items()}
    quantiles = [alpha / 2, 1 - alpha / 2]
    rows = []
    for name in (BEST, ACTUAL, EQUAL):
        low, high = np.quantile(drawn[name], quantiles)
        gain_low, gain_high = np.quantile(drawn[BEST] - drawn[name], quantiles)
        rows.append(
            {
                "split": name,
                "expected": point[name].sum(),
                "lower": low,
                "upper": high,
                "gain": np.nan if name == BEST else point[BEST].sum() - point[name].sum(),
                "gain_lower": np.nan if name == BEST else gain_low,
                "gain_upper": np.nan if name == BEST else gain_high,
            }
        )
    splits = pd.DataFrame(
        {
            "channel": curves["channel"],
            **plans,
            **{f"expected_{name}": value for name, value in point.items()},
            "marginal": best["marginal"],
            "bound": best["bound"],
        }
    )
    return splits, pd.DataFrame(rows)


def _robust_fit(
    spend: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float], float]:
    """Fit, set months far off the curve aside, fit again; also returns the dispersion (1: Poisson)."""
    for _ in range(3):
        found = _fit(spend, count[None, :])[0]
        expected = _respond(spend, *found)
        residual = (count - expected) / np.sqrt(expected)
        # The median absolute residual is 0.6745 for a standard normal.
        spread = max(1.0, float(np.median(np.abs(residual)) / 0.6745))
        near = np.abs(residual) <= _FAR_OFF * spread
        if near.all() or near.sum() < MIN_MONTHS:
            break
        spend, count = spend[near], count[near]
    dispersion = max(1.0, float((residual**2).sum() / max(len(spend) - 2, 1)))
    return spend, count, (float(found[0]), float(found[1]), float(found[2])), dispersion


def _draw(rng: np.random.Generator, expected: np.ndarray, dispersion: float, n: int) -> np.ndarray:
    """Draw months around their expectation with variance = dispersion × mean."""
    size = (n, len(expected))
    if dispersion <= 1.0 + 1e-9:
        return rng.poisson(expected, size=size).astype(float)
    return rng.poisson(rng.gamma(expected / (dispersion - 1.0), dispersion - 1.0, size=size)).astype(float)


def _fit(spend: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Fit all rows of ``counts`` (replicates × months) at once; (replicates, 3): scale, exponent, saturation."""
    # Candidates for the saturation: between the observed spends, never below the third month from the bottom.
    ordered = np.sort(spend)
    points = np.append((ordered[2:-1] + ordered[3:]) / 2 if len(ordered) > 4 else [], np.inf)
    grid = np.array([(exponent, point) for point in points for exponent in EXPONENTS])
    basis = np.minimum(spend[None, :], grid[:, 1:2]) ** grid[:, 0:1]
    total = counts.sum(axis=1, keepdims=True)
    norm = basis.sum(axis=1)
    scale = np.maximum(total, 0.5) / norm[None, :]
    # Poisson: Σ y log(a·g) − a·Σ g; the second sum equals Σ y at the closed-form scale.
    likelihood = (
        counts @ np.log(basis).T + total * np.log(scale) - total - gammaln(counts + 1).sum(axis=1, keepdims=True)
    )
    free = np.isinf(grid[:, 1])
    best_free = np.flatnonzero(free)[likelihood[:, free].argmax(axis=1)]
    chosen = best_free
    if (~free).any():
        best_bent = np.flatnonzero(~free)[likelihood[:, ~free].argmax(axis=1)]
        rows = np.arange(len(counts))
        gain = likelihood[rows, best_bent] - likelihood[rows, best_free]
        chosen = np.where(gain > _SATURATION_GAIN, best_bent, best_free)
    return np.column_stack([scale[np.arange(len(counts)), chosen], grid[chosen]])


def _respond(spend: np.ndarray, scale: np.ndarray, exponent: np.ndarray, saturation: np.ndarray) -> np.ndarray:
    return scale * np.minimum(spend, saturation) ** exponent


def _split(scale: np.ndarray, exponent: np.ndarray, bound: np.ndarray, budget: float) -> np.ndarray:
    """Spend at equal marginal returns, within bounds, adding up to the budget."""
    if budget == 0:
        return np.zeros_like(bound)
    straight = exponent >= 1.0
    curved_power = np.where(straight, 0.0, 1.0 / np.maximum(1.0 - exponent, 1e-9))

    def spends(log_multiplier: float) -> np.ndarray:
        log_spend = (np.log(scale * exponent) - log_multiplier) * curved_power
        curved = np.minimum(np.exp(np.minimum(log_spend, 700.0)), bound)
        return np.where(straight, np.where(np.log(scale) > log_multiplier, bound, 0.0), curved)

    # Spend falls in the multiplier from the sum of the bounds, which is more than the budget, towards nothing.
    low, high = -1.0, 1.0
    while spends(low).sum() < budget and low > -1e4:
        low *= 2
    while spends(high).sum() > budget and high < 1e4:
        high *= 2
    found = brentq(lambda x: spends(x).sum() - budget, low, high, xtol=1e-13, maxiter=500)
    spend = spends(found)
    # Straight channels jump at their own multiplier, and bisection ends a rounding away: what is left is put
    # where there is room, what is too much is taken proportionally.
    left = budget - spend.sum()
    if left < 0:
        spend = spend * (budget / spend.sum())
    elif left > 0:
        room = bound - spend
        at_margin = straight & (np.abs(np.log(scale) - found) < 1e-6)
        share = np.where(at_margin, room, 0.0) if (at_margin & (room > 0)).any() else room
        spend = np.minimum(spend + left * share / share.sum(), bound) if share.sum() > 0 else spend
    return spend
