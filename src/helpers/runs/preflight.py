"""What the bank itself must have before any kernel starts: tables that open, days and branches that exist."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.bank.problems import BankError
from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError, at, nearest, unwritable
from helpers.runs.plan import Plan
from helpers.runs.refusal import Refusal

if TYPE_CHECKING:
    from helpers.bank import Bank


def check_bank(plan: Plan) -> Bank:
    """Open the plan's bank and hold the plan's days, branches and campaigns against it.

    The plan learns the names of the bank's campaigns.

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
        raise Refusal(*error.texts) from error
    except SpokenError as error:
        raise Refusal(*(at(plan.bank, text) for text in error.texts)) from error
    campaigns = None
    if bank.campaigns is not None:
        named = bank.campaigns.select("campaign_id", "name").execute()
        plan.campaigns.update(zip(named["campaign_id"], named["name"].fillna(""), strict=True))
        campaigns = sorted(plan.campaigns)
    lines: list[Text] = []
    seen: set[tuple[str, str]] = set()
    for case in plan.cases:
        for step in case.steps:
            where = Text(f"case {case.name}, step {step.name}", f"案例 {case.name}，步骤 {step.name}")
            key = (str(step.parameters.get("as_of", "")), str(step.parameters.get("branch", "")))
            if key not in seen:
                seen.add(key)
                try:
                    bank.at(as_of=key[0], branch=key[1])
                except SpokenError as error:
                    lines += (at(where, text) for text in error.texts)
            campaign = step.parameters.get("campaign_id", "")
            if campaign and campaigns is not None and campaign not in campaigns:
                near = nearest(campaign, campaigns)
                words = Text(
                    f"campaign_id {campaign!r} is not in campaigns{near.en}; there are {', '.join(campaigns[:20])}",
                    f"campaign_id {campaign!r} 不在 campaigns 表中{near.zh}；可选：{'、'.join(campaigns[:20])}",
                )
                lines.append(at(where, words))
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
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Refusal(at(f"--reports {folder}", unwritable(error))) from error
