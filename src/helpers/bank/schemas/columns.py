"""How a canonical column is declared: pandera field plus meaning in both languages, unit and time role.

The schema is the data dictionary: `data/README.md` is generated from it, the checks of a bank's tables are
compiled from it, and nothing else spells a canonical column name out for the first time.
"""

from __future__ import annotations

from typing import Any

import pandera.pandas as pa


def column(
    en: str,
    zh: str,
    *,
    unit: str = "",
    seen: str = "",
    lenient: bool = False,
    **rules: Any,
) -> Any:
    """Declare one canonical column.

    Parameters
    ----------
    en, zh : str
        What the column means, in both languages.
    unit : str
        Unit of the values, empty for labels and identifiers.
    seen : str
        How `as_of` treats the column: ``"row"`` — the row does not exist before this moment;
        ``"value"`` — the row exists, but this value is only known from its own moment on (a
        later one is hidden); ``"with:<column>"`` — hidden together with that column; empty
        for columns without time.
    lenient : bool
        True if a broken value is a remark of the data doctor rather than a refusal.
    **rules
        Pandera's own: ``nullable``, ``unique``, ``ge``, ``gt``, ``le``, ``isin``.
    """
    if seen not in ("", "row", "value") and not seen.startswith("with:"):
        raise ValueError(f"seen must be empty, row, value or with:<column>, not {seen!r}")
    return pa.Field(
        description=en,
        metadata={"zh": zh, "unit": unit, "seen": seen, "lenient": lenient},
        **rules,
    )
