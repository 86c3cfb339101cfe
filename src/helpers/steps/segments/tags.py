"""What the tag audit says."""

from __future__ import annotations

import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.findings.labels import label
from helpers.metrics import tags as tag_metrics
from helpers.steps.segments.subject import Focus

AUDIT_COLUMNS = (
    "tag",
    "family",
    "verdict",
    "coverage",
    "stale_share",
    "n_compared",
    "agreement",
    "agreement_lower",
    "agreement_upper",
)
SIGNAL_COLUMNS = (
    "tag",
    "n",
    "lowest",
    "lowest_active_share",
    "highest",
    "highest_active_share",
    "spread",
    "tells_apart",
)

# Verdicts of tags that are not to be relied on before something was done.
NOT_YET = ("wash", "fill", "refresh")


def audit(focus: Focus) -> pd.DataFrame | None:
    """Audit the bank's tags over all open customers, once a focus; None where the bank has no tags."""
    if "tag_audit" not in focus.asked:
        focus.asked["tag_audit"] = tag_metrics.tag_audit(focus.bank, focus.base)
    return focus.asked["tag_audit"]


def warning_of(focus: Focus, tag: str) -> Text | None:
    """Return what the audit says against a tag, as “the tag “Preferred benefit” is rated “fill first””; None if nothing."""
    table = audit(focus)
    rows = (
        [] if table is None else table.loc[(table["tag"] == tag) & table["verdict"].isin(NOT_YET), "verdict"].tolist()
    )
    if not rows:
        return None
    entry = tag_metrics.read_tags().get(tag)
    name = entry.name.text if entry else Text(tag, tag)
    verdict = label("verdict").values[rows[0]]
    return Text(
        f"the tag “{name.en}” is rated “{verdict.en}” in the tag audit", f"标签“{name.zh}”的盘点结论为“{verdict.zh}”"
    )


def signals(focus: Focus) -> pd.DataFrame | None:
    """Test what each tag tells apart; None where the bank has no tags."""
    return tag_metrics.tag_signals(focus.bank, focus.base, min_group_size=focus.min_group_size)


def tag_text(focus: Focus) -> Text | None:
    """Say what a past day hides of a tags table that keeps the newest value only; None on the last day of the log."""
    bank = focus.bank
    if bank.tags is None or bank.whole is None or bank.as_of >= bank.whole.as_of:
        return None
    return Text(
        f"The tags table keeps the newest value only: those refreshed after {bank.as_of} are not seen on this page, so "
        "coverage is a lower bound.",
        f"标签表只保留最新值：{bank.as_of} 之后更新过的值在本页不可见，覆盖率偏低。",
    )


def tag_finding(focus: Focus, audit: pd.DataFrame | None, signals: pd.DataFrame | None) -> Finding:
    """Say how many tags can be relied on, which is the worst, and how many tell customers apart."""
    day = focus.bank.as_of.isoformat()
    if audit is None or signals is None or audit.empty:
        return Finding(
            "tag_audit",
            Text(
                "The bank has no tags table: no tag can be audited, and this step stands on the customers table alone.",
                "本行没有标签表，无法盘点标签；本步骤只依据客户表。",
            ),
            tone="warning",
        )
    usable = int((audit["verdict"] == "use").sum())
    apart = int(signals["tells_apart"].sum()) if len(signals) else 0
    figures = [
        Figure("tags_usable", usable, unit="count", n=len(audit), period=day),
        Figure("tags_telling_apart", apart, unit="count", n=len(signals), period=day),
    ]
    wrong = audit[audit["verdict"] == "wash"].sort_values("agreement")
    names = tag_metrics.read_tags()
    if len(wrong):
        row = wrong.iloc[0]
        entry = names.get(row["tag"])
        name = entry.name.text if entry else Text(row["tag"], row["tag"])
        worst = Figure(
            "tag_worst_agreement",
            row["agreement"],
            row["agreement_lower"],
            row["agreement_upper"],
            "share",
            int(row["n_compared"]),
            day,
        )
        figures.append(worst)

        def write(w):
            return w(
                f"{usable} of {len(audit)} tags can be used as they are, and {apart} of {len(signals)} tell frequent "
                f"users from others. The least reliable is “{name.en}”: it agrees with its source for "
                f"{w.est(worst)} of "
                f"the customers compared.",
                f"{len(audit)} 个标签中 {usable} 个可直接使用，{len(signals)} 个中有 {apart} 个能区分活跃与不活跃客户。"
                f"最不可靠的是“{name.zh}”：与来源一致的客户占 {w.est(worst)}。",
            )
    else:

        def write(w):
            return w(
                f"{usable} of {len(audit)} tags can be used as they are (n = {focus.n_base:,} customers), and "
                f"{apart} of "
                f"{len(signals)} tell frequent users from others; none is surely wrong where it could be checked.",
                f"{len(audit)} 个标签中 {usable} 个可直接使用（n = {focus.n_base:,} 人），{len(signals)} "
                f"个中有 {apart} 个能区分"
                f"活跃与不活跃客户；可核对的标签未发现明显错误。",
            )

    tone = "good" if usable == len(audit) else "warning" if len(wrong) else "plain"
    return Finding("tag_audit", Text.write(write), tuple(figures), table="tag_audit", tone=tone)
