"""What a step notebook shows and keeps: findings as call-outs, tables, charts with alt text; the result at the end."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.findings import Figure, Finding, StepResult, Text, small
from helpers.findings.numbers import EN, LANGUAGES, check_language
from helpers.reporting import tables
from helpers.reporting.plots import titles

if TYPE_CHECKING:
    import pandas as pd

    from helpers.bank import Bank

# A picture larger than this as outlines (many labels, clouds of points) goes into the page as pixels instead.
_MAX_SVG_BYTES = 45_000
_COORDINATES = re.compile(r' (?:d|x|y|x1|y1|x2|y2|width|height|points)="[^"]*"|translate\([^)]*\)')
_LONG_NUMBER = re.compile(r"(\d+\.\d\d)\d+")
_PIXELS_PER_INCH = 170
_COLOURS = 128


class Page:
    """The page that a notebook writes: shows in one language, records in both.

    Parameters
    ----------
    step : str
        Stem of the notebook, e.g. ``01_goal_decomposition``.
    bank : Bank
        For the currency and the label “simulated”.
    language : {"en", "zh"}
    run_dir : str or Path
        Folder of the case; empty keeps nothing (an analyst's dry run).
    min_group_size : int
        Groups of fewer customers are neither in a table nor in a chart of the page. Where all that the page could
        speak of is such a group (a branch of seven customers, a campaign of five), it shows none of its findings,
        tables and charts; they are kept all the same, and 1 shows them.

    Attributes
    ----------
    withheld : Text or None
        Why the page shows nothing, if it doesn't.
    """

    def __init__(
        self,
        step: str,
        *,
        bank: Bank,
        language: str = "en",
        run_dir: str | Path = "",
        min_group_size: int = tables.MIN_GROUP_SIZE,
    ) -> None:
        self.language = check_language(language)
        self.min_group_size = min_group_size
        self.bank = bank
        self.result = StepResult(step, run_dir=run_dir)
        self.withheld: Text | None = None

    def header(self) -> Shown:
        """Show what the page stands on: bank, day, branch, data fingerprint, and that it is simulated if it is.

        A branch of fewer than ``min_group_size`` customers is withheld; a whole bank that small can't be in use, and is
        only remarked upon.
        """
        head = Shown(_header(self.bank, self.language))
        if self.bank.branch:
            return self.stack(head, self._withhold(self.bank.n_customers, Text("this branch", "该网点")))
        if self.bank.n_customers < self.min_group_size:
            few = small.fewer(self.min_group_size)
            words = Text(
                f"The bank has {few.en} customers: this page speaks of single persons.",
                f"全行客户{few.zh} 人：本页涉及个人。",
            )
            return self.stack(head, self.message(words, tone="warning"))
        return head

    def only_of(self, n_customers: int | None, whom: Text) -> Shown:
        """Say that all that follows speaks of a group, and show nothing of it if that is too small.

        Parameters
        ----------
        n_customers : int or None
            Size of the group, None where there is no such group. Nobody is no small group: what is said of nobody tells
            of nobody; nor is any in a bank that is itself no larger, of which the header has spoken.
        whom : Text
            The group, as in “this branch has fewer than 10 customers”.
        """
        is_said = self.bank.n_customers < self.min_group_size
        return Shown("") if is_said or n_customers is None else self._withhold(n_customers, whom)

    def _withhold(self, n_customers: int, whom: Text) -> Shown:
        if self.withheld is not None or not 0 < n_customers < self.min_group_size:
            return Shown("")
        few = small.fewer(self.min_group_size)
        said = Text(
            f"{whom.en[:1].upper()}{whom.en[1:]} has {few.en} customers. What there is to say would tell of single "
            "persons, so this page shows no findings, tables or charts of them.",
            f"{whom.zh}客户{few.zh} 人，任何结论都可能指向个人，故本页不展示其结论、表格与图表。",
        )
        shown = self.message(said, tone="warning")
        self.withheld = said
        return shown

    def finding(self, finding: Finding | None) -> Shown:
        """Record a finding and show it as a call-out; None (nothing to say) shows nothing."""
        if finding is None:
            return Shown("")
        self.result.add(finding)
        if self.withheld is not None:
            return Shown("")
        words = html.escape(finding.text.say(self.language))
        key = html.escape(finding.key)
        return Shown(
            f'<p class="finding {finding.tone}" id="{tables.anchor("finding", finding.key)}" '
            f'data-finding="{key}">{words}</p>',
            finding.text,
        )

    def findings(self, *findings: Finding | None) -> Shown:
        """Record several findings and show them below each other."""
        return self.stack(*(self.finding(finding) for finding in findings))

    def stack(self, *parts: Shown) -> Shown:
        """Show several parts below each other: the chart, its table, what they say."""
        return Shown("\n".join(part.html for part in parts if part.html))

    def figures(self, *figures: Figure) -> None:
        """Record figures that no sentence carries."""
        self.result.add_figures(*figures)

    def table(
        self,
        table: pd.DataFrame | None,
        name: str = "",
        *,
        caption: Text | None = None,
        columns: Sequence[str] | None = None,
        units: Mapping[str, str] | None = None,
        max_rows: int = 12,
        signed: Sequence[str] = (),
        names: Mapping[str, Mapping[str, Text]] | None = None,
        shows: str = "",
    ) -> Shown:
        """Show a table; with a name it is also kept as ``<name>.parquet``. None (no such table) shows nothing.

        ``shows`` names the kept table that this one puts in words: what links to that leads here. The other parameters are
        those of :func:`helpers.reporting.tables.to_html`.
        """
        if table is None:
            return Shown("")
        # The brief links to a table by its name; a table that is shown twice is linked where it stands first.
        is_first = bool(name) and name not in self.result.tables
        if name:
            self.result.add_table(name, table)
        if self.withheld is not None:
            return Shown("")
        return Shown(
            tables.to_html(
                table,
                language=self.language,
                currency=self.bank.currency,
                caption=caption,
                columns=columns,
                units=units,
                max_rows=max_rows,
                signed=signed,
                names=names,
                name=name if is_first else shows,
                min_group_size=self.min_group_size,
                file=f"{self.result.step}/{name}.parquet" if name and self.result.folder is not None else "",
            )
        )

    def chart(self, plot: Callable[..., Any], table: Any, *, alt: Text | None = None, **settings: Any) -> Shown:
        """Draw a plot function's picture of a table and show it with an alt text that says what it shows.

        Parameters
        ----------
        plot : callable
            ``plot(table, ax=…, language=…, **settings) -> Axes``; sets a title that says the takeaway.
        table : DataFrame
            What the plot draws, without the rows that a table would mask; None or an empty one shows nothing.
        alt : Text, optional
            By default composed of title, axis labels and series of the picture.
        """
        from helpers.reporting.plots import style

        if table is None or len(table) == 0 or self.withheld is not None:
            return Shown("")
        table, n_masked = tables.without_masked(table, min_group_size=self.min_group_size)
        said = tables.masked_words(n_masked, min_group_size=self.min_group_size)
        if not len(table):
            return self.message(said)
        with style.look():
            ax = plot(table, ax=None, language=self.language, **settings)
            words = alt.say(self.language) if alt else describe(ax, self.language)
            if self.language == EN:
                titles.narrow_quotes(ax.figure)
            titles.fit(ax.figure)
            # A chart is wider than a phone: it scrolls inside its frame, which keyboards can reach.
            below = f"<figcaption>{html.escape(said.say(self.language))}</figcaption>" if n_masked else ""
            return Shown(f'<figure class="chart" tabindex="0">{_picture(ax.figure, words)}{below}</figure>')

    def message(self, text: Text, *, tone: str = "plain") -> Shown:
        """Show words that are no finding (what can't be answered without a table, a remark of the data doctor)."""
        if self.withheld is not None:
            return Shown("")
        return _message(text, tone, self.language)

    def messages(self, *texts: Text | None) -> Shown:
        """Show several messages below each other; None shows nothing."""
        return self.stack(*(self.message(text) for text in texts if text is not None))

    def keep(self) -> Shown:
        """Keep the result for the next step and the batch, and show what was kept."""
        self.result.about = {
            "bank": {language: self.bank.settings.title.get(language) or self.bank.name for language in LANGUAGES},
            "as_of": self.bank.as_of.isoformat(),
            "branch": self.bank.branch,
            "currency": self.bank.currency,
            "simulated": self.bank.simulated,
            "fingerprint": self.bank.fingerprint,
            "tables_read": list(self.bank.tables_read),
            "min_group_size": self.min_group_size,
            "withheld": None if self.withheld is None else asdict(self.withheld),
        }
        file = self.result.keep()
        n_findings, n_tables = len(self.result.findings), len(self.result.tables)
        if file is None:
            text = Text(
                f"Dry run: nothing kept (no run_dir); {n_findings} findings, {n_tables} tables stand in `page.result`.",
                f"试运行：未指定 run_dir，不落盘；{n_findings} 条结论、{n_tables} 张表在 `page.result` 中。",
            )
        else:
            text = Text(
                f"Kept for the next step: {n_findings} findings, {n_tables} tables.",
                f"已为下一步保存：{n_findings} 条结论、{n_tables} 张表。",
            )
        return _message(text, "plain", self.language)


class Shown:
    """HTML that a notebook cell ends in; JupyterLab and the pages draw it alike."""

    def __init__(self, markup: str, text: Text | None = None) -> None:
        self.html = markup
        self.text = text

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text.en if self.text else "<shown on the page>"


def _message(text: Text, tone: str, language: str) -> Shown:
    return Shown(f'<p class="message {html.escape(tone)}">{html.escape(text.say(language))}</p>')


def describe(ax: Any, language: str) -> str:
    """Compose an alt text from a picture's title, axes and series."""
    axes = ax.figure.axes
    title = next((a.get_title(loc=loc) for a in axes for loc in ("left", "center") if a.get_title(loc=loc)), "")
    parts = [titles.one_line(title).rstrip("。. ")]
    x, y = ax.get_xlabel(), ax.get_ylabel()
    series = list(dict.fromkeys(t.get_text() for t in ax.texts if t.get_text().strip()))[:12]
    end = "。" if language == "zh" else ". "
    if x or y:
        # Bars and forests have names instead of numbers on one axis; the other one alone says what is drawn.
        both = Text(f"Chart of {y} by {x}", f"图：{y}，按{x}")
        parts.append((both if x and y else Text(f"Chart of {x or y}", f"图：{x or y}")).say(language))
    if series:
        joined = ", ".join(series)
        parts.append(Text(f"Labelled: {joined}", f"标注：{joined}").say(language))
    return end.join(part for part in parts if part).strip() + end.strip()


def _picture(figure: Any, alt: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    data, kind = _slim(buffer.getvalue().decode("utf-8")).encode("utf-8"), "svg+xml"
    if len(data) > _MAX_SVG_BYTES:
        data, kind = _pixels(figure), "png"
    width, height = (round(side * 96) for side in figure.get_size_inches())
    source = base64.b64encode(data).decode("ascii")
    return (
        f'<img src="data:image/{kind};base64,{source}" alt="{html.escape(alt, quote=True)}" '
        f'width="{width}" height="{height}">'
    )


def _pixels(figure: Any) -> bytes:
    """Draw as PNG with a palette: a chart has few colours, and a third of the bytes carries them."""
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_PIXELS_PER_INCH, metadata={"Software": None})
    image = (
        Image.open(buffer).convert("RGB").quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    )
    packed = io.BytesIO()
    image.save(packed, format="PNG", optimize=True)
    return packed.getvalue()


def _slim(svg: str) -> str:
    """Round coordinates to a hundredth of a point and drop comments and indentation: the same picture, half the bytes."""
    svg = _COORDINATES.sub(lambda found: _LONG_NUMBER.sub(r"\1", found.group(0)), svg)
    svg = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", svg, flags=re.S)
    return re.sub(r">\s+<", "><", re.sub(r"\s*\n\s*", " ", svg))


def _header(bank: Bank, language: str) -> str:
    facts = [
        (Text("Bank", "银行"), bank.settings.title.get(language) or bank.name),
        (Text("As of", "数据截至"), bank.as_of.isoformat()),
        (Text("Branch", "网点"), bank.branch or Text("all", "全部").say(language)),
        (Text("Currency", "币种"), bank.currency),
        (Text("Data fingerprint", "数据指纹"), bank.fingerprint),
    ]
    means = bank.settings.activity_means.get(language)
    if means:
        facts.append((Text("“Active” means", "“活跃”口径"), means))
    rows = "".join(
        f"<div><dt>{html.escape(name.say(language))}</dt><dd>{html.escape(str(value))}</dd></div>"
        for name, value in facts
    )
    label = ""
    if bank.simulated:
        words = Text(
            "Simulated data: no real customer, no real money. Numbers show the method, not the market.",
            "模拟数据：无真实客户、无真实资金。数字用于演示方法，不代表市场。",
        ).say(language)
        label = f'<p class="simulated">{html.escape(words)}</p>'
    remarks = "".join(f"<li>{html.escape(remark.for_pages.say(language))}</li>" for remark in bank.remarks)
    noticed = Text("The data doctor noticed", "数据体检提示").say(language)
    return f'{label}<dl class="facts">{rows}</dl>' + (
        f'<details class="remarks"><summary>{html.escape(noticed)}</summary><ul>{remarks}</ul></details>'
        if remarks
        else ""
    )
