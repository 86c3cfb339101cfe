"""The bank's papers: `bank.yml`, the brief of every campaign as it was written before launch, and two READMEs."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from helpers.bank import brief as briefs
from helpers.bank.catalogue import Words
from helpers.bank.sample.cell import World
from helpers.bank.sample.plans import EFFECT_DAYS, HOLD_OUT, Plan, plans_in

_ACTIVE_DAYS_USUAL = 4.6  # of an eligible customer in 28 days, as the planners knew it
_ORGANISER = "示例银行（模拟）"

_BANK = """\
# A simulated bank: every customer, event and amount was drawn by chance. README.md says what was planted.
schema_version: 1
name: sample
title:
  en: Sample bank
  zh: 示例银行
currency: CNY
timezone: Asia/Shanghai
simulated: true
activity_means:
  en: an event in the app (signed in, browsed, or more)
  zh: App 内的任一事件（登录、浏览及以上）
notes:
  en: Simulated with planted effects; nothing here describes a real bank or person.
  zh: 数据为模拟生成，效果为人为设定，与任何真实银行或个人无关。
tables:
"""


def write_papers(folder: Path, world: World) -> None:
    """Write everything of a bank that is not a table."""
    names = sorted(path.stem for path in folder.glob("*.parquet"))
    lines = ["  activity: {file: activity/*.parquet}"]
    lines += [f"  {name}: {{file: {name}.parquet}}" for name in names]
    (folder / "bank.yml").write_text(_BANK + "\n".join(lines) + "\n", encoding="utf-8")
    here = Path(__file__).parent
    sizes = f"{world.customers:,} customers, {world.window.start} to 2025-12-31, seed {world.seed}."
    readme = (here / "bank_readme.md").read_text(encoding="utf-8")
    (folder / "README.md").write_text(readme.replace("{sizes}", sizes), encoding="utf-8")
    truth = (here / "truth_readme.md").read_text(encoding="utf-8")
    (folder / "truth" / "README.md").write_text(truth, encoding="utf-8")
    (folder / "briefs").mkdir()
    for plan in plans_in(world.window):
        briefs.write(brief_of(plan, world), folder / "briefs" / f"{plan.campaign_id}.yml")


def brief_of(plan: Plan, world: World) -> briefs.Brief:
    """Write down what the planners hoped for, ten days before the launch, in good faith and without the truth."""
    launch, ends = (date.fromisoformat(value) for value in (plan.launch, plan.ends))
    treated = [name for name, _ in plan.arms if name != HOLD_OUT]
    rewards = [reward for arm in treated for reward in plan.rewards[arm]]
    arms = [briefs.Arm(name=name, weight=weight, control=name == HOLD_OUT) for name, weight in plan.arms]
    return briefs.Brief(
        campaign_id=plan.campaign_id,
        name=Words(en=plan.en, zh=plan.zh),
        form=plan.form,
        segment=plan.segment if plan.segment in ("silver", "women") else "all",
        written_on=launch - timedelta(days=10),
        starts_date=launch,
        ends_date=ends,
        evaluate_on=max(ends, launch + timedelta(days=EFFECT_DAYS - 1)) + timedelta(days=31),
        budget=plan.budget(world.customers),
        assignment="randomised" if plan.is_randomised else "branch_rollout",
        arms=tuple(arms),
        n_planned=plan.planned(world.customers),
        benefits=tuple(dict.fromkeys(reward.kind for reward in rewards)),
        channels=tuple(channel for channel, _ in plan.channels),
        goal=_goal(plan),
        expectation=_expectation(plan),
        hypotheses=_hypotheses(plan),
        guardrails=(
            briefs.Guardrail(metric="active_days", direction="up", margin=0.2)
            if plan.planted == "rotates"
            else briefs.Guardrail(metric="aum_change", direction="up", margin=1_000.0),
        ),
        disclosure=briefs.Disclosure(
            prize_kinds="、".join(dict.fromkeys(reward.kind for reward in rewards)),
            conditions=f"活动期内登录 App 并完成「{plan.zh}」任务的受邀客户",
            method="达标即发，先到先得" if plan.form != "lucky_draw" else "转盘抽奖",
            draw_time=f"{plan.launch} 至 {plan.ends}",
            draw_method="系统即时发放" if plan.form != "lucky_draw" else "系统按公示概率随机抽取",
            prize_amounts="单份成本均值 " + "、".join(f"{reward.cost:g} 元" for reward in rewards),
            prize_names=plan.zh,
            prize_numbers_or_odds="" if plan.form == "lucky_draw" else "以活动页公示库存为准",
            redemption_time="发放后 30 天内",
            redemption_conditions="本人账户登录使用",
            redemption_method="App 权益中心",
            delivery="实时到账",
            forfeiture="逾期未使用视为放弃",
            organiser=_ORGANISER,
            contact="App 在线客服",
        ),
    )


def _goal(plan: Plan) -> briefs.Goal:
    if plan.planted == "rotates":
        return briefs.Goal(metric="aum_change", baseline=0.0, target=3_000.0, unit="money")
    gain = _hope(plan)[1]
    return briefs.Goal(
        metric="active_days", baseline=_ACTIVE_DAYS_USUAL, target=round(_ACTIVE_DAYS_USUAL + gain, 1), unit="days"
    )


def _hope(plan: Plan) -> tuple[float, float, float]:
    """Range of the effect in active days that planners of each form used to expect."""
    return {
        "checkin": (0.3, 0.8, 1.3),
        "quiz": (0.2, 0.5, 0.9),
        "invite": (0.0, 0.2, 0.5),
    }.get(plan.form, (0.2, 0.6, 1.0))


def _expectation(plan: Plan) -> briefs.Expectation:
    if plan.planted == "rotates":
        return briefs.Expectation(metric="aum_change", low=500.0, mid=3_000.0, high=6_000.0)
    low, mid, high = _hope(plan)
    return briefs.Expectation(metric="active_days", low=low, mid=mid, high=high)


def _hypotheses(plan: Plan) -> tuple[briefs.Hypothesis, ...]:
    low = _hope(plan)[0]
    found = [
        briefs.Hypothesis(
            key="more_active_days",
            text=Words(
                en=f"Treated customers come on at least {low:g} more days in 28 than those held out.",
                zh=f"实验组客户 28 天内的活跃天数比留白组至少多 {low:g} 天。",
            ),
            metric="active_days",
            direction="up",
            threshold=low,
            window_days=EFFECT_DAYS,
        )
    ]
    if plan.assets or plan.pulls_assets or plan.planted == "rotates":
        found.append(
            briefs.Hypothesis(
                key="more_assets",
                text=Words(
                    en="Their assets grow by more than those of customers held out.",
                    zh="实验组客户的管理资产增幅高于留白组。",
                ),
                metric="aum_change",
                direction="up",
                threshold=0.0,
                window_days=EFFECT_DAYS,
            )
        )
    if plan.form == "checkin":
        found.append(
            briefs.Hypothesis(
                key="more_customers_active",
                text=Words(
                    en="The share of customers active in the 28 days rises by at least 2 percentage points.",
                    zh="28 天内有活跃行为的客户占比至少提升 2 个百分点。",
                ),
                metric="is_active",
                direction="up",
                threshold=0.02,
                window_days=EFFECT_DAYS,
            )
        )
    return tuple(found)
