"""What was promised before the launch, and what the way customers came in allows to be said."""

from __future__ import annotations

from helpers.findings import Figure, Finding, Text, Writer
from helpers.steps.post_mortem.cases import RANDOMISED, ROLLOUT, Case, metric_name


def brief_findings(case: Case) -> list[Finding]:
    """Say what was promised, and whether the paper is still the one that was sealed."""
    of, brief = case.campaign, case.brief
    if brief is None:
        text = Text(
            f"No brief of {of.campaign_id} was found: without what was promised before the launch, attainment and "
            "hypotheses can't be answered; the rest of this page stands.",
            f"未找到 {of.campaign_id} 的活动简报：缺少上线前的承诺，目标达成与假设检验无法作答，其余内容不受影响。",
        )
        return [Finding("brief", text, tone="warning")]
    goal = brief.goal
    target = Figure("goal_target", goal.target, unit=_unit(goal.unit), period=case.period)

    def sentence(w: Writer) -> str:
        metric = metric_name(goal.metric).say(w.language)
        plan = case.whose_plan(w).strip()
        scope = w(f" ({plan} plan)", f"（{plan}计划）") if plan else ""
        baseline, hoped = w.n(goal.baseline, target.unit), w.n(goal.target, target.unit)
        return w(
            f"“{brief.name.en}” ({of.campaign_id}, {of.starts_date} to {of.ends_date}) was to lift {metric} "
            f"per {case.who(w)} from {baseline} to {hoped}, by a brief written on {brief.written_on}{scope}.",
            f"「{brief.name.zh}」（{of.campaign_id}，{of.starts_date} 至 {of.ends_date}）："
            f"{brief.written_on} 的简报约定，将{case.who(w)}户均{metric}由 {baseline}提升至 {hoped}{scope}。",
        )

    found = [Finding("brief", Text.write(sentence, currency=case.bank.currency), (target,))]
    if case.is_untouched:
        words = Text(
            f"The brief carries the fingerprint that it was sealed with ({case.fingerprint}): nothing in it was "
            "changed since.",
            f"简报指纹与封存时一致（{case.fingerprint}），内容未被改动。",
        )
        found.append(Finding("brief_fingerprint", words, tone="good"))
    else:
        words = Text(
            f"The brief was EDITED AFTER IT WAS SEALED (its content now gives {case.fingerprint}): goals and "
            "hypotheses below may have been fitted to the result, and their verdicts count for little.",
            f"简报在封存之后被修改过（当前内容指纹 {case.fingerprint}）："
            "下文的目标与假设可能是看着结果改的，其结论参考价值有限。",
        )
        found.append(Finding("brief_fingerprint", words, tone="bad"))
    return found


def design_remark(case: Case) -> Text:
    """Say how customers came into the campaign, and what that allows to be said."""
    n = f"{len(case.people):,}"
    if case.design == RANDOMISED:
        arms = len(case.arms) + 1
        return Text(
            f"{n} customers were drawn by chance into {arms} arms, “{case.control}” the hold-out: if the split came "
            "out as configured, the difference between arms is what the campaign caused.",
            f"{n} 位客户随机分入 {arms} 组，其中“{case.control}”为留白组："
            "若分组比例符合设定，组间差异即活动带来的效果。",
        )
    if case.design == ROLLOUT:
        return Text(
            f"{n} customers were reached branch after branch, with no draw: the effect is read from branches not yet "
            "reached, which assumes that without the campaign all would have moved alike.",
            f"{n} 位客户按网点分批上线，未作随机分组：效果以尚未上线的网点为参照估计，前提是没有活动时各网点走势相同。",
        )
    return Text(
        f"{n} customers, no hold-out and no later branches: the campaign can only be set beside other periods, and "
        "nothing below claims that it caused a difference.",
        f"共 {n} 位客户，既无留白组，也无后上线网点：只能与其他时段对照，以下内容均不构成因果结论。",
    )


def _unit(unit: str) -> str:
    return "money_each" if unit == "money" else unit
