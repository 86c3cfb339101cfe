"""Activity counts against brute force over sets of customers, the published example, and hand-made logs."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.metrics import activity, months

GOLDEN = {"2025-01-05": "abcdef", "2025-02-05": "abcgh", "2025-03-31": "abdgij"}


def log(rows: list[tuple[str, str]]) -> ibis.Table:
    return ibis.memtable(
        pd.DataFrame(rows, columns=["customer_id", "occurred_at"]).assign(
            occurred_at=lambda t: pd.to_datetime(t["occurred_at"]).astype("datetime64[us]")
        )
    )


def people(joined: dict[str, str], **extra: dict[str, str]) -> ibis.Table:
    frame = pd.DataFrame({"customer_id": list(joined), "joined_date": pd.to_datetime(list(joined.values()))})
    for column, values in extra.items():
        frame[column] = [values.get(c) for c in joined]
        if column.endswith("_date"):
            frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    table = ibis.memtable(frame)
    return table.mutate(**{c: table[c].cast("date") for c in frame.columns if c.endswith("_date")})


def test_golden_bridge() -> None:
    table = activity.mau_bridge(log([(c, d) for d, who in GOLDEN.items() for c in who]))
    assert table["month"].tolist() == ["2025-02", "2025-03"]
    assert table[["mau_new", "mau_retained", "mau_resurrected", "mau_churned"]].to_numpy().tolist() == [
        [2, 3, 0, 3],
        [2, 3, 1, 2],
    ]
    assert table["quick_ratio"].round(4).tolist() == [0.6667, 1.5]


def test_repeated_and_late_rows_change_nothing() -> None:
    rows = [(c, d) for d, who in GOLDEN.items() for c in who]
    once, twice = activity.mau_bridge(log(rows)), activity.mau_bridge(log(rows[::-1] + rows))
    pd.testing.assert_frame_equal(once, twice)


@settings(max_examples=5, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 170)), min_size=1, max_size=60))
def test_bridge_equals_sets_of_customers(pairs: set[tuple[int, int]]) -> None:
    # Both ends of the log are fixed, so that the months counted are always the same six.
    first = pd.Timestamp("2025-01-01")
    rows = [(f"c{c}", str((first + pd.Timedelta(days=d)).date())) for c, d in pairs]
    rows += [("edge", "2025-01-01"), ("edge", "2025-06-30")]
    table = activity.mau_bridge(log(rows), as_of=date(2025, 6, 30)).set_index("month")
    active: dict[str, set[str]] = {f"2025-0{m}": set() for m in range(1, 7)}
    for customer, day in rows:
        active[str(day)[:7]].add(customer)
    before: set[str] = set()
    names = sorted(active)
    for earlier, later in pairwise(names):
        before |= active[earlier]
        now, last = active[later], active[earlier]
        row = table.loc[later]
        assert row["mau"] == len(now)
        assert row["mau_new"] == len(now - before)
        assert row["mau_retained"] == len(now & last)
        assert row["mau_resurrected"] == len((now & before) - last)
        assert row["mau_churned"] == len(last - now)
        assert row["mau_before"] + row["mau_new"] + row["mau_resurrected"] - row["mau_churned"] == row["mau"]


def test_new_before_the_log_is_flagged_and_late_activation_counted() -> None:
    rows = [("old", "2025-01-02"), ("back", "2025-02-10"), ("fresh", "2025-02-11"), ("late", "2025-03-03")]
    rows += [("stranger", "2025-03-04"), ("old", "2025-03-31")]
    customers = people({"old": "2020-05-01", "back": "2021-01-01", "fresh": "2025-02-11", "late": "2025-01-20"})
    table = activity.mau_bridge(log(rows), customers=customers).set_index("month")
    # "back" joined before the log; of "stranger" no joining day is known: neither is new for sure.
    assert table.loc["2025-02", ["mau_new", "new_left_censored", "activated_later"]].tolist() == [2, 1, 0]
    assert table.loc["2025-03", ["mau_new", "new_left_censored", "activated_later"]].tolist() == [2, 1, 1]


def test_only_whole_months_are_counted() -> None:
    rows = [("a", "2025-01-01"), ("a", "2025-02-10"), ("b", "2025-03-20")]
    assert activity.usage_by_month(log(rows))["month"].tolist() == ["2025-01", "2025-02"]
    assert activity.usage_by_month(log(rows), as_of=date(2025, 3, 31))["month"].tolist()[-1] == "2025-03"
    # Months after the log's last one hold nothing, whatever as_of says.
    assert activity.usage_by_month(log(rows), as_of=date(2026, 1, 1))["month"].tolist()[-1] == "2025-03"


def test_usage_by_hand() -> None:
    # February 2025 has four whole weeks that end in it (Sundays 2, 9, 16, 23); the first began in January.
    rows = [("a", "2025-01-01"), ("a", "2025-01-31"), ("b", "2025-02-03"), ("b", "2025-02-09"), ("a", "2025-02-10")]
    rows += [("c", "2025-02-10"), ("b", "2025-02-28")]
    table = activity.usage_by_month(log(rows), trailing_days=28).set_index("month")
    february = table.loc["2025-02"]
    assert february["mau"] == 3
    assert february["dau"] == pytest.approx(5 / 28)
    assert february["active_days_mean"] == pytest.approx(5 / 3)
    assert february["active_days_median"] == 1
    assert february["wau"] == pytest.approx((1 + 1 + 2 + 0) / 4)
    assert february["stickiness"] == pytest.approx(5 / 28 / 3)
    # The 28 days to 28 February are the calendar month itself; a day more would reach January's last.
    assert february["mau_trailing"] == 3
    wide = activity.usage_by_month(log(rows), trailing_days=60).set_index("month")
    assert pd.isna(wide.loc["2025-01", "mau_trailing"])


def test_active_days_classes_cover_everybody() -> None:
    rows = [("a", f"2025-01-{d:02d}") for d in range(1, 32)] + [("b", "2025-01-05"), ("c", "2025-01-05")]
    rows += [("c", "2025-01-06")]
    table = activity.active_days_distribution(log(rows))
    assert table["customers"].tolist() == [1, 1, 0, 0, 1]
    assert table["share"].sum() == pytest.approx(1)
    assert (table["lower"] <= table["share"]).all()
    assert (table["share"] <= table["upper"]).all()
    with pytest.raises(ValueError, match="month '2025-02' is not covered whole"):
        activity.active_days_distribution(log(rows), month="2025-02")


def test_pools_count_each_customer_once() -> None:
    rows = [("a", "2025-01-01"), ("a", "2025-03-05"), ("b", "2025-02-01"), ("e", "2025-03-31")]
    customers = people(
        dict.fromkeys("abcd", "2020-01-01") | {"e": "2025-03-30", "f": "2025-02-01", "g": "2025-02-01"},
        branch={"a": "X", "b": "X", "c": "X", "e": "Y", "f": "Y", "g": "Y"},
        closed_date={"g": "2025-03-01"},
    )
    table = activity.activity_pools(log(rows), customers).set_index("branch")
    assert table.loc["X"].tolist() == [3, 1, 0, 2, 0]
    assert table.loc["Y"].tolist() == [2, 1, 1, 0, 1]
    assert table.loc[table.index.isna(), "customers"].tolist() == [1]
    assert (table["active"] + table["sleepers"] + table["never_active"] == table["customers"]).all()
    with pytest.raises(KeyError, match="no column 'region'"):
        activity.activity_pools(log(rows), customers, by="region")


def test_unreadable_log_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="activity needs customer_id and occurred_at; it has a"):
        activity.usage_by_month(ibis.memtable(pd.DataFrame({"a": [1]})))
    with pytest.raises(ValueError, match="trailing_days must be at least 1, not 0"):
        activity.usage_by_month(log([("a", "2025-01-01")]), trailing_days=0)


def test_a_log_that_starts_late_in_a_month_leaves_that_month_out() -> None:
    assert months.complete(date(2025, 1, 7), date(2025, 2, 28))[0] == date(2025, 1, 1)
    assert months.complete(date(2025, 1, 8), date(2025, 2, 28))[0] == date(2025, 2, 1)
    assert months.complete(date(2025, 1, 8), date(2025, 1, 31)) == []
