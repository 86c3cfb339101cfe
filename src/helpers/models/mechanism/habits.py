"""Habits of participants: how many take part and how often they succeed, with how little is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from helpers.models.pooling import RandomEffects

if TYPE_CHECKING:
    import pandas as pd

    from helpers.metrics.forms import Form

OWN_FORM = "own_form"
OTHER_FORMS = "other_forms"
ASSUMPTION = "assumption"
LEAST_OTHERS = 3  # campaigns of other forms from which a form without own history borrows
LEAST_PARTICIPANTS = 50
SHARE_SCALE = 0.3  # prior scale of spreads of participation between campaigns, on the logit scale
_NODES = 64
PERIOD_DAYS = 28


@dataclass(frozen=True)
class Habits:
    """Participation and successes of a coming campaign.

    Attributes
    ----------
    logit_mean, logit_sd : float
        Share of the treated with at least one success, normal on the logit scale: the next campaign's share, not one
        person's chance.
    successes : array of int, shape (m,)
        Numbers of successes a participant may have, at least 1.
    weights : array of float, shape (m,)
        Participants seen with each; they sum to the number of participants behind them.
    basis : str
        ``own_form``, ``other_forms`` (share from the bank's campaigns of other forms, successes from the catalogue) or
        ``assumption``.
    n_campaigns, n_treated : int
        What stands behind the share.
    """

    logit_mean: float
    logit_sd: float
    successes: np.ndarray
    weights: np.ndarray
    basis: str
    n_campaigns: int
    n_treated: int

    @property
    def share_moments(self) -> tuple[float, float]:
        """Mean and variance of the share who take part (Gauss–Hermite, exact to many digits)."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        weights = weights / weights.sum()
        share = expit(self.logit_mean + self.logit_sd * nodes)
        mean = float(weights @ share)
        return mean, float(weights @ (share - mean) ** 2)

    def share_interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Interval of the next campaign's share."""
        from scipy.stats import norm

        half = norm.isf(alpha / 2) * self.logit_sd
        return float(expit(self.logit_mean - half)), float(expit(self.logit_mean + half))


def form_habits(
    form: Form, slug: str, *, summary: pd.DataFrame, levels: pd.DataFrame, duration_days: int = PERIOD_DAYS
) -> Habits:
    """Habits for a coming campaign of a form, from the bank's own where it has any.

    Shares of past campaigns are pooled by form on the logit scale; successes are those of the form's own past
    participants, stretched to the new duration. Where the form was never run the share is drawn towards the bank's
    other forms, if there are at least three, else it is the catalogue's assumption.

    Parameters
    ----------
    form : Form
        Entry of the catalogue: what is assumed without history.
    slug : str
    summary, levels : DataFrame
        As `helpers.metrics.participation.participation` gives.
    duration_days : int
        Days the coming campaign runs, at least 1.

    Returns
    -------
    Habits
    """
    import pandas as pd

    if duration_days < 1:
        raise ValueError(f"duration_days must be at least 1, not {duration_days}")
    assumed = assumed_habits(form, duration_days=duration_days)
    past = summary[summary["n_treated"] > 0]
    n_own = int((past["form"] == slug).sum())
    if n_own == 0 and len(past) < LEAST_OTHERS:
        return assumed
    # half a success and half a failure added: a campaign in which nobody took part still says something
    x, n = past["n_participants"].to_numpy(dtype=float) + 0.5, past["n_treated"].to_numpy(dtype=float) + 1
    shares = pd.DataFrame({"form": past["form"], "estimate": logit(x / n), "se": np.sqrt(1 / x + 1 / (n - x))})
    row = RandomEffects(scale=SHARE_SCALE).fit(shares, by="form").predict([slug]).iloc[0]
    if n_own == 0 and not _is_alike(form, float(row["mean"]), float(row["sd"])):
        return assumed
    successes, weights = assumed.successes, assumed.weights
    mine = levels[levels["form"] == slug].merge(past[["campaign_id", "days"]], on="campaign_id")
    if mine["customers"].sum() >= LEAST_PARTICIPANTS:
        stretched = np.rint(mine["successes"] * duration_days / mine["days"]).clip(1, duration_days).astype(int)
        by_level = mine["customers"].groupby(stretched.to_numpy()).sum()
        successes, weights = by_level.index.to_numpy(), by_level.to_numpy(dtype=float)
    return Habits(
        logit_mean=float(row["mean"]),
        logit_sd=float(row["sd"]),
        successes=successes,
        weights=weights,
        basis=OWN_FORM if n_own else OTHER_FORMS,
        n_campaigns=n_own or len(past),
        n_treated=int(past.loc[past["form"] == slug, "n_treated"].sum() if n_own else past["n_treated"].sum()),
    )


def assumed_habits(form: Form, *, duration_days: int = PERIOD_DAYS) -> Habits:
    """Habits as the catalogue assumes them: a wide share, and successes falling off geometrically.

    Examples
    --------
    >>> from helpers.metrics.forms import pick_form
    >>> habits = assumed_habits(pick_form("checkin"))
    >>> habits.basis, round(float(habits.successes @ habits.weights / habits.weights.sum()), 1)
    ('assumption', 7.0)
    """
    share = form.assumed.participation
    low, mid, high = (logit(np.clip(value, 1e-4, 1 - 1e-4)) for value in (share.low, share.mid, share.high))
    mean = 1 + (form.assumed.successes_mean - 1) * duration_days / PERIOD_DAYS
    successes = np.arange(1, duration_days + 1)
    weights = _geometric(successes, min(mean, (duration_days + 1) / 2))
    return Habits(
        logit_mean=float(mid),
        logit_sd=float((high - low) / (2 * 1.96)),
        successes=successes,
        weights=weights * LEAST_PARTICIPANTS,  # known as badly as if so many had been watched
        basis=ASSUMPTION,
        n_campaigns=0,
        n_treated=0,
    )


def _is_alike(form: Form, logit_mean: float, logit_sd: float) -> bool:
    """Tell whether what other forms say is compatible with what is assumed of this one; a salon is no check-in."""
    share = form.assumed.participation
    low, high = expit(logit_mean - logit_sd), expit(logit_mean + logit_sd)
    return bool(low <= share.high and high >= share.low)


def _geometric(successes: np.ndarray, mean: float) -> np.ndarray:
    """Weights of a geometric fall-off over the given numbers with exactly this mean."""
    from scipy.optimize import brentq

    if len(successes) == 1 or mean <= successes[0]:
        weights = np.zeros(len(successes))
        weights[0] = 1.0
        return weights

    def at(ratio: float) -> np.ndarray:
        weights = ratio ** (successes - successes[0]).astype(float)
        return weights / weights.sum()

    ratio = brentq(lambda r: at(r) @ successes - mean, 1e-9, 1.0 + 1e-9)
    return at(ratio)
