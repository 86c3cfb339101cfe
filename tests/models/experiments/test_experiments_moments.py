"""Moments: the same from a frame, from plain sums and from DuckDB's state, which is read only where it can be trusted."""

from __future__ import annotations

from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from helpers.models.experiments import effect
from helpers.models.experiments.moments import Variable, collect, states
from helpers.models.experiments.moments.states import moments_by_state

METRIC, BEFORE = Variable("aum"), Variable("before", fill=True)
UNKNOWN = Variable("before", missing=True)
VARIABLES = [METRIC, BEFORE, UNKNOWN]
PAIRS = [(METRIC, BEFORE), (METRIC, UNKNOWN), (BEFORE, UNKNOWN)]


def customers(*, gaps: float = 0.0, centre: float = 0.0, n: int = 2_000) -> pd.DataFrame:
    """Customers of three arms in five branches, AUM with its own past, of which a share is unknown."""
    rng = np.random.default_rng(5)
    before = rng.normal(size=n)
    table = pd.DataFrame(
        {
            "arm": rng.choice(["control", "points", "bonus"], n),
            "branch": rng.choice([f"B{k}" for k in range(5)], n),
            "aum": centre + 0.7 * before + rng.normal(0, 0.7, n),
            "before": centre + before,
        }
    )
    return table.assign(before=table.before.where(rng.random(n) >= gaps))


def lazy(table: pd.DataFrame) -> ibis.expr.types.Table:
    return ibis.duckdb.connect().create_table("customers", table)


def moments(table: object, cluster: str | None = None) -> dict[str, np.ndarray]:
    found = collect(table, arm="arm", cluster=cluster, variables=VARIABLES, pairs=PAIRS)
    return {"keys": found.keys.to_numpy().astype(str), "n": found.n, "mean": found.mean, "scatter": found.scatter}


def same(
    here: dict[str, np.ndarray], there: dict[str, np.ndarray], *, digits: float = 1e-12, filled: bool = True
) -> None:
    """Equal but for rounding; without ``filled`` the covariate may be filled with another value."""
    assert (here["keys"] == there["keys"]).all()
    assert (here["n"] == there["n"]).all()
    kept = [0, 1, 2] if filled else [0, 2]
    # the values' standard deviation is about 1
    size = {"mean": 1.0, "scatter": here["n"].max()}
    for name, part in [("mean", (slice(None), kept)), ("scatter", (slice(None), *np.ix_(kept, kept)))]:
        np.testing.assert_allclose(there[name][part] / size[name], here[name][part] / size[name], rtol=0, atol=digits)


@pytest.mark.parametrize("cluster", [None, "branch"])
@pytest.mark.parametrize("gaps", [0.0, 0.2])
@pytest.mark.parametrize("centre", [0.0, 300.0])
@pytest.mark.parametrize("by_state", [True, False])
def test_frame_sums_and_state_agree(
    monkeypatch: pytest.MonkeyPatch, by_state: bool, centre: float, gaps: float, cluster: str | None
) -> None:
    table = customers(gaps=gaps, centre=centre)
    if not by_state:
        monkeypatch.setattr(states, "KNOWN_STATE", "another layout")
    assert (moments_by_state(lazy(table), ["arm"], VARIABLES, PAIRS) is not None) == by_state
    digits = 1e-10 if centre else 1e-12
    same(moments(table, cluster), moments(lazy(table), cluster), digits=digits, filled=by_state or not gaps)


def test_means_far_from_zero_need_a_second_query_later_than_sums(
    monkeypatch: pytest.MonkeyPatch, answers: list[int]
) -> None:
    table = lazy(customers(centre=300.0))
    moments(table)
    assert answers == [3]
    very_far = customers(centre=1e7)
    same(moments(very_far), moments(lazy(very_far)), digits=1e-8)  # nine digits are left behind the point
    assert answers == [3] + [3] * 3
    answers.clear()
    monkeypatch.setattr(states, "KNOWN_STATE", "another layout")
    moments(table)
    assert answers == [3, 3]


@pytest.mark.parametrize(
    "broken",
    [
        ("MACRO", "CREATE TEMP MACRO IF NOT EXISTS playbook_pair_state(x, y) AS no_such_aggregate(x, y)"),
        ("MACRO", "CREATE TEMP MACRO IF NOT EXISTS playbook_pair_state(x, y) AS CAST(sum(x) EXPORT_STATE AS BLOB)"),
        ("MACRO", "CREATE TEMP MACRO IF NOT EXISTS playbook_pair_state(x, y) AS corr(x, y)"),
        ("MACRO", "CREATE TEMP MACRO IF NOT EXISTS playbook_pair_state(x, y) AS CAST(corr(x, y) EXPORT_STATE AS BLOB)"),
    ],
    ids=["unknown", "shorter", "no bytes", "other order"],
)
def test_a_state_that_does_not_read_as_expected_is_not_read(
    monkeypatch: pytest.MonkeyPatch, broken: tuple[str, str]
) -> None:
    monkeypatch.setattr(states, *broken)
    table = customers(gaps=0.1)
    assert moments_by_state(lazy(table), ["arm"], VARIABLES, PAIRS) is None
    same(moments(table), moments(lazy(table)), filled=False)


def test_other_engines_and_other_questions_are_left_to_plain_sums() -> None:
    table = customers()
    elsewhere = ibis.sqlite.connect().create_table("customers", table)
    assert moments_by_state(elsewhere, ["arm"], VARIABLES, PAIRS) is None
    same(moments(table), moments(elsewhere))
    assert moments_by_state(lazy(table), ["arm"], [METRIC], []) is None
    assert moments_by_state(lazy(table), ["arm"], [METRIC, BEFORE], []) is None
    assert moments_by_state(lazy(table), ["arm"], [METRIC, Variable("aum", (0.0, 1.0)), BEFORE], PAIRS[:1]) is None


def test_an_arm_of_which_no_covariate_is_known() -> None:
    table = customers(gaps=0.1)
    table.loc[table.arm == "bonus", "before"] = np.nan
    same(moments(table), moments(lazy(table)))
    nobody = table.assign(before=np.nan)
    same(moments(nobody), moments(lazy(nobody)))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("aum", None, "metric: 'aum' is missing for 1 customers"),
        ("aum", np.inf, "metric: 'aum' is infinite for 1 customers"),
        ("before", -np.inf, "covariate: 'before' is infinite for 1 customers"),
        ("arm", None, "arm: 1 customers have no value"),
    ],
)
@pytest.mark.parametrize("make", [pd.DataFrame, lazy], ids=["frame", "engine"])
def test_what_is_wrong_is_named_alike(make, column: str, value: object, message: str) -> None:
    for gaps in (0.0, 0.2):
        table = customers(gaps=gaps)
        table.loc[7, column] = value
        with pytest.raises(ValueError, match=message):
            effect(make(table), metric="aum", control="control", covariate="before")


def test_a_metric_unknown_where_its_covariate_is_too() -> None:
    table = customers()
    table.loc[7, ["aum", "before"]] = np.nan
    with pytest.raises(ValueError, match="metric: 'aum' is missing for 1 customers"):
        effect(lazy(table), metric="aum", control="control", covariate="before")


def test_a_ratio_goes_by_its_pair_and_its_missing_parts_are_named() -> None:
    table = customers().assign(days=lambda t: np.arange(len(t)) % 28 + 1)
    options = {"metric": ("aum", "days"), "control": "control"}
    here, there = effect(table, **options), effect(lazy(table), **options)
    np.testing.assert_allclose(there[["estimate", "se"]], here[["estimate", "se"]], rtol=1e-9)
    with pytest.raises(ValueError, match="'days' is missing for 3 customers"):
        effect(lazy(table.assign(days=table.days.where(table.index > 2))), **options)


@pytest.mark.parametrize("kind", ["int32", "decimal(12, 2)", "float32", "boolean"])
def test_columns_of_every_number_type(kind: str) -> None:
    table = customers(gaps=0.2).assign(aum=lambda t: (t.aum > 0).astype(float), before=lambda t: t.before.round(0))
    if kind == "boolean":
        table["before"] = (table.before > 0).astype(float).where(table.before.notna())
    typed = lazy(table).mutate(aum=lambda t: t.aum.cast(kind), before=lambda t: t.before.cast(kind))
    assert moments_by_state(typed, ["arm"], VARIABLES, PAIRS) is not None
    same(moments(table), moments(typed))


def test_nothing_is_written_into_a_database_that_is_read_only(tmp_path: Path) -> None:
    file = tmp_path / "bank.duckdb"
    table = customers(gaps=0.1)
    writing = ibis.duckdb.connect(file)
    writing.create_table("customers", table)
    writing.disconnect()
    before = file.read_bytes()
    reading = ibis.duckdb.connect(file, read_only=True)
    same(moments(table), moments(reading.table("customers")))
    reading.disconnect()
    assert file.read_bytes() == before


def test_tables_that_are_expressions_or_in_memory() -> None:
    table = customers(gaps=0.1)
    same(moments(table), moments(ibis.memtable(table)))
    joined = lazy(table[["arm", "branch", "aum"]].assign(id=table.index))
    past = joined.get_backend().create_table("past", table[["before"]].assign(id=table.index))
    wide = joined.left_join(past, "id")
    same(moments(table), moments(wide))
    half = table[table.branch < "B2"]
    same(moments(half), moments(wide.filter(wide.branch < "B2")))


@pytest.mark.parametrize("route", ["frame", "state", "sums"])
@pytest.mark.parametrize("cluster", [None, "branch"])
def test_a_covariate_that_is_constant_where_known_tells_by_its_gaps_alone(
    monkeypatch: pytest.MonkeyPatch, route: str, cluster: str | None
) -> None:
    if route == "sums":
        monkeypatch.setattr(states, "KNOWN_STATE", "another layout")
    make = pd.DataFrame if route == "frame" else lazy
    for seed in range(5):
        unknown = np.random.default_rng(seed).random(2_000) < 0.1
        table = customers().assign(unknown=unknown, before=np.where(unknown, np.nan, 0.1))
        options = {"metric": "aum", "control": "control", "cluster": cluster}
        by_gaps = effect(table, covariate="unknown", **options)[["estimate", "se", "df"]]
        found = effect(make(table), covariate="before", **options)[["estimate", "se", "df"]]
        np.testing.assert_allclose(found, by_gaps, rtol=1e-9)


@pytest.mark.parametrize("route", ["frame", "state", "sums"])
def test_a_covariate_that_is_constant_in_each_arm_adjusts_nothing(monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    if route == "sums":
        monkeypatch.setattr(states, "KNOWN_STATE", "another layout")
    make = pd.DataFrame if route == "frame" else lazy
    table = customers(n=100_000)
    table["before"] = table.arm.map({"control": 0.1, "points": 0.3, "bonus": 0.7})
    plain = effect(table, metric="aum", control="control")[["estimate", "se", "df"]]
    found = effect(make(table), metric="aum", control="control", covariate="before")[["estimate", "se", "df"]]
    np.testing.assert_allclose(found, plain, rtol=1e-9)


def test_the_callers_pending_result_stays() -> None:
    table = lazy(customers())
    pending = table.get_backend().con.execute("SELECT * FROM range(5)")
    pending.fetchone()
    assert states._hands_out_states(table)
    assert len(pending.fetchall()) == 4
