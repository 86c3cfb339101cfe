"""Rules: what they find, what they leave to people, and that each finding names source, owner and review date."""

from __future__ import annotations

from datetime import date

import pytest

from helpers.bank.brief import Arm, Brief, Disclosure, Goal, Hypothesis
from helpers.bank.catalogue import Words
from helpers.findings import SpokenError
from helpers.metrics.forms import pick_form
from helpers.models.compliance import Rule, brief_facts, check_brief, read_rules, rule_findings

WORDS = Words(en="w", zh="词")
FULL = Disclosure(**dict.fromkeys(Disclosure.model_fields, "stated"))


def brief(form: str = "checkin", *, disclosure: Disclosure = FULL, written: date = date(2025, 9, 7), **change) -> Brief:
    content = {
        "campaign_id": "N1",
        "name": WORDS,
        "form": form,
        "segment": "silver",
        "written_on": written,
        "starts_date": date(2025, 9, 8),
        "ends_date": date(2025, 10, 20),
        "evaluate_on": date(2025, 12, 1),
        "budget": 1000,
        "assignment": "randomised",
        "arms": (Arm(name="control", weight=0.3, control=True), Arm(name="treatment", weight=0.7)),
        "benefits": ("points",),
        "goal": Goal(metric="active_days", baseline=4, target=5),
        "hypotheses": (
            Hypothesis(key="h", text=WORDS, metric="active_days", direction="up", threshold=0, window_days=28),
        ),
        "disclosure": disclosure,
    }
    return Brief(**(content | change))


def status(of: Brief, *, form: str = "checkin", currency: str = "CNY") -> dict[str, str]:
    table = check_brief(of, pick_form(form), currency=currency)
    return dict(zip(table["rule_key"], table["rule_status"], strict=True))


def test_a_full_brief_leaves_only_what_people_decide() -> None:
    found = status(brief())
    assert found["prize_promotion_published"] == "ok"
    assert found["internal_review"] == "review"
    assert found["largest_prize"] == "not_applicable"
    assert found["sms_consent"] == "not_applicable"


def test_each_rule_bites() -> None:
    blank = FULL.model_copy(update={"contact": " ", "redemption_time": ""})
    found = status(brief(disclosure=blank))
    assert found["prize_promotion_published"] == "breach"
    assert found["points_and_vouchers"] == "breach"
    assert status(brief(channels=("sms",)))["sms_consent"] == "review"
    assert status(brief("asset_uplift"), form="asset_uplift")["no_reward_for_deposits"] == "review"
    third = (
        Arm(name="control", weight=0.2, control=True),
        Arm(name="points", weight=0.4),
        Arm(name="gift", weight=0.4),
    )
    assert status(brief(arms=third))["refusal_and_equal_terms"] == "review"
    no_odds = FULL.model_copy(update={"prize_numbers_or_odds": ""})
    assert status(brief("lucky_draw", disclosure=no_odds), form="lucky_draw")["numbers_or_odds"] == "breach"


def test_the_largest_prize_counts_in_yuan_only() -> None:
    form = pick_form("lucky_draw")
    dear = form.model_copy(update={"terms": form.terms.scaled(50_001 / form.terms.largest_prize)})
    at_limit = form.model_copy(update={"terms": form.terms.scaled(50_000 / form.terms.largest_prize)})

    def of(entry, currency: str) -> str:
        table = check_brief(brief("lucky_draw"), entry, currency=currency).set_index("rule_key")
        return table.loc["largest_prize", "rule_status"]

    assert of(dear, "CNY") == "breach"
    assert of(at_limit, "CNY") == "ok"
    assert of(dear, "CZK") == "not_applicable"


def test_overdue_reviews_are_flagged_and_those_that_fall_due_before_the_end() -> None:
    table = check_brief(brief(), pick_form("checkin"), currency="CNY").set_index("rule_key")
    assert not table["is_overdue"].any()
    assert table.index[table["falls_due"]].tolist() == ["largest_prize"]  # 15 October, the campaign ends on the 20th
    later = brief(
        written=date(2026, 1, 5),
        starts_date=date(2026, 1, 5),
        ends_date=date(2026, 1, 30),
        evaluate_on=date(2026, 5, 1),
    )
    overdue = check_brief(later, pick_form("checkin"), currency="CNY").set_index("rule_key")["is_overdue"]
    assert set(overdue.index[overdue]) == {"largest_prize", "internal_review"}


def test_findings_name_rule_source_owner_and_review_date_in_both_languages() -> None:
    of = brief(disclosure=FULL.model_copy(update={"contact": ""}), channels=("sms",))
    form = pick_form("checkin")
    findings = rule_findings(check_brief(of, form, currency="CNY"), brief_facts(of, form, currency="CNY"))
    assert findings[0].key == "compliance_prize_promotion_published"
    assert findings[0].tone == "bad"
    assert "contact" in findings[0].text.en
    rules = read_rules()
    for finding in findings:
        rule = rules[finding.key.removeprefix("compliance_")]
        for part in (rule.rule.en, rule.source.en, rule.owner.en, str(rule.review_date), "Not legal advice"):
            assert part in finding.text.en
        for part in (rule.rule.zh, rule.source.zh, rule.owner.zh, str(rule.review_date), "不构成法律意见"):
            assert part in finding.text.zh


def test_a_rule_on_an_unknown_fact_is_refused_by_name() -> None:
    rule = read_rules()["largest_prize"].model_dump(by_alias=True)
    rule["check"] = [{"fact": "largest_price", "at_most": 1}]
    rule["applies_if"] = []
    with pytest.raises(
        SpokenError, match=r"compliance.yml: odd: fact 'largest_price' is unknown, did you mean 'largest_prize'"
    ) as refused:
        check_brief(brief(), pick_form("checkin"), currency="CNY", rules={"odd": Rule.model_validate(rule)})
    assert refused.value.say("zh").startswith(
        "compliance.yml：odd：fact 'largest_price' 不存在，是否应为 'largest_prize'"
    )
