"""What changed between two runs, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.runs.changes import compare


def figure(key: str, value: Any, *, unit: str = "count", is_main: bool = True) -> dict[str, Any]:
    return {"key": key, "value": value, "unit": unit, "is_main": is_main}


def warning(key: str) -> dict[str, str]:
    return {"key": key, "en": f"Beware of {key}.", "zh": f"注意{key}。"}


def step(
    name: str, *figures: dict[str, Any], case: str = "whole", state: str = "done", warnings: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        "case": case, "step": name, "state": state, "page": f"{name}.html", "titles": {"step": {"en": name, "zh": name}},
        "figures": list(figures), "warnings": [warning(key) for key in warnings],
    }  # fmt: skip


def test_nothing_changed() -> None:
    stands = [step("a", figure("mau", 276), warnings=("late",)), step("b", state="failed")]
    assert compare(stands, stands) == []
    assert compare([], []) == []


def test_a_figure_moves_with_its_difference() -> None:
    (change,) = compare(
        [step("a", figure("mau", 276, unit="customers"))], [step("a", figure("mau", 280, unit="customers"))]
    )
    assert change == {
        "kind": "figure", "case": "whole", "step": "a", "key": "mau", "unit": "customers",
        "before": 276, "after": 280, "difference": 4,
    }  # fmt: skip


@pytest.mark.parametrize("after", [0.1 + 0.2, 0.3 * (1 + 1e-12)])
def test_the_same_sum_in_another_order_has_not_moved(after: float) -> None:
    assert compare([step("a", figure("share", 0.3))], [step("a", figure("share", after))]) == []


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [(0.3, 0.3 * (1 + 1e-6), 3e-7), (0, 1e-12, 1e-12), (5, 0, -5)],
)
def test_small_but_real_moves_count(before: float, after: float, difference: float) -> None:
    (change,) = compare([step("a", figure("x", before))], [step("a", figure("x", after))])
    assert change["difference"] == pytest.approx(difference, rel=1e-6)


def test_what_is_no_number_moves_without_a_difference() -> None:
    (mark,) = compare([step("a", figure("seal", "2c2d"))], [step("a", figure("seal", "77aa"))])
    assert (mark["before"], mark["after"], mark["difference"]) == ("2c2d", "77aa", None)
    (lost,) = compare([step("a", figure("roi", 1.5))], [step("a")])
    assert (lost["key"], lost["before"], lost["after"], lost["difference"]) == ("roi", 1.5, None, None)
    (found,) = compare([step("a")], [step("a", figure("roi", 1.5))])
    assert (found["key"], found["before"], found["after"]) == ("roi", None, 1.5)


def test_other_figures_are_counted_not_listed() -> None:
    before = [step("a", figure("mau", 1), figure("x", 1, is_main=False), figure("y", 1, is_main=False))]
    after = [step("a", figure("mau", 1), figure("x", 2, is_main=False), figure("z", 1, is_main=False))]
    assert compare(before, after) == [{"kind": "figures", "case": "whole", "step": "a", "n": 3}]


def test_a_state_changes_and_a_step_that_stopped_has_no_figures_to_compare() -> None:
    good, bad = step("a", figure("mau", 276), warnings=("late",)), step("a", state="failed")
    assert compare([good], [bad]) == [
        {"kind": "state", "case": "whole", "step": "a", "before": "done", "after": "failed"}
    ]
    assert [change["kind"] for change in compare([bad], [good])] == ["state"]


def test_steps_come_and_go_and_the_gone_ones_bring_their_names() -> None:
    changes = compare([step("a"), step("b")], [step("a"), step("c", case="harbour")])
    assert [(change["kind"], change["case"], change["step"]) for change in changes] == [
        ("new", "harbour", "c"), ("gone", "whole", "b"),
    ]  # fmt: skip
    assert changes[1]["page"] == "b.html"
    assert changes[1]["titles"]["step"]["en"] == "b"


def test_warnings_come_and_go_with_their_words_in_both_languages() -> None:
    changes = compare([step("a", warnings=("old", "stays"))], [step("a", warnings=("stays", "new"))])
    assert [(change["kind"], change["key"]) for change in changes] == [("warning", "new"), ("warning_gone", "old")]
    assert (changes[0]["en"], changes[0]["zh"]) == ("Beware of new.", "注意new。")


def test_the_same_step_of_two_cases_is_two_steps() -> None:
    before = [step("a", figure("mau", 1), case="x"), step("a", figure("mau", 2), case="y")]
    after = [step("a", figure("mau", 1), case="x"), step("a", figure("mau", 3), case="y")]
    assert [(change["case"], change["before"], change["after"]) for change in compare(before, after)] == [("y", 2, 3)]
