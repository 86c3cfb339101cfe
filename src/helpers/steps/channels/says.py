"""What step 4 says: findings on channels, money, policy and the list."""

from __future__ import annotations

import pandas as pd

from helpers.findings import Figure, Finding, Text, Writer, small
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.acquisition import TOTAL
from helpers.metrics.channels import read_channels
from helpers.metrics.contacts import Rule
from helpers.metrics.economics import read_assumptions
from helpers.steps.channels.budget import BudgetPlan


def name(channel: str) -> Text:
    """Return a channel's name in both languages, the slug where it is not registered."""
    known = read_channels()
    return known[channel].name.text if channel in known else Text(channel, channel)


def inventory_finding(table: pd.DataFrame) -> Finding:
    """How many registered channels are in use, and which used ones are not registered."""
    used = table[(table["n_people"] > 0) | (table["n_contacts"] > 0)]
    stray = list(used.loc[~used["in_catalogue"], "channel"])
    n_known = int(table["in_catalogue"].sum())
    n_used = int(used["in_catalogue"].sum())
    text = Text.write(
        lambda w: (
            w(
                f"{n_used} of {n_known} registered channels were used.",
                f"已登记的 {n_known} 个渠道中，{n_used} 个有使用记录。",
            )
            + (
                w(f" Not registered but used: {', '.join(stray)}.", f"有使用但未登记：{'、'.join(stray)}。")
                if stray
                else ""
            )
        )
    )
    return Finding("inventory", text, (Figure("channels_used", n_used),), "inventory", "warning" if stray else "plain")


def funnel_finding(table: pd.DataFrame | None, *, activation_days: int, since: str) -> Finding | None:
    """Conversion of all channels together, and the biggest leak in people."""
    if table is None:
        return None
    whole = table[table["channel"] == TOTAL].iloc[0]
    n, n_young = int(whole["n_eligible"]), int(whole["n_immature"])
    if n == 0:
        return Finding(
            "funnel",
            Text(
                f"Nobody whom a channel met since {since} has had {activation_days} days yet; {n_young:,} are too young.",
                f"自 {since} 以来接触的人中，尚无人满 {activation_days} 天观察期；未满期 {n_young:,} 人。",
            ),
            tone="warning",
        )
    registered = Figure(
        "registered_share",
        whole["registered_share"],
        whole["registered_lower"],
        whole["registered_upper"],
        "share",
        n,
        since,
    )
    activated = Figure(
        "activated_share",
        whole["activated_share"],
        whole["activated_lower"],
        whole["activated_upper"],
        "share",
        int(whole["n_registered"]),
        since,
    )
    channels = table[table["channel"] != TOTAL]
    lost = channels["n_registered"] - channels["n_activated"]
    leak = channels.loc[lost.idxmax()]
    n_lost = int(lost.max())
    leaky = name(str(leak["channel"]))
    text = Text.write(
        lambda w: w(
            f"Of {n:,} people met since {since}, {w.est(registered)} registered within {activation_days} days, and of "
            f"these {w.est(activated)} activated; {n_young:,} more are too young to count. Most registrations that never "
            f"activate come from {leaky.en}: {n_lost:,}.",
            f"自 {since} 以来接触的 {n:,} 人中，{activation_days} 天内注册 {w.est(registered)}，其中激活 {w.est(activated)}；"
            f"另有 {n_young:,} 人观察期未满，不计入。注册后未激活最多的是{leaky.zh}：{n_lost:,} 人。",
        )
    )
    return Finding("funnel", text, (registered, activated), "funnel")


def cost_finding(table: pd.DataFrame | None, *, currency: str, since: str) -> Finding | None:
    """AAC over all channels, with the cheapest and the dearest."""
    if table is None:
        return None
    whole = table[table["channel"] == TOTAL].iloc[0]
    figure = Figure("aac", whole["aac"], whole["lower"], whole["upper"], "money_each", int(whole["n_activated"]), since)
    ranked = table[(table["channel"] != TOTAL) & table["aac"].notna()].sort_values("aac")
    if ranked.empty:
        text = Text("Nobody activated yet, so there is no AAC.", "尚无激活客户，无法计算 AAC。")
        return Finding("aac", text, (figure,), "activated_cost", "warning")
    low, high = ranked.iloc[0], ranked.iloc[-1]
    cheap, dear = name(str(low["channel"])), name(str(high["channel"]))
    distinct = bool(low["upper"] < high["lower"])
    text = Text.write(
        lambda w: (
            w(
                f"An activated new customer costs {w.est(figure)} over all channels: from {w.n(low['aac'], 'money_each')} "
                f"({cheap.en}) to {w.n(high['aac'], 'money_each')} ({dear.en})",
                f"全部渠道每位激活新客成本（AAC）{w.est(figure)}：低至{cheap.zh} {w.n(low['aac'], 'money_each')}，"
                f"高至{dear.zh} {w.n(high['aac'], 'money_each')}",
            )
            + (
                w("; their intervals do not meet.", "，两者区间不重叠。")
                if distinct
                else w("; their intervals overlap.", "，但两者区间重叠。")
            )
        ),
        currency=currency,
    )
    return Finding("aac", text, (figure,), "activated_cost")


def return_finding(table: pd.DataFrame | None, *, convention: str, value_days: int, currency: str) -> Finding | None:
    """LROI over all channels, who earns back and who doesn't, on which assumptions."""
    if table is None:
        return None
    whole = table[table["channel"] == TOTAL].iloc[0]
    figure = Figure("lroi", whole["lroi"], whole["lower"], whole["upper"], "score", int(whole["n_eligible"]))
    even = float(whole["break_even"])
    only = table[(table["channel"] != TOTAL) & table["lroi"].notna()]
    good = [name(c) for c in only.loc[only["lower"] > even, "channel"]]
    bad = [name(c) for c in only.loc[only["upper"] < even, "channel"]]
    assumptions = read_assumptions()
    parts = {key: assumptions[key] for key in assumptions}
    if pd.isna(whole["lroi"]):
        text = Text(
            f"Nobody has had {value_days} days of value yet: no LROI.",
            f"尚无人满 {value_days} 天收益期，无法计算 LROI。",
        )
        return Finding("lroi", text, (figure,), "return_on_cost", "warning")
    text = Text.write(
        lambda w: w(
            f"LROI ({'value over cost' if convention == 'ratio' else 'net of cost'}, first {value_days} days) is "
            f"{w.est(figure)}, break-even {even:g}. Beyond doubt above: {', '.join(t.en for t in good) or 'none'}; below: "
            f"{', '.join(t.en for t in bad) or 'none'}. It stands on "
            + ", ".join(f"{entry.name.en.lower()} {w.n(entry.value, entry.unit)}" for entry in parts.values())
            + " of economics.yml.",
            f"LROI（{'收益/成本' if convention == 'ratio' else '净收益/成本'}，前 {value_days} 天）为 {w.est(figure)}，盈亏平衡点 "
            f"{even:g}。确定高于：{'、'.join(t.zh for t in good) or '无'}；确定低于：{'、'.join(t.zh for t in bad) or '无'}。依据 "
            "economics.yml："
            + "，".join(f"{entry.name.zh} {w.n(entry.value, entry.unit)}" for entry in parts.values())
            + "。",
        ),
        currency=currency,
    )
    clear = whole["lower"] > even
    return Finding("lroi", text, (figure,), "return_on_cost", "good" if clear else "plain")


def split_finding(plan: BudgetPlan, *, currency: str) -> Finding | None:
    """What the proposed split is expected to bring over last month's and an equal one."""
    if plan.history is None:
        return None
    if plan.splits is None or plan.comparison is None:
        return Finding(
            "split",
            Text(
                "There is not enough history to tell how any channel answers to spend: no split is proposed.",
                "历史不足，无法判断任何渠道对投入的响应，暂不给出分配建议。",
            ),
            tone="warning",
        )
    splits, comparison, budget = plan.splits, plan.comparison, plan.budget
    rows = comparison.set_index("split")
    best, last, equal = rows.loc["best"], rows.loc["last"], rows.loc["equal"]
    # The curves stand on the activated customers of the months, not on the number of channels.
    n = int(plan.history["n_activated"].sum())
    n_channels = len(splits)
    expected = Figure("expected_activated", best["expected"], best["lower"], best["upper"], "customers", n)
    gain = Figure("gain_over_last", last["gain"], last["gain_lower"], last["gain_upper"], "customers", n)
    over_equal = Figure("gain_over_equal", equal["gain"], equal["gain_lower"], equal["gain_upper"], "customers", n)
    spent = float(splits["best"].sum())
    left = budget - spent
    clear = last["gain_lower"] > 0
    verdict = (
        Text("The gain is clear of zero.", "增益区间不含 0。")
        if clear
        else Text(
            "The interval holds zero: a difference that we can't yet see; try it in one month's test before moving all.",
            "区间含 0：目前看不出差别，建议先用一个月小范围试验，再整体调整。",
        )
    )
    rest = Text.write(
        lambda w: (
            (
                ""
                if left <= 0.005 * max(budget, 1)
                else w(
                    f" {w.n(left, 'money')} of the budget finds no channel whose history reaches that far.",
                    f"预算中 {w.n(left, 'money')} 超出各渠道历史经验范围，未分配。",
                )
            )
            or " "
        ),
        currency=currency,
    )
    text = Text.write(
        lambda w: w(
            f"With {w.n(spent, 'money')} a month over {n_channels} channels the proposal is expected to activate {w.est(expected)}: "
            f"{w.est(gain, signed=True)} against last month's split, {w.est(over_equal, signed=True)} against an equal one. "
            f"{verdict.en}{rest.en}",
            f"每月 {w.n(spent, 'money')} 分配到 {n_channels} 个渠道，建议方案预计激活 {w.est(expected)}：较上月分配 "
            f"{w.est(gain, signed=True)}，较平均分配 {w.est(over_equal, signed=True)}。{verdict.zh}{rest.zh}",
        ).strip(),
        currency=currency,
    )
    return Finding("split", text, (expected, gain, over_equal), "splits", "good" if clear else "plain")


def breaches_per_rule(table: pd.DataFrame) -> pd.Series:
    """Return the breaches of each rule that was checked, most first."""
    checked = table[table["checked"].astype(bool)]
    return checked.groupby("rule")["n_breaches"].sum().astype(int).sort_values(ascending=False, kind="stable")


def contacts_sent(table: pd.DataFrame) -> int:
    """Return how many contacts the policy was held against: each is sent once, whichever rules speak of it."""
    # Quiet hours and suppressions speak of all channels.
    return int(table.groupby("rule")["n_contacts"].sum().max()) if len(table) else 0


def policy_finding(table: pd.DataFrame | None, rules: dict[str, Rule]) -> Finding | None:
    """How many contacts broke the policy, by the rule that they broke first."""
    if table is None:
        return None
    per_rule = breaches_per_rule(table)
    per_rule = per_rule[per_rule > 0]
    n_breaches, n_contacts = int(per_rule.sum()), contacts_sent(table)
    open_rules = (
        [rules[slug].name for slug in dict.fromkeys(table.loc[~table["checked"], "rule"])] if len(table) else []
    )
    figure = Figure("policy_breaches", n_breaches, unit="count", n=n_contacts)
    text = Text.write(
        lambda w: (
            w(
                f"{n_breaches:,} of {n_contacts:,} contacts broke the contact policy",
                f"{n_contacts:,} 次触达中，{n_breaches:,} 次违反触达规则",
            )
            + (
                w(": ", "：")
                + w(", ", "，").join(
                    f"{rules[slug].name.say(w.language)} {int(count):,}" for slug, count in per_rule.items()
                )
                if len(per_rule)
                else ""
            )
            + w(".", "。")
            + (
                w(
                    f" Not checked (no rule set, or no table that tells): {', '.join(r.en for r in open_rules)}.",
                    f"未检查（未设规则或缺少数据表）：{'、'.join(r.zh for r in open_rules)}。",
                )
                if open_rules
                else ""
            )
        )
    )
    return Finding("contact_policy", text, (figure,), "breaches", "bad" if n_breaches else "good")


def list_finding(
    people: pd.DataFrame, counts: pd.DataFrame, *, segment_name: Text, n_arms: int, min_group_size: int = MIN_GROUP_SIZE
) -> Finding:
    """How long the campaign list is, how many are held out, and who is not on it and why.

    What its table masks is not told here either.
    """
    by = counts.set_index("reason")["n_customers"].astype(int)
    n = len(people)
    held = int(people["is_holdout"].sum()) if n else 0
    figures = (
        Figure("list_size", n, unit="customers", n=int(by["in_segment"])),
        Figure("held_out", held, unit="customers", n=n),
    )
    said = dict(zip(by.index, small.said_parts(list(by), least=min_group_size), strict=True))
    out = (
        small.said_parts([held], least=min_group_size)[0]
        if said["on_the_list"].en[0].isdigit()
        else said["on_the_list"]
    )

    def sentence(w: Writer) -> str:
        at = {reason: words.say(w.language) for reason, words in said.items()}
        return w(
            f"The list holds {at['on_the_list']} of {at['in_segment']} customers of the segment {segment_name.en} in {n_arms} "
            f"arms, {out.en} of them held out. Not on it: {at['account_closed']} closed, {at['no_consent']} without "
            f"consent to marketing, {at['not_active']} not active lately, {at['no_channel_left']} without a channel that "
            "they have not refused.",
            f"名单含{segment_name.zh} {at['in_segment']} 人中的 {at['on_the_list']} 人，分 {n_arms} 组，其中留白 {out.zh} 人。未列入："
            f"已销户 {at['account_closed']} 人，未授权营销 {at['no_consent']} 人，近期不活跃 {at['not_active']} 人，已无可用渠道 "
            f"{at['no_channel_left']} 人。",
        )

    text = Text.write(sentence)
    return Finding("campaign_list", text, figures, "", "plain" if n else "warning")
