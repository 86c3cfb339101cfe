"""Whole numbers that add up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.metrics.apportionment import largest_remainder


@given(st.integers(-10_000, 10**10), st.lists(st.floats(0, 1e6), min_size=1, max_size=12))
def test_parts_add_up_and_lie_next_to_their_share(total: int, weights: list[float]) -> None:
    parts = largest_remainder(total, weights)
    assert sum(parts) == total
    scale = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        exact = total * (weight / scale if scale else 1 / len(weights))
        # A whole unit at most, plus what floats of that size can't tell apart.
        assert abs(part - exact) <= 1 + 1e-6 * abs(total)


def test_bad_weights_are_refused() -> None:
    for weights in ([], [1.0, -0.5], [float("nan")]):
        with pytest.raises(ValueError, match="weights must be at least one finite number"):
            largest_remainder(3, weights)
