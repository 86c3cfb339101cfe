"""Who the customers of a segment are and what they hold, against the base: one TGI a value of each trait."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd

from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.portraits.index import tgi, with_adjusted

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

AGE_EDGES = (30, 40, 50, 60, 70)
UNKNOWN = "unknown"
# Columns of the customers table that tell one customer from another and say nothing about a group.
NOT_TRAITS = ("customer_id", "joined_date", "closed_date", "birth_year", "loaded_at")
MOST_VALUES = 20
NOBODY = pd.Series(dtype="int64")


def portrait(
    bank: Bank,
    group: ir.Table,
    base: ir.Table,
    *,
    known_elsewhere: Sequence[str] = (),
    alpha: float = 0.05,
    min_group_size: int = MIN_GROUP_SIZE,
) -> pd.DataFrame:
    """Compare a segment with the base on every trait of the customers table, age, products held, and tags.

    Parameters
    ----------
    bank : Bank
        Ages and holdings are those of ``bank.as_of``.
    group, base : lazy Ibis tables
        Customers of the segment and of the base (canonical columns); the base contains the segment.
    known_elsewhere : sequence of str
        Tags to leave out because a column of the customers table says the same.
    alpha, min_group_size
        As in :func:`tgi`.

    Returns
    -------
    DataFrame
        ``trait`` (column, ``age_band``, ``product`` or ``tag:<name>``), ``trait_value``, then the columns of
        :func:`tgi`, p-values adjusted over all rows together; ``n_known`` customers of the segment
        whose value is known or who were counted. Columns with more than 20 different values are left out
        and named in ``attrs["too_many_values"]``; empty cells are the value ``unknown``. Of a tag only customers who
        carry it are compared.
    """
    n_group, n_base = int(group.count().to_pandas()), int(base.count().to_pandas())
    parts, too_many = [], []

    def compare(trait: str, inside: pd.Series, whole: pd.Series, n_inside: int, n_whole: int) -> None:
        if len(whole) > MOST_VALUES:
            too_many.append(trait)
            return
        table = tgi(inside, whole, n_group=n_inside, n_base=n_whole, alpha=alpha, min_group_size=min_group_size)
        parts.append(table.assign(trait=trait, n_known=n_inside))

    for trait in traits(bank):
        compare(trait, _count(group, bank.as_of, trait), _count(base, bank.as_of, trait), n_group, n_base)
    if bank.products is not None:
        compare("product", _holders(bank, group), _holders(bank, base), n_group, n_base)
    if bank.tags is not None:
        inside, whole = _tagged(bank, group), _tagged(bank, base)
        for tag in sorted(set(whole["tag"]) - set(known_elsewhere)):
            mine = inside[inside["tag"] == tag].set_index("value")["n"]
            every = whole[whole["tag"] == tag].set_index("value")["n"]
            if mine.sum() >= min_group_size:
                compare(f"tag:{tag}", mine, every, int(mine.sum()), int(every.sum()))
    filled = [part for part in parts if len(part)]
    if not filled:
        filled = [tgi(NOBODY, NOBODY, n_group=n_group, n_base=n_base).assign(trait="", n_known=0)]
    table = with_adjusted(pd.concat(filled, ignore_index=True), alpha).rename(columns={"value": "trait_value"})
    table = table[["trait", *(column for column in table.columns if column != "trait")]]
    table.attrs["too_many_values"] = too_many
    return table


def traits(bank: Bank) -> list[str]:
    """Return the traits of the customers table that a portrait looks at, age first."""
    own = [column for column in bank.customers.columns if column not in NOT_TRAITS]
    return ["age_band", *own]


def _tagged(bank: Bank, customers: ir.Table) -> pd.DataFrame:
    """Customers by tag and value, holes left out."""
    tags = bank.tags.semi_join(customers, "customer_id")
    tags = tags.filter(tags.value.notnull() & (tags.value.strip() != ""))
    return tags.group_by("tag", "value").aggregate(n=lambda t: t.customer_id.nunique()).to_pandas()


def age_band(age: ir.IntegerColumn) -> ir.StringColumn:
    """Return the band of an age as text, e.g. ``50–59``; null where the age is."""
    import ibis

    edges = AGE_EDGES
    bands = [(age < edges[0], f"<{edges[0]}")]
    bands += [(age < high, f"{low}–{high - 1}") for low, high in pairwise(edges)]
    bands += [(age >= edges[-1], f"{edges[-1]}+")]
    return ibis.cases(*bands, else_=ibis.null("string"))


def _count(customers: ir.Table, as_of: date, trait: str) -> pd.Series:
    """Customers by value of a trait; empty cells as ``unknown``."""
    value = age_band(as_of.year - customers.birth_year) if trait == "age_band" else customers[trait].cast("string")
    counts = customers.select(value=value).group_by("value").aggregate(n=lambda t: t.count()).to_pandas()
    names = counts["value"].astype(object).where(counts["value"].notna(), UNKNOWN)
    return pd.Series(counts["n"].to_numpy(), index=names.to_numpy()).groupby(level=0).sum()


def _holders(bank: Bank, customers: ir.Table) -> pd.Series:
    """Distinct customers by product held on ``bank.as_of``."""
    import ibis

    products = bank.products
    day = ibis.literal(bank.as_of)
    held = products.filter(products.opened_date <= day)
    if "closed_date" in held.columns:
        held = held.filter((held.closed_date.isnull()) | (held.closed_date > day))
    held = held.semi_join(customers, "customer_id")
    counts = held.group_by("product").aggregate(n=lambda t: t.customer_id.nunique()).to_pandas()
    return counts.set_index("product")["n"]
