"""A few looks agreed beforehand: bounds that share out the chance of a false alarm among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import optimize, stats

from helpers.models.experiments.checks import check_share, is_number

SPENDING = ("obrien_fleming", "pocock", "linear")
FARTHEST_BOUND = 12.0  # beyond it a double shows no chance left to spend


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
        If looks are neither a whole number nor shares that rise to 1, the spending function is unknown, or alpha or power lies outside its range.

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
    alpha, power = check_share("alpha", alpha), check_share("power", power)
    if power <= alpha:
        raise ValueError(f"power: {power!r} is not above alpha ({alpha!r})")
    spent = _spending(spending)(shares, alpha)
    paths = _Paths(shares)
    for total in spent:
        paths.close(paths.bound_for(total))

    single = stats.norm.isf(alpha / 2)
    highest = single + stats.norm.isf(1 - power)
    drift = optimize.brentq(lambda d: paths.crossed(d)[-1] - power, 0.0, 3 * highest + 3, xtol=1e-12)
    fixed = optimize.brentq(
        lambda d: stats.norm.sf(single - d) + stats.norm.cdf(-single - d) - power, 0.0, highest + 3, xtol=1e-12
    )
    bounds = np.array(paths.bounds)
    return pd.DataFrame(
        {
            "look": np.arange(1, len(shares) + 1),
            "information_share": shares,
            "z_bound": bounds,
            "p_bound": 2 * stats.norm.sf(bounds),
            "alpha_spent": spent,
            "stop_chance": paths.crossed(drift),
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

    Raises
    ------
    ValueError
        If shares don't rise, a bound is not positive or missing, or the drift is no number.

    Examples
    --------
    >>> crossing_chance([0.5, 1.0], [1.96, 1.96]).round(3).tolist()
    [0.05, 0.083]
    """
    paths = _Paths(_checked_shares(shares, name="shares", to_the_end=False))
    bounds = _numbers("bounds", bounds, allowed="no sequence of numbers, one a look").tolist()
    if not is_number(drift):
        raise ValueError(f"drift: {drift!r} is not a finite number")
    if len(bounds) != len(paths.shares) or not all(bound > 0 for bound in bounds):
        raise ValueError(f"bounds: {bounds} must be positive, one for each of {len(paths.shares)} looks")
    for bound in bounds:
        paths.close(bound)
    return paths.crossed(drift)


class _Paths:
    """The running sum of an experiment without effect, look by look, on the paths that have crossed no bound yet."""

    def __init__(self, shares: np.ndarray) -> None:
        self.shares = shares
        self.bounds: list[float] = []
        self._grids: list[tuple[np.ndarray, np.ndarray]] = [(np.zeros(1), np.ones(1))]  # where, and chance there

    def _spread(self, look: int) -> float:
        before = self.shares[look - 1] if look else 0.0
        return float(np.sqrt(self.shares[look] - before))

    def _crossing(self, look: int, bound: float, drift: float = 0.0) -> float:
        """Chance to reach the bound at this look and at none before."""
        before = self.shares[look - 1] if look else 0.0
        where, chance = self._grids[look]
        # a drift weighs each path by its likelihood ratio, which depends on its end only
        weighed = chance * np.exp(drift * where - drift**2 * before / 2)
        edge, spread = bound * np.sqrt(self.shares[look]), self._spread(look)
        centre = where + drift * (self.shares[look] - before)
        out = stats.norm.sf((edge - centre) / spread) + stats.norm.cdf((-edge - centre) / spread)
        return float(weighed @ out)

    def bound_for(self, spent: float) -> float:
        """Bound at the next look with which the chance of a false alarm so far is ``spent``."""
        look = len(self.bounds)
        left = spent - (self.crossed(0.0)[-1] if look else 0.0)
        if self._crossing(look, FARTHEST_BOUND) >= left:
            return FARTHEST_BOUND
        return optimize.brentq(lambda bound: self._crossing(look, bound) - left, 0.0, FARTHEST_BOUND, xtol=1e-12)

    def close(self, bound: float) -> None:
        """Fix the bound of the next look and carry on what is still inside."""
        look = len(self.bounds)
        self.bounds.append(bound)
        if look + 1 == len(self.shares):
            return
        edge, spread = min(bound, FARTHEST_BOUND) * np.sqrt(self.shares[look]), self._spread(look)
        # the integrand is as smooth as the steps on both sides are wide: one panel of nodes for a step width or two
        panels = int(np.clip(1.5 * edge / min(spread, self._spread(look + 1)), 4, 200))
        nodes, weights = _gauss_legendre(panels)
        where, chance = self._grids[look]
        step = stats.norm.pdf(edge * nodes[:, None], where[None, :], spread)
        self._grids.append((edge * nodes, edge * weights * (step @ chance)))

    def crossed(self, drift: float) -> np.ndarray:
        return np.cumsum([self._crossing(look, bound, drift) for look, bound in enumerate(self.bounds)])


def _gauss_legendre(panels: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights from −1 to 1: sixteen in each of so many panels."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    middles = (2 * np.arange(panels) + 1) / panels - 1
    return (middles[:, None] + nodes / panels).ravel(), np.tile(weights / panels, panels)


def _spending(name: str) -> Callable[[np.ndarray, float], np.ndarray]:
    functions = {
        "obrien_fleming": lambda t, alpha: 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(t)),
        "pocock": lambda t, alpha: alpha * np.log1p((np.e - 1) * t),
        "linear": lambda t, alpha: alpha * t,
    }
    if not isinstance(name, str) or name not in functions:
        raise ValueError(f"spending: {name!r} is unknown; allowed are {list(SPENDING)}")
    return functions[name]


def _checked_shares(looks: int | Sequence[float], *, name: str = "looks", to_the_end: bool = True) -> np.ndarray:
    if isinstance(looks, bool):
        raise ValueError(f"{name}: {looks!r} is neither a number of looks nor a sequence of shares")
    if isinstance(looks, int | np.integer):
        if not 1 <= looks <= 100:
            raise ValueError(f"{name}: {looks!r} is not from 1 to 100")
        return np.arange(1, looks + 1) / looks
    shares = _numbers(name, looks, allowed="neither a number of looks nor a sequence of shares")
    if not len(shares) or not (shares[0] > 0 and np.all(np.diff(shares) > 0) and shares[-1] <= 1 + 1e-9):
        raise ValueError(f"{name}: {shares.tolist()} must rise from above 0 to 1")
    if to_the_end and shares[-1] < 1 - 1e-9:
        raise ValueError(f"{name}: {shares.tolist()} must end at 1, when all planned customers are in")
    return shares


def _numbers(name: str, values: object, *, allowed: str) -> np.ndarray:
    try:
        if isinstance(values, Iterable) and not isinstance(values, str | bytes | Mapping):
            given = list(values)
            numbers = np.asarray(given, dtype=float)
            if numbers.ndim == 1 and not any(isinstance(value, str | bytes) for value in given):
                return numbers
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name}: {values!r} is {allowed}")
