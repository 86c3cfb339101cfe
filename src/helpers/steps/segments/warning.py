"""Who is about to fall silent: the warning, its test on past days, and the list of the segment's customers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.findings.lists import ListHead
from helpers.findings.lists import write_list as write_private
from helpers.models.retention import ChurnWarning
from helpers.steps.segments.subject import Focus, positive

LIST_FILE = "churn_warning_list.csv"


@dataclass(frozen=True)
class Outlook:
    """What the churn warning knows.

    Attributes
    ----------
    horizon_days : int
    model : ChurnWarning or None
        Fitted on all customers; None where the log is too short or holds too little.
    backtest, calibration : DataFrame
        See :class:`helpers.models.retention.ChurnWarning`.
    customers : DataFrame
        The segment's customers by value at risk. It names customers: a file of its own, never a page.
    reason : Text or None
        Why there is no model.
    focus : Focus or None
        The segment that the list is of.
    """

    horizon_days: int
    model: ChurnWarning | None = None
    backtest: pd.DataFrame = field(default_factory=pd.DataFrame)
    calibration: pd.DataFrame = field(default_factory=pd.DataFrame)
    customers: pd.DataFrame = field(default_factory=pd.DataFrame)
    reason: Text | None = None
    focus: Focus | None = None


def outlook(focus: Focus, *, warning_days: int, silent_days: int) -> Outlook:
    """Fit the churn warning on the whole bank, test it on past days, list the segment's customers.

    Parameters
    ----------
    focus : Focus
    warning_days : int
        Horizon: falls silent within so many days.
    silent_days : int
        Silence that counts as a lapse.

    Returns
    -------
    Outlook
        Without a model, and with the reason, where the log does not reach back far enough for one training day and
        one later test day.

    Raises
    ------
    ValueError
        If a number of days is below 1.
    """
    positive("warning_days", warning_days)
    positive("silent_days", silent_days)
    bank = focus.bank
    # Two test days and three training days say what more would say, in half the time.
    model = ChurnWarning(horizons_days=(warning_days,), silent_days=silent_days, n_backtests=2, max_cutoffs=3)
    try:
        model = model.fit(bank.activity, bank.customers, as_of=bank.as_of, balances=bank.balances)
    except ValueError as error:
        reason = Text(f"No churn warning: {error}.", "无法给出流失预警：行为日志不够长或客户太少。")
        return Outlook(horizon_days=warning_days, reason=reason)
    everybody = model.warning_list(horizon_days=warning_days)
    inside = focus.members.select("customer_id").to_pandas()["customer_id"]
    mine = everybody[everybody["customer_id"].isin(inside)].reset_index(drop=True)
    mine["rank"] = np.arange(1, len(mine) + 1)
    return Outlook(
        horizon_days=warning_days,
        model=model,
        backtest=model.backtest_.assign(cutoff=model.backtest_["cutoff"].astype(str)),
        calibration=model.calibration_,
        customers=mine,
        focus=focus,
    )


def warning_findings(focus: Focus, outlook: Outlook) -> list[Finding]:
    """Say whether the warning beat the base rate on past days, and what is at risk in the segment."""
    if outlook.model is None:
        return [Finding("churn_warning", outlook.reason or Text("–", "–"), tone="warning")]
    found = outlook.model.findings(horizon_days=outlook.horizon_days)
    mine, name, day = outlook.customers, focus.name, focus.bank.as_of.isoformat()
    if len(mine) < focus.min_group_size:
        few = Text(
            f"{name.en}: fewer than {focus.min_group_size} customers are still active; nobody is listed.",
            f"{name.zh}：仍活跃的客户不足 {focus.min_group_size} 人，不生成名单。",
        )
        return [*found, Finding("value_at_risk", few, tone="warning")]
    p = mine[f"p_{outlook.horizon_days}"].to_numpy()
    # Spread of the number who fall silent if every probability holds: what chance alone adds.
    half = 1.96 * float(np.sqrt((p * (1 - p)).sum()))
    expected = Figure(
        "expected_lapses", float(p.sum()), max(p.sum() - half, 0.0), min(p.sum() + half, len(p)), "count", len(p), day
    )
    money = mine["value_at_risk"].to_numpy()
    # Neither those at the top nor the rest may be a group too small to be shown.
    tenth = max(len(mine) // 10, focus.min_group_size)
    is_shown = money.sum() > 0 and len(mine) - tenth >= focus.min_group_size
    top = money[:tenth].sum() / money.sum() if is_shown else np.nan
    at_risk = Figure("value_at_risk", float(money.sum()), unit="money", n=len(p), period=day)
    reach = Figure("value_at_risk_top_tenth", None if np.isnan(top) else float(top), unit="share", n=tenth, period=day)

    def write(w: Any) -> str:
        first = w(
            f", {w.n(reach.value, 'share')} of it with the first {tenth:,} of the list",
            f"，其中名单前 {tenth:,} 人占 {w.n(reach.value, 'share')}",
        )
        first = first if is_shown else ""
        return w(
            f"Of the {len(p):,} customers of “{name.en}” still active, {w.n(expected.value)} are expected "
            f"to fall silent "
            f"within {outlook.horizon_days} days ({w.ci(expected.lower, expected.upper)} if the probabilities hold); "
            f"{w.n(at_risk.value, 'money')} of their assets is at risk{first}.",
            f"{name.zh}仍活跃的 {len(p):,} 人中，预计 {outlook.horizon_days} 天内沉默 {w.n(expected.value)} 人"
            f"（若概率成立，{w.ci(expected.lower, expected.upper)}）；涉及资产 {w.n(at_risk.value, 'money')}{first}。",
        )

    text = Text.write(write, currency=focus.bank.currency)
    return [*found, Finding("value_at_risk", text, (expected, at_risk, reach))]


def write_list(outlook: Outlook, path: Path | None) -> Text:
    """Write the list of customers, readable by its owner only; say where it is, or why there is none.

    Parameters
    ----------
    outlook : Outlook
    path : Path or None
        None in a dry run: nothing is written.
    """
    if outlook.model is None or outlook.focus is None:
        return Text("No list: there is no model.", "没有模型，不生成名单。")
    n, least = len(outlook.customers), outlook.focus.min_group_size
    if n < least:
        return Text(
            f"No list: fewer than {least} customers of the segment are still active.",
            f"该客群仍活跃的客户不足 {least} 人，不生成名单。",
        )
    if path is None:
        return Text(
            f"Dry run: the list of {n:,} customers was not written (no run_dir).",
            f"试运行：{n:,} 人的名单未写出（未指定 run_dir）。",
        )
    name, days = outlook.focus.name, outlook.horizon_days
    purpose = Text(
        f"Keep customers of the segment “{name.en}” who may fall silent within {days} days; by value at risk; for staff "
        "who look after them, within consent and contact policy",
        f"挽留“{name.zh}”中 {days} 天内可能沉默的客户，按在险资产排序；仅供维护人员在授权与触达规则内使用",
    )
    write_private(outlook.customers, path, head=ListHead.of(outlook.focus.bank, purpose))
    return Text(
        f"{n:,} customers, ordered by value at risk, in {path.name} beside this page's result (readable by its "
        f"owner only).",
        f"{n:,} 人按在险资产排序，已写入结果目录下的 {path.name}（仅所有者可读）。",
    )
