"""Reads what was planted in a sample bank: for tests and the training course, never for steps."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

TABLES = (
    "campaigns",
    "channel_months",
    "channels",
    "customers",
    "effects",
    "hazards",
    "hunters",
    "paths",
    "rotators",
    "settings",
    "tags",
)


def read(bank_folder: str | Path, name: str) -> pd.DataFrame:
    """Return one table of `truth/`; its README says what the columns mean.

    Raises
    ------
    ValueError
        If there is no such table.
    """
    if name not in TABLES:
        raise ValueError(f"name {name!r} is no table of truth/; there are {', '.join(TABLES)}")
    frame = pd.read_parquet(Path(bank_folder) / "truth" / f"{name}.parquet")
    for column in frame.columns:
        if column.endswith("_date") or column == "month":
            frame[column] = pd.to_datetime(frame[column])
    return frame


def effect(bank_folder: str | Path, campaign_id: str, *, metric: str = "active_days", arm: str = "treatment") -> float:
    """Return the true effect of offering an arm: the mean of tau over all customers assigned in the campaign."""
    return float(effects(bank_folder, campaign_id, metric=metric, arm=arm).mean())


def effects(
    bank_folder: str | Path, campaign_id: str, *, metric: str = "active_days", arm: str = "treatment"
) -> pd.Series:
    """Return tau of every customer assigned in a campaign, indexed by customer."""
    frame = read(bank_folder, "effects")
    chosen = frame[(frame.campaign_id == campaign_id) & (frame.metric == metric) & (frame.arm == arm)]
    if chosen.empty:
        raise ValueError(f"no effect of {campaign_id!r} on {metric!r} in arm {arm!r} is planted")
    return chosen.set_index("customer_id").tau


def hunters(bank_folder: str | Path) -> set[str]:
    """Return the planted bonus hunters."""
    return set(read(bank_folder, "hunters").customer_id)


def setting(bank_folder: str | Path, name: str) -> float:
    """Return one planted number."""
    frame = read(bank_folder, "settings").set_index("name").value
    return float(frame[name])
