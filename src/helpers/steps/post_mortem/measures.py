"""What the campaign changed, by the strongest comparison that its assignment allows, and what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pandas as pd
from scipy import stats

from helpers.findings import SpokenError, Text
from helpers.metrics import outcomes
from helpers.models import experiments, rollout
from helpers.steps.post_mortem import cases
from helpers.steps.post_mortem.cases import Case

COLUMNS = [
    "metric", "arm", "basis", "method", "n", "n_control", "mean", "mean_control", "estimate", "se", "lower", "upper",
    "p_value", "p_adjusted", "cap_lower", "cap_upper",
]  # fmt: skip
NAN = float("nan")
CAUSED, CONDITIONAL, DIFFERENCE = "caused", "conditional", "difference"
_CLAIMS = {"randomised": CAUSED, "rollout": CONDITIONAL}
COVARIATES = dict.fromkeys(cases.ACTIVITY, "active_days_before") | dict.fromkeys(cases.MONEY, "aum_before")
YEAR_DAYS = 364  # 52 weeks: the same days of the week a year before


@dataclass(frozen=True)
class Measures:
    """Effects of one campaign.

    Attributes
    ----------
    basis : {"randomised", "broken_split", "rollout", "before_after"}
        Only the first may be read as caused by the campaign, the third if branches would have moved alike.
    split : dict or None
        Of `experiments.sample_ratio`, where arms were drawn.
    table : DataFrame
        One row a metric and arm (:data:`COLUMNS`); ``method`` says how. Money has its uncapped row first, which
        verdicts stand on; the capped one stands beside (``…+winsorized`` never serves a verdict: a cap cuts off part
        of what large sums brought).
    events : DataFrame or None
        Effect by period of the roll-out (`rollout.event_study`).
    periods : DataFrame or None
        Comparable periods, where nothing else is to be had.
    naive : DataFrame
        Participants set against non-participants: the answer that misleads.
    n_arms : int
        Arms beside the hold-out; intervals are widened to hold for all of them together.
    winsorize_quantile : float
        Quantile at which the capped rows are capped.
    """

    basis: str
    split: dict[str, Any] | None
    table: pd.DataFrame
    events: pd.DataFrame | None
    periods: pd.DataFrame | None
    naive: pd.DataFrame
    n_arms: int
    winsorize_quantile: float = 0.99

    @property
    def claim(self) -> str:
        """What may be said: caused (arms drawn by chance), conditional (if branches had moved alike), difference."""
        return _CLAIMS.get(self.basis, DIFFERENCE)

    @property
    def is_causal(self) -> bool:
        """True if differences may be called effects of the campaign without a condition."""
        return self.claim == CAUSED

    @property
    def headline(self) -> pd.DataFrame:
        """Rows that verdicts stand on: none of them capped."""
        return self.table[~_is_capped(self.table)]

    def row(self, metric: str, arm: str = "") -> pd.Series | None:
        """Return the row of a metric that verdicts stand on (of the first arm by default); None if there is none."""
        return _first(self.headline, metric, arm)

    def capped(self, metric: str, arm: str = "") -> pd.Series | None:
        """Return the row with the largest amounts capped that stands beside it, None if nothing was capped."""
        return _first(self.table[_is_capped(self.table)], metric, arm)


def measure(case: Case, *, winsorize_quantile: float = 0.99) -> Measures:
    """Compare arms where arms were drawn, branches where branches came one after another, else periods.

    Parameters
    ----------
    case : Case
    winsorize_quantile : float
        Beside each estimate of money stands one with money capped at this quantile of its size over all arms
        together, which one rich customer does not decide; 1: no capped one.

    Returns
    -------
    Measures
    """
    if not 0.5 <= winsorize_quantile <= 1:
        raise SpokenError(
            Text(
                f"winsorize_quantile must lie between 0.5 and 1, not {winsorize_quantile}",
                f"winsorize_quantile 应在 0.5 到 1 之间，现为 {winsorize_quantile}",
            )
        )
    naive = naive_comparison(case)
    if case.design == cases.RANDOMISED:
        split = split_of(case)
        basis = "broken_split" if split["tier"] == "broken" else "randomised"
        table = _between_arms(case, basis, winsorize_quantile)
        return Measures(basis, split, table, None, None, naive, len(case.arms), winsorize_quantile)
    if case.design == cases.ROLLOUT:
        events, row = _between_branches(case)
        if row is not None:
            table = pd.DataFrame([row], columns=COLUMNS)
            return Measures("rollout", None, table, events, None, naive, 1, winsorize_quantile)
    periods = _between_periods(case)
    table = _rows_of_periods(case, periods)
    return Measures("before_after", None, table, None, periods, naive, 1, winsorize_quantile)


def effects_shown(measures: Measures) -> pd.DataFrame:
    """Return the effects as a page shows them: one row a metric and arm, beside it with the largest amounts capped.

    Returns
    -------
    DataFrame
        ``metric, arm, n, n_control, estimate, lower, upper, p_adjusted, capped`` (empty where nothing is capped).
    """
    beside = measures.table.loc[_is_capped(measures.table), ["metric", "arm", "estimate"]]
    beside = beside.rename(columns={"estimate": "capped"})
    shown = measures.headline.merge(beside, on=["metric", "arm"], how="left")
    return shown[["metric", "arm", "n", "n_control", "estimate", "lower", "upper", "p_adjusted", "capped"]]


def money_rows(measures: Measures) -> pd.DataFrame:
    """Return the effects on money that verdicts stand on; empty where none was measured."""
    rows = measures.headline
    return rows[rows["metric"].isin(cases.MONEY)].reset_index(drop=True)


def _is_capped(table: pd.DataFrame) -> pd.Series:
    return table["method"].astype(str).str.contains("winsorized")


def _first(rows: pd.DataFrame, metric: str, arm: str) -> pd.Series | None:
    rows = rows[(rows["metric"] == metric) & ((rows["arm"] == arm) | (arm == ""))]
    return None if rows.empty else rows.iloc[0]


def split_of(case: Case) -> dict[str, Any]:
    """Test the split against the brief's weights, or the propensities where there is no brief."""
    counts = case.people["arm"].value_counts().to_dict()
    weights = dict(case.brief.weights) if case.brief and case.brief.weights else {}
    if set(weights) != set(counts):
        weights = case.people.groupby("arm")["propensity"].mean().to_dict()
    found = experiments.sample_ratio(counts, weights)
    total = sum(weights.values())
    shares = {arm: (counts[arm] / len(case.people), weights[arm] / total) for arm in sorted(counts)}
    return {**found, "shares": shares}


def _between_arms(case: Case, basis: str, quantile: float) -> pd.DataFrame:
    alpha = case.alpha / len(case.arms)  # all arms' intervals hold together (Bonferroni)
    parts = []
    small = case.people["arm"].value_counts().min() < 2
    for metric in (*cases.ACTIVITY, *cases.MONEY):
        if small or not case.measured(metric) or _is_flat(case.people, metric):
            continue
        capped = metric in cases.MONEY and quantile < 1
        found = experiments.effect(
            case.people,
            metric=metric,
            control=case.control,
            covariate=COVARIATES[metric] if case.measured(COVARIATES[metric]) else None,
            winsorize=quantile if capped else None,
            alpha=alpha,
        )
        if capped:
            is_capped = _is_capped(found)
            found.loc[~is_capped, "method"] += "+uncapped"
            found = pd.concat([found[~is_capped], found[is_capped]])
        parts.append(found)
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(parts, ignore_index=True)
    table["basis"] = basis
    first = ~_is_capped(table)
    table["p_adjusted"] = float("nan")
    table.loc[first, "p_adjusted"] = experiments.holm(table.loc[first, "p_value"])
    return table[COLUMNS]


def _is_flat(people: pd.DataFrame, metric: str) -> bool:
    """True if a metric never varies in an arm: then no interval can be given."""
    return bool((people.groupby("arm")[metric].nunique() < 2).all())


def _between_branches(case: Case) -> tuple[pd.DataFrame, dict[str, Any] | None]:
    """Difference in differences; always over the whole bank, since one branch alone has nothing to compare with."""
    whole = case.bank.at(as_of=case.bank.as_of)
    of = case.campaign
    starts = rollout.branch_starts(whole, of)
    begun = [start for start in starts["start"] if start is not None]
    first = max(whole.log_days[0], min(begun) - timedelta(days=4 * case.window_days))
    last = min(whole.as_of, max(begun) + timedelta(days=case.window_days - 1))
    customers = whole.customers
    if case.brief is not None:
        from helpers.metrics import segments

        customers = segments.members(whole, case.brief.segment)
    population = rollout.population_of(whole, of, customers)
    sizes = population.group_by("branch").aggregate(n=lambda t: t.count()).execute().set_index("branch")["n"]
    counts = rollout.daily_counts(whole, population, first=first, last=last)
    events = rollout.event_study(
        counts, sizes, starts, window_days=case.window_days, first_day=first, last_day=last, alpha=case.alpha
    )
    at = events[events["period"] == 0]
    if at.empty:
        return events, None
    row = at.iloc[0]
    n_rest = int(sizes.sum() - row["n"])
    naive = rollout.naive_before_after(
        counts, sizes, starts, window_days=case.window_days, first_day=first, last_day=last
    )
    events.attrs["naive"] = naive
    return events, {
        "metric": "active_days", "arm": case.arms[0], "basis": "rollout", "method": "staggered_did",
        "n": int(row["n"]), "n_control": n_rest, "mean": float("nan"), "mean_control": float("nan"),
        "estimate": row["estimate"], "se": row["se"], "lower": row["lower"], "upper": row["upper"],
        "p_value": NAN, "p_adjusted": NAN, "cap_lower": NAN, "cap_upper": NAN,
    }  # fmt: skip


def _between_periods(case: Case) -> pd.DataFrame:
    """Set the window beside the days just before it, and beside the same days a year earlier.

    Each period is of those whom the same rule would have met then (segment, active in the half year before): customers
    picked for being active lately would else look more active than their own past. Who is met in both counts in both,
    which makes the intervals rather too wide than too narrow.
    """
    of, days = case.campaign, case.window_days
    spans = [("campaign", of.starts_date), ("just_before", of.starts_date - timedelta(days=days))]
    spans.append(("year_before", of.starts_date - timedelta(days=YEAR_DAYS)))
    log_start = case.bank.log_days[0]
    rows, now = [], (NAN, NAN, 0)
    for name, first in spans:
        if first - timedelta(days=cases.ELIGIBLE_DAYS) < log_start and name != "campaign":
            continue
        met = cases.eligible(case.bank, case.brief, first)
        table = outcomes.outcomes_of(case.bank, replace(of, starts_date=first), met, window_days=days)
        values = table.select("active_days").execute()["active_days"].to_numpy(dtype=float)
        mean, se, _, _ = _mean_interval(values, case.alpha)
        if name == "campaign":
            now = (mean, se, len(values))
            gap, gap_se = 0.0, 0.0
        else:
            gap, gap_se = now[0] - mean, (now[1] ** 2 + se**2) ** 0.5
        half = float(stats.norm.ppf(1 - case.alpha / 2)) * gap_se
        last = first + timedelta(days=days - 1)
        rows.append([name, first.isoformat(), last.isoformat(), mean, gap, gap_se, gap - half, gap + half, len(values)])
    columns = ["comparison", "from_day", "to_day", "mean", "estimate", "se", "lower", "upper", "n"]
    return pd.DataFrame(rows, columns=columns)


def _rows_of_periods(case: Case, periods: pd.DataFrame) -> pd.DataFrame:
    beside = periods[periods["comparison"] != "campaign"]
    if beside.empty:
        return pd.DataFrame(columns=COLUMNS)
    # last year's days carry the season, the days just before do not
    row = beside.iloc[-1]
    line = {
        "metric": "active_days", "arm": case.arms[0], "basis": "before_after", "method": row["comparison"],
        "n": periods["n"].iloc[0], "n_control": row["n"], "mean": periods["mean"].iloc[0], "mean_control": row["mean"],
        "estimate": row["estimate"], "se": row["se"], "lower": row["lower"], "upper": row["upper"],
        "p_value": NAN, "p_adjusted": NAN, "cap_lower": NAN, "cap_upper": NAN,
    }  # fmt: skip
    return pd.DataFrame([line], columns=COLUMNS)


def naive_comparison(case: Case) -> pd.DataFrame:
    """Participants against everybody else among the treated: large, flattering, and no effect of the campaign.

    Returns
    -------
    DataFrame, two rows
        ``took_part`` (:func:`took_part`: yes, no), ``n``, ``mean_before`` and ``mean`` active days, with
        ``lower, upper`` of the latter.
    """
    rows = []
    people = case.treated
    took = took_part(people)
    for name, mark in (("yes", took), ("no", ~took)):
        values = people.loc[mark, "active_days"].to_numpy(dtype=float)
        mean, _, lower, upper = _mean_interval(values, case.alpha)
        before = float(people.loc[mark, "active_days_before"].mean() * case.window_days / case.before_days)
        rows.append(
            {"took_part": name, "n": len(values), "mean_before": before, "mean": mean, "lower": lower, "upper": upper}
        )
    return pd.DataFrame(rows)


def took_part(people: pd.DataFrame) -> pd.Series:
    """Tell who joined or took a benefit, on whatever way: wider than the funnel's “joined”, which counts stage by stage."""
    return people["is_joined"].eq(1) | people["n_rewards"].gt(0)


def _mean_interval(values: Any, alpha: float) -> tuple[float, float, float, float]:
    import numpy as np
    from scipy.stats import t

    n = len(values)
    nan = float("nan")
    if n == 0:
        return nan, nan, nan, nan
    mean = float(np.mean(values))
    if n == 1:
        return mean, nan, nan, nan
    se = float(np.std(values, ddof=1) / n**0.5)
    half = float(t.ppf(1 - alpha / 2, n - 1)) * se
    return mean, se, mean - half, mean + half
