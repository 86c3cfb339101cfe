"""Chance, spawned: one independent generator a noun and cell, so that no table's draws move another's."""

from __future__ import annotations

import numpy as np

CELL_CUSTOMERS = 1_000
_STREAMS = (
    "market",
    "spend",
    "people",
    "joining",
    "rings",
    "lives",
    "days",
    "wealth",
    "campaigns",
    "clicks",
    "touches",
    "rewards",
    "transactions",
    "products",
    "tags",
    "surveys",
    "devices",
    "referrals",
    "loading",
)


def generator(seed: int, stream: str, cell: int = 0) -> np.random.Generator:
    """Return the generator of one noun in one cell of customers.

    Cells hold `CELL_CUSTOMERS` customers whatever the size of the blocks that are written, which
    is why a customer's data depend on the seed alone and not on how the work was cut.

    Parameters
    ----------
    seed : int
        Seed of the whole bank.
    stream : str
        Noun that is drawn, one of the fixed list; a new noun goes to the list's end.
    cell : int
        Number of the cell of customers, from 0.

    Examples
    --------
    >>> bool(generator(1, "people").random() == generator(1, "people").random())
    True
    >>> bool(generator(1, "people").random() == generator(1, "days").random())
    False
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(_STREAMS.index(stream), cell))
    return np.random.default_rng(sequence)


def one_of(rng: np.random.Generator, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Draw one column for each row of a table of weights.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    weights : array, (n_kinds, n_choices)
        Weights of the choices for every kind of row, not negative, need not sum to 1.
    rows : array of int, (n,)
        Kind of each thing drawn for.

    Returns
    -------
    array of int, (n,)
        Chosen columns.
    """
    cumulated = np.cumsum(weights, axis=1, dtype=float)
    cumulated /= cumulated[:, -1:]
    n_choices = weights.shape[1]
    # one sorted line for all kinds: kind k owns the stretch from k to k + 1
    line = (cumulated + np.arange(len(weights))[:, None]).ravel()
    found = np.searchsorted(line, rng.random(len(rows)) + rows, side="right") - rows * n_choices
    return np.minimum(found, n_choices - 1)
