"""The models that learners use unless told otherwise: gradient boosting, shrunk for effects.

An effect varies less over customers than the outcome does and is seen through far more noise, so its model has
few leaves. The numbers come from ``benchmarks/tune_uplift_defaults.py``.
"""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingRegressor


def outcome_model(n: int, *, random_state: int | None = 0) -> HistGradientBoostingRegressor:
    """Return the default model of the expected outcome for ``n`` customers.

    Squares rather than log-loss for a binary outcome too: the same mean is estimated and the trees cost half.
    """
    return HistGradientBoostingRegressor(
        learning_rate=0.15,
        max_iter=50,
        max_leaf_nodes=12,
        min_samples_leaf=max(20, n // 2000),
        early_stopping=False,
        random_state=random_state,
    )


def effect_model(n: int, *, random_state: int | None = 0) -> HistGradientBoostingRegressor:
    """Return the default model of the effect for ``n`` customers."""
    return HistGradientBoostingRegressor(
        learning_rate=0.1,
        max_iter=60,
        max_leaf_nodes=4,
        min_samples_leaf=max(50, n // 500),
        early_stopping=False,
        random_state=random_state,
    )
