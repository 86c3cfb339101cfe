"""Uplift: whom a campaign moves, what that is worth, and when it can't be known."""

from helpers.models.uplift.arms import require_measured_before
from helpers.models.uplift.coefficients import autoc, auuc, qini_coefficient
from helpers.models.uplift.curves import qini_curve, uplift_curve
from helpers.models.uplift.estimate import Estimate
from helpers.models.uplift.learners import (
    ConstantEffect,
    DRLearner,
    RLearner,
    SLearner,
    TLearner,
    XLearner,
)
from helpers.models.uplift.nuisances import overlap

__all__ = [
    "ConstantEffect",
    "DRLearner",
    "Estimate",
    "RLearner",
    "SLearner",
    "TLearner",
    "XLearner",
    "autoc",
    "auuc",
    "overlap",
    "qini_coefficient",
    "qini_curve",
    "require_measured_before",
    "uplift_curve",
]
