"""Spells: lapses, censoring, late entry, closing — worked cases by hand, then the planted truth of the sample bank."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from helpers import bank as banks
from helpers.bank import sample
from helpers.findings import SpokenError
from helpers.models.retention import CoxRetention, left_out, spell_summary, spells_from_activity

START = date(2025, 1, 1)


def day(number: int) -> date:
    return START + timedelta(days=int(number))


def log(**days: list[int]) -> pd.DataFrame:
    """Activity from day numbers since the log's first day: ``log(a=[0, 5])``."""
    rows = [(name, pd.Timestamp(day(n)) + pd.Timedelta(hours=9)) for name, own in days.items() for n in own]
    return pd.DataFrame(rows, columns=["customer_id", "occurred_at"])


def people(closed: dict[str, int] | None = None, **joined: int | None) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "customer_id": list(joined),
            "joined_date": [None if n is None else day(n) for n in joined.values()],
        }
    )
    if closed is not None:
        table["closed_date"] = [day(closed[name]) if name in closed else None for name in joined]
    return table


def spells_of(activity: pd.DataFrame, customers: pd.DataFrame, **settings: object) -> pd.DataFrame:
    settings = {"silent_days": 30, "as_of": day(100), "log_start": START, **settings}
    return spells_from_activity(activity, customers, **settings).set_index("customer_id")  # type: ignore[arg-type]


CASES = {
    # name: (joined, active days, days_active, lapsed, entry_day); the log runs from day 0 to 100, silence is 30 days
    "came once": (0, [0], 0, True, 0),
    "gap of 29 is no lapse": (10, [10, 39, 68, 97], 60, False, 0),
    "gap of 30 is one": (10, [10, 40, 70, 100], 0, True, 0),
    "returned": (10, [10, 20, 60, 90], 10, True, 0),
    "silent at the end": (10, [10, 30, 70], 20, True, 0),
    "last active 30 days before the end": (10, [10, 35, 60, 70], 60, True, 0),
    "last active 29 days before the end": (10, [10, 35, 60, 71], 60, False, 0),
    "never came": (10, [], 0, True, 0),
    "came late": (10, [50, 60, 80], 0, True, 0),
    "old and alive": (-40, [5, 30, 55, 80, 99], 110, False, 40),
    "old and lapsed": (-40, [5, 20], 60, True, 40),
    "old, lapsed on the first day": (-40, [0], 40, True, 40),
    "old, first seen on the last allowed day": (-40, [29, 50, 75, 99], 110, False, 40),
}


@pytest.mark.parametrize("name", CASES)
def test_a_spell_ends_as_the_rule_says(name: str) -> None:
    joined, active, days_active, lapsed, entry = CASES[name]
    row = spells_of(log(a=active, other=[0, 1]), people(a=joined, other=0)).loc["a"]
    assert (row["days_active"], row["lapsed"], row["entry_day"]) == (days_active, lapsed, entry)
    assert row["cause"] == ("silent" if lapsed else None)
    assert row["entered_at"] == pd.Timestamp(day(joined))


def test_who_is_left_out_is_counted_with_the_reason() -> None:
    customers = people(alive=0, silent=-50, late=-50, nobody=None, future=120, fresh=80)
    activity = log(alive=[0, 20, 40, 60, 80], late=[30, 60], stranger=[3], fresh=[80])
    table = spells_from_activity(activity, customers, silent_days=30, as_of=day(100))
    assert table["customer_id"].tolist() == ["alive"]
    told = left_out(table).set_index("reason")["n"].to_dict()
    assert told == {
        "no_joined_date": 1,
        "joined_after_as_of": 1,
        "joined_too_recently": 1,
        "silent_before_log": 2,
        "not_in_customers": 1,
    }
    assert left_out(table)[["en", "zh"]].notna().all(axis=None)
    summary = spell_summary(table).iloc[0]
    assert (summary["n_customers"], summary["n_spells"], summary["n_left_out"]) == (6, 1, 5)


def test_returns_and_censored_are_counted_beside() -> None:
    table = spells_from_activity(
        log(a=[0, 50], b=[0], c=[0, 25, 50, 75, 99]), people(a=0, b=0, c=0), silent_days=30, as_of=day(100)
    )
    summary = spell_summary(table).iloc[0]
    assert summary[["n_lapsed", "n_returned", "n_censored", "n_late_entry"]].tolist() == [2, 1, 1, 0]
    with pytest.raises(ValueError, match="carries no counts"):
        spell_summary(pd.DataFrame(table.to_dict("list")))


def test_closing_an_account_is_a_cause_of_its_own() -> None:
    customers = people(
        {"quick": 40, "silent": 70, "later": 90, "future": 130, "before": -10},
        quick=0,
        silent=0,
        later=0,
        future=0,
        before=-50,
    )
    active = [0, 20, 38]
    activity = log(quick=active, silent=[0, 20, 38], later=[0, 20, 45, 70, 88], future=[0, 25, 50, 75, 95])
    table = spells_of(activity, customers)
    assert table.loc["quick", ["days_active", "cause"]].tolist() == [40, "closed"]
    # 32 days of silence came before the closing.
    assert table.loc["silent", ["days_active", "cause"]].tolist() == [38, "silent"]
    # Closings are followed only as far as silences can be.
    assert table.loc["later", ["days_active", "lapsed"]].tolist() == [70, False]
    assert table.loc["future", ["days_active", "lapsed"]].tolist() == [70, False]
    assert "before" not in table.index
    assert table.attrs["left_out"] == [{"reason": "closed_before_log", "column": "", "n": 1}]


def test_nothing_after_as_of_is_seen() -> None:
    activity, customers = log(a=[0, 20, 40, 99]), people(a=0)
    early = spells_of(activity, customers, as_of=day(60)).loc["a"]
    assert early[["days_active", "lapsed"]].tolist() == [30, False]
    cut = spells_of(log(a=[0, 20, 40]), customers, as_of=day(60)).loc["a"]
    pd.testing.assert_series_equal(early, cut)


def test_lazy_tables_frames_and_duplicate_rows_give_the_same_spells() -> None:
    rng = np.random.default_rng(0)
    activity = log(**{f"c{i}": sorted(rng.integers(0, 200, 12)) for i in range(80)})
    customers = people(**{f"c{i}": int(rng.integers(-60, 120)) for i in range(80)}).assign(city="x")
    frames = spells_from_activity(activity, customers, silent_days=25, as_of=day(200))
    assert frames["city"].eq("x").all()
    lazy = spells_from_activity(
        ibis.memtable(pd.concat([activity, activity.sample(200, random_state=1)])),
        ibis.memtable(customers),
        silent_days=25,
        as_of=day(200).isoformat(),
    )
    pd.testing.assert_frame_equal(lazy, frames)
    only = spells_from_activity(activity, customers, silent_days=25, as_of=day(200), attributes=[])
    assert "city" not in only


def test_the_account_survives_parquet(tmp_path: Path) -> None:
    table = spells_from_activity(log(a=[0, 50], b=[0]), people(a=0, b=0, c=90), silent_days=30, as_of=day(100))
    table.to_parquet(tmp_path / "spells.parquet")
    back = pd.read_parquet(tmp_path / "spells.parquet")
    pd.testing.assert_frame_equal(left_out(back), left_out(table))
    pd.testing.assert_frame_equal(spell_summary(back), spell_summary(table))


def test_bad_input_is_told_plainly() -> None:
    activity, customers = log(a=[0, 20]), people(a=0)
    with pytest.raises(ValueError, match=r"silent_days must be a whole number of days, at least 1, not 0"):
        spells_of(activity, customers, silent_days=0)
    with pytest.raises(ValueError, match="as_of must be a date such as 2025-09-30, not 'soon'"):
        spells_of(activity, customers, as_of="soon")
    with pytest.raises(ValueError, match="before the activity log starts"):
        spells_of(activity, customers, as_of=day(20))
    with pytest.raises(ValueError, match="activity has no row up to as_of"):
        spells_from_activity(activity.head(0), customers, silent_days=30, as_of=day(100))
    with pytest.raises(KeyError, match=r"activity lacks the column\(s\) occurred_at"):
        spells_of(activity.rename(columns={"occurred_at": "at"}), customers)
    with pytest.raises(ValueError, match="customer_id must be unique; 1 row"):
        spells_of(activity, pd.concat([customers, customers]))
    with pytest.raises(SpokenError, match="no customer is left to watch: 1 joined_too_recently") as nobody:
        spells_of(activity, people(a=90))
    assert nobody.value.say("zh") == "没有可观察的客户：加入时间太短，尚无法判断是否沉默 1 人"
    with pytest.raises(TypeError, match="activity must be an Ibis table or a DataFrame, not list"):
        spells_of([], customers)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="customers lacks"):
        spells_of(activity, customers, attributes=["salary"])


@pytest.mark.slow
def test_planted_lapses_and_hazards_are_recovered_on_twenty_banks(tmp_path: Path) -> None:
    """The sample bank's truth: every lapse day exactly, every planted hazard ratio inside its 95 % interval in at
    least 17 of 20 seeds, for both causes, with more than a third of the customers entering late."""
    inside: dict[str, int] = {}
    late = []
    for seed in range(20):
        folder = sample.build(tmp_path / f"bank{seed}", customers=1_500, seed=seed)
        bank = banks.open(folder)
        spells = spells_from_activity(bank.activity, bank.customers, silent_days=60, as_of="2025-12-31")
        truth = pd.read_parquet(folder / "truth" / "customers.parquet")
        own = spells.drop(columns=["birth_year", "gender"]).merge(
            truth[["customer_id", "lapse_date", "birth_year", "gender"]], on="customer_id"
        )
        true_days = (pd.to_datetime(own["lapse_date"]) - own["entered_at"]).dt.days
        assert (own["days_active"] == true_days)[own["lapsed"]].all()
        assert (own["days_active"] <= true_days)[~own["lapsed"]].all()
        late.append((spells["entry_day"] > 0).mean())
        own = own.assign(
            is_silver=own["birth_year"] <= 1975, is_young=own["birth_year"] >= 1996, is_woman=own["gender"] == "F"
        )
        for branch in ("Airport", "University"):
            own[f"branch={branch}"] = own["branch"] == branch
        hazards = pd.read_parquet(folder / "truth" / "hazards.parquet")
        for cause, planted in hazards.groupby("cause"):
            model = CoxRetention().fit(own.assign(lapsed=own["cause"] == cause), list(planted["attribute"]))
            for row in planted.itertuples():
                low, high = np.log(model.summary_.loc[row.attribute, ["lower", "upper"]].astype(float))
                key = f"{cause} {row.attribute}"
                inside[key] = inside.get(key, 0) + (low < row.log_hazard_ratio < high)
    assert min(late) > 0.33
    assert {key: n for key, n in inside.items() if n < 17} == {}
