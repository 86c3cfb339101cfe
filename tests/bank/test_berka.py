"""The real Czech bank: month-end AUM to the crown, and what counts as the customer's own doing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers import bank as banks
from helpers.bank.importers import berka
from tests.conftest import SHARED_DATA

SOURCE = SHARED_DATA / "berka"
# Month-end sums of the last balance carried forward, computed outside of this project (whole crowns).
PUBLISHED_AUM_CZK = {
    "1993-01-31": 667_446,
    "1993-06-30": 16_007_144,
    "1993-12-31": 36_895_806,
    "1994-01-31": 31_276_150,
    "1994-02-28": 36_873_402,
}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> banks.Bank:
    if not SOURCE.is_dir():
        pytest.skip(f"the PKDD'99 files are not in {SOURCE.relative_to(SHARED_DATA.parents[1])}")
    return banks.open(berka.convert(SOURCE, tmp_path_factory.mktemp("berka") / "bank"))


def test_month_end_aum_equals_the_published_figures_to_the_crown(bank: banks.Bank) -> None:
    sums = bank.balances.group_by("balance_date").aggregate(aum=lambda t: t.aum.sum()).execute()
    found = {str(day)[:10]: round(aum) for day, aum in zip(sums["balance_date"], sums["aum"], strict=True)}
    assert {day: found[day] for day in PUBLISHED_AUM_CZK} == PUBLISHED_AUM_CZK


def test_balance_changes_are_net_inflow_plus_interest_and_fees(bank: banks.Bank) -> None:
    balances = bank.balances.execute().sort_values(["customer_id", "balance_date"])
    change = balances.groupby("customer_id")["aum"].diff().fillna(balances["aum"])
    valuation = change - balances["net_inflow"]
    # Interest and fees of a month stay well under 2 % of the balance: what is left is not new money.
    assert valuation.abs().sum() < 0.02 * balances["aum"].abs().sum()


def test_interest_fees_and_standing_orders_are_not_activity(bank: banks.Bank) -> None:
    events = set(bank.activity.event.name("event").as_table().distinct().execute()["event"])
    assert events <= {"cash_deposit", "cash_withdrawal", "card_withdrawal", "transfer"}
    assert bank.settings.activity_means["en"].startswith("a transaction that the customer started")


def test_birth_numbers_give_gender_by_the_raised_month() -> None:
    found = berka.birth_and_gender(pd.Series(["706213", "450204"]))
    assert found.to_dict("list") == {"birth_year": [1970, 1945], "gender": ["F", "M"]}


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"account\.asc: is missing"):
        berka.convert(tmp_path, tmp_path / "bank")


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / "thesis.txt").write_text("do not lose me")
    with pytest.raises(ValueError, match="not empty and not a bank"):
        berka.convert(tmp_path, tmp_path / "bank")
    assert (tmp_path / "bank" / "thesis.txt").is_file()
