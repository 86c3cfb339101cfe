"""What is wrong with a bank's tables: each rule that was broken, counted and named, in one error."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One broken rule.

    Attributes
    ----------
    table, column : str
        Where; the column is empty if it is about the table or its file.
    rule : str
        What is wrong and what would be allowed, in words.
    n_rows : int
        How many rows break it; 0 if it is not about rows.
    example : str
        One offending value, or the name that is missing.
    """

    table: str
    column: str
    rule: str
    n_rows: int = 0
    example: str = ""

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}" if self.column else self.table
        rows = f" ({self.n_rows:,} row{'s' if self.n_rows != 1 else ''}, e.g. {self.example})" if self.n_rows else ""
        return f"{place}: {self.rule}{rows}"


class BankError(ValueError):
    """A bank that can't be used as it stands; ``problems`` lists every broken rule.

    Parameters
    ----------
    where : str
        The bank's folder or file, as the user named it.
    problems : sequence of Problem
    """

    def __init__(self, where: str, problems: list[Problem]) -> None:
        self.where = where
        self.problems = list(problems)
        super().__init__("\n".join(f"{where}: {problem}" for problem in self.problems))
