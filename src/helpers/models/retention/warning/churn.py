"""Churn warning: who will fall silent, how sure that is, and what is at stake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

import ibis
import numpy as np
import pandas as pd

from helpers.findings import Finding
from helpers.models.retention import columns as col
from helpers.models.retention.fitted import check_fitted
from helpers.models.retention.left_out import carry
from helpers.models.retention.left_out import entry as left_out_entry
from helpers.models.retention.threads import one_thread
from helpers.models.retention.warning import features, said, scores
from helpers.models.retention.warning.logistic import Logistic, label_of


class ChurnWarning:
    """Probability that a customer falls silent within 30, 60 or 90 days, proved on earlier cut-off days
    first.

    On a grid of past days the features are built from what was known on the day, and the outcome is read
    off what came after: the customer's activity ended on or before the horizon and stayed away for
    ``silent_days``. A logistic model is fitted, then recalibrated on the latest day of its training.
    Before it is used it is tested on days that came later than everything it was trained on; ``backtest_``
    shows how that went, and whether it beat the plain base rate.

    Parameters
    ----------
    horizons_days : sequence of int
        Horizons, days.
    silent_days : int
        Days without activity that make a customer silent.
    step_days : int
        Distance between the past cut-off days.
    n_backtests : int
        Cut-off days kept for the test of each horizon.
    max_cutoffs : int
        Training days used at most, the latest ones.
    alpha : float
        1 minus the confidence level of the intervals.

    Attributes
    ----------
    backtest_ : DataFrame, one row a horizon and test day, and one for all days of a horizon (``cutoff``
    ``all``)
        ``horizon_days, cutoff, n`` (forecasts), ``n_customers, lapsed, base_rate`` (share that fell
        silent), ``expected_rate`` (base rate of the training days),
        ``predicted`` (mean probability), ``auc, auc_lower, auc_upper, brier, brier_base_rate, skill,
        skill_lower, skill_upper, better`` (True where the skill's lower bound is above 0).
        No forecast is too young to count: every test day lies horizon plus ``silent_days`` before today.
        :func:`left_out` says how many were not forecast, over all horizons and test days.
    calibration_ : DataFrame
        ``horizon_days, bin, n, lapsed, predicted, observed, lower, upper, lift, captured`` over all test
        days, highest probabilities first: calibration table and lift by tenth in one.
    coefficients_ : DataFrame
        ``horizon_days, feature, coef`` per standard deviation.
    probabilities_ : DataFrame
        Today's customers: ``customer_id, p_30, p_60, p_90`` (by horizon), ``recency_days``, ``aum`` where
        balances were given.
    n_unknown_ : int
        Customers left out today because they are silent already, not customers yet or closed.

    References
    ----------
    DeLong et al. (1988) for the AUC; Brier (1950); Cox (1958) for recalibration by intercept and slope;
    Steyerberg, Clinical Prediction Models, 2nd ed. (2019), ch. 15–17.

    Examples
    --------
    See ``notebooks/research/retention.ipynb``; a small one:

    >>> rng = np.random.default_rng(0)
    >>> rows = [(f"C{i:03d}", day) for i in range(300) for day in np.sort(rng.choice(700, 30, replace=False))
    ...         if day < rng.exponential(600)]
    >>> activity = pd.DataFrame(rows, columns=["customer_id", "day"])
    >>> activity["occurred_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(activity["day"], unit="D")
    >>> customers = pd.DataFrame({"customer_id": activity["customer_id"].unique()})
    >>> customers["joined_date"] = pd.Timestamp("2023-12-01")
    >>> model = ChurnWarning(horizons_days=(30,), silent_days=60, n_backtests=2)
    >>> model = model.fit(activity, customers, as_of="2025-11-30")
    >>> list(model.probabilities_.columns[:2])
    ['customer_id', 'p_30']
    """

    def __init__(
        self,
        horizons_days: Sequence[int] = (30, 60, 90),
        *,
        silent_days: int = 60,
        step_days: int = 30,
        n_backtests: int = 3,
        max_cutoffs: int = 6,
        alpha: float = 0.05,
    ) -> None:
        self.horizons_days = horizons_days
        self.silent_days = silent_days
        self.step_days = step_days
        self.n_backtests = n_backtests
        self.max_cutoffs = max_cutoffs
        self.alpha = alpha

    def fit(
        self,
        activity: ibis.Table | pd.DataFrame,
        customers: ibis.Table | pd.DataFrame,
        *,
        as_of: date | str,
        balances: ibis.Table | pd.DataFrame | None = None,
        attributes: Sequence[str] | None = None,
    ) -> ChurnWarning:
        """Test on past cut-off days, fit on all of them, and score today's customers.

        Parameters
        ----------
        activity, customers, balances : lazy Ibis tables or DataFrames
            As in :func:`spells_from_activity`; balances are optional and give two features and the value
            at risk.
        as_of : date or ISO text
            Today: nothing after it is seen.
        attributes : list of str, optional
            Columns of ``customers`` used as features; by default all that are numbers, flags or have at
            most 20 values.

        Raises
        ------
        ValueError
            The log is too short for one training day and one later test day (the text says how many days
            are needed).
        """
        with one_thread():
            return self._fit(activity, customers, as_of=as_of, balances=balances, attributes=attributes)

    def _fit(
        self,
        activity: ibis.Table | pd.DataFrame,
        customers: ibis.Table | pd.DataFrame,
        *,
        as_of: date | str,
        balances: ibis.Table | pd.DataFrame | None,
        attributes: Sequence[str] | None,
    ) -> ChurnWarning:
        horizons = self._check()
        today = pd.Timestamp(as_of).date()
        people = customers if isinstance(customers, pd.DataFrame) else customers.to_pandas()
        col.require(people, ["customer_id", "joined_date"], what="customers")
        self.attributes_ = features.usable(people) if attributes is None else list(attributes)
        col.require(people, self.attributes_, what="customers")
        if isinstance(activity, pd.DataFrame) and activity.empty:
            raise ValueError("activity has no row; there is nothing to learn from")
        days = features.daily(activity, today)
        first = days.day.min().to_pandas()
        if first is None or first is pd.NaT:
            raise ValueError("activity has no row up to as_of; there is nothing to learn from")
        gaps = features.silences(days, silent_days=self.silent_days, as_of=today)

        @cache
        def frame(cutoff: date) -> pd.DataFrame:
            return features.table(
                days, people, balances, cutoff, attributes=self.attributes_, silent_days=self.silent_days
            )

        oldest = pd.Timestamp(first).date() + timedelta(days=self.silent_days)
        tests, bins, weights, today_p = [], [], [], {}
        n_not_forecast = 0
        now = frame(today)
        for horizon in horizons:
            lag = timedelta(days=horizon + self.silent_days)
            known = self._grid(today - lag, oldest, self.max_cutoffs + self.n_backtests + 12)
            trials = [c for c in known[: self.n_backtests] if self._grid(c - lag, oldest, 1)]
            if not trials:
                need = 2 * lag.days + self.silent_days
                raise ValueError(
                    f"the activity log is too short for a horizon of {horizon} days: it has "
                    f"{(today - pd.Timestamp(first).date()).days} days, at least {need} are needed "
                    "(a training day, its outcome, then a test day and its outcome)"
                )
            labels, guesses, rates, names = [], [], [], []
            for cutoff in reversed(trials):
                past = [(frame(c), c) for c in self._grid(cutoff - lag, oldest, self.max_cutoffs)]
                model = Logistic(self.attributes_).fit(past, gaps, horizon)
                table = frame(cutoff)
                n_not_forecast += len(people) - len(table)
                label = label_of(table, gaps, cutoff, horizon)
                if not len(label):
                    raise ValueError(
                        f"no customer was active in the {self.silent_days} days before the test day {cutoff}"
                    )
                guess, who = model.predict(table), table["customer_id"].to_numpy()
                names.append(who)
                tests.append(
                    scores.backtest_row(horizon, cutoff, label, guess, model.base_rate_, who, alpha=self.alpha)
                )
                labels.append(label)
                guesses.append(guess)
                rates.append(np.full(len(label), model.base_rate_))
            label, guess = np.concatenate(labels), np.concatenate(guesses)
            everybody, rate = np.concatenate(names), np.concatenate(rates)
            tests.append(scores.backtest_row(horizon, "all", label, guess, rate, everybody, alpha=self.alpha))
            rows = scores.tenths(label, guess, alpha=self.alpha, cluster=everybody)
            bins.append(rows.assign(horizon_days=horizon))
            final = Logistic(self.attributes_).fit([(frame(c), c) for c in known[: self.max_cutoffs]], gaps, horizon)
            weights.append(final.table().assign(horizon_days=horizon))
            today_p[f"p_{horizon}"] = final.predict(now)
        self.backtest_ = pd.DataFrame(tests)
        self.calibration_ = _first_column(pd.concat(bins, ignore_index=True), "horizon_days")
        self.coefficients_ = _first_column(pd.concat(weights, ignore_index=True), "horizon_days")
        # Silent within 30 days is silent within 60: separate models must not contradict that.
        stacked = np.maximum.accumulate(np.column_stack(list(today_p.values())), axis=1)
        self.probabilities_ = pd.DataFrame(
            {
                "customer_id": now["customer_id"],
                **{name: stacked[:, i] for i, name in enumerate(today_p)},
                "recency_days": now["recency_days"],
                "active_30": now["active_30"],
                **({"aum": now["aum"].fillna(0.0)} if "aum" in now else {}),
            }
        )
        self.n_unknown_ = len(people) - len(now)
        carry(self.probabilities_, left_out_entry("not_active_then", self.n_unknown_))
        for tested in (self.backtest_, self.calibration_):
            carry(tested, left_out_entry("not_active_then", n_not_forecast))
        self.as_of_ = today
        return self

    def better_than_base_rate(self, horizon_days: int) -> bool:
        """Whether the skill over all test days is surely above 0; ValueError where it is not fitted."""
        check_fitted(self, "as_of_")
        return bool(self._overall(horizon_days)["better"])

    def warning_list(
        self, *, horizon_days: int | None = None, value: pd.DataFrame | None = None, top: int | None = None
    ) -> pd.DataFrame:
        """Today's customers by value at risk, the highest first.

        Parameters
        ----------
        horizon_days : int, optional
            Horizon of the probability; by default the shortest.
        value : DataFrame, optional
            ``customer_id`` and ``value`` (money). By default the balance; without balances every customer
            counts 1.
        top : int, optional
            Keep only so many rows.

        Returns
        -------
        DataFrame, one row a customer
            ``rank``, ``customer_id``, the probabilities, ``recency_days``, ``value``, ``value_at_risk``
            (probability × value). It names customers: keep it out of pages.

        Raises
        ------
        ValueError
            The model is not fitted (scikit-learn's ``NotFittedError``) or has no such horizon.
        """
        check_fitted(self, "as_of_")
        horizon = self._horizon(horizon_days)
        table = self.probabilities_.copy()
        if value is not None:
            col.require(value, ["customer_id", "value"], what="value")
            own = table.merge(value[["customer_id", "value"]], on="customer_id", how="left")["value"]
            table["value"] = own.fillna(0.0).to_numpy()
        else:
            table["value"] = table.get("aum", 1.0)
        table["value_at_risk"] = table[f"p_{horizon}"] * table["value"]
        table = table.drop(columns=["aum", "active_30"], errors="ignore")
        table = table.sort_values(
            ["value_at_risk", f"p_{horizon}", "customer_id"], ascending=[False, False, True], ignore_index=True
        )
        table.insert(0, "rank", np.arange(1, len(table) + 1))
        return table if top is None else table.head(top)

    def findings(self, *, horizon_days: int | None = None, key: str = "churn_warning") -> list[Finding]:
        """What the back-test says, in both languages: better than the base rate, or plainly not.

        ValueError (scikit-learn's ``NotFittedError``) where the model is not fitted.
        """
        check_fitted(self, "as_of_")
        horizon = self._horizon(horizon_days)
        row = self._overall(horizon)
        n_days = int((self.backtest_["horizon_days"] == horizon).sum()) - 1
        return [said.finding(row, n_days=n_days, alpha=self.alpha, key=key)]

    def _check(self) -> list[int]:
        horizons = [col.check_horizon(h, name="horizons_days") for h in self.horizons_days]
        if not horizons or sorted(set(horizons)) != horizons:
            raise ValueError(f"horizons_days must be different days in rising order, not {self.horizons_days!r}")
        for name in ("silent_days", "step_days", "n_backtests", "max_cutoffs"):
            col.check_horizon(getattr(self, name), name=name)
        col.check_alpha(self.alpha)
        return horizons

    def _horizon(self, horizon_days: int | None) -> int:
        horizon = self.horizons_days[0] if horizon_days is None else horizon_days
        if horizon not in self.horizons_days:
            raise ValueError(f"horizon_days must be one of {', '.join(map(str, self.horizons_days))}, not {horizon!r}")
        return int(horizon)

    def _overall(self, horizon_days: int) -> pd.Series:
        table = self.backtest_
        pick = (table["horizon_days"] == self._horizon(horizon_days)) & (table["cutoff"] == "all")
        return table[pick].iloc[0]

    def _grid(self, latest: date, oldest: date, most: int) -> list[date]:
        """Cut-off days from the latest backwards, none before the oldest."""
        days = [latest - timedelta(days=self.step_days * i) for i in range(most)]
        return [day for day in days if day >= oldest]


def _first_column(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[[name, *(c for c in table.columns if c != name)]]
