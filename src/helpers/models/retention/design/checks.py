"""Covariates that no coefficient can be learnt for, refused by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def missing_text(name: str, n: int) -> str:
    """Words for a covariate with gaps."""
    return f"covariate {name} is missing or not finite in {n} row(s); fill them or leave those customers out"


def constant_text(name: str, value: object) -> str:
    return f"covariate {name} is constant ({value}); it can't explain who lapses, leave it out"


def check_spread(names: Sequence[str], mean: np.ndarray, spread: np.ndarray) -> None:
    """Raise for a column that is the same for everybody."""
    flat = spread <= 1e-12 * np.maximum(np.abs(mean), 1.0)
    if flat.any():
        at = int(flat.argmax())
        raise ValueError(constant_text(names[at], f"{mean[at]:g}"))


def check_collinear(names: Sequence[str], correlation: np.ndarray) -> None:
    """Raise where a column is a sum of others, naming them."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < 1e-10 * len(names):
        part = np.abs(vectors[:, 0])
        told = [name for name, share in zip(names, part, strict=True) if share > 1e-3 * part.max()]
        raise ValueError(f"covariates {', '.join(told)} are collinear: each follows from the others; leave one out")


def separation_text(name: str) -> str:
    """Words for a coefficient that runs away."""
    return (
        f"covariate {name} separates those who lapse from those who don't: its coefficient has no finite "
        "estimate; leave it out, merge its levels, or set penalizer above 0"
    )


def check_flat(beta: np.ndarray, information: np.ndarray, names: Sequence[str]) -> None:
    """Raise where the likelihood went flat on the way to infinity: a huge coefficient with a larger error still."""
    with np.errstate(all="ignore"):
        se = np.sqrt(1 / np.linalg.eigvalsh(information)[0])
    worst = int(np.abs(beta).argmax())
    if abs(beta[worst]) > 3.0 and not se < abs(beta[worst]):
        raise ValueError(separation_text(names[worst]))
