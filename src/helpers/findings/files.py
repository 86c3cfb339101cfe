"""Writes files whole or not at all: beside the target, to the disk, then renamed. Reads what may be torn."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What is being written ends so, and begins with a dot; a run that is killed leaves it behind.
PART = ".part"


def write_whole(file: Path, text: str) -> None:
    """Write a text file so that a reader, a kill or a power cut finds the old content or the new one.

    Raises
    ------
    OSError
        If the folder can't be written or the disk is full; the target is then as it was and nothing lies beside it.
    """
    replace_whole(file, lambda part: part.write_text(text, encoding="utf-8"))


def replace_whole(file: Path, write: Callable[[Path], object], *, mode: int = 0o644) -> None:
    """Have a file written beside its place by ``write(part)``, and put it there once it is on the disk.

    While it is written only its owner may read it; in its place it has the ``mode``.

    Raises
    ------
    OSError
        As :func:`write_whole`; whatever ``write`` raises goes on, too.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=PART)
    os.close(handle)
    part = Path(name)
    try:
        write(part)
        # A name that reaches the disk before its content would be an empty file after a power cut.
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        os.chmod(part, mode)
        os.replace(part, file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_object(file: Path) -> dict[str, Any]:
    """Read a JSON object that a run has kept; empty where the file is not there, cut off or something else."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def sweep(folder: Path, *, below: bool = False) -> None:
    """Remove what a killed run was writing in a folder (and in those below); nobody else may be writing there."""
    for part in folder.rglob(f".*{PART}") if below else folder.glob(f".*{PART}"):
        part.unlink(missing_ok=True)
