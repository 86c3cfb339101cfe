"""The lines of a brief: a name, a number with its interval and group size, where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from helpers.findings import Figure, Text, Writer, small
from helpers.findings.labels import label
from helpers.findings.numbers import MISSING
from helpers.reporting.brief.kept import KeptCase

_STRIP_WIDTH, _STRIP_HEIGHT = 96, 12


@dataclass(frozen=True)
class Line:
    """One line of a block.

    Attributes
    ----------
    name, value, interval, n, note : str
        In the page's language; empty where there is none.
    href : str
        The table on a step's page that the number came from.
    strip : str
        The interval drawn against its reference, as SVG; the numbers beside it say the same.
    mark : str
        ``confirmed``, ``refuted``, ``undecided`` or empty.
    parts : tuple of (words, href)
        Parts of a sentence, each with the table that its numbers came from.
    """

    name: str
    value: str = ""
    interval: str = ""
    n: str = ""
    note: str = ""
    href: str = ""
    strip: str = ""
    mark: str = ""
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Block:
    """A titled part of the brief; ``absent`` says why there is nothing in it, ``summary_href`` what its summary counts."""

    key: str
    title: str
    lines: tuple[Line, ...] = ()
    summary: str = ""
    summary_href: str = ""
    absent: str = ""


class Lines:
    """Writes the lines of one case in one language."""

    def __init__(self, case: KeptCase, language: str) -> None:
        self.case = case
        self.write = Writer(language, case.currency)

    def say(self, text: Text) -> str:
        """Return words in the page's language."""
        return text.say(self.write.language)

    def code(self, column: str, value: object) -> str:
        """Return the words for a code in a column; one that the labels don't know stands as it is."""
        known = label(column).values.get(str(value))
        return str(value) if known is None else self.say(known)

    def n(self, value: object, unit: str, *, signed: bool = False) -> str:
        """Write a number with its unit."""
        return self.write.n(value, unit, signed=signed)

    def bounds(self, figure: Figure, *, signed: bool = False) -> str:
        """Write an interval; empty for a count of everybody, which has none."""
        if figure.lower is None or figure.upper is None or figure.lower == figure.upper == figure.value:
            return ""
        text = self.write.ci(figure.lower, figure.upper, figure.unit, signed=signed)
        # The head of the page says once that all intervals are 95 % ones.
        return text.partition("CI " if self.write.language == "en" else "置信区间 ")[2] or text

    def figure(self, step: str, key: str) -> Figure | None:
        """Return a kept figure for a sentence; None if it isn't there or speaks of a few customers."""
        figure = self.case.figure(step, key)
        return None if figure is None or self.tells_of_few(figure) else figure

    def tells_of_few(self, figure: Figure) -> bool:
        """Tell whether a figure speaks of fewer customers than are shown in this case."""
        return small.tells_of_few(figure.n, figure.unit, least=self.case.least)

    def of(
        self,
        step: str,
        key: str,
        name: Text,
        *,
        finding: str = "",
        table: str = "",
        signed: bool = False,
        reference: float | None = None,
        note: str = "",
    ) -> Line | None:
        """Write a kept figure; None if it isn't there."""
        figure = self.case.figure(step, key)
        if figure is None:
            return None
        return self.line(
            figure,
            self.say(name),
            href=self.case.link(step, finding=finding or key, table=table),
            signed=signed,
            reference=reference,
            note=note,
        )

    def line(
        self,
        figure: Figure,
        name: str,
        *,
        href: str,
        signed: bool = False,
        reference: float | None = None,
        note: str = "",
    ) -> Line:
        """Write a figure as a line; of one that speaks of a few customers, only that."""
        if self.tells_of_few(figure):
            return Line(name=name, value=MISSING, n=f"< {self.case.least}", href=href)
        return Line(
            name=name,
            value=self.n(figure.value, figure.unit, signed=signed),
            interval=self.bounds(figure, signed=signed),
            n="" if figure.n is None else f"{figure.n:,}",
            note=note,
            href=href,
            strip="" if reference is None else strip(figure, reference),
        )


def strip(figure: Figure, reference: float) -> str:
    """Draw an interval against a reference (0: no effect, 1: breaks even); decoration beside the written numbers.

    Examples
    --------
    >>> "<circle" in strip(Figure("effect", 1.0, 0.5, 1.5, "days"), 0.0)
    True
    >>> strip(Figure("effect", 1.0), 0.0)
    ''
    """
    if figure.value is None or figure.lower is None or figure.upper is None:
        return ""
    low, high = min(figure.lower, reference), max(figure.upper, reference)
    if high <= low:
        return ""
    pad, middle = 4.0, _STRIP_HEIGHT / 2

    def x(value: float) -> float:
        return pad + (value - low) / (high - low) * (_STRIP_WIDTH - 2 * pad)

    at, left, right, dot = (f"{x(v):.1f}" for v in (reference, figure.lower, figure.upper, figure.value))
    return (
        f'<svg class="strip" width="{_STRIP_WIDTH}" height="{_STRIP_HEIGHT}" '
        f'viewBox="0 0 {_STRIP_WIDTH} {_STRIP_HEIGHT}" aria-hidden="true" focusable="false">'
        f'<line class="zero" x1="{at}" x2="{at}" y1="0" y2="{_STRIP_HEIGHT}"/>'
        f'<line x1="{left}" x2="{right}" y1="{middle:g}" y2="{middle:g}"/>'
        f'<circle cx="{dot}" cy="{middle:g}" r="3"/></svg>'
    )
