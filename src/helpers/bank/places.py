"""Where things stand: the project's folder, and paths that are given relative to it."""

from __future__ import annotations

from pathlib import Path

from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError

# What a bank's folder is known by; among the digests of its tables the one of its settings stands under this name.
SETTINGS = "bank.yml"
# Folder of a bank's with the briefs that were written before its campaigns.
BRIEFS = "briefs"


def project_root() -> Path:
    """Return the checkout that holds ``data/catalogue``: above the working folder, else the one of this package.

    Notebooks run from ``notebooks/``, the command from the top, a branch's own collection from its own folder.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, *Path(__file__).resolve().parents):
        if (folder / "data" / "catalogue").is_dir():
            return folder
    raise SpokenError(
        Text(
            f"no folder data/catalogue in {here} or above; run from the project's folder",
            f"{here} 及其上级均无 data/catalogue 文件夹；请在项目目录中运行",
        )
    )


def find(path: str | Path) -> Path:
    """Resolve a path given relative to the working folder or, failing that, to the project's folder."""
    given = Path(path).expanduser()
    if given.is_absolute() or given.exists():
        return given
    return project_root() / given
