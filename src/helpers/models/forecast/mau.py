"""Projects MAU as growth accounting goes on: who stays, who comes back, who comes for the first time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers.models.forecast.draws import Drivers, centre, check_horizon, check_settings, summarise

# Shares of a state that are active in the next month. “Returns” count the whole months missed.
RATES = ("stay_new", "stay_old", "return_after_1", "return_after_2", "return_later")
# Customers of a month who are seen for the first time: joined in that month, joined earlier, joined before the log.
ARRIVALS = ("arrive_joined_now", "arrive_joined_earlier", "arrive_unseen")
DRIVERS = (*RATES, *ARRIVALS)
LEVERS: dict[str, tuple[str, ...]] = {
    "acquire": ("arrive_joined_now",),
    # Activation is done when newcomers come a second month, not when they have looked in once.
    "activate": ("arrive_joined_earlier", "stay_new"),
    "retain": ("stay_old",),
    "resurrect": ("return_after_1", "return_after_2", "return_later", "arrive_unseen"),
}
# In the log's first months nobody can have been away for long, and old customers still show up as if for the first
# time: the shares of those months are no guide, unless there are no others.
_FIRST_SETTLED = 4
_MIN_SETTLED = 3


class MauProjection:
    """Cohort retention projection of calendar MAU.

    Every customer ever seen is in one of five states (active last month for the first time or not, away for one, two or
    more whole months); a state's share that is active in the next month, and the number of first-timers, go on at their
    pooled level of the last months. Survival curves alone would not do for MAU: customers who skip a month and come
    back are no lapse, but move MAU, and a lapse is known only after the silent days have gone by, which leaves the last
    two months out. The shifted-beta-geometric curve of :class:`helpers.models.retention.ShiftedBetaGeometric` projects one
    cohort's survivors, who never come back: it is for the question of who stays, not for how many come in a month.

    Parameters
    ----------
    history_months : int
        Months of drivers that level and variation are taken from, at least 2; fewer if the log is shorter.
    n_paths : int
        Simulated paths behind the interval.
    alpha : float
        1 minus the level of the prediction interval.
    seed : int

    Attributes
    ----------
    drivers_ : Drivers
    state_ : Series
        Customers in each state after the last whole month.
    mau_ : int
        MAU of the last whole month.

    References
    ----------
    Markov growth accounting as in Duolingo's growth model (Gustafson and Settles, 2023); the bootstrap of whole months
    for the interval is this project's own, its coverage is measured by :func:`helpers.models.forecast.backtest_mau`.
    """

    def __init__(self, *, history_months: int = 6, n_paths: int = 2000, alpha: float = 0.05, seed: int = 0) -> None:
        self.history_months = history_months
        self.n_paths = n_paths
        self.alpha = alpha
        self.seed = seed

    def fit(self, steps: pd.DataFrame, *, n_months: int) -> MauProjection:
        """Learn drivers and states.

        Parameters
        ----------
        steps : DataFrame (:func:`helpers.metrics.activity.steps_between`)
        n_months : int
            Whole months of the log, at least 2.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are fewer than 2 months: nothing shows how many stay.
        """
        check_settings(history_months=self.history_months, n_paths=self.n_paths, alpha=self.alpha)
        if n_months < 2:
            raise ValueError(f"a projection needs at least 2 whole months of activity, there is {n_months}")
        at_risk, events, arrivals = _count(steps, n_months)
        settled = n_months >= _FIRST_SETTLED + _MIN_SETTLED
        past = list(range(_FIRST_SETTLED if settled else 1, n_months))
        risk, seen, came = (frame.loc[past[-self.history_months :]] for frame in (at_risk, events, arrivals))
        # Half an event and half a non-event (Jeffreys) keep a small bank's rates away from a certain 0 or 1.
        pooled = (seen.sum() + 0.5) / (risk.sum() + 1.0)
        monthly = (events / at_risk.where(at_risk > 0)).loc[past].fillna(pooled)
        history = pd.concat([monthly, arrivals.loc[past]], axis=1)[list(DRIVERS)].astype(float)
        level = pd.concat([pooled, came.mean()])[list(DRIVERS)].astype(float)
        self.drivers_ = Drivers(history, level, self.history_months)
        self.n_at_risk_ = risk.sum()
        self.state_ = at_risk.loc[n_months].astype(float)
        self.mau_ = int(self.state_["stay_new"] + self.state_["stay_old"])
        return self

    def project(self, horizon_months: int, drivers: Mapping[str, float] | pd.Series | None = None) -> np.ndarray:
        """Central path of MAU with drivers held at a level (the learned one by default).

        Returns
        -------
        array, (horizon_months,)
        """
        horizon = check_horizon(horizon_months)
        level = self.drivers_.level.copy()
        for name, value in dict(drivers if drivers is not None else {}).items():
            level[name] = value
        values = np.tile(level.to_numpy(dtype=float), (1, horizon, 1))
        return self._run(values, rng=None)[0]

    def predict(self, horizon_months: int) -> pd.DataFrame:
        """MAU of the next months with a prediction interval.

        Returns
        -------
        DataFrame, one row a month ahead
            ``months_ahead``, ``mau``, ``lower``, ``upper`` (customers; bounds NaN with only one month of drivers).
        """
        return summarise(self.paths(horizon_months), self.project(horizon_months), "mau", self.alpha)

    def paths(self, horizon_months: int) -> np.ndarray:
        """Simulated paths of MAU, (n_paths, horizon_months); empty if there is only one month of drivers."""
        horizon = check_horizon(horizon_months)
        if len(self.drivers_.history) < 2:
            return np.empty((0, horizon))
        rng = np.random.default_rng(self.seed)
        paths = self._run(self.drivers_.draw(self.n_paths, horizon, rng), rng=rng)
        return centre(paths, self.project(horizon))

    def _run(self, drivers: np.ndarray, *, rng: np.random.Generator | None) -> np.ndarray:
        """Walk the states through the months; with a generator, single customers decide too."""
        n_paths, horizon, _ = drivers.shape
        rates = np.clip(drivers[:, :, : len(RATES)], 0.0, 1.0)
        arrivals = np.maximum(drivers[:, :, len(RATES) :], 0.0)
        state = np.tile(self.state_[list(RATES)].to_numpy(), (n_paths, 1))
        mau = np.empty((n_paths, horizon))
        for month in range(horizon):
            if rng is None:
                came, first = state * rates[:, month], arrivals[:, month]
            else:
                came = rng.binomial(np.rint(state).astype("int64"), rates[:, month]).astype(float)
                first = rng.poisson(arrivals[:, month]).astype(float)
            away = state - came
            new = first[:, 0] + first[:, 1]
            mau[:, month] = came.sum(axis=1) + first.sum(axis=1)
            state = np.column_stack(
                [new, mau[:, month] - new, away[:, 0] + away[:, 1], away[:, 2], away[:, 3] + away[:, 4]]
            )
        return mau


def _count(steps: pd.DataFrame, n_months: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """At risk, active and first-timers by month; the row ``n_months`` of those at risk is the present state."""
    last = steps["month"].to_numpy(dtype="int64")
    following = steps["next"].fillna(np.inf).to_numpy(dtype=float)
    n = steps["customers"].to_numpy(dtype=float)
    is_first = steps["previous"].isna().to_numpy()
    # First seen, but joined before the log: more likely back than new, so counted with the old.
    is_new = is_first & (steps["origin"].to_numpy() != "before_log")
    months = range(1, n_months + 1)
    at_risk = pd.DataFrame(0.0, index=list(months), columns=list(RATES))
    events = at_risk.copy()
    for month in months:
        missed = month - last - 1
        waiting = (last < month) & (following >= month)
        groups = {
            "stay_new": waiting & (missed == 0) & is_new,
            "stay_old": waiting & (missed == 0) & ~is_new,
            "return_after_1": waiting & (missed == 1),
            "return_after_2": waiting & (missed == 2),
            "return_later": waiting & (missed >= 3),
        }
        for rate, rows in groups.items():
            at_risk.loc[month, rate] = n[rows].sum()
            events.loc[month, rate] = n[rows & (following == month)].sum()
    kinds = {"arrive_joined_now": "same", "arrive_joined_earlier": "earlier", "arrive_unseen": "before_log"}
    first = steps[is_first]
    arrivals = pd.DataFrame(
        {
            name: first[first["origin"] == origin].groupby("month")["customers"].sum().reindex(months, fill_value=0)
            for name, origin in kinds.items()
        }
    ).astype(float)
    return at_risk, events, arrivals
