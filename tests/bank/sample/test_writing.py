"""How a sample bank is written: the same bytes for the same seed, whole or not at all, refusals in one line."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pandas as pd
import pytest

from helpers import bank
from helpers.bank import brief, sample
from helpers.bank.sample import papers
from helpers.bank.schemas import TABLES
from tests import truth

SMALL = {"customers": 2_300, "months": 12}


def digests(folder: Path) -> dict[str, str]:
    """sha256 of every file of a bank by its path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of three cells, the last one not full."""
    return sample.build(tmp_path_factory.mktemp("small") / "bank", seed=5, **SMALL)


def test_same_seed_same_bytes_other_seed_other_bank(small: Path, tmp_path: Path) -> None:
    again = sample.build(tmp_path / "again", seed=5, **SMALL)
    assert digests(again) == digests(small)
    other = sample.build(tmp_path / "other", seed=6, **SMALL)
    assert (
        pd.read_parquet(other / "balances.parquet").aum.sum() != pd.read_parquet(small / "balances.parquet").aum.sum()
    )


def test_customers_do_not_depend_on_the_block_size(small: Path, tmp_path: Path) -> None:
    cut = sample.build(tmp_path / "cut", seed=5, block_customers=1_000, **SMALL)
    assert len(list((cut / "activity").iterdir())) == 3
    assert len(list((small / "activity").iterdir())) == 1
    for path in sorted(small.rglob("*.parquet")):
        if path.parent.name == "activity":
            continue
        pd.testing.assert_frame_equal(pd.read_parquet(path), pd.read_parquet(cut / path.relative_to(small)))
    key = ["customer_id", "occurred_at", "session_id", "event", "page", "loaded_at", "app"]
    whole = pd.read_parquet(small / "activity").sort_values(key, ignore_index=True)
    parts = pd.read_parquet(cut / "activity").sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts)


def test_a_customer_is_the_same_in_a_larger_bank(small: Path, tmp_path: Path) -> None:
    # full cells only: the last cell of a bank that is not full is drawn at its own size
    larger = sample.build(tmp_path / "larger", seed=5, customers=3_000, months=12)
    for name in ("customers", "balances", "assignments", "tags"):
        left, right = (pd.read_parquet(folder / f"{name}.parquet") for folder in (small, larger))
        left, right = (frame[frame.customer_id <= "C000002000"].reset_index(drop=True) for frame in (left, right))
        pd.testing.assert_frame_equal(left, right)


def test_the_bank_opens_without_problem_or_remark(sample_bank: bank.Bank) -> None:
    assert sample_bank.simulated
    assert (sample_bank.currency, sample_bank.timezone) == ("CNY", "Asia/Shanghai")
    assert sample_bank.missing_tables == ()
    assert sample_bank.remarks == ()
    assert [str(day) for day in sample_bank.log_days] == ["2024-01-01", "2025-12-31"]


def test_every_column_of_the_schemas_is_there(sample_bank: bank.Bank) -> None:
    for name, rule in TABLES.items():
        wanted = {column.name for column in rule.columns}
        if name != "activity":
            wanted.discard("loaded_at")
        assert wanted <= set(sample_bank.tables[name].columns), name


def test_parts_are_sorted_by_time(small: Path) -> None:
    for part in (small / "activity").iterdir():
        assert pd.read_parquet(part).occurred_at.is_monotonic_increasing


def test_identifiers_have_their_form_and_tell_nothing(sample_bank_folder: Path) -> None:
    customers = pd.read_parquet(sample_bank_folder / "customers.parquet").customer_id
    assert customers.str.fullmatch(r"C\d{9}").all()
    came = pd.read_parquet(sample_bank_folder / "acquisitions.parquet")
    prospects = came[came.registered_at.isna()].customer_id
    assert prospects.str.fullmatch(r"C9\d{8}").all()
    assert not set(prospects) & set(customers)
    assert set(came[came.registered_at.notna()].customer_id) <= set(customers)
    telling = re.compile("hunt|rotat|fraud|fake|ring|lapse|tau|truth|control_effect", re.IGNORECASE)
    for path in sorted(sample_bank_folder.rglob("*.parquet")):
        if path.parent.name == "truth":
            continue
        frame = pd.read_parquet(path)
        assert not [name for name in frame.columns if telling.search(name)], path.name
        for name in frame.select_dtypes("object"):
            if name.endswith("_id") or frame[name].nunique() > 60:
                continue
            words = [word for word in frame[name].dropna().unique() if telling.search(str(word))]
            assert not words, (path.name, name)


def test_truth_tables_are_all_explained(sample_bank_folder: Path) -> None:
    files = {path.stem for path in (sample_bank_folder / "truth").glob("*.parquet")}
    assert files == set(truth.TABLES)
    readme = (sample_bank_folder / "truth" / "README.md").read_text(encoding="utf-8")
    assert [name for name in files if f"**{name}**" not in readme] == []


def test_every_campaign_has_a_sealed_brief_from_before_its_launch(sample_bank_folder: Path) -> None:
    campaigns = pd.read_parquet(sample_bank_folder / "campaigns.parquet").set_index("campaign_id")
    assert set(campaigns.index) == {f"K{number:03d}" for number in range(1, 11)}
    for campaign_id, row in campaigns.iterrows():
        found, mark, untouched = brief.read(sample_bank_folder / "briefs" / f"{campaign_id}.yml")
        assert untouched
        assert len(mark) == 16
        assert found.written_on < row.starts_date == found.starts_date
        assert (found.form, found.ends_date, found.budget) == (row.form, row.ends_date, row.budget)


def test_a_stranger_s_folder_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match=r"holds files that are not a sample bank; give a new or empty folder"):
        sample.build(tmp_path, customers=10, months=6)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    real = tmp_path / "real"
    real.mkdir()
    (real / "bank.yml").write_text("schema_version: 1\ncurrency: CNY\ntimezone: Asia/Shanghai\nsimulated: false\n")
    with pytest.raises(ValueError, match="not a sample bank"):
        sample.build(real, customers=10, months=6)
    with pytest.raises(ValueError, match=r"thesis\.txt is a file"):
        sample.build(tmp_path / "thesis.txt", customers=10, months=6)


def test_an_earlier_sample_bank_is_replaced_only_by_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sample.build(tmp_path / "bank", customers=300, months=6, seed=1)
    before = digests(folder)

    def stumble(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(papers, "write_papers", stumble)
        with pytest.raises(OSError, match="disk full"):
            sample.build(folder, customers=300, months=6, seed=2)
    assert digests(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]  # nothing half-made is left behind
    sample.build(folder, customers=300, months=6, seed=2)
    assert digests(folder) != before
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("customers", 0, r"customers should be a whole number from 1 to 9,000,000, not 0"),
        ("customers", 1.5, r"not 1\.5"),
        ("customers", True, r"not True"),
        ("months", 5, r"months should be a whole number from 6 to 60, not 5"),
        ("seed", -1, r"seed should be a whole number from 0"),
        ("block_customers", 1_500, r"block_customers should be a multiple of 1,000, not 1500"),
    ],
)
def test_arguments_out_of_range_are_named(tmp_path: Path, argument: str, value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sample.build(tmp_path / "bank", **{"customers": 10, "months": 6, argument: value})
    assert not (tmp_path / "bank").exists()


@pytest.mark.parametrize("months", [6, 12, 30])
def test_other_lengths_end_on_the_same_day(tmp_path: Path, months: int) -> None:
    opened = bank.open(sample.build(tmp_path / "bank", customers=400, months=months, seed=3))
    first, last = opened.log_days
    assert str(last) == "2025-12-31"
    assert (last.year * 12 + last.month) - (first.year * 12 + first.month) + 1 == months


def test_one_customer_is_a_bank(tmp_path: Path) -> None:
    folder = sample.build(tmp_path / "bank", customers=1, months=24, seed=4)
    assert len(pd.read_parquet(folder / "customers.parquet")) == 1


def test_progress_is_told_after_each_block(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    sample.build(
        tmp_path / "bank",
        customers=2_300,
        months=6,
        block_customers=1_000,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1_000, 2_300), (2_000, 2_300), (2_300, 2_300)]
