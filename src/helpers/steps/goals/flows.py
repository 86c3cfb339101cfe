"""What step 1 says about the flows of MAU: who is new, who came back, who is gone; and which of it is too small to say."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.findings import Figure, Finding, Text, Writer
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.findings.small import fewer, hidden_parts

# MAU changes by the first two less the third.
_FLOWS = ("mau_new", "mau_resurrected", "mau_churned")
ONE_MONTH = Text(
    "The data hold fewer than two whole months: there is no change to account for yet.",
    "数据不足两个完整月，尚无变动可供拆解。",
)


def shown_bridge(bridge: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE) -> pd.DataFrame:
    """Return the MAU bridge without the flows of a few customers, and without what would give them away.

    Parameters
    ----------
    bridge : DataFrame (:func:`helpers.metrics.activity.mau_bridge`)
    min_group_size : int
        Smallest flow that is shown.

    Returns
    -------
    DataFrame
        As ``bridge``; what is not shown is empty.
    """
    shown = bridge.astype(dict.fromkeys((*_FLOWS, "mau_retained"), float))
    for row, sizes in enumerate(bridge[list(_FLOWS)].to_numpy(float)):
        for column, is_hidden in zip(_FLOWS, hidden_parts(sizes, least=min_group_size), strict=True):
            if is_hidden:
                # Who stayed and who left are the month before; the quick ratio is those won for each one lost.
                beside = ("mau_retained", "month_retention", "quick_ratio") if column == "mau_churned" else ()
                shown.loc[shown.index[row], [column, *beside]] = np.nan
    return shown


def mau_finding(bridge: pd.DataFrame, *, min_group_size: int = MIN_GROUP_SIZE) -> Finding:
    """Say what moved MAU in the last month, and how sure “new” is.

    Parameters
    ----------
    bridge : DataFrame (:func:`helpers.metrics.activity.mau_bridge`)
    min_group_size : int
        Flows of fewer customers are not said, nor what would give them away.

    Returns
    -------
    Finding
        Figures ``mau_change``, ``mau_new`` (bounds: how many are new for sure, at most), ``mau_resurrected``,
        ``mau_churned``, ``quick_ratio``; those of a few customers are left out.
    """
    if not len(bridge):
        return Finding("mau_bridge", ONE_MONTH, tone="warning")
    shown = shown_bridge(bridge.tail(1), min_group_size=min_group_size).iloc[0]
    if shown[list(_FLOWS)].isna().any():
        return _net_finding(bridge.iloc[-1], shown, min_group_size)
    last = bridge.iloc[-1]
    month, n = str(last["month"]), int(last["mau"])
    ratio = last["quick_ratio"]
    sure = int(last["mau_new"] - last["new_left_censored"])
    figures = (
        Figure("mau_change", int(last["mau_change"]), unit="customers", n=n, period=month),
        Figure("mau_new", int(last["mau_new"]), sure, int(last["mau_new"]), "customers", n, month),
        Figure("mau_resurrected", int(last["mau_resurrected"]), unit="customers", n=n, period=month),
        Figure("mau_churned", int(last["mau_churned"]), unit="customers", n=int(last["mau_before"]), period=month),
        Figure("quick_ratio", None if pd.isna(ratio) else float(ratio), unit="ratio", n=n, period=month),
    )

    def sentence(w: Writer) -> str:
        text = w(
            f"MAU went from {w.n(last['mau_before'])} to {w.n(n, 'customers')} in {month} "
            f"({w.n(last['mau_change'], signed=True)}): {w.n(last['mau_new'], signed=True)} new, "
            f"{w.n(last['mau_resurrected'], signed=True)} back, {w.n(-last['mau_churned'])} gone. "
            f"Quick ratio {w.n(last['quick_ratio'], 'ratio')}: customers won for each one lost.",
            f"{month} 月活由 {w.n(last['mau_before'])} 变为 {w.n(n)} 人（{w.n(last['mau_change'], signed=True)}）："
            f"新增 {w.n(last['mau_new'])}，回流 {w.n(last['mau_resurrected'])}，流失 {w.n(last['mau_churned'])}。"
            f"速动比 {w.n(last['quick_ratio'], 'ratio')}，即每流失 1 人补回的人数。",
        )
        if last["new_left_censored"]:
            text += w(
                f" {w.n(last['new_left_censored'])} of the new had joined before the log begins and may be old customers "
                f"who came back; surely new are {w.n(sure)}.",
                f"新增中 {w.n(last['new_left_censored'])} 人在日志起点前已开户，可能实为回流；可确认的新增为 {w.n(sure)} 人。",
            )
        return text

    tone = "good" if last["mau_change"] > 0 else "bad" if last["mau_change"] < 0 else "plain"
    return Finding("mau_bridge", Text.write(sentence), figures, "mau_bridge", tone)


def _net_finding(last: pd.Series, shown: pd.Series, min_group_size: int) -> Finding:
    """What moved MAU where some flow is too small to be said."""
    month, n = str(last["month"]), int(last["mau"])
    words = {
        "mau_new": Text("new", "新增"),
        "mau_resurrected": Text("back", "回流"),
        "mau_churned": Text("gone", "流失"),
    }
    known = [flow for flow in _FLOWS if shown[flow] == shown[flow]]
    figures = (
        Figure("mau_change", int(last["mau_change"]), unit="customers", n=n, period=month),
        *(Figure(flow, int(shown[flow]), unit="customers", n=n, period=month) for flow in known if shown[flow]),
    )

    def sentence(w: Writer) -> str:
        told = [
            f"{w.n(shown[flow])} {words[flow].en}" if w.language == "en" else f"{words[flow].zh} {w.n(shown[flow])}"
            for flow in known
        ]
        return w(
            f"MAU went from {w.n(last['mau_before'])} to {w.n(n, 'customers')} in {month} "
            f"({w.n(last['mau_change'], signed=True)}){''.join(f', {part}' for part in told)}; flows of "
            f"{fewer(min_group_size).en} customers, and what would give them away, are not shown.",
            f"{month} 月活由 {w.n(last['mau_before'])} 变为 {w.n(n)} 人（{w.n(last['mau_change'], signed=True)}）"
            f"{''.join(f'，{part}' for part in told)}；{fewer(min_group_size).zh} 人的流量及可据以倒推者不展示。",
        )

    tone = "good" if last["mau_change"] > 0 else "bad" if last["mau_change"] < 0 else "plain"
    return Finding("mau_bridge", Text.write(sentence), figures, "mau_bridge", tone)
