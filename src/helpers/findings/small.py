"""Which figures and parts of a whole are of too few customers to be shown, and which others would give them away."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.findings.finding import Text
from helpers.findings.numbers import MIN_GROUP_SIZE

# Units of what is measured on customers; a number of forms, rules or campaigns (a count, a score) tells of nobody.
_OF_CUSTOMERS = ("customers", "share", "points", "money", "money_each", "days", "ratio")


def tells_of_few(n: int | None, unit: str, *, least: int = MIN_GROUP_SIZE) -> bool:
    """Tell whether a figure speaks of 1 to ``least`` − 1 customers, so that it is not to be shown.

    Parameters
    ----------
    n : int or None
        Size of the figure's group.
    unit : str
        One of :data:`helpers.findings.numbers.UNITS`.
    least : int
        Smallest group that is shown.

    Examples
    --------
    >>> tells_of_few(2, "money"), tells_of_few(200, "money"), tells_of_few(9, "count"), tells_of_few(None, "money")
    (True, False, False, False)
    """
    return n is not None and 0 < n < least and unit in _OF_CUSTOMERS


def hidden_parts(sizes: Sequence[float], *, least: int = MIN_GROUP_SIZE) -> list[bool]:
    """Tell which parts of a whole that is known are not to be shown.

    Parts of 1 to ``least`` − 1 customers; and, since what is hidden could be had back as the whole less what is shown,
    the next smallest ones until two are hidden that are together no small group. A part that nobody is in tells of
    nobody.

    Parameters
    ----------
    sizes : sequence of numbers
        Customers of each part; a missing one (NaN) counts as nobody.
    least : int
        Smallest group that is shown.

    Returns
    -------
    list of bool, one a part

    Examples
    --------
    >>> hidden_parts([900, 4, 80]), hidden_parts([900, 0, 80]), hidden_parts([6, 7, 80])
    ([False, True, True], [False, False, False], [True, True, False])
    """
    hidden = [0 < size < least for size in sizes]
    shown = sorted(
        (place for place, size in enumerate(sizes) if not hidden[place] and size > 0), key=lambda i: sizes[i]
    )
    while any(hidden) and shown and (sum(hidden) < 2 or _together(sizes, hidden) < least):
        hidden[shown.pop(0)] = True
    return hidden


def fewer(least: int = MIN_GROUP_SIZE) -> Text:
    """Words for a number of customers that is too small to be said.

    Examples
    --------
    >>> fewer(10)
    Text(en='fewer than 10', zh='不足 10')
    """
    return Text(f"fewer than {least}", f"不足 {least}")


def said_parts(sizes: Sequence[float], *, least: int = MIN_GROUP_SIZE) -> list[Text]:
    """Words for the customers of each part of a whole, for a sentence; those that :func:`hidden_parts` hides aren't told.

    Examples
    --------
    >>> [words.en for words in said_parts([1200, 4, 80, 0])]
    ['1,200', 'fewer than 10', 'some', '0']
    """
    hidden = hidden_parts(sizes, least=least)
    some = Text("some", "若干")
    return [
        (fewer(least) if size < least else some) if is_hidden else Text(f"{int(size):,}", f"{int(size):,}")
        for size, is_hidden in zip(sizes, hidden, strict=True)
    ]


def _together(sizes: Sequence[float], hidden: Sequence[bool]) -> float:
    return sum(size for size, is_hidden in zip(sizes, hidden, strict=True) if is_hidden)
