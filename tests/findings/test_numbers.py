"""Numbers as each language writes them; what is missing is a dash, never 0 and never nan."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.findings import Figure, Finding, Text
from helpers.findings.numbers import estimate, interval, number


@pytest.mark.parametrize(
    ("value", "unit", "en", "zh"),
    [
        (0.1234, "share", "12.3 %", "12.3%"),
        (-0.021, "points", "−2.1 pp", "−2.1 个百分点"),
        (1234567, "money", "CNY 1.23 m", "123.5 万元"),
        (-1234567, "money", "−CNY 1.23 m", "−123.5 万元"),
        # Four figures in both languages, also where Chinese has passed to its next power.
        (107.9e6, "money", "CNY 107.9 m", "1.079 亿元"),
        (-109.46e6, "money", "−CNY 109.5 m", "−1.095 亿元"),
        (2.5e9, "money", "CNY 2.50 bn", "25.0 亿元"),
        (12.5, "money_each", "CNY 12.50", "12.50 元"),
        (1, "customers", "1 customer", "1 人"),
        (12345, "customers", "12,345 customers", "12,345 人"),
        (1, "days", "1 day", "1 天"),
        (2.5, "days", "2.50 days", "2.50 天"),
        (0.0004, "p_value", "< 0.001", "< 0.001"),
        (104.6, "index", "105", "105"),
        (-0.0001, "count", "0", "0"),
    ],
)
def test_both_languages(value: float, unit: str, en: str, zh: str) -> None:
    assert number(value, unit, currency="CNY") == en
    assert number(value, unit, language="zh", currency="CNY") == zh


@pytest.mark.parametrize("missing", [None, float("nan"), np.nan, pd.NA, pd.NaT])
def test_what_is_missing_is_a_dash(missing: object) -> None:
    assert number(missing, "share") == "–"


def test_differences_carry_their_sign() -> None:
    assert number(0.02, "points", signed=True) == "+2.0 pp"
    assert number(5, "money", currency="CNY", signed=True) == "+CNY 5"
    assert number(0, "count", signed=True) == "0"


def test_units_stand_once_in_an_interval() -> None:
    assert interval(1, 12, "customers") == "95 % CI 1 customer to 12 customers"
    assert interval(2, 12, "customers") == "95 % CI 2 to 12 customers"
    assert interval(-0.01, 0.02, "points", signed=True) == "95 % CI −1.0 to +2.0 pp"
    assert interval(10, 20, "money_each", currency="CNY") == "95 % CI CNY 10.00 to 20.00"
    assert interval(10, 20, "money_each", language="zh", currency="CNY") == "95% 置信区间 10.00 至 20.00 元"


def test_an_estimate_without_interval_says_its_size_only() -> None:
    assert estimate(0.5, None, None, "share", n=10) == "50.0 % (n = 10)"


def test_an_unknown_unit_or_language_is_named() -> None:
    with pytest.raises(ValueError, match=r"unit must be one of .* not 'percent'"):
        number(1, "percent")
    with pytest.raises(ValueError, match="language must be one of en, zh, not 'de'"):
        number(1, language="de")
    with pytest.raises(ValueError, match="unit of figure 'x'"):
        Figure("x", 1.0, unit="percent")


def test_a_finding_needs_words_in_both_languages() -> None:
    with pytest.raises(ValueError, match="finding 'x' has no words in zh"):
        Finding("x", Text("words", " "))


def test_figures_become_json_without_nan() -> None:
    assert Figure("x", float("nan"), lower=float("-inf"), n=np.int64(3)).as_dict() == {
        "key": "x",
        "value": None,
        "lower": None,
        "upper": None,
        "unit": "count",
        "n": 3,
        "period": "",
    }
