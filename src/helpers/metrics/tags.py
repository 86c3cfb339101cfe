"""The tag audit: is each tag of the bank's tag system there, fresh, right, and does it tell anything apart?

A tag table with a thousand columns is worth what can be relied on. Each tag is counted against all open customers
(coverage), against the calendar (freshness), against a trusted source where the catalogue names one (agreement), and
against behaviour (does the tag separate frequent users from others, as its hypothesis says?).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.exact import exact_sum
from helpers.metrics.layers import last_balances
from helpers.metrics.segments import with_age
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

Family = Literal["basic", "financial", "social", "risk", "life", "behaviour"]
DEFAULT_FRESH_DAYS = 365
MIN_COVERAGE = 0.7  # below it a group built on the tag misses too many to be called the group
MAX_STALE = 0.5
MIN_AGREEMENT = 0.95
MIN_SIGNAL_POINTS = 0.05
MOST_VALUES = 30
AUDIT_COLUMNS = (
    "tag",
    "family",
    "customers",
    "n_filled",
    "coverage",
    "n_strangers",
    "n_values",
    "top_share",
    "median_age_days",
    "stale_share",
    "n_compared",
    "agreement",
    "agreement_lower",
    "agreement_upper",
    "verdict",
)
SIGNAL_COLUMNS = (
    "tag",
    "n",
    "lowest",
    "lowest_active_share",
    "highest",
    "highest_active_share",
    "spread",
    "p_adjusted",
    "has_hypothesis",
)
VERDICTS = ("use", "unchecked", "undecided", "refresh", "fill", "wash")


class Source(catalogue.Entry):
    """The trusted column that a tag is checked against: of the customers, ``age``, or ``aum`` or ``loan`` of the last
    balance. See the head of `tags.yml`."""

    column: str
    values: dict[str, str] = Field(default_factory=dict)
    bands: dict[str, tuple[float | None, float | None]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> Source:
        if self.values and self.bands:
            raise SpokenError(Text("give values or bands, not both", "values 与 bands 只能给出其一"))
        return self


class Tag(catalogue.Entry):
    """One tag of the catalogue."""

    family: Family
    name: catalogue.Words
    fresh_days: int = Field(default=DEFAULT_FRESH_DAYS, ge=1)
    hypothesis: catalogue.Words | None = None
    source: Source | None = None
    min_coverage: float = Field(default=MIN_COVERAGE, ge=0, le=1)
    min_agreement: float = Field(default=MIN_AGREEMENT, ge=0, le=1)


def read_tags(*, folder: str = "") -> dict[str, Tag]:
    """Read the catalogue of tags.

    Examples
    --------
    >>> read_tags()["gender"].source.column
    'gender'
    """
    return catalogue.read("tags", Tag, folder=folder)


def tag_audit(
    bank: Bank, customers: ir.Table, *, known: dict[str, Tag] | None = None, alpha: float = 0.05
) -> pd.DataFrame | None:
    """Audit every tag of a bank.

    Parameters
    ----------
    bank : Bank
        Its ``tags`` as they are seen on ``bank.as_of``. A table that keeps only each tag's newest value hides, for a
        day in the past, the values refreshed since: coverage is then a lower bound.
    customers : lazy Ibis table
        Who should carry the tags: the open customers.
    known : dict of str to Tag, optional
        The catalogue; the project's by default.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    DataFrame or None
        None where the bank has no tags table. One row a tag, in the order of families:
        ``tag``, ``family``, ``customers`` (who should carry it), ``n_filled`` (who do, with a value), ``coverage``;
        ``n_strangers`` (values of people who are no open customers), ``n_values`` (different values), ``top_share``
        (share of the most frequent one); ``median_age_days`` and ``stale_share`` (older than the catalogue's
        ``fresh_days``); ``n_compared``, ``agreement``, ``agreement_lower``, ``agreement_upper`` (with the source;
        Wilson; missing where there is none); ``verdict`` (one of :data:`VERDICTS`), the worst that applies:
        ``wash`` the source contradicts it (upper bound below what is asked), ``fill`` too many holes, ``refresh`` too
        many old values, ``undecided`` the interval of the agreement contains what is asked, ``unchecked`` nothing to
        compare with, ``use``.
    """
    if bank.tags is None:
        return None
    entries = read_tags() if known is None else known
    money = (
        last_balances(bank)
        .group_by("customer_id")
        .aggregate(aum=lambda t: exact_sum(t.aum), loan=lambda t: exact_sum(t.loan))
    )
    people = with_age(customers, bank.as_of).left_join(money, "customer_id").drop("customer_id_right")
    n_people = int(customers.count().to_pandas())
    tags = bank.tags
    mine = tags.semi_join(customers, "customer_id")
    filled = mine.filter(mine.value.notnull() & (mine.value.strip() != ""))
    counts = filled.group_by("tag", "value").aggregate(n=lambda t: t.count()).to_pandas()
    every = tags.group_by("tag").aggregate(n=lambda t: t.count()).to_pandas().set_index("tag")["n"]
    own = mine.group_by("tag").aggregate(n=lambda t: t.count()).to_pandas().set_index("tag")["n"]
    ages = _ages(filled, bank)
    families = _families(tags)
    rows = []
    for tag in sorted(every.index):
        entry = entries.get(tag)
        values = counts[counts["tag"] == tag]
        n_filled = int(values["n"].sum())
        n_compared, n_agree = _agreement(filled, people, tag, entry.source if entry else None)
        lower, upper = wilson([n_agree], [n_compared], alpha=alpha)
        old = ages[ages["tag"] == tag]
        fresh_days = entry.fresh_days if entry else DEFAULT_FRESH_DAYS
        row = {
            "tag": tag,
            "family": entry.family if entry else families.get(tag, ""),
            "customers": n_people,
            "n_filled": n_filled,
            "coverage": n_filled / n_people if n_people else np.nan,
            "n_strangers": int(every[tag] - own.get(tag, 0)),
            "n_values": len(values),
            "top_share": values["n"].max() / n_filled if n_filled else np.nan,
            "median_age_days": _weighted_median(old["days"], old["n"]),
            "stale_share": old.loc[old["days"] > fresh_days, "n"].sum() / old["n"].sum() if old["n"].sum() else np.nan,
            "n_compared": n_compared,
            "agreement": n_agree / n_compared if n_compared else np.nan,
            "agreement_lower": float(lower[0]) if n_compared else np.nan,
            "agreement_upper": float(upper[0]) if n_compared else np.nan,
        }
        row["verdict"] = verdict(row, entry)
        rows.append(row)
    order = {family: place for place, family in enumerate(Family.__args__)}
    table = pd.DataFrame(rows, columns=list(AUDIT_COLUMNS))
    table["place"] = table["family"].map(order).fillna(len(order))
    return table.sort_values(["place", "tag"], ignore_index=True).drop(columns="place")


def verdict(row: dict[str, float], entry: Tag | None) -> str:
    """Return the worst verdict that applies to a tag's numbers (see :func:`tag_audit`).

    Examples
    --------
    >>> numbers = {"coverage": 0.9, "stale_share": 0.1, "n_compared": 900, "agreement_lower": 0.97,
    ...     "agreement_upper": 0.99}
    >>> verdict(numbers, None), verdict({**numbers, "agreement_upper": 0.9}, None), verdict({**numbers,
    ...     "coverage": 0.2}, None)
    ('use', 'wash', 'fill')
    """
    asked = entry.min_agreement if entry else MIN_AGREEMENT
    if row["n_compared"] and row["agreement_upper"] < asked:
        return "wash"
    if not row["coverage"] >= (entry.min_coverage if entry else MIN_COVERAGE):
        return "fill"
    if row["stale_share"] > MAX_STALE:
        return "refresh"
    if not row["n_compared"]:
        return "unchecked"
    return "use" if row["agreement_lower"] >= asked else "undecided"


def _families(tags: ir.Table) -> dict[str, str]:
    if "family" not in tags.columns:
        return {}
    frame = tags.group_by("tag").aggregate(family=lambda t: t.family.max()).to_pandas()
    return dict(zip(frame["tag"], frame["family"].fillna(""), strict=True))


def _ages(filled: ir.Table, bank: Bank) -> pd.DataFrame:
    """Days since the last refresh, counted by tag."""
    if "updated_at" not in filled.columns:
        return pd.DataFrame({"tag": pd.Series(dtype=str), "days": pd.Series(dtype=float), "n": pd.Series(dtype=int)})
    days = filled.group_by(tag=filled.tag, day=filled.updated_at.date()).aggregate(n=lambda t: t.count()).to_pandas()
    days["days"] = (pd.Timestamp(bank.as_of) - pd.to_datetime(days["day"])).dt.days
    return days.dropna(subset=["days"])


def _weighted_median(values: pd.Series, weights: pd.Series) -> float:
    if not weights.sum():
        return float("nan")
    order = values.sort_values().index
    reached = weights.loc[order].cumsum() >= weights.sum() / 2
    return float(values.loc[order][reached].iloc[0])


def _agreement(filled: ir.Table, people: ir.Table, tag: str, source: Source | None) -> tuple[int, int]:
    """Customers of whom tag and source are both known, and of them those on whom the two agree."""
    import ibis

    if source is None or source.column not in people.columns:
        return 0, 0
    rows = filled.filter(filled.tag == tag).select("customer_id", "value")
    rows = rows.inner_join(people.select("customer_id", truth=people[source.column]), "customer_id")
    rows = rows.filter(rows.truth.notnull())
    said = rows.value.strip().lower()
    if source.bands:
        inside = []
        for value, (low, high) in source.bands.items():
            held = ibis.literal(True)
            held = held if low is None else held & (rows.truth >= low)
            held = held if high is None else held & (rows.truth < high)
            inside.append((said == value.lower(), held))
        agrees = ibis.cases(*inside, else_=ibis.literal(False))
    else:
        cases = [(said == mine.lower(), ibis.literal(other.lower())) for mine, other in source.values.items()]
        meant = ibis.cases(*cases, else_=said) if cases else said
        agrees = meant == rows.truth.cast("string").strip().lower()
    counts = rows.aggregate(n=rows.count(), agree=rows.count(where=agrees)).to_pandas().iloc[0]
    return int(counts["n"]), int(counts["agree"])


def tag_signals(
    bank: Bank,
    customers: ir.Table,
    *,
    known: dict[str, Tag] | None = None,
    recent_days: int = 30,
    min_group_size: int = MIN_GROUP_SIZE,
    alpha: float = 0.05,
) -> pd.DataFrame | None:
    """Test each tag's hypothesis: does the share of active customers differ between the tag's values?

    Parameters
    ----------
    bank, customers, known, alpha
        As in :func:`tag_audit`.
    recent_days : int
        Days up to ``as_of`` in which a customer counts as active.
    min_group_size : int
        Values with fewer customers take no part.

    Returns
    -------
    DataFrame or None
        None without a tags table. One row a tag with two to 30 values that are large enough: ``tag``, ``n`` (customers
        compared), ``lowest``, ``lowest_active_share``, ``highest``, ``highest_active_share`` (values and shares),
        ``spread`` (difference of the two, 0–1), ``p_adjusted`` (χ² of equal shares, Benjamini–Hochberg over the tags),
        ``tells_apart`` (adjusted p below ``alpha`` and a spread of at least 5 points). A difference between groups, no
        cause.
    """
    import ibis
    from scipy.stats import chi2_contingency, false_discovery_control

    if bank.tags is None:
        return None
    entries = read_tags() if known is None else known
    first = ibis.literal(bank.as_of - timedelta(days=recent_days - 1))
    activity = bank.activity
    active = activity.filter(activity.occurred_at.date() >= first).select("customer_id").distinct()
    tags = bank.tags.semi_join(customers, "customer_id")
    tags = tags.filter(tags.value.notnull() & (tags.value.strip() != "")).select("customer_id", "tag", "value")
    seen = tags.semi_join(active, "customer_id").group_by("tag", "value").aggregate(active=lambda t: t.count())
    sizes = tags.group_by("tag", "value").aggregate(n=lambda t: t.count())
    counts = sizes.to_pandas().merge(seen.to_pandas(), on=["tag", "value"], how="left")
    counts["active"] = counts["active"].fillna(0)
    counts = counts[counts["n"] >= min_group_size]
    rows = []
    for tag, part in counts.groupby("tag"):
        if not 2 <= len(part) <= MOST_VALUES:
            continue
        part = part.assign(share=part["active"] / part["n"]).sort_values(["share", "value"])
        idle = part["n"] - part["active"]
        flat = part["active"].sum() == 0 or idle.sum() == 0
        rows.append(
            {
                "tag": tag,
                "n": int(part["n"].sum()),
                "lowest": part["value"].iloc[0],
                "lowest_active_share": part["share"].iloc[0],
                "highest": part["value"].iloc[-1],
                "highest_active_share": part["share"].iloc[-1],
                "spread": part["share"].iloc[-1] - part["share"].iloc[0],
                "p_adjusted": 1.0 if flat else chi2_contingency(np.array([part["active"], idle])).pvalue,
                "has_hypothesis": bool(tag in entries and entries[tag].hypothesis),
            }
        )
    table = pd.DataFrame(
        rows,
        columns=list(SIGNAL_COLUMNS),
    )
    if len(table):
        table["p_adjusted"] = false_discovery_control(table["p_adjusted"])
    table["tells_apart"] = (table["p_adjusted"] < alpha) & (table["spread"] >= MIN_SIGNAL_POINTS)
    return table.sort_values("spread", ascending=False, ignore_index=True)
