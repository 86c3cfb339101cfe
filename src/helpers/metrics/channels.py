"""The channel inventory: `data/catalogue/channels.yml` joined with what the bank's own tables show of each channel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
from pydantic import Field, model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.metrics.exact import exact_sum
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    from helpers.bank import Bank

Fit = Literal["strong", "good", "fair", "poor"]


class UnitCost(catalogue.Entry):
    """Usual cost range in the bank's currency, per contact or per registration."""

    low: float = Field(ge=0)
    high: float = Field(ge=0)
    per: Literal["contact", "registration"]

    @model_validator(mode="after")
    def _ordered(self) -> UnitCost:
        if self.high < self.low:
            raise SpokenError(
                Text(f"high {self.high} lies below low {self.low}", f"high {self.high} 低于 low {self.low}")
            )
        return self


class Channel(catalogue.Entry):
    """One channel of the catalogue; see the head of the file for the meaning of the entries."""

    name: catalogue.Words
    wing: Literal["branch", "finance", "ecosystem"]
    place: Literal["online", "offline"]
    ownership: Literal["own", "external"]
    kind: Literal["internal", "media", "partner"]
    roles: tuple[Literal["acquire", "contact"], ...]
    owner: catalogue.Words
    capacity_per_month: int | None = Field(default=None, ge=0)
    unit_cost: UnitCost
    quiet_hours: bool
    needs_consent: bool
    strength: catalogue.Words
    watch: catalogue.Words
    fits: dict[str, Fit] = Field(default_factory=dict)

    def fit(self, segment: str) -> str:
        """Return how well the channel suits a segment; fair where nothing is said."""
        return self.fits.get(segment, self.fits.get("all", "fair"))


def read_channels(*, folder: str | Path = "") -> dict[str, Channel]:
    """Read the catalogue of channels.

    Examples
    --------
    >>> read_channels()["sms"].name.zh
    '短信'
    """
    return catalogue.read("channels", Channel, folder=folder)


def inventory(bank: Bank, *, segment: str, folder: str | Path = "") -> pd.DataFrame:
    """List every channel of the catalogue and of the bank's own tables.

    Parameters
    ----------
    bank : Bank
    segment : str
        Slug; its fit stands in the table.

    Returns
    -------
    DataFrame, one row a channel
        ``channel, wing, place, ownership, fit, capacity_per_month, cost_low, cost_high, cost_per, in_catalogue``
        and from the bank's log, 0 where it never used the channel: ``n_people`` (brought), ``n_contacts``.
    """
    known = read_channels(folder=folder)
    people = _counts(bank.acquisitions)
    contacts = _counts(bank.touches)
    rows = []
    for slug in [*known, *sorted((set(people) | set(contacts)) - set(known))]:
        entry = known.get(slug)
        rows.append(
            {
                "channel": slug,
                "wing": entry.wing if entry else None,
                "place": entry.place if entry else None,
                "ownership": entry.ownership if entry else None,
                "fit": entry.fit(segment) if entry else None,
                "capacity_per_month": entry.capacity_per_month if entry else None,
                "cost_low": entry.unit_cost.low if entry else None,
                "cost_high": entry.unit_cost.high if entry else None,
                "cost_per": entry.unit_cost.per if entry else None,
                "in_catalogue": entry is not None,
                "n_people": people.get(slug, 0),
                "n_contacts": contacts.get(slug, 0),
            }
        )
    return pd.DataFrame(rows)


def contact_results(bank: Bank, *, alpha: float = 0.05) -> pd.DataFrame | None:
    """What became of the bank's contacts, by channel; None without a table of touches.

    Returns
    -------
    DataFrame, one row a channel, most contacts first
        ``channel, n_contacts, delivered_share, response_share, response_lower, response_upper`` (clicked or
        answered, of all sent; Wilson interval), ``opt_out_share, cost, cost_per_response``.
    """
    if bank.touches is None:
        return None
    counts = (
        bank.touches.group_by("channel")
        .aggregate(
            n_contacts=lambda t: t.count(),
            n_failed=lambda t: t.outcome.isin(["failed", "suppressed"]).fill_null(False).sum(),
            n_responses=lambda t: t.outcome.isin(["clicked", "answered"]).fill_null(False).sum(),
            n_opt_outs=lambda t: (t.outcome == "opted_out").fill_null(False).sum(),
            cost=lambda t: exact_sum(t.cost),
        )
        .execute()
        .sort_values("n_contacts", ascending=False, ignore_index=True)
    )
    n = counts["n_contacts"]
    low, high = wilson(counts["n_responses"], n, alpha=alpha)
    return pd.DataFrame(
        {
            "channel": counts["channel"],
            "n_contacts": n,
            "delivered_share": 1 - counts["n_failed"] / n,
            "response_share": counts["n_responses"] / n,
            "response_lower": low,
            "response_upper": high,
            "opt_out_share": counts["n_opt_outs"] / n,
            "cost": counts["cost"],
            "cost_per_response": (counts["cost"] / counts["n_responses"]).where(counts["n_responses"] > 0),
        }
    )


def _counts(table: object) -> dict[str, int]:
    if table is None:
        return {}
    counts = table.group_by("channel").aggregate(n=lambda t: t.count()).execute()  # type: ignore[attr-defined]
    return dict(zip(counts["channel"], counts["n"].astype(int), strict=True))
