"""Who was left out of a table and why: carried in ``attrs`` and read back as a table of its own."""

from __future__ import annotations

from typing import Any

import pandas as pd

from helpers.findings import Text

REASONS: dict[str, Text] = {
    "no_joined_date": Text("the day of joining is missing", "缺少加入日期"),
    "joined_after_as_of": Text("joined after the cut-off day", "加入日期晚于数据截止日"),
    "joined_too_recently": Text(
        "joined so recently that no silence could have been seen yet", "加入时间太短，尚无法判断是否沉默"
    ),
    "silent_before_log": Text("was already silent when the activity log starts", "行为日志开始前即已沉默"),
    "closed_before_log": Text("closed the account before the activity log starts", "行为日志开始前已销户"),
    "closed_before_joining": Text("closed before joining: a contradiction", "销户日期早于加入日期，数据矛盾"),
    "not_in_customers": Text("has activity but no row in customers", "有行为记录但不在客户表中"),
    "missing_group": Text("the grouping column is empty", "分组字段为空"),
    "not_watched": Text("was not watched past the day of entry", "进入观察当日之后没有观察期"),
    "not_active_then": Text(
        "was no active customer on the day of the forecast: silent already, not joined yet or closed",
        "预测当日不是活跃客户：已经沉默、尚未加入或已销户",
    ),
    "weight_zero": Text("carries no weight", "权重为零"),
    "no_base_before_payout": Text("has no balance before the payout", "发放前没有余额记录"),
    "no_new_money": Text("brought no money above the usual level", "发放时资产未高于平时水平"),
    "no_balance_after_payout": Text("has no balance after the payout", "发放后没有余额记录"),
}


def entry(reason: str, n: int, *, column: str = "") -> dict[str, Any]:
    """Return one line of the account: reason, count, the column that it speaks of."""
    if reason not in REASONS:
        raise KeyError(f"unknown reason {reason!r}; known are {', '.join(REASONS)}")
    return {"reason": reason, "column": column, "n": int(n)}


def carry(table: pd.DataFrame, *lines: dict[str, Any], source: object = None) -> pd.DataFrame:
    """Attach lines with n > 0 to a table, after those that its source carried (a lazy table carries none)."""
    earlier = list(source.attrs.get("left_out", [])) if isinstance(source, pd.DataFrame) else []
    table.attrs["left_out"] = earlier + [line for line in lines if line["n"] > 0]
    return table


def left_out(table: pd.DataFrame) -> pd.DataFrame:
    """Who was left out of a table of this package, and why.

    Parameters
    ----------
    table : DataFrame
        Result of any function of :mod:`helpers.models.retention`. What it needs stands in ``table.attrs``,
        which parquet keeps (``DataFrame.to_parquet``) and a join does not: ask before joining.

    Returns
    -------
    DataFrame, one row a reason
        ``reason`` (slug), ``column`` (the column that it speaks of, may be empty), ``n`` (customers or rows),
        ``en``, ``zh`` (the reason in words). No row where nobody was left out.

    Examples
    --------
    >>> from helpers.models.retention import survival_curves
    >>> spells = pd.DataFrame({"days_active": [3, 5, 9], "lapsed": [1, 0, 0], "segment": ["a", "a", None]})
    >>> left_out(survival_curves(spells, by="segment", horizon_days=4))[["reason", "n"]].to_dict("records")
    [{'reason': 'missing_group', 'n': 1}]
    """
    lines = table.attrs.get("left_out", [])
    return pd.DataFrame(
        [{**line, "en": REASONS[line["reason"]].en, "zh": REASONS[line["reason"]].zh} for line in lines],
        columns=["reason", "column", "n", "en", "zh"],
    )
