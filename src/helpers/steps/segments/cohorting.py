"""What the cohort triangle says of the segment."""

from __future__ import annotations

import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.metrics import cohorts, segments
from helpers.steps.segments.subject import Focus


def triangle(focus: Focus) -> pd.DataFrame:
    """Cohort triangle of the segment: months of joining by periods of 30 days."""
    return cohorts.cohort_triangle(
        focus.bank.activity,
        segments.members(focus.bank, focus.slug),
        as_of=focus.bank.as_of,
        log_start=focus.bank.log_days[0],
        min_group_size=focus.min_group_size,
    )


def cohort_finding(focus: Focus, triangle: pd.DataFrame) -> Finding:
    """Say what share comes back in the fourth period, weighted over mature cohorts, and what is masked."""
    mean = cohorts.cohort_mean(triangle, min_group_size=focus.min_group_size) if len(triangle) else triangle
    before = int(triangle.attrs.get("n_before_log", 0))
    if mean.empty:
        return Finding(
            "cohorts",
            Text(
                f"No cohort is old and large enough to be shown; {before:,} customers joined before the log begins.",
                f"没有足够成熟、足够大的月度批次可展示；{before:,} 人在日志开始前加入。",
            ),
            tone="warning",
        )
    row = mean[mean["period"] <= 3].iloc[-1]
    period, day = int(row["period"]), focus.bank.as_of.isoformat()
    back = Figure(
        f"cohort_period_{period}", row["retained"], row["lower"], row["upper"], "share", int(row["n_eligible"]), day
    )
    masked, first, last = int((~triangle["is_mature"]).sum()), period * 30, period * 30 + 29
    return Finding(
        "cohorts",
        Text.write(
            lambda w: w(
                f"{w.est(back)} of those who joined were active in days {first}–{last} after joining. {masked} of "
                f"{len(triangle)} cells are masked because their youngest customers have not had the time; {before:,} "
                f"customers joined before the log begins and are in no cohort.",
                f"加入后第 {first}–{last} 天仍活跃的占 {w.est(back)}。{len(triangle)} 个单元格中有 {masked} "
                f"个因最晚加入者"
                f"观察期未满而不展示；{before:,} 人在日志开始前加入，不计入任何批次。",
            )
        ),
        (back,),
        table="cohorts",
    )
