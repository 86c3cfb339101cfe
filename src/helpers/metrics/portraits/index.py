"""The target group index: how much more frequent something is in a segment than in the base.

TGI = share in the segment ÷ share in the base × 100. The base contains the segment, so TGI is a function of the
ratio of the segment's share to that of everybody else alone, and its interval is that ratio's interval carried
over. A bar without one would call every small group special.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.shares import equal_shares_p_value, share_ratio

OTHER = "other"


def tgi(
    group: pd.Series,
    base: pd.Series,
    *,
    n_group: int,
    n_base: int,
    alpha: float = 0.05,
    min_group_size: int = MIN_GROUP_SIZE,
) -> pd.DataFrame:
    """Compare the shares of values in a segment and in the base that contains it.

    Parameters
    ----------
    group, base : Series of int
        Customers with each value, indexed by value; every customer of the segment is in the base too.
    n_group, n_base : int
        Customers in the segment and in the base.
    alpha : float
        1 minus the confidence level.
    min_group_size : int
        Values held by fewer customers of the base are joined into ``other``.

    Returns
    -------
    DataFrame, one row a value, largest TGI first
        ``value``, ``n_group``, ``n_base``, ``share_group``, ``share_base``, ``tgi`` (100 = as in the base), ``lower``,
        ``upper``, ``p_value`` (equal shares in the segment and outside it), ``p_adjusted`` (for the number of values,
        by Benjamini and Hochberg), ``is_distinct`` (the adjusted p-value is below ``alpha``).

    References
    ----------
    Interval: Donner and Zou (2012) for the ratio of the shares inside and outside; Benjamini and Hochberg (1995).

    Examples
    --------
    >>> table = tgi(pd.Series({"F": 80, "M": 20}), pd.Series({"F": 500, "M": 500}), n_group=100, n_base=1000)
    >>> table[["value", "tgi", "is_distinct"]].values.tolist()
    [['F', 160.0, True], ['M', 40.0, True]]
    """
    counts = pd.DataFrame({"n_group": group, "n_base": base}).fillna(0).astype(np.int64)
    if ((counts["n_group"] > counts["n_base"]).any()) or n_group > n_base:
        raise ValueError(
            "every customer of the segment must be in the base: some value is more frequent in the segment"
        )
    small = counts["n_base"] < min_group_size
    if small.any():
        rest = counts[small].sum()
        counts = counts[~small]
        # Joined values that are still too few stay out of sight; the shares of the others don't need them.
        if rest["n_base"] >= min_group_size:
            counts.loc[OTHER] = rest
    inside, total = counts["n_group"].to_numpy(dtype=float), counts["n_base"].to_numpy(dtype=float)
    outside, n_outside = total - inside, float(n_base - n_group)
    table = counts.rename_axis("value").reset_index()
    table["value"] = table["value"].astype(str)
    table["share_group"] = inside / n_group if n_group else np.nan
    table["share_base"] = total / n_base if n_base else np.nan
    if n_group and n_outside:
        _, low, high = share_ratio(inside, n_group, outside, n_outside, alpha=alpha)
        table["p_value"] = equal_shares_p_value(inside, n_group, outside, n_outside)
        weight = n_group / n_base
        table["tgi"] = 100 * table["share_group"] / table["share_base"]
        table["lower"], table["upper"] = _index(low, weight), _index(high, weight)
    else:
        # The segment is the base, or empty: there is nothing to compare.
        table["tgi"] = 100.0 if n_group else np.nan
        table["lower"] = table["upper"] = table["tgi"]
        table["p_value"] = 1.0
    table = with_adjusted(table, alpha)
    return table.sort_values(["tgi", "value"], ascending=[False, True], ignore_index=True)


def with_adjusted(table: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Adjust ``p_value`` for the number of rows (Benjamini–Hochberg) and mark the rows that surely differ."""
    adjusted = false_discovery_control(table["p_value"]) if len(table) else table["p_value"]
    return table.assign(p_adjusted=adjusted, is_distinct=adjusted < alpha)


def _index(ratio: np.ndarray, weight: float) -> np.ndarray:
    """TGI of a ratio of the shares inside and outside a segment that makes up ``weight`` of the base."""
    with np.errstate(divide="ignore"):
        return 100 / (weight + (1 - weight) / ratio)
