"""Uplift: whom a campaign moves, what that is worth, and when it can't be known."""

from helpers.models.uplift.allocation import best_policy
from helpers.models.uplift.arms import require_measured_before
from helpers.models.uplift.calibration import (
    CalibrationError,
    calibration_by_decile,
    calibration_test,
    require_calibration,
)
from helpers.models.uplift.choice import LearnerChoice, choose_learner, default_candidates
from helpers.models.uplift.coefficients import auuc, qini_coefficient
from helpers.models.uplift.curves import qini_curve, uplift_curve
from helpers.models.uplift.estimate import Estimate
from helpers.models.uplift.groups import response_groups
from helpers.models.uplift.intervals import uplift_intervals
from helpers.models.uplift.learners import (
    ConstantEffect,
    DRLearner,
    RLearner,
    SLearner,
    TLearner,
    XLearner,
)
from helpers.models.uplift.nuisances import overlap
from helpers.models.uplift.policy import policy_value
from helpers.models.uplift.profit import policy_curve
from helpers.models.uplift.sentences import calibration_finding, choice_finding, groups_finding, policy_finding
from helpers.models.uplift.toc import autoc, toc_curve

__all__ = [
    "CalibrationError",
    "ConstantEffect",
    "DRLearner",
    "Estimate",
    "LearnerChoice",
    "RLearner",
    "SLearner",
    "TLearner",
    "XLearner",
    "autoc",
    "auuc",
    "best_policy",
    "calibration_by_decile",
    "calibration_finding",
    "calibration_test",
    "choice_finding",
    "choose_learner",
    "default_candidates",
    "groups_finding",
    "overlap",
    "policy_curve",
    "policy_finding",
    "policy_value",
    "qini_coefficient",
    "qini_curve",
    "require_calibration",
    "require_measured_before",
    "response_groups",
    "toc_curve",
    "uplift_curve",
    "uplift_intervals",
]
