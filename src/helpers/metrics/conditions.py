"""Conditions on facts of a plan: what catalogues use to say when a warning or a rule applies.

A fact is a named plain value (number, word, yes or no) that a step computes: ``n_treated``, ``has_draw``, ``segment``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from helpers.bank import catalogue

Value = bool | int | float | str


class FactCondition(catalogue.Entry):
    """What one fact must be; several bounds of one condition hold together.

    Attributes
    ----------
    fact : str
        Name of the fact.
    is, is_in, at_least, at_most, above, below
        At least one of them; ``is`` stands as ``equals`` in Python.

    Examples
    --------
    >>> FactCondition.model_validate({"fact": "duration_days", "below": 14}).holds({"duration_days": 28})
    False
    """

    fact: str
    equals: Value | None = Field(default=None, alias="is")
    is_in: tuple[Value, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> FactCondition:
        if not self.bounds:
            raise ValueError(f"{self.fact} needs one of is, is_in, at_least, at_most, above, below")
        return self

    @property
    def bounds(self) -> dict[str, Any]:
        """The bounds that are set, by name."""
        names = ("equals", "is_in", "at_least", "at_most", "above", "below")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Tell whether the fact fulfils every bound.

        Raises
        ------
        ValueError
            If the fact is not among those that the step computes, or can't be compared with the bound.
        """
        if self.fact not in facts:
            raise ValueError(catalogue.unknown(self.fact, facts, what="fact"))
        value = facts[self.fact]
        try:
            return all(_TESTS[name](value, bound) for name, bound in self.bounds.items())
        except TypeError as error:
            raise ValueError(f"fact {self.fact} is {value!r} and can't be compared with {self.bounds}") from error


_TESTS: dict[str, Any] = {
    "equals": lambda value, bound: value == bound,
    "is_in": lambda value, bound: value in bound,
    "at_least": lambda value, bound: value >= bound,
    "at_most": lambda value, bound: value <= bound,
    "above": lambda value, bound: value > bound,
    "below": lambda value, bound: value < bound,
}


def all_hold(conditions: Sequence[FactCondition], facts: Mapping[str, Any]) -> bool:
    """Tell whether all conditions hold; an empty list holds."""
    return all(condition.holds(facts) for condition in conditions)
