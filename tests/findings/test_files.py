"""Files are written whole and to the disk, or not at all; what a dead run was writing is swept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from helpers.findings import files


def test_the_content_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    fsync, synced = os.fsync, []

    def seen(handle: int) -> None:
        fsync(handle)
        synced.append((os.fstat(handle).st_ino, os.fstat(handle).st_size, target.read_text()))

    monkeypatch.setattr(files.os, "fsync", seen)
    files.write_whole(target, "网点")
    assert synced == [(target.stat().st_ino, 6, "old")]
    assert (target.read_text(encoding="utf-8"), stat.S_IMODE(target.stat().st_mode)) == ("网点", 0o644)


def test_what_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "table.parquet"
    target.write_text("old")

    def half(part: Path) -> None:
        part.write_text("ha")
        raise KeyError("share")

    with pytest.raises(KeyError, match="share"):
        files.replace_whole(target, half)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("table.parquet", "old")]


def test_only_what_was_being_written_is_swept(tmp_path: Path) -> None:
    below = tmp_path / "case" / "en"
    below.mkdir(parents=True)
    kept = [tmp_path / "notes.part", tmp_path / ".lock", below / ".before.en.json"]
    torn = [tmp_path / ".board.json.x1.part", below / ".a.html.x2.part"]
    for file in (*kept, *torn):
        file.touch()
    files.sweep(tmp_path)
    assert [file.exists() for file in torn] == [False, True]
    files.sweep(tmp_path, below=True)
    assert [file.exists() for file in (*kept, *torn)] == [True, True, True, False, False]
