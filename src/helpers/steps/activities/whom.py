"""Whom to treat: what the last campaign of the form, drawn by chance, says of the customers who can be treated now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from helpers.findings import Figure, Finding, Text, Writer
from helpers.findings.small import hidden_parts
from helpers.metrics import holdouts, outcomes
from helpers.metrics.known_before import FEATURES, known_before
from helpers.models import targeting
from helpers.steps.activities.basis import eligible_customers
from helpers.steps.activities.plan import GOALS

if TYPE_CHECKING:
    import pandas as pd

    from helpers.bank import Bank
    from helpers.metrics.economics import Economics
    from helpers.models.targeting import Targeting
    from helpers.steps.activities.chosen import ChosenForm
    from helpers.steps.activities.history import EffectRanges
    from helpers.steps.activities.plan import Plan

GROUP_COLUMNS = [
    "response_group", "n", "n_beyond_doubt", "uplift", "effect", "lower", "upper", "active_days_28",
]  # fmt: skip
GROUPS = ("persuadable", "not_moved", "do_not_disturb")


@dataclass(frozen=True)
class Whom:
    """What an earlier campaign says about whom to treat.

    Attributes
    ----------
    campaign_id : str
        The campaign learnt from; empty where there is none of this form that can testify.
    learnt : Targeting or None
    eligible : DataFrame
        ``response_group`` (persuadable, not_moved, do_not_disturb), ``n``, ``share``, ``uplift`` (mean predicted), of the
        customers who can be treated now; empty where nothing is learnt.
    """

    campaign_id: str
    learnt: Targeting | None
    eligible: pd.DataFrame

    @property
    def groups(self) -> pd.DataFrame | None:
        """Response groups of the earlier campaign; None where customers don't differ in a way that can be used."""
        return None if self.learnt is None or self.learnt.groups.empty else self.learnt.groups


def whom_to_treat(
    bank: Bank, chosen: ChosenForm, ranges: EffectRanges, *, day_value: float, economics: Economics
) -> Whom:
    """Learn from the latest campaign of the form whose arms were drawn whom it moved, and ask about those eligible now.

    It is learnt on the whole bank, also where one branch is looked at.

    Parameters
    ----------
    bank : Bank
    chosen : ChosenForm
    ranges : EffectRanges
        Says which campaigns can testify.
    day_value : float
        Margin of one more active day.
    economics : Economics
        For the margin of money.

    Returns
    -------
    Whom
    """
    import pandas as pd

    plan = chosen.plan
    checks = ranges.checks
    usable = checks[(checks["form"] == chosen.slug) & (checks["campaign_use"] == "used")].sort_values("starts_date")
    nobody = pd.DataFrame(columns=["response_group", "n", "share", "uplift"])
    if usable.empty:
        return Whom("", None, nobody)
    of = usable.iloc[-1]
    learnt = _learn(bank.at(as_of=bank.as_of), str(of["campaign_id"]), plan, day_value=day_value, economics=economics)
    if learnt is None or not learnt.is_usable:
        return Whom(str(of["campaign_id"]), learnt, nobody)
    now = known_before(bank, eligible_customers(bank, plan), bank.as_of + timedelta(days=1))
    predicted = learnt.predict(now) if len(now) else np.zeros(0)
    smallest = targeting.SMALL_EFFECT * abs(float(learnt.choice.out_of_fold.mean()))
    group = np.select([predicted > smallest, predicted < -smallest], [GROUPS[0], GROUPS[2]], GROUPS[1])
    rows = [
        {
            "response_group": name,
            "n": int((group == name).sum()),
            "share": float((group == name).mean()) if len(group) else float("nan"),
            "uplift": float(predicted[group == name].mean()) if (group == name).any() else float("nan"),
        }
        for name in GROUPS
    ]
    return Whom(str(of["campaign_id"]), learnt, pd.DataFrame(rows))


def _learn(bank: Bank, campaign_id: str, plan: Plan, *, day_value: float, economics: Economics) -> Targeting | None:
    control = holdouts.control_arms(bank, [campaign_id]).get(campaign_id, "")
    of = outcomes.campaign(bank, campaign_id)
    is_over = of.starts_date + timedelta(days=plan.lasting_days - 1) <= bank.as_of
    after = plan.lasting_days - plan.duration_days if is_over else 0
    people = outcomes.campaign_outcomes(bank, campaign_id, window_days=plan.duration_days, after_days=after)
    frame = people.execute()
    if not targeting.enough(frame["arm"], control):
        return None
    known = known_before(bank, people.select("customer_id"), of.starts_date)
    frame = frame[[name for name in frame if name not in FEATURES]].merge(known, on="customer_id", how="left")
    frame = frame.sort_values("customer_id", ignore_index=True)
    metric = plan.goal
    lasting = {"active_days": "active_days_net", "aum_change": "aum_kept_change"}.get(metric, "")
    priced_as = lasting if lasting in frame and frame[lasting].notna().all() else metric
    if not frame[metric].notna().all():
        return None
    treated = frame[frame["arm"] != control]
    value = {"active_days": day_value, "aum_change": economics.margin_on_money(plan.earning_days)}.get(metric, 0.0)
    return targeting.learn(
        frame,
        features=FEATURES,
        metric=metric,
        control=control,
        priced_as=priced_as,
        value=value,
        cost_each=float(treated["rewarded_cost"].mean()),
        budget=plan.budget,
        alpha=plan.alpha,
    )


def whom_findings(whom: Whom, *, currency: str) -> list[Finding]:
    """Say whom the earlier campaign moved, and how many of those eligible now it would not."""
    if not whom.campaign_id:
        return [
            Finding(
                "heterogeneity",
                Text(
                    "Whom this form moves can't be known yet: no campaign of it was drawn by chance and could be read. "
                    "Everybody eligible enters the draw; the post-mortem will tell.",
                    "尚无法判断该形式对谁有效：没有随机分组且可用的同形式历史活动。所有符合条件的客户均进入分组，由复盘回答。",
                ),
                tone="warning",
            )
        ]
    of = Finding(
        "learnt_on",
        Text(
            f"Whom this form moves is learnt on campaign {whom.campaign_id}, the latest of it that was drawn by chance.",
            f"“对谁有效”基于同形式最近一次随机分组的活动 {whom.campaign_id}。",
        ),
    )
    metric = None if whom.learnt is None else GOALS[whom.learnt.metric].name
    told = [of, *targeting.findings(whom.learnt, currency=currency, metric=metric)]
    if whom.eligible.empty:
        return told
    n = int(whom.eligible["n"].sum())
    counts = whom.eligible.set_index("response_group")["n"]
    hidden = hidden_parts([int(counts[name]) for name in GROUPS])
    figures = tuple(
        Figure(f"eligible_{name}", int(counts[name]), unit="customers", n=n)
        for name, is_hidden in zip(GROUPS, hidden, strict=True)
        if not is_hidden
    )

    def sentence(w: Writer) -> str:
        moved, still, annoyed = (
            w("a number too small to be shown", "少数客户（人数不展示）")
            if is_hidden
            else w(f"{int(counts[name]):,}", f" {int(counts[name]):,} 人")
            for name, is_hidden in zip(GROUPS, hidden, strict=True)
        )
        return w(
            f"Of the {n:,} customers eligible now {moved} are predicted to be moved, {still} hardly, {annoyed} the wrong way. "
            "All of them enter the draw all the same: this campaign's hold-out tests the prediction before anybody is left out "
            "because of it.",
            f"目前符合条件的 {n:,} 名客户中，预测{moved}会被打动，{still}基本不受影响，{annoyed}可能适得其反。"
            "本次仍全部进入分组：先用本次留白组检验预测，再据此排除客户。",
        )

    return [*told, Finding("whom", Text.write(sentence), figures, table="whom")]
