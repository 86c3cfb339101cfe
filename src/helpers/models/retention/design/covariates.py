"""Columns of a table as columns of a design: numbers stay, categories become one column each but the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from helpers.models.retention import columns as col
from helpers.models.retention.design.checks import constant_text, missing_text
from helpers.models.retention.design.patterns import GLANCE, Joint, few_together, few_values, has_many


@dataclass
class Covariate:
    """One covariate as the model sees it: ``width`` columns, from numbers or from the codes of few values."""

    names: list[str]
    values: np.ndarray | None = None
    own_codes: np.ndarray | None = None
    table: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))
    joint: Joint | None = None
    place: int = 0

    @property
    def codes(self) -> np.ndarray | None:
        """Code of each row's value in ``table``, or None for plain numbers."""
        if self.own_codes is None and self.joint is not None:
            self.own_codes = self.joint.codes(self.place)
        return self.own_codes

    @property
    def width(self) -> int:
        """Number of design columns."""
        return len(self.names)

    def take(self, which: slice | np.ndarray) -> Covariate:
        """The covariate of some rows."""
        if self.values is not None:
            return replace(self, values=self.values[which])
        return replace(self, own_codes=self.codes[which], joint=None)

    def product(self, coef: np.ndarray) -> np.ndarray:
        """Design times coefficients, shape (n,)."""
        return self.values * coef[0] if self.values is not None else (self.table @ coef)[self.codes]

    def write(self, out: np.ndarray, start: int, stop: int) -> None:
        """Fill ``out``, shape (stop − start, width), with the rows of the design."""
        if self.values is not None:
            out[:, 0] = self.values[start:stop]
        else:
            np.take(self.table, self.codes[start:stop], axis=0, out=out)


class Design:
    """Learns how covariates become columns: numbers stay, categories become one column each but the first.

    Attributes
    ----------
    names_ : list of str
        Design columns: the covariate's name, or ``name[level]``.
    references_ : dict
        Level left out of each categorical covariate.
    """

    def __init__(self, covariates: Sequence[str]) -> None:
        self.covariates = covariates

    def check(self) -> list[str]:
        """Return the covariates as a list of different names, or raise ValueError."""
        if isinstance(self.covariates, str) or not len(self.covariates):
            raise ValueError(f"covariates must be a list of at least one column name, not {self.covariates!r}")
        if len(set(self.covariates)) < len(self.covariates):
            raise ValueError(f"covariates must be different columns, not {list(self.covariates)!r}")
        return list(self.covariates)

    def fit(self, table: pd.DataFrame) -> Design:
        """Learn levels; KeyError or ValueError names a covariate that is absent or can't be used."""
        col.require(table, self.check())
        self.references_: dict[str, object] = {}
        self.levels_: dict[str, list[object]] = {}
        self.names_: list[str] = []
        for name in self.covariates:
            if not _is_number(table[name]):
                levels = col.encode(table[name]).labels
                present = set(pd.unique(table[name].dropna()))
                # A category that nobody has can't get a coefficient.
                levels = [level for level in levels if level in present]
                if not levels:
                    raise ValueError(missing_text(name, len(table)))
                self.references_[name], self.levels_[name] = levels[0], levels
                self.names_ += [f"{name}[{level}]" for level in levels[1:]]
                if len(levels) == 1:
                    raise ValueError(constant_text(name, levels[0]))
            else:
                self.names_.append(name)
        return self

    def read(self, table: pd.DataFrame, *, codes: bool = True) -> list[Covariate]:
        """Return the covariates of a table; ValueError names one with missing values or unknown levels.

        ``codes=False`` leaves numbers as numbers, whatever their number of values.
        """
        col.require(table, self.covariates, what="table")
        numbers = {n: table[n].to_numpy() for n in self.covariates if n not in self.levels_}
        if codes and len(numbers) == len(self.covariates):
            together = few_together(list(numbers.values()))
            if together is not None:
                joint, values = together
                return [
                    Covariate([name], table=values[j][:, None], joint=joint, place=j)
                    for j, name in enumerate(self.covariates)
                ]
        # One number with many values, and counting by pattern is out: the others stay as they are too.
        codes = codes and not any(has_many(values) for values in numbers.values())
        return [self._one(table[name], name, codes) for name in self.covariates]

    def matrix(self, table: pd.DataFrame) -> np.ndarray:
        """Design of a table, ``(n, len(names_))``."""
        out = np.empty((len(table), len(self.names_)))
        at = 0
        for covariate in self.read(table, codes=False):
            covariate.write(out[:, at : at + covariate.width], 0, len(table))
            at += covariate.width
        if not np.isfinite(out).all():
            at = int((~np.isfinite(out)).sum(axis=0).argmax())
            raise ValueError(missing_text(self.names_[at], int((~np.isfinite(out[:, at])).sum())))
        return out

    def _one(self, column: pd.Series, name: str, codes: bool) -> Covariate:
        if name in self.levels_:
            levels = self.levels_[name]
            found = pd.Categorical(column, categories=levels).codes
            if len(found) and found.min() < 0:
                if column.isna().any():
                    raise ValueError(missing_text(name, int(column.isna().sum())))
                other = column[found < 0].iloc[0]
                raise ValueError(
                    f"covariate {name} has the value {other!r}, which the model has not seen; "
                    f"known are {', '.join(map(str, levels))}"
                )
            table = np.eye(len(levels))[:, 1:]
            return Covariate([f"{name}[{level}]" for level in levels[1:]], own_codes=found, table=table)
        values = column.to_numpy()
        if values.dtype.kind not in "iufb":
            values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        few = few_values(values) if codes else None
        if few is not None:
            return Covariate([name], own_codes=few[0], table=few[1].astype(float)[:, None])
        if values.dtype.kind == "f" and (codes or len(values) < GLANCE * 512):
            # In a long table gaps are found by the first sums over it instead.
            bad = ~np.isfinite(values)
            if bad.any():
                raise ValueError(missing_text(name, int(bad.sum())))
        return Covariate([name], values=values)


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not isinstance(column.dtype, pd.CategoricalDtype))
