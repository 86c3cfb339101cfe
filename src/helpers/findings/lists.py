"""Lists of customers: files of their own, readable by their owner only, safe to open in a spreadsheet.

Each begins with lines that start with ``#``: what the list is for, and which run wrote it, in both languages. Readers
skip them: ``pandas.read_csv(file, comment="#")``; a spreadsheet shows them above the table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.findings.files import replace_whole
from helpers.findings.finding import Text

if TYPE_CHECKING:
    import pandas as pd

PRIVATE_MODE = 0o600
# A cell that begins with one of these is a formula to a spreadsheet, whatever it was meant to be.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class ListHead:
    """What stands above a list of customers.

    Attributes
    ----------
    purpose : Text
        What the list is for, and so what it is not for.
    bank, as_of, branch, fingerprint : str
        Whose customers, as seen on which day, in which branch (empty: the whole bank), from which data.
    """

    purpose: Text
    bank: str
    as_of: str
    branch: str
    fingerprint: str

    @classmethod
    def of(cls, bank: Any, purpose: Text) -> ListHead:
        """Take the facts from a bank (`helpers.bank.Bank`)."""
        return cls(purpose, bank.name, bank.as_of.isoformat(), bank.branch, bank.fingerprint)

    def lines(self, place: str) -> list[str]:
        """Return the comment lines; ``place`` is the case and step that wrote the list.

        Examples
        --------
        >>> head = ListHead(Text("Calls, by branch staff only.", "仅供网点人员致电。"), "b", "2025-09-07", "", "f00")
        >>> print(*head.lines("silver/harbour/en/step"), sep="\\n")
        # purpose: Calls; by branch staff only.
        # run: silver/harbour/en/step; bank b; as of 2025-09-07; branch all; data fingerprint f00
        # 用途：仅供网点人员致电。
        # 运行：silver/harbour/en/step；银行 b；数据截至 2025-09-07；网点 全部；数据指纹 f00
        """
        facts = Text(
            f"{place}; bank {self.bank}; as of {self.as_of}; branch {self.branch or 'all'}; "
            f"data fingerprint {self.fingerprint}",
            f"{place}；银行 {self.bank}；数据截至 {self.as_of}；网点 {self.branch or '全部'}；数据指纹 {self.fingerprint}",
        )
        said = [("purpose: ", self.purpose.en), ("run: ", facts.en), ("用途：", self.purpose.zh), ("运行：", facts.zh)]
        # A comma would begin a new cell in a spreadsheet, a line break a row.
        return ["# " + " ".join((name + words).split()).replace(",", ";") for name, words in said]


def write_list(table: pd.DataFrame, file: str | Path | None, *, head: ListHead) -> Path | None:
    """Write a list of customers as CSV, mode 600 from its first byte, whole or not at all.

    Parameters
    ----------
    table : DataFrame
        One row a customer.
    file : path or None
        None (a dry run) writes nothing.
    head : ListHead
        Purpose and run, as comment lines above the table.

    Returns
    -------
    Path or None

    Notes
    -----
    Text cells that a spreadsheet would run as formulas get an apostrophe in front; numbers stay as they are. A mark at
    the beginning says UTF-8, so that spreadsheets don't guess.
    """
    if file is None:
        return None
    target = Path(file)
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype == object or str(safe[column].dtype) in ("string", "str", "category"):
            safe[column] = [neutral(value) if isinstance(value, str) else value for value in safe[column]]

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8-sig", newline="") as handle:
            handle.write("\n".join(head.lines("/".join(target.parts[-5:-1]))) + "\n")
            safe.to_csv(handle, index=False, float_format="%.10g", lineterminator="\n")

    replace_whole(target, write, mode=PRIVATE_MODE)
    return target


def neutral(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run.

    Examples
    --------
    >>> neutral("=HYPERLINK(1)"), neutral("Harbour")
    ("'=HYPERLINK(1)", 'Harbour')
    """
    return "'" + text if text.startswith(_FORMULA) else text
