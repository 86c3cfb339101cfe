"""Benefits that campaigns give: `data/catalogue/benefits.yml`, held against what the bank has paid out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.exact import exact_sum
from helpers.metrics.forms import FIT_SCORES, FitLevel, Range, Share
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import pandas as pd

    from helpers.bank import Bank


class Benefit(catalogue.Entry):
    """One benefit; money in the bank's currency.

    Attributes
    ----------
    also_called : tuple of str
        Codes of the bank's own reward table that mean this benefit.
    unit_cost : Range
        What one costs the bank.
    redemption : Share
        Share of what is granted that is used.
    fits : dict of segment to level
        Segments that are not named are ``fair``.
    is_cash_like : bool
        Spends like money: first choice of bonus hunters.
    """

    name: catalogue.Words
    description: catalogue.Words
    also_called: tuple[str, ...] = ()
    unit_cost: Range
    redemption: Share
    fits: dict[str, FitLevel] = Field(default_factory=dict)
    is_cash_like: bool

    @model_validator(mode="after")
    def _costs_something(self) -> Benefit:
        if self.unit_cost.low < 0:
            raise SpokenError(
                Text(
                    f"unit_cost.low is {self.unit_cost.low:g}; a cost is 0 or more",
                    f"unit_cost.low 为 {self.unit_cost.low:g}，成本应不小于 0",
                )
            )
        return self

    def fit(self, segment: str) -> FitLevel:
        """Return how the benefit suits a segment."""
        return self.fits.get(segment, "fair")


def read_benefits(*, folder: str | Path = "") -> dict[str, Benefit]:
    """Read the catalogue of benefits.

    Returns
    -------
    dict of slug to Benefit

    Raises
    ------
    ValueError
        One line for each entry that is wrong; a code that two benefits claim.

    Examples
    --------
    >>> read_benefits()["points"].name.zh
    '积分'
    """
    benefits = catalogue.read("benefits", Benefit, folder=folder)
    owner: dict[str, str] = {}
    for slug, benefit in benefits.items():
        for code in (slug, *benefit.also_called):
            if owner.setdefault(code, slug) != slug:
                raise SpokenError(
                    Text(
                        f"benefits.yml: {slug}.also_called: {code!r} belongs to {owner[code]} already",
                        f"benefits.yml：{slug}.also_called：{code!r} 已属于 {owner[code]}",
                    )
                )
    return benefits


def canonical_kinds(benefits: dict[str, Benefit] | None = None) -> dict[str, str]:
    """Map every code that a reward table may hold to its benefit's slug.

    Examples
    --------
    >>> canonical_kinds()["gift"]
    'physical_gift'
    """
    known = read_benefits() if benefits is None else benefits
    return {code: slug for slug, benefit in known.items() for code in (slug, *benefit.also_called)}


def benefit_history(bank: Bank, segment: str, *, min_group_size: int = MIN_GROUP_SIZE) -> pd.DataFrame:
    """What the bank paid out by benefit, beside the catalogue: cost of one, share used, and the segment's part.

    Parameters
    ----------
    bank : Bank
    segment : str
        Slug of `segments.yml`; only rewards of its members are counted.
    min_group_size : int
        Benefits that fewer members were given count as never granted.

    Returns
    -------
    DataFrame, one row a benefit of the catalogue or code of the bank that the catalogue doesn't know
        ``benefit``, ``fit`` (to the segment), ``fit_score`` 0–1, ``unit_cost`` (mean of the bank's own, else the
        catalogue's middle), ``n_granted`` rewards to the segment, ``redeemed_share`` with Wilson ``redeemed_lower`` and
        ``redeemed_upper`` (nan where none was granted), ``is_own`` True where the bank's own rewards stand behind the numbers.
    """
    import pandas as pd

    from helpers.metrics import segments

    if min_group_size < 1:
        raise SpokenError(
            Text(
                f"min_group_size must be at least 1, not {min_group_size}",
                f"min_group_size 应不小于 1，现为 {min_group_size}",
            )
        )
    benefits = read_benefits()
    paid = pd.DataFrame(columns=["kind", "n", "people", "n_redeemed", "cost"])
    if bank.rewards is not None:
        mine = bank.rewards.semi_join(segments.members(bank, segment), "customer_id")
        paid = mine.group_by("kind").aggregate(
            n=lambda t: t.count(),
            people=lambda t: t.customer_id.nunique(),
            n_redeemed=lambda t: t.redeemed_at.count(),
            cost=lambda t: exact_sum(t.cost),
        )
        paid = paid.execute()
        # by code, before codes are joined: a benefit's customers under two codes may be the same ones
        paid = paid[paid["people"] >= min_group_size]
    kinds = canonical_kinds(benefits)
    paid["benefit"] = [kinds.get(kind, kind) for kind in paid["kind"]]
    summed = paid.groupby("benefit")[["n", "n_redeemed", "cost"]].sum()
    rows = []
    for slug in [*benefits, *(name for name in summed.index if name not in benefits)]:
        entry = benefits.get(slug)
        n = int(summed.at[slug, "n"]) if slug in summed.index else 0
        lower, upper = wilson(int(summed.at[slug, "n_redeemed"]), n) if n else (float("nan"), float("nan"))
        fit = entry.fit(segment) if entry else "fair"
        rows.append(
            {
                "benefit": slug,
                "fit": fit,
                "fit_score": FIT_SCORES[fit],
                "unit_cost": round(float(summed.at[slug, "cost"]) / n, 8) if n else entry.unit_cost.mid,
                "n_granted": n,
                "redeemed_share": float(summed.at[slug, "n_redeemed"]) / n if n else float("nan"),
                "redeemed_lower": float(lower),
                "redeemed_upper": float(upper),
                "is_own": n > 0,
            }
        )
    table = pd.DataFrame(rows)
    return table.sort_values(["fit_score", "n_granted"], ascending=False, kind="stable", ignore_index=True)
