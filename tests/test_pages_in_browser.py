"""Pages as a browser shows them, with the network cut: no request, no error, no violation, nothing wider than the page."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import nbformat.v4 as nbf
import pytest

from helpers.reporting import pages as drawing
from tests.browser import DESKTOP, PHONE, open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# No folder of fonts at all: what a page shows then, it has brought along.
NO_FONTS = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig></fontconfig>'


def pages(reports: Path) -> list[Path]:
    return sorted(reports.rglob("*.html"))


def test_pages_open_offline_without_a_request_or_an_error(browser: Any, reports: Path) -> None:
    for file in pages(reports):
        page, trouble = open_page(browser, file, viewport=DESKTOP)
        broken = page.evaluate("[...document.images].filter(i => !i.complete || i.naturalWidth === 0).length")
        page.context.close()
        assert trouble == [], file
        assert broken == 0, file


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(browser: Any, reports: Path, scheme: str) -> None:
    """Folded code is opened first: it has to be legible too, and axe misjudges what is folded over a chart."""
    from axe_core_python.sync_playwright import Axe

    axe = Axe()
    for file in pages(reports):
        page, _ = open_page(browser, file, viewport=DESKTOP, color_scheme=scheme)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        found = axe.run(page)["violations"]
        page.context.close()
        told = [(rule["id"], rule["nodes"][0]["html"][:160]) for rule in found]
        assert told == [], file


def test_nothing_is_wider_than_a_phone(browser: Any, reports: Path) -> None:
    for file in pages(reports):
        page, _ = open_page(browser, file, viewport=PHONE)
        width = page.evaluate("document.documentElement.scrollWidth")
        page.context.close()
        assert width <= PHONE["width"], (file, width)


def test_pages_print_on_a4(browser: Any, reports: Path) -> None:
    for file in sorted(reports.rglob("0*.html"))[:5]:
        page, _ = open_page(browser, file)
        page.emulate_media(media="print")
        hidden = page.evaluate("[...document.querySelectorAll('details.code')].every(d => d.offsetParent === null)")
        document = page.pdf(prefer_css_page_size=True)
        page.context.close()
        assert hidden, file
        assert document.startswith(b"%PDF")
        sides = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", document)
        # A4 in points, to half a point.
        assert {(round(float(a) / 595, 2), round(float(b) / 842, 2)) for a, b in sides} == {(1.0, 1.0)}, file


def test_chinese_shows_without_a_system_font(browser: Any, reports: Path) -> None:
    """The glyphs come with the page: with all other families taken away the embedded one still draws them."""
    for file in [file for file in pages(reports) if "/zh/" in file.as_posix()]:
        page, _ = open_page(browser, file, viewport=DESKTOP)
        loaded = page.evaluate(
            """async () => {
                const text = [...new Set(document.body.innerText)].filter(c => c.codePointAt(0) >= 0x2e80).join('');
                const faces = await document.fonts.load('16px "Playbook Sans SC"', text);
                return faces.length > 0 && document.fonts.check('16px "Playbook Sans SC"', text);
            }"""
        )
        page.context.close()
        assert loaded, file


def test_chinese_is_drawn_where_the_system_has_no_font_at_all(launcher: Any, reports: Path, tmp_path: Path) -> None:
    """With an empty fontconfig every Chinese glyph of headings, text and tables comes from the page's own font."""
    (tmp_path / "fonts.conf").write_text(NO_FONTS)
    browser = launcher(env={**os.environ, "FONTCONFIG_FILE": str(tmp_path / "fonts.conf")})
    try:
        for file in [file for file in pages(reports) if "/zh/" in file.as_posix()]:
            page, _ = open_page(browser, file, viewport=DESKTOP)
            page.evaluate("document.fonts.ready")
            protocol = page.context.new_cdp_session(page)
            protocol.send("DOM.enable")
            protocol.send("CSS.enable")
            root = protocol.send("DOM.getDocument")["root"]["nodeId"]
            for selector in ("h1", "h2", "p", "td", "th"):
                nodes = protocol.send("DOM.querySelectorAll", {"nodeId": root, "selector": selector})["nodeIds"]
                chinese = page.locator(selector).evaluate_all(
                    "all => all.map(one => /[\\u4e00-\\u9fff]/.test(one.innerText))"
                )
                for node, is_chinese in list(zip(nodes, chinese, strict=True))[:20]:
                    fonts = protocol.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
                    assert not is_chinese or any(font["isCustomFont"] for font in fonts), (file, selector, fonts)
            page.context.close()
    finally:
        browser.close()


# Each way by which markup makes a browser ask for something, {0} being a machine that listens.
HOSTILE = (
    '<img src="{0}/img"><img srcset="{0}/srcset 1x"><input type="image" src="{0}/input">',
    '<script src="{0}/script"></script><script>fetch("{0}/fetch")</script><img src="x" onerror="fetch(\'{0}/onerror\')">',
    '<link rel="stylesheet" href="{0}/stylesheet"><link rel="prefetch" href="{0}/prefetch"><link rel="icon" href="{0}/icon">',
    '<style>@import url("{0}/import"); @font-face {{ font-family: f; src: url("{0}/font") }} h1 {{ font-family: f }}</style>',
    '<div style="background: url({0}/background)">x</div>',
    '<iframe src="{0}/frame"></iframe><iframe srcdoc="<img src=\'{0}/srcdoc\'>"></iframe>',
    '<object data="{0}/object"></object><embed src="{0}/embed">',
    '<video src="{0}/video" poster="{0}/poster" autoplay muted></video><audio src="{0}/audio" autoplay></audio>',
    '<svg><image href="{0}/svg" width="9" height="9"/></svg>',
    '<form id="f" action="{0}/form"></form><svg onload="document.getElementById(\'f\').submit()"></svg>',
    '<base href="{0}/base/"><img src="relative">',
    '<meta http-equiv="refresh" content="0;url={0}/refresh">',
)


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    """Start a machine on this one that writes down what it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def open_online(browser: Any, file: Path) -> str:
    """Open a page that may ask for what it wants, wait for that, and return where the reader has come to."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri())
    page.wait_for_timeout(600)
    at = page.url
    context.close()
    return at


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_output_and_no_text_makes_a_page_ask_for_anything(browser: Any, tmp_path: Path, hostile: str) -> None:
    with listening() as (address, asked):
        markup = hostile.format(address)
        bare = tmp_path / "bare.html"
        bare.write_text(f"<!DOCTYPE html><h1>x</h1>{markup}", encoding="utf-8")
        open_online(browser, bare)
        # What the markup does where nothing holds it back, so that silence below means something.
        assert asked
        asked.clear()
        output = nbf.new_output("display_data", {"text/html": markup})
        text = nbf.new_markdown_cell(f"# Title\n\n{markup}\n\n![picture]({address}/markdown)")
        notebook = nbf.new_notebook(cells=[text, nbf.new_code_cell("1", outputs=[output])])
        file = tmp_path / "page.html"
        file.write_text(drawing.render(notebook, drawing.PageSetting(language="en")), encoding="utf-8")
        assert open_online(browser, file) == file.as_uri()
        assert asked == []
