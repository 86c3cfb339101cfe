"""Charts of step 1: activity, assets, lifecycle, projection and plan."""

from helpers.reporting.plots.growth.activity import active_days, lifecycle, mau_bridge, transitions, usage
from helpers.reporting.plots.growth.assets import aum_bridge, aum_split
from helpers.reporting.plots.growth.plan import levers, projection

__all__ = [
    "active_days",
    "aum_bridge",
    "aum_split",
    "levers",
    "lifecycle",
    "mau_bridge",
    "projection",
    "transitions",
    "usage",
]
