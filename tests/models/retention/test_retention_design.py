"""Covariates of few values are counted by pattern: the pass that finds them must never mistake one row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.models.retention.design import Design, find_patterns

N = 20_000
# The first glance looks at every 39th of so many rows: this one it does not see.
UNSEEN = 20


def numbers(seed: int = 3) -> pd.DataFrame:
    """Return columns of few whole numbers, side by side in memory, one of them below 0."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        np.column_stack([random.integers(-2, 3, N), random.integers(0, 2, N), random.integers(5, 9, N)]).astype(float),
        columns=["a", "b", "c"],
    )


def rows_of_patterns(table: pd.DataFrame) -> np.ndarray | None:
    """Return the design as it is put together again from patterns."""
    columns = Design(list(table)).fit(table).read(table)
    found = find_patterns(columns, len(table), 10)
    return None if found is None else found[1][found[0]]


def test_patterns_give_the_rows_back() -> None:
    table = numbers()
    assert np.array_equal(rows_of_patterns(table), table.to_numpy())
    assert [c.joint is not None for c in Design(list(table)).fit(table).read(table)] == [True] * 3


@pytest.mark.parametrize("value", [3.0, -3.0, 40.0])
def test_a_value_that_the_glance_did_not_see_is_found(value: float) -> None:
    table = numbers()
    table.loc[UNSEEN, "a"] = value
    assert np.array_equal(rows_of_patterns(table), table.to_numpy())


def test_a_row_whose_place_is_right_by_accident_is_found_by_its_check_sum() -> None:
    table = numbers()
    # half a step of the first column (8 patterns) is four steps of the last: the place alone would look whole
    table.loc[UNSEEN, "a"] = 0.5
    assert np.array_equal(rows_of_patterns(table), table.to_numpy())


@pytest.mark.parametrize("columns", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_some_rows_of_joint_covariates_keep_their_codes(columns: list[str]) -> None:
    table = numbers()[columns]
    keep = np.arange(N) % 3 == 0
    taken = [c.take(keep) for c in Design(columns).fit(table).read(table)]
    pattern, design = find_patterns(taken, int(keep.sum()), 10)
    assert np.array_equal(design[pattern], table.to_numpy()[keep])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gap_is_named_wherever_it_stands(bad: float) -> None:
    table = numbers()
    table.loc[UNSEEN, "c"] = bad
    with pytest.raises(ValueError, match="covariate c is missing or not finite in 1 row"):
        Design(list(table)).fit(table).read(table)


def test_many_values_stay_numbers() -> None:
    table = numbers().assign(d=np.random.default_rng(0).normal(size=N))
    assert rows_of_patterns(table) is None
