"""How the campaign will be judged: arms, what the customers at hand can show, and whether that is enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from helpers.models.experiments import (
    assign,
    effect,
    metric_history,
    minimum_detectable_effect,
    sample_ratio,
    sample_size,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from helpers.bank import Bank
    from helpers.steps.activities.history import EffectRanges
    from helpers.steps.activities.plan import Plan

CONTROL, TREATMENT = "control", "treatment"
LEAST_CUSTOMERS = 20
DECIDABLE, DOUBTFUL, UNDECIDABLE = "decidable", "doubtful", "undecidable"
OPTION_COLUMNS = [
    "plan_option", "n", "n_treated", "n_control", "detectable_effect", "detectable_relative", "power_expected", "assurance",
    "experiment_answer",
]  # fmt: skip
_DRAWS = 4_000


def past_metric(rehearsed: pd.DataFrame, plan: Plan) -> dict[str, float] | None:
    """Mean, spread and covariate's help of the goal in the rehearsal; None where it doesn't vary or too few were there."""
    if len(rehearsed) < LEAST_CUSTOMERS:
        return None
    frame = rehearsed.assign(**{plan.goal: rehearsed[plan.goal].astype(float)})
    if frame[plan.goal].isna().any() or frame[plan.goal].nunique() < 2:
        return None
    covariate = plan.metric.covariate
    varies = frame[covariate].notna().all() and frame[covariate].nunique() > 1
    return metric_history(frame, metric=plan.goal, covariate=covariate if varies else None)


def experiment_options(rehearsed: pd.DataFrame, ranges: EffectRanges, slug: str, plan: Plan, *, n: int) -> pd.DataFrame:
    """What the customers at hand can show, and what would have to change.

    Parameters
    ----------
    rehearsed : DataFrame
        As `rehearsal` gives.
    ranges : EffectRanges
    slug : str
        Form.
    plan : Plan
    n : int
        Eligible customers.

    Returns
    -------
    DataFrame, one row an option
        ``plan_option``: ``as_planned``; ``even_split`` (half held out); ``two_cycles`` (twice the customers: this campaign
        and the next, read together); ``enough`` (customers needed for the expected effect, if it is above 0).
        ``n, n_treated, n_control``; ``detectable_effect`` on the goal with the plan's power, ``detectable_relative`` to the
        past mean; ``power_expected`` at the expected effect; ``assurance`` chance of a clear result, averaged over what
        the effect may be; ``experiment_answer`` decidable (expected effect at least the detectable), doubtful (upper end of its
        range is), undecidable. Empty if the rehearsal says nothing.
    """
    import pandas as pd

    history = past_metric(rehearsed, plan)
    if history is None or n < LEAST_CUSTOMERS:
        return pd.DataFrame(columns=OPTION_COLUMNS)
    of = ranges.row(slug, plan.goal)
    draws = ranges.draw(slug, plan.goal, n=_DRAWS, rng=np.random.default_rng([plan.seed, 2]))
    treated = 1 - plan.holdout_share
    options: list[tuple[str, int, float]] = [
        ("as_planned", n, treated),
        ("even_split", n, 0.5),
        ("two_cycles", 2 * n, treated),
    ]
    if of["effect"] > 0:
        need = sample_size(
            of["effect"], history=history, sd=history["sd"], alpha=plan.alpha, power=plan.power, share_treated=treated
        )
        options.append(("enough", int(need["n"]), treated))
    rows = []
    for option, customers, share in options:
        if customers * min(share, 1 - share) < 2:
            continue
        found = minimum_detectable_effect(
            customers, history=history, sd=history["sd"], alpha=plan.alpha, power=plan.power, share_treated=share
        )
        detectable = float(found["effect"])
        rows.append(
            {
                "plan_option": option,
                "n": customers,
                "n_treated": round(customers * share),
                "n_control": customers - round(customers * share),
                "detectable_effect": detectable,
                "detectable_relative": float(found["relative_effect"]),
                "power_expected": _power(np.array([of["effect"]]), detectable, plan)[0],
                "assurance": float(_power(draws, detectable, plan).mean()),
                "experiment_answer": _answer(detectable, of),
            }
        )
    return pd.DataFrame(rows, columns=OPTION_COLUMNS)


def sensitivity_curve(rehearsed: pd.DataFrame, plan: Plan, *, n: int) -> pd.DataFrame:
    """Detectable effect by number of customers: ``n, detectable_effect, is_plan``; empty if nothing is known."""
    import pandas as pd

    history = past_metric(rehearsed, plan)
    share = 1 - plan.holdout_share
    least = max(LEAST_CUSTOMERS, math.ceil(4 / min(share, 1 - share)))
    if history is None or n < least:
        return pd.DataFrame(columns=["n", "detectable_effect", "is_plan"])
    sizes = np.unique(np.append(np.geomspace(max(least, n / 8), n * 8, 25).astype(int), n))
    found = [
        minimum_detectable_effect(
            int(size), history=history, sd=history["sd"], alpha=plan.alpha, power=plan.power, share_treated=share
        )["effect"]
        for size in sizes
    ]
    return pd.DataFrame({"n": sizes, "detectable_effect": found, "is_plan": sizes == n})


def assignment_check(bank: Bank, rehearsed: pd.DataFrame, plan: Plan) -> dict[str, float | str]:
    """Draw the arms with the plan's salt and see that the draw is sound: split as configured, no difference beforehand.

    Returns
    -------
    dict
        ``n, n_treatment, n_control`` drawn among the eligible; ``n_before`` customers in the rehearsal; ``split_p_value`` and ``split`` (ok, watch, broken);
        ``before, before_lower, before_upper`` difference of the arms on the goal in the rehearsal, when nobody was
        treated (nan where it can't be told): its interval should hold 0 in all but ``alpha`` of all draws.
    """
    from helpers.steps.activities.basis import eligible_customers

    weights = arm_weights(plan)
    drawn = assign(eligible_customers(bank, plan), salt=plan.salt, weights=weights)
    found = drawn.group_by("arm").aggregate(n=lambda t: t.count()).execute()
    counts = dict.fromkeys(weights, 0) | {str(row.arm): int(row.n) for row in found.itertuples(index=False)}
    nan = float("nan")
    result: dict[str, float | str] = {
        "n": sum(counts.values()),
        "n_before": len(rehearsed),
        "n_treatment": counts[TREATMENT],
        "n_control": counts[CONTROL],
        "split_p_value": nan,
        "split": "ok",
        "before": nan,
        "before_lower": nan,
        "before_upper": nan,
    }
    if result["n"]:
        split = sample_ratio(counts, weights)
        result |= {"split_p_value": float(split["p_value"]), "split": str(split["tier"])}
    if past_metric(rehearsed, plan) is not None:
        arms = assign(rehearsed["customer_id"], salt=plan.salt, weights=weights)["arm"]
        past = rehearsed.assign(arm=arms.to_numpy())
        if past.groupby("arm")[plan.goal].nunique().reindex(list(weights), fill_value=0).min() >= 2:
            row = effect(past, metric=plan.goal, control=CONTROL, alpha=plan.alpha).iloc[0]
            result |= {"before": row["estimate"], "before_lower": row["lower"], "before_upper": row["upper"]}
    return result


def arm_weights(plan: Plan) -> dict[str, float]:
    """Arms in the order in which they divide the line, hold-out first."""
    return {CONTROL: plan.holdout_share, TREATMENT: round(1 - plan.holdout_share, 12)}


def _power(effects: np.ndarray, detectable: float, plan: Plan) -> np.ndarray:
    """Chance of a clear increase: the detectable effect is the one that has the plan's power."""
    critical = norm.isf(plan.alpha / 2)
    se = detectable / (critical + norm.ppf(plan.power))
    return ndtr(effects / se - critical)


def _answer(detectable: float, of: Mapping[str, float]) -> str:
    if of["effect"] >= detectable:
        return DECIDABLE
    return DOUBTFUL if of["upper"] >= detectable else UNDECIDABLE
