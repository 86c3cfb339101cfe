"""What the campaign starts from: eligible customers, the goal's past, and what the step before suggested."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from helpers.findings import Figure, Finding, Text
from helpers.steps.activities.words import segment_name

if TYPE_CHECKING:
    import pandas as pd

    from helpers.findings import KeptResult
    from helpers.steps.activities.plan import Plan

SUGGESTION = "suggestion"


def baseline_findings(
    rehearsed: pd.DataFrame, plan: Plan, *, n_eligible: int, insight: KeptResult | None, currency: str
) -> list[Finding]:
    """Say how many customers can be treated, what the goal was in the rehearsal, and what step 2 suggested.

    Parameters
    ----------
    rehearsed : DataFrame
        As `rehearsal` gives.
    plan : Plan
    n_eligible : int
    insight : KeptResult or None
        Result of step 2, None in a dry run.
    currency : str
        ISO code.
    """
    who = segment_name(plan.segment)
    where = Text(f" of branch {plan.branch}", f"（{plan.branch}网点）") if plan.branch else Text("", "")
    count = Figure("n_eligible", n_eligible, unit="customers", period=str(plan.written_on))
    past = rehearsed[plan.goal].dropna().astype(float)
    if len(past) < 2:
        found = [
            Finding(
                "baseline",
                Text(
                    f"{n_eligible:,} customers of {who.en}{where.en} can be treated; the log doesn't reach back far enough, or "
                    f"too few were there, to say what {plan.metric.name.en} is without a campaign.",
                    f"{who.zh}{where.zh}可入组 {n_eligible:,} 人；日志不够长或人数过少，无法给出无活动时的{plan.metric.name.zh}。",
                ),
                (count,),
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
                        f"{plan.metric.name.en}.",
                        f"{who.zh}{where.zh}可入组 {w.n(n_eligible, 'customers')}。最近 {plan.duration_days} 天，"
                        f"此前符合条件的客户{plan.metric.name.zh}为 {w.est(baseline)}。",
                    ),
                    currency=currency,
                ),
                (count, baseline),
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
