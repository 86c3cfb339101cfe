"""People, goods, place: who of a campaign's customers came how far, what they took, through which channel and page.

These tables say where a result was made or lost, not what the campaign caused: taking part is the customer's own
choice. Every split of the gap between target and actual adds up exactly.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from helpers.metrics.outcomes import Campaign, assigned_customers, midnight

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd

    from helpers.bank import Bank

VIEW, JOIN = "view_campaign", "join_campaign"
REACHED = ("delivered", "clicked", "opened", "viewed", "answered", "opted_out")
STAGES = ("assigned", "sent", "delivered", "viewed", "joined", "succeeded")
NONE = "none"
OTHER = "other"


def journey(bank: Bank, of: Campaign) -> ir.Table:
    """How far each assigned customer came: one lazy row a customer.

    Parameters
    ----------
    bank : Bank
    of : Campaign
        Events count from the customer's assignment to the campaign's last day.

    Returns
    -------
    lazy Ibis table
        ``customer_id, arm, branch``; ``channel`` of the first message sent (``none`` without one); ``is_sent``,
        ``is_delivered`` (0/1, any message); ``is_viewed``, ``is_joined``, ``is_succeeded`` (0/1) in this order of time:
        joined counts at or after the first view, success at or after the first joining; ``benefit`` the kind on
        which most was spent for the customer (``none`` without one), ``n_taken``, ``n_redeemed``.
        A stage that the bank's log does not know is 0 for everybody; :func:`known_stages` tells.
    """
    import ibis

    assigned = assigned_customers(bank, of.campaign_id)
    table = assigned
    for part in (_messages(bank, of), _events(bank, of, assigned), _benefits(bank, of)):
        table = table.left_join(part, "customer_id").drop("customer_id_right")
    flags = ("is_sent", "is_delivered", "is_viewed", "is_joined", "is_succeeded", "n_taken", "n_redeemed")
    table = table.mutate(
        **{name: table[name].cast("int64").fill_null(0) for name in flags},
        channel=table.channel.fill_null(NONE),
        benefit=table.benefit.fill_null(NONE),
    )
    return table.select("customer_id", "arm", "branch", "channel", *flags, "benefit", ibis._.first_viewed_at)


def known_stages(bank: Bank, of: Campaign) -> tuple[str, ...]:
    """Return the stages that this bank's tables can show for a campaign, in order."""
    known = ["assigned"]
    if bank.touches is not None:
        known += ["sent", "delivered"]
    events = {of.success_event: "succeeded", VIEW: "viewed", JOIN: "joined"}
    seen = _log(bank, of).filter(lambda t: t.event.isin([name for name in events if name]))
    found = {events[name] for name in seen.select("event").distinct().execute()["event"]}
    return tuple(known + [stage for stage in ("viewed", "joined", "succeeded") if stage in found])


def contributions(
    people: pd.DataFrame, *, by: str, value: str, target: float, min_group_size: int = 10
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
        ``lower, upper``, ``overall_share`` of all, ``n_lost`` who stopped before this stage, ``cost_lost`` spent on
        them.
    """
    import pandas as pd

    reached = reached_stages(people, stages)
    rows = []
    for position, stage in enumerate(stages):
        here = reached[stage]
        before = reached[stages[position - 1]] if position else here
        lost = before & ~here
        lower, upper = wilson(int(here.sum()), int(before.sum()), alpha=alpha)
        rows.append(
            {
                "stage": stage,
                "n": int(here.sum()),
                "n_any": len(people) if stage == "assigned" else int(people[f"is_{stage}"].sum()),
                "step_share": here.sum() / before.sum() if before.sum() else float("nan"),
                "lower": lower if position else float("nan"),
                "upper": upper if position else float("nan"),
                "overall_share": here.sum() / len(people) if len(people) else float("nan"),
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


def by_channel(people: pd.DataFrame, *, stages: tuple[str, ...], min_group_size: int = 10) -> pd.DataFrame:
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
        ``redeemed_share`` with ``lower, upper`` (Wilson), ``cost``, ``cost_unredeemed``, ``cost_each``. Empty if the
        bank has no rewards table.
    """
    import pandas as pd

    columns = ["benefit", "is_offered", "n_taken", "customers", "n_redeemed", "redeemed_share", "lower", "upper"]
    columns += ["cost", "cost_unredeemed", "cost_each"]
    if bank.rewards is None:
        return pd.DataFrame(columns=columns)
    import ibis

    mine = bank.rewards.filter(lambda t: t.campaign_id == of.campaign_id)
    used = mine.redeemed_at.notnull()  # noqa: PD004 - an Ibis column
    found = (
        mine.group_by(benefit=mine.kind)
        .aggregate(
            n_taken=mine.count(),
            customers=mine.customer_id.nunique(),
            n_redeemed=used.sum(),
            cost=mine.cost.sum(),
            cost_unredeemed=ibis.cases((used, 0.0), else_=mine.cost).sum(),
        )
        .execute()
    )
    missing = [kind for kind in offered if kind not in set(found["benefit"])]
    nothing = {"n_taken": 0, "customers": 0, "n_redeemed": 0, "cost": 0.0, "cost_unredeemed": 0.0}
    if missing:
        extra = pd.DataFrame([{"benefit": kind, **nothing} for kind in missing])
        found = pd.concat([found, extra], ignore_index=True) if len(found) else extra
    found["is_offered"] = found["benefit"].isin(offered)
    found["redeemed_share"] = found["n_redeemed"] / found["n_taken"].where(found["n_taken"] > 0)
    bounds = [wilson(int(k), int(n), alpha=alpha) for k, n in zip(found["n_redeemed"], found["n_taken"], strict=True)]
    found["lower"], found["upper"] = [b[0] for b in bounds], [b[1] for b in bounds]
    found["cost_each"] = found["cost"] / found["n_taken"].where(found["n_taken"] > 0)
    return found[columns].sort_values(["cost", "benefit"], ascending=[False, True], ignore_index=True)


def page_flow(bank: Bank, of: Campaign, *, control: str = "", max_pages: int = 12) -> pd.DataFrame:
    """Visits of the campaign's customers to the pages of the app while it ran.

    Returns
    -------
    DataFrame, one row a page, most visited first
        ``page, n_views`` (events), ``n_sessions``, ``customers``, ``views_each`` per customer. Empty if the log has no
        pages.
    """
    import pandas as pd

    treated = assigned_customers(bank, of.campaign_id).filter(lambda t: t.arm != control)
    log = _log(bank, of).semi_join(treated, "customer_id").distinct()
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


def wilson(k: int, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Wilson's interval of a share; (nan, nan) without anybody.

    Examples
    --------
    >>> tuple(round(bound, 4) for bound in wilson(8, 10))
    (0.4902, 0.9433)
    """
    from scipy.stats import norm

    if n == 0:
        return float("nan"), float("nan")
    z = float(norm.ppf(1 - alpha / 2))
    share = k / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


def _log(bank: Bank, of: Campaign) -> ir.Table:
    """Return the activity of the campaign's days."""
    import ibis

    end = midnight(of.ends_date + timedelta(days=1))
    return bank.activity.filter(
        lambda t: (t.occurred_at >= ibis.literal(midnight(of.starts_date))) & (t.occurred_at < ibis.literal(end))
    )


def _messages(bank: Bank, of: Campaign) -> ir.Table:
    import ibis

    if bank.touches is None:
        none = bank.customers.select("customer_id").limit(0)
        return none.group_by("customer_id").aggregate(
            channel=ibis.literal("").max(), is_sent=none.count(), is_delivered=none.count()
        )
    mine = bank.touches.filter(lambda t: t.campaign_id == of.campaign_id)
    words = mine.outcome.fill_null("")
    sent = mine.filter(~words.startswith("suppressed"))
    order = ibis.row_number().over(group_by=sent.customer_id, order_by=[sent.sent_at, sent.touch_id])
    ranked = sent.mutate(place=order)
    return ranked.group_by("customer_id").aggregate(
        channel=ibis.cases((ranked.place == 0, ranked.channel)).max(),
        is_sent=(ranked.place >= 0).cast("int64").max(),
        is_delivered=ranked.outcome.fill_null("").isin(REACHED).cast("int64").max(),
    )


def _events(bank: Bank, of: Campaign, assigned: ir.Table) -> ir.Table:
    """First view, joining and success of each customer, in this order of time."""
    import ibis

    names = [name for name in (VIEW, JOIN, of.success_event) if name]
    log = _log(bank, of).filter(lambda t: t.event.isin(names)).select("customer_id", "occurred_at", "event")
    log = log.inner_join(assigned.select("customer_id", "assigned_at"), "customer_id")
    log = log.filter(lambda t: t.occurred_at >= t.assigned_at)

    def when(event: str) -> Any:
        return ibis.cases((log.event == event, log.occurred_at))

    times = log.group_by("customer_id").aggregate(
        first_viewed_at=when(VIEW).min(),
        first_joined_at=when(JOIN).min(),
        last_joined_at=when(JOIN).max(),
        last_success_at=when(of.success_event).max(),
    )
    viewed = times.first_viewed_at.notnull()  # noqa: PD004 - an Ibis column
    joined = viewed & (times.last_joined_at >= times.first_viewed_at)
    success = joined & (times.last_success_at >= ibis.greatest(times.first_joined_at, times.first_viewed_at))
    return times.select(
        "customer_id",
        "first_viewed_at",
        is_viewed=viewed.cast("int64"),
        is_joined=joined.fill_null(False).cast("int64"),
        is_succeeded=success.fill_null(False).cast("int64"),
    )


def _benefits(bank: Bank, of: Campaign) -> ir.Table:
    """Benefit on which most was spent, pieces taken and redeemed: one row a customer who got one."""
    import ibis

    if bank.rewards is None:
        none = bank.customers.select("customer_id").limit(0)
        return none.group_by("customer_id").aggregate(
            benefit=ibis.literal("").max(), n_taken=none.count(), n_redeemed=none.count()
        )
    mine = bank.rewards.filter(lambda t: t.campaign_id == of.campaign_id)
    kinds = mine.group_by("customer_id", "kind").aggregate(
        spent=mine.cost.sum(), pieces=mine.count(), used=mine.redeemed_at.count()
    )
    place = ibis.row_number().over(group_by=kinds.customer_id, order_by=[kinds.spent.desc(), kinds.kind])
    ranked = kinds.mutate(place=place)
    return ranked.group_by("customer_id").aggregate(
        benefit=ibis.cases((ranked.place == 0, ranked.kind)).max(),
        n_taken=ranked.pieces.sum(),
        n_redeemed=ranked.used.sum(),
    )
