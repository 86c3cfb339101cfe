"""Text that has only one language is found: in the source, in the labels and catalogues, on the Chinese and English pages."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.findings.labels import read as read_labels
from tests.conftest import ROOT

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SOURCE = sorted((ROOT / "src" / "helpers").rglob("*.py"))
# What makes both languages out of two strings: texts, and the writer that a sentence function is called with.
TWO = {"Text", "w", "write", "writer", "words"}
# Words that are the same in both languages: names, codes, symbols, what a reader types.
NAME = re.compile(r"[A-Z0-9][\w.’'–-]*(?: [A-Z0-9][\w.’'–-]*)*$|[^A-Za-z]*$|OGSM|AUM|MAU|DAU|ROI|LROI|AAC|CAC|TGI|RFM")


def constant(node: ast.expr) -> str | None:
    """The text of a literal or the literal parts of an f-string; None where it isn't written here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def pairs() -> Iterator[tuple[str, str, str]]:
    """(place, English, Chinese) of every pair that is written in the source."""
    for file in SOURCE:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) != 2 or node.keywords:
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else None
            if called in TWO:
                en, zh = (constant(argument) for argument in node.args)
                if en is not None and zh is not None:
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", en, zh


def one_language_only(en: str, zh: str) -> str:
    """Why a pair is not the same words in both languages; empty if it is."""
    said_en, said_zh = (re.sub(r"\{\}", "", part).strip() for part in (en, zh))
    if not said_en and not said_zh:
        return ""
    if CHINESE.search(said_en):
        return "Chinese in the English"
    if bool(said_en) != bool(said_zh) and re.search(r"[A-Za-z\u4e00-\u9fff]{2}", said_en + said_zh):
        return "one of them is empty"
    if re.search(r"[A-Za-z]{2}", said_en) and not CHINESE.search(said_zh) and not NAME.match(said_en):
        return "no Chinese in the Chinese"
    return ""


# Where one language needs words that the other has not: a name in quotes, a code, a head's first half.
UNEQUAL = {"parameters", "the segment “{}”", " of branch {}", "{} {} → {} by {}", "Return on "}


def test_every_text_of_the_source_has_both_languages() -> None:
    found = list(pairs())
    assert len(found) > 900
    wrong = [(place, why, en, zh) for place, en, zh in found if (why := one_language_only(en, zh))]
    assert [entry for entry in wrong if entry[2] not in UNEQUAL] == []
    # What is excused no longer than it is there.
    assert {en for _, _, en, _ in wrong} == UNEQUAL


def test_the_finder_finds() -> None:
    assert one_language_only("Nobody came back.", "Nobody came back.")
    assert one_language_only("Nobody came back.", "")
    assert one_language_only("没有人", "没有人")
    assert one_language_only("{} customers", "{}")
    assert not one_language_only("{} customers", "{} 人")
    assert not one_language_only("MAU", "MAU")
    assert not one_language_only("{} ({})", "{}（{}）")


def test_every_label_and_value_has_both_languages() -> None:
    for column, label in read_labels().items():
        for text in (label.text, *label.values.values()):
            assert text.en.strip(), column
            assert text.zh.strip(), column
            assert not one_language_only(text.en, text.zh), (column, text)


def words_of(entry: Any) -> Iterator[dict[str, str]]:
    """All mappings of a YAML file that have one of the languages."""
    if isinstance(entry, dict):
        if {"en", "zh"} & set(entry):
            yield entry
        else:
            for value in entry.values():
                yield from words_of(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from words_of(value)


@pytest.mark.parametrize("file", sorted((ROOT / "data" / "catalogue").glob("*.yml")), ids=lambda file: file.stem)
def test_every_catalogue_has_both_languages(file: Path) -> None:
    for words in words_of(yaml.safe_load(file.read_text(encoding="utf-8"))):
        assert set(words) == {"en", "zh"}, words
        assert not one_language_only(str(words["en"]), str(words["zh"])), words


class Words(HTMLParser):
    """What a reader sees or hears of a page: text outside of code, and the texts of attributes."""

    SILENT = ("style", "script", "pre", "code")

    def __init__(self) -> None:
        super().__init__()
        self.silent = 0
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in self.SILENT
        self.said += [value for name, value in attrs if name in ("alt", "title", "aria-label") and value]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in self.SILENT

    def handle_data(self, data: str) -> None:
        if not self.silent and data.strip():
            self.said.append(" ".join(data.split()))


def without_card(page: str) -> str:
    """A page without the card of parameters: their values are what was typed."""
    return re.sub(r'<details class="card">.*?</details>', "", page, flags=re.S)


def said_on(page: str) -> list[str]:
    reader = Words()
    reader.feed(without_card(page))
    return [html.unescape(words) for words in reader.said]


# Four English words in a row are a sentence; names of packages and licences, files and paths are not.
SENTENCE = re.compile(r"[A-Za-z][a-z’']*(?:[ ,;:]+[a-z][a-z’']*){3,}")
CODE = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")
KNOWN_CODES = re.compile(
    # Files, tables, columns and parameters that the words themselves name.
    r"\.(?:parquet|csv|yml|ipynb|html|log)|`|run_dir|salt|参数|字段|列|表|文件|盐值"
)


def english_in(page: str) -> list[str]:
    """What stands in English on a Chinese page."""
    return [
        words
        for words in said_on(page)
        if SENTENCE.search(words) or (CODE.search(words) and not KNOWN_CODES.search(words))
    ]


def test_english_on_a_chinese_page_is_found() -> None:
    page = '<p>留存<b>Nobody came back at all</b></p><img alt="Chart of share by month of joining">'
    assert english_in(page) == ["Nobody came back at all", "Chart of share by month of joining"]
    assert english_in("<td>min_accounts 4</td>") == ["min_accounts 4"]
    assert english_in("<td>见文件 tag_signals.parquet</td><code>some code of four words</code>") == []


@pytest.mark.slow
def test_chinese_pages_speak_chinese(reports: Path) -> None:
    pages = [file for file in sorted(reports.rglob("*.html")) if "/zh/" in file.as_posix()]
    assert {file.name for file in pages} >= {"brief.html", "05_post_mortem.html"}
    found = {
        f"{file.relative_to(reports)}": left for file in pages if (left := english_in(file.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.slow
def test_english_pages_speak_english(reports: Path, sample_bank: Any) -> None:
    pages = [file for file in sorted(reports.rglob("*.html")) if "/en/" in file.as_posix()]
    assert len(pages) > 5
    # what the bank itself calls a campaign is a name, in any language, and stands beside the campaign's id
    named = sample_bank.campaigns.select("campaign_id", "name").to_pandas()
    names = [f"{row.campaign_id} {row.name}" for row in named.itertuples(index=False, name="Row")]
    for file in pages:
        text = "\n".join(said_on(file.read_text(encoding="utf-8")))
        for name in names:
            text = text.replace(name, "")
        assert not CHINESE.search(text), (file, CHINESE.search(text))


@pytest.mark.slow
def test_every_table_of_every_page_has_a_caption(reports: Path) -> None:
    for file in sorted(reports.rglob("0*.html")):
        shown = re.findall(r'<table class="data">(.{9})', without_card(file.read_text(encoding="utf-8")))
        assert shown, file
        assert set(shown) == {"<caption>"}, file


@pytest.mark.slow
def test_large_numbers_are_in_the_language_s_own_powers(reports: Path) -> None:
    for file in sorted(reports.rglob("0*.html")):
        text = "\n".join(said_on(file.read_text(encoding="utf-8")))
        foreign = r"\d (?:k|m|bn)\b" if "/zh/" in file.as_posix() else r"\d ?[万亿]"
        assert not re.search(foreign, text), (file, re.search(foreign, text))
