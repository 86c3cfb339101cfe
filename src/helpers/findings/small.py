"""Which parts of a whole are too small to be shown, and which others would give them away."""

from __future__ import annotations

from collections.abc import Sequence

from helpers.findings.finding import Text
from helpers.findings.numbers import MIN_GROUP_SIZE


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


def _together(sizes: Sequence[float], hidden: Sequence[bool]) -> float:
    return sum(size for size, is_hidden in zip(sizes, hidden, strict=True) if is_hidden)
