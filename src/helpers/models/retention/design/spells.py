"""Spells and their covariates as the hazard models take them: read once, the same customers in both."""

from __future__ import annotations

import ibis
import pandas as pd

from helpers.models.retention import columns as col
from helpers.models.retention.arrays import SpellArrays
from helpers.models.retention.counts import as_frame, is_lazy
from helpers.models.retention.design.covariates import Covariate, Design


def read_spells(
    design: Design, spells: pd.DataFrame | ibis.Table, *, to_learn: str
) -> tuple[list[Covariate], SpellArrays]:
    """Read spells and fit a design to them.

    Parameters
    ----------
    design : Design
        Fitted here.
    spells : DataFrame or lazy table
    to_learn : str
        What the model learns, for the words of the error.

    Returns
    -------
    list of Covariate, SpellArrays
        Of the same customers, without those who are left out.

    Raises
    ------
    ValueError
        If nobody lapsed.
    """
    names = design.check()
    table = as_frame(spells, list(dict.fromkeys([*names, col.DAYS, col.LAPSED, col.ENTRY])))
    spell = SpellArrays.read(table, lazy=is_lazy(spells))
    columns = design.fit(table).read(table)
    if spell.keep is not None:
        columns = [column.take(spell.keep) for column in columns]
    if not spell.event.any():
        raise ValueError(f"nobody lapsed in these spells; {to_learn} can't be learnt from none")
    return columns, spell
