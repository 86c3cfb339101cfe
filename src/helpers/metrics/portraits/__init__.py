"""Portraits: how a segment differs from the whole base, when it is active, what it holds and takes."""

from helpers.metrics.portraits.benefits import benefits_taken
from helpers.metrics.portraits.hours import ALL, HOURS_DAYS, active_hours
from helpers.metrics.portraits.index import OTHER, tgi
from helpers.metrics.portraits.traits import AGE_EDGES, UNKNOWN, age_band, portrait, traits

__all__ = [
    "AGE_EDGES",
    "ALL",
    "HOURS_DAYS",
    "OTHER",
    "UNKNOWN",
    "active_hours",
    "age_band",
    "benefits_taken",
    "portrait",
    "tgi",
    "traits",
]
