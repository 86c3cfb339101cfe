"""How campaigns pay, and the catalogues that say so."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from helpers.bank import places
from helpers.metrics.benefits import canonical_kinds, read_benefits
from helpers.metrics.conditions import FactCondition, all_hold
from helpers.metrics.forms import pick_form, read_forms
from helpers.metrics.mechanisms import AnyTerms, Contest, Draw, Event, Ladder, Packet, Referral
from helpers.metrics.segments import read_segments

TERMS = TypeAdapter(AnyTerms)
FORMS = read_forms()


def terms(**content):
    return TERMS.validate_python(content)


def test_ladder_pays_each_success_up_to_the_limit_and_each_step_once() -> None:
    ladder = terms(kind="ladder", each=1.0, most=5, milestones=[{"at": 3, "value": 10}, {"at": 8, "value": 20}])
    paid, spread = ladder.payout_moments(np.array([0, 2, 3, 8, 30]))
    assert paid.tolist() == [0, 2, 13, 35, 35]
    assert not spread.any()
    assert ladder.raised(2).payout_moments(np.array([3, 5]))[0].tolist() == [3, 15]


def test_draw_moments_are_those_of_a_multinomial_prize() -> None:
    draw = terms(
        kind="draw",
        most_chances=4,
        prizes=[
            {"name": {"en": "a", "zh": "甲"}, "value": 100, "odds": 0.01},
            {"name": {"en": "b", "zh": "乙"}, "value": 5, "odds": 0.2},
        ],
    )
    mean, variance = draw.payout_moments(np.array([1, 9]))
    assert mean == pytest.approx([2.0, 8.0])  # 0.01·100 + 0.2·5, four chances at most
    assert variance == pytest.approx([101.0, 404.0])  # 0.01·100² + 0.2·5² − 2²


def test_packets_have_the_moments_of_even_draws() -> None:
    mean, variance = terms(kind="packet", lowest=1, highest=5, most=3).payout_moments(np.array([2, 10]))
    assert mean.tolist() == [6, 9]
    assert variance == pytest.approx([2 * 16 / 12, 3 * 16 / 12])


def test_referral_tiers_are_marginal() -> None:
    referral = terms(
        kind="referral", invited_value=10, most=6, generations=1, again_share=0,
        tiers=[{"at": 1, "value": 15}, {"at": 3, "value": 20}],
    )  # fmt: skip
    paid, _ = referral.payout_moments(np.array([1, 2, 3, 10]))
    assert paid.tolist() == [25, 50, 80, 6 * 10 + 2 * 15 + 4 * 20]


def test_jury_gives_the_best_prizes_first_one_a_person() -> None:
    contest = terms(
        kind="contest", each=5, most=2,
        prizes=[
            {"name": {"en": "second", "zh": "二等"}, "value": 300, "number": 2},
            {"name": {"en": "first", "zh": "一等"}, "value": 1000, "number": 1},
        ],
    )  # fmt: skip
    assert contest.jury_cost(np.array([0, 1, 2, 99])).tolist() == [0, 1000, 1300, 1600]


@settings(deadline=None, max_examples=25)
@given(factor=st.floats(0.01, 50))
def test_scaling_multiplies_every_payment_and_nothing_else(factor: float) -> None:
    successes = np.arange(1, 29)
    for slug, form in FORMS.items():
        small = form.terms.scaled(factor)
        mean, variance = form.terms.payout_moments(successes)
        scaled_mean, scaled_variance = small.payout_moments(successes)
        assert scaled_mean == pytest.approx(factor * mean), slug
        # the variance of a draw is a difference of squares: its rounding error is that of the squares
        assert scaled_variance == pytest.approx(factor**2 * variance, rel=1e-6, abs=1e-6 * factor**2), slug
        assert small.is_limited == form.terms.is_limited


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            {"kind": "ladder", "each": 1, "milestones": [{"at": 7, "value": 1}, {"at": 7, "value": 2}]},
            "steps must rise",
        ),
        ({"kind": "packet", "lowest": 5, "highest": 1, "most": 1}, "highest 1 lies below lowest 5"),
        (
            {
                "kind": "draw",
                "most_chances": 1,
                "prizes": [{"name": {"en": "a", "zh": "甲"}, "value": 1, "odds": 0.7}] * 2,
            },
            "odds of the prizes add up to 1.4",
        ),
        (
            {
                "kind": "referral",
                "invited_value": 1,
                "most": 2,
                "generations": 1,
                "again_share": 0,
                "tiers": [{"at": 2, "value": 1}],
            },
            "has to begin at 1",
        ),
        ({"kind": "lader", "each": 1}, "lader"),
    ],
)
def test_terms_that_make_no_sense_are_refused(content: dict, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        terms(**content)


def test_catalogue_has_the_eight_kinds_two_variants_and_speaks_both_languages() -> None:
    forms = read_forms()
    kinds = {"checkin", "quiz", "guess_vote", "red_packet", "lucky_draw", "story_submission", "lecture_salon", "invite"}
    assert kinds <= set(forms)
    assert forms["cultivation_game"].variant_of == "checkin"
    assert forms["discount_day"].variant_of == "red_packet"
    classes = {type(form.terms) for form in forms.values()}
    assert classes == {Ladder, Draw, Packet, Referral, Contest, Event}
    for slug, form in forms.items():
        assert set(form.assumed.effects) == {"active_days", "is_active", "aum_change"}, slug
        # Chinese words are Chinese, not the English ones again
        assert all(
            any("\u4e00" <= char <= "\u9fff" for char in words.zh) for words in (form.name, form.rules, form.risk)
        )


def test_forms_and_segments_name_only_benefits_and_segments_that_there_are() -> None:
    benefits, segments = read_benefits(), read_segments()
    for slug, form in read_forms().items():
        assert set(form.benefits) <= set(benefits), slug
        assert set(form.fits) <= set(segments), slug
    assert all(set(benefit.fits) <= set(segments) for benefit in benefits.values())


def test_every_form_that_the_sample_bank_ran_is_in_the_catalogue() -> None:
    from helpers.bank.sample.plans import PLANS

    forms, kinds = read_forms(), canonical_kinds()
    for plan in PLANS:
        assert plan.form in forms
        assert {reward.kind for rewards in plan.rewards.values() for reward in rewards} <= set(kinds)


def test_unknown_form_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'lucky_draw'"):
        pick_form("lucky_drow")


def test_broken_catalogue_is_refused_with_place_and_reason(tmp_path) -> None:
    file = places.project_root() / "data" / "catalogue" / "activities.yml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["entries"]["quiz"]["leak_share"]["high"] = 1.4
    content["entries"]["checkin"]["variant_of"] = "checkn"
    (tmp_path / "activities.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ValueError, match=r"activities\.yml: quiz\.leak_share.*shares lie between 0 and 1"):
        read_forms(folder=tmp_path)
    content["entries"]["quiz"]["leak_share"]["high"] = 0.4
    (tmp_path / "activities.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ValueError, match=r"checkin\.variant_of: form 'checkn' is unknown, did you mean 'checkin'"):
        read_forms(folder=tmp_path)


def test_two_benefits_can_not_claim_one_code(tmp_path) -> None:
    file = places.project_root() / "data" / "catalogue" / "benefits.yml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["entries"]["coupon"]["also_called"] = ["points"]
    (tmp_path / "benefits.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ValueError, match="'points' belongs to"):
        read_benefits(folder=tmp_path)


def test_conditions_hold_together_and_unknown_facts_are_named() -> None:
    facts = {"duration_days": 14, "segment": "silver"}
    short = FactCondition.model_validate({"fact": "duration_days", "at_least": 7, "below": 14})
    assert not short.holds(facts)
    assert FactCondition.model_validate({"fact": "segment", "is_in": ["silver", "women"]}).holds(facts)
    assert all_hold([], facts)
    with pytest.raises(ValueError, match="did you mean 'duration_days'"):
        FactCondition.model_validate({"fact": "duration", "above": 1}).holds(facts)
    with pytest.raises(ValueError, match="can't be compared"):
        FactCondition.model_validate({"fact": "segment", "above": 1}).holds(facts)
    with pytest.raises(ValidationError, match="needs one of"):
        FactCondition.model_validate({"fact": "segment"})
