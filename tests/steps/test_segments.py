"""Step 2 on banks written by hand: the notebook's own cells run in this process, edges, every parameter."""

from __future__ import annotations

import ast
import json
import stat
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers import bank as banks
from helpers.findings import StepResult
from helpers.reporting.notebook import Shown
from helpers.steps import segments as insight
from tests.conftest import ROOT, SHARED_DATA

LAST = pd.Timestamp("2025-06-30")
LOG_DAYS = 420
N = 260


def some_bank(seed: int = 1) -> dict[str, pd.DataFrame]:
    """260 customers of two branches, half of them 50 or older; the older stay longer and come in the morning."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"C{i:09d}" for i in range(1, N + 1)])
    is_old = np.arange(N) % 2 == 0
    joined = LAST - pd.to_timedelta(rng.integers(0, 700, N), unit="D")
    life = rng.exponential(np.where(is_old, 700, 200)).astype(int) + 1
    rows = []
    for who, (start, days, old) in enumerate(zip(joined, life, is_old, strict=True)):
        # a visit every five days at most ten days apart: no silence by chance
        day, end = 0, min(days, (LAST - start).days)
        while day <= end:
            moment = start + pd.Timedelta(days=int(day), hours=int(rng.choice([8, 9]) if old else rng.choice([20, 21])))
            if moment >= LAST - pd.Timedelta(days=LOG_DAYS):
                rows.append((ids[who], moment))
            day += rng.integers(1, 10)
    activity = pd.DataFrame(rows, columns=["customer_id", "occurred_at"]).assign(
        event="login", page="home", session_id="s", app="main"
    )
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "joined_date": joined.date,
            "birth_year": pd.array(np.where(is_old, 1960, 1992), dtype="Int64"),
            "gender": np.where(np.arange(N) % 4 < 2, "F", "M"),
            "branch": np.where(np.arange(N) % 8 < 4, "Harbour", "Old Town"),
            "is_payroll": pd.array(np.arange(N) % 5 == 0, dtype="boolean"),
        }
    )
    balances = pd.DataFrame(
        {
            "customer_id": ids,
            "balance_date": LAST.date(),
            "aum": np.where(is_old, 9000.0, 3000.0) * rng.lognormal(0, 0.8, N),
            "loan": 0.0,
        }
    )
    products = pd.DataFrame(
        {
            "customer_id": ids,
            "product": np.where(rng.random(N) < np.where(is_old, 0.8, 0.2), "time_deposit", "fund"),
            "opened_date": joined.date,
        }
    )
    tags = pd.DataFrame(
        {
            "customer_id": ids,
            "tag": "preferred_benefit",
            "family": "behaviour",
            "value": np.where(rng.random(N) < np.where(is_old, 0.8, 0.1), "physical_gift", "coupon"),
            "updated_at": LAST - pd.Timedelta(days=20),
        }
    )
    rewards = pd.DataFrame(
        {
            "campaign_id": "K1",
            "customer_id": ids,
            "rewarded_at": LAST - pd.Timedelta(days=40),
            "kind": np.where(np.arange(N) % 3 == 0, "points", "coupon"),
            "cost": 2.0,
            "redeemed_at": [LAST - pd.Timedelta(days=30) if r < 0.6 else pd.NaT for r in rng.random(N)],
        }
    )
    return {
        "customers": customers,
        "activity": activity,
        "balances": balances,
        "products": products,
        "tags": tags,
        "rewards": rewards,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    from tests.conftest import BANK_YML

    folder = tmp_path_factory.mktemp("segments") / "bank"
    folder.mkdir()
    for name, frame in some_bank().items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    (folder / "bank.yml").write_text(BANK_YML, encoding="utf-8")
    return folder


def run(folder: Path, *, charts: bool = False, **parameters) -> StepResult:
    """Run the notebook's code cells in this process and return what the page recorded; pictures only on demand."""
    notebook = nbformat.read(ROOT / "notebooks" / "02_segment_insight.ipynb", as_version=4)
    world: dict = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        exec(compile(ast.parse(cell.source), "02_segment_insight", "exec"), world)
        if "parameters" in cell.metadata.get("tags", []):
            unknown = set(parameters) - set(world)
            assert not unknown, unknown
            world.update({"bank": str(folder), **parameters})
        if "page" in world and not charts:
            world["page"].chart = lambda *_, **__: Shown("")
    return world["page"].result


def content(result: StepResult) -> str:
    """Everything that would be kept, as text."""
    tables = {name: table.to_json(default_handler=str) for name, table in result.tables.items()}
    findings = [finding.as_dict() for finding in result.findings]
    return json.dumps([tables, findings, [figure.as_dict() for figure in result.figures]], default=str, sort_keys=True)


@pytest.fixture(scope="module")
def kept(folder) -> StepResult:
    return run(folder, charts=True)


def test_the_notebook_runs_whole_and_keeps_its_tables(kept):
    assert {"segments", "tag_audit", "portrait", "cohorts", "retention", "churn_backtest", "suggestions"} <= set(
        kept.tables
    )
    assert kept.figure("focus_customers").value == (N + 1) // 2 - 0


def test_every_estimate_has_an_interval_and_a_group_size(kept):
    plain = {"count", "customers", "money"}
    for figure in kept.figures:
        if figure.value is None or figure.unit in plain:
            continue
        assert figure.n is not None, figure.key
        if figure.key not in ("focus_share", "focus_aum_share", "naive_retained", "flattery", "rfm_largest_aum_share"):
            assert figure.lower is not None or figure.key == "value_at_risk_top_tenth", figure.key
            if figure.lower is not None:
                assert figure.lower <= figure.value <= figure.upper, figure.key


def test_findings_stand_in_both_languages_and_name_no_customer(kept):
    for finding in kept.findings:
        assert any("\u4e00" <= c <= "\u9fff" for c in finding.text.zh)
        assert not any("\u4e00" <= c <= "\u9fff" for c in finding.text.en)
    for name, table in kept.tables.items():
        assert "customer_id" not in table.columns, name
        assert not table.astype(str).apply(lambda c: c.str.contains(r"C0\d{8}").any()).any(), name


def test_what_was_planted_is_seen(kept):
    hints = kept.tables["suggestions"].set_index("aspect")["choice"]
    assert hints["hook"] == "physical_gift"
    assert hints["product"] == "time_deposit"
    assert hints["hour"] in ("8:00–9:00", "9:00–10:00")
    kept_share = kept.tables["retention"].set_index("segment")["retained"]
    # lives of 700 and 200 days on average: e^(−180/700) = 0.77; standard error about 0.05 with 130 customers
    assert kept_share["silver"] == pytest.approx(0.77, abs=0.15)
    days = kept.figure("days_more_than_others")
    assert days.lower > 0


@pytest.mark.parametrize(
    "changed",
    [
        {"segment": "women"},
        {"horizon_days": 90},
        {"silent_days": 45},
        {"warning_days": 30},
        {"min_group_size": 40},
        {"as_of": "2025-05-31"},
        {"branch": "Harbour"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_parameter_changes_what_is_kept(folder, kept, changed):
    assert content(run(folder, **changed)) != content(kept)


def test_the_list_is_a_private_file_in_the_order_of_value_at_risk(folder, tmp_path):
    focus = insight.focus(banks.open(folder), "silver")
    outlook = insight.outlook(focus, warning_days=60, silent_days=60)
    result = StepResult("02_segment_insight", run_dir=tmp_path)
    insight.write_list(outlook, result.path(insight.LIST_FILE))
    file = tmp_path / "02_segment_insight" / insight.LIST_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    head = file.read_text(encoding="utf-8-sig").splitlines()[:4]
    assert "within 60 days" in head[0]
    assert f"bank {focus.bank.name}; as of {focus.bank.as_of}" in head[1]
    assert "60 天内可能沉默" in head[2]
    table = pd.read_csv(file, dtype={"customer_id": str}, comment="#")
    assert table["value_at_risk"].is_monotonic_decreasing
    silver = set(focus.members.customer_id.execute())
    assert set(table["customer_id"]) <= silver
    assert list(file.parent.glob(".*")) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("segment", "sliver", "did you mean 'silver'"),
        ("segment", "car_owners", "no column is_car_owner"),
        ("horizon_days", 0, "horizon_days must be a whole number, at least 1, not 0"),
        ("silent_days", 100_000, "silent_days is 100000, longer than the activity log"),
        ("min_group_size", -1, "min_group_size must be a whole number, at least 1, not -1"),
    ],
)
def test_wrong_values_are_named_in_one_line(folder, name, value, words):
    data = banks.open(folder)
    settings = {"segment": "silver", "horizon_days": 180, "silent_days": 60, "min_group_size": 10, name: value}

    def ask():
        focus = insight.focus(data, settings["segment"], min_group_size=settings["min_group_size"])
        insight.study(focus, horizon_days=settings["horizon_days"], silent_days=settings["silent_days"])

    with pytest.raises(ValueError, match=words) as caught:
        ask()
    assert "\n" not in str(caught.value)


def test_warning_days_are_checked(folder):
    with pytest.raises(ValueError, match="warning_days must be a whole number, at least 1, not 0"):
        insight.outlook(insight.focus(banks.open(folder), "silver"), warning_days=0, silent_days=60)


def tones(result):
    return {finding.key: finding.tone for finding in result.findings}


def test_one_customer(write_bank):
    one = {
        "customers": pd.DataFrame(
            {
                "customer_id": ["C000000001"],
                "joined_date": pd.to_datetime(["2024-01-01"]).date,
                "birth_year": pd.array([1960], dtype="Int64"),
                "gender": ["F"],
                "branch": ["Harbour"],
            }
        ),
        "activity": pd.DataFrame(
            {
                "customer_id": ["C000000001"] * 2,
                "occurred_at": pd.to_datetime(["2024-01-01 10:00", "2024-12-31 10:00"]),
                "event": "login",
                "page": "home",
                "session_id": "s",
                "app": "main",
            }
        ),
        "balances": pd.DataFrame(
            {
                "customer_id": ["C000000001"],
                "balance_date": pd.to_datetime(["2024-12-31"]).date,
                "aum": [10.0],
                "loan": [0.0],
            }
        ),
    }
    result = run(write_bank(**one))
    assert tones(result)["segment_size"] == "warning"
    # one person's numbers appear nowhere
    assert result.tables["segments"]["aum"].isna().all()
    assert result.tables["value_activity_grid"]["aum"].fillna(0).sum() == 0


def test_everybody_lapsed_and_nobody_lapsed(write_bank):
    base = some_bank()
    first = base["customers"]["joined_date"] >= (LAST - pd.Timedelta(days=LOG_DAYS)).date()
    customers = base["customers"][first].reset_index(drop=True)
    joined = pd.to_datetime(customers["joined_date"])
    log = {"event": "login", "page": "home", "session_id": "s", "app": "main"}
    # everybody came on the first day and never again, but one who keeps the log open
    once = pd.DataFrame({"customer_id": customers["customer_id"], "occurred_at": joined + pd.Timedelta(hours=9)})
    keeper = pd.DataFrame({"customer_id": ["X"], "occurred_at": [LAST]})
    gone = pd.concat([once, keeper], ignore_index=True).assign(**log)
    result = run(write_bank(name="gone", **{**base, "customers": customers, "activity": gone}))
    assert result.figure("retained").value == pytest.approx(0.0)
    # everybody comes every 20 days to the end
    rows = [
        (who, day)
        for who, start in zip(customers["customer_id"], joined, strict=True)
        for day in pd.date_range(start, LAST, freq="20D")
    ]
    stay = pd.DataFrame(rows, columns=["customer_id", "occurred_at"]).assign(**log)
    result = run(write_bank(name="stay", **{**base, "customers": customers, "activity": stay}))
    kept_share = result.figure("retained")
    assert (kept_share.value, kept_share.lower, kept_share.upper) == (1.0, 1.0, 1.0)


def test_an_empty_segment_is_said(folder):
    result = run(folder, segment="young")
    assert tones(result)["segment_size"] == "warning"
    assert tones(result)["retention"] == "warning"
    assert "young" not in set(result.tables["retention"]["segment"])


def test_the_naive_share_flatters_and_counts_whom(write_bank):
    # 20 joined 300 days before the end: 10 of them were last seen on day 60, 10 are still here. 20 joined 100 days
    # before the end and are still here: with 60 silent days they were watched for 40 days, no longer.
    start = {who: 300 if who < 20 else 100 for who in range(40)}
    log = [
        (f"C{who:09d}", LAST - pd.Timedelta(days=start[who] - day))
        for who in range(40)
        for day in range(0, 61 if who < 10 else start[who] + 1, 20)
    ]
    ids = [f"C{who:09d}" for who in range(40)]
    activity = pd.DataFrame(log, columns=["customer_id", "occurred_at"])
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "joined_date": [(LAST - pd.Timedelta(days=start[who])).date() for who in range(40)],
            "birth_year": pd.array([1960] * 40, dtype="Int64"),
            "gender": "F",
            "branch": "Harbour",
        }
    )
    balances = pd.DataFrame({"customer_id": ids, "balance_date": LAST.date(), "aum": 1.0, "loan": 0.0})
    activity = activity.assign(event="login", page="home", session_id="s", app="main")
    folder = write_bank(customers=customers, activity=activity, balances=balances)
    focus = insight.focus(banks.open(folder), "silver")
    row = insight.study(focus, horizon_days=180, silent_days=60).table.set_index("segment").loc["silver"]
    assert row["naive_retained"] == 0.75  # 10 of 40 lapsed
    assert row["retained"] == 0.5  # 10 of the 20 who were watched on day 60
    assert row["n_too_short"] == 20
    assert row["flattery"] == 0.25


def test_scores_are_the_product_that_they_say(folder):
    focus = insight.focus(banks.open(folder), "silver")
    layers = insight.layers(focus, silent_days=60)
    study = insight.study(focus, horizon_days=180, silent_days=60)
    table = insight.scores(focus, layers, study)
    product = table["size"] * table["room"] * table["occasional_aum_each"] * table["loss"]
    assert table["at_stake"].to_numpy() == pytest.approx(product.to_numpy())
    assert (table["at_stake_lower"] <= table["at_stake"]).all()
    assert (table["at_stake"] <= table["at_stake_upper"]).all()
    assert table.loc[0, "at_stake_lower"] < table.loc[0, "at_stake"] < table.loc[0, "at_stake_upper"]
    assert "all" not in set(table["segment"])
    assert table["at_stake_lower"].is_monotonic_decreasing


def test_every_column_that_is_shown_has_a_head_in_both_languages():
    from helpers.findings.labels import read

    shown = (
        *insight.AUDIT_COLUMNS,
        *insight.SIGNAL_COLUMNS,
        *insight.BENEFIT_COLUMNS,
        *insight.NAIVE_COLUMNS,
        *insight.RETENTION_COLUMNS,
        *insight.SCORE_COLUMNS,
    )
    assert set(shown) <= set(read())


@pytest.mark.slow
def test_the_sample_banks_planted_hazards_show_in_the_segments(sample_bank):
    from tests import truth

    planted = truth.read(sample_bank.folder, "hazards")
    planted = planted[planted["cause"] == "silent"].set_index("attribute")["log_hazard_ratio"]
    focus = insight.focus(sample_bank, "silver")
    table = insight.study(focus, horizon_days=180, silent_days=60).table.set_index("segment")
    for slug, attribute in (("payroll", "is_payroll"), ("silver", "is_silver"), ("young", "is_young")):
        row = table.loc[slug]
        # a lower hazard means more days: the interval may touch 0 in a bank of 3,000, never lie on the other side
        side = -np.sign(planted[attribute])
        assert side * row["difference_days"] > 0 or row["difference_lower"] < 0 < row["difference_upper"], slug
    assert table.loc["payroll", "difference_lower"] > 0
    assert table.loc["young", "difference_upper"] < 0
    # known from the window's end backwards: the naive share is above the estimate in every segment
    assert (table["flattery"] > 0).all()


def test_a_suggestion_that_the_tag_audit_speaks_against_says_so(sample_bank):
    focus = insight.focus(sample_bank, "silver")
    numbers = {"estimate": 178.0, "lower": 124.0, "upper": 243.0, "unit": "index", "n": 64}
    hook = {"aspect": "hook", "choice": "physical_gift", **numbers, "evidence": "preferred"}
    product = {"aspect": "product", "choice": "time_deposit", **numbers, "evidence": "tgi_above"}
    appetite = {"aspect": "appetite", "choice": "conservative", **numbers, "evidence": "tgi_above"}
    # The one tag has holes, the other contradicts the customers table.
    verdicts = insight.audit(focus).set_index("tag")["verdict"]
    assert (verdicts["preferred_benefit"], verdicts["risk_appetite"]) == ("fill", "wash")
    said = insight.suggestion_finding(focus, pd.DataFrame([hook, product, appetite]))
    assert "the tag “Preferred benefit” is rated “fill first” in the tag audit" in said.text.en
    assert "the tag “Risk appetite” is rated “wash first” in the tag audit" in said.text.en
    assert "标签“权益偏好”的盘点结论为“先补缺”" in said.text.zh
    assert "标签“风险偏好”的盘点结论为“先清洗”" in said.text.zh
    assert said.tone == "warning"
    # A hook that was read from what customers used stands on no tag.
    used = insight.suggestion_finding(focus, pd.DataFrame([{**hook, "evidence": "used_more"}, product]))
    assert "tag audit" not in used.text.en
    assert used.tone == "plain"


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED_DATA / "berka").is_dir(), reason="the PKDD'99 files are not on this machine")
def test_the_real_bank_runs_whole_and_says_what_is_missing(tmp_path):
    from helpers.bank.importers import berka

    folder = berka.convert(SHARED_DATA / "berka", tmp_path / "berka")
    result = run(folder)
    said = {finding.key: finding.text.en for finding in result.findings}
    assert "no tags table" in said["tag_audit"]
    assert said["active_hours"].startswith("The log knows days, not hours.")
    assert "Nothing is known of the benefits" in said["suggestion"]
    lacking = insight.unanswered(insight.focus(banks.open(folder), "silver"))
    assert "rewards" in lacking.en
    assert "payroll: no column is_payroll" in lacking.en
    assert result.figure("retained").n == 369
