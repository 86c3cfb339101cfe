"""Sentences: both languages, the numbers of the table, the tone of what was found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.findings import Text
from helpers.models.uplift import (
    ConstantEffect,
    LearnerChoice,
    calibration_by_decile,
    calibration_finding,
    calibration_test,
    choice_finding,
    groups_finding,
    policy_curve,
    policy_finding,
    response_groups,
)


def choice(*, heterogeneous):
    table = pd.DataFrame(
        {
            "candidate": ["constant", "r_learner"],
            "score": [0.25, 0.249],
            "improvement": [0.0, 0.00123],
            "se": [0.0, 0.0004],
            "lower": [0.0, 0.00045],
            "upper": [0.0, 0.00201],
            "from_differences": [0.0, 0.00123],
            "from_differences_se": [0.0, 0.0004],
            "n": 5000,
            "chosen": [not heterogeneous, heterogeneous],
        }
    )
    name = "r_learner" if heterogeneous else "constant"
    return LearnerChoice(name, ConstantEffect(), heterogeneous, table, "dr_loss", np.zeros(5000), np.zeros((5000, 2)))


def test_choice_is_told_either_way():
    found, none = (choice_finding(choice(heterogeneous=value)) for value in (True, False))
    assert "makes the R-learner better" in found.text.en
    assert "0.00123 per customer (95 % CI 0.000446 to 0.00201, n = 5,000)" in found.text.en
    assert "每人 0.00123" in found.text.zh
    assert found.tone == "good"
    assert none.text.en.startswith("No heterogeneity that we can use")
    assert none.text.zh.startswith("没有可利用的差异")
    assert none.tone == "warning"
    assert none.figures[0].value == pytest.approx(0.00123)


def test_policy_and_calibration_and_groups_tell_the_tables():
    random = np.random.default_rng(0)
    x, treatment = random.uniform(-1, 1, 5000), random.integers(0, 2, 5000)
    effect = 0.04 + 0.10 * x
    y = random.binomial(1, 0.1 + treatment * effect)
    curve = policy_curve(effect, y=y, treatment=treatment, value=100, cost=3, present=x < 0)
    told = policy_finding(curve, currency="CNY")
    best = curve[curve["policy"] == "best"].iloc[0]
    assert f"Treating {best['n_treated']:,} customers" in told.text.en
    assert [figure.key for figure in told.figures] == ["policy_best", "policy_everyone", "policy_present"]
    assert told.figures[0].value == best["profit"]
    assert told.figures[0].n == 5000
    assert "现行规则" in told.text.zh
    alone = policy_finding(curve, currency="CNY", metric=Text("active days", "活跃天数"))
    assert alone.text.en == f"Counting active days alone: t{told.text.en[1:]}"
    assert alone.text.zh == f"仅计活跃天数：{told.text.zh}"
    assert "CNY" in told.text.en
    assert "元" in told.text.zh

    good, bad = (
        calibration_finding(calibration_test(calibration_by_decile(y, prediction, treatment)))
        for prediction in (effect, 5 * effect + 0.3)
    )
    assert (good.tone, bad.tone) == ("good", "bad")
    assert "does not hold" in bad.text.en
    assert "不符" in bad.text.zh

    groups = response_groups(effect, baseline=y, lower=effect - 0.05, upper=effect + 0.05)
    told = groups_finding(groups)
    assert f"Of 5,000 customers {(effect > 0).sum():,} count as persuadable" in told.text.en
    assert [figure.value for figure in told.figures] == [
        (effect > 0).sum(),
        (effect > 0.05).sum(),
        (effect < 0).sum(),
        (effect < -0.05).sum(),
    ]
