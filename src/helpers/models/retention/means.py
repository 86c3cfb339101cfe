"""Mean days active up to a horizon (RMST), and differences between groups in days."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import ibis
import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from helpers.models.retention import columns as col
from helpers.models.retention.comparison import holm
from helpers.models.retention.counts import SpellCounts, collect
from helpers.models.retention.curves import KaplanMeier, check_watched
from helpers.models.retention.left_out import carry
from helpers.models.retention.maturity import at_horizon


def _means(counts: SpellCounts, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Area under each curve to the horizon, and its standard error."""
    km = KaplanMeier.of(counts)
    check_watched(counts, km.retained, horizon)
    inside = counts.times < horizon
    times = counts.times[inside].astype(float)
    retained = km.retained[:, inside]
    widths = np.diff(np.append(times, horizon))
    start = times[0] if len(times) else float(horizon)
    area = start + (retained * widths).sum(axis=1)
    # Area to the right of each time: what a lapse at that time costs.
    right = np.cumsum((retained * widths)[:, ::-1], axis=1)[:, ::-1]
    n, d = km.at_risk[:, inside], km.lapsed[:, inside]
    kept = np.maximum(n - d, 0.0)
    # Where all at risk lapse the area to the right is 0, and so is the term's limit.
    term = np.divide(d, n * kept, out=np.zeros_like(d), where=(n > 0) & (kept > 0) & (d > 0))
    return area, np.sqrt((right**2 * term).sum(axis=1))


def restricted_mean(
    spells: pd.DataFrame | ibis.Table,
    *,
    by: str | Sequence[str] | None = None,
    horizon_days: int,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Mean days active within the first ``horizon_days`` (restricted mean survival time).

    The area under the retention curve: needs no proportional hazards, and differences read in days.

    Parameters
    ----------
    spells, by, horizon_days, alpha
        As in :func:`survival_curves`.

    Returns
    -------
    DataFrame, one row a group
        The ``by`` columns; ``rmst_days``, ``se_days``, ``lower``, ``upper`` in days (normal interval, held
        inside 0 and the horizon); ``n`` (customers), ``n_eligible``, ``n_immature`` (state at the horizon
        known, not known).

    Raises
    ------
    KeyError, ValueError
        As in :func:`survival_curves`.

    References
    ----------
    Irwin (1949); Klein and Moeschberger (2003), 4.5; Royston and Parmar (2013), BMC Med. Res. Methodol.
    13:152.

    Examples
    --------
    >>> spells = pd.DataFrame({"days_active": [1, 2, 3, 4], "lapsed": [1, 1, 0, 0]})
    >>> restricted_mean(spells, horizon_days=3)["rmst_days"].tolist()
    [2.25]
    """
    horizon, alpha = col.check_horizon(horizon_days), col.check_alpha(alpha)
    counts = collect(spells, by=by)
    area, se = _means(counts, horizon)
    z = ndtri(1 - alpha / 2)
    eligible, immature = at_horizon(counts, horizon)
    table = pd.DataFrame(
        {
            **counts.frame(np.arange(len(counts.labels))),
            "rmst_days": area,
            "se_days": se,
            "lower": np.maximum(area - z * se, 0.0),
            "upper": np.minimum(area + z * se, float(horizon)),
            "n": eligible + immature,
            "n_eligible": eligible,
            "n_immature": immature,
        }
    )
    return carry(table, *counts.left_out, source=spells)


def restricted_mean_differences(
    spells: pd.DataFrame | ibis.Table, *, by: str | Sequence[str], horizon_days: int, alpha: float = 0.05
) -> pd.DataFrame:
    """How many days more (or fewer) one group stays active than another within the horizon, for every pair.

    Parameters
    ----------
    spells, by, horizon_days, alpha
        As in :func:`survival_curves`; at least two groups.

    Returns
    -------
    DataFrame, one row a pair
        ``group_a``, ``group_b`` (texts); ``difference_days`` (a minus b), ``se_days``, ``lower``,
        ``upper`` in days;
        ``p_value`` and ``p_adjusted`` (Holm over the pairs); ``n_a``, ``n_b`` customers; ``n_eligible``,
        ``n_immature`` (both groups together: state at the horizon known, not known).

    Raises
    ------
    ValueError
        Fewer than two groups, and as in :func:`survival_curves`.

    Examples
    --------
    >>> spells = pd.DataFrame({"days_active": [1, 2, 4, 4], "lapsed": [1, 1, 0, 0], "arm": list("aabb")})
    >>> table = restricted_mean_differences(spells, by="arm", horizon_days=4)
    >>> table[["group_a", "group_b", "difference_days"]].values.tolist()
    [['a', 'b', -2.5]]
    """
    horizon, alpha = col.check_horizon(horizon_days), col.check_alpha(alpha)
    counts = collect(spells, by=by)
    if len(counts.labels) < 2:
        raise ValueError(f"by must tell at least two groups apart; there is only {', '.join(counts.names())}")
    area, se = _means(counts, horizon)
    pairs = list(combinations(range(len(area)), 2))
    a, b = np.array(pairs).T
    names = counts.names()
    eligible, immature = at_horizon(counts, horizon)
    rows = eligible + immature
    difference, error = area[a] - area[b], np.hypot(se[a], se[b])
    z = ndtri(1 - alpha / 2)
    # Two groups without any lapse do not differ: 0 with no spread, p = 1.
    score = np.divide(difference, error, out=np.where(difference == 0, 0.0, np.inf), where=error > 0)
    p_value = 2 * ndtr(-np.abs(score))
    table = pd.DataFrame(
        {
            "group_a": [names[i] for i in a],
            "group_b": [names[i] for i in b],
            "difference_days": difference,
            "se_days": error,
            "lower": difference - z * error,
            "upper": difference + z * error,
            "p_value": p_value,
            "p_adjusted": holm(p_value),
            "n_a": rows[a],
            "n_b": rows[b],
            "n_eligible": eligible[a] + eligible[b],
            "n_immature": immature[a] + immature[b],
        }
    )
    return carry(table, *counts.left_out, source=spells)
