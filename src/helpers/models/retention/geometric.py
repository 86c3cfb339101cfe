"""Shifted-beta-geometric model of a cohort: fitted to its survivors, projected forward with an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln, ndtri, polygamma

from helpers.models.retention import columns as col
from helpers.models.retention.fitted import check_fitted

# Beyond this sum of the parameters churn no longer differs between customers; the likelihood is flat there.
_HOMOGENEOUS = 1e5


class ShiftedBetaGeometric:
    """Retention of a cohort by period when each customer leaves with a constant, but own, probability.

    The probability differs between customers by a beta distribution; the likely leavers go first, so
    retention improves with age without anybody changing. That is why a straight continuation of the first
    periods forecasts too low.

    Attributes
    ----------
    alpha_, beta_ : float
        Parameters of the beta distribution of the chance to leave in a period.
    covariance_ : array of shape (2, 2)
        Of ``(log alpha, log beta)``.
    log_likelihood_ : float
    n_ : float
        Customers at the start.
    mean_churn_ : float
        ``alpha / (alpha + beta)``: share that leaves in the first period.
    homogeneous_ : bool
        True where no differences between customers showed: retention does not improve with age, and the model
        is the plain geometric one.

    References
    ----------
    Fader and Hardie (2007), How to project customer retention, J. Interactive Marketing 21(1), 76–90.

    Examples
    --------
    >>> model = ShiftedBetaGeometric().fit([1000, 869, 743, 653, 593, 551, 517, 491])
    >>> round(model.alpha_, 3), round(model.beta_, 3)
    (0.668, 3.806)
    >>> model.project(12).tail(1)[["period", "retained"]].round(3).values.tolist()
    [[12.0, 0.378]]
    """

    def fit(self, survivors: Sequence[float] | pd.DataFrame | np.ndarray) -> ShiftedBetaGeometric:
        """Fit to survivors.

        Parameters
        ----------
        survivors : sequence of shape (n_periods + 1,), or DataFrame
            Customers still there at the start and after each period, never rising. Or several cohorts: a
            frame with one row a cohort and one column a period (empty where not reached yet). Or counts: a
            frame with the columns ``period`` (1, 2, …), ``lapsed`` and ``censored`` (left to watch no
            longer, after surviving that period; 0 for the start).

        Raises
        ------
        ValueError
            Survivors are no numbers, rise, are negative or missing in between; fewer than two periods; nobody or everybody
            lapsed at once, so that nothing tells the two parameters apart.
        """
        lapsed, censored = _ends(survivors)
        self.n_ = float(lapsed.sum() + censored.sum())
        if lapsed.sum() == 0:
            raise ValueError("survivors show no lapse; a churn distribution can't be learnt from none")
        if len(lapsed) < 3 or censored[2:].sum() + lapsed[2:].sum() == 0:
            raise ValueError("survivors must cover at least two periods with somebody left after the first")
        self._lapsed, self._censored = lapsed, censored
        theta = self._maximise(np.log([1.0, max(self.n_ / lapsed[1:].sum(), 1.5)]))
        self.alpha_, self.beta_ = (float(v) for v in np.exp(theta))
        value, _, hessian = self._likelihood(theta)
        self.log_likelihood_ = float(value)
        self.homogeneous_ = bool(self.alpha_ + self.beta_ > 0.99 * _HOMOGENEOUS)
        if self.homogeneous_:
            # Only the mean churn is known then: its information along the ridge of equal alpha / beta.
            p = self.alpha_ / (self.alpha_ + self.beta_)
            self.covariance_ = np.diag([1 / (lapsed.sum() * (1 - p)), 0.0]) if p < 1 else np.zeros((2, 2))
        else:
            self.covariance_ = np.linalg.inv(-hessian)
        self.mean_churn_ = self.alpha_ / (self.alpha_ + self.beta_)
        self.last_period_ = int(np.flatnonzero(lapsed + censored)[-1])
        self.survivors_ = float((lapsed + censored)[self.last_period_] - lapsed[self.last_period_])
        return self

    def retained(self, periods: Sequence[float] | np.ndarray) -> np.ndarray:
        """Share still there after each of the periods, an array of shares 0–1; ValueError where it is not fitted."""
        check_fitted(self, "survivors_")
        t = np.asarray(periods, dtype=float)
        return np.exp(_log_survival(self.alpha_, self.beta_, t))

    def project(self, periods: int, *, alpha: float = 0.05) -> pd.DataFrame:
        """Project retention to a period.

        Parameters
        ----------
        periods : int
            Last period, counted from the cohort's start.
        alpha : float
            1 minus the confidence level.

        Returns
        -------
        DataFrame, ``periods + 1`` rows
            ``period``; ``retained`` with ``lower``, ``upper`` (shares; uncertainty of the two parameters,
            on the logit scale);
            ``churn`` (share of those there that leaves in the period); ``seen`` (True up to the last
            period watched); ``n`` (customers at the start), ``n_eligible``, ``n_immature`` (state after the
            period known, not known: watched no longer).

        Raises
        ------
        ValueError
            The model is not fitted (scikit-learn's ``NotFittedError``), or an argument lies outside its range.
        """
        check_fitted(self, "survivors_")
        periods, alpha = col.check_horizon(periods, name="periods"), col.check_alpha(alpha)
        t = np.arange(periods + 1, dtype=float)
        share = self.retained(t)
        gradient = self._logit_gradient(t, share)
        spread = np.sqrt(np.einsum("ti,ij,tj->t", gradient, self.covariance_, gradient))
        z = ndtri(1 - alpha / 2)
        inside = (share > 0) & (share < 1)
        odds = np.log(np.where(inside, share, 0.5) / np.where(inside, 1 - share, 0.5))
        churn = np.concatenate([[0.0], 1 - share[1:] / share[:-1]])
        ended = np.concatenate([[0.0], np.cumsum(self._censored)])
        immature = ended[np.minimum(np.arange(periods + 1), len(self._censored))]
        return pd.DataFrame(
            {
                "period": np.arange(periods + 1),
                "retained": share,
                "lower": np.where(inside, 1 / (1 + np.exp(-(odds - z * spread))), share),
                "upper": np.where(inside, 1 / (1 + np.exp(-(odds + z * spread))), share),
                "churn": churn,
                "seen": np.arange(periods + 1) <= self.last_period_,
                "n": np.full(periods + 1, self.n_),
                "n_eligible": self.n_ - immature,
                "n_immature": immature,
            }
        )

    def forecast(self, customers: float, *, age: int, periods: int, alpha: float = 0.05) -> pd.DataFrame:
        """Forecast how many of a group of today's customers will still be there.

        Parameters
        ----------
        customers : float
            Customers there now.
        age : int
            Periods that they have already stayed (0: just joined).
        periods : int
            Periods ahead.
        alpha : float
            1 minus the level of the prediction interval.

        Returns
        -------
        DataFrame, ``periods + 1`` rows
            ``period`` (ahead; 0 is now), ``expected`` with ``lower``, ``upper`` (customers): the interval
            holds both the uncertainty of the parameters and the chance of who leaves (binomial).

        Raises
        ------
        ValueError
            The model is not fitted (scikit-learn's ``NotFittedError``), or an argument lies outside its range.
        """
        check_fitted(self, "survivors_")
        alpha = col.check_alpha(alpha)
        periods = col.check_horizon(periods, name="periods")
        for value in (customers, age):
            if not isinstance(value, int | float | np.integer | np.floating) or not 0 <= value < np.inf:
                raise ValueError(f"customers and age must be 0 or more, not {customers!r} and {age!r}")
        t = np.arange(age, age + periods + 1, dtype=float)
        share = self.retained(t) / self.retained([age])
        inside = np.clip(share, 1e-12, 1 - 1e-12)
        # Gradient of log S(t) − log S(age) in the log parameters.
        own = _gradient(self.alpha_, self.beta_, t) - _gradient(self.alpha_, self.beta_, np.array([float(age)]))
        own = own * np.array([self.alpha_, self.beta_])
        parameter = share**2 * np.einsum("ti,ij,tj->t", own, self.covariance_, own)
        spread = np.sqrt(customers**2 * parameter + customers * inside * (1 - inside))
        spread[0] = 0.0
        z = ndtri(1 - alpha / 2)
        expected = customers * share
        return pd.DataFrame(
            {
                "period": np.arange(periods + 1),
                "expected": expected,
                "lower": np.maximum(expected - z * spread, 0.0),
                "upper": np.minimum(expected + z * spread, customers),
            }
        )

    def _logit_gradient(self, t: np.ndarray, share: np.ndarray) -> np.ndarray:
        own = _gradient(self.alpha_, self.beta_, t) * np.array([self.alpha_, self.beta_])
        return own / np.maximum(1 - share, 1e-300)[:, None] * (share < 1)[:, None]

    def _likelihood(self, theta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Log-likelihood, gradient and Hessian in the logs of the parameters."""
        a, b = np.exp(theta)
        t = np.arange(len(self._lapsed), dtype=float)
        stay, leave = self._censored.copy(), self._lapsed[1:]
        value = float(stay @ _log_survival(a, b, t) + leave @ _log_leaving(a, b, t[1:]))
        slope = stay @ _gradient(a, b, t) + leave @ _leaving_gradient(a, b, t[1:])
        curve = np.tensordot(stay, _curvature(a, b, t), 1) + np.tensordot(leave, _leaving_curvature(a, b, t[1:]), 1)
        scale = np.array([a, b])
        return value, slope * scale, curve * np.outer(scale, scale) + np.diag(slope * scale)

    def _maximise(self, theta: np.ndarray) -> np.ndarray:
        """Newton with a ridge where the surface is not concave, and step halving."""
        value, slope, curve = self._likelihood(theta)
        for _ in range(200):
            ridge = max(0.0, np.linalg.eigvalsh(curve)[-1] + 1e-8 * max(1.0, abs(np.trace(curve))))
            step = np.linalg.solve(ridge * np.eye(2) - curve, slope)
            step *= min(1.0, 1.0 / max(np.abs(step).max(), 1e-300))
            if np.abs(step).max() < 1e-12:
                break
            for _ in range(60):
                trial = theta + step
                if np.exp(trial).sum() > _HOMOGENEOUS:
                    trial = trial - np.log(np.exp(trial).sum() / _HOMOGENEOUS)
                new = self._likelihood(trial)
                if new[0] >= value - 1e-12 * abs(value):
                    break
                step = step / 2
            else:
                break
            moved = np.abs(trial - theta).max()
            theta, (value, slope, curve) = trial, new
            if moved < 1e-12:
                break
        return theta


def _log_survival(a: float, b: float, t: np.ndarray) -> np.ndarray:
    return gammaln(b + t) - gammaln(a + b + t) - gammaln(b) + gammaln(a + b)


def _log_leaving(a: float, b: float, t: np.ndarray) -> np.ndarray:
    return np.log(a) + gammaln(b + t - 1) - gammaln(a + b + t) - gammaln(b) + gammaln(a + b)


def _gradient(a: float, b: float, t: np.ndarray) -> np.ndarray:
    both = digamma(a + b) - digamma(a + b + t)
    return np.stack([both, both + digamma(b + t) - digamma(b)], axis=1)


def _leaving_gradient(a: float, b: float, t: np.ndarray) -> np.ndarray:
    both = digamma(a + b) - digamma(a + b + t)
    return np.stack([both + 1 / a, both + digamma(b + t - 1) - digamma(b)], axis=1)


def _pair(aa: np.ndarray, ab: np.ndarray, bb: np.ndarray) -> np.ndarray:
    return np.stack([np.stack([aa, ab], axis=1), np.stack([ab, bb], axis=1)], axis=1)


def _curvature(a: float, b: float, t: np.ndarray) -> np.ndarray:
    both = polygamma(1, a + b) - polygamma(1, a + b + t)
    return _pair(both, both, both + polygamma(1, b + t) - polygamma(1, b))


def _leaving_curvature(a: float, b: float, t: np.ndarray) -> np.ndarray:
    both = polygamma(1, a + b) - polygamma(1, a + b + t)
    return _pair(both - 1 / a**2, both, both + polygamma(1, b + t - 1) - polygamma(1, b))


def _ends(survivors: Sequence[float] | pd.DataFrame | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lapses in, and ends of watching after, each period (index 0 is the start)."""
    if isinstance(survivors, pd.DataFrame) and {"period", "lapsed", "censored"} <= set(survivors.columns):
        return _from_counts(survivors)
    try:
        table = np.atleast_2d(np.asarray(survivors, dtype=float))
    except (TypeError, ValueError):
        raise ValueError(
            "survivors must be numbers of customers, as many in each cohort (nan where a period is not reached yet)"
        ) from None
    lapsed, censored = np.zeros(table.shape[1]), np.zeros(table.shape[1])
    for row, cohort in enumerate(table):
        known = np.flatnonzero(~np.isnan(cohort))
        where = f" of cohort {row}" if len(table) > 1 else ""
        if not len(known) or known[-1] != len(known) - 1:
            raise ValueError(f"survivors{where} must start in period 0 and have no gap before the last period")
        seen = cohort[: len(known)]
        if not np.isfinite(seen).all() or (seen < 0).any():
            raise ValueError(f"survivors{where} must be finite counts from 0 on")
        rise = np.flatnonzero(np.diff(seen) > 0)
        if len(rise):
            at = int(rise[0]) + 1
            raise ValueError(f"survivors{where} must never rise: period {at} has {seen[at]:g} after {seen[at - 1]:g}")
        lapsed[1 : len(seen)] += -np.diff(seen)
        censored[len(seen) - 1] += seen[-1]
    return lapsed, censored


def _from_counts(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    period = col.read_days(table["period"], name="period").astype(int)
    if len(period) == 0:
        raise ValueError("survivors has no row")
    sums = np.zeros((2, int(period.max()) + 1))
    for i, name in enumerate(("lapsed", "censored")):
        np.add.at(sums[i], period, col.read_days(table[name], name=name).astype(float))
    if sums[0, 0] > 0:
        raise ValueError("survivors: column lapsed must be 0 in period 0, the start")
    return sums[0], sums[1]
