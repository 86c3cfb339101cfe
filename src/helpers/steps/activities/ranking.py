"""Forms ranked for goal, segment and budget: a score whose parts can be read, with reasons and counter-indications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.findings import Text
from helpers.metrics.conditions import all_hold
from helpers.metrics.forms import FIT_SCORES, SAFETY_SCORES, read_forms
from helpers.models.mechanism.habits import OWN_FORM
from helpers.steps.activities.returns import expected_return
from helpers.steps.activities.sizing import Sizing, size_mechanism

if TYPE_CHECKING:
    import pandas as pd

    from helpers.metrics.economics import Economics
    from helpers.metrics.forms import Form
    from helpers.steps.activities.history import EffectRanges
    from helpers.steps.activities.plan import Plan

# What counts how much; the parts stand in the table, so whoever weighs otherwise can reckon it anew.
WEIGHTS: dict[str, float] = {
    "score_effect": 0.30,
    "score_certainty": 0.15,
    "score_fit": 0.20,
    "score_budget": 0.15,
    "score_return": 0.10,
    "score_safety": 0.10,
}
# Below this factor the rewards that fit the budget are no longer those that the form lives on.
LEAST_FACTOR = 0.4
NOT_NOW, POSSIBLE, FIRST = "not_now", "possible", "first"


def rank_forms(
    ranges: EffectRanges,
    plan: Plan,
    *,
    n_treated: int,
    economics: Economics,
    day_value: float,
    forms: dict[str, Form] | None = None,
) -> tuple[pd.DataFrame, dict[str, Sizing]]:
    """Rank every form of the catalogue.

    Parts of the score, each from 0 to 1: ``score_effect`` expected effect on the goal ÷ the largest of all forms;
    ``score_certainty`` 2·P(effect above 0) − 1, half of it where the form was never measured in this bank; ``score_fit`` of the form to the segment; ``score_budget`` the factor on
    the rewards that fits the budget; ``score_return`` chance that it pays back; ``score_safety`` against bonus hunters.

    Parameters
    ----------
    ranges : EffectRanges
    plan : Plan
    n_treated : int
        Customers in the treated arm.
    economics : Economics
    day_value : float
        As `active_day_value` gives.
    forms : dict of slug to Form, optional
        The catalogue by default.

    Returns
    -------
    (table, sizings)
        ``table``, one row a form, best first: ``rank, form, form_name, form_verdict`` (first, possible, not_now),
        ``form_score``, its parts, ``expected_effect, effect_lower, effect_upper`` on the goal per treated customer,
        ``effect_basis, n_campaigns, cost, cost_lower, cost_upper, p_over, reward_factor, roi, roi_lower, roi_upper, p_pays_back, fit, abuse_level``; ``reasons`` and
        ``against`` as `Text`. Forms that are ``not_now`` come last. ``sizings`` by slug.
    """
    import pandas as pd

    known = read_forms() if forms is None else forms
    sizings: dict[str, Sizing] = {}
    rows = []
    for slug, form in known.items():
        sizing = size_mechanism(form, slug, ranges=ranges, plan=plan, n_treated=n_treated)
        sizings[slug] = sizing
        of = ranges.row(slug, plan.goal)
        back = expected_return(slug, ranges=ranges, sizing=sizing, plan=plan, economics=economics, day_value=day_value)
        rows.append(
            {
                "form": slug,
                "form_name": form.name.text,
                "expected_effect": of["effect"],
                "effect_lower": of["lower"],
                "effect_upper": of["upper"],
                "p_positive": of["p_positive"],
                "effect_basis": of["basis"],
                "n_campaigns": int(of["n_campaigns"]),
                **{name: sizing.summary[name] for name in ("cost", "cost_lower", "cost_upper", "p_over")},
                "reward_factor": sizing.factor,
                **{name: back[name] for name in ("roi", "roi_lower", "roi_upper", "p_pays_back")},
                "fit": form.fit(plan.segment),
                "abuse_level": form.abuse_level,
            }
        )
    table = pd.DataFrame(rows)
    largest = max(float(table["expected_effect"].max()), 0.0)
    table["score_effect"] = (table["expected_effect"] / largest).clip(0, 1) if largest > 0 else 0.0
    measured = table["effect_basis"].map(lambda basis: 1.0 if basis == OWN_FORM else 0.5)
    table["score_certainty"] = (2 * table["p_positive"] - 1).clip(0, 1) * measured
    table["score_fit"] = table["fit"].map(FIT_SCORES)
    table["score_budget"] = table["reward_factor"].clip(0, 1)
    table["score_return"] = table["p_pays_back"]
    table["score_safety"] = table["abuse_level"].map(SAFETY_SCORES)
    table["form_score"] = sum(weight * table[part] for part, weight in WEIGHTS.items())
    told = [_told(known[row.form], row, plan, n_treated) for row in table.itertuples(index=False)]
    table["reasons"] = [reasons for reasons, _, _ in told]
    table["against"] = [against for _, against, _ in told]
    blocked = pd.Series([stop for _, _, stop in told], index=table.index)
    table = table.assign(blocked=blocked).sort_values(
        ["blocked", "form_score"], ascending=[True, False], kind="stable", ignore_index=True
    )
    table["form_verdict"] = [NOT_NOW if stop else POSSIBLE for stop in table["blocked"]]
    if not table["blocked"].iloc[0]:
        table.loc[0, "form_verdict"] = FIRST
    table.insert(0, "rank", range(1, len(table) + 1))
    order = ["rank", "form", "form_name", "form_verdict", "form_score", *WEIGHTS]
    rest = [name for name in table.columns if name not in (*order, "blocked")]
    return table[order + rest], sizings


def _told(form: Form, row: object, plan: Plan, n_treated: int) -> tuple[Text, Text, bool]:
    """Reasons for a form, what speaks against it, and whether that rules it out for now."""
    reasons, against = [], []
    stop = False
    if plan.segment in form.fits:
        fit = form.fits[plan.segment]
        why = fit.why.text
        if fit.level == "fair":
            # neither for nor against: a remark on how the form would suit, said as such
            why = Text(f"a fair fit ({_lower_first(why.en)})", f"匹配度一般（{why.zh}）")
        (against if fit.level == "poor" else reasons).append(why)
    if row.effect_basis == OWN_FORM and row.effect_lower > 0:
        reasons.append(Text("own randomised campaigns found an effect", "本行随机活动已证明有效"))
    elif row.effect_basis == OWN_FORM and row.p_positive < 0.6:
        against.append(Text("own randomised campaigns show no effect on the goal", "本行随机活动未见目标提升"))
    elif row.effect_basis != OWN_FORM:
        against.append(Text("never measured in this bank", "本行尚未测量过"))
    if row.p_pays_back >= 0.5:
        reasons.append(Text("more likely than not to pay back", "回本概率过半"))
    if row.reward_factor >= 1:
        reasons.append(Text("rewards fit the budget as they are", "奖励标准不打折即在预算内"))
    elif row.reward_factor < LEAST_FACTOR:
        stop = True
        against.append(Text("the budget does not carry it", "预算承担不起"))
    else:
        percent = f"{row.reward_factor * 100:.0f}"
        against.append(Text(f"rewards have to shrink to {percent} %", f"奖励须压缩至 {percent}%"))
    if form.abuse_level == "high":
        against.append(Text("first choice of bonus hunters", "羊毛党首选"))
    facts = {
        "segment": plan.segment,
        "goal": plan.goal,
        "n_treated": n_treated,
        "budget_each": plan.budget / n_treated if n_treated else 0.0,
        "duration_days": plan.duration_days,
        "branch_bound": bool(plan.branch),
        "reward_scale": row.reward_factor,
    }
    against += [entry.text.text for entry in form.against if all_hold(entry.when, facts)]
    return _joined(reasons), _joined(against), stop


def _joined(parts: list[Text]) -> Text:
    if not parts:
        return Text("nothing that the catalogue or the past would say", "目录与历史均未提示")
    return Text("; ".join(_lower_first(part.en) for part in parts), "；".join(part.zh for part in parts))


def _lower_first(words: str) -> str:
    """Begin in lower case, as in the middle of a sentence, unless the first word is an abbreviation."""
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]
