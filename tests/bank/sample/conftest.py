"""Frames of the small sample bank, read once: 3,000 customers, 24 months, the default seed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture(scope="package")
def events(sample_bank_folder: Path) -> pd.DataFrame:
    """The activity log, with the day of each event."""
    frame = pd.read_parquet(sample_bank_folder / "activity")
    return frame.assign(day=frame.occurred_at.dt.normalize())


@pytest.fixture(scope="package")
def active_days(events: pd.DataFrame) -> pd.DataFrame:
    """Distinct days of each customer, in order."""
    days = events[["customer_id", "day"]].drop_duplicates()
    return days.sort_values(["customer_id", "day"], ignore_index=True)


@pytest.fixture(scope="package")
def table(sample_bank_folder: Path):
    """Read a table of the bank by name, once."""
    read: dict[str, pd.DataFrame] = {}

    def load(name: str) -> pd.DataFrame:
        if name not in read:
            read[name] = pd.read_parquet(sample_bank_folder / f"{name}.parquet")
        return read[name].copy()

    return load
