"""Churn warning: features, scores and the model."""

from helpers.models.retention.warning.churn import ChurnWarning

__all__ = ["ChurnWarning"]
