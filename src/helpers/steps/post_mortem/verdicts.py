"""The hypotheses of the brief answered, its guardrails watched: interval against threshold."""

from __future__ import annotations

import pandas as pd

from helpers.bank.catalogue import Words
from helpers.findings import Figure, Finding, Text, Writer
from helpers.steps.post_mortem import cases
from helpers.steps.post_mortem import measures as measuring
from helpers.steps.post_mortem.cases import Case, metric_name, metric_unit
from helpers.steps.post_mortem.measures import DIFFERENCE, Measures

CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"


def hypotheses(case: Case, measures: Measures) -> pd.DataFrame:
    """Answer each hypothesis of the brief, and watch its guardrails, per arm.

    A hypothesis is confirmed if the whole interval lies beyond its threshold in the direction it named, refuted if the
    whole interval lies on the other side, undecided otherwise, and always where not even a conditional effect may be
    claimed. A guardrail is confirmed (kept) if the whole interval stays within its margin.

    Returns
    -------
    DataFrame, one row a hypothesis or guardrail and arm
        ``claim`` (its key), ``kind`` (hypothesis, guardrail), ``metric, arm, direction, threshold, estimate, lower, upper,
        n, answer, reason``.
    """
    columns = ["claim", "kind", "metric", "arm", "direction", "threshold", "estimate", "lower", "upper", "n", "answer"]
    columns.append("reason")
    if case.brief is None:
        return pd.DataFrame(columns=columns)
    rows = []
    for claim in case.brief.hypotheses:
        there = measures if claim.window_days == case.window_days else _other_window(case, measures, claim.window_days)
        for arm in case.arms:
            rows.append(_answer(claim.key, "hypothesis", claim.metric, arm, claim.direction, claim.threshold, there))
    for guard in case.brief.guardrails:
        limit = -guard.margin if guard.direction == "up" else guard.margin
        for arm in case.arms:
            key = f"guard_{guard.metric}"
            rows.append(_answer(key, "guardrail", guard.metric, arm, guard.direction, limit, measures))
    return pd.DataFrame(rows, columns=columns)


def _other_window(case: Case, measures: Measures, window_days: int) -> Measures | None:
    """Measure again in a hypothesis' own window; None if it is not over yet."""
    if case.campaign.last_day(window_days) > case.bank.as_of:
        return None
    other = cases.open_case(
        case.bank,
        case.campaign.campaign_id,
        brief=case.brief_asked,
        run_dir=case.run_dir,
        window_days=window_days,
        before_days=case.before_days,
        after_days=0,
        alpha=case.alpha,
    )
    return measuring.measure(other, winsorize_quantile=measures.winsorize_quantile)


def _answer(
    key: str, kind: str, metric: str, arm: str, direction: str, threshold: float, measures: Measures | None
) -> list[object]:
    nan = float("nan")
    row = None if measures is None else measures.row(metric, arm)
    if row is None:
        reason = "window_open" if measures is None else "not_measured"
        return [key, kind, metric, arm, direction, threshold, nan, nan, nan, 0, UNDECIDED, reason]
    answer, reason = _judge(float(row["lower"]), float(row["upper"]), direction, threshold)
    if measures.claim == DIFFERENCE:
        answer, reason = UNDECIDED, measures.basis
    numbers = [float(row["estimate"]), float(row["lower"]), float(row["upper"]), int(row["n"])]
    return [key, kind, metric, arm, direction, threshold, *numbers, answer, reason]


def _judge(lower: float, upper: float, direction: str, threshold: float) -> tuple[str, str]:
    """Set an interval against a threshold.

    Examples
    --------
    >>> _judge(0.4, 0.9, "up", 0.3), _judge(-0.1, 0.2, "up", 0.3), _judge(0.1, 0.5, "up", 0.3)
    (('confirmed', 'beyond'), ('refuted', 'short'), ('undecided', 'across'))
    """
    if lower != lower or upper != upper:
        return UNDECIDED, "no_interval"
    beyond, short = (
        (lower > threshold, upper < threshold) if direction == "up" else (upper < threshold, lower > threshold)
    )
    if beyond:
        return CONFIRMED, "beyond"
    return (REFUTED, "short") if short else (UNDECIDED, "across")


def hypotheses_shown(case: Case, table: pd.DataFrame) -> pd.DataFrame | None:
    """Put the answers in words for a page, each in its own unit; None where the brief has no hypothesis.

    Returns
    -------
    DataFrame
        ``claim_words, estimate_words, threshold_words`` in both languages; ``arm, n, answer`` as they are.
    """
    if table.empty:
        return None
    claims = {claim.key: claim.text.text for claim in case.brief.hypotheses}
    rows = []
    for row in table.to_dict("records"):
        unit = metric_unit(row["metric"], difference=True)
        guard = metric_name(row["metric"])
        figure = Figure("estimate", _known(row["estimate"]), _known(row["lower"]), _known(row["upper"]), unit)
        limit = row["threshold"]
        rows.append(
            {
                "claim_words": claims.get(row["claim"], Text(f"Guardrail: {guard.en}", f"护栏：{guard.zh}")),
                "arm": row["arm"],
                "estimate_words": Text.write(lambda w, f=figure: w.est(f, signed=True), currency=case.bank.currency),
                "threshold_words": Text.write(
                    lambda w, v=limit, u=unit: w.n(v, u, signed=True), currency=case.bank.currency
                ),
                "n": row["n"],
                "answer": row["answer"],
            }
        )
    return pd.DataFrame(rows)


def hypothesis_findings(case: Case, table: pd.DataFrame) -> list[Finding]:
    """Say the answer to each hypothesis and guardrail, one finding each, all arms in it."""
    if table.empty:
        text = Text(
            "No hypothesis was written down before the launch, so none can be answered.", "上线前未记录假设，无从检验。"
        )
        return [Finding("hypotheses", text, tone="warning")]
    claims = {claim.key: claim.text for claim in case.brief.hypotheses}
    found = []
    for key, rows in table.groupby("claim", sort=False):
        found.append(_claim_finding(case, str(key), rows, claims.get(str(key))))
    return found


def _claim_finding(case: Case, key: str, rows: pd.DataFrame, claim: Words | None) -> Finding:
    metric = str(rows["metric"].iloc[0])
    unit = metric_unit(metric, difference=True)
    # a branch-by-branch start has no hold-out to speak of, whatever the brief's words are: say what was compared
    is_conditional = case.design == cases.ROLLOUT and "before_after" not in set(rows["reason"])
    figures = tuple(
        Figure(
            f"claim_{key}" + ("" if len(rows) == 1 else f"_{row['arm']}"),
            _known(row["estimate"]),
            _known(row["lower"]),
            _known(row["upper"]),
            unit,
            int(row["n"]) or None,
            case.period,
        )
        for _, row in rows.iterrows()
    )

    def sentence(w: Writer) -> str:
        if claim is None:
            name = metric_name(metric).say(w.language)
            margin = w.n(abs(float(rows["threshold"].iloc[0])), unit)
            head = w(
                f"Guardrail: {name} must not get worse by more than {margin}.",
                f"护栏：{name}的恶化幅度不得超过 {margin}。",
            )
            words = {CONFIRMED: w("kept", "守住"), REFUTED: w("BROKEN", "突破"), UNDECIDED: w("undecided", "未定")}
        else:
            head = _compared(w, rows) if is_conditional else claim.say(w.language)
            words = {
                CONFIRMED: w("confirmed", "成立"),
                REFUTED: w("refuted", "不成立"),
                UNDECIDED: w("undecided", "未定"),
            }
        parts = []
        for (_, row), figure in zip(rows.iterrows(), figures, strict=True):
            named = cases.arm_name(row["arm"], w.language)
            of_arm = "" if len(rows) == 1 else w(f"arm {named} ", f"{named}组")
            why = w(*_REASONS[str(row["reason"])])
            number = "" if figure.value is None else f" {w.est(figure, signed=True)}"
            if is_conditional and str(row["reason"]) in _ANSWERED:
                why += w(
                    ", if without the campaign the branches would have moved alike",
                    "（前提：没有活动时各网点走势相同）",
                )
            parts.append(
                w(
                    f"{of_arm}{words[row['answer']]}:{number} {why}",
                    f"{of_arm}{words[row['answer']]}：{number.strip()}{why}",
                )
            )
        return f"{head} " + ("; ".join(parts) + "." if w.language == "en" else "；".join(parts) + "。")

    answers = set(rows["answer"])
    tone = "good" if answers == {CONFIRMED} else "bad" if REFUTED in answers else "plain"
    return Finding(
        f"claim_{key}", Text.write(sentence, currency=case.bank.currency), figures, table="hypotheses", tone=tone
    )


def _compared(w: Writer, rows: pd.DataFrame) -> str:
    """Put a claim in the words of a comparison between branches."""
    row = rows.iloc[0]
    metric = str(row["metric"])
    name, size = (
        metric_name(metric).say(w.language),
        w.n(row["threshold"], metric_unit(metric, difference=True), signed=True),
    )
    way = w("more", "高于") if row["direction"] == "up" else w("less", "低于")
    return w(
        f"Hypothesis: {name} per customer differ between branches reached and not yet reached by {way} than {size}.",
        f"假设：已上线网点相对未上线网点的户均{name}之差{way} {size}。",
    )


_ANSWERED = ("beyond", "short", "across")
_REASONS = {
    "beyond": ("- the whole interval lies beyond the threshold", "，区间整体越过阈值"),
    "short": ("- the whole interval falls short of the threshold", "，区间整体未达阈值"),
    "across": ("- the interval lies across the threshold", "，区间跨越阈值"),
    "no_interval": ("- no interval can be given", "，无法给出区间"),
    "not_measured": ("- the metric could not be measured here", "该指标在此处无法测得"),
    "window_open": ("- its window is not over yet", "其观察窗口尚未结束"),
    "broken_split": ("- the split is broken, so no cause can be claimed", "，分组比例异常，不能作因果结论"),
    "before_after": ("- without a hold-out no cause can be claimed", "，没有留白组，不能作因果结论"),
}


def _known(value: float) -> float | None:
    return None if value != value else float(value)
