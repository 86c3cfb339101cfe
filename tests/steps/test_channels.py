"""Step 4: the list is drawn as the brief says, by channels that were not refused, outside the quiet hours."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest

from helpers.findings import Text
from helpers.findings.lists import ListHead, write_list
from helpers.metrics import contacts, segments
from helpers.metrics.channels import read_channels
from helpers.models.experiments import assign
from helpers.reporting.tables import masked_rows
from helpers.steps import channels as matrix
from helpers.steps.channels import campaign_list


@pytest.fixture(scope="module")
def listed(sample_bank: Any) -> tuple[Any, pd.DataFrame, pd.DataFrame, campaign_list.Draw]:
    bank = sample_bank.at(as_of="2025-09-07")
    draw = campaign_list.read_draw("", salt="autumn", holdout_share=0.3)
    people, counts = campaign_list.build(
        bank,
        segment="silver",
        draw=draw,
        active_within_days=180,
        rules=contacts.read_policy(),
        channels=read_channels(),
    )
    return bank, people, counts, draw


def test_arms_are_those_that_anybody_can_draw_again(listed: Any) -> None:
    _, people, _, draw = listed
    again = assign(people["customer_id"], salt=draw.salt, weights=draw.weights).set_index("customer_id")["arm"]
    assert people["arm"].tolist() == again.loc[people["customer_id"]].tolist()
    assert (people["is_holdout"] == (people["arm"] == "control")).all()


def test_members_of_the_segment_who_come_and_nobody_else(listed: Any) -> None:
    bank, people, counts, _ = listed
    members = set(segments.members(bank, "silver").customer_id.execute())
    assert set(people["customer_id"]) <= members
    by = counts.set_index("reason")["n_customers"]
    assert by["in_segment"] == len(members)
    assert (
        by["in_segment"] - by["account_closed"] - by["no_consent"] - by["not_active"] - by["no_channel_left"]
        == by["on_the_list"]
        == len(people)
    )


def test_nobody_is_contacted_by_a_channel_that_was_refused(listed: Any) -> None:
    bank, people, _, _ = listed
    refused = contacts.suppressed_customers(bank, contacts.read_policy()).execute()
    assert len(refused)
    both = people.merge(refused, on=["customer_id", "channel"])
    assert both.empty


def test_hours_keep_the_quiet_ones(listed: Any) -> None:
    _, people, _, _ = listed
    quiet = next(rule for rule in contacts.read_policy().values() if rule.kind == "quiet_hours")
    hours = people.loc[~people["is_holdout"], "hour"]
    assert hours.notna().all()
    assert not any(contacts.is_quiet(int(hour), quiet) for hour in hours)


def test_held_out_customers_have_neither_channel_nor_hour(listed: Any) -> None:
    _, people, _, _ = listed
    assert people.loc[people["is_holdout"], ["channel", "hour"]].isna().all(axis=None)


def test_the_file_is_private_and_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    head = ListHead(Text("To call, once.\nNot to keep.", "仅供致电一次，不得留存。"), "b", "2025-09-07", "", "f00")
    table = pd.DataFrame({"customer_id": ["C1"], "note": ["=1+1"], "n": [-3]})
    folder = tmp_path / "pb" / "case" / "en" / "step"
    folder.mkdir(parents=True)
    file = write_list(table, folder / "list.csv", head=head)
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text(encoding="utf-8-sig").splitlines() == [
        "# purpose: To call; once. Not to keep.",
        "# run: pb/case/en/step; bank b; as of 2025-09-07; branch all; data fingerprint f00",
        "# 用途：仅供致电一次，不得留存。",
        "# 运行：pb/case/en/step；银行 b；数据截至 2025-09-07；网点 全部；数据指纹 f00",
        "customer_id,note,n",
        "C1,'=1+1,-3",
    ]
    assert pd.read_csv(file, comment="#").to_dict("list") == {"customer_id": ["C1"], "note": ["'=1+1"], "n": [-3]}
    assert write_list(pd.DataFrame({"customer_id": []}), None, head=head) is None


def test_a_policy_that_blocks_all_leaves_an_empty_list(sample_bank: Any) -> None:
    rules = {"all": contacts.Rule(kind="cap", name={"en": "x", "zh": "禁"}, max=0, days=7)}
    draw = campaign_list.read_draw("", salt="autumn", holdout_share=0.3)
    people, counts = campaign_list.build(
        sample_bank, segment="silver", draw=draw, active_within_days=180, rules=rules, channels=read_channels()
    )
    assert people.empty
    assert counts.set_index("reason")["n_customers"]["no_channel_left"] > 0


def test_a_segment_that_only_unregistered_channels_have_reached_gets_a_list_all_the_same(sample_bank: Any) -> None:
    """The channels that it was never contacted by are taken by how well they fit, as without a table of touches."""
    draw = campaign_list.read_draw("", salt="autumn", holdout_share=0.3)
    given = {"segment": "silver", "draw": draw, "active_within_days": 180, "rules": contacts.read_policy()}
    reached = {}
    for name, touches in (
        ("unregistered", sample_bank.touches.mutate(channel=ibis.literal("pigeon"))),
        ("none", sample_bank.touches.filter(ibis.literal(False))),
    ):
        bank = replace(sample_bank, tables={**sample_bank.tables, "touches": touches})
        people, counts = campaign_list.build(bank, **given, channels=read_channels())
        assert len(people) == counts.set_index("reason").loc["on_the_list", "n_customers"] > 0
        reached[name] = people.loc[~people["is_holdout"], "channel"]
    assert set(reached["unregistered"]) == set(reached["none"]) <= set(read_channels())


def test_portraits_compare_with_the_whole_base(sample_bank: Any) -> None:
    table = matrix.portrait(sample_bank, since=date(2024, 1, 1))
    assert table is not None
    assert (table["n"] >= 10).all()
    assert (table["tgi"] - table["segment_share"] / table["base_share"] * 100).abs().max() < 1e-9


def test_a_portrait_begins_with_what_differs_beyond_chance_and_its_caption_names_the_first_row(
    sample_bank: Any,
) -> None:
    """In the sample bank one share in forty differs, and it is a low one: sorted by TGI alone it stood last."""
    table = matrix.portrait(sample_bank, since=date(2024, 1, 1))
    assert table is not None
    assert table["is_distinct"].any()
    assert not table["is_distinct"].is_monotonic_increasing
    assert table["is_distinct"].is_monotonic_decreasing
    for _, same in table.groupby("is_distinct"):
        assert (same["tgi"] - 100).abs().is_monotonic_decreasing
    said = matrix.caption("portrait", table)
    assert said is not None
    assert f"by {matrix.name(table['channel'].iloc[0]).en} (TGI {table['tgi'].iloc[0]:.0f}, " in said.en


def test_caption_finding_and_table_of_the_policy_count_the_same_breaches_of_the_same_rules(sample_bank: Any) -> None:
    rules = contacts.read_policy()
    table = contacts.breaches(sample_bank, rules, read_channels())
    assert table is not None
    shown = matrix.breaches_shown(table)
    broken = [slug for slug, n in shown.groupby("rule")["n_breaches"].sum().items() if n > 0]
    # A rule that is not set is in the table that is kept; it can't be broken.
    assert len(broken) < table["rule"].nunique()
    outcomes = sample_bank.touches.outcome.execute()
    n_sent = int((~outcomes.isin(["failed", "suppressed"])).sum())
    n = int(shown["n_breaches"].sum())
    said, finding = matrix.caption("breaches", table), matrix.policy_finding(table, rules)
    assert said is not None
    assert finding is not None
    assert said.en.startswith(
        f"Contact policy: {n:,} breaches of {len(broken)} rules in {n_sent:,} contacts that were sent;"
    )
    assert said.zh.startswith(f"触达规则：实际发出的 {n_sent:,} 次触达中，{len(broken)} 条规则共被违反 {n:,} 次；")
    assert finding.text.en.startswith(f"{n:,} of {n_sent:,} contacts broke")
    assert all(rules[slug].name.en in finding.text.en for slug in broken)
    assert n_sent < int(sample_bank.touches.count().execute())


def test_the_caption_of_a_policy_that_was_kept_says_so() -> None:
    table = pd.DataFrame(
        {"rule": ["quiet_hours"], "channel": "sms", "n_contacts": 30, "n_breaches": 0.0, "checked": True}
    )
    said = matrix.caption("breaches", table)
    assert said is not None
    assert said.en.startswith("Contact policy: no breaches in 30 contacts")
    assert said.zh.startswith("触达规则：实际发出的 30 次触达中，未发现违规；")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"activation_days": 0}, "activation_days should be at least 1, not 0"),
        ({"value_days": -1}, "value_days should be at least 1, not -1"),
        ({"roi_convention": "gross"}, "roi_convention should be one of ratio, net, not 'gross'"),
        ({"monthly_budget": -1.0}, r"monthly_budget should not be negative, it is -1\.0"),
    ],
)
def test_parameters_out_of_range_are_named(settings: dict[str, Any], words: str) -> None:
    usual = {"activation_days": 30, "value_days": 90, "roi_convention": "ratio", "monthly_budget": 0.0}
    with pytest.raises(ValueError, match=words):
        matrix.check_parameters(**{**usual, **settings})


def test_an_empty_salt_and_a_full_hold_out_are_refused() -> None:
    with pytest.raises(ValueError, match="salt should not be empty"):
        campaign_list.read_draw("", salt="", holdout_share=0.3)
    with pytest.raises(ValueError, match="holdout_share should be at least 0 and below 1"):
        campaign_list.read_draw("", salt="x", holdout_share=1.0)


@pytest.mark.parametrize(
    ("sizes", "told", "untold"),
    [
        ([1500, 40, 60, 300, 0, 1100], ["40 closed", "60 without", "0 without a channel"], ["fewer", "some closed"]),
        (
            [1500, 4, 60, 336, 0, 1100],
            ["fewer than 10 closed", "some without consent", "336 not active", "0 without a channel"],
            ["60", "4 closed"],
        ),
    ],
)
def test_reasons_of_a_few_customers_are_not_counted_in_the_sentence(
    sizes: list[int], told: list[str], untold: list[str]
) -> None:
    reasons = ["in_segment", "account_closed", "no_consent", "not_active", "no_channel_left", "on_the_list"]
    counts = pd.DataFrame({"reason": reasons, "n_customers": sizes})
    people = pd.DataFrame({"is_holdout": [True] * 300 + [False] * 800})
    text = matrix.list_finding(people, counts, segment_name=Text("silver", "银发"), n_arms=2).text
    assert all(words in text.en for words in told)
    assert not any(words in text.en for words in untold)
    # what the sentence tells and what the table shows are the same rows
    masked = masked_rows(counts)
    assert [f"{size:,}" in text.en for size in sizes] == [not is_masked for is_masked in masked]
