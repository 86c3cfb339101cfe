"""Activity: DAU, WAU, MAU, stickiness, and the growth accounting of MAU."""

from helpers.metrics.activity.bridge import mau_bridge, steps_between
from helpers.metrics.activity.days import customer_days, customer_months
from helpers.metrics.activity.pools import activity_pools
from helpers.metrics.activity.usage import active_days_distribution, usage_by_month

__all__ = [
    "active_days_distribution",
    "activity_pools",
    "customer_days",
    "customer_months",
    "mau_bridge",
    "steps_between",
    "usage_by_month",
]
