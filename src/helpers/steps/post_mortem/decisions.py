"""Go on, change or stop — the first rule that fires, on the interval's lower end — and what the next cycle takes over."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from helpers.findings import Finding, Text, Writer
from helpers.steps.post_mortem import cases
from helpers.steps.post_mortem.cases import Case, metric_name, metric_unit
from helpers.steps.post_mortem.earnings import pick
from helpers.steps.post_mortem.hunters import Hunters
from helpers.steps.post_mortem.measures import CONDITIONAL, DIFFERENCE, Measures

SHOWN = ["metric", "arm", "estimate", "se", "lower", "upper", "n", "basis", "decision"]
GO_ON, CHANGE, STOP = "go_on", "change", "stop"


@dataclass(frozen=True)
class Decision:
    """What to do with the campaign, the rule that said so, and for which arm."""

    arm: str
    action: str
    rule: str
    words: Text


def decide(
    case: Case,
    measures: Measures,
    returns: pd.DataFrame,
    *,
    return_basis: str = "both",
    roi_margin: float = 1.0,
) -> list[Decision]:
    """Go on, change or stop: the first rule that fires, on the interval's lower end; one decision an arm.

    Rules in order: ``broken_split``, ``no_hold_out`` → change · ``not_measured`` → change · ``harm`` (upper end below 0) →
    stop · ``pulled_forward`` (gain in the window, loss after it, net lower end not above 0) → stop · ``rotated`` (money
    rose in the window, of what was kept the lower end is not above 0) → change · ``too_small`` (even the upper end is
    below the smallest effect that was hoped for) → stop · ``uncertain`` (lower end not above 0) → change · ``pays``
    (lower end of the ROI at least ``roi_margin``) → go on · ``does_not_pay`` (its upper end is below) → change ·
    ``may_pay`` → change · ``no_cost`` (an effect, no cost recorded) → go on.

    Parameters
    ----------
    returns : DataFrame of :func:`returns.returns`
    return_basis : {"activity", "money", "both"}
    roi_margin : float
        ROI from which the campaign pays, in the convention of ``returns``.
    """
    return [_decide(case, measures, returns, arm, return_basis, roi_margin) for arm in case.arms]


def _decide(
    case: Case, measures: Measures, returns: pd.DataFrame, arm: str, return_basis: str, roi_margin: float
) -> Decision:
    metric = case.goal_metric
    rule, action = _fired(case, measures, returns, arm, return_basis, roi_margin)
    unit = metric_unit(metric, difference=True)
    row, roi = measures.row(metric, arm), pick(returns, arm, return_basis)

    def sentence(w: Writer) -> str:
        name = metric_name(metric).en if w.language == "en" else metric_name(metric).zh
        low = w.n(None if row is None else row["lower"], unit, signed=True)
        high = w.n(None if row is None else row["upper"], unit, signed=True)
        roi_low = w.n(None if roi is None else roi["roi_lower"], "ratio")
        roi_high = w.n(None if roi is None else roi["roi_upper"], "ratio")
        smallest = w.n(smallest_hoped(case), unit)
        en, zh = _RULES[rule]
        facts = {
            "name": name, "low": low, "high": high, "roi_low": roi_low, "roi_high": roi_high,
            "margin": w.n(roi_margin, "ratio"), "smallest": smallest,
        }  # fmt: skip
        head = w(*_ACTIONS[action])
        named = cases.arm_name(arm, w.language)
        of_arm = "" if len(case.arms) == 1 else w(f" (arm {named})", f"（{named}组）")
        condition = ""
        if measures.claim == CONDITIONAL and rule not in ("not_measured",):
            condition = w(
                "if without the campaign the branches would have moved alike, ", "若没有活动时各网点走势相同，则"
            )
        return w(f"{head}{of_arm}: {condition}{en.format(**facts)}", f"{head}{of_arm}：{condition}{zh.format(**facts)}")

    return Decision(arm, action, rule, Text.write(sentence, currency=case.bank.currency))


def _fired(
    case: Case, measures: Measures, returns: pd.DataFrame, arm: str, return_basis: str, roi_margin: float
) -> tuple[str, str]:
    if measures.basis == "broken_split":
        return "broken_split", CHANGE
    if measures.claim == DIFFERENCE:
        return "no_hold_out", CHANGE
    row = measures.row(case.goal_metric, arm)
    if row is None or row["lower"] != row["lower"]:
        return "not_measured", CHANGE
    if row["upper"] < 0:
        return "harm", STOP
    if case.goal_metric in cases.ACTIVITY and _is_pulled_forward(measures, arm):
        return "pulled_forward", STOP
    if case.goal_metric in cases.MONEY and _is_rotated(measures, arm):
        return "rotated", CHANGE
    if row["upper"] < smallest_hoped(case):
        return "too_small", STOP
    if row["lower"] <= 0:
        return "uncertain", CHANGE
    roi = pick(returns, arm, return_basis)
    if roi is None or roi["roi"] != roi["roi"]:
        return "no_cost", GO_ON
    if roi["roi_lower"] >= roi_margin:
        return "pays", GO_ON
    return ("does_not_pay", CHANGE) if roi["roi_upper"] < roi_margin else ("may_pay", CHANGE)


def _is_pulled_forward(measures: Measures, arm: str) -> bool:
    during, after = measures.row("active_days", arm), measures.row("active_days_after", arm)
    net = measures.row("active_days_net", arm)
    if during is None or after is None or net is None:
        return False
    return bool(during["lower"] > 0 and after["upper"] < 0 and net["lower"] <= 0)


def _is_rotated(measures: Measures, arm: str) -> bool:
    during, kept = measures.row("aum_change", arm), measures.row("aum_kept_change", arm)
    return during is not None and kept is not None and bool(during["lower"] > 0 and kept["lower"] <= 0)


def smallest_hoped(case: Case) -> float:
    """Return the smallest effect on the goal's metric that the brief hoped for; 0 without one."""
    brief = case.brief
    if brief is None:
        return 0.0
    if brief.expectation and brief.expectation.metric == case.goal_metric:
        return max(brief.expectation.low, 0.0)
    hopes = [
        claim.threshold for claim in brief.hypotheses if claim.metric == case.goal_metric and claim.direction == "up"
    ]
    return max([0.0, *hopes])


_ACTIONS = {GO_ON: ("GO ON", "继续"), CHANGE: ("CHANGE", "调整"), STOP: ("STOP", "停止")}
_RULES = {
    "broken_split": (
        "the split is broken, so nothing was learnt about the effect. Repair the way the list is made and run the test again.",
        "分组比例异常，效果无从得知。请先修复名单生成流程，再重新测试。",
    ),
    "no_hold_out": (
        "without a hold-out or later branches nothing was learnt about the effect. Run it again with customers held out.",
        "没有留白组，也没有后上线网点，效果无从得知。下次请预留留白组再做。",
    ),
    "not_measured": (
        "the effect on {name} could not be measured, so there is nothing to go by. Measure it next time.",
        "对{name}的效果未能测得，缺少决策依据。下次请先确保可测。",
    ),
    "harm": (
        "even the upper end of the effect on {name}, {high}, lies below 0.",
        "对{name}的效果连上限 {high} 也低于 0。",
    ),
    "pulled_forward": (
        "what {name} gained in the window (at least {low}) was lost in the days after it: activity was brought "
        "forward, not added.",
        "窗口期内{name}的增量（至少 {low}）在随后被抵回：只是提前消费了活跃，并未新增。",
    ),
    "rotated": (
        "money rose while it was measured (at least {low} each), but of what was kept 31-90 days later the lower end is not "
        "above 0. Pay for money that stays, not for a day's balance.",
        "考核时点资金上升（户均至少 {low}），但结束 31–90 天后的留存下限不高于 0。"
        "应按留存付费，而不是按时点余额付费。",
    ),
    "too_small": (
        "even the upper end of the effect on {name}, {high}, is below the smallest that was hoped for, {smallest}.",
        "对{name}的效果连上限 {high} 也低于期望的最小值 {smallest}。",
    ),
    "uncertain": (
        "the lower end of the effect on {name}, {low}, is not above 0, its upper end {high} still promising: too few "
        "customers to tell. Test again with more before scaling.",
        "对{name}的效果下限 {low} 不高于 0，上限 {high} 仍有希望：样本不足以判断。请扩大样本再测，暂不推广。",
    ),
    "pays": (
        "the lower end of the ROI, {roi_low}, is at least {margin}, and the effect on {name} at least {low}.",
        "ROI 下限 {roi_low} 不低于 {margin}，对{name}的效果至少 {low}。",
    ),
    "does_not_pay": (
        "the effect on {name} is above 0 (at least {low}), but even the upper end of the ROI, {roi_high}, is below {margin}: "
        "make it cheaper before it runs again.",
        "对{name}的效果高于 0（至少 {low}），但 ROI 上限 {roi_high} 也低于 {margin}：先降成本再做。",
    ),
    "may_pay": (
        "the effect on {name} is above 0 (at least {low}), but the ROI reaches from {roi_low} to {roi_high}, across {margin}: "
        "whether it pays is open. Cut the cost or measure money in a larger group.",
        "对{name}的效果高于 0（至少 {low}），但 ROI 区间 {roi_low} 至 {roi_high} 跨过 {margin}：是否划算尚未可知。"
        "请先降本，或以更大样本测资金效果。",
    ),
    "no_cost": (
        "the effect on {name} is at least {low}; no cost is recorded, so whether it pays is not known.",
        "对{name}的效果至少 {low}；未记录成本，是否划算未知。",
    ),
}  # fmt: skip


def decision_findings(decisions: list[Decision]) -> list[Finding]:
    """Say each decision with the rule that fired."""
    tones = {GO_ON: "good", CHANGE: "warning", STOP: "bad"}
    return [
        Finding(
            "decision" if len(decisions) == 1 else f"decision_{decision.arm}",
            decision.words,
            table="next_cycle",
            tone=tones[decision.action],
        )
        for decision in decisions
    ]


def next_cycle(
    case: Case,
    measures: Measures,
    returns: pd.DataFrame,
    hunters: Hunters,
    decisions: list[Decision],
    *,
    return_basis: str,
) -> pd.DataFrame:
    """What the next cycle takes over: each measured effect with its standard error, what it cost, what was decided.

    Returns
    -------
    DataFrame, one row a metric and arm
        ``campaign_id, form, segment, starts_date, metric, arm, basis, is_causal, window_days, n, n_control, estimate, se,
        lower, upper, participation_rate, cost_each, roi, hunter_share, decision, rule``.
    """
    people = case.treated
    rows = []
    flagged = hunters.table[hunters.table["rule"] == "flagged"] if len(hunters.table) else hunters.table
    by_arm = {decision.arm: decision for decision in decisions}
    for _, row in measures.headline.iterrows():
        mine = people[people["arm"] == row["arm"]]
        roi = pick(returns, str(row["arm"]), return_basis)
        rows.append(
            {
                "campaign_id": case.campaign.campaign_id,
                "form": case.campaign.form,
                "segment": case.brief.segment if case.brief else "",
                "branch": case.bank.branch or "",
                "starts_date": case.campaign.starts_date.isoformat(),
                "metric": row["metric"],
                "arm": row["arm"],
                "basis": row["basis"],
                "is_causal": measures.is_causal,
                "window_days": case.window_days,
                "n": int(row["n"]),
                "n_control": int(row["n_control"]),
                "estimate": row["estimate"],
                "se": row["se"],
                "lower": row["lower"],
                "upper": row["upper"],
                "participation_rate": float(mine["is_joined"].mean()) if len(mine) else float("nan"),
                "cost_each": float(mine["rewarded_cost"].mean()) if len(mine) else float("nan"),
                "roi": float("nan") if roi is None else roi["roi"],
                "hunter_share": float(flagged["flagged_share"].iloc[0]) if len(flagged) else float("nan"),
                "decision": by_arm[row["arm"]].action,
                "rule": by_arm[row["arm"]].rule,
            }
        )
    return pd.DataFrame(rows)
