"""Assets: month-end AUM, its growth accounting, and the factors behind it."""

from helpers.metrics.assets.balances import at_days, balance_days, customer_month_ends, held_on, new_money
from helpers.metrics.assets.bridge import aum_bridge, aum_by_month, aum_components
from helpers.metrics.assets.factors import asset_factors

__all__ = [
    "asset_factors",
    "at_days",
    "aum_bridge",
    "aum_by_month",
    "aum_components",
    "balance_days",
    "customer_month_ends",
    "held_on",
    "new_money",
]
