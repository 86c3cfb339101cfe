"""Whom a campaign moves: learnt on one whose arms were drawn by chance, checked, priced, and asked about other customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.findings import Finding, Text
from helpers.models import uplift

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_IN_ARM = 300
N_SPLITS = 8
# Of the mean effect: a customer whose predicted effect is smaller than this part of it counts as not moved.
SMALL_EFFECT = 0.25
# Money is skewed: the few richest would decide every split of a tree.
_LOG = ("aum_before",)


@dataclass(frozen=True)
class Targeting:
    """What one campaign teaches about whom to treat.

    Attributes
    ----------
    metric : str
        The outcome that was learnt.
    n, n_control : int
    choice : LearnerChoice
    features : tuple of str
    middle : dict
        Median of each feature, for customers of whom it isn't known.
    deciles : DataFrame
        :func:`helpers.models.uplift.calibration_by_decile` of predictions for customers not seen; empty without a difference.
    test : mapping or None
        :func:`helpers.models.uplift.calibration_test` of them.
    groups : DataFrame
        :func:`helpers.models.uplift.response_groups`, with the mean of each feature in each group; empty without a difference.
    curve : DataFrame
        :func:`helpers.models.uplift.policy_curve` in money; empty without a difference, or where calibration fails.
    """

    metric: str
    n: int
    n_control: int
    choice: uplift.LearnerChoice
    features: tuple[str, ...]
    middle: dict[str, float]
    deciles: pd.DataFrame
    test: uplift.Estimate | None
    groups: pd.DataFrame
    curve: pd.DataFrame

    @property
    def is_usable(self) -> bool:
        """True where customers differ, and the prediction of how holds."""
        return self.choice.heterogeneous and self.test is not None and bool(self.test["passes"])

    def predict(self, known: pd.DataFrame) -> np.ndarray:
        """Predicted effect on each customer, ``(n,)``, in the metric's unit.

        Parameters
        ----------
        known : DataFrame
            From :func:`helpers.metrics.known_before.known_before`.
        """
        return np.asarray(self.choice.learner.predict(_matrix(known, self.features, self.middle)))


def enough(arms: pd.Series, control: str) -> bool:
    """Tell whether both the hold-out and the rest have the customers that learning takes."""
    n_control = int((arms == control).sum())
    return min(n_control, len(arms) - n_control) >= LEAST_IN_ARM


def learn(
    people: pd.DataFrame,
    *,
    features: Sequence[str],
    metric: str,
    control: str,
    priced_as: str = "",
    value: float = 0.0,
    cost_each: float = 0.0,
    budget: float | None = None,
    alpha: float = 0.05,
) -> Targeting | None:
    """Learn from a campaign with drawn arms whom it moves.

    Parameters
    ----------
    people : DataFrame, one row a customer assigned
        ``arm``, ``propensity`` of it, the metric, and the features, all measured before the launch.
    features : sequence of str
    metric : str
        Column of the outcome.
    control : str
        Arm held out; all others count as treated together.
    priced_as : str
        Column of the outcome whose money counts, such as active days net of what was pulled forward; empty: ``metric``.
    value : float
        Money that a unit of it is worth.
    cost_each : float
        Money that treating a customer costs, as intended, taking part or not.
    budget : float, optional
        Most money for the customers of this campaign.
    alpha : float
        1 minus the confidence level.

    Returns
    -------
    Targeting or None
        None where it can't be asked: an arm with fewer than `LEAST_IN_ARM` customers, or an outcome that never varies.
    """
    treated = (people["arm"] != control).to_numpy().astype(int)
    outcome = people[metric].to_numpy(float)
    n, n_control = len(people), int((treated == 0).sum())
    if not enough(people["arm"], control) or not np.ptp(outcome) > 0:
        return None
    features = tuple(name for name in features if name in people and people[name].nunique() > 1)
    if not features:
        return None
    middle = {name: float(people[name].median()) for name in features}
    X = _matrix(people, features, middle)
    share = 1 - float(people.loc[treated == 0, "propensity"].mean())
    drawn = {"propensity": share} if 0 < share < 1 else {}
    choice = uplift.choose_learner(X, outcome, treated, alpha=alpha, **drawn)
    none = pd.DataFrame()
    if not choice.heterogeneous:
        return Targeting(metric, n, n_control, choice, features, middle, none, None, none, none)
    arms = {"y": outcome, "treatment": treated, "outcomes": choice.expected_outcomes, **drawn}
    deciles = uplift.calibration_by_decile(outcome, choice.out_of_fold, treated, alpha=alpha, **drawn)
    test = uplift.calibration_test(deciles)
    bounds = uplift.uplift_intervals(
        choice.learner, X, outcome, treated, X_new=X, n_splits=N_SPLITS, alpha=alpha, **drawn
    )
    half = (bounds["upper"] - bounds["lower"]).to_numpy() / 2
    predicted = choice.out_of_fold
    smallest = SMALL_EFFECT * abs(float(predicted.mean()))
    groups = uplift.response_groups(
        predicted,
        baseline=choice.expected_outcomes[:, 0],
        lower=predicted - half,
        upper=predicted + half,
        min_effect=smallest,
        alpha=alpha,
        y=outcome,
        treatment=treated,
        **drawn,
    )
    groups = _described(groups, predicted, choice.expected_outcomes[:, 0], smallest, people, features)
    curve = none
    if test["passes"] and value > 0:
        arms["y"] = people[priced_as or metric].to_numpy(float)
        if priced_as and priced_as != metric:
            # Expected outcomes are those of the metric learnt: they don't belong to another column.
            del arms["outcomes"]
        curve = uplift.policy_curve(
            predicted, value=value, cost=cost_each, budget=budget, require_calibrated=False, alpha=alpha, **arms
        )
    return Targeting(metric, n, n_control, choice, features, middle, deciles, test, groups, curve)


def _matrix(people: pd.DataFrame, features: Sequence[str], middle: dict[str, float]) -> np.ndarray:
    columns = [people[name].fillna(middle[name]).to_numpy(float) for name in features]
    return np.column_stack(
        [np.log1p(np.clip(of, 0, None)) if name in _LOG else of for name, of in zip(features, columns, strict=True)]
    )


def _described(
    groups: pd.DataFrame,
    predicted: np.ndarray,
    baseline: np.ndarray,
    smallest: float,
    people: pd.DataFrame,
    features: Sequence[str],
) -> pd.DataFrame:
    """Put the mean of each feature beside each group: who they are."""
    rest = np.where(baseline >= np.median(baseline), "sure_thing", "lost_cause")
    group = np.select([predicted > smallest, predicted < -smallest], ["persuadable", "do_not_disturb"], rest)
    means = people[list(features)].groupby(group).mean()
    return groups.join(means, on="response_group")


def findings(
    targeting: Targeting | None, *, currency: str, period: str = "", metric: Text | None = None
) -> list[Finding]:
    """Say whether customers differ, whether the prediction of it holds, for whom, and what a choice is worth.

    Parameters
    ----------
    targeting : Targeting or None
    currency, period : str
    metric : Text, optional
        Name of the metric, which alone a choice is priced by.
    """
    if targeting is None:
        return [
            Finding(
                "heterogeneity",
                Text(
                    f"Whom the campaign moves is not asked: that takes at least {LEAST_IN_ARM} customers in each arm and an "
                    "outcome that differs between customers.",
                    f"未分析活动对谁有效：每组至少需要 {LEAST_IN_ARM} 名客户，且结果在客户之间须有差异。",
                ),
                tone="warning",
            )
        ]
    told = [uplift.choice_finding(targeting.choice, period=period)]
    if not targeting.choice.heterogeneous:
        return told
    told.append(uplift.calibration_finding(targeting.test, period=period))
    told.append(uplift.groups_finding(targeting.groups, period=period))
    if len(targeting.curve):
        told.append(uplift.policy_finding(targeting.curve, currency=currency, period=period, metric=metric))
    return told
