"""The five learners: one model, two models, X, R and doubly robust."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from helpers.models.uplift.arms import Arms
from helpers.models.uplift.learner import Sample, UpliftLearner, is_same_for_all
from helpers.models.uplift.nuisances import PROPENSITY_BOUNDS, fit_mean, out_of_fold, predict_mean, rows
from helpers.models.uplift.scores import doubly_robust_scores


class SLearner(UpliftLearner):
    """One model of the outcome with the arm as a feature; the effect is the difference of its predictions.

    Shrinks the effect towards none, which is its strength where the signal is weak and its fault where it is strong.

    Parameters
    ----------
    outcome_model : regressor or classifier, optional
        Default: gradient boosting on squares (see :mod:`helpers.models.uplift.defaults`).
    random_state : int
        Seed of the default model.

    References
    ----------
    Künzel et al. (2019), PNAS 116(10), 4156–4165.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X, treatment = np.arange(40.0)[:, None], np.arange(40) % 2
    >>> SLearner(LinearRegression()).fit(X, X[:, 0] + 3 * treatment, treatment).predict(X[:2]).round(6)
    array([3., 3.])
    """

    def __init__(self, outcome_model: Any = None, *, random_state: int | None = 0):
        self.outcome_model = outcome_model
        self.random_state = random_state

    def _fit(self, sample: Sample) -> None:
        X, y, arms = sample.X, sample.y, sample.arms
        model = self._outcome_model(len(y))
        self.outcome_model_ = fit_mean(model, _with_arm(X, arms.code, arms.n_arms), y, name="outcome_model")

    def outcomes(self, X: Any) -> np.ndarray:
        """Return the expected outcome under each arm, (n, n_arms), the control first."""
        n, n_arms = len(X), len(self.arms_) + 1
        return np.column_stack(
            [predict_mean(self.outcome_model_, _with_arm(X, np.full(n, arm), n_arms)) for arm in range(n_arms)]
        )

    def _effects(self, X: Any) -> np.ndarray:
        outcomes = self.outcomes(X)
        return outcomes[:, 1:] - outcomes[:, :1]


class TLearner(UpliftLearner):
    """One model of the outcome per arm; the effect is the difference of their predictions.

    Each model is tuned to its own outcome and the differences of their errors pass for effects: the naive
    choice with flexible models, fair with smooth ones or very many customers.

    Parameters
    ----------
    outcome_model : regressor or classifier, optional
        Cloned for each arm. Default: gradient boosting on squares.
    random_state : int
        Seed of the default model.

    References
    ----------
    Künzel et al. (2019), PNAS 116(10), 4156–4165.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X, treatment = np.arange(40.0)[:, None], np.arange(40) % 2
    >>> TLearner(LinearRegression()).fit(X, X[:, 0] * (1 + treatment), treatment).predict(X[1:3]).round(6)
    array([1., 2.])
    """

    def __init__(self, outcome_model: Any = None, *, random_state: int | None = 0):
        self.outcome_model = outcome_model
        self.random_state = random_state

    def _fit(self, sample: Sample) -> None:
        X, y, arms = sample.X, sample.y, sample.arms
        self.outcome_models_ = []
        for arm in range(arms.n_arms):
            inside = arms.code == arm
            model = self._outcome_model(int(inside.sum()))
            self.outcome_models_.append(fit_mean(model, rows(X, inside), y[inside], name="outcome_model"))

    def outcomes(self, X: Any) -> np.ndarray:
        """Return the expected outcome under each arm, (n, n_arms), the control first."""
        return np.column_stack([predict_mean(model, X) for model in self.outcome_models_])

    def _effects(self, X: Any) -> np.ndarray:
        outcomes = self.outcomes(X)
        return outcomes[:, 1:] - outcomes[:, :1]


class XLearner(UpliftLearner):
    """Each arm's customers are held against what the other arm's model expects of them; the two answers are blended.

    Good where one arm is much smaller than the other. Its outcome models predict only customers of the arm
    that they were not fitted on, so no cross-fitting is needed.

    Parameters
    ----------
    outcome_model : regressor or classifier, optional
    effect_model : regressor or "rough", optional
        "rough" hardly shrinks: for effects as strong as the noise.
    propensity_model : classifier, optional
        Estimates the propensity, out of fold, where none is given to ``fit``.
    propensity_bounds : (float, float)
        Estimated propensities are clipped to these.
    n_folds : int
        Folds of the propensity model.
    random_state : int

    References
    ----------
    Künzel et al. (2019), PNAS 116(10), 4156–4165.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X, treatment = np.arange(40.0)[:, None], np.arange(40) % 2
    >>> learner = XLearner(LinearRegression(), LinearRegression())
    >>> learner.fit(X, X[:, 0] * (1 + treatment), treatment).predict(X[1:3]).round(6)
    array([1., 2.])
    """

    def __init__(
        self,
        outcome_model: Any = None,
        effect_model: Any = None,
        *,
        propensity_model: Any = None,
        propensity_bounds: tuple[float, float] = PROPENSITY_BOUNDS,
        n_folds: int = 2,
        random_state: int | None = 0,
    ):
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.propensity_bounds = propensity_bounds
        self.n_folds = n_folds
        self.random_state = random_state

    def _fit(self, sample: Sample) -> None:
        X, y, arms = sample.X, sample.y, sample.arms
        fold = self._folds(arms)
        table = self._propensity(sample, fold)
        self._blend_model = None
        share = table.mean(axis=0)
        self.control_share_ = share[0] / (share[0] + share[1:])
        if not is_same_for_all(table) and self.propensity_model is not None:
            self._blend_model = clone(self.propensity_model).fit(X, arms.code)
        control = arms.code == 0
        base = fit_mean(self._outcome_model(int(control.sum())), rows(X, control), y[control], name="outcome_model")
        self.effect_models_ = []
        for k in _treated(arms):
            inside = arms.code == k
            X_in, X_out = rows(X, inside), rows(X, control)
            model = fit_mean(self._outcome_model(int(inside.sum())), X_in, y[inside], name="outcome_model")
            gained = y[inside] - predict_mean(base, X_in)
            missed = predict_mean(model, X_out) - y[control]
            self.effect_models_.append(
                (
                    fit_mean(self._effect_model(len(gained)), X_in, gained, name="effect_model"),
                    fit_mean(self._effect_model(len(missed)), X_out, missed, name="effect_model"),
                )
            )

    def _effects(self, X: Any) -> np.ndarray:
        columns = []
        table = None if self._blend_model is None else self._blend_model.predict_proba(X)
        for k, (from_arm, from_control) in enumerate(self.effect_models_):
            # The control's answer uses the arm's outcome model, so it weighs more the more customers the arm has.
            weight = 1 - self.control_share_[k] if table is None else table[:, k + 1] / (table[:, 0] + table[:, k + 1])
            columns.append(weight * predict_mean(from_control, X) + (1 - weight) * predict_mean(from_arm, X))
        return np.column_stack(columns)


class RLearner(UpliftLearner):
    """What is left of outcome and arm after what was expected of both is explained by the effect alone.

    One outcome model, cross-fitted, and one effect model an arm. Where the propensity is the same for all,
    the residual arm takes two values and its weights say nothing about the customer: they are left
    out, the effect model learns from one unweighted score a customer, and boosting stays on its fast path.

    Parameters
    ----------
    outcome_model : regressor or classifier, optional
    effect_model : regressor or "rough", optional
        Takes ``sample_weight`` if propensities vary. "rough" hardly shrinks: for effects as strong as the noise.
    propensity_model : classifier, optional
        Estimates the propensity, out of fold, where none is given to ``fit``.
    propensity_bounds : (float, float)
    n_folds : int
    random_state : int

    References
    ----------
    Nie and Wager (2021), Biometrika 108(2), 299–319.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> random = np.random.default_rng(0)
    >>> X, treatment = random.normal(size=(4000, 1)), random.integers(0, 2, 4000)
    >>> y = X[:, 0] + treatment * (1 + X[:, 0])
    >>> RLearner(LinearRegression(), LinearRegression()).fit(X, y, treatment).predict([[0.0], [1.0]]).round(1)
    array([1., 2.])
    """

    def __init__(
        self,
        outcome_model: Any = None,
        effect_model: Any = None,
        *,
        propensity_model: Any = None,
        propensity_bounds: tuple[float, float] = PROPENSITY_BOUNDS,
        n_folds: int = 2,
        random_state: int | None = 0,
    ):
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.propensity_bounds = propensity_bounds
        self.n_folds = n_folds
        self.random_state = random_state

    def _fit(self, sample: Sample) -> None:
        X, y, arms = sample.X, sample.y, sample.arms
        fold = self._folds(arms)
        table = self._propensity(sample, fold)
        constant = is_same_for_all(table)
        self.effect_models_ = []
        for k in _treated(arms):
            pair = slice(None) if arms.n_arms == 2 else np.flatnonzero((arms.code == 0) | (arms.code == k))
            X_pair = X if arms.n_arms == 2 else rows(X, pair)
            y_pair, code = y[pair], arms.code[pair] == k
            share = table[pair, k] / (table[pair, 0] + table[pair, k])
            model = self._outcome_model(len(y_pair))
            expected = out_of_fold(model, X_pair, y_pair, fold=fold[pair], name="outcome_model")
            residual_arm = code - share
            if constant:
                target, weight = (y_pair - expected) * residual_arm / (share * (1 - share)), None
            else:
                target, weight = (y_pair - expected) / residual_arm, residual_arm**2
            effect = self._effect_model(len(y_pair))
            self.effect_models_.append(fit_mean(effect, X_pair, target, name="effect_model", sample_weight=weight))

    def _effects(self, X: Any) -> np.ndarray:
        return np.column_stack([predict_mean(model, X) for model in self.effect_models_])


class DRLearner(UpliftLearner):
    """Each customer's doubly robust score is explained by the covariates.

    Right on average if either the outcome models or the propensities are; with known propensities always.

    Parameters
    ----------
    outcome_model : regressor or classifier, optional
        Cloned for each arm, cross-fitted.
    effect_model : regressor or "rough", optional
        "rough" hardly shrinks: for effects as strong as the noise.
    propensity_model : classifier, optional
        Estimates the propensity, out of fold, where none is given to ``fit``.
    propensity_bounds : (float, float)
    n_folds : int
    random_state : int

    References
    ----------
    Kennedy (2023), Electronic Journal of Statistics 17(2), 3008–3049.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> X, treatment = np.arange(40.0)[:, None], np.arange(40) % 2
    >>> learner = DRLearner(LinearRegression(), LinearRegression())
    >>> learner.fit(X, X[:, 0] * (1 + treatment), treatment).predict(X[1:3]).round(6)
    array([1., 2.])
    """

    def __init__(
        self,
        outcome_model: Any = None,
        effect_model: Any = None,
        *,
        propensity_model: Any = None,
        propensity_bounds: tuple[float, float] = PROPENSITY_BOUNDS,
        n_folds: int = 2,
        random_state: int | None = 0,
    ):
        self.outcome_model = outcome_model
        self.effect_model = effect_model
        self.propensity_model = propensity_model
        self.propensity_bounds = propensity_bounds
        self.n_folds = n_folds
        self.random_state = random_state

    def _fit(self, sample: Sample) -> None:
        X, y, arms = sample.X, sample.y, sample.arms
        fold = self._folds(arms)
        table = self._propensity(sample, fold)
        outcomes = np.column_stack(
            [
                out_of_fold(
                    self._outcome_model(int(arms.counts[arm])),
                    X,
                    y,
                    fold=fold,
                    name="outcome_model",
                    learn_from=arms.code == arm,
                )
                for arm in range(arms.n_arms)
            ]
        )
        scores = doubly_robust_scores(y, arms, propensity=table, outcomes=outcomes)
        model = self._effect_model(len(y))
        self.effect_models_ = [fit_mean(model, X, scores[:, k], name="effect_model") for k in range(scores.shape[1])]

    def _effects(self, X: Any) -> np.ndarray:
        return np.column_stack([predict_mean(model, X) for model in self.effect_models_])


class ConstantEffect(UpliftLearner):
    """The same effect for everybody: the difference of the arms' mean outcomes, weighted by known propensities.

    The candidate that others have to beat before anybody speaks of heterogeneity.

    Examples
    --------
    >>> treatment = np.arange(40) % 2
    >>> ConstantEffect().fit(np.zeros((40, 1)), 2.0 * treatment, treatment).predict(np.zeros((2, 1)))
    array([2., 2.])
    """

    def _fit(self, sample: Sample) -> None:
        self.effect_ = doubly_robust_scores(sample.y, sample.arms, propensity=sample.propensity).mean(axis=0)

    def _effects(self, X: Any) -> np.ndarray:
        return np.tile(self.effect_, (len(X), 1))


def _treated(arms: Arms) -> range:
    return range(1, arms.n_arms)


def _with_arm(X: Any, code: np.ndarray, n_arms: int) -> Any:
    """Add one 0/1 column an arm besides the control."""
    flags = (code[:, None] == np.arange(1, n_arms)).astype(float)
    if not hasattr(X, "iloc"):
        return np.column_stack([X, flags])
    # Models take columns named by texts only; a table without names of its own has numbers there.
    given, names = [str(name) for name in X.columns], [f"arm_{k}" for k in range(1, n_arms)]
    clash = [name for name in names if name in given]
    if clash:
        raise ValueError(f"X has a column {clash[0]!r}, the name under which the arm itself is added; rename it")
    table = pd.concat([X, pd.DataFrame(flags, index=X.index, columns=names)], axis=1)
    table.columns = given + names
    return table
