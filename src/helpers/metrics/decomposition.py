"""Splits a change over the factors of a product, exactly and without a residual: LMDI and Shapley.

A split says where a change lies in the arithmetic, never what caused it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

MAX_SHAPLEY_FACTORS = 8
COLUMNS = ["factor", "before", "after", "effect", "effect_share"]
# The chain behind AUM; the last two exist twice, for those active in the month and for the others.
ASSET_FACTORS = (
    "customers",
    "active_rate",
    "penetration_active",
    "penetration_inactive",
    "aum_per_holder_active",
    "aum_per_holder_inactive",
)
# An addend of its own where a bank nets overdrafts: a product of factors can't be negative.
OVERDRAFTS = "overdrafts"


def logarithmic_mean(a: float, b: float) -> float:
    """Mean between two positive numbers that turns differences of logarithms into differences: L(a,b)·ln(a/b) = a − b.

    Examples
    --------
    >>> logarithmic_mean(2.0, 2.0), round(logarithmic_mean(3.0, 2.0), 6)
    (2.0, 2.466303)
    """
    if a == b:
        return a
    if a <= 0 or b <= 0:
        return 0.0
    # log1p keeps the digits where a and b nearly agree; far apart, the quotient might not be a number any more.
    near = abs(a - b) < 0.5 * b
    return (a - b) / (math.log1p((a - b) / b) if near else math.log(a) - math.log(b))


def lmdi(before: Mapping[str, float], after: Mapping[str, float]) -> pd.DataFrame:
    """Split the change of a product over its factors by the additive logarithmic mean Divisia index.

    Zeros are taken to their limit: where the product starts or ends at 0, the whole change goes, in equal parts, to
    the factors that were 0.

    Parameters
    ----------
    before, after : mapping of factor to value
        The same factors, at least one, none negative; their product is the quantity.

    Returns
    -------
    DataFrame, one row a factor in the order of ``before``
        ``factor``, ``before``, ``after`` (each in its own unit), ``effect`` (unit of the product), ``effect_share`` (of
        the change; NaN if there is none). The effects add up to the change.

    Raises
    ------
    ValueError
        If the factors differ, are none, or one is negative or missing.

    References
    ----------
    Ang (2005), Energy Policy 33(7), 867–871; limits for zeros: Ang, Zhang and Choi (1998), Energy 23(6), 489–495.

    Examples
    --------
    >>> table = lmdi({"customers": 100.0, "aum_each": 10.0}, {"customers": 110.0, "aum_each": 12.0})
    >>> table["effect"].round(4).tolist(), round(float(table["effect"].sum()), 6)
    ([109.8551, 210.1449], 320.0)
    """
    _check(before, after)
    start, end = math.prod(before.values()), math.prod(after.values())
    effects = {factor: _effect(factor, before, after, start, end) for factor in before}
    return _table(before, after, effects, end - start)


def lmdi_groups(table: pd.DataFrame, *, factors: Sequence[str], period: str, by: Sequence[str]) -> pd.DataFrame:
    """Split the change of a sum of products: the split of each group, added up over the groups.

    Parameters
    ----------
    table : DataFrame, one row a period and group
        A group that is missing in one period counts as 0 there.
    factors : sequence of str
        Columns whose product is the group's quantity.
    period : str
        Column with exactly two values, the earlier one sorting first.
    by : sequence of str
        Columns that name a group.

    Returns
    -------
    DataFrame, one row a group and factor
        The ``by`` columns, ``factor``, ``before``, ``after``, ``effect``.

    Raises
    ------
    ValueError
        If ``period`` has not exactly two values, or a group stands twice in a period.
    """
    periods = sorted(table[period].unique())
    if len(periods) != 2:
        raise ValueError(f"{period} must have exactly two values, it has {len(periods)}")
    if table.duplicated([period, *by]).any():
        raise ValueError(f"a group of {', '.join(by)} stands twice in one {period}")
    keyed = table.set_index([period, *by])[list(factors)]
    groups = table[list(by)].drop_duplicates().itertuples(index=False, name=None)
    zero = dict.fromkeys(factors, 0.0)
    parts = []
    for group in groups:
        ends = [keyed.loc[(p, *group)].to_dict() if (p, *group) in keyed.index else zero for p in periods]
        part = lmdi(ends[0], ends[1]).drop(columns="effect_share")
        for position, column in enumerate(by):
            part.insert(position, column, group[position])
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def shapley(
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    value: Callable[[Mapping[str, float]], float] | None = None,
) -> pd.DataFrame:
    """Split the change of any function of factors by the Shapley value: the mean over all orders of changing them.

    Parameters
    ----------
    before, after : mapping of factor to value
        The same factors, at most 8 (the cost doubles with each).
    value : callable, optional
        ``value(factors) -> float``; the product by default. Ratios and sums are fine.

    Returns
    -------
    DataFrame
        As :func:`lmdi`.

    Raises
    ------
    ValueError
        If the factors differ, are none or too many.

    References
    ----------
    Shorrocks (2013), Journal of Economic Inequality 11(1), 99–126.

    Examples
    --------
    >>> shapley({"a": 2.0, "b": 3.0}, {"a": 3.0, "b": 5.0})["effect"].tolist()
    [4.0, 5.0]
    """
    _check(before, after, allow_negative=True)
    names = list(before)
    if len(names) > MAX_SHAPLEY_FACTORS:
        raise ValueError(f"at most {MAX_SHAPLEY_FACTORS} factors can be split, not {len(names)}: 2^n values are needed")
    total = value or (lambda factors: math.prod(factors.values()))
    worth = {
        changed: float(total({n: after[n] if n in changed else before[n] for n in names}))
        for size in range(len(names) + 1)
        for changed in map(frozenset, combinations(names, size))
    }
    n = len(names)
    effects = {}
    for factor in names:
        others = [name for name in names if name != factor]
        effects[factor] = math.fsum(
            math.factorial(size)
            * math.factorial(n - size - 1)
            / math.factorial(n)
            * (worth[frozenset(chosen) | {factor}] - worth[frozenset(chosen)])
            for size in range(n)
            for chosen in combinations(others, size)
        )
    return _table(before, after, effects, worth[frozenset(names)] - worth[frozenset()])


def split_asset_change(factors: pd.DataFrame, *, before: str, after: str) -> pd.DataFrame:
    """Split the change of AUM between two months over customers, activity, penetration and assets per holder.

    AUM is the sum over those active in the month and the others of customers × share of the base × share with assets ×
    assets per holder. The split is LMDI within each of the two groups, added up; the two “share of the base” terms
    (one rises as the other falls) make the effect of activity: what moved because a larger part of the base is of the
    kind that holds more. It is arithmetic: active customers may hold more for other reasons than being active.

    Parameters
    ----------
    factors : DataFrame (:func:`helpers.metrics.assets.asset_factors`)
        Counted by further columns (a branch) or not: they are summed up here.
    before, after : str
        Two months, ``YYYY-MM``.

    Returns
    -------
    DataFrame, one row a factor (:data:`ASSET_FACTORS`, and ``overdrafts`` where the bank nets them)
        As :func:`lmdi`: ``effect`` in money, adding up to the change of AUM.

    Raises
    ------
    ValueError
        If a month is not in the table, or ``before`` is not earlier.

    Examples
    --------
    >>> table = pd.DataFrame({"month": ["2025-01"] * 2 + ["2025-02"] * 2, "is_active": [False, True] * 2,
    ...     "customers": [60, 40, 50, 50], "holders": [30, 32, 25, 40], "aum": [300.0, 640.0, 250.0, 800.0]})
    >>> split = split_asset_change(table, before="2025-01", after="2025-02").set_index("factor")["effect"]
    >>> round(float(split["active_rate"]), 6), round(float(split.sum()), 6)
    (110.0, 110.0)
    """
    known = sorted(set(factors["month"]))
    for name, month in (("before", before), ("after", after)):
        if month not in known:
            span = f"{known[0]} to {known[-1]}" if known else "none"
            raise ValueError(f"{name} month {month!r} is not in the table of factors; its months are {span}")
    if before >= after:
        raise ValueError(f"before must be an earlier month than after, not {before} and {after}")
    table = factors[factors["month"].isin([before, after])]
    sums = ["customers", "holders", "aum", *([OVERDRAFTS] if OVERDRAFTS in table.columns else [])]
    table = table.groupby(["month", "is_active"], as_index=False)[sums].sum()
    netted = table[OVERDRAFTS] if OVERDRAFTS in table.columns else 0.0
    base = table.groupby("month")["customers"].transform("sum").astype(float)
    table["base"] = base
    table["share_of_base"] = (table["customers"] / base.where(base > 0)).fillna(0.0)
    customers = table["customers"].astype(float)
    table["penetration"] = (table["holders"] / customers.where(customers > 0)).fillna(0.0)
    holders = table["holders"].astype(float)
    table["aum_per_holder"] = ((table["aum"] - netted) / holders.where(holders > 0)).fillna(0.0)
    chain = ["base", "share_of_base", "penetration", "aum_per_holder"]
    parts = lmdi_groups(table, factors=chain, period="month", by=["is_active"])
    names = {
        ("base", True): "customers",
        ("base", False): "customers",
        ("share_of_base", True): "active_rate",
        ("share_of_base", False): "active_rate",
        ("penetration", True): "penetration_active",
        ("penetration", False): "penetration_inactive",
        ("aum_per_holder", True): "aum_per_holder_active",
        ("aum_per_holder", False): "aum_per_holder_inactive",
    }
    parts["name"] = [names[(f, bool(a))] for f, a in zip(parts["factor"], parts["is_active"], strict=True)]
    effects = parts.groupby("name")["effect"].sum()
    levels = [_levels(table[table["month"] == month]) for month in (before, after)]
    start, end = (float(table.loc[table["month"] == month, "aum"].sum()) for month in (before, after))
    found = {factor: float(effects.get(factor, 0.0)) for factor in ASSET_FACTORS}
    if OVERDRAFTS in table.columns and (table[OVERDRAFTS] != 0).any():
        owed = [float(table.loc[table["month"] == month, OVERDRAFTS].sum()) for month in (before, after)]
        for level, value in zip(levels, owed, strict=True):
            level[OVERDRAFTS] = value
        found[OVERDRAFTS] = owed[1] - owed[0]
    return _table(levels[0], levels[1], found, end - start)


def _levels(rows: pd.DataFrame) -> dict[str, float]:
    by = {bool(active): row for active, row in zip(rows["is_active"], rows.to_dict("records"), strict=True)}
    empty: dict[str, Any] = {"customers": 0, "share_of_base": 0.0, "penetration": 0.0, "aum_per_holder": 0.0}
    active, other = by.get(True, empty), by.get(False, empty)
    return {
        "customers": float(active["customers"] + other["customers"]),
        "active_rate": float(active["share_of_base"]),
        "penetration_active": float(active["penetration"]),
        "penetration_inactive": float(other["penetration"]),
        "aum_per_holder_active": float(active["aum_per_holder"]),
        "aum_per_holder_inactive": float(other["aum_per_holder"]),
    }


def _effect(factor: str, before: Mapping[str, float], after: Mapping[str, float], start: float, end: float) -> float:
    a, b = after[factor], before[factor]
    if start == 0 and end == 0:
        return 0.0
    if start == 0 or end == 0:
        # Limit of every zero replaced by the same δ → 0: ln(δ) outgrows all other terms.
        zeros = [f for f, v in (before if start == 0 else after).items() if v == 0]
        return (end - start) / len(zeros) if factor in zeros else 0.0
    return logarithmic_mean(end, start) * (math.log(a) - math.log(b)) if a != b else 0.0


def _table(
    before: Mapping[str, float], after: Mapping[str, float], effects: Mapping[str, float], change: float
) -> pd.DataFrame:
    rows = [
        (f, float(before[f]), float(after[f]), effects[f], effects[f] / change if change else math.nan) for f in before
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _check(before: Mapping[str, float], after: Mapping[str, float], *, allow_negative: bool = False) -> None:
    if not before or set(before) != set(after):
        raise ValueError(f"before and after need the same factors, not {sorted(before)} and {sorted(after)}")
    for when, values in (("before", before), ("after", after)):
        for factor, value in values.items():
            if value != value or math.isinf(value) or (value < 0 and not allow_negative):
                raise ValueError(f"factor {factor!r} is {value} {when}; allowed are finite numbers of at least 0")
