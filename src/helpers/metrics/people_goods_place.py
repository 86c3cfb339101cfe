"""People, goods, place: who of a campaign's customers came how far, what they took, through which channel and page.

These tables say where a result was made or lost, not what the campaign caused: taking part is the customer's own
choice. Every split of the gap between target and actual adds up exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.campaigns import Campaign
from helpers.metrics.exact import exact_sum
from helpers.metrics.journeys import NONE, STAGES, campaign_log, journey, known_stages
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.bank import Bank

__all__ = [
    "NONE",
    "OTHER",
    "STAGES",
    "by_channel",
    "contributions",
    "funnel",
    "furthest_stage",
    "goods",
    "journey",
    "known_stages",
    "merged",
    "page_flow",
    "reached_stages",
]

OTHER = "other"


def contributions(
    people: pd.DataFrame, *, by: str, value: str, target: float, min_group_size: int = MIN_GROUP_SIZE
) -> pd.DataFrame:
    """Split the gap between a target mean and the actual mean over groups, exactly.

    Each group contributes its share of customers times its own distance to the target; the contributions add up to
    ``target − mean(value)`` whatever the grouping.

    Parameters
    ----------
    people : DataFrame, one row a customer
    by : str
        Column with the group.
    value : str
        Numeric column without holes.
    target : float
        Target of the mean, in the unit of ``value``.
    min_group_size : int
        Smaller groups are shown together as ``other``; if they are too few together, with the smallest group.

    Returns
    -------
    DataFrame, one row a group, largest contribution first
        ``by`` under its own name, ``n``, ``share`` (0–1), ``mean``, ``contribution`` to the gap.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"came": ["yes"] * 30 + ["no"] * 10, "days": [4.0] * 30 + [0.0] * 10})
    >>> contributions(people, by="came", value="days", target=5.0)[["came", "n", "contribution"]]
      came   n  contribution
    0   no  10          1.25
    1  yes  30          0.75
    """
    import pandas as pd

    if people.empty:
        return pd.DataFrame(columns=[by, "n", "share", "mean", "contribution"])
    groups = merged(people[by].astype("object").where(people[by].notna(), OTHER), min_group_size=min_group_size)
    table = people[value].astype(float).groupby(groups.to_numpy()).agg(["size", "sum"]).reset_index()
    table.columns = [by, "n", "total"]
    n = len(people)
    table["share"] = table["n"] / n
    table["mean"] = table["total"] / table["n"]
    table["contribution"] = (target * table["n"] - table["total"]) / n
    table = table.sort_values(["contribution", by], ascending=[False, True], ignore_index=True)
    return table[[by, "n", "share", "mean", "contribution"]]


def merged(groups: pd.Series, *, min_group_size: int) -> pd.Series:
    """Put groups of fewer than so many members together as ``other``; nobody is dropped, nobody stands alone."""
    sizes = groups.value_counts()
    small = list(sizes.index[sizes < min_group_size])
    if small and sizes[small].sum() < min_group_size:
        rest = [name for name in reversed(sizes.index) if name not in small]
        small += rest[:1]
    return groups.where(~groups.isin(small), OTHER) if small else groups


def funnel(people: pd.DataFrame, *, stages: tuple[str, ...], alpha: float = 0.05) -> pd.DataFrame:
    """Customers at each stage, the step from the stage before, and what was spent on those who went no further.

    Parameters
    ----------
    people : DataFrame of treated customers with the columns of :func:`journey`, and ``rewarded_cost``
    stages : tuple of str
        Stages to show, from :data:`STAGES` (see :func:`known_stages`).
    alpha : float
        1 minus the confidence level of the Wilson intervals.

    Returns
    -------
    DataFrame, one row a stage
        ``stage, n`` customers who reached it and every stage before, ``n_any`` who reached it at all (a message that
        failed keeps nobody from coming), ``step_share`` of those of the stage before with
        ``lower, upper``, ``reached_share`` of all, ``n_lost`` who stopped before this stage, ``cost_lost`` spent on
        them.
    """
    import pandas as pd

    reached = reached_stages(people, stages)
    rows = []
    for position, stage in enumerate(stages):
        here = reached[stage]
        before = reached[stages[position - 1]] if position else here
        lost = before & ~here
        lower, upper = (float(bound) for bound in wilson(here.sum(), before.sum(), alpha=alpha))
        rows.append(
            {
                "stage": stage,
                "n": int(here.sum()),
                "n_any": len(people) if stage == "assigned" else int(people[f"is_{stage}"].sum()),
                "step_share": here.sum() / before.sum() if before.sum() else float("nan"),
                "lower": lower if position else float("nan"),
                "upper": upper if position else float("nan"),
                "reached_share": here.sum() / len(people) if len(people) else float("nan"),
                "n_lost": int(lost.sum()),
                "cost_lost": float(people.loc[lost, "rewarded_cost"].sum()) if "rewarded_cost" in people else 0.0,
            }
        )
    return pd.DataFrame(rows)


def reached_stages(people: pd.DataFrame, stages: tuple[str, ...]) -> pd.DataFrame:
    """Return one true/false column a stage: reached it and every stage before (so the columns never rise)."""
    import numpy as np
    import pandas as pd

    so_far = np.ones(len(people), dtype=bool)
    columns = {}
    for stage in stages:
        if stage != "assigned":
            so_far = so_far & people[f"is_{stage}"].to_numpy().astype(bool)
        columns[stage] = so_far.copy()
    return pd.DataFrame(columns, index=people.index)


def furthest_stage(people: pd.DataFrame, stages: tuple[str, ...]) -> pd.Series:
    """Return the last stage that each customer reached."""
    reached = reached_stages(people, stages)
    return reached.sum(axis=1).map(lambda n: stages[int(n) - 1])


def by_channel(people: pd.DataFrame, *, stages: tuple[str, ...], min_group_size: int = MIN_GROUP_SIZE) -> pd.DataFrame:
    """Funnel of each channel of first contact, one row a channel.

    Returns
    -------
    DataFrame
        ``channel, n``, for each later stage the share of the channel's customers who reached it
        (``<stage>_share``), ``cost`` of messages and benefits, ``cost_per_success``.
    """
    import pandas as pd

    reached = reached_stages(people, stages)
    groups = merged(people["channel"], min_group_size=min_group_size)
    rows = []
    for channel, inside in reached.groupby(groups.to_numpy()):
        cost = float(people.loc[inside.index, "rewarded_cost"].sum())
        n_success = int(inside[stages[-1]].sum())
        rows.append(
            {"channel": channel, "n": len(inside)}
            | {f"{stage}_share": float(inside[stage].mean()) for stage in stages[1:]}
            | {"cost": cost, "cost_per_success": cost / n_success if n_success else float("nan")}
        )
    return (
        pd.DataFrame(rows).sort_values("n", ascending=False, ignore_index=True)
        if rows
        else pd.DataFrame(
            columns=["channel", "n", *(f"{stage}_share" for stage in stages[1:]), "cost", "cost_per_success"]
        )
    )


def goods(bank: Bank, of: Campaign, *, offered: tuple[str, ...] = (), alpha: float = 0.05) -> pd.DataFrame:
    """Benefits offered, taken, redeemed, and what they cost.

    Parameters
    ----------
    offered : tuple of str
        Kinds that the brief promised; one that nobody took stands with 0.

    Returns
    -------
    DataFrame, one row a kind of benefit
        ``benefit, is_offered`` (in the brief), ``n_taken`` pieces, ``customers`` who took one, ``n_redeemed``,
        ``used_share`` with ``lower, upper`` (Wilson), ``cost``, ``cost_unredeemed``, ``cost_each``. Empty if the
        bank has no rewards table.
    """
    import pandas as pd

    columns = ["benefit", "is_offered", "n_taken", "customers", "n_redeemed", "used_share", "lower", "upper"]
    columns += ["cost", "cost_unredeemed", "cost_each"]
    if bank.rewards is None:
        return pd.DataFrame(columns=columns)
    import ibis

    mine = bank.rewards.filter(lambda t: t.campaign_id == of.campaign_id)
    used = mine.redeemed_at.notnull()
    found = (
        mine.group_by(benefit=mine.kind)
        .aggregate(
            n_taken=mine.count(),
            customers=mine.customer_id.nunique(),
            n_redeemed=used.sum(),
            cost=exact_sum(mine.cost),
            cost_unredeemed=exact_sum(ibis.cases((used, 0.0), else_=mine.cost)),
        )
        .execute()
    )
    # engines add in any order: a millionth of the currency hides that
    found[["cost", "cost_unredeemed"]] = found[["cost", "cost_unredeemed"]].astype(float).round(6)
    missing = [kind for kind in offered if kind not in set(found["benefit"])]
    nothing = {"n_taken": 0, "customers": 0, "n_redeemed": 0, "cost": 0.0, "cost_unredeemed": 0.0}
    if missing:
        extra = pd.DataFrame([{"benefit": kind, **nothing} for kind in missing])
        found = pd.concat([found, extra], ignore_index=True) if len(found) else extra
    found["is_offered"] = found["benefit"].isin(offered)
    found["used_share"] = found["n_redeemed"] / found["n_taken"].where(found["n_taken"] > 0)
    found["lower"], found["upper"] = wilson(found["n_redeemed"], found["n_taken"], alpha=alpha)
    found["cost_each"] = found["cost"] / found["n_taken"].where(found["n_taken"] > 0)
    return found[columns].sort_values(["cost", "benefit"], ascending=[False, True], ignore_index=True)


def page_flow(bank: Bank, of: Campaign, treated: ir.Table, *, max_pages: int = 12) -> pd.DataFrame:
    """Visits of the campaign's customers to the pages of the app while it ran.

    Parameters
    ----------
    treated : lazy Ibis table with ``customer_id``

    Returns
    -------
    DataFrame, one row a page, most visited first
        ``page, n_views`` (events), ``n_sessions``, ``customers``, ``views_each`` per customer. Empty if the log has no
        pages.
    """
    import pandas as pd

    log = campaign_log(bank, of).semi_join(treated, "customer_id").distinct()
    log = log.filter(lambda t: t.page != "")  # null pages fall out as well
    found = (
        log.group_by("page")
        .aggregate(
            n_views=lambda t: t.count(),
            n_sessions=lambda t: t.session_id.nunique(),
            customers=lambda t: t.customer_id.nunique(),
        )
        .execute()
    )
    if found.empty:
        return pd.DataFrame(columns=["page", "n_views", "n_sessions", "customers", "views_each"])
    found["views_each"] = found["n_views"] / found["customers"]
    return found.sort_values(["customers", "page"], ascending=[False, True], ignore_index=True).head(max_pages)
