"""Writes files whole or not at all: beside the target, to the disk, then renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a text file so that a reader, a kill or a power cut finds the old content or the new one.

    Raises
    ------
    OSError
        If the folder can't be written or the disk is full; the target is then as it was and nothing lies beside it.
    """
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as target:
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
