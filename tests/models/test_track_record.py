"""Past campaigns of the sample bank: who may testify, and that effects agree with what was planted."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from helpers.metrics import outcomes
from helpers.metrics.participation import participation
from helpers.models.track_record import past_effects
from tests import truth


@pytest.fixture(scope="module")
def record(sample_bank):
    return past_effects(sample_bank)


def test_only_sound_randomised_campaigns_testify(record) -> None:
    _, checks = record
    use = checks.set_index("campaign_id")["campaign_use"]
    assert use["K003"] == "broken_split"  # the filter dropped active treated customers
    assert use["K004"] == "not_drawn"  # rolled out branch by branch
    assert (use.drop(["K003", "K004"]) == "used").all()


def test_effects_hold_the_planted_ones(record, sample_bank_folder) -> None:
    """Planted mean effect on active days lies within 4 standard errors of every estimate read in the window."""
    effects, _ = record
    mine = effects[(effects["metric"] == "active_days") & (effects["read_as"] == "active_days")]
    assert len(mine) >= 5
    for row in mine.itertuples(index=False):
        arms = truth.read(sample_bank_folder, "effects")
        arms = arms[(arms["campaign_id"] == row.campaign_id) & (arms["metric"] == "active_days")]
        # several treated arms are read together: the mean over them
        planted = arms["tau"].mean()
        assert abs(row.estimate - planted) < 4 * row.se, row.campaign_id


def test_adjusting_for_the_past_narrows_the_interval(record, sample_bank) -> None:
    """CUPED against the plain difference on one campaign: the same place within errors, a smaller error."""
    from helpers.models.experiments import effect

    effects, _ = record
    row = effects[(effects["campaign_id"] == "K010") & (effects["metric"] == "active_days")].iloc[0]
    plain = effect(outcomes.campaign_outcomes(sample_bank, "K010"), metric="active_days", control="control").iloc[0]
    assert row["se"] < 0.9 * plain["se"]
    assert abs(row["estimate"] - plain["estimate"]) < 3 * plain["se"]


def test_nothing_is_known_before_a_window_is_over(sample_bank) -> None:
    early = sample_bank.at(as_of=date(2025, 4, 20))  # K010 began on 7 April
    effects, checks = past_effects(early, metrics=["active_days"])
    assert "K010" not in set(checks["campaign_id"])
    assert "K009" in set(effects["campaign_id"])


def test_segment_effects_fall_back_to_everybody_where_too_few_were_treated(sample_bank) -> None:
    effects, _ = past_effects(sample_bank.at(as_of="2024-06-30"), segment="car_owners", metrics=["active_days"])
    whole = past_effects(sample_bank.at(as_of="2024-06-30"), segment="all", metrics=["active_days"])[0]
    row, everyone = effects.iloc[0], whole.iloc[0]
    assert row["population"] in ("segment", "everybody")
    assert row["n"] <= everyone["n"]
    if row["population"] == "everybody":
        assert row["estimate"] == pytest.approx(everyone["estimate"])


def test_bad_arguments_are_named(sample_bank) -> None:
    with pytest.raises(ValueError, match="metrics: 'mau' is unknown; there are active_days"):
        past_effects(sample_bank, metrics=["mau"])
    with pytest.raises(ValueError, match="lasting_days must be more than window_days"):
        past_effects(sample_bank, window_days=90)


def test_participation_equals_a_count_by_hand(sample_bank) -> None:
    finished = outcomes.finished_campaigns(sample_bank)
    summary, levels = participation(sample_bank, finished[finished["campaign_id"] == "K010"], segment="all")
    row = summary.iloc[0]
    arms = sample_bank.assignments.execute()
    treated = set(arms.loc[(arms["campaign_id"] == "K010") & (arms["arm"] != "control"), "customer_id"])
    paid = sample_bank.rewards.execute()
    paid = paid[(paid["campaign_id"] == "K010") & paid["customer_id"].isin(treated)]
    days = paid.assign(day=paid["rewarded_at"].dt.date).drop_duplicates(["customer_id", "day"])
    by_customer = days["customer_id"].value_counts()
    assert row["counted_by"] == "rewards"
    assert row["n_treated"] == len(treated)
    assert row["n_participants"] == len(by_customer)
    assert row["successes_mean"] == pytest.approx(by_customer.mean())
    assert row["reward_cost_each"] == pytest.approx(paid["cost"].sum() / len(treated))
    assert levels.set_index("successes")["customers"].to_dict() == by_customer.value_counts().to_dict()


def test_participation_counts_success_events_where_no_reward_is_kept(tiny_bank) -> None:
    ids = [f"C{i:09d}" for i in range(1, 5)]
    bank = tiny_bank(
        customers=pd.DataFrame(
            {
                "customer_id": ids, "joined_date": [date(2024, 1, 1)] * 4, "gender": "F", "branch": "Harbour",
                "birth_year": pd.array([1960] * 4, dtype="Int64"),
            }
        ),
        activity=pd.DataFrame(
            {
                "customer_id": [ids[0], ids[0], ids[0], ids[1], ids[3]],
                "occurred_at": pd.to_datetime(
                    ["2024-03-01 08:00", "2024-03-01 09:00", "2024-03-05 09:00", "2024-04-30 09:00", "2024-03-02 09:00"]
                ),
                "event": ["checkin", "checkin", "checkin", "checkin", "login"],
                "page": "home", "session_id": "s", "app": "main",
            }
        ),
        balances=pd.DataFrame(
            {"customer_id": ids, "balance_date": [date(2024, 2, 29)] * 4, "aum": [1.0] * 4, "loan": [0.0] * 4}
        ),
        campaigns=pd.DataFrame(
            {
                "campaign_id": ["X"], "form": ["checkin"], "name": ["x"], "starts_date": [date(2024, 3, 1)],
                "ends_date": [date(2024, 3, 14)], "budget": [10.0], "success_event": ["checkin"],
            }
        ),
        assignments=pd.DataFrame(
            {
                "campaign_id": "X", "customer_id": ids, "arm": ["treatment", "treatment", "control", "treatment"],
                "propensity": [0.75, 0.75, 0.25, 0.75], "assigned_at": pd.Timestamp("2024-02-28"),
            }
        ),
    )  # fmt: skip
    summary, levels = participation(bank, outcomes.finished_campaigns(bank), segment="silver", least_treated=1)
    row = summary.iloc[0]
    # two check-ins on one day are one success; the one after the end is none; logins are none
    assert (row["counted_by"], row["n_treated"], row["n_participants"]) == ("events", 3, 1)
    assert levels[["successes", "customers"]].to_numpy().tolist() == [[2, 1]]
    assert row["reward_cost_each"] == 0
    assert row["contact_cost_each"] == 0
