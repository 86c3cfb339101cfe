"""What is done in the app: sessions, paths through the pages, campaign events, hour by hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.campaigns import Outcome
from helpers.bank.sample.chance import one_of
from helpers.bank.sample.people import People
from helpers.bank.sample.window import Window

PAGES = (
    "login",
    "home",
    "accounts",
    "transfer",
    "bill_payment",
    "wealth_list",
    "wealth_detail",
    "loan",
    "card",
    "activity_centre",
    "rewards_centre",
    "service",
    "messages",
    "settings",
)
EVENTS = (
    "login",
    "browse",
    "transfer",
    "pay",
    "buy_wealth",
    "loan_apply",
    "contact_service",
    "view_campaign",
    "join_campaign",
    "checkin",
    "answer_quiz",
    "draw_prize",
    "claim_red_packet",
    "claim_gift",
    "invite",
)
APPS = ("main", "elder")
# page on which an action is done, the action, and the chance of it on a view of the page
ACTIONS = (
    ("transfer", "transfer", 0.55),
    ("bill_payment", "pay", 0.60),
    ("wealth_detail", "buy_wealth", 0.07),
    ("loan", "loan_apply", 0.05),
    ("service", "contact_service", 0.40),
)
LEAVES = len(PAGES)
LONGEST_PATH = 14
DISGUISED_SHARE = 0.12  # of hunters
# rows: page now; columns: page next, the last one leaves the app
_MAIN = {
    "login": {"home": 74, "accounts": 8, "activity_centre": 3, LEAVES: 24},
    "home": {
        "accounts": 22, "transfer": 13, "bill_payment": 11, "wealth_list": 11, "loan": 3, "card": 6,
        "activity_centre": 5, "service": 2, "messages": 4, "settings": 2, LEAVES: 32,
    },
    "accounts": {"home": 22, "transfer": 16, "wealth_list": 8, "card": 5, "bill_payment": 5, LEAVES: 44},
    "transfer": {"home": 18, "accounts": 22, "transfer": 7, LEAVES: 53},
    "bill_payment": {"home": 20, "rewards_centre": 8, "accounts": 12, LEAVES: 60},
    "wealth_list": {"wealth_detail": 52, "home": 16, LEAVES: 32},
    "wealth_detail": {"wealth_list": 30, "accounts": 10, "transfer": 6, LEAVES: 54},
    "loan": {"home": 24, "service": 12, LEAVES: 64},
    "card": {"home": 22, "bill_payment": 20, "rewards_centre": 10, LEAVES: 48},
    "activity_centre": {"rewards_centre": 30, "home": 25, LEAVES: 45},
    "rewards_centre": {"activity_centre": 14, "home": 26, LEAVES: 60},
    "service": {"home": 28, "messages": 10, LEAVES: 62},
    "messages": {"activity_centre": 14, "home": 34, LEAVES: 52},
    "settings": {"home": 38, "service": 14, LEAVES: 48},
}  # fmt: skip
# the elder edition is shorter: large buttons for balance, transfer and the hotline
_ELDER = {
    **_MAIN,
    "login": {"home": 58, "accounts": 27, LEAVES: 24},
    "home": {
        "accounts": 36, "transfer": 14, "bill_payment": 12, "wealth_list": 6, "service": 9,
        "activity_centre": 5, "messages": 2, LEAVES: 28,
    },
}  # fmt: skip
# hours 0 … 23, by habit
_HOURS = np.array(
    [
        [2, 1, 0, 0, 0, 1, 3, 7, 9, 9, 8, 7, 9, 6, 6, 6, 6, 7, 8, 9, 10, 9, 6, 4],  # others
        [0, 0, 0, 0, 1, 4, 10, 14, 15, 13, 10, 7, 4, 4, 6, 7, 6, 5, 4, 4, 3, 2, 1, 0],  # silver-haired
        [6, 3, 2, 1, 0, 0, 1, 3, 4, 4, 5, 7, 9, 6, 5, 5, 5, 6, 8, 9, 11, 13, 13, 10],  # young
        [1, 0, 0, 0, 0, 1, 3, 9, 9, 5, 4, 7, 14, 6, 4, 4, 4, 7, 12, 11, 10, 8, 5, 3],  # on a payroll
        [2, 1, 0, 0, 0, 1, 2, 4, 6, 9, 11, 10, 9, 8, 9, 9, 9, 8, 7, 8, 9, 8, 6, 4],  # weekend, not silver
    ],
    dtype=float,
)
_TARGETS = {
    "checkin": "activity_centre",
    "answer_quiz": "activity_centre",
    "draw_prize": "activity_centre",
    "claim_red_packet": "activity_centre",
    "claim_gift": "rewards_centre",
    "invite": "activity_centre",
    "pay": "bill_payment",
    "buy_wealth": "wealth_detail",
}


def page_matrix(edition: str) -> np.ndarray:
    """Return the transition probabilities of one edition: (14 pages, 14 pages and leaving)."""
    table = _ELDER if edition == "elder" else _MAIN
    matrix = np.zeros((len(PAGES), len(PAGES) + 1))
    for page, onward in table.items():
        for target, weight in onward.items():
            column = LEAVES if target == LEAVES else PAGES.index(target)
            matrix[PAGES.index(page), column] = weight
    return matrix / matrix.sum(axis=1, keepdims=True)


@dataclass
class Clicks:
    """Events of a cell, one value an event; `second` counts from the log's first midnight.

    `session` counts within the cell; `is_first` marks the first event of a session.
    """

    row: np.ndarray
    second: np.ndarray
    event: np.ndarray
    page: np.ndarray
    session: np.ndarray


@dataclass
class CampaignClicks:
    """Campaign events of a cell: row, day, event, campaign (position in the list of outcomes), order in the day."""

    row: np.ndarray
    day: np.ndarray
    event: np.ndarray
    campaign: np.ndarray
    order: np.ndarray


def campaign_clicks(
    rng: np.random.Generator,
    window: Window,
    active: np.ndarray,
    outcomes: list[Outcome],
    *,
    is_hunter: np.ndarray,
) -> CampaignClicks:
    """Draw who views, joins and succeeds in each campaign, on active days inside it: the funnel leaks."""
    parts: list[tuple[np.ndarray, ...]] = []
    for number, outcome in enumerate(outcomes):
        plan = outcome.plan
        if len(outcome.rows) == 0:
            continue
        length = 28 if plan.waves else window.day(plan.ends) - window.day(plan.launch) + 1
        days = outcome.launch[:, None] + np.arange(length)
        on = active[outcome.rows[:, None], np.minimum(days, window.days - 1)] & (days < window.days)
        on &= outcome.is_treated[:, None]
        came = on.any(axis=1)
        first = np.argmax(on, axis=1)
        part = outcome.takes_part & came
        looks = came & (part | (rng.random(len(came)) < 0.5))
        joins = looks & (part | (rng.random(len(came)) < 0.22))
        sure = is_hunter[outcome.rows] | (plan.succeeds >= 1)
        success = on & part[:, None] & (sure[:, None] | (rng.random(on.shape) < plan.succeeds))
        success &= np.cumsum(success, axis=1) <= plan.most_successes
        for event, order, (i, j) in (
            ("view_campaign", 0, (np.flatnonzero(looks), first[looks])),
            ("join_campaign", 1, (np.flatnonzero(joins), first[joins])),
            (plan.success_event, 2, np.nonzero(success)),
        ):
            parts.append(
                (
                    outcome.rows[i],
                    outcome.launch[i] + j,
                    np.full(len(i), EVENTS.index(event)),
                    np.full(len(i), number),
                    np.full(len(i), order),
                )
            )
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return CampaignClicks(none, none, none, none, none)
    return CampaignClicks(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def draw_clicks(
    rng: np.random.Generator,
    window: Window,
    people: People,
    active: np.ndarray,
    special: CampaignClicks,
    *,
    is_hunter: np.ndarray,
    earliest: tuple[np.ndarray, np.ndarray],
) -> tuple[Clicks, np.ndarray]:
    """Fill each active day with sessions, and each session with a path through the pages.

    Parameters
    ----------
    active : array of bool, (n, days)
        Active days, campaigns' effects included.
    special : CampaignClicks
        Campaign events; each follows the first session of its day.
    earliest : (day, second), each (n,)
        Day of joining and second of that day before which nothing happens.

    Returns
    -------
    (clicks, second)
        Events in the order of customer and session, and the second of each campaign event.
    """
    row, day = np.nonzero(active)
    n_sessions = 1 + (rng.random(len(row)) < 0.16).astype(np.int64)
    n_sessions[is_hunter[row]] = 1
    visit = np.repeat(np.arange(len(row)), n_sessions)  # customer-day of each session
    s_row, s_day = row[visit], day[visit]
    second = _starting_second(rng, window, people, s_row, s_day)
    joined, joined_second = earliest
    at_joining = s_day == joined[s_row]
    second = np.where(at_joining, np.maximum(second, joined_second[s_row] + 60), second)
    now = s_day.astype(np.int64) * 86_400 + np.minimum(second, 85_000)

    lines = np.stack([page_matrix(app) for app in APPS])
    edition = people.uses_elder_edition.astype(np.int64)
    cumulated = np.cumsum(lines.reshape(-1, len(PAGES) + 1), axis=1)
    cumulated /= cumulated[:, -1:]
    flat = (cumulated + np.arange(len(cumulated))[:, None]).ravel()
    going = np.arange(len(s_row))
    state = np.zeros(len(s_row), dtype=np.int64)
    found_session, found_page, found_second = [going], [state], [now.copy()]
    # hunters sign in and leave, except for a few who look around so as not to stand out
    is_short = (is_hunter & (rng.random(people.n) >= DISGUISED_SHARE))[s_row]
    going = going[~is_short]
    state = state[~is_short]
    base = edition[s_row] * len(PAGES)
    for _ in range(LONGEST_PATH - 1):
        kind = base[going] + state
        state = np.searchsorted(flat, rng.random(len(going)) + kind, side="right") - kind * (len(PAGES) + 1)
        stays = state < LEAVES
        going, state = going[stays], state[stays]
        if len(going) == 0:
            break
        now[going] += rng.integers(4, 41, len(going))
        found_session.append(going)
        found_page.append(state)
        found_second.append(now[going])
    session = np.concatenate(found_session)
    page = np.concatenate(found_page)
    at = np.concatenate(found_second)
    event = np.where(page == 0, EVENTS.index("login"), EVENTS.index("browse"))
    u = rng.random(len(page))
    for where, what, chance in ACTIONS:
        event = np.where((page == PAGES.index(where)) & (u < chance), EVENTS.index(what), event)

    first_session = np.concatenate([[0], np.cumsum(n_sessions)[:-1]]) if len(row) else np.zeros(0, dtype=int)
    key = row * window.days + day
    place = first_session[np.searchsorted(key, special.row * window.days + special.day)]
    special_second = now[place] + 12 + 9 * special.order + rng.integers(0, 6, len(place))
    pages = np.full(len(EVENTS), PAGES.index("activity_centre"))
    for what, where in _TARGETS.items():
        pages[EVENTS.index(what)] = PAGES.index(where)
    session = np.concatenate([session, place])
    clicks = Clicks(
        row=s_row[session],
        second=np.concatenate([at, special_second]),
        event=np.concatenate([event, special.event]),
        page=np.concatenate([page, pages[special.event]]),
        session=session,
    )
    return clicks, special_second


def _starting_second(
    rng: np.random.Generator, window: Window, people: People, row: np.ndarray, day: np.ndarray
) -> np.ndarray:
    """Draw the second of the day at which sessions start, by the habits of the customer's segment."""
    habit = np.select([people.is_silver, people.is_young, people.is_payroll], [1, 2, 3], 0)[row]
    weekday = (window.date(day).astype(int) + 3) % 7
    habit = np.where((weekday >= 5) & (habit != 1) & (habit != 2), 4, habit)
    hour = one_of(rng, _HOURS, habit)
    return hour * 3600 + rng.integers(0, 3600, len(row))
