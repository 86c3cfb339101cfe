"""What the steps of a case kept, and where on their pages it stands."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from helpers import findings
from helpers.findings import Figure, Finding, KeptResult, Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.reporting.tables import anchor

if TYPE_CHECKING:
    import pandas as pd

GOALS, SEGMENTS, ACTIVITY, CHANNELS, POST_MORTEM = (
    "01_goal_decomposition",
    "02_segment_insight",
    "03_activity_design",
    "04_channel_matrix",
    "05_post_mortem",
)
STEPS = (GOALS, SEGMENTS, ACTIVITY, CHANNELS, POST_MORTEM)
_ID = re.compile(r'\bid="([^"]+)"')


class KeptCase:
    """The kept results of a case in one language, read from its run folder.

    Parameters
    ----------
    run_dir : Path
        Folder of the case in its language: ``<step>.html`` and ``<step>/result.json``.
    without : collection of str
        Steps that are taken as if they had kept nothing.
    """

    def __init__(self, run_dir: Path, *, without: Collection[str] = ()) -> None:
        self.run_dir = run_dir
        there = {step: None if step in without else _read(run_dir, step) for step in STEPS}
        # The page of so few customers that single persons would be told of shows nothing; the brief shows none of it.
        self.withheld = {step: _withheld(result) for step, result in there.items() if _withheld(result) is not None}
        self.results = {step: None if step in self.withheld else result for step, result in there.items()}
        self._ran = [result for result in there.values() if result is not None]
        self._ids: dict[str, set[str]] = {}

    def has(self, step: str) -> bool:
        """Tell whether a step kept a result."""
        return self.results[step] is not None

    def figure(self, step: str, key: str) -> Figure | None:
        """Return a figure; None if the step or the figure isn't there, or its value could not be had."""
        result = self.results[step]
        found = None if result is None else result.figures.get(key)
        return None if found is None or found.value is None else found

    def finding(self, step: str, key: str) -> Finding | None:
        """Return a finding; None if the step or the finding isn't there."""
        result = self.results[step]
        return None if result is None else result.findings.get(key)

    def table(self, step: str, name: str) -> pd.DataFrame | None:
        """Return a kept table; None if the step or the table isn't there."""
        result = self.results[step]
        return None if result is None or name not in result.tables else result.table(name)

    def branch(self, step: str) -> str:
        """Return the branch that a step's result is of; empty for the whole bank, and where the step isn't there."""
        result = self.results[step]
        return "" if result is None else str(result.about.get("branch") or "")

    def link(self, step: str, *, finding: str = "", table: str = "") -> str:
        """Return where a number came from: its table on the step's page, else the finding above it, else the page."""
        known = self.finding(step, finding) if finding else None
        name = table or (known.table if known else "")
        wanted = [anchor("table", name)] if name else []
        wanted += [anchor("finding", finding)] if finding else []
        wanted += self._findings_of_table(step, name)
        there = self.ids(step)
        return next((f"{step}.html#{place}" for place in wanted if place in there), f"{step}.html" if there else "")

    def _findings_of_table(self, step: str, name: str) -> list[str]:
        result = self.results[step]
        if result is None or not name:
            return []
        return [anchor("finding", found.key) for found in result.findings.values() if found.table == name]

    def ids(self, step: str) -> set[str]:
        """Return the ids of a step's page; none if there is no page."""
        if step not in self._ids:
            page = self.run_dir / f"{step}.html"
            self._ids[step] = set(_ID.findall(page.read_text(encoding="utf-8"))) if page.is_file() else set()
        return self._ids[step]

    @cached_property
    def about(self) -> dict[str, object]:
        """What the last step that ran stands on: bank, day, branch, currency."""
        return dict(self._ran[-1].about) if self._ran else {}

    @property
    def branches(self) -> list[str]:
        """Branches that the steps stand on, each once; an empty one is the whole bank."""
        return list(dict.fromkeys(str(result.about.get("branch") or "") for result in self._ran))

    @property
    def least(self) -> int:
        """Smallest group that is shown: what the steps were told, the largest where they differ."""
        told = [result.about.get("min_group_size", MIN_GROUP_SIZE) for result in self._ran]
        return max(told, default=MIN_GROUP_SIZE)

    @property
    def is_withheld(self) -> bool:
        """Whether every step that ran is withheld: a case of too few customers to be shown."""
        return bool(self.withheld) and not any(self.results.values())

    @property
    def currency(self) -> str:
        """ISO code of the bank's currency, empty if no step ran."""
        return str(self.about.get("currency", ""))

    @property
    def last_day(self) -> date | None:
        """Last day that the last step saw."""
        day = self.about.get("as_of")
        return date.fromisoformat(str(day)) if day else None


def _withheld(result: KeptResult | None) -> Text | None:
    words = None if result is None else result.about.get("withheld")
    return Text(**words) if words else None


def _read(run_dir: Path, step: str) -> KeptResult | None:
    """Read a step's result; one of another version or cut off half-way counts as not there."""
    try:
        return findings.read(run_dir, step)
    except (ValueError, KeyError):
        return None
