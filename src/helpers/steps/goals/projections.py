"""The two goals projected without anything new being done, and how such projections did before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from helpers.findings import SpokenError, Text
from helpers.metrics import activity as activity_metrics
from helpers.metrics import assets, months
from helpers.models import forecast

if TYPE_CHECKING:
    import ibis.expr.types as ir


@dataclass(frozen=True)
class Projection:
    """One goal, its history, its projection.

    Attributes
    ----------
    metric : {"mau", "aum"}
    table : DataFrame
        ``month``, the metric, ``lower``, ``upper`` (prediction interval, NaN for months gone by), ``is_projected``.
    model : MauProjection, AumProjection or None
        None where fewer than two months can be counted: nothing can be projected then.
    backtest : dict
        As :func:`helpers.models.forecast.backtest_summary`.
    horizon_months : int
    n : int
        Customers that the projection stands on.
    """

    metric: str
    table: pd.DataFrame
    model: Any
    backtest: dict[str, float]
    horizon_months: int
    n: int

    @property
    def is_possible(self) -> bool:
        """Whether there is a projection."""
        return self.model is not None

    @property
    def past(self) -> pd.Series:
        """The metric by month, months gone by only."""
        rows = self.table[~self.table["is_projected"]]
        return rows.set_index("month")[self.metric]

    @property
    def now(self) -> float:
        """Value of the last whole month; 0 if there is none."""
        return float(self.past.iloc[-1]) if len(self.past) else 0.0

    @property
    def last_month(self) -> str:
        """The last whole month, empty if there is none."""
        return str(self.past.index[-1]) if len(self.past) else ""

    @property
    def end(self) -> pd.Series:
        """The row of the horizon."""
        return self.table.iloc[-1]

    def best_growth(self) -> tuple[float, str]:
        """Largest growth over as many months as the horizon that the bank has seen (share), and its last month."""
        past = self.past
        growth = past / past.shift(self.horizon_months).where(lambda s: s > 0) - 1
        if growth.notna().any():
            return float(growth.max()), str(growth.idxmax())
        return float("nan"), ""

    def chance(self, target: float) -> float:
        """Share of the simulated paths that reach a target at the horizon; NaN without an interval."""
        paths = self.model.paths(self.horizon_months) if self.model is not None else []
        return float((paths[:, -1] >= target).mean()) if len(paths) else float("nan")


def project_mau(
    activity: ir.Table,
    customers: ir.Table,
    *,
    as_of: date,
    horizon_months: int = 3,
    history_months: int = 6,
) -> Projection:
    """Project MAU as its growth accounting goes on.

    Parameters
    ----------
    activity, customers : lazy Ibis tables (canonical schemas)
    as_of : date
        Last day that is seen.
    horizon_months : int
        Months ahead, 1 to 36.
    history_months : int
        Months that shares and arrivals are taken from, at least 2.

    Returns
    -------
    Projection
    """
    settings = _checked(horizon_months, history_months)
    days = activity_metrics.customer_days(activity)
    whole = months.complete_in(days, "day", as_of=as_of)
    names = [months.write(m) for m in whole]
    steps = activity_metrics.steps_between(days, whole, customers=customers) if whole else pd.DataFrame()
    past = steps.groupby("month")["customers"].sum() if len(steps) else pd.Series(dtype=float)
    values = past.reindex(range(len(names)), fill_value=0).to_numpy(dtype=float)
    model, tests = None, pd.DataFrame(columns=["months_ahead", "lower", "is_covered", "actual", "projected", "naive"])
    if len(whole) >= 2:
        model = forecast.MauProjection(**settings).fit(steps, n_months=len(whole))
        tests = forecast.backtest_mau(steps, names, horizon_months=horizon_months, **settings)
    ahead = None if model is None else model.predict(horizon_months)
    return Projection(
        "mau",
        _table("mau", names, values, ahead),
        model,
        forecast.backtest_summary(tests, horizon_months=horizon_months),
        horizon_months,
        int(values[-1]) if len(values) else 0,
    )


def project_aum(
    balances: ir.Table,
    customers: ir.Table,
    *,
    as_of: date,
    horizon_months: int = 3,
    history_months: int = 6,
) -> Projection:
    """Project month-end AUM as its growth accounting goes on.

    Parameters and result as :func:`project_mau`, with the balances in place of the activity.
    """
    settings = _checked(horizon_months, history_months)
    past = assets.aum_by_month(balances, customers=customers, as_of=as_of)
    components = assets.aum_components(balances, customers=customers, as_of=as_of)
    model, tests = None, pd.DataFrame(columns=["months_ahead", "lower", "is_covered", "actual", "projected", "naive"])
    if len(components):
        model = forecast.AumProjection(**settings).fit(components)
        tests = forecast.backtest_aum(components, horizon_months=horizon_months, **settings)
    ahead = None if model is None else model.predict(horizon_months)
    return Projection(
        "aum",
        _table("aum", list(past["month"]), past["aum"].to_numpy(dtype=float), ahead),
        model,
        forecast.backtest_summary(tests, horizon_months=horizon_months),
        horizon_months,
        0 if model is None else model.n_holders_,
    )


def _checked(horizon_months: int, history_months: int) -> dict[str, Any]:
    if isinstance(horizon_months, bool) or not isinstance(horizon_months, int) or not 1 <= horizon_months <= 36:
        raise SpokenError(
            Text(
                f"horizon_months must be a whole number from 1 to 36, not {horizon_months!r}",
                f"horizon_months 应为 1 到 36 之间的整数，现为 {horizon_months!r}",
            )
        )
    if isinstance(history_months, bool) or not isinstance(history_months, int) or history_months < 2:
        raise SpokenError(
            Text(
                f"history_months must be a whole number of at least 2, not {history_months!r}",
                f"history_months 应为不小于 2 的整数，现为 {history_months!r}",
            )
        )
    return {"history_months": history_months}


def _table(metric: str, names: list[str], values: Any, ahead: pd.DataFrame | None) -> pd.DataFrame:
    past = pd.DataFrame({"month": names, metric: values, "lower": float("nan"), "upper": float("nan")})
    past["is_projected"] = False
    if ahead is None or not names:
        return past
    first = months.read(names[-1])
    future = ahead.assign(month=[months.write(months.add(first, int(k))) for k in ahead["months_ahead"]])
    future["is_projected"] = True
    return pd.concat([past, future[list(past.columns)]], ignore_index=True)
