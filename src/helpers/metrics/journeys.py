"""How far each customer of a campaign came: reached by a message, looked, joined, succeeded, took a benefit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from helpers.metrics.campaigns import Campaign, midnight
from helpers.metrics.exact import exact_sum
from helpers.metrics.outcomes import assigned_customers

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

VIEW, JOIN = "view_campaign", "join_campaign"
REACHED = ("delivered", "clicked", "opened", "viewed", "answered", "opted_out")
STAGES = ("assigned", "sent", "delivered", "viewed", "joined", "succeeded")
NONE = "none"


def journey(bank: Bank, of: Campaign, *, assigned: ir.Table | None = None) -> ir.Table:
    """How far each assigned customer came: one lazy row a customer.

    Parameters
    ----------
    bank : Bank
    of : Campaign
        Events count from the customer's assignment to the campaign's last day.
    assigned : lazy Ibis table, optional
        ``customer_id, arm, branch, assigned_at``; by default who was assigned in the campaign.

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

    assigned = assigned_customers(bank, of.campaign_id) if assigned is None else assigned
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
    seen = campaign_log(bank, of).filter(lambda t: t.event.isin([name for name in events if name]))
    found = {events[name] for name in seen.select("event").distinct().execute()["event"]}
    return tuple(known + [stage for stage in ("viewed", "joined", "succeeded") if stage in found])


def campaign_log(bank: Bank, of: Campaign) -> ir.Table:
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
            channel=none.customer_id.max(), is_sent=none.count(), is_delivered=none.count()
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
    log = campaign_log(bank, of).filter(lambda t: t.event.isin(names)).select("customer_id", "occurred_at", "event")
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
    viewed = times.first_viewed_at.notnull()
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
            benefit=none.customer_id.max(), n_taken=none.count(), n_redeemed=none.count()
        )
    mine = bank.rewards.filter(lambda t: t.campaign_id == of.campaign_id)
    kinds = mine.group_by("customer_id", "kind").aggregate(
        spent=exact_sum(mine.cost), pieces=mine.count(), used=mine.redeemed_at.count()
    )
    place = ibis.row_number().over(group_by=kinds.customer_id, order_by=[kinds.spent.desc(), kinds.kind])
    ranked = kinds.mutate(place=place)
    return ranked.group_by("customer_id").aggregate(
        benefit=ibis.cases((ranked.place == 0, ranked.kind)).max(),
        n_taken=ranked.pieces.sum(),
        n_redeemed=ranked.used.sum(),
    )
