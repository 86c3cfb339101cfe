"""Sums that come out the same whichever thread of an engine brings which row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def exact_sum(money: ir.NumericColumn, *, digits: int = 6) -> ir.FloatingScalar:
    """Sum money as decimals: sums of floats depend on the order in which an engine's threads come by them.

    Six digits after the point are kept (``digits``), so that the same bank gives the same figures on every run and engine.
    """
    return money.cast(f"decimal(38, {digits})").sum().cast("float64")
