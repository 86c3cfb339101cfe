"""Monthly drivers of a projection: their level, how they vary, and draws of both for the interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

# With fewer past origins than this the errors of the level can't be drawn from; single months are drawn instead.
_MIN_ORIGINS = 5


@dataclass(frozen=True)
class Drivers:
    """Drivers of past months: one row a month, one column a driver.

    Attributes
    ----------
    history : DataFrame
        Value of each driver in each month of the log, oldest first.
    level : Series
        What a projection goes on with: the pooled value over the last ``window`` months.
    window : int
        Months that the level stands on.
    """

    history: pd.DataFrame
    level: pd.Series
    window: int

    @property
    def n_months(self) -> int:
        """Months that the level stands on, fewer than ``window`` in a short log."""
        return min(self.window, len(self.history))

    @property
    def recent(self) -> pd.DataFrame:
        """The months that the level stands on."""
        return self.history.iloc[-self.window :]

    def stretch(self, quantile: float, *, better_low: tuple[str, ...] = ()) -> pd.Series:
        """Level that each driver had in its good months: its quantile, never worse than the present level.

        Parameters
        ----------
        quantile : float
            Between 0.5 and 1; 0.8 asks for what one month in five reached.
        better_low : tuple of str
            Drivers where less is better.
        """
        if not 0.5 <= quantile <= 1:
            raise ValueError(f"stretch_quantile must lie between 0.5 and 1, not {quantile!r}")
        low = list(better_low)
        reached = self.recent.quantile(quantile)
        reached[low] = self.recent[low].quantile(1 - quantile)
        better = np.maximum(reached, self.level)
        better[low] = np.minimum(reached, self.level)[low]
        return better

    def draw(self, n_paths: int, horizon: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the drivers of future months around their level.

        What is drawn are the errors that the same level made before: every past month is taken as an origin, its level
        is held against the months that followed, and these errors, all drivers and months of an origin together, are
        put on today's level with a random sign. Drifting drivers thus widen the interval, and what moves together stays
        together. A log too short for that draws single months around their mean instead. Few errors know little about
        the tails: they are stretched by Student's t over the normal, origins that share months counting once.

        Returns
        -------
        array, (n_paths, horizon, n_drivers)

        Raises
        ------
        ValueError
            If there are fewer than 2 months.
        """
        if len(self.history) < 2:
            raise ValueError(f"an interval needs at least 2 months of drivers, there is {len(self.history)}")
        level = self.level.to_numpy(dtype=float)
        errors = self._errors(horizon)
        if len(errors) >= _MIN_ORIGINS:
            sign = rng.choice([-1.0, 1.0], size=(n_paths, 1, 1)) * _tails(len(errors) / horizon - 1)
            return level + sign * errors[rng.integers(len(errors), size=n_paths)]
        values = self.recent.to_numpy(dtype=float)
        months = len(values)
        # Deviations from the mean of few months are too small by (n − 1)/n.
        around = (values - values.mean(axis=0)) * np.sqrt(months / (months - 1)) * _tails(months - 1)
        levels = around[rng.integers(months, size=(n_paths, months))].mean(axis=1)
        single = around[rng.integers(months, size=(n_paths, horizon))]
        return level + levels[:, None, :] + single

    def _errors(self, horizon: int) -> np.ndarray:
        """Errors of the level at past origins, (n_origins, horizon, n_drivers)."""
        values = self.history.to_numpy(dtype=float)
        shortest = min(3, self.window)
        return np.array(
            [
                values[end : end + horizon] - values[max(0, end - self.window) : end].mean(axis=0)
                for end in range(shortest, len(values) - horizon + 1)
            ]
        ).reshape(-1, horizon, values.shape[1])


def _tails(degrees_of_freedom: float) -> float:
    """Student's t over the normal at 95 %, for at least two degrees of freedom (one alone would say “anything”)."""
    return float(stdtrit(max(2.0, degrees_of_freedom), 0.975) / ndtri(0.975))


def check_settings(*, history_months: int, n_paths: int, alpha: float) -> None:
    """Refuse settings of a projection that make no sense, in one clear line."""
    if isinstance(history_months, bool) or history_months < 2:
        raise ValueError(f"history_months must be at least 2, not {history_months!r}")
    if n_paths < 100:
        raise ValueError(f"n_paths must be at least 100, not {n_paths!r}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha!r}")


def check_horizon(horizon_months: int) -> int:
    """Return the horizon or refuse it."""
    if isinstance(horizon_months, bool) or int(horizon_months) != horizon_months or not 1 <= horizon_months <= 36:
        raise ValueError(f"horizon_months must be a whole number from 1 to 36, not {horizon_months!r}")
    return int(horizon_months)


def centre(paths: np.ndarray, central: np.ndarray) -> np.ndarray:
    """Shift paths so that their median is the central path: rates can't go below 0, which makes raw draws lopsided."""
    return np.maximum(paths + central - np.median(paths, axis=0), 0.0)


def summarise(paths: np.ndarray, central: np.ndarray, name: str, alpha: float) -> pd.DataFrame:
    """Turn simulated paths into a table: step ahead, central value, prediction interval."""
    steps = np.arange(1, len(central) + 1)
    if paths.size:
        lower, upper = np.quantile(paths, [alpha / 2, 1 - alpha / 2], axis=0)
    else:
        lower = upper = np.full(len(central), np.nan)
    return pd.DataFrame({"months_ahead": steps, name: central, "lower": lower, "upper": upper})
