"""What is said: a sentence in both languages with the figures that it stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from helpers.findings import numbers


@dataclass(frozen=True)
class Text:
    """The same words in both languages.

    Examples
    --------
    >>> Text("retained", "留存").say("zh")
    '留存'
    """

    en: str
    zh: str

    def say(self, language: str) -> str:
        """Return the words in one language."""
        return self.zh if numbers.check_language(language) == numbers.ZH else self.en

    @classmethod
    def write(cls, sentence: Callable[[Writer], str], *, currency: str = "") -> Text:
        """Build both languages from one function that receives the :class:`Writer` of a language."""
        return cls(*(sentence(Writer(language, currency)) for language in numbers.LANGUAGES))


@dataclass(frozen=True)
class Writer:
    """Writes numbers in one language and currency; handed to the functions that compose sentences.

    Examples
    --------
    >>> Text.write(lambda w: w(f"MAU is {w.n(1200, 'customers')}.", f"月活 {w.n(1200, 'customers')}。")).zh
    '月活 1,200 人。'
    """

    language: str
    currency: str = ""

    def __call__(self, en: str, zh: str) -> str:
        """Pick the wording of this writer's language."""
        return zh if self.language == numbers.ZH else en

    def n(self, value: object, unit: str = "count", *, signed: bool = False) -> str:
        """Write a number."""
        return numbers.number(value, unit, language=self.language, currency=self.currency, signed=signed)

    def ci(self, lower: object, upper: object, unit: str = "count", *, signed: bool = False) -> str:
        """Write an interval."""
        return numbers.interval(lower, upper, unit, language=self.language, currency=self.currency, signed=signed)

    def est(self, figure: Figure, *, signed: bool = False) -> str:
        """Write a figure with its interval and group size."""
        return numbers.estimate(
            figure.value,
            figure.lower,
            figure.upper,
            figure.unit,
            n=figure.n,
            language=self.language,
            currency=self.currency,
            signed=signed,
        )


@dataclass(frozen=True)
class Figure:
    """One typed number of a result.

    Attributes
    ----------
    key : str
        Name within the step, e.g. ``mau``.
    value : float or None
        None where the number can't be had; a finding then says why.
    lower, upper : float or None
        Bounds of the 95 % interval; None for plain counts of everybody, which have none.
    unit : str
        One of :data:`helpers.findings.numbers.UNITS`.
    n : int or None
        Group size that the number stands on.
    period : str
        What time it speaks of, e.g. ``2025-08`` or ``2025-09-08/2025-10-05``.
    """

    key: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    unit: str = "count"
    n: int | None = None
    period: str = ""

    def __post_init__(self) -> None:
        if self.unit not in numbers.UNITS:
            raise ValueError(
                f"unit of figure {self.key!r} must be one of {', '.join(numbers.UNITS)}, not {self.unit!r}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form; NaN and infinities become null, since JSON has neither."""
        return {
            "key": self.key,
            "value": _json_number(self.value),
            "lower": _json_number(self.lower),
            "upper": _json_number(self.upper),
            "unit": self.unit,
            "n": None if self.n is None else int(self.n),
            "period": self.period,
        }


@dataclass(frozen=True)
class Finding:
    """A sentence in both languages, the figures in it, and the table that it was read from.

    Attributes
    ----------
    key : str
        Name within the step, e.g. ``mau_change``.
    text : Text
        One or two whole sentences with number, unit, interval and group size.
    figures : tuple of Figure
    table : str
        Name of the kept table that the sentence was read from; empty if none.
    tone : str
        ``good``, ``bad``, ``warning`` or ``plain``: how the page colours the line, never a claim of its own.
    """

    key: str
    text: Text
    figures: tuple[Figure, ...] = field(default_factory=tuple)
    table: str = ""
    tone: str = "plain"

    def __post_init__(self) -> None:
        if self.tone not in ("good", "bad", "warning", "plain"):
            raise ValueError(f"tone of finding {self.key!r} must be good, bad, warning or plain, not {self.tone!r}")
        for language in numbers.LANGUAGES:
            if not self.text.say(language).strip():
                raise ValueError(f"finding {self.key!r} has no words in {language}")

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form: key, both languages, the keys of the figures."""
        return {
            "key": self.key,
            "en": self.text.en,
            "zh": self.text.zh,
            "figures": [figure.key for figure in self.figures],
            "table": self.table,
            "tone": self.tone,
        }


def _json_number(value: Any) -> float | int | str | None:
    if numbers.is_missing(value):
        return None
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str | bool | int):
        return value
    as_float = float(value)
    if as_float in (float("inf"), float("-inf")):
        return None
    return int(as_float) if type(value).__name__.startswith(("int", "uint")) else as_float
