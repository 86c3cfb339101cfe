"""Cost, incremental return and ROI, with the interval that the effect has: what the campaign earned beyond the hold-out."""

from __future__ import annotations

import pandas as pd

from helpers.findings import Figure, Finding, SpokenError, Text, Writer
from helpers.metrics.economics import Economics, rate
from helpers.models import experiments
from helpers.steps.post_mortem.cases import Case, arm_name
from helpers.steps.post_mortem.measures import CONDITIONAL, DIFFERENCE, Measures

COLUMNS = [
    "arm", "part", "n", "value_each", "value_lower", "value_upper", "cost_each", "cost", "roi", "roi_lower", "roi_upper",
]  # fmt: skip
BASES = ("activity", "money", "both")
CONVENTIONS = ("ratio", "net")


def active_day_value(case: Case, economics: Economics) -> float:
    """Margin of one more active day: that of an active month over the days on which an active customer comes in it.

    The days are those of active customers held out (of everybody without a hold-out), per 30 days.
    """
    usual = case.people[case.people["arm"] == case.control] if case.control else case.people
    days = usual.loc[usual["active_days"] > 0, "active_days"]
    if days.empty:
        return 0.0
    return economics.margin_per_active_month / (float(days.mean()) * 30 / case.window_days)


def returns(
    case: Case,
    measures: Measures,
    economics: Economics,
    *,
    earning_days: int = 365,
    day_value: float = 0.0,
    roi_convention: str = "ratio",
) -> pd.DataFrame:
    """What each arm earned per treated customer beyond the hold-out, what it cost, and the ROI.

    Activity counts net of what was pulled forward (window and days after together, where these were seen); money
    counts what was kept 31–90 days after the end (the change in the window only if that is not known yet), uncapped.
    Costs are those recorded with messages and benefits.

    Parameters
    ----------
    case, measures : of :func:`cases.open_case` and :func:`measures.measure`
    economics : Economics
    earning_days : int
        Days for which the kept money is credited with the margin.
    day_value : float
        Margin of one more active day in the bank's currency; 0: from the economics (:func:`active_day_value`).
    roi_convention : {"ratio", "net"}
        ``ratio``: return ÷ cost, 1 breaks even; ``net``: (return − cost) ÷ cost, 0 breaks even.

    Returns
    -------
    DataFrame, one row an arm and part (activity, money, both)
        ``value_each`` with bounds per treated customer, ``cost_each``, ``cost`` of the arm, ``roi`` with bounds (empty
        without recorded cost). ``n`` are the customers whose cost is counted. No rows where not even a conditional effect may
        be claimed.
    """
    if roi_convention not in CONVENTIONS:
        raise SpokenError(
            Text(
                f"roi_convention must be one of {', '.join(CONVENTIONS)}, not {roi_convention!r}",
                f"roi_convention 应为 {'、'.join(CONVENTIONS)} 之一，现为 {roi_convention!r}",
            )
        )
    if earning_days < 1:
        raise SpokenError(
            Text(
                f"earning_days must be at least 1, not {earning_days}", f"earning_days 应不小于 1，现为 {earning_days}"
            )
        )
    if day_value < 0:
        raise SpokenError(
            Text(
                f"active_day_value must be 0 or more, not {day_value}", f"active_day_value 应不小于 0，现为 {day_value}"
            )
        )
    if measures.claim == DIFFERENCE:
        return pd.DataFrame(columns=COLUMNS)
    each = day_value or active_day_value(case, economics)
    margin = economics.margin_on_money(earning_days)
    rows = []
    for arm in case.arms:
        treated = case.people[case.people["arm"] == arm]
        cost_each = float(treated["rewarded_cost"].mean())
        activity = measures.row(_activity_metric(measures), arm)
        money = measures.row(money_metric(measures), arm)
        parts = [("activity", _scaled(activity, each)), ("money", _scaled(money, margin))]
        if activity is not None and money is not None:
            parts.append(("both", _together(case, activity, money, each, margin)))
        for part, value in parts:
            if value is None:
                continue
            roi = [_roi(number, cost_each, roi_convention) for number in value]
            rows.append([arm, part, len(treated), *value, cost_each, float(treated["rewarded_cost"].sum()), *roi])
    return pd.DataFrame(rows, columns=COLUMNS)


def _activity_metric(measures: Measures) -> str:
    return "active_days_net" if measures.row("active_days_net") is not None else "active_days"


def money_metric(measures: Measures) -> str:
    """Return which reading of money is the latest known: what was kept, else the change in the window."""
    return "aum_kept_change" if measures.row("aum_kept_change") is not None else "aum_change"


def _scaled(row: pd.Series | None, factor: float) -> tuple[float, float, float] | None:
    if row is None:
        return None
    return float(row["estimate"]) * factor, float(row["lower"]) * factor, float(row["upper"]) * factor


def _together(
    case: Case, activity: pd.Series, money: pd.Series, each: float, margin: float
) -> tuple[float, float, float]:
    """Estimate both parts as one value a customer, so that the interval knows how they go together."""
    people = case.people[["arm", "active_days_before", "aum_before"]].copy()
    kept = case.people[money["metric"]].astype(float)
    people["value"] = each * case.people[activity["metric"]].astype(float) + margin * kept
    found = experiments.effect(
        people,
        metric="value",
        control=case.control,
        covariate=["active_days_before", "aum_before"],
        alpha=case.alpha / len(case.arms),
    )
    row = found[found["arm"] == activity["arm"]].iloc[0]
    return float(row["estimate"]), float(row["lower"]), float(row["upper"])


def _roi(value: float, cost: float, convention: str) -> float:
    if cost <= 0:
        return float("nan")
    return value / cost - (1.0 if convention == "net" else 0.0)


def returns_findings(
    case: Case, measures: Measures, table: pd.DataFrame, economics: Economics, *, basis: str, roi_convention: str
) -> list[Finding]:
    """Say cost and ROI of each arm, on activity, money or both, and which assumptions it stands on."""
    if basis not in BASES:
        raise SpokenError(
            Text(
                f"return_basis must be one of {', '.join(BASES)}, not {basis!r}",
                f"return_basis 应为 {'、'.join(BASES)} 之一，现为 {basis!r}",
            )
        )
    cost = float(case.people["rewarded_cost"].sum())
    spent = Figure("cost", cost, unit="money", n=len(case.treated), period=case.period)
    if table.empty:
        lead = Text.write(
            lambda w: w(
                f"Recorded cost: {w.n(cost, 'money')} (n = {len(case.treated):,}). No return can be set "
                "against it, since no effect was established.",
                f"已记录成本 {w.n(cost, 'money')}（n = {len(case.treated):,}）；因未确立因果效果，无从计算回报。",
            ),
            currency=case.bank.currency,
        )
        return [Finding("roi", lead, (spent,), tone="warning")]
    found = []
    for arm in case.arms:
        row = pick(table, arm, basis)
        if row is not None:
            needed = _days_to_cover(case, measures, table, arm)
            found.append(_roi_finding(case, measures, row, economics, spent, roi_convention, needed, first=not found))
    return found


def _days_to_cover(case: Case, measures: Measures, table: pd.DataFrame, arm: str) -> tuple[float, int, float] | None:
    """Return (more active days that cover the cost alone, days watched, most that can be added to the usual ones)."""
    metric = _activity_metric(measures)
    mine = table[(table["arm"] == arm) & (table["part"] == "activity")]
    effect = measures.row(metric, arm)
    if mine.empty or effect is None or not mine["cost_each"].iloc[0] > 0:
        return None
    value, estimate = float(mine["value_each"].iloc[0]), float(effect["estimate"])
    if estimate == 0 or value == 0:
        return None
    days = case.window_days + (case.after_days if metric == "active_days_net" else 0)
    usual = case.people[case.people["arm"] == case.control] if case.control else case.people
    return float(mine["cost_each"].iloc[0]) / (value / estimate), days, days - float(usual[metric].mean())


def pick(table: pd.DataFrame, arm: str, basis: str) -> pd.Series | None:
    """Return an arm's row on a basis, else the row that there is."""
    mine = table[table["arm"] == arm]
    if mine.empty:
        return None
    wanted = mine[mine["part"] == basis]
    return wanted.iloc[0] if len(wanted) else mine.iloc[-1]


def _roi_finding(
    case: Case,
    measures: Measures,
    row: pd.Series,
    economics: Economics,
    spent: Figure,
    convention: str,
    needed: tuple[float, int, float] | None,
    *,
    first: bool,
) -> Finding:
    arm = str(row["arm"])
    tail = "" if len(case.arms) == 1 else f"_{arm}"
    n = int(row["n"])
    is_conditional = measures.claim == CONDITIONAL
    behind = measures.row(_activity_metric(measures) if row["part"] == "activity" else money_metric(measures), arm)
    n_effect = int(behind["n"])
    value = Figure(
        f"return_each{tail}",
        row["value_each"],
        _known(row["value_lower"]),
        _known(row["value_upper"]),
        "money_each",
        n_effect,
    )
    roi = Figure(f"roi{tail}", _known(row["roi"]), _known(row["roi_lower"]), _known(row["roi_upper"]), "ratio", n)
    even = 1 if convention == "ratio" else 0
    is_kept = money_metric(measures) == "aum_kept_change"

    def sentence(w: Writer) -> str:
        who = "" if not tail else w(f"Arm {arm_name(arm, 'en')}: ", f"{arm_name(arm, 'zh')}组：")
        on = w(*_PARTS[str(row["part"])])
        kind = w(*_CONVENTION[convention])
        one, lead = "treated customer", w("Return on ", "")
        if is_conditional:
            one = case.who(w)
            lead = w(
                "If without the campaign the branches would have moved alike, return on ",
                "以没有活动时各网点走势相同为前提，",
            )
        stands = w(
            f"It stands on a spread of {rate(w, economics.spread)} less {rate(w, economics.expected_loss)} "
            f"expected loss a year, fees of {w.n(economics.fee_income_per_active_month, 'money_each')} less "
            f"{w.n(economics.servicing_cost_per_active_month, 'money_each')} servicing an active month",
            f"测算口径：年化点差 {rate(w, economics.spread)}、预期损失 {rate(w, economics.expected_loss)}，"
            f"活跃月手续费 {w.n(economics.fee_income_per_active_month, 'money_each')}、"
            f"服务成本 {w.n(economics.servicing_cost_per_active_month, 'money_each')}",
        )
        if row["part"] != "activity":
            stands += w(
                "; money as kept 31-90 days after the end."
                if is_kept
                else "; money as it stood in the window, which says nothing about staying.",
                "；资金按结束后 31–90 天留存计。" if is_kept else "；资金按窗口期末计，尚未反映能否留存。",
            )
        else:
            stands += w(".", "。")
        if needed is not None:
            more, days, most = needed
            stands += w(
                f" Activity alone would cover the cost with {w.n(more, 'days')} more per {one}",
                f"仅靠活跃覆盖成本，户均须多 {w.n(more, 'days')}",
            )
            if more > most:
                stands += w(f": impossible within {w.n(days, 'days')}", f"，在 {w.n(days, 'days')}内不可能做到")
            stands += w(".", "。")
        if n_effect != n:
            stands += w(
                f" The effect is that on {w.n(n_effect, 'customers')} of the branches reached, whoever was active before; "
                f"the cost is that of the {w.n(n, 'customers')} assigned.",
                f"效果按已上线网点中此前有活跃的 {w.n(n_effect, 'customers')}计，成本按入组的 {w.n(n, 'customers')}计。",
            )
        if roi.value is None:
            return who + w(
                f"{lead}{on} {w.est(value, signed=True)} per {one}; no cost is recorded, so there is no ROI. {stands}",
                f"{lead}{on}口径户均增量回报 {w.est(value, signed=True)}；未记录成本，无法计算 ROI。{stands}",
            )
        cost_each = w.n(row["cost_each"], "money_each")
        return who + w(
            f"{lead}{on}: {w.est(value, signed=True)} per {one} for {cost_each} spent "
            f"({w.n(row['cost'], 'money')} in all): ROI {w.est(roi)} ({kind}, {even} breaks even). {stands}",
            f"{lead}{on}口径户均增量回报 {w.est(value, signed=True)}，户均成本 {cost_each}"
            f"（合计 {w.n(row['cost'], 'money')}）：ROI {w.est(roi)}（{kind}，{even} 为盈亏平衡）。{stands}",
        )

    tone = "plain"
    if roi.value is not None and roi.lower is not None and roi.upper is not None:
        tone = "good" if roi.lower >= even else "bad" if roi.upper < even else "plain"
    figures = (spent, value, roi) if first else (value, roi)
    return Finding(f"roi{tail}", Text.write(sentence, currency=case.bank.currency), figures, table="returns", tone=tone)


_PARTS = {
    "activity": ("activity alone", "仅活跃"),
    "money": ("money alone", "仅资产"),
    "both": ("activity and money", "活跃与资产合计"),
}
_CONVENTION = {"ratio": ("return ÷ cost", "回报 ÷ 成本"), "net": ("net of cost ÷ cost", "净回报 ÷ 成本")}


def _known(value: float) -> float | None:
    return None if value != value else float(value)
