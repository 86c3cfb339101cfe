"""Captions of the tables on step 4's page: what each says, with its number, from groups that are large enough to show."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from helpers.findings import Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics.acquisition import TOTAL
from helpers.metrics.segments import read_segments
from helpers.steps.channels.says import breaches_per_rule, contacts_sent, name


def caption(
    table_name: str, table: pd.DataFrame | None, *, currency: str = "", min_group_size: int = MIN_GROUP_SIZE
) -> Text | None:
    """Say in one line what a table of this step shows.

    Parameters
    ----------
    table_name : str
        One of ``inventory, portrait, funnel, activated_cost, return_on_cost, response_curves, splits,
        split_comparison, contact_results, breaches, campaign_list_counts``.
    table : DataFrame or None
        The table that is shown; None (there is none) has no caption.
    currency : str
    min_group_size : int
        Groups of fewer customers are not named.

    Raises
    ------
    KeyError
        If the step has no such table.
    """
    plain, write = _CAPTIONS[table_name]
    if table is None or table.empty:
        return plain
    found = write(table, currency, min_group_size)
    return plain if found is None else found


def _channels(table: pd.DataFrame, size: str, column: str, least: int) -> pd.DataFrame:
    """Channels (not their total) that are large enough and have a number."""
    known = table[(table["channel"] != TOTAL) & table[column].notna()]
    return known[known[size] >= least]


def _inventory(table: pd.DataFrame, _: str, __: int) -> Text:
    n = int(((table["n_people"] > 0) | (table["n_contacts"] > 0)).sum())
    return Text(f"Channels: {n} of {len(table)} were used", f"渠道清单：{len(table)} 个渠道中 {n} 个有使用记录")


def _portrait(table: pd.DataFrame, _: str, __: int) -> Text | None:
    known = table[table["is_distinct"].astype(bool)]
    if known.empty:
        return Text(
            "Who comes by which channel: no segment stands out beyond chance", "各渠道客群构成：无显著偏高或偏低的客群"
        )
    row = known.loc[(known["tgi"] - 100).abs().idxmax()]
    segment = read_segments()[row["segment"]].name
    return Text.write(
        lambda w: w(
            f"Who comes by which channel: {len(known)} of {len(table)} shares differ beyond chance, most "
            f"“{segment.en}” by {name(row['channel']).en} (TGI {w.n(row['tgi'], 'index')}, n = {int(row['n']):,})",
            f"各渠道客群构成：{len(table)} 项中 {len(known)} 项差异显著，最突出的是{name(row['channel']).zh}的{segment.zh}"
            f"（TGI {w.n(row['tgi'], 'index')}，n = {int(row['n']):,}）",
        )
    )


def _funnel(table: pd.DataFrame, _: str, least: int) -> Text | None:
    known = _channels(table, "n_eligible", "overall_share", least)
    if known.empty:
        return None
    row = known.loc[known["overall_share"].idxmax()]
    channel = name(row["channel"])
    return Text.write(
        lambda w: w(
            f"From contact to activation: {channel.en} brings the largest share through, "
            f"{w.n(row['overall_share'], 'share')} (n = {int(row['n_eligible']):,})",
            f"从接触到激活：{channel.zh}整体转化率最高，{w.n(row['overall_share'], 'share')}（n = {int(row['n_eligible']):,}）",
        )
    )


def _cost(table: pd.DataFrame, currency: str, least: int) -> Text | None:
    known = _channels(table, "n_eligible", "aac", least)
    known = known[known["n_activated"] >= least]
    if known.empty:
        return None
    row = known.loc[known["aac"].idxmin()]
    channel, bounds = name(row["channel"]), (row["lower"], row["upper"])
    return Text.write(
        lambda w: w(
            f"An activated customer costs least by {channel.en}: {w.n(row['aac'], 'money_each')} "
            f"({w.ci(*bounds, 'money_each')}, n = {int(row['n_activated']):,})",
            f"单个激活客户成本最低的是{channel.zh}：{w.n(row['aac'], 'money_each')}"
            f"（{w.ci(*bounds, 'money_each')}，n = {int(row['n_activated']):,}）",
        ),
        currency=currency,
    )


def _return(table: pd.DataFrame, _: str, least: int) -> Text | None:
    known = _channels(table, "n_eligible", "lroi", least)
    if known.empty:
        return None
    n = int((known["lower"] > known["break_even"]).sum())
    return Text(
        f"Return on cost: {n} of {len(known)} channels earn more than they cost beyond chance",
        f"获客回报：{len(known)} 个渠道中 {n} 个显著回本",
    )


def _curves(table: pd.DataFrame, _: str, __: int) -> Text:
    n = int(table["known"].astype(bool).sum())
    return Text(
        f"Response to spend: the months tell a curve for {n} of {len(table)} channels",
        f"投入响应：{len(table)} 个渠道中 {n} 个可由历史月份拟合出曲线",
    )


def _splits(table: pd.DataFrame, currency: str, _: int) -> Text | None:
    moved = (table["best"] - table["last"]).dropna()
    if moved.empty:
        return None
    row = table.loc[moved.abs().idxmax()]
    channel = name(row["channel"])
    return Text.write(
        lambda w: w(
            f"The best split moves most at {channel.en}: from {w.n(row['last'], 'money')} to {w.n(row['best'], 'money')}",
            f"最优分配变动最大的是{channel.zh}：由 {w.n(row['last'], 'money')} 调至 {w.n(row['best'], 'money')}",
        ),
        currency=currency,
    )


def _comparison(table: pd.DataFrame, _: str, __: int) -> Text | None:
    by_split = table.set_index("split")["expected"].dropna()
    if not {"best", "last"} <= set(by_split.index):
        return None
    return Text.write(
        lambda w: w(
            f"Expected activated customers: {w.n(by_split['best'])} with the best split, {w.n(by_split['last'])} with last "
            "month's",
            f"预计激活：最优分配 {w.n(by_split['best'])} 人，沿用上月 {w.n(by_split['last'])} 人",
        )
    )


def _contacts(table: pd.DataFrame, _: str, least: int) -> Text | None:
    known = _channels(table, "n_contacts", "response_share", least)
    if known.empty:
        return None
    row = known.loc[known["response_share"].idxmax()]
    channel, bounds = name(row["channel"]), (row["response_lower"], row["response_upper"])
    return Text.write(
        lambda w: w(
            f"Contacts: {channel.en} is answered most, {w.n(row['response_share'], 'share')} "
            f"({w.ci(*bounds, 'share')}, n = {int(row['n_contacts']):,})",
            f"触达结果：{channel.zh}响应率最高，{w.n(row['response_share'], 'share')}"
            f"（{w.ci(*bounds, 'share')}，n = {int(row['n_contacts']):,}）",
        )
    )


def _breaches(table: pd.DataFrame, _: str, __: int) -> Text:
    per_rule = breaches_per_rule(table)
    n, n_rules, n_sent = int(per_rule.sum()), int((per_rule > 0).sum()), contacts_sent(table)
    found = Text("no breaches", "未发现违规")
    if n:
        rules = f"{n_rules} rule{'' if n_rules == 1 else 's'}"
        found = Text(f"{n:,} breach{'' if n == 1 else 'es'} of {rules}", f"{n_rules} 条规则共被违反 {n:,} 次")
    return Text(
        f"Contact policy: {found.en} in {n_sent:,} contacts that were sent; those that failed or were held back are in "
        "the table above, but break no rule",
        f"触达规则：实际发出的 {n_sent:,} 次触达中，{found.zh}；发送失败或被拦截的触达计入上表，但不计违规",
    )


def _listed(table: pd.DataFrame, _: str, least: int) -> Text | None:
    counts = table.set_index("reason")["n_customers"]
    n, n_all = int(counts["on_the_list"]), int(counts["in_segment"])
    if n < least:
        return None
    return Text.write(
        lambda w: w(
            f"On the list: {n:,} of {w.n(n_all, 'customers')} in the segment",
            f"入选名单：客群 {w.n(n_all, 'customers')}中 {n:,} 人",
        )
    )


_CAPTIONS: dict[str, tuple[Text, Callable[[pd.DataFrame, str, int], Text | None]]] = {
    "inventory": (Text("Channels and their use", "渠道清单与使用情况"), _inventory),
    "portrait": (Text("Who comes by which channel", "各渠道客群构成"), _portrait),
    "funnel": (Text("From contact to activation", "从接触到激活"), _funnel),
    "activated_cost": (Text("Cost of an activated customer", "激活客户成本"), _cost),
    "return_on_cost": (Text("Return on cost by channel", "各渠道获客回报"), _return),
    "response_curves": (Text("Response to spend by channel", "各渠道投入响应"), _curves),
    "splits": (Text("Ways to split the budget", "预算分配方案"), _splits),
    "split_comparison": (Text("What each split is expected to bring", "各分配方案预计激活"), _comparison),
    "contact_results": (Text("What became of contacts", "触达结果"), _contacts),
    "breaches": (Text("Contact policy and its breaches", "触达规则与违反情况"), _breaches),
    "campaign_list_counts": (Text("Who is on the list and who is not", "名单入选与排除"), _listed),
}
