"""What a parameter, a catalogue, a bank's table or a brief is refused for reaches the reader in both languages."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.bank import Bank, brief, catalogue
from helpers.findings import SpokenError
from helpers.metrics import benefits, campaigns, economics, forms, layers, lifecycle, outcomes, segments
from helpers.metrics.conditions import FactCondition
from helpers.metrics.definitions import metric, read_metrics
from helpers.runs import failure
from helpers.steps import activities, channels, goals, post_mortem
from helpers.steps.goals.ogsm import read_strategies
from helpers.steps.segments import focus, study
from tests.conftest import ROOT
from tests.metrics.test_outcomes import campaign_tables
from tests.test_languages import CHINESE, SENTENCE


def plan(bank: Bank, **settings: Any) -> object:
    return activities.plan_campaign(
        bank, **{"segment": "silver", "goal_metric": "active_days", "budget": 1e4, **settings}
    )


def check(**settings: Any) -> None:
    sound = {"activation_days": 30, "value_days": 90, "roi_convention": "ratio", "monthly_budget": 0.0}
    channels.check_parameters(**{**sound, **settings})


def project(bank: Bank, **settings: Any) -> Any:
    return goals.project_mau(bank.activity, bank.customers, as_of=bank.as_of, **settings)


# What is asked, the value that is wrong, the beginning of the English line, the whole or beginning of the Chinese one.
ASKED: dict[str, tuple[Callable[[Bank], object], str, str, str]] = {
    "horizon": (
        lambda bank: project(bank, horizon_months=37),
        "37",
        "horizon_months must be a whole number from 1 to 36",
        "horizon_months 应为 1 到 36 之间的整数，现为 37",
    ),
    "target": (
        lambda bank: goals.set_target(project(bank), target=-5, growth_share=0.05),
        "-5",
        "target_mau must be at least 0 (0: derived from mau_growth_share)",
        "target_mau 应不小于 0（0 表示按 mau_growth_share 推算），现为 -5",
    ),
    "nearest segment": (
        lambda bank: segments.members(bank, "silvr"),
        "'silvr'",
        "segment 'silvr' is unknown, did you mean 'silver'; there are all, ",
        "segment 'silvr' 不存在，是否应为 'silver'；可选：all、",
    ),
    "segment of a lacking column": (
        lambda bank: segments.members(bank, "car_owners"),
        "is_car_owner",
        "segment 'car_owners' can't be formed: the bank's customers have no column is_car_owner; possible here are all, ",
        "无法划出客群 'car_owners'：customers 表缺少列 is_car_owner；可选：all、silver、women",
    ),
    "log too short": (
        lambda bank: study(focus(bank, "all"), horizon_days=30, silent_days=9_999),
        "9999",
        "silent_days is 9999, longer than the activity log up to 2024-08-01",
        "silent_days 为 9999，超过截至 2024-08-01 的行为日志长度（",
    ),
    "goal": (
        lambda bank: plan(bank, goal_metric="clicks"),
        "'clicks'",
        "goal_metric must be one of active_days, is_active, aum_change, not 'clicks'",
        "goal_metric 应为 active_days、is_active、aum_change 之一，现为 'clicks'",
    ),
    "form": (
        lambda bank: plan(bank, form="chekin"),
        "'chekin'",
        "form 'chekin' is unknown, did you mean 'checkin'; there are ",
        "form 'chekin' 不存在，是否应为 'checkin'；可选：",
    ),
    "channel": (
        lambda bank: plan(bank, channels="app_push, fax"),
        "'fax'",
        "channels: channel 'fax' is unknown; ",
        "channels：渠道 'fax' 不存在",
    ),
    "start in the past": (
        lambda bank: plan(bank, starts_date="2024-01-31"),
        "2024-01-31",
        "starts_date 2024-01-31 lies before as_of, 2024-08-01",
        "starts_date 2024-01-31 早于 as_of 2024-08-01：简报须在上线前写好",
    ),
    "convention": (
        lambda _: check(roi_convention="gross"),
        "'gross'",
        "roi_convention should be one of ratio, net, not 'gross'",
        "roi_convention 应为 ratio、net 之一，现为 'gross'",
    ),
    "budget": (
        lambda _: check(monthly_budget=-1.5),
        "-1.5",
        "monthly_budget should not be negative, it is -1.5",
        "monthly_budget 不应为负数，现为 -1.5",
    ),
    "contacts later than the data": (
        lambda bank: channels.first_day(bank, "2024-09-01"),
        "2024-09-01",
        "acquired_since 2024-09-01 lies after as_of 2024-08-01",
        "acquired_since 2024-09-01 晚于 as_of 2024-08-01",
    ),
    "campaign": (
        lambda bank: post_mortem.open_case(bank, "K909"),
        "'K909'",
        "campaign_id 'K909' is unknown, did you mean 'K90",
        "campaign_id 'K909' 不存在，是否应为 'K90",
    ),
    "confidence": (
        lambda bank: post_mortem.open_case(bank, "K901", alpha=0.95),
        "0.95",
        "alpha must lie between 0 and 0.5, not 0.95",
        "alpha 应在 0 到 0.5 之间，现为 0.95",
    ),
    "window after the data": (
        lambda bank: outcomes.campaign_outcomes(bank, "K901", window_days=200, before_days=16, after_days=0),
        "2024-09-26",
        "campaign K901: the window of 200 days ends on 2024-09-26, after the last day that is seen, 2024-08-01",
        "活动 K901：200 天的窗口至 2024-09-26 结束，晚于数据可见的最后一日 2024-08-01",
    ),
    "campaign without arms": (
        lambda bank: outcomes.assigned_customers(bank, "K902"),
        "K902",
        "campaign K902 has no row in assignments",
        "活动 K902 在 assignments 中没有记录，无法比较各分组",
    ),
    "days": (
        lambda bank: layers.customer_layers(bank, silent_days=0),
        "0",
        "silent_days must be a whole number of days, at least 1, not 0",
        "silent_days 应为不小于 1 的整数（天），现为 0",
    ),
    "group size": (
        lambda bank: benefits.benefit_history(bank, "silver", min_group_size=0),
        "0",
        "min_group_size must be at least 1, not 0",
        "min_group_size 应不小于 1，现为 0",
    ),
    "metric": (
        lambda _: metric("mua"),
        "'mua'",
        "metric 'mua' is unknown, did you mean 'mau'; there are mau, ",
        "指标 'mua' 不存在，是否应为 'mau'；可选：mau、",
    ),
    "fact": (
        lambda _: FactCondition.model_validate({"fact": "duration", "below": 14}).holds({"duration_days": 28}),
        "'duration'",
        "fact 'duration' is unknown, did you mean 'duration_days'; there are duration_days",
        "fact 'duration' 不存在，是否应为 'duration_days'；可选：duration_days",
    ),
}  # fmt: skip


def said(error: SpokenError, value: str, english: str, chinese: str) -> None:
    """Both languages, each in its own words, with the value that is wrong."""
    assert len(error.texts) == 1
    assert str(error).startswith(english)
    assert error.say("zh").startswith(chinese)
    assert value in str(error)
    assert value in error.say("zh")
    assert CHINESE.search(error.say("zh"))
    assert not CHINESE.search(str(error))
    assert not SENTENCE.search(error.say("zh"))


@pytest.mark.parametrize("name", ASKED)
def test_what_was_asked_wrongly_is_said_in_both_languages(name: str, tiny_bank: Callable[..., Any]) -> None:
    ask, value, english, chinese = ASKED[name]
    with pytest.raises(SpokenError) as caught:
        ask(tiny_bank(**campaign_tables()))
    said(caught.value, value, english, chinese)
    assert on_card(caught.value) == caught.value.say("zh")


def on_card(error: Exception) -> str:
    """Return the Chinese reason on the card of a step that stopped for it, as a kernel hands the error over."""

    class Stopped(Exception):
        ename, evalue = type(error).__name__, str(error)
        traceback = traceback.format_exception(error)

    return failure.explain(Stopped()).what.zh


# The catalogue, what is written instead of what (the first occurrence), what reads it, and what both languages say.
WRITTEN: dict[str, tuple[str, str, str, Callable[..., object], str, str, str]] = {
    "unit of a metric": (
        "metrics", "unit: customers", "unit: heads", read_metrics,
        "'heads'", "mau.unit: must be one of count, customers", "mau.unit：应为 count、customers、",
    ),
    "form of a variant": (
        "activities", "variant_of: red_packet", "variant_of: red_pocket", forms.read_forms,
        "'red_pocket'", ".variant_of: form 'red_pocket' is unknown, did you mean 'red_packet'; there are ",
        ".variant_of：form 'red_pocket' 不存在，是否应为 'red_packet'；可选：",
    ),
    "value of an assumption": (
        "economics", "value: 0.012", "value: 1.2", economics.read_assumptions,
        "1.2", "spread.(top): value 1.2 must be 0 to 1", "spread.(top)：value 1.2 应在 0 到 1 之间",
    ),
    "name of an assumption": (
        "economics", "  expected_loss:", "  loss:", economics.read_assumptions,
        "expected_loss", "economics.yml: expected_loss missing; it needs spread, ",
        "economics.yml：缺少 expected_loss，须包含 spread、",
    ),
    "threshold of a state": (
        "lifecycle", "    silent_days:", "    lookback_days:", lifecycle.read_lifecycle,
        "silent_days", "lifecycle.yml: churning.silent_days is missing", "lifecycle.yml：churning.silent_days 缺失",
    ),
    "measure of a lever": (
        "ogsm", "month_retention", "month_retentoin", read_strategies,
        "'month_retentoin'", ": metric 'month_retentoin' is unknown, did you mean 'month_retention'; there are ",
        "：指标 'month_retentoin' 不存在，是否应为 'month_retention'；可选：",
    ),
    "bound of a segment": (
        "segments", "{column: age, at_least: 50}", "{column: age}", segments.read_segments,
        "age", "silver.where.0: age needs one of is, is_in, at_least,",
        "silver.where.0：age 须给出 is、is_in、at_least、",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_wrong_in_a_catalogue_is_said_in_both_languages(name: str, tmp_path: Path) -> None:
    file, right, wrong, read, value, english, chinese = WRITTEN[name]
    content = (ROOT / "data" / "catalogue" / f"{file}.yml").read_text(encoding="utf-8")
    assert right in content
    (tmp_path / f"{file}.yml").write_text(content.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(SpokenError) as caught:
        read(folder=str(tmp_path))
    assert english in str(caught.value)
    assert chinese in caught.value.say("zh")
    for line in caught.value.texts:
        assert value in line.en
        assert value in line.zh
        assert CHINESE.search(line.zh)
        assert not CHINESE.search(line.en)
        assert not SENTENCE.search(line.zh.replace(str(tmp_path), ""))


def test_a_picked_name_with_nothing_to_pick_from_is_said_in_both_languages() -> None:
    with pytest.raises(SpokenError) as caught:
        catalogue.pick({}, "silver", what="segment")
    assert caught.value.say("zh") == "segment 'silver' 不存在；可选：无"


def write_brief(file: Path, **change: Any) -> Path:
    words = {"en": "Check-in", "zh": "签到"}
    content = {
        "schema_version": 1,
        "campaign_id": "K902",
        "name": words,
        "form": "checkin",
        "segment": "silver",
        "written_on": "2024-03-01",
        "starts_date": "2024-03-11",
        "ends_date": "2024-03-20",
        "evaluate_on": "2024-06-01",
        "budget": 100,
        "assignment": "randomised",
        "arms": [{"name": "red", "weight": 0.5}, {"name": "blue", "weight": 0.5, "control": True}],
        "goal": {"metric": "active_days", "baseline": 4, "target": 5},
        "hypotheses": [
            {"key": "h", "text": words, "metric": "active_days", "direction": "up", "threshold": 0, "window_days": 28}
        ],
        **change,
    }
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def test_a_brief_that_ends_before_it_starts_is_said_in_both_languages(tmp_path: Path) -> None:
    file = write_brief(tmp_path / "brief.yml", ends_date="2024-03-01")
    with pytest.raises(SpokenError) as caught:
        brief.read(file)
    assert str(caught.value) == f"{file}: (top): ends_date 2024-03-01 lies before starts_date 2024-03-11"
    assert caught.value.say("zh") == f"{file}：(top)：ends_date 2024-03-01 早于 starts_date 2024-03-11"


def test_a_brief_of_another_campaign_is_said_in_both_languages(tiny_bank: Callable[..., Any], tmp_path: Path) -> None:
    file = str(write_brief(tmp_path / "brief.yml"))
    with pytest.raises(SpokenError) as caught:
        post_mortem.open_case(tiny_bank(**campaign_tables()), "K901", brief=file)
    assert str(caught.value) == f"brief {file} is of campaign 'K902', campaign_id is 'K901'"
    assert caught.value.say("zh") == f"简报 {file} 属于活动 'K902'，而 campaign_id 为 'K901'"


def test_arms_without_a_hold_out_are_said_in_both_languages(tiny_bank: Callable[..., Any]) -> None:
    tables = campaign_tables()
    tables["assignments"]["arm"] = ["red", "blue", "red", "blue"]
    with pytest.raises(SpokenError) as caught:
        post_mortem.open_case(tiny_bank(**tables), "K901")
    said(
        caught.value,
        "blue",
        "campaign K901: none of the arms blue, red is known as the hold-out",
        "活动 K901：分组 blue、red 中无法识别留白组，请在简报中标明（arms: control: true）",
    )


def test_a_bank_without_the_tables_of_a_review_is_said_in_both_languages(tiny_bank: Callable[..., Any]) -> None:
    with pytest.raises(SpokenError) as caught:
        campaigns.campaign(tiny_bank(), "K901")
    said(
        caught.value,
        "'K901'",
        "campaign_id 'K901': the bank has no table campaigns",
        "campaign_id 'K901'：银行数据中没有表 campaigns，无法复盘",
    )
