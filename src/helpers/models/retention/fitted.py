"""A model is asked only after it was fitted."""

from __future__ import annotations


def check_fitted(model: object, attribute: str) -> None:
    """Raise scikit-learn's NotFittedError where ``fit`` has not set the attribute yet."""
    if attribute not in vars(model):
        from sklearn.exceptions import NotFittedError

        raise NotFittedError(f"this {type(model).__name__} is not fitted yet; call fit first")
