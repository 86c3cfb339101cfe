"""What activity and money are worth: the assumptions of `data/catalogue/economics.yml`, read once for all steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import model_validator

from helpers.bank import catalogue
from helpers.findings import SpokenError, Text, Writer

NAMES = ("spread", "fee_income_per_active_month", "servicing_cost_per_active_month", "expected_loss")
_UNITS = ("share", "money_each")


class Assumption(catalogue.Entry):
    """One assumption: its value, its unit, and where it comes from.

    Attributes
    ----------
    name : Words
    value : float
        Shares are 0–1 a year; money is in the bank's currency a customer and active month.
    unit : {"share", "money_each"}
    source : Words
    """

    name: catalogue.Words
    value: float
    unit: str
    source: catalogue.Words

    @model_validator(mode="after")
    def _in_range(self) -> Assumption:
        if self.unit not in _UNITS:
            raise SpokenError(
                Text(
                    f"unit must be one of {', '.join(_UNITS)}, not {self.unit!r}",
                    f"unit 应为 {'、'.join(_UNITS)} 之一，现为 {self.unit!r}",
                )
            )
        if self.value < 0 or (self.unit == "share" and self.value > 1):
            raise SpokenError(
                Text(
                    f"value {self.value} must be {'0 to 1' if self.unit == 'share' else '0 or more'}",
                    f"value {self.value} 应{'在 0 到 1 之间' if self.unit == 'share' else '不小于 0'}",
                )
            )
        return self


@dataclass(frozen=True)
class Economics:
    """The four assumptions, and what follows from them.

    Attributes
    ----------
    spread, expected_loss : float
        Share of assets a year.
    fee_income_per_active_month, servicing_cost_per_active_month : float
        Bank's currency a customer and active month.
    """

    spread: float
    fee_income_per_active_month: float
    servicing_cost_per_active_month: float
    expected_loss: float

    @property
    def margin_per_active_month(self) -> float:
        """Fees less servicing of one customer's active month."""
        return self.fee_income_per_active_month - self.servicing_cost_per_active_month

    def margin_on_money(self, days: int) -> float:
        """Margin less expected loss on one unit of money that stays so many days.

        Examples
        --------
        >>> Economics(0.012, 3.2, 0.6, 0.002).margin_on_money(365)
        0.01
        """
        return (self.spread - self.expected_loss) * days / 365


def read_assumptions(*, folder: str | Path = "") -> dict[str, Assumption]:
    """Read the catalogue; ValueError if an assumption is missing, unknown or out of range."""
    found = catalogue.read("economics", Assumption, folder=folder)
    missing = [name for name in NAMES if name not in found]
    if missing:
        raise SpokenError(
            Text(
                f"economics.yml: {', '.join(missing)} missing; it needs {', '.join(NAMES)}",
                f"economics.yml：缺少 {'、'.join(missing)}，须包含 {'、'.join(NAMES)}",
            )
        )
    return found


def read_economics(*, folder: str | Path = "") -> Economics:
    """Read the catalogue's values."""
    found = read_assumptions(folder=folder)
    return Economics(**{name: found[name].value for name in NAMES})


def rate(w: Writer, value: float) -> str:
    """Write a rate a year with all digits of the assumption: rounded to 0.1 % a small one can't be reckoned with.

    Examples
    --------
    >>> rate(Writer("en"), 0.0008), rate(Writer("zh"), 0.012)
    ('0.08 %', '1.2%')
    """
    percent = f"{value * 100:.6g}"
    return w(f"{percent} %", f"{percent}%")
