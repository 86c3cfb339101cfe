"""Runs the past campaigns on the generated behaviour: assignment, taking part, planted effects day by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.bank.sample.lives import LONGEST_GAP_DAYS, NEVER, Lives
from helpers.bank.sample.people import BRANCHES, People
from helpers.bank.sample.plans import DURABLE_DAYS, EFFECT_DAYS, HOLD_OUT, Plan
from helpers.bank.sample.waking import draw_waking
from helpers.bank.sample.wealth import PULL_PER_ACTIVE_DAY, Wealth
from helpers.bank.sample.window import Window

COUNTED_ASSETS = 300_000.0
ANNOYED_LOSS = 0.12
EAGER_DAYS = 9  # active days in the last 28 from which a check-in reminder annoys
ROTATOR_SHARE = 0.06
ROTATOR_CHANCE = 0.9  # who rotates money hardly misses the day


@dataclass
class Outcome:
    """What one campaign did in a cell; one value an assigned customer in each array.

    Attributes
    ----------
    rows : array of int, (m,)
        Assigned customers, as rows of the cell.
    arm : array of int, (m,)
        Position in the plan's arms.
    launch : array of int, (m,)
        Day from which the customer's 28 days count (branches differ where a campaign was rolled out).
    takes_part : array of bool, (m,)
        True for the treated who take part; hunters among them always do.
    effects : dict of metric to array of float, (m, n_arms)
        True expected effect of each arm on each customer, against being held out, whatever arm was drawn.
    rotated : array of float, (m,)
        Money brought for the campaign's measuring day and taken out again.
    """

    plan: Plan
    rows: np.ndarray
    arm: np.ndarray
    launch: np.ndarray
    takes_part: np.ndarray
    effects: dict[str, np.ndarray]
    rotated: np.ndarray

    @property
    def is_treated(self) -> np.ndarray:
        """True outside the hold-out."""
        return treated_arms(self.plan)[self.arm]


def treated_arms(plan: Plan) -> np.ndarray:
    """True for each arm of a plan that is not the hold-out."""
    return np.array([name != HOLD_OUT for name, _ in plan.arms])


def months_measured(window: Window, plan: Plan) -> tuple[int, int, int]:
    """Return the months whose ends measure assets: before the launch, after its 28 days, and 90 days after the end."""
    launch, ends = window.day(plan.launch), window.day(plan.ends)
    last = launch + EFFECT_DAYS - 1
    month_ends = window.month_starts[1:] - 1
    before = int(np.searchsorted(month_ends, launch)) - 1
    after = int(np.searchsorted(month_ends, last))
    durable = int(np.searchsorted(month_ends, ends + DURABLE_DAYS))
    return before, min(after, window.months - 1), min(durable, window.months - 1)


def run_campaign(
    rng: np.random.Generator,
    window: Window,
    plan: Plan,
    people: People,
    lives: Lives,
    wealth: Wealth,
    active: np.ndarray,
    extra_aum: np.ndarray,
    *,
    is_hunter: np.ndarray,
) -> Outcome:
    """Assign a campaign in a cell and let it act.

    `active` (n, days) and `extra_aum` (n, months) are changed in place. Effects are made of the
    behaviour that would have been: each idle day of the 28 becomes active with chance p·q, p the chance to
    take part and q the lift, so the true effect of a customer is exactly p·q × idle days.
    """
    n = people.n
    launch = np.full(n, window.day(plan.launch))
    rows = np.flatnonzero(_eligible(window, plan, people, lives, wealth, active))
    arm = np.zeros(len(rows), dtype=np.int64)
    if plan.is_randomised:
        cuts = np.cumsum([weight for _, weight in plan.arms])
        arm = np.minimum(np.searchsorted(cuts, rng.random(len(rows)), side="right"), len(cuts) - 1)
        rows, arm = _spoil(rng, window, plan, active, rows, arm)
    else:
        launch, keeps = _waves(window, plan, people, rows)
        rows, arm = rows[keeps], arm[keeps]
    start = launch[rows]
    is_treated = treated_arms(plan)[arm]
    chance = np.where(is_hunter[rows], 1.0, _chance_to_take_part(plan, people, rows))
    is_rotator = (plan.planted == "rotates") & (rng.random(len(rows)) < ROTATOR_SHARE) & ~is_hunter[rows]
    chance = np.where(is_rotator, ROTATOR_CHANCE, chance)
    takes_part = is_treated & (rng.random(len(rows)) < chance)
    days = _Days(plan, rows, start, arm, chance, takes_part, ~is_hunter[rows], is_rotator)
    if plan.planted == "pulls_forward":
        tau, tau_any, added = _pull_forward(rng, window, lives, active, days)
        effects = {"active_days": tau, "is_active": tau_any, "active_days_90": np.zeros_like(tau)}
    else:
        tau, tau_any, added = _add_days(rng, window, people, lives, active, days)
        effects = {"active_days": tau, "is_active": tau_any, "active_days_90": tau}
    early, durable, rotated = _move_money(rng, window, lives, wealth, extra_aum, days, tau, added)
    effects |= {"aum_change": early, "aum_kept_change": durable}
    if plan.wakes > 0:
        _wake(rng, window, people, lives, wealth, active, extra_aum, days, effects)
    return Outcome(plan, rows, arm, start, takes_part, effects, rotated)


@dataclass
class _Days:
    """What the planting of one campaign needs of its assigned customers; `moves` is False for hunters."""

    plan: Plan
    rows: np.ndarray
    start: np.ndarray
    arm: np.ndarray
    chance: np.ndarray
    takes_part: np.ndarray
    moves: np.ndarray
    is_rotator: np.ndarray

    @property
    def lift(self) -> np.ndarray:
        """Lift of each arm."""
        return np.array([self.plan.lift.get(name, 0.0) for name, _ in self.plan.arms])


def _add_days(
    rng: np.random.Generator, window: Window, people: People, lives: Lives, active: np.ndarray, to: _Days
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add active days (drop some of the annoyed).

    Returns the true effects by arm, on active days and on being active at all, and the days really added.
    """
    rows, lift = to.rows, to.lift
    shape, annoyed = _shape(window, to.plan, people, active, rows)
    idle = _idle(window, lives, active, rows, to.start) & (to.moves & ~annoyed)[:, None]
    removable = _removable(active, rows, to.start, EFFECT_DAYS) & (annoyed & to.moves)[:, None]
    gain = np.clip(lift[None, :] * shape[:, None], 0.0, 0.9)
    loss = np.where(lift > 0, ANNOYED_LOSS, 0.0)
    tau = to.chance[:, None] * (gain * idle.sum(axis=1)[:, None] - loss[None, :] * removable.sum(axis=1)[:, None])
    is_idle = ~_window_days(window, active, to).any(axis=1)
    none_added = (1 - gain) ** idle.sum(axis=1)[:, None]
    tau_any = to.chance[:, None] * (1 - none_added) * is_idle[:, None]
    u = rng.random(idle.shape)
    adds = idle & to.takes_part[:, None] & (u < gain[np.arange(len(rows)), to.arm][:, None])
    drops = removable & to.takes_part[:, None] & (u < loss[to.arm][:, None])
    for marks, value in ((adds, True), (drops, False)):
        i, j = np.nonzero(marks)
        active[rows[i], to.start[i] + j] = value
    return tau, tau_any, adds.sum(axis=1)


def _pull_forward(
    rng: np.random.Generator, window: Window, lives: Lives, active: np.ndarray, to: _Days
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move active days of the following two months into the first 28; the sum over 90 days stays.

    Returns the true effects as `_add_days` does; nothing is added.
    """
    rows, lift = to.rows, to.lift
    idle = _idle(window, lives, active, rows, to.start) & to.moves[:, None]
    later = _removable(active, rows, to.start + EFFECT_DAYS, DURABLE_DAYS - EFFECT_DAYS)
    later &= to.moves[:, None] & (np.cumsum(later, axis=1) <= idle.sum(axis=1)[:, None])
    tau = to.chance[:, None] * lift[None, :] * later.sum(axis=1)[:, None]
    is_idle = ~_window_days(window, active, to).any(axis=1)
    none_moved = (1 - lift[None, :]) ** later.sum(axis=1)[:, None]
    tau_any = to.chance[:, None] * (1 - none_moved) * is_idle[:, None]
    moved = later & to.takes_part[:, None] & (rng.random(later.shape) < lift[to.arm][:, None])
    i, j = np.nonzero(moved)
    active[rows[i], to.start[i] + EFFECT_DAYS + j] = False
    keys = np.where(idle, rng.random(idle.shape), 2.0)
    place = np.argsort(np.argsort(keys, axis=1), axis=1)
    i, j = np.nonzero(idle & (place < moved.sum(axis=1)[:, None]))
    active[rows[i], to.start[i] + j] = True
    return tau, tau_any, np.zeros(len(rows))


def _wake(
    rng: np.random.Generator,
    window: Window,
    people: People,
    lives: Lives,
    wealth: Wealth,
    active: np.ndarray,
    extra_aum: np.ndarray,
    to: _Days,
    effects: dict[str, np.ndarray],
) -> None:
    """Bring silent customers back; add what that is expected to do to `effects`, in place."""
    launch = window.day(to.plan.launch)
    before, after, durable = months_measured(window, to.plan)
    waking = draw_waking(
        rng, window, people, lives, wealth, active, to.rows, launch, (after, durable), is_hunter=~_by_row(to, people.n)
    )
    chance = (to.chance * to.plan.wakes * waking.can)[:, None] * treated_arms(to.plan)[None, :]
    for metric, gain in (
        ("active_days", waking.days),
        ("is_active", np.ones(len(to.rows))),
        ("active_days_90", waking.days_later),
        ("aum_change", waking.money),
        ("aum_kept_change", waking.money),
    ):
        effects[metric] = effects[metric] + chance * gain[:, None]
    is_woken = to.takes_part & waking.can & (rng.random(len(to.rows)) < to.plan.wakes)
    waking.wake(to.rows, is_woken, lives, active)
    extra_aum[to.rows, before + 1 :] += np.where(is_woken, waking.money, 0.0)[:, None]


def _by_row(to: _Days, n: int) -> np.ndarray:
    """Spread `moves` from the assigned to all rows of the cell."""
    spread = np.zeros(n, dtype=bool)
    spread[to.rows] = to.moves
    return spread


def _window_days(window: Window, active: np.ndarray, to: _Days) -> np.ndarray:
    """Return the activity of the 28 days: (m, 28)."""
    days = to.start[:, None] + np.arange(EFFECT_DAYS)
    return active[to.rows[:, None], np.minimum(days, window.days - 1)] & (days < window.days)


def _eligible(
    window: Window, plan: Plan, people: People, lives: Lives, wealth: Wealth, active: np.ndarray
) -> np.ndarray:
    """True for customers whom the campaign's rule lets in: by what the bank knew on the day before launch."""
    launch = window.day(plan.launch)
    recent = active[:, max(0, launch - 180) : launch].any(axis=1)
    is_customer = recent & (lives.closing_day >= launch)
    before, _, _ = months_measured(window, plan)
    aum = wealth.aum[:, before] if before >= 0 else np.zeros(people.n)
    if plan.segment == "silver":
        return is_customer & people.is_silver & people.birth_year_known
    if plan.segment == "women":
        return is_customer & people.is_woman & people.gender_known
    if plan.segment == "with_assets":
        return is_customer & (aum >= 10_000)
    if plan.segment == "small_assets":
        return is_customer & (aum < 50_000) & active[:, max(0, launch - 90) : launch].any(axis=1)
    return is_customer


def _spoil(
    rng: np.random.Generator,
    window: Window,
    plan: Plan,
    active: np.ndarray,
    rows: np.ndarray,
    arm: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Lose treated customers who were active before launch, as a wrong filter in the send list does."""
    if plan.drops_active == 0 or len(rows) == 0:
        return rows, arm
    launch = window.day(plan.launch)
    before = active[rows, launch - 28 : launch].sum(axis=1)
    lost = (arm > 0) & (before >= 3) & (rng.random(len(rows)) < plan.drops_active)
    return rows[~lost], arm[~lost]


def _waves(window: Window, plan: Plan, people: People, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each customer's own launch day by branch, and which of `rows` a wave reached."""
    launch = np.full(people.n, NEVER)
    for date, branches in plan.waves:
        reached = np.isin(people.branch, [BRANCHES.index(name) for name in branches])
        launch[reached] = window.day(date)
    return launch, launch[rows] < NEVER


def _chance_to_take_part(plan: Plan, people: People, rows: np.ndarray) -> np.ndarray:
    """Chance to take part when treated: the keen more, those far from a branch less."""
    keen = 0.6 + 0.8 * people.keenness[rows]
    near = np.where(people.branch_distance_km[rows] <= 3, 1.15, 0.9) if plan.segment == "silver" else 1.0
    return np.clip(plan.takes_part * keen * near, 0.0, 0.95)


def _shape(
    window: Window, plan: Plan, people: People, active: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the factor on the lift by customer, and who is annoyed (for whom the effect is negative)."""
    launch = window.day(plan.launch)
    before = active[rows, max(0, launch - EFFECT_DAYS) : launch].sum(axis=1)
    if plan.form != "checkin":
        return np.ones(len(rows)), np.zeros(len(rows), dtype=bool)
    shape = np.where(before <= 3, 1.35, 0.75)
    shape = shape * np.where(people.branch_distance_km[rows] <= 3, 1.3, 0.75)
    return shape, before >= EAGER_DAYS


def _idle(window: Window, lives: Lives, active: np.ndarray, rows: np.ndarray, start: np.ndarray) -> np.ndarray:
    """True on the 28 days that are idle and lie before the last day of the customer's life: (m, 28)."""
    days = start[:, None] + np.arange(EFFECT_DAYS)
    first, second = lives.first_alive, lives.second_alive
    end = np.full(len(rows), -1)
    for day in np.unique(start):
        at = start == day
        end[at] = np.where((first(day) | second(day))[rows[at]], lives.end_at(day)[rows[at]], -1)
    in_log = days < window.days
    return in_log & (days < end[:, None]) & ~active[rows[:, None], np.minimum(days, window.days - 1)]


def _removable(active: np.ndarray, rows: np.ndarray, first: np.ndarray, width: int) -> np.ndarray:
    """True on active days, every second one, without which no gap would grow past the longest: (m, width)."""
    found = np.zeros((len(rows), width), dtype=bool)
    i, day = np.nonzero(active[rows])
    if len(i) < 3:
        return found
    is_first = np.r_[True, i[1:] != i[:-1]]
    rank = np.arange(len(i)) - np.flatnonzero(is_first)[np.cumsum(is_first) - 1]
    bridge = np.zeros(len(i), dtype=bool)
    bridge[1:-1] = (i[2:] == i[:-2]) & (day[2:] - day[:-2] <= LONGEST_GAP_DAYS)
    at = bridge & (rank % 2 == 1) & (day >= first[i]) & (day < first[i] + width)
    found[i[at], day[at] - first[i[at]]] = True
    return found


def _move_money(
    rng: np.random.Generator,
    window: Window,
    lives: Lives,
    wealth: Wealth,
    extra_aum: np.ndarray,
    to: _Days,
    tau_days: np.ndarray,
    added: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the campaign's money to `extra_aum`; return its true effects, early and durable, and what rotated."""
    plan, rows = to.plan, to.rows
    before, after, durable = months_measured(window, plan)
    # money moves only where it stays visible: the life goes on until the later measuring day
    end = lives.end_at(window.day(plan.launch))[rows]
    stays = to.moves & (end >= window.month_starts[durable + 1]) & (wealth.aum[rows, durable] > 0)
    counted = np.where(stays, np.minimum(wealth.aum[rows, before], COUNTED_ASSETS), 0.0)
    size = np.exp(0.4 * rng.standard_normal(len(rows)) - 0.08)
    direct = np.round(to.takes_part * plan.assets * counted * size, 2)
    pull = PULL_PER_ACTIVE_DAY if plan.pulls_assets else 0.0
    extra_aum[rows, before + 1 :] += (direct + np.round(pull * counted * added, 2))[:, None]
    offered = treated_arms(plan)[None, :]
    tau = (to.chance * plan.assets * counted)[:, None] * offered
    tau = tau + pull * counted[:, None] * np.maximum(tau_days, 0.0)
    is_rotator = to.is_rotator & (counted > 0)
    amount = np.round(60_000 * np.exp(0.6 * rng.standard_normal(len(rows))), -2)
    rotated = np.where(is_rotator & to.takes_part, amount, 0.0)
    extra_aum[rows, after] += rotated
    early = tau + np.where(is_rotator, to.chance * amount, 0.0)[:, None] * offered
    return early, tau, rotated
