"""Covariates of a hazard model: read, checked by name, and laid out as columns of a design.

``covariates`` reads them, ``patterns`` counts those of few values together, ``rows`` goes through the others
block by block, ``checks`` refuses what can't be estimated, ``spells`` reads them with the customers' spells,
``summary`` tells what was.
"""

from helpers.models.retention.design.checks import check_collinear, check_flat, check_spread, separation_text
from helpers.models.retention.design.covariates import Covariate, Design
from helpers.models.retention.design.patterns import find_patterns
from helpers.models.retention.design.rows import DesignRows, standardise
from helpers.models.retention.design.spells import read_spells
from helpers.models.retention.design.summary import summary

__all__ = [
    "Covariate",
    "Design",
    "DesignRows",
    "check_collinear",
    "check_flat",
    "check_spread",
    "find_patterns",
    "read_spells",
    "separation_text",
    "standardise",
    "summary",
]
