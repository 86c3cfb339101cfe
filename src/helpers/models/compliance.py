"""A campaign brief held against the rules of `data/catalogue/compliance.yml`. Not legal advice.

Rules are data with a source, an owner and a review date; their conditions are on facts that are computed here from
the brief and its form. A rule that a machine can't decide always goes to a person.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from helpers.bank import catalogue
from helpers.findings import Finding, SpokenError, Text
from helpers.findings.spoken import at
from helpers.metrics.conditions import FactCondition, all_hold
from helpers.metrics.forms import Level

if TYPE_CHECKING:
    import pandas as pd

    from helpers.bank.brief import Brief
    from helpers.metrics.forms import Form

BREACH, REVIEW, OK, NOT_APPLICABLE = "breach", "review", "ok", "not_applicable"
STATUSES = (BREACH, REVIEW, OK, NOT_APPLICABLE)
DISCLAIMER = Text(
    "This check is not legal advice: the rules come from secondary sources and the bank's compliance team confirms "
    "each one before launch.",
    "本检查不构成法律意见：规则来自二手资料，上线前须由本行合规部门逐条确认。",
)
SMS_CHANNEL = "sms"
_VOUCHERS = ("points", "coupon", "wealth_coupon", "experience_fund", "shopping_card", "instant_discount")


class Rule(catalogue.Entry):
    """One rule.

    Attributes
    ----------
    rule, source, owner, advice : Words
    review_date : date
        Day by which the owner looks at it again.
    confidence : {"low", "medium", "high"}
        Of what is written here about it.
    applies_if, check : tuple of FactCondition
        Empty ``applies_if``: always; empty ``check``: a person decides.
    on_failure : {"breach", "review"}
    """

    rule: catalogue.Words
    source: catalogue.Words
    owner: catalogue.Words
    review_date: date
    confidence: Level
    applies_if: tuple[FactCondition, ...] = ()
    check: tuple[FactCondition, ...] = ()
    on_failure: Literal["breach", "review"]
    advice: catalogue.Words


def read_rules(*, folder: str | Path = "") -> dict[str, Rule]:
    """Read the rules.

    Examples
    --------
    >>> read_rules()["largest_prize"].review_date.isoformat()
    '2025-10-15'
    """
    return catalogue.read("compliance", Rule, folder=folder)


def brief_facts(brief: Brief, form: Form, *, currency: str) -> dict[str, Any]:
    """Compute the facts that rules may speak of.

    Parameters
    ----------
    brief : Brief
    form : Form
        With the terms as they will run.
    currency : str
        ISO code of the bank's money.

    Returns
    -------
    dict
        ``currency, form, segment``; ``is_prize_promotion, has_draw, rewards_assets, gives_points_or_vouchers``;
        ``largest_prize`` in money; ``blank_disclosures`` names, ``n_blank_disclosures``; ``has_numbers_or_odds,
        has_redemption_terms``; ``n_treated_arms``; ``uses_sms``, ``checks_consent`` (False: consent is looked at in the
        channel step, the brief can't tell).
    """
    fields = brief.disclosure.model_dump()
    blank = [name for name, value in fields.items() if not value.strip()]
    redemption = ("redemption_time", "redemption_conditions", "redemption_method")
    return {
        "currency": currency,
        "form": brief.form,
        "segment": brief.segment,
        "is_prize_promotion": form.prize_promotion,
        "has_draw": form.has_draw,
        "rewards_assets": form.rewards_assets,
        "gives_points_or_vouchers": any(benefit in _VOUCHERS for benefit in brief.benefits),
        "largest_prize": form.terms.largest_prize,
        "blank_disclosures": ", ".join(blank),
        "n_blank_disclosures": len(blank),
        "has_numbers_or_odds": bool(fields["prize_numbers_or_odds"].strip()),
        "has_redemption_terms": all(fields[name].strip() for name in redemption),
        "n_treated_arms": sum(not arm.control for arm in brief.arms),
        "uses_sms": SMS_CHANNEL in brief.channels,
        "checks_consent": False,
    }


def check_brief(brief: Brief, form: Form, *, currency: str, rules: dict[str, Rule] | None = None) -> pd.DataFrame:
    """Hold a brief against every rule.

    Parameters
    ----------
    brief : Brief
    form : Form
        With the terms as they will run.
    currency : str
    rules : dict of slug to Rule, optional
        The project's by default.

    Returns
    -------
    DataFrame, one row a rule, what needs action first
        ``rule_key``, ``rule_status`` (breach, review, ok, not_applicable), ``rule, rule_source, rule_owner, advice`` as `Text`,
        ``rule_facts`` what was compared (``largest_prize = 260``), ``review_date, confidence``, ``is_overdue`` True if the
        rule should have been looked at again before the brief was written, ``falls_due`` True if its review falls into
        the time until the campaign ends.

    Raises
    ------
    ValueError
        If a rule speaks of a fact that there is not.
    """
    import pandas as pd

    facts = brief_facts(brief, form, currency=currency)
    rows = []
    for key, rule in (read_rules() if rules is None else rules).items():
        try:
            status = _status(rule, facts)
        except SpokenError as error:
            raise SpokenError(*(at("compliance.yml", at(key, text)) for text in error.texts)) from None
        rows.append(
            {
                "rule_key": key,
                "rule_status": status,
                "rule": rule.rule.text,
                "rule_facts": "; ".join(f"{condition.fact} = {facts[condition.fact]}" for condition in rule.check),
                "advice": rule.advice.text,
                "rule_source": rule.source.text,
                "rule_owner": rule.owner.text,
                "review_date": rule.review_date,
                "confidence": rule.confidence,
                "is_overdue": rule.review_date < brief.written_on,
                "falls_due": brief.written_on <= rule.review_date <= brief.ends_date,
            }
        )
    table = pd.DataFrame(rows)
    table["rank"] = table["rule_status"].map(STATUSES.index)
    return table.sort_values("rank", kind="stable", ignore_index=True).drop(columns="rank")


def _status(rule: Rule, facts: dict[str, Any]) -> str:
    if not all_hold(rule.applies_if, facts):
        return NOT_APPLICABLE
    if rule.check and all_hold(rule.check, facts):
        return OK
    return rule.on_failure


def rule_findings(table: pd.DataFrame, facts: dict[str, Any]) -> list[Finding]:
    """One finding for each rule that asks for action: what, rule, source, owner, review date.

    Parameters
    ----------
    table : DataFrame
        As `check_brief` gives.
    facts : dict
        As `brief_facts` gives; blank disclosure fields are named from it.

    Returns
    -------
    list of Finding
        Keys ``compliance_<rule>``; tone ``bad`` for a breach, ``warning`` for a review.
    """
    findings = []
    for row in table[table["rule_status"].isin([BREACH, REVIEW])].itertuples(index=False):
        blank = facts["blank_disclosures"] if row.rule_key == "prize_promotion_published" else ""
        due_en, due_zh = _due(row)
        head = ("Breach", "不符合") if row.rule_status == BREACH else ("For review", "须人工审查")
        missing = (f" Blank: {blank}.", f"未填：{blank}。") if blank else ("", "")
        findings.append(
            Finding(
                f"compliance_{row.rule_key}",
                Text(
                    f"{head[0]}: {row.rule.en}{missing[0]} To do: {row.advice.en.rstrip('.')}. "
                    f"Source: {row.rule_source.en}; owner: {row.rule_owner.en}; review date {row.review_date}{due_en}; "
                    f"confidence {row.confidence}. Not legal advice.",
                    f"{head[1]}：{row.rule.zh}{missing[1]}处理：{row.advice.zh.rstrip('。')}。"
                    f"来源：{row.rule_source.zh}；责任方：{row.rule_owner.zh}；复核日期 {row.review_date}{due_zh}；"
                    f"可信度{_CONFIDENCE[row.confidence]}。不构成法律意见。",
                ),
                table="compliance",
                tone="bad" if row.rule_status == BREACH else "warning",
            )
        )
    return findings


_CONFIDENCE = {"low": "低", "medium": "中", "high": "高"}


def _due(row: Any) -> tuple[str, str]:
    if row.is_overdue:
        return " (overdue)", "（已逾期）"
    return (" (falls due before the campaign ends)", "（活动结束前到期）") if row.falls_due else ("", "")
