"""Which benefits suit the segment, and what the bank's own rewards say about their use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helpers.findings import Figure, Finding, Text, Writer
from helpers.metrics.benefits import read_benefits
from helpers.steps.activities.words import segment_name

if TYPE_CHECKING:
    import pandas as pd

    from helpers.steps.activities.chosen import ChosenForm


def benefit_finding(table: pd.DataFrame, chosen: ChosenForm) -> Finding:
    """Say which of the form's benefits are used, or that no reward of the past tells.

    One is said to be used most only if its interval lies above those of all others.

    Parameters
    ----------
    table : DataFrame
        As `helpers.metrics.benefits.benefit_history` gives.
    chosen : ChosenForm
    """
    who = segment_name(chosen.plan.segment)
    known = read_benefits()
    mine = table[table["benefit"].isin(chosen.form.benefits)]
    own = mine[mine["is_own"]].sort_values("redeemed_share", ascending=False)
    names = Text(
        ", ".join(known[b].name.en for b in chosen.form.benefits if b in known),
        "、".join(known[b].name.zh for b in chosen.form.benefits if b in known),
    )
    if own.empty:
        return Finding(
            "benefits",
            Text(
                f"Benefits of the form: {names.en}. No past reward to {who.en} says how they are used.",
                f"该形式的权益：{names.zh}。历史上没有对{who.zh}的发放记录可说明使用情况。",
            ),
            table="benefits",
        )
    best = own.iloc[0]
    label = known[best["benefit"]].name
    figure = Figure(
        "redeemed_share",
        float(best["redeemed_share"]),
        float(best["redeemed_lower"]),
        float(best["redeemed_upper"]),
        "share",
        int(best["n_granted"]),
    )
    rest = own.iloc[1:]

    def sentence(w: Writer) -> str:
        share = w(f"the share of {label.en} that was used is {w.est(figure)}", f"{label.zh}的使用率为 {w.est(figure)}")
        if len(rest) and (rest["redeemed_upper"] < best["redeemed_lower"]).all():
            share = w(f"{label.en} were used most: {w.est(figure)}", f"{label.zh}使用率最高：{w.est(figure)}")
        elif len(rest):
            others = [f"{known[row.benefit].name.say(w.language)} {_used(w, row)}" for row in rest.itertuples()]
            share = w(
                f"none can be told to be used more than all others: {label.en} {w.est(figure)}, {', '.join(others)}",
                f"看不出哪一种使用率高于其余各种：{label.zh} {w.est(figure)}，{'，'.join(others)}",
            )
        return w(
            f"Benefits of the form: {names.en}. Of those granted to {who.en} before, {share}. Grants are counted, not "
            "customers; use says that a benefit is liked, not that it moves anybody.",
            f"该形式的权益：{names.zh}。过去发给{who.zh}的权益中，{share}。按发放份数计，不按客户数计；"
            "使用率只说明受欢迎，不说明带来改变。",
        )

    return Finding("benefits", Text.write(sentence), (figure,), table="benefits")


def _used(w: Writer, row: Any) -> str:
    return w.est(
        Figure("used", row.redeemed_share, row.redeemed_lower, row.redeemed_upper, "share", int(row.n_granted))
    )
