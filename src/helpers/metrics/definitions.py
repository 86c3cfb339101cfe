"""The metrics by name: what each means, its unit, which way is better, who owns it. A metric is data."""

from __future__ import annotations

from typing import Literal

from pydantic import field_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.findings.numbers import UNITS

Direction = Literal["up", "down"]
Level = Literal["north_star", "second", "process"]
Stage = Literal["acquire", "activate", "retain", "convert", "refer", "guard"]


class Metric(catalogue.Entry):
    """One metric of `metrics.yml`.

    Attributes
    ----------
    name, description, formula : Words
    unit : str
        One of :data:`helpers.findings.numbers.UNITS`.
    direction : {"up", "down"}
        Which way is better.
    owner : Words
        Who answers for it.
    level : {"north_star", "second", "process"}
        Place in the tree: the goal itself, what it is made of, what a team does every day.
    stage : {"acquire", "activate", "retain", "convert", "refer", "guard"}
        Part of the customer's way that it measures; ``guard`` are those that must not get worse.
    """

    name: catalogue.Words
    description: catalogue.Words
    formula: catalogue.Words
    unit: str
    direction: Direction
    owner: catalogue.Words
    level: Level
    stage: Stage

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, value: str) -> str:
        if value not in UNITS:
            raise SpokenError(Text(f"must be one of {', '.join(UNITS)}", f"应为 {'、'.join(UNITS)} 之一"))
        return value


def read_metrics(*, folder: str = "") -> dict[str, Metric]:
    """Read `metrics.yml`.

    Returns
    -------
    dict of slug to Metric, in the file's order

    Raises
    ------
    ValueError
        One line for each entry that is unknown, missing or of a wrong type.

    Examples
    --------
    >>> metric = read_metrics()["mau"]
    >>> metric.unit, metric.direction, metric.name.zh
    ('customers', 'up', '月活跃客户数（MAU）')
    """
    return catalogue.read("metrics", Metric, folder=folder)


def metric(slug: str, *, what: str | Text = Text("metric", "指标")) -> Metric:
    """Return one metric; ValueError names the value, the nearest slug and all that there are.

    Examples
    --------
    >>> metric("mua")
    Traceback (most recent call last):
    helpers.findings.spoken.SpokenError: metric 'mua' is unknown, did you mean 'mau'; there are mau, ...
    """
    return catalogue.pick(read_metrics(), slug, what=what)
