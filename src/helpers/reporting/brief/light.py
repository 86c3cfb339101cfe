"""The light of a case: scale, change, stop or too early, by the rule of the post-mortem that fired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pydantic import Field

from helpers.bank import catalogue
from helpers.findings import Text
from helpers.reporting.brief.kept import POST_MORTEM, KeptCase

Colour = Literal["scale", "change", "stop", "too_early"]
NOT_REVIEWED, NOT_KNOWN = "not_reviewed", "not_known"
NAMES: dict[str, Text] = {
    "scale": Text("Scale", "推广"),
    "change": Text("Change", "调整"),
    "stop": Text("Stop", "停止"),
    "too_early": Text("Too early", "尚早"),
}
# A shape for each light, so that it is read without colour and in a grey print.
SHAPES: dict[str, str] = {"scale": "▲", "change": "◆", "stop": "■", "too_early": "○"}


class LightEntry(catalogue.Entry):
    """What a rule means for the next cycle (`lights.yml`)."""

    light: Colour
    next_step: catalogue.Words
    owner: catalogue.Words
    within_days: int = Field(gt=0)


@dataclass(frozen=True)
class Light:
    """One light, of the case or of one arm of its campaign."""

    arm: str
    rule: str
    why: Text
    entry: LightEntry
    due: date | None

    @property
    def colour(self) -> str:
        """One of the four lights."""
        return self.entry.light


def read_lights(*, folder: str = "") -> dict[str, LightEntry]:
    """Read `lights.yml`.

    Examples
    --------
    >>> read_lights()["pays"].light
    'scale'
    """
    return catalogue.read("lights", LightEntry, folder=folder)


def lights(case: KeptCase) -> list[Light]:
    """Return the light of each arm reviewed; one that says "too early" where nothing was reviewed."""
    known = read_lights()
    cycle = case.table(POST_MORTEM, "next_cycle")
    if cycle is None or cycle.empty:
        reviewed = case.has(POST_MORTEM)
        why = (
            Text("the post-mortem kept no decision.", "复盘未给出结论。")
            if reviewed
            else Text("no post-mortem was run for this case.", "本案例尚未复盘。")
        )
        rule = NOT_KNOWN if reviewed else NOT_REVIEWED
        return [Light("", rule, why, known[rule], _due(case, known[rule]))]
    found = []
    arms = cycle.drop_duplicates("arm")
    for row in arms.to_dict("records"):
        arm, rule = str(row["arm"]), str(row["rule"])
        entry = known.get(rule, known[NOT_KNOWN])
        key = "decision" if case.finding(POST_MORTEM, "decision") else f"decision_{arm}"
        found.append(Light(arm if len(arms) > 1 else "", rule, _why(case, key), entry, _due(case, entry)))
    return found


def _why(case: KeptCase, key: str) -> Text:
    """Return the rule in the post-mortem's own words, without the verdict that stands before them."""
    finding = case.finding(POST_MORTEM, key)
    if finding is None:
        return Text("the post-mortem kept no words for it.", "复盘未保存说明。")
    return Text(_after(finding.text.en, ": "), _after(finding.text.zh, "："))


def _after(sentence: str, sign: str) -> str:
    return sentence.partition(sign)[2] or sentence


def _due(case: KeptCase, entry: LightEntry) -> date | None:
    reviewed = case.last_day
    return None if reviewed is None else reviewed + timedelta(days=entry.within_days)
