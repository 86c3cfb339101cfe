"""Money kept after a payout: by hand, against weighted Kaplan–Meier, and intervals by customer."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from helpers.models.retention import left_out, money_survival, survival_curves

PAID = pd.Timestamp("2025-06-30")


def daily(**balances: dict[int, float]) -> pd.DataFrame:
    """Balances by day since the payout: ``daily(a={-60: 0, 0: 100, 10: 40})``."""
    rows = [(name, PAID + pd.Timedelta(days=d), aum) for name, own in balances.items() for d, aum in own.items()]
    return pd.DataFrame(rows, columns=["customer_id", "balance_date", "aum"])


def paid(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(names), "rewarded_at": PAID + pd.Timedelta(hours=9)})


def test_money_that_left_has_left_even_if_it_comes_back() -> None:
    balances = daily(a={-40: 100, 0: 300, 10: 200, 20: 300, 30: 150, 90: 150}, b={-40: 0, 0: 200, 90: 200})
    table = money_survival(balances, paid("a", "b"), horizon_days=90).set_index("day")
    # Usual level of a is 100: 200 of new money, 100 of it gone on day 10, another 50 on day 30.
    assert table.loc[[0, 9, 10, 29, 30, 90], "kept"].tolist() == [1.0, 1.0, 0.75, 0.75, 0.625, 0.625]
    assert table.loc[[10, 30], "lost"].tolist() == [100, 50]
    everything = money_survival(balances, paid("a", "b"), horizon_days=90, of="all").set_index("day")
    assert everything.loc[[10, 30], "kept"].tolist() == pytest.approx([0.8, 0.7])


def test_a_short_record_is_censored_not_lost() -> None:
    balances = daily(a={-40: 0, 0: 100, 30: 100}, b={-40: 0, 0: 100, 30: 100, 60: 50, 90: 50})
    table = money_survival(balances, paid("a", "b"), horizon_days=90).set_index("day")
    assert table.loc[60, ["at_risk", "kept", "n_eligible", "n_immature"]].tolist() == [100, 0.5, 1, 1]
    early = money_survival(balances, paid("a", "b"), horizon_days=90, as_of=PAID + pd.Timedelta(days=40))
    assert early["day"].max() == 30
    assert early["kept"].eq(1).all()


def all_or_nothing(n: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers with 100 each who take all of it out on one day, or are watched to one."""
    rng = np.random.default_rng(0)
    leave, watch = rng.integers(1, 120, n), rng.integers(20, 100, n)
    own = {
        f"c{i}": {
            -40: 0.0,
            0: 100.0,
            **({int(leave[i]): 0.0} if leave[i] <= watch[i] else {}),
            int(watch[i]): 0.0 if leave[i] <= watch[i] else 100.0,
        }
        for i in range(n)
    }
    spells = pd.DataFrame({"days_active": np.minimum(leave, watch), "lapsed": leave <= watch})
    return daily(**own), spells


def test_equal_sums_taken_whole_are_kaplan_meier() -> None:
    balances, spells = all_or_nothing()
    ours = money_survival(balances, paid(*balances["customer_id"].unique()), horizon_days=80)
    curve = survival_curves(spells, horizon_days=80)
    np.testing.assert_allclose(ours["kept"], curve["retained"], atol=1e-12)
    # The sum of squared influences is Greenwood's variance for equal weights (exactly, for the product limit).
    np.testing.assert_allclose(ours[["lower", "upper"]], curve[["lower", "upper"]], atol=2e-3)


def test_intervals_hold_the_truth_where_a_few_customers_hold_most() -> None:
    """Lognormal sums, whole customers leaving at rate 1 % a day: about 95 % of 40 intervals hold the true share."""
    inside = naive = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = 250
        money, leave = np.round(rng.lognormal(8, 1.2, n), 2), rng.geometric(0.01, n)
        own = {
            f"c{i}": {
                -40: 0.0,
                0: money[i],
                **({int(leave[i]): 0.0} if leave[i] <= 60 else {}),
                61: 0.0 if leave[i] <= 61 else money[i],
            }
            for i in range(n)
        }
        row = money_survival(daily(**own), paid(*own), horizon_days=60).iloc[-1]
        truth = 0.99**60
        inside += row["lower"] < truth < row["upper"]
        units = pd.DataFrame({"days_active": np.minimum(leave, 61), "lapsed": leave <= 61, "weight": money})
        plain = survival_curves(units, horizon_days=60).iloc[-1]
        naive += plain["lower"] < truth < plain["upper"]
    # Binomial(40, 0.95) stays at 34 or more with probability 0.99; taking each yuan for a customer fails.
    assert inside >= 34
    assert naive < 20


def test_groups_lazy_tables_and_who_is_left_out() -> None:
    balances, _ = all_or_nothing(60)
    names = balances["customer_id"].unique()
    rewards = paid(*names).assign(campaign_id=np.where(np.arange(60) % 2, "K1", "K2"))
    frames = money_survival(balances, rewards, by="campaign_id", horizon_days=30)
    lazy = money_survival(ibis.memtable(balances), ibis.memtable(rewards), by="campaign_id", horizon_days=30)
    pd.testing.assert_frame_equal(lazy, frames)
    assert frames.groupby("campaign_id")["n"].first().tolist() == [30, 30]
    odd = daily(none={0: 50, 30: 50}, less={-40: 90, 0: 80, 30: 80}, gone={-40: 0, 0: 10}, good={-40: 0, 0: 5, 40: 5})
    table = money_survival(odd, paid("none", "less", "gone", "good", "stranger"), horizon_days=30)
    assert left_out(table).set_index("reason")["n"].to_dict() == {
        "no_base_before_payout": 2,
        "no_new_money": 1,
        "no_balance_after_payout": 1,
    }


def test_bad_input_is_named() -> None:
    balances, _ = all_or_nothing(5)
    with pytest.raises(ValueError, match="of must be 'new' or 'all', not 'old'"):
        money_survival(balances, paid("c1"), of="old")
    with pytest.raises(KeyError, match="rewards lacks the column"):
        money_survival(balances, paid("c1"), by="campaign_id")
    with pytest.raises(ValueError, match="leave no customer whose money can be followed: 1 no_base_before_payout"):
        money_survival(balances, paid("zz"))
    with pytest.raises(ValueError, match="horizon_days must be"):
        money_survival(balances, paid("c1"), horizon_days=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_balance_that_is_no_number_is_named(value: float) -> None:
    rewards = pd.DataFrame({"customer_id": ["a"], "rewarded_at": pd.to_datetime(["2025-07-01 10:00"])})
    days = pd.to_datetime(["2025-05-20", "2025-06-30", "2025-07-31"])
    balances = pd.DataFrame({"customer_id": ["a"] * 3, "balance_date": days, "aum": [0.0, 100.0, value]})
    with pytest.raises(ValueError, match=r"1 row\(s\) of paid customers without a finite aum, the first on 2025-07-31"):
        money_survival(balances, rewards, horizon_days=31)
