"""Whom the campaign moved: learnt where arms were drawn, so that the next one leaves alone whom it doesn't move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.metrics.known_before import FEATURES, known_before
from helpers.models import targeting
from helpers.steps.post_mortem.cases import ACTIVITY, METRICS, RANDOMISED, metric_name, open_case
from helpers.steps.post_mortem.earnings import active_day_value, money_metric
from helpers.steps.post_mortem.measures import split_of

if TYPE_CHECKING:
    from helpers.metrics.economics import Economics
    from helpers.models.targeting import Targeting
    from helpers.steps.post_mortem.cases import Case
    from helpers.steps.post_mortem.measures import Measures

GROUP_COLUMNS = [
    "response_group", "n", "n_beyond_doubt", "uplift", "effect", "lower", "upper", "active_days_28",
]  # fmt: skip
POLICY_COLUMNS = ["policy", "n_treated", "share_treated", "spend", "profit", "lower", "upper"]
POLICIES = ("everyone", "best")


def moved(
    case: Case, measures: Measures, economics: Economics, *, earning_days: int = 365, day_value: float = 0.0
) -> Targeting | None:
    """Learn whom the campaign moved in its window, and price a choice of customers by what lasted.

    Parameters
    ----------
    case, measures
    economics : Economics
    earning_days : int
        Days for which additional assets are credited with the margin.
    day_value : float
        Margin of one more active day; 0: from the economics.

    Returns
    -------
    Targeting or None
        None where arms were not drawn by chance, the split is broken, or there are too few customers. The outcome is the
        goal's (active days in the window, or assets); money is read over the window and the days after it where these
        were seen, so that visits which were only pulled forward earn nothing.
    """
    if case.design != RANDOMISED or not case.control or not measures.is_causal:
        return None
    if case.bank.branch:
        # A branch is too small to tell customers apart: what differs between them is learnt on the whole campaign.
        case = whole_campaign(case)
        if split_of(case)["tier"] == "broken":
            return None
    is_activity = case.goal_metric in ACTIVITY
    metric = "active_days" if is_activity else money_metric(measures)
    if not case.measured(metric) or not targeting.enough(case.people["arm"], case.control):
        return None
    known = known_before(case.bank, case.assigned, case.campaign.starts_date)
    people = case.people[[name for name in case.people if name not in FEATURES]].merge(
        known, on="customer_id", how="left"
    )
    priced_as = "active_days_net" if is_activity and case.measured("active_days_net") else metric
    each = day_value or active_day_value(case, economics)
    return targeting.learn(
        people,
        features=FEATURES,
        metric=metric,
        control=case.control,
        priced_as=priced_as,
        value=each if is_activity else economics.margin_on_money(earning_days),
        cost_each=float(case.treated["rewarded_cost"].mean()),
        alpha=case.alpha,
    )


def whole_campaign(case: Case) -> Case:
    """Return the case of the same campaign over all branches, as of the same day."""
    return open_case(
        case.bank.at(as_of=case.bank.as_of),
        case.campaign.campaign_id,
        brief=case.brief_asked,
        run_dir=case.run_dir,
        window_days=case.window_days,
        before_days=case.before_days,
        after_days=case.after_days,
        alpha=case.alpha,
    )


def moved_findings(case: Case, found: Targeting | None) -> list[Finding]:
    """Say whom the campaign moved, or why that can't be known."""
    if case.design != RANDOMISED or not case.control:
        return [
            Finding(
                "heterogeneity",
                Text(
                    "Whom the campaign moved can't be known: nobody was held out by chance among like customers.",
                    "无法判断活动对谁有效：没有在同类客户中随机留出留白组。",
                ),
                tone="warning",
            )
        ]
    metric = None if found is None else metric_name(found.metric)
    told = targeting.findings(found, currency=case.bank.currency, period=case.period, metric=metric)
    if found is None or not case.bank.branch:
        return told
    of_all = Finding(
        "learnt_on",
        Text(
            f"Whom it moves is learnt on all {found.n:,} customers of the campaign, whatever their branch: one branch's are "
            "too few to tell them apart.",
            f"“对谁有效”基于该活动全部网点的 {found.n:,} 名客户；单个网点客户太少，无法区分差异。",
        ),
        (Figure("learnt_on", found.n, unit="customers", n=found.n, period=case.period),),
    )
    return [of_all, *told]


def groups_shown(found: Targeting | None) -> pd.DataFrame | None:
    """Response groups and who is in them; None where customers don't differ in a way that can be used."""
    return None if found is None or found.groups.empty else found.groups


def policy_points(found: Targeting | None) -> pd.DataFrame | None:
    """Profit by share treated, for the chart; None where nothing is priced."""
    return None if found is None or found.curve.empty else found.curve


def policies_shown(found: Targeting | None) -> pd.DataFrame | None:
    """Profit of treating everyone and of the best choice, read off observed outcomes; None where nothing is priced."""
    points = policy_points(found)
    return None if points is None else points[points["policy"].isin(POLICIES)].reset_index(drop=True)


def learnt_unit(found: Targeting | None) -> str:
    """Unit of the effect that was learnt; days where nothing was."""
    return "days" if found is None else METRICS[found.metric][1]
