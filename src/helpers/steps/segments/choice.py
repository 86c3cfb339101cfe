"""Which segment to work on, and what its portrait suggests; a score that can be read, and no claim of cause."""

from __future__ import annotations

from typing import Any

import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.metrics import segments
from helpers.metrics.portraits import OTHER, UNKNOWN
from helpers.steps.segments.likeness import WEEKDAYS, best_hour, best_weekday
from helpers.steps.segments.retention import Study
from helpers.steps.segments.subject import Focus, benefit_names
from helpers.steps.segments.tags import warning_of

BENEFIT_TAG = "tag:preferred_benefit"
# A column of the customers table; a tag of the same name doubles it.
APPETITE = "risk_appetite"
MIN_PRODUCT_SHARE = 0.05  # a product that hardly anybody holds is no lead, however high its TGI
SCORE = (
    "segment",
    "size",
    "occasional_aum_each",
    "loss",
    "lower",
    "upper",
    "room",
    "at_stake",
    "at_stake_lower",
    "at_stake_upper",
    "n_spells",
)
SCORE_COLUMNS = (
    "segment",
    "size",
    "room",
    "occasional_aum_each",
    "loss",
    "at_stake",
    "at_stake_lower",
    "at_stake_upper",
)
SUGGESTION = ("aspect", "choice", "estimate", "lower", "upper", "unit", "n", "evidence")


def scores(focus: Focus, layers: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Score every segment: size × room × value × loss.

    The product is an amount of money that can be explained: the assets of customers who are active but come only
    occasionally, times the share that is lost by the horizon. It is no forecast: it ranks segments by one rule.

    Parameters
    ----------
    focus : Focus
    layers : DataFrame
        From :func:`helpers.steps.segments.tiers`: all open customers.
    study : Study
        Retention of the segments.

    Returns
    -------
    DataFrame, one row a segment but ``all``, largest lower bound first
        ``segment``, ``size`` (open customers not silent), ``room`` (share of them who come only occasionally),
        ``occasional_aum_each`` (mean assets of those), ``loss`` (1 − retained at the horizon) with ``lower`` and ``upper``,
        ``at_stake`` (the product) with bounds from those of the loss, ``n_spells`` (customers behind the loss).
    """
    flags = segments.membership(focus.bank).to_pandas().set_index("customer_id").reindex(layers["customer_id"])
    rows = []
    for line in study.table.itertuples():
        if line.segment == segments.EVERYBODY:
            continue
        inside = flags[line.segment].eq(True).to_numpy(dtype=bool)
        here = layers[inside & (layers["activity_tier"] != "silent").to_numpy()]
        if len(here) < focus.min_group_size:
            continue
        rare = here[here["activity_tier"] == "occasional"]
        worth = rare["aum"].sum()
        loss, low, high = 1 - line.retained, 1 - line.upper, 1 - line.lower
        rows.append(
            {
                "segment": line.segment,
                "size": len(here),
                "occasional_aum_each": rare["aum"].mean() if len(rare) else 0.0,
                "loss": loss,
                "lower": low,
                "upper": high,
                "room": len(rare) / len(here),
                "at_stake": worth * loss,
                "at_stake_lower": worth * low,
                "at_stake_upper": worth * high,
                "n_spells": line.n_spells,
            }
        )
    table = pd.DataFrame(rows, columns=list(SCORE))
    return table.sort_values(["at_stake_lower", "segment"], ascending=[False, True], ignore_index=True)


def choice_finding(focus: Focus, scores: pd.DataFrame) -> Finding:
    """Say which segment has most at stake, and where the segment looked at stands."""
    if scores.empty:
        return Finding(
            "segment_choice",
            Text(
                "No segment could be scored: too few active customers, or no retention to stand on.",
                "没有客群可评分：活跃客户太少，或缺少留存估计。",
            ),
            tone="warning",
        )
    names = {slug: entry.name.text for slug, entry in segments.read_segments().items()}
    day, first = focus.bank.as_of.isoformat(), scores.iloc[0]
    best = names[first["segment"]]
    top = Figure(
        "at_stake_first",
        first["at_stake"],
        first["at_stake_lower"],
        first["at_stake_upper"],
        "money",
        int(first["size"]),
        day,
    )
    figures = [top]
    level = scores.iloc[1:]
    level = level[level["at_stake_upper"] >= first["at_stake_lower"]]["segment"]
    ties = Text("", "")
    if len(level):
        ties = Text(
            " Its interval overlaps with that of " + ", ".join(f"“{names[slug].en}”" for slug in level) + ".",
            "其区间与" + "、".join(names[slug].zh for slug in level) + "重叠，先后不能定论。",
        )
    place = Text("", "")
    mine = scores.index[scores["segment"] == focus.slug]
    if len(mine) and mine[0] > 0:
        row = scores.loc[mine[0]]
        own = Figure(
            "at_stake_focus",
            row["at_stake"],
            row["at_stake_lower"],
            row["at_stake_upper"],
            "money",
            int(row["size"]),
            day,
        )
        figures.append(own)
        place = Text.write(
            lambda w: w(
                f" The segment of this page, “{focus.name.en}”, is number {int(mine[0]) + 1} of {len(scores)}: "
                f"{w.est(own)}.",
                f"本页的{focus.name.zh}排第 {int(mine[0]) + 1}（共 {len(scores)} 个）：{w.est(own)}。",
            ),
            currency=focus.bank.currency,
        )
    elif len(mine):
        place = Text(" It is the segment of this page.", "即本页所看客群。")
    head = Text.write(
        lambda w: w(
            f"By size × room × value × loss the segment “{best.en}” comes first: {w.est(top)} of assets at stake.",
            f"按规模 × 空间 × 价值 × 流失排序，{best.zh}居首：待保资产 {w.est(top)}。",
        ),
        currency=focus.bank.currency,
    )
    return Finding(
        "segment_choice",
        Text(head.en + ties.en + place.en, head.zh + ties.zh + place.zh),
        tuple(figures),
        table="segment_scores",
    )


def suggestions(
    focus: Focus, portrait: pd.DataFrame, hours: pd.DataFrame, benefits: pd.DataFrame | None
) -> pd.DataFrame:
    """Hook, hour, weekday, product and risk appetite that the portrait suggests.

    Parameters
    ----------
    focus : Focus
    portrait, hours, benefits
        From the functions of the same name; ``benefits`` may be None.

    Returns
    -------
    DataFrame, one row an aspect that the data can speak of
        ``aspect``, ``choice`` (code or text), ``estimate``, ``lower``, ``upper``, ``unit``, ``n`` (customers behind
        it), ``evidence`` (column that it was read from). What stands out, not what works: that takes an experiment.
    """
    rows: list[dict[str, Any]] = []
    hook = _hook(portrait, benefits)
    if hook:
        rows.append(hook)
    if int(hours.attrs["n_customers"]) >= focus.min_group_size:
        n = int(hours.attrs["n_customers"])
        if hours.attrs["has_hours"]:
            top = best_hour(hours)
            rows.append(
                _suggest(
                    "hour",
                    f"{int(top['hour'])}:00–{int(top['hour']) + 1}:00",
                    top,
                    "share",
                    n=n,
                    evidence="share_of_hours",
                )
            )
        weekday = best_weekday(hours)
        rows.append(_suggest("weekday", str(int(weekday["weekday"])), weekday, "share", n=n, evidence="share_of_hours"))
    for aspect, trait, least in (("product", "product", MIN_PRODUCT_SHARE), ("appetite", APPETITE, 0.0)):
        told = _distinct(portrait, trait, least)
        if len(told):
            row = told.iloc[0]
            rows.append(
                _suggest(aspect, row["trait_value"], row, "tgi", unit="index", n=row["n_known"], evidence="tgi_above")
            )
    return pd.DataFrame(rows, columns=list(SUGGESTION))


def _hook(portrait: pd.DataFrame, benefits: pd.DataFrame | None) -> dict[str, Any] | None:
    """The benefit that the segment surely uses more than others; else the one its tags prefer; else the most used."""
    if benefits is not None and benefits["used_more"].any():
        row = benefits[benefits["used_more"]].iloc[0]
        return _suggest("hook", row["benefit"], row, "share_redeemed", n=row["n_rewarded"], evidence="used_more")
    told = _distinct(portrait, BENEFIT_TAG)
    if len(told):
        row = told.iloc[0]
        return _suggest("hook", row["trait_value"], row, "tgi", unit="index", n=row["n_known"], evidence="preferred")
    if benefits is not None and len(benefits):
        row = benefits.iloc[0]
        return _suggest("hook", row["benefit"], row, "share_redeemed", n=row["n_rewarded"], evidence="most_used")
    return None


def _distinct(portrait: pd.DataFrame, trait: str, least: float = 0.0) -> pd.DataFrame:
    """Values of a trait that are surely more frequent in the segment, the surest first."""
    told = portrait[
        (portrait["trait"] == trait)
        & portrait["is_distinct"]
        & (portrait["tgi"] > 100)
        & (portrait["share_group"] >= least)
        & ~portrait["trait_value"].isin([UNKNOWN, OTHER])
    ]
    return told.sort_values("lower", ascending=False)


def _suggest(
    aspect: str, choice: str, row: pd.Series, column: str, *, n: int, evidence: str, unit: str = "share"
) -> dict[str, Any]:
    return {
        "aspect": aspect,
        "choice": choice,
        "estimate": float(row[column]),
        "lower": float(row["lower"]),
        "upper": float(row["upper"]),
        "unit": unit,
        "n": int(n),
        "evidence": evidence,
    }


def choice_words(aspect: str, choice: str) -> Text:
    """Words for a suggested code."""
    if aspect == "hook":
        return benefit_names().get(choice, Text(choice, choice))
    if aspect == "weekday":
        return WEEKDAYS[int(choice)]
    if aspect in ("product", "appetite"):
        from helpers.findings.labels import label

        return label("trait_value").values.get(choice, Text(choice, choice))
    return Text(choice, choice)


def shown_suggestions(table: pd.DataFrame) -> pd.DataFrame:
    """The suggestions with words and numbers written out, for showing."""
    rows = [
        {
            "aspect": row.aspect,
            "choice": choice_words(row.aspect, row.choice),
            "estimate": Text.write(lambda w, row=row: w.n(row.estimate, row.unit)),
            "lower": Text.write(lambda w, row=row: w.n(row.lower, row.unit)),
            "upper": Text.write(lambda w, row=row: w.n(row.upper, row.unit)),
            "n": row.n,
            "evidence": row.evidence,
        }
        for row in table.itertuples()
    ]
    return pd.DataFrame(rows, columns=["aspect", "choice", "estimate", "lower", "upper", "n", "evidence"])


def suggestion_finding(focus: Focus, table: pd.DataFrame) -> Finding:
    """Say hook, hour and product in one sentence, as suggestions, and what the bank's tables don't tell."""
    name, day = focus.name, focus.bank.as_of.isoformat()
    if table.empty:
        return Finding(
            "suggestion",
            Text(
                f"{name.en}: the bank's tables suggest no hook, hour or product; ask the branch.",
                f"{name.zh}：现有数据看不出适合的权益、时段或产品，请询问网点。",
            ),
            tone="warning",
        )
    figures = tuple(
        Figure(f"suggested_{row.aspect}", row.estimate, row.lower, row.upper, row.unit, row.n, day)
        for row in table.itertuples()
    )
    heads = {
        "used_more": Text(
            "as a hook “{what}”, used by {how} of those given it, more than by others",
            "钩子权益用“{what}”，获发者使用率 {how}，高于其他客户",
        ),
        "preferred": Text(
            "as a hook “{what}”, which their tags prefer (TGI {how})", "钩子权益用“{what}”（标签偏好，TGI {how}）"
        ),
        "most_used": Text(
            "as a hook “{what}”, used by {how} of those given it, though no more than by others",
            "钩子权益用“{what}”，获发者使用率 {how}，但并不高于其他客户",
        ),
        "hour": Text("a reminder at {what} ({how} of their activity)", "{what} 触达（占活跃时段 {how}）"),
        "weekday": Text("best on {what} ({how} of their activity)", "首选{what}（占活跃时段 {how}）"),
        "product": Text("the product “{what}” (TGI {how})", "主推产品“{what}”（TGI {how}）"),
        "appetite": Text("words that suit {what} investors (TGI {how})", "话术按{what}客户准备（TGI {how}）"),
    }

    doubt = _doubt(focus, table)

    def write(w: Any) -> str:
        parts = [
            heads[row.evidence if row.aspect == "hook" else row.aspect]
            .say(w.language)
            .format(what=choice_words(row.aspect, row.choice).say(w.language), how=w.est(figure))
            for row, figure in zip(table.itertuples(), figures, strict=True)
        ]
        no_hook = Text("", "")
        if "hook" not in set(table["aspect"]):
            no_hook = Text(" Nothing is known of the benefits that they take.", "客群的权益偏好无数据可依。")
        return w(
            f"{name.en}: the portrait suggests {'; '.join(parts)}.{no_hook.en}{doubt.en} These are habits seen, not effects: step 3 "
            f"makes the test that shows whether they work.",
            f"{name.zh}：画像建议{'；'.join(parts)}。{no_hook.zh}{doubt.zh}这是观察到的习惯而非因果，是否有效由第 3 步的实验检验。",
        )

    missing = {"hook", "product"} - set(table["aspect"])
    tone = "warning" if missing or doubt.en else "plain"
    return Finding("suggestion", Text.write(write), figures, table="suggestions", tone=tone)


def _doubt(focus: Focus, table: pd.DataFrame) -> Text:
    """Say which suggestion the audit of the tags speaks against; empty if none."""
    said = []
    if "preferred" in set(table["evidence"]):
        tag = warning_of(focus, BENEFIT_TAG.removeprefix("tag:"))
        if tag is not None:
            said.append(
                Text(
                    f" Beware of the hook: {tag.en}, so first ask some customers, or test two hooks.",
                    f"权益建议需谨慎：{tag.zh}，请先抽样询问客户，或对比测试两种权益。",
                )
            )
    if "appetite" in set(table["aspect"]):
        tag = warning_of(focus, APPETITE)
        if tag is not None:
            said.append(
                Text(
                    f" Beware of the wording: {tag.en}; the appetite told here is that of the customers table, so write to "
                    "customers by the table, not by the tag.",
                    f"话术建议需谨慎：{tag.zh}；此处风险偏好取自客户表，触达时请以客户表为准，不用该标签。",
                )
            )
    return Text("".join(part.en for part in said), "".join(part.zh for part in said))
