"""Cox regression: which customers lapse sooner, as hazard ratios with intervals."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import numpy as np
import pandas as pd

from helpers.models.retention import columns as col
from helpers.models.retention.arrays import SpellArrays, check_days
from helpers.models.retention.cox.concordance import concordance
from helpers.models.retention.cox.likelihood import Point, evaluate, maximise
from helpers.models.retention.cox.proportionality import proportionality
from helpers.models.retention.cox.riskset import ByRow, RiskSets, Times, build, index_times
from helpers.models.retention.cox.ties import tie_sums
from helpers.models.retention.design import Covariate, Design, check_collinear, check_spread, read_spells, summary
from helpers.models.retention.fitted import check_fitted
from helpers.models.retention.left_out import carry
from helpers.models.retention.prediction import with_interval
from helpers.models.retention.threads import one_thread

_SUBSAMPLE = 20_000


class CoxRetention:
    """Proportional hazards regression of lapses on what is known of customers.

    A hazard ratio of 1.2 says: on any day, those still here are 20 % more likely to lapse than others with
    the same remaining covariates. Ties (many lapses a day) go by Efron's rule. Covariates that take few
    values together are counted by pattern and day, so that the cost does not grow with the number of
    customers; numbers are summed by day in blocks, without a sort and without a copy.

    Parameters
    ----------
    ties : {"efron", "breslow"}
    penalizer : float
        Weight of a ridge penalty, ``n · penalizer / 2 · Σ (coef · standard deviation)²``, as in lifelines;
        0 for none.
    alpha : float
        1 minus the confidence level of the intervals.

    Attributes
    ----------
    summary_ : DataFrame indexed by covariate
        ``coef, se, hazard_ratio, lower, upper`` (of the hazard ratio), ``z, p_value``. Categories appear
        as ``name[level]`` against the level named in ``references_``. Every coefficient rests on all
        customers; ``summary_.attrs`` has them: ``n``, ``n_lapsed``, ``n_eligible``, ``n_immature`` (state on
        the day of the last lapse known, not known).
    baseline_ : DataFrame
        ``day, at_risk, lapsed, hazard, cumulative_hazard, retained`` of a customer with all covariates at
        their mean (``means_``), on the days of lapses; ``n_eligible``, ``n_immature`` (customers whose state on
        the day is known, not known).
    log_likelihood_, log_likelihood_null_ : float
        Partial log-likelihood (without the penalty) at the estimate and at 0.
    concordance_ : float
        Harrell's C, counted when first asked for.
    n_, n_lapsed_ : int
    covariance_ : array of shape (p, p)

    References
    ----------
    Cox (1972), JRSS B 34(2), 187–220. Efron (1977), JASA 72, 557–565.

    Examples
    --------
    >>> spells = pd.DataFrame({"days_active": [5, 8, 3, 9, 4, 7], "lapsed": [1, 1, 1, 0, 1, 0]})
    >>> spells["payroll"] = [0, 1, 0, 1, 1, 0]
    >>> model = CoxRetention().fit(spells, covariates=["payroll"])
    >>> model.summary_.loc["payroll", ["coef", "hazard_ratio"]].round(4).tolist()
    [-0.8341, 0.4343]
    """

    def __init__(self, ties: str = "efron", penalizer: float = 0.0, *, alpha: float = 0.05) -> None:
        self.ties = ties
        self.penalizer = penalizer
        self.alpha = alpha

    def fit(self, spells: pd.DataFrame | ibis.Table, covariates: Sequence[str]) -> CoxRetention:
        """Fit to spells.

        Parameters
        ----------
        spells : DataFrame or lazy Ibis table (schema `Spells`)
            ``days_active``, ``lapsed``, the covariates; optional ``entry_day``, ``weight``. A lazy table
            is counted in its engine by covariates and days first.
        covariates : list of str
            Numbers and flags enter as they are; texts and categories as one column a level but the first.

        Raises
        ------
        KeyError, ValueError
            A covariate is absent, has missing values, is constant, follows from the others, or separates
            those who lapse from the rest; nobody lapsed; a setting of the model is not allowed; and what
            :func:`survival_curves` refuses.
        """
        if self.ties not in ("efron", "breslow"):
            raise ValueError(f"ties must be 'efron' or 'breslow', not {self.ties!r}")
        number = isinstance(self.penalizer, int | float | np.integer | np.floating)
        if isinstance(self.penalizer, bool) or not number or not 0 <= self.penalizer < np.inf:
            raise ValueError(f"penalizer must be a number from 0 on, not {self.penalizer!r}")
        col.check_alpha(self.alpha)
        with one_thread():
            return self._fit(spells, covariates)

    def _fit(self, spells: pd.DataFrame | ibis.Table, covariates: Sequence[str]) -> CoxRetention:
        self.design_ = Design(covariates)
        columns, spell = read_spells(self.design_, spells, to_learn="hazard ratios")
        times = index_times(spell)
        sets = build(columns, times, spell.mass)
        shown = self.design_.names_
        check_spread(shown, sets.mean, sets.spread)
        check_collinear(shown, sets.correlation)
        self.n_, self.n_lapsed_ = spell.n, round(float(times.count.sum()))
        penalty = self.n_ * float(self.penalizer)
        # Steps on patterns cost next to nothing.
        start, guess = (None, None)
        if isinstance(sets, ByRow):
            start, guess = self._warm_start(columns, spell, sets.spread, penalty)
        point, information, self.n_steps_ = maximise(
            sets, times, shown, ties=self.ties, penalty=penalty, start=start, guess=guess
        )
        for stale in ("_baseline", "_concordance"):
            self.__dict__.pop(stale, None)
        self._keep(sets, times, point, information)
        carry(self.summary_, *spell.left_out, source=spells)
        self._columns, self._spell, self._sets, self._times = columns, spell, sets, times
        self.last_day_ = float(spell.days.max())
        self.left_out_ = spell.left_out
        return self

    def _warm_start(
        self, columns: list[Covariate], spell: SpellArrays, spread: np.ndarray, penalty: float
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Coefficients and information of a small part of the rows, then of a sixth: they save passes over the whole."""
        n, shown = len(spell.days), self.design_.names_
        if n < 10 * _SUBSAMPLE:
            return None, None
        start: np.ndarray | None = None
        guess: np.ndarray | None = None
        for every, steps in ((n // _SUBSAMPLE, None), (6, 1)):
            part = slice(None, None, every)
            few = spell.take(part)
            if few.event.sum() < 50 * len(shown):
                return None, None
            times = index_times(few)
            sets = build([c.take(part) for c in columns], times, few.mass)
            if (sets.spread <= 0).any():
                return None, None
            share = penalty * len(few.days) / n
            own = None if start is None else start * sets.spread
            try:
                point, information, _ = maximise(
                    sets, times, shown, ties=self.ties, penalty=share, start=own, tolerance=1e-6, steps=steps
                )
            except ValueError:
                # What is wrong shows in all rows too, and is said there.
                return None, None
            start = point.beta / sets.spread
            guess = information / np.outer(sets.spread, sets.spread) * (n / len(few.days))
        return start * spread, guess * np.outer(spread, spread)

    def _keep(self, sets: RiskSets, times: Times, point: Point, information: np.ndarray) -> None:
        shown = self.design_.names_
        self._point = point
        self._mean, self._beta = sets.mean, point.beta / sets.spread
        self.means_ = pd.Series(sets.mean, index=shown, name="mean")
        self.covariance_ = np.linalg.inv(information) / np.outer(sets.spread, sets.spread)
        self.summary_ = summary(shown, self._beta, self.covariance_, self.alpha)
        young = int(times.ended[-1])
        self.summary_.attrs.update(n=self.n_, n_lapsed=self.n_lapsed_, n_eligible=self.n_ - young, n_immature=young)
        self.references_ = dict(self.design_.references_)
        self.log_likelihood_ = point.value
        # At coefficients of 0 the sums are the counts themselves.
        null = tie_sums(times.at_risk, times.weight_sum, times.count, self.ties)
        self.log_likelihood_null_ = -float(times.mean_weight @ null.log)

    @property
    def baseline_(self) -> pd.DataFrame:
        """Hazard of the mean customer by day of lapse; summed when first asked for."""
        check_fitted(self, "last_day_")
        if not hasattr(self, "_baseline"):
            times = self._times
            with one_thread():
                point = evaluate(self._sets, times, self._point.beta, ties=self.ties, penalty=0.0)
            tie, weight = point.ties, times.mean_weight
            hazard = weight * tie.a
            cumulative = np.cumsum(hazard)
            self._hazard_variance = np.cumsum(weight * tie.aa)
            # How the summed hazard falls when a (standardised) coefficient rises: Σ mean of those at risk · hazard.
            drift = (weight * tie.aa)[:, None] * point.sums.risk[:, 1:]
            drift -= (weight * tie.ab)[:, None] * point.sums.tied[:, 1:]
            self._hazard_drift = np.cumsum(drift, axis=0) * self._sets.spread
            self._baseline = pd.DataFrame(
                {
                    "day": times.days,
                    "at_risk": times.at_risk,
                    "lapsed": times.weight_sum,
                    "hazard": hazard,
                    "cumulative_hazard": cumulative,
                    "retained": np.exp(-cumulative),
                    "n_eligible": self.n_ - times.ended,
                    "n_immature": times.ended,
                }
            )
            carry(self._baseline, source=self.summary_)
        return self._baseline

    @property
    def concordance_(self) -> float:
        """Harrell's C of the fitted scores: 0.5 is chance, 1 a perfect order."""
        check_fitted(self, "last_day_")
        if not hasattr(self, "_concordance"):
            spell, at = self._spell, 0
            score = np.zeros(len(spell.days))
            for column in self._columns:
                score += column.product(self._beta[at : at + column.width])
                at += column.width
            self._concordance = concordance(spell.days, spell.event, score, entry=spell.entry, weight=spell.mass)
        return self._concordance

    def predict_retained(self, X: pd.DataFrame, days: Sequence[int] | np.ndarray) -> pd.DataFrame:
        """Share of customers like each row still active on each day.

        Parameters
        ----------
        X : DataFrame of shape (n, …)
            With the covariates' columns.
        days : sequence of int
            Days since joining, from 0 to the last day watched.

        Returns
        -------
        DataFrame of shape (n, n_days)
            Index of ``X``, one column a day; shares 0–1.

        Raises
        ------
        ValueError
            The model is not fitted (scikit-learn's ``NotFittedError``), a day was not watched, or a covariate has a
            value that can't be read.
        """
        check_fitted(self, "last_day_")
        wanted = check_days(days, self.last_day_)
        at, hazard = self._until(wanted)
        score = (self.design_.matrix(X) - self._mean) @ self._beta
        return pd.DataFrame(np.exp(-np.exp(score)[:, None] * hazard[at]), index=X.index, columns=wanted)

    def predict_retained_interval(
        self, X: pd.DataFrame, days: Sequence[int] | np.ndarray, *, alpha: float | None = None
    ) -> pd.DataFrame:
        """Share of customers like each row still active on each day, with intervals.

        Both are in doubt, the hazard of the mean customer and the coefficients; the interval holds the share of
        many such customers, not the day of one. A penalty's pull towards 0 is not in it.

        Parameters
        ----------
        X, days
            As in :meth:`predict_retained`.
        alpha : float, optional
            1 minus the confidence level; the model's own if None.

        Returns
        -------
        DataFrame, ``n · n_days`` rows: the first customer's days, then the next one's
            Index of ``X``, repeated; ``day``, ``retained`` as in :meth:`predict_retained`, ``lower``, ``upper``
            (log(−log) scale; 1 before the first lapse), ``n`` (customers that the model was fitted to).

        Raises
        ------
        ValueError
            As :meth:`predict_retained`; ``alpha`` is not between 0 and 1.

        References
        ----------
        Tsiatis (1981), Annals of Statistics 9(1), 93–108; Link (1984), Biometrics 40(3), 601–610; with Efron's
        ties as in Therneau and Grambsch (2000), *Modeling Survival Data*, 10.2.3 and appendix E.

        Examples
        --------
        >>> spells = pd.DataFrame({"days_active": [1, 1, 6, 6, 8, 9], "lapsed": [1, 0, 1, 1, 0, 1]})
        >>> model = CoxRetention().fit(spells.assign(payroll=[1, 1, 1, 0, 0, 0]), covariates=["payroll"])
        >>> model.predict_retained_interval(pd.DataFrame({"payroll": [0]}), [0, 6]).round(3).values.tolist()
        [[0.0, 1.0, 1.0, 1.0, 6.0], [6.0, 0.694, 0.074, 0.95, 6.0]]
        """
        check_fitted(self, "last_day_")
        alpha = col.check_alpha(self.alpha if alpha is None else alpha)
        wanted = check_days(days, self.last_day_)
        at, hazard = self._until(wanted)
        away = self.design_.matrix(X) - self._mean
        relative = np.exp(away @ self._beta)[:, None]
        own = np.concatenate([[0.0], self._hazard_variance])[at]
        drift = np.concatenate([np.zeros((1, len(self._beta))), self._hazard_drift])[at]
        # |hazard · x − drift|² in the covariance's metric, multiplied out: no array of customers × days × covariates.
        root = np.linalg.cholesky(self.covariance_)
        from_x, from_day, until = away @ root, drift @ root, hazard[at]
        slope = until**2 * (from_x**2).sum(axis=1)[:, None] - 2 * until * (from_x @ from_day.T)
        slope = np.maximum(slope + (from_day**2).sum(axis=1), 0.0)
        return with_interval(
            np.exp(-relative * until), relative**2 * (own + slope), index=X.index, days=wanted, alpha=alpha, n=self.n_
        )

    def _until(self, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place of each day in the summed hazards (0: before the first lapse), and those with a leading 0."""
        baseline = self.baseline_
        hazard = np.concatenate([[0.0], baseline["cumulative_hazard"].to_numpy()])
        return np.searchsorted(baseline["day"].to_numpy(), days, side="right"), hazard

    def check_proportional_hazards(self, *, alpha: float = 0.05) -> pd.DataFrame:
        """Does each hazard ratio stay the same with age? A score test, in words.

        Tests the slope of each coefficient over the rank of time (share of lapses so far), without refitting.

        Parameters
        ----------
        alpha : float
            Level of the test, Holm-adjusted over the covariates.

        Returns
        -------
        DataFrame, one row a covariate, then ``all``
            ``covariate, statistic`` (χ²), ``df, p_value, p_adjusted, holds`` (True: no sign of change),
            ``slope`` (change of the coefficient from the first to the last lapse, one Newton step),
            ``en``, ``zh`` (the answer in words). It rests on all customers of ``summary_``.

        Raises
        ------
        ValueError
            The model is not fitted (scikit-learn's ``NotFittedError``), or ``alpha`` is not between 0 and 1.

        References
        ----------
        Grambsch and Therneau (1994), Biometrika 81(3), 515–526, in the exact form of R's survival ≥ 3.0.
        """
        check_fitted(self, "last_day_")
        col.check_alpha(alpha)
        with one_thread():
            table = proportionality(
                self._sets, self._times, self._point, self.design_.names_, alpha=alpha, ties=self.ties
            )
        return carry(table, source=self.summary_)
