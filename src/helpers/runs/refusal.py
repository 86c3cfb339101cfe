"""A request that is refused before anything starts: one clear line each, exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Refusal(ValueError):
    """What is wrong with a request; ``lines`` has one clear line for each thing."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        super().__init__("\n".join(lines))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``, did you mean 'x'`` for a near name, else nothing.

    Examples
    --------
    >>> nearest("horizon_day", ["horizon_days", "segment"])
    ", did you mean 'horizon_days'"
    """
    near = difflib.get_close_matches(name, list(known), 1)
    return f", did you mean {near[0]!r}" if near else ""
