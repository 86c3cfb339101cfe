"""A few looks agreed beforehand: bounds that share out the chance of a false alarm among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import optimize, stats

SPENDING = ("obrien_fleming", "pocock", "linear")
GRID_POINTS = 1_201  # odd, for Simpson's rule; bounds change by < 1e-7 against 4,801


def group_sequential(
    looks: int | Sequence[float], *, alpha: float = 0.05, spending: str = "obrien_fleming", power: float = 0.8
) -> pd.DataFrame:
    """Bounds for z at each of a few planned looks, two-sided, by an alpha-spending function.

    Narrower at the end than a confidence sequence, but only for looks at known shares of the information.

    Parameters
    ----------
    looks : int, or sequence of shares
        Number of equally spaced looks, or the share of the planned customers at each, rising and ending at 1.
    alpha : float
        Chance of a false alarm at any look, both sides together.
    spending : {"obrien_fleming", "pocock", "linear"}
        Lan and DeMets' functions: hardly anything early; about evenly; in proportion to the customers.
    power : float
        Power at the end, for the sample size it takes.

    Returns
    -------
    DataFrame, one row a look
        ``look`` 1…, ``information_share``, ``z_bound`` (stop when \\|z\\| reaches it), ``p_bound`` the same as a
        two-sided p-value, ``alpha_spent`` so far, ``stop_chance`` by this look if the effect is the one planned for,
        ``inflation``: customers needed at most, against a single look, for the same power.

    Raises
    ------
    ValueError
        If shares don't rise to 1, the spending function is unknown, or alpha or power lies outside its range.

    References
    ----------
    Lan and DeMets (1983), Biometrika 70(3), 659–663; Armitage, McPherson and Rowe (1969), JRSS A 132(2), 235–244 (the
    recursion).

    Examples
    --------
    >>> group_sequential(5).z_bound.round(2).tolist()
    [4.88, 3.36, 2.68, 2.29, 2.03]
    """
    shares = _checked_shares(looks)
    for name, value in (("alpha", alpha), ("power", power)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            raise ValueError(f"{name}: {value!r} is not between 0 and 1")
    if power <= alpha:
        raise ValueError(f"power: {power!r} is not above alpha ({alpha!r})")
    spent = _spending(spending)(shares, alpha)
    bounds = np.zeros(0)
    for k in range(len(shares)):
        bounds = np.append(bounds, _next_bound(shares[: k + 1], bounds, spent[k]))

    def power_at(drift: float) -> float:
        return float(crossing_chance(shares, bounds, drift=drift)[-1])

    single = stats.norm.isf(alpha / 2) + stats.norm.isf(1 - power)
    drift = optimize.brentq(lambda d: power_at(d) - power, 0.5 * single, 3 * single + 3, xtol=1e-10)
    fixed = optimize.brentq(
        lambda d: stats.norm.sf(stats.norm.isf(alpha / 2) - d) + stats.norm.cdf(-stats.norm.isf(alpha / 2) - d) - power,
        0.0, single + 3, xtol=1e-12,
    )  # fmt: skip
    return pd.DataFrame(
        {
            "look": np.arange(1, len(shares) + 1),
            "information_share": shares,
            "z_bound": bounds,
            "p_bound": 2 * stats.norm.sf(bounds),
            "alpha_spent": spent,
            "stop_chance": crossing_chance(shares, bounds, drift=drift),
            "inflation": (drift / fixed) ** 2,
        }
    )


def crossing_chance(shares: Sequence[float], bounds: Sequence[float], *, drift: float = 0.0) -> np.ndarray:
    """Chance that \\|z\\| has reached its bound by each look.

    Parameters
    ----------
    shares : sequence of n_looks
        Information at each look as a share of all, rising.
    bounds : sequence of n_looks
        Bound for \\|z\\| at each look.
    drift : float
        Expected z at the end: effect ÷ standard error with all customers. 0 gives the chance of a false alarm.

    Returns
    -------
    ndarray of shape (n_looks,), cumulated

    Examples
    --------
    >>> crossing_chance([0.5, 1.0], [1.96, 1.96]).round(3).tolist()
    [0.05, 0.083]
    """
    shares, bounds = np.asarray(shares, dtype=float), np.asarray(bounds, dtype=float)
    crossed, total = np.zeros(len(shares)), 0.0
    grid = density = weight = None
    for k, (share, bound) in enumerate(zip(shares, bounds, strict=True)):
        if k == 0:
            spread, centre = np.sqrt(share), np.array([drift * share])
        else:
            # the running sum gains a normal step; only paths still inside carry on
            spread, centre = np.sqrt(share - shares[k - 1]), grid + drift * (share - shares[k - 1])
        edge = bound * np.sqrt(share)
        out = stats.norm.sf((edge - centre) / spread) + stats.norm.cdf((-edge - centre) / spread)
        total += float(out[0]) if k == 0 else float(np.sum(weight * density * out))
        crossed[k] = total
        if k + 1 < len(shares):
            grid_next = np.linspace(-edge, edge, GRID_POINTS)
            step = stats.norm.pdf(grid_next[:, None], centre[None, :], spread)
            density = step[:, 0] if k == 0 else step @ (weight * density)
            grid, weight = grid_next, _simpson(grid_next)
    return crossed


def _next_bound(shares: np.ndarray, bounds: np.ndarray, spent: float) -> float:
    def surplus(bound: float) -> float:
        return float(crossing_chance(shares, np.append(bounds, bound))[-1]) - spent

    if surplus(12.0) >= 0:  # less to spend than a double shows
        return 12.0
    return optimize.brentq(surplus, 1e-6, 12.0, xtol=1e-10)


def _simpson(grid: np.ndarray) -> np.ndarray:
    weight = np.ones(len(grid))
    weight[1:-1:2], weight[2:-1:2] = 4.0, 2.0
    return weight * (grid[1] - grid[0]) / 3


def _spending(name: str) -> Callable[[np.ndarray, float], np.ndarray]:
    functions = {
        "obrien_fleming": lambda t, alpha: 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(t)),
        "pocock": lambda t, alpha: alpha * np.log1p((np.e - 1) * t),
        "linear": lambda t, alpha: alpha * t,
    }
    if name not in functions:
        raise ValueError(f"spending: {name!r} is unknown; allowed are {list(SPENDING)}")
    return functions[name]


def _checked_shares(looks: int | Sequence[float]) -> np.ndarray:
    if isinstance(looks, bool):
        raise ValueError(f"looks: {looks!r} is neither a number of looks nor a sequence of shares")
    if isinstance(looks, int | np.integer):
        if not 1 <= looks <= 100:
            raise ValueError(f"looks: {looks!r} is not from 1 to 100")
        return np.arange(1, looks + 1) / looks
    shares = np.asarray(list(looks), dtype=float)
    if not len(shares) or not (shares[0] > 0 and np.all(np.diff(shares) > 0) and abs(shares[-1] - 1) < 1e-9):
        raise ValueError(f"looks: {shares.tolist()} must rise from above 0 to 1")
    return shares
