"""Projects AUM as its growth accounting goes on: money brought, money taken out, first-time holders, market."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.models.forecast.draws import Drivers, centre, check_horizon, check_settings, summarise

DRIVERS = ("inflow_rate", "outflow_rate", "valuation_rate", "first_assets")
LEVERS: dict[str, tuple[str, ...]] = {
    "new_money": ("inflow_rate",),
    "keep_balances": ("outflow_rate",),
    "penetration": ("first_assets",),
}
# Less of these is better.
BETTER_LOW = ("outflow_rate",)
# Rates of months that began with less than this share of today's AUM are those of another bank: one being founded.
_LIKE_TODAY = 0.25
_MIN_MONTHS = 3


class AumProjection:
    """Projection of month-end AUM from the drivers of its bridge.

    ``AUM' = AUM × (1 + inflow_rate − outflow_rate + valuation_rate) + first_assets``: money added by holders and money
    taken out by those who reduce or leave, as shares of the opening AUM; what the market did; and the assets with which
    customers start (or start again). Where the bank delivers no ``net_inflow``, the market's part sits inside the first
    two, and nobody can ask a team for it.

    Parameters
    ----------
    history_months, n_paths, alpha, seed
        As :class:`helpers.models.forecast.MauProjection`.

    Attributes
    ----------
    drivers_ : Drivers
    aum_ : float
        AUM at the last month's end.
    n_holders_ : int
        Customers with assets at that day.
    has_new_money_ : bool
        Whether new money and valuation are told apart.
    """

    def __init__(self, *, history_months: int = 6, n_paths: int = 2000, alpha: float = 0.05, seed: int = 0) -> None:
        self.history_months = history_months
        self.n_paths = n_paths
        self.alpha = alpha
        self.seed = seed

    def fit(self, components: pd.DataFrame) -> AumProjection:
        """Learn the drivers.

        Parameters
        ----------
        components : DataFrame (:func:`helpers.metrics.assets.aum_components`)

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there is no month in it.
        """
        check_settings(history_months=self.history_months, n_paths=self.n_paths, alpha=self.alpha)
        if not len(components):
            raise ValueError("a projection needs at least 2 month ends of balances")
        rows, last = components, components["month"].max()
        real = rows[rows["component"] != "unchanged"]
        self.has_new_money_ = bool(len(real)) and not real["net_new_money"].isna().any()
        flow = rows["net_new_money"] if self.has_new_money_ else rows["aum_change"]
        flow = flow.fillna(0.0).groupby([rows["month"], rows["component"]]).sum().unstack(fill_value=0.0)
        flow = flow.reindex(columns=["new", "resurrected", "expansion", "contraction", "lost", "unchanged"]).fillna(0.0)
        opening = rows.groupby("month")["aum_before"].sum()
        change = rows.groupby("month")["aum_change"].sum()
        base = opening.where(opening > 0)
        kept = _like_today(opening, closing=float(rows.loc[rows["month"] == last, "aum"].sum()))
        history = pd.DataFrame(
            {
                "inflow_rate": (flow["expansion"] + flow["unchanged"]) / base,
                "outflow_rate": -(flow["contraction"] + flow["lost"]) / base,
                "valuation_rate": (change - flow.sum(axis=1)) / base,
                "first_assets": flow["new"] + flow["resurrected"],
            }
        ).fillna(0.0)
        history = history.loc[kept, list(DRIVERS)]
        recent = history.index[-self.history_months :]
        # Pooled, not averaged: a month that began with little money says little about rates.
        weights = opening.loc[recent] / opening.loc[recent].sum() if opening.loc[recent].sum() > 0 else 1 / len(recent)
        level = history.loc[recent].mul(weights, axis=0).sum()
        level["first_assets"] = history.loc[recent, "first_assets"].mean()
        self.drivers_ = Drivers(history, level, self.history_months)
        self.aum_ = float(rows.loc[rows["month"] == last, "aum"].sum())
        self.n_holders_ = int(rows.loc[rows["month"] == last, "n_holders"].sum())
        return self

    def project(self, horizon_months: int, drivers: Mapping[str, float] | pd.Series | None = None) -> np.ndarray:
        """Central path of AUM with drivers held at a level (the learned one by default), (horizon_months,)."""
        horizon = check_horizon(horizon_months)
        level = self.drivers_.level.copy()
        for name, value in dict(drivers if drivers is not None else {}).items():
            level[name] = value
        return self._run(np.tile(level.to_numpy(dtype=float), (1, horizon, 1)))[0]

    def predict(self, horizon_months: int) -> pd.DataFrame:
        """AUM of the next month ends with a prediction interval.

        Returns
        -------
        DataFrame, one row a month ahead
            ``months_ahead``, ``aum``, ``lower``, ``upper`` (money; bounds NaN if there is only one month of drivers).
        """
        return summarise(self.paths(horizon_months), self.project(horizon_months), "aum", self.alpha)

    def paths(self, horizon_months: int) -> np.ndarray:
        """Simulated paths of AUM, (n_paths, horizon_months); empty if there is only one month of drivers."""
        horizon = check_horizon(horizon_months)
        if len(self.drivers_.history) < 2:
            return np.empty((0, horizon))
        paths = self._run(self.drivers_.draw(self.n_paths, horizon, np.random.default_rng(self.seed)))
        return centre(paths, self.project(horizon))

    def _run(self, drivers: np.ndarray) -> np.ndarray:
        n_paths, horizon, _ = drivers.shape
        aum = np.full(n_paths, self.aum_)
        path = np.empty((n_paths, horizon))
        for month in range(horizon):
            inflow, outflow, valuation, first = (drivers[:, month, i] for i in range(len(DRIVERS)))
            growth = np.maximum(inflow, 0.0) - np.maximum(outflow, 0.0) + valuation
            aum = np.maximum(aum * (1 + growth) + np.maximum(first, 0.0), 0.0)
            path[:, month] = aum
        return path


def _like_today(opening: pd.Series, *, closing: float) -> list[str]:
    """Months whose drivers are a guide to today's: not the first ones of a bank that has multiplied since."""
    months = list(opening.index)
    grown = [month for month in months if opening[month] >= _LIKE_TODAY * closing]
    return [month for month in months if month >= min([*grown, *months[-_MIN_MONTHS:]])]
