"""What an experiment has to say, in both languages: its split, its effects, its guardrails, what it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from helpers.findings import Figure, Finding, Text, Writer
from helpers.findings.numbers import interval

DIFFERENCE_UNITS = {"share": "points", "probability": "points"}
ARM_NAMES = {"control": Text("control", "对照组"), "treatment": Text("treatment", "实验组")}


def sample_ratio_finding(check: Mapping[str, object], *, key: str = "sample_ratio", period: str = "") -> Finding:
    """Say whether the split came out as configured.

    Parameters
    ----------
    check : mapping, what `sample_ratio` returned
    key, period : str

    Returns
    -------
    Finding

    Examples
    --------
    >>> from helpers.models.experiments import sample_ratio
    >>> sample_ratio_finding(sample_ratio([5060, 4940], [1, 1])).text.en
    'The split came out as configured (largest deviation 0.6 pp, p = 0.230, n = 10,000).'
    """

    def sentence(w: Writer) -> str:
        p = w.n(check["p_value"], "p_value")
        p = f"p {p}" if p.startswith("<") else f"p = {p}"
        off, n = w.n(check["largest_deviation"], "points"), f"n = {check['n']:,}"
        inside = w(f"(largest deviation {off}, {p}, {n})", f"（占比最大偏差 {off}，{p}，{n}）")
        if check["tier"] == "broken":
            text = w(
                f"The split is broken {inside}: customers were lost or added on the way, and the effect must not be read.",
                f"分组比例异常{inside}：分流过程中有客户流失或混入，效果不可解读。",
            )
        elif check["tier"] == "watch":
            text = w(
                f"The split is to be watched {inside}: read the effect with care and look for the cause.",
                f"分组比例需关注{inside}：请谨慎解读效果，并查找原因。",
            )
        else:
            text = w(f"The split came out as configured {inside}.", f"分组比例与配置一致{inside}。")
        if check["n_unplanned"]:
            stray = w.n(check["n_unplanned"], "customers")
            text += w(f" {stray} stood in arms that should be empty.", f"另有 {stray}出现在本应为空的组里。")
        return text

    tone = {"broken": "bad", "watch": "warning"}.get(str(check["tier"]), "plain")
    figures = (
        Figure(f"{key}_p_value", float(check["p_value"]), unit="p_value", n=int(check["n"]), period=period),
        Figure(f"{key}_deviation", float(check["largest_deviation"]), unit="points", n=int(check["n"]), period=period),
    )
    return Finding(key, Text.write(sentence), figures, tone=tone)


def effect_findings(
    effects: pd.DataFrame,
    *,
    names: Mapping[str, Text],
    units: Mapping[str, str],
    arms: Mapping[object, Text] | None = None,
    alpha: float = 0.05,
    currency: str = "",
    period: str = "",
    table: str = "effects",
) -> list[Finding]:
    """One sentence an effect: how much, how sure, on how many customers, and whether it could be nothing.

    Parameters
    ----------
    effects : DataFrame, what `effect` returned
        Capped and uncapped rows both get their sentence.
    names, units : mapping of metric to its name in both languages and its unit (`helpers.findings.numbers.UNITS`)
    arms : mapping of arm to its name, optional
    alpha : float
        The one that ``effects`` was made with.
    currency, period, table : str

    Returns
    -------
    list of Finding, in the order of the rows
    """
    known = {**ARM_NAMES, **(arms or {})}
    several = effects["arm"].nunique() > 1
    found = []
    for row in effects.to_dict("records"):
        metric, unit = row["metric"], units[row["metric"]]
        unit = DIFFERENCE_UNITS.get(unit, unit)
        arm = known.get(row["arm"], Text(str(row["arm"]), str(row["arm"])))
        key = f"effect_{metric}_{row['arm']}" + ("_capped" if "winsorized" in row["method"] else "")
        figure = Figure(
            key, row["estimate"], row["lower"], row["upper"], unit, int(row["n"] + row["n_control"]), period
        )
        relative = Figure(
            f"{key}_relative", row["relative"], row["relative_lower"], row["relative_upper"], "share", figure.n, period
        )
        sure = row["p_adjusted"] < alpha
        text = Text.write(_effect_sentence(row, names[metric], arm, unit, several, alpha), currency=currency)
        found.append(Finding(key, text, (figure, relative), table, "plain" if sure else "warning"))
    return found


def _effect_sentence(row: Mapping, name: Text, arm: Text, unit: str, several: bool, alpha: float):
    def sentence(w: Writer) -> str:
        metric = name.say(w.language)
        change = w.n(row["estimate"], unit, signed=True)
        range_ = interval(
            row["lower"], row["upper"], unit,
            language=w.language, currency=w.currency, signed=True, level=round(1 - alpha, 6),
        )  # fmt: skip
        p = w.n(row["p_adjusted"], "p_value")
        p = f"p {p}" if p.startswith("<") else f"p = {p}"
        size = w(
            f"n = {int(row['n']):,} against {int(row['n_control']):,} in control",
            f"{arm.zh} {int(row['n']):,} 人，对照组 {int(row['n_control']):,} 人",
        )
        part = ""
        if math.isfinite(row["relative_lower"]) and math.isfinite(row["relative_upper"]):
            share = w.n(row["relative"], "share", signed=True)
            part = w(f", {share} of control", f"，相对对照组 {share}")
        who = w(f" in arm {arm.en}" if several else "", f"{arm.zh}" if several else "")
        capped = _capped(row, w)
        if row["p_adjusted"] < alpha:
            verb_en, verb_zh = ("rose", "提升") if row["estimate"] > 0 else ("fell", "下降")
            return w(
                f"{metric}{capped} {verb_en}{who} by the campaign: {change} per customer{part} ({range_}; {size}; {p}).",
                f"活动使{who}{metric}{capped}{verb_zh}：人均 {change}{part}（{range_}；{size}；{p}）。",
            )
        return w(
            f"No change in {metric}{capped}{who} can be told from chance: {change} per customer ({range_}; {size}; {p}).",
            f"{who}{metric}{capped}的变化与随机波动无法区分：人均 {change}（{range_}；{size}；{p}）。",
        )

    return sentence


def guardrail_findings(
    verdicts: pd.DataFrame, *, names: Mapping[str, Text], units: Mapping[str, str], currency: str = "", period: str = ""
) -> list[Finding]:
    """One sentence a guardrail.

    Parameters
    ----------
    verdicts : DataFrame, what `guardrails` returned
    names, units : as in `effect_findings`
    currency, period : str

    Returns
    -------
    list of Finding
    """
    found = []
    for row in verdicts.to_dict("records"):
        unit = DIFFERENCE_UNITS.get(units[row["metric"]], units[row["metric"]])
        sides = {"lower": row["worst"]} if row["better"] == "up" else {"upper": row["worst"]}
        key = f"guardrail_{row['metric']}_{row['arm']}" + ("_capped" if "winsorized" in row["method"] else "")
        figure = Figure(key, row["estimate"], unit=unit, n=int(row["n"] + row["n_control"]), period=period, **sides)
        text = Text.write(_guardrail_sentence(row, names[row["metric"]], unit), currency=currency)
        tone = {"held": "good", "broken": "bad", "open": "warning"}[row["verdict"]]
        found.append(Finding(key, text, (figure,), "guardrails", tone))
    return found


def _guardrail_sentence(row: Mapping, name: Text, unit: str):
    def sentence(w: Writer) -> str:
        metric, n = name.say(w.language), f"n = {int(row['n'] + row['n_control']):,}"
        metric += _capped(row, w)
        worst, margin = w.n(row["worst"], unit, signed=True), w.n(row["margin"], unit)
        inside = w(f"at worst {worst}, put up with {margin}; {n}", f"最坏情况 {worst}，可容忍 {margin}；{n}")
        if row["verdict"] == "held":
            return w(f"Guardrail held: {metric} ({inside}).", f"护栏守住：{metric}（{inside}）。")
        if row["verdict"] == "broken":
            return w(f"Guardrail broken: {metric} ({inside}).", f"护栏击穿：{metric}（{inside}）。")
        return w(
            f"Guardrail not decided: {metric}, too few customers to rule the harm out ({inside}).",
            f"护栏尚无定论：{metric}，样本不足以排除损害（{inside}）。",
        )

    return sentence


def _capped(row: Mapping, w: Writer) -> str:
    return w(" (extremes capped)", "（极端值封顶）") if "winsorized" in row["method"] else ""


def plan_finding(
    plan: Mapping[str, float],
    *,
    name: Text,
    unit: str,
    days: Mapping[str, object] | None = None,
    key: str = "sample_size",
    currency: str = "",
) -> Finding:
    """Say what it takes to find the effect that is worth finding.

    Parameters
    ----------
    plan : mapping, what `sample_size` returned
    name : Text
        The metric.
    unit : str
    days : mapping, optional
        What `days_needed` returned.
    key, currency : str

    Returns
    -------
    Finding
    """
    difference_unit = DIFFERENCE_UNITS.get(unit, unit)

    def sentence(w: Writer) -> str:
        effect, power = w.n(plan["effect"], difference_unit, signed=True), w.n(plan["power"], "share")
        n, treated, control = (w.n(plan[k], "count") for k in ("n", "n_treatment", "n_control"))
        metric = name.say(w.language)
        text = w(
            f"To find {effect} in {metric} with {power} power it takes {n} customers ({treated} treated, {control} control).",
            f"要以 {power} 的检验功效发现{metric}变化 {effect}，需要 {n} 名客户（实验组 {treated}，对照组 {control}）。",
        )
        if days is not None and days["reachable"]:
            length = w.n(days["days"], "days")
            exact = w.n(days["days_exact"], "days")
            rounded = (
                w(f" ({exact}, in whole weeks)", f"（{exact}，按整周取整）")
                if days["days"] != days["days_exact"]
                else ""
            )
            text += w(
                f" At the past pace they have come by within {length}{rounded}; the window in which the metric is counted "
                "follows for the last of them.",
                f"按以往触达速度，{length}内可全部触达{rounded}；最后触达的客户还须走完指标的统计窗口。",
            )
        elif days is not None:
            watched, reached = w.n(days["days_watched"], "days"), w.n(days["n_reached"], "count")
            text += w(
                f" In the past {watched} only {reached} came by: the effect can't be found like this.",
                f"过去 {watched}仅触达 {reached} 人：照此无法发现该效果。",
            )
        return text

    figures = [Figure(key, plan["n"], unit="customers")]
    if days is not None and days["reachable"]:
        figures.append(Figure(f"{key}_days", days["days"], unit="days", n=int(days["n_reached"])))
    tone = "warning" if days is not None and not days["reachable"] else "plain"
    return Finding(key, Text.write(sentence, currency=currency), tuple(figures), tone=tone)
