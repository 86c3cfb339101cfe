"""The gap split over levers, months and branches, in whole customers and currency units that add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.findings import SpokenError, Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.apportionment import largest_remainder
from helpers.models.forecast import close_gap
from helpers.models.forecast.aum import LEVERS as AUM_LEVERS
from helpers.models.forecast.levers import GapPlan
from helpers.models.forecast.mau import LEVERS as MAU_LEVERS
from helpers.steps.goals.projections import Projection
from helpers.steps.goals.targets import Target

OTHER = "other"
UNASSIGNED = "unassigned"


@dataclass(frozen=True)
class Split:
    """A goal's gap and who closes it.

    Attributes
    ----------
    projection, target : Projection, Target
    gap : int
        Target less the projection at the horizon, at least 0: what has to be added.
    surplus : int
        Projection less target where the target lies below it, else 0.
    plan : GapPlan or None
        None where nothing could be projected.
    levers : DataFrame
        ``lever``, ``lever_gap`` (whole units, adds up to the gap), ``lever_gap_share``, ``lever_room`` (what the lever
        alone would add at its good months' level).
    milestones : DataFrame
        ``month``, ``projected``, ``milestone``, ``milestone_lift`` (cumulative), ``milestone_lift_in_month`` (adds up
        to the gap).
    """

    projection: Projection
    target: Target
    gap: int
    surplus: int
    plan: GapPlan | None
    levers: pd.DataFrame
    milestones: pd.DataFrame

    @property
    def metric(self) -> str:
        """``mau`` or ``aum``."""
        return self.projection.metric

    @property
    def goal(self) -> dict[str, Any]:
        """Target and milestones as :func:`helpers.reporting.plots.growth.projection` draws them."""
        return {"target": self.target.value, "milestones": self.milestones}


def split_gap(projection: Projection, target: Target, *, stretch_quantile: float = 0.8) -> Split:
    """Split the gap between projection and target over levers and months.

    Every lever is asked to go the same part of the way from its present level to what it reached in its own good months
    (``stretch_quantile`` of the recent ones); what each adds is its Shapley value in the projection. The months follow
    the projection's own path under these levels, so the first months carry less than the last. Where even five times
    that way is not enough, the proportions at that point are used and the finding says that the target is out of reach.

    Parameters
    ----------
    projection : Projection
    target : Target
    stretch_quantile : float
        From 0.5 to 1; which of its own months a lever is measured by.

    Returns
    -------
    Split
    """
    if not 0.5 <= stretch_quantile <= 1:
        raise SpokenError(
            Text(
                f"stretch_quantile must lie between 0.5 and 1, not {stretch_quantile!r}",
                f"stretch_quantile 应在 0.5 到 1 之间，现为 {stretch_quantile!r}",
            )
        )
    levers = list(MAU_LEVERS if projection.metric == "mau" else AUM_LEVERS)
    if not projection.is_possible:
        empty = pd.DataFrame({"lever": levers, "lever_gap": 0, "lever_gap_share": np.nan, "lever_room": np.nan})
        none = pd.DataFrame(columns=["month", "projected", "milestone", "milestone_lift", "milestone_lift_in_month"])
        return Split(projection, target, 0, 0, None, empty, none)
    model, horizon = projection.model, projection.horizon_months
    plan = close_gap(model, target=target.value, horizon_months=horizon, stretch_quantile=stretch_quantile)
    base = model.project(horizon)
    difference = int(target.value) - round(float(base[-1]))
    gap = max(difference, 0)
    weights = [max(plan.shares[lever], 0.0) for lever in levers]
    heads = largest_remainder(gap, weights)
    table = pd.DataFrame({"lever": levers, "lever_gap": heads})
    table["lever_gap_share"] = table["lever_gap"] / gap if gap else np.nan
    table["lever_room"] = [plan.rooms[lever] for lever in levers]
    return Split(
        projection, target, gap, max(-difference, 0), plan, table, _milestones(projection, base, plan.path, gap)
    )


def milestone_table(mau: Split, aum: Split) -> pd.DataFrame:
    """Put the monthly milestones of both goals side by side.

    Returns
    -------
    DataFrame, one row a month ahead
        ``month``, then for each goal (``mau_``, ``aum_``): ``projected``, ``lift`` (to be added by then), ``milestone``.
    """
    parts = []
    for split in (mau, aum):
        table = split.milestones[["month", "projected", "milestone_lift", "milestone"]]
        parts.append(
            table.set_axis(["month", *(f"{split.metric}_{c}" for c in ("projected", "lift", "milestone"))], axis=1)
        )
    return parts[0].merge(parts[1], on="month", how="outer").sort_values("month", ignore_index=True)


def driver_table(mau: Split, aum: Split) -> pd.DataFrame:
    """List the drivers of both goals: level now, level in good months, level asked.

    Returns
    -------
    DataFrame, one row a driver
        ``goal``, ``lever``, ``driver``, ``level``, ``stretch``, ``asked`` (shares a month, customers a month, or money a
        month, by driver).
    """
    parts = [split.plan.levers.assign(goal=split.metric) for split in (mau, aum) if split.plan is not None]
    columns = ["goal", "lever", "driver", "level", "stretch", "asked"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def branch_split(
    mau: Split, aum: Split, *, pools: pd.DataFrame, factors: pd.DataFrame, min_group_size: int = MIN_GROUP_SIZE
) -> pd.DataFrame:
    """Split both gaps over the branches, lever by lever, by the customers and assets that each lever works on.

    New customers are asked in proportion to a branch's own newcomers, activation to those never active and newcomers,
    retention to its active customers, win-back to its silent ones; new money and keeping balances to its assets, first
    assets to its active customers without any.

    Parameters
    ----------
    mau, aum : Split
    pools : DataFrame (:func:`helpers.metrics.activity.activity_pools`, by branch)
    factors : DataFrame (:func:`helpers.metrics.assets.asset_factors`, by branch)
        Its last month is used.
    min_group_size : int
        Branches with fewer customers are put together as “other”, and where they are too few even together, with
        the next smallest branch.

    Returns
    -------
    DataFrame, one row a branch, largest first, the last one ``other`` if there is any
        ``branch``, ``customers``, a column for each lever (whole customers; whole currency units), ``gap_mau``,
        ``gap_aum``. Every lever's column adds up to the lever's share of the gap, the totals to the gaps.
    """
    if isinstance(min_group_size, bool) or not isinstance(min_group_size, int) or min_group_size < 1:
        raise SpokenError(
            Text(
                f"min_group_size must be a whole number of at least 1, not {min_group_size!r}",
                f"min_group_size 应为不小于 1 的整数，现为 {min_group_size!r}",
            )
        )
    if not len(pools):
        return pd.DataFrame(columns=["branch", "customers", *MAU_LEVERS, *AUM_LEVERS, "gap_mau", "gap_aum"])
    pools = _merge_small(_with_assets(pools, factors), min_group_size)
    basis = {
        "acquire": pools["recently_new"],
        "activate": pools["never_active"] + pools["recently_new"],
        "retain": pools["active"],
        "resurrect": pools["sleepers"],
        "new_money": pools["aum"],
        "keep_balances": pools["aum"],
        "penetration": pools["active_without_assets"],
    }
    table = pools[["branch", "customers"]].copy()
    for split in (mau, aum):
        for lever, gap in split.levers[["lever", "lever_gap"]].itertuples(index=False):
            table[lever] = largest_remainder(int(gap), basis[lever].to_list())
    table["gap_mau"] = table[list(MAU_LEVERS)].sum(axis=1)
    table["gap_aum"] = table[list(AUM_LEVERS)].sum(axis=1)
    return table


def _with_assets(pools: pd.DataFrame, factors: pd.DataFrame) -> pd.DataFrame:
    pools = pools.assign(branch=pools["branch"].fillna(UNASSIGNED))
    last = factors[factors["month"] == factors["month"].max()] if len(factors) else factors
    money = last.assign(branch=last["branch"].fillna(UNASSIGNED))
    held = money.groupby("branch")["aum"].sum()
    active = money[money["is_active"].astype(bool)]
    without = (active["customers"] - active["holders"]).groupby(active["branch"]).sum()
    pools["aum"] = pools["branch"].map(held).fillna(0.0).astype(float)
    pools["active_without_assets"] = pools["branch"].map(without).fillna(0).astype("int64")
    return pools


def _merge_small(pools: pd.DataFrame, min_group_size: int) -> pd.DataFrame:
    pools = pools.reset_index(drop=True)
    small = pools["customers"] < min_group_size
    if not small.any() or len(pools) == 1:
        return pools
    if not small.all() and pools.loc[small, "customers"].sum() < min_group_size:
        # “Other” would be a small group itself, a single branch even: the next smallest joins it.
        small[pools.loc[~small, "customers"].idxmin()] = True
    rest = pools[small].drop(columns="branch").sum().to_frame().T.assign(branch=OTHER)
    merged = pd.concat([pools[~small], rest[pools.columns]], ignore_index=True)
    return merged.astype({c: pools[c].dtype for c in pools.columns if c != "branch"})


def _milestones(projection: Projection, base: np.ndarray, path: np.ndarray, gap: int) -> pd.DataFrame:
    future = projection.table[projection.table["is_projected"]]
    lift = np.maximum(path - base, 0.0)
    if lift[-1] <= 0:
        # No lever has moved before: nothing is known of the shape, the months carry equal parts.
        lift = np.arange(1, len(base) + 1, dtype=float)
    steps = largest_remainder(gap, np.maximum(np.diff(lift, prepend=0.0), 0.0))
    table = pd.DataFrame({"month": future["month"].to_list(), "projected": np.rint(base).astype("int64")})
    table["milestone_lift_in_month"] = steps
    table["milestone_lift"] = np.cumsum(steps)
    table["milestone"] = table["projected"] + table["milestone_lift"]
    return table[["month", "projected", "milestone", "milestone_lift", "milestone_lift_in_month"]]
