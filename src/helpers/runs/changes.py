"""What changed between two runs of a playbook: states, main figures, warnings, steps that came or went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

# Two values that differ by less than this share of the larger one are the same number, computed in another order.
_SAME = 1e-9

Entry = Mapping[str, Any]


def compare(before: Sequence[Entry], after: Sequence[Entry]) -> list[dict[str, Any]]:
    """Compare what stood of each step with what stands now.

    Parameters
    ----------
    before, after : sequence of mappings
        One a step: ``case, step, state``; ``figures``, a list of ``key, value, unit, is_main``; ``warnings``, a list
        of ``key, en, zh``. Only steps that are done have figures and warnings.

    Returns
    -------
    list of dict
        Each with ``kind, case, step``, in the order of ``after``; the steps that are gone last. By kind:

        - ``new``: the step was not on the board before.
        - ``gone``: it was, and is no longer; with the ``page`` and ``titles`` that it had.
        - ``state``: with ``before`` and ``after``.
        - ``figure``: a main figure that moved, with ``key, unit, before, after, difference`` (None where one of the
          two is missing or is no number).
        - ``figures``: how many other figures moved, ``n``.
        - ``warning``, ``warning_gone``: a finding that warns now, or no longer, with ``key, en, zh``.

    Examples
    --------
    >>> mau = {"key": "mau", "unit": "customers", "is_main": True}
    >>> old = {"case": "all", "step": "a", "state": "done", "figures": [{**mau, "value": 276}], "warnings": []}
    >>> new = {**old, "figures": [{**mau, "value": 280}]}
    >>> [(change["kind"], change["before"], change["after"], change["difference"]) for change in compare([old], [new])]
    [('figure', 276, 280, 4)]
    >>> compare([old], [old])
    []
    """
    known = {_key(entry): entry for entry in before}
    changes: list[dict[str, Any]] = []
    for entry in after:
        old = known.pop(_key(entry), None)
        changes += _new(entry) if old is None else _of_step(old, entry)
    for entry in known.values():
        kept = {name: entry[name] for name in ("page", "titles") if name in entry}
        changes.append({"kind": "gone", **_place(entry), **kept})
    return changes


def _new(entry: Entry) -> list[dict[str, Any]]:
    return [{"kind": "new", **_place(entry)}]


def _of_step(old: Entry, new: Entry) -> list[dict[str, Any]]:
    place = _place(new)
    changes: list[dict[str, Any]] = []
    if old["state"] != new["state"]:
        changes.append({"kind": "state", **place, "before": old["state"], "after": new["state"]})
    if old["state"] != "done" or new["state"] != "done":
        # A step that stopped has no figures: that it stopped says it all.
        return changes
    n_others = 0
    for was, now in _pairs(old["figures"], new["figures"]):
        if _is_same(was.get("value"), now.get("value")):
            continue
        named = now or was
        if not named["is_main"]:
            n_others += 1
            continue
        values = {"before": was.get("value"), "after": now.get("value")}
        changes.append(
            {
                "kind": "figure",
                **place,
                "key": named["key"],
                "unit": named["unit"],
                **values,
                "difference": _difference(**values),
            }
        )
    if n_others:
        changes.append({"kind": "figures", **place, "n": n_others})
    warned = {finding["key"] for finding in old["warnings"]}
    warns = {finding["key"] for finding in new["warnings"]}
    for kind, findings, others in (("warning", new["warnings"], warned), ("warning_gone", old["warnings"], warns)):
        changes += [{"kind": kind, **place, **finding} for finding in findings if finding["key"] not in others]
    return changes


def _pairs(old: Sequence[Entry], new: Sequence[Entry]) -> list[tuple[Entry, Entry]]:
    """Pair the figures of both runs by key; one that stands in one of them only is paired with nothing."""
    was = {figure["key"]: figure for figure in old}
    now = {figure["key"]: figure for figure in new}
    return [(was.get(key, {}), now.get(key, {})) for key in [*now, *(key for key in was if key not in now)]]


def _is_same(before: Any, after: Any) -> bool:
    if _is_number(before) and _is_number(after):
        return math.isclose(before, after, rel_tol=_SAME, abs_tol=0.0)
    return bool(before == after)


def _difference(before: Any, after: Any) -> float | int | None:
    return after - before if _is_number(before) and _is_number(after) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _place(entry: Entry) -> dict[str, Any]:
    return {"case": entry["case"], "step": entry["step"]}


def _key(entry: Entry) -> tuple[str, str]:
    return entry["case"], entry["step"]
