"""Turns an executed notebook into a review page: one HTML file that fetches nothing, in one language."""

from __future__ import annotations

import copy
import html
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.findings import Text
from helpers.findings.numbers import LANGUAGES, ZH, check_language
from helpers.reporting import fonts

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
_HTML_LANG = {"en": "en", "zh": "zh-CN"}
_HIDDEN_TAGS = {"parameters", "injected-parameters", "papermill-error-cell-tag", "hide"}
_HEADING = re.compile(r"<h([1-6])[^>]*>(.*?)</h\1>", re.S)
# Markdown can't write a table without a head; an empty one says nothing and is dropped.
_EMPTY_HEAD = re.compile(r"<thead>\s*<tr>\s*(?:<th[^>]*>\s*</th>\s*)+</tr>\s*</thead>")
_ANCHOR = re.compile(r'<a class="anchor-link".*?</a>', re.S)
# What leads a browser elsewhere, or has it look a name up, under any content policy; it belongs into a head only.
_OF_HEADS = re.compile(r"<(?=(?:meta|link|base)\b)", re.I)
_WORDS = {
    "skip": Text("Skip to the content", "跳到正文"),
    "steps": Text("Steps", "步骤"),
    "board": Text("Run board", "运行看板"),
    "brief": Text("Decision brief", "决策简报"),
    "contents": Text("On this page", "本页目录"),
    "parameters": Text("Parameters", "参数"),
    "name": Text("Name", "名称"),
    "value": Text("Value", "取值"),
    "meaning": Text("Meaning", "含义"),
    "code": Text("Code", "代码"),
    "versions": Text("How this page was made", "本页生成信息"),
    "what_stopped": Text("What stopped:", "停在哪里："),
    "what_to_do": Text("What to do:", "怎么办："),
    "failed": Text("This step stopped before its end", "本步骤未能跑完"),
}
_FACTS = {
    "started": Text("Started", "开始时间"),
    "seconds": Text("Duration (s)", "耗时（秒）"),
    "notebook": Text("Notebook", "笔记本"),
}


@dataclass(frozen=True)
class PageSetting:
    """What a page needs beyond its notebook.

    Attributes
    ----------
    language : {"en", "zh"}
    case_title : str
        Playbook and case as the top line shows them.
    parameters : sequence of (name, value, meaning)
    links : sequence of (href, text, current)
        The steps of the case.
    board : str
        Relative link to the run board.
    failure : (what, advice) or None
        What the card on top says if the step stopped.
    facts : mapping
        ``started``, ``seconds``, ``notebook`` for the foot of the page.
    """

    language: str
    case_title: str = ""
    parameters: Sequence[tuple[str, Any, str]] = ()
    links: Sequence[tuple[str, str, bool]] = ()
    board: str = ""
    failure: tuple[str, str] | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


def render(notebook: Any, setting: PageSetting) -> str:
    """Render an executed notebook.

    Parameters
    ----------
    notebook : nbformat NotebookNode
        Left as it was.
    setting : PageSetting

    Returns
    -------
    str
        A whole HTML document without any outside reference. Outputs and texts that have one show without it: the page's
        policy admits no request and no script.
    """
    language = check_language(setting.language)
    nb = copy.deepcopy(notebook)
    nb.cells = _cells_of(nb.cells, language)
    contents = _contents(nb.cells)
    exporter = _exporter()
    words = {key: text.say(language) for key, text in _WORDS.items()}
    page = {
        "lang": _HTML_LANG[language],
        "version": metadata.version("bank-growth-playbooks"),
        "title": _title(nb.cells, setting),
        "css": "/*css*/",
        "words": words,
        "board": setting.board,
        "case_title": setting.case_title,
        "contents": contents,
        "links": [{"href": href, "text": text, "current": current} for href, text, current in setting.links],
        "parameters": [
            {"name": name, "value": _show(value), "meaning": meaning, "lang": _other_language(meaning, language)}
            for name, value, meaning in setting.parameters
        ],
        "failure": None
        if setting.failure is None
        else {"title": words["failed"], "what": setting.failure[0], "advice": setting.failure[1]},
        "facts": [
            *(
                {"name": _FACTS[key].say(language) if key in _FACTS else key, "value": value}
                for key, value in setting.facts.items()
            ),
            *({"name": name, "value": version} for name, version in versions().items()),
        ],
    }
    body, _ = exporter.from_notebook_node(nb, resources={"page": page})
    body = _to_pages(body, {href for href, _, _ in setting.links})
    return body.replace("/*css*/", fonts.face_css(body) + stylesheet(), 1)


@cache
def environment(folder: Path) -> Environment:
    """Return the templates of a folder; each is compiled once a process, however many pages it draws."""
    from jinja2 import Environment, FileSystemLoader

    return Environment(loader=FileSystemLoader(folder), autoescape=True)


@cache
def stylesheet() -> str:
    """Return the one style sheet of all pages."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8").strip()


@cache
def versions() -> dict[str, str]:
    """Return the versions that a page's numbers depend on."""
    names = (
        "bank-growth-playbooks",
        "pandas",
        "numpy",
        "scipy",
        "scikit-learn",
        "ibis-framework",
        "duckdb",
        "papermill",
    )
    return {"Python": platform.python_version(), **{name: metadata.version(name) for name in names}}


@cache
def _exporter() -> Any:
    from nbconvert.exporters import HTMLExporter
    from traitlets.config import Config

    config = Config()
    # The stock HTML preprocessors look for widgets and CSS that these pages don't use.
    config.HTMLExporter.preprocessors = []
    config.HTMLExporter.exclude_input_prompt = True

    class PlaybookExporter(HTMLExporter):
        """nbconvert's exporter with the project's template and three filters."""

        def default_filters(self) -> Any:
            yield from super().default_filters()
            yield "headings", _mark_headings
            yield "shown", _output

        def _init_resources(self, resources: Any) -> Any:
            return super()._init_resources(resources)

    exporter = PlaybookExporter(
        config=config, template_name="playbook", extra_template_basedirs=[str(TEMPLATES)], embed_images=False
    )
    exporter.environment.globals["page"] = {}
    original = exporter.from_notebook_node

    def from_notebook_node(nb: Any, resources: Any) -> Any:
        exporter.environment.globals["page"] = resources["page"]
        return original(nb)

    exporter.from_notebook_node = from_notebook_node  # type: ignore[method-assign]
    return exporter


def _cells_of(cells: Sequence[Any], language: str) -> list[Any]:
    """Keep the text cells of one language; mark hidden code cells and the first text."""
    other = {f"lang-{name}" for name in LANGUAGES if name != language}
    kept = []
    first_text = True
    for cell in cells:
        tags = set(cell.metadata.get("tags", []))
        if tags & other or "papermill-error-cell-tag" in tags:
            continue
        if cell.cell_type == "markdown" and first_text:
            cell.metadata["first_text"] = True
            first_text = False
        if cell.cell_type == "code" and tags & _HIDDEN_TAGS:
            cell.metadata["hide_cell"] = True
        kept.append(cell)
    return kept


def _contents(cells: Sequence[Any]) -> list[dict[str, str]]:
    entries = []
    for cell in cells:
        if cell.cell_type == "markdown":
            for line in re.findall(r"^##\s+(.+?)\s*#*$", cell.source, re.M):
                text = re.sub(r"[*_`]", "", line)
                entries.append({"id": _slug(text), "text": text})
    return entries


def _title(cells: Sequence[Any], setting: PageSetting) -> str:
    for cell in cells:
        found = re.search(r"^#\s+(.+)$", cell.source, re.M) if cell.cell_type == "markdown" else None
        if found:
            return f"{re.sub(r'[*_`]', '', found.group(1))} · {setting.case_title}".rstrip(" ·")
    return setting.case_title


def _to_pages(body: str, there: set[str]) -> str:
    """Lead links to other notebooks to their pages; where a case has no such page the words stay without a link."""

    def lead(match: re.Match[str]) -> str:
        page = f"{match.group(1)}.html"
        return f'<a href="{page}">{match.group(2)}</a>' if page in there else match.group(2)

    return re.sub(r'<a href="([\w-]+)\.ipynb"[^>]*>(.*?)</a>', lead, body, flags=re.S)


def _other_language(words: str, language: str) -> str:
    """``en`` for words of a notebook's own that a Chinese page has no Chinese for."""
    return "en" if language == ZH and words.isascii() else ""


def _slug(text: str) -> str:
    return "s-" + re.sub(r"[^\w]+", "-", html.unescape(text).lower()).strip("-")


def _mark_headings(markup: str) -> str:
    """Give headings ids for the contents list, and take nbconvert's anchors out; tables' heads get a scope."""
    markup = _EMPTY_HEAD.sub("", _ANCHOR.sub("", _without_heads(markup)))

    def mark(match: re.Match[str]) -> str:
        level, inner = match.group(1), match.group(2)
        plain = re.sub(r"<[^>]+>", "", inner)
        return f'<h{level} id="{_slug(plain)}">{inner.strip()}</h{level}>'

    return _HEADING.sub(mark, markup).replace("<th>", '<th scope="col">').replace("<table>", '<table tabindex="0">')


def _output(output: Any) -> str:
    """Return an output's richest form that needs no script and no outside file."""
    data = output.get("data", {})
    if "text/html" in data:
        return _without_heads(str(data["text/html"]))
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            # Drawn outside of the page's chart helper: the cell's own text is all that is known of it.
            alt = html.escape(str(data.get("text/plain", "")), quote=True)
            return f'<figure class="chart" tabindex="0"><img src="data:{kind};base64,{data[kind].strip()}" alt="{alt}"></figure>'
    if "text/plain" in data:
        return f'<pre class="stream" tabindex="0">{html.escape(str(data["text/plain"]))}</pre>'
    return ""


def _without_heads(markup: str) -> str:
    """Let tags of a document's head stand as words: a body has no use for them."""
    return _OF_HEADS.sub("&lt;", markup)


def _show(value: Any) -> str:
    return "–" if value in ("", None) else str(value)
