"""Tables as a reader wants them: few rows and columns, heads in the page's language, units, aligned numbers."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from helpers.findings import Text
from helpers.findings.labels import Label, label
from helpers.findings.numbers import MIN_GROUP_SIZE, MISSING, check_language, in_currency, is_missing, number
from helpers.findings.small import hidden_parts

if TYPE_CHECKING:
    import pandas as pd

_LEFT = ("text", "date")
# Sentences in cells want a column of their own width; Chinese says as much in half the characters.
_LONG = {"en": 44, "zh": 22}
_SHORT = 14
# Columns that say how many customers a row speaks of, the first one that a table has.
_SIZES = ("n", "customers", "n_customers", "n_eligible", "n_seen", "n_people", "n_contacts")
# Those beside them that a row compares with: it speaks of both groups.
_BESIDE = ("n_control", "n_others")
# Columns within whose values the groups are parts of one whole: a month's states, a day's segments.
_SLICES = ("month", "day", "period", "position", "axis", "metric", "to_state")
_NOT_IN_IDS = re.compile(r"[^0-9A-Za-z_\u4e00-\u9fff]+")
_INTERVAL = Text("95 % interval", "95% 置信区间")


def to_html(
    table: pd.DataFrame,
    *,
    language: str = "en",
    currency: str = "",
    caption: Text | None = None,
    columns: Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    max_rows: int = 12,
    signed: Sequence[str] = (),
    names: Mapping[str, Mapping[str, Text]] | None = None,
    name: str = "",
    min_group_size: int = MIN_GROUP_SIZE,
    file: str = "",
) -> str:
    """Write a table as accessible HTML.

    Parameters
    ----------
    table : DataFrame
        Shares 0–1, money in the bank's currency; column labels come from ``findings/labels``.
    language : {"en", "zh"}
    currency : str
        Named once in the head of money columns.
    caption : Text, optional
        What the table says.
    columns : sequence of str, optional
        Which to show, in order; all by default. ``…lower`` and ``…upper`` side by side become one column.
    units : mapping of column to unit, optional
        Overrides the label's unit where a general column (``estimate``, ``lower``) has another unit here.
    max_rows : int
        Rows shown; how many more there are, and where, is said below.
    signed : sequence of str
        Columns of differences, written with a plus.
    names : mapping of column to mapping of code to Text, optional
        Words for codes in cells (channels, rules) beyond those of the labels.
    name : str
        Name that the table is kept under: what links to it (:func:`anchor`).
    min_group_size : int
        Rows of fewer customers (columns ``n`` or ``customers``) are masked, and so is what would let a reader subtract
        them out: see :func:`masked_rows`. 1 masks nothing.
    file : str
        File beside the page that holds all rows, linked where not all are shown and none is masked.

    Returns
    -------
    str
        ``<table>`` with caption, ``th`` with scope, numbers right-aligned. All text is escaped.

    Examples
    --------
    >>> import pandas as pd
    >>> "<td class=\\"num\\">1,200</td>" in to_html(pd.DataFrame({"month": ["2024-01"], "customers": [1200]}))
    True
    """
    check_language(language)
    shown = list(columns) if columns is not None else list(table.columns)
    missing = [column for column in shown if column not in table.columns]
    if missing:
        raise ValueError(f"columns {missing} are not in the table; it has {list(table.columns)}")
    labels = {column: label(column) for column in shown}
    kinds = {column: (units or {}).get(column, labels[column].unit) for column in shown}
    cells = _columns(shown, kinds)
    table_names = names or {}
    aligned = {column: _align(table, column, kinds[column], max_rows, language) for column, _ in cells}
    head = "".join(
        f'<th scope="col" class="{aligned[column]}">'
        f"{html.escape(_INTERVAL.say(language) if end else _head(labels[column], kinds[column], language, currency))}</th>"
        for column, end in cells
    )
    masked = masked_rows(table, min_group_size=min_group_size)
    lines = []
    for values, is_masked in zip(table[shown].head(max_rows).to_dict("records"), masked, strict=False):
        row = []
        for position, (column, end) in enumerate(cells):
            written = [
                _cell(
                    table_names.get(part, {}).get(str(values[part]), values[part]),
                    labels[part],
                    kinds[part],
                    language,
                    part in signed,
                )
                for part in ((column, end) if end else (column,))
            ]
            if is_masked and aligned[column] == "num":
                written = [MISSING]
            text = MISSING if set(written) == {MISSING} else " … ".join(written)
            tag, scope = ("th", ' scope="row"') if position == 0 else ("td", "")
            row.append(f'<{tag}{scope} class="{aligned[column]}">{text}</{tag}>')
        lines.append("<tr>" + "".join(row) + "</tr>")
    more = len(table) - max_rows
    foot = ""
    if more > 0:
        # The file holds all rows as they are: where some are masked here, the page does not lead to it.
        file = "" if any(masked) else file
        words = html.escape(_more(more, is_in_file=bool(file)).say(language))
        link = f' <a href="{html.escape(file, quote=True)}">{html.escape(file)}</a>' if file else ""
        foot = f'<tfoot><tr><td colspan="{len(cells)}">{words}{link}</td></tr></tfoot>'
    if any(masked[:max_rows]):
        words = Text(
            f"Masked (–): groups of fewer than {min_group_size} customers, and what would let them be subtracted out",
            f"以“–”隐去：不足 {min_group_size} 人的分组，以及可据以倒推的分组",
        ).say(language)
        foot_row = f'<tr><td colspan="{len(cells)}">{html.escape(words)}</td></tr>'
        foot = foot.replace("</tfoot>", f"{foot_row}</tfoot>") if foot else f"<tfoot>{foot_row}</tfoot>"
    title = f"<caption>{html.escape(caption.say(language))}</caption>" if caption else ""
    # Wide tables scroll inside their frame, which keyboards can reach; the page itself never scrolls sideways.
    spoken = html.escape(caption.say(language) if caption else Text("table", "表格").say(language), quote=True)
    # What fits half a page is printed in one piece.
    short = " short" if len(lines) <= _SHORT and not any("long" in kind for kind in aligned.values()) else ""
    place = f' id="{anchor("table", name)}"' if name else ""
    return (
        f'<div class="table{short}"{place} tabindex="0" role="group" aria-label="{spoken}">'
        f'<table class="data">{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody>{foot}</table></div>"
    )


def anchor(kind: str, name: str) -> str:
    """Return the id of a finding or table on its page: letters, digits and hyphens, whatever the name holds.

    Examples
    --------
    >>> anchor("table", "people_stage"), anchor("finding", "effect_arm <b>")
    ('table-people_stage', 'finding-effect_arm-b')
    """
    return f"{kind}-{_NOT_IN_IDS.sub('-', name).strip('-')}"


def _more(n: int, *, is_in_file: bool) -> Text:
    """Say how many rows are not shown; only a table that is kept has a file to point to."""
    if is_in_file:
        return Text(f"{n:,} more in file", f"其余 {n:,} 行见文件")
    return Text(f"{n:,} more row{'s are' if n > 1 else ' is'} not shown", f"其余 {n:,} 行未展示")


def masked_rows(table: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE) -> list[bool]:
    """Tell which rows of a table speak of so few customers that they are masked.

    What is masked could be had back as the total less what is shown. So where the masked groups of one whole (of one
    month, say) are a single one, or are together still fewer than ``min_group_size``, the next smallest go with them.
    The size is that of ``n``, ``customers`` or another column of sizes; a table without has no groups that are known
    here.

    Examples
    --------
    >>> import pandas as pd
    >>> masked_rows(pd.DataFrame({"branch": ["a", "b", "c"], "customers": [900, 4, 80]}))
    [False, True, True]
    """
    size = next((column for column in _SIZES if column in table.columns and table[column].dtype.kind in "iuf"), None)
    if size is None:
        return [False] * len(table)
    sizes = _numbers(table[size])
    for beside in _BESIDE:
        if beside in table.columns and table[beside].dtype.kind in "iuf":
            other = _numbers(table[beside])
            sizes = [min(a, b) if a and b else a for a, b in zip(sizes, other, strict=True)]
    masked = [False] * len(table)
    for rows in _wholes(table):
        for row, is_hidden in zip(rows, hidden_parts([sizes[row] for row in rows], least=min_group_size), strict=True):
            masked[row] = is_hidden
    return masked


def _numbers(column: pd.Series) -> list[float]:
    return [0.0 if is_missing(value) else float(value) for value in column]


def without_masked(table: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE) -> tuple[pd.DataFrame, int]:
    """Return a table without the rows that :func:`masked_rows` masks, and how many those were: for a chart.

    Examples
    --------
    >>> import pandas as pd
    >>> without_masked(pd.DataFrame({"branch": ["a", "b", "c"], "customers": [900, 4, 80]}))[1]
    2
    """
    masked = masked_rows(table, min_group_size=min_group_size)
    if not any(masked):
        return table, 0
    shown = table[[not is_masked for is_masked in masked]].reset_index(drop=True)
    shown.attrs = dict(table.attrs)
    return shown, sum(masked)


def masked_words(n: int, *, min_group_size: int = MIN_GROUP_SIZE) -> Text:
    """Say below a chart that so many of its table's rows are not drawn."""
    return Text(
        f"Not drawn: {n:,} rows of groups of fewer than {min_group_size} customers, and what would let them be "
        "subtracted out",
        f"未绘制：不足 {min_group_size} 人的分组及可据以倒推的分组，共 {n:,} 行",
    )


def _wholes(table: pd.DataFrame) -> list[list[int]]:
    """Positions of the rows that are parts of one whole each."""
    by = [column for column in _SLICES if column in table.columns]
    if not by:
        return [list(range(len(table)))]
    found: dict[tuple[str, ...], list[int]] = {}
    for position, key in enumerate(zip(*(table[column].astype(str) for column in by), strict=True)):
        found.setdefault(key, []).append(position)
    return list(found.values())


def _align(table: pd.DataFrame, column: str, unit: str, max_rows: int, language: str) -> str:
    """Return the classes of a column's cells: numbers right, text left, sentences in a wide column."""
    if unit not in _LEFT:
        return "num"
    longest = max(
        (
            len(value.say(language) if isinstance(value, Text) else str(value))
            for value in table[column].head(max_rows)
            if isinstance(value, str | Text)
        ),
        default=0,
    )
    return "txt long" if longest > _LONG[language] else "txt"


def _columns(shown: Sequence[str], kinds: Mapping[str, str]) -> list[tuple[str, str]]:
    """Join a lower and an upper bound that stand side by side into one column: (column, "") or (lower, upper)."""
    joined: list[tuple[str, str]] = []
    skip = False
    for column, following in zip(shown, [*shown[1:], ""], strict=True):
        if skip:
            skip = False
            continue
        is_pair = column.endswith("lower") and following == column.removesuffix("lower") + "upper"
        skip = is_pair and kinds[column] == kinds[following]
        joined.append((column, following if skip else ""))
    return joined


def _head(known: Label, unit: str, language: str, currency: str) -> str:
    text = known.text.say(language)
    return in_currency(text, currency, language) if unit in ("money", "money_each") else text


def _cell(value: object, known: Label, unit: str, language: str, signed: bool) -> str:
    if isinstance(value, Text):
        return html.escape(value.say(language))
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return Text("yes", "是").say(language) if value else Text("no", "否").say(language)
    if not is_missing(value) and str(value) in known.values:
        return html.escape(known.values[str(value)].say(language))
    return html.escape(number(value, "text" if isinstance(value, str) else unit, language=language, signed=signed))
