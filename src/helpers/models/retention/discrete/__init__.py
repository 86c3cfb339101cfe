"""Discrete-time hazards: counted cells of customers and periods, and the logistic regression on them."""

from helpers.models.retention.discrete.model import DiscreteHazard

__all__ = ["DiscreteHazard"]
