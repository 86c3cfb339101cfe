"""The findings of activity design: each a sentence with number, unit, interval and group size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.findings import Figure, Finding, Text, Writer
from helpers.metrics.economics import rate
from helpers.steps.activities.experiment import DECIDABLE, DOUBTFUL
from helpers.steps.activities.words import BASIS, HABIT_BASIS, branch_words, segment_name

if TYPE_CHECKING:
    import pandas as pd

    from helpers.metrics.economics import Economics
    from helpers.steps.activities.chosen import ChosenForm
    from helpers.steps.activities.history import EffectRanges
    from helpers.steps.activities.plan import Plan


def choice_finding(ranking: pd.DataFrame, chosen: ChosenForm) -> Finding:
    """Which form, why, what speaks against it, and who comes next."""
    row, plan = chosen.row, chosen.plan
    name = chosen.form.name
    who = segment_name(plan.segment)
    others = ranking[ranking["form"] != chosen.slug]
    second = others.iloc[0] if len(others) else None
    score = Figure("form_score", float(row["form_score"]), unit="score", n=len(ranking))
    rank = Figure("form_rank", int(row["rank"]), n=len(ranking))
    how = (
        Text("was named by the analyst and ranks", "由分析人员指定，排名")
        if chosen.is_own_choice
        else Text("ranks", "综合排名")
    )
    next_en = f" Next: {second['form_name'].en} ({second['form_score']:.2f})." if second is not None else ""
    next_zh = f"其次：{second['form_name'].zh}（{second['form_score']:.2f}）。" if second is not None else ""
    return Finding(
        "form",
        Text(
            f"For {who.en} and the goal {plan.metric.name.en}, {name.en} {how.en} {row['rank']} of {len(ranking)} forms, "
            f"score {row['form_score']:.2f} of 1. For it: {row['reasons'].en}. Against it: {row['against'].en}.{next_en}",
            f"面向{who.zh}、以{plan.metric.name.zh}为目标，{name.zh}{how.zh}第 {row['rank']}（共 {len(ranking)} 种），"
            f"得分 {row['form_score']:.2f}（满分 1）。理由：{row['reasons'].zh}。不利因素：{row['against'].zh}。{next_zh}",
        ),
        (score, rank),
        table="forms",
        tone="warning" if row["form_verdict"] == "not_now" else "plain",
    )


def effect_finding(ranges: EffectRanges, chosen: ChosenForm, *, currency: str) -> Finding:
    """The effect to expect, as a range, and what it stands on."""
    plan = chosen.plan
    of = ranges.row(chosen.slug, plan.goal)
    used = ranges.effects[(ranges.effects["metric"] == plan.goal)]
    own = used[used["form"] == chosen.slug]
    behind = own if len(own) else used
    n = int((behind["n"] + behind["n_control"]).sum()) if len(behind) and of["basis"] != "assumption" else None
    figure = Figure(
        "expected_effect", of["effect"], of["lower"], of["upper"], plan.metric.unit, n=n, period=plan.period
    )
    basis = BASIS[of["basis"]]
    level = f"{(1 - plan.alpha) * 100:g}"
    return Finding(
        "expected_effect",
        Text.write(
            lambda w: w(
                f"Per treated customer {chosen.form.name.en} is expected to change {plan.metric.name.en} by "
                f"{w.n(of['effect'], plan.metric.unit, signed=True)} over {plan.duration_days} days; the next campaign's own "
                f"effect lies between {w.n(of['lower'], plan.metric.unit, signed=True)} and "
                f"{w.n(of['upper'], plan.metric.unit, signed=True)} in {level} of 100 cases"
                + (f" (n = {n:,})" if n else "")
                + f". It stands on {basis.en}; chance of any increase {w.n(of['p_positive'], 'probability')}.",
                f"预计{chosen.form.name.zh}使每位实验组客户的{plan.metric.name.zh}在 {plan.duration_days} 天内变化 "
                f"{w.n(of['effect'], plan.metric.unit, signed=True)}；下一场活动自身的效果有 {level}% 的可能落在 "
                f"{w.n(of['lower'], plan.metric.unit, signed=True)} 至 {w.n(of['upper'], plan.metric.unit, signed=True)}"
                + (f"（n = {n:,}）" if n else "")
                + f"。依据：{basis.zh}；提升概率 {w.n(of['p_positive'], 'probability')}。",
            ),
            currency=currency,
        ),
        (figure, Figure("p_increase", of["p_positive"], unit="probability", n=n)),
        table="effect_ranges",
    )


def cost_finding(chosen: ChosenForm, *, currency: str) -> Finding:
    """The bill as a distribution, the chance of overrun, and the rewards that keep it small."""
    sizing, plan = chosen.sizing, chosen.plan
    cost = Figure(
        "cost",
        sizing.summary["cost"],
        sizing.summary["cost_lower"],
        sizing.summary["cost_upper"],
        "money",
        sizing.n_treated,
        plan.period,
    )
    over = Figure(
        "p_over_budget",
        sizing.summary["p_over"],
        sizing.summary["p_over_lower"],
        sizing.summary["p_over_upper"],
        "probability",
        int(sizing.summary["n_simulations"]),
    )
    share = sizing.habits.share_moments[0]
    low, high = sizing.habits.share_interval(plan.alpha)
    takes_part = Figure("participation", share, low, high, "share", sizing.habits.n_treated or None)
    factor = Figure("reward_factor", sizing.factor, unit="ratio")
    basis = HABIT_BASIS[sizing.habits.basis]
    if sizing.factor >= 1:
        fits = Text("Rewards stay as written", "奖励标准无需调整")
    elif sizing.factor > 0:
        fits = Text(
            f"Rewards are cut to {sizing.factor * 100:.0f} % of the catalogue's so that the risk stays within the limit",
            f"奖励压缩至目录标准的 {sizing.factor * 100:.0f}%，以控制超支风险",
        )
    else:
        fits = Text(
            "Fixed and contact cost alone use up the budget: nothing fits", "固定成本与触达成本已用尽预算：无可行方案"
        )
    return Finding(
        "cost",
        Text.write(
            lambda w: w(
                f"The bill of {chosen.form.name.en} for {w.n(sizing.n_treated, 'customers')} treated is expected at "
                f"{w.n(cost.value, 'money')} ({w.n(cost.lower, 'money')} to {w.n(cost.upper, 'money')} in "
                f"{(1 - plan.alpha) * 100:g} of 100 cases); it exceeds the budget of {w.n(plan.budget, 'money')} with a chance "
                f"of {w.n(over.value, 'probability')} (limit {w.n(plan.overrun_risk, 'probability')}). {fits.en}. "
                f"{w.n(share, 'share')} are expected to take part ({w.n(low, 'share')} to {w.n(high, 'share')}), by {basis.en}.",
                f"{chosen.form.name.zh}面向实验组 {w.n(sizing.n_treated, 'customers')}，预计成本 {w.n(cost.value, 'money')}"
                f"（{(1 - plan.alpha) * 100:g}% 的情形在 {w.n(cost.lower, 'money')} 至 {w.n(cost.upper, 'money')}）；"
                f"超出预算 {w.n(plan.budget, 'money')} 的概率为 {w.n(over.value, 'probability')}"
                f"（上限 {w.n(plan.overrun_risk, 'probability')}）。{fits.zh}。预计参与率 {w.n(share, 'share')}"
                f"（{w.n(low, 'share')} 至 {w.n(high, 'share')}），依据：{basis.zh}。",
            ),
            currency=currency,
        ),
        (cost, over, takes_part, factor),
        table="cost_distribution",
        tone="bad" if sizing.factor == 0 else "warning" if sizing.factor < 1 else "plain",
    )


def leak_finding(chosen: ChosenForm, *, currency: str) -> Finding:
    """What bonus hunters may take, and how that is prevented."""
    form = chosen.written
    reward = float(chosen.sizing.draws["reward_cost"].mean())
    share = form.leak_share
    n = chosen.sizing.n_treated
    figure = Figure("expected_leak", reward * share.mid, reward * share.low, reward * share.high, "money", n)
    return Finding(
        "leak",
        Text.write(
            lambda w: w(
                f"Bonus hunters may take {w.n(figure.value, 'money')} of the rewards ({w.n(figure.lower, 'money')} to "
                f"{w.n(figure.upper, 'money')}; shares assumed by the catalogue, {w.n(n, 'customers')} treated). "
                f"How: {form.abuse.en.rstrip('.')}. Prevention: {form.prevention.en.rstrip('.')}.",
                f"羊毛党可能套走奖励 {w.n(figure.value, 'money')}（{w.n(figure.lower, 'money')} 至 {w.n(figure.upper, 'money')}；"
                f"比例为目录假设，实验组 {w.n(n, 'customers')}）。手法：{form.abuse.zh.rstrip('。')}。"
                f"防范：{form.prevention.zh.rstrip('。')}。",
            ),
            currency=currency,
        ),
        (figure,),
        tone="warning" if form.abuse_level == "high" else "plain",
    )


def return_finding(result: dict[str, float], chosen: ChosenForm, *, economics: Economics, currency: str) -> Finding:
    """Return on cost as a range, its convention, and what would have to happen to break even."""
    plan, n = chosen.plan, chosen.sizing.n_treated
    roi = Figure("roi", result["roi"], result["roi_lower"], result["roi_upper"], "ratio", n, plan.period)
    value = Figure("value_each", result["value_each"], result["value_lower"], result["value_upper"], "money_each", n)
    even = Figure("break_even_assets", result["break_even_assets"], unit="money_each", n=n)
    days = Figure("break_even_days", result["break_even_days"], unit="days", n=n)
    back = Figure("p_pays_back", result["p_pays_back"], unit="probability", n=n)
    how = (
        Text("return ÷ cost, 1 is break-even", "回报÷成本，1 为保本")
        if plan.roi_convention == "ratio"
        else Text("(return − cost) ÷ cost, 0 is break-even", "（回报−成本）÷成本，0 为保本")
    )
    counted = _COUNTED[plan.return_basis]
    return Finding(
        "roi",
        Text.write(
            lambda w: w(
                f"Expected ROI {w.n(roi.value, 'ratio')} ({w.n(roi.lower, 'ratio')} to {w.n(roi.upper, 'ratio')} in "
                f"{(1 - plan.alpha) * 100:g} of 100 cases; {how.en}; {w.n(n, 'customers')} treated). It pays back with a chance "
                f"of {w.n(back.value, 'probability')}. A treated customer costs {w.n(result['cost_each'], 'money_each')}: to cover that, "
                f"assets alone would have to rise by {w.n(even.value, 'money_each')} for {plan.earning_days} days, or active days "
                f"alone by {w.n(days.value, 'days')}. Counted as return: {counted.en}. It stands on a spread of "
                f"{rate(w, economics.spread)} less {rate(w, economics.expected_loss)} expected loss a year, and fees of "
                f"{w.n(economics.fee_income_per_active_month, 'money_each')} less "
                f"{w.n(economics.servicing_cost_per_active_month, 'money_each')} servicing an active month.",
                f"预期 ROI {w.n(roi.value, 'ratio')}（{(1 - plan.alpha) * 100:g}% 的情形在 {w.n(roi.lower, 'ratio')} 至 "
                f"{w.n(roi.upper, 'ratio')}；口径：{how.zh}；实验组 {w.n(n, 'customers')}）。回本概率 "
                f"{w.n(back.value, 'probability')}。实验组人均成本 {w.n(result['cost_each'], 'money_each')}：仅靠资产须人均提升 "
                f"{w.n(even.value, 'money_each')} 并留存 {plan.earning_days} 天，仅靠活跃须多 {w.n(days.value, 'days')}，方可保本。"
                f"回报口径：{counted.zh}；年化点差 {rate(w, economics.spread)}、预期损失 {rate(w, economics.expected_loss)}，"
                f"活跃月手续费 {w.n(economics.fee_income_per_active_month, 'money_each')}、服务成本 "
                f"{w.n(economics.servicing_cost_per_active_month, 'money_each')}。",
            ),
            currency=currency,
        ),
        (roi, value, even, days, back),
        table="forms",
        tone="good" if result["p_pays_back"] >= 0.8 else "warning" if result["p_pays_back"] < 0.5 else "plain",
    )


def experiment_finding(options: pd.DataFrame, chosen: ChosenForm, *, n: int, currency: str) -> Finding:
    """Whether the customers at hand can decide the question; “undecidable” is a good answer."""
    plan = chosen.plan
    who = segment_name(plan.segment)
    where = branch_words(plan.branch)
    if options.empty:
        return Finding(
            "experiment",
            Text(
                f"{n:,} customers of {who.en}{where.en} are eligible, and their past doesn't say how {plan.metric.name.en} "
                "varies: undecidable here.",
                f"{who.zh}{where.zh}可入组客户 {n:,} 人，历史不足以判断{plan.metric.name.zh}的波动：此处无法得出结论。",
            ),
            tone="warning",
        )
    row = options.iloc[0]
    of_effect = chosen.row["expected_effect"]
    need = options[options["plan_option"] == "enough"]
    n_needed = int(need["n"].iloc[0]) if len(need) else None
    unit = plan.metric.unit
    figures = (
        Figure("detectable_effect", float(row["detectable_effect"]), unit=unit, n=int(row["n"]), period=plan.period),
        Figure("assurance", float(row["assurance"]), unit="probability", n=int(row["n"])),
        Figure("n_needed", n_needed, unit="customers"),
    )
    if row["experiment_answer"] == DECIDABLE:
        verdict = Text("The expected effect would be seen", "预期效果可以被检出")
    elif row["experiment_answer"] == DOUBTFUL:
        verdict = Text(
            "Only an effect in the upper part of its range would be seen", "只有效果落在区间上半部分时才能检出"
        )
    else:
        verdict = Text("Undecidable with so few customers", "客户太少，无法判定")
    more = Text("", "")
    if n_needed and row["experiment_answer"] != DECIDABLE:
        cycles = -(-n_needed // max(int(row["n"]), 1))
        more = Text.write(
            lambda w: w(
                f" For the expected effect {w.n(n_needed, 'customers')} are needed: {cycles} such campaigns read together, or "
                "more branches.",
                f"要检出预期效果需 {w.n(n_needed, 'customers')}：约 {cycles} 场同类活动合并，或联合更多网点。",
            )
        )
    elif not n_needed:
        more = Text(
            " No increase is expected, so no number of customers would show one.", "预期无提升，再多客户也检不出提升。"
        )
    return Finding(
        "experiment",
        Text.write(
            lambda w: w(
                f"{w.n(int(row['n']), 'customers')} of {who.en}{where.en} are eligible, {w.n(int(row['n_control']), 'count')} of "
                f"them held out: with power {w.n(plan.power, 'share')} an increase of "
                f"{w.n(float(row['detectable_effect']), unit)} would be detected, expected are "
                f"{w.n(of_effect, unit, signed=True)}. {verdict.en}; averaged over what the effect may be, a clear result comes "
                f"with a chance of {w.n(float(row['assurance']), 'probability')}.{more.en}",
                f"{who.zh}{where.zh}可入组 {w.n(int(row['n']), 'customers')}，其中留白 {w.n(int(row['n_control']), 'count')} 人："
                f"在 {w.n(plan.power, 'share')} 功效下可检出 {w.n(float(row['detectable_effect']), unit)}的提升，预期效果为 "
                f"{w.n(of_effect, unit, signed=True)}。{verdict.zh}；对效果的不确定性取平均后，得到明确结论的概率为 "
                f"{w.n(float(row['assurance']), 'probability')}。{more.zh}",
            ),
            currency=currency,
        ),
        figures,
        table="experiment",
        tone="good" if row["experiment_answer"] == DECIDABLE else "warning",
    )


def draw_finding(check: dict, plan: Plan, *, currency: str) -> Finding:
    """Say that the draw is sound: split as configured, arms alike before anybody is treated."""
    n = int(check["n"])
    unit = plan.metric.unit
    before = Figure(
        "before", check["before"], check["before_lower"], check["before_upper"], unit, int(check["n_before"])
    )
    split = Figure("split_p_value", check["split_p_value"], unit="p_value", n=n)
    if n == 0:
        text = Text("Nobody is eligible, so no arms are drawn.", "无可入组客户，未抽签分组。")
        return Finding("draw", text, (split,), tone="warning")
    alike = check["before"] == check["before"]
    holds = alike and check["before_lower"] <= 0 <= check["before_upper"]

    def sentence(w: Writer) -> str:
        head = w(
            f"With salt “{plan.salt}” {w.n(check['n_treatment'])} customers fall into treatment and {w.n(check['n_control'])} "
            f"into the hold-out (split as configured: p = {w.n(check['split_p_value'], 'p_value')}).",
            f"盐值“{plan.salt}”下，实验组 {w.n(check['n_treatment'])} 人、留白组 {w.n(check['n_control'])} 人"
            f"（与设定比例一致性 p = {w.n(check['split_p_value'], 'p_value')}）。",
        )
        if not alike:
            return head + w(" Whether they were alike beforehand can't be told.", "两组事前是否一致无从判断。")
        gap = w.est(before, signed=True)
        if holds:
            return head + w(
                f" Before anybody was treated the arms differed by {gap} in {plan.metric.name.en}: as chance has it.",
                f"活动前两组{plan.metric.name.zh}相差 {gap}，属随机波动。",
            )
        return head + w(
            f" Before anybody was treated the arms differed by {gap} in {plan.metric.name.en}, more than chance usually has it: "
            "choose another salt now, or adjust for the past later.",
            f"活动前两组{plan.metric.name.zh}已相差 {gap}，超出通常的随机波动：请现在更换盐值，或事后用历史数据校正。",
        )

    sound = check["split"] == "ok" and (holds or not alike)
    return Finding(
        "draw", Text.write(sentence, currency=currency), (split, before), tone="plain" if sound else "warning"
    )


_COUNTED = {
    "activity": Text("activity alone", "仅活跃"),
    "money": Text("money alone", "仅资产"),
    "both": Text("activity and money", "活跃与资产合计"),
}
