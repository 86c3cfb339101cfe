"""The budget of next month: history, curves, and the three splits."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from helpers.findings import SpokenError, Text
from helpers.metrics.channels import read_channels
from helpers.models import allocation


@dataclass(frozen=True)
class BudgetPlan:
    """What is known of the channels' response, and the split that it asks for.

    Attributes
    ----------
    budget : float
        Money for the month.
    history, curves : DataFrame or None
        Months and fitted curves; None without a table of acquisitions.
    splits, comparison : DataFrame or None
        See :func:`helpers.models.allocation.compare`; None where no channel's history can tell.
    """

    budget: float
    history: pd.DataFrame | None = None
    curves: pd.DataFrame | None = None
    splits: pd.DataFrame | None = None
    comparison: pd.DataFrame | None = None


def split_budget(history: pd.DataFrame | None, *, monthly_budget: float, reach: float) -> BudgetPlan:
    """Fit the curves and split the budget.

    Parameters
    ----------
    history : DataFrame or None
        As :func:`helpers.metrics.acquisition.monthly_response` returns it.
    monthly_budget : float
        Money for the month; 0: as much as last month.
    reach : float
        Most that a channel may get, as a multiple of its dearest month.

    Raises
    ------
    ValueError
        If ``reach`` is not positive.
    """
    if not reach > 0:
        raise SpokenError(Text(f"reach should be positive, not {reach!r}", f"reach 应大于 0，现为 {reach!r}"))
    if history is None:
        return BudgetPlan(monthly_budget)
    last = last_spend(history)
    budget = monthly_budget or float(last.sum())
    if history.empty:
        return BudgetPlan(budget, history)
    fitted = allocation.fit_response(history)
    if not fitted.table["known"].any():
        return BudgetPlan(budget, history, fitted.table)
    splits, comparison = allocation.compare(fitted, budget, last, reach=reach, capacity=activated_capacity(history))
    return BudgetPlan(budget, history, fitted.table, splits, comparison)


def activated_capacity(history: pd.DataFrame) -> pd.Series:
    """Return the activated customers a month that a channel can carry: its capacity in registrations × its activation.

    Channels whose capacity the catalogue doesn't know, or counts in contacts, have none.
    """
    sums = history.groupby("channel")[["n_registered", "n_activated"]].sum()
    share = (sums["n_activated"] / sums["n_registered"].where(sums["n_registered"] > 0)).dropna()
    known = {
        slug: channel.capacity_per_month * share[slug]
        for slug, channel in read_channels().items()
        if channel.capacity_per_month is not None and channel.unit_cost.per == "registration" and slug in share.index
    }
    return pd.Series(known, dtype=float)


def last_spend(history: pd.DataFrame) -> pd.Series:
    """Return the last whole month's spend by channel."""
    if history.empty:
        return pd.Series(dtype=float)
    return history[history["month"] == history["month"].max()].set_index("channel")["spend"]
