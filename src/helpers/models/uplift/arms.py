"""Who got what: the checked outcome, arms and propensities that every estimate of uplift starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

MIN_ARM_SIZE = 10  # below this an arm's own mean says nothing, let alone how it varies over customers
LEAST_IN_ARM = 2  # one customer equals the mean of the arm: a standard error would be 0


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
    try:
        values = np.asarray(y)
    except ValueError:
        raise ValueError(f"{name} holds {_not_a_number(y)!r}; only numbers (or True/False) are allowed") from None
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {values.shape}; one number a customer, shape (n,), is needed")
    if values.size == 0:
        raise ValueError(f"{name} is empty; at least one customer is needed")
    try:
        values = values.astype(float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds {_not_a_number(y)!r}; only numbers (or True/False) are allowed") from None
    n_bad = int((~np.isfinite(values)).sum())
    if n_bad:
        raise ValueError(
            f"{name} is NaN or infinite for {n_bad:,} of {len(values):,} customers; every outcome must be known"
        )
    return values


def read_numbers(values: Any, *, name: str) -> np.ndarray:
    """Return an array of floats of any shape; ValueError names the first value that is no number.

    >>> read_numbers([1, True], name="cost")
    array([1., 1.])
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} holds {_not_a_number(values)!r}; only numbers are allowed") from None


def read_expected(outcomes: Any, *, n: int, n_arms: int, name: str = "outcomes") -> np.ndarray | None:
    """Return the expected outcomes under each arm, (n, n_arms), the control first; None stays None."""
    if outcomes is None:
        return None
    values = read_numbers(outcomes, name=name)
    if values.shape != (n, n_arms):
        raise ValueError(f"{name} has shape {values.shape}; ({n}, {n_arms}) finite numbers, control first, are needed")
    n_bad = int((~np.isfinite(values)).any(axis=1).sum())
    if n_bad:
        raise ValueError(f"{name} is NaN or infinite for {n_bad:,} of {n:,} customers; finite numbers are needed")
    return values


def _not_a_number(values: Any) -> Any:
    for value in np.asarray(values, dtype=object).ravel():
        try:
            float(value)
        except (TypeError, ValueError):
            return value
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
    # A list is not made an array at once: beside texts that would turn a missing arm into an arm named "nan".
    listed = not hasattr(treatment, "__array__")
    values = np.asarray(treatment, dtype=object if listed else None)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.shape != (n,):
        raise ValueError(f"treatment has shape {values.shape}; one arm a customer, shape ({n},), is needed")
    n_missing = int(pd.isna(values).sum())
    if n_missing:
        raise ValueError(f"treatment is missing for {n_missing:,} of {n:,} customers; every arm must be known")
    if values.dtype.kind == "O" and len({isinstance(value, str) for value in values}) > 1:
        raise ValueError("treatment mixes texts and numbers; all arms must be named in one way")
    if listed:
        nested = next((value for value in values if np.ndim(value)), None)
        if nested is not None:
            raise ValueError(f"treatment holds {nested!r}; one arm a customer is needed")
        values = np.asarray(values.tolist())
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
    require_arm_size(arms, min_arm_size)
    return arms


def require_arm_size(arms: Arms, least: int, *, so_that: str = "") -> None:
    """Refuse arms of fewer customers than ``least``; ``so_that`` says what for."""
    for label, count in zip(arms.labels.tolist(), arms.counts, strict=True):
        if count < least:
            raise ValueError(
                f"treatment: arm {label!r} has {count:,} customers; at least {least:,} are needed in each arm"
                + (f", so that {so_that}" if so_that else "")
            )


def read_propensity(propensity: Any, *, arms: Arms) -> np.ndarray:
    """Return the probability of each arm for each customer, shape (n, n_arms), control first.

    Parameters
    ----------
    propensity : None, float, mapping, (n,) or (n, n_arms) array
        None: randomised with the shares that are seen. A number or (n,): probability of the treated
        arm (two arms only). A mapping: probability by arm label. A table: one column an arm, the control first; a
        DataFrame whose columns are the arms' labels is read by name.
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
        values = read_numbers(propensity, name="propensity")
        columns, labels = list(getattr(propensity, "columns", ())), arms.labels.tolist()
        if len(columns) == n_arms and set(columns) == set(labels):
            values = values[:, [columns.index(label) for label in labels]]
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
                + (f"a number, ({n},) " if n_arms == 2 else "a mapping by arm ")
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
    given = {label: _probability(value, label) for label, value in propensity.items()}
    if len(labels) == len(given) + 1 and labels[0] not in given:
        given[labels[0]] = 1 - sum(given.values())
    if set(given) != set(labels):
        raise ValueError(f"propensity names the arms {sorted(map(str, given))}; the arms seen are {labels}")
    return np.array([given[label] for label in labels])


def _probability(value: Any, label: Any) -> float:
    number = read_numbers(value, name=f"propensity[{label!r}]")
    if number.ndim:
        raise ValueError(f"propensity[{label!r}] has shape {number.shape}; a mapping holds one number an arm")
    return float(number)


def read_uplift(uplift: Any, *, n: int, n_treated_arms: int | None = None) -> np.ndarray:
    """Return the predicted uplift as floats: (n,), or (n, n_treated_arms) where that is given.

    >>> read_uplift([0.1, 0.2], n=2)
    array([0.1, 0.2])
    """
    values = read_numbers(uplift, name="uplift")
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
    if not (isinstance(alpha, Real) and 0 < alpha < 1):
        raise ValueError(f"alpha is {alpha!r}; it must lie strictly between 0 and 1 (0.05 gives 95 % intervals)")
    return float(alpha)


def is_count(value: Any) -> bool:
    """Tell a whole number from a fraction, a text or True."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def read_n_boot(n_boot: int) -> int:
    """Return the number of bootstrap samples if it is a whole number from 0."""
    if not is_count(n_boot) or n_boot < 0:
        raise ValueError(f"n_boot is {n_boot!r}; it must be a whole number, 0 (no interval) or more")
    return int(n_boot)


def require_measured_before(measured_at: Mapping[str, Any], *, exposed_at: Any) -> None:
    """Refuse covariates that were measured after the campaign reached the customer.

    What the campaign has already moved can't describe whom it moves: such a covariate hides the effect.

    Parameters
    ----------
    measured_at : mapping from covariate to a time or to (n,) times
        When each covariate was measured. The very time of exposure passes: a snapshot taken with the assignment.
    exposed_at : time or (n,) times
        When each customer was assigned or first reached.

    Raises
    ------
    ValueError
        Naming the covariates measured after exposure, with how many customers; for a time that is missing or can't
        be read, and where only one of the two has a time zone.

    Examples
    --------
    >>> require_measured_before({"aum": "2026-02-28"}, exposed_at="2026-03-01")
    """
    exposed, exposed_in_zone = _read_times(exposed_at, "exposed_at")
    late = []
    for covariate, times in measured_at.items():
        measured, in_zone = _read_times(times, f"measured_at[{covariate!r}]")
        if in_zone != exposed_in_zone:
            raise ValueError(
                f"measured_at[{covariate!r}] has {'a' if in_zone else 'no'} time zone, exposed_at "
                f"{'has one' if exposed_in_zone else 'has none'}; give both with a time zone or both without"
            )
        n_both = {len(exposed), len(measured)} - {1}
        if len(n_both) > 1:
            raise ValueError(
                f"measured_at[{covariate!r}] has {len(measured):,} times, exposed_at {len(exposed):,}; "
                "give one time for all or one a customer"
            )
        n = max(len(exposed), len(measured))
        after = np.broadcast_to(measured, n) > np.broadcast_to(exposed, n)
        if after.any():
            late.append(f"{covariate} (after exposure for {int(after.sum()):,} of {n:,})")
    if late:
        raise ValueError(f"covariates measured after exposure: {', '.join(late)}; use values from before it")


def _read_times(given: Any, name: str) -> tuple[np.ndarray, bool]:
    """Return the times, in UTC if they have a zone, and whether they have."""
    values = given if np.ndim(given) else [given]
    try:
        times = pd.to_datetime(pd.Series(values))
    except (TypeError, ValueError):
        raise ValueError(f"{name} {_unread_time(values)}; dates or times such as '2026-03-01' are needed") from None
    n_missing = int(times.isna().sum())
    if n_missing:
        raise ValueError(f"{name} is missing for {n_missing:,} of {len(times):,}; every time must be known")
    in_zone = times.dt.tz is not None
    return (times.dt.tz_convert("UTC").dt.tz_localize(None) if in_zone else times).to_numpy(), in_zone


def _unread_time(values: Any) -> str:
    for value in values:
        try:
            pd.to_datetime(value)
        except (TypeError, ValueError):
            return f"holds {value!r}"
    return "holds times in more than one form or time zone"
