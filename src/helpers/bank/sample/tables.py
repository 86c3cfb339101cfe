"""Cells to canonical tables: what the bank gets to see of what was simulated."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from helpers.bank.sample import arrow, holdings, surveys, transfers
from helpers.bank.sample.cell import REWARD_KINDS, Cell, World
from helpers.bank.sample.chance import generator
from helpers.bank.sample.clicks import APPS, EVENTS, PAGES
from helpers.bank.sample.contacts import OUTCOMES, TOUCH_CHANNELS
from helpers.bank.sample.joining import CHANNELS, CURVES
from helpers.bank.sample.people import BRANCHES, RISK_APPETITES
from helpers.bank.sample.plans import INVITE, plans_in
from helpers.bank.sample.tags import FAMILIES, TAGS

LATE_SHARE = 0.0075  # of rows that are not the first of a customer's day
LATE_DAYS = (2, 20)
REPEATED_SHARE = 0.003
LOADING_SECOND = 86_400 - 90  # the day's load closes just before midnight
_DAY = 86_400
_PER_CELL = 10_000_000  # numbers kept free for each cell's sessions and contacts
_PROSPECTS_PER_CELL = 10_000


def activity(world: World, cells: list[Cell]) -> pa.Table:
    """Return the events of some cells in order of time, late and repeated rows among them."""
    columns: list[tuple[np.ndarray, ...]] = []
    for cell in cells:
        rng = generator(world.seed, "loading", cell.number)
        clicks = cell.clicks
        second, session = clicks.second, clicks.session
        # never the day's first event: a late row hides what was done, not that somebody was there
        day = second // _DAY
        key = clicks.row.astype(np.int64) * world.window.days + day
        order = np.lexsort((second, key))
        opens = np.zeros(len(key), dtype=bool)
        opens[order[np.r_[True, key[order][1:] != key[order][:-1]]]] = True
        late = ~opens & (rng.random(len(key)) < LATE_SHARE)
        loaded = day * _DAY + LOADING_SECOND
        loaded = loaded + np.where(late, rng.integers(LATE_DAYS[0], LATE_DAYS[1] + 1, len(key)) * _DAY, 0)
        repeated = np.flatnonzero(rng.random(len(key)) < REPEATED_SHARE)
        take = np.concatenate([np.arange(len(key)), repeated])
        columns.append(
            (
                cell.people.number[clicks.row[take]],
                second[take],
                clicks.event[take],
                clicks.page[take],
                session[take] + (cell.number + 1) * _PER_CELL,
                cell.people.uses_elder_edition[clicks.row[take]],
                loaded[take],
            )
        )
    who, second, event, page, session, is_elder, loaded = (
        np.concatenate(column) for column in zip(*columns, strict=True)
    )
    order = np.argsort(second, kind="stable")
    return pa.table(
        {
            "customer_id": arrow.coded_identifiers("C", who[order], arrow.CUSTOMER_DIGITS),
            "occurred_at": arrow.times(world.window, second[order]),
            "event": arrow.words(event[order], EVENTS),
            "page": arrow.words(page[order], PAGES),
            "session_id": arrow.identifiers("S", session[order], 11),
            "app": arrow.words(is_elder[order].astype(np.int8), APPS),
            "loaded_at": arrow.times(world.window, loaded[order]),
        }
    )


def customers(world: World, cell: Cell) -> pa.Table:
    """Return the customers of a cell as the bank knows them."""
    people, window = cell.people, world.window
    closing = cell.lives.closing_day
    return pa.table(
        {
            "customer_id": arrow.customers(people.number),
            "joined_date": arrow.dates(window, cell.joining.day),
            "birth_year": arrow.numbers(people.birth_year, known=people.birth_year_known),
            "gender": arrow.words(people.is_woman.astype(np.int8), ("M", "F"), known=people.gender_known),
            "branch": arrow.words(people.branch, BRANCHES),
            "is_payroll": arrow.numbers(people.is_payroll),
            "is_car_owner": arrow.numbers(people.is_car_owner),
            "has_children": arrow.numbers(people.has_children),
            "risk_appetite": arrow.words(people.risk_appetite, RISK_APPETITES, known=people.risk_known),
            "city_tier": arrow.numbers(people.city_tier),
            "branch_distance_km": arrow.numbers(people.branch_distance_km),
            "marketing_consent": arrow.numbers(people.consents, known=people.consent_known),
            "closed_date": arrow.dates(window, closing, known=(closing < window.days)),
        }
    )


def balances(world: World, cell: Cell) -> pa.Table:
    """Return month-end balances: from the month of joining to the month of closing."""
    row, month = np.nonzero(cell.has_balance)
    ends = world.window.month_starts[1:] - 1
    gone = cell.lives.closing_day[row] <= ends[month]
    return pa.table(
        {
            "customer_id": arrow.customers(cell.people.number[row]),
            "balance_date": arrow.dates(world.window, ends[month]),
            "aum": arrow.numbers(cell.aum[row, month]),
            "loan": arrow.numbers(np.where(gone, 0.0, cell.wealth.loan[row, month])),
            "net_inflow": arrow.numbers(cell.net_inflow[row, month]),
        }
    )


def campaigns(world: World) -> pa.Table:
    """Return the past campaigns."""
    window = world.window
    plans = plans_in(window)
    budget = [plan.budget(world.customers) for plan in plans]
    return pa.table(
        {
            "campaign_id": pa.array([plan.campaign_id for plan in plans], type=pa.string()),
            "form": pa.array([plan.form for plan in plans], type=pa.string()),
            "name": pa.array([plan.zh for plan in plans], type=pa.string()),
            "starts_date": arrow.dates(window, np.array([window.day(plan.launch) for plan in plans], dtype=int)),
            "ends_date": arrow.dates(window, np.array([window.day(plan.ends) for plan in plans], dtype=int)),
            "budget": pa.array(budget, type=pa.float64()),
            "success_event": pa.array([plan.success_event for plan in plans], type=pa.string()),
        }
    )


def assignments(world: World, cell: Cell) -> pa.Table:
    """Return who was treated and who was held out."""
    parts = []
    for outcome in cell.outcomes:
        plan, n = outcome.plan, len(outcome.rows)
        chance = np.array([weight for _, weight in plan.arms])[outcome.arm]
        parts.append(
            pa.table(
                {
                    "campaign_id": arrow.words(np.zeros(n, dtype=int), (plan.campaign_id,)).cast(pa.string()),
                    "customer_id": arrow.customers(cell.people.number[outcome.rows]),
                    "arm": arrow.words(outcome.arm, tuple(name for name, _ in plan.arms)).cast(pa.string()),
                    "propensity": arrow.numbers(chance, known=np.full(n, plan.is_randomised)),
                    # drawn in the evening before the launch
                    "assigned_at": arrow.times(world.window, outcome.launch * _DAY - 6 * 3600),
                }
            )
        )
    return pa.concat_tables(parts)


def _campaign_ids(world: World, position: np.ndarray) -> pa.Array:
    return arrow.words(position, tuple(plan.campaign_id for plan in plans_in(world.window)))


def touches(world: World, cell: Cell) -> pa.Table:
    """Return contacts, in order of time within the cell."""
    found = cell.touches
    order = np.argsort(found.second, kind="stable")
    return pa.table(
        {
            "touch_id": arrow.identifiers("T", (cell.number + 1) * _PER_CELL + np.arange(len(order)), 11),
            "campaign_id": _campaign_ids(world, found.campaign[order]),
            "customer_id": arrow.customers(cell.people.number[found.row[order]]),
            "channel": arrow.words(found.channel[order], TOUCH_CHANNELS),
            "sent_at": arrow.times(world.window, found.second[order]),
            "outcome": arrow.words(found.outcome[order], OUTCOMES),
            "cost": arrow.numbers(found.cost[order]),
        }
    )


def rewards(world: World, cell: Cell) -> pa.Table:
    """Return benefits paid, in order of time within the cell."""
    found = cell.payouts
    order = np.argsort(found.second, kind="stable")
    return pa.table(
        {
            "campaign_id": _campaign_ids(world, found.campaign[order]),
            "customer_id": arrow.customers(cell.people.number[found.row[order]]),
            "rewarded_at": arrow.times(world.window, found.second[order]),
            "kind": arrow.words(found.kind[order], REWARD_KINDS),
            "cost": arrow.numbers(found.cost[order]),
            "redeemed_at": arrow.times(world.window, found.redeemed[order]),
        }
    )


def seen_counts(world: World, joinings: Iterator) -> np.ndarray:
    """Count the shares into which each channel and month's spend is cut: (n_channels, months).

    A person who registered counts four times as much as one who was only seen.
    """
    shares = np.zeros((len(CURVES), world.window.months))
    for joining in joinings:
        came = ~joining.is_prior
        np.add.at(shares, (joining.channel[came], joining.month[came]), 4.0)
        np.add.at(shares, (joining.prospect_channel, joining.prospect_month), 1.0)
    return shares


def acquisitions(world: World, cell: Cell, shares: np.ndarray) -> pa.Table:
    """Return who was won in the log's time, and who was seen but never registered."""
    joining, window = cell.joining, world.window
    rows = np.flatnonzero(~joining.is_prior)
    registered = joining.day[rows].astype(np.int64) * _DAY + joining.second[rows]
    seen = registered - joining.seen_days_before[rows] * _DAY - 300
    activated = activation_seconds(world, cell)[rows]
    m = len(joining.prospect_channel)
    assert m < _PROSPECTS_PER_CELL, "prospects of a cell no longer fit into its numbers"
    prospects = arrow.PROSPECT_FROM + cell.number * _PROSPECTS_PER_CELL + np.arange(m)
    none = np.full(m, arrow.NO_TIME)
    channel = np.concatenate([joining.channel[rows], joining.prospect_channel])
    month = np.concatenate([joining.month[rows], joining.prospect_month])
    weight = np.concatenate([np.full(len(rows), 4.0), np.ones(m)])
    cost = np.round(world.channels.spend[channel, month] * weight / shares[channel, month], 2)
    who = np.concatenate([cell.people.number[rows], prospects])
    seen = np.concatenate([seen, joining.prospect_day * _DAY + joining.prospect_second])
    registered = np.concatenate([registered, none])
    activated = np.concatenate([activated, none])
    order = np.argsort(seen, kind="stable")
    return pa.table(
        {
            "customer_id": arrow.customers(who[order]),
            "channel": arrow.words(channel[order], CHANNELS),
            "seen_at": arrow.times(window, seen[order]),
            "registered_at": arrow.times(window, registered[order]),
            "activated_at": arrow.times(window, activated[order]),
            "cost": arrow.numbers(cost[order]),
        }
    )


def activation_seconds(world: World, cell: Cell) -> np.ndarray:
    """Return when each customer activated: on the first active day from the drawn delay on, within 60 days.

    `NO_TIME` for those who joined before the log, who never activate, and whose activation would
    fall after the log.
    """
    joining, window = cell.joining, world.window
    found = np.full(cell.people.n, arrow.NO_TIME)
    rows = np.flatnonzero(~joining.is_prior & joining.activates)
    due = joining.day[rows] + np.minimum(joining.activation_delay[rows], 30)
    for row, first in zip(rows, due, strict=True):
        ahead = np.flatnonzero(cell.active[row, first : min(first + 31, window.days)])
        if len(ahead):
            day = first + int(ahead[0])
        elif first < window.days:
            day = int(joining.day[row])
        else:
            continue
        found[row] = (
            day * _DAY + max(int(joining.second[row]) + 600, 0) if day == joining.day[row] else (day * _DAY + 86_100)
        )
    return found


def products(world: World, cell: Cell) -> pa.Table:
    """Return products held, now or once."""
    found = cell.products
    return pa.table(
        {
            "customer_id": arrow.customers(cell.people.number[found.row]),
            "product": arrow.words(found.product, holdings.PRODUCTS),
            "opened_date": arrow.dates(world.window, found.opened),
            "closed_date": arrow.dates(world.window, found.closed, known=found.closed < world.window.days),
        }
    )


def devices(world: World, cell: Cell) -> pa.Table:
    """Return the devices that customers signed in from."""
    found = cell.devices
    order = np.argsort(found.first_second, kind="stable")
    return pa.table(
        {
            "customer_id": arrow.customers(cell.people.number[found.row[order]]),
            "device_id": arrow.identifiers("D", (cell.number + 1) * _PER_CELL + found.device[order], 11),
            "first_seen_at": arrow.times(world.window, found.first_second[order]),
            "last_seen_at": arrow.times(world.window, found.last_second[order]),
        }
    )


def referrals(world: World, cell: Cell) -> pa.Table:
    """Return invitations, of those who never registered too."""
    found = cell.referrals
    prospect = arrow.PROSPECT_FROM + cell.number * _PROSPECTS_PER_CELL - found.referee - 1
    referee = np.where(found.referee >= 0, cell.people.number[np.maximum(found.referee, 0)], prospect)
    return pa.table(
        {
            "referrer_id": arrow.customers(cell.people.number[found.referrer]),
            "referee_id": arrow.customers(referee),
            "campaign_id": arrow.words(np.where(found.in_campaign, 0, -1), (INVITE,)),
            "invited_at": arrow.times(world.window, found.invited),
            "registered_at": arrow.times(world.window, found.registered),
        }
    )


def transactions(world: World, cell: Cell) -> pa.Table:
    """Return transactions that customers started, in order of time within the cell."""
    found = cell.transfers
    has_direction = found.kind != transfers.KINDS.index("wealth_purchase")
    comes_in = found.kind == transfers.KINDS.index("transfer_in")
    return pa.table(
        {
            "customer_id": arrow.customers(cell.people.number[found.row]),
            "occurred_at": arrow.times(world.window, found.second),
            "kind": arrow.words(found.kind, transfers.KINDS),
            "amount": arrow.numbers(found.amount),
            "direction": arrow.words(comes_in.astype(np.int8), ("out", "in"), known=has_direction),
        }
    )


def tags(world: World, cell: Cell) -> pa.Table:
    """Return the tag system's values at the log's end."""
    found = cell.tags
    # every tag has words of its own: one list for all, each tag's starting where the one before ended
    starts = np.cumsum([0, *(len(plan.vocabulary) for plan in TAGS)])[:-1]
    every_word = pa.array([word for plan in TAGS for word in plan.vocabulary])
    family = np.array([FAMILIES.index(plan.family) for plan in TAGS])
    value = found.value + starts[found.tag]
    return pa.table(
        {
            "customer_id": arrow.customers(cell.people.number[found.row]),
            "tag": arrow.words(found.tag, tuple(plan.tag for plan in TAGS)),
            "family": arrow.words(family[found.tag], FAMILIES),
            "value": every_word.take(pa.array(value, mask=found.value < 0)),
            "updated_at": arrow.times(world.window, found.updated),
        }
    )


def surveys_sent(world: World, cell: Cell) -> pa.Table:
    """Return surveys sent, answered or not."""
    found = cell.surveys
    order = np.argsort(found.sent, kind="stable")
    score = found.score[order]
    return pa.table(
        {
            "customer_id": arrow.customers(cell.people.number[found.row[order]]),
            "kind": arrow.words(found.kind[order], surveys.KINDS),
            "sent_at": arrow.times(world.window, found.sent[order]),
            "answered_at": arrow.times(world.window, found.answered[order]),
            "score": arrow.numbers(score, known=~np.isnan(score)),
        }
    )


BY_CELL = {
    "customers": customers,
    "balances": balances,
    "assignments": assignments,
    "touches": touches,
    "rewards": rewards,
    "products": products,
    "devices": devices,
    "referrals": referrals,
    "transactions": transactions,
    "tags": tags,
    "surveys": surveys_sent,
}
