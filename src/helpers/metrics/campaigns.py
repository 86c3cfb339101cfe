"""A past campaign: its row, which ones are over, and the days on which its money is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from helpers.findings import SpokenError, Text
from helpers.findings.spoken import unknown
from helpers.metrics.assets import balance_days

if TYPE_CHECKING:
    import pandas as pd

    from helpers.bank import Bank

# Durable money is read on days 31 to 90 after the last day of the campaign, when the bait is gone.
DURABLE_FROM_DAYS = 31
DURABLE_TO_DAYS = 90
BASE_SNAPSHOTS = 3  # the base is the highest of the last three month ends, so that a dip before launch is no gain


@dataclass(frozen=True)
class Campaign:
    """One row of the campaigns table.

    Attributes
    ----------
    campaign_id, form, name : str
    starts_date, ends_date : date
    budget : float or None
        In the bank's currency.
    success_event : str
        Event that counts as success; empty if none is named.
    """

    campaign_id: str
    form: str
    name: str
    starts_date: date
    ends_date: date
    budget: float | None
    success_event: str

    def last_day(self, window_days: int) -> date:
        """Return the last day of an outcome window of so many days, the first being the launch."""
        return self.starts_date + timedelta(days=window_days - 1)


@dataclass(frozen=True)
class MeasuringDays:
    """Balance days that a campaign's money is read on; None where the bank has none (yet).

    Attributes
    ----------
    before : date or None
        Last balance day before the launch.
    after : date or None
        Last balance day of the calendar month in which the outcome window ends.
    base : tuple of date
        Up to three last balance days of calendar months before the launch, newest first.
    durable : tuple of date
        Balance days 31 to 90 days after the campaign's last day, complete only if ``is_durable_complete``.
    is_durable_complete : bool
        True if no further balance day is to come before the 90th day after the campaign's end.
    """

    before: date | None
    after: date | None
    base: tuple[date, ...]
    durable: tuple[date, ...]
    is_durable_complete: bool


def campaign(bank: Bank, campaign_id: str) -> Campaign:
    """Return one campaign that the bank knows by the day it is looked at.

    Raises
    ------
    ValueError
        If the bank has no campaigns table, or no such campaign (the nearest is named).
    """
    if bank.campaigns is None:
        raise SpokenError(
            Text(
                f"campaign_id {campaign_id!r}: the bank has no table campaigns; a post-mortem needs one",
                f"campaign_id {campaign_id!r}：银行数据中没有表 campaigns，无法复盘",
            )
        )
    found = bank.campaigns.filter(lambda t: t.campaign_id == campaign_id).execute()
    if found.empty:
        known = sorted(bank.campaigns.campaign_id.name("id").as_table().execute()["id"])
        if not known:
            raise SpokenError(
                Text(
                    f"campaign_id {campaign_id!r}: no campaign had started by {bank.as_of}",
                    f"campaign_id {campaign_id!r}：截至 {bank.as_of} 尚无已上线的活动",
                )
            )
        words = unknown("campaign_id", campaign_id, known)
        raise SpokenError(
            Text(
                f"{words.en} (campaigns that had started by {bank.as_of})",
                f"{words.zh}（截至 {bank.as_of} 已上线的活动）",
            )
        )
    row = found.iloc[0]
    budget, event = row["budget"], row["success_event"]
    return Campaign(
        campaign_id=str(row["campaign_id"]),
        form=str(row["form"]),
        name=str(row["name"]),
        starts_date=as_date(row["starts_date"]),
        ends_date=as_date(row["ends_date"]),
        budget=None if budget is None or budget != budget else float(budget),
        success_event="" if event is None or event != event else str(event),
    )


def finished_campaigns(bank: Bank, *, window_days: int = 28) -> pd.DataFrame:
    """List the campaigns with an assignment whose outcome window is over by the day that is looked at.

    Parameters
    ----------
    bank : Bank
    window_days : int
        Length of the outcome window in days from the launch.

    Returns
    -------
    DataFrame, one row a campaign, by launch
        ``campaign_id, form, name, starts_date, ends_date, n_arms, n, is_drawn`` (True if every row has a propensity
        and there is more than one arm). Empty, with these columns, if the bank has no campaigns or no assignments.
    """
    import pandas as pd

    columns = ["campaign_id", "form", "name", "starts_date", "ends_date", "n_arms", "n", "is_drawn"]
    if bank.campaigns is None or bank.assignments is None:
        return pd.DataFrame(columns=columns)
    arms = bank.assignments.group_by("campaign_id").aggregate(
        n_arms=lambda t: t.arm.nunique(), n=lambda t: t.count(), n_drawn=lambda t: t.propensity.count()
    )
    found = bank.campaigns.inner_join(arms, "campaign_id").execute()
    found["starts_date"] = [as_date(value) for value in found["starts_date"]]
    found["ends_date"] = [as_date(value) for value in found["ends_date"]]
    found["is_drawn"] = (found["n_arms"] > 1) & (found["n_drawn"] == found["n"])
    over = [day + timedelta(days=window_days - 1) <= bank.as_of for day in found["starts_date"]]
    return found.loc[over, columns].sort_values(["starts_date", "campaign_id"], ignore_index=True)


def measuring_days(bank: Bank, of: Campaign, *, window_days: int = 28) -> MeasuringDays:
    """Find the balance days on which a campaign's money is read.

    Examples
    --------
    With month ends, a campaign from 8 September whose 28 days end on 5 October is read on 31 August (before) and
    31 October (after).
    """
    seen = balance_days(bank.balances)
    last = of.last_day(window_days)
    earlier = [day for day in seen if day < of.starts_date]
    in_month = [day for day in seen if (day.year, day.month) == (last.year, last.month) and day >= of.starts_date]
    month_lasts = {(day.year, day.month): day for day in earlier}
    first, until = (of.ends_date + timedelta(days=d) for d in (DURABLE_FROM_DAYS, DURABLE_TO_DAYS))
    durable = tuple(day for day in seen if first <= day <= until)
    gaps = sorted((b - a).days for a, b in pairwise(seen))
    usual_gap = timedelta(days=gaps[len(gaps) // 2] if gaps else 1)
    return MeasuringDays(
        before=earlier[-1] if earlier else None,
        after=in_month[-1] if in_month else None,
        base=tuple(sorted(month_lasts.values(), reverse=True)[:BASE_SNAPSHOTS]),
        durable=durable,
        is_durable_complete=bank.as_of >= until or (bool(durable) and durable[-1] + usual_gap > until),
    )


def midnight(day: date) -> datetime:
    """Return the first moment of a day."""
    return datetime.combine(day, time.min)


def as_date(value: Any) -> date:
    """Return the day of what an engine hands over for a date."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else value.to_pydatetime().date()
