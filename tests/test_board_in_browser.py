"""The board as a browser shows it, with the network cut: it sorts by mouse and by keys, reads well on any paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.reporting import board
from tests.browser import DESKTOP, PHONE, open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
HEADS = ("Case", "Step", "State", "Seconds", "Rows read", "Warnings", "Changes", "Main figures against target")


def entry(case: str, step: str, state: str = "done", **settings: Any) -> dict[str, Any]:
    """One entry of the record; `seconds`, `rows_read`, `warnings`, `figures` as given."""
    warns = settings.get("warnings") or 0
    findings = [{"key": "first", "en": "Something is so.", "zh": "情况如此。", "tone": "plain"}]
    findings += [{"key": f"w{i}", "en": "Beware of this.", "zh": "当心。", "tone": "warning"} for i in range(warns)]
    return {
        "playbook": settings.get("playbook", "first"), "case": case, "step": step, "language": "en", "state": state,
        "seconds": 0.0, "page": f"{case}-{step}.html", "message": "", "messages": {}, "brief": "", "currency": "CNY",
        "titles": {
            "playbook": {"en": "First review", "zh": "首次体检"}, "case": {"en": f"Branch {case}", "zh": f"{case}网点"},
            "step": {"en": f"{step[1]} Goals", "zh": f"{step[1]} 目标"},
        },
        "result": {"figures": [], "findings": findings} if state == "done" else None,
        **settings,
    }  # fmt: skip


def figure(value: float, target: float) -> dict[str, Any]:
    return {
        "key": "projected_mau", "value": value, "lower": value - 9, "upper": value + 9, "unit": "customers", "n": 400,
        "period": "2025-11", "target": {"key": "target_mau", "value": target},
    }  # fmt: skip


STEP = "01_goal_decomposition"
PLAYBOOKS = [
    {
        "title": "First review",
        "runs": [
            entry("b", STEP, seconds=9.5, rows_read=1000, warnings=2, figures=[figure(90, 100)]),
            entry("a", STEP, seconds=10.25, rows_read=None, warnings=0, figures=[figure(50, 100)]),
            entry("c", STEP, "failed", seconds=100.0, message="The kernel was killed."),
        ],
    },
    {
        "title": "Second",
        "runs": [
            entry("d", STEP, playbook="second", seconds=2.0, rows_read=99, warnings=10, figures=[figure(120, 100)])
        ],
    },
]
LAST = {
    "playbook": "first", "language": "en", "started_at": "2025-09-02T08:00:00+08:00", "ended_at": "2025-09-02T09:00:00+08:00",
    "before": "2025-09-01T08:00:00+08:00", "n_steps": 3, "n_kept": 1, "n_not_run": 0, "n_waiting": 0,
    "remarks": [{"en": "activity: 3 rows", "zh": "activity：3 行"}],
    "changes": [
        {"kind": "state", "case": "c", "step": STEP, "before": "done", "after": "failed"},
        {"kind": "figure", "case": "a", "step": STEP, "key": "projected_mau", "unit": "customers", "before": 60, "after": 50, "difference": -10},
    ],
}  # fmt: skip


@pytest.fixture
def page_of(browser: Any, tmp_path: Path) -> Any:
    opened = []

    def make(language: str = "en", **settings: Any) -> tuple[Any, list[str]]:
        file = tmp_path / "index.html"
        markup = board.render(PLAYBOOKS, language=language, simulated=True, last_runs=[LAST])
        file.write_text(markup, encoding="utf-8")
        page, trouble = open_page(browser, file, **{"viewport": DESKTOP, **settings})
        page.set_default_timeout(5000)
        opened.append(page)
        return page, trouble

    yield make
    for page in opened:
        page.context.close()


def cases(page: Any) -> str:
    """Cases in the order shown: the last letter of their names."""
    heads = page.locator("tbody tr:not(.group) th").all()
    return "".join(head.evaluate("e => e.lastChild.textContent.trim()")[-1] for head in heads)


def sorted_by(page: Any) -> dict[str, str]:
    return page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('th[aria-sort]')]"
        ".map(e => [e.textContent.trim(), e.getAttribute('aria-sort')]))"
    )


@pytest.mark.parametrize(
    ("head", "up", "down"),
    [
        # By number, not by letters: 9.5 before 10.25 before 100. What is not known stands last, up and down.
        ("Seconds", "dbac", "cabd"),
        ("Rows read", "dbac", "bdac"),
        ("Warnings", "abdc", "dbac"),
        # What wants to be looked at first; rows that are equal stay in the playbooks' order.
        ("State", "cbad", "badc"),
        ("Case", "abcd", "dcba"),
        ("Main figures against target", "abdc", "dbac"),
    ],
)
def test_each_column_sorts_up_down_and_back(page_of: Any, head: str, up: str, down: str) -> None:
    page, trouble = page_of()
    assert cases(page) == "bacd"
    button = page.get_by_role("columnheader", name=head, exact=True).get_by_role("button")
    button.click()
    assert (cases(page), sorted_by(page)) == (up, {head: "ascending"})
    button.click()
    assert (cases(page), sorted_by(page)) == (down, {head: "descending"})
    button.click()
    assert (cases(page), sorted_by(page)) == ("bacd", {})
    assert trouble == []


def test_it_sorts_by_keyboard_and_says_so(page_of: Any) -> None:
    page, _ = page_of()
    status = page.get_by_role("status")
    page.locator(".table").focus()
    for _ in range(4):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Seconds"
    page.keyboard.press("Enter")
    assert (cases(page), status.text_content()) == ("dbac", "Sorted by Seconds, ascending.")
    page.keyboard.press("Space")
    assert (cases(page), status.text_content()) == ("cabd", "Sorted by Seconds, descending.")
    assert page.evaluate("document.activeElement.textContent") == "Seconds", "the focus stays where it is"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert sorted_by(page) == {"Rows read": "ascending"}


def test_sorted_rows_say_their_playbook_and_groups_come_back(page_of: Any) -> None:
    page, _ = page_of()
    first = page.locator("tbody tr:not(.group) th").first
    assert page.get_by_role("rowheader", name="Second", exact=True).is_visible()
    assert "First review" not in first.inner_text()
    page.get_by_role("button", name="Warnings").click()
    assert not page.get_by_role("rowheader", name="Second", exact=True).is_visible()
    assert "First review" in first.inner_text()
    for _ in range(2):
        page.get_by_role("button", name="Warnings").click()
    groups = page.evaluate("[...document.querySelectorAll('tbody')].map(body => body.rows.length)")
    assert groups == [4, 2]


def test_without_scripts_the_table_is_whole(page_of: Any) -> None:
    page, _ = page_of(java_script_enabled=False)
    assert [head.inner_text() for head in page.get_by_role("columnheader").all()] == list(HEADS)
    assert page.locator("tbody tr:not(.group)").count() == 4
    assert page.get_by_role("button").count() == 0


def test_no_other_script_runs_and_nothing_is_fetched(page_of: Any) -> None:
    page, trouble = page_of()
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
            const picture = new Image();
            picture.src = 'https://example.org/x.png';
            document.body.append(picture);
        }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    refused = [line for line in trouble if "Content Security Policy" in line]
    assert any("script" in line for line in refused)
    assert any("https://example.org/x.png" in line for line in refused)


def test_the_warnings_are_behind_a_summary_and_lead_to_the_page(page_of: Any) -> None:
    page, _ = page_of()
    more = page.get_by_text("First finding, 2 warnings")
    assert not page.get_by_text("Beware of this.").first.is_visible()
    more.focus()
    page.keyboard.press("Enter")
    assert page.get_by_text("Beware of this.").first.is_visible()
    assert page.get_by_role("link", name="Note").first.get_attribute("href") == f"b-{STEP}.html#finding-w0"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation_sorted_or_not(
    page_of: Any, language: str, scheme: str, viewport: dict[str, int]
) -> None:
    from axe_core_python.sync_playwright import Axe

    page, trouble = page_of(language, color_scheme=scheme, viewport=viewport)
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    for _ in range(2):
        found = Axe().run(page)["violations"]
        assert [(rule["id"], rule["nodes"][0]["html"][:200]) for rule in found] == []
        page.get_by_role("columnheader").nth(3).get_by_role("button").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert trouble == []


def test_a_phone_shows_each_step_whole(page_of: Any) -> None:
    page, _ = page_of(viewport=PHONE)
    row = page.locator("tbody tr:not(.group)").first
    assert "Rows read" in row.evaluate("e => getComputedStyle(e.cells[4], '::before').content")
    for cell in row.locator("td").all():
        box = cell.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]
    # It is still a table for those who hear it, in the browser's own tree, although its rows are laid out as boxes.
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    heard = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert [heard.count(role) for role in ("table", "columnheader", "row")] == [1, len(HEADS), 1 + 2 + 4]
    assert heard.count("cell") + heard.count("gridcell") == 4 * (len(HEADS) - 1)
    page.get_by_role("button", name="Rows read").click()
    assert cases(page) == "dbac"


def test_print_shows_what_changed_and_no_arrows(page_of: Any) -> None:
    page, _ = page_of()
    page.emulate_media(media="print")
    assert page.get_by_text("MAU projected: 60 customers → 50 customers (−10 customers)").is_visible()
    arrow = "e => getComputedStyle(e, '::after').content"
    assert page.get_by_role("button", name="Seconds").evaluate(arrow) in ('""', "none")
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_a_chinese_board_shows_no_english_but_names(page_of: Any) -> None:
    page, _ = page_of("zh")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    text = page.locator("body").inner_text()
    for words in (*HEADS, "Run board", "Goals", "done", "failed", "Branch", "customers", "Since", "warning", "target"):
        assert words not in text, words
    page.get_by_role("button", name="耗时（秒）").click()
    assert page.get_by_role("status").text_content() == "已按“耗时（秒）”升序排列。"
    assert cases(page) != "bacd"
