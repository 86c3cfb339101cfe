"""What an uplift estimate needs besides the effect: expected outcomes and propensities, predicted out of fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.dummy import DummyRegressor
from sklearn.utils import _safe_indexing, check_random_state

from helpers.models.uplift.arms import Arms, is_count

PROPENSITY_BOUNDS = (0.01, 0.99)  # estimates are clipped to these, or a few customers would outweigh all others


def rows(X: Any, where: np.ndarray) -> Any:
    """Return some rows of a frame or an array, by mask or place."""
    return _safe_indexing(X, np.flatnonzero(where) if where.dtype == bool else where)


def folds_by_arm(arms: Arms, *, n_folds: int, random_state: Any) -> np.ndarray:
    """Deal the customers into folds so that each fold has each arm in its share; returns the fold of each, (n,)."""
    smallest = int(arms.counts.min())
    if not is_count(n_folds) or n_folds < 2 or n_folds > smallest:
        raise ValueError(
            f"n_folds is {n_folds!r}; it must lie between 2 and the size of the smallest arm ({smallest:,})"
        )
    random = check_random_state(random_state)
    fold = np.empty(len(arms.code), dtype=np.int8)
    for arm in range(arms.n_arms):
        members = np.flatnonzero(arms.code == arm)
        fold[random.permutation(members)] = np.arange(len(members)) % n_folds
    return fold


def fit_mean(model: Any, X: Any, y: np.ndarray, *, name: str, sample_weight: np.ndarray | None = None) -> Any:
    """Fit a clone of a regressor or classifier to the outcome; a constant where there is nothing to learn."""
    if is_classifier(model) and not np.isin(y, (0.0, 1.0)).all():
        raise ValueError(
            f"{name} is a classifier ({type(model).__name__}), but the outcome has values other than 0 and 1; "
            "give a regressor"
        )
    if (y == y[0]).all():
        return DummyRegressor(strategy="constant", constant=float(y[0])).fit(X, y)
    fitted = clone(model)
    target = y.astype(int) if is_classifier(model) else y
    if sample_weight is None:
        return fitted.fit(X, target)
    try:
        return fitted.fit(X, target, sample_weight=sample_weight)
    except TypeError as error:
        if "sample_weight" not in str(error):
            raise
        raise ValueError(
            f"{name} is {type(model).__name__}, whose fit takes no sample_weight; propensities vary over customers, so "
            "a model that takes one is needed"
        ) from None


def predict_mean(fitted: Any, X: Any) -> np.ndarray:
    """Return the expected outcome, (n,): the probability of 1 from a classifier, else the prediction."""
    if is_classifier(fitted):
        return np.asarray(fitted.predict_proba(X))[:, 1].astype(float)
    return np.asarray(fitted.predict(X), dtype=float).reshape(-1)


def out_of_fold(
    model: Any, X: Any, y: np.ndarray, *, fold: np.ndarray, name: str, learn_from: np.ndarray | None = None
) -> np.ndarray:
    """Predict each customer's outcome by a model that has not seen the customer.

    Parameters
    ----------
    learn_from : ndarray of bool, (n,), optional
        Customers that the models may learn from (an arm, say); all are predicted.

    Returns
    -------
    ndarray, (n,)
    """
    predicted = np.empty(len(y))
    for k in np.unique(fold):
        train = fold != k if learn_from is None else (fold != k) & learn_from
        held = fold == k
        predicted[held] = predict_mean(fit_mean(model, rows(X, train), y[train], name=name), rows(X, held))
    return predicted


def estimate_propensity(
    model: Any, X: Any, arms: Arms, *, fold: np.ndarray, bounds: tuple[float, float]
) -> tuple[np.ndarray, int]:
    """Estimate each customer's probability of each arm out of fold, and clip it.

    Returns
    -------
    ndarray, (n, n_arms)
        Control first; each row sums to 1.
    int
        Customers of whom a probability was outside ``bounds`` before clipping.
    """
    low, high = bounds
    if not 0 < low < high < 1:
        raise ValueError(f"propensity_bounds is {bounds}; two numbers with 0 < low < high < 1 are needed")
    if not is_classifier(model):
        raise ValueError(f"propensity_model is {type(model).__name__}; a classifier is needed")
    table = np.empty((len(arms.code), arms.n_arms))
    for k in np.unique(fold):
        held = fold == k
        fitted = clone(model).fit(rows(X, ~held), arms.code[~held])
        table[held] = np.asarray(fitted.predict_proba(rows(X, held)))
    n_clipped = int(((table < low) | (table > high)).any(axis=1).sum())
    table = np.clip(table, low, high)
    return table / table.sum(axis=1, keepdims=True), n_clipped


def overlap(propensity: np.ndarray, treatment: Any, *, control: Any = 0, n_bins: int = 20) -> pd.DataFrame:
    """Show how far the arms share customers of the same propensity.

    Where one arm has nobody, the effect is a guess by the model; a randomised campaign has one bar.

    Parameters
    ----------
    propensity : ndarray, (n,) or (n, n_arms)
        As given to, or estimated by (``propensity_``), a learner.
    treatment : array-like, (n,)
        Arms; ``control`` names the arm without the campaign.
    n_bins : int
        Bins of equal width from 0 to 1.

    Returns
    -------
    DataFrame
        ``arm`` (whose probability), ``propensity_from``, ``propensity_to``, ``n_in_arm``, ``n_control``: counts of
        customers of the arm and of the control whose probability of the arm lies in the bin.

    Examples
    --------
    >>> overlap(np.array([0.2, 0.3, 0.2, 0.3]), [0, 0, 1, 1], n_bins=2)
      arm  propensity_from  propensity_to  n_in_arm  n_control
    0   1              0.0            0.5         2          2
    1   1              0.5            1.0         0          0
    """
    from helpers.models.uplift.arms import read_arms, read_propensity

    if not is_count(n_bins) or n_bins < 1:
        raise ValueError(f"n_bins is {n_bins!r}; at least 1 is needed")
    arms = read_arms(treatment, n=len(np.asarray(treatment)), control=control)
    table = read_propensity(propensity, arms=arms)
    edges = np.linspace(0, 1, n_bins + 1)
    parts = []
    for arm, label in enumerate(arms.treated, start=1):
        count = [np.histogram(table[arms.code == code, arm], bins=edges)[0] for code in (arm, 0)]
        parts.append(
            pd.DataFrame(
                {
                    "arm": str(label),
                    "propensity_from": edges[:-1],
                    "propensity_to": edges[1:],
                    "n_in_arm": count[0],
                    "n_control": count[1],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
