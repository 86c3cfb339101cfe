"""The main figures of each step, and the target that each is held against where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.findings import Figure, Text, Writer
from helpers.findings.labels import read as read_labels
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.findings.small import tells_of_few

MAX_FIGURES = 4
_TARGET = Text("target", "目标")
_WHOLE_BANK = Text(" (whole bank)", "（全行）")


@dataclass(frozen=True)
class Main:
    """A figure that the board shows.

    Attributes
    ----------
    key : str
        Of the figure in the step's kept result.
    name : Text
    target : str or float
        Key of the figure that it is held against, or a number that holds for every bank; empty if none.
    means : Text
        What the target is called.
    with_period : bool
        The period belongs to the name: the figure speaks of a month ahead.
    is_shared : bool
        The figure is the whole bank's, also where the step looks at one branch.
    """

    key: str
    name: Text
    target: str | float = ""
    means: Text = _TARGET
    with_period: bool = False
    is_shared: bool = False


# By the words of the step's notebook, so that a step keeps its figures under another number.
MAIN: dict[str, tuple[Main, ...]] = {
    "goal_decomposition": (
        Main("projected_mau", Text("MAU projected", "月活预测"), target="target_mau", with_period=True),
        Main("projected_aum", Text("AUM projected", "AUM 预测"), target="target_aum", with_period=True),
        Main("mau", Text("MAU", "月活"), with_period=True),
        Main("aum", Text("AUM", "AUM"), with_period=True),
    ),
    "segment_insight": (
        Main("focus_customers", Text("Customers of the segment", "目标客群人数")),
        Main("retained", Text("Still active at the horizon", "观察期末仍活跃")),
        Main("value_at_risk", Text("Assets at risk", "风险资产")),
    ),
    "activity_design": (
        Main(
            "n_planned",
            Text("Customers of the experiment", "实验人数"),
            target="n_needed",
            means=Text("needed", "所需"),
        ),
        Main("expected_effect", Text("Expected effect per treated customer", "预期户均效果")),
        Main("cost", Text("Planned cost", "计划成本")),
        Main("roi", Text("Expected ROI", "预期 ROI")),
    ),
    "channel_matrix": (
        Main(
            "policy_breaches",
            Text("Contacts against the rules", "违规触达"),
            target=0,
            means=Text("allowed", "允许"),
        ),
        # Whom a channel meets belongs to no branch yet.
        Main("expected_activated", Text("New customers expected from the budget", "预算预计激活新客"), is_shared=True),
        Main("aac", Text("AAC", "AAC"), is_shared=True),
        Main("lroi", Text("LROI", "LROI"), is_shared=True),
    ),
    "post_mortem": (
        Main("goal_actual", Text("Campaign's goal, actual", "活动目标实际值"), target="goal_target"),
        Main("effect", Text("Effect per treated customer", "户均效果")),
        Main("cost", Text("Cost", "成本")),
        Main("roi", Text("ROI", "ROI")),
    ),
}


def main_figures(
    step: str, figures: Sequence[Mapping[str, Any]], *, least: int = MIN_GROUP_SIZE
) -> list[dict[str, Any]]:
    """Return the main figures of a step's kept result, those with a target first.

    Parameters
    ----------
    step : str
        Stem of its notebook.
    figures : sequence of mappings
        As `result.json` keeps them: ``key, value, lower, upper, unit, n, period``.
    least : int
        Smallest group of customers that is shown.

    Returns
    -------
    list of dict
        The figures as they are kept, without those of a few customers, with ``target``: None, or ``key`` (empty if it is no figure) and ``value``. Of
        a step that the board doesn't know, the first figures that have a name in both languages.

    Examples
    --------
    >>> kept = [{"key": "projected_mau", "value": 286, "unit": "customers"}, {"key": "target_mau", "value": 290}]
    >>> [(figure["key"], figure["target"]) for figure in main_figures("01_goal_decomposition", kept)]
    [('projected_mau', {'key': 'target_mau', 'value': 290})]
    """
    there = {
        figure["key"]: figure
        for figure in figures
        if figure.get("value") is not None and not tells_of_few(figure.get("n"), figure.get("unit", ""), least=least)
    }
    known = MAIN.get(_words(step))
    if known is None:
        labels = read_labels()
        return [{**figure, "target": None} for key, figure in there.items() if key in labels][:MAX_FIGURES]
    return [{**there[main.key], "target": _target(main, there)} for main in known if main.key in there]


def _target(main: Main, there: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    if not isinstance(main.target, str):
        return {"key": "", "value": main.target}
    return {"key": main.target, "value": there[main.target]["value"]} if main.target in there else None


def attainment(figures: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the least share of its target that a figure reaches; None if nothing has a target above 0.

    Examples
    --------
    >>> attainment([{"value": 86, "target": {"value": 1050}}, {"value": 5, "target": None}])
    0.0819...
    """
    shares = [
        figure["value"] / figure["target"]["value"]
        for figure in figures
        if figure.get("target") and figure["target"]["value"] > 0
    ]
    return min(shares, default=None)


def say(step: str, figure: Mapping[str, Any], *, language: str, currency: str, branch: str = "") -> dict[str, str]:
    """Write a main figure: ``name``, ``value``, ``range`` (interval, group size), ``target`` with the difference to it.

    Of a step of one ``branch``, the name of a figure says where it is the whole bank's.
    """
    write = Writer(language, currency)
    unit = figure["unit"]
    main = _main(step, figure["key"])
    target = figure.get("target")
    text = ""
    if target is not None:
        gap = write.n(figure["value"] - target["value"], difference_unit(unit), signed=True)
        means = (main.means if main else _TARGET).say(language)
        text = write(
            f"{means} {write.n(target['value'], unit)}, {gap}", f"{means} {write.n(target['value'], unit)}，{gap}"
        )
    return {
        "name": name(step, figure["key"], period=figure.get("period") or "", language=language, branch=branch),
        "value": write.n(figure["value"], unit),
        "range": _range(figure, write),
        "target": text,
    }


def name(step: str, key: str, *, language: str, period: str = "", branch: str = "") -> str:
    """Return the name of a figure; one that nobody has named keeps its key.

    Examples
    --------
    >>> name("04_channel_matrix", "aac", language="en", branch="Harbour")
    'AAC (whole bank)'
    """
    main = _main(step, key)
    if main is None:
        label = read_labels().get(key)
        return label.text.say(language) if label else key
    words = main.name.say(language)
    if main.is_shared and branch:
        words += _WHOLE_BANK.say(language)
    return f"{words} {period}" if main.with_period and period else words


def difference_unit(unit: str) -> str:
    """Return the unit that a difference of two such figures has: of shares, percentage points."""
    return "points" if unit in ("share", "probability") else unit


def _range(figure: Mapping[str, Any], write: Writer) -> str:
    """Write interval and group size; that all intervals are 95 % ones stands once below the table."""
    kept = Figure(**{name: figure.get(name) for name in ("key", "value", "lower", "upper", "n")}, unit=figure["unit"])
    inside = []
    if kept.lower is not None and kept.upper is not None and not kept.lower == kept.upper == kept.value:
        interval = write.ci(kept.lower, kept.upper, kept.unit)
        inside.append(interval.partition("CI " if write.language == "en" else "置信区间 ")[2])
    if kept.n is not None and kept.n != kept.value:
        inside.append(f"n = {kept.n:,}")
    joined = write(", ", "，").join(inside)
    return write(f" ({joined})", f"（{joined}）") if inside else ""


def _main(step: str, key: str) -> Main | None:
    return next((main for main in MAIN.get(_words(step), ()) if main.key == key), None)


def _words(step: str) -> str:
    number, _, words = step.partition("_")
    return words if number.isdigit() else step
