"""What the bank itself must have before any kernel starts: tables that open, days and branches that exist."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.bank.problems import BankError
from helpers.runs.plan import Plan
from helpers.runs.refusal import Refusal, nearest

if TYPE_CHECKING:
    from helpers.bank import Bank


def check_bank(plan: Plan) -> Bank:
    """Open the plan's bank and hold the plan's days, branches and campaigns against it.

    Returns
    -------
    Bank
        The bank that was checked, as of the last day of its log.

    Raises
    ------
    Refusal
        With one line for every broken rule of the tables, unknown branch, campaign, or day before the data.
    """
    from helpers import bank as banks

    try:
        bank = banks.open(plan.bank)
    except BankError as error:
        raise Refusal(*str(error).splitlines()) from error
    except ValueError as error:
        raise Refusal(f"{plan.bank}: {error}") from error
    campaigns = None
    if bank.campaigns is not None:
        campaigns = sorted(bank.campaigns.campaign_id.execute())
    lines: list[str] = []
    seen: set[tuple[str, str]] = set()
    for case in plan.cases:
        for step in case.steps:
            where = f"case {case.name}, step {step.name}"
            key = (str(step.parameters.get("as_of", "")), str(step.parameters.get("branch", "")))
            if key not in seen:
                seen.add(key)
                try:
                    bank.at(as_of=key[0], branch=key[1])
                except ValueError as error:
                    lines.append(f"{where}: {error}")
            campaign = step.parameters.get("campaign_id", "")
            if campaign and campaigns is not None and campaign not in campaigns:
                lines.append(
                    f"{where}: campaign_id {campaign!r} is not in campaigns{nearest(campaign, campaigns)}; "
                    f"there are {', '.join(campaigns[:20])}"
                )
    if lines:
        raise Refusal(*lines)
    return bank


def check_writable(folder: Path) -> None:
    """Make the reports folder and write to it.

    Raises
    ------
    Refusal
        If it can't be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".writable.")
        os.close(handle)
        Path(name).unlink()
    except OSError as error:
        raise Refusal(f"--reports {folder}: can't be written ({error.strerror or error})") from error
