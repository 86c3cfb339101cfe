"""Effects of many campaigns pooled by kind: what the next campaign of a kind is to be expected to do.

One campaign's estimate is too proud of itself: the next campaign of the same kind differs from it, and the largest
of several estimates is largest partly by luck. Random effects shrink each towards its kind and each kind towards all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr

_GRID = 33
_REACH = 4.0  # half-normal priors are followed to four times their scale


class RandomEffects:
    """Normal random effects of campaigns within kinds, both spreads averaged over instead of estimated.

    Estimate i of kind g: ``y_i ~ N(μ + f_g + u_i, se_i²)``, ``f_g ~ N(0, between²)``, ``u_i ~ N(0, within²)``, flat
    prior on μ, half-normal priors on both spreads. With a handful of campaigns a spread can't be estimated (the usual
    answer is 0, which is overconfident); the posterior is therefore summed over a grid of both, exactly given each.

    Parameters
    ----------
    scale : float or None
        Scale of the half-normal priors, in the effect's unit; None: half the root mean square of the estimates, that
        is, campaigns differ by something like half of what they do.

    Attributes
    ----------
    scale_ : float
    mean_ : float
        Posterior mean of μ, the effect of campaigns in general.
    between_sd_, within_sd_ : float
        Posterior means of the spread of kinds, and of campaigns within a kind.
    shrunk_ : DataFrame, one row a campaign, in the given order
        The campaign's own effect given all others: ``estimate`` (as given), ``mean, sd, lower, upper``.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4 (the eight schools).

    Examples
    --------
    >>> past = pd.DataFrame({"form": ["checkin", "checkin", "quiz"], "estimate": [0.5, 0.3, 0.1], "se": 0.1})
    >>> RandomEffects().fit(past, by="form").predict(["checkin", "invite"])[["group", "n_campaigns", "mean"]].round(2)
         group  n_campaigns  mean
    0  checkin            2  0.34
    1   invite            0  0.28
    """

    def __init__(self, *, scale: float | None = None) -> None:
        self.scale = scale

    def fit(self, effects: pd.DataFrame, *, by: str, alpha: float = 0.05) -> RandomEffects:
        """Learn from past campaigns.

        Parameters
        ----------
        effects : DataFrame, one row a campaign
            ``estimate``, ``se`` (above 0) and the column ``by``; further columns are left alone.
        by : str
            Column with the kind.
        alpha : float
            1 minus the level of `shrunk_`'s intervals.

        Returns
        -------
        RandomEffects

        Raises
        ------
        ValueError
            If a column is missing, no campaign is given, or an estimate or error is missing, infinite or not positive.
        """
        for column in ("estimate", "se", by):
            if column not in effects.columns:
                raise ValueError(f"effects: the table has no column {column!r}, only {list(effects.columns)}")
        if effects.empty:
            raise ValueError("effects: no campaign is given; at least one is needed")
        y = effects["estimate"].to_numpy(dtype=float)
        se = effects["se"].to_numpy(dtype=float)
        if not (np.isfinite(y).all() and np.isfinite(se).all() and (se > 0).all()):
            raise ValueError("effects: estimates must be finite and errors (se) finite and above 0")
        self.scale_ = float(self.scale if self.scale is not None else 0.5 * np.sqrt(np.mean(y**2)) or se.mean())
        if not (np.isfinite(self.scale_) and self.scale_ > 0):
            raise ValueError(f"scale must be above 0, not {self.scale!r}")
        self.groups_ = [str(group) for group in effects[by]]
        self._y, self._se = y, se
        self._fit_grid()
        own = [self._mixture(group, campaign=i) for i, group in enumerate(self.groups_)]
        rows = [self._row(*mixture, alpha) for mixture in own]
        self.shrunk_ = pd.DataFrame({"estimate": y, **{k: [row[k] for row in rows] for k in rows[0]}})
        self.shrunk_.index = effects.index
        return self

    def predict(self, groups: Sequence[str], *, alpha: float = 0.05) -> pd.DataFrame:
        """Range of the effect of a *new* campaign of each kind.

        Parameters
        ----------
        groups : sequence of str
            Kinds; one that was never seen is drawn towards all others.
        alpha : float
            1 minus the level of the interval.

        Returns
        -------
        DataFrame, one row a kind
            ``group, n_campaigns`` (of this kind), ``mean, sd, lower, upper`` of the effect, ``p_positive`` its
            chance to be above 0. The interval is that of the next campaign, wider than that of the kind's mean.
        """
        rows = []
        for group in groups:
            row = {"group": group, "n_campaigns": self.groups_.count(group)}
            rows.append(row | self._row(*self._mixture(group), alpha))
        columns = ["group", "n_campaigns", "mean", "sd", "lower", "upper", "p_positive"]
        return pd.DataFrame(rows, columns=columns)

    def draw(self, group: str, *, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw effects of a new campaign of a kind from what is known: shape (n,)."""
        mean, sd = self._mixture(group)
        cell = rng.choice(len(self._weights), size=n, p=self._weights)
        return mean[cell] + sd[cell] * rng.standard_normal(n)

    def _fit_grid(self) -> None:
        """Weigh every pair of spreads by prior and likelihood; keep what predictions need for each."""
        line = (np.arange(_GRID) + 0.5) * _REACH / _GRID * self.scale_
        between, within = (axis.ravel() for axis in np.meshgrid(line, line, indexing="ij"))
        same = np.array([[a == b for b in self.groups_] for a in self.groups_], dtype=float)
        k = len(self._y)
        v = between[:, None, None] ** 2 * same + (self._se**2 + within[:, None] ** 2)[:, :, None] * np.eye(k)
        ones = np.ones(k)
        self._inverse = np.linalg.inv(v)
        self._sum = self._inverse @ ones  # V⁻¹1
        precision = self._sum @ ones
        mean = self._sum @ self._y / precision
        residual = self._y - mean[:, None]
        self._pull = np.einsum("gij,gj->gi", self._inverse, residual)  # V⁻¹(y − μ̂)
        log_weight = -0.5 * (
            np.linalg.slogdet(v)[1]
            + np.log(precision)
            + np.einsum("gi,gi->g", residual, self._pull)
            + (between / self.scale_) ** 2
            + (within / self.scale_) ** 2
        )
        weights = np.exp(log_weight - log_weight.max())
        self._weights = weights / weights.sum()
        self._between, self._within, self._precision, self._mean = between, within, precision, mean
        self.mean_ = float(self._weights @ mean)
        self.between_sd_ = float(self._weights @ between)
        self.within_sd_ = float(self._weights @ within)

    def _mixture(self, group: str, *, campaign: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Mean and sd at every grid point, of a new campaign of the kind or of one that was."""
        member = np.array([known == group for known in self.groups_], dtype=float)
        c = self._between[:, None] ** 2 * member
        if campaign is not None:
            c[:, campaign] += self._within**2
        solved = np.einsum("gij,gj->gi", self._inverse, c)
        mean = self._mean + np.einsum("gi,gi->g", c, self._pull)
        variance = (
            self._between**2
            + self._within**2
            - np.einsum("gi,gi->g", c, solved)
            + (1 - np.einsum("gi,gi->g", c, self._sum)) ** 2 / self._precision
        )
        return mean, np.sqrt(np.maximum(variance, 0.0))

    def _row(self, mean: np.ndarray, sd: np.ndarray, alpha: float) -> dict[str, float]:
        weights = self._weights
        centre = float(weights @ mean)
        spread = float(np.sqrt(weights @ (sd**2 + (mean - centre) ** 2)))
        lower, upper = (_quantile(q, mean, sd, weights) for q in (alpha / 2, 1 - alpha / 2))
        positive = float(weights @ ndtr(mean / sd))
        return {"mean": centre, "sd": spread, "lower": lower, "upper": upper, "p_positive": positive}


def _quantile(q: float, mean: np.ndarray, sd: np.ndarray, weights: np.ndarray) -> float:
    low, high = float((mean - 9 * sd).min()), float((mean + 9 * sd).max())
    return float(brentq(lambda x: weights @ ndtr((x - mean) / sd) - q, low, high, xtol=1e-10 * (high - low)))
