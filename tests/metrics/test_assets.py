"""The AUM bridge against brute force customer by customer, and where new money can't be told from valuation."""

from __future__ import annotations

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.metrics import assets

ENDS = ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30"]
MONTHS = [end[:7] for end in ENDS]


def book(rows: list[tuple], columns: tuple[str, ...] = ("customer_id", "balance_date", "aum")) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=list(columns))
    frame["balance_date"] = pd.to_datetime(frame["balance_date"])
    table = ibis.memtable(frame)
    return table.mutate(balance_date=table.balance_date.cast("date"))


def closings(closed: dict[str, str | None]) -> ibis.Table:
    frame = pd.DataFrame({"customer_id": list(closed), "closed_date": pd.to_datetime(list(closed.values()))})
    table = ibis.memtable(frame.astype({"closed_date": "datetime64[us]"}))
    return table.mutate(closed_date=table.closed_date.cast("date"))


balance = st.one_of(st.none(), st.sampled_from([0.0, 0.0, 10.0, 250.5, 4000.0]))


@settings(max_examples=5, deadline=None)
@given(st.lists(st.tuples(balance, balance, balance, balance), min_size=1, max_size=6))
def test_bridge_equals_brute_force(lives: list[tuple]) -> None:
    lives = [*lives, (1.0, 1.0, 1.0, 1.0)]  # one who is always there, so that all four months are
    rows = [
        (f"c{i}", end, v) for i, life in enumerate(lives) for end, v in zip(ENDS, life, strict=True) if v is not None
    ]
    table = assets.aum_bridge(book(rows)).set_index("month")
    expected = {m: dict.fromkeys(assets_parts(), 0.0) for m in MONTHS[1:]}
    totals = dict.fromkeys(MONTHS, 0.0)
    for life in lives:
        last, most = 0.0, 0.0
        for month, value in zip(MONTHS, life, strict=True):
            now = last if value is None else value
            totals[month] += now
            if month != MONTHS[0]:
                part = (
                    "new"
                    if last == 0 and now > 0 and most == 0
                    else "resurrected"
                    if last == 0 and now > 0
                    else "lost"
                    if last > 0 and now == 0
                    else "expansion"
                    if now > last
                    else "contraction"
                    if now < last
                    else None
                )
                if part:
                    expected[month][part] += abs(now - last)
            last, most = now, max(most, now)
    for month in MONTHS[1:]:
        row = table.loc[month]
        for part, value in expected[month].items():
            assert row[f"aum_{part}"] == pytest.approx(value)
        assert row["aum"] == pytest.approx(totals[month])
        built = row["aum_before"] + row["aum_new"] + row["aum_resurrected"] + row["aum_expansion"]
        assert built - row["aum_contraction"] - row["aum_lost"] == pytest.approx(row["aum"])


def assets_parts() -> tuple[str, ...]:
    return ("new", "resurrected", "expansion", "contraction", "lost")


def test_new_money_and_valuation_add_up_to_the_change() -> None:
    columns = ("customer_id", "balance_date", "aum", "net_inflow")
    rows = [("a", ENDS[0], 100.0, 0.0), ("a", ENDS[1], 130.0, 25.0), ("b", ENDS[1], 50.0, 49.0)]
    rows += [("a", ENDS[2], 120.0, -15.0), ("b", ENDS[2], 0.0, -51.0)]
    table = assets.aum_bridge(book(rows, columns)).set_index("month")
    assert table.loc["2025-02", ["net_new_money", "valuation"]].tolist() == [74.0, 6.0]
    assert table.loc["2025-03", ["net_new_money", "valuation"]].tolist() == [-66.0, 6.0]
    assert (table["net_new_money"] + table["valuation"] - table["aum_change"]).abs().max() < 1e-9


def test_without_net_inflow_nothing_is_claimed() -> None:
    table = assets.aum_bridge(book([("a", ENDS[0], 1.0), ("a", ENDS[1], 2.0)]))
    assert table["net_new_money"].isna().all()
    assert table["valuation"].isna().all()
    columns = ("customer_id", "balance_date", "aum", "net_inflow")
    holes = book([("a", ENDS[0], 1.0, 0.0), ("a", ENDS[1], 2.0, np.nan), ("b", ENDS[1], 2.0, 2.0)], columns)
    assert assets.aum_bridge(holes)["net_new_money"].isna().all()


def test_missing_month_keeps_the_balance_until_the_account_is_closed() -> None:
    rows = [("a", ENDS[0], 100.0), ("b", ENDS[0], 10.0), ("b", ENDS[3], 10.0)]
    carried = assets.aum_bridge(book(rows)).set_index("month")
    assert carried["aum"].tolist() == [110.0, 110.0, 110.0]
    assert carried["n_carried"].tolist() == [2, 2, 1]
    columns = ("customer_id", "balance_date", "aum", "net_inflow")
    flows = book([(c, d, v, 0.0) for c, d, v in rows], columns)
    closed = assets.aum_bridge(flows, customers=closings({"a": "2025-03-10", "b": None})).set_index("month")
    assert closed["aum"].tolist() == [110.0, 10.0, 10.0]
    assert closed.loc["2025-03", "aum_lost"] == 100.0
    # What goes with a closed account is money taken out, not a falling market.
    assert closed.loc["2025-03", ["net_new_money", "valuation"]].tolist() == [-100.0, 0.0]


def test_a_balance_stands_on_every_day_until_the_next_one_or_the_closing() -> None:
    rows = book([("a", ENDS[0], 100.0), ("b", ENDS[1], 10.0), ("b", ENDS[3], 30.0)])
    days = [date(2025, 3, 9), date(2025, 1, 30), date(2025, 3, 10), date(2025, 3, 10), date(2025, 4, 30)]
    held = assets.at_days(rows, days, customers=closings({"a": "2025-03-10", "b": None})).to_pandas()
    table = held.pivot(index="day", columns="customer_id", values="aum")
    assert [day.date() for day in table.index] == [date(2025, 3, 9), date(2025, 3, 10), date(2025, 4, 30)]
    assert table.to_numpy().tolist() == [[100.0, 10.0], [0.0, 10.0], [0.0, 30.0]]
    # without a closing date nothing is known of it; at month ends both readings are one
    forever = assets.at_days(rows, days).to_pandas().pivot(index="day", columns="customer_id", values="aum")
    assert forever["a"].tolist() == [100.0, 100.0, 100.0]
    ends = assets.customer_month_ends(rows, customers=closings({"a": "2025-03-10", "b": None})).to_pandas()
    on_ends = assets.at_days(rows, [date.fromisoformat(day) for day in ENDS], customers=closings({"a": "2025-03-10"}))
    by_month = ends.set_index(["customer_id", "month"]).aum
    by_day = on_ends.mutate(month=on_ends.day.truncate("M").cast("date")).to_pandas()
    assert by_day.set_index(["customer_id", "month"]).aum.to_dict() == by_month.to_dict()
    with pytest.raises(ValueError, match="days: none is given"):
        assets.at_days(rows, [])


FLOWS = ("customer_id", "balance_date", "aum", "net_inflow")


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        ([], -100.0),
        ([("a", "2025-03-31", 0.0, -151.0)], -101.0),  # settled by the bank: its own flow counts
        ([("a", "2025-03-31", 0.0, None)], -100.0),
        ([("a", "2025-03-31", 160.0, -150.0)], -100.0),  # a balance that stands on after the closing is none
    ],
)
def test_who_closes_takes_out_what_is_left_in_bridge_and_campaign_alike(later: list, expected: float) -> None:
    rows = [("a", ENDS[0], 100.0, 0.0), ("a", ENDS[1], 100.0, 0.0), ("a", "2025-03-05", 150.0, 50.0), *later]
    rows += [("z", day, 1.0, 0.0) for day in ENDS[:3]]
    table, closed = book(rows, FLOWS), closings({"a": "2025-03-10", "z": None})
    bridge = assets.aum_bridge(table, customers=closed).set_index("month").loc["2025-03"]
    assert (bridge.aum_change, bridge.net_new_money) == (-100.0, expected)
    money = assets.new_money(table, date(2025, 2, 28), date(2025, 3, 31), customers=closed).to_pandas()
    assert money.set_index("customer_id").new_money.to_dict() == {"a": expected, "z": 0.0}
    # closed on the day from which flows are counted: nothing was there any more
    gone = closings({"a": "2025-03-10", "z": "2025-02-28"})
    money = assets.new_money(table, date(2025, 3, 10), date(2025, 3, 31), customers=gone).to_pandas()
    assert money.set_index("customer_id").new_money.to_dict() == {"a": 0.0, "z": 0.0}


def test_daily_mean_counts_those_whose_balance_does_not_change() -> None:
    days = [str(day.date()) for day in pd.date_range("2025-01-01", "2025-02-28")]
    moving = [("a", day, float(k)) for k, day in enumerate(days)]
    still = [("s", days[0], 1_000.0), ("c", days[0], 100.0)]
    closed = closings({"a": None, "s": None, "c": "2025-02-15"})
    found = assets.aum_by_month(book([*moving, *still]), customers=closed).set_index("month")
    every_day = [(name, day, aum) for name, _, aum in still for day in days if name == "s" or day < "2025-02-15"]
    by_hand = pd.DataFrame([*moving, *every_day], columns=["who", "day", "aum"]).groupby("day").aum.sum()
    assert found.aum_daily_mean["2025-01"] == pytest.approx(by_hand[:31].mean())
    assert found.aum_daily_mean["2025-02"] == pytest.approx(by_hand[31:].mean())
    assert found.n_balance_days.tolist() == [31, 28]


def test_last_balance_of_a_month_counts_and_daily_means_need_days() -> None:
    days = pd.date_range("2025-01-01", "2025-02-28")
    rows = [("a", str(day.date()), float(i)) for i, day in enumerate(days)]
    table = assets.aum_by_month(book(rows)).set_index("month")
    assert table["aum"].tolist() == [30.0, 58.0]
    assert table["aum_daily_mean"].tolist() == [15.0, 44.5]
    assert assets.aum_by_month(book([("a", ENDS[0], 5.0)]))["aum_daily_mean"].isna().all()


def test_unfinished_month_is_left_out() -> None:
    rows = book([("a", ENDS[0], 1.0), ("a", ENDS[1], 2.0), ("a", "2025-03-10", 3.0)])
    assert assets.aum_by_month(rows, as_of=date(2025, 3, 10))["month"].tolist() == ["2025-01", "2025-02"]


def test_overdrafts_only_expand_or_contract() -> None:
    rows = [("a", ENDS[0], 0.0), ("a", ENDS[1], -40.0), ("a", ENDS[2], 60.0), ("b", ENDS[0], 5.0)]
    table = assets.aum_bridge(book(rows)).set_index("month")
    assert table.loc["2025-02", "aum_contraction"] == 40.0
    assert table.loc["2025-03", "aum_expansion"] == 100.0
    assert table["aum_new"].sum() == 0


def test_factors_add_up_to_the_books(tiny_bank) -> None:
    ids = [f"C{i:09d}" for i in range(1, 5)]
    customers = pd.DataFrame(
        {
            "customer_id": ids,
            "joined_date": pd.to_datetime(["2023-01-01", "2023-01-01", "2024-02-15", "2024-01-02"]).date,
            "birth_year": pd.array([1960, 1999, 1980, None], dtype="Int64"),
            "gender": ["F", "M", None, "F"],
            "branch": ["Harbour", "Old Town", "Harbour", None],
        }
    )
    seen = [(ids[0], "2024-01-01"), (ids[1], "2024-01-15"), (ids[0], "2024-02-20"), (ids[2], "2024-02-29")]
    activity = pd.DataFrame(seen, columns=["customer_id", "occurred_at"]).assign(
        occurred_at=lambda t: pd.to_datetime(t["occurred_at"]), event="login", page="home", session_id="s", app="main"
    )
    held = [(ids[0], "2024-01-31", 100.0), (ids[1], "2024-01-31", 0.0), (ids[3], "2024-01-31", 7.0)]
    held += [(ids[0], "2024-02-29", 90.0), (ids[1], "2024-02-29", 30.0), (ids[2], "2024-02-29", 5.0)]
    balances = pd.DataFrame(held, columns=["customer_id", "balance_date", "aum"]).assign(
        balance_date=lambda t: pd.to_datetime(t["balance_date"]).dt.date, loan=0.0
    )
    bank = tiny_bank(customers=customers, activity=activity, balances=balances, as_of="2024-02-29")
    table = assets.asset_factors(bank.activity, bank.balances, bank.customers, as_of=bank.as_of)
    found = {(r.month, bool(r.is_active)): (r.customers, r.holders, r.aum) for r in table.itertuples()}
    assert found == {
        ("2024-01", True): (2, 1, 100.0),
        ("2024-01", False): (1, 1, 7.0),
        ("2024-02", True): (2, 2, 95.0),
        ("2024-02", False): (2, 2, 37.0),
    }
    branches = assets.asset_factors(bank.activity, bank.balances, bank.customers, as_of=bank.as_of, by=("branch",))
    assert branches.groupby("month")["aum"].sum().tolist() == [107.0, 132.0]
