"""How far each lever would have to move to close a gap, measured by its own good months."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from helpers.metrics.decomposition import shapley
from helpers.models.forecast.aum import BETTER_LOW, AumProjection
from helpers.models.forecast.aum import LEVERS as AUM_LEVERS
from helpers.models.forecast.draws import check_horizon
from helpers.models.forecast.mau import LEVERS as MAU_LEVERS
from helpers.models.forecast.mau import MauProjection

# Five times the way to the good months is beyond anything a plan should promise; the search stops there.
MAX_EFFORT = 5.0
_STEPS = 60


@dataclass(frozen=True)
class GapPlan:
    """How a gap could be closed.

    Attributes
    ----------
    gap : float
        Target less the central projection at the horizon; 0 or less: nothing has to be done.
    effort : float
        Part of the way from today's level to its good months that every lever has to go: 0 none, 1 all of it, above 1
        further than its own history; NaN if even ``MAX_EFFORT`` times the way is not enough.
    room : float
        What all levers together add at the horizon when every one runs at the level of its good months.
    rooms : dict of lever to float
        The same for each lever alone.
    levers : DataFrame
        ``lever``, ``driver``, ``level`` now, ``stretch`` (good months), ``asked``; a row a driver.
    shares : dict of lever to float
        What each lever adds at the horizon (Shapley value, sums to the gap where it can be closed).
    path : array, (horizon,)
        Projection with the asked levels.
    """

    gap: float
    effort: float
    room: float
    rooms: dict[str, float]
    levers: pd.DataFrame
    shares: dict[str, float]
    path: np.ndarray


def close_gap(
    model: MauProjection | AumProjection, *, target: float, horizon_months: int, stretch_quantile: float = 0.8
) -> GapPlan:
    """Find the common effort of all levers that carries the projection to a target, and what each contributes.

    A lever's room is the way from its present level to what it reached in its own good months
    (``stretch_quantile`` of the months); all levers go the same part of their way. The contributions are Shapley
    values of the projection itself, so the levers' joint effect (a new customer also has to be kept) is shared fairly
    and nothing is left over.

    Parameters
    ----------
    model : MauProjection or AumProjection, fitted
    target : float
        Customers or money at the horizon.
    horizon_months : int
    stretch_quantile : float
        From 0.5 to 1.

    Returns
    -------
    GapPlan
    """
    horizon = check_horizon(horizon_months)
    is_mau = isinstance(model, MauProjection)
    levers = MAU_LEVERS if is_mau else AUM_LEVERS
    level = model.drivers_.level
    good = model.drivers_.stretch(stretch_quantile, better_low=() if is_mau else BETTER_LOW)
    base = float(model.project(horizon)[-1])

    def drivers(effort: float, chosen: tuple[str, ...] = tuple(levers)) -> dict[str, float]:
        moved = level + effort * (good - level)
        return {driver: float(moved[driver]) for lever in chosen for driver in levers[lever]}

    def reach(effort: float) -> float:
        return float(model.project(horizon, drivers(effort))[-1])

    gap = float(target) - base
    effort = _effort(reach, float(target), base)
    used = effort if np.isfinite(effort) else MAX_EFFORT
    worth = shapley(
        dict.fromkeys(levers, 0.0),
        dict.fromkeys(levers, 1.0),
        value=lambda on: float(
            model.project(horizon, drivers(used, tuple(name for name, x in on.items() if x > 0)))[-1]
        ),
    )
    asked = drivers(used)
    rows = [
        (lever, driver, float(level[driver]), float(good[driver]), asked[driver])
        for lever, names in levers.items()
        for driver in names
    ]
    return GapPlan(
        gap=gap,
        effort=effort,
        room=reach(1.0) - base,
        rooms={lever: float(model.project(horizon, drivers(1.0, (lever,)))[-1]) - base for lever in levers},
        levers=pd.DataFrame(rows, columns=["lever", "driver", "level", "stretch", "asked"]),
        shares=dict(zip(worth["factor"], worth["effect"], strict=True)),
        path=model.project(horizon, asked),
    )


def _effort(reach: Callable[[float], float], target: float, base: float) -> float:
    """Bisect the effort: the projection never falls as the levers go further."""
    if target <= base:
        return 0.0
    if reach(MAX_EFFORT) < target:
        return float("nan")
    low, high = 0.0, MAX_EFFORT
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if reach(middle) < target:
            low = middle
        else:
            high = middle
    return high
