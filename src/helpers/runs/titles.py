"""What a case is called where other parameters than its own reach it: by what it runs on, not by what it is named for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from helpers.findings.finding import Text
from helpers.findings.numbers import beside

BRANCH, CAMPAIGN = "branch", "campaign_id"
Values = Mapping[str, tuple[Any, ...]]


def departed(planned: Values, actual: Values, *, own: Collection[str]) -> dict[str, tuple[Any, ...]]:
    """Return what to name a case by where its own title no longer tells all; empty where it holds.

    Parameters
    ----------
    planned, actual : mapping of parameter to values
        Values of all steps, each once, as the playbook gives them and as they will run.
    own : collection of str
        Parameters that the case gives itself, which its title may speak of.

    Returns
    -------
    dict
        Parameter to its actual values. With ``branch`` or one of the case's own among them the title is to be replaced,
        otherwise they stand behind it.

    Examples
    --------
    >>> departed({"branch": ("Harbour",)}, {"branch": ("Airport",)}, own=["branch"])
    {'branch': ('Airport',)}
    >>> departed({"branch": ("Harbour",)}, {"branch": ("Harbour",)}, own=["branch"])
    {}
    """
    spoken_of = [BRANCH, CAMPAIGN, *(name for name in own if name not in (BRANCH, CAMPAIGN))]
    changed = [name for name in spoken_of if name in actual and actual[name] != planned[name]]
    if not set(changed) & {BRANCH, *own}:
        return {name: actual[name] for name in changed}
    shown = [name for name in spoken_of if name in actual and (name in (BRANCH, *own) or name in changed)]
    return {name: actual[name] for name in shown}


def title(own_title: Text, found: Values, *, own: Collection[str], campaigns: Mapping[str, str]) -> Text:
    """Return the title of a case: its own where :func:`departed` found nothing, else with or of what it runs on.

    Examples
    --------
    >>> harbour = Text("Harbour branch", "Harbour 网点")
    >>> title(harbour, {"campaign_id": ("K010",)}, own=["branch"], campaigns={"K010": "春日签到"}).en
    'Harbour branch · K010 春日签到'
    >>> title(harbour, {"branch": ("",)}, own=["branch"], campaigns={}).zh
    '全行'
    """
    parts = [_part(name, values, campaigns) for name, values in found.items()]
    if not set(found) & {BRANCH, *own}:
        parts.insert(0, own_title)
    return Text(" · ".join(part.en for part in parts), " · ".join(part.zh for part in parts))


def campaign(campaign_id: str, campaigns: Mapping[str, str]) -> str:
    """Return a campaign's id and name; the id alone where the bank has no name for it."""
    return f"{campaign_id} {campaigns.get(campaign_id, '')}".rstrip()


def _part(name: str, values: tuple[Any, ...], campaigns: Mapping[str, str]) -> Text:
    said = [_said(name, value, campaigns) for value in values]
    return Text(" / ".join(one.en for one in said), " / ".join(one.zh for one in said))


def _said(name: str, value: Any, campaigns: Mapping[str, str]) -> Text:
    if name == BRANCH:
        return Text(f"{value} branch", beside(str(value), "网点")) if value else Text("Whole bank", "全行")
    if name == CAMPAIGN:
        words = campaign(str(value), campaigns)
        return Text(words, words)
    return Text(f"{name} = {value}", f"{name} = {value}")
