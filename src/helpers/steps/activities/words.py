"""Names of segments, branches and bases as sentences use them."""

from __future__ import annotations

from helpers.findings import Text
from helpers.findings.numbers import beside
from helpers.metrics import segments
from helpers.models.mechanism.habits import ASSUMPTION, OTHER_FORMS, OWN_FORM


def segment_name(segment: str) -> Text:
    """Name of a segment in the middle of a sentence."""
    name = segments.pick(segment).name
    return Text(f"the segment “{name.en}”", f"“{name.zh}”")


def branch_words(branch: str) -> Text:
    """Say of which branch a sentence speaks; nothing for the whole bank."""
    if not branch:
        return Text("", "")
    return Text(f" of branch {branch}", f"（{beside(branch, '网点')}）")


BASIS: dict[str, Text] = {
    OWN_FORM: Text(
        "the bank's own randomised campaigns of this form, shrunk towards its other campaigns",
        "本行同形式随机活动（已向全部活动收缩）",
    ),
    OTHER_FORMS: Text(
        "the bank's randomised campaigns of other forms weighed with the catalogue's assumption",
        "本行其他形式随机活动与目录假设加权",
    ),
    ASSUMPTION: Text("an assumption of the catalogue, not a measurement", "目录假设，并非测量结果"),
}
HABIT_BASIS: dict[str, Text] = {
    OWN_FORM: Text("the bank's past campaigns of this form", "本行同形式历史活动"),
    OTHER_FORMS: Text("the bank's past campaigns of other forms", "本行其他形式历史活动"),
    ASSUMPTION: Text("an assumption of the catalogue", "目录假设"),
}

# Whom the page speaks of.
WHOM = Text("the group that this campaign could treat", "本次活动可触达的")

CAPTIONS: dict[str, Text] = {
    "past_campaigns": Text(
        "Past campaigns: take-up, and whether they can testify to an effect", "历史活动：参与情况，以及能否作为效果依据"
    ),
    "forms": Text("Forms for this segment, goal and budget", "本客群、目标与预算下的活动形式"),
    "cost_options": Text("Ways to keep the bill within the budget", "把成本控制在预算内的方案"),
    "experiment": Text("What the customers at hand can show", "现有客户能检出什么"),
    "response_groups": Text(
        "The campaign learnt from: groups by predicted effect, with the effect observed in each",
        "所依据的活动：按预测效果分组，附各组实测效果",
    ),
    "whom": Text("Customers eligible now, by predicted effect", "目前符合条件的客户：按预测效果"),
    "compliance": Text("Rules, their source and state (not legal advice)", "规则、来源与状态（不构成法律意见）"),
}
