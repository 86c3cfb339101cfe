"""Where data comes in: canonical tables, connection, checks, sample bank, importers, catalogues.

``from helpers import bank; bank.open("data/banks/sample")``. Nothing heavy is imported until a name is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helpers.bank.problems import BankError, Problem

if TYPE_CHECKING:
    from helpers.bank.connection import Bank
    from helpers.bank.connection import open_bank as open

__all__ = ["Bank", "BankError", "Problem", "open"]


def __getattr__(name: str) -> Any:
    if name in ("open", "Bank"):
        from helpers.bank import connection

        return connection.open_bank if name == "open" else connection.Bank
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
