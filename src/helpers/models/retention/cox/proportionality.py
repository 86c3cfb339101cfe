"""Do hazard ratios stay the same with age? A score test of every covariate, told in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from helpers.findings import Text
from helpers.findings.numbers import number
from helpers.models.retention.comparison import ALL, holm
from helpers.models.retention.cox.likelihood import Point, curvature, evaluate
from helpers.models.retention.cox.riskset import RiskSets, Times


def proportionality(
    sets: RiskSets, times: Times, point: Point, names: Sequence[str], *, alpha: float, ties: str
) -> pd.DataFrame:
    """Test a slope of each coefficient over the share of lapses so far."""
    # The risk sets keep the hazards of their last evaluation; make it this point's.
    point = evaluate(sets, times, point.beta, ties=ties, penalty=0.0)
    age = (np.cumsum(times.count) - times.count / 2) / times.count.sum()
    weight = point.mean_weight
    expected = (weight * point.ties.a)[:, None] * point.sums.risk[:, 1:]
    expected -= (weight * point.ties.b)[:, None] * point.sums.tied[:, 1:]
    score = age @ (sets.lapsed_by_day - expected)
    plain, mixed, square = (curvature(sets, point, penalty=0.0, by_day=age**k) for k in range(3))
    # What is left of the slopes' information once the coefficients have adjusted.
    adjusted = square - mixed @ np.linalg.solve(plain, mixed)
    own = np.diag(square) - np.einsum("ij,ji->i", mixed, np.linalg.solve(plain, mixed))
    safe = own > 1e-12 * np.maximum(np.diag(square), 1e-300)
    statistic = np.divide(score**2, own, out=np.zeros_like(own), where=safe)
    slope = np.divide(score, own, out=np.zeros_like(own), where=safe)
    together = float(score @ np.linalg.lstsq(adjusted, score, rcond=None)[0])
    p_value = chdtrc(1, statistic)
    p_adjusted = holm(p_value)
    total_p = float(chdtrc(len(names), max(together, 0.0)))
    table = pd.DataFrame(
        {
            "covariate": [*names, ALL],
            "statistic": [*statistic, together],
            "df": [*([1] * len(names)), len(names)],
            "p_value": [*p_value, total_p],
            "p_adjusted": [*p_adjusted, total_p],
            "slope": [*(slope / sets.spread), 0.0],
        }
    )
    table["holds"] = table["p_adjusted"] >= alpha
    words = [_words(*row) for row in table[["covariate", "p_adjusted", "slope", "holds"]].itertuples(index=False)]
    table["en"], table["zh"] = [text.en for text in words], [text.zh for text in words]
    return table


def _words(covariate: str, p_value: float, slope: float, holds: bool) -> Text:
    p_en, p_zh = (number(p_value, "p_value", language=language) for language in ("en", "zh"))
    p_en, p_zh = (p if p.startswith("<") else f"= {p}" for p in (p_en, p_zh))
    if covariate == ALL:
        if holds:
            return Text(
                f"Taken together, the hazard ratios stay the same with age (adjusted p {p_en}).",
                f"总体来看，各风险比不随留存时长变化（校正 p {p_zh}）。",
            )
        return Text(
            f"Taken together, the hazard ratios change with age (adjusted p {p_en}): each is an average over time.",
            f"总体来看，风险比随留存时长变化（校正 p {p_zh}）：表中数值是各时段的平均。",
        )
    if holds:
        return Text(
            f"{covariate}: no sign that its hazard ratio changes with age (adjusted p {p_en}).",
            f"{covariate}：未见风险比随留存时长变化（校正 p {p_zh}）。",
        )
    grows = slope > 0
    return Text(
        f"{covariate}: its coefficient {'rises' if grows else 'falls'} with age (adjusted p {p_en}); "
        "read the hazard ratio as an average, or fit it by periods.",
        f"{covariate}：其系数随留存时长{'上升' if grows else '下降'}（校正 p {p_zh}）；"
        "该风险比只是平均值，建议分时段估计。",
    )
