"""A request that is refused before anything starts: one clear line each, exit code 2."""

from __future__ import annotations

from helpers.findings.spoken import SpokenError


class Refusal(SpokenError):
    """What is wrong with a request; ``texts`` has one clear line for each thing, in both languages."""
