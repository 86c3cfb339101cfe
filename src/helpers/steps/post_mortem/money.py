"""What the campaign moved in money, uncapped and capped, and whether it stayed."""

from __future__ import annotations

from helpers.findings import Figure, Finding, Text, Writer
from helpers.steps.post_mortem import cases
from helpers.steps.post_mortem.cases import Case
from helpers.steps.post_mortem.measures import Measures


def money_findings(case: Case, measures: Measures) -> list[Finding]:
    """Say what the campaign moved in money, and whether it stayed when the bait was gone."""
    if measures.row("aum_change") is None or measures.basis != "randomised":
        reason = Text("no balance day after the window yet", "窗口期后尚无余额数据")
        if measures.basis == "rollout":
            reason = Text("between branches only activity is compared", "网点之间仅比较活跃")
        elif measures.basis != "randomised":
            reason = Text("no sound hold-out", "没有可靠的留白组")
        text = Text(
            f"The effect on money can't be told: {reason.en}.",
            f"无法判断对资金的效果：{reason.zh}。",
        )
        return [Finding("money", text, tone="warning")]
    return [_money_finding(case, measures, arm) for arm in case.arms if measures.row("aum_change", arm) is not None]


def _money_finding(case: Case, measures: Measures, arm: str) -> Finding:
    tail = "" if len(case.arms) == 1 else f"_{arm}"
    during, kept = measures.row("aum_change", arm), measures.row("aum_kept_change", arm)
    period = f"{case.measuring.before}/{case.measuring.after}"
    bounds = (during["estimate"], during["lower"], during["upper"])
    figures = [Figure(f"effect_aum{tail}", *bounds, "money_each", int(during["n"]), period)]
    if kept is not None:
        figures.append(
            Figure(
                f"effect_aum_kept{tail}", kept["estimate"], kept["lower"], kept["upper"], "money_each", int(kept["n"])
            )
        )
    beside = measures.capped("aum_change", arm)
    if beside is not None:
        figures.append(
            Figure(
                f"effect_aum_capped{tail}",
                beside["estimate"],
                beside["lower"],
                beside["upper"],
                "money_each",
                int(beside["n"]),
                period,
            )
        )

    def sentence(w: Writer) -> str:
        named = cases.arm_name(arm, w.language)
        of_arm = "" if not tail else w(f"Arm {named}: ", f"{named}组：")
        cap = "" if beside is None else capped_words(w, figures[-1]) + w(" ", "")
        text = of_arm + w(
            f"From {case.measuring.before} to {case.measuring.after} assets per treated customer moved by "
            f"{w.est(figures[0], signed=True)} against those held out. {cap}",
            f"{case.measuring.before} 至 {case.measuring.after}，相对留白组，实验组户均资产变化 "
            f"{w.est(figures[0], signed=True)}。{cap}",
        )
        if kept is None:
            return text + w(
                "Whether it stays is not known before 31-90 days after the campaign's end.",
                "能否留存，要到活动结束 31–90 天后才知道。",
            )
        text += w(
            f"Of days 31-90 after the end the difference is {w.est(figures[1], signed=True)}: ",
            f"结束后第 31–90 天的差异为 {w.est(figures[1], signed=True)}：",
        )
        if during["lower"] > 0 and kept["lower"] <= 0:
            return text + w(
                "what rose for the measuring day can't be shown to have stayed.", "考核时点的上升未能证明留了下来。"
            )
        if kept["lower"] > 0:
            return text + w("the money stayed.", "资金留了下来。")
        if kept["upper"] < 0:
            return text + w("less was kept than by those held out.", "留存低于留白组。")
        if during["upper"] < 0:
            return text + w("the loss of the window can't be shown to have lasted.", "窗口期的下降未能证明持续。")
        return text + w("neither a rise nor a loss of money can be shown.", "资金增减均无法确认。")

    tone = "bad" if kept is not None and during["lower"] > 0 and kept["lower"] <= 0 else "plain"
    return Finding(
        f"money{tail}", Text.write(sentence, currency=case.bank.currency), tuple(figures), table="effects", tone=tone
    )


def capped_words(w: Writer, figure: Figure) -> str:
    """Say the estimate that a few large sums don't decide, and that it is too small where these were the effect."""
    number = w.est(figure, signed=True)
    return w(
        f"With the largest amounts capped: {number}, steadier, but without part of what large sums brought.",
        f"大额封顶后为 {number}，更稳健，但略去了部分大额资金的贡献。",
    )
