"""Numbers as a reader of each language expects them: 12,345 and 1.2 m against 1.23 万 and 4.5 亿.

Shares are 0–1 in tables and percent in text; money is in the bank's currency, whose name is passed in.
A number that is missing is written as “–”, never as 0 or ``nan``.
"""

from __future__ import annotations

import math
from datetime import date, datetime

MISSING = "–"
# Groups of fewer customers are merged or masked unless a page says otherwise.
MIN_GROUP_SIZE = 10
EN = "en"
ZH = "zh"
LANGUAGES = (EN, ZH)
# Column and figure units that the tables, charts and findings know how to write.
UNITS = (
    "count",
    "customers",
    "share",
    "points",
    "money",
    "money_each",
    "days",
    "ratio",
    "index",
    "score",
    "probability",
    "p_value",
    "date",
    "text",
)


def check_language(language: str) -> str:
    """Return the language or raise: pages exist in ``en`` and ``zh`` only."""
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {', '.join(LANGUAGES)}, not {language!r}")
    return language


def is_missing(value: object) -> bool:
    """Tell None, NaN and NaT from values."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    # pandas' NA first: it refuses to be compared.
    return type(value).__name__ in ("NAType", "NaTType") or value != value


def _plain(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if float(text.replace(",", "")) != 0 else text.lstrip("-")


def _scaled(value: float, language: str) -> str:
    """Write a large number with the language's own powers: thousand, million; 万, 亿."""
    size = abs(value)
    steps = ((1e8, " 亿"), (1e4, " 万")) if language == ZH else ((1e9, " bn"), (1e6, " m"), (1e4, " k"))
    for step, suffix in steps:
        if size >= step:
            scaled = value / (1e3 if suffix == " k" else step)
            digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 1000 else 0
            if suffix == " 亿" and abs(scaled) < 10:
                # English writes these as hundreds of millions, to four figures: 107.9 m, 1.079 亿.
                digits = 3
            return _plain(scaled, digits) + suffix
    return _plain(value, 0 if size >= 100 or value == int(value) else 2)


def number(value: object, unit: str = "count", *, language: str = EN, currency: str = "", signed: bool = False) -> str:
    """Write one number with its unit.

    Parameters
    ----------
    value : number, date, str or None
        Shares and probabilities from 0 to 1; ``points`` are differences of shares; money in the bank's currency.
    unit : str
        One of :data:`UNITS`.
    language : {"en", "zh"}
    currency : str
        ISO code for ``money`` and ``money_each``; empty writes the number alone (table columns name it in the head).
    signed : bool
        Put a plus before positive values, as differences want it.

    Examples
    --------
    >>> number(0.1234, "share"), number(1234567, "money", currency="CNY")
    ('12.3 %', 'CNY 1.23 m')
    >>> number(1234567, "money", language="zh", currency="CNY")
    '123.5 万元'
    >>> number(0.021, "points", signed=True), number(float("nan"), "share")
    ('+2.1 pp', '–')
    """
    check_language(language)
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, not {unit!r}")
    if is_missing(value):
        return MISSING
    if unit == "text" or isinstance(value, str):
        return str(value)
    if unit == "date" or isinstance(value, date | datetime):
        return day(value)
    value = float(value)  # type: ignore[arg-type]
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    plus = "+" if signed and value > 0 else ""
    if unit in ("share", "probability"):
        return f"{plus}{_plain(value * 100, 1)} %" if language == EN else f"{plus}{_plain(value * 100, 1)}%"
    if unit == "points":
        return f"{plus}{_plain(value * 100, 1)} " + ("pp" if language == EN else "个百分点")
    if unit == "money":
        return _signed_money(_scaled(abs(value), language), value, plus, language, currency)
    if unit == "money_each":
        is_large = language == ZH and abs(value) >= 1e4
        text = _scaled(abs(value), language) if is_large else _plain(abs(value), 2 if abs(value) < 1000 else 0)
        return _signed_money(text, value, plus, language, currency)
    if unit == "p_value":
        return "< 0.001" if value < 0.001 else _plain(value, 3)
    if unit in ("ratio", "score", "days"):
        text = _plain(value, 0 if unit == "days" and value == int(value) else 2 if abs(value) < 100 else 1)
        if unit == "days":
            text += (" day" if abs(value) == 1 else " days") if language == EN else " 天"
        return plus + text
    if unit == "index":
        return plus + _plain(value, 0)
    text = plus + (
        _plain(value, 0) if abs(value) < 1e6 or (value == int(value) and language == EN) else _scaled(value, language)
    )
    if unit == "customers":
        text += (" customer" if abs(value) == 1 else " customers") if language == EN else " 人"
    return text


def money(value: float, *, language: str = EN, currency: str = "") -> str:
    """Write an amount, scaled (k, m, bn; 万, 亿), with the currency where it is named, the sign in front of it all.

    Examples
    --------
    >>> money(-9870000, currency="CNY"), money(-9870000, language="zh", currency="CNY")
    ('−CNY 9.87 m', '−987.0 万元')
    """
    return _signed_money(_scaled(abs(value), language), value, "", language, currency)


def _signed_money(text: str, value: float, plus: str, language: str, currency: str) -> str:
    is_zero = not any(digit in text for digit in "123456789")
    sign = "" if is_zero else "−" if value < 0 else plus
    return sign + _with_currency(text, language, currency)


def _with_currency(text: str, language: str, currency: str) -> str:
    if not currency:
        return text
    if language == ZH:
        # “123.5 万元”: Chinese puts the scale and the unit together.
        return text + (
            "元" if currency == "CNY" and text[-1] in "万亿" else " 元" if currency == "CNY" else f" {currency}"
        )
    return f"{currency} {text}"


def in_currency(name: str, currency: str, language: str) -> str:
    """Name of an axis or a column with the currency of its amounts: “Cost (CNY)”, “成本（元）”.

    Examples
    --------
    >>> in_currency("Cost", "CNY", "en"), in_currency("成本", "CNY", "zh"), in_currency("成本", "", "zh")
    ('Cost (CNY)', '成本（元）', '成本')
    """
    if not currency:
        return name
    unit = "元" if language == ZH and currency == "CNY" else currency
    return f"{name}（{unit}）" if language == ZH else f"{name} ({unit})"


def beside(name: str, word: str) -> str:
    """Join a name and a Chinese word: a space where Latin letters meet Chinese ones, none between two Chinese ones.

    Examples
    --------
    >>> beside("Harbour", "网点"), beside("城东", "网点")
    ('Harbour 网点', '城东网点')
    """
    return f"{name} {word}" if name and name[-1].isascii() else name + word


def day(value: object) -> str:
    """Write a day as ISO date, the one form that both languages read alike."""
    if is_missing(value):
        return MISSING
    if isinstance(value, datetime):
        return value.date().isoformat()
    return str(value)[:10]


def interval(
    lower: object,
    upper: object,
    unit: str = "count",
    *,
    language: str = EN,
    currency: str = "",
    signed: bool = False,
    level: float = 0.95,
) -> str:
    """Write an interval with its level: ``95 % CI 1.2 % to 3.4 %``; ``95% 置信区间 1.2% 至 3.4%``.

    Examples
    --------
    >>> interval(0.012, 0.034, "share")
    '95 % CI 1.2 % to 3.4 %'
    """
    low = number(lower, unit, language=language, currency=currency, signed=signed)
    high = number(upper, unit, language=language, currency=currency, signed=signed)
    for suffix in (" customers", " days", " pp", " 人", " 天", " 个百分点", " 元"):
        # The unit stands once, behind the upper bound.
        if low.endswith(suffix) and high.endswith(suffix):
            low = low.removesuffix(suffix)
    if currency and f"{currency} " in low and f"{currency} " in high:
        high = high.replace(f"{currency} ", "", 1)
    if language == ZH:
        return f"{level * 100:g}% 置信区间 {low} 至 {high}"
    return f"{level * 100:g} % CI {low} to {high}"


def estimate(
    value: object,
    lower: object,
    upper: object,
    unit: str = "count",
    *,
    n: int | None = None,
    language: str = EN,
    currency: str = "",
    signed: bool = False,
) -> str:
    """Write an estimate as it stands in a finding: value, interval and group size.

    Examples
    --------
    >>> estimate(0.021, 0.012, 0.03, "points", n=1200, signed=True)
    '+2.1 pp (95 % CI +1.2 to +3.0 pp, n = 1,200)'
    """
    head = number(value, unit, language=language, currency=currency, signed=signed)
    inside = []
    if not (is_missing(lower) and is_missing(upper)):
        inside.append(interval(lower, upper, unit, language=language, currency=currency, signed=signed))
    if n is not None:
        inside.append(f"n = {n:,}")
    if not inside:
        return head
    return f"{head} ({', '.join(inside)})" if language == EN else f"{head}（{'，'.join(inside)}）"
