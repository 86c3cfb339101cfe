"""A bank that keeps no campaigns: the page says what is missing, and everything after it has nothing to show.

A notebook has no branches, so the answer “there is nothing to review” is an object that goes through the same
cells: each function hands back its empty form for it (no table, no finding), which the page shows as nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from helpers.findings import Finding, Text

if TYPE_CHECKING:
    from helpers.bank import Bank

NEEDED = ("campaigns", "assignments", "touches", "rewards")


class NothingToReview:
    """Stands for the case, its measures and all that follows where the bank keeps no campaigns."""

    def __init__(self, bank: Bank) -> None:
        self.bank = bank

    def __getattr__(self, name: str) -> None:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    @property
    def findings(self) -> list[Finding]:
        """Say which tables are missing and what can't be answered without them."""
        missing = [name for name in NEEDED if self.bank.tables.get(name) is None]
        return [
            Finding(
                "nothing_to_review",
                Text(
                    f"This bank has no table {', '.join(missing)}: there is no campaign to review, so neither an effect nor "
                    "a return, a leak or a hypothesis can be answered. Goals and segments (steps 1 and 2) don't need them.",
                    f"本行缺少数据表 {'、'.join(missing)}：没有可复盘的活动，无法回答效果、回报、漏损与假设；目标拆解与客群洞察（步骤 1、2）不受影响。",
                ),
                tone="warning",
            )
        ]


def otherwise(instead: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a function answer ``instead(first argument)`` where its first argument is nothing to review, or no table."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def answer(first: Any, *others: Any, **settings: Any) -> Any:
            if first is None or isinstance(first, NothingToReview):
                return instead(first)
            return function(first, *others, **settings)

        return answer

    return decorate


# What each function of the step answers where there is nothing to review.
INSTEAD: dict[str, Callable[[Any], Any]] = {
    "brief_findings": lambda nothing: nothing.findings,
    **dict.fromkeys(("measure", "places", "find_hunters", "decide"), lambda nothing: nothing),
    **dict.fromkeys(
        ("effect_findings", "net_findings", "money_findings", "hunters_findings", "returns_findings"), lambda _: []
    ),
    **dict.fromkeys(("hypothesis_findings", "decision_findings", "moved_findings"), lambda _: []),
    **dict.fromkeys(("gap_tables", "gap_captions"), lambda _: {}),
    **dict.fromkeys(
        (
            "attainment",
            "attainment_finding",
            "course",
            "effects_shown",
            "funnel_shown",
            "gap_bridge",
            "gap_finding",
            "goods_finding",
            "hypotheses",
            "hypotheses_shown",
            "in_words",
            "leak_finding",
            "metric_unit",
            "money_kept",
            "money_kept_finding",
            "money_rows",
            "moved",
            "naive_finding",
            "next_cycle",
            "placebo_finding",
            "returns",
            "split_finding",
            "without_shown",
            "write_list",
        ),
        lambda _: None,
    ),
}


def case_or_nothing(open_case: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``open_case`` answer :class:`NothingToReview` for a bank without a table of campaigns."""

    @wraps(open_case)
    def answer(bank: Bank, *others: Any, **settings: Any) -> Any:
        return NothingToReview(bank) if bank.campaigns is None else open_case(bank, *others, **settings)

    return answer
