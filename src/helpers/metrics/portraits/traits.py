"""Who the customers of a segment are and what they hold, against the base: one TGI a value of each trait."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd
from scipy.stats import false_discovery_control

from helpers.metrics.portraits.index import tgi
from helpers.metrics.shares import equal_shares_p_value

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

AGE_EDGES = (30, 40, 50, 60, 70)
UNKNOWN = "unknown"
# Columns of the customers table that tell one customer from another and say nothing about a group.
NOT_TRAITS = ("customer_id", "joined_date", "closed_date", "birth_year", "loaded_at")
MOST_VALUES = 20


def portrait(
    bank: Bank,
    group: ir.Table,
    base: ir.Table,
    *,
    alpha: float = 0.05,
    min_group_size: int = 10,
) -> pd.DataFrame:
    """Compare a segment with the base on every trait of the customers table, on age, and on products held.

    Parameters
    ----------
    bank : Bank
        Ages and holdings are those of ``bank.as_of``.
    group, base : lazy Ibis tables
        Customers of the segment and of the base (canonical columns); the base contains the segment.
    alpha, min_group_size
        As in :func:`tgi`.

    Returns
    -------
    DataFrame
        ``trait`` (column, ``age_band`` or ``product``), then the columns of :func:`tgi`; adjusted p-values are
        adjusted over all traits together. Columns with more than 20 different values are left out and named in
        ``attrs["too_many_values"]``; empty cells are the value ``unknown``.
    """
    n_group, n_base = int(group.count().to_pandas()), int(base.count().to_pandas())
    parts, too_many = [], []
    for trait in traits(bank):
        in_base = _count(base, bank.as_of, trait)
        if len(in_base) > MOST_VALUES:
            too_many.append(trait)
            continue
        in_group = _count(group, bank.as_of, trait)
        table = tgi(in_group, in_base, n_group=n_group, n_base=n_base, alpha=alpha, min_group_size=min_group_size)
        parts.append(table.assign(trait=trait))
    if bank.products is not None:
        table = tgi(
            _holders(bank, group),
            _holders(bank, base),
            n_group=n_group,
            n_base=n_base,
            alpha=alpha,
            min_group_size=min_group_size,
        )
        parts.append(table.assign(trait="product"))
    whole = (
        pd.concat([part for part in parts if len(part)], ignore_index=True)
        if any(map(len, parts))
        else tgi(pd.Series(dtype=int), pd.Series(dtype=int), n_group=n_group, n_base=n_base).assign(
            trait=pd.Series(dtype=str)
        )
    )
    if n_group and n_group < n_base and len(whole):
        raw = equal_shares_p_value(whole["n_group"], n_group, whole["n_base"] - whole["n_group"], n_base - n_group)
        whole["p_adjusted"] = false_discovery_control(raw)
        whole["is_distinct"] = whole["p_adjusted"] < alpha
    whole = whole[["trait", *(column for column in whole.columns if column != "trait")]]
    whole.attrs["too_many_values"] = too_many
    return whole


def traits(bank: Bank) -> list[str]:
    """Return the traits of the customers table that a portrait looks at, age first."""
    own = [column for column in bank.customers.columns if column not in NOT_TRAITS]
    return ["age_band", *own]


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
        held = held.filter((held.closed_date.isnull()) | (held.closed_date > day))  # noqa: PD003 (ibis)
    held = held.semi_join(customers, "customer_id")
    counts = held.group_by("product").aggregate(n=lambda t: t.customer_id.nunique()).to_pandas()
    return counts.set_index("product")["n"]
