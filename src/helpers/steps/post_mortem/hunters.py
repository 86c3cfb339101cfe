"""Bonus hunters in one campaign: who is flagged, what went to them, the result without them, the list for risk control."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.findings import Figure, Finding, SpokenError, Text, Writer
from helpers.findings.lists import ListHead
from helpers.findings.lists import write_list as write_private
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.models import abuse, experiments
from helpers.steps.post_mortem import cases
from helpers.steps.post_mortem.cases import Case, metric_name, metric_unit
from helpers.steps.post_mortem.measures import COVARIATES, Measures


@dataclass(frozen=True)
class Hunters:
    """Flagged customers of one campaign.

    Attributes
    ----------
    rules : dict of slug to Rule
        Those that the bank has the tables for.
    missing : tuple of str
        Rules that could not be looked for.
    min_signals : int
    people : DataFrame, one row an assigned customer: `abuse.signals`
    table : DataFrame of `abuse.rule_table`
    without : DataFrame
        ``who`` (everybody, without_flagged), ``metric, arm, estimate, lower, upper, n, n_control``; empty without arms.
    case : Case
        The campaign that was looked at.
    """

    rules: dict[str, abuse.Rule]
    missing: tuple[str, ...]
    min_signals: int
    people: pd.DataFrame
    table: pd.DataFrame
    without: pd.DataFrame
    case: Case


def find_hunters(case: Case, measures: Measures, *, min_signals: int = 2) -> Hunters:
    """Look for the signals and count what went to the flagged.

    For the effect without them, customers leave both arms alike, by those signals alone that do not depend on the
    campaign: taking out of one arm only would itself make a difference.

    Parameters
    ----------
    min_signals : int
        So many signals together flag a customer, from 1 to the number of rules in the catalogue.
    """
    every = abuse.read_rules()
    if not 1 <= min_signals <= len(every):
        raise SpokenError(
            Text(
                f"min_signals must lie between 1 and {len(every)} (rules in abuse_rules.yml), not {min_signals}",
                f"min_signals 应在 1 到 {len(every)} 之间（abuse_rules.yml 中的规则数），现为 {min_signals}",
            )
        )
    usable = abuse.usable_rules(case.bank, every)
    found = abuse.signals(case.bank, case.campaign, rules=usable, assigned=case.assigned)
    costs = case.people[["customer_id", "arm", "n_rewards", "reward_cost", "is_joined"]]
    people = found.merge(costs, on="customer_id", how="left")
    people["is_flagged"] = people["n_signals"] >= min_signals
    treated = people[people["arm"] != case.control]
    return Hunters(
        rules=usable,
        missing=tuple(slug for slug in every if slug not in usable),
        min_signals=min_signals,
        people=people,
        table=abuse.rule_table(treated, usable, min_signals=min_signals, alpha=case.alpha),
        without=_without(case, measures, people, min_signals),
        case=case,
    )


def _without(case: Case, measures: Measures, people: pd.DataFrame, min_signals: int) -> pd.DataFrame:
    columns = ["who", "metric", "arm", "estimate", "lower", "upper", "n", "n_control"]
    metric = case.goal_metric
    if case.design != cases.RANDOMISED or measures.row(metric) is None:
        return pd.DataFrame(columns=columns)
    flagged = set(people.loc[people["n_signals_both_arms"] >= min_signals, "customer_id"])
    kept = case.people[~case.people["customer_id"].isin(flagged)]
    rows = []
    for arm in case.arms:
        row = measures.row(metric, arm)
        rows.append({"who": "everybody"} | {name: row[name] for name in columns[1:]})
    if kept["arm"].value_counts().reindex([case.control, *case.arms]).fillna(0).min() >= 2:
        found = experiments.effect(
            kept,
            metric=metric,
            control=case.control,
            covariate=COVARIATES[metric],
            alpha=case.alpha / len(case.arms),
        )
        rows += [{"who": "without_flagged"} | {name: row[name] for name in columns[1:]} for _, row in found.iterrows()]
    return pd.DataFrame(rows, columns=columns)


def without_shown(hunters: Hunters, *, min_group_size: int = MIN_GROUP_SIZE) -> pd.DataFrame | None:
    """Return the difference with and without the flagged for a page; None where it would count a few flagged.

    Who was left out is the size of an arm less its size without them.
    """
    everybody, rest = (hunters.without[hunters.without["who"] == who] for who in ("everybody", "without_flagged"))
    both = everybody.merge(rest, on=["metric", "arm"], suffixes=("", "_rest"))
    dropped = [both[size] - both[f"{size}_rest"] for size in ("n", "n_control")]
    return None if any(((count > 0) & (count < min_group_size)).any() for count in dropped) else hunters.without


def hunters_findings(case: Case, hunters: Hunters, *, min_group_size: int = MIN_GROUP_SIZE) -> list[Finding]:
    """Say how many of those who took a benefit are flagged, what went to them, and the result without them.

    What went to fewer than ``min_group_size`` customers is not said, nor how many they are.
    """
    found = []
    if not hunters.rules:
        text = Text(
            "Bonus hunters can't be looked for: the bank has none of the tables devices, referrals, rewards.",
            "无法筛查羊毛党：缺少设备、邀请与权益发放等数据。",
        )
        return [Finding("hunters", text, tone="warning")]
    row = hunters.table[hunters.table["rule"] == "flagged"].iloc[0]
    n_takers = int(row["n_takers"])
    if case.bank.rewards is None:
        n_flagged = int(hunters.people["is_flagged"].sum())
        text = Text(
            f"Customers flagged: {n_flagged:,} of {len(hunters.people):,}; who took a benefit is not known, since the "
            "bank has no rewards table.",
            f"{len(hunters.people):,} 位客户中有 {n_flagged:,} 位被标记；因缺少权益发放表，无法得知谁领取了权益。",
        )
        return [Finding("hunters", text, (Figure("flagged", n_flagged, n=len(hunters.people)),), tone="warning")]
    if n_takers == 0:
        return [Finding("hunters", Text("Nobody took a benefit, so nothing leaked.", "无人领取权益，不存在权益外流。"))]
    share = Figure("hunter_share", row["flagged_share"], row["lower"], row["upper"], "share", n_takers, case.period)
    total = float(case.treated["reward_cost"].sum())
    n_flagged = int(row["customers"])
    leaked = Figure("hunter_cost", float(row["cost"]), unit="money", n=n_flagged)
    few = 0 < n_flagged < min_group_size

    def sentence(w: Writer) -> str:
        part = w.n(leaked.value / total, "share") if total else w.n(None)
        many = (
            w(f"fewer than {min_group_size} customers", f"不足 {min_group_size} 人")
            if few
            else w.n(n_flagged, "customers")
        )
        went = w(
            f"; {w.n(leaked.value, 'money')} of benefits, {part} of all, went to them",
            f"，其所得权益 {w.n(leaked.value, 'money')}，占全部权益成本的 {part}",
        )
        taken = w(f"of the {n_takers:,} customers who took a benefit", f"领取权益的 {n_takers:,} 位客户中")
        who = w(
            f"{many} {taken} are flagged, with at least {hunters.min_signals} signals"
            if few
            else f"{w.est(share)} of those who took a benefit are flagged ({many} with at least {hunters.min_signals} "
            f"signals){went}",
            f"{taken}{many}被标记（至少命中 {hunters.min_signals} 项特征）"
            if few
            else f"领取权益的客户中 {w.est(share)}被标记（{many}，至少命中 {hunters.min_signals} 项特征）{went}",
        )
        text = who[0].upper() + who[1:]
        text += w(". Flagged means worth a look, not proven.", "。标记仅供核查，并非定论。")
        if hunters.missing:
            names = ", ".join(_rule_name(slug, w) for slug in hunters.missing)
            text += w(f" Not looked for, as tables are missing: {names}.", f"因缺少数据未能筛查：{names}。")
        return text

    # A share of so few would tell how many they are.
    figures = () if few else (share, leaked)
    found.append(Finding("hunters", Text.write(sentence, currency=case.bank.currency), figures, table="abuse_rules"))
    rest = hunters.without[hunters.without["who"] == "without_flagged"]
    if len(rest) and not few:
        found.append(_without_finding(case, rest))
    return found


def _without_finding(case: Case, rest: pd.DataFrame) -> Finding:
    unit = metric_unit(case.goal_metric, difference=True)
    figures = tuple(
        Figure(
            "effect_without_flagged" + ("" if len(rest) == 1 else f"_{row['arm']}"),
            row["estimate"],
            row["lower"],
            row["upper"],
            unit,
            int(row["n"]),
            case.period,
        )
        for _, row in rest.iterrows()
    )

    def sentence(w: Writer) -> str:
        name = metric_name(case.goal_metric).say(w.language)
        numbers = "; ".join(w.est(figure, signed=True) for figure in figures)
        return w(
            f"Without the customers flagged by signals that show in both arms alike, the difference in "
            f"{name} is {numbers}.",
            f"剔除两组均可见特征所标记的客户后，{name}之差为 {numbers}。",
        )

    return Finding(
        "effect_without_flagged", Text.write(sentence, currency=case.bank.currency), figures, table="without"
    )


def _rule_name(slug: str, w: Writer) -> str:
    return abuse.read_rules()[slug].name.say(w.language)


def write_list(hunters: Hunters, file: Path | None) -> int:
    """Write the list for risk control (customer, signals, benefit cost), readable by its owner only; return its length.

    Parameters
    ----------
    file : Path or None
        None in a dry run: nothing is written.
    """
    flagged = hunters.people[hunters.people["is_flagged"]].sort_values(
        ["n_signals", "reward_cost", "customer_id"], ascending=[False, False, True]
    )
    signs = list(hunters.rules)
    listed = flagged[["customer_id", "arm", *signs, "n_signals", "reward_cost"]].astype(dict.fromkeys(signs, int))
    campaign = hunters.case.campaign.campaign_id
    purpose = Text(
        f"Risk control: look at customers of campaign {campaign} with at least {hunters.min_signals} signals of bonus "
        "hunting; a signal is a reason to look, not a verdict",
        f"风险核查：活动 {campaign} 中命中至少 {hunters.min_signals} 条羊毛党特征的客户；命中仅为核查线索，不作定论",
    )
    write_private(listed, file, head=ListHead.of(hunters.case.bank, purpose))
    return len(flagged)
