"""What the portrait says: how the segment differs, when it comes, what it takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.findings.labels import label
from helpers.metrics import portraits
from helpers.metrics.tags import read_tags
from helpers.steps.segments.subject import Focus

BENEFIT_COLUMNS = (
    "benefit",
    "n_rewarded",
    "share_redeemed",
    "lower",
    "upper",
    "share_redeemed_others",
    "n_others",
    "used_more",
    "cost_each",
)
SHARE_BOUNDS = {"lower": "share", "upper": "share"}
WEEKDAYS = (
    Text("Monday", "周一"),
    Text("Tuesday", "周二"),
    Text("Wednesday", "周三"),
    Text("Thursday", "周四"),
    Text("Friday", "周五"),
    Text("Saturday", "周六"),
    Text("Sunday", "周日"),
)


def portrait(focus: Focus) -> pd.DataFrame:
    """TGI of every trait, those left out that define the segment (of them TGI only repeats the rule)."""
    doubled = [
        name
        for name, tag in read_tags().items()
        if tag.source and (tag.source.column == "age" or tag.source.column in focus.bank.customers.columns)
    ]
    table = portraits.portrait(
        focus.bank, focus.members, focus.base, known_elsewhere=doubled, min_group_size=focus.min_group_size
    )
    by_rule = {"age_band" if condition.column == "age" else condition.column for condition in focus.entry.where}
    kept = table[~table["trait"].isin(by_rule)].reset_index(drop=True)
    kept.attrs = {**table.attrs, "by_rule": sorted(by_rule)}
    return kept


def strongest(portrait: pd.DataFrame, *, most: int = 12) -> pd.DataFrame:
    """The traits in which the segment differs most from the base, surely so, as far from 100 as they are."""
    told = portrait[portrait["is_distinct"] & ~portrait["trait_value"].isin([portraits.UNKNOWN, portraits.OTHER])]
    told = told[~told["trait_value"].isin(["false", "no"])]
    far = (told["tgi"].clip(lower=1) / 100).map(np.log).abs()
    return told.loc[far.sort_values(ascending=False, kind="stable").index[:most]].sort_values(
        "tgi", ascending=False, ignore_index=True
    )


def words_of(trait: str, value: str) -> Text:
    """A trait and its value in words, e.g. “Risk appetite: cautious”."""
    slug = trait.removeprefix("tag:")
    tag = read_tags().get(slug) if trait.startswith("tag:") else None
    head = tag.name.text if tag else label("trait").values.get(slug, Text(slug, slug))
    own = label("trait_value").values.get(value, Text(value, value))
    if value in ("true", "yes"):
        return head
    return Text(f"{head.en}: {own.en}", f"{head.zh}：{own.zh}")


def portrait_text(portrait: pd.DataFrame) -> Text | None:
    """Say which columns were left out of the portrait; None if none was."""
    many = portrait.attrs.get("too_many_values", [])
    if not many:
        return None
    names = ", ".join(many)
    return Text(
        f"Not in the portrait, too many different values for shares: {names}.", f"取值过多、未列入画像的字段：{names}。"
    )


def shown_portrait(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of a portrait with trait and value in words, for showing."""
    words = [words_of(row.trait, row.trait_value) for row in table.itertuples()]
    return table.assign(trait=words)


def portrait_finding(focus: Focus, portrait: pd.DataFrame) -> Finding:
    """Say in what the segment differs most from the base, or that it doesn't."""
    name, day = focus.name, focus.bank.as_of.isoformat()
    if not focus.is_shown or focus.n == focus.n_base:
        return Finding(
            "portrait",
            Text(
                f"{name.en}: no portrait; the segment is the whole base, or too small to be shown.",
                f"{name.zh}：客群即全量或人数过少，不作画像。",
            ),
            tone="warning",
        )
    told = strongest(portrait, most=len(portrait))
    above = told[told["tgi"] > 100].head(3)
    n_tested, n_told = len(portrait), int(portrait["is_distinct"].sum())
    if above.empty:
        return Finding(
            "portrait",
            Text(
                f"{name.en}: of {n_tested} values compared, none is surely more frequent than in the base "
                f"(n = {focus.n:,} of {focus.n_base:,}).",
                f"{name.zh}：比对的 {n_tested} 个取值中，没有一个明显高于全量（n = {focus.n:,}，全量 "
                f"{focus.n_base:,}）。",
            ),
            table="portrait",
        )
    figures = tuple(
        Figure(f"tgi_{row.trait}_{row.trait_value}", row.tgi, row.lower, row.upper, "index", int(row.n_known), day)
        for row in above.itertuples()
    )

    def write(w: Any) -> str:
        told_en = "; ".join(
            f"{words_of(row.trait, row.trait_value).en} TGI {w.n(row.tgi, 'index')} "
            f"({w.ci(row.lower, row.upper, 'index')})"
            for row in above.itertuples()
        )
        told_zh = "；".join(
            f"{words_of(row.trait, row.trait_value).zh} TGI "
            f"{w.n(row.tgi, 'index')}（{w.ci(row.lower, row.upper, 'index')}）"
            for row in above.itertuples()
        )
        return w(
            f"{name.en} (n = {focus.n:,}) differ from the base in {n_told} of {n_tested} values compared, "
            f"above all in: "
            f"{told_en}.",
            f"{name.zh}（n = {focus.n:,}）在 {n_tested} 个取值中有 {n_told} 个与全量有差异，最突出的是：{told_zh}。",
        )

    return Finding("portrait", Text.write(write), figures, table="portrait")


def hours(focus: Focus) -> pd.DataFrame:
    """Active hours of the segment over the last 90 days (see :func:`helpers.metrics.portraits.active_hours`)."""
    return portraits.active_hours(focus.bank.activity, focus.members, as_of=focus.bank.as_of)


def hours_finding(focus: Focus, hours: pd.DataFrame) -> Finding:
    """Say when the segment is active, by hour of the day and day of the week; or that the log doesn't tell."""
    name, day = focus.name, focus.bank.as_of.isoformat()
    n = int(hours.attrs["n_customers"])
    if n < focus.min_group_size:
        return Finding(
            "active_hours",
            Text(
                f"{name.en}: fewer than {focus.min_group_size} customers were active in the last 90 days; no "
                f"hours are shown.",
                f"{name.zh}：近 90 天活跃客户不足 {focus.min_group_size} 人，不展示活跃时段。",
            ),
            tone="warning",
        )
    weekday = best_weekday(hours)
    days = Figure("weekday_share", weekday["share"], weekday["lower"], weekday["upper"], "share", n, day)
    which = WEEKDAYS[int(weekday["weekday"])]
    if not hours.attrs["has_hours"]:
        text = Text.write(
            lambda w: w(
                f"The log knows days, not hours. {name.en} are most active on {which.en}: {w.est(days)} of "
                f"their active "
                f"days.",
                f"日志只有日期、没有钟点。{name.zh}最活跃的是{which.zh}，占活跃日的 {w.est(days)}。",
            )
        )
        return Finding("active_hours", text, (days,), table="active_hours")
    top = best_hour(hours)
    hour = int(top["hour"])
    share = Figure("hour_share", top["share"], top["lower"], top["upper"], "share", n, day)
    text = Text.write(
        lambda w: w(
            f"{name.en} come most often between {hour}:00 and {hour + 1}:00: {w.est(share)} of their active "
            f"hours; of the "
            f"days, {which.en} is the busiest ({w.n(days.value, 'share')}, {w.ci(days.lower, days.upper, 'share')}).",
            f"{name.zh}最活跃的时段是 {hour}:00–{hour + 1}:00，占活跃小时的 {w.est(share)}；一周中{which.zh}最活跃"
            f"（{w.n(days.value, 'share')}，{w.ci(days.lower, days.upper, 'share')}）。",
        )
    )
    return Finding("active_hours", text, (share, days), table="active_hours")


def drawable_hours(hours: pd.DataFrame) -> pd.DataFrame | None:
    """The hours to draw; None where nobody was active or the log knows days only."""
    return hours if hours.attrs["has_hours"] and hours.attrs["visits"] else None


def best_hour(hours: pd.DataFrame) -> pd.Series:
    """Hour of the day with the largest share of visits, all weekdays together."""
    every = hours[(hours["weekday"] == portraits.ALL) & (hours["hour"] != portraits.ALL)]
    return every.loc[every["share"].idxmax()]


def best_weekday(hours: pd.DataFrame) -> pd.Series:
    """Weekday with the largest share of visits."""
    every = hours[(hours["hour"] == portraits.ALL) & (hours["weekday"] != portraits.ALL)]
    return every.loc[every["share"].idxmax()]


def benefits(focus: Focus) -> pd.DataFrame | None:
    """Benefits that the segment used when it was given them; None where the bank keeps no rewards."""
    table = portraits.benefits_taken(focus.bank, focus.members, focus.base, min_group_size=focus.min_group_size)
    return None if table is None else table.rename(columns={"kind": "benefit"})
