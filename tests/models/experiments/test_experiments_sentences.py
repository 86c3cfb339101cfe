"""What experiments say: both languages, with number, interval and group size, and no claim beyond the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.findings import Text
from helpers.models.experiments import (
    days_needed,
    effect,
    effect_findings,
    guardrail_findings,
    guardrails,
    plan_finding,
    sample_ratio,
    sample_ratio_finding,
    sample_size,
)

NAMES = {"logins": Text("Logins", "登录次数"), "aum": Text("AUM", "资产规模")}
UNITS = {"logins": "score", "aum": "money"}
EVEN = {"control": 0.5, "treatment": 0.5}


def effects(shift: float, **options) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"arm": ["control", "treatment"] * 300, "logins": rng.normal(5, 1, 600), "aum": rng.normal(9e4, 1e4, 600)}
    )
    table.loc[table.arm == "treatment", "logins"] += shift
    return effect(table, metric=["logins", "aum"], control="control", **options)


def test_effect_sentences_hold_number_interval_size_and_doubt() -> None:
    found = effects(1.0)
    rose, nothing = effect_findings(found, names=NAMES, units=UNITS, currency="CNY", period="2025-09")
    row = found.iloc[0]
    assert rose.text.en.startswith(f"Logins rose by the campaign: +{row.estimate:.2f} per customer, +")
    assert f"95 % CI +{row.lower:.2f} to +{row.upper:.2f}; n = 300 against 300 in control; p < 0.001" in rose.text.en
    assert rose.text.zh.startswith(f"活动使登录次数提升：人均 +{row.estimate:.2f}，相对对照组 +")
    assert "95% 置信区间" in rose.text.zh
    assert "实验组 300 人，对照组 300 人" in rose.text.zh
    assert nothing.text.en.startswith("No change in AUM can be told from chance: ")
    assert "CNY" in nothing.text.en
    assert "无法区分" in nothing.text.zh
    assert (rose.tone, nothing.tone) == ("plain", "warning")
    figure = rose.figures[0]
    assert (figure.value, figure.lower, figure.upper, figure.n) == (row.estimate, row.lower, row.upper, 600)
    assert figure.period == "2025-09"


def test_a_fall_and_a_capped_row_say_so() -> None:
    found = effect_findings(effects(-1.0, winsorize=0.95), names=NAMES, units=UNITS)
    assert [finding.key for finding in found[:2]] == ["effect_logins_treatment_capped", "effect_logins_treatment"]
    assert found[0].text.en.startswith("Logins (extremes capped) fell by the campaign: −")
    assert "极端值封顶" in found[0].text.zh
    assert "下降" in found[1].text.zh


@pytest.mark.parametrize(
    ("counts", "tone", "en", "zh"),
    [
        ((5_060, 4_940), "plain", "as configured", "一致"),
        ((10_000, 10_400), "warning", "to be watched", "需关注"),
        ((50_600, 49_400), "bad", "must not be read", "不可解读"),
    ],
)
def test_split_sentences(counts: tuple[int, int], tone: str, en: str, zh: str) -> None:
    finding = sample_ratio_finding(sample_ratio(dict(zip(EVEN, counts, strict=True)), EVEN))
    assert finding.tone == tone
    assert en in finding.text.en
    assert zh in finding.text.zh
    assert f"n = {sum(counts):,}" in finding.text.en


def test_strays_are_mentioned() -> None:
    check = sample_ratio({**dict.fromkeys(EVEN, 500), "paused": 3}, {**EVEN, "paused": 0})
    finding = sample_ratio_finding(check)
    assert "3 customers stood in arms that should be empty" in finding.text.en
    assert "3 人" in finding.text.zh


@pytest.mark.parametrize(
    ("shift", "verdict", "tone"), [(0.0, "held", "good"), (-3.0, "broken", "bad"), (-0.5, "decided", "warning")]
)
def test_guardrail_sentences(shift: float, verdict: str, tone: str) -> None:
    judged = guardrails(effects(shift), margins={"logins": {"margin": 0.5, "better": "up"}})
    (finding,) = guardrail_findings(judged, names=NAMES, units=UNITS)
    assert verdict in finding.text.en
    assert "n = 600" in finding.text.zh
    assert finding.tone == tone
    assert finding.figures[0].lower == judged.worst[0]


def test_a_guardrail_on_capped_values_says_so() -> None:
    judged = guardrails(effects(1.0, winsorize=0.99), margins={"logins": {"margin": 0.5, "better": "up"}})
    capped, plain = guardrail_findings(judged, names=NAMES, units=UNITS)
    assert "Logins (extremes capped)" in capped.text.en
    assert "登录次数（极端值封顶）" in capped.text.zh
    assert "capped" not in plain.text.en


def test_plan_sentences_with_and_without_enough_customers() -> None:
    plan = sample_size(0.02, mean=0.10)
    reach = pd.DataFrame({"day": range(1, 31), "n_reached": range(500, 15_500, 500)})
    finding = plan_finding(
        plan, name=Text("conversion", "转化率"), unit="share", days=days_needed(plan["n"], reach=reach)
    )
    assert "To find +2.0 pp in conversion with 80.0 % power it takes 7,68" in finding.text.en
    assert "At the past pace they have come by within 21 days (16 days, in whole weeks); the window" in finding.text.en
    assert "按以往触达速度，21 天内可全部触达（16 天，按整周取整）" in finding.text.zh
    never = plan_finding(
        plan, name=Text("conversion", "转化率"), unit="share", days=days_needed(plan["n"], reach=reach[:5])
    )
    assert "only 2,500 came by" in never.text.en
    assert "仅触达 2,500 人" in never.text.zh
    assert never.tone == "warning"
