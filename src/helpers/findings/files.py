"""Writes files whole or not at all: beside the target, to the disk, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

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


def replace_whole(file: Path, write: Callable[[Path], object]) -> None:
    """Have a file written beside its place by ``write(part)``, and put it there once it is on the disk.

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
        os.chmod(part, 0o644)
        os.replace(part, file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sweep(folder: Path, *, below: bool = False) -> None:
    """Remove what a killed run was writing in a folder (and in those below); nobody else may be writing there."""
    for part in folder.rglob(f".*{PART}") if below else folder.glob(f".*{PART}"):
        part.unlink(missing_ok=True)
