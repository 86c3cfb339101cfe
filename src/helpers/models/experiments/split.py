"""Did the split come out as configured? The first question to any experiment, before its effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import special, stats

from helpers.models.experiments.checks import is_number

WATCH_BELOW = 0.01
BROKEN_BELOW = 0.001
BROKEN_DEVIATION = 0.001  # share points: with millions of customers a p-value alone finds harmless rounding


def sample_ratio(
    counts: Mapping[str, int] | Sequence[int] | pd.Series, weights: Mapping[str, float] | Sequence[float]
) -> dict[str, object]:
    """Test whether customers fell into the arms in the configured ratio.

    A broken split means that somebody was lost or added on the way, and seldom at random: the effect
    is then not to be read at all.

    Parameters
    ----------
    counts : mapping of arm to number of customers, or a sequence in the order of ``weights``
    weights : mapping of arm to configured weight, or a sequence
        0 or more; divided by their sum. Arms of weight 0 are left out of total and degrees of freedom.

    Returns
    -------
    dict
        ``statistic`` (χ²), ``df``, ``p_value``, ``tier``: ``"broken"`` for p < 0.001 with at least 0.1 points of
        share off, ``"watch"`` for other p < 0.01, else ``"ok"``; ``n`` customers counted, ``largest_deviation`` of an
        arm's share from its weight (0–1), ``n_unplanned`` customers seen in arms of weight 0 (at least ``"watch"``),
        ``smallest_expected`` count: below about 5 the χ² law is rough.

    Raises
    ------
    ValueError
        If arms and weights don't match, fewer than two arms have weight, a count or weight is negative or no number,
        or nobody was counted.

    References
    ----------
    Fabijan et al. (2019), Diagnosing sample ratio mismatch, KDD; tiers as in Statsig.

    Examples
    --------
    >>> check = sample_ratio({"control": 50_600, "treatment": 49_400}, {"control": 0.5, "treatment": 0.5})
    >>> round(check["statistic"], 1), f"{check['p_value']:.3e}", check["tier"]
    (14.4, '1.478e-04', 'broken')
    """
    observed, shares, n_unplanned = _matched(counts, weights)
    n = float(observed.sum())
    expected = n * shares
    statistic = float(((observed - expected) ** 2 / expected).sum())
    df = len(observed) - 1
    p_value = float(stats.chi2.sf(statistic, df))
    deviation = float(np.abs(observed / n - shares).max())
    if p_value < BROKEN_BELOW and deviation >= BROKEN_DEVIATION:
        tier = "broken"
    elif p_value < WATCH_BELOW or n_unplanned:
        tier = "watch"
    else:
        tier = "ok"
    return {
        "statistic": statistic,
        "df": df,
        "p_value": p_value,
        "tier": tier,
        "n": int(n),
        "largest_deviation": deviation,
        "n_unplanned": n_unplanned,
        "smallest_expected": float(expected.min()),
    }


def sample_ratio_sequence(
    looks: pd.DataFrame, weights: Mapping[str, float], *, concentration: float = 10_000.0
) -> pd.DataFrame:
    """Test the split at every look without spending the error again at each one.

    Parameters
    ----------
    looks : DataFrame, one row a look in time order, one column an arm
        Customers who came in *since the look before* (not cumulated).
    weights : mapping of arm to configured weight
    concentration : float
        How closely the alternative lies around the configured split; larger looks for smaller deviations.

    Returns
    -------
    DataFrame, one row a look, indexed as ``looks``
        ``n`` customers so far, ``bayes_factor`` against the configured split, ``p_value`` valid at every look
        (running minimum of 1 / Bayes factor).

    References
    ----------
    Lindon and Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS 35.

    Examples
    --------
    >>> looks = pd.DataFrame({"control": [500, 520, 900], "treatment": [500, 480, 600]})
    >>> sample_ratio_sequence(looks, {"control": 0.5, "treatment": 0.5}).p_value.round(4).tolist()
    [1.0, 1.0, 0.0...]
    """
    if not is_number(concentration) or not concentration > 0:
        raise ValueError(f"concentration: {concentration!r} is not a positive number")
    rows = [_matched(row.to_dict(), weights, empty_allowed=True) for _, row in looks.iterrows()]
    if not rows:
        raise ValueError("looks: no look is given; at least one row is needed")
    shares = rows[0][1]
    cumulated = np.cumsum([observed for observed, _, _ in rows], axis=0)
    n = cumulated.sum(axis=1)
    prior = concentration * shares
    log_factor = (
        special.gammaln(concentration)
        - special.gammaln(concentration + n)
        + (special.gammaln(prior + cumulated) - special.gammaln(prior) - cumulated * np.log(shares)).sum(axis=1)
    )
    p_value = np.minimum.accumulate(np.exp(np.minimum(-log_factor, 0.0)))
    return pd.DataFrame(
        {"n": n.astype(int), "bayes_factor": np.exp(np.minimum(log_factor, 700.0)), "p_value": p_value},
        index=looks.index,
    )


def _numbers(name: str, values: list[object]) -> np.ndarray:
    try:
        if not any(isinstance(value, str) for value in values):
            return np.array(values, dtype=float)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{name}: {values!r} must be numbers, one an arm")


def _matched(counts, weights, *, empty_allowed: bool = False) -> tuple[np.ndarray, np.ndarray, int]:
    """Counts and shares of the arms with positive weight, and how many customers were seen in the others."""
    if isinstance(weights, Mapping | pd.Series):
        arms = list(weights.keys())
        weight = _numbers("weights", [weights[arm] for arm in arms])
        if not isinstance(counts, Mapping | pd.Series):
            raise ValueError("counts: a mapping of arm to number is needed when weights is a mapping")
        unknown = [arm for arm in counts.keys() if arm not in weights]  # noqa: SIM118 (a Series iterates over values)
        if unknown:
            raise ValueError(f"counts: arm {unknown[0]!r} has no weight; weights are given for {arms}")
        missing = [arm for arm, share in zip(arms, weight, strict=True) if arm not in counts and share > 0]
        if missing:
            raise ValueError(f"counts: arm {missing[0]!r} is missing; give 0 if nobody was in it")
        observed = _numbers("counts", [counts.get(arm, 0) for arm in arms])
    else:
        for name, values in (("counts", counts), ("weights", weights)):
            if not isinstance(values, Iterable):
                raise ValueError(f"{name}: {values!r} is neither a mapping of arm to number nor a sequence")
        weight = _numbers("weights", list(weights))
        if isinstance(counts, Mapping):
            raise ValueError("weights: a mapping of arm to weight is needed when counts is a mapping")
        observed = _numbers("counts", list(counts))
        if len(observed) != len(weight):
            raise ValueError(f"weights: {len(weight)} weights for {len(observed)} counts; one an arm is needed")
    if not np.all(np.isfinite(weight) & (weight >= 0)):
        raise ValueError(f"weights: {weight.tolist()} must be numbers of 0 or more")
    if not np.all(np.isfinite(observed) & (observed >= 0) & (observed == np.floor(observed))):
        raise ValueError(f"counts: {observed.tolist()} must be whole numbers of 0 or more")
    planned = weight > 0
    if planned.sum() < 2:
        raise ValueError(f"weights: {weight.tolist()} give weight to fewer than two arms")
    if not empty_allowed and observed[planned].sum() == 0:
        raise ValueError("counts: nobody was counted in any arm; at least one customer is needed")
    return observed[planned], weight[planned] / weight[planned].sum(), int(observed[~planned].sum())
