"""Who got what: the checked outcome, arms and propensities that every estimate of uplift starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

MIN_ARM_SIZE = 10  # below this an arm's own mean says nothing, let alone how it varies over customers


@dataclass(frozen=True)
class Arms:
    """Arms of a campaign as whole numbers.

    Attributes
    ----------
    labels : ndarray, (n_arms,)
        The bank's own names of the arms, the control first.
    code : ndarray of int, (n,)
        Place of each customer's arm in ``labels``; 0 is the control.
    """

    labels: np.ndarray
    code: np.ndarray

    @property
    def treated(self) -> np.ndarray:
        """Return the labels without the control."""
        return self.labels[1:]

    @property
    def n_arms(self) -> int:
        """Return the number of arms, the control among them."""
        return len(self.labels)

    @property
    def counts(self) -> np.ndarray:
        """Return the customers per arm, in the order of ``labels``."""
        return np.bincount(self.code, minlength=self.n_arms)

    @property
    def shares(self) -> np.ndarray:
        """Return the share of customers per arm, in the order of ``labels``."""
        return self.counts / len(self.code)


def read_outcome(y: Any, *, name: str = "y") -> np.ndarray:
    """Return the outcome as floats; NaN, infinite or text values are refused with their count.

    >>> read_outcome([0, 1, 1])
    array([0., 1., 1.])
    """
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}; one number a customer, shape (n,), is needed")
    if values.size == 0:
        raise ValueError(f"{name} is empty; at least one customer is needed")
    try:
        values = values.astype(float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds {values.tolist()[0]!r}; only numbers (or True/False) are allowed") from None
    n_bad = int((~np.isfinite(values)).sum())
    if n_bad:
        raise ValueError(
            f"{name} is NaN or infinite for {n_bad:,} of {len(values):,} customers; every outcome must be known"
        )
    return values


def read_arms(treatment: Any, *, n: int, control: Any = 0, min_arm_size: int = 1) -> Arms:
    """Return the arms with the control first, then the others sorted.

    Parameters
    ----------
    treatment : array-like, (n,)
        Label of each customer's arm: numbers, texts or True/False.
    n : int
        Number of customers expected.
    control : label
        The arm against which the others are held.
    min_arm_size : int
        Customers that each arm needs.

    Raises
    ------
    ValueError
        If the length differs, labels are missing, the control is not among them, there is one arm
        only, or an arm is smaller than ``min_arm_size``.

    Examples
    --------
    >>> read_arms(["mail", "none", "sms"], n=3, control="none").treated.tolist()
    ['mail', 'sms']
    """
    values = np.asarray(treatment)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != (n,):
        raise ValueError(f"treatment has shape {values.shape}; one arm a customer, shape ({n},), is needed")
    n_missing = int(pd.isna(values).sum())
    if n_missing:
        raise ValueError(f"treatment is missing for {n_missing:,} of {n:,} customers; every arm must be known")
    if values.dtype.kind == "O" and len({isinstance(value, str) for value in values}) > 1:
        raise ValueError("treatment mixes texts and numbers; all arms must be named in one way")
    labels, code = np.unique(values, return_inverse=True)
    where = np.flatnonzero([bool(label == control) for label in labels])
    if not len(where):
        shown = ", ".join(repr(label) for label in labels[:6].tolist())
        raise ValueError(
            f"control={control!r} is not among the arms in treatment ({shown}); "
            "name the arm without the campaign with control="
        )
    if len(labels) == 1:
        raise ValueError(f"treatment has one arm only ({control!r}); at least two arms are needed")
    if len(labels) > max(50, n // MIN_ARM_SIZE) or (values.dtype.kind == "f" and len(labels) > 50):
        raise ValueError(
            f"treatment has {len(labels):,} different values for {n:,} customers; it must name arms, not amounts"
        )
    order = np.r_[where, np.delete(np.arange(len(labels)), where)]
    rank = np.empty(len(labels), dtype=np.intp)
    rank[order] = np.arange(len(labels))
    arms = Arms(labels=labels[order], code=rank[code])
    for label, count in zip(arms.labels.tolist(), arms.counts, strict=True):
        if count < min_arm_size:
            raise ValueError(
                f"treatment: arm {label!r} has {count:,} customers; at least {min_arm_size:,} are needed in each arm"
            )
    return arms


def read_propensity(propensity: Any, *, arms: Arms) -> np.ndarray:
    """Return the probability of each arm for each customer, shape (n, n_arms), control first.

    Parameters
    ----------
    propensity : None, float, mapping, (n,) or (n, n_arms) array
        None: randomised with the shares that are seen. A number or (n,): probability of the treated
        arm (two arms only). A mapping: probability by arm label. A table: one column an arm, the control first.
    arms : Arms
        Arms as read by :func:`read_arms`.

    Raises
    ------
    ValueError
        If the shape does not fit, a value is outside (0, 1), or the arms of a customer do not sum to 1.

    Examples
    --------
    >>> read_propensity(0.25, arms=read_arms([0, 1], n=2))
    array([[0.75, 0.25],
           [0.75, 0.25]])
    """
    n, n_arms = len(arms.code), arms.n_arms
    if propensity is None:
        return np.broadcast_to(arms.shares, (n, n_arms))
    if isinstance(propensity, Mapping):
        table = np.broadcast_to(_from_mapping(propensity, arms), (n, n_arms))
    else:
        values = np.asarray(propensity, dtype=float)
        if values.ndim == 2 and values.shape == (n, 1):
            values = values[:, 0]
        if values.shape == (n, n_arms):
            table = values
        elif values.shape in ((), (n,)) and n_arms == 2:
            treated = np.broadcast_to(values, (n,))
            table = np.column_stack([1 - treated, treated])
        elif values.shape == (n_arms,) and n_arms != n:
            table = np.broadcast_to(values, (n, n_arms))
        else:
            raise ValueError(
                f"propensity has shape {values.shape}; with {n:,} customers and {n_arms} arms it must be "
                + ("a number, " if n_arms == 2 else "")
                + (f"({n},) " if n_arms == 2 else "")
                + f"or ({n}, {n_arms}) with the control first"
            )
    bad = ~((table > 0) & (table < 1))
    if bad.any():
        at = int(np.flatnonzero(bad.any(axis=1))[0])
        worst = table[at, int(np.flatnonzero(bad[at])[-1])]  # the treated arm's, which is what was given
        raise ValueError(
            f"propensity is {worst:g} for {int(bad.any(axis=1).sum()):,} of {n:,} customers; "
            "it must lie strictly between 0 and 1, or nobody comparable was in the other arm"
        )
    total = table.sum(axis=1)
    if np.abs(total - 1).max() > 1e-6:
        raise ValueError(
            f"propensity of the arms sums to {total[np.abs(total - 1).argmax()]:g} for a customer; "
            "it must sum to 1 over all arms with the control"
        )
    return table


def _from_mapping(propensity: Mapping[Any, float], arms: Arms) -> np.ndarray:
    labels = arms.labels.tolist()
    given = dict(propensity)
    if len(labels) == len(given) + 1 and labels[0] not in given:
        given[labels[0]] = 1 - sum(given.values())
    if set(given) != set(labels):
        raise ValueError(f"propensity names the arms {sorted(map(str, given))}; the arms seen are {labels}")
    return np.array([float(given[label]) for label in labels])


def read_uplift(uplift: Any, *, n: int, n_treated_arms: int | None = None) -> np.ndarray:
    """Return the predicted uplift as floats: (n,), or (n, n_treated_arms) where that is given.

    >>> read_uplift([0.1, 0.2], n=2)
    array([0.1, 0.2])
    """
    values = np.asarray(uplift, dtype=float)
    if n_treated_arms is None:
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        allowed = (n,)
    else:
        values = values[:, None] if values.ndim == 1 else values
        allowed = (n, n_treated_arms)
    if values.shape != allowed:
        raise ValueError(f"uplift has shape {np.shape(uplift)}; {allowed} is needed")
    n_bad = int((~np.isfinite(values)).sum())
    if n_bad:
        raise ValueError(f"uplift is NaN or infinite for {n_bad:,} values; every customer needs a prediction")
    return values


def read_alpha(alpha: float) -> float:
    """Return alpha if it is strictly between 0 and 1."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; it must lie strictly between 0 and 1 (0.05 gives 95 % intervals)")
    return float(alpha)


def require_measured_before(measured_at: Mapping[str, Any], *, exposed_at: Any) -> None:
    """Refuse covariates that were measured after the campaign reached the customer.

    What the campaign has already moved can't describe whom it moves: such a covariate hides the effect.

    Parameters
    ----------
    measured_at : mapping from covariate to a time or to (n,) times
        When each covariate was measured.
    exposed_at : time or (n,) times
        When each customer was assigned or first reached.

    Raises
    ------
    ValueError
        Naming the covariates measured after exposure, with how many customers.

    Examples
    --------
    >>> require_measured_before({"aum": "2026-02-28"}, exposed_at="2026-03-01")
    """
    exposed = pd.to_datetime(pd.Series(exposed_at if np.ndim(exposed_at) else [exposed_at])).reset_index(drop=True)
    late = []
    for covariate, times in measured_at.items():
        measured = pd.to_datetime(pd.Series(times if np.ndim(times) else [times])).reset_index(drop=True)
        n_both = {len(exposed), len(measured)} - {1}
        if len(n_both) > 1:
            raise ValueError(
                f"measured_at[{covariate!r}] has {len(measured):,} times, exposed_at {len(exposed):,}; "
                "give one time for all or one a customer"
            )
        n = max(len(exposed), len(measured))
        after = np.broadcast_to(measured.to_numpy(), n) > np.broadcast_to(exposed.to_numpy(), n)
        if after.any():
            late.append(f"{covariate} (after exposure for {int(after.sum()):,} of {n:,})")
    if late:
        raise ValueError(f"covariates measured after exposure: {', '.join(late)}; use values from before it")
