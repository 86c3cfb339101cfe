"""Which tables of a bank were asked for: what a step reads is told by what it touched, not by what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Asked(dict[str, Any]):
    """Tables by name that remember which of them were looked up; looping over all of them asks for none.

    Parameters
    ----------
    tables : mapping of str to table or None
    names : set of str, optional
        Where the names asked for are noted: shared by all views of one bank.

    Examples
    --------
    >>> tables = Asked({"activity": "rows", "balances": "rows", "rewards": None})
    >>> tables["activity"], tables.get("rewards"), [name for name, table in tables.items() if table]
    ('rows', None, ['activity', 'balances'])
    >>> sorted(tables.names)
    ['activity', 'rewards']
    """

    def __init__(self, tables: Mapping[str, Any], names: set[str] | None = None) -> None:
        super().__init__(tables)
        self.names: set[str] = set() if names is None else names

    def __getitem__(self, name: str) -> Any:
        """Return a table and note that it was asked for."""
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a table, or the default; note that it was asked for."""
        self.names.add(name)
        return super().get(name, default)
