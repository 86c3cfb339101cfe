"""An estimate with its interval and group size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Estimate(dict):
    """Mapping of one estimate: ``estimate, lower, upper, n`` and what else is told; also read as attributes.

    >>> Estimate(estimate=0.2, lower=0.1, upper=0.3, n=50).lower
    0.1
    """

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @classmethod
    def from_draws(cls, estimate: float, drawn: Sequence[float], *, n: int, alpha: float, **told: Any) -> Estimate:
        """Build from bootstrap draws: percentile interval, NaN without draws."""
        low, high = np.quantile(drawn, [alpha / 2, 1 - alpha / 2]) if len(drawn) else (np.nan, np.nan)
        return cls(estimate=float(estimate), lower=float(low), upper=float(high), n=int(n), **told)
