"""What step 1 says about today: who comes, what moved MAU and AUM, where in the arithmetic it lies, in which states."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.findings import Figure, Finding, SpokenError, Text, Writer
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.findings.small import hidden_parts
from helpers.metrics.decomposition import ASSET_FACTORS, OVERDRAFTS, split_asset_change
from helpers.metrics.lifecycle import STATES
from helpers.steps.goals.flows import ONE_MONTH

_STATE_WORDS = {
    "potential": Text("potential", "潜力期"),
    "active": Text("active", "活跃期"),
    "mature": Text("mature", "成熟期"),
    "churning": Text("churning (silent)", "流失期（静默）"),
}
_NO_MONTH = Text(
    "The log holds no whole month yet: MAU can't be counted. Look again when a calendar month is complete.",
    "日志中尚无完整自然月，无法计算月活，请待首个完整月后再看。",
)


def usage_finding(usage: pd.DataFrame, distribution: pd.DataFrame) -> Finding:
    """Say how many come and how often, in both meanings of stickiness.

    Parameters
    ----------
    usage : DataFrame (:func:`helpers.metrics.activity.usage_by_month`)
    distribution : DataFrame (:func:`helpers.metrics.activity.active_days_distribution`)

    Returns
    -------
    Finding
        Figures ``mau``, ``mau_trailing``, ``dau``, ``stickiness``, ``wau_mau``, ``once_share`` (with interval).
    """
    if not len(usage):
        return Finding("usage", _NO_MONTH, tone="warning")
    last = usage.iloc[-1]
    month, n = str(last["month"]), int(last["mau"])
    once = distribution.iloc[0]
    share = Figure("once_share", _known(once["share"]), _known(once["lower"]), _known(once["upper"]), "share", n, month)
    figures = (
        Figure("mau", n, unit="customers", n=n, period=month),
        Figure("mau_trailing", _known(last["mau_trailing"]), unit="customers", n=n, period=month),
        Figure("dau", _known(last["dau"]), unit="customers", n=n, period=month),
        Figure("stickiness", _known(last["stickiness"]), unit="share", n=n, period=month),
        Figure("wau_mau", _known(last["wau_mau"]), unit="share", n=n, period=month),
        share,
    )

    # A handful of customers a day would be rounded to nobody.
    daily = "ratio" if last["dau"] < 10 else "count"

    def sentence(w: Writer) -> str:
        return w(
            f"In {month} {w.n(n, 'customers')} {'was' if n == 1 else 'were'} active (calendar MAU; trailing 30 days to the month's end "
            f"{w.n(last['mau_trailing'])}), {w.n(last['dau'], daily)} on a mean day. DAU ÷ MAU is "
            f"{w.n(last['stickiness'], 'share')}, WAU ÷ MAU {w.n(last['wau_mau'], 'share')}; what it looks like for a "
            f"customer: a median of {w.n(last['active_days_median'], 'days')} active, and {w.est(share)} came on "
            "one day only.",
            f"{month} 自然月月活 {w.n(n, 'customers')}（截至月末近 30 日口径 {w.n(last['mau_trailing'])}），日均活跃 "
            f"{w.n(last['dau'], daily)}。日活/月活为 {w.n(last['stickiness'], 'share')}，周活/月活为 "
            f"{w.n(last['wau_mau'], 'share')}；落到客户身上：活跃天数中位数 {w.n(last['active_days_median'], 'days')}，"
            f"仅来 1 天的占 {w.est(share)}。",
        )

    return Finding("usage", Text.write(sentence), figures, "usage")


def aum_finding(bridge: pd.DataFrame, *, currency: str) -> Finding:
    """Say what moved AUM in the last month: what customers did, and what only the market did.

    Parameters
    ----------
    bridge : DataFrame (:func:`helpers.metrics.assets.aum_bridge`)
    currency : str

    Returns
    -------
    Finding
        Figures ``aum``, ``aum_change``, ``net_new_money``, ``valuation``.
    """
    if not len(bridge):
        return Finding("aum_bridge", ONE_MONTH, tone="warning")
    last = bridge.iloc[-1]
    month, n = str(last["month"]), int(last["n_holders"])
    figures = tuple(
        Figure(key, _known(last[key]), unit="money", n=n, period=month)
        for key in ("aum", "aum_change", "net_new_money", "valuation")
    )
    is_split = not np.isnan(last["net_new_money"])

    def sentence(w: Writer) -> str:
        def m(column: str, sign: float = 1.0) -> str:
            return w.n(sign * last[column], "money", signed=True)

        text = w(
            f"AUM went from {w.n(last['aum_before'], 'money')} to {w.n(last['aum'], 'money')} in {month} "
            f"({m('aum_change')}; {w.n(n, 'customers')} with assets): new {m('aum_new')}, returned "
            f"{m('aum_resurrected')}, expansion {m('aum_expansion')}, contraction {m('aum_contraction', -1)}, lost "
            f"{m('aum_lost', -1)}.",
            f"{month} AUM 由 {w.n(last['aum_before'], 'money')} 变为 {w.n(last['aum'], 'money')}（{m('aum_change')}；有资产客户 "
            f"{w.n(n, 'customers')}）：新增 {m('aum_new')}，回流 {m('aum_resurrected')}，增持 {m('aum_expansion')}，"
            f"减持 {m('aum_contraction', -1)}，流失 {m('aum_lost', -1)}。",
        )
        if is_split:
            return text + w(
                f" Net new money is {m('net_new_money')}, valuation {m('valuation')}.",
                f"其中净新增资金 {m('net_new_money')}，市值变动 {m('valuation')}。",
            )
        return text + w(
            " The balances carry no net_inflow: new money and valuation can't be told apart, so a rising market may stand "
            "behind an “expansion”.",
            "余额表缺少 net_inflow 字段，无法区分新增资金与市值变动，“增持”可能只是行情上涨。",
        )

    flow = last["net_new_money"] if is_split else last["aum_change"]
    tone = "good" if flow > 0 else "bad" if flow < 0 else "plain"
    return Finding("aum_bridge", Text.write(sentence, currency=currency), figures, "aum_bridge", tone)


def compare_factors(factors: pd.DataFrame, *, compare_months: int) -> pd.DataFrame:
    """Split the change of AUM over the last months; over all that there are if the log is shorter.

    Parameters
    ----------
    factors : DataFrame (:func:`helpers.metrics.assets.asset_factors`)
    compare_months : int
        Months between the two ends, at least 1.

    Returns
    -------
    DataFrame (:func:`helpers.metrics.decomposition.split_asset_change`)
        With ``month_before`` and ``month_after`` in front; no row if there are fewer than two months.
    """
    if isinstance(compare_months, bool) or not isinstance(compare_months, int) or compare_months < 1:
        raise SpokenError(
            Text(
                f"compare_months must be a whole number of at least 1, not {compare_months!r}",
                f"compare_months 应为不小于 1 的整数，现为 {compare_months!r}",
            )
        )
    known = sorted(set(factors["month"])) if len(factors) else []
    if len(known) < 2:
        return pd.DataFrame(
            columns=["month_before", "month_after", "factor", "before", "after", "effect", "effect_share"]
        )
    before = known[max(0, len(known) - 1 - compare_months)]
    table = split_asset_change(factors, before=before, after=known[-1])
    table.insert(0, "month_before", before)
    table.insert(1, "month_after", known[-1])
    return table


def factor_page(split: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Write the split of AUM with each factor in its own unit, for `Page.table`."""
    units = dict(zip(ASSET_FACTORS, ("count", "share", "share", "share", "money_each", "money_each"), strict=True))
    units[OVERDRAFTS] = "money"
    rows = []
    for factor, before, after, effect, share in split[
        ["factor", "before", "after", "effect", "effect_share"]
    ].itertuples(index=False):
        cells = [
            Text.write(lambda w, v=value, u=units[factor]: w.n(v, u), currency=currency) for value in (before, after)
        ]
        rows.append((factor, *cells, effect, share))
    columns = ["factor", "factor_before", "factor_after", "aum_effect", "aum_effect_share"]
    return pd.DataFrame(rows, columns=columns)


def factor_finding(split: pd.DataFrame, factors: pd.DataFrame, *, currency: str) -> Finding:
    """Say where in the arithmetic the change of AUM lies, and that this is no cause.

    Parameters
    ----------
    split : DataFrame (:func:`compare_factors`)
    factors : DataFrame (:func:`helpers.metrics.assets.asset_factors`)
    currency : str

    Returns
    -------
    Finding
        Figures ``aum_effect_<factor>`` for each factor.
    """
    if not len(split):
        return Finding("aum_split", ONE_MONTH, tone="warning")
    before, after = str(split["month_before"].iloc[0]), str(split["month_after"].iloc[0])
    last = factors[factors["month"] == after]
    n = int(last["customers"].sum())
    figures = tuple(
        Figure(f"aum_effect_{factor}", float(effect), unit="money", n=n, period=f"{before}/{after}")
        for factor, effect in split[["factor", "effect"]].itertuples(index=False)
    )
    effect = split.set_index("factor")["effect"]
    change = float(effect.sum())
    depth = effect["aum_per_holder_active"] + effect["aum_per_holder_inactive"]
    owed = float(effect.get(OVERDRAFTS, 0.0))
    width = effect["penetration_active"] + effect["penetration_inactive"]

    def sentence(w: Writer) -> str:
        def m(value: float) -> str:
            return w.n(value, "money", signed=True)

        return w(
            f"From {before} to {after} AUM changed by {m(change)} (n = {n:,} customers). By exact split without residual: "
            f"{m(effect['customers'])} from the number of customers, {m(effect['active_rate'])} from the share active, "
            f"{m(width)} from the share with assets, {m(depth)} from assets per holder"
            + (f", {m(owed)} from overdrafts" if owed else "")
            + ". This says where the change lies, not that activity caused it: customers with more money may simply come more often.",
            f"{before} 至 {after} AUM 变动 {m(change)}（n = {n:,} 位客户）。无残差拆解：客户数贡献 {m(effect['customers'])}，"
            f"活跃率贡献 {m(effect['active_rate'])}，资产渗透率贡献 {m(width)}，户均资产贡献 {m(depth)}"
            + (f"，透支贡献 {m(owed)}" if owed else "")
            + "。拆解只说明变动落在哪一环，不代表活跃带来了资产：资产多的客户可能本来就更常登录。",
        )

    return Finding("aum_split", Text.write(sentence, currency=currency), figures, "aum_split")


def lifecycle_finding(
    lifecycle: pd.DataFrame, transitions: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE
) -> Finding:
    """Say how the base lies over the four states, and what the last month's ways in and out were.

    Parameters
    ----------
    lifecycle : DataFrame (:func:`helpers.metrics.lifecycle.lifecycle`)
    transitions : DataFrame (:func:`helpers.metrics.lifecycle.transitions`)

    Returns
    -------
    Finding
        Figures ``share_<state>``, ``fell_silent`` and ``won_back`` (shares with Wilson intervals); none of or out of
        fewer than ``min_group_size`` customers.
    """
    if not len(lifecycle):
        words = Text(
            "The log is too short to tell silence from absence: no lifecycle state can be given yet.",
            "日志时长不足以判断静默，暂无法划分生命周期阶段。",
        )
        return Finding("lifecycle", words, tone="warning")
    month = str(lifecycle["month"].max())
    now = lifecycle[lifecycle["month"] == month].set_index("lifecycle_state")
    n = int(now["customers"].sum())
    hidden = hidden_parts([float(now.loc[s, "customers"]) for s in STATES], least=min_group_size)
    states = [s for s, is_hidden in zip(STATES, hidden, strict=True) if not is_hidden]
    figures = [Figure(f"share_{s}", _known(now.loc[s, "share"]), unit="share", n=n, period=month) for s in states]
    moved = {
        (a, b): row
        for a, b, row in zip(
            transitions["from_state"], transitions["to_state"], transitions.to_dict("records"), strict=True
        )
    }
    fell, back = None, None
    if moved:
        fell = _moved("fell_silent", [moved["active", "churning"], moved["mature", "churning"]], month)
        back = _moved("won_back", [moved["churning", "active"], moved["churning", "mature"]], month)
        fell, back = (figure if figure.n and figure.n >= min_group_size else None for figure in (fell, back))
        figures += [figure for figure in (fell, back) if figure is not None]

    def sentence(w: Writer) -> str:
        names = {state: _STATE_WORDS[state].say(w.language) for state in states}
        rest = w("the rest in states too small to be shown", "其余阶段人数过少，不展示")
        shares = [
            w(f"{w.n(now.loc[s, 'share'], 'share')} {names[s]}", f"{names[s]} {w.n(now.loc[s, 'share'], 'share')}")
            for s in states
        ]
        told = w(", ", "，").join([*shares, *([rest] if any(hidden) else [])])
        text = w(f"At the end of {month} the {n:,} customers are {told}.", f"{month} 月末 {n:,} 位客户中：{told}。")
        if fell is not None:
            text += w(
                f" In that month {w.est(fell)} of the active and mature fell silent",
                f"当月活跃与成熟客户中{w.est(fell)}转入静默",
            )
            text += (
                w(f"; {w.est(back)} of the silent came back.", f"；静默客户中{w.est(back)}恢复活跃。")
                if back is not None
                else w(".", "。")
            )
        return text

    return Finding("lifecycle", Text.write(sentence), tuple(figures), "lifecycle")


def _moved(key: str, rows: list[dict], month: str) -> Figure:
    """Share that moved, out of the states they came from, each counted once."""
    from helpers.metrics.shares import wilson

    sources = {row["from_state"]: int(row["n"]) for row in rows}
    n, moved = sum(sources.values()), sum(int(row["customers"]) for row in rows)
    if not n:
        return Figure(key, None, unit="share", n=0, period=month)
    low, high = (float(bound) for bound in wilson(moved, n))
    return Figure(key, moved / n, low, high, "share", n, month)


def _known(value: float) -> float | None:
    return None if value is None or value != value else float(value)
