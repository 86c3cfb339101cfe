"""What a churn warning's back-test says, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from helpers.findings import Figure, Finding, Text, Writer
from helpers.models.retention.warning import scores


def finding(row: Mapping[str, Any], *, n_days: int, alpha: float, key: str) -> Finding:
    """Say whether the warning was better than the base rate.

    Parameters
    ----------
    row : mapping
        The back-test's row for all test days of one horizon.
    n_days : int
        How many test days those were.
    alpha : float
        1 minus the confidence level.
    key : str
        Start of the finding's and its figures' keys.
    """
    horizon, n = int(row["horizon_days"]), int(row["n"])
    rank = Figure(f"{key}_auc_{horizon}", row["auc"], row["auc_lower"], row["auc_upper"], "score", n)
    skill = Figure(f"{key}_skill_{horizon}", row["skill"], row["skill_lower"], row["skill_upper"], "share", n)
    low, high = scores.wilson(np.array([row["lapsed"]], float), np.array([row["n"]], float), alpha)
    rate = Figure(f"{key}_base_rate_{horizon}", row["base_rate"], float(low[0]), float(high[0]), "share", n)

    def better(w: Writer) -> str:
        return w(
            f"On {n_days} past cut-off days the warning beat the base rate: {w.est(rate)} of the customers "
            f"fell silent within {horizon} days; the squared error of the probabilities was "
            f"{w.est(skill)} smaller, and the AUC was {w.est(rank)}.",
            f"在过去 {n_days} 个截止日的回测中，预警优于基准率：{horizon} 天内沉默的客户占 {w.est(rate)}；"
            f"预测的均方误差降低 {w.est(skill)}，AUC 为 {w.est(rank)}。",
        )

    def no_better(w: Writer) -> str:
        return w(
            f"The warning is no better than the base rate: on {n_days} past cut-off days {w.est(rate)} of "
            f"the customers fell silent within {horizon} days, and the squared error was "
            f"{w.est(skill)} smaller than that rate's. Do not choose customers by it.",
            f"预警并不优于基准率：在过去 {n_days} 个截止日的回测中，{horizon} 天内沉默的客户占 {w.est(rate)}，"
            f"均方误差相对基准率降低 {w.est(skill)}。请勿据此挑选客户。",
        )

    text = Text.write(better if row["better"] else no_better)
    tone = "plain" if row["better"] else "warning"
    return Finding(f"{key}_{horizon}", text, (rank, skill, rate), table="churn_backtest", tone=tone)
