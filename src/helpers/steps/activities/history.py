"""What past campaigns of this bank say about the coming one: ranges of effects by form, and who could not testify."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from helpers.findings import Figure, Finding, Text
from helpers.metrics import outcomes, participation
from helpers.metrics.forms import read_forms
from helpers.metrics.mechanisms import PERIOD_DAYS
from helpers.models.mechanism.habits import ASSUMPTION, LEAST_OTHERS, OTHER_FORMS, OWN_FORM
from helpers.models.pooling import RandomEffects
from helpers.models.track_record import METRICS, past_effects

if TYPE_CHECKING:
    import pandas as pd

    from helpers.bank import Bank
    from helpers.metrics.forms import Form
    from helpers.steps.activities.plan import Plan

_Z = 1.959964


@dataclass
class EffectRanges:
    """Effects of a new campaign, by form and metric.

    Attributes
    ----------
    effects, checks : DataFrame
        As `helpers.models.track_record.past_effects` gives, of the whole bank.
    participation, levels : DataFrame
        As `helpers.metrics.participation.participation` gives.
    pooled : dict of metric to RandomEffects
    missing_tables : tuple of str
        Tables that the bank has not and without which something can't be learnt.
    table : DataFrame, one row a form and metric
        ``form, metric, n_campaigns`` (own), ``effect, effect_sd, lower, upper`` per treated customer, ``p_positive``,
        ``basis``: ``own_form`` (the bank's randomised campaigns of the form, shrunk), ``other_forms`` (its campaigns of
        other forms weighed with the catalogue's assumption), ``assumption`` (the catalogue's range alone).
    """

    effects: pd.DataFrame
    checks: pd.DataFrame
    participation: pd.DataFrame
    levels: pd.DataFrame
    table: pd.DataFrame
    pooled: dict[str, RandomEffects]
    missing_tables: tuple[str, ...] = ()

    def draw(self, form: str, metric: str, *, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw effects of a new campaign: shape (n,)."""
        row = self.row(form, metric)
        if row["basis"] == OWN_FORM:
            return self.pooled[metric].draw(form, n=n, rng=rng)
        return row["effect"] + row["effect_sd"] * rng.standard_normal(n)

    def row(self, form: str, metric: str) -> dict:
        """Return the range of one form and metric."""
        found = self.table[(self.table["form"] == form) & (self.table["metric"] == metric)]
        return found.iloc[0].to_dict()


def learn_effects(bank: Bank, plan: Plan, *, forms: dict[str, Form] | None = None) -> EffectRanges:
    """Read the bank's past campaigns and form ranges for every form of the catalogue.

    Past campaigns are read on the whole bank even when one branch is looked at: a branch alone could tell nothing.

    Parameters
    ----------
    bank : Bank
    plan : Plan
    forms : dict of slug to Form, optional
        The catalogue by default.

    Returns
    -------
    EffectRanges
    """
    import pandas as pd

    known = read_forms() if forms is None else forms
    whole = bank.at(as_of=bank.as_of)
    effects, checks = past_effects(
        whole,
        segment=plan.segment,
        window_days=plan.duration_days,
        lasting_days=plan.lasting_days,
        alpha=plan.alpha,
    )
    finished = outcomes.finished_campaigns(whole, window_days=plan.duration_days)
    habits, levels = participation.participation(whole, finished, segment=plan.segment)
    pooled: dict[str, RandomEffects] = {}
    rows = []
    for metric in METRICS:
        mine = effects[effects["metric"] == metric]
        if len(mine):
            pooled[metric] = RandomEffects().fit(mine, by="form", alpha=plan.alpha)
        scale = plan.duration_days / PERIOD_DAYS
        for slug, form in known.items():
            rows.append({"form": slug, "metric": metric} | _range(form, slug, metric, pooled.get(metric), plan, scale))
    missing = tuple(name for name in _LOST if name in bank.missing_tables)
    return EffectRanges(effects, checks, habits, levels, pd.DataFrame(rows), pooled, missing)


def _range(
    form: Form, slug: str, metric: str, pooled: RandomEffects | None, plan: Plan, scale: float
) -> dict[str, object]:
    """Range of one form's effect: own history, else other forms weighed with the assumption, else the assumption."""
    from scipy.special import ndtr
    from scipy.stats import norm

    z = float(norm.isf(plan.alpha / 2))
    n_own = pooled.groups_.count(slug) if pooled else 0
    if pooled and n_own:
        row = pooled.predict([slug], alpha=plan.alpha).iloc[0]
        mean, sd, lower, upper, p = (float(row[name]) for name in ("mean", "sd", "lower", "upper", "p_positive"))
        basis = OWN_FORM
    else:
        assumed = form.assumed.effects[metric]
        # active days grow with the days that a campaign runs; a share and a change of assets do not
        stretch = scale if metric == "active_days" else 1.0
        mean, sd, basis = assumed.mid * stretch, (assumed.high - assumed.low) / (2 * _Z) * stretch, ASSUMPTION
        if pooled and len(pooled.groups_) >= LEAST_OTHERS:
            other = pooled.predict([slug], alpha=plan.alpha).iloc[0]
            precision = np.array([1 / sd**2, 1 / float(other["sd"]) ** 2])
            mean = float(precision @ [mean, float(other["mean"])] / precision.sum())
            sd, basis = float(precision.sum() ** -0.5), OTHER_FORMS
        lower, upper, p = mean - z * sd, mean + z * sd, float(ndtr(mean / sd))
    return {
        "n_campaigns": n_own,
        "effect": mean,
        "effect_sd": sd,
        "lower": lower,
        "upper": upper,
        "p_positive": p,
        "basis": basis,
    }


# What can't be learnt without a table.
_LOST: dict[str, Text] = {
    "campaigns": Text("which campaigns there were", "历史活动清单"),
    "assignments": Text("what campaigns caused", "活动带来的因果效果"),
    "rewards": Text("how often participants succeed and what they are paid", "参与频次与实际奖励支出"),
    "touches": Text("what it costs to reach a customer (reckoned as 0)", "触达成本（按 0 计）"),
}
_REASONS = {
    "broken_split": Text("split broken (customers were lost after the draw)", "分流失衡（抽签后有客户被剔除）"),
    "not_drawn": Text("arms were not drawn by chance", "未随机分组"),
    "no_control": Text("nobody was held out", "没有留白组"),
    "too_few": Text("too few customers in an arm", "某组人数过少"),
}


def campaigns_table(ranges: EffectRanges) -> pd.DataFrame:
    """Past campaigns with the naive answer, take-up, beside whether they can testify.

    Returns
    -------
    DataFrame, one row a campaign
        ``campaign_id, form, participation_share`` of treated customers with its interval, ``n_treated, successes_mean,
        reward_cost_each``; ``n`` assigned, ``split_p_value, campaign_use, pulls_forward``.
    """
    taken = ranges.participation.drop(columns=["form", "days"])
    return ranges.checks.merge(taken, on="campaign_id", how="left")


def history_finding(ranges: EffectRanges) -> Finding:
    """Say how many past campaigns testify, and which can't and why."""
    checks = ranges.checks
    used = int((checks["campaign_use"] == "used").sum())
    figures = (
        Figure("n_campaigns_used", used, n=len(checks)),
        Figure("n_campaigns_broken", int((checks["campaign_use"] == "broken_split").sum()), n=len(checks)),
        Figure("n_campaigns_moved", int(checks["pulls_forward"].astype(bool).sum()), n=len(checks)),
    )
    if checks.empty:
        text = Text(
            "The bank has no past campaign with an assignment whose window is over: effects are the catalogue's wide "
            "ranges, which are assumptions.",
            "本行尚无已过观察期且保留分组的历史活动：效果区间取自目录，属于假设。",
        )
        return Finding("history", _with_missing(text, ranges), figures, tone="warning")
    en = f"{used} of {len(checks)} past campaigns testify."
    zh = f"{len(checks)} 场历史活动中有 {used} 场可作为依据。"
    for use, reason in _REASONS.items():
        ids = list(checks.loc[checks["campaign_use"] == use, "campaign_id"])
        if ids:
            en += f" Left out: {', '.join(ids)}, {reason.en}."
            zh += f"排除 {'、'.join(ids)}：{reason.zh}。"
    moved = list(checks.loc[checks["pulls_forward"].astype(bool), "campaign_id"])
    if moved:
        en += f" Only moved visits forward, so read over the longer period: {', '.join(moved)}."
        zh += f"{'、'.join(moved)} 只是把访问提前，按更长时间窗口计算净效果。"
    tone = "warning" if ranges.missing_tables else "plain"
    return Finding("history", _with_missing(Text(en, zh), ranges), figures, table="past_campaigns", tone=tone)


def _with_missing(text: Text, ranges: EffectRanges) -> Text:
    """Add which tables the bank has not, and what can't be answered without them."""
    if not ranges.missing_tables:
        return text
    en = "; ".join(f"{name} ({_LOST[name].en})" for name in ranges.missing_tables)
    zh = "；".join(f"{name}（{_LOST[name].zh}）" for name in ranges.missing_tables)
    return Text(
        f"{text.en} Tables missing, and what can't be told without them: {en}.",
        f"{text.zh}缺少的表及因此无法回答的问题：{zh}。",
    )
