"""Bonus hunters by rules that a person can read: signals, who is flagged, what went to them.

The thresholds stand in `data/catalogue/abuse_rules.yml`. A flag is a reason to look at a customer, not a verdict; how
often a flag is right is not known from the bank's own tables, and nothing here says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pydantic import model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text, Writer
from helpers.findings.spoken import at, unknown
from helpers.metrics.journeys import JOIN, VIEW
from helpers.metrics.outcomes import assigned_customers
from helpers.metrics.shares import wilson

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank
    from helpers.metrics.campaigns import Campaign

SIGN_IN = "login"
_THRESHOLDS = {
    "shared_device": ("min_accounts",),
    "referral_burst": ("min_referees", "within_hours"),
    "campaign_only": ("max_other_share", "min_events"),
    "instant_redemption": ("within_seconds", "min_share"),
}
# What a threshold means, with its value and unit.
_THRESHOLD_WORDS = {
    "min_accounts": ("count", Text("at least {} accounts on a device", "同一设备不少于 {} 个账户")),
    "min_referees": ("count", Text("at least {} people invited", "邀请不少于 {} 人")),
    "within_hours": ("count", Text("within {} hours", "{} 小时内")),
    "max_other_share": ("share", Text("at most {} other events", "其他行为不超过 {}")),
    "min_events": ("count", Text("at least {} events", "行为不少于 {} 次")),
    "within_seconds": ("count", Text("used within {} seconds", "{} 秒内核销")),
    "min_share": ("share", Text("at least {} of the benefits", "不少于 {} 的权益")),
}


class Rule(catalogue.Entry):
    """One signal of `abuse_rules.yml`.

    Attributes
    ----------
    name, description : Words
    needs : tuple of str
        Tables without which the signal is not looked for.
    both_arms : bool
        True where the signal does not depend on the campaign, so that treated and held out show it alike.
    thresholds : dict of str to float
    """

    name: catalogue.Words
    description: catalogue.Words
    needs: tuple[str, ...] = ()
    both_arms: bool = False
    thresholds: dict[str, float]

    @model_validator(mode="after")
    def _positive(self) -> Rule:
        for name, value in self.thresholds.items():
            if value < 0:
                raise ValueError(f"thresholds.{name} is {value}; 0 or more is allowed")
        return self


def read_rules(*, folder: str | Path = "") -> dict[str, Rule]:
    """Read the rules; ValueError if one is unknown, or its thresholds are not the ones that it uses."""
    rules = catalogue.read("abuse_rules", Rule, folder=folder)
    for slug, rule in rules.items():
        if slug not in _THRESHOLDS:
            raise SpokenError(at("abuse_rules.yml", unknown(Text("rule", "规则"), slug, _THRESHOLDS)))
        if set(rule.thresholds) != set(_THRESHOLDS[slug]):
            there, needed = sorted(rule.thresholds), _THRESHOLDS[slug]
            words = Text(
                f"{slug}.thresholds are {', '.join(there) or 'none'}; the rule needs {', '.join(needed)}",
                f"{slug}.thresholds 为 {'、'.join(there) or '空'}；该规则需要 {'、'.join(needed)}",
            )
            raise SpokenError(at("abuse_rules.yml", words))
    return rules


def usable_rules(bank: Bank, rules: dict[str, Rule]) -> dict[str, Rule]:
    """Return the rules for which the bank has the tables."""
    return {slug: rule for slug, rule in rules.items() if all(bank.tables.get(name) is not None for name in rule.needs)}


def signals(
    bank: Bank, of: Campaign, *, rules: dict[str, Rule] | None = None, assigned: ir.Table | None = None
) -> pd.DataFrame:
    """Look for the signals in everybody whom a campaign assigned.

    Parameters
    ----------
    bank : Bank
        All that was seen by its day is looked at, before and after the campaign. Devices and invitations are those
        of the whole bank where one branch is looked at: rings don't stop at a branch.
    of : Campaign
    rules : dict of slug to Rule, optional
        By default those of the catalogue; rules without their tables are left out.
    assigned : lazy Ibis table, optional
        Whom to look at, by default everybody assigned.

    Returns
    -------
    DataFrame, one row an assigned customer
        ``customer_id``, one true/false column a usable rule, ``n_signals``, ``n_signals_both_arms`` (of the rules that
        don't depend on the campaign).
    """
    usable = usable_rules(bank, read_rules() if rules is None else rules)
    assigned = (assigned_customers(bank, of.campaign_id) if assigned is None else assigned).select("customer_id")
    table = assigned
    for slug, rule in usable.items():
        marked = _SEEN_BY[slug](bank, of, assigned, rule.thresholds).distinct().mutate(**{slug: True})
        table = table.left_join(marked, "customer_id").drop("customer_id_right")
    # in a fixed order, so that sums over customers come out the same to the last bit
    found = table.execute().sort_values("customer_id", ignore_index=True)
    for slug in usable:
        found[slug] = found[slug].eq(True).astype(bool)
    found["n_signals"] = found[list(usable)].sum(axis=1).astype(int) if usable else 0
    both = [slug for slug, rule in usable.items() if rule.both_arms]
    found["n_signals_both_arms"] = found[both].sum(axis=1).astype(int) if both else 0
    return found


def rule_table(people: pd.DataFrame, rules: dict[str, Rule], *, min_signals: int, alpha: float = 0.05) -> pd.DataFrame:
    """Count each signal among those who took a benefit, and those flagged.

    Parameters
    ----------
    people : DataFrame, one row a treated customer
        Columns of the rules, ``n_signals``, ``n_rewards``, ``reward_cost``.
    rules : dict of slug to Rule
        The usable ones.
    min_signals : int
        So many signals together flag a customer; at least 1 and at most the number of usable rules.

    Returns
    -------
    DataFrame, one row a rule and a last row ``flagged``
        ``rule, threshold_words`` (Text: the catalogue's thresholds), ``customers`` with the signal and a benefit,
        ``flagged_share`` of all who took a benefit with ``lower, upper`` (Wilson), ``n_takers`` (all who took one),
        ``cost`` of the benefits that went to them.
    """
    takers = people[people["n_rewards"] > 0]
    rows = []
    marks = {slug: takers[slug] for slug in rules} | {"flagged": takers["n_signals"] >= min_signals}
    for slug, mark in marks.items():
        n = int(mark.sum())
        lower, upper = (float(bound) for bound in wilson(n, len(takers), alpha=alpha))
        rows.append(
            {
                "rule": slug,
                "threshold_words": _told(rules[slug])
                if slug in rules
                else Text(f"at least {min_signals} signals", f"命中不少于 {min_signals} 条"),
                "customers": n,
                "flagged_share": n / len(takers) if len(takers) else float("nan"),
                "lower": lower,
                "upper": upper,
                "n_takers": len(takers),
                "cost": float(takers.loc[mark, "reward_cost"].sum()),
            }
        )
    return pd.DataFrame(rows)


def _told(rule: Rule) -> Text:
    """Write the thresholds of a rule in words."""

    def write(w: Writer) -> str:
        said = []
        for name, value in rule.thresholds.items():
            unit, words = _THRESHOLD_WORDS[name]
            said.append(words.say(w.language).format(w.n(value, unit)))
        return w(", ", "，").join(said)

    return Text.write(write)


def _shared_device(bank: Bank, _of: Campaign, assigned: ir.Table, thresholds: dict[str, float]) -> ir.Table:
    """Customers who share a device with at least so many accounts, themselves counted."""
    devices = _of_whole_bank(bank, "devices").select("customer_id", "device_id").distinct()
    crowded = devices.group_by("device_id").aggregate(accounts=lambda t: t.customer_id.nunique())
    crowded = crowded.filter(lambda t: t.accounts >= thresholds["min_accounts"])
    return devices.semi_join(crowded, "device_id").semi_join(assigned, "customer_id").select("customer_id")


def _referral_burst(bank: Bank, _of: Campaign, assigned: ir.Table, thresholds: dict[str, float]) -> ir.Table:
    """Referrers whose invitees registered in a burst, and these invitees."""
    import ibis

    table = _of_whole_bank(bank, "referrals")
    done = table.filter(lambda t: t.registered_at >= t.invited_at).select("referrer_id", "referee_id", "registered_at")
    back = int(thresholds["min_referees"]) - 1
    order = [done.registered_at, done.referee_id]
    earlier = (
        done.registered_at.lag(back).over(group_by=done.referrer_id, order_by=order) if back else done.registered_at
    )
    timed = done.mutate(earlier=earlier)
    within = ibis.interval(hours=int(thresholds["within_hours"]))
    heads = timed.filter(lambda t: t.registered_at <= t.earlier + within).select("referrer_id").distinct()
    invited = done.semi_join(heads, "referrer_id").select(customer_id="referee_id")
    return heads.select(customer_id="referrer_id").union(invited).semi_join(assigned, "customer_id")


def _campaign_only(bank: Bank, of: Campaign, assigned: ir.Table, thresholds: dict[str, float]) -> ir.Table:
    """Customers who, on other days than the campaign's, do next to nothing but sign in and take part in campaigns."""
    names = bank.campaigns.select("success_event").distinct().execute()["success_event"].dropna()
    campaign_actions = [SIGN_IN, VIEW, JOIN, *names]
    log = bank.activity.semi_join(assigned, "customer_id")
    day = log.occurred_at.date()
    log = log.filter((day < of.starts_date) | (day > of.ends_date))
    other = ~log.event.isin(campaign_actions)
    counts = log.group_by("customer_id").aggregate(n=log.count(), n_other=other.cast("int64").sum())
    enough = counts.filter(lambda t: t.n >= thresholds["min_events"])
    return enough.filter(lambda t: t.n_other <= thresholds["max_other_share"] * t.n).select("customer_id")


def _instant_redemption(bank: Bank, _of: Campaign, assigned: ir.Table, thresholds: dict[str, float]) -> ir.Table:
    """Customers who redeemed nearly all their benefits, of whichever campaign, within seconds."""
    import ibis

    seconds = ibis.interval(seconds=int(thresholds["within_seconds"]))
    mine = bank.rewards.semi_join(assigned, "customer_id")
    quick = (mine.redeemed_at <= mine.rewarded_at + seconds).fill_null(False)
    counts = mine.group_by("customer_id").aggregate(n=mine.count(), n_quick=quick.cast("int64").sum())
    return counts.filter(lambda t: t.n_quick >= thresholds["min_share"] * t.n).select("customer_id")


def _of_whole_bank(bank: Bank, name: str) -> ir.Table:
    """Return a table of the whole bank as it was seen on the same day, also when one branch is looked at."""
    return bank.at(as_of=bank.as_of).tables[name] if bank.branch else bank.tables[name]


_SEEN_BY = {
    "shared_device": _shared_device,
    "referral_burst": _referral_burst,
    "campaign_only": _campaign_only,
    "instant_redemption": _instant_redemption,
}
