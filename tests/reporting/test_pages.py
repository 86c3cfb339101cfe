"""A step's page: names from data are text, headings and links are in place, no customer is named."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat.v4 as nbf
import pandas as pd
import pytest

from helpers.findings import Finding, Text
from helpers.reporting import Page, board, brief, pages
from tests.conftest import playbooks, tiny_tables

EVIL = '<script>alert("x")</script>'


def page_of(*outputs: str, language: str = "en", **setting: Any) -> str:
    """Render a page of one text cell and one code cell with these outputs."""
    shown = [nbf.new_output("execute_result", {"text/html": markup}) for markup in outputs]
    text = nbf.new_markdown_cell("# Title\n\n## First *part*\n\nWords.", metadata={"tags": [f"lang-{language}"]})
    notebook = nbf.new_notebook(cells=[text, nbf.new_code_cell("1 < 2", outputs=shown, execution_count=1)])
    return pages.render(notebook, pages.PageSetting(language=language, **setting))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_campaign_called_script_shows_as_text(tiny_bank: Callable[..., Any], language: str) -> None:
    tables = tiny_tables()
    tables["customers"]["branch"] = EVIL
    bank = tiny_bank(as_of="2024-03-31", **tables)
    page = Page("01_goal_decomposition", bank=bank, language=language)
    finding = Finding(f"k{EVIL}", Text(f"“{EVIL}” rose.", f"“{EVIL}”上升。"))
    table = pd.DataFrame({"campaign_name": [EVIL], "n": [40]})
    caption = Text(EVIL, EVIL)
    markup = page_of(
        page.header().html,
        page.finding(finding).html,
        page.table(table, "names", caption=caption).html,
        page.message(Text(EVIL, EVIL)).html,
        language=language,
        case_title=f"{EVIL} · {EVIL}",
        parameters=[(EVIL, EVIL, EVIL)],
        links=[("a.html", EVIL, True)],
        failure=(EVIL, EVIL),
        facts={EVIL: EVIL},
    )
    assert "<script" not in markup.lower()
    assert markup.count("&lt;script&gt;") >= 12
    assert re.search(r"""id="finding-k[\w-]+\"""", markup)


def test_a_board_with_such_names_shows_them_as_text() -> None:
    run = {
        "case": EVIL, "case_title": EVIL, "step": EVIL, "language": "en", "state": "failed", "seconds": 1.0, "page": "a.html",
        "message": EVIL, "brief": "pb/c/en/brief.html",
    }  # fmt: skip
    markup = board.render([{"title": EVIL, "runs": [run]}], language="en", simulated=False)
    assert EVIL not in markup
    # The one script is the board's own, which sorts the table; its policy admits no other.
    assert markup.lower().count("<script") == 1
    assert "default-src 'none'" in markup
    assert "unsafe-eval" not in markup
    assert 'href="pb/c/en/brief.html"' in markup


def test_a_page_leads_to_the_brief_of_its_case() -> None:
    linked = page_of(links=[("a.html", "a", True)], board="../../../index.html")
    assert '<a href="brief.html">Decision brief</a>' in linked
    assert '<a href="brief.html">决策简报</a>' in page_of(links=[("a.html", "a", True)], language="zh")


def test_links_to_the_next_notebook_lead_to_its_page_where_the_case_has_one() -> None:
    cell = nbf.new_markdown_cell("# Title\n\nNext: [step 2](02_segment_insight.ipynb), [step 9](09_none.ipynb).")
    setting = pages.PageSetting(language="en", links=[("02_segment_insight.html", "2 Segments", False)])
    markup = pages.render(nbf.new_notebook(cells=[cell]), setting)
    assert '<a href="02_segment_insight.html">step 2</a>, step 9.' in markup
    assert ".ipynb" not in markup.split("<main", 1)[1]


def test_every_link_of_a_step_page_leads_somewhere(reports: Path) -> None:
    for file in reports.rglob("0*.html"):
        for href in re.findall(r'<a [^>]*href="([^"#]+)', file.read_text(encoding="utf-8")):
            assert (file.parent / href).resolve().exists(), (file, href)


def test_a_meaning_says_its_language_only_where_it_is_another_one() -> None:
    given = [("a", 1, "天数上限"), ("b", 2, "days at most")]
    markup = page_of(language="zh", parameters=given)
    assert '<td class="txt">天数上限</td>' in markup
    assert '<td class="txt" lang="en">days at most</td>' in markup
    assert 'lang="en"' not in page_of(language="en", parameters=given).split("<main", 1)[1]


def test_headings_have_the_ids_that_the_contents_lead_to() -> None:
    markup = page_of()
    wanted = re.findall(r'<li><a href="#([^"]+)">', markup)
    assert wanted == ["s-first-part"]
    assert f'<h2 id="{wanted[0]}">' in markup


def test_a_finding_and_the_first_of_two_equal_tables_can_be_linked_to(tiny_bank: Callable[..., Any]) -> None:
    page = Page("01_goal_decomposition", bank=tiny_bank(as_of="2024-03-31"))
    table = pd.DataFrame({"branch": ["a", "b"], "n": [20, 30]})
    first, second = page.table(table, "groups").html, page.table(table.head(1), "groups").html
    assert 'id="table-groups"' in first
    assert "id=" not in second
    assert 'id="finding-mau"' in page.finding(Finding("mau", Text("Up.", "升。"))).html


def test_a_kept_result_says_what_it_stands_on(tiny_bank: Callable[..., Any], tmp_path: Path) -> None:
    from helpers import findings

    bank = tiny_bank(as_of="2024-03-31", branch="Harbour")
    page = Page("01_goal_decomposition", bank=bank, run_dir=tmp_path)
    page.keep()
    about = findings.read(tmp_path, "01_goal_decomposition").about
    assert (about["as_of"], about["branch"], about["currency"], about["simulated"]) == (
        "2024-03-31", "Harbour", "CNY", True,
    )  # fmt: skip
    assert set(about["bank"]) == {"en", "zh"}


@pytest.mark.slow
def test_no_customer_of_the_bank_is_on_any_page(reports: Path, sample_bank: Any) -> None:
    ids = set(sample_bank.customers.select("customer_id").execute()["customer_id"])
    assert len(ids) > 1000
    files = sorted(reports.rglob("*.html"))
    assert {file.name for file in files} >= {"index.html", "brief.html"}
    for file in files:
        # Every word of the page, in text and in attributes: a set of words against the set of customers.
        assert not ids & set(re.findall(r"\w+", file.read_text(encoding="utf-8"))), file


@pytest.mark.slow
def test_every_case_has_a_brief_whose_links_lead_somewhere(reports: Path) -> None:
    found = sorted(reports.rglob("brief.html"))
    assert {file.relative_to(reports).parts[0] for file in found} == set(playbooks())
    for file in found:
        markup = file.read_text(encoding="utf-8")
        assert len(markup.encode()) <= 300_000
        for page, place in re.findall(r'href="([^"#]+)(?:#([^"]+))?"', markup):
            target = (file.parent / page).resolve()
            assert target.is_file(), (file, page)
            assert not place or f'id="{place}"' in target.read_text(encoding="utf-8"), (file, page, place)
        for linked in file.parent.glob("0*.html"):
            assert 'href="brief.html"' in linked.read_text(encoding="utf-8")


def test_pages_admit_no_request_and_no_script(tmp_path: Path) -> None:
    """The policy stands before all that it is about; the fonts and charts of a page are data of its own."""
    for markup in (page_of(), brief.render(tmp_path, language="zh", title=EVIL)):
        first, second = re.findall(r"<meta [^>]*>", markup.partition("<title>")[0])[:2]
        assert "charset" in first
        assert 'http-equiv="Content-Security-Policy"' in second
        rules = [rule.split() for rule in re.search(r'content="([^"]+)"', second)[1].split(";")]
        assert {name: " ".join(allowed) for name, *allowed in rules} == {
            "default-src": "'none'", "script-src": "'none'", "base-uri": "'none'", "form-action": "'none'",
            "style-src": "'unsafe-inline'", "font-src": "data:", "img-src": "data:",
        }  # fmt: skip


@pytest.mark.parametrize("tag", ['<meta http-equiv="refresh" content="0">', "<LINK rel=preconnect>", "<base href=a>"])
def test_tags_of_a_head_are_words_in_a_body(tag: str) -> None:
    """A policy does not forbid a page to send its reader elsewhere."""
    text = nbf.new_markdown_cell(f"# Title\n\n{tag}")
    in_text = pages.render(nbf.new_notebook(cells=[text]), pages.PageSetting(language="en"))
    for markup in (page_of(f"<p>{tag}</p>"), in_text):
        body = html.unescape(markup.partition("<body")[2].replace("<", "["))
        assert tag in body
