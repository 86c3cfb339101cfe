"""Arms drawn by hashing: the contract's numbers, the same arms in the engine, shares as configured."""

from __future__ import annotations

import re

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers.models.experiments import assign, hash_share, sample_ratio
from helpers.models.experiments.engines import DIGESTS

IDS = [f"C{number:09d}" for number in range(20_000)]
EVEN = {"control": 0.5, "treatment": 0.5}


def test_hash_share_is_the_contracts_golden_number() -> None:
    assert hash_share(["C000000001"], salt="spring")[0] == pytest.approx(0.131891231919, abs=5e-13)


def test_shares_are_uniform() -> None:
    # Kolmogorov–Smirnov at a fixed salt; p = 0.38 here
    assert stats.kstest(hash_share(IDS, salt="spring"), "uniform").pvalue > 0.01


@given(
    weights=st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any),
    salt=st.text(min_size=1, max_size=8),
)
@settings(max_examples=50, deadline=None)
def test_arm_is_where_the_share_falls_among_the_cumulated_weights(weights: list[int], salt: str) -> None:
    named = {f"arm {place}": weight / 10 for place, weight in enumerate(weights)}
    drawn = assign(IDS[:50], salt=salt, weights=named)
    upper = np.cumsum(list(named.values())) / sum(named.values())
    place = np.searchsorted(upper, hash_share(IDS[:50], salt=salt), side="right")
    assert drawn.arm.tolist() == [f"arm {k}" for k in place]
    assert drawn.customer_id.tolist() == IDS[:50]


def test_lazy_table_and_column_give_the_same_arms() -> None:
    table = ibis.memtable(pd.DataFrame({"customer_id": IDS[:5000], "branch": "Harbour"}))
    options = {
        "salt": "spring",
        "weights": {"control": 0.1, "points": 0.2, "gift": 0.7},
        "holdouts": {"bank-2026": 0.05, "deposits-q1": 0.1},
    }
    here = assign(IDS[:5000], **options)
    for lazy in (table, table.customer_id):
        there = assign(lazy, **options)
        assert isinstance(there, ibis.expr.types.Table)
        there = there.to_pandas().sort_values("customer_id", ignore_index=True)
        pd.testing.assert_frame_equal(there, here, check_dtype=False)


@pytest.mark.parametrize("ids", [[*IDS[:5000], "ünï", "C'; --", " x "], list(range(300))], ids=["texts", "numbers"])
def test_sqlite_draws_the_same_arms(ids: list) -> None:
    options = {"salt": "spring", "weights": {"control": 0.1, "gift": 0.9}, "holdouts": {"bank-2026": 0.05}}
    table = ibis.sqlite.connect().create_table("customers", pd.DataFrame({"customer_id": ids}))
    there = assign(table, **options).to_pandas().set_index("customer_id").loc[ids].reset_index()
    pd.testing.assert_frame_equal(there, assign(ids, **options), check_dtype=False)


@pytest.mark.parametrize(
    ("engine", "digest"),
    [
        ("athena", "LOWER(TO_HEX(SHA256(TO_UTF8(CONCAT('s:', t0.customer_id)))))"),
        ("bigquery", "TO_HEX(SHA256(CONCAT('s:', t0.customer_id)))"),
        ("clickhouse", "LOWER(HEX(SHA256(CONCAT('s:', t0.customer_id))))"),
        (
            "mssql",
            "LOWER(LOWER(CONVERT(VARCHAR(MAX), HASHBYTES('SHA2_256', "
            "CAST(IIF('s:' IS NULL OR [t0].[customer_id] IS NULL, NULL, 's:' + [t0].[customer_id]) AS VARCHAR(8000))), 2)))",
        ),
        ("mysql", "SHA2(CONCAT('s:', t0.customer_id), 256)"),
        ("postgres", "ENCODE(SHA256(CONVERT_TO('s:' || t0.customer_id, 'UTF8')), 'hex')"),
        ("snowflake", "SHA2(CONCAT('s:', t0.customer_id), 256)"),
        ("trino", "LOWER(TO_HEX(SHA256(TO_UTF8(CONCAT('s:', t0.customer_id)))))"),
    ],
)
def test_engines_are_asked_for_sha256_by_their_own_names(engine: str, digest: str) -> None:
    """As the engines' manuals spell it: Trino's and ClickHouse's hex is in capitals, SQL Server's text may be UTF-16."""
    table = ibis.table({"customer_id": "string"}, name="customers")
    asked = table.select(digest=DIGESTS[engine](ibis.literal("s:") + table.customer_id))
    written = re.sub(r"[\s\"`\[\]]+", "", str(ibis.to_sql(asked, dialect=engine)))
    assert re.sub(r"\s+|[\[\]]", "", f"SELECT{digest}ASdigest") in written


def test_an_engine_that_cannot_hash_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    table = ibis.sqlite.connect().create_table("customers", pd.DataFrame({"customer_id": ["C1"]}))
    monkeypatch.delitem(DIGESTS, "sqlite")
    with pytest.raises(
        ValueError,
        match="customer_ids: this engine can't hash: sqlite; pass the customer ids as a DataFrame column",
    ):
        assign(table, salt="spring", weights=EVEN)


def test_a_table_without_a_connection_is_drawn_where_it_is_run_later() -> None:
    table = ibis.table({"customer_id": "string"}, name="customers")
    engine = ibis.duckdb.connect()
    engine.create_table("customers", pd.DataFrame({"customer_id": IDS[:50]}))
    drawn = engine.to_pandas(assign(table, salt="spring", weights=EVEN))
    assert drawn.arm.tolist() == assign(IDS[:50], salt="spring", weights=EVEN).arm.tolist()


def test_whole_numbers_are_drawn_as_their_digits_here_and_in_the_engine() -> None:
    here = assign(range(300), salt="spring", weights=EVEN)
    there = assign(ibis.memtable(pd.DataFrame({"customer_id": range(300)})), salt="spring", weights=EVEN)
    assert here.arm.tolist() == there.to_pandas().sort_values("customer_id").arm.tolist()
    assert here.arm.tolist() == assign([str(k) for k in range(300)], salt="spring", weights=EVEN).arm.tolist()


def test_split_comes_out_as_configured() -> None:
    weights = {"control": 0.2, "treatment": 0.8}
    counts = assign(IDS, salt="autumn", weights=weights).arm.value_counts()
    assert sample_ratio(counts.to_dict(), weights)["tier"] == "ok"


def test_a_larger_share_contains_the_smaller_one() -> None:
    small = assign(IDS, salt="spring", weights={"holdout": 0.05, "rest": 0.95})
    large = assign(IDS, salt="spring", weights={"holdout": 0.10, "rest": 0.90})
    assert set(small.customer_id[small.arm == "holdout"]) < set(large.customer_id[large.arm == "holdout"])


def test_two_salts_are_independent() -> None:
    crossed = pd.crosstab(assign(IDS, salt="spring", weights=EVEN).arm, assign(IDS, salt="autumn", weights=EVEN).arm)
    assert stats.chi2_contingency(crossed).pvalue > 0.01


def test_held_out_customers_never_meet_the_experiment_and_the_rest_keep_their_arms() -> None:
    plain = assign(IDS, salt="spring", weights=EVEN)
    layered = assign(IDS, salt="spring", weights=EVEN, holdouts={"bank-2026": 0.1, "team": 0.2})
    out = layered.held_out_by != ""
    assert (layered.arm[out] == "holdout").all()
    assert (layered.arm[~out] == plain.arm[~out]).all()
    # the outer one takes a tenth, the inner one a fifth of what is left; 4 standard errors of 20,000 draws
    assert (layered.held_out_by == "bank-2026").mean() == pytest.approx(0.1, abs=0.009)
    assert (layered.held_out_by == "team").mean() == pytest.approx(0.18, abs=0.011)


def test_decimal_weights_end_exactly_where_they_say() -> None:
    from helpers.models.experiments.assignment import BUCKETS, _bounds

    bounds = dict(_bounds({"a": 0.1, "b": 0.2, "c": 0.7}))
    assert int(bounds["b"], 16) == -(-BUCKETS * 3 // 10)  # not 0.30000000000000004
    assert bounds["c"] is None


def test_an_arm_without_weight_gets_nobody() -> None:
    assert set(assign(IDS[:500], salt="s", weights={"a": 0, "b": 1, "c": 0.0}).arm) == {"b"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"salt": ""}, "salt"),
        ({"weights": {}}, "weights: a mapping"),
        ({"weights": {"a": -1, "b": 2}}, "'a' has -1; a number of 0 or more"),
        ({"weights": {"a": float("nan"), "b": 2}}, "'a' has nan"),
        ({"weights": {"a": 0, "b": 0}}, "all 0"),
        ({"weights": {"a": "half"}}, "'a' has 'half'"),
        ({"customer_ids": [None]}, "customer_ids: .* not None"),
        ({"customer_ids": [1.0]}, "customer_ids: .* not 1.0"),
        ({"customer_ids": "C000000001"}, r"customer_ids: several ids are needed, such as \['C000000001'\]"),
        ({"customer_ids": 7}, r"customer_ids: several ids are needed, such as \[7\], not 7"),
        ({"customer_ids": pd.DataFrame({"id": ["C1"]})}, r"customer_ids: the table has no column 'customer_id', only"),
        ({"holdouts": {"bank": 1.0}}, "holdouts: 'bank' has 1.0"),
        ({"holdouts": {"bank": True}}, "holdouts: 'bank' has True"),
        ({"holdouts": 0.1}, "holdouts: a mapping of salt to share is needed, not 0.1"),
        ({"holdouts": [1]}, r"holdouts: a mapping of salt to share is needed, not \[1\]"),
        ({"holdouts": {"spring": 0.1}}, "holdouts: 'spring' is also the experiment's salt"),
    ],
)
def test_bad_input_is_named(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assign(**{"customer_ids": ["C1"], "salt": "spring", "weights": EVEN, **change})


def test_lazy_bad_input_is_named() -> None:
    table = ibis.memtable(pd.DataFrame({"id": ["C1"], "number": [1.5]}))
    with pytest.raises(ValueError, match="no column 'customer_id'"):
        assign(table, salt="s", weights=EVEN)
    with pytest.raises(ValueError, match="not float64"):
        assign(table.number, salt="s", weights=EVEN)


def test_a_frame_gives_its_customers_and_not_its_columns_names() -> None:
    table = pd.DataFrame({"branch": "Harbour", "customer_id": IDS[:50]}, index=range(50, 100))
    pd.testing.assert_frame_equal(
        assign(table, salt="spring", weights=EVEN), assign(IDS[:50], salt="spring", weights=EVEN)
    )
    assert hash_share(table, salt="spring").tolist() == hash_share(IDS[:50], salt="spring").tolist()
    with pytest.raises(ValueError, match="customer_ids: several ids are needed"):
        hash_share("C000000001", salt="spring")


@pytest.mark.parametrize("holdouts", [None, {"bank": 0.5}])
def test_a_lazy_id_that_is_missing_has_no_arm(holdouts: dict | None) -> None:
    table = ibis.memtable(pd.DataFrame({"customer_id": ["C1", None, "C3"]}))
    drawn = assign(table, salt="s", weights=EVEN, holdouts=holdouts).to_pandas()
    assert drawn.arm.isna().tolist() == drawn.customer_id.isna().tolist() == [False, True, False]
