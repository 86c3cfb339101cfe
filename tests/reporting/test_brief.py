"""The decision brief: drawn from kept results alone, says what is missing, links to where its numbers came from."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.findings import Figure, Finding, StepResult, Text
from helpers.reporting import brief
from helpers.reporting.brief import light as lighting
from helpers.reporting.brief.kept import ACTIVITY, CHANNELS, GOALS, POST_MORTEM, SEGMENTS, STEPS, KeptCase
from helpers.reporting.brief.lines import strip
from helpers.reporting.tables import anchor
from helpers.steps.post_mortem import decisions
from tests.browser import PHONE, open_page

ABOUT = {
    "bank": {"en": "Test bank", "zh": "测试银行"}, "as_of": "2025-12-31", "branch": "Harbour", "currency": "CNY",
    "simulated": True, "fingerprint": "0123456789abcdef",
}  # fmt: skip
MAX_BYTES = 300_000


def keep(folder: Path, step: str, figures: list[Figure], findings: list[Finding], **tables: pd.DataFrame) -> None:
    """Keep a result as a step does, and a page with the ids that a step's page has."""
    result = StepResult(step, run_dir=folder)
    result.about = ABOUT
    result.add_figures(*figures)
    for finding in findings:
        result.add(finding)
    for name, table in tables.items():
        result.add_table(name, table)
    result.keep()
    ids = [anchor("finding", finding.key) for finding in findings] + [anchor("table", name) for name in tables]
    (folder / f"{step}.html").write_text("".join(f'<p id="{place}"></p>' for place in ids), encoding="utf-8")


def said(key: str, table: str = "", en: str = "", zh: str = "", tone: str = "plain") -> Finding:
    return Finding(key, Text(en or f"{key}.", zh or f"{key}。"), table=table, tone=tone)


def review(folder: Path, *, arms: tuple[str, ...] = ("treatment",), rule: str = "may_pay", **changes: Any) -> None:
    """Keep a post-mortem: effect +1.2 days (0.8 to 1.6), 1,500 spent on 500 customers, return −1 each (−20 to 18)."""
    several = len(arms) > 1
    tail = {arm: f"_{arm}" if several else "" for arm in arms}
    figures = [
        Figure("goal_actual", 5.2, 4.9, 5.5, "days", 500),
        Figure("gap", 0.2, unit="days", n=500),
        Figure("cost", 1500.0, unit="money", n=500),
        Figure("hunter_share", 0.089, 0.058, 0.135, "share", 213),
        Figure("hunter_cost", 71.2, unit="money", n=19),
        Figure("redeemed_share", 0.77, 0.75, 0.79, "share", 1400),
        Figure("reward_cost", 1236.0, unit="money", n=1400),
    ]
    for arm in arms:
        figures += [
            Figure(f"effect{tail[arm]}", 1.2, 0.8, 1.6, "days", 500),
            Figure(f"effect_net{tail[arm]}", 1.5, 0.5, 2.5, "days", 500),
            Figure(f"return_each{tail[arm]}", -1.0, -20.0, 18.0, "money_each", 500),
            Figure(f"roi{tail[arm]}", -1.0 / 3, -20.0 / 3, 6.0, "ratio", 500),
            Figure(f"claim_more{tail[arm]}", 1.2, 0.8, 1.6, "days", 500),
        ]
    decided = [
        said(f"decision{tail[arm]}", "next_cycle", f"CHANGE: because of {arm}: so.", f"调整：因为{arm}：如此。")
        for arm in arms
    ]
    findings = [
        said("attainment", "attainment"),
        said("brief_fingerprint", tone=changes.get("sealed", "good")),
        said("split", tone=changes.get("split", "good")),
        said("leak", "funnel"),
        said("hunters", "abuse_rules"),
        *(said(f"effect{tail[arm]}", "effects") for arm in arms),
        *(said(f"roi{tail[arm]}", "returns") for arm in arms),
        said("claim_more", "hypotheses"),
        *decided,
    ]
    one = pd.DataFrame({"arm": arms})
    keep(
        folder,
        POST_MORTEM,
        figures,
        findings,
        attainment=pd.DataFrame(
            {
                "level": ["goal", "cost"],
                "planned": [5.4, float("nan")],
                "actual": [5.2, 1500.0],
                "attained": [5.2 / 5.4, float("nan")],
                "level_unit": ["days", "money"],
                "n": [500, 500],
            }
        ),
        effects=one.assign(metric="active_days", estimate=1.2),
        people_stage=pd.DataFrame(
            {
                "stage": ["delivered", "succeeded"],
                "n": [changes.get("n_stopped", 142), 358],
                "contribution": [0.6, -0.4],
            }
        ),
        funnel=pd.DataFrame(
            {
                "stage": ["assigned", "delivered", "joined"],
                "n": [500, 470, 300],
                "n_lost": [0, changes.get("n_lost", 30), 170],
                "cost_lost": [0.0, 161.0, 82.0],
            }
        ),
        abuse_rules=pd.DataFrame({"rule": ["flagged"]}),
        returns=one.assign(
            part="both",
            n=500,
            value_each=-1.0,
            value_lower=-20.0,
            value_upper=18.0,
            cost_each=3.0,
            cost=1500.0,
            roi=-1.0 / 3,
            roi_lower=-20.0 / 3,
            roi_upper=6.0,
        ),
        hypotheses=one.assign(
            claim="more",
            kind="hypothesis",
            metric="active_days",
            direction="up",
            threshold=0.3,
            estimate=1.2,
            lower=0.8,
            upper=1.6,
            n=500,
            answer=changes.get("answer", "confirmed"),
            reason="beyond",
        ),
        next_cycle=one.assign(
            metric="active_days",
            basis=changes.get("basis", "randomised"),
            n=500,
            n_control=200,
            decision="change",
            rule=rule,
        ),
    )


def everything(folder: Path, **changes: Any) -> None:
    """Keep all five steps."""
    keep(
        folder,
        GOALS,
        [
            Figure("mau", 1998, unit="customers", n=1998, period="2025-08"),
            Figure("target_mau", 2098.0, unit="customers", n=1998, period="2025-11"),
            Figure("projected_mau", 2037.0, 1823.0, 2225.0, "customers", 1998, "2025-11"),
            Figure("chance_mau", 0.24, unit="probability", n=1998),
        ],
        [said("usage", "usage"), said("gap_mau", "mau_levers")],
        mau_levers=pd.DataFrame({"lever": ["retain"]}),
    )
    keep(
        folder,
        SEGMENTS,
        [
            Figure("focus_customers", 1028, unit="customers", n=3516),
            Figure("focus_share", 0.292, unit="share", n=3516),
            Figure("retained", 0.823, 0.784, 0.856, "share", 865),
            Figure("at_stake_focus", 3.46e6, 2.82e6, 4.22e6, "money", 685),
        ],
        [said("segment_size", "segments"), said("retention", "retention"), said("segment_choice", "segment_scores")],
        retention_curves=pd.DataFrame({"segment": ["silver"] * 2, "day": [0, 180]}),
    )
    keep(
        folder,
        ACTIVITY,
        [
            Figure("expected_effect", 0.28, -0.2, 0.69, "days", 3356),
            Figure("cost", 3533.0, 3233.0, 3916.0, "money", 523),
        ],
        [said("expected_effect", "effect_ranges"), said("cost", "cost_distribution")],
    )
    keep(
        folder,
        CHANNELS,
        [
            Figure("aac", 87.89, 84.98, 90.9, "money_each", 2694),
            Figure("lroi", 1.29, 1.18, 1.4, "score", 14850),
            Figure("policy_breaches", 1872, n=29374),
        ],
        [said("aac", "activated_cost"), said("lroi", "return_on_cost")],
        return_on_cost=pd.DataFrame({"break_even": [1.0]}),
    )
    review(folder, **changes)


def text_of(markup: str) -> str:
    plain = re.sub(r"<style.*?</style>|<svg.*?</svg>", "", markup, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", plain))


def draw(folder: Path, language: str = "en") -> str:
    return brief.render(folder, language=language, title="Playbook · Case")


def test_each_rule_of_the_post_mortem_has_a_light() -> None:
    assert set(decisions._RULES) <= set(lighting.read_lights())
    assert {entry.light for entry in lighting.read_lights().values()} == set(lighting.NAMES) == set(lighting.SHAPES)


@pytest.mark.parametrize(
    ("rule", "light", "shape"),
    [("pays", "Scale", "▲"), ("may_pay", "Change", "◆"), ("harm", "Stop", "■"), ("uncertain", "Too early", "○")],
)
def test_the_light_is_a_word_and_a_shape_with_the_rule_that_fired(
    tmp_path: Path, rule: str, light: str, shape: str
) -> None:
    everything(tmp_path, rule=rule)
    text = text_of(draw(tmp_path))
    assert f"{shape} {light}" in text
    assert f"{rule} because of treatment: so." in text
    assert "CHANGE" not in text


def test_next_step_owner_and_date_come_from_the_catalogue(tmp_path: Path) -> None:
    everything(tmp_path)
    entry = lighting.read_lights()["may_pay"]
    text = text_of(draw(tmp_path))
    assert entry.next_step.en in text
    assert entry.owner.en in text
    assert "2026-01-14" in text  # 2025-12-31 and 14 days
    assert entry.within_days == 14


def test_numbers_are_those_kept_with_interval_and_group_size(tmp_path: Path) -> None:
    everything(tmp_path)
    text = text_of(draw(tmp_path))
    for line in (
        "Active days in the window of 5.40 days planned, 96.3 % 5.20 days 4.90 to 5.50 days 500",
        "Active days in the window +1.20 days +0.80 to +1.60 days 500",
        "Expected beforehand (step 3) +0.28 days −0.20 to +0.69 days 3,356",
        "MAU 2025-11, projected target 2,098 customers, chance without effort 24.0 % 2,037 customers 1,823 to 2,225",
        "Cost of the campaign CNY 1,500 – 500",
        "ROI 1 breaks even −0.33 −6.67 to 6.00 500",
        "CNY 87.89 CNY 84.98 to 90.90 2,694",
        "Spent on those who stopped before “message delivered” for good CNY 161 – 30",
        "most of the shortfall (+0.60 days; other groups make up for part of it) lies with 142 customers",
        "8.9 % 5.8 % to 13.5 % 213",
        "1 confirmed, 0 refuted, 0 undecided.",
        # 500 × −1 − 1,500; 500 × −20 − 1,500; 500 × 18 − 1,500
        "Return less cost −CNY 2,000 (−CNY 11.5 k to +7,500, n = 500); CNY 1,500 spent",
        "82.3 % (78.4 % to 85.6 %, n = 865) still active after 180 days",
        "1,872 of 29,374 contacts broke the contact policy",
        "Simulated data",
    ):
        assert line in text, line


def test_each_link_leads_to_an_id_of_its_page(tmp_path: Path) -> None:
    everything(tmp_path)
    case = KeptCase(tmp_path)
    links = re.findall(r'href="([^"#]+\.html)#([^"]+)"', draw(tmp_path))
    assert {page for page, _ in links} == {f"{step}.html" for step in STEPS}
    for page, place in links:
        assert place in case.ids(page.removesuffix(".html"))
    # Every number of a table row is a link.
    values = re.findall(r'</th><td class="num">(.*?)</td>', draw(tmp_path))
    assert len(values) > 15
    assert [value for value in values if not value.startswith('<a href="')] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "strong, drawn by chance"),
        ({"split": "warning"}, "medium, drawn by chance, but the split is unusual"),
        ({"basis": "rollout"}, "medium, branch after branch"),
        ({"basis": "broken_split"}, "none, the split is broken"),
        ({"basis": "before_after"}, "none, no hold-out"),
        ({"sealed": "bad"}, "EDITED after it was sealed"),
    ],
)
def test_the_strength_of_the_evidence_follows_the_design(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    everything(tmp_path, **changes)
    assert words in text_of(draw(tmp_path))


def test_a_case_without_any_result_says_so_everywhere(tmp_path: Path) -> None:
    text = text_of(draw(tmp_path))
    assert "○ Too early" in text
    assert "no post-mortem was run for this case." in text
    assert text.count("Not run, or not to its end: ") == 7
    assert not re.search(r"\bnan\b|None", text)


def test_missing_steps_are_named_in_their_place(tmp_path: Path) -> None:
    everything(tmp_path)
    (tmp_path / CHANNELS / "result.json").unlink()
    (tmp_path / POST_MORTEM / "result.json").unlink()
    text = text_of(draw(tmp_path))
    assert "Cost and return Not run, or not to its end: step 5, post-mortem, step 4, channels." in text
    assert "Planned cost CNY 3,533" in text
    assert "MAU 2025-08 1,998 customers" in text


def test_what_is_at_stake_without_a_plan_is_the_segments_money(tmp_path: Path) -> None:
    everything(tmp_path)
    for step in (ACTIVITY, CHANNELS, POST_MORTEM):
        (tmp_path / step / "result.json").unlink()
    assert "Assets at stake in the segment CNY 3.46 m (CNY 2.82 m to 4.22 m, n = 685)" in text_of(draw(tmp_path))


def test_results_of_another_version_count_as_not_run(tmp_path: Path) -> None:
    everything(tmp_path)
    file = tmp_path / GOALS / "result.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "schema_version": 99}))
    assert "Not run, or not to its end: step 1, goals." in text_of(draw(tmp_path))


def test_every_arm_has_its_light(tmp_path: Path) -> None:
    everything(tmp_path, arms=("coupon", "points"))
    markup = draw(tmp_path)
    assert markup.count('class="light change"') == 2
    text = text_of(markup)
    assert "because of coupon: so." in text
    assert "because of points: so." in text
    assert text.count("Return less cost") == 2


def test_small_groups_are_not_counted_out(tmp_path: Path) -> None:
    everything(tmp_path, n_lost=7, n_stopped=8)
    text = text_of(draw(tmp_path))
    assert "CNY 161" not in text
    assert "– – &lt; 10" in text
    assert "most of the shortfall" not in text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_small_whole_and_asks_for_nothing(tmp_path: Path, language: str) -> None:
    everything(tmp_path)
    file = brief.write(tmp_path, language=language, title="Playbook · 案例", links=[("01.html", "1")])
    markup = file.read_text(encoding="utf-8")
    assert file.name == "brief.html"
    assert len(markup.encode()) <= MAX_BYTES
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", markup)
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in markup
    levels = [int(level) for level in re.findall(r"<h([1-6])", markup)]
    assert levels[0] == 1
    assert set(levels[1:]) == {2}
    assert markup.count("<th ") == markup.count('scope="')
    if language == "zh":
        shown = text_of(markup)
        assert not re.search(r"\b(?:Not run|Cost|Evidence|confirmed|days|customers)\b", shown)
        assert "◆ 调整" in shown
        assert "因为treatment：如此。" in shown


def test_names_from_yaml_and_data_are_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    everything(tmp_path, arms=(evil, "b"))
    markup = brief.render(tmp_path, language="en", title=f"{evil} · {evil}", links=[("a.html", evil)])
    assert "<script" not in markup
    assert "&lt;script&gt;" in markup


def test_a_strip_shows_reference_and_bounds_in_order() -> None:
    drawn = strip(Figure("effect", 1.0, 0.5, 1.5, "days"), 0.0)
    zero, left, dot = (float(re.search(rf"{name}=\"([\d.]+)\"", part).group(1)) for name, part in (
        ("x1", drawn), ("x1", drawn.split("<line")[2]), ("cx", drawn)))  # fmt: skip
    assert zero < left < dot
    assert strip(Figure("effect", None), 0.0) == ""


def test_lights_are_refused_when_misspelt(tmp_path: Path) -> None:
    (tmp_path / "lights.yml").write_text(
        "schema_version: 1\nentries:\n  pays: {light: green, next_step: {en: a, zh: b}, owner: {en: a, zh: b}, within_days: 0}\n",
        encoding="utf-8",
    )
    with pytest.raises(ValueError, match=r"(?s)pays\.light.*pays\.within_days"):
        lighting.read_lights(folder=str(tmp_path))


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("arms", [("treatment",), ("coupon", "points", "call")])
def test_it_prints_on_one_side_and_fits_a_phone(
    browser: Any, tmp_path: Path, language: str, arms: tuple[str, ...]
) -> None:
    everything(tmp_path, arms=arms)
    file = brief.write(tmp_path, language=language, title="Silver-haired check-in · Harbour branch")
    page, trouble = open_page(browser, file, viewport=PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    printed = page.pdf(prefer_css_page_size=True)
    page.context.close()
    assert trouble == []
    assert width <= PHONE["width"]
    assert len(re.findall(rb"/Type\s*/Page[^s]", printed)) == 1


def test_figures_and_leaks_of_a_few_customers_are_not_said(tmp_path: Path) -> None:
    review(tmp_path)
    shown = brief.render(tmp_path, language="en", title="A case")
    assert "71.2" in shown
    file = tmp_path / POST_MORTEM / "result.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    for figure in kept["figures"]:
        if figure["key"] in ("hunter_cost", "redeemed_share"):
            figure["n"] = 7
    file.write_text(json.dumps(kept), encoding="utf-8")
    masked = brief.render(tmp_path, language="en", title="A case")
    assert "71.2" not in masked
    assert "77" in shown
    assert not re.search(r"\b77\b", re.sub(r"<style>.*?</style>", "", masked, flags=re.S))
    assert "&lt; 10" in masked


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Not shown, of too few customers"), ("zh", "客户过少，不予展示")]
)
def test_a_withheld_step_is_named_and_the_rest_is_drawn(tmp_path: Path, language: str, words: str) -> None:
    review(tmp_path)
    keep(tmp_path, GOALS, [Figure("mau", 1200, unit="customers", n=1200)], [said("mau")])
    file = tmp_path / POST_MORTEM / "result.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    kept["about"] |= {"withheld": {"en": "This campaign has fewer than 10.", "zh": "本次活动不足 10 人。"}}
    file.write_text(json.dumps(kept), encoding="utf-8")
    shown = brief.render(tmp_path, language=language, title="A case")
    assert kept["about"]["withheld"][language] in shown
    assert words in shown
    assert "71.2" not in shown
    assert 'class="light' not in shown
    assert KeptCase(tmp_path).has(GOALS)
    assert not KeptCase(tmp_path).has(POST_MORTEM)


@pytest.mark.parametrize(
    ("language", "aac", "lroi"),
    [("en", "of the whole bank", "1 breaks even, of the whole bank"), ("zh", "全行口径", "1 为保本点，全行口径")],
)
def test_a_branchs_brief_says_which_figures_of_the_channels_are_the_whole_banks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, aac: str, lroi: str
) -> None:
    everything(tmp_path / "harbour")
    shown = brief.render(tmp_path / "harbour", language=language, title="A case")
    assert f'<span class="note">{aac}</span>' in shown
    assert f'<span class="note">{lroi}</span>' in shown
    monkeypatch.setitem(ABOUT, "branch", "")
    everything(tmp_path / "whole")
    assert aac not in brief.render(tmp_path / "whole", language=language, title="A case")


def test_a_guardrail_that_was_not_measured_has_its_limit_in_the_bank_s_currency(tmp_path: Path) -> None:
    everything(tmp_path)
    folder = tmp_path / POST_MORTEM
    table = pd.read_parquet(folder / "hypotheses.parquet")
    guard = table.assign(claim="guard_aum_change", kind="guardrail", metric="aum_change", threshold=-1000.0, n=0)
    guard[["estimate", "lower", "upper"]] = float("nan")
    pd.concat([table, guard.assign(answer="undecided")]).to_parquet(folder / "hypotheses.parquet")
    assert "not below −CNY 1,000 " in text_of(draw(tmp_path))
