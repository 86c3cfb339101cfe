"""The tag audit against tags whose holes, ages and errors were written by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from helpers.metrics import tags
from helpers.metrics.layers import open_customers

N = 400
IDS = [f"C{i:09d}" for i in range(1, N + 1)]
NEW, OLD = pd.Timestamp("2024-06-01"), pd.Timestamp("2022-01-01")
KNOWN = {
    "gender": tags.Tag.model_validate(
        {"family": "basic", "name": {"en": "g", "zh": "性"}, "source": {"column": "gender"}, "hypothesis": None}
    ),
    "band": tags.Tag.model_validate(
        {
            "family": "basic",
            "name": {"en": "b", "zh": "段"},
            "source": {"column": "age", "bands": {"young": [None, 30], "old": [30, None]}},
        }
    ),
    "rich": tags.Tag.model_validate(
        {
            "family": "financial",
            "name": {"en": "r", "zh": "富"},
            "source": {"column": "aum", "bands": {"yes": [100, None], "no": [None, 100]}},
        }
    ),
    "pay": tags.Tag.model_validate(
        {
            "family": "financial",
            "name": {"en": "p", "zh": "薪"},
            "source": {"column": "is_payroll", "values": {"Y": "true", "N": "false"}},
        }
    ),
}


@pytest.fixture
def bank(tiny_bank):
    customers = pd.DataFrame(
        {
            "customer_id": IDS,
            "joined_date": pd.to_datetime(["2020-01-01"] * N).date,
            "birth_year": pd.array([1960, 2000] * (N // 2), dtype="Int64"),
            "gender": ["F", "M"] * (N // 2),
            "branch": "Harbour",
            "is_payroll": pd.array([True, False] * (N // 2), dtype="boolean"),
        }
    )
    activity = pd.DataFrame(
        # the first half of the customers was active in the last 30 days
        {"customer_id": IDS, "occurred_at": [pd.Timestamp("2024-06-29 10:00")] * (N // 2) + [OLD] * (N // 2)}
    ).assign(event="login", page="home", session_id="s", app="main")
    balances = pd.DataFrame(
        {
            "customer_id": IDS,
            "balance_date": pd.to_datetime(["2024-06-28"] * N).date,
            "aum": [500.0, 5.0] * (N // 2),
            "loan": 0.0,
        }
    )
    rows = []

    def add(tag, values, updated=NEW, family="basic"):
        rows.extend((who, tag, family, value, updated) for who, value in zip(IDS, values, strict=False))

    add("gender", ["F", "M"] * (N // 2))
    add("band", ["old", "young"] * (N // 2), updated=OLD)
    add("rich", (["yes", "no"] * (N // 2))[:340] + ["no", "yes"] * 30, family="financial")
    add("pay", ["Y", "N"] * 50 + [None] * 300, family="financial")
    add("half", ["first"] * (N // 2) + ["second"] * (N // 2), family="life")
    add("same", ["a", "b"] * (N // 2), family="life")
    rows.append(("C999999999", "gender", "basic", "F", NEW))
    table = pd.DataFrame(rows, columns=["customer_id", "tag", "family", "value", "updated_at"])
    return tiny_bank(customers=customers, activity=activity, balances=balances, tags=table)


def audit(bank):
    return tags.tag_audit(bank, open_customers(bank), known=KNOWN).set_index("tag")


def test_coverage_strangers_and_age(bank):
    table = audit(bank)
    assert table.loc["gender", ["customers", "n_filled", "n_strangers", "n_values"]].tolist() == [N, N, 1, 2]
    assert table.loc["pay", "coverage"] == pytest.approx(0.25)
    assert table.loc["gender", "median_age_days"] == 28  # 2024-06-01 to the log's last day, 2024-06-29
    assert table.loc["gender", "stale_share"] == 0
    assert table.loc["band", "stale_share"] == 1


def test_agreement_with_columns_ages_balances_and_other_words(bank):
    table = audit(bank)
    assert table.loc["gender", ["n_compared", "agreement"]].tolist() == [N, 1.0]
    assert table.loc["band", "agreement"] == 1.0
    assert table.loc["rich", "agreement"] == pytest.approx(340 / N)
    assert table.loc["pay", ["n_compared", "agreement"]].tolist() == [100, 1.0]
    assert table.loc["half", "n_compared"] == 0


def test_the_worst_verdict_wins(bank):
    verdicts = audit(bank)["verdict"].to_dict()
    assert verdicts == {
        "gender": "use",
        "band": "refresh",
        "rich": "wash",
        "pay": "fill",
        "half": "unchecked",
        "same": "unchecked",
    }


def test_a_few_agreeing_customers_decide_nothing():
    numbers = {"coverage": 1.0, "stale_share": 0.0, "n_compared": 20, "agreement_lower": 0.84, "agreement_upper": 1.0}
    assert tags.verdict(numbers, None) == "undecided"


def test_signals_tell_what_separates_active_customers(bank):
    table = tags.tag_signals(bank, open_customers(bank), known=KNOWN).set_index("tag")
    assert table.loc["half", ["lowest", "highest", "spread", "tells_apart"]].tolist() == ["second", "first", 1.0, True]
    assert table.loc["same", "spread"] == 0
    assert not table.loc["same", "tells_apart"]


def test_no_tags_table(tiny_bank):
    bank = tiny_bank()
    assert tags.tag_audit(bank, bank.customers) is None
    assert tags.tag_signals(bank, bank.customers) is None


def test_a_source_is_given_in_one_way_only():
    with pytest.raises(ValueError, match="values or bands, not both"):
        tags.Source(column="x", values={"a": "b"}, bands={"c": (None, 1)})


def test_every_tag_of_the_catalogue_has_a_hypothesis_to_test():
    entries = tags.read_tags()
    assert all(entry.hypothesis for entry in entries.values())
    assert {entry.family for entry in entries.values()} == {
        "basic",
        "financial",
        "social",
        "risk",
        "life",
        "behaviour",
    }


@pytest.mark.slow
def test_the_sample_banks_planted_holes_and_errors_are_found(sample_bank):
    from tests import truth

    planted = truth.read(sample_bank.folder, "tags").set_index("tag")
    table = tags.tag_audit(sample_bank, open_customers(sample_bank)).set_index("tag")
    assert set(table.index) == set(planted.index)
    for tag, row in table.iterrows():
        # open customers are drawn regardless of their holes: binomial standard error, four of them allowed
        hole = planted.loc[tag, "hole_share"]
        error = (hole * (1 - hole) / row["customers"]) ** 0.5
        assert row["coverage"] == pytest.approx(1 - hole, abs=4 * error), tag
        if planted.loc[tag, "source"] in ("gender", "city_tier", "is_payroll", "is_car_owner", "has_children"):
            wrong = planted.loc[tag, "wrong_share"]
            error = (wrong * (1 - wrong) / row["n_compared"]) ** 0.5
            assert row["agreement"] == pytest.approx(1 - wrong, abs=4 * error), tag
    assert table.loc["has_children", "verdict"] == "wash"
