"""What values a parameter may take, by its name: names carry units, so they can be checked before a kernel starts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from helpers.bank.places import project_root
from helpers.runs.refusal import Refusal, nearest

LANGUAGES = ("en", "zh")
# Parameters that name an entry of a catalogue; empty text means “choose for me” where the notebook says so.
CATALOGUES = {"segment": "segments", "form": "activities", "goal_metric": "metrics"}
CHOICES = {"language": LANGUAGES, "roi_convention": ("ratio", "net")}
DAYS = ("as_of", "starts_date", "acquired_since")
OPEN_SHARES = ("alpha", "power")


def check(name: str, value: Any, *, where: str) -> None:
    """Refuse a value that no notebook could take.

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
    if name in CATALOGUES and value:
        known = slugs(CATALOGUES[name])
        if known and value not in known:
            raise Refusal(
                f"{where}: {name} {value!r} is not in data/catalogue/{CATALOGUES[name]}.yml"
                f"{nearest(str(value), known)}; there are {', '.join(known)}"
            )
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if name in OPEN_SHARES and not 0 < value < 1:
        raise Refusal(f"{where}: {name} should lie between 0 and 1, not {value!r}")
    if name.endswith("_share") and not 0 <= value <= 1:
        raise Refusal(f"{where}: {name} is a share from 0 to 1, not {value!r}")
    if name.endswith(("_days", "_months")) and value <= 0:
        raise Refusal(f"{where}: {name} should be at least 1, not {value!r}")
    if (name.endswith("budget") or name.startswith(("target_", "n_", "min_"))) and value < 0:
        raise Refusal(f"{where}: {name} should not be negative, it is {value!r}")


def slugs(catalogue: str) -> Iterable[str]:
    """Return the slugs of a catalogue, read as plain YAML; empty if it can't be read (its reader will say why)."""
    import yaml

    file: Path = project_root() / "data" / "catalogue" / f"{catalogue}.yml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return []
    entries = content.get("entries") if isinstance(content, dict) else None
    return list(entries) if isinstance(entries, dict) else []
