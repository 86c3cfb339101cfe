"""Objective, goals, strategies, measures: the plan on one page, every measure bound to `metrics.yml`."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from pydantic import Field, field_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text, Writer
from helpers.findings.spoken import unknown
from helpers.metrics.definitions import Metric, read_metrics
from helpers.models.forecast.aum import LEVERS as AUM_LEVERS
from helpers.models.forecast.mau import LEVERS as MAU_LEVERS
from helpers.steps.goals.split import Split

# Measures that this step can count; the others come with the campaigns and channels of later steps.
MEASURED_HERE = frozenset(
    {
        "activation_rate",
        "active_days",
        "aum_per_active",
        "balance_outflow_rate",
        "month_retention",
        "net_new_money",
        "new_customers",
        "newcomer_retention",
        "penetration",
        "silence_rate",
        "win_back_rate",
    }
)


class Strategy(catalogue.Entry):
    """One lever of `ogsm.yml`: the goal it serves, its strategy, the measures that show whether it works."""

    goal: Literal["mau", "aum"]
    name: catalogue.Words
    strategy: catalogue.Words
    measures: tuple[str, ...] = Field(min_length=1)
    pool: catalogue.Words

    @field_validator("measures")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        metrics = read_metrics()
        for slug in value:
            if slug not in metrics:
                raise SpokenError(unknown(Text("metric", "指标"), slug, metrics))
        return value


def read_strategies(*, folder: str = "") -> dict[str, Strategy]:
    """Read `ogsm.yml`; ValueError if a lever is missing, stands under the wrong goal, or a measure is unknown.

    Examples
    --------
    >>> read_strategies()["retain"].measures
    ('month_retention', 'active_days')
    """
    found = catalogue.read("ogsm", Strategy, folder=folder)
    needed = {**dict.fromkeys(MAU_LEVERS, "mau"), **dict.fromkeys(AUM_LEVERS, "aum")}
    if {lever: entry.goal for lever, entry in found.items()} != needed:
        raise SpokenError(
            Text(
                "ogsm.yml: entries must be the levers with their goals, "
                + ", ".join(f"{lever} ({goal})" for lever, goal in needed.items()),
                "ogsm.yml：entries 应为各抓手及其目标，即 "
                + "、".join(f"{lever}（{goal}）" for lever, goal in needed.items()),
            )
        )
    return found


def ogsm_table(
    mau: Split,
    aum: Split,
    *,
    usage: pd.DataFrame,
    factors: pd.DataFrame,
    lifecycle: pd.DataFrame,
    pools: pd.DataFrame,
) -> pd.DataFrame:
    """Bind the plan to its measures: what each stands at, and what the plan asks.

    Parameters
    ----------
    mau, aum : Split
    usage : DataFrame (:func:`helpers.metrics.activity.usage_by_month`)
    factors : DataFrame (:func:`helpers.metrics.assets.asset_factors`)
    lifecycle : DataFrame (:func:`helpers.metrics.lifecycle.lifecycle`)
    pools : DataFrame (:func:`helpers.metrics.activity.activity_pools`)

    Returns
    -------
    DataFrame, one row a lever and measure
        ``goal``, ``lever``, ``lever_gap`` (customers or money that the lever adds), ``metric`` (slug), ``unit``,
        ``direction``, ``now``, ``asked`` (NaN where step 1 doesn't measure it or the plan asks nothing of it).
    """
    metrics = read_metrics()
    now, asked = _levels(mau, aum, usage=usage, factors=factors, lifecycle=lifecycle, pools=pools)
    rows = []
    for lever, entry in read_strategies().items():
        split = mau if entry.goal == "mau" else aum
        gap = int(split.levers.set_index("lever").loc[lever, "lever_gap"])
        rows += [
            (entry.goal, lever, gap, slug, metrics[slug].unit, metrics[slug].direction, now.get(slug), asked.get(slug))
            for slug in entry.measures
        ]
    columns = ["goal", "lever", "lever_gap", "metric", "unit", "direction", "now", "asked"]
    return pd.DataFrame(rows, columns=columns).astype({"now": float, "asked": float})


def ogsm_page(table: pd.DataFrame, mau: Split, aum: Split, *, currency: str) -> pd.DataFrame:
    """Write the OGSM table as a reader wants it: goal, strategy, measures with their numbers and owners.

    Parameters
    ----------
    table : DataFrame (:func:`ogsm_table`)
    mau, aum : Split
    currency : str

    Returns
    -------
    DataFrame of Text cells, one row a lever, for `Page.table`
    """
    metrics, strategies = read_metrics(), read_strategies()
    goals = {split.metric: _goal(split, currency) for split in (mau, aum)}
    rows = []
    for lever, rowset in table.groupby("lever", sort=False):
        entry, goal, gap = strategies[str(lever)], rowset["goal"].iloc[0], int(rowset["lever_gap"].iloc[0])
        unit = metrics[goal].unit
        strategy = Text.write(
            lambda w, e=entry, g=gap, u=unit: w(
                f"{e.name.en} ({w.n(g, u, signed=True)}): {e.strategy.en}",
                f"{e.name.zh}（{w.n(g, u, signed=True)}）：{e.strategy.zh}",
            ),
            currency=currency,
        )
        measures = [_measure(metrics[row["metric"]], row, currency) for row in rowset.to_dict("records")]
        owners = list(dict.fromkeys(metrics[slug].owner.text for slug in rowset["metric"]))
        rows.append((goals[goal], strategy, _join(measures), _join(owners)))
    return pd.DataFrame(rows, columns=["ogsm_goal", "ogsm_strategy", "ogsm_measures", "ogsm_owner"])


def _measure(metric: Metric, row: dict[str, Any], currency: str) -> Text:
    """Write a measure: its name, where it stands, and what is asked where the plan asks something."""

    def words(w: Writer) -> str:
        name = metric.name.say(w.language)
        if row["now"] != row["now"]:
            return (
                f"{name} –" if row["metric"] in MEASURED_HERE else w(f"{name} (later step)", f"{name}（后续步骤测算）")
            )
        now = w.n(row["now"], row["unit"])
        if row["asked"] != row["asked"]:
            return w(f"{name} {now}", f"{name} {now}")
        return w(f"{name} {now} → {w.n(row['asked'], row['unit'])}", f"{name} {now} → {w.n(row['asked'], row['unit'])}")

    return Text.write(words, currency=currency)


def _join(texts: list[Text]) -> Text:
    return Text("; ".join(t.en for t in texts), "；".join(t.zh for t in texts))


def _goal(split: Split, currency: str) -> Text:
    en, zh = ("MAU", "月活") if split.metric == "mau" else ("AUM", "AUM")
    end = str(split.projection.end["month"]) if split.projection.is_possible else "–"
    unit = "count" if split.metric == "mau" else "money"
    return Text.write(
        lambda w: w(
            f"{en} {w.n(split.projection.now, unit)} → {w.n(split.target.value, unit)} by {end}",
            f"{zh} {w.n(split.projection.now, unit)} → {w.n(split.target.value, unit)}（{end}）",
        ),
        currency=currency,
    )


def _levels(
    mau: Split,
    aum: Split,
    *,
    usage: pd.DataFrame,
    factors: pd.DataFrame,
    lifecycle: pd.DataFrame,
    pools: pd.DataFrame,
) -> tuple[dict[str, float], dict[str, float]]:
    now: dict[str, float] = {}
    asked: dict[str, float] = {}
    if mau.plan is not None:
        state = mau.projection.model.state_
        waiting = int(pools["never_active"].sum()) if len(pools) else 0
        for levels, column in ((now, "level"), (asked, "asked")):
            d = mau.plan.levers.set_index("driver")[column]
            levels["new_customers"] = d["arrive_joined_now"] + d["arrive_joined_earlier"]
            levels["month_retention"] = d["stay_old"]
            levels["newcomer_retention"] = d["stay_new"]
            first = d["arrive_joined_earlier"]
            # Nobody waits to be activated: there is no rate to speak of.
            levels["activation_rate"] = first / (waiting + first) if waiting else float("nan")
            away = ["return_after_1", "return_after_2", "return_later"]
            back = sum(d[rate] * state[rate] for rate in away)
            sleeping = float(state[away].sum())
            levels["win_back_rate"] = back / sleeping if sleeping else float("nan")
    if aum.plan is not None:
        for levels, column in ((now, "level"), (asked, "asked")):
            d = aum.plan.levers.set_index("driver")[column]
            opening = aum.projection.now
            levels["net_new_money"] = (d["inflow_rate"] - d["outflow_rate"]) * opening + d["first_assets"]
            levels["balance_outflow_rate"] = d["outflow_rate"]
    if len(usage):
        now["active_days"] = float(usage["active_days_mean"].iloc[-1])
    last = factors[factors["month"] == factors["month"].max()] if len(factors) else factors
    active = last[last["is_active"].astype(bool)]
    if len(active) and int(active["customers"].sum()):
        customers = int(active["customers"].sum())
        now["aum_per_active"] = float(active["aum"].sum()) / customers
        now["penetration"] = int(active["holders"].sum()) / customers
    if len(lifecycle):
        end = lifecycle[lifecycle["month"] == lifecycle["month"].max()].set_index("lifecycle_state")["customers"]
        once = int(end.sum() - end["potential"])
        now["silence_rate"] = int(end["churning"]) / once if once else float("nan")
    return now, asked
