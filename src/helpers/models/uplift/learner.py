"""What all uplift learners share: checked input, arms, propensities, prediction."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, validate_data

from helpers.models.uplift import defaults
from helpers.models.uplift.arms import MIN_ARM_SIZE, Arms, read_arms, read_outcome, read_propensity
from helpers.models.uplift.nuisances import estimate_propensity, folds_by_arm
from helpers.models.uplift.threads import threads_for

# Stands for ``defaults.rough_effect_model`` of as many customers as there turn out to be.
ROUGH = "rough"


@dataclass(frozen=True)
class Sample:
    """Checked input of ``fit``; ``seen_shares`` tells that no propensity was given and the arms' shares stand in."""

    X: Any
    y: np.ndarray
    arms: Arms
    propensity: np.ndarray
    seen_shares: bool


class UpliftLearner(BaseEstimator):
    """Base of the learners: settings in ``__init__``, ``fit(X, y, treatment)``, ``predict(X)``.

    Subclasses keep their settings and write ``_fit`` and ``_effects``.
    """

    min_arm_size = MIN_ARM_SIZE

    def fit(self, X: Any, y: Any, treatment: Any, *, propensity: Any = None, control: Any = 0) -> UpliftLearner:
        """Learn how the change in outcome that each arm makes varies over customers.

        Parameters
        ----------
        X : DataFrame or array, (n, n_features)
            Covariates measured before the campaign; missing values if the models take them (the default ones do).
        y : array-like, (n,)
            Outcome: 0/1 or an amount.
        treatment : array-like, (n,)
            Arm of each customer, numbers or texts.
        propensity : None, float, mapping, (n,) or (n, n_arms) array
            Known probability of the arm(s); None takes the shares seen, or the learner's ``propensity_model``.
        control : label
            Arm without the campaign.

        Returns
        -------
        self
            With ``arms_`` (treated arms in the order of the columns of ``predict``), ``control_``, ``n_customers_``.

        Raises
        ------
        ValueError
            For one arm only, an arm under 10 customers, missing or constant outcomes, propensities outside (0, 1), a
            Series for ``X``.
        """
        if hasattr(X, "iloc"):
            require_columns(X)
            validate_data(self, X, skip_check_array=True)
        else:
            X = validate_data(self, X, ensure_all_finite="allow-nan", ensure_min_samples=2)
        outcome = read_outcome(y)
        if len(outcome) != len(X):
            raise ValueError(f"y has {len(outcome):,} values, X {len(X):,} rows; they must agree")
        if len(X) == 0:
            raise ValueError("X has no rows; at least one customer in each arm is needed")
        arms = read_arms(treatment, n=len(outcome), control=control, min_arm_size=self.min_arm_size)
        if (outcome == outcome[0]).all():
            raise ValueError(
                f"y is {outcome[0]:g} for all {len(outcome):,} customers; a constant outcome shows no effect"
            )
        known = read_propensity(propensity, arms=arms)
        self.arms_ = arms.treated
        self.control_ = arms.labels[0]
        self.n_customers_ = len(outcome)
        with threads_for(len(outcome)):
            self._fit(Sample(X, outcome, arms, known, seen_shares=propensity is None))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted change in outcome that each arm makes, in the outcome's unit.

        Returns
        -------
        ndarray, (n,) for two arms, else (n, n_arms - 1) in the order of ``arms_``
        """
        check_is_fitted(self)
        if hasattr(X, "iloc"):
            require_columns(X)
            validate_data(self, X, reset=False, skip_check_array=True)
        else:
            X = validate_data(self, X, reset=False, ensure_all_finite="allow-nan")
        with threads_for(len(X)):
            effects = self._effects(X)
        return effects[:, 0] if len(self.arms_) == 1 else effects

    @abstractmethod
    def _fit(self, sample: Sample) -> None:
        """Learn from checked input."""

    @abstractmethod
    def _effects(self, X: Any) -> np.ndarray:
        """Return the effect of each treated arm, (n, n_arms - 1)."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        models = (getattr(self, name, None) for name in ("outcome_model", "effect_model", "propensity_model"))
        # Missing covariates are taken if the models take them; the default ones do.
        tags.input_tags.allow_nan = all(
            get_tags(model).input_tags.allow_nan for model in models if hasattr(model, "fit")
        )
        tags.target_tags.required = True
        return tags

    def _outcome_model(self, n: int) -> Any:
        model = self.outcome_model
        if model is None:
            return defaults.outcome_model(n, random_state=self.random_state)
        if not (is_regressor(model) or is_classifier(model)):
            raise ValueError(f"outcome_model is {type(model).__name__}; a regressor or classifier is needed")
        return model

    def _effect_model(self, n: int) -> Any:
        model = self.effect_model
        if model is None:
            return defaults.effect_model(n, random_state=self.random_state)
        if isinstance(model, str) and model == ROUGH:
            return defaults.rough_effect_model(n, random_state=self.random_state)
        if isinstance(model, str) or not is_regressor(model):
            shown = repr(model) if isinstance(model, str) else type(model).__name__
            raise ValueError(f"effect_model is {shown}; a regressor is needed, or {ROUGH!r}")
        return model

    def _folds(self, arms: Arms) -> np.ndarray:
        return folds_by_arm(arms, n_folds=self.n_folds, random_state=self.random_state)

    def _propensity(self, sample: Sample, fold: np.ndarray) -> np.ndarray:
        """Estimate the propensities if there is a model and none were given; keep them in ``propensity_``."""
        self.n_clipped_ = 0
        self.propensity_ = sample.propensity
        if self.propensity_model is not None and sample.seen_shares:
            self.propensity_, self.n_clipped_ = estimate_propensity(
                self.propensity_model, sample.X, sample.arms, fold=fold, bounds=self.propensity_bounds
            )
        return self.propensity_


def is_same_for_all(propensity: np.ndarray) -> bool:
    """Tell a campaign randomised in one ratio from one whose ratio varies over customers."""
    return bool(propensity.strides[0] == 0 or (propensity == propensity[0]).all())


def predict_from_part(
    learner: UpliftLearner,
    X: Any,
    y: np.ndarray,
    treatment: Any,
    *,
    X_new: Any,
    propensity: np.ndarray | None,
    control: Any,
    n_effects: int = 1,
) -> np.ndarray:
    """Fit a clone to some of the customers and predict others, (n_new, n_effects).

    A rare outcome may be constant among some, though not among all: they show no effect, which is no reason to stop.
    """
    if (y == y[0]).all():
        return np.zeros((len(X_new), n_effects))
    fitted = clone(learner).fit(X, y, treatment, propensity=propensity, control=control)
    return np.asarray(fitted.predict(X_new)).reshape(len(X_new), n_effects)


def require_columns(X: Any) -> None:
    """Refuse a single column in the place of a table."""
    if X.ndim != 2:
        raise ValueError(f"X has shape {X.shape}; a table with one column a covariate, (n, n_features), is needed")
