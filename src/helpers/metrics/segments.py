"""Customer segments: rules of `data/catalogue/segments.yml` turned into members of a bank.

A rule speaks of columns of the customers table, the bank's own attributes included, and of `age`, which is the age
that a customer reaches in the year of the day looked at (tables hold the year of birth only). An empty cell
fulfils no condition: who can't be placed is counted, never guessed.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.findings.spoken import unknown
from helpers.metrics.conditions import Bounds

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.bank import Bank

AGE = "age"
EVERYBODY = "all"


class SegmentError(SpokenError):
    """A segment that does not exist, or that this bank's tables can't form."""


class Condition(Bounds):
    """What one column of the customers table (``column``, or ``age``) must be: the column and the bounds."""

    column: str

    @property
    def subject(self) -> Text:
        """Name of the column."""
        return Text(self.column, self.column)

    def holds(self, value: ir.Column) -> ir.BooleanValue:
        """Return the condition as an expression on a column; null where the column is."""
        tests = {
            "equals": lambda bound: value == bound,
            "is_in": lambda bound: value.isin(list(bound)),
            "at_least": lambda bound: value >= bound,
            "at_most": lambda bound: value <= bound,
            "above": lambda bound: value > bound,
            "below": lambda bound: value < bound,
        }
        answers = [tests[name](bound) for name, bound in self.bounds.items()]
        joined = answers[0]
        for answer in answers[1:]:
            joined = joined & answer
        return joined


class Segment(catalogue.Entry):
    """One entry of the catalogue.

    Attributes
    ----------
    name, description : Words
    where : tuple of Condition
        All must hold; none means everybody.
    """

    name: catalogue.Words
    description: catalogue.Words
    where: tuple[Condition, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the customers table that the rule needs."""
        needed = ("birth_year" if condition.column == AGE else condition.column for condition in self.where)
        return tuple(dict.fromkeys(needed))


def read_segments(*, folder: str | Path = "") -> dict[str, Segment]:
    """Read the catalogue of segments.

    Parameters
    ----------
    folder : str or Path
        Folder of the catalogues; the project's by default.

    Returns
    -------
    dict of slug to Segment

    Examples
    --------
    >>> list(read_segments())[:3]
    ['all', 'silver', 'women']
    """
    return catalogue.read("segments", Segment, folder=folder)


def pick(segment: str, *, segments: dict[str, Segment] | None = None) -> Segment:
    """Return a segment by its slug.

    Raises
    ------
    SegmentError
        If there is none of that name; names the nearest one and all that there are.

    Examples
    --------
    >>> pick("silver").name.zh
    '银发客群'
    >>> pick("sliver")
    Traceback (most recent call last):
    helpers.metrics.segments.SegmentError: segment 'sliver' is unknown, did you mean 'silver'; there are all, ...
    """
    known = read_segments() if segments is None else segments
    if segment not in known:
        raise SegmentError(unknown("segment", segment, known))
    return known[segment]


def missing_columns(bank: Bank, segment: Segment) -> tuple[str, ...]:
    """Return the columns that a rule needs and the bank's customers table lacks."""
    return tuple(column for column in segment.columns if column not in bank.customers.columns)


def with_age(customers: ir.Table, as_of: date) -> ir.Table:
    """Add ``age`` in years: the age that the customer reaches in the year of ``as_of``."""
    return customers.mutate(**{AGE: as_of.year - customers.birth_year})


def rule(customers: ir.Table, segment: Segment) -> ir.BooleanValue:
    """Return a segment's rule as an expression on a customers table with ``age``; null where it can't be told.

    A customer fails the rule for certain as soon as one known column fails it.
    """
    import ibis

    joined: Any = ibis.literal(True)
    for condition in segment.where:
        joined = joined & condition.holds(customers[condition.column])
    return joined


def members(bank: Bank, segment: str) -> ir.Table:
    """Return the customers of a segment.

    Parameters
    ----------
    bank : Bank
        Ages are those of ``bank.as_of``.
    segment : str
        Slug of `data/catalogue/segments.yml`.

    Returns
    -------
    lazy Ibis table
        The customers table, its columns unchanged, restricted to the segment. Customers who closed their account
        are in it (``closed_date``, where the bank has it, tells).

    Raises
    ------
    SegmentError
        If the segment does not exist, or the bank lacks a column that its rule needs.
    """
    entry = pick(segment)
    lacking = missing_columns(bank, entry)
    if lacking:
        formable = [slug for slug, other in read_segments().items() if not missing_columns(bank, other)]
        raise SegmentError(
            Text(
                f"segment {segment!r} can't be formed: the bank's customers have no column {', '.join(lacking)}; "
                f"possible here are {', '.join(formable)}",
                f"无法划出客群 {segment!r}：customers 表缺少列 {'、'.join(lacking)}；可选：{'、'.join(formable)}",
            )
        )
    aged = with_age(bank.customers, bank.as_of)
    return aged.filter(rule(aged, entry).fill_null(False)).select(*bank.customers.columns)


def formable_segments(bank: Bank) -> dict[str, Segment]:
    """Return the segments whose columns the bank has, in the catalogue's order."""
    return {slug: entry for slug, entry in read_segments().items() if not missing_columns(bank, entry)}


def membership(bank: Bank) -> ir.Table:
    """Return one row a customer with one boolean column a formable segment, named by its slug.

    Returns
    -------
    lazy Ibis table
        ``customer_id`` and the slugs; null where the customer's columns don't tell.
    """
    aged = with_age(bank.customers, bank.as_of)
    return aged.select("customer_id", **{slug: rule(aged, entry) for slug, entry in formable_segments(bank).items()})


def sizes(bank: Bank) -> pd.DataFrame:
    """Count every segment of the catalogue.

    Returns
    -------
    DataFrame, one row a segment
        ``segment``, ``customers`` (members), ``share`` (of all customers, 0–1), ``n_unknown`` (customers whose empty
        cells leave it open), ``missing`` (columns that the bank lacks; empty if the segment can be formed).
        Segments overlap, so shares don't add up to 1.
    """
    import ibis
    import pandas as pd

    flags = membership(bank)
    slugs = [name for name in flags.columns if name != "customer_id"]
    zero = ibis.literal(0, type="int64")
    one = ibis.literal(1, type="int64")
    counts = (
        flags.aggregate(
            **{f"{slug}__n": ibis.cases((flags[slug], one), else_=zero).sum() for slug in slugs},
            **{f"{slug}__known": flags[slug].count() for slug in slugs},
            total=flags.count(),
        )
        .execute()
        .iloc[0]
        .fillna(0)
    )
    total = int(counts["total"])
    rows = []
    for slug, entry in read_segments().items():
        lacking = missing_columns(bank, entry)
        n = int(counts[f"{slug}__n"]) if not lacking else 0
        rows.append(
            {
                "segment": slug,
                "customers": n,
                "share": n / total if total and not lacking else float("nan"),
                "n_unknown": total - int(counts[f"{slug}__known"]) if not lacking else total,
                "missing": ", ".join(lacking),
            }
        )
    return pd.DataFrame(rows)
