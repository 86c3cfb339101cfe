"""What is promised before launch: the brief with hypotheses, guardrails and disclosure, sealed and held against rules."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING

from helpers.bank import brief as briefs
from helpers.bank.catalogue import Words
from helpers.findings import Figure, Finding, Text
from helpers.metrics import segments
from helpers.metrics.benefits import Benefit, read_benefits
from helpers.metrics.mechanisms import Contest, Draw, Event, Ladder, Packet, Referral
from helpers.models.compliance import DISCLAIMER, STATUSES, brief_facts, check_brief, rule_findings
from helpers.steps.activities.experiment import CONTROL, arm_weights

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from helpers.bank import Bank
    from helpers.bank.brief import Brief
    from helpers.steps.activities.chosen import ChosenForm
    from helpers.steps.activities.history import EffectRanges

REDEMPTION_DAYS = 30
# Non-inferiority margins on what must not get worse, as shares of the past mean.
GUARDRAIL_MARGIN = 0.02


def write_brief(
    bank: Bank, chosen: ChosenForm, ranges: EffectRanges, rehearsed: pd.DataFrame, *, n_planned: int
) -> Brief:
    """Compose the brief: what the post-mortem will have to answer.

    Parameters
    ----------
    bank : Bank
    chosen : ChosenForm
    ranges : EffectRanges
    rehearsed : DataFrame
        As `rehearsal` gives: the baseline is its mean.
    n_planned : int
        Eligible customers.

    Returns
    -------
    Brief
        Texts that customers or colleagues read are in both languages; disclosure fields stand Chinese first, since they
        are published to customers.
    """
    plan = chosen.plan
    of = ranges.row(chosen.slug, plan.goal)
    past = rehearsed[plan.goal].dropna()
    baseline = float(past.mean()) if len(past) else 0.0
    segment = segments.pick(plan.segment).name
    form = chosen.form.name
    unit = plan.metric.unit
    arms = tuple(
        briefs.Arm(name=name, weight=weight, control=name == CONTROL) for name, weight in arm_weights(plan).items()
    )
    return briefs.Brief(
        campaign_id=plan.campaign_id,
        name=Words(en=f"{form.en} for {segment.en.lower()}", zh=f"{segment.zh}{form.zh}"),
        form=chosen.slug,
        segment=plan.segment,
        branch=plan.branch,
        written_on=plan.written_on,
        starts_date=plan.starts_date,
        ends_date=plan.ends_date,
        evaluate_on=evaluation_day(plan.starts_date, plan.duration_days, plan.lasting_days),
        budget=plan.budget,
        assignment="randomised",
        arms=arms,
        salt=plan.salt,
        n_planned=n_planned,
        benefits=chosen.form.benefits,
        channels=plan.channels,
        goal=briefs.Goal(
            metric=plan.goal,
            baseline=round(baseline, 4),
            target=round(baseline + max(of["effect"], 0.0), 4),
            unit="share" if unit == "points" else "money" if unit == "money_each" else unit,
        ),
        expectation=briefs.Expectation(
            metric=plan.goal, low=round(of["lower"], 4), mid=round(of["effect"], 4), high=round(of["upper"], 4)
        ),
        hypotheses=_hypotheses(chosen, max(round(of["lower"], 4), 0.0)),
        guardrails=_guardrails(chosen, rehearsed),
        disclosure=_disclosure(bank, chosen, read_benefits()),
    )


def evaluation_day(starts: date, duration_days: int, lasting_days: int) -> date:
    """Return the day after the last number is in: the lasting period, and the month end on which assets are read.

    Examples
    --------
    >>> evaluation_day(date(2025, 9, 8), 28, 90).isoformat()
    '2025-12-07'
    """
    end = starts + timedelta(days=duration_days - 1)
    month_end = end.replace(day=monthrange(end.year, end.month)[1])
    return max(starts + timedelta(days=lasting_days), month_end + timedelta(days=1))


def _hypotheses(chosen: ChosenForm, threshold: float) -> tuple[briefs.Hypothesis, ...]:
    plan = chosen.plan
    metric = plan.metric
    days = plan.duration_days
    asked = Text.write(
        lambda w: w(
            f"Over {days} days those treated are ahead of those held out in {metric.name.en}"
            + (f" by at least {w.n(threshold, metric.unit)}." if threshold > 0 else "."),
            f"{days} 天内，实验组的{metric.name.zh}高于留白组"
            + (f"至少 {w.n(threshold, metric.unit)}。" if threshold > 0 else "。"),
        )
    )
    found = [
        briefs.Hypothesis(
            key="goal_rises",
            text=Words(en=asked.en, zh=asked.zh),
            metric=plan.goal,
            direction="up",
            threshold=threshold,
            window_days=days,
        )
    ]
    if plan.goal != "aum_change":
        found.append(
            briefs.Hypothesis(
                key="assets_rise",
                text=Words(
                    en="Their assets grow by more than those of customers held out.",
                    zh="实验组客户的管理资产增幅高于留白组。",
                ),
                metric="aum_change",
                direction="up",
                threshold=0.0,
                window_days=days,
            )
        )
    if plan.goal != "active_days":
        found.append(
            briefs.Hypothesis(
                key="days_rise",
                text=Words(en="They come on more days than those held out.", zh="实验组客户的活跃天数多于留白组。"),
                metric="active_days",
                direction="up",
                threshold=0.0,
                window_days=days,
            )
        )
    found.append(
        briefs.Hypothesis(
            key="visits_last",
            text=Words(
                en=f"Visits are not only moved forward: over {plan.lasting_days} days those treated still come on more days.",
                zh=f"不是简单把访问提前：放到 {plan.lasting_days} 天看，实验组活跃天数仍多于留白组。",
            ),
            metric="active_days",
            direction="up",
            threshold=0.0,
            window_days=plan.lasting_days,
        )
    )
    return tuple(found)


def _guardrails(chosen: ChosenForm, rehearsed: pd.DataFrame) -> tuple[briefs.Guardrail, ...]:
    """What must not get worse by more than a margin: being active at all, and the assets at hand."""
    margins = {"is_active": 0.02}
    if len(rehearsed) and rehearsed["aum_before"].notna().all():
        margins["aum_change"] = round(GUARDRAIL_MARGIN * float(rehearsed["aum_before"].mean()), 2)
    return tuple(
        briefs.Guardrail(metric=metric, direction="up", margin=margin)
        for metric, margin in margins.items()
        if metric != chosen.plan.goal
    )


def _disclosure(bank: Bank, chosen: ChosenForm, benefits: dict[str, Benefit]) -> briefs.Disclosure:
    """Fill what prize promotions must publish from the mechanism; what only people know stays blank."""
    plan, form = chosen.plan, chosen.form
    kinds = [benefits[slug].name for slug in form.benefits if slug in benefits]
    days = f"{plan.starts_date} 至 / to {plan.ends_date}"
    until = plan.ends_date + timedelta(days=REDEMPTION_DAYS)
    names, amounts, numbers = _prizes(chosen, benefits)
    draw_method = (
        "系统按公示概率随机抽取，先到先得、送完即止 / drawn by the system at the published odds while stocks last"
        if form.has_draw
        else "不设抽奖，达标即得 / no draw: earned by reaching the step"
    )
    title = bank.settings.title
    organiser = " / ".join(dict.fromkeys(words for words in (title.get("zh"), title.get("en")) if words)) or bank.name
    return briefs.Disclosure(
        prize_kinds="、".join(kind.zh for kind in kinds) + " / " + ", ".join(kind.en for kind in kinds),
        conditions=f"受邀客户本人参与 / invited customers in person; {form.rules.zh} / {form.rules.en}",
        method=f"{form.name.zh}（App 活动页）/ {form.name.en} (campaign page of the app)",
        draw_time=days if form.has_draw else f"{days}，达标即时 / at once when earned",
        draw_method=draw_method,
        prize_amounts=amounts,
        prize_names=names,
        prize_numbers_or_odds=numbers,
        redemption_time=f"至 {until} / until {until}",
        redemption_conditions="本人账户登录使用，不可转让、不折现 / own account only, not transferable, no cash instead",
        redemption_method="App 权益中心 / rewards centre of the app",
        delivery="电子权益实时到账，实物 15 个工作日内寄出 / electronic at once, goods within 15 working days",
        forfeiture="逾期未领用视为放弃 / what is not claimed in time is forfeited",
        organiser=organiser,
        contact=plan.contact,
    )


def _prizes(chosen: ChosenForm, benefits: dict[str, Benefit]) -> tuple[str, str, str]:
    """Names, amounts and numbers or odds of the prizes, from the terms as they will run."""
    terms, form = chosen.form.terms, chosen.form
    both = [benefits[slug].name for slug in form.benefits if slug in benefits]
    plain_names = "、".join(kind.zh for kind in both) + " / " + ", ".join(kind.en for kind in both)
    thousands = chosen.sizing.n_treated / 1000
    if isinstance(terms, Draw):
        names = "；".join(f"{prize.name.zh} / {prize.name.en}" for prize in terms.prizes)
        amounts = "；".join(f"{prize.name.zh} {prize.value:.2f}" for prize in terms.prizes)
        numbers = "；".join(
            f"{prize.name.zh} 概率 / odds {prize.odds:.4%}"
            + (
                ""
                if prize.stock_per_1000 is None
                else f"，限量 / stock {int(-(-prize.stock_per_1000 * thousands // 1))}"
            )
            for prize in terms.prizes
        )
        return names, amounts, numbers
    if isinstance(terms, Contest):
        names = "；".join(f"{prize.name.zh} / {prize.name.en}" for prize in terms.prizes)
        amounts = "；".join(f"{prize.name.zh} {prize.value:.2f}" for prize in terms.prizes)
        return (
            names,
            amounts,
            "；".join(f"{prize.name.zh} {prize.number} 名 / {prize.number}" for prize in terms.prizes),
        )
    everyone = "人人达标可得，每人限额见活动规则 / everybody who reaches the step, limits in the rules"
    if isinstance(terms, Ladder):
        steps = [f"每次 / each {terms.each:.2f}"] + [f"满 / at {s.at}: {s.value:.2f}" for s in terms.milestones]
        return plain_names, "；".join(steps), everyone
    if isinstance(terms, Packet):
        pool = "" if terms.pool_per_1000 is None else f"；总额 / pool {terms.pool_per_1000 * thousands:.2f}"
        amounts = f"{terms.lowest:.2f}–{terms.highest:.2f} 随机 / at random，每人至多 / at most {terms.most}{pool}"
        return plain_names, amounts, everyone
    if isinstance(terms, Referral):
        steps = [f"第 {s.at} 位起每位 / from friend {s.at} each {s.value:.2f}" for s in terms.tiers]
        steps.append(f"好友 / friend {terms.invited_value:.2f}；至多 / at most {terms.most}")
        return plain_names, "；".join(steps), everyone
    if isinstance(terms, Event):
        seats = int(terms.seats_per_1000 * thousands)
        return plain_names, f"每席 / each seat {terms.each:.2f}", f"席位 / seats {seats}"
    raise TypeError(f"no disclosure is known for terms of kind {type(terms).__name__}")


def seal_brief(brief: Brief, path: Path | None) -> tuple[str, Finding]:
    """Write the brief (or only reckon its fingerprint in a dry run) and say what was sealed."""
    mark = briefs.fingerprint(brief) if path is None else briefs.write(brief, path)
    n_control = sum(arm.weight for arm in brief.arms if arm.control)
    figures = (
        Figure(
            "brief_fingerprint", mark, unit="text", n=brief.n_planned, period=f"{brief.starts_date}/{brief.ends_date}"
        ),
        Figure("n_planned", brief.n_planned, unit="customers"),
        Figure("n_hypotheses", len(brief.hypotheses)),
    )
    return mark, Finding(
        "brief",
        Text.write(
            lambda w: w(
                f"Brief {brief.campaign_id} is sealed with fingerprint {mark}: {len(brief.hypotheses)} hypotheses and "
                f"{len(brief.guardrails)} guardrails for {w.n(brief.n_planned, 'customers')}, {w.n(n_control, 'share')} held "
                f"out, to be answered on {brief.evaluate_on}. A later edit changes the fingerprint.",
                f"简报 {brief.campaign_id} 已封存，指纹 {mark}：{len(brief.hypotheses)} 条假设、{len(brief.guardrails)} 条护栏，"
                f"覆盖 {w.n(brief.n_planned, 'customers')}，留白 {w.n(n_control, 'share')}，{brief.evaluate_on} 作答。"
                "此后任何修改都会改变指纹。",
            )
        ),
        figures,
    )


def compliance_findings(brief: Brief, chosen: ChosenForm, *, currency: str) -> tuple[pd.DataFrame, list[Finding]]:
    """Hold the brief against the rules: the whole table, and a finding for the summary and each rule that asks for action."""
    table = check_brief(brief, chosen.form, currency=currency)
    counts = table["rule_status"].value_counts()
    breaches, reviews, ok, apart = (int(counts.get(status, 0)) for status in STATUSES)
    overdue = int(table["is_overdue"].sum())
    due = int(table["falls_due"].sum())
    head = Finding(
        "compliance",
        Text(
            f"Of {len(table)} rules {_do(breaches, 'is', 'are')} breached, {_do(reviews, 'needs', 'need')} a person, "
            f"{_do(ok, 'is', 'are')} met, {_do(apart, 'does', 'do')} not apply; reviews overdue: {overdue}, due before the campaign ends: {due}. {DISCLAIMER.en}",
            f"{len(table)} 条规则中：不符合 {breaches} 条，须人工审查 {reviews} 条，满足 {ok} 条，不适用 {apart} 条；规则复核已逾期 {overdue} 条，"
            f"活动结束前到期 {due} 条。{DISCLAIMER.zh}",
        ),
        (
            Figure("rules_breached", breaches, n=len(table)),
            Figure("rules_for_review", reviews, n=len(table)),
            Figure("rules_met", ok, n=len(table)),
            Figure("rules_not_applicable", apart, n=len(table)),
            Figure("rules_overdue", overdue, n=len(table)),
        ),
        table="compliance",
        tone="bad" if breaches else "warning" if reviews or overdue else "good",
    )
    return table, [head, *rule_findings(table, brief_facts(brief, chosen.form, currency=currency))]


def _do(n: int, one: str, many: str) -> str:
    """Count with its verb: ``1 is``, ``2 are``."""
    return f"{n} {one if n == 1 else many}"
