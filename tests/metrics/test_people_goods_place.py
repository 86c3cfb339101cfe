"""Journeys counted by hand; splits of the gap that add up exactly for any data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.metrics import journeys, outcomes
from helpers.metrics import people_goods_place as pgp
from tests.metrics.test_outcomes import IDS, LAUNCH, campaign_tables


def journey_tables() -> dict[str, pd.DataFrame]:
    """Customer 1 goes all the way, 2 was not reached but looks, 3 joins before looking, 4 hears nothing."""
    events = [
        (IDS[0], f"{LAUNCH} 09:00", "view_campaign", "activity_centre"),
        (IDS[0], f"{LAUNCH} 09:01", "join_campaign", "activity_centre"),
        (IDS[0], f"{LAUNCH} 09:01", "checkin", "activity_centre"),  # ties count
        (IDS[0], f"{LAUNCH} 09:01", "checkin", "activity_centre"),  # exact duplicate
        (IDS[1], "2024-03-12 10:00", "view_campaign", "activity_centre"),
        (IDS[2], "2024-03-12 10:00", "join_campaign", "activity_centre"),
        (IDS[2], "2024-03-13 10:00", "view_campaign", "activity_centre"),
        (IDS[2], "2024-03-14 10:00", "checkin", None),
        (IDS[3], "2024-03-21 10:00", "view_campaign", "activity_centre"),  # a day after the end
        (IDS[0], "2024-08-01 10:00", "login", "home"),
    ]
    tables = campaign_tables()
    tables["activity"] = pd.DataFrame(events, columns=["customer_id", "occurred_at", "event", "page"]).assign(
        occurred_at=lambda t: pd.to_datetime(t.occurred_at), session_id="s", app="main"
    )
    tables["assignments"] = tables["assignments"].assign(arm=["treatment", "treatment", "treatment", "control"])
    touches = [
        ("T1", IDS[0], "sms", "2024-03-11 08:00", "delivered", 0.05),
        ("T2", IDS[0], "app_push", "2024-03-10 20:00", "failed", 0.01),  # the first message
        ("T3", IDS[1], "sms", "2024-03-11 08:00", "failed", 0.05),
        ("T4", IDS[2], "call", "2024-03-11 08:00", "answered", 3.5),
        ("T5", IDS[2], "sms", "2024-03-09 08:00", "suppressed_quiet_hours", 0.0),  # never sent
    ]
    tables["touches"] = pd.DataFrame(
        touches, columns=["touch_id", "customer_id", "channel", "sent_at", "outcome", "cost"]
    ).assign(campaign_id="K901", sent_at=lambda t: pd.to_datetime(t.sent_at))
    rewards = [
        (IDS[0], "points", 1.0, None),
        (IDS[0], "points", 1.0, "2024-03-13 10:00"),
        (IDS[0], "coupon", 5.0, "2024-03-13 10:00"),
        (IDS[2], "points", 1.0, None),
    ]
    tables["rewards"] = pd.DataFrame(rewards, columns=["customer_id", "kind", "cost", "redeemed_at"]).assign(
        campaign_id="K901",
        rewarded_at=pd.Timestamp("2024-03-12 10:00"),
        redeemed_at=lambda t: pd.to_datetime(t.redeemed_at),
    )
    return tables


def people_of(bank: Any) -> pd.DataFrame:
    of = outcomes.campaign(bank, "K901")
    steps = journeys.journey(bank, of).drop("arm", "branch").execute()
    table = outcomes.campaign_outcomes(bank, "K901", window_days=14).execute()
    return table.merge(steps, on="customer_id").sort_values("customer_id", ignore_index=True)


def test_journey_by_hand(tiny_bank: Callable[..., Any]) -> None:
    people = people_of(tiny_bank(**journey_tables()))
    assert people.channel.tolist() == ["app_push", "sms", "call", "none"]
    assert people.is_sent.tolist() == [1, 1, 1, 0]
    assert people.is_delivered.tolist() == [1, 0, 1, 0]
    assert people.is_viewed.tolist() == [1, 1, 1, 0]
    # customer 3 joined before looking: out of order, so not counted as joined, nor then as succeeded
    assert people.is_joined.tolist() == [1, 0, 0, 0]
    assert people.is_succeeded.tolist() == [1, 0, 0, 0]
    assert people.benefit.tolist() == ["coupon", "none", "points", "none"]
    assert people.n_taken.tolist() == [3, 0, 1, 0]
    assert people.n_redeemed.tolist() == [2, 0, 0, 0]


def test_funnel_counts_those_who_passed_every_stage(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**journey_tables())
    stages = journeys.known_stages(bank, outcomes.campaign(bank, "K901"))
    assert stages == journeys.STAGES
    people = people_of(bank)
    funnel = pgp.funnel(people[people.arm == "treatment"], stages=stages)
    assert funnel.n.tolist() == [3, 3, 2, 2, 1, 1]
    assert funnel.n_any.tolist() == [3, 3, 2, 3, 1, 1]
    assert funnel.n_lost.tolist() == [0, 0, 1, 0, 1, 0]
    # customer 2 was lost before delivery (0.05), customer 3 before joining (3.5 and a point)
    assert funnel.cost_lost.tolist() == pytest.approx([0, 0, 0.05, 0, 4.5, 0])


def test_goods_by_hand(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**journey_tables())
    goods = pgp.goods(bank, outcomes.campaign(bank, "K901"), offered=("points", "health_check")).set_index("benefit")
    assert goods.loc["coupon", ["is_offered", "n_taken", "n_redeemed", "cost"]].tolist() == [False, 1, 1, 5.0]
    assert goods.loc["points", ["n_taken", "customers", "n_redeemed", "cost_unredeemed"]].tolist() == [3, 2, 1, 2.0]
    assert goods.loc["health_check", ["is_offered", "n_taken", "cost"]].tolist() == [True, 0, 0.0]


def test_pages_leave_duplicates_and_strangers_out(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**journey_tables())
    treated = bank.assignments.filter(bank.assignments.arm == "treatment")
    pages = pgp.page_flow(bank, outcomes.campaign(bank, "K901"), treated)
    # 3 distinct events of customer 1, one of 2, two of 3; the page of the third's success is not known
    assert pages[["page", "n_views", "customers"]].to_numpy().tolist() == [["activity_centre", 6, 3]]


def test_bank_without_touches_and_rewards(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**{**journey_tables(), "touches": None, "rewards": None})
    of = outcomes.campaign(bank, "K901")
    people = people_of(bank)
    assert people.channel.eq("none").all()
    assert journeys.known_stages(bank, of) == ("assigned", "viewed", "joined", "succeeded")
    assert pgp.goods(bank, of).empty


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.tuples(st.sampled_from("abcdefg"), st.floats(-1e6, 1e6), st.sampled_from(["x", "y", None])),
        min_size=1,
        max_size=80,
    ),
    target=st.floats(-1e6, 1e6),
    min_group_size=st.integers(1, 30),
)
def test_contributions_add_up_to_the_gap_for_any_grouping(
    values: list[tuple[str, float, str | None]], target: float, min_group_size: int
) -> None:
    people = pd.DataFrame(values, columns=["group", "value", "other_group"])
    gap = target - people["value"].mean()
    for by in ("group", "other_group"):
        table = pgp.contributions(people, by=by, value="value", target=target, min_group_size=min_group_size)
        # doubles: the error of 80 additions of numbers up to 1e6
        assert table["contribution"].sum() == pytest.approx(gap, abs=1e-7)
        assert table["n"].sum() == len(people)
        assert table["share"].sum() == pytest.approx(1)
        assert len(table) == 1 or table["n"].min() >= min_group_size


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.booleans()] * 5), min_size=1, max_size=40))
def test_funnel_never_rises_and_loses_nobody_twice(flags: list[tuple[bool, ...]]) -> None:
    names = [f"is_{stage}" for stage in journeys.STAGES[1:]]
    people = pd.DataFrame(flags, columns=names).astype(int).assign(rewarded_cost=1.0)
    funnel = pgp.funnel(people, stages=journeys.STAGES)
    assert funnel["n"].is_monotonic_decreasing
    assert funnel["n_lost"].sum() + funnel["n"].iloc[-1] == len(people)
    assert funnel["cost_lost"].sum() == funnel["n_lost"].sum()
    furthest = pgp.furthest_stage(people, journeys.STAGES).value_counts()
    assert furthest.get("succeeded", 0) == funnel["n"].iloc[-1]


def test_campaign_without_anybody_is_an_empty_table() -> None:
    nobody = pd.DataFrame({"channel": [], "value": [], "rewarded_cost": [], **{f"is_{s}": [] for s in pgp.STAGES[1:]}})
    assert pgp.contributions(nobody, by="channel", value="value", target=1.0).empty
    assert pgp.by_channel(nobody, stages=pgp.STAGES).empty
    assert pgp.funnel(nobody, stages=pgp.STAGES)["n"].eq(0).all()


def test_launch_is_a_day(tiny_bank: Callable[..., Any]) -> None:
    assert outcomes.campaign(tiny_bank(**journey_tables()), "K901").starts_date == date(2024, 3, 11)
