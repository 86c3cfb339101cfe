"""Step 1 as its notebook runs it: every parameter bites, splits add up, edges get an honest answer."""

from __future__ import annotations

import ast
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.findings import Text
from helpers.reporting import Page
from helpers.reporting.notebook import Shown
from helpers.steps import goals
from helpers.steps.goals import split
from tests.conftest import ROOT

NOTEBOOK = ROOT / "notebooks" / "01_goal_decomposition.ipynb"
ASKED = {"mau_growth_share": 0.4, "aum_growth_share": 0.3}
MAU_LEVERS = ["acquire", "activate", "retain", "resurrect"]
AUM_LEVERS = ["new_money", "keep_balances", "penetration"]


def run(folder: Path, *, after: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    """Run the notebook's code cells here, with parameters set as papermill sets them.

    With ``after``, the names of a whole run, only the cells from the first one that reads a given parameter on are run
    again, on a new page.
    """
    names: dict[str, Any] = {**(after or {}), "display": lambda *_: None}
    if after:
        names.update(given, page=Page("01_goal_decomposition", bank=after["data"], language=after["language"]))
    waiting = after is not None
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            continue
        is_parameters = "parameters" in cell["metadata"].get("tags", [])
        read = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        waiting = waiting and (is_parameters or not read & set(given))
        if waiting:
            continue
        exec(compile(source, cell["id"], "exec"), names)
        if is_parameters:
            assert set(given) <= set(names)
            names.update(given, bank=str(folder))
    return names


@pytest.fixture
def no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts change nothing that is kept; they have their own test."""
    monkeypatch.setattr(Page, "chart", lambda *_, **__: Shown(""))


def tables(*, customers: int = 60, n_months: int = 15, seed: int = 5) -> dict[str, pd.DataFrame]:
    """A bank that grows, loses and wins back, with one branch of four customers and one without any name."""
    rng = np.random.default_rng(seed)
    first = date(2024, 1, 1)
    days = (date(2025, 3, 31) - first).days + 1 if n_months == 15 else 31 * n_months
    ids = [f"C{i:09d}" for i in range(1, customers + 1)]
    joined = [first + timedelta(days=int(d)) for d in rng.integers(-400, days - 40, customers)]
    branch = ["Old Town" if i % 3 else "Harbour" for i in range(customers)]
    branch[:4], branch[4:6] = ["Tiny"] * 4, [None] * 2
    events, balances = [], []
    for customer, start in zip(ids, joined, strict=True):
        on, aum = True, float(rng.lognormal(8, 1)) if rng.random() < 0.8 else 0.0
        for month in range(n_months):
            begin = date(2024 + month // 12, month % 12 + 1, 1)
            end = (begin + timedelta(days=31)).replace(day=1) - timedelta(days=1)
            if end < start:
                continue
            on = rng.random() < (0.88 if on else 0.2)
            if on:
                low = max(begin, start)
                for offset in rng.integers(0, (end - low).days + 1, rng.integers(1, 6)):
                    events.append((customer, low + timedelta(days=int(offset))))
            flow = float(rng.normal(0.01 + 0.02 * on, 0.03)) * (aum or 500.0)
            aum_after = max(round(aum + flow + aum * rng.normal(0, 0.01), 2), 0.0)
            balances.append((customer, end, aum_after, 0.0, round(flow, 2)))
            aum = aum_after
    events += [(ids[0], first), (ids[0], date(2025, 3, 31))]
    return {
        "customers": pd.DataFrame(
            {
                "customer_id": ids,
                "joined_date": joined,
                "birth_year": pd.array(rng.integers(1940, 2005, customers), dtype="Int64"),
                "gender": rng.choice(["F", "M"], customers),
                "branch": branch,
            }
        ),
        "activity": pd.DataFrame(events, columns=["customer_id", "occurred_at"]).assign(
            occurred_at=lambda t: pd.to_datetime(t["occurred_at"]),
            event="login",
            page="home",
            session_id="s",
            app="main",
        ),
        "balances": pd.DataFrame(balances, columns=["customer_id", "balance_date", "aum", "loan", "net_inflow"]),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("goals") / "bank"
    place.mkdir()
    for name, frame in tables().items():
        frame.to_parquet(place / f"{name}.parquet", index=False)
    words = "schema_version: 1\ncurrency: CNY\ntimezone: Asia/Shanghai\nsimulated: true\n"
    (place / "bank.yml").write_text(words, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def plain(folder: Path) -> dict[str, Any]:
    """One whole run, with charts, for targets above what comes by itself."""
    return run(folder, **ASKED)


def kept(names: dict[str, Any]) -> dict[str, Any]:
    """What the result would hold, in a form that can be compared."""
    result = names["page"].result
    return {
        "figures": {figure.key: figure.as_dict() for figure in result.figures},
        "findings": [(f.key, f.text.en, f.text.zh) for f in result.findings],
        "tables": {name: table.to_csv(index=False) for name, table in result.tables.items()},
    }


@pytest.mark.parametrize("given", [{"as_of": "2025-02-10"}, {"branch": "Harbour"}], ids=["as_of", "branch"])
def test_what_is_looked_at_changes_what_is_kept(folder: Path, plain: dict, given: dict, no_charts: None) -> None:
    found, known = kept(run(folder, **given)), kept(plain)
    assert found["figures"]["mau"] != known["figures"]["mau"]
    assert found["figures"]["aum"] != known["figures"]["aum"]


@pytest.mark.parametrize(
    ("given", "changes"),
    [
        ({"target_mau": 60}, "target_mau"),
        ({"target_aum": 1e6}, "target_aum"),
        ({"mau_growth_share": 0.5}, "gap_mau"),
        ({"aum_growth_share": 0.5}, "gap_aum"),
        ({"horizon_months": 5}, "projected_mau"),
        ({"history_months": 3}, "projected_aum"),
        ({"compare_months": 6}, "aum_effect_customers"),
        ({"stretch_quantile": 0.95}, "effort_mau"),
        ({"min_group_size": 1}, "branch_targets"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_every_parameter_changes_what_is_kept(
    folder: Path, plain: dict, given: dict, changes: str, no_charts: None
) -> None:
    found, known = kept(run(folder, after=plain, **given)), kept(plain)
    place = "tables" if changes in known["tables"] else "figures"
    assert found[place][changes] != known[place][changes]


def test_language_changes_the_page_not_the_result(folder: Path, plain: dict, no_charts: None) -> None:
    # That a second run keeps the same to the last digit is tested by the way.
    chinese = run(folder, language="zh", **ASKED)
    assert kept(chinese) == kept(plain)
    assert chinese["page"].message(Text("a customer", "一位客户")).html.count("一位客户") == 1


def test_results_are_written_and_read_back(folder: Path, tmp_path: Path, no_charts: None) -> None:
    from helpers import findings

    run(folder, run_dir=str(tmp_path))
    result = findings.read(tmp_path, "01_goal_decomposition")
    assert {"mau", "target_mau", "gap_mau", "gap_mau_retain", "target_aum", "gap_aum", "effort_mau"} <= set(
        result.figures
    )
    assert {"mau_bridge", "aum_bridge", "branch_targets", "milestones", "ogsm"} <= set(result.tables)
    assert result.table("milestones")["mau_milestone"].iloc[-1] == result.figures["target_mau"].value


def test_splits_add_up_over_levers_months_and_branches(plain: dict) -> None:
    for metric, levers in (("mau", MAU_LEVERS), ("aum", AUM_LEVERS)):
        split = plain[f"{metric}_plan"]
        assert split.gap > 0
        assert split.levers["lever"].tolist() == levers
        assert split.levers["lever_gap"].sum() == split.gap
        assert split.milestones["milestone_lift_in_month"].sum() == split.gap
        assert split.milestones["milestone"].iloc[-1] == split.target.value
        branches = plain["branches"]
        assert branches[f"gap_{metric}"].sum() == split.gap
        for lever, gap in split.levers[["lever", "lever_gap"]].itertuples(index=False):
            assert branches[lever].sum() == gap


def test_small_branches_are_not_shown_singly(plain: dict) -> None:
    branches = plain["branches"]
    assert "Tiny" not in set(branches["branch"])
    assert branches["branch"].iloc[-1] == "other"
    assert (branches["customers"] >= 6).all()  # four of Tiny and two without a branch together
    assert plain["pools"]["customers"].sum() == branches["customers"].sum()


@pytest.mark.parametrize(
    ("sizes", "shown"),
    [
        ({"A": 50, "B": 30, "C": 4}, {"A": 50, "other": 34}),  # C alone would be “other”
        ({"A": 50, "B": 30, "C": 4, "D": 6}, {"A": 50, "B": 30, "other": 10}),
        ({"A": 50, "B": 30}, {"A": 50, "B": 30}),
        ({"A": 4, "B": 3}, {"other": 7}),
        ({"A": 50, "B": 4}, {"other": 54}),
    ],
)
def test_a_small_branch_is_never_alone_as_other(sizes: dict[str, int], shown: dict[str, int]) -> None:
    pools = pd.DataFrame(
        {"branch": list(sizes), "customers": list(sizes.values()), "aum": 1.5}, index=range(3, 3 + len(sizes))
    )
    merged = split._merge_small(pools, 10)
    assert dict(zip(merged["branch"], merged["customers"], strict=True)) == shown
    assert merged["aum"].sum() == 1.5 * len(sizes)


def test_every_measure_of_the_plan_is_a_metric(plain: dict) -> None:
    from helpers.metrics.definitions import read_metrics

    metrics = read_metrics()
    assert set(plain["ogsm"]["metric"]) <= set(metrics)
    now = plain["ogsm"].set_index("metric")["now"]
    assert now["month_retention"] == pytest.approx(plain["mau"].model.drivers_.level["stay_old"])
    assert 0 < now["penetration"] <= 1


def test_broken_strategies_are_refused(tmp_path: Path) -> None:
    words = (ROOT / "data" / "catalogue" / "ogsm.yml").read_text(encoding="utf-8")
    (tmp_path / "ogsm.yml").write_text(words.replace("[win_back_rate,", "[winback_rate,"), encoding="utf-8")
    with pytest.raises(ValueError, match="metric 'winback_rate' is unknown, did you mean 'win_back_rate'"):
        goals.read_strategies(folder=str(tmp_path))
    (tmp_path / "ogsm.yml").write_text(words.replace("  retain:", "  retention:"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"levers with their goals, acquire \(mau\)"):
        goals.read_strategies(folder=str(tmp_path))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target_mau": -1}, "target_mau must be at least 0"),
        ({"target_aum": -5.0}, "target_aum must be at least 0"),
        ({"mau_growth_share": 5.0}, r"mau_growth_share must be a share from 0 to 1 \(0.05 is 5 %\), not 5.0"),
        ({"aum_growth_share": -0.1}, "aum_growth_share must be a share from 0 to 1"),
        ({"horizon_months": 0}, "horizon_months must be a whole number from 1 to 36, not 0"),
        ({"history_months": 1}, "history_months must be a whole number of at least 2, not 1"),
        ({"compare_months": 0}, "compare_months must be a whole number of at least 1, not 0"),
        ({"stretch_quantile": 0.1}, "stretch_quantile must lie between 0.5 and 1, not 0.1"),
        ({"min_group_size": 0}, "min_group_size must be a whole number of at least 1, not 0"),
        ({"as_of": "2020-01-01"}, "as_of 2020-01-01 lies before"),
        ({"branch": "Harbor"}, "branch 'Harbor' is not in customers.branch"),
        ({"language": "de"}, "language must be one of en, zh, not 'de'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_parameters_are_named_in_one_line(
    folder: Path, plain: dict, given: dict, message: str, no_charts: None
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        run(folder, **given) if given.keys() & {"as_of", "branch", "language"} else run(folder, after=plain, **given)
    assert "\n" not in str(caught.value)


def test_target_below_the_projection_and_target_out_of_reach(folder: Path, plain: dict, no_charts: None) -> None:
    low = run(folder, after=plain, target_mau=1, target_aum=1.0)
    findings = {f.key: f for f in low["page"].result.findings}
    assert low["mau_plan"].gap == 0
    assert "below the projection" in findings["gap_mau"].text.en
    assert findings["feasibility_mau"].tone == "warning"
    assert low["branches"][["gap_mau", "gap_aum"]].to_numpy().sum() == 0
    high = run(folder, after=plain, target_mau=100_000)
    findings = {f.key: f for f in high["page"].result.findings}
    assert "out of reach" in findings["feasibility_mau"].text.en
    assert findings["feasibility_mau"].tone == "bad"
    assert high["mau_plan"].levers["lever_gap"].sum() == high["mau_plan"].gap
    assert high["branches"]["gap_mau"].sum() == high["mau_plan"].gap


def test_spring_festival_is_said(plain: dict) -> None:
    comparison = plain["comparison"].set_index("month")
    assert not comparison.loc["2025-01", "is_like_for_like"]
    assert comparison.loc["2025-03", "is_like_for_like"]
    sentence = next(f for f in plain["page"].result.findings if f.key == "seasons").text
    assert "2025-01-29 after 2024-02-10" in sentence.en
    assert "春节" in sentence.zh
    usage, aum = plain["usage"], plain["monthly_aum"]
    abroad = goals.compare_months(usage, aum, currency="CZK")
    assert abroad["festival_days"].isna().all()
    assert "Spring" not in goals.seasons_finding(abroad, currency="CZK").text.en
    mau = usage.set_index("month")["mau"]
    assert comparison.loc["2025-03", "mau_yoy"] == pytest.approx(mau["2025-03"] / mau["2024-03"] - 1)


def one(ids: list[str], events: list[tuple[str, str]], *, aum: float = 100.0) -> dict[str, pd.DataFrame]:
    ends = pd.date_range("2024-01-31", "2024-06-30", freq="ME").date
    return {
        "customers": pd.DataFrame(
            {
                "customer_id": ids,
                "joined_date": date(2023, 5, 1),
                "birth_year": pd.array([1980] * len(ids), dtype="Int64"),
                "gender": "F",
                "branch": "Harbour",
            }
        ),
        "activity": pd.DataFrame(events, columns=["customer_id", "occurred_at"]).assign(
            occurred_at=lambda t: pd.to_datetime(t["occurred_at"]),
            event="login",
            page="home",
            session_id="s",
            app="main",
        ),
        "balances": pd.DataFrame(
            [(c, end, aum, 0.0) for c in ids for end in ends], columns=["customer_id", "balance_date", "aum", "loan"]
        ),
    }


IDS = [f"C{i:09d}" for i in range(1, 31)]
EVERY_MONTH = [f"2024-0{m}-15" for m in range(1, 7)]


@pytest.mark.parametrize(
    "bank_tables",
    [
        one(IDS[:1], [(IDS[0], "2024-01-01"), (IDS[0], "2024-06-30")]),
        one(IDS[:1], [(IDS[0], "2024-01-01")]),
        one(IDS, [(c, d) for c in IDS for d in ["2024-01-01", *EVERY_MONTH, "2024-06-30"]]),
        one(IDS, [(c, "2024-01-05") for c in IDS] + [(IDS[0], "2024-06-30")]),
        one(IDS, [(c, d) for c in IDS for d in EVERY_MONTH], aum=0.0),
    ],
    ids=["one customer", "one event", "nobody lapsed", "everybody lapsed", "no assets"],
)
def test_edges_get_an_honest_answer(write_bank, bank_tables: dict) -> None:
    names = run(write_bank(**bank_tables))
    page = names["page"]
    assert len(page.result.findings) == 12
    for finding in page.result.findings:
        assert "nan" not in finding.text.en.replace("finan", "")
        assert "None" not in finding.text.en
    assert names["branches"]["gap_mau"].sum() == names["mau_plan"].gap


def test_smallest_bank_says_what_it_cannot(write_bank) -> None:
    names = run(write_bank(), as_of="2024-01-31")
    words = " ".join(f.text.en for f in names["page"].result.findings)
    assert "fewer than two whole months: there is no change to account for" in words
    assert "MAU can't be projected: that takes at least two whole months" in words
    assert not names["mau"].is_possible
    assert not names["aum"].is_possible


def test_steps_stand_on_the_bridge(sample_bank) -> None:
    """On the sample bank, bridge, projection and factors tell the same story as each other."""
    from helpers.metrics import activity, assets

    days = activity.customer_days(sample_bank.activity).cache()
    bridge = activity.mau_bridge(days, customers=sample_bank.customers, as_of=sample_bank.as_of)
    usage = activity.usage_by_month(days, as_of=sample_bank.as_of)
    assert bridge["mau"].tolist() == usage["mau"].tolist()[1:]
    assert (
        bridge["mau_before"] + bridge["mau_new"] + bridge["mau_resurrected"] - bridge["mau_churned"]
    ).tolist() == bridge["mau"].tolist()
    mau = goals.project_mau(days, sample_bank.customers, as_of=sample_bank.as_of)
    assert mau.now == usage["mau"].iloc[-1]
    money = assets.aum_bridge(sample_bank.balances, customers=sample_bank.customers, as_of=sample_bank.as_of)
    aum = goals.project_aum(sample_bank.balances, sample_bank.customers, as_of=sample_bank.as_of)
    assert aum.now == pytest.approx(money["aum"].iloc[-1])
    known = money["aum_change"] - money["net_new_money"] - money["valuation"]
    assert known.abs().max() < 1e-3
