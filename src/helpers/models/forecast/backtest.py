"""How well the projections would have done: refitted at past months, held against what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from helpers.metrics.shares import wilson
from helpers.models.forecast.aum import AumProjection
from helpers.models.forecast.draws import check_horizon
from helpers.models.forecast.mau import MauProjection

COLUMNS = ["origin", "month", "months_ahead", "actual", "projected", "lower", "upper", "is_covered", "naive"]
MIN_MONTHS = 4


def backtest_mau(steps: pd.DataFrame, names: Sequence[str], *, horizon_months: int, **settings: Any) -> pd.DataFrame:
    """Project MAU from every past month that leaves enough history, with nothing later than it.

    Parameters
    ----------
    steps : DataFrame (:func:`helpers.metrics.activity.steps_between`)
    names : sequence of str
        The whole months, ``YYYY-MM``, oldest first.
    horizon_months : int
    **settings
        Of :class:`MauProjection`.

    Returns
    -------
    DataFrame, one row an origin and month ahead
        ``origin``, ``month``, ``months_ahead``, ``actual``, ``projected``, ``lower``, ``upper``, ``is_covered``,
        ``naive`` (the origin's MAU carried on). Neighbouring origins share months: they are not independent.
    """
    horizon = check_horizon(horizon_months)
    actual = steps.groupby("month")["customers"].sum().reindex(range(len(names)), fill_value=0)
    rows = []
    for origin in range(MIN_MONTHS - 1, len(names) - 1):
        seen = steps[steps["month"] <= origin].copy()
        seen.loc[seen["next"] > origin, "next"] = np.nan
        model = MauProjection(**settings).fit(seen, n_months=origin + 1)
        rows += _rows(model.predict(horizon), "mau", origin, names, actual.to_numpy(dtype=float))
    return pd.DataFrame(rows, columns=COLUMNS)


def backtest_aum(components: pd.DataFrame, *, horizon_months: int, **settings: Any) -> pd.DataFrame:
    """Project AUM from every past month end that leaves enough history, with nothing later than it.

    Parameters
    ----------
    components : DataFrame (:func:`helpers.metrics.assets.aum_components`)
    horizon_months : int
    **settings
        Of :class:`AumProjection`.

    Returns
    -------
    DataFrame
        As :func:`backtest_mau`.
    """
    horizon = check_horizon(horizon_months)
    totals = components.groupby("month")["aum"].sum()
    names = list(totals.index)
    rows = []
    for origin in range(MIN_MONTHS - 2, len(names) - 1):
        model = AumProjection(**settings).fit(components[components["month"] <= names[origin]])
        rows += _rows(model.predict(horizon), "aum", origin, names, totals.to_numpy(dtype=float))
    return pd.DataFrame(rows, columns=COLUMNS)


def backtest_summary(table: pd.DataFrame, *, horizon_months: int, alpha: float = 0.05) -> dict[str, float]:
    """Coverage and mean error at the horizon, beside the naive projection that carries the last value on.

    Parameters
    ----------
    table : DataFrame (:func:`backtest_mau`, :func:`backtest_aum`)
    horizon_months : int
        Months ahead that are looked at.
    alpha : float
        1 minus the level of the interval of the coverage.

    Returns
    -------
    dict
        ``n_origins``; ``coverage`` with ``lower``, ``upper`` (Wilson; too narrow, as neighbouring origins overlap);
        ``error`` and ``naive_error``: mean absolute relative errors (shares). NaN where there is no origin.
    """
    rows = table[(table["months_ahead"] == horizon_months) & table["lower"].notna()]
    n = len(rows)
    if not n:
        nan = float("nan")
        return {"n_origins": 0, "coverage": nan, "lower": nan, "upper": nan, "error": nan, "naive_error": nan}
    covered = int(rows["is_covered"].sum())
    low, high = (float(bound) for bound in wilson(covered, n, alpha=alpha))
    size = rows["actual"].where(rows["actual"] > 0)
    return {
        "n_origins": n,
        "coverage": covered / n,
        "lower": low,
        "upper": high,
        "error": float(((rows["projected"] - rows["actual"]).abs() / size).mean()),
        "naive_error": float(((rows["naive"] - rows["actual"]).abs() / size).mean()),
    }


def _rows(forecast: pd.DataFrame, name: str, origin: int, names: Sequence[str], actual: np.ndarray) -> list[tuple]:
    rows = []
    for line in forecast.to_dict("records"):
        ahead = int(line["months_ahead"])
        if origin + ahead >= len(names):
            break
        came = float(actual[origin + ahead])
        covered = bool(line["lower"] <= came <= line["upper"])
        rows.append(
            (
                names[origin],
                names[origin + ahead],
                ahead,
                came,
                line[name],
                line["lower"],
                line["upper"],
                covered,
                float(actual[origin]),
            )
        )
    return rows
