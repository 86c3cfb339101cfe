"""Step 3 end to end: the notebook's own cells, run in this process, with small and strange banks."""

from __future__ import annotations

import functools
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

from helpers import bank as banks
from helpers import findings
from helpers.bank import brief as briefs
from helpers.metrics import contacts
from helpers.metrics.channels import read_channels
from helpers.metrics.economics import read_economics
from helpers.metrics.forms import read_forms
from helpers.models import targeting
from helpers.models.experiments import assign
from helpers.reporting import Page
from helpers.reporting.notebook import Shown
from helpers.steps import activities
from helpers.steps.activities.words import branch_words
from helpers.steps.channels import campaign_list

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "03_activity_design.ipynb"
STEP = "03_activity_design"
AS_OF = "2025-09-07"
SMALL = {"n_simulations": 200, "as_of": AS_OF}


@functools.cache
def cells() -> tuple[str, list]:
    notebook = nbformat.read(NOTEBOOK, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    parameters = next(cell for cell in code if "parameters" in cell.metadata.get("tags", []))
    rest = [compile(cell.source, f"cell {cell.id}", "exec") for cell in code if cell is not parameters]
    return parameters.source, rest


@functools.cache
def opened(path: str, *, as_of: str, branch: str):
    return original_open(path, as_of=as_of, branch=branch)


original_open = banks.open


def run(bank: Path | str, run_dir: Path | str = "", **parameters) -> dict:
    """Run every code cell; return the names it leaves behind."""
    source, rest = cells()
    names: dict = {}
    exec(source, names)
    unknown = set(parameters) - set(names)
    assert not unknown, unknown
    names |= {"bank": str(bank), "run_dir": str(run_dir)} | SMALL | parameters
    for cell in rest:
        exec(cell, names)
    return names


original_learn = activities.learn_effects
LEARNT: dict = {}


def learnt(bank, plan, **more):
    key = (str(bank.folder), bank.as_of, plan.segment, plan.duration_days, plan.lasting_days, plan.alpha)
    if key not in LEARNT:
        LEARNT[key] = original_learn(bank, plan, **more)
    return LEARNT[key]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a bank once, learn from its past once a setting, draw nothing: pictures are no part of the result."""
    monkeypatch.setattr(banks, "open", opened)
    monkeypatch.setattr(activities, "learn_effects", learnt)
    monkeypatch.setattr(Page, "chart", lambda *_, **__: Shown(""))


@pytest.fixture(scope="module")
def kept(sample_bank_folder: Path, tmp_path_factory: pytest.TempPathFactory):
    """The step on the small sample bank, with the plain settings."""
    folder = tmp_path_factory.mktemp("case")
    return run(sample_bank_folder, folder), findings.read(folder, STEP), folder


def test_result_has_every_answer_in_both_languages_with_group_size(kept) -> None:
    _, result, _ = kept
    asked = {
        "baseline",
        "history",
        "expected_effect",
        "form",
        "benefits",
        "cost",
        "leak",
        "roi",
        "experiment",
        "draw",
        "brief",
    }
    assert asked <= set(result.findings)
    for finding in result.findings.values():
        assert finding.text.en != finding.text.zh
    for key in ("expected_effect", "cost", "roi", "baseline"):
        figure = result.figures[key]
        assert figure.lower < figure.value < figure.upper, key
        assert figure.n > 0
    assert {"forms", "past_campaigns", "effect_ranges", "cost_distribution", "experiment", "compliance"} <= set(
        result.tables
    )


def test_broken_campaign_is_left_out_and_said(kept) -> None:
    _, result, _ = kept
    assert "K003" in result.findings["history"].text.en
    assert result.figures["n_campaigns_broken"].value == 1
    past = result.table("past_campaigns").set_index("campaign_id")
    assert past.loc["K003", "campaign_use"] == "broken_split"


def test_brief_is_sealed_and_says_how_arms_are_drawn(kept) -> None:
    names, result, folder = kept
    brief, mark, untouched = briefs.read(folder / STEP / "brief.yml")
    assert untouched
    assert mark == result.figures["brief_fingerprint"].value
    assert brief.written_on == date(2025, 9, 7)
    assert brief.starts_date == date(2025, 9, 8)
    assert brief.n_planned == result.figures["n_eligible"].value
    eligible = activities.eligible_customers(names["data"], names["plan"]).execute()["customer_id"]
    arms = assign(eligible, salt=brief.salt, weights=brief.weights)["arm"].value_counts()
    assert arms["treatment"] == names["check"]["n_treatment"]
    assert arms["control"] == names["check"]["n_control"]
    blank = [name for name, value in brief.disclosure.model_dump().items() if not value]
    assert blank == ["contact"]
    assert result.findings["compliance_prize_promotion_published"].tone == "bad"


def test_effect_expected_is_within_what_the_past_showed(kept) -> None:
    """The planted effects of past campaigns on silver-haired customers lie between 0 and 1.2 days."""
    _, result, _ = kept
    assert -0.2 < result.figures["expected_effect"].value < 1.2


def test_scores_are_the_weighted_parts_and_order_the_forms(kept) -> None:
    _, result, _ = kept
    table = result.table("forms")
    total = sum(weight * table[part] for part, weight in activities.WEIGHTS.items())
    assert table["form_score"].to_numpy() == pytest.approx(total.to_numpy())
    assert sum(activities.WEIGHTS.values()) == pytest.approx(1)
    open_ones = table[table["form_verdict"] != "not_now"]
    assert open_ones["form_score"].is_monotonic_decreasing
    assert len(table) >= 10


# Every parameter with a value other than the plain one, and the files of the result that it has to change.
CHANGES = [
    ("as_of", "2025-06-30"),
    ("branch", "Harbour"),
    ("segment", "women"),
    ("goal_metric", "aum_change"),
    ("goal_metric", "is_active"),
    ("form", "quiz"),
    ("budget", 4000.0),
    ("starts_date", "2025-10-13"),
    ("duration_days", 21),
    ("lasting_days", 60),
    ("earning_days", 90),
    ("active_within_days", 30),
    ("holdout_share", 0.5),
    ("power", 0.9),
    ("alpha", 0.1),
    ("overrun_risk", 0.2),
    ("roi_convention", "net"),
    ("return_basis", "activity"),
    ("new_campaign_id", "AUTUMN"),
    ("salt", "another"),
    ("channels", "wecom"),
    ("contact", "95000"),
    ("n_simulations", 500),
    ("seed", 9),
    ("min_group_size", 100_000),
]
# Settings whose effect shows only where money is short.
BESIDES = {"overrun_risk": {"budget": 4000.0}}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), CHANGES, ids=[f"{name}={value}" for name, value in CHANGES])
def test_every_parameter_changes_the_result(quick, kept, sample_bank_folder, tmp_path, name, value) -> None:
    _, _, plain_dir = kept
    more = BESIDES.get(name, {})
    if more:
        plain_dir = tmp_path / "plain"
        run(sample_bank_folder, plain_dir, **more)
    run(sample_bank_folder, tmp_path / "changed", **more, **{name: value})
    assert (plain_dir / STEP / "result.json").read_bytes() != (tmp_path / "changed" / STEP / "result.json").read_bytes()


def test_every_parameter_of_the_notebook_is_tried() -> None:
    source, _ = cells()
    names: dict = {}
    exec(source, names)
    declared = {name for name in names if not name.startswith("__")}
    assert declared - {name for name, _ in CHANGES} == {"bank", "language", "run_dir"}


def test_language_changes_the_page_and_not_the_result(quick, kept, sample_bank_folder, tmp_path) -> None:
    _, _, folder = kept
    run(sample_bank_folder, tmp_path, language="zh")
    for name in ("result.json", "brief.yml"):
        assert (tmp_path / STEP / name).read_bytes() == (folder / STEP / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"segment": "sliver"}, "segment 'sliver' is unknown, did you mean 'silver'"),
        ({"goal_metric": "mau"}, "goal_metric must be one of active_days, is_active, aum_change, not 'mau'"),
        ({"form": "quizz"}, "form 'quizz' is unknown, did you mean 'quiz'"),
        ({"budget": 0.0}, "budget must be above 0, not 0"),
        ({"starts_date": "8.9.2025"}, "starts_date must be a day written YYYY-MM-DD"),
        ({"starts_date": "2025-01-01"}, "starts_date 2025-01-01 lies before as_of"),
        ({"duration_days": 0}, "duration_days must be at least 1, not 0"),
        ({"lasting_days": 28}, "lasting_days must be more than duration_days"),
        ({"earning_days": 0}, "earning_days must be at least 1"),
        ({"active_within_days": -3}, "active_within_days must be at least 1"),
        ({"holdout_share": 1.0}, "holdout_share must be between 0 and 1, not 1.0"),
        ({"power": 1.5}, "power must be at least 0.5 and below 1, not 1.5"),
        ({"alpha": 0.0}, "alpha must be between 0 and 0.5, not 0.0"),
        ({"overrun_risk": -0.1}, "overrun_risk must be between 0 and 1"),
        ({"roi_convention": "gross"}, "roi_convention must be one of ratio, net, not 'gross'"),
        ({"return_basis": "all"}, "return_basis must be one of activity, money, both"),
        ({"channels": "app_push, smss"}, "channels: channel 'smss' is unknown, did you mean 'sms'"),
        ({"n_simulations": 1}, "n_simulations must be at least 100"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"min_group_size": 0}, "min_group_size must be at least 1"),
    ],
)
def test_wrong_values_are_refused_in_one_clear_line(quick, sample_bank_folder, change: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        run(sample_bank_folder, **change)
    assert "\n" not in str(caught.value)


def test_small_budget_shrinks_rewards_until_the_risk_is_kept(quick, sample_bank_folder, tmp_path) -> None:
    run(sample_bank_folder, tmp_path, budget=3300.0, form="checkin")
    result = findings.read(tmp_path, STEP)
    assert 0 < result.figures["reward_factor"].value < 1
    assert result.figures["p_over_budget"].value <= 0.05
    assert "cut to" in result.findings["cost"].text.en


def test_budget_below_fixed_cost_is_said_not_hidden(quick, sample_bank_folder, tmp_path) -> None:
    run(sample_bank_folder, tmp_path, budget=500.0)
    result = findings.read(tmp_path, STEP)
    assert result.figures["reward_factor"].value == 0
    assert result.findings["cost"].tone == "bad"
    assert set(result.table("forms")["form_verdict"]) == {"not_now"}


def test_one_branch_learns_from_the_whole_bank_and_says_undecidable_where_it_is(
    quick, sample_bank_folder, tmp_path
) -> None:
    names = run(sample_bank_folder, tmp_path, branch="Lakeside")
    result = findings.read(tmp_path, STEP)
    assert len(names["ranges"].effects) > 0
    row = result.table("experiment").iloc[0]
    expected = names["expected"]
    answer = (
        "decidable"
        if expected["effect"] >= row["detectable_effect"]
        else "doubtful"
        if expected["upper"] >= row["detectable_effect"]
        else "undecidable"
    )
    assert row["experiment_answer"] == answer
    assert row["experiment_answer"] != "decidable"  # some hundred customers can't show a third of a day
    assert "Lakeside" in result.findings["experiment"].text.en
    assert result.figures["n_needed"].value > row["n"]


def test_no_customer_number_reaches_the_result(kept) -> None:
    _, _, folder = kept
    for file in (folder / STEP).glob("*"):
        if file.suffix in (".json", ".yml"):
            assert "C000" not in file.read_text(encoding="utf-8")
        else:
            assert "customer_id" not in pd.read_parquet(file).columns


def test_a_bank_without_campaigns_says_that_it_assumes(tiny_bank, write_bank, tmp_path) -> None:
    """One customer, three tables: the page holds, says what it assumes, and that nothing can be decided."""
    folder = write_bank()
    run(folder, tmp_path / "run", as_of="2024-02-03", segment="all")
    result = findings.read(tmp_path / "run", STEP)
    assert "assumption" in result.findings["expected_effect"].text.en
    assert "假设" in result.findings["expected_effect"].text.zh
    assert result.findings["history"].tone == "warning"
    assert "undecidable" in result.findings["experiment"].text.en
    assert result.figures["expected_effect"].n is None


def test_an_empty_segment_does_not_break_the_page(write_bank, tmp_path) -> None:
    folder = write_bank()
    run(folder, tmp_path / "run", as_of="2024-02-03", segment="women", active_within_days=1)
    result = findings.read(tmp_path / "run", STEP)
    assert result.figures["n_eligible"].value == 0
    assert result.findings["draw"].tone == "warning"


def test_plan_and_list_speak_of_the_same_customers(kept) -> None:
    """Step 4 lists exactly those whom step 3 planned with, but for customers who refused every channel."""
    names, result, _ = kept
    bank, plan = names["data"], names["plan"]
    people, counts = campaign_list.build(
        bank,
        segment=plan.segment,
        draw=campaign_list.Draw(plan.salt, {"control": 0.3, "treatment": 0.7}, "control", True),
        active_within_days=plan.active_within_days,
        rules=contacts.read_policy(),
        channels=read_channels(),
    )
    by = counts.set_index("reason")["n_customers"]
    assert by["no_consent"] == result.figures["n_no_consent"].value > 0
    assert by["on_the_list"] + by["no_channel_left"] == result.figures["n_eligible"].value
    planned = set(activities.eligible_customers(bank, plan).execute()["customer_id"])
    assert set(people["customer_id"]) <= planned
    assert f"{by['no_consent']:,} gave no consent" in result.findings["baseline"].text.en


def test_the_summary_of_rules_accounts_for_every_rule(kept) -> None:
    names, result, _ = kept
    keys = ("rules_breached", "rules_for_review", "rules_met", "rules_not_applicable")
    n = [result.figures[key].value for key in keys]
    assert sum(n) == len(names["rules"])
    assert n[3] > 0
    said = f"{n[0]} is breached, {n[1]} need a person, {n[2]} are met, {n[3]} do not apply"
    assert said in result.findings["compliance"].text.en
    assert f"不适用 {n[3]} 条" in result.findings["compliance"].text.zh


def test_latin_and_chinese_are_parted_by_a_space() -> None:
    assert branch_words("Harbour").zh == "（Harbour 网点）"
    assert branch_words("港湾").zh == "（港湾网点）"
    assert branch_words("").zh == ""


def test_rehearsal_looks_at_those_who_were_eligible_then(sample_bank) -> None:
    """Customers who joined in the last weeks are eligible today, not in the rehearsal."""
    seen = sample_bank.at(as_of=AS_OF)
    plan = activities.plan_campaign(seen, segment="all", goal_metric="active_days", budget=1.0)
    rehearsed = activities.rehearsal(seen, plan)
    joined = seen.customers.select("customer_id", "joined_date").execute()
    recent = joined.loc[pd.to_datetime(joined["joined_date"]) > "2025-08-10", "customer_id"]
    assert len(recent) > 0
    assert not set(recent) & set(rehearsed["customer_id"])
    log = seen.activity.execute()
    log = log[(log["occurred_at"] >= "2025-08-11") & log["customer_id"].isin(rehearsed["customer_id"])]
    days = (
        log.assign(day=log["occurred_at"].dt.date).drop_duplicates(["customer_id", "day"])["customer_id"].value_counts()
    )
    assert rehearsed["active_days"].sum() == days.sum()
    assert rehearsed.set_index("customer_id")["active_days"].loc[days.index].astype(int).to_dict() == days.to_dict()


def test_only_what_speaks_against_a_form_stands_there(kept) -> None:
    """Each note of the catalogue on silver-haired customers stands on one side: against only where the fit is poor."""
    names, _, _ = kept
    ranking = names["ranking"].set_index("form")
    notes = {slug: form.fits["silver"] for slug, form in read_forms().items() if "silver" in form.fits}
    assert {"fair", "poor"} <= {note.level for note in notes.values()}
    for slug, note in notes.items():
        for language in ("en", "zh"):
            words = note.why.say(language)[1:]
            against, reasons = (ranking.loc[slug, side].say(language) for side in ("against", "reasons"))
            assert (words in against) == (note.level == "poor"), slug
            assert (words in reasons) == (note.level != "poor"), slug
        assert ("fair fit" in ranking.loc[slug, "reasons"].en) == (note.level == "fair")


@pytest.mark.parametrize(
    ("used", "en", "zh"),
    [
        ((0.70, 0.90), "none can be told to be used more than all others: Coupon 80.0 %", "看不出哪一种使用率高于"),
        ((0.30, 0.50), "Coupon were used most: 80.0 %", "优惠券使用率最高"),
        (None, "the share of Coupon that was used is 80.0 %", "优惠券的使用率为"),
    ],
)
def test_a_benefit_is_used_most_only_beyond_doubt(used: tuple[float, float] | None, en: str, zh: str) -> None:
    rows = [("coupon", 0.8, 0.72, 0.87, 105)]
    if used is not None:
        rows.append(("points", sum(used) / 2, *used, 90))
    columns = ["benefit", "redeemed_share", "redeemed_lower", "redeemed_upper", "n_granted"]
    table = pd.DataFrame(rows, columns=columns).assign(is_own=True)
    form = SimpleNamespace(benefits=("coupon", "points"))
    said = activities.benefit_finding(table, SimpleNamespace(plan=SimpleNamespace(segment="silver"), form=form))
    assert en in said.text.en
    assert zh in said.text.zh
    assert "Grants are counted, not customers" in said.text.en
    assert "按发放份数计，不按客户数计" in said.text.zh
    assert ("n = 90" in said.text.en) == (used == (0.70, 0.90))


def test_rates_are_written_with_the_digits_of_the_assumption(kept) -> None:
    _, result, _ = kept
    assumed = read_economics()
    assert assumed.expected_loss == 0.0008
    assert f"spread of {assumed.spread * 100:g} % less 0.08 % expected loss" in result.findings["roi"].text.en
    assert "预期损失 0.08%" in result.findings["roi"].text.zh


def test_a_choice_of_customers_says_which_metric_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        targeting, "findings", lambda *_, metric, **__: [findings.Finding("policy", metric)]
    )  # the sentence that is made of it: tests/models/uplift
    whom = activities.Whom("K001", SimpleNamespace(metric="active_days"), pd.DataFrame())
    said = activities.whom_findings(whom, currency="CNY")[-1]
    assert (said.text.en, said.text.zh) == ("active days", "活跃天数")
