"""What may be said of a campaign's effect: sentences that claim as much as the comparison behind them can bear."""

from __future__ import annotations

import pandas as pd

from helpers.findings import Figure, Finding, Text, Writer
from helpers.metrics import campaign_weeks
from helpers.models import rollout
from helpers.steps.post_mortem import cases
from helpers.steps.post_mortem.cases import Case, metric_name, metric_unit
from helpers.steps.post_mortem.measures import CONDITIONAL, Measures
from helpers.steps.post_mortem.money import capped_words
from helpers.steps.post_mortem.promises import design_remark


def split_finding(case: Case, measures: Measures) -> Finding:
    """Say whether the split came out as configured, before any effect is read."""
    split = measures.split
    if split is None:
        return Finding("split", design_remark(case), tone="warning")
    p = Figure("split_p_value", split["p_value"], unit="p_value", n=split["n"])

    def shares(w: Writer) -> str:
        arms = [
            f"{cases.arm_name(arm, w.language)} {w.n(got, 'share')} / {w.n(due, 'share')}"
            for arm, (got, due) in split["shares"].items()
        ]
        return "; ".join(arms) if w.language == "en" else "；".join(arms)

    def sentence(w: Writer) -> str:
        n, chi = f"{split['n']:,}", f"{split['statistic']:.1f}"
        facts_en = f"came out / configured: {shares(w)}; χ² = {chi}, p {_p(w, split['p_value'])}, n = {n}"
        facts_zh = f"实际 / 设定：{shares(w)}；χ² = {chi}，p {_p(w, split['p_value'])}，n = {n}"
        if split["tier"] == "broken":
            return w(
                f"The split is BROKEN ({facts_en}): customers were lost or added on one side, seldom by chance. The "
                "difference below claims no cause; find out what filtered the list before anything else.",
                f"分组比例异常（{facts_zh}）：有一侧的客户被漏掉或多加，且往往并非随机。"
                "下文差异不构成因果结论，请先查明名单在哪一环节被过滤。",
            )
        if split["tier"] == "watch":
            return w(
                f"The split is unusual, not broken ({facts_en}): read the effect, but look at how the list was made.",
                f"分组比例略偏，尚未达到异常（{facts_zh}）：效果可读，但请核对名单生成过程。",
            )
        return w(
            f"The split came out as configured ({facts_en}): the arms may be compared.",
            f"分组比例符合设定（{facts_zh}），各组可比。",
        )

    tone = {"broken": "bad", "watch": "warning"}.get(split["tier"], "good")
    return Finding("split", Text.write(sentence), (p,), tone=tone)


def _p(w: Writer, value: float) -> str:
    text = w.n(value, "p_value")
    return text if text.startswith("<") else f"= {text}"


def effect_findings(case: Case, measures: Measures) -> list[Finding]:
    """Say the effect on the goal's metric, one finding an arm; in words that fit what the comparison can bear."""
    metric = case.goal_metric
    if measures.row(metric) is None:
        name = metric_name(metric)
        text = Text(
            f"The effect on {name.en} can't be told: the bank's tables don't give it for these customers "
            "and windows, or it never varies.",
            f"无法判断对{name.zh}的效果：银行数据未能给出这些客户在相应窗口的数值，或数值没有差异。",
        )
        return [Finding("effect", text, tone="warning")]
    return [_effect_finding(case, measures, metric, arm) for arm in case.arms if measures.row(metric, arm) is not None]


def _effect_finding(case: Case, measures: Measures, metric: str, arm: str) -> Finding:
    row = measures.row(metric, arm)
    unit = metric_unit(metric, difference=True)
    key = "effect" if len(case.arms) == 1 else f"effect_{arm}"
    figure = Figure(
        key, float(row["estimate"]), _none(row["lower"]), _none(row["upper"]), unit, int(row["n"]), case.period
    )
    tone = "plain"
    if measures.is_causal:
        tone = "good" if row["lower"] > 0 else "bad" if row["upper"] < 0 else "plain"
    figures = (figure,)
    beside = measures.capped(metric, arm)
    if beside is not None:
        tail = key.removeprefix("effect")
        bounds = (float(beside["estimate"]), _none(beside["lower"]), _none(beside["upper"]))
        figures += (Figure(f"effect_capped{tail}", *bounds, unit, int(beside["n"]), case.period),)

    def capped(w: Writer) -> str:
        return "" if len(figures) == 1 else w(" ", "") + capped_words(w, figures[1])

    def sentence(w: Writer) -> str:
        name = metric_name(metric).say(w.language)
        number = w.est(figure, signed=True)
        days = case.window_days
        named = cases.arm_name(arm, w.language)
        of_arm = "" if len(case.arms) == 1 else w(f" in arm {named}", f"（{named}组）")
        wide = (
            ""
            if len(case.arms) == 1
            else w(
                f"; intervals hold for all {len(case.arms)} arms together",
                f"；区间对 {len(case.arms)} 个实验组同时成立",
            )
        )
        if measures.basis == "randomised":
            n_control = f"{int(row['n_control']):,}"
            return w(
                f"The campaign{of_arm} changed {name} in {days} days by {number} per treated customer, "
                f"against {n_control} held out{wide}; everybody assigned counts, whether or not they joined."
                f"{capped(w)}",
                f"活动{of_arm}在 {days} 天内使实验组户均{name}变化 {number}，"
                f"对照为 {n_control} 位留白客户{wide}；凡被分组者均计入，不论是否参加。{capped(w)}",
            )
        if measures.basis == "broken_split":
            return w(
                f"The arms differ in {name} by {number}{of_arm}; since the split is broken, this difference "
                f"claims no cause.{capped(w)}",
                f"{of_arm}各组{name}相差 {number}；由于分组比例异常，这一差异不构成因果结论。{capped(w)}",
            )
        if measures.claim == CONDITIONAL:
            moved = w("differed from", "相差")
            if row["lower"] > 0:
                moved = w("rose against", "上升")
            elif row["upper"] < 0:
                moved = w("fell against", "下降")
            return w(
                f"In the branches reached, {name} per customer over {days} days {moved} branches not yet reached: {number} "
                f"(change on the start; customers active in the {rollout.ELIGIBLE_DAYS} days before the first branch, by "
                "the same rule everywhere). This is the campaign's effect only if without it the branches would have moved "
                "alike; the interval takes the branch, not the customer, as the unit.",
                f"与尚未上线的网点相比，已上线网点的户均{name}在 {days} 天内{moved}：{number}"
                f"（各网点同口径：首个网点上线前 {rollout.ELIGIBLE_DAYS} 天内有活跃的客户）。"
                "只有在没有活动时各网点走势相同的前提下，这才是活动效果；区间以网点（而非客户）为单位计算。",
            )
        other_days = w(*_BESIDE[str(row["method"])])
        return w(
            f"In the campaign's {days} days, {name} per customer differed by {number} from {other_days}. Seasons "
            "and everything else that changed are in it: no cause is claimed.",
            f"活动 {days} 天内户均{name}与{other_days}相差 {number}，其中包含季节及其他一切变化，不构成因果结论。",
        )

    return Finding(key, Text.write(sentence, currency=case.bank.currency), figures, table="effects", tone=tone)


_BESIDE = {
    "just_before": ("the same number of days just before", "紧邻的上一同长时段"),
    "year_before": ("the same days a year before", "去年同期"),
}


def placebo_finding(measures: Measures) -> Finding | None:
    """Say whether the roll-out's periods before the start show an effect where there can be none."""
    if measures.events is None:
        return None
    before = measures.events[measures.events["period"] < -1]
    n_before = len(before)
    off = before[(before["lower"] > 0) | (before["upper"] < 0)]
    naive = float(measures.events.attrs.get("naive", float("nan")))
    figure = Figure("before_after_change", naive, unit="days", n=int(measures.events["n"].iloc[-1]))

    def sentence(w: Writer) -> str:
        plain = w.n(naive, "days", signed=True)
        lead = w(
            f"Before and after alone would say {plain}, with the season in it. ",
            f"仅看上线前后会得到 {plain}，其中含季节影响。",
        )
        if n_before == 0 or before["lower"].isna().all():
            return lead + w(
                "There are too few periods or branches before the start to test the assumption of like movement.",
                "上线前的时段或网点太少，无法检验“走势相同”的前提。",
            )
        if len(off):
            return lead + w(
                f"In {len(off)} of {n_before} periods before the start the branches already moved apart: the assumption "
                "is in doubt, and so is the effect.",
                f"上线前 {n_before} 个时段中有 {len(off)} 个已出现差异：前提存疑，效果亦然。",
            )
        return lead + w(
            f"In none of {n_before} periods before the start did the branches move apart (each interval holds 0): nothing "
            "speaks against the assumption.",
            f"上线前 {n_before} 个时段均未出现差异（各区间均含 0），未见与前提相悖之处。",
        )

    return Finding("placebo", Text.write(sentence), (figure,), table="events", tone="warning" if len(off) else "plain")


def _none(value: float) -> float | None:
    return None if value != value else float(value)


def net_findings(case: Case, measures: Measures) -> list[Finding]:
    """Say whether activity was added or only brought forward: the days after the window count as well."""
    if case.after_days == 0:
        text = Text(
            "Whether activity was only brought forward can't be told yet: no day after the window was seen.",
            "尚无法判断活跃是否只是提前：窗口期之后的数据还未到。",
        )
        return [Finding("net", text, tone="warning")]
    if measures.basis != "randomised":
        text = Text(
            "Whether activity was only brought forward can't be told without a sound hold-out.",
            "没有可靠的留白组，无法判断活跃是否只是提前。",
        )
        return [Finding("net", text, tone="warning")]
    needed = ("active_days", "active_days_after", "active_days_net")
    found = [
        _net_finding(case, measures, arm)
        for arm in case.arms
        if all(measures.row(metric, arm) is not None for metric in needed)
    ]
    if found:
        return found
    text = Text(
        "Whether activity was only brought forward can't be told: too few customers, or too few who came.",
        "无法判断活跃是否只是提前：客户或到访过少。",
    )
    return [Finding("net", text, tone="warning")]


def _net_finding(case: Case, measures: Measures, arm: str) -> Finding:
    tail = "" if len(case.arms) == 1 else f"_{arm}"
    during, after, net = (measures.row(name, arm) for name in ("active_days", "active_days_after", "active_days_net"))
    n = int(net["n"])
    figures = (
        Figure(f"effect_after{tail}", after["estimate"], after["lower"], after["upper"], "days", n),
        Figure(f"effect_net{tail}", net["estimate"], net["lower"], net["upper"], "days", n),
    )
    short = case.after_days < case.after_days_asked

    def sentence(w: Writer) -> str:
        named = cases.arm_name(arm, w.language)
        of_arm = "" if not tail else w(f"Arm {named}: ", f"{named}组：")
        text = of_arm + w(
            f"In the {case.after_days} days after the window the difference is {w.est(figures[0], signed=True)}, over both "
            f"together {w.est(figures[1], signed=True)}. ",
            f"窗口期后 {case.after_days} 天内差异为 {w.est(figures[0], signed=True)}，"
            f"两段合计 {w.est(figures[1], signed=True)}。",
        )
        if during["lower"] > 0 and after["upper"] < 0:
            text += w(
                "What was gained was lost again afterwards: activity was brought forward rather than added.",
                "前段所增在后段被抵回：活跃只是被提前。",
            )
        elif net["lower"] > 0 and during["lower"] <= 0:
            text += w(
                "The window itself shows no gain, so a gain over the longer span alone is one reading of several and may "
                "be chance: don't build on it.",
                "窗口期本身未见增量，仅长时段出现增量，属多次读数之一，可能出于偶然，不宜据此下结论。",
            )
        elif net["lower"] > 0:
            text += w("The gain stands when the days after are counted in.", "计入后段，增量依然成立。")
        elif net["upper"] < 0:
            text += w("Over both together activity was lost.", "两段合计，活跃净减少。")
        elif after["upper"] < 0:
            text += w(
                "Activity was lost after the window, and the window's own gain can't be told from none.",
                "窗口期之后活跃减少，窗口期本身的增量与零无法区分。",
            )
        elif after["lower"] > 0:
            text += w("The gain went on after the window.", "窗口期之后仍有增量。")
        else:
            text += w(
                "No loss after the window is shown, but over so many days the net gain can't be told from none.",
                "未见后段回落，但时段拉长后净增量与零无法区分。",
            )
        if short:
            text += w(
                f" Only {case.after_days} of the {case.after_days_asked} days asked for were seen.",
                f"（要求 {case.after_days_asked} 天，仅看到 {case.after_days} 天。）",
            )
        return text

    gained = during["lower"] > 0
    tone = "bad" if gained and after["upper"] < 0 else "good" if gained and net["lower"] > 0 else "plain"
    return Finding(f"net{tail}", Text.write(sentence), figures, table="effects", tone=tone)


def course(case: Case, measures: Measures, *, weeks_before: int = 8) -> pd.DataFrame:
    """Follow the difference in activity from before the launch to the last day that was asked for.

    Returns
    -------
    DataFrame
        ``axis`` (week since the launch; period of the roll-out), ``arm, position, estimate, lower, upper, n``. Empty where
        there is nobody to compare with.
    """
    columns = ["axis", "arm", "position", "estimate", "lower", "upper", "n"]
    if measures.split is not None:
        weeks = campaign_weeks.weekly_difference(
            case.bank,
            case.campaign,
            case.assigned,
            control=case.control,
            weeks_before=weeks_before,
            days_after_launch=case.window_days + case.after_days,
            alpha=case.alpha / len(case.arms),
        )
        return weeks.rename(columns={"week": "position"}).assign(axis="week")[columns]
    if measures.events is not None:
        return measures.events.rename(columns={"period": "position"}).assign(axis="period", arm=case.arms[0])[columns]
    return pd.DataFrame(columns=columns)
