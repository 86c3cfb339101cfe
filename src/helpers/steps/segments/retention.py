"""Retention of each segment: the naive share first, then survival curves, tests and days gained."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from helpers.findings import Figure, Finding, SpokenError, Text
from helpers.findings.small import fewer
from helpers.metrics import segments
from helpers.models import retention
from helpers.models.retention.comparison import holm
from helpers.steps.segments.subject import Focus, positive

OUTSIDE = "others"
SHOWN_NEVER = 0.01  # share of customers who never came at first from which the page speaks of them
NAIVE_COLUMNS = ("segment", "n_spells", "n_too_short", "n_late", "naive_retained", "retained", "flattery")
RETENTION_COLUMNS = (
    "segment",
    "n_spells",
    "retained",
    "lower",
    "upper",
    "difference_days",
    "difference_lower",
    "difference_upper",
    "p_adjusted",
)
RETENTION_UNITS = {
    "lower": "share",
    "upper": "share",
    "difference_days": "score",
    "difference_lower": "score",
    "difference_upper": "score",
}
TABLE = (
    "segment",
    "n_spells",
    "n_too_short",
    "n_late",
    "naive_retained",
    "retained",
    "lower",
    "upper",
    "flattery",
    "rmst_days",
    "difference_days",
    "difference_lower",
    "difference_upper",
    "p_adjusted",
    "n_others",
)


@dataclass(frozen=True)
class Study:
    """Retention of the segments.

    Attributes
    ----------
    horizon_days : int
        Horizon asked for, or the shorter one that every segment was watched for.
    asked_days : int
    silent_days : int
    table : DataFrame
        One row a segment, columns :data:`TABLE`; see :func:`study`.
    curves : DataFrame
        As :func:`helpers.models.retention.survival_curves` by ``segment``.
    left_out : DataFrame
        Who is in no spell and why.
    too_small : tuple of str
        Segments below the group minimum.
    n_lapsed, n_returned : int
        Lapses seen in the whole base, and customers of them who came back later.
    reason : Text or None
        Why there is nothing to estimate; the tables are empty then.
    """

    horizon_days: int
    asked_days: int
    silent_days: int
    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(TABLE)))
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    left_out: pd.DataFrame = field(default_factory=pd.DataFrame)
    too_small: tuple[str, ...] = ()
    n_lapsed: int = 0
    n_returned: int = 0
    reason: Text | None = None


def study(focus: Focus, *, horizon_days: int, silent_days: int) -> Study:
    """Estimate how long the customers of each segment stay.

    Parameters
    ----------
    focus : Focus
    horizon_days : int
        Days since joining up to which retention is judged; cut where a segment was not watched that long.
    silent_days : int
        Silence that counts as a lapse.

    Returns
    -------
    Study
        ``table``: ``n_spells`` customers watched; ``n_too_short`` still active but watched for less than the horizon;
        ``n_late`` who had passed the horizon when the log began; ``naive_retained`` 1 − lapses by the horizon ÷
        everybody; ``retained`` with ``lower``, ``upper`` (Kaplan–Meier at the horizon); ``flattery`` the
        difference; ``rmst_days`` mean days active within the horizon; ``difference_days`` with bounds against the
        customers outside the segment; ``p_adjusted`` log-rank against them, Holm over the segments; ``n_others``.

    Raises
    ------
    ValueError
        If a number of days is below 1, or ``silent_days`` is longer than the log.
    """
    positive("horizon_days", horizon_days)
    positive("silent_days", silent_days)
    bank = focus.bank
    first, _ = bank.log_days
    watched = (bank.as_of - first).days
    if silent_days > watched:
        raise SpokenError(
            Text(
                f"silent_days is {silent_days}, longer than the activity log up to {bank.as_of} ({watched} days); "
                f"at most {watched} is possible",
                f"silent_days 为 {silent_days}，超过截至 {bank.as_of} 的行为日志长度（{watched} 天），"
                f"最多可设为 {watched}",
            )
        )
    empty = Study(horizon_days=horizon_days, asked_days=horizon_days, silent_days=silent_days)
    try:
        spells = retention.spells_from_activity(
            bank.activity,
            bank.customers,
            silent_days=silent_days,
            as_of=bank.as_of,
            log_start=first,
            attributes=[],
        )
    except SpokenError as error:
        # The parameters are right: the customers themselves give nothing to watch (one who joined yesterday, say).
        return _nothing(empty, error.texts[0])
    out = retention.left_out(spells)
    counts = spells.attrs["spells"]
    flags = segments.membership(bank).to_pandas()
    members = flags.set_index("customer_id").reindex(spells["customer_id"])
    groups, small = {}, []
    for slug in members.columns:
        inside = members[slug].eq(True).to_numpy(dtype=bool)
        if inside.sum() >= focus.min_group_size:
            groups[slug] = spells[inside].assign(segment=slug)
        else:
            small.append(slug)
    if not groups:
        few = Text(
            f"every segment has fewer than {focus.min_group_size} customers who were watched",
            f"各客群可观察的客户均不足 {focus.min_group_size} 人",
        )
        return _nothing(empty, few)
    horizon = int(min(horizon_days, *(_watched_until(part) for part in groups.values())))
    if horizon < 1:
        return _nothing(empty, Text("nobody was watched for a whole day", "没有客户被观察满一天"))
    stacked = pd.concat(groups.values(), ignore_index=True)
    curves = retention.survival_curves(stacked, by="segment", horizon_days=horizon)
    means = retention.restricted_mean(stacked, by="segment", horizon_days=horizon).set_index("segment")
    at_end = curves[curves["day"] == horizon].set_index("segment")
    rows = []
    for slug, part in groups.items():
        lapsed_by = part["lapsed"] & (part["days_active"] <= horizon)
        naive = 1 - lapsed_by.mean()
        end = at_end.loc[slug]
        rows.append(
            {
                "segment": slug,
                "n_spells": len(part),
                "n_too_short": int((~part["lapsed"] & (part["days_active"] < horizon)).sum()),
                "n_late": int((part["entry_day"] > horizon).sum()),
                "naive_retained": naive,
                "retained": end["retained"],
                "lower": end["lower"],
                "upper": end["upper"],
                "flattery": naive - end["retained"],
                "rmst_days": means.loc[slug, "rmst_days"],
                **_against_others(spells, members[slug], horizon, focus.min_group_size),
            }
        )
    table = pd.DataFrame(rows)
    tested = table["p_value"].notna()
    table.loc[tested, "p_adjusted"] = holm(table.loc[tested, "p_value"].to_numpy(dtype=float))
    table = table.sort_values(["retained", "segment"], ascending=[False, True], ignore_index=True)
    return Study(
        horizon_days=horizon,
        asked_days=horizon_days,
        silent_days=silent_days,
        table=table.reindex(columns=list(TABLE)),
        curves=curves,
        left_out=out,
        too_small=tuple(small),
        n_lapsed=counts["n_lapsed"],
        n_returned=counts["n_returned"],
    )


def _nothing(study: Study, why: Text) -> Study:
    reason = Text(f"Retention can't be estimated: {why.en}.", f"无法估计留存：{why.zh}。")
    return Study(
        horizon_days=study.horizon_days, asked_days=study.asked_days, silent_days=study.silent_days, reason=reason
    )


def _watched_until(spells: pd.DataFrame) -> float:
    """Last day on which a group's retention is known: without end once its last customers have been seen to lapse."""
    last = spells["days_active"] == spells["days_active"].max()
    return np.inf if spells.loc[last, "lapsed"].all() else float(spells["days_active"].max())


def _against_others(spells: pd.DataFrame, flag: pd.Series, horizon: int, least: int) -> dict[str, float]:
    """Days more or fewer than everybody outside the segment, and the log-rank test; missing where nobody is."""
    nothing = dict.fromkeys(("difference_days", "difference_lower", "difference_upper", "p_value"), np.nan)
    known = flag.notna().to_numpy()
    inside = flag.eq(True).to_numpy(dtype=bool)
    n_others = int((known & ~inside).sum())
    both = spells[known].assign(group=np.where(inside[known], "inside", OUTSIDE))
    if n_others < least or min(_watched_until(part) for _, part in both.groupby("group")) < horizon:
        return {**nothing, "n_others": n_others}
    days = retention.restricted_mean_differences(both, by="group", horizon_days=horizon).iloc[0]
    tests = retention.logrank(both, by="group")
    # Pairs come in the order of names: “inside” before “others”.
    return {
        "difference_days": days["difference_days"],
        "difference_lower": days["lower"],
        "difference_upper": days["upper"],
        "p_value": tests.loc[tests["group_a"] == "all", "p_value"].iloc[0],
        "n_others": n_others,
    }


def returns_text(focus: Focus, study: Study) -> Text | None:
    """Say how many came back after a lapse, and how many never came at first; None without an estimate."""
    if study.reason is not None:
        return None
    at_start = study.curves[(study.curves["segment"] == focus.slug) & (study.curves["day"] == 0)]
    never = 1 - float(at_start["retained"].iloc[0]) if len(at_start) else 0.0
    small = study.too_small

    def write(w: Any) -> str:
        few = 0 < study.n_returned < focus.min_group_size
        returned = fewer(focus.min_group_size).say(w.language) if few else w.n(study.n_returned)
        en = (
            f"A lapse is not for ever: of {w.n(study.n_lapsed)} lapses in the whole base {returned} were "
            "followed by a return, which is counted here and not in the curves."
        )
        zh = f"流失并非永久：全量 {w.n(study.n_lapsed)} 次流失中有 {returned} 人后来回来，回归只在此计数，不进入曲线。"
        if never >= SHOWN_NEVER:
            en += (
                f" {w.n(never, 'share')} of the segment did nothing in the first {study.silent_days} days: their lapse is "
                "dated on the day of joining, wherever the curve starts below 100 %."
            )
            zh += (
                f"该客群有 {w.n(never, 'share')} 的客户加入后 {study.silent_days} 天内没有任何活动，"
                "流失记在加入当日，因此曲线起点低于 100%。"
            )
        if small:
            en += f" Too few watched to be shown: {', '.join(small)}."
            zh += f"观察人数过少未展示：{'、'.join(small)}。"
        return w(en, zh)

    return Text.write(write)


def shown_left_out(study: Study) -> pd.DataFrame | None:
    """Who is in no spell and why, in words; None where nobody was left out."""
    if study.left_out.empty:
        return None
    words = [Text(row.en, row.zh) for row in study.left_out.itertuples()]
    return pd.DataFrame({"left_out_reason": words, "n": study.left_out["n"].to_numpy()})


def naive_finding(focus: Focus, study: Study) -> Finding:
    """Say how far the naive share flatters the segment, and whom it counts as kept."""
    row = _row(focus, study)
    if row is None:
        return _no_row(focus, study, "naive_retention")
    day, name = focus.bank.as_of.isoformat(), focus.name
    naive = Figure("naive_retained", float(row["naive_retained"]), unit="share", n=int(row["n_spells"]), period=day)
    kept = Figure("flattery", float(row["flattery"]), unit="points", n=int(row["n_spells"]), period=day)

    def write(w: Any) -> str:
        return w(
            f"Counted naively, {w.n(naive.value, 'share')} of “{name.en}” (n = {naive.n:,}) were kept for "
            f"{study.horizon_days} days. That counts {w.n(row['n_too_short'])} as kept who have not had the time, and "
            f"{w.n(row['n_late'])} who had long passed that day when the log began: "
            f"{w.n(kept.value, 'points', signed=True)} against the estimate below.",
            f"按简单算法，{name.zh}（n = {naive.n:,}）{study.horizon_days} 天留存率为 {w.n(naive.value, 'share')}。"
            f"其中 {w.n(row['n_too_short'])} 人观察期还不够就被算作留存，{w.n(row['n_late'])} "
            f"人在日志开始前早已过了该期限；"
            f"与下面的估计相差 {w.n(kept.value, 'points', signed=True)}。",
        )

    return Finding("naive_retention", Text.write(write), (naive, kept), table="retention")


def retention_finding(focus: Focus, study: Study) -> Finding:
    """Say how many of the segment stay to the horizon, and how many days more or fewer than everybody else."""
    row = _row(focus, study)
    if row is None:
        return _no_row(focus, study, "retention")
    day, name = focus.bank.as_of.isoformat(), focus.name
    horizon = study.horizon_days
    kept = Figure("retained", row["retained"], row["lower"], row["upper"], "share", int(row["n_spells"]), day)
    figures = [kept]
    told = Text("", "")
    if np.isnan(row["difference_days"]):
        told = Text(" There is nobody outside the segment to compare with.", "客群之外没有可比较的客户。")
    else:
        days = Figure(
            "days_more_than_others",
            row["difference_days"],
            row["difference_lower"],
            row["difference_upper"],
            "days",
            int(row["n_others"]),
            day,
        )
        figures.append(days)
        sure = row["p_adjusted"] < 0.05
        told = Text.write(
            lambda w: w(
                f" Their mean active time within these days differs from everybody else's by "
                f"{w.est(days, signed=True)} "
                f"(log-rank p {_p(w.n(row['p_adjusted'], 'p_value'))}, adjusted: "
                f"{'a difference' if sure else 'no difference that could be told from chance'}).",
                f"期内平均活跃天数较其他客户 {w.est(days, signed=True)}"
                f"（log-rank 校正 p {_p(w.n(row['p_adjusted'], 'p_value'))}，"
                f"{'差异显著' if sure else '无法与偶然波动区分'}）。",
            )
        )
    cut = ""
    cut_zh = ""
    if horizon < study.asked_days:
        cut = f" (asked for {study.asked_days}, but no segment's last customer was watched longer)"
        cut_zh = f"（要求 {study.asked_days} 天，但观察期只够到这一天）"
    head = Text.write(
        lambda w: w(
            f"{w.est(kept)} of “{name.en}” are still active {horizon} days after joining{cut}; silence of "
            f"{study.silent_days} days, or closing the account, counts as a lapse.",
            f"{name.zh}加入 {horizon} 天后{cut_zh}仍活跃的占 {w.est(kept)}；沉默满 {study.silent_days} "
            f"天或销户计为流失。",
        )
    )
    return Finding("retention", Text(head.en + told.en, head.zh + told.zh), tuple(figures), table="retention")


def _p(text: str) -> str:
    return text if text.startswith("<") else f"= {text}"


def _row(focus: Focus, study: Study) -> pd.Series | None:
    row = study.table[study.table["segment"] == focus.slug]
    return row.iloc[0] if len(row) else None


def _no_row(focus: Focus, study: Study, key: str) -> Finding:
    few = Text(
        f"{focus.name.en}: fewer than {focus.min_group_size} customers were watched; retention is not judged.",
        f"{focus.name.zh}：可观察客户不足 {focus.min_group_size} 人，不评价留存。",
    )
    return Finding(key, study.reason or few, tone="warning")
