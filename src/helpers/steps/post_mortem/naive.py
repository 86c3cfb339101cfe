"""The naive answer: those who took part against the rest, and why the gap is no effect."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from helpers.findings import Figure, Finding, Text, Writer
from helpers.steps.post_mortem.cases import Case
from helpers.steps.post_mortem.measures import took_part


def naive_finding(case: Case) -> Finding:
    """Say the naive answer and why it is none."""
    people = case.treated
    took = took_part(people)
    n = len(people)
    if took.all() or not took.any():
        text = Text.write(
            lambda w: w(
                f"Of {w.n(n, 'customers')} {'all' if n and took.all() else 'none'} joined or took a benefit, so there is "
                "nobody to set them against.",
                f"{w.n(n, 'customers')}中{'全部' if n and took.all() else '无人'}参加或领取权益，无从对照。",
            )
        )
        return Finding("participants", text, (Figure("participants", int(took.sum()), n=n),), table="naive")
    figure = _gap(people["active_days"], took, case, "participants_gap")
    before = _gap(
        people["active_days_before"] * case.window_days / case.before_days, took, case, "participants_gap_before"
    )

    def sentence(w: Writer) -> str:
        lead = w(
            f"Those who joined or took a benefit differ from every other {case.who(w)} by {w.est(figure, signed=True)} in "
            f"{case.window_days} days. Before the launch, over as many days, the gap was {w.est(before, signed=True)}: ",
            f"参加或领取权益的客户与{case.who(w)}其他客户在 {case.window_days} 天内相差 {w.est(figure, signed=True)}；"
            f"上线之前（折算为同样天数）相差 {w.est(before, signed=True)}：",
        )
        if before.lower is not None and before.lower > 0:
            why = w("those who join come more anyway", "愿意参加的人本来就更活跃")
        elif before.upper is not None and before.upper < 0:
            why = w("those who join came less before", "参加的人此前更不活跃")
        else:
            why = w(
                "they can't be told apart by their past activity, yet they chose to join and the others did not",
                "从以往活跃度看不出差别，但参加与否仍是客户自己的选择",
            )
        return lead + why + w(", so this is no effect of the campaign.", "，这一差距不是活动效果。")

    return Finding("participants", Text.write(sentence), (figure, before), table="naive")


def _gap(values: pd.Series, took: pd.Series, case: Case, key: str) -> Figure:
    """Difference in means between those who took part and the others, with Welch's interval."""
    yes, no = values[took].astype(float), values[~took].astype(float)
    bounds: tuple[float | None, float | None] = (None, None)
    if min(len(yes), len(no)) >= 2 and (yes.nunique() > 1 or no.nunique() > 1):
        found = stats.ttest_ind(yes, no, equal_var=False).confidence_interval(1 - case.alpha)
        bounds = (float(found.low), float(found.high))
    return Figure(key, float(yes.mean() - no.mean()), *bounds, "days", len(values), case.period)
