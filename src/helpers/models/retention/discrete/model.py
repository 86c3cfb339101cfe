"""Discrete-time hazards: the chance to lapse in each period, by logistic regression on counted cells."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd
from scipy.special import expit

from helpers.models.retention import columns as col
from helpers.models.retention.arrays import SpellArrays, check_days
from helpers.models.retention.design import (
    Covariate,
    Design,
    check_collinear,
    check_spread,
    read_spells,
    summary,
)
from helpers.models.retention.discrete.cells import Cells, Periods
from helpers.models.retention.discrete.maximiser import maximise
from helpers.models.retention.fitted import check_fitted
from helpers.models.retention.left_out import carry
from helpers.models.retention.left_out import entry as left_out_entry
from helpers.models.retention.maturity import ended_before
from helpers.models.retention.prediction import with_interval
from helpers.models.retention.threads import one_thread


class DiscreteHazard:
    """Chance to lapse in each period of a customer's time here, given covariates (person-period logistic
    regression).

    A period is ``period_days`` long; the first holds days 0 to ``period_days``, the next the days after
    it, and so on. Each period has a level of its own, each covariate one odds ratio. It is the regression
    on one row a customer and period, but those rows are never made: customers with equal covariates are
    counted together.

    Parameters
    ----------
    period_days : int
    partial : {"count", "share"}
        A customer whose watching ended inside a period counts there as a whole row (the usual
        person-period table, which makes hazards a little too low), or by the share of the period that was
        watched (the life table's way).
    alpha : float
        1 minus the confidence level of the intervals.

    Attributes
    ----------
    summary_ : DataFrame indexed by covariate
        ``coef, se, odds_ratio, lower, upper`` (of the odds ratio), ``z, p_value``; ``summary_.attrs``
        has ``n``, ``n_lapsed``, ``n_eligible``, ``n_immature`` (customers whose state at the end of the last
        period with a lapse is known, not known).
    baseline_ : DataFrame, one row a period
        ``period, from_day, to_day, at_risk, lapsed, effect`` (log odds at mean covariates), ``hazard,
        retained`` (at the period's end). A period in which nobody lapsed has hazard 0, one in which
        everybody did has 1; neither has a finite effect. ``n_eligible``, ``n_immature``: customers whose state
        at the period's end is known, not known.
    log_likelihood_ : float
    n_, n_lapsed_, n_person_periods_ : int

    References
    ----------
    Cox (1972); Allison (1982), Sociological Methodology 13, 61–98; Singer and Willett (1993).

    Examples
    --------
    >>> spells = pd.DataFrame({"days_active": [20, 45, 50, 70, 80, 90] * 5, "lapsed": [1, 1, 0, 1, 0, 0] * 5})
    >>> spells["payroll"] = [0, 1, 0, 1, 1, 0] * 5
    >>> model = DiscreteHazard(period_days=30).fit(spells, covariates=["payroll"])
    >>> model.baseline_[["from_day", "to_day", "at_risk", "lapsed"]].values.tolist()
    [[0.0, 30.0, 30.0, 5.0], [31.0, 60.0, 25.0, 5.0], [61.0, 90.0, 15.0, 5.0]]
    """

    def __init__(self, period_days: int = 30, *, partial: str = "count", alpha: float = 0.05) -> None:
        self.period_days = period_days
        self.partial = partial
        self.alpha = alpha

    def fit(self, spells: pd.DataFrame | ibis.Table, covariates: Sequence[str]) -> DiscreteHazard:
        """Fit to spells; parameters and errors as in :meth:`CoxRetention.fit`."""
        col.check_horizon(self.period_days, name="period_days")
        if self.partial not in ("count", "share"):
            raise ValueError(f"partial must be 'count' or 'share', not {self.partial!r}")
        col.check_alpha(self.alpha)
        self.design_ = Design(covariates)
        columns, spell = read_spells(self.design_, spells, to_learn="hazards")
        self.left_out_ = list(spell.left_out)
        with one_thread():
            self._fit(columns, spell)
        carry(self.summary_, *self.left_out_, source=spells)
        carry(self.baseline_, source=self.summary_)
        return self

    def _fit(self, columns: list[Covariate], spell: SpellArrays) -> None:
        periods = Periods.of(spell, self.period_days, self.partial)
        if periods.n_short:
            self.left_out_.append(left_out_entry("not_watched", periods.n_short))
        cells = Cells.of(columns, periods, spell.mass)
        shown = self.design_.names_
        check_spread(shown, cells.mean, cells.spread)
        check_collinear(shown, cells.correlation)
        at_risk, lapsed = cells.totals()
        if not lapsed.any():
            raise ValueError("nobody lapsed in a period that was watched from its start; use shorter periods")
        # Where nobody, or everybody, lapsed the level runs off to infinity; the limit is known without a fit.
        live = (lapsed > 0) & (lapsed < at_risk)
        level, beta, covariance, value, diagonal, cross = maximise(cells, live, at_risk, lapsed, shown)
        self._mean, self._beta = cells.mean, beta / cells.spread
        covariance = covariance / np.outer(cells.spread, cells.spread)
        self.covariance_ = covariance
        immature = ended_before(spell, self.period_days, periods.n_periods)
        self.summary_ = summary(shown, self._beta, covariance, self.alpha, ratio="odds_ratio")
        self.log_likelihood_ = value
        self.n_, self.n_lapsed_ = spell.n, round(float(lapsed.sum()))
        young = int(immature[np.flatnonzero(lapsed)[-1]])
        self.summary_.attrs.update(n=self.n_, n_lapsed=self.n_lapsed_, n_eligible=self.n_ - young, n_immature=young)
        self.references_ = dict(self.design_.references_)
        effect = np.where(lapsed > 0, np.inf, -np.inf)
        effect[live] = level
        hazard = expit(effect)
        # What a level knows by itself, and the mean of the covariates (less the overall mean) that goes with it.
        self._level_information = np.full(len(effect), np.inf)
        self._level_mean = np.zeros((len(effect), len(beta)))
        self._level_information[live] = diagonal
        self._level_mean[live] = cross / diagonal[:, None] * cells.spread
        k = np.arange(len(at_risk))
        self.n_person_periods_ = round(float(at_risk.sum()))
        self.last_day_ = float(spell.days.max())
        self.baseline_ = pd.DataFrame(
            {
                "period": k + 1,
                "from_day": k * self.period_days + (k > 0),
                "to_day": (k + 1) * self.period_days,
                "at_risk": at_risk,
                "lapsed": lapsed,
                "effect": effect,
                "hazard": hazard,
                "retained": np.cumprod(1 - hazard),
                "n_eligible": spell.n - immature,
                "n_immature": immature,
            }
        )

    def predict_retained(self, X: pd.DataFrame, days: Sequence[int] | np.ndarray) -> pd.DataFrame:
        """Share of customers like each row still active on each day; inside a period the hazard is spread
        evenly.

        Parameters, result and errors as in :meth:`CoxRetention.predict_retained`.
        """
        check_fitted(self, "baseline_")
        wanted = check_days(days, self.last_day_)
        hazard = self._hazards(self.design_.matrix(X) - self._mean)
        return pd.DataFrame(self._kept(hazard, wanted), index=X.index, columns=wanted)

    def predict_retained_interval(
        self, X: pd.DataFrame, days: Sequence[int] | np.ndarray, *, alpha: float | None = None
    ) -> pd.DataFrame:
        """Share of customers like each row still active on each day, with intervals.

        Parameters, result and errors as in :meth:`CoxRetention.predict_retained_interval`. A period in which
        nobody lapsed, or everybody, adds no doubt: its hazard counts as known to be 0 or 1.

        References
        ----------
        Delta method over levels and coefficients (the whole information matrix), log(−log) scale: Kalbfleisch
        and Prentice (1980). Model: Singer and Willett (1993), J. Educational Statistics 18(2), 155–195.

        Examples
        --------
        >>> spells = pd.DataFrame({"days_active": [20, 45, 50, 70, 80, 90] * 5, "lapsed": [1, 1, 0, 1, 0, 0] * 5})
        >>> model = DiscreteHazard(30).fit(spells.assign(payroll=[0, 1, 0, 1, 1, 0] * 5), covariates=["payroll"])
        >>> model.predict_retained_interval(pd.DataFrame({"payroll": [1]}), [60]).round(3).values.tolist()
        [[60.0, 0.621, 0.369, 0.797, 30.0]]
        """
        check_fitted(self, "baseline_")
        alpha = col.check_alpha(self.alpha if alpha is None else alpha)
        wanted = check_days(days, self.last_day_)
        away = self.design_.matrix(X) - self._mean
        hazard = self._hazards(away)
        part = np.clip(np.atleast_2d(wanted).T / self.period_days - np.arange(hazard.shape[1]), 0, 1)
        root = np.linalg.cholesky(self.covariance_)
        means = self._level_mean @ root
        variance = (hazard**2 / self._level_information) @ (part**2).T
        from_x = away @ root
        # One covariate at a time: no array of customers × periods × covariates.
        for x, mean in zip(from_x.T, means.T, strict=True):
            variance += ((hazard * (x[:, None] - mean)) @ part.T) ** 2
        retained = self._kept(hazard, wanted)
        return with_interval(retained, variance, index=X.index, days=wanted, alpha=alpha, n=self.n_)

    def _hazards(self, away: np.ndarray) -> np.ndarray:
        """Chance to lapse in each period, ``(n, n_periods)``, of customers so far from the mean."""
        return expit(self.baseline_["effect"].to_numpy() + (away @ self._beta)[:, None])

    def _kept(self, hazard: np.ndarray, days: np.ndarray) -> np.ndarray:
        kept = np.concatenate([np.ones((len(hazard), 1)), np.cumprod(1 - hazard, axis=1)], axis=1)
        whole = np.minimum((days // self.period_days).astype(int), hazard.shape[1] - 1)
        part = days / self.period_days - whole
        return kept[:, whole] * (1 - hazard[:, whole]) ** part
