"""Captions of the tables on step 2's page: what each says, with its number, from groups that are large enough to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from helpers.findings import Text
from helpers.findings.labels import label
from helpers.metrics import segments
from helpers.steps.segments.subject import Focus, names


def caption(name: str, table: pd.DataFrame | None, focus: Focus) -> Text | None:
    """Say in one line what a table of this step shows.

    Parameters
    ----------
    name : str
        One of ``segments, tag_audit, tag_signals, rfm, benefits_taken, naive, left_out, retention, segment_scores,
        suggestions``.
    table : DataFrame or None
        The table that is shown; None (there is none) has no caption.
    focus : Focus
        Gives currency and the least group size that is named.

    Raises
    ------
    KeyError
        If the step has no such table.
    """
    plain, write = _CAPTIONS[name]
    if table is None or table.empty:
        return plain
    takeaway = write(table, focus)
    return plain if takeaway is None else takeaway


def _rest(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["segment"] != segments.EVERYBODY]


def _segment(slug: str) -> Text:
    return names()["segment"].get(slug, Text(slug, slug))


def _sizes(table: pd.DataFrame, focus: Focus) -> Text | None:
    known = _rest(table)
    known = known[(known["customers"] >= focus.min_group_size) & known["aum"].notna()]
    if known.empty:
        return None
    row = known.loc[known["aum"].idxmax()]
    name = _segment(row["segment"])
    return Text.write(
        lambda w: w(
            f"Of the segments, “{name.en}” holds most assets: {w.n(row['aum'], 'money')} (n = {int(row['customers']):,})",
            f"各客群中{name.zh}资产最多：{w.n(row['aum'], 'money')}（n = {int(row['customers']):,}）",
        ),
        currency=focus.bank.currency,
    )


def _audit(table: pd.DataFrame, _: Focus) -> Text:
    n = int((table["verdict"] == "use").sum())
    return Text(
        f"Tag audit: {n} of {len(table)} tags can be used as they are",
        f"标签盘点：{len(table)} 个标签中 {n} 个可直接使用",
    )


def _signals(table: pd.DataFrame, _: Focus) -> Text:
    n = int(table["tells_apart"].sum())
    return Text(
        f"Tags as signals: {n} of {len(table)} tell frequent from rare customers",
        f"标签区分度：{len(table)} 个中 {n} 个能区分活跃与不活跃客户",
    )


def _rfm(table: pd.DataFrame, focus: Focus) -> Text | None:
    known = table[(table["rfm_group"] != "other") & (table["customers"] >= focus.min_group_size)]
    if known.empty:
        return None
    row = known.loc[known["customers"].idxmax()]
    words = label("rfm_group").values[row["rfm_group"]]
    return Text.write(
        lambda w: w(
            f"RFM groups: the largest is “{words.en}” with {w.n(row['customers'], 'customers')}, {w.n(row['share'], 'share')}",
            f"RFM 分组：最大一组为“{words.zh}”，{w.n(row['customers'], 'customers')}，占 {w.n(row['share'], 'share')}",
        )
    )


def _benefits(table: pd.DataFrame, focus: Focus) -> Text | None:
    known = table[(table["n_rewarded"] >= focus.min_group_size) & table["share_redeemed"].notna()]
    if known.empty:
        return None
    row = known.loc[known["share_redeemed"].idxmax()]
    name = names()["benefit"].get(row["benefit"], Text(str(row["benefit"]), str(row["benefit"])))
    share = {"lower": row["lower"], "upper": row["upper"]}
    return Text.write(
        lambda w: w(
            f"Benefits: of “{name.en}” {w.n(row['share_redeemed'], 'share')} were used, the most "
            f"({w.ci(**share, unit='share')}, n = {int(row['n_rewarded']):,})",
            f"权益核销率最高的是“{name.zh}”：{w.n(row['share_redeemed'], 'share')}"
            f"（{w.ci(**share, unit='share')}，n = {int(row['n_rewarded']):,}）",
        )
    )


def _naive(table: pd.DataFrame, focus: Focus) -> Text | None:
    known = table[(table["n_spells"] >= focus.min_group_size) & table["flattery"].notna()]
    if known.empty:
        return None
    row = known.loc[known["flattery"].idxmax()]
    name = _segment(row["segment"])
    return Text.write(
        lambda w: w(
            f"The naive share flatters “{name.en}” most, by {w.n(row['flattery'], 'points')} (n = {int(row['n_spells']):,})",
            f"简单口径对{name.zh}高估最多：{w.n(row['flattery'], 'points')}（n = {int(row['n_spells']):,}）",
        )
    )


def _left_out(table: pd.DataFrame, focus: Focus) -> Text | None:
    n = int(table["n"].sum())
    if n < focus.min_group_size:
        return None
    return Text.write(
        lambda w: w(
            f"{w.n(n, 'customers')} are in no curve, and why", f"未进入曲线的客户共 {w.n(n, 'customers')}，原因如下"
        )
    )


def _retention(table: pd.DataFrame, focus: Focus) -> Text | None:
    known = _rest(table)
    known = known[(known["n_spells"] >= focus.min_group_size) & known["retained"].notna()]
    if known.empty:
        return None
    best, worst = known.loc[known["retained"].idxmax()], known.loc[known["retained"].idxmin()]
    high, low = _segment(best["segment"]), _segment(worst["segment"])
    return Text.write(
        lambda w: w(
            f"Retention at the horizon lies between {w.n(worst['retained'], 'share')} ({low.en}) and "
            f"{w.n(best['retained'], 'share')} ({high.en})",
            f"考察期末留存率在 {w.n(worst['retained'], 'share')}（{low.zh}）至 {w.n(best['retained'], 'share')}（{high.zh}）之间",
        )
    )


def _scores(table: pd.DataFrame, focus: Focus) -> Text | None:
    known = table[(table["size"] >= focus.min_group_size) & table["at_stake"].notna()]
    if known.empty:
        return None
    row = known.loc[known["at_stake"].idxmax()]
    name = _segment(row["segment"])
    bounds = {"lower": row["at_stake_lower"], "upper": row["at_stake_upper"]}
    return Text.write(
        lambda w: w(
            f"Most is at stake in “{name.en}”: {w.n(row['at_stake'], 'money')} ({w.ci(**bounds, unit='money')}, "
            f"n = {int(row['size']):,})",
            f"在险资产最多的是{name.zh}：{w.n(row['at_stake'], 'money')}"
            f"（{w.ci(**bounds, unit='money')}，n = {int(row['size']):,}）",
        ),
        currency=focus.bank.currency,
    )


def _suggestions(table: pd.DataFrame, _: Focus) -> Text:
    return Text(
        f"{len(table)} suggestions for the campaign, each with what it rests on",
        f"对活动的 {len(table)} 条建议及其依据",
    )


_CAPTIONS: dict[str, tuple[Text, Callable[[pd.DataFrame, Any], Text | None]]] = {
    "segments": (Text("Segments: size and assets", "各客群规模与资产"), _sizes),
    "tag_audit": (Text("Tag audit", "标签盘点"), _audit),
    "tag_signals": (Text("What tags tell apart", "标签区分度"), _signals),
    "rfm": (Text("RFM groups of the segment", "客群的 RFM 分组"), _rfm),
    "benefits_taken": (Text("Benefits taken and used", "权益的领取与核销"), _benefits),
    "naive": (Text("The naive share beside the curve's", "简单口径与曲线口径对照"), _naive),
    "left_out": (Text("Who is in no curve, and why", "未进入曲线的客户与原因"), _left_out),
    "retention": (Text("Retention by segment", "各客群留存率"), _retention),
    "segment_scores": (Text("Which segment to work on", "各客群的挽留价值"), _scores),
    "suggestions": (Text("Suggestions for the campaign", "对活动的建议"), _suggestions),
}
