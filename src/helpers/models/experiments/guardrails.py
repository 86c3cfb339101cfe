"""What a campaign must not harm: a guardrail holds only when harm beyond the margin is ruled out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from helpers.models.experiments.checks import check_share

DIRECTIONS = ("up", "down")
NEEDED = ("metric", "arm", "method", "n", "n_control", "mean_control", "estimate", "se", "df")


def guardrails(
    effects: pd.DataFrame, *, margins: Mapping[str, Mapping[str, object]], alpha: float = 0.05
) -> pd.DataFrame:
    """Test for non-inferiority: is harm larger than the margin ruled out?

    “No significant harm” is not the question: a small experiment never finds any. The guardrail holds when
    the worst value still compatible with the data is better than the margin.

    Parameters
    ----------
    effects : DataFrame, what `effect` returned
    margins : mapping of metric to ``{"margin": number, "better": "up" or "down", "relative": bool}``
        The harm that one would still put up with, above 0, in the metric's unit or (``relative``) as a share of the
        control mean. ``better`` says where the metric should go; ``relative`` is False when left out.
    alpha : float
        One-sided.

    Returns
    -------
    DataFrame, one row a guarded metric and arm of ``effects`` (capped rows too)
        ``metric, arm, method, n, n_control, better, margin`` (metric's unit), ``estimate``, ``worst`` (one-sided
        bound on the side of harm), ``p_value`` of non-inferiority, ``verdict``: ``"held"`` (harm beyond the margin
        ruled out), ``"broken"`` (harm beyond the margin shown), ``"open"`` (neither: too few customers, or an effect
        whose ``se`` is infinite; then ``worst`` is too and ``p_value`` is 1).

    Raises
    ------
    ValueError
        If ``effects`` is not what `effect` returned, ``margins`` is no mapping, a metric is not among the effects or its
        rule no mapping, a margin is not positive or a direction unknown.

    References
    ----------
    Schuirmann's one-sided test as in Wellek (2010), Testing Statistical Hypotheses of Equivalence and Noninferiority,
    2nd ed.

    Examples
    --------
    >>> from helpers.models.experiments import effect
    >>> table = pd.DataFrame({"arm": ["control", "treatment"] * 200, "complaints": [0, 0, 0, 0, 1, 1, 0, 0] * 50})
    >>> found = effect(table, metric="complaints", control="control")
    >>> guardrails(found, margins={"complaints": {"margin": 0.1, "better": "down"}})[["worst", "verdict"]].round(3)
       worst verdict
    0  0.072    held
    """
    check_share("alpha", alpha)
    if not isinstance(effects, pd.DataFrame) or not set(NEEDED) <= set(effects.columns):
        raise ValueError(f"effects: a table with the columns {list(NEEDED)} is needed, as `effect` returns")
    if not isinstance(margins, Mapping):
        raise ValueError(
            f"margins: {margins!r} is no mapping of metric to rule, such as {{'logins': {{'margin': 0.1, 'better': 'up'}}}}"
        )
    known = list(dict.fromkeys(effects["metric"]))
    rows = []
    for metric, rule in margins.items():
        if metric not in known:
            raise ValueError(f"margins: metric {metric!r} is not among the effects {known}")
        if not isinstance(rule, Mapping):
            raise ValueError(
                f"margins: {metric!r} has {rule!r}; a mapping is allowed, such as {{'margin': 0.1, 'better': 'up'}}"
            )
        margin, better, relative = rule.get("margin"), rule.get("better"), bool(rule.get("relative", False))
        if isinstance(margin, bool) or not isinstance(margin, int | float | np.number) or not 0 < margin < np.inf:
            raise ValueError(f"margins: {metric!r} has margin {margin!r}; a positive number is allowed")
        if better not in DIRECTIONS:
            raise ValueError(f"margins: {metric!r} has better={better!r}; allowed are {list(DIRECTIONS)}")
        for row in effects[effects["metric"] == metric].to_dict("records"):
            rows.append(_verdict(row, float(margin), better, relative, alpha))
    return pd.DataFrame(rows)


def _verdict(row: dict, margin: float, better: str, relative: bool, alpha: float) -> dict[str, object]:
    sign = 1.0 if better == "up" else -1.0
    if relative:
        if not row["mean_control"]:
            raise ValueError(
                f"margins: {row['metric']!r} has a control mean of 0; give its margin in the metric's unit"
            )
        # an effect of at least -margin × control mean, with the control mean's own error left out: it is second order
        margin = margin * abs(row["mean_control"])
    if np.isfinite(row["se"]):
        critical = stats.t.isf(alpha, row["df"])
        p_value = float(stats.t.sf((sign * row["estimate"] + margin) / row["se"], row["df"]))
    else:  # an effect without a known error rules nothing out
        critical, p_value = 1.0, 1.0
    worst = row["estimate"] - sign * critical * row["se"]
    best = row["estimate"] + sign * critical * row["se"]
    if sign * worst > -margin:
        verdict = "held"
    elif sign * best < -margin:
        verdict = "broken"
    else:
        verdict = "open"
    return {
        "metric": row["metric"],
        "arm": row["arm"],
        "method": row["method"],
        "n": row["n"],
        "n_control": row["n_control"],
        "better": better,
        "margin": margin,
        "estimate": row["estimate"],
        "worst": worst,
        "p_value": p_value,
        "verdict": verdict,
    }
