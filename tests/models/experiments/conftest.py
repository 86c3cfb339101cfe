"""What the tests of experiments share."""

from __future__ import annotations

import ibis
import pytest


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of every answer that leaves DuckDB, in their order."""
    sizes: list[int] = []
    backend = type(ibis.duckdb.connect())
    original = backend.to_pyarrow

    def counted(self, expression, **options):
        result = original(self, expression, **options)
        sizes.append(len(result))
        return result

    monkeypatch.setattr(backend, "to_pyarrow", counted)
    return sizes
