"""Every playbook runs on a small bank; what it keeps can be read back; its pages hold what a page must."""

from __future__ import annotations

import json
import re
import stat
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from helpers import findings
from helpers.findings.numbers import UNITS
from tests.conftest import playbooks

pytestmark = pytest.mark.slow
MAX_PAGE_BYTES = 1_000_000
CUSTOMER_ID = re.compile(r"\bC\d{9}\b")


def pages(reports: Path) -> list[Path]:
    found = sorted(reports.rglob("*.html"))
    assert len(found) > 10
    return found


def results(reports: Path) -> list[Path]:
    return sorted(reports.rglob("result.json"))


def test_all_steps_of_all_playbooks_are_done(reports: Path) -> None:
    board = json.loads((reports / "board.json").read_text(encoding="utf-8"))
    assert {entry["playbook"] for entry in board["runs"]} == set(playbooks())
    assert [entry for entry in board["runs"] if entry["state"] != "done"] == []


def test_results_follow_the_contract(reports: Path) -> None:
    for file in results(reports):
        content = json.loads(file.read_text(encoding="utf-8"))
        assert content["schema_version"] == 1
        assert content["step"] == file.parent.name
        assert content["findings"], file
        figures = {figure["key"] for figure in content["figures"]}
        for figure in content["figures"]:
            assert set(figure) == {"key", "value", "lower", "upper", "unit", "n", "period"}
            assert figure["unit"] in UNITS
        for finding in content["findings"]:
            assert finding["en"].strip()
            assert re.search(r"[\u4e00-\u9fff]", finding["zh"]), finding
            assert set(finding["figures"]) <= figures
        for name in content["tables"]:
            pd.read_parquet(file.parent / name)


def test_results_can_be_read_back_by_the_next_step(reports: Path) -> None:
    file = results(reports)[0]
    kept = findings.read(file.parent.parent, file.parent.name)
    assert kept is not None
    assert kept.table(kept.tables[0]) is not None
    with pytest.raises(KeyError, match="kept no table 'nonsense'"):
        kept.table("nonsense")


def test_findings_say_no_nan(reports: Path) -> None:
    for file in results(reports):
        for finding in json.loads(file.read_text(encoding="utf-8"))["findings"]:
            for language in ("en", "zh"):
                assert not re.search(r"\bnan\b|\bNaN\b|\bNone\b|\binf\b|<NA>", finding[language]), (
                    file,
                    finding[language],
                )


def test_intervals_hold_their_estimate(reports: Path) -> None:
    for file in results(reports):
        for figure in json.loads(file.read_text(encoding="utf-8"))["figures"]:
            value, lower, upper = figure["value"], figure["lower"], figure["upper"]
            if None not in (value, lower, upper):
                slack = 1e-9 * max(abs(value), 1.0)
                assert lower - slack <= value <= upper + slack, (file, figure)


def test_no_page_names_a_customer(reports: Path) -> None:
    for page in pages(reports):
        assert not CUSTOMER_ID.search(page.read_text(encoding="utf-8")), page


def test_no_kept_table_but_private_lists_names_customers(reports: Path) -> None:
    lists = sorted(reports.rglob("*.csv"))
    assert lists
    for file in lists:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
        head = file.read_text(encoding="utf-8-sig").splitlines()[:4]
        assert [line.split("：")[0].split(":")[0] for line in head] == ["# purpose", "# run", "# 用途", "# 运行"], file
        # The run is the case's folder and step: a list that somebody forwards still says where it came from.
        assert file.parent.relative_to(reports).as_posix() in head[1], file
        assert "customer_id" in pd.read_csv(file, comment="#").columns
    for file in reports.rglob("*.parquet"):
        words = pd.read_parquet(file).select_dtypes(["object", "string", "category"])
        naming = [column for column in words if words[column].astype(str).str.contains(CUSTOMER_ID).any()]
        assert naming == [], file
    for file in reports.rglob("*.json"):
        assert not CUSTOMER_ID.search(file.read_text(encoding="utf-8")), file


def test_simulated_data_says_so_on_every_page(reports: Path) -> None:
    for page in pages(reports):
        text = page.read_text(encoding="utf-8")
        assert "Simulated data" in text or "模拟数据" in text or "simulated data" in text, page


def test_pages_fetch_nothing_and_stay_small(reports: Path) -> None:
    for page in pages(reports):
        text = page.read_text(encoding="utf-8")
        assert len(text.encode("utf-8")) <= MAX_PAGE_BYTES, (page, len(text))
        assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", text), page
        # The board sorts itself: one script of its own, the only one that its policy admits. Nothing else has any.
        n_scripts = text.lower().count("<script")
        assert n_scripts == (page.name == "index.html"), page
        if n_scripts:
            assert re.search(r"default-src 'none'.*script-src 'sha256-[^']+'", text), page


class Structure(HTMLParser):
    """Headings, images, table heads and language of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.images: list[dict[str, str | None]] = []
        self.heads: list[dict[str, str | None]] = []
        self.lang: str | None = None
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.images.append(values)
        if tag == "th":
            self.heads.append(values)
        if tag == "html":
            self.lang = values.get("lang")
        if values.get("id"):
            self.ids.append(str(values["id"]))


def test_pages_are_well_built(reports: Path) -> None:
    for page in pages(reports):
        found = Structure()
        found.feed(page.read_text(encoding="utf-8"))
        if page.name != "index.html":
            assert found.lang == ("zh-CN" if "/zh/" in page.as_posix() else "en")
        assert found.headings.count(1) == 1, page
        assert all(after - before <= 1 for before, after in zip(found.headings, found.headings[1:], strict=False)), page
        assert all(len((image.get("alt") or "").strip()) > 20 for image in found.images), page
        assert all(head.get("scope") in ("col", "row", "rowgroup") for head in found.heads), page
        assert len(found.ids) == len(set(found.ids)), page


def test_chinese_pages_are_chinese(reports: Path) -> None:
    for page in [page for page in pages(reports) if "/zh/" in page.as_posix()]:
        # The parameters card shows values as they are written in a playbook: codes.
        text = re.sub(r'<details class="card">.*?</details>', "", page.read_text(encoding="utf-8"), flags=re.S)
        for finding in re.findall(r'<p class="finding[^>]*>(.*?)</p>', text, re.S):
            assert re.search(r"[\u4e00-\u9fff]", finding), (page, finding)
        heads = re.findall(r'<th[^>]*scope="col"[^>]*>(.*?)</th>', text, re.S)
        # Codes in cells: words of the trade in lower case with an underscore are nobody's Chinese.
        cells = re.findall(r"<td[^>]*>([a-z]+_[a-z_]+)</td>", text)
        assert cells == [], (page, cells)
        plain = [head for head in heads if re.search(r"[a-z]{2,}_|^[a-z_]{2,}$", head)]
        assert plain == [], (page, plain)
