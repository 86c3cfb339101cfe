"""What the campaign starts from: eligible customers, the goal's past, and what the step before suggested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from helpers.findings import Figure, Finding, Text, small
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.steps.activities.words import branch_words, segment_name

if TYPE_CHECKING:
    import pandas as pd

    from helpers.findings import KeptResult
    from helpers.steps.activities.plan import Plan

SUGGESTION = "suggestion"
# Why members of the segment can't be treated; the first that applies counts.
REASONS = ("account_closed", "no_consent", "not_active")


def baseline_findings(
    rehearsed: pd.DataFrame,
    plan: Plan,
    *,
    left_out: pd.DataFrame,
    insight: KeptResult | None,
    currency: str,
    min_group_size: int = MIN_GROUP_SIZE,
) -> list[Finding]:
    """Say how many customers can be treated, what the goal was in the rehearsal, and what step 2 suggested.

    Parameters
    ----------
    rehearsed : DataFrame
        As `rehearsal` gives.
    plan : Plan
    left_out : DataFrame
        As `left_out` gives: who can be treated, who can't and why.
    insight : KeptResult or None
        Result of step 2, None in a dry run.
    currency : str
        ISO code.
    min_group_size : int
        It isn't said how many were left out for a reason that fewer share, nor what would give that away.
    """
    who = segment_name(plan.segment)
    by_reason = left_out.set_index("reason")["n_customers"].astype(int)
    n_eligible = int(by_reason["eligible"])
    where = branch_words(plan.branch)
    day, n_members = str(plan.written_on), int(by_reason["in_segment"])
    count = (
        Figure("n_eligible", n_eligible, unit="customers", n=n_members, period=day),
        *(
            Figure(f"n_{reason}", int(by_reason[reason]), unit="customers", n=n_members, period=day)
            for reason in REASONS
        ),
    )
    closed, silent, away = small.said_parts([int(by_reason[reason]) for reason in REASONS], least=min_group_size)
    out = Text(
        f" Of {n_members:,} members {closed.en} closed their account, {silent.en} gave no consent to marketing, {away.en} "
        f"didn't come within {plan.active_within_days} days.",
        f"客群共 {n_members:,} 人，其中已销户 {closed.zh} 人、未授权营销 {silent.zh} 人、"
        f"{plan.active_within_days} 天内未活跃 {away.zh} 人，均未计入。",
    )
    past = rehearsed[plan.goal].dropna().astype(float)
    if len(past) < 2:
        found = [
            Finding(
                "baseline",
                Text(
                    f"{n_eligible:,} customers of {who.en}{where.en} can be treated; the log doesn't reach back far enough, or "
                    f"too few were there, to say what {plan.metric.name.en} is without a campaign.{out.en}",
                    f"{who.zh}{where.zh}可入组 {n_eligible:,} 人；日志不够长或人数过少，无法给出无活动时的{plan.metric.name.zh}。{out.zh}",
                ),
                count,
                tone="warning",
            )
        ]
    else:
        mean = float(past.mean())
        half = float(stats.t.isf(plan.alpha / 2, len(past) - 1) * past.std(ddof=1) / np.sqrt(len(past)))
        # a level, not a difference: a share is written as such
        unit = "share" if plan.metric.unit == "points" else plan.metric.unit
        baseline = Figure("baseline", mean, mean - half, mean + half, unit, len(past))
        found = [
            Finding(
                "baseline",
                Text.write(
                    lambda w: w(
                        f"{w.n(n_eligible, 'customers')} of {who.en}{where.en} can be treated. Over the last "
                        f"{plan.duration_days} days those eligible before them stood at {w.est(baseline)} in "
                        f"{plan.metric.name.en}.{out.en}",
                        f"{who.zh}{where.zh}可入组 {w.n(n_eligible, 'customers')}。最近 {plan.duration_days} 天，"
                        f"此前符合条件的客户{plan.metric.name.zh}为 {w.est(baseline)}。{out.zh}",
                    ),
                    currency=currency,
                ),
                (*count, baseline),
            )
        ]
    if insight is None:
        said = Text(
            "Step 2 has not been run for this case: segment and goal are the parameters'.",
            "本案例尚未运行第二步：客群与目标取自参数。",
        )
    elif SUGGESTION in insight.findings:
        text = insight.findings[SUGGESTION].text
        said = Text(f"Step 2 suggested: {text.en}", f"第二步建议：{text.zh}")
    else:
        said = Text("Step 2 suggested no hook, hour or product.", "第二步未给出钩子、时段或产品建议。")
    return [*found, Finding("insight", said)]
