"""Transactions that customers start: what they do in the app becomes money, and the rotators' round trips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.campaigns import Outcome
from helpers.bank.sample.clicks import EVENTS, Clicks
from helpers.bank.sample.contacts import PAYOUT_DAY
from helpers.bank.sample.wealth import Wealth
from helpers.bank.sample.window import Window

KINDS = ("transfer_out", "transfer_in", "bill_payment", "wealth_purchase")
_DAY = 86_400


@dataclass
class Transfers:
    """Transactions of a cell."""

    row: np.ndarray
    second: np.ndarray
    kind: np.ndarray
    amount: np.ndarray


def draw_transfers(
    rng: np.random.Generator, window: Window, clicks: Clicks, wealth: Wealth, outcomes: list[Outcome]
) -> Transfers:
    """Draw amounts for transfers, payments and purchases in the log; add what rotators bring and take out.

    They are a part of the customer's money only: `balances.net_inflow` also holds salaries, interest
    and what is done at the counter.
    """
    acts = {EVENTS.index("transfer"): 0, EVENTS.index("pay"): 2, EVENTS.index("buy_wealth"): 3}
    codes = np.full(len(EVENTS), -1)
    for event, kind in acts.items():
        codes[event] = kind
    kind = codes[clicks.event]
    done = np.flatnonzero(kind >= 0)
    row, second, kind = clicks.row[done], clicks.second[done] + 2, kind[done]
    kind = np.where((kind == 0) & (rng.random(len(kind)) < 0.38), 1, kind)
    usual = np.maximum(wealth.usual[row], 2_000.0)
    scale = np.select([kind <= 1, kind == 2], [0.02 * usual + 300, np.full(len(row), 70.0)], 0.08 * usual + 1_000)
    amount = np.round(scale * np.exp(0.8 * rng.standard_normal(len(row))), 2)
    parts = [(row, second, kind, np.maximum(amount, 0.01))]
    for outcome in outcomes:
        found = np.flatnonzero(outcome.rotated > 0)
        if len(found) == 0:
            continue
        measured = window.day(outcome.plan.ends)
        comes = (measured - rng.integers(1, 6, len(found))) * _DAY + rng.integers(9 * 3600, 20 * 3600, len(found))
        leaves = (window.day(PAYOUT_DAY) + rng.integers(1, 12, len(found))) * _DAY
        leaves = leaves + rng.integers(9 * 3600, 20 * 3600, len(found))
        who, money = outcome.rows[found], outcome.rotated[found]
        parts.append((who, comes, np.full(len(found), 1), money))
        parts.append((who, leaves, np.full(len(found), 0), money))
    row, second, kind, amount = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(second, kind="stable")
    return Transfers(row[order], second[order], kind[order], amount[order])
