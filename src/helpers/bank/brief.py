"""The campaign brief: what was hoped for, written down before launch, with a fingerprint that shows later edits.

Step 3 writes one, the bank keeps those of past campaigns in its folder `briefs/`, and the post-mortem answers it.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from helpers.bank.catalogue import Entry, Words
from helpers.bank.settings import explain, read_yaml
from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError, at

Direction = Literal["up", "down"]


class Goal(Entry):
    """What the campaign is for: one metric of `metrics.yml`, its baseline and its target."""

    metric: str
    baseline: float
    target: float
    unit: str = "count"


class Arm(Entry):
    """One arm of the experiment; exactly one is the control (hold-out)."""

    name: str
    weight: float = Field(ge=0, le=1)
    control: bool = False


class Hypothesis(Entry):
    """A claim that the post-mortem must answer: the effect on a metric lies beyond a threshold in a direction.

    ``threshold`` is in the metric's own unit, as a difference of treated and control (0 asks for the sign only).
    """

    key: str
    text: Words
    metric: str
    direction: Direction
    threshold: float
    window_days: int = Field(gt=0)


class Guardrail(Entry):
    """A metric that must not get worse by more than the margin (non-inferiority)."""

    metric: str
    direction: Direction
    margin: float = Field(ge=0)


class Disclosure(Entry):
    """What prize promotions must publish before they start; blank fields are findings of the compliance check."""

    prize_kinds: str = ""
    conditions: str = ""
    method: str = ""
    draw_time: str = ""
    draw_method: str = ""
    prize_amounts: str = ""
    prize_names: str = ""
    prize_numbers_or_odds: str = ""
    redemption_time: str = ""
    redemption_conditions: str = ""
    redemption_method: str = ""
    delivery: str = ""
    forfeiture: str = ""
    organiser: str = ""
    contact: str = ""


class Expectation(Entry):
    """Range of the effect on the goal's metric that was expected, per treated customer."""

    metric: str
    low: float
    mid: float
    high: float


class Brief(Entry):
    """A campaign brief. Money is in the bank's currency; shares are 0–1."""

    schema_version: Literal[1] = 1
    campaign_id: str
    name: Words
    form: str
    segment: str
    branch: str = ""
    written_on: date
    starts_date: date
    ends_date: date
    evaluate_on: date
    budget: float = Field(ge=0)
    assignment: Literal["randomised", "branch_rollout", "none"]
    arms: tuple[Arm, ...]
    salt: str = ""
    n_planned: int = Field(default=0, ge=0)
    benefits: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    goal: Goal
    expectation: Expectation | None = None
    hypotheses: tuple[Hypothesis, ...] = Field(min_length=1)
    guardrails: tuple[Guardrail, ...] = ()
    disclosure: Disclosure = Disclosure()

    @model_validator(mode="after")
    def _coherent(self) -> Brief:
        if self.ends_date < self.starts_date:
            raise SpokenError(
                Text(
                    f"ends_date {self.ends_date} lies before starts_date {self.starts_date}",
                    f"ends_date {self.ends_date} 早于 starts_date {self.starts_date}",
                )
            )
        if self.written_on > self.starts_date:
            raise SpokenError(
                Text(
                    f"written_on {self.written_on} lies after the launch, {self.starts_date}",
                    f"written_on {self.written_on} 晚于上线日 {self.starts_date}",
                )
            )
        if len({arm.name for arm in self.arms}) < len(self.arms):
            raise SpokenError(Text("arms: two arms have the same name", "arms：有两个同名分组"))
        if self.assignment == "randomised" and sum(arm.control for arm in self.arms) != 1:
            raise SpokenError(
                Text("arms: a randomised campaign has exactly one control arm", "arms：随机活动须恰有一个对照组")
            )
        if self.arms and abs(sum(arm.weight for arm in self.arms) - 1) > 1e-6:
            raise SpokenError(Text("arms: the weights should add up to 1", "arms：各组权重之和应为 1"))
        return self

    @property
    def control(self) -> str:
        """Name of the control arm, empty if there is none."""
        return next((arm.name for arm in self.arms if arm.control), "")

    @property
    def weights(self) -> dict[str, float]:
        """Planned share of each arm."""
        return {arm.name: arm.weight for arm in self.arms}


def fingerprint(brief: Brief) -> str:
    """Return sha256 (16 hex digits) of the brief's content, independent of the order or layout of the file."""
    text = json.dumps(brief.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def write(brief: Brief, file: str | Path) -> str:
    """Write a brief as YAML with its fingerprint; return the fingerprint."""
    import yaml

    mark = fingerprint(brief)
    content: dict[str, Any] = {**brief.model_dump(mode="json"), "fingerprint": mark}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)
    Path(file).write_text(text, encoding="utf-8")
    return mark


def read(file: str | Path) -> tuple[Brief, str, bool]:
    """Read a brief.

    Returns
    -------
    (brief, fingerprint, untouched)
        ``fingerprint`` of the content as it stands; ``untouched`` False if the file was edited after it was sealed.

    Raises
    ------
    ValueError
        One line for each entry that is missing, unknown or wrong, with the file.
    """
    path = Path(file)
    if not path.is_file():
        words = Text(
            "there is no brief; the post-mortem answers what was written before launch",
            "没有活动简报；复盘只回答上线前写下的问题",
        )
        raise SpokenError(at(str(path), words))
    content = read_yaml(path)
    if not isinstance(content, dict):
        wanted = ("campaign_id", "goal", "arms", "hypotheses")
        words = Text(f"should be a mapping with {', '.join(wanted)}", f"应为包含 {'、'.join(wanted)} 的映射")
        raise SpokenError(at(str(path), words))
    sealed = content.pop("fingerprint", "")
    try:
        brief = Brief.model_validate(content)
    except ValidationError as error:
        raise SpokenError(*(at(str(path), line) for line in explain(error))) from error
    mark = fingerprint(brief)
    return brief, mark, sealed == mark
