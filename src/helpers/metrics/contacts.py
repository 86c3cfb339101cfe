"""The contact policy held against the touch log: which contacts should not have been sent, and by which rule.

Rules are asked in the order suppression, caps, quiet hours, consent; a contact counts under the first that it breaks.
Windows roll. ``max: null`` means no rule, ``max: 0`` means that nothing may be sent.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
from pydantic import Field, model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text
from helpers.metrics.channels import Channel

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank

ORDER = ("suppression", "cap", "quiet_hours", "consent")
PROMOTIONAL, ROUTINE = "promotional", "routine"
_NOT_SENT = ("suppressed", "failed")
_DAY_SECONDS = 86_400


class Rule(catalogue.Entry):
    """One rule; which entries it needs depends on its kind."""

    kind: Literal["suppression", "cap", "quiet_hours", "consent"]
    name: catalogue.Words
    after_outcomes: tuple[str, ...] = ()
    scope: Literal["channel", "all"] = "channel"
    contact_class: Literal["promotional", "routine", ""] = Field(default="", alias="class")
    channel: str = ""
    max: int | None = Field(default=None, ge=0)
    days: int | None = Field(default=None, ge=1)
    from_hour: int | None = Field(default=None, ge=0, le=23)
    to_hour: int | None = Field(default=None, ge=0, le=23)
    column: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Rule:
        if self.kind == "suppression" and not self.after_outcomes:
            raise SpokenError(Text("a suppression needs after_outcomes", "suppression 规则须给出 after_outcomes"))
        if self.kind == "cap" and self.days is None:
            raise SpokenError(Text("a cap needs days", "cap 规则须给出 days"))
        if self.kind == "quiet_hours" and (self.from_hour is None or self.to_hour is None):
            raise SpokenError(
                Text("quiet_hours needs from_hour and to_hour", "quiet_hours 规则须给出 from_hour 和 to_hour")
            )
        return self


def read_policy(*, folder: str | Path = "") -> dict[str, Rule]:
    """Read the contact policy, rules in the order in which they are asked.

    Examples
    --------
    >>> next(iter(read_policy().values())).kind
    'suppression'
    """
    rules = catalogue.read("contact_policy", Rule, folder=folder)
    return dict(sorted(rules.items(), key=lambda item: ORDER.index(item[1].kind)))


def is_quiet(hour: int, rule: Rule) -> bool:
    """Tell whether an hour of the day lies in the quiet hours, which may cross midnight.

    Examples
    --------
    >>> night = Rule(kind="quiet_hours", name={"en": "q", "zh": "静"}, from_hour=21, to_hour=8)
    >>> [is_quiet(hour, night) for hour in (20, 21, 7, 8)]
    [False, True, True, False]
    """
    start, stop = rule.from_hour or 0, rule.to_hour or 0
    return start <= hour < stop if start <= stop else hour >= start or hour < stop


def breaches(bank: Bank, rules: dict[str, Rule], channels: dict[str, Channel]) -> pd.DataFrame | None:
    """Count the contacts that break each rule; None without a table of touches.

    Returns
    -------
    DataFrame, one row a rule and channel with contacts under it
        ``rule, kind, channel, n_contacts`` (that the rule speaks of), ``n_breaches, breach_share, checked`` — False
        for rules that the bank's tables can't answer (no column of consent) or that are switched off.
    """
    if bank.touches is None:
        return None
    marked = _mark(bank, rules, channels)
    flags = {slug: f"breaks_{index}" for index, slug in enumerate(rules)}
    subject = {slug: f"under_{index}" for index, slug in enumerate(rules)}
    sums = {name: (lambda t, column=name: t[column].sum()) for name in [*flags.values(), *subject.values()]}
    counts = marked.group_by("channel").aggregate(**sums).order_by("channel").execute()
    rows = []
    for slug, rule in rules.items():
        checked = _is_checked(rule, bank)
        for row in counts.to_dict("records"):
            n = int(row[subject[slug]] or 0)
            if n:
                rows.append(
                    {
                        "rule": slug,
                        "kind": rule.kind,
                        "channel": row["channel"],
                        "n_contacts": n,
                        "n_breaches": int(row[flags[slug]] or 0) if checked else None,
                        "breach_share": (row[flags[slug]] or 0) / n if checked else None,
                        "checked": checked,
                    }
                )
    return pd.DataFrame(
        rows, columns=["rule", "kind", "channel", "n_contacts", "n_breaches", "breach_share", "checked"]
    )


def _is_checked(rule: Rule, bank: Bank) -> bool:
    if rule.kind == "consent":
        return bool(rule.column) and rule.column in bank.customers.columns
    return rule.kind != "cap" or rule.max is not None


def suppressed_customers(bank: Bank, rules: dict[str, Rule]) -> ir.Table | None:
    """Return who may not be contacted any more, lazily: ``customer_id, channel`` (the refused channel)."""
    outcomes = [outcome for rule in rules.values() if rule.kind == "suppression" for outcome in rule.after_outcomes]
    if bank.touches is None or not outcomes:
        return None
    return bank.touches.filter(lambda t: t.outcome.isin(outcomes)).select("customer_id", "channel").distinct()


def _mark(bank: Bank, rules: dict[str, Rule], channels: dict[str, Channel]) -> ir.Table:
    """Mark for each rule the contacts under it and those that break it first."""
    import ibis

    table = bank.touches.select("touch_id", "campaign_id", "customer_id", "channel", "sent_at", "outcome")
    for rule in rules.values():
        if rule.kind == "consent" and _is_checked(rule, bank):
            # An empty cell is no consent: nobody asked, or nobody kept the answer.
            agreed = bank.customers.select("customer_id", agreed=bank.customers[rule.column].fill_null(False))
            table = table.left_join(agreed, "customer_id").drop("customer_id_right")
    table = table.mutate(
        is_promotional=lambda t: t.campaign_id.notnull(),
        sent=lambda t: (~t.outcome.isin(list(_NOT_SENT))).fill_null(True),
        second=lambda t: t.sent_at.epoch_seconds(),
        free=ibis.literal(True),
    )
    for index, rule in enumerate(rules.values()):
        table = table.mutate(_under=_subject(table, rule, channels))
        table = table.mutate(_hit=_hit(table, rule) if _is_checked(rule, bank) else ibis.literal(False))
        table = table.mutate(
            **{
                f"under_{index}": table._under.cast("int64"),
                f"breaks_{index}": (table._under & table._hit & table.free).cast("int64"),
            }
        )
        table = table.mutate(free=table.free & ~(table._under & table._hit)).drop("_under", "_hit")
    return table


def _subject(table: ir.Table, rule: Rule, channels: dict[str, Channel]) -> ir.BooleanValue:
    """Which contacts a rule speaks of: its class, its channel, and sent ones only."""
    speaks = table.sent
    if rule.contact_class:
        speaks = speaks & (table.is_promotional if rule.contact_class == PROMOTIONAL else ~table.is_promotional)
    if rule.channel:
        speaks = speaks & (table.channel == rule.channel)
    if rule.kind == "quiet_hours":
        loud = [slug for slug, channel in channels.items() if not channel.quiet_hours]
        speaks = speaks & ~table.channel.isin(loud) if loud else speaks
    if rule.kind == "consent":
        needing = [slug for slug, channel in channels.items() if channel.needs_consent]
        speaks = speaks & table.is_promotional & table.channel.isin(needing)
    return speaks.fill_null(False)


def _hit(table: ir.Table, rule: Rule) -> ir.BooleanValue:
    import ibis

    if rule.kind == "suppression":
        key = ["customer_id", "channel"] if rule.scope == "channel" else ["customer_id"]
        refusal = table.outcome.isin(list(rule.after_outcomes)).fill_null(False)
        first = refusal.ifelse(table.second, ibis.null("int64")).min().over(ibis.window(group_by=key))
        return (table.second > first).fill_null(False)
    if rule.kind == "consent":
        return ~table.agreed.fill_null(False)
    if rule.kind == "quiet_hours":
        hours = [hour for hour in range(24) if is_quiet(hour, rule)]
        return table.sent_at.hour().isin(hours)
    if rule.max == 0:
        return ibis.literal(True)
    # Contacts of the same kind to the same customer in the days before, this one included; numeric, so that every
    # engine's range window can do it.
    span = (rule.days or 1) * _DAY_SECONDS - 1
    window = ibis.range_window(group_by=["customer_id", "_under"], order_by="second", preceding=span, following=0)
    return table._under & (table.touch_id.count().over(window) > rule.max)
