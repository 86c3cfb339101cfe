"""Surveys: who was asked, who answered, what they said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.arrow import NO_TIME
from helpers.bank.sample.clicks import EVENTS, Clicks
from helpers.bank.sample.lives import Lives
from helpers.bank.sample.people import BRANCHES, People
from helpers.bank.sample.window import Window

KINDS = ("nps", "csat", "ces")
ASKED_PER_QUARTER = 0.06  # of living customers, for the NPS
ASKED_AFTER = {"contact_service": ("csat", 0.30), "transfer": ("ces", 0.008)}
ANSWERS = {"nps": 0.24, "csat": 0.38, "ces": 0.30}
_DAY = 86_400


@dataclass
class Surveys:
    """Surveys of a cell; `score` is NaN and `answered` `NO_TIME` without an answer."""

    row: np.ndarray
    kind: np.ndarray
    sent: np.ndarray
    answered: np.ndarray
    score: np.ndarray


def draw_surveys(rng: np.random.Generator, window: Window, people: People, lives: Lives, clicks: Clicks) -> Surveys:
    """Draw surveys of a cell.

    Who is content answers a little more often, and who will lapse within 90 days is less content; one branch
    (Airport) is worse than the others.
    """
    parts = []
    for month in range(2, window.months, 3):
        day = int(window.month_starts[month]) + 9
        rows = np.flatnonzero(lives.alive_at(day) & (rng.random(people.n) < ASKED_PER_QUARTER))
        parts.append((rows, np.zeros(len(rows), dtype=int), day * _DAY + rng.integers(9 * 3600, 19 * 3600, len(rows))))
    for event, (kind, chance) in ASKED_AFTER.items():
        acts = np.flatnonzero((clicks.event == EVENTS.index(event)) & (rng.random(len(clicks.event)) < chance))
        parts.append((clicks.row[acts], np.full(len(acts), KINDS.index(kind)), clicks.second[acts] + 900))
    row, kind, sent = (np.concatenate(column) for column in zip(*parts, strict=True))
    leaving = (lives.first_end[row] * _DAY - sent < 90 * _DAY) & (lives.first_end[row] * _DAY >= sent)
    mood = rng.standard_normal(len(row)) + 0.7 * (people.keenness[row] - 0.5) - 0.9 * leaving
    mood += 0.35 * people.uses_elder_edition[row] - 0.5 * (people.branch[row] == BRANCHES.index("Airport"))
    base = np.array([ANSWERS[name] for name in KINDS])[kind]
    answers = rng.random(len(row)) < np.clip(
        base * (1 + 0.15 * mood) * np.where(people.is_young[row], 0.7, 1.0), 0.02, 0.9
    )
    score = np.select(
        [kind == 0, kind == 1],
        [np.clip(np.round(7.4 + 2.1 * mood), 0, 10), np.clip(np.round(4.0 + 0.9 * mood), 1, 5)],
        np.clip(np.round(5.2 + 1.3 * mood), 1, 7),
    )
    delay = (rng.exponential(0.6, len(row)) * _DAY).astype(np.int64) + 120
    answers &= sent + delay < window.days * _DAY
    return Surveys(
        row=row,
        kind=kind,
        sent=sent,
        answered=np.where(answers, sent + delay, NO_TIME),
        score=np.where(answers, score, np.nan),
    )
