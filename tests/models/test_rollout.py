"""A roll-out whose effect is known: exact without noise, season and contamination kept out, placebo found."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.models import rollout

FIRST = date(2024, 1, 1)
DAYS = 240
SIZES = pd.Series({"a": 400, "b": 300, "c": 200, "d": 500, "e": 250, "f": 350})
STARTS = pd.DataFrame(
    {"branch": list("abcdef"), "start": [date(2024, 5, 20), date(2024, 5, 20), date(2024, 6, 17), date(2024, 6, 17), None, None]}
)  # fmt: skip


def panel(*, effect: float, noise: float = 0.0, trend: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Active customers per branch and day: season common to all, an effect of so many days a customer over 28 days.

    `trend` makes the branches that are reached drift away from the others, a day and customer.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for branch, start in STARTS.itertuples(index=False):
        for d in range(DAYS):
            day = FIRST + timedelta(days=d)
            rate = 0.2 + 0.05 * np.sin(d / 20) + 0.0003 * d
            if start is not None:
                rate += trend * d
                rate += effect / 28 if day >= start else 0.0
            n = SIZES[branch]
            rows.append((branch, pd.Timestamp(day), n * rate + noise * np.sqrt(n) * rng.standard_normal()))
    return pd.DataFrame(rows, columns=["branch", "day", "active"])


def study(counts: pd.DataFrame, **settings: object) -> pd.DataFrame:
    last = FIRST + timedelta(days=DAYS - 1)
    return rollout.event_study(counts, SIZES, STARTS, first_day=FIRST, last_day=last, **settings).set_index("period")


def test_effect_is_exact_without_noise_whatever_the_season() -> None:
    found = study(panel(effect=0.7))
    assert found.loc[0, "estimate"] == pytest.approx(0.7)
    # before the start there is nothing: the common season falls out
    assert found.loc[[-4, -3, -2], "estimate"].to_numpy() == pytest.approx(np.zeros(3), abs=1e-9)
    assert found.loc[0, ["n", "n_branches", "n_comparison"]].tolist() == [1400, 4, 4]
    # before and after alone takes the season for an effect
    naive = rollout.naive_before_after(
        panel(effect=0.7), SIZES, STARTS, window_days=28, first_day=FIRST, last_day=FIRST + timedelta(days=DAYS - 1)
    )
    assert abs(naive - 0.7) > 0.2


def test_branches_reached_earlier_are_no_comparison() -> None:
    # the first wave's effect goes on growing; a plain two-way regression would subtract it from the second wave
    counts = panel(effect=0.7)
    late = counts["branch"].isin(["a", "b"]) & (counts["day"] >= pd.Timestamp("2024-06-17"))
    counts.loc[late, "active"] += 0.1 * counts.loc[late, "branch"].map(SIZES)
    assert study(counts).loc[0, "estimate"] == pytest.approx(0.7)


def test_interval_is_the_jackknife_over_branches() -> None:
    counts = panel(effect=0.7, noise=0.3, seed=3)
    last = FIRST + timedelta(days=DAYS - 1)
    found = study(counts)
    left_out = []
    for branch in SIZES.index:
        rest = rollout.event_study(
            counts, SIZES.drop(branch), STARTS[STARTS.branch != branch], first_day=FIRST, last_day=last
        )
        left_out.append(rest.set_index("period").loc[0, "estimate"])
    se = np.sqrt(5 / 6 * np.sum((np.array(left_out) - found.loc[0, "estimate"]) ** 2))
    assert found.loc[0, "se"] == pytest.approx(se)
    assert found.loc[0, "upper"] - found.loc[0, "estimate"] == pytest.approx(stats.t.ppf(0.975, 5) * se)


def test_intervals_hold_the_effect() -> None:
    held = 0
    for seed in range(40):
        row = study(panel(effect=0.5, noise=0.3, seed=seed), n_before=0).loc[0]
        held += row["lower"] <= 0.5 <= row["upper"]
    # 95 % of 40 are 38; fewer than 34 has a chance of 4 in 1,000 at 95 %
    assert held >= 34


def test_branches_that_drift_apart_are_seen_before_the_start() -> None:
    at_once = STARTS.assign(start=[date(2024, 5, 20)] * 4 + [None] * 2)
    last = FIRST + timedelta(days=DAYS - 1)
    counts = panel(effect=0.0, noise=0.02, trend=0.0006, seed=1)
    found = rollout.event_study(counts, SIZES, at_once, first_day=FIRST, last_day=last).set_index("period")
    # 0.0006 a day over 28 days is 0.47 active days a period
    assert found.loc[-2, "estimate"] == pytest.approx(-0.47, abs=0.02)
    assert (found.loc[[-4, -3, -2], "upper"] < 0).all()


def test_few_branches_have_no_interval_and_periods_outside_the_log_are_left_out() -> None:
    counts = panel(effect=0.7)
    few = rollout.event_study(
        counts,
        SIZES[["a", "c", "e"]],
        STARTS,
        first_day=date(2024, 4, 1),
        last_day=FIRST + timedelta(days=DAYS - 1),
    ).set_index("period")
    assert few.loc[0, "estimate"] == pytest.approx(0.7)
    assert few["lower"].drop(-1).isna().all()
    assert -4 not in few.index


def test_nobody_left_to_compare_with() -> None:
    starts = STARTS.assign(start=date(2024, 5, 20))
    found = rollout.event_study(
        panel(effect=0.7), SIZES, starts, first_day=FIRST, last_day=FIRST + timedelta(days=DAYS - 1)
    )
    assert 0 not in set(found["period"])
