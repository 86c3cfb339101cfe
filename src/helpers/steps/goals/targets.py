"""What is asked for: the two targets, given or derived from a growth share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from helpers.findings import SpokenError, Text
from helpers.steps.goals.projections import Projection


@dataclass(frozen=True)
class Target:
    """One goal's target.

    Attributes
    ----------
    metric : {"mau", "aum"}
    value : float
        Customers or money at the horizon.
    is_given : bool
        True if a person set it; False if it is the growth share over the last whole month.
    growth_share : float
        Growth over the last whole month that the target means (share; NaN if that month is 0).
    """

    metric: str
    value: float
    is_given: bool
    growth_share: float


def set_target(projection: Projection, *, target: float, growth_share: float) -> Target:
    """Return the target given, or the growth share over the last whole month where it is 0.

    Parameters
    ----------
    projection : Projection
    target : float
        Customers or money at the horizon; 0 derives it.
    growth_share : float
        Growth over the whole horizon, 0 to 1 (0.05 is 5 %); used where ``target`` is 0.

    Returns
    -------
    Target
        MAU is rounded up to whole customers, AUM to whole currency units.

    Raises
    ------
    ValueError
        If a value is negative, not a number, or the share is above 1.
    """
    name = projection.metric
    if isinstance(target, bool) or not math.isfinite(target) or target < 0:
        raise SpokenError(
            Text(
                f"target_{name} must be at least 0 (0: derived from {name}_growth_share), not {target!r}",
                f"target_{name} 应不小于 0（0 表示按 {name}_growth_share 推算），现为 {target!r}",
            )
        )
    if not 0 <= growth_share <= 1:
        raise SpokenError(
            Text(
                f"{name}_growth_share must be a share from 0 to 1 (0.05 is 5 %), not {growth_share!r}",
                f"{name}_growth_share 应为 0 到 1 之间的比例（0.05 即 5%），现为 {growth_share!r}",
            )
        )
    now = projection.now
    # A tiny step back keeps 9,000 × 1.05 from becoming 9,451 by the rounding of floats.
    value = float(target) if target > 0 else now * (1 + growth_share)
    value = float(math.ceil(value - 1e-6))
    return Target(name, value, target > 0, value / now - 1 if now else float("nan"))
