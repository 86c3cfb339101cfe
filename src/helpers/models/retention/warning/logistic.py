"""The model behind the churn warning: logistic, with a light ridge, recalibrated on its latest day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from helpers.models.retention.warning import features

# As if ten average customers had been seen without a difference: nothing in a bank, a brake in a branch.
_RIDGE = 10.0
_BLOCK = 4096


class Logistic:
    """Logistic regression with a light ridge, recalibrated on its latest training day."""

    def __init__(self, attributes: Sequence[str]) -> None:
        self.attributes = attributes

    def fit(self, past: list[tuple[pd.DataFrame, date]], gaps: pd.DataFrame, horizon: int) -> Logistic:
        """Fit to training days, the latest first."""
        tables = [table for table, _ in past]
        labels = [label_of(table, gaps, cutoff, horizon) for table, cutoff in past]
        everything = pd.concat(tables, ignore_index=True)
        label = np.concatenate(labels)
        self.base_rate_ = float(label.mean()) if len(label) else 0.0
        self.design_ = features.Design(self.attributes).fit(everything)
        self.intercept_, self.slope_, start = 0.0, 1.0, None
        if len(past) > 1 and 0 < labels[0].sum() < len(labels[0]):
            older = np.concatenate(labels[1:])
            if 0 < older.sum() < len(older):
                early = newton(self.design_.matrix(pd.concat(tables[1:], ignore_index=True)), older, _RIDGE)
                start = early
                score = early[0] + self.design_.matrix(tables[0]) @ early[1:]
                self.intercept_, self.slope_ = newton(score[:, None], labels[0], 1e-6)
        self.coef_ = newton(self.design_.matrix(everything), label, _RIDGE, start)
        return self

    def predict(self, table: pd.DataFrame) -> np.ndarray:
        """Probabilities of shape (n,)."""
        score = self.coef_[0] + self.design_.matrix(table) @ self.coef_[1:]
        # A negative slope would turn the ranking round on the word of one day.
        return expit(self.intercept_ + max(self.slope_, 0.0) * score)

    def table(self) -> pd.DataFrame:
        """Coefficients per standard deviation, the strongest first."""
        table = pd.DataFrame({"feature": self.design_.names_, "coef": self.coef_[1:]})
        return table.reindex(table["coef"].abs().sort_values(ascending=False, kind="stable").index)


def label_of(table: pd.DataFrame, gaps: pd.DataFrame, cutoff: date, horizon: int) -> np.ndarray:
    """Whether each customer of a cut-off day fell silent within the horizon, 0/1."""
    until = int(features.day_number(pd.Series([cutoff]))[0]) + horizon
    return features.fell_silent(table, gaps, until_day=until)


def newton(x: np.ndarray, y: np.ndarray, ridge: float, start: np.ndarray | None = None) -> np.ndarray:
    """Ridge logistic regression by Newton steps; the intercept comes first and is not shrunk."""
    n, p = x.shape
    penalty = np.full(p + 1, ridge)
    penalty[0] = 0.0
    coef = np.zeros(p + 1)
    coef[0] = logit((y.sum() + 0.5) / (n + 1))
    if y.min(initial=1) == y.max(initial=0):
        return coef
    if start is not None:
        coef = start.copy()
    for _ in range(50):
        gradient, hessian = -penalty * coef, np.diag(penalty + 1e-9)
        # Blocks stay in the processor's cache; the whole weighted design would be copied every time.
        for begin in range(0, n, _BLOCK):
            rows = x[begin : begin + _BLOCK]
            probability = expit(coef[0] + rows @ coef[1:])
            residual, spread = y[begin : begin + _BLOCK] - probability, probability * (1 - probability)
            weighted = rows * spread[:, None]
            gradient[0] += residual.sum()
            gradient[1:] += residual @ rows
            hessian[0, 0] += spread.sum()
            hessian[0, 1:] += weighted.sum(axis=0)
            hessian[1:, 1:] += weighted.T @ rows
        hessian[1:, 0] = hessian[0, 1:]
        step = np.linalg.solve(hessian, gradient)
        step *= min(1.0, 5.0 / max(np.abs(step).max(), 1e-12))
        coef += step
        # Newton squares its error: the step after one of 1e-5 would be of 1e-10.
        if np.abs(step).max() < 1e-5:
            break
    return coef
