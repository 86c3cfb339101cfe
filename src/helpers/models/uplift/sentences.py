"""What uplift has to say, in both languages: is there a difference to use, does it hold, what is it worth, for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from helpers.findings import Figure, Finding, Text, Writer
from helpers.models.uplift.calibration import MATERIAL_MISS, SIGNIFICANT

if TYPE_CHECKING:
    from helpers.models.uplift.choice import LearnerChoice

CANDIDATE_NAMES = {
    "s_learner": Text("S-learner", "S-learner"),
    "t_learner": Text("T-learner", "T-learner"),
    "x_learner": Text("X-learner", "X-learner"),
    "r_learner": Text("R-learner", "R-learner"),
    "r_learner_rough": Text("hardly shrunk R-learner", "弱收缩 R-learner"),
    "dr_learner": Text("doubly robust learner", "双重稳健模型"),
}


def choice_finding(choice: LearnerChoice, *, key: str = "heterogeneity", period: str = "") -> Finding:
    """Say whether the effect differs over customers in a way that a learner can use.

    Parameters
    ----------
    choice : LearnerChoice
        From :func:`helpers.models.uplift.choose_learner`.
    key, period : str

    Returns
    -------
    Finding
        Its figure is the improvement on the same effect for everybody that comes from telling customers apart (of the
        best other candidate where none is chosen), per customer, in the unit of the criterion.
    """
    others = choice.table[choice.table["candidate"] != "constant"]
    row = (
        choice.table[choice.table["chosen"]].iloc[0]
        if choice.heterogeneous
        else (others if len(others) else choice.table).sort_values("from_differences").iloc[-1]
    )
    value, half = float(row["from_differences"]), 1.959963984540054 * float(row["from_differences_se"])
    figure = Figure(
        f"{key}_improvement",
        value,
        value - half,
        value + half,
        unit="score",
        n=int(row["n"]),
        period=period,
    )
    name = CANDIDATE_NAMES.get(str(row["candidate"]), Text(str(row["candidate"]), str(row["candidate"])))

    def sentence(w: Writer) -> str:
        size = _fine(figure, w)
        if choice.heterogeneous:
            return w(
                f"Whom the campaign moves differs over customers and can be predicted: on customers it has not "
                f"seen, telling them apart makes the {name.en} better than “the same effect for all” by {size}.",
                f"活动对不同客户的作用有差异，且可以预测：在未参与训练的客户上，{name.zh} 因区分客户而优于“人人相同”{size}。",
            )
        return w(
            f"No heterogeneity that we can use: by telling customers apart the best candidate ({name.en}) gains "
            f"{size}, not clearly more than nothing. Treat by cost and capacity, not by a score.",
            f"没有可利用的差异：最好的候选（{name.zh}）靠区分客户只改善{size}，与零无明显区别。请按成本和容量投放，不要按得分投放。",
        )

    return Finding(key, Text.write(sentence), (figure,), tone="good" if choice.heterogeneous else "warning")


def calibration_finding(test: Mapping[str, Any], *, key: str = "calibration", period: str = "") -> Finding:
    """Say whether predicted uplift is what is observed.

    Parameters
    ----------
    test : mapping
        From :func:`helpers.models.uplift.calibration_test`.
    key, period : str

    Returns
    -------
    Finding

    Examples
    --------
    >>> table = pd.DataFrame({"n": [500, 500], "predicted": [0.2, 0.1], "observed": [0.19, 0.11], "se": [0.02, 0.02]})
    >>> from helpers.models.uplift import calibration_test
    >>> calibration_finding(calibration_test(table)).tone
    'good'
    """
    miss = Figure(f"{key}_miss", float(test["estimate"]), unit="share", n=int(test["n"]), period=period)
    chance = Figure(f"{key}_p_value", float(test["p_value"]), unit="p_value", n=int(test["n"]), period=period)

    def sentence(w: Writer) -> str:
        p = w.n(test["p_value"], "p_value")
        p = f"p {p}" if p.startswith("<") else f"p = {p}"
        inside = w(f"({p}, n = {test['n']:,})", f"（{p}，n = {test['n']:,}）")
        size, limit = (w.n(share, "share") for share in (test["estimate"], MATERIAL_MISS))
        if test["passes"]:
            return w(
                f"Predicted uplift holds: beyond chance it misses what is observed by {size} of its size {inside}; it would "
                f"fail by more than {limit} with p < {SIGNIFICANT}.",
                f"预测增量与实测相符：剔除随机波动后，偏差为预测幅度的 {size}{inside}；偏差超过 {limit} 且 p < {SIGNIFICANT} 才算不符。",
            )
        return w(
            f"Predicted uplift does not hold: it misses what is observed by {size} of its size {inside}; no policy is "
            "priced on it.",
            f"预测增量与实测不符：偏差达预测幅度的 {size}{inside}，因此不据此给投放方案定价。",
        )

    return Finding(key, Text.write(sentence), (miss, chance), tone="good" if test["passes"] else "bad")


def policy_finding(
    curve: pd.DataFrame,
    *,
    currency: str = "",
    key: str = "policy",
    period: str = "",
    table: str = "policy_curve",
    metric: Text | None = None,
) -> Finding:
    """Say what the best rule within the budget is worth beside the rules to beat.

    Parameters
    ----------
    curve : DataFrame
        From :func:`helpers.models.uplift.policy_curve`.
    currency, key, period, table : str
    metric : Text, optional
        What alone is valued; the sentence begins with it.

    Returns
    -------
    Finding
        Figures: profit of ``best``, ``everyone`` (the better arm) and, if there, ``present``, in money over all ``n``.
    """
    rows = {"best": curve[curve["policy"] == "best"].iloc[0]}
    everyone = curve[curve["policy"] == "everyone"]
    rows["everyone"] = everyone.loc[everyone["profit"].idxmax()]
    present = curve[curve["policy"] == "present"]
    if len(present):
        rows["present"] = present.iloc[0]
    figures = {
        name: Figure(
            f"{key}_{name}",
            float(row["profit"]),
            float(row["lower"]),
            float(row["upper"]),
            unit="money",
            n=int(row["n"]),
            period=period,
        )
        for name, row in rows.items()
    }

    def sentence(w: Writer) -> str:
        text = worth(w)
        if metric is None:
            return text
        return w(f"Counting {metric.en} alone: {text[:1].lower()}{text[1:]}", f"仅计{metric.zh}：{text}")

    def worth(w: Writer) -> str:
        best = rows["best"]
        if not best["n_treated"]:
            return w(
                f"Nobody is predicted to bring more than treating costs, so the best choice treats no one; treating "
                f"everyone is worth {w.est(figures['everyone'])}.",
                f"预测没有客户带来的价值高于触达成本，最优选择是不投放；全部投放的收益为 {w.est(figures['everyone'])}。",
            )
        count, share = w.n(int(best["n_treated"]), "customers"), w.n(best["share_treated"], "share")
        text = w(
            f"Treating {count} ({share}) by predicted uplift is worth {w.est(figures['best'])} against treating no one; "
            f"treating everyone {w.est(figures['everyone'])}",
            f"按预测增量触达 {count}（{share}），较全不投放收益 {w.est(figures['best'])}；全部投放收益 "
            f"{w.est(figures['everyone'])}",
        )
        if "present" in figures:
            text += w(f"; the present rule {w.est(figures['present'])}", f"；现行规则收益 {w.est(figures['present'])}")
        return text + w(".", "。")

    best = rows["best"]
    tone = "good" if best["lower"] > 0 else "plain" if best["upper"] > 0 else "bad"
    return Finding(key, Text.write(sentence, currency=currency), tuple(figures.values()), table=table, tone=tone)


def groups_finding(
    groups: pd.DataFrame, *, key: str = "response_groups", period: str = "", table: str = "response_groups"
) -> Finding:
    """Say how many customers are persuadable or better left alone, and how many of them beyond doubt.

    Parameters
    ----------
    groups : DataFrame
        From :func:`helpers.models.uplift.response_groups`.
    key, period, table : str

    Returns
    -------
    Finding

    Examples
    --------
    >>> from helpers.models.uplift import response_groups
    >>> groups = response_groups([0.2, -0.2], baseline=[0.1, 0.5], lower=[0.1, -0.5], upper=[0.3, 0.1])
    >>> groups_finding(groups).text.en
    'Of 2 customers 1 count as persuadable, 1 of them beyond doubt; 1 as better left alone, 0 of them beyond doubt.'
    """
    by = groups.set_index("response_group")
    n = int(groups["n"].sum())
    figures = tuple(
        Figure(f"{key}_{name}_{count}", int(by.loc[name, column]), unit="customers", n=n, period=period)
        for name in ("persuadable", "do_not_disturb")
        for count, column in (("n", "n"), ("beyond_doubt", "n_beyond_doubt"))
    )
    move, sure_move, leave, sure_leave = (int(figure.value) for figure in figures)

    def sentence(w: Writer) -> str:
        return w(
            f"Of {n:,} customers {move:,} count as persuadable, {sure_move:,} of them beyond doubt; {leave:,} as better "
            f"left alone, {sure_leave:,} of them beyond doubt.",
            f"{n:,} 名客户中，{move:,} 人属可说服型，其中 {sure_move:,} 人区间可确认；{leave:,} 人不宜打扰，"
            f"其中 {sure_leave:,} 人区间可确认。",
        )

    return Finding(key, Text.write(sentence), figures, table=table)


def _fine(figure: Figure, w: Writer) -> str:
    """Write an improvement with the digits that it needs: it may be a thousandth of a share."""
    value, low, high = (f"{part:.3g}".replace("-", "−") for part in (figure.value, figure.lower, figure.upper))
    return w(
        f"{value} per customer (95 % CI {low} to {high}, n = {figure.n:,})",
        f"每人 {value}（95% 置信区间 {low} 至 {high}，n = {figure.n:,}）",
    )
