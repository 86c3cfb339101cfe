"""Before the start: how many customers, how small an effect, how many days."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import optimize, stats

from helpers.models.experiments.checks import check_count, check_share, is_number

LARGEST_N = 1e12


def sample_size(
    effect: float,
    *,
    sd: float | None = None,
    mean: float | None = None,
    relative: bool = False,
    alpha: float = 0.05,
    power: float = 0.8,
    share_treated: float = 0.5,
    covariate_correlation: float | None = None,
    cluster_size: float | None = None,
    intraclass_correlation: float | None = None,
    comparisons: int = 1,
    history: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Customers needed to find an effect, two-sided, by the t test that `effect` uses.

    Parameters
    ----------
    effect : float
        The smallest effect worth finding, in the metric's unit; with ``relative`` as a share of ``mean``.
    sd : float, optional
        Standard deviation of the metric between customers. Left out, the metric is a share and ``mean`` gives it, in
        each arm its own.
    mean : float, optional
        The metric without the campaign.
    relative : bool
    alpha, power : float
    share_treated : float
        Share of customers in the treated arm, between 0 and 1.
    covariate_correlation : float, optional
        Of the covariate with the metric (CUPED): variance × (1 − ρ²). Left out, that of ``history``, else 0.
    cluster_size, intraclass_correlation : float, optional
        Customers in a cluster and their likeness, where whole clusters are assigned: variance × (1 + (m − 1)·ICC).
        Left out, those of ``history``, else 1 and 0.
    comparisons : int
        Metrics times arms that are to be read; ``alpha`` is divided by it (Bonferroni, on the safe side of Holm).
    history : mapping, optional
        What `metric_history` returned; stands in for those of ``sd``, ``mean``, ``covariate_correlation``,
        ``cluster_size`` and ``intraclass_correlation`` that are left out. Where clusters are unequal its
        ``cluster_mean_size`` tells how many they are; beside a ``cluster_size`` of the caller's own they count as equal.

    Returns
    -------
    dict
        ``n``, ``n_treatment``, ``n_control`` customers, ``n_clusters``; ``effect`` in the metric's unit,
        ``relative_effect``, ``power`` reached, ``alpha`` per comparison, ``design_effect`` of clusters,
        ``variance_left`` by the covariate.

    Raises
    ------
    ValueError
        If the effect is 0, would move a share out of 0–1, an argument is no number or lies outside its range, or
        ``history`` is no mapping; ``power`` has to lie above ``alpha``, which is reached without any effect.

    References
    ----------
    Equal to statsmodels' ``TTestIndPower`` for equal variances; Deng et al. (2013) for the covariate;
    Donner and Klar (2000) for clusters.

    Examples
    --------
    >>> plan = sample_size(0.5, sd=1.0)
    >>> plan["n_treatment"], plan["n_control"], round(plan["power"], 3)
    (64, 64, 0.801)
    """
    setting = _setting(
        history, sd=sd, mean=mean, alpha=alpha, share_treated=share_treated, cluster_size=cluster_size,
        covariate_correlation=covariate_correlation, intraclass_correlation=intraclass_correlation,
        comparisons=comparisons,
    )  # fmt: skip
    power = _checked_power(power, setting["alpha"])
    difference = _absolute(effect, setting["mean"], relative)
    if setting["sd"] is None and not 0 < setting["mean"] + difference < 1:
        raise ValueError(
            f"effect: {effect!r} can't be, the share of {setting['mean']:g} would be {setting['mean'] + difference:g}; "
            "a share stays between 0 and 1"
        )
    smallest = 2 / min(share_treated, 1 - share_treated)

    def lacking(log_n: float) -> float:
        return _power(difference, math.exp(log_n), setting) - power

    if lacking(math.log(LARGEST_N)) < 0:
        raise ValueError(
            f"effect: {effect!r} is so small that even {LARGEST_N:.0e} customers wouldn't show it; "
            "name the smallest effect that is worth finding"
        )
    low = math.log(smallest)
    n = smallest if lacking(low) >= 0 else math.exp(optimize.brentq(lacking, low, math.log(LARGEST_N), xtol=1e-12))
    treated = math.ceil(n * share_treated - 1e-6)
    untreated = math.ceil(n * (1 - share_treated) - 1e-6)
    return {
        "n": treated + untreated,
        "n_treatment": treated,
        "n_control": untreated,
        "n_clusters": math.ceil((treated + untreated) / setting["cluster_mean_size"]),
        "effect": difference,
        "relative_effect": difference / setting["mean"] if setting["mean"] else math.nan,
        "power": _power(difference, treated + untreated, setting, treated / (treated + untreated)),
        "alpha": setting["alpha"],
        "design_effect": setting["design_effect"],
        "variance_left": setting["variance_left"],
    }


def minimum_detectable_effect(
    n: int,
    *,
    sd: float | None = None,
    mean: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    share_treated: float = 0.5,
    covariate_correlation: float | None = None,
    cluster_size: float | None = None,
    intraclass_correlation: float | None = None,
    comparisons: int = 1,
    history: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Smallest increase that ``n`` customers in both arms together would show with the given power.

    Parameters
    ----------
    n : int
        Customers in both arms together, at least 4.
    sd, mean, alpha, power, share_treated, covariate_correlation, cluster_size, intraclass_correlation, comparisons,
    history
        As in `sample_size`.

    Returns
    -------
    dict
        ``effect`` in the metric's unit, ``relative_effect`` (nan without a mean), ``n``, ``power``, ``alpha``,
        ``design_effect``, ``variance_left``.

    Raises
    ------
    ValueError
        If ``n`` is too small or not finite, a share can't rise enough for these customers to show it, or as
        `sample_size`.

    Examples
    --------
    >>> round(minimum_detectable_effect(128, sd=1.0)["effect"], 3)
    0.499
    """
    setting = _setting(
        history, sd=sd, mean=mean, alpha=alpha, share_treated=share_treated, cluster_size=cluster_size,
        covariate_correlation=covariate_correlation, intraclass_correlation=intraclass_correlation,
        comparisons=comparisons,
    )  # fmt: skip
    power = _checked_power(power, setting["alpha"])
    if not is_number(n):
        raise ValueError(f"n: {n!r} is not a number of customers, at least 4")
    if n * min(share_treated, 1 - share_treated) < 2 - 1e-9:  # a fifth of ten customers is a little less than two
        raise ValueError(f"n: {n!r} leaves fewer than two customers in an arm")
    if setting["cluster_mean_size"] > 1 and n / setting["cluster_mean_size"] < 3:
        raise ValueError(f"n: {n!r} customers are fewer than three clusters of {setting['cluster_mean_size']:g}")
    spread = setting["sd"] if setting["sd"] is not None else 0.5
    standard_error = spread * math.sqrt(setting["inflation"] / (n * share_treated * (1 - share_treated)))
    highest = 1000 * standard_error if setting["sd"] is not None else (1 - setting["mean"]) * (1 - 1e-12)

    def lacking(difference: float) -> float:
        return _power(difference, n, setting) - power

    if not lacking(highest) >= 0:
        raise ValueError(f"n: {n!r} customers wouldn't show any increase of a share of {setting['mean']:g}")
    difference = optimize.brentq(lacking, highest * 1e-9, highest, xtol=1e-15, rtol=1e-12)
    return {
        "effect": difference,
        "relative_effect": difference / setting["mean"] if setting["mean"] else math.nan,
        "n": int(n),
        "power": power,
        "alpha": setting["alpha"],
        "design_effect": setting["design_effect"],
        "variance_left": setting["variance_left"],
    }


def _power(difference: float, n: float, setting: Mapping[str, float], share_treated: float | None = None) -> float:
    """Chance that the two-sided t test rejects, both tails counted."""
    share = setting["share_treated"] if share_treated is None else share_treated
    if setting["sd"] is not None:
        variance_treated = variance_control = setting["sd"] ** 2
    else:
        treated = setting["mean"] + difference
        variance_treated, variance_control = treated * (1 - treated), setting["mean"] * (1 - setting["mean"])
    inflation = setting["inflation"]
    parts = np.array([variance_treated * inflation / (n * share), variance_control * inflation / (n * (1 - share))])
    counted = n / setting["cluster_mean_size"]  # what varies freely: customers, or clusters
    if setting["sd"] is not None:
        df = counted - 2
    else:
        free = np.maximum(counted * np.array([share, 1 - share]) - 1, 1e-9)
        df = parts.sum() ** 2 / (parts**2 / free).sum()
    shift = abs(difference) / math.sqrt(parts.sum())
    if df > 1e9:  # as good as normal
        critical = stats.norm.isf(setting["alpha"] / 2)
        return float(stats.norm.sf(critical - shift) + stats.norm.cdf(-critical - shift))
    if df < 1e-3:
        return 0.0
    if shift > 35:
        return 1.0
    critical = stats.t.isf(setting["alpha"] / 2, df)
    return float(np.clip(stats.nct.sf(critical, df, shift) + np.nan_to_num(stats.nct.cdf(-critical, df, shift)), 0, 1))


def _absolute(effect: float, mean: float | None, relative: bool) -> float:
    if not is_number(effect):
        raise ValueError(f"effect: {effect!r} is not a finite number")
    if effect == 0:
        raise ValueError("effect: no number of customers shows an effect of 0; name the smallest effect worth finding")
    if not relative:
        return float(effect)
    if not mean:
        raise ValueError(f"mean: {mean!r}; a relative effect needs a mean other than 0")
    return float(effect * mean)


def _setting(history: Mapping[str, float] | None, **given: float | None) -> dict[str, float | None]:
    if not isinstance(history, Mapping | pd.Series | None):
        raise ValueError(f"history: {history!r} is no mapping; what `metric_history` returned is allowed")
    past = {} if history is None else history
    setting = dict(given)
    # the mean size belongs to the clusters of the past, not to those that the caller describes
    setting["cluster_mean_size"] = past.get("cluster_mean_size") if setting["cluster_size"] is None else None
    neutral = {
        "sd": None,
        "mean": None,
        "covariate_correlation": 0.0,
        "cluster_size": 1.0,
        "intraclass_correlation": 0.0,
    }
    for name, value in neutral.items():
        if setting[name] is None:
            setting[name] = past.get(name)
        if setting[name] is None:
            setting[name] = value
    if setting["cluster_mean_size"] is None:
        setting["cluster_mean_size"] = setting["cluster_size"]
    setting["alpha"] = check_share("alpha", setting["alpha"])
    check_share("share_treated", setting["share_treated"])
    setting["alpha"] /= check_count("comparisons", setting.pop("comparisons"))
    if setting["sd"] is None:
        if setting["mean"] is None:
            raise ValueError("sd: give the metric's standard deviation, or a share as mean")
        check_share("mean", setting["mean"], hint=" (a share; for any other metric give sd)")
    elif not (is_number(setting["sd"]) and setting["sd"] > 0):
        raise ValueError(f"sd: {setting['sd']!r} is not a positive number")
    if setting["mean"] is not None and not is_number(setting["mean"]):
        raise ValueError(f"mean: {setting['mean']!r} is not a finite number")
    if not (is_number(setting["covariate_correlation"]) and -1 < setting["covariate_correlation"] < 1):
        raise ValueError(f"covariate_correlation: {setting['covariate_correlation']!r} is not between -1 and 1")
    for name in ("cluster_size", "cluster_mean_size"):
        if not (is_number(setting[name]) and setting[name] >= 1):
            raise ValueError(f"{name}: {setting[name]!r} is not 1 or more")
    if not (is_number(setting["intraclass_correlation"]) and 0 <= setting["intraclass_correlation"] <= 1):
        raise ValueError(f"intraclass_correlation: {setting['intraclass_correlation']!r} is not from 0 to 1")
    setting["variance_left"] = 1 - setting["covariate_correlation"] ** 2
    setting["design_effect"] = 1 + (setting["cluster_size"] - 1) * setting["intraclass_correlation"]
    setting["inflation"] = setting["variance_left"] * setting["design_effect"]
    return setting


def _checked_power(power: float, alpha: float) -> float:
    if not is_number(power) or not 0 < power < 1 or power <= alpha:
        raise ValueError(f"power: {power!r} is not between alpha ({alpha:g}) and 1")
    return float(power)
