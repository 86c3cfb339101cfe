"""Each signal by hand; flags, counts and the errors of the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from helpers.bank import places
from helpers.metrics import outcomes
from helpers.models import abuse

IDS = [f"C{i:09d}" for i in range(1, 13)]


def ring_tables() -> dict[str, pd.DataFrame]:
    """Customers 1–4 share a device, 5 and 6 are a couple; 7 invites 8–11 in a burst; 12 only comes for campaigns."""
    day = pd.Timestamp("2024-03-11 09:00")
    browse = [(who, day + pd.Timedelta(days=40 + k), "browse") for who in IDS[:11] for k in range(5)]
    only = [(IDS[11], day + pd.Timedelta(days=40 + k), "login") for k in range(4)]
    only += [(IDS[11], day + pd.Timedelta(days=50), "join_campaign")]
    return {
        "customers": pd.DataFrame(
            {
                "customer_id": IDS,
                "joined_date": pd.to_datetime(["2024-01-01"] * 12).date,
                "birth_year": pd.array([1960] * 12, dtype="Int64"),
                "gender": "F",
                "branch": ["Harbour"] * 6 + ["Old Town"] * 6,
            }
        ),
        "activity": pd.DataFrame(browse + only, columns=["customer_id", "occurred_at", "event"]).assign(
            page="home", session_id="s", app="main"
        ),
        "balances": pd.DataFrame(
            {"customer_id": IDS, "balance_date": pd.Timestamp("2024-02-29").date(), "aum": 0.0, "loan": 0.0}
        ),
        "campaigns": pd.DataFrame(
            {
                "campaign_id": ["K901"],
                "form": "checkin",
                "name": "Check-in",
                "starts_date": pd.to_datetime(["2024-03-11"]).date,
                "ends_date": pd.to_datetime(["2024-03-24"]).date,
                "budget": 100.0,
                "success_event": "checkin",
            }
        ),
        "assignments": pd.DataFrame(
            {
                "campaign_id": "K901",
                "customer_id": IDS,
                "arm": ["treatment", "control"] * 6,
                "propensity": 0.5,
                "assigned_at": pd.Timestamp("2024-03-10 12:00"),
            }
        ),
        "devices": pd.DataFrame(
            {
                "customer_id": [*IDS[:6], IDS[0]],
                "device_id": ["d1"] * 4 + ["d2"] * 2 + ["d2"],
                "first_seen_at": day,
                "last_seen_at": day,
            }
        ),
        "referrals": pd.DataFrame(
            {
                "referrer_id": [IDS[6]] * 4 + [IDS[4]] * 4,
                "referee_id": IDS[7:11] + [f"C9{i:08d}" for i in range(4)],
                "campaign_id": "K901",
                "invited_at": day - pd.Timedelta(days=30),
                # the second inviter's friends came over weeks
                "registered_at": [day + pd.Timedelta(hours=h) for h in (0, 10, 20, 47, 0, 200, 400, 600)],
            }
        ),
        "rewards": pd.DataFrame(
            {
                "campaign_id": "K901",
                "customer_id": [IDS[0], IDS[0], IDS[2], IDS[2], IDS[4], IDS[6]],
                "rewarded_at": day,
                "kind": "points",
                "cost": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
                "redeemed_at": [day + pd.Timedelta(seconds=s) for s in (60, 180, 60, 181)] + [pd.NaT, day],
            }
        ),
    }


def found_in(bank: Any) -> pd.DataFrame:
    return abuse.signals(bank, outcomes.campaign(bank, "K901")).set_index("customer_id")


def test_signals_by_hand(tiny_bank: Callable[..., Any]) -> None:
    found = found_in(tiny_bank(**ring_tables()))

    def with_signal(rule: str) -> list[str]:
        return sorted(found.index[found[rule]])

    assert with_signal("shared_device") == IDS[:4]  # three on d2 are a family
    assert with_signal("referral_burst") == IDS[6:11]
    assert with_signal("campaign_only") == [IDS[11]]
    # customer 3 redeemed one of two at once, customer 5 none, 180 seconds are still within
    assert with_signal("instant_redemption") == [IDS[0], IDS[6]]
    assert found.loc[IDS[0], ["n_signals", "n_signals_both_arms"]].tolist() == [2, 1]
    assert len(found) == 12


def test_rings_are_seen_whole_where_one_branch_is_looked_at(write_bank: Callable[..., Path]) -> None:
    from helpers import bank as banks

    tables = ring_tables()
    tables["customers"].loc[[0, 1], "branch"] = "Riverside"
    found = found_in(banks.open(write_bank(**tables), branch="Riverside"))
    assert found["shared_device"].tolist() == [True, True]


def test_tables_that_are_missing_leave_their_rules_out(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**{**ring_tables(), "devices": None, "referrals": None, "rewards": None})
    rules = abuse.usable_rules(bank, abuse.read_rules())
    assert list(rules) == ["campaign_only"]
    assert found_in(bank)["n_signals"].sum() == 1


def test_rule_table_counts_takers_and_money(tiny_bank: Callable[..., Any]) -> None:
    bank = tiny_bank(**ring_tables())
    people = (
        outcomes.campaign_outcomes(bank, "K901", window_days=14)
        .execute()
        .merge(found_in(bank).reset_index(), on="customer_id")
    )
    rules = abuse.usable_rules(bank, abuse.read_rules())
    table = abuse.rule_table(people, rules, min_signals=2).set_index("rule")
    # takers: customers 1, 3, 5, 7; two signals: 1 (device, redemption) and 7 (burst, redemption)
    assert table.loc["flagged", ["customers", "n_takers", "cost"]].tolist() == [2, 4, 35.0]
    assert table.loc["flagged", "flagged_share"] == 0.5
    assert table.loc["shared_device", "customers"] == 2
    said = table.loc["shared_device", "threshold_words"]
    assert (said.en, said.zh) == ("at least 4 accounts on a device", "同一设备不少于 4 个账户")
    # Every threshold that the catalogue may set has words.
    assert all(table["threshold_words"].map(lambda words: "{" not in words.en + words.zh))
    assert abuse.rule_table(people, rules, min_signals=4).set_index("rule").loc["flagged", "customers"] == 0


def test_catalogue_is_checked(tmp_path: Path) -> None:
    source = places.project_root() / "data" / "catalogue" / "abuse_rules.yml"
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    content["entries"]["shared_device"]["thresholds"] = {"min_acounts": 4}
    (tmp_path / "abuse_rules.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ValueError, match=r"shared_device\.thresholds are"):
        abuse.read_rules(folder=tmp_path)
    content["entries"]["shared_devise"] = content["entries"].pop("shared_device")
    (tmp_path / "abuse_rules.yml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ValueError, match="did you mean 'shared_device'"):
        abuse.read_rules(folder=tmp_path)
