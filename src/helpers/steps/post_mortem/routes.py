"""Goods and place: where customers and money leaked on the way, and what to change about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from helpers.bank import catalogue
from helpers.findings import Figure, Finding, Text, Writer
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.findings.small import tells_of_few
from helpers.metrics import people_goods_place as pgp
from helpers.metrics.shares import wilson
from helpers.steps.post_mortem.cases import WITHOUT, Case
from helpers.steps.post_mortem.levels import stage_name

SHARE_BOUNDS = {"lower": "share", "upper": "share"}
TAKING_PART = ("joined", "succeeded")
GOODS_COLUMNS = ["benefit", "is_offered", "n_taken", "customers", "used_share", "lower", "upper", "cost", "cost_each"]


class Leak(catalogue.Entry):
    """What a leak at a stage usually comes from, and what to change (`leaks.yml`)."""

    hypothesis: catalogue.Words
    change: catalogue.Words


@dataclass(frozen=True)
class Places:
    """Tables of goods and place: ``funnel`` (with ``n_came, cost_came``), ``channels``, ``goods``, ``pages``."""

    funnel: pd.DataFrame
    channels: pd.DataFrame
    goods: pd.DataFrame
    pages: pd.DataFrame


def read_leaks(*, folder: str | Path = "") -> dict[str, Leak]:
    """Read `leaks.yml`: stage to what it usually means."""
    return catalogue.read("leaks", Leak, folder=folder)


def places(case: Case, *, min_group_size: int = MIN_GROUP_SIZE) -> Places:
    """Follow the treated customers from the message to success, and the benefits from the shelf to their use."""
    people = case.treated
    offered = tuple(case.brief.benefits) if case.brief else ()
    treated = case.assigned.filter(lambda t: t.arm != case.control)
    funnel = pgp.funnel(people, stages=case.stages, alpha=case.alpha)
    return Places(
        funnel=lost_for_good(funnel, people, stages=case.stages, min_group_size=min_group_size),
        channels=pgp.by_channel(people, stages=case.stages, min_group_size=min_group_size),
        goods=pgp.goods(case.bank, case.campaign, offered=offered, alpha=case.alpha),
        pages=pgp.page_flow(case.bank, case.campaign, treated),
    )


def lost_for_good(
    funnel: pd.DataFrame, people: pd.DataFrame, *, stages: tuple[str, ...], min_group_size: int = MIN_GROUP_SIZE
) -> pd.DataFrame:
    """Count as lost only what was spent on those who stopped and did not come another way.

    A message that failed keeps nobody from taking part: the benefits of those who did are no leak, although they are not
    among those who passed every stage.

    Parameters
    ----------
    funnel : DataFrame
        Of `people_goods_place.funnel`, of the same ``people`` and ``stages``.
    people : DataFrame of treated customers
    stages : tuple of str
    min_group_size : int
        What was spent on fewer customers is left empty.

    Returns
    -------
    DataFrame
        The funnel with ``cost_lost`` of those who stopped for good, ``n_came`` of those who stopped before the stage and
        took part all the same (joined or succeeded; came to the last stage where the log knows neither), and
        ``cost_came`` spent on them.
    """
    reached = pgp.reached_stages(people, stages)
    table = funnel.assign(n_came=0, cost_came=0.0)
    for place in range(1, len(stages)):
        lost = reached[stages[place - 1]] & ~reached[stages[place]]
        ends = [stage for stage in stages[place:] if stage in TAKING_PART] or [stages[-1]]
        came = lost & people[[f"is_{stage}" for stage in ends]].astype(bool).any(axis=1)
        n_gone = int((lost & ~came).sum())
        few = 0 < n_gone < min_group_size
        cost_lost = float("nan") if few else float(people.loc[lost & ~came, "rewarded_cost"].sum())
        cost_came = float(people.loc[came, "rewarded_cost"].sum())
        table.loc[table.index[place], ["cost_lost", "n_came", "cost_came"]] = [cost_lost, int(came.sum()), cost_came]
    return table


def biggest_leak(funnel: pd.DataFrame) -> pd.Series | None:
    """Return the stage before which most customers stopped; None if nobody did."""
    steps = funnel[funnel["stage"] != "assigned"]
    if steps.empty or steps["n_lost"].max() == 0:
        return None
    return steps.sort_values("n_lost", ascending=False).iloc[0]


def funnel_shown(funnel: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE) -> pd.DataFrame:
    """Return the funnel as a page shows it: without what was spent on fewer customers than ``min_group_size``."""
    few = (funnel["n_lost"] > 0) & (funnel["n_lost"] < min_group_size)
    shown = funnel.drop(columns=["n_came", "cost_came"], errors="ignore").astype({"n_lost": float, "cost_lost": float})
    shown.loc[few, ["n_lost", "cost_lost"]] = float("nan")
    return shown


def leak_finding(case: Case, funnel: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE) -> Finding:
    """Say where most customers and most money were lost, and what to look at; of fewer customers no amount is said."""
    if case.stages == ("assigned",):
        text = Text(
            "The way from message to success can't be followed: the bank has no touches table, and the log no campaign "
            "events.",
            "无法追踪从触达到达成的过程：缺少触达表，行为日志中也没有活动事件。",
        )
        return Finding("leak", text, tone="warning")
    # without a list nobody was meant to be sent anything: those not written to are no leak
    start = ["assigned", "sent"] if case.design == WITHOUT else ["assigned"]
    steps = funnel[~funnel["stage"].isin(start)]
    leak = biggest_leak(steps)
    if leak is None:
        words = Text("Nobody was lost on the way.", "全程无客户流失。")
        return Finding("leak", words)
    n_before = int(leak["n"] + leak["n_lost"])
    share = Figure(
        "leak_step_share", float(leak["step_share"]), float(leak["lower"]), float(leak["upper"]), "share", n_before
    )
    came = steps["n_came"] if "n_came" in steps else pd.Series(0, index=steps.index)
    # A few who came all the same are not to be had as the difference of two numbers that are told.
    gone = (steps["n_lost"] - came).where(~came.between(1, min_group_size - 1), steps["n_lost"])
    n_came, cost_came = int(came.sum()), float(steps["cost_came"].sum()) if "cost_came" in steps else 0.0
    few = int(leak["n_lost"]) < min_group_size
    cost = Figure("leak_cost", float(leak["cost_lost"]), unit="money", n=int(gone[leak.name]))
    unsaid = few or pd.isna(leak["cost_lost"])
    # What was spent on a handful of customers is not said.
    many = steps[(steps["n_lost"] >= min_group_size) & steps["cost_lost"].notna()]
    dear = leak if many.empty else many.sort_values("cost_lost", ascending=False).iloc[0]
    known = read_leaks().get(str(leak["stage"]))

    def sentence(w: Writer) -> str:
        stage = stage_name(str(leak["stage"])).say(w.language)
        lost = w(f"fewer than {min_group_size}", f"不足 {min_group_size}") if few else f"{int(leak['n_lost']):,}"
        spent = w(
            f"; {w.n(cost.value, 'money')} had been spent on those who stopped for good",
            f"；已为止步且未再参与者花费 {w.n(cost.value, 'money')}",
        )
        text = w(
            f"The biggest leak in people lies before “{stage}”: {lost} stopped there, only {w.est(share)} went on"
            f"{'' if unsaid else spent}.",
            f"人数上最大的流失发生在“{stage}”之前：{lost} 人止步，仅 {w.est(share)}继续{'' if unsaid else spent}。",
        )
        if dear["stage"] != leak["stage"] and dear["cost_lost"] > 0:
            other = stage_name(str(dear["stage"])).say(w.language)
            n_there = w.n(int(gone[dear.name]), "customers")
            if 0 < came[dear.name] < min_group_size:
                n_there = w(f"those of {n_there}", f"{n_there}之中")
            text += w(
                f" The biggest leak in money lies before “{other}”: {w.n(dear['cost_lost'], 'money')} on "
                f"{n_there} who stopped for good.",
                f"花费上最大的流失在“{other}”之前：{n_there}止步且未再参与，已花费 {w.n(dear['cost_lost'], 'money')}。",
            )
        if n_came >= min_group_size and not tells_of_few(int(gone.sum()), "money", least=min_group_size):
            text += w(
                f" {w.n(cost_came, 'money')} went to {w.n(n_came, 'customers')} who missed a stage and took part all the "
                "same: not counted as lost.",
                f"另有 {n_came:,} 位客户错过某一环节但仍参与，所花 {w.n(cost_came, 'money')} 不计为流失。",
            )
        if known is not None:
            text += w(
                f" Look at: {known.hypothesis.en} To try: {known.change.en}",
                f"可查：{known.hypothesis.zh}可试：{known.change.zh}",
            )
        return text

    return Finding(
        "leak", Text.write(sentence, currency=case.bank.currency), (share,) if unsaid else (share, cost), table="funnel"
    )


def goods_finding(case: Case, goods: pd.DataFrame) -> Finding:
    """Say what was taken, what was used, and what nobody wanted."""
    if case.bank.rewards is None:
        text = Text(
            "Benefits can't be reviewed: the bank has no rewards table.", "权益无法复盘：缺少权益发放表 rewards。"
        )
        return Finding("goods", text, tone="warning")
    taken = int(goods["n_taken"].sum())
    if taken == 0:
        return Finding("goods", Text("No benefit was taken.", "没有客户领取权益。"), table="goods")
    used = int(goods["n_redeemed"].sum())
    low, high = wilson(used, taken, alpha=case.alpha)
    share = Figure("redeemed_share", used / taken, float(low), float(high), "share", taken, case.period)
    spent = Figure("reward_cost", float(goods["cost"].sum()), unit="money", n=taken)
    idle = [str(kind) for kind in goods.loc[goods["is_offered"] & (goods["n_taken"] == 0), "benefit"]]
    unplanned = goods.loc[~goods["is_offered"] & (goods["n_taken"] > 0), "benefit"] if case.brief else []
    unplanned = [str(kind) for kind in unplanned]

    def sentence(w: Writer) -> str:
        text = w(
            f"{taken:,} benefits were taken for {w.n(spent.value, 'money')}; {w.est(share)} were redeemed "
            "by the day looked at. A high use rate shows that people liked the benefit, not that the campaign worked.",
            f"共发放 {taken:,} 份权益，成本 {w.n(spent.value, 'money')}；截至观察日核销 {w.est(share)}。"
            "核销率高只说明权益受欢迎，不代表活动有效。",
        )
        if idle:
            names = ", ".join(idle) if w.language == "en" else "、".join(idle)
            text += w(f" Promised but taken by nobody: {names}.", f"简报承诺但无人领取：{names}。")
        if unplanned:
            names = ", ".join(unplanned) if w.language == "en" else "、".join(unplanned)
            text += w(f" Paid although not in the brief: {names}.", f"简报之外实际发放：{names}。")
        return text

    return Finding("goods", Text.write(sentence, currency=case.bank.currency), (share, spent), table="goods")
