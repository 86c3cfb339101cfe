"""The review of past campaigns: what may be said of each design, exact sums, decisions rule by rule, honest edges."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import yaml

from helpers import bank as banks
from helpers.findings import Finding
from helpers.findings.numbers import number
from helpers.metrics import people_goods_place as pgp
from helpers.models import targeting
from helpers.steps import post_mortem
from helpers.steps.post_mortem import cases, decisions, effects, hunters, measures, routes, verdicts
from tests.metrics.test_outcomes import campaign_tables

REVIEWED = ("K001", "K003", "K004", "K006", "K007", "K009")
CAUSAL_WORDS = re.compile(r"The campaign[^.]* changed|caused")


@pytest.fixture(scope="module")
def reviews(sample_bank: Any) -> dict[str, tuple[cases.Case, measures.Measures]]:
    """Cases and measures of the sample bank's campaigns, made once."""
    found = {}
    for campaign_id in REVIEWED:
        case = post_mortem.open_case(sample_bank, campaign_id)
        found[campaign_id] = (case, post_mortem.measure(case))
    return found


def all_findings(case: cases.Case, measured: measures.Measures) -> list[Any]:
    """Everything that the notebook says of a case."""
    economics = post_mortem.read_economics()
    earned = post_mortem.returns(case, measured, economics)
    bridge, tables = post_mortem.gap_bridge(case, measured), post_mortem.gap_tables(case)
    place, found = post_mortem.places(case), post_mortem.find_hunters(case, measured)
    said = [
        *post_mortem.brief_findings(case),
        post_mortem.attainment_finding(case, post_mortem.attainment(case)),
        post_mortem.naive_finding(case),
        post_mortem.split_finding(case, measured),
        *post_mortem.effect_findings(case, measured),
        post_mortem.placebo_finding(measured),
        *post_mortem.net_findings(case, measured),
        *post_mortem.money_findings(case, measured),
        post_mortem.gap_finding(case, bridge, tables),
        post_mortem.leak_finding(case, place.funnel),
        post_mortem.goods_finding(case, place.goods),
        *post_mortem.hunters_findings(case, found),
        *post_mortem.returns_findings(case, measured, earned, economics, basis="both", roi_convention="ratio"),
        *post_mortem.hypothesis_findings(case, post_mortem.hypotheses(case, measured)),
        *post_mortem.decision_findings(post_mortem.decide(case, measured, earned)),
    ]
    return [finding for finding in said if finding is not None]


def rebuilt(source: Path, dest: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Copy a bank, leaving tables out."""
    shutil.copytree(source, dest, ignore=shutil.ignore_patterns("truth", *(f"{name}*" for name in without)))
    sheet = yaml.safe_load((dest / "bank.yml").read_text(encoding="utf-8"))
    sheet["tables"] = {name: entry for name, entry in sheet["tables"].items() if name not in without}
    (dest / "bank.yml").write_text(yaml.safe_dump(sheet, allow_unicode=True), encoding="utf-8")
    return dest


@pytest.mark.parametrize("campaign_id", REVIEWED)
def test_each_campaign_is_told_whole_in_both_languages(reviews: dict, campaign_id: str) -> None:
    case, measured = reviews[campaign_id]
    said = all_findings(case, measured)
    keys = [finding.key for finding in said]
    assert len(keys) == len(set(keys))
    for finding in said:
        for words in (finding.text.en, finding.text.zh):
            assert not re.search(r"C\d{9}|nan|None|\{|\}", words), words
        assert not re.search(r"[\u4e00-\u9fff]", finding.text.en), finding.text.en
    assert any(key.startswith("decision") for key in keys)


def test_designs_are_read_from_the_assignment(reviews: dict) -> None:
    assert {key: case.design for key, (case, _) in reviews.items()} == {
        **dict.fromkeys(REVIEWED, "randomised"),
        "K004": "branch_rollout",
    }
    assert reviews["K009"][0].arms == ("gift", "points")
    assert reviews["K009"][1].n_arms == 2


def test_broken_split_is_shown_as_a_difference_that_claims_no_cause(reviews: dict) -> None:
    case, measured = reviews["K003"]
    assert measured.split["tier"] == "broken"
    assert not measured.is_causal
    words = " ".join(f.text.en for f in post_mortem.effect_findings(case, measured))
    assert "claims no cause" in words
    assert not CAUSAL_WORDS.search(words)
    assert post_mortem.returns(case, measured, post_mortem.read_economics()).empty
    assert set(post_mortem.hypotheses(case, measured)["answer"]) == {"undecided"}
    assert post_mortem.decide(case, measured, pd.DataFrame(columns=["arm"]))[0].rule == "broken_split"


def test_sound_split_claims_a_cause_and_says_its_assumption_where_branches_came_one_by_one(reviews: dict) -> None:
    assert CAUSAL_WORDS.search(post_mortem.effect_findings(*reviews["K001"])[0].text.en)
    words = post_mortem.effect_findings(*reviews["K004"])[0].text.en
    assert "only if without it the branches would have moved alike" in words
    assert reviews["K004"][1].table["method"].tolist() == ["staggered_did"]


def test_between_branches_nothing_is_said_without_its_condition(reviews: dict) -> None:
    case, measured = reviews["K004"]
    assert (measured.claim, measured.is_causal) == ("conditional", False)
    said = {finding.key: finding.text for finding in all_findings(case, measured)}
    for key in ("effect", "roi", "claim_more_active_days", "decision"):
        assert "the branches would have moved alike" in said[key].en, key
        assert "走势相同" in said[key].zh, key
    for text in said.values():
        assert not re.search(r"\bis real\b|caused|held out", text.en), text.en
        assert "确有效果" not in text.zh
    answers = post_mortem.hypotheses(case, measured).set_index("claim")
    assert answers.loc["more_active_days", "answer"] == "confirmed"
    cycle = post_mortem.next_cycle(
        case,
        measured,
        pd.DataFrame(columns=["arm", "part"]),
        post_mortem.find_hunters(case, measured),
        post_mortem.decide(case, measured, pd.DataFrame(columns=["arm", "part"])),
        return_basis="both",
    )
    assert cycle[["basis", "is_causal"]].to_numpy().tolist() == [["rollout", False]]


@pytest.mark.parametrize(
    ("bounds", "words"), [((0.2, 0.8), "rose against"), ((-0.8, -0.2), "fell against"), ((-0.2, 0.3), "differed from")]
)
def test_sentence_between_branches_follows_the_sign(reviews: dict, bounds: tuple[float, float], words: str) -> None:
    case, measured = reviews["K004"]
    table = measured.table.assign(lower=bounds[0], upper=bounds[1], estimate=sum(bounds) / 2)
    assert words in post_mortem.effect_findings(case, replace(measured, table=table))[0].text.en


def test_effect_and_cost_between_branches_name_both_groups(reviews: dict) -> None:
    case, measured = reviews["K004"]
    economics = post_mortem.read_economics()
    earned = post_mortem.returns(case, measured, economics)
    [finding] = post_mortem.returns_findings(case, measured, earned, economics, basis="both", roi_convention="ratio")
    n_effect, n_cost = int(measured.row("active_days")["n"]), len(case.treated)
    assert n_effect != n_cost
    assert f"on {n_effect:,} customers" in finding.text.en
    assert f"the {n_cost:,} customers assigned" in finding.text.en


def test_days_that_no_window_has_are_called_impossible(reviews: dict) -> None:
    case, measured = reviews["K004"]
    economics = post_mortem.read_economics()

    def said(day_value: float) -> str:
        earned = post_mortem.returns(case, measured, economics, day_value=day_value)
        return post_mortem.returns_findings(
            case, measured, earned, economics, basis="activity", roi_convention="ratio"
        )[0].text.en

    cost_each = case.treated["rewarded_cost"].mean()
    most = case.window_days - case.people["active_days"].mean()
    assert "impossible within 28 days" in said(cost_each / (most + 1))
    assert "impossible" not in said(cost_each / (most - 1))


def test_money_is_judged_uncapped_and_the_capped_stands_beside(reviews: dict) -> None:
    case, measured = reviews["K007"]
    row, beside = measured.row("aum_change"), measured.capped("aum_change")
    means = case.people.assign(aum_before=0).groupby("arm")["aum_change"].mean()
    assert row["method"].endswith("uncapped")
    # without the past as covariate it is the difference of means, nothing cut off
    plain = measures.measure(replace(case, people=case.people.assign(aum_before=0.0))).row("aum_change")
    assert plain["estimate"] == pytest.approx(means["treatment"] - means["control"])
    assert beside["estimate"] != row["estimate"]
    [finding] = post_mortem.effect_findings(case, measured)
    assert [figure.value for figure in finding.figures] == [row["estimate"], beside["estimate"]]
    assert "With the largest amounts capped" in finding.text.en
    answer = post_mortem.hypotheses(case, measured).set_index("claim").loc["more_assets"]
    assert answer["estimate"] == row["estimate"]
    shown = post_mortem.effects_shown(measured).set_index("metric")
    assert shown.loc["aum_change", ["estimate", "capped"]].tolist() == [row["estimate"], beside["estimate"]]
    assert measures.measure(case, winsorize_quantile=1.0).capped("aum_change") is None


@pytest.mark.parametrize(("campaign_id", "branch"), [("K001", "Harbour"), ("K007", "Harbour")])
def test_one_branch_stands_against_the_whole_banks_plan(
    sample_bank_folder: Path, campaign_id: str, branch: str
) -> None:
    case = post_mortem.open_case(banks.open(sample_bank_folder, branch=branch), campaign_id)
    measured = post_mortem.measure(case)
    amounts = post_mortem.gap_bridge(case, measured).set_index("piece")["amount"]
    assert amounts[["baseline", "branch", "drift", "draw", "effect"]].sum() == pytest.approx(amounts["actual"])
    assert amounts["actual"] + amounts["gap"] == pytest.approx(amounts["target"])
    held_out = case.people[case.people["arm"] == case.control]
    if case.goal_metric == "active_days":
        # the drift is what the hold-out's days did over time, wherever the plan's baseline lies
        change = held_out["active_days"].mean() - held_out["active_days_before"].mean()
        assert amounts["drift"] == pytest.approx(change)
        assert amounts["branch"] == pytest.approx(case.people["active_days_before"].mean() - case.brief.goal.baseline)
        moved = case.brief.model_copy(update={"goal": case.brief.goal.model_copy(update={"baseline": 9.0})})
        again = post_mortem.gap_bridge(replace(case, brief=moved), measured).set_index("piece")["amount"]
        assert again["drift"] == pytest.approx(amounts["drift"])
    for finding in (
        post_mortem.attainment_finding(case, post_mortem.attainment(case)),
        post_mortem.gap_finding(case, post_mortem.gap_bridge(case, measured), post_mortem.gap_tables(case)),
    ):
        assert "hole bank's" in finding.text.en
        assert "全行" in finding.text.zh


def test_whole_bank_opened_either_way_speaks_of_its_own_plan(sample_bank_folder: Path) -> None:
    for branch in ("", None):
        case = post_mortem.open_case(banks.open(sample_bank_folder, branch=branch), "K001")
        assert case.speaks_of_whole_plan
        assert "hole bank's" not in post_mortem.brief_findings(case)[0].text.en


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (([6, 7, 8, 7] * 10, [1, 2, 3, 2] * 10), "come more anyway"),
        (([1, 2, 3, 2] * 10, [6, 7, 8, 7] * 10), "came less before"),
        (([1, 2, 3, 2] * 10, [1, 2, 3, 2] * 10), "can't be told apart"),
    ],
)
def test_naive_answer_follows_the_gap_before(reviews: dict, before: tuple[list, list], words: str) -> None:
    case, _ = reviews["K001"]
    people = case.treated.head(80).assign(
        is_joined=[1] * 40 + [0] * 40, n_rewards=0, active_days_before=[*before[0], *before[1]]
    )
    finding = post_mortem.naive_finding(replace(case, people=people))
    assert re.search(words, finding.text.en)
    assert finding.figures[0].lower < finding.figures[0].value < finding.figures[0].upper
    alone = post_mortem.naive_finding(replace(case, people=people.assign(is_joined=1)))
    assert "nobody to set them against" in alone.text.en


@pytest.mark.parametrize("campaign_id", ["K001", "K004", "K007", "K009"])
def test_gap_tables_and_bridge_add_up(reviews: dict, campaign_id: str) -> None:
    case, measured = reviews[campaign_id]
    gap = case.brief.goal.target - case.treated[case.goal_metric].mean()
    for name, table in post_mortem.gap_tables(case).items():
        assert table["contribution"].sum() == pytest.approx(gap), name
        assert table["n"].sum() == len(case.treated)
        assert table["n"].min() >= 10
    bridge = post_mortem.gap_bridge(case, measured)
    if case.control:
        amounts = bridge.set_index("piece")["amount"]
        assert amounts[["baseline", "drift", "draw", "effect"]].sum() == pytest.approx(amounts["actual"])
        # each piece by itself, money too: the drift is what the hold-out did, the effect the headline's
        held_out = case.people.loc[case.people["arm"] == case.control, case.goal_metric].mean()
        assert amounts["drift"] == pytest.approx(held_out - case.brief.goal.baseline)
        rows = measured.headline[measured.headline["metric"] == case.goal_metric]
        assert amounts["effect"] == pytest.approx((rows["estimate"] * rows["n"]).sum() / rows["n"].sum())
        assert amounts["actual"] + amounts["gap"] == pytest.approx(amounts["target"])
    else:
        assert bridge.empty


def test_effect_equals_the_difference_of_means_without_covariate(reviews: dict) -> None:
    case, _ = reviews["K001"]
    people = case.people.assign(active_days_before=0)
    plain = measures.measure(replace(case, people=people)).row("active_days")
    means = case.people.groupby("arm")["active_days"].mean()
    assert plain["estimate"] == pytest.approx(means["treatment"] - means["control"])


def test_arms_share_the_error(reviews: dict) -> None:
    case, measured = reviews["K009"]
    row = measured.row("active_days", "gift")
    # Bonferroni over two arms: 97.5 % each, z = 2.241 in large groups
    assert (row["upper"] - row["estimate"]) / row["se"] == pytest.approx(2.241, abs=0.02)
    assert case.alpha == 0.05


def test_returns_are_effect_times_assumptions(reviews: dict) -> None:
    case, measured = reviews["K001"]
    economics = post_mortem.read_economics()
    table = post_mortem.returns(case, measured, economics, earning_days=180, day_value=0.5).set_index("part")
    net, kept = measured.row("active_days_net"), measured.row("aum_kept_change")
    margin = (economics.spread - economics.expected_loss) * 180 / 365
    assert table.loc["activity", "value_each"] == pytest.approx(0.5 * net["estimate"])
    assert table.loc["money", "value_each"] == pytest.approx(margin * kept["estimate"])
    # both are estimated together, with both covariates: near the sum, and within the joint interval
    total = table.loc["activity", "value_each"] + table.loc["money", "value_each"]
    assert table.loc["both", "value_lower"] < total < table.loc["both", "value_upper"]
    cost_each = case.treated["rewarded_cost"].mean()
    assert table.loc["both", "roi"] == pytest.approx(table.loc["both", "value_each"] / cost_each)
    net_of_cost = post_mortem.returns(
        case, measured, economics, earning_days=180, day_value=0.5, roi_convention="net"
    ).set_index("part")
    assert net_of_cost["roi"].to_numpy() == pytest.approx(table["roi"].to_numpy() - 1)


def test_list_for_risk_control_is_private_and_safe(reviews: dict, tmp_path: Path) -> None:
    case, measured = reviews["K001"]
    found = post_mortem.find_hunters(case, measured, min_signals=1)
    found.people.loc[found.people.index[found.people["is_flagged"]][0], "arm"] = "=cmd()"
    file = tmp_path / "risk_control.csv"
    n = post_mortem.write_list(found, file)
    assert file.stat().st_mode & 0o777 == 0o600
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert "campaign K001" in lines[0]
    assert "活动 K001" in lines[2]
    assert case.bank.fingerprint in lines[1]
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert len(rows) == n == found.people["is_flagged"].sum()
    assert {row["arm"] for row in rows if "cmd" in row["arm"]} == {"'=cmd()"}
    assert post_mortem.write_list(found, None) == n


def test_flagged_leave_both_arms_by_signals_that_do_not_depend_on_the_campaign(reviews: dict) -> None:
    case, measured = reviews["K009"]
    found = post_mortem.find_hunters(case, measured)
    rest = found.without[found.without["who"] == "without_flagged"].set_index("arm")
    flagged = found.people[found.people["n_signals_both_arms"] >= 2]
    assert (flagged["arm"] == case.control).any()
    for arm in case.arms:
        assert rest.loc[arm, "n"] == (case.people["arm"] == arm).sum() - (flagged["arm"] == arm).sum()


def test_edited_brief_is_said_loudly(sample_bank: Any, tmp_path: Path) -> None:
    content = yaml.safe_load((sample_bank.folder / "briefs" / "K001.yml").read_text(encoding="utf-8"))
    content["hypotheses"][0]["threshold"] = 0.0
    file = tmp_path / "brief.yml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    case = post_mortem.open_case(sample_bank, "K001", brief=str(file))
    said = {finding.key: finding for finding in post_mortem.brief_findings(case)}
    assert said["brief_fingerprint"].tone == "bad"
    assert "EDITED AFTER IT WAS SEALED" in said["brief_fingerprint"].text.en
    assert "被修改过" in said["brief_fingerprint"].text.zh


def test_brief_of_step_3_is_taken_where_the_bank_has_none(sample_bank_folder: Path, tmp_path: Path) -> None:
    bank = banks.open(rebuilt(sample_bank_folder, tmp_path / "bank", without=("briefs",)))
    folder = tmp_path / "run" / "03_activity_design"
    folder.mkdir(parents=True)
    shutil.copy(sample_bank_folder / "briefs" / "K001.yml", folder / "brief.yml")
    assert cases.find_brief(bank, "K001", run_dir=str(tmp_path / "run"))[1] == "03_activity_design/brief.yml"
    # a brief of another campaign answers nothing
    assert cases.find_brief(bank, "K002", run_dir=str(tmp_path / "run"))[0] is None


def test_without_assignment_nothing_claims_a_cause(sample_bank_folder: Path, tmp_path: Path) -> None:
    folder = rebuilt(sample_bank_folder, tmp_path / "bank", without=("assignments", "touches", "rewards", "devices"))
    case = post_mortem.open_case(banks.open(folder), "K001")
    measured = post_mortem.measure(case)
    assert case.design == "none"
    assert measured.basis == "before_after"
    assert measured.periods["comparison"].tolist() == ["campaign", "just_before", "year_before"]
    said = all_findings(case, measured)
    effect = next(finding for finding in said if finding.key == "effect")
    assert "no cause is claimed" in effect.text.en
    assert not any(CAUSAL_WORDS.search(f.text.en) for f in said if f.key != "split")
    assert any("no rewards table" in finding.text.en for finding in said)
    assert post_mortem.decide(case, measured, pd.DataFrame(columns=["arm"]))[0].rule == "no_hold_out"


@pytest.mark.parametrize("n_treated", [1, 2])
def test_tiny_campaigns_are_told_without_a_crash(tiny_bank: Callable[..., Any], n_treated: int) -> None:
    tables = campaign_tables()
    arms = ["treatment"] * n_treated + ["control"] * (4 - n_treated)
    tables["assignments"] = tables["assignments"].assign(arm=arms)
    case = post_mortem.open_case(tiny_bank(**tables), "K901", window_days=14)
    measured = post_mortem.measure(case)
    said = {finding.key: finding for finding in all_findings(case, measured)}
    assert "brief" in said
    assert said["decision"].text.en.startswith(("CHANGE", "STOP"))


def test_days_after_that_were_not_seen_are_said(sample_bank: Any) -> None:
    early = sample_bank.at(as_of="2025-10-15")
    case = post_mortem.open_case(early, "K001")
    assert (case.after_days, case.after_days_asked) == (10, 62)
    measured = post_mortem.measure(case)
    assert "Only 10 of the 62 days" in post_mortem.net_findings(case, measured)[0].text.en
    assert "no balance day after the window yet" in post_mortem.money_findings(case, measured)[0].text.en
    claims = post_mortem.hypotheses(case, measured).set_index("claim")
    assert claims.loc["more_assets", "reason"] == "not_measured"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"campaign_id": "K01"}, "campaign_id 'K01' is unknown, did you mean"),
        ({"brief": "data/none.yml"}, "there is no brief"),
        ({"alpha": 0.0}, "alpha must lie between 0 and 0.5, not 0.0"),
        ({"window_days": 0}, "window_days must be at least 1, not 0"),
        ({"after_days": -5}, "after_days must be 0 or more, not -5"),
        ({"before_days": 0}, "before_days must be at least 1, not 0"),
        ({"window_days": 400}, "choose a later as_of or fewer days"),
    ],
)
def test_wrong_parameters_are_named(sample_bank: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        post_mortem.open_case(sample_bank, **{"campaign_id": "K001", **settings})


def test_wrong_settings_of_the_later_cells_are_named(reviews: dict, sample_bank: Any) -> None:
    case, measured = reviews["K001"]
    economics = post_mortem.read_economics()
    with pytest.raises(ValueError, match="winsorize_quantile must lie between"):
        post_mortem.measure(case, winsorize_quantile=0.2)
    with pytest.raises(ValueError, match="min_signals must lie between 1 and 4"):
        post_mortem.find_hunters(case, measured, min_signals=9)
    with pytest.raises(ValueError, match="roi_convention must be one of ratio, net, not 'gross'"):
        post_mortem.returns(case, measured, economics, roi_convention="gross")
    with pytest.raises(ValueError, match="earning_days must be at least 1"):
        post_mortem.returns(case, measured, economics, earning_days=0)
    with pytest.raises(ValueError, match="active_day_value must be 0 or more"):
        post_mortem.returns(case, measured, economics, day_value=-1.0)
    earned = post_mortem.returns(case, measured, economics)
    with pytest.raises(ValueError, match="return_basis must be one of activity, money, both, not 'all'"):
        post_mortem.returns_findings(case, measured, earned, economics, basis="all", roi_convention="ratio")
    with pytest.raises(ValueError, match=r"brief .* is of campaign 'K002', campaign_id is 'K001'"):
        post_mortem.open_case(sample_bank, "K001", brief=str(sample_bank.folder / "briefs" / "K002.yml"))


# -- decisions, rule by rule ---------------------------------------------------------------------------------------


def rows(**intervals: tuple[float, float]) -> pd.DataFrame:
    """Effects with given bounds; the estimate lies in the middle."""
    found = [
        {"metric": metric, "arm": "treatment", "basis": "randomised", "method": "cuped", "n": 900, "n_control": 300,
         "estimate": (low + high) / 2, "se": (high - low) / 4, "lower": low, "upper": high}
        for metric, (low, high) in intervals.items()
    ]  # fmt: skip
    return pd.DataFrame(found, columns=measures.COLUMNS)


def roi(low: float, high: float) -> pd.DataFrame:
    return pd.DataFrame(
        [["treatment", "both", (low + high) / 2, low, high]], columns=["arm", "part", "roi", "roi_lower", "roi_upper"]
    )


@pytest.mark.parametrize(
    ("intervals", "earned", "rule", "action"),
    [
        ({"active_days": (-0.9, -0.1)}, (2, 3), "harm", "stop"),
        ({"active_days": (0.4, 0.8), "active_days_after": (-0.9, -0.1), "active_days_net": (-0.2, 0.3)}, (2, 3), "pulled_forward", "stop"),
        # lost afterwards, but more was won than lost
        ({"active_days": (1.4, 1.8), "active_days_after": (-0.9, -0.1), "active_days_net": (0.6, 1.6)}, (2, 3), "pays", "go_on"),
        ({"active_days": (-0.2, 0.29)}, (2, 3), "too_small", "stop"),
        ({"active_days": (-0.2, 0.9)}, (2, 3), "uncertain", "change"),
        ({"active_days": (0.4, 0.9)}, (1.0, 3), "pays", "go_on"),
        ({"active_days": (0.4, 0.9)}, (0.2, 0.9), "does_not_pay", "change"),
        ({"active_days": (0.4, 0.9)}, (0.2, 1.9), "may_pay", "change"),
        ({"active_days": (0.4, 0.9)}, (float("nan"), float("nan")), "no_cost", "go_on"),
        ({}, (2, 3), "not_measured", "change"),
    ],
)  # fmt: skip
def test_first_rule_that_fires_decides(
    reviews: dict, intervals: dict, earned: tuple[float, float], rule: str, action: str
) -> None:
    case, measured = reviews["K001"]  # its brief hoped for 0.3 active days at least
    there = replace(measured, table=rows(**intervals))
    [decision] = decisions.decide(case, there, roi(*earned))
    assert (decision.rule, decision.action) == (rule, action)
    assert "{" not in decision.words.en + decision.words.zh


def test_money_that_came_for_the_day_is_paid_for_otherwise(reviews: dict) -> None:
    case, measured = reviews["K007"]
    there = replace(measured, table=rows(aum_change=(900.0, 3000.0), aum_kept_change=(-200.0, 400.0)))
    [decision] = decisions.decide(case, there, roi(2, 3))
    assert (decision.rule, decision.action) == ("rotated", "change")


@pytest.mark.parametrize(
    ("bounds", "direction", "answer"),
    [
        ((0.31, 0.9), "up", "confirmed"),
        ((0.3, 0.9), "up", "undecided"),
        ((-0.5, 0.29), "up", "refuted"),
        ((-0.5, 0.29), "down", "confirmed"),
        ((0.31, 0.9), "down", "refuted"),
        ((float("nan"), 0.9), "up", "undecided"),
    ],
)
def test_hypotheses_are_answered_by_the_whole_interval(
    bounds: tuple[float, float], direction: str, answer: str
) -> None:
    assert verdicts._judge(*bounds, direction, 0.3)[0] == answer


def test_another_window_of_a_hypothesis_is_measured_for_itself(reviews: dict) -> None:
    case, measured = reviews["K001"]
    claim = case.brief.hypotheses[0].model_copy(update={"window_days": 14, "key": "fortnight"})
    late = case.brief.hypotheses[0].model_copy(update={"window_days": 400, "key": "year"})
    asked = replace(case, brief=case.brief.model_copy(update={"hypotheses": (*case.brief.hypotheses, claim, late)}))
    table = post_mortem.hypotheses(asked, measured).set_index("claim")
    assert table.loc["fortnight", "estimate"] < table.loc["more_active_days", "estimate"]
    assert table.loc["year", "reason"] == "window_open"


def test_another_window_is_measured_with_the_same_brief_and_cap(sample_bank: Any, tmp_path: Path) -> None:
    content = yaml.safe_load((sample_bank.folder / "briefs" / "K009.yml").read_text(encoding="utf-8"))
    for arm in content["arms"]:
        arm["control"] = arm["name"] == "points"
    file = tmp_path / "brief.yml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    case = post_mortem.open_case(sample_bank, "K009", brief=str(file))
    measured = post_mortem.measure(case, winsorize_quantile=0.9)
    assert case.control == "points"
    other = verdicts._other_window(case, measured, 14)
    # the hold-out is the one that the brief names, not the one that the arms' names suggest
    assert set(other.table["arm"]) == set(case.arms)
    assert other.winsorize_quantile == 0.9


def test_next_cycle_takes_over_effects_with_standard_errors(reviews: dict) -> None:
    case, measured = reviews["K009"]
    earned = post_mortem.returns(case, measured, post_mortem.read_economics())
    found = post_mortem.find_hunters(case, measured)
    chosen = post_mortem.decide(case, measured, earned)
    cycle = post_mortem.next_cycle(case, measured, earned, found, chosen, return_basis="both")
    row = cycle[(cycle.metric == "active_days") & (cycle.arm == "gift")].iloc[0]
    assert row["se"] == measured.row("active_days", "gift")["se"]
    assert row[["campaign_id", "form", "segment", "is_causal"]].tolist() == ["K009", "points_mall", "women", True]
    assert not cycle.duplicated(["metric", "arm"]).any()


def test_course_holds_nothing_before_the_launch(reviews: dict) -> None:
    case, measured = reviews["K001"]
    table = effects.course(case, measured)
    before = table[table["position"] < 0]
    # eight 95 % intervals hold 0; two missing it have a chance of 6 %, three of 1 %
    assert ((before["lower"] <= 0) & (before["upper"] >= 0)).sum() >= len(before) - 2
    inside = table[table["position"].between(0, 3)]
    means = case.people.groupby("arm")["active_days"].mean()
    assert inside["estimate"].sum() == pytest.approx(means["treatment"] - means["control"])


def test_hunters_without_rules_say_so(reviews: dict) -> None:
    case, _ = reviews["K001"]
    none = hunters.Hunters({}, ("a", "b"), 2, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), case)
    assert "can't be looked for" in post_mortem.hunters_findings(case, none)[0].text.en


def test_what_went_to_a_handful_of_flagged_customers_is_not_said(reviews: dict) -> None:
    case, measured = reviews["K001"]
    found = post_mortem.find_hunters(case, measured)
    n_flagged = int(found.table.set_index("rule").loc["flagged", "customers"])
    assert n_flagged > 1
    enough = post_mortem.hunters_findings(case, found, min_group_size=n_flagged)[0]
    assert [figure.key for figure in enough.figures] == ["hunter_share", "hunter_cost"]
    # Neither the share nor the size of the rest may tell how many they are.
    (few,) = post_mortem.hunters_findings(case, found, min_group_size=n_flagged + 1)
    assert few.figures == ()
    assert few.text.en.startswith(f"Fewer than {n_flagged + 1} customers of the ")
    assert f"位客户中不足 {n_flagged + 1} 人被标记" in few.text.zh
    cost = next(figure for figure in enough.figures if figure.key == "hunter_cost")
    for language, sentence in (("en", few.text.en), ("zh", few.text.zh)):
        assert number(cost.value, "money", language=language, currency=case.bank.currency) not in sentence


def test_what_was_spent_on_a_few_who_stopped_is_not_on_the_page() -> None:
    funnel = pd.DataFrame({"stage": ["assigned", "sent", "joined"], "n": [90, 83, 40], "n_lost": [0, 7, 43]})
    funnel["cost_lost"] = [0.0, 12.5, 30.0]
    shown = post_mortem.funnel_shown(funnel)
    assert shown["cost_lost"].isna().tolist() == [False, True, False]
    assert shown["n_lost"].isna().tolist() == [False, True, False]
    assert funnel["cost_lost"].tolist() == [0.0, 12.5, 30.0]
    assert post_mortem.funnel_shown(funnel, min_group_size=5)["cost_lost"].tolist() == [0.0, 12.5, 30.0]


def stopped(*, n_gone: int, n_came: int) -> pd.DataFrame:
    """Customers to whom no message was delivered, 2 spent on each who left and 7 on each who joined all the same."""
    flags = ["is_sent", "is_delivered", "is_viewed", "is_joined", "is_succeeded"]
    rows = [([1, 1, 1, 1, 1], 9.0)] * 40 + [([1, 0, 0, 0, 0], 2.0)] * n_gone + [([1, 0, 1, 1, 0], 7.0)] * n_came
    return pd.DataFrame([of for of, _ in rows], columns=flags).assign(rewarded_cost=[cost for _, cost in rows])


def leaks_of(people: pd.DataFrame, case: Any) -> tuple[pd.DataFrame, Any]:
    stages = pgp.STAGES
    funnel = routes.lost_for_good(pgp.funnel(people, stages=stages), people, stages=stages)
    return funnel, post_mortem.leak_finding(replace(case, stages=stages), funnel)


def test_benefits_of_those_who_came_another_way_are_no_leak(reviews: dict) -> None:
    funnel, said = leaks_of(stopped(n_gone=20, n_came=30), reviews["K001"][0])
    row = funnel.set_index("stage").loc["delivered"]
    assert row[["n_lost", "cost_lost", "n_came", "cost_came"]].tolist() == [50, 40.0, 30, 210.0]
    assert "CNY 40 had been spent on those who stopped for good" in said.text.en
    assert "CNY 210 went to 30 customers who missed a stage and took part all the same: not counted" in said.text.en
    assert "花费 40 元" in said.text.zh
    assert "30 位客户" in said.text.zh
    cost = next(figure for figure in said.figures if figure.key == "leak_cost")
    assert (cost.value, cost.n) == (40.0, 20)
    assert (
        post_mortem.funnel_shown(funnel).columns.tolist()
        == pgp.funnel(stopped(n_gone=1, n_came=1), stages=("assigned",)).columns.tolist()
    )


@pytest.mark.parametrize(("n_gone", "n_came", "told"), [(4, 30, ("8", "234")), (30, 4, ("28 ", "26"))])
def test_a_few_of_either_kind_are_not_to_be_had_from_the_sentence(
    reviews: dict, n_gone: int, n_came: int, told: tuple[str, ...]
) -> None:
    funnel, said = leaks_of(stopped(n_gone=n_gone, n_came=n_came), reviews["K001"][0])
    assert funnel.set_index("stage")["cost_lost"].isna()["delivered"] == (n_gone < 10)
    assert post_mortem.funnel_shown(funnel)["cost_lost"].isna().sum() == int(n_gone < 10)
    assert "went to" not in said.text.en
    assert [figure.n for figure in said.figures if figure.key == "leak_cost"] == ([] if n_gone < 10 else [34])
    for words in told:
        assert f"CNY {words}" not in said.text.en


@pytest.mark.parametrize("campaign_id", ["K001", "K004"])
def test_money_lost_is_that_of_customers_who_never_joined(reviews: dict, campaign_id: str) -> None:
    """Counted anew from the customers: whoever joined or succeeded by any way lies in no leak before joining."""
    case = reviews[campaign_id][0]
    funnel = post_mortem.places(case, min_group_size=1).funnel.set_index("stage")
    people = case.treated
    never = people[(people["is_joined"] == 0) & (people["is_succeeded"] == 0)]
    before = ["sent", "delivered", "viewed", "joined"]
    assert funnel.loc[before, "cost_lost"].sum() == pytest.approx(never["rewarded_cost"].sum())
    spent = funnel["cost_lost"].sum() + funnel["cost_came"].sum()
    passed = people[people[[f"is_{stage}" for stage in case.stages[1:]]].all(axis=1)]
    assert spent + passed["rewarded_cost"].sum() == pytest.approx(people["rewarded_cost"].sum())


def test_rates_are_written_with_the_digits_of_the_assumption(reviews: dict) -> None:
    case, measured = reviews["K001"]
    economics = replace(post_mortem.read_economics(), spread=0.0125, expected_loss=0.0008)
    earned = post_mortem.returns(case, measured, economics)
    said = post_mortem.returns_findings(case, measured, earned, economics, basis="both", roi_convention="ratio")[0]
    assert "a spread of 1.25 % less 0.08 % expected loss" in said.text.en
    assert "年化点差 1.25%、预期损失 0.08%" in said.text.zh


@pytest.mark.parametrize(
    ("metric", "en", "zh"), [("active_days", "active days", "活跃天数"), ("aum_kept_change", "assets kept", "结束后")]
)
def test_a_choice_of_customers_says_which_metric_it_counts(
    reviews: dict, monkeypatch: pytest.MonkeyPatch, metric: str, en: str, zh: str
) -> None:
    # the sentence that is made of it: tests/models/uplift
    monkeypatch.setattr(targeting, "findings", lambda *_, metric, **__: [Finding("policy", metric)])
    told = post_mortem.moved_findings(reviews["K001"][0], SimpleNamespace(metric=metric, n=500))
    assert told[0].text.en.startswith(en)
    assert told[0].text.zh.startswith(zh)


def test_captions_say_where_parts_do_not_make_the_whole(reviews: dict) -> None:
    case = reviews["K001"][0]
    parts = {"people_stage": pd.DataFrame({"contribution": [0.61, -0.40, -0.08]})}
    words = post_mortem.gap_captions(case, parts)["people_stage"]
    assert "add up to +0.13 days: some groups fall short by 0.61 days together, others lie 0.48 days beyond" in words.en
    assert "各项合计 +0.13 天：部分组别共缺 0.61 天，其他组别共超出 0.48 天" in words.zh
    alike = {"people_stage": pd.DataFrame({"contribution": [0.61, 0.08]})}
    assert post_mortem.gap_captions(case, alike)["people_stage"].en.endswith("add up to +0.69 days")
    assert "need not add up" in post_mortem.CAPTIONS["returns"].en
    assert "未必等于合计" in post_mortem.CAPTIONS["returns"].zh


@pytest.mark.parametrize(("left", "is_shown"), [((488, 290), True), ((499, 290), False), ((488, 299), False)])
def test_the_table_without_the_flagged_does_not_count_a_few(left: tuple[int, int], is_shown: bool) -> None:
    both = {"metric": "active_days", "arm": "treatment", "estimate": 1.0}
    without = pd.DataFrame(
        [
            both | {"who": "everybody", "n": 500, "n_control": 300},
            both | {"who": "without_flagged", "n": left[0], "n_control": left[1]},
        ]
    )
    found = SimpleNamespace(without=without)
    assert (post_mortem.without_shown(found) is not None) == is_shown
    assert post_mortem.without_shown(found, min_group_size=1) is without


def test_answers_are_put_in_words_each_in_its_own_unit(reviews: dict) -> None:
    case, measured = reviews["K001"]
    answers = post_mortem.hypotheses(case, measured)
    shown = post_mortem.hypotheses_shown(case, answers)
    assert shown["answer"].tolist() == answers["answer"].tolist()
    assert all("天" in words.zh or "%" in words.zh or "元" in words.zh for words in shown["estimate_words"])
    assert post_mortem.hypotheses_shown(case, answers.head(0)) is None
