"""Charts of retention: curves with bands and numbers at risk, hazard ratios, causes, projections, calibration, money."""

from helpers.reporting.plots.retention.curves import (
    plot_cumulative_incidence,
    plot_money_kept,
    plot_projection,
    plot_restricted_means,
    plot_survival_curves,
)
from helpers.reporting.plots.retention.hazards import plot_hazard_ratios, plot_period_hazards
from helpers.reporting.plots.retention.warning import plot_calibration, plot_lift

__all__ = [
    "plot_calibration",
    "plot_cumulative_incidence",
    "plot_hazard_ratios",
    "plot_lift",
    "plot_money_kept",
    "plot_period_hazards",
    "plot_projection",
    "plot_restricted_means",
    "plot_survival_curves",
]
