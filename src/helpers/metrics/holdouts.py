"""Which arm of a campaign is the hold-out: the one that its brief names, else the first that bears a usual name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from helpers.bank import brief as briefs

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

USUAL_NAMES = ("control", "holdout", "hold_out", "hold-out")


def control_arm(arms: Collection[str], *, named: str = "") -> str:
    """Return the arm that is the hold-out, empty if none is known as such.

    Parameters
    ----------
    arms : collection of str
        Arms of one campaign.
    named : str
        Control arm of the campaign's brief, empty without one.

    Examples
    --------
    >>> control_arm(["gift", "hold-out"]), control_arm(["gift", "later", "control"], named="later")
    ('hold-out', 'later')
    >>> control_arm(["gift", "letter"])
    ''
    """
    return next((name for name in (named, *USUAL_NAMES) if name and name in arms), "")


def control_arms(bank: Bank, campaign_ids: Iterable[str]) -> dict[str, str]:
    """Return the hold-out of each campaign, read from its brief in the bank's folder or by its name.

    Parameters
    ----------
    bank : Bank
        With assignments.
    campaign_ids : iterable of str

    Returns
    -------
    dict of campaign_id to arm
        Only the campaigns that have a hold-out.

    Raises
    ------
    ValueError
        If a brief in the bank's folder is broken; names file and entry.
    """
    wanted = list(campaign_ids)
    if bank.assignments is None or not wanted:
        return {}
    table = bank.assignments.filter(lambda t: t.campaign_id.isin(wanted)).select("campaign_id", "arm").distinct()
    found = {}
    for campaign_id, rows in table.execute().dropna().groupby("campaign_id"):
        file = bank.folder / "briefs" / f"{campaign_id}.yml"
        named = briefs.read(file)[0].control if file.is_file() else ""
        arm = control_arm(list(rows["arm"].astype(str)), named=named)
        if arm:
            found[str(campaign_id)] = arm
    return found


def is_held_out(assignments: ir.Table, controls: Mapping[str, str]) -> Any:
    """Return, as an expression on a table with ``campaign_id`` and ``arm``, who was held out; false for an empty arm."""
    import ibis

    held: Any = ibis.literal(False)
    for campaign_id, arm in controls.items():
        held = held | ((assignments.campaign_id == campaign_id) & (assignments.arm == arm)).fill_null(False)
    return held
