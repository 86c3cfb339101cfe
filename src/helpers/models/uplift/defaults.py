"""The models that learners use unless told otherwise: gradient boosting, shrunk for effects.

An effect varies less over customers than the outcome does and is seen through far more noise, so its model has three
leaves a tree and few trees, more of them the more customers there are. The numbers come from
``benchmarks/tune_uplift_defaults.py``: five kinds of simulated campaigns, 3,000 to 100,000 customers; at each of these
sizes the error is on average 1 to 10 % above that of the best setting of the grid for each campaign. Larger sizes follow
the same power of ``n``. Effects as strong as the noise are shrunk too much: :func:`rough_effect_model` is for those, and a candidate of
``choose_learner``.
"""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingRegressor


def outcome_model(n: int, *, random_state: int | None = 0) -> HistGradientBoostingRegressor:
    """Return the default model of the expected outcome for ``n`` customers.

    Squares rather than log-loss for a binary outcome too: the same mean is estimated and the trees cost half.
    """
    return HistGradientBoostingRegressor(
        learning_rate=0.2,
        max_iter=_rounds(15, n, power=0.28, most=50),
        max_leaf_nodes=8,
        min_samples_leaf=max(20, n // 2000),
        early_stopping=False,
        random_state=random_state,
    )


def effect_model(n: int, *, random_state: int | None = 0) -> HistGradientBoostingRegressor:
    """Return the default model of the effect for ``n`` customers."""
    return HistGradientBoostingRegressor(
        learning_rate=0.1,
        max_iter=_rounds(5, n, power=0.5, most=100),
        max_leaf_nodes=3,
        min_samples_leaf=max(20, n // 100),
        early_stopping=False,
        random_state=random_state,
    )


def rough_effect_model(n: int, *, random_state: int | None = 0) -> HistGradientBoostingRegressor:
    """Return a model of the effect that hardly shrinks: what it sees beyond :func:`effect_model` is in doubt, not absent."""
    return HistGradientBoostingRegressor(
        learning_rate=0.1,
        max_iter=max(4 * _rounds(5, n, power=0.5, most=100), 60),
        max_leaf_nodes=6,
        min_samples_leaf=max(20, n // 200),
        early_stopping=False,
        random_state=random_state,
    )


def _rounds(at_3000: int, n: int, *, power: float, most: int) -> int:
    return int(min(max(round(at_3000 * (n / 3000) ** power), 3), most))
