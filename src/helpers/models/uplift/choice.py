"""Which learner to trust, if any: candidates judged on customers that they have not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone

from helpers.models.uplift import defaults
from helpers.models.uplift.arms import MIN_ARM_SIZE, Arms, read_alpha, read_arms, read_outcome, read_propensity
from helpers.models.uplift.learner import UpliftLearner
from helpers.models.uplift.learners import ConstantEffect, DRLearner, RLearner, SLearner, TLearner, XLearner
from helpers.models.uplift.nuisances import folds_by_arm, out_of_fold, rows
from helpers.models.uplift.policy import read_cost
from helpers.models.uplift.scores import arm_scores

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
        better), ``se``, ``lower``, ``upper`` of the improvement, ``n``, ``chosen``.
    criterion : str
    out_of_fold : ndarray, (n,) or (n, n_arms - 1)
        The chosen candidate's predictions for customers that it had not seen: what curves and calibration need.
    """

    name: str
    learner: UpliftLearner
    heterogeneous: bool
    table: pd.DataFrame
    criterion: str
    out_of_fold: np.ndarray


def default_candidates() -> dict[str, UpliftLearner]:
    """Return the learners that are compared unless told otherwise, by name."""
    return {
        CONSTANT: ConstantEffect(),
        "s_learner": SLearner(),
        "t_learner": TLearner(),
        "x_learner": XLearner(),
        "r_learner": RLearner(),
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
    control: Any = 0,
    outcome_model: Any = None,
    cost: Any = 0.0,
    n_folds: int = 5,
    min_improvement_se: float = 1.0,
    alpha: float = 0.05,
    random_state: int = 0,
) -> LearnerChoice:
    """Choose among candidates by cross-validation; the constant effect is always among them.

    Parameters
    ----------
    X, y, treatment, propensity, control
        As for ``fit`` of a learner.
    candidates : mapping from name to learner, optional
        Default: constant, S, T, X, R and doubly robust learners.
    criterion : {"dr_loss", "policy_value"}
        ``dr_loss``: mean squared distance to the doubly robust score, the smaller the better. ``policy_value``: value
        per customer of treating where the prediction exceeds the cost.
    outcome_model : regressor or classifier, optional
        For the doubly robust scores, cross-fitted per arm.
    cost : float, mapping or (n,)
        Cost per customer treated, in the outcome's unit; read by ``policy_value``.
    n_folds : int
    min_improvement_se : float
        Standard errors by which a candidate must beat the constant; else the answer is the constant.
    alpha : float
        For the intervals of the improvements.
    random_state : int

    Returns
    -------
    LearnerChoice

    Raises
    ------
    ValueError
        For an unknown criterion, no candidates, or input that ``fit`` refuses.

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
    named = {CONSTANT: named.pop(CONSTANT, ConstantEffect()), **named}
    outcome = read_outcome(y)
    arms = read_arms(treatment, n=len(outcome), control=control, min_arm_size=MIN_ARM_SIZE)
    table = read_propensity(propensity, arms=arms)
    fold = folds_by_arm(arms, n_folds=n_folds, random_state=random_state)
    scores = _scores(X, outcome, arms, table, fold, outcome_model, random_state)
    predicted = _predictions(named, X, outcome, treatment, propensity, table, control, fold, arms)
    paid = read_cost(cost, arms=arms)
    losses = {name: _loss(effect, scores, paid, criterion) for name, effect in predicted.items()}
    summary = _summary(losses, fold, criterion=criterion, alpha=read_alpha(alpha))
    usable = summary[(summary["improvement"] > min_improvement_se * summary["se"]) & (summary["improvement"] > 0)]
    name = CONSTANT if usable.empty else str(usable.loc[usable["improvement"].idxmax(), "candidate"])
    summary["chosen"] = summary["candidate"] == name
    learner = clone(named[name]).fit(X, outcome, treatment, propensity=propensity, control=control)
    held_out = predicted[name][:, 0] if arms.n_arms == 2 else predicted[name]
    return LearnerChoice(name, learner, name != CONSTANT, summary, criterion, held_out)


def _scores(
    X: Any,
    y: np.ndarray,
    arms: Arms,
    table: np.ndarray,
    fold: np.ndarray,
    outcome_model: Any,
    random_state: int,
) -> np.ndarray:
    """Doubly robust score of each arm, the control's at 0."""
    model = (
        defaults.outcome_model(len(y) // arms.n_arms, random_state=random_state)
        if outcome_model is None
        else outcome_model
    )
    outcomes = np.column_stack(
        [
            out_of_fold(model, X, y, fold=fold, name="outcome_model", learn_from=arms.code == arm)
            for arm in range(arms.n_arms)
        ]
    )
    scores = arm_scores(y, arms, propensity=table, outcomes=outcomes)
    return scores[:, 1:] - scores[:, :1]


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
            fitted = clone(learner).fit(X_train, y[train], label[train], propensity=known, control=control)
            predicted[name][held] = np.asarray(fitted.predict(X_held)).reshape(len(held), -1)
    return predicted


def _loss(effect: np.ndarray, scores: np.ndarray, paid: np.ndarray, criterion: str) -> np.ndarray:
    if criterion == "dr_loss":
        return ((scores - effect) ** 2).mean(axis=1)
    extra = paid[:, 1:] - paid[:, :1]
    net = np.column_stack([np.zeros(len(effect)), effect - extra])
    worth = np.column_stack([np.zeros(len(effect)), scores - extra])
    return -worth[np.arange(len(effect)), net.argmax(axis=1)]


def _summary(losses: Mapping[str, np.ndarray], fold: np.ndarray, *, criterion: str, alpha: float) -> pd.DataFrame:
    base = losses[CONSTANT]
    z = stats.norm.ppf(1 - alpha / 2)
    lines = []
    for name, loss in losses.items():
        gain = base - loss
        se = float(gain.std(ddof=1) / np.sqrt(len(gain)))
        lines.append(
            {
                "candidate": name,
                "score": float(loss.mean() if criterion == "dr_loss" else -loss.mean()),
                "improvement": float(gain.mean()),
                "se": se,
                "lower": float(gain.mean() - z * se),
                "upper": float(gain.mean() + z * se),
                "n": len(fold),
            }
        )
    return pd.DataFrame(lines)
