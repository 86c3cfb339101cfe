"""The data dictionary is what the schemas say."""

from helpers.bank import dictionary
from helpers.bank.schemas import TABLES
from tests.conftest import ROOT


def test_data_readme_is_current() -> None:
    written = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert written == dictionary.text(), "run python -m helpers.bank.dictionary"


def test_every_column_has_meaning_in_both_languages() -> None:
    silent = [f"{t.name}.{c.name}" for t in TABLES.values() for c in t.columns if not (c.en.strip() and c.zh.strip())]
    assert silent == []
