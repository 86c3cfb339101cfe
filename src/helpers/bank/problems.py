"""What is wrong with a bank's tables: each rule that was broken, counted and named, in one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError, at


@dataclass(frozen=True)
class Problem:
    """One broken rule.

    Attributes
    ----------
    table, column : str
        Where; the column is empty if it is about the table or its file.
    words : Text
        What is wrong and what would be allowed; ``rule`` is the same in English.
    n_rows : int
        How many rows break it; 0 if it is not about rows.
    example : str
        One offending value, or the name that is missing.

    Examples
    --------
    >>> Problem("balances", "aum", Text("should be at least 0", "应不小于 0"), 3, "-12.5").say("zh")
    'balances.aum：应不小于 0（3 行，例如 -12.5）'
    """

    table: str
    column: str
    words: Text
    n_rows: int = 0
    example: str = ""

    @property
    def rule(self) -> str:
        """What is wrong, in English."""
        return self.words.en

    @property
    def text(self) -> Text:
        """The whole line: where, what, how many rows and an example."""
        return self._line(Text(f", e.g. {self.example}", f"，例如 {self.example}"))

    @property
    def for_pages(self) -> Text:
        """The line without its example: that may be a customer's id, which no page shows."""
        return self._line(Text("", ""))

    def _line(self, example: Text) -> Text:
        place = f"{self.table}.{self.column}" if self.column else self.table
        many = "s" if self.n_rows != 1 else ""
        en, zh = f" ({self.n_rows:,} row{many}{example.en})", f"（{self.n_rows:,} 行{example.zh}）"
        return at(place, Text(self.words.en + en, self.words.zh + zh) if self.n_rows else self.words)

    def say(self, language: str) -> str:
        """Return the line in one language."""
        return self.text.say(language)

    def __str__(self) -> str:
        return self.say("en")


class BankError(SpokenError):
    """A bank that can't be used as it stands; ``problems`` lists every broken rule.

    Parameters
    ----------
    where : str
        The bank's folder or file, as the user named it.
    problems : sequence of Problem
    """

    def __init__(self, where: str, problems: Sequence[Problem]) -> None:
        self.where = where
        self.problems = list(problems)
        super().__init__(*(at(where, problem.text) for problem in self.problems))

    def __reduce__(self) -> tuple[type[BankError], tuple[str, list[Problem]]]:
        return type(self), (self.where, self.problems)
