"""Conditions on facts of a plan: what catalogues use to say when a warning or a rule applies.

A fact is a named plain value (number, word, yes or no) that a step computes: ``n_treated``, ``has_draw``, ``segment``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.findings.spoken import unknown

Value = bool | int | float | str


class Bounds(catalogue.Entry):
    """What a value must be; several bounds hold together.

    Attributes
    ----------
    is, is_in, at_least, at_most, above, below
        At least one of them; ``is`` stands as ``equals`` in Python.
    """

    equals: Value | None = Field(default=None, alias="is")
    is_in: tuple[Value, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    @property
    def subject(self) -> Text:
        """Name of what is bounded, for messages."""
        return Text("the condition", "该条件")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.bounds:
            raise SpokenError(
                Text(
                    f"{self.subject.en} needs one of {', '.join(_WRITTEN)}",
                    f"{self.subject.zh} 须给出 {'、'.join(_WRITTEN)} 之一",
                )
            )
        return self

    @property
    def bounds(self) -> dict[str, Any]:
        """The bounds that are set, by name."""
        return {name: getattr(self, name) for name in _TESTS if getattr(self, name) is not None}


class FactCondition(Bounds):
    """What one fact must be: its name (``fact``) and the bounds.

    Examples
    --------
    >>> FactCondition.model_validate({"fact": "duration_days", "below": 14}).holds({"duration_days": 28})
    False
    """

    fact: str

    @property
    def subject(self) -> Text:
        """Name of the fact."""
        return Text(self.fact, self.fact)

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Tell whether the fact fulfils every bound.

        Raises
        ------
        ValueError
            If the fact is not among those that the step computes, or can't be compared with the bound.
        """
        if self.fact not in facts:
            raise SpokenError(unknown("fact", self.fact, facts))
        value = facts[self.fact]
        try:
            return all(_TESTS[name](value, bound) for name, bound in self.bounds.items())
        except TypeError as error:
            raise SpokenError(
                Text(
                    f"fact {self.fact} is {value!r} and can't be compared with {self.bounds}",
                    f"fact {self.fact} 的值为 {value!r}，无法与 {self.bounds} 比较",
                )
            ) from error


_TESTS: dict[str, Any] = {
    "equals": lambda value, bound: value == bound,
    "is_in": lambda value, bound: value in bound,
    "at_least": lambda value, bound: value >= bound,
    "at_most": lambda value, bound: value <= bound,
    "above": lambda value, bound: value > bound,
    "below": lambda value, bound: value < bound,
}
# The same names as the catalogues write them.
_WRITTEN = tuple("is" if name == "equals" else name for name in _TESTS)


def all_hold(conditions: Sequence[FactCondition], facts: Mapping[str, Any]) -> bool:
    """Tell whether all conditions hold; an empty list holds."""
    return all(condition.holds(facts) for condition in conditions)
