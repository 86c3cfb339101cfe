"""What values a parameter may take, by its name: names carry units, so they can be checked before a kernel starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from helpers.bank import places
from helpers.runs.refusal import Refusal, nearest

LANGUAGES = ("en", "zh")
# Parameters that name an entry of a catalogue; empty text means “choose for me” where the notebook says so.
CATALOGUES = {"segment": "segments", "form": "activities"}
# Parameters that name several entries, separated by commas.
CATALOGUE_LISTS = {"channels": "channels"}
# Catalogues without which a step can't go on: empty is no answer there.
NEEDED = ("segment",)
CHOICES = {
    "language": LANGUAGES,
    "roi_convention": ("ratio", "net"),
    "return_basis": ("activity", "money", "both"),
    "goal_metric": ("active_days", "is_active", "aum_change"),
}
DAYS = ("as_of", "starts_date", "acquired_since")
FILES = ("brief",)


@dataclass(frozen=True)
class Range:
    """Numbers that are allowed, from ``least`` to ``most``; a bound that is ``open`` is not allowed itself."""

    least: float
    most: float | None = None
    least_is_open: bool = False
    most_is_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.least if self.least_is_open else value >= self.least
        below = self.most is None or (value < self.most if self.most_is_open else value <= self.most)
        return above and below

    @property
    def words(self) -> str:
        """What is allowed, behind “should be”.

        Examples
        --------
        >>> Range(1, 36).words, Range(0, 0.5, True, True).words, Range(0, least_is_open=True).words
        ('from 1 to 36', 'above 0 and below 0.5', 'above 0')
        """
        if self.most is not None and not (self.least_is_open or self.most_is_open):
            return f"from {self.least:g} to {self.most:g}"
        low = f"{'above' if self.least_is_open else 'at least'} {self.least:g}"
        if self.most is None:
            return low
        return f"{low} and {'below' if self.most_is_open else 'at most'} {self.most:g}"


# A name that stands here is checked by its own range, else by its ending.
RANGES = {
    "horizon_months": Range(1, 36),
    "history_months": Range(2),
    "after_days": Range(0),
    "alpha": Range(0, 0.5, least_is_open=True, most_is_open=True),
    "power": Range(0.5, 1, most_is_open=True),
    "overrun_risk": Range(0, 1, least_is_open=True, most_is_open=True),
    "stretch_quantile": Range(0.5, 1),
    "winsorize_quantile": Range(0.5, 1, least_is_open=True),
    "reach": Range(0, least_is_open=True),
    "budget": Range(0, least_is_open=True),
    "monthly_budget": Range(0),
    "active_day_value": Range(0),
    "roi_margin": Range(0),
    "seed": Range(0),
    "n_simulations": Range(100),
    "min_signals": Range(1),
    "min_group_size": Range(1),
}
BY_ENDING = {"_days": Range(1), "_months": Range(1)}
BY_BEGINNING = {"target_": Range(0), "n_": Range(0), "min_": Range(0)}


def check(name: str, value: Any, *, where: str) -> Any:
    """Refuse a value that no notebook could take; return the one to hand on.

    Returns
    -------
    Any
        The value itself; for a file that was found from the working folder only, its full path, since a kernel runs
        in another folder.

    Raises
    ------
    Refusal
        Naming place, parameter, value and what is allowed.
    """
    if name in CHOICES and value not in CHOICES[name]:
        raise Refusal(f"{where}: {name} should be one of {', '.join(CHOICES[name])}, not {value!r}")
    if name in DAYS and value:
        try:
            date.fromisoformat(str(value))
        except ValueError:
            raise Refusal(f"{where}: {name} should be a day written YYYY-MM-DD, not {value!r}") from None
    if name in CATALOGUES and (value or name in NEEDED):
        _known(name, str(value), CATALOGUES[name], where)
    if name in CATALOGUE_LISTS:
        for part in str(value).split(","):
            if part.strip():
                _known(name, part.strip(), CATALOGUE_LISTS[name], where)
    if name in FILES and value:
        return _file(name, str(value), where)
    if not isinstance(value, bool) and isinstance(value, int | float):
        _number(name, value, where)
    return value


def _known(name: str, slug: str, catalogue: str, where: str) -> None:
    known = list(slugs(catalogue))
    if known and slug not in known:
        raise Refusal(
            f"{where}: {name} {slug!r} is not in data/catalogue/{catalogue}.yml{nearest(slug, known)}; "
            f"there are {', '.join(known)}"
        )


def _file(name: str, value: str, where: str) -> str:
    file = places.find(value)
    if not file.is_file():
        raise Refusal(
            f"{where}: {name} should be a file, relative to the working folder or the project's, not {value!r}"
        )
    same = (places.project_root() / Path(value).expanduser()).resolve() == file.resolve()
    return value if same else str(file.resolve())


def _number(name: str, value: float, where: str) -> None:
    if name.endswith("_share") and not 0 <= value <= 1:
        raise Refusal(f"{where}: {name} is a share from 0 to 1, not {value!r}")
    if name == "holdout_share" and value == 1:
        raise Refusal(
            f"{where}: holdout_share should be at least 0 and below 1, not {value!r}: nobody would be treated"
        )
    if name == "min_signals":
        known = list(slugs("abuse_rules"))
        if known and value > len(known):
            raise Refusal(
                f"{where}: min_signals should be from 1 to {len(known)}, the signals of "
                f"data/catalogue/abuse_rules.yml, not {value!r}"
            )
    allowed = RANGES.get(name)
    if allowed is None:
        allowed = next((bounds for end, bounds in BY_ENDING.items() if name.endswith(end)), None)
    if allowed is None:
        allowed = next((bounds for start, bounds in BY_BEGINNING.items() if name.startswith(start)), None)
    if allowed is not None and value not in allowed:
        raise Refusal(f"{where}: {name} should be {allowed.words}, not {value!r}")


def slugs(catalogue: str) -> Iterable[str]:
    """Return the slugs of a catalogue, read as plain YAML; empty if it can't be read (its reader will say why)."""
    import yaml

    file: Path = places.project_root() / "data" / "catalogue" / f"{catalogue}.yml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return []
    entries = content.get("entries") if isinstance(content, dict) else None
    return list(entries) if isinstance(entries, dict) else []
