"""What the bank's own past campaigns caused, one row a campaign and metric, with those that can't say named beside.

Only campaigns whose arms were drawn by chance, whose split came out as drawn and whose window is over count.
Everybody assigned is compared as drawn, taking part or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from helpers.metrics import holdouts, outcomes
from helpers.metrics.exact import exact_sum
from helpers.metrics.participation import EVERYBODY, SEGMENT
from helpers.models.experiments import effect, sample_ratio

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.bank import Bank

# Metric, its own past as covariate, and what is read once the bait is gone.
METRICS: dict[str, dict[str, str]] = {
    "active_days": {"covariate": "active_days_before", "lasting": "active_days_net"},
    "is_active": {"covariate": "active_days_before", "lasting": ""},
    "aum_change": {"covariate": "aum_before", "lasting": "aum_kept_change"},
}
TREATED = "treated"
CONTROL = "control"
CAP_QUANTILE = 0.99
LEAST_IN_ARM = 100
COLUMNS = [
    "campaign_id", "form", "campaign_name", "starts_date", "metric", "read_as", "population", "n", "n_control", "estimate", "se",
    "lower", "upper", "uncapped", "p_value", "after_estimate", "after_lower", "after_upper",
]  # fmt: skip
CHECK_COLUMNS = [
    "campaign_id",
    "form",
    "campaign_name",
    "starts_date",
    "n",
    "split_p_value",
    "campaign_use",
    "pulls_forward",
]


def past_effects(
    bank: Bank,
    *,
    segment: str = "all",
    metrics: Sequence[str] = tuple(METRICS),
    window_days: int = 28,
    lasting_days: int = 90,
    alpha: float = 0.05,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimate the effect of every past campaign that can be read.

    Parameters
    ----------
    bank : Bank
        Only campaigns whose window is over by its day are read.
    segment : str
        Effects are those on its members where at least `LEAST_IN_ARM` of them were in both arms, else on everybody.
    metrics : sequence of str
        Of `METRICS`.
    window_days : int
        Outcome window in days from the launch.
    lasting_days : int
        Days from the launch over which an effect has to last, more than ``window_days``. Where they are over and
        treated customers came on *fewer* days after the window than those held out (interval below 0), the campaign
        only moved visits forward: its effect is then read over all these days.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    (effects, checks)
        ``effects``, one row a readable campaign and metric: ``campaign_id, form, campaign_name, starts_date, metric``;
        ``read_as`` the column of `campaign_outcomes` that stands behind it: assets on days 31–90 after the end where
        they are known, since money that came for the measuring day is gone by then; ``population``; ``n`` treated,
        ``n_control``; ``estimate`` per treated customer in the metric's unit with ``se, lower, upper, p_value``
        (adjusted by the metric's past; money is capped at its 99th percentile, ``uncapped`` is the estimate without);
        ``after_estimate, after_lower, after_upper`` effect on active days after the window.
        ``checks``, one row a campaign with an assignment: ``n``, ``split_p_value``, ``pulls_forward`` and ``campaign_use``:
        ``used``, ``broken_split``, ``not_drawn`` (no chance decided, or its weights are unknown), ``no_control``,
        ``too_few``.

    Raises
    ------
    ValueError
        If a metric is unknown, or ``lasting_days`` isn't more than ``window_days``.
    """
    import pandas as pd

    unknown = [metric for metric in metrics if metric not in METRICS]
    if unknown:
        raise ValueError(f"metrics: {unknown[0]!r} is unknown; there are {', '.join(METRICS)}")
    if lasting_days <= window_days:
        raise ValueError(f"lasting_days must be more than window_days ({window_days}), not {lasting_days}")
    rows: list[dict[str, Any]] = []
    checks: list[dict[str, Any]] = []
    finished = outcomes.finished_campaigns(bank, window_days=window_days)
    controls = holdouts.control_arms(bank, finished["campaign_id"])
    for of in finished.itertuples(index=False):
        control = controls.get(of.campaign_id, "")
        use, p_value = _readable(bank, of.campaign_id, is_drawn=bool(of.is_drawn), control=control)
        about = {
            "campaign_id": of.campaign_id,
            "form": of.form,
            "campaign_name": of.name,
            "starts_date": of.starts_date,
        }
        pulls = False
        if use == "used":
            found = _effects(bank, of, control, segment, metrics, window_days, lasting_days, alpha)
            use = "used" if found else "too_few"
            rows += [about | row for row in found]
            pulls = any(row["read_as"] == "active_days_net" for row in found)
        checks.append(about | {"n": int(of.n), "split_p_value": p_value, "campaign_use": use, "pulls_forward": pulls})
    return pd.DataFrame(rows, columns=COLUMNS), pd.DataFrame(checks, columns=CHECK_COLUMNS)


def _readable(bank: Bank, campaign_id: str, *, is_drawn: bool, control: str) -> tuple[str, float]:
    """Say whether a campaign's arms may be compared, and the p-value of its split."""
    arms = bank.assignments.filter(lambda t: t.campaign_id == campaign_id)
    counts = (
        arms.group_by("arm")
        .aggregate(n=lambda t: t.count(), weight=lambda t: exact_sum(t.propensity, digits=12) / t.propensity.count())
        .execute()
    )
    if not is_drawn or abs(counts["weight"].sum() - 1) > 0.02:
        return "not_drawn", float("nan")
    n, weights = (dict(zip(counts["arm"], counts[column], strict=True)) for column in ("n", "weight"))
    split = sample_ratio(n, weights)
    if split["tier"] == "broken":
        return "broken_split", float(split["p_value"])
    return ("used" if control else "no_control"), float(split["p_value"])


def _effects(
    bank: Bank,
    of: Any,
    control: str,
    segment: str,
    metrics: Sequence[str],
    window_days: int,
    lasting_days: int,
    alpha: float,
) -> list[dict[str, Any]]:
    """Effects of one campaign on every metric; empty if an arm is too small or a metric never varies."""
    is_over = of.starts_date + timedelta(days=lasting_days - 1) <= bank.as_of
    table = outcomes.campaign_outcomes(
        bank, of.campaign_id, window_days=window_days, after_days=lasting_days - window_days if is_over else 0
    )
    frame, population = _customers(bank, table, segment, control)
    if frame is None:
        return []
    after = _one(frame, "active_days_after", "active_days_before", alpha) if is_over else None
    pulls = after is not None and after["upper"] < 0
    found = []
    for metric in metrics:
        of_metric = METRICS[metric]
        lasting = of_metric["lasting"]
        kept = metric == "aum_change" and lasting in frame.columns and frame[lasting].notna().all()
        read_as = lasting if kept or (pulls and metric == "active_days") else metric
        row = _one(frame, read_as, of_metric["covariate"], alpha, is_money=metric == "aum_change")
        if row is None:
            continue
        found.append(
            row
            | {
                "metric": metric,
                "read_as": read_as,
                "population": population,
                "after_estimate": after["estimate"] if after else float("nan"),
                "after_lower": after["lower"] if after else float("nan"),
                "after_upper": after["upper"] if after else float("nan"),
            }
        )
    return found


def _customers(bank: Bank, table: ir.Table, segment: str, control: str) -> tuple[pd.DataFrame | None, str]:
    """One row an assigned customer, with the arms folded into treated and control; the segment's where it is enough."""
    from helpers.metrics import segments

    members = segments.members(bank, segment).select("customer_id").mutate(is_member=True)
    table = table.left_join(members, "customer_id").drop("customer_id_right")
    wanted = [
        "customer_id", "arm", "is_member", "active_days", "is_active", "active_days_before", "active_days_after", "active_days_net",
        "aum_before", "aum_change", "aum_kept_change",
    ]  # fmt: skip
    frame = table.select(*[name for name in wanted if name in table.columns]).execute()
    # engines return rows in any order: sums would differ in their last digit from run to run
    frame = frame.sort_values("customer_id", ignore_index=True)
    frame["is_member"] = frame["is_member"].eq(True)  # null where the left join found no member
    frame["arm"] = [CONTROL if arm == control else TREATED for arm in frame["arm"]]
    for population, mine in ((SEGMENT, frame[frame["is_member"]]), (EVERYBODY, frame)):
        sizes = mine["arm"].value_counts()
        if min(sizes.get(CONTROL, 0), sizes.get(TREATED, 0)) >= LEAST_IN_ARM:
            return mine.drop(columns="is_member"), population
    return None, ""


def _one(
    frame: pd.DataFrame, column: str, covariate: str, alpha: float, *, is_money: bool = False
) -> dict[str, Any] | None:
    """Effect on one column, None where it isn't known or doesn't vary in an arm."""
    known = column in frame.columns and frame[column].notna().all()
    if not known or frame.groupby("arm")[column].nunique().min() < 2:
        return None
    data = frame[["arm", column, covariate]].astype({column: float, covariate: float})
    varies = data[covariate].notna().all() and data[covariate].nunique() > 1
    table = effect(
        data,
        metric=column,
        control=CONTROL,
        covariate=covariate if varies else None,
        winsorize=CAP_QUANTILE if is_money else None,
        alpha=alpha,
    )
    row = table.iloc[0]
    return {
        "n": int(row["n"]),
        "n_control": int(row["n_control"]),
        **{name: float(row[name]) for name in ("estimate", "se", "lower", "upper", "p_value")},
        "uncapped": float(table.iloc[-1]["estimate"]),
    }
