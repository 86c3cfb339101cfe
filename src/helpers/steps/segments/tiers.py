"""What the layers say: how much of a segment's assets sits with customers who no longer come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.metrics import layers as layer_metrics
from helpers.metrics.shares import wilson
from helpers.steps.segments.subject import Focus


def layers(focus: Focus, *, silent_days: int) -> pd.DataFrame:
    """Value and activity tiers of all open customers; ``in_focus`` marks the segment. Tiers are those of the base."""
    table = layer_metrics.customer_layers(focus.bank, silent_days=silent_days)
    inside = focus.members.select("customer_id").to_pandas()["customer_id"]
    return table.assign(in_focus=table["customer_id"].isin(inside))


def grid(focus: Focus, layers: pd.DataFrame) -> pd.DataFrame:
    """Value by activity of the segment; cells below the group minimum are masked."""
    inside = layers[layers["in_focus"]].drop(columns="in_focus")
    return layer_metrics.value_activity_grid(inside, min_group_size=focus.min_group_size)


def rfm(focus: Focus, layers: pd.DataFrame) -> pd.DataFrame:
    """RFM groups of the segment."""
    inside = layers[layers["in_focus"]].drop(columns="in_focus")
    return layer_metrics.rfm_groups(inside, min_group_size=focus.min_group_size)


def tier_text(*, silent_days: int) -> Text:
    """Say what the tiers mean."""
    often, month, top = layer_metrics.FREQUENT_DAYS, layer_metrics.MONTH_DAYS, layer_metrics.HIGH_SHARE
    middle = (1 - top) * layer_metrics.MIDDLE_OF_REST
    return Text.write(
        lambda w: w(
            f"Frequent: at least {often} active days in the last {month}; silent: none in the last {silent_days}; "
            f"occasional: in between. High value: the top {w.n(top, 'share')} of all customers with assets; middle: the "
            f"next {w.n(middle, 'share')}.",
            f"高频：近 {month} 天活跃不少于 {often} 天；沉默：近 {silent_days} 天无活动；低频：介于两者之间。"
            f"高价值：全量有资产客户中 AUM 前 {w.n(top, 'share')}；中价值：其后 {w.n(middle, 'share')}。",
        )
    )


def layer_finding(focus: Focus, layers: pd.DataFrame, *, silent_days: int) -> Finding:
    """Say how many of the segment's better-off customers are silent, and what they hold, beside everybody else's."""
    day, name = focus.bank.as_of.isoformat(), focus.name
    rich = layers[layers["value_tier"].isin(["high", "middle"])]
    inside, outside = rich[rich["in_focus"]], rich[~rich["in_focus"]]
    if len(inside) < focus.min_group_size:
        return Finding(
            "layers",
            Text(
                f"{name.en}: fewer than {focus.min_group_size} customers of high or middle value; the layers "
                f"are not judged.",
                f"{name.zh}：高、中价值客户不足 {focus.min_group_size} 人，不作分层评价。",
            ),
            tone="warning",
        )
    silent = inside["activity_tier"] == "silent"
    low, high = wilson([silent.sum()], [len(inside)])
    money = inside.loc[silent, "aum"].sum()
    share = Figure("win_back_share", silent.mean(), float(low[0]), float(high[0]), "share", len(inside), day)
    amount = Figure("win_back_aum", float(money), unit="money", n=int(silent.sum()), period=day)
    few = 0 < silent.sum() < focus.min_group_size
    figures = [] if few else [share, amount]
    beside = Text("", "")
    if len(outside) >= focus.min_group_size:
        other = outside["activity_tier"] == "silent"
        o_low, o_high = wilson([other.sum()], [len(outside)])
        rest = Figure(
            "win_back_share_others", other.mean(), float(o_low[0]), float(o_high[0]), "share", len(outside), day
        )
        figures.append(rest)
        beside = Text.write(lambda w: w(f" Among all others it is {w.est(rest)}.", f"其他客户为 {w.est(rest)}。"))

    def write(w: Any) -> str:
        if few:
            return w(
                f"Of the {len(inside):,} customers of high or middle value in “{name.en}”, fewer than "
                f"{focus.min_group_size} have been silent for at least {silent_days} days.",
                f"{name.zh}的 {len(inside):,} 位高、中价值客户中，沉默 {silent_days} 天以上的不足 {focus.min_group_size} 人。",
            )
        return w(
            f"Of the customers of high or middle value in “{name.en}”, {w.est(share)} have been silent for at least "
            f"{silent_days} days; they hold {w.n(money, 'money')}: the first to win back.",
            f"{name.zh}的高、中价值客户中，沉默 {silent_days} 天以上的占 {w.est(share)}，持有 AUM "
            f"{w.n(money, 'money')}，"
            f"是重点挽回对象。",
        )

    text = Text.write(write, currency=focus.bank.currency)
    return Finding(
        "layers", Text(text.en + beside.en, text.zh + beside.zh), tuple(figures), table="value_activity_grid"
    )


def rfm_finding(focus: Focus, rfm: pd.DataFrame) -> Finding:
    """Say which RFM group holds most of the segment's assets."""
    from helpers.findings.labels import label

    known = rfm[(rfm["rfm_group"] != "other") & (rfm["aum"] > 0)]
    if known.empty:
        return Finding(
            "rfm",
            Text(
                "No RFM group of this segment is large enough, or none holds assets.",
                "该客群没有足够大的 RFM 分组，或无资产。",
            ),
            tone="warning",
        )
    row = known.iloc[0]
    words = label("rfm_group").values[row["rfm_group"]]
    day = focus.bank.as_of.isoformat()
    share = Figure("rfm_largest_aum_share", float(row["aum_share"]), unit="share", n=int(row["customers"]), period=day)
    size = Figure("rfm_largest_customers", int(row["customers"]), unit="customers", n=focus.n, period=day)
    since = row["median_days_since_active"]

    def write(w: Any) -> str:
        seen_en = "" if np.isnan(since) else f", last active {w.n(since, 'days')} ago in the median"
        seen_zh = "" if np.isnan(since) else f"，距上次活跃中位数 {w.n(since, 'days')}"
        return w(
            f"Most assets of the segment, {w.n(share.value, 'share')}, lie with {w.n(size.value, 'customers')} "
            f"of the group "
            f"“{words.en}”{seen_en} (n = {focus.n:,}).",
            f"该客群资产最集中于“{words.zh}”：{w.n(size.value, 'customers')}，占 AUM 的 {w.n(share.value, 'share')}"
            f"{seen_zh}（n = {focus.n:,}）。",
        )

    return Finding("rfm", Text.write(write), (share, size), table="rfm")
