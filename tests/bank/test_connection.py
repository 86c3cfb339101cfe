"""Opening a bank: what is refused and how it is said, and what is seen on a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from helpers import bank as banks
from helpers.bank import sources
from tests.conftest import BANK_YML, tiny_tables

WriteBank = Callable[..., Path]


def problems_of(folder: Path) -> list[banks.Problem]:
    with pytest.raises(banks.BankError) as caught:
        banks.open(folder)
    return caught.value.problems


def test_a_valid_bank_opens_lazily(write_bank: WriteBank) -> None:
    bank = banks.open(write_bank())
    assert bank.currency == "CNY"
    assert bank.simulated
    assert bank.campaigns is None
    assert bank.as_of == date(2024, 2, 29)
    assert int(bank.customers.count().execute()) == 2


def test_a_missing_folder_is_said_in_one_line(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "nowhere")
    assert "the folder does not exist" in problem.rule


@pytest.mark.parametrize("table", ["customers", "activity", "balances"])
def test_a_missing_required_table_is_named(write_bank: WriteBank, table: str) -> None:
    (problem,) = problems_of(write_bank(**{table: None}))
    assert (problem.table, "missing" in problem.rule) == (table, True)


def test_a_misspelt_column_is_named_with_the_nearest(write_bank: WriteBank) -> None:
    customers = tiny_tables()["customers"].rename(columns={"joined_date": "joind_date"})
    (problem,) = problems_of(write_bank(customers=customers))
    assert (problem.table, problem.column) == ("customers", "joined_date")
    assert "'joind_date' looks like it" in problem.rule


def test_a_column_of_a_wrong_type_is_named(write_bank: WriteBank) -> None:
    balances = tiny_tables()["balances"].assign(balance_date=[1.5, 2.5])
    (problem,) = problems_of(write_bank(balances=balances))
    assert (problem.column, "float64, should be date" in problem.rule) == ("balance_date", True)


@pytest.mark.parametrize(
    ("table", "column", "value", "words"),
    [
        ("balances", "aum", -5.0, "should be at least 0"),
        ("balances", "aum", float("nan"), "is empty"),  # pandas writes NaN to parquet as a hole
        ("balances", "aum", float("inf"), "not a number"),
        ("customers", "birth_year", 1066, "should be at least 1880, at most 2100"),
        ("customers", "customer_id", None, "is empty"),
        ("activity", "event", None, "is empty"),
    ],
)
def test_a_broken_value_is_counted_and_shown(
    write_bank: WriteBank, table: str, column: str, value: Any, words: str
) -> None:
    frame = tiny_tables()[table]
    frame[column] = frame[column].astype(object)
    frame.loc[1, column] = value
    if column not in ("customer_id", "event"):
        frame[column] = frame[column].astype("Int64" if column == "birth_year" else float)
    (problem,) = problems_of(write_bank(**{table: frame}))
    assert (problem.table, problem.column, problem.n_rows) == (table, column, 1)
    assert words in problem.rule
    assert problem.example


def test_dates_that_cannot_be_read_and_dates_in_the_future(write_bank: WriteBank) -> None:
    tomorrow = (date.today() + timedelta(days=400)).isoformat()
    csv = f"customer_id,balance_date,aum,loan\nC000000001,31.1.2024,1,0\nC000000002,{tomorrow},2,0\n"
    found = problems_of(write_bank(balances=csv))
    assert {(p.column, p.rule, p.n_rows, p.example) for p in found} == {
        ("balance_date", "can't be read as date", 1, "31.1.2024"),
        ("balance_date", "lies in the future", 1, tomorrow),
    }


def test_duplicate_customers_are_refused_with_the_id(write_bank: WriteBank) -> None:
    customers = tiny_tables()["customers"]
    (problem,) = problems_of(write_bank(customers=pd.concat([customers, customers.iloc[[0]]])))
    assert (problem.column, problem.n_rows, problem.example) == ("customer_id", 1, "C000000001 ×2")


def test_several_problems_come_in_one_error(write_bank: WriteBank) -> None:
    tables = tiny_tables()
    tables["balances"]["aum"] = [-1.0, -2.0]
    tables["customers"]["birth_year"] = pd.array([1, 2], dtype="Int64")
    found = problems_of(write_bank(customers=tables["customers"], balances=tables["balances"]))
    assert {(p.table, p.n_rows) for p in found} == {("customers", 2), ("balances", 2)}


def test_a_bank_without_rows_is_refused(write_bank: WriteBank) -> None:
    (problem,) = problems_of(write_bank(customers=tiny_tables()["customers"].head(0)))
    assert problem.rule == "the table has no row"


def test_gbk_is_recognised_and_readable_once_named(write_bank: WriteBank) -> None:
    folder = write_bank(customers=None)
    text = "customer_id,joined_date,birth_year,gender,branch\nC000000001,2024-01-01,1960,F,城东支行\n"
    (folder / "customers.csv").write_bytes(text.encode("gbk"))
    (problem,) = problems_of(folder)
    assert "not UTF-8, it reads as gb18030" in problem.rule
    (folder / "bank.yml").write_text(BANK_YML + "tables:\n  customers: {file: customers.csv, encoding: gb18030}\n")
    assert banks.open(folder).customers.execute()["branch"].tolist() == ["城东支行"]


@pytest.mark.parametrize(
    ("yml", "words"),
    [
        ("schema_version: 1\n currency: CNY\n", "line 2: broken YAML"),
        (BANK_YML.replace("CNY", "yuan"), "currency"),
        (BANK_YML.replace("Asia/Shanghai", "Asia/Shangha"), "not a time zone"),
        (BANK_YML + "tabels: {}\n", "tabels: unknown entry"),
        (BANK_YML + "tables:\n  custmers: {file: x.csv}\n", "did you mean 'customers'"),
        (BANK_YML.replace("schema_version: 1", "schema_version: 7"), "schema_version"),
    ],
)
def test_a_broken_bank_yml_is_said_with_its_place(write_bank: WriteBank, yml: str, words: str) -> None:
    assert any(words in problem.rule for problem in problems_of(write_bank(yml=yml)))


def test_own_names_are_mapped(write_bank: WriteBank) -> None:
    customers = tiny_tables()["customers"].rename(columns={"customer_id": "cust_no", "branch": "org"})
    folder = write_bank(
        customers=None,
        yml=BANK_YML
        + "tables:\n  customers:\n    file: kunden.parquet\n    columns: {customer_id: cust_no, branch: org}\n",
    )
    customers.to_parquet(folder / "kunden.parquet")
    bank = banks.open(folder)
    assert bank.customers.columns[:1] == ("customer_id",)
    assert set(bank.customers.execute()["branch"]) == {"Harbour", "Old Town"}


def test_negative_balances_need_to_be_declared(write_bank: WriteBank) -> None:
    balances = tiny_tables()["balances"].assign(aum=[-5.0, 1.0])
    folder = write_bank(balances=balances, yml=BANK_YML + "aum_net_of_overdrafts: true\n")
    assert float(banks.open(folder).balances.aum.sum().execute()) == -4.0


class TestAsOf:
    def test_nothing_after_the_day_is_seen(self, tiny_bank: Callable[..., banks.Bank]) -> None:
        bank = tiny_bank(as_of="2024-01-31")
        assert int(bank.activity.count().execute()) == 1
        assert int(bank.customers.count().execute()) == 1
        assert int(bank.balances.count().execute()) == 1

    def test_rows_loaded_later_are_not_seen(self, tiny_bank: Callable[..., banks.Bank]) -> None:
        activity = tiny_tables()["activity"].assign(loaded_at=pd.to_datetime(["2024-01-02", "2024-02-09"]))
        assert int(tiny_bank(activity=activity, as_of="2024-02-05").activity.count().execute()) == 1
        assert int(tiny_bank(activity=activity, as_of="2024-02-09").activity.count().execute()) == 2

    def test_values_of_later_are_hidden_in_rows_that_are_seen(self, tiny_bank: Callable[..., banks.Bank]) -> None:
        acquisitions = pd.DataFrame(
            {
                "customer_id": ["C000000001"],
                "channel": ["sms"],
                "seen_at": pd.to_datetime(["2024-01-01"]),
                "registered_at": pd.to_datetime(["2024-01-02"]),
                "activated_at": pd.to_datetime(["2024-02-02"]),
                "cost": [1.0],
            }
        )
        seen = tiny_bank(acquisitions=acquisitions, as_of="2024-01-20").acquisitions.execute()
        assert seen["registered_at"].notna().all()
        assert seen["activated_at"].isna().all()

    def test_an_answer_of_later_hides_its_score(self, tiny_bank: Callable[..., banks.Bank]) -> None:
        surveys = pd.DataFrame(
            {
                "customer_id": ["C000000001"],
                "kind": ["nps"],
                "sent_at": pd.to_datetime(["2024-01-01"]),
                "answered_at": pd.to_datetime(["2024-02-01"]),
                "score": [9.0],
            }
        )
        assert tiny_bank(surveys=surveys, as_of="2024-01-20").surveys.execute()["score"].isna().all()
        assert tiny_bank(surveys=surveys).surveys.execute()["score"].tolist() == [9.0]

    def test_a_day_before_the_data_is_refused(self, tiny_bank: Callable[..., banks.Bank]) -> None:
        with pytest.raises(
            ValueError, match="as_of 2023-12-31 lies before the first day of the activity log, 2024-01-01"
        ):
            tiny_bank(as_of="2023-12-31")

    def test_what_is_no_day_is_refused(self, tiny_bank: Callable[..., banks.Bank]) -> None:
        with pytest.raises(ValueError, match=r"as_of must be a day written YYYY-MM-DD, not '31\.1\.2024'"):
            tiny_bank(as_of="31.1.2024")


class TestBranch:
    def test_all_tables_follow_the_branch(self, tiny_bank: Callable[..., banks.Bank]) -> None:
        bank = tiny_bank(branch="Old Town")
        for table in (bank.customers, bank.activity, bank.balances):
            assert table.execute()["customer_id"].tolist() == ["C000000002"]

    def test_an_unknown_branch_is_refused_with_those_there_are(self, tiny_bank: Callable[..., banks.Bank]) -> None:
        with pytest.raises(
            ValueError, match=r"branch 'Habour' is not in customers\.branch; there are Harbour, Old Town"
        ):
            tiny_bank(branch="Habour")


def test_strangers_in_the_log_are_a_remark_not_a_refusal(write_bank: WriteBank) -> None:
    activity = tiny_tables()["activity"]
    activity.loc[1, "customer_id"] = "C999999999"
    (remark,) = [found for found in banks.open(write_bank(activity=activity)).remarks if found.table == "activity"]
    assert (remark.column, remark.n_rows, remark.example) == ("customer_id", 1, "C999999999")


def test_holders_without_a_row_on_the_newest_day_are_a_remark(write_bank: WriteBank) -> None:
    """The tiny bank's first customer has a balance in January only, the second in February only."""
    (remark,) = banks.open(write_bank()).remarks
    assert (remark.table, remark.n_rows, remark.example) == ("balances", 1, "last row 2024-01-31")
    assert "the last balance is carried forward" in remark.rule
    closed = tiny_tables()["customers"].assign(closed_date=[date(2024, 2, 10), None])
    assert banks.open(write_bank(name="closed", customers=closed)).remarks == ()


def test_the_fingerprint_follows_the_content(write_bank: WriteBank) -> None:
    first = banks.open(write_bank()).fingerprint
    assert banks.open(write_bank(name="again")).fingerprint == first
    changed = tiny_tables()["balances"].assign(aum=[1.0, 3.0])
    assert banks.open(write_bank(name="changed", balances=changed)).fingerprint != first


def test_an_edited_brief_is_another_bank(write_bank: WriteBank) -> None:
    folder = write_bank()
    (folder / "briefs").mkdir()
    (folder / "briefs" / "K001.yml").write_text("target: 5.4\n")
    before = banks.open(folder)
    (folder / "briefs" / "K001.yml").write_text("target: 9.9\n")
    after = banks.open(folder)
    assert before.fingerprint != after.fingerprint
    assert {name for name in before.fingerprints if before.fingerprints[name] != after.fingerprints[name]} == {"briefs"}


@pytest.mark.parametrize("whole_bytes", [1 << 28, 1 << 10])
def test_one_byte_in_the_middle_of_a_file_is_another_bank(
    write_bank: WriteBank, monkeypatch: pytest.MonkeyPatch, whole_bytes: int
) -> None:
    """Small files count whole; large ones by blocks, and by when they were written."""
    monkeypatch.setattr(sources, "_WHOLE_BYTES", whole_bytes)
    rows = [f"C000000001,2023-{1 + k // 28 % 12:02d}-{1 + k % 28:02d},{100 + k}.00,0" for k in range(336)]
    text = "\n".join(["customer_id,balance_date,aum,loan", *rows])
    folder = write_bank(balances=text)
    before = banks.open(folder)
    file = folder / "balances.csv"
    file.write_text(text.replace(",250.00,", ",251.00,"), encoding="utf-8")
    assert file.stat().st_size == len(text)
    assert banks.open(folder).fingerprint != before.fingerprint
    assert before.is_content_known


def test_a_database_counts_with_its_content(write_bank: WriteBank) -> None:
    yml = BANK_YML + "connection: {database: bank.duckdb}\ntables: {balances: {table: holdings}}\n"
    folder = write_bank(balances=None, yml=yml)
    marks = []
    for aum in (1000.0, 1001.0):
        with duckdb.connect(str(folder / "bank.duckdb")) as database:
            frame = tiny_tables()["balances"].assign(aum=aum)
            database.register("frame", frame)
            database.execute("CREATE OR REPLACE TABLE holdings AS SELECT * FROM frame")
        opened = banks.open(folder)
        marks.append(opened.fingerprint)
        opened.tables["balances"].get_backend().disconnect()
    assert marks[0] != marks[1]
