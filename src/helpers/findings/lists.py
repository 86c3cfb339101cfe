"""Lists of customers: files of their own, readable by their owner only, safe to open in a spreadsheet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PRIVATE_MODE = 0o600
# A cell that begins with one of these is a formula to a spreadsheet, whatever it was meant to be.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_list(table: pd.DataFrame, file: str | Path | None) -> Path | None:
    """Write a list of customers as CSV, mode 600 from its first byte, whole or not at all.

    Parameters
    ----------
    table : DataFrame
        One row a customer.
    file : path or None
        None (a dry run) writes nothing.

    Returns
    -------
    Path or None

    Notes
    -----
    Text cells that a spreadsheet would run as formulas get an apostrophe in front; numbers stay as they are.
    """
    if file is None:
        return None
    target = Path(file)
    safe = table.copy()
    for column in safe.columns:
        if safe[column].dtype == object or str(safe[column].dtype) in ("string", "str", "category"):
            safe[column] = [neutral(value) if isinstance(value, str) else value for value in safe[column]]
    temporary = target.with_name(f".{target.name}.part")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as handle:
            safe.to_csv(handle, index=False)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target


def neutral(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run.

    Examples
    --------
    >>> neutral("=HYPERLINK(1)"), neutral("Harbour")
    ("'=HYPERLINK(1)", 'Harbour')
    """
    return "'" + text if text.startswith(_FORMULA) else text
