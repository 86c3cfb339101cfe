"""What values a parameter may take, by its name: names carry units, so they can be checked before a kernel starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from helpers.bank import places
from helpers.findings.finding import Text
from helpers.findings.numbers import LANGUAGES
from helpers.findings.spoken import at, nearest
from helpers.runs.refusal import Refusal

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
    def words(self) -> Text:
        """What is allowed, behind “should be”.

        Examples
        --------
        >>> Range(1, 36).words.en, Range(0, 0.5, True, True).words.en, Range(0, least_is_open=True).words.zh
        ('from 1 to 36', 'above 0 and below 0.5', '大于 0')
        """
        if self.most is not None and not (self.least_is_open or self.most_is_open):
            return Text(f"from {self.least:g} to {self.most:g}", f"在 {self.least:g} 到 {self.most:g} 之间")
        low = Text("above", "大于") if self.least_is_open else Text("at least", "不小于")
        if self.most is None:
            return Text(f"{low.en} {self.least:g}", f"{low.zh} {self.least:g}")
        high = Text("below", "小于") if self.most_is_open else Text("at most", "不大于")
        return Text(
            f"{low.en} {self.least:g} and {high.en} {self.most:g}", f"{low.zh} {self.least:g} 且{high.zh} {self.most:g}"
        )


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


def check(name: str, value: Any, *, where: str | Text) -> Any:
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
        words = Text(
            f"{name} should be one of {', '.join(CHOICES[name])}, not {value!r}",
            f"{name} 应为 {'、'.join(CHOICES[name])} 之一，现为 {value!r}",
        )
        raise Refusal(at(where, words))
    if name in DAYS and value:
        try:
            date.fromisoformat(str(value))
        except ValueError:
            words = Text(
                f"{name} should be a day written YYYY-MM-DD, not {value!r}",
                f"{name} 应为 YYYY-MM-DD 格式的日期，现为 {value!r}",
            )
            raise Refusal(at(where, words)) from None
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


def _known(name: str, slug: str, catalogue: str, where: str | Text) -> None:
    known = list(slugs(catalogue))
    if known and slug not in known:
        near, file = nearest(slug, known), f"data/catalogue/{catalogue}.yml"
        words = Text(
            f"{name} {slug!r} is not in {file}{near.en}; there are {', '.join(known)}",
            f"{name} {slug!r} 不在 {file} 中{near.zh}；可选：{'、'.join(known)}",
        )
        raise Refusal(at(where, words))


def _file(name: str, value: str, where: str | Text) -> str:
    file = places.find(value)
    if not file.is_file():
        words = Text(
            f"{name} should be a file, relative to the working folder or the project's, not {value!r}",
            f"{name} 应为文件（相对当前目录或项目目录），现为 {value!r}",
        )
        raise Refusal(at(where, words))
    same = (places.project_root() / Path(value).expanduser()).resolve() == file.resolve()
    return value if same else str(file.resolve())


def _number(name: str, value: float, where: str | Text) -> None:
    if name.endswith("_share") and not 0 <= value <= 1:
        words = Text(f"{name} is a share from 0 to 1, not {value!r}", f"{name} 为 0 到 1 的比例，现为 {value!r}")
        raise Refusal(at(where, words))
    if name == "holdout_share" and value == 1:
        words = Text(
            f"holdout_share should be at least 0 and below 1, not {value!r}: nobody would be treated",
            f"holdout_share 应不小于 0 且小于 1，现为 {value!r}：将无人参加活动",
        )
        raise Refusal(at(where, words))
    if name == "min_signals":
        known = list(slugs("abuse_rules"))
        if known and value > len(known):
            words = Text(
                f"min_signals should be from 1 to {len(known)}, the signals of data/catalogue/abuse_rules.yml, not {value!r}",
                f"min_signals 应在 1 到 {len(known)} 之间（data/catalogue/abuse_rules.yml 的规则数），现为 {value!r}",
            )
            raise Refusal(at(where, words))
    allowed = RANGES.get(name)
    if allowed is None:
        allowed = next((bounds for end, bounds in BY_ENDING.items() if name.endswith(end)), None)
    if allowed is None:
        allowed = next((bounds for start, bounds in BY_BEGINNING.items() if name.startswith(start)), None)
    if allowed is not None and value not in allowed:
        words = allowed.words
        raise Refusal(
            at(where, Text(f"{name} should be {words.en}, not {value!r}", f"{name} 应{words.zh}，现为 {value!r}"))
        )


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
