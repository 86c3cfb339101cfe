"""Captions say what a table shows, with its number; small groups are not named; an empty table has a plain one."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pandas as pd
import pytest

from helpers.runs import plan
from helpers.steps import channels as matrix
from helpers.steps import segments as insight
from helpers.steps.channels import captions as channel_captions
from helpers.steps.segments import captions as segment_captions

SIZES = pd.DataFrame(
    {"segment": ["all", "silver", "women", "payroll"], "customers": [900, 300, 400, 7], "aum": [9e6, 2e6, 3e6, 8e6]}
)
KEPT = pd.DataFrame(
    {
        "segment": ["all", "silver", "women", "payroll"], "n_spells": [900, 300, 400, 7],
        "retained": [0.6, 0.5, 0.7, 0.99], "flattery": [0.1, 0.12, 0.05, 0.4],
    }
)  # fmt: skip
RFM = pd.DataFrame({"rfm_group": ["other", "champions"], "customers": [90, 7], "share": [0.9, 0.1]})
COSTS = pd.DataFrame(
    {
        "channel": ["sms", "wecom", "all"], "n_eligible": [300, 200, 500], "n_activated": [100, 7, 107],
        "aac": [30.0, 2.0, 28.0], "lower": [25.0, 1.0, 24.0], "upper": [36.0, 5.0, 33.0],
    }
)  # fmt: skip
RETURNS = pd.DataFrame(
    {
        "channel": ["sms", "wecom", "short_video"], "n_eligible": [300, 200, 7], "lroi": [5.0, 0.8, 9.0],
        "lower": [2.6, 0.2, 8.0], "upper": [9.7, 1.1, 10.0], "break_even": 1.0,
    }
)  # fmt: skip
ANSWERED = pd.DataFrame(
    {
        "channel": ["sms", "wecom"], "n_contacts": [300, 7], "response_share": [0.02, 0.9], "response_lower": [0.01, 0.5],
        "response_upper": [0.04, 1.0],
    }
)  # fmt: skip
LISTED = pd.DataFrame({"reason": ["in_segment", "no_consent", "on_the_list"], "n_customers": [154, 28, 86]})


@pytest.fixture(scope="module")
def focus(sample_bank: Any) -> insight.Focus:
    return insight.focus(sample_bank, "silver")


def test_the_most_is_that_of_a_group_large_enough_to_name(focus: insight.Focus) -> None:
    said = insight.caption("segments", SIZES, focus)
    assert said.en == "Of the segments, “Women” holds most assets: CNY 3.00 m (n = 400)"
    assert said.zh == "各客群中女性客群资产最多：300.0 万元（n = 400）"
    kept = insight.caption("retention", KEPT, focus)
    assert kept.en == "Retention at the horizon lies between 50.0 % (Silver-haired) and 70.0 % (Women)"
    assert "Silver-haired” most, by 12.0" in insight.caption("naive", KEPT, focus).en
    assert insight.caption("rfm", RFM, focus).en == "RFM groups of the segment"
    costs = matrix.caption("activated_cost", COSTS, currency="CNY")
    assert costs.en.startswith(
        "An activated customer costs least by Text message: CNY 30.00 (95 % CI CNY 25.00 to 36.00"
    )
    assert "短信：30" in costs.zh
    assert matrix.caption("return_on_cost", RETURNS).en == (
        "Return on cost: 1 of 2 channels earn more than they cost beyond chance"
    )
    assert "Text message is answered most, 2.0 %" in matrix.caption("contact_results", ANSWERED).en
    assert matrix.caption("campaign_list_counts", LISTED).zh == "入选名单：客群 154 人中 86 人"


def test_the_least_size_is_the_pages(focus: insight.Focus) -> None:
    assert "Payroll" in insight.caption("segments", SIZES, dataclasses.replace(focus, min_group_size=5)).en
    assert "WeCom" in matrix.caption("contact_results", ANSWERED, min_group_size=5).en


@pytest.mark.parametrize("name", list(segment_captions._CAPTIONS))
def test_step_2_tables_without_rows_have_a_plain_caption(name: str, focus: insight.Focus) -> None:
    for table in (None, pd.DataFrame()):
        said = insight.caption(name, table, focus)
        assert said.en
        assert re.search(r"[\u4e00-\u9fff]", said.zh)
        assert not re.search(r"\d", said.en)


@pytest.mark.parametrize("name", list(channel_captions._CAPTIONS))
def test_step_4_tables_without_rows_have_a_plain_caption(name: str) -> None:
    for table in (None, pd.DataFrame()):
        said = matrix.caption(name, table)
        assert said.en
        assert re.search(r"[\u4e00-\u9fff]", said.zh)


def test_every_table_of_the_step_notebooks_is_given_a_caption() -> None:
    for file in plan.step_notebooks().values():
        for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code":
                assert source.count("page.table(") <= source.count("caption="), (file.name, source)
