"""Attainment level by level, and where the gap between target and actual came from: sums that add up exactly."""

from __future__ import annotations

import pandas as pd

from helpers.findings import Figure, Finding, Text, Writer
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics import people_goods_place as pgp
from helpers.metrics.assets import held_on
from helpers.steps.post_mortem.cases import Case, metric_name, metric_unit
from helpers.steps.post_mortem.measures import Measures

BRIDGE = ("baseline", "branch", "drift", "draw", "effect", "actual", "gap", "target")


def attainment(case: Case) -> pd.DataFrame:
    """Set planned beside actual, from the goal down to what a team does every day.

    Returns
    -------
    DataFrame, one row a level
        ``level`` (goal, reach, message, participation, success, cost), ``planned`` (empty where the brief promised
        nothing, or where it planned for other customers than are looked at), ``actual``, ``attained`` = actual ÷ planned,
        ``level_unit`` of both, ``n``.
    """
    brief = case.brief
    people = case.treated
    whole = case.speaks_of_whole_plan
    reached = pgp.reached_stages(people, case.stages)
    cost = float(people["rewarded_cost"].sum())
    rows = []

    def add(level: str, planned: float | None, actual: float | None, unit: str, n: int) -> None:
        known = planned is not None and planned != 0 and actual is not None
        rows.append(
            {
                "level": level,
                "planned": float("nan") if planned is None else float(planned),
                "actual": float("nan") if actual is None else float(actual),
                "attained": actual / planned if known else float("nan"),
                "level_unit": unit,
                "n": n,
            }
        )

    if case.measured(case.goal_metric):
        mean = float(people[case.goal_metric].mean()) if len(people) else None
        target = brief.goal.target if brief else None
        add("goal", target, mean, metric_unit(case.goal_metric), len(people))
    planned_n = brief.n_planned if brief and whole and brief.n_planned else None
    add("reach", planned_n, len(case.people), "customers", len(case.people))
    for level, stage in (("message", "delivered"), ("participation", "joined"), ("success", "succeeded")):
        if stage in reached:
            add(level, None, float(reached[stage].mean()) if len(people) else None, "share", len(people))
    budget = (brief.budget if brief else case.campaign.budget) if whole or not brief else None
    add("cost", budget or None, cost, "money", len(people))
    return pd.DataFrame(rows)


def in_words(table: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Write the levels for a page, each in its own unit.

    Returns
    -------
    DataFrame
        ``level`` and, in both languages, ``planned_words, actual_words``; ``attained, n`` as they are.
    """
    shown = table[["level", "attained", "n"]].copy()
    for column in ("planned", "actual"):
        words = [
            Text.write(lambda w, v=value, u=unit: w.n(v, u), currency=currency)
            for value, unit in zip(table[column], table["level_unit"], strict=True)
        ]
        shown[f"{column}_words"] = pd.Series(words, index=table.index, dtype="object")
    return shown[["level", "planned_words", "actual_words", "attained", "n"]]


def attainment_finding(case: Case, table: pd.DataFrame) -> Finding:
    """Say whether the goal's level was reached, which is not yet what the campaign caused."""
    found = table[table["level"] == "goal"]
    name = metric_name(case.goal_metric)
    if found.empty or found["planned"].isna().all():
        text = Text(
            f"Attainment can't be told: no target for {name.en}, or it could not be measured here.",
            f"目标达成情况无法判断：{name.zh}缺少目标值，或在此处无法测得。",
        )
        return Finding("attainment", text, tone="warning")
    row = found.iloc[0]
    lower, upper = _mean_bounds(case.treated[case.goal_metric], case.alpha)
    unit = metric_unit(case.goal_metric)
    actual = Figure("goal_actual", float(row["actual"]), lower, upper, unit, int(row["n"]), case.period)
    reached = row["actual"] >= row["planned"]

    def sentence(w: Writer) -> str:
        target = w.n(row["planned"], unit)
        whose_en, whose_zh = case.whose_plan(w) or "the ", case.whose_plan(w)
        gap = w.n(row["actual"] - row["planned"], unit, signed=True)
        said = w("was reached", "已达成") if reached else w("was missed", "未达成")
        return w(
            f"{whose_en[0].upper()}{whose_en[1:]}target of {target} for {name.en} per {case.who(w)} {said}: {w.est(actual)}, "
            f"{gap} against the target. A level reached is not an effect: the season may have done it.",
            f"{case.who(w)}户均{name.zh}的{whose_zh}目标为 {target}，{said}：实际 {w.est(actual)}，与目标相差 {gap}。"
            "达标并不等于有效果：也可能是季节使然。",
        )

    return Finding(
        "attainment",
        Text.write(sentence, currency=case.bank.currency),
        (actual,),
        table="attainment",
        tone="good" if reached else "bad",
    )


def gap_bridge(case: Case, measures: Measures) -> pd.DataFrame:
    """Lead from the planned baseline to the target: what happened without the campaign, what it added, what is missing.

    Returns
    -------
    DataFrame, one row a piece of :data:`BRIDGE`; empty without a brief or a hold-out
        ``piece``, ``amount`` in the goal metric's unit: baseline + branch + drift + draw + effect = actual;
        actual + gap = target. ``drift`` is the hold-out's mean less the baseline. Where the brief planned for others than
        are looked at, ``branch`` is the level of those looked at before the launch less the baseline, and ``drift`` the
        hold-out's change since then; the piece is left out where that level is not known, and in its own plan.
        ``effect`` is the headline's, with several arms all treated together against the hold-out; ``draw`` is the part of
        the difference in means that the arms' past explains, and that chance gave them.
    """
    metric = case.goal_metric
    if case.brief is None or not case.control or not case.measured(metric) or case.treated.empty:
        return pd.DataFrame(columns=["piece", "amount"])
    goal = case.brief.goal
    is_held_out = case.people["arm"] == case.control
    actual = float(case.treated[metric].mean())
    held_out = float(case.people.loc[is_held_out, metric].mean())
    rows = measures.headline[measures.headline["metric"] == metric]
    effect = float((rows["estimate"] * rows["n"]).sum() / rows["n"].sum()) if len(rows) else actual - held_out
    before = None if case.speaks_of_whole_plan else level_before(case)
    amounts = {"baseline": goal.baseline}
    if before is None:
        amounts["drift"] = held_out - goal.baseline
    else:
        amounts["branch"] = float(before.mean()) - goal.baseline
        amounts["drift"] = held_out - float(before[is_held_out].mean())
    amounts["draw"] = actual - effect - sum(amounts.values())
    amounts |= {"effect": effect, "actual": actual, "gap": goal.target - actual, "target": goal.target}
    return pd.DataFrame({"piece": list(amounts), "amount": [float(value) for value in amounts.values()]})


def level_before(case: Case) -> pd.Series | None:
    """Each customer's level of the goal's metric before the launch, over as many days as it is measured in after it.

    Returns
    -------
    Series in the order of ``case.people``, or None
        Active days per window from the days before; change of assets between the last two month ends before the launch,
        scaled to the days that the campaign's own change runs over. None for other metrics, and without those days.
    """
    spans = {
        "active_days": case.window_days,
        "active_days_after": case.after_days,
        "active_days_net": case.window_days + case.after_days,
    }
    if case.goal_metric in spans:
        return case.people["active_days_before"] * spans[case.goal_metric] / case.before_days
    days = case.measuring
    if case.goal_metric != "aum_change" or len(days.base) < 2 or days.before is None or days.after is None:
        return None
    late, early = days.base[0], days.base[1]
    balances = case.bank.balances.semi_join(case.assigned, "customer_id")
    held = held_on(balances, {"late": late, "early": early}, customers=case.bank.customers)
    change = held.execute().set_index("customer_id").eval("late - early")
    scale = (days.after - days.before).days / (late - early).days
    # who has no balance by either day held nothing on both
    return case.people["customer_id"].map(change).fillna(0.0) * scale


def gap_tables(case: Case, *, min_group_size: int = MIN_GROUP_SIZE) -> dict[str, pd.DataFrame]:
    """Split the gap between target and actual over people, goods and place; each table adds up to the same gap.

    Parameters
    ----------
    case : Case
    min_group_size : int
        Smaller groups are shown together.

    Returns
    -------
    dict of table name to DataFrame
        ``people_stage`` (how far customers came), ``people_before`` (activity before the launch), ``goods_benefit`` (what
        they took), ``place_channel`` (first message), ``place_branch``: see `people_goods_place.contributions`. Empty
        tables without a target or a measured goal.
    """
    people = case.treated.copy()
    metric = case.goal_metric
    groups = {
        "people_stage": "stage",
        "people_before": "activity_before",
        "goods_benefit": "benefit",
        "place_channel": "channel",
        "place_branch": "branch",
    }
    if case.brief is None or not case.measured(metric) or people.empty:
        return {name: pd.DataFrame(columns=[by, "n", "share", "mean", "contribution"]) for name, by in groups.items()}
    people["stage"] = pgp.furthest_stage(people, case.stages)
    return {
        name: pgp.contributions(
            people, by=by, value=metric, target=case.brief.goal.target, min_group_size=min_group_size
        )
        for name, by in groups.items()
    }


def gap_finding(case: Case, bridge: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> Finding:
    """Say what the gap is made of, or why that can't be told."""
    if bridge.empty:
        text = Text(
            "What the gap is made of can't be told: it needs a brief with a target, a measured goal and a hold-out.",
            "缺口的构成无法拆解：需要有目标的简报、可测的目标指标和留白组。",
        )
        return Finding("gap", text, tone="warning")
    amounts = bridge.set_index("piece")["amount"]
    unit = metric_unit(case.goal_metric)
    n = len(case.treated)
    figures = (
        Figure("gap", amounts["gap"], unit=unit, n=n, period=case.period),
        Figure("drift", amounts["drift"], unit=unit, n=n, period=case.period),
    )
    worst = tables["people_stage"].iloc[0] if len(tables["people_stage"]) else None

    def sentence(w: Writer) -> str:
        def say(piece: str) -> str:
            return w.n(amounts[piece], unit, signed=True)

        size = w.n(abs(amounts["gap"]), unit)
        target_en, target_zh = f"{case.whose_plan(w) or 'the '}target", f"{case.whose_plan(w)}目标"
        missing = w(f"{size} short of {target_en}", f"距{target_zh}还差 {size}")
        if amounts["gap"] <= 0:
            missing = w(f"{size} beyond {target_en}", f"超出{target_zh} {size}")
        branch = ""
        if "branch" in amounts:
            branch = w(
                f"those looked at before the launch against it {say('branch')}, ",
                f"上线前此处客户与基线之差 {say('branch')}，",
            )
        elif not case.speaks_of_whole_plan:
            branch = w(
                "(how far those looked at here stood from it before the launch is not known, and lies in the drift) ",
                "（此处客户上线前与基线的差距未知，计入自然变化）",
            )
        plan = case.whose_plan(w)
        text = w(
            f"{plan[:1].upper()}{plan[1:]}{'planned' if plan else 'Planned'} baseline {w.n(amounts['baseline'], unit)}, "
            f"{branch}drift without the campaign {say('drift')}, chance of the draw {say('draw')}, difference to the hold-out "
            f"{say('effect')}: actual {w.n(amounts['actual'], unit)}, {missing} (n = {n:,}).",
            f"{plan}计划基线 {w.n(amounts['baseline'], unit)}，{branch}无活动时的自然变化 {say('drift')}，"
            f"抽样偶然差异 {say('draw')}，与留白组之差 {say('effect')}：实际 {w.n(amounts['actual'], unit)}，"
            f"{missing}（n = {n:,}）。",
        )
        if worst is not None and worst["contribution"] > 0 and amounts["gap"] > 0:
            stage = stage_name(str(worst["stage"])).say(w.language)
            part = w.n(worst["contribution"], unit, signed=True)
            is_offset = bool((tables["people_stage"]["contribution"] < 0).any())
            more = w("; other groups make up for part of it", "，其他组别抵补一部分") if is_offset else ""
            text += w(
                f" Of the gap, {part} lies with {w.n(int(worst['n']), 'customers')} who stopped at “{stage}”{more}.",
                f"其中 {part}来自止步于“{stage}”的 {w.n(int(worst['n']), 'customers')}{more}。",
            )
        return text

    return Finding("gap", Text.write(sentence, currency=case.bank.currency), figures, table="gap_bridge")


def stage_name(stage: str) -> Text:
    """Return the words for a stage of the funnel."""
    from helpers.findings.labels import label

    return label("stage").values.get(stage, Text(stage, stage))


def _mean_bounds(values: pd.Series, alpha: float) -> tuple[float | None, float | None]:
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return None, None
    half = float(t.ppf(1 - alpha / 2, n - 1) * values.std(ddof=1) / n**0.5)
    mean = float(values.mean())
    return mean - half, mean + half
