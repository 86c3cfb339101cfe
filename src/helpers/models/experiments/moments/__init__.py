"""Counts, means and centred products of each arm: of a frame, by plain sums of any engine, by one state of DuckDB's."""

from helpers.models.experiments.moments.cells import Cells, Pair, Variable
from helpers.models.experiments.moments.collection import collect

__all__ = ["Cells", "Pair", "Variable", "collect"]
