"""Which learner to trust, if any: candidates judged on customers that they have not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.utils.validation import _num_samples

from helpers.models.uplift import defaults
from helpers.models.uplift.arms import (
    MIN_ARM_SIZE,
    Arms,
    read_alpha,
    read_arms,
    read_outcome,
    read_propensity,
    require_arm_size,
)
from helpers.models.uplift.learner import ROUGH, UpliftLearner, predict_from_part, require_columns
from helpers.models.uplift.learners import ConstantEffect, DRLearner, RLearner, SLearner, TLearner, XLearner
from helpers.models.uplift.nuisances import PROPENSITY_BOUNDS, estimate_propensity, folds_by_arm, out_of_fold, rows
from helpers.models.uplift.policy import read_cost
from helpers.models.uplift.scores import doubly_robust_scores
from helpers.models.uplift.threads import threads_for

CRITERIA = ("dr_loss", "policy_value")
CONSTANT = "constant"


@dataclass(frozen=True)
class LearnerChoice:
    """What the cross-validation found.

    Attributes
    ----------
    name : str
        Chosen candidate; ``constant`` where none beats the same effect for everybody.
    learner : UpliftLearner
        The chosen candidate, fitted to all customers.
    heterogeneous : bool
        False says: no heterogeneity that we can use.
    table : DataFrame, one row a candidate
        ``candidate``, ``score`` (mean loss, or value per customer), ``improvement`` on the constant (positive is
        better), ``se``, ``lower``, ``upper`` of the improvement, ``from_differences`` (what is left of it when the
        candidate's mean level is set to the constant's) with ``from_differences_se``, ``n``, ``chosen``.
    criterion : str
    out_of_fold : ndarray, (n,) or (n, n_arms - 1)
        The chosen candidate's predictions for customers that it had not seen: what curves and calibration need.
    expected_outcomes : ndarray, (n, n_arms)
        Expected outcome under each arm, the control first, by models that had not seen the customer: what policy
        values and profit curves take to be less noisy, and the baseline of response groups.
    propensity : ndarray, (n, n_arms)
        Probability of each arm, the control first, that all candidates were held against: as given, estimated out of
        fold, or the shares seen. Where it was estimated, curves, calibration and policy values need it too.
    """

    name: str
    learner: UpliftLearner
    heterogeneous: bool
    table: pd.DataFrame
    criterion: str
    out_of_fold: np.ndarray
    expected_outcomes: np.ndarray
    propensity: np.ndarray | None = None


def default_candidates() -> dict[str, UpliftLearner]:
    """Return the learners that are compared unless told otherwise, by name.

    The rough R-learner is for effects as strong as the noise, which the others shrink; where effects are faint it
    loses the comparison, so that all it costs there is a quarter more time.
    """
    return {
        CONSTANT: ConstantEffect(),
        "s_learner": SLearner(),
        "t_learner": TLearner(),
        "x_learner": XLearner(),
        "r_learner": RLearner(),
        "r_learner_rough": RLearner(effect_model=ROUGH),
        "dr_learner": DRLearner(),
    }


def choose_learner(
    X: Any,
    y: Any,
    treatment: Any,
    *,
    candidates: Mapping[str, UpliftLearner] | None = None,
    criterion: str = "dr_loss",
    propensity: Any = None,
    propensity_model: Any = None,
    control: Any = 0,
    outcome_model: Any = None,
    cost: Any = 0.0,
    n_folds: int = 5,
    min_improvement_se: float = 1.645,
    alpha: float = 0.05,
    random_state: int = 0,
) -> LearnerChoice:
    """Choose among candidates by cross-validation; the constant effect is always among them.

    Parameters
    ----------
    X, y, treatment, propensity, control
        As for ``fit`` of a learner.
    candidates : mapping from name to learner, optional
        Default: :func:`default_candidates` (constant, S, T, X, R, rough R and doubly robust learners).
    criterion : {"dr_loss", "policy_value"}
        ``dr_loss``: mean squared distance to the doubly robust score, the smaller the better. ``policy_value``: value
        per customer of treating where the prediction exceeds the cost.
    propensity_model : classifier, optional
        Estimates the propensities where none are given: once, out of fold, clipped to 0.01–0.99; scores, the constant
        effect and all candidates take them. For campaigns that were not drawn by lot.
    outcome_model : regressor or classifier, optional
        For the doubly robust scores, cross-fitted per arm.
    cost : float, mapping or (n,)
        Cost per customer treated, in the outcome's unit; read by ``policy_value``.
    n_folds : int
    min_improvement_se : float
        Standard errors by which a candidate must beat the constant, both as it is and with its mean level set to the
        constant's: a learner that shrinks everybody to no effect may be nearer without telling customers apart.
        1.645 is a one-sided 5 % a candidate.
    alpha : float
        For the intervals of the improvements.
    random_state : int

    Returns
    -------
    LearnerChoice

    Raises
    ------
    ValueError
        For an unknown criterion, no candidates, input that ``fit`` refuses, a candidate with a ``propensity_model``
        where neither ``propensity`` nor ``propensity_model`` is given here, or an arm so small that less than what
        ``fit`` needs would be left without one of the folds (13 customers for 5 folds).

    References
    ----------
    Schuler et al. (2018), arXiv:1804.05146; Saito and Yasui (2020), ICML; Mahajan et al. (2024), ICLR.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> X, treatment = random.normal(size=(2000, 2)), random.integers(0, 2, 2000)
    >>> y = X[:, 1] + treatment * (1 + 2 * X[:, 0]) + random.normal(size=2000)
    >>> choice = choose_learner(X, y, treatment, candidates={"r_learner": RLearner()}, n_folds=2)
    >>> choice.name, choice.heterogeneous
    ('r_learner', True)
    """
    if criterion not in CRITERIA:
        raise ValueError(f"criterion is {criterion!r}; it must be one of {', '.join(CRITERIA)}")
    named = dict(default_candidates() if candidates is None else candidates)
    if not named:
        raise ValueError("candidates is empty; at least one learner is needed")
    if hasattr(X, "iloc"):
        require_columns(X)
    named = {CONSTANT: named.pop(CONSTANT, ConstantEffect()), **named}
    if propensity is None and propensity_model is None:
        _require_drawn_by_lot(named)
    outcome = read_outcome(y)
    if len(outcome) != _num_samples(X):
        raise ValueError(f"y has {len(outcome):,} values, X {_num_samples(X):,} rows; they must agree")
    if len(outcome) and not np.ptp(outcome) > 0:
        raise ValueError(f"y is {outcome[0]:g} for all {len(outcome):,} customers; a constant outcome shows no effect")
    arms = read_arms(treatment, n=len(outcome), control=control, min_arm_size=MIN_ARM_SIZE)
    table = read_propensity(propensity, arms=arms)
    fold = folds_by_arm(arms, n_folds=n_folds, random_state=random_state)
    _require_training_parts(arms, named, n_folds)
    with threads_for(len(outcome)):
        if propensity is None and propensity_model is not None:
            table, _ = estimate_propensity(propensity_model, X, arms, fold=fold, bounds=PROPENSITY_BOUNDS)
            propensity = table
        expected = _expected_outcomes(X, outcome, arms, fold, outcome_model, random_state)
    scores = doubly_robust_scores(outcome, arms, propensity=table, outcomes=expected)
    predicted = _predictions(named, X, outcome, treatment, propensity, table, control, fold, arms)
    paid = read_cost(cost, arms=arms)
    summary = pd.DataFrame(
        [
            {"candidate": name}
            | _compare(effect, predicted[CONSTANT], scores, paid, fold, criterion, read_alpha(alpha))
            for name, effect in predicted.items()
        ]
    )
    rounding = 1e-9 * np.var(scores)  # what is below is arithmetic, not a gain
    beats = [
        (summary[gain] > min_improvement_se * summary[se]) & (summary[gain] > rounding)
        for gain, se in (("improvement", "se"), ("from_differences", "from_differences_se"))
    ]
    usable = summary[beats[0] & beats[1]]
    name = CONSTANT if usable.empty else str(usable.loc[usable["improvement"].idxmax(), "candidate"])
    summary["chosen"] = summary["candidate"] == name
    learner = clone(named[name]).fit(X, outcome, treatment, propensity=propensity, control=control)
    held_out = predicted[name][:, 0] if arms.n_arms == 2 else predicted[name]
    return LearnerChoice(name, learner, name != CONSTANT, summary, criterion, held_out, expected, table)


def _require_drawn_by_lot(named: Mapping[str, UpliftLearner]) -> None:
    """Refuse candidates that estimate propensities while the scores would take the arms as drawn by lot."""
    for name, learner in named.items():
        model = getattr(learner, "propensity_model", None)
        if model is not None:
            raise ValueError(
                f"candidates[{name!r}] has propensity_model={type(model).__name__}, but choose_learner has neither "
                "propensity nor propensity_model; give one of them, so that all candidates are judged by the same "
                "propensities"
            )


def _require_training_parts(arms: Arms, named: Mapping[str, UpliftLearner], n_folds: int) -> None:
    needed = max(getattr(learner, "min_arm_size", MIN_ARM_SIZE) for learner in named.values())
    least = needed
    while least - -(-least // n_folds) < needed:
        least += 1
    require_arm_size(arms, least, so_that=f"{needed} are left without one of n_folds={n_folds}")


def _expected_outcomes(
    X: Any, y: np.ndarray, arms: Arms, fold: np.ndarray, outcome_model: Any, random_state: int
) -> np.ndarray:
    """Predict each customer's outcome under each arm out of fold."""
    columns = []
    for arm, size in enumerate(arms.counts):
        model = defaults.outcome_model(int(size), random_state=random_state) if outcome_model is None else outcome_model
        columns.append(out_of_fold(model, X, y, fold=fold, name="outcome_model", learn_from=arms.code == arm))
    return np.column_stack(columns)


def _predictions(
    named: Mapping[str, UpliftLearner],
    X: Any,
    y: np.ndarray,
    treatment: Any,
    propensity: Any,
    table: np.ndarray,
    control: Any,
    fold: np.ndarray,
    arms: Arms,
) -> dict[str, np.ndarray]:
    label = np.asarray(treatment).reshape(-1)
    predicted = {name: np.empty((len(y), arms.n_arms - 1)) for name in named}
    for k in np.unique(fold):
        train, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        X_train, X_held = rows(X, train), rows(X, held)
        known = None if propensity is None else table[train]
        for name, learner in named.items():
            predicted[name][held] = predict_from_part(
                learner,
                X_train,
                y[train],
                label[train],
                X_new=X_held,
                propensity=known,
                control=control,
                n_effects=arms.n_arms - 1,
            )
    return predicted


def _loss(effect: np.ndarray, scores: np.ndarray, paid: np.ndarray, criterion: str) -> np.ndarray:
    if criterion == "dr_loss":
        return ((scores - effect) ** 2).mean(axis=1)
    extra = paid[:, 1:] - paid[:, :1]
    net = np.column_stack([np.zeros(len(effect)), effect - extra])
    worth = np.column_stack([np.zeros(len(effect)), scores - extra])
    return -worth[np.arange(len(effect)), net.argmax(axis=1)]


def _compare(
    effect: np.ndarray,
    constant: np.ndarray,
    scores: np.ndarray,
    paid: np.ndarray,
    fold: np.ndarray,
    criterion: str,
    alpha: float,
) -> dict[str, float]:
    """Hold one candidate against the constant, as it is and with its mean level in each fold set to the constant's."""
    loss, base = (_loss(one, scores, paid, criterion) for one in (effect, constant))
    level = np.empty_like(effect)
    for k in np.unique(fold):
        held = fold == k
        level[held] = (effect[held] - constant[held]).mean(axis=0)
    gain, from_differences = base - loss, base - _loss(effect - level, scores, paid, criterion)
    root, half = np.sqrt(len(gain)), stats.norm.ppf(1 - alpha / 2)
    mean, se = float(gain.mean()), float(gain.std(ddof=1) / root)
    return {
        "score": float(loss.mean() if criterion == "dr_loss" else -loss.mean()),
        "improvement": mean,
        "se": se,
        "lower": mean - half * se,
        "upper": mean + half * se,
        "from_differences": float(from_differences.mean()),
        "from_differences_se": float(from_differences.std(ddof=1) / root),
        "n": len(gain),
    }
