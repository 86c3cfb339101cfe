"""Projections of MAU and AUM with intervals, what their levers could add, and how they would have done before."""

from helpers.models.forecast.aum import AumProjection
from helpers.models.forecast.backtest import backtest_aum, backtest_mau, backtest_summary
from helpers.models.forecast.draws import Drivers
from helpers.models.forecast.levers import close_gap
from helpers.models.forecast.mau import MauProjection

__all__ = [
    "AumProjection",
    "Drivers",
    "MauProjection",
    "backtest_aum",
    "backtest_mau",
    "backtest_summary",
    "close_gap",
]
