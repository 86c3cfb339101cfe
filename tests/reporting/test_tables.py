"""Tables as pages show them: escaped, aligned, linked, masked where a group is small."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from helpers.findings import Text
from helpers.reporting import pages, tables
from helpers.reporting.tables import anchor, masked_rows, to_html
from tests.browser import DESKTOP, PHONE, open_page


def cells(markup: str) -> list[list[str]]:
    """Texts of the body's rows."""
    body = markup.split("<tbody>")[1].split("</tbody>")[0]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]


def groups(*sizes: int) -> pd.DataFrame:
    names = [f"group {position}" for position in range(len(sizes))]
    return pd.DataFrame({"branch": names, "customers": sizes, "share": [size / sum(sizes) for size in sizes]})


def test_a_small_group_is_masked_and_so_is_the_one_that_would_give_it_away() -> None:
    shown = cells(to_html(groups(900, 4, 80, 300)))
    assert shown[1] == ["group 1", "–", "–"]
    # 4 = all − 900 − 80 − 300: the smallest of the others goes with it.
    assert shown[2] == ["group 2", "–", "–"]
    assert [row[1] for row in shown] == ["900", "–", "–", "300"]


def test_two_small_groups_cover_each_other() -> None:
    assert masked_rows(groups(900, 4, 80, 7)) == [False, True, False, True]


def test_small_groups_that_are_together_one_small_group_take_the_next_with_them() -> None:
    # 900 + 80 from the total leaves seven customers: a group below ten again.
    assert masked_rows(groups(900, 4, 80, 3)) == [False, True, True, True]


def test_each_month_is_a_whole_of_its_own() -> None:
    table = pd.concat(
        [groups(900, 4, 80).assign(month="2024-01"), groups(90, 30, 12).assign(month="2024-02")], ignore_index=True
    )
    assert masked_rows(table) == [False, True, True, False, False, False]
    # Of 900 customers in either month, those of the first leave no other cell of that month to subtract from.
    turned = table.iloc[::-1].reset_index(drop=True)
    assert masked_rows(turned) == [False, False, False, True, True, False]


@pytest.mark.parametrize("size", ["n", "customers", "n_customers", "n_eligible", "n_seen", "n_people"])
def test_whatever_column_tells_the_size_it_counts(size: str) -> None:
    assert masked_rows(groups(900, 4, 80).rename(columns={"customers": size})) == [False, True, True]


def test_rows_that_are_not_shown_are_said_with_the_file_that_holds_them_if_there_is_one() -> None:
    rows = groups(*range(20, 40))
    linked = to_html(rows, file="02_segment_insight/groups.parquet")
    assert '8 more in file <a href="02_segment_insight/groups.parquet">02_segment_insight/groups.parquet</a>' in linked
    assert "8 more rows are not shown" in to_html(rows)
    assert "其余 8 行见文件" in to_html(rows, language="zh", file="a.parquet")
    assert "more" not in to_html(rows.head(12), file="a.parquet")


def test_a_page_does_not_lead_to_what_it_masks() -> None:
    markup = to_html(groups(4, *range(20, 40)), file="02_segment_insight/groups.parquet")
    assert "groups.parquet" not in markup
    assert "9 more rows are not shown" in markup


@pytest.mark.parametrize("sizes", [(900, 10, 80), (900, 0, 80)])
def test_groups_of_ten_and_empty_ones_stay(sizes: tuple[int, ...]) -> None:
    markup = to_html(groups(*sizes))
    assert not any(masked_rows(groups(*sizes)))
    assert "Masked" not in markup


def test_a_small_group_below_the_rows_shown_still_takes_one_with_it() -> None:
    markup = to_html(groups(900, 300, 40, 4), max_rows=3)
    assert [row[1] for row in cells(markup)] == ["900", "300", "–"]
    assert "Masked (–): groups of fewer than 10 customers" in markup
    assert "1 more row is not shown" in markup


def test_the_size_counts_though_it_is_not_shown_and_missing_sizes_are_no_groups() -> None:
    table = groups(900, 4, 5).assign(customers=pd.array([900, 4, None], dtype="Int64"))
    assert masked_rows(table) == [True, True, False]
    assert cells(to_html(table, columns=["branch", "share"]))[1][1] == "–"


def test_masking_says_so_in_chinese() -> None:
    assert "不足 10 人的分组" in to_html(groups(900, 4, 80), language="zh")


def test_a_smaller_limit_shows_smaller_groups() -> None:
    assert [row[1] for row in cells(to_html(groups(900, 4, 80), min_group_size=4))] == ["900", "4", "80"]


def test_text_from_data_is_text() -> None:
    evil = '<script>alert("x")</script>'
    table = pd.DataFrame({"branch": [evil], evil: [evil], "arm": [Text(evil, evil)]})
    markup = to_html(table, caption=Text(evil, evil), name=evil)
    assert "<script" not in markup
    assert markup.count("&lt;script&gt;") >= 4
    assert re.fullmatch(r"[\w-]+", anchor("table", evil))


def test_sentences_get_a_wide_column_and_numbers_stand_right() -> None:
    table = pd.DataFrame({"branch": ["a" * 45], "arm": ["short"], "share": [0.5]})
    markup = to_html(table)
    assert re.findall(r'<th scope="col" class="([^"]+)"', markup) == ["txt long", "txt", "num"]
    assert 'class="table short"' not in markup
    assert 'class="table short"' in to_html(table[["arm", "share"]])


def test_a_kept_table_can_be_linked_to() -> None:
    assert 'id="table-people_stage"' in to_html(groups(100, 200), name="people_stage")
    assert "id=" not in to_html(groups(100, 200))


def test_a_row_is_as_small_as_the_smaller_of_the_groups_that_it_compares() -> None:
    table = pd.DataFrame({"metric": ["a", "b", "c"], "n": [300, 300, 300], "n_control": [200.0, 4.0, float("nan")]})
    assert tables.masked_rows(table) == [False, True, False]
    assert tables.masked_rows(table.rename(columns={"n_control": "n_others"})) == [False, True, False]
    contacts = pd.DataFrame({"channel": ["sms", "call", "push"], "n_contacts": [500, 6, 40]})
    assert tables.masked_rows(contacts) == [False, True, True]


def three_sentences(columns: int) -> str:
    """Write a page with a table like that of compliance: columns of sentences beside short ones, in the page's frame."""
    words = "Prizes to promote an app or win traffic count as prize promotion; the conditions are published before."
    row = {"status": "for review", "rule": words, "source": words, "reason": words, "owner": "Data protection officer"}
    row |= {f"n_{position}": 123456 for position in range(columns)}
    table = to_html(
        pd.DataFrame([row] * 2),
        caption=Text("Rules, their source and state, and what follows of it all, at length", "规"),
    )
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{pages.stylesheet()}</style>'
    )
    return f'{head}<div class="columns"><nav class="contents">c</nav><main>{table}</main></div>'


MEASURE = """() => {
  const box = document.querySelector('.table'), caption = box.querySelector('caption').getBoundingClientRect()
  return {page: document.documentElement.scrollWidth, box: box.clientWidth, table: box.scrollWidth,
          caption: caption.right, hint: getComputedStyle(box).backgroundImage}
}"""


def measured(browser: Any, file: Path, viewport: dict[str, int], media: str = "screen") -> dict[str, Any]:
    page, trouble = open_page(browser, file, viewport=viewport)
    page.emulate_media(media=media)
    found = page.evaluate(MEASURE)
    page.context.close()
    assert trouble == []
    return found


@pytest.mark.browser
def test_three_columns_of_sentences_fit_a_page_on_a_desk(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    file.write_text(three_sentences(0), encoding="utf-8")
    found = measured(browser, file, DESKTOP)
    assert found["table"] <= found["box"]


@pytest.mark.browser
def test_on_a_phone_captions_stay_in_sight_and_a_shadow_tells_that_a_table_goes_on(
    browser: Any, tmp_path: Path
) -> None:
    file = tmp_path / "a.html"
    file.write_text(three_sentences(3), encoding="utf-8")
    found = measured(browser, file, PHONE)
    assert found["page"] <= PHONE["width"]
    assert found["table"] > found["box"]
    assert found["caption"] <= PHONE["width"]
    assert found["hint"].count("gradient") == 4
    assert measured(browser, file, PHONE, media="print")["hint"] == "none"
