"""What was planted, as tables for tests and training: nothing here goes into the bank's own tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from helpers.bank.sample import arrow, contacts
from helpers.bank.sample import tables as loading
from helpers.bank.sample.cell import Cell, World
from helpers.bank.sample.clicks import APPS, LEAVES, PAGES, page_matrix
from helpers.bank.sample.joining import CURVES
from helpers.bank.sample.lives import (
    CLOSING_EFFECTS,
    CLOSING_PER_DAY,
    LAPSE_EFFECTS,
    LAPSE_PER_DAY,
    NEVER,
    RETURN_AFTER_DAYS,
    RETURN_SHARE,
    SECOND_LIFE_RATIO,
    SILENT_DAYS,
)
from helpers.bank.sample.people import RISK_APPETITES
from helpers.bank.sample.plans import plans_in
from helpers.bank.sample.tags import TAGS
from helpers.bank.sample.wealth import (
    DRAIN_PER_SILENT_MONTH,
    PULL_DAYS,
    PULL_PER_ACTIVE_DAY,
    RETURN_INFLOW,
    USUAL_OUTFLOW,
)


def customers(world: World, cell: Cell) -> pa.Table:
    """Return lives, habits and true attributes, one row a customer; days may lie beyond the log."""
    lives, people, window = cell.lives, cell.people, world.window
    comes_back = lives.second_start < NEVER
    return pa.table(
        {
            "customer_id": arrow.customers(people.number),
            "joined_date": arrow.dates(window, lives.first_start),
            "lapse_date": arrow.dates(window, lives.first_end),
            "cause": arrow.words(lives.first_closed.astype(int), ("silent", "closed")),
            "return_date": arrow.dates(window, lives.second_start, known=comes_back),
            "second_end_date": arrow.dates(window, lives.second_end, known=comes_back),
            "second_cause": arrow.words(lives.second_closed.astype(int), ("silent", "closed"), known=comes_back),
            "lapse_hazard_per_day": arrow.numbers(lives.lapse_hazard),
            "closing_hazard_per_day": arrow.numbers(lives.closing_hazard),
            "gap_days": arrow.numbers(people.gap_days),
            "keenness": arrow.numbers(people.keenness),
            "usual_assets": arrow.numbers(np.round(cell.wealth.usual, 2)),
            "birth_year": arrow.numbers(people.birth_year),
            "gender": arrow.words(people.is_woman.astype(int), ("M", "F")),
            "risk_appetite": arrow.words(people.risk_appetite, RISK_APPETITES),
        }
    )


def effects(world: World, cell: Cell) -> pa.Table:
    """Return the true expected effect of each arm on each assigned customer, against being held out."""
    parts = []
    for outcome in cell.outcomes:
        plan = outcome.plan
        for position, (arm, _) in enumerate(plan.arms):
            if arm == "control":
                continue
            for metric, tau in outcome.effects.items():
                n = len(outcome.rows)
                parts.append(
                    pa.table(
                        {
                            "campaign_id": pa.array([plan.campaign_id] * n, type=pa.string()),
                            "customer_id": arrow.customers(cell.people.number[outcome.rows]),
                            "arm": pa.array([arm] * n, type=pa.string()),
                            "metric": pa.array([metric] * n, type=pa.string()),
                            "from_date": arrow.dates(world.window, outcome.launch),
                            "tau": arrow.numbers(tau[:, position].astype(float)),
                        }
                    )
                )
    return pa.concat_tables(parts)


def hunters(cell: Cell) -> pa.Table:
    """Return the bonus hunters; `ring` is empty for those who hunt alone, `is_head` marks who invited."""
    rings = cell.rings
    rows = np.flatnonzero(rings.is_hunter)
    ring = rings.ring[rows]
    return pa.table(
        {
            "customer_id": arrow.customers(cell.people.number[rows]),
            "ring": arrow.numbers(cell.number * 1_000 + ring, known=ring >= 0),
            "is_head": arrow.numbers(np.isin(rows, rings.head)),
        }
    )


def rotators(cell: Cell) -> pa.Table:
    """Return who brought money for a campaign's measuring day and took it out again."""
    parts = []
    for outcome in cell.outcomes:
        rows = np.flatnonzero(outcome.rotated > 0)
        parts.append(
            pa.table(
                {
                    "campaign_id": pa.array([outcome.plan.campaign_id] * len(rows), type=pa.string()),
                    "customer_id": arrow.customers(cell.people.number[outcome.rows[rows]]),
                    "amount": arrow.numbers(outcome.rotated[rows]),
                }
            )
        )
    return pa.concat_tables(parts)


def hazards() -> pa.Table:
    """Return baseline hazards per day and log hazard ratios of both causes."""
    rows = [
        (cause, attribute, ratio, baseline)
        for cause, baseline, effects in (
            ("silent", LAPSE_PER_DAY, LAPSE_EFFECTS),
            ("closed", CLOSING_PER_DAY, CLOSING_EFFECTS),
        )
        for attribute, ratio in effects.items()
    ]
    names = ("cause", "attribute", "log_hazard_ratio", "baseline_per_day")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def channels(world: World) -> pa.Table:
    """Return each channel's response curve: registrations a month = min(scale · spend ** exponent, capacity)."""
    return pa.table(
        {
            "channel": [curve.channel for curve in CURVES],
            "scale": world.channels.scale,
            "exponent": [curve.exponent for curve in CURVES],
            "capacity": world.channels.capacity,
            "activation_share": [curve.activation for curve in CURVES],
            "registration_share": [curve.registration for curve in CURVES],
            "assets_factor": [curve.assets for curve in CURVES],
        }
    )


def channel_months(world: World) -> pa.Table:
    """Return planned spend and expected registrations, one row a channel and month."""
    months = world.window.date(world.window.month_starts[:-1])
    n = len(CURVES)
    return pa.table(
        {
            "channel": np.repeat([curve.channel for curve in CURVES], len(months)).tolist(),
            "month": pa.array(np.tile(months, n)).cast(pa.date32()),
            "spend": world.channels.spend.ravel(),
            "expected_registrations": world.channels.expected.ravel(),
        }
    )


def campaigns(world: World) -> pa.Table:
    """Return what each campaign really did."""
    plans = plans_in(world.window)
    return pa.table(
        {
            "campaign_id": [plan.campaign_id for plan in plans],
            "planted": [plan.planted for plan in plans],
            "is_randomised": [plan.is_randomised for plan in plans],
            "is_broken": [plan.drops_active > 0 for plan in plans],
            "takes_part": [plan.takes_part for plan in plans],
        }
    )


def paths() -> pa.Table:
    """Return the transition probabilities between pages, by edition of the app; `leave` ends the session."""
    rows = []
    for app in APPS:
        matrix = page_matrix(app)
        for i, page in enumerate(PAGES):
            for j in range(LEAVES + 1):
                if matrix[i, j] > 0:
                    rows.append((app, page, "leave" if j == LEAVES else PAGES[j], matrix[i, j]))
    return pa.table(
        dict(zip(("app", "page", "next_page", "probability"), map(list, zip(*rows, strict=True)), strict=True))
    )


def tags() -> pa.Table:
    """Return what is wrong with each tag: shares of holes, of wrong values, of refreshes before 2025."""
    names = ("tag", "family", "source", "hole", "wrong", "stale")
    return pa.table({name: [getattr(plan, name) for plan in TAGS] for name in names}).rename_columns(
        ["tag", "family", "source", "hole_share", "wrong_share", "stale_share"]
    )


def settings(world: World) -> pa.Table:
    """Return single planted numbers: name, value, unit, meaning."""
    rows = [
        ("silent_days", SILENT_DAYS, "days", "silence that makes a lapse"),
        ("return_share", RETURN_SHARE, "share", "of the silent who come back"),
        ("return_after_days_min", RETURN_AFTER_DAYS[0], "days", "shortest silence before a return"),
        ("return_after_days_max", RETURN_AFTER_DAYS[1], "days", "longest silence before a return, within the log"),
        ("second_life_ratio", SECOND_LIFE_RATIO, "ratio", "lapse hazard of the second life to the first"),
        ("pull_per_active_day", PULL_PER_ACTIVE_DAY, "share", "new money per active day, of usual assets"),
        ("pull_days", PULL_DAYS, "days", "active days a month that pull at most"),
        ("usual_outflow", USUAL_OUTFLOW, "share", "outflow a month, of usual assets"),
        ("drain_per_silent_month", DRAIN_PER_SILENT_MONTH, "share", "outflow a month of the silent, of assets"),
        ("quiet_share", contacts.QUIET_SHARE, "share", "of messages sent from 22:00 to 08:00"),
        ("unasked_share", contacts.UNASKED_SHARE, "share", "of messages to those without consent that are sent"),
        ("burst_share", contacts.BURST_SHARE, "share", "of customers with far more messages in a week than allowed"),
        ("late_share", loading.LATE_SHARE, "share", "of rows loaded late, the first of a customer's day apart"),
        ("repeated_share", loading.REPEATED_SHARE, "share", "of rows of the log that are repeated"),
        ("return_inflow", RETURN_INFLOW, "share", "inflow in each of the first two months back, of usual assets"),
    ]
    rows += [
        (f"market_return_{month}", value, "share", "return of the market in the month")
        for month, value in zip(
            world.window.date(world.window.month_starts[:-1]).astype("datetime64[M]").astype(str),
            world.returns.tolist(),
            strict=True,
        )
    ]
    names = ("name", "value", "unit", "meaning")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns["value"] = [float(value) for value in columns["value"]]
    return pa.table(columns)


BY_CELL = {
    "customers": customers,
    "effects": effects,
    "hunters": lambda _world, cell: hunters(cell),
    "rotators": lambda _world, cell: rotators(cell),
}
WHOLE = {
    "hazards": lambda _world: hazards(),
    "channels": channels,
    "channel_months": channel_months,
    "campaigns": campaigns,
    "paths": lambda _world: paths(),
    "tags": lambda _world: tags(),
    "settings": settings,
}
