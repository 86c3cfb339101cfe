"""What a step keeps: `result.json` and parquet tables in its run folder, read by the next step and by the batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from helpers.findings.files import replace_whole, write_whole
from helpers.findings.finding import Figure, Finding, Text

if TYPE_CHECKING:
    import pandas as pd

AnyTable = TypeVar("AnyTable", bound="pd.DataFrame | None")
SCHEMA_VERSION = 1
RESULT_FILE = "result.json"


class StepResult:
    """Collects the findings, figures, tables and files of one step, and writes them whole or not at all.

    Parameters
    ----------
    step : str
        Stem of the step's notebook, e.g. ``01_goal_decomposition``.
    run_dir : str or Path
        Folder of the case; the result goes to ``<run_dir>/<step>/``. Empty keeps nothing on disk
        (an analyst's dry run), but everything else works.

    Examples
    --------
    >>> result = StepResult("01_goal_decomposition", run_dir="")
    >>> finding = Finding("mau", Text("MAU is 12.", "月活 12 人。"), (Figure("mau", 12, unit="customers"),))
    >>> result.add(finding).text.en
    'MAU is 12.'
    >>> result.figure("mau").value
    12
    """

    def __init__(self, step: str, *, run_dir: str | Path = "") -> None:
        self.step = step
        self.run_dir = Path(run_dir) if str(run_dir) else None
        self.findings: list[Finding] = []
        self.extra_figures: list[Figure] = []
        self.tables: dict[str, pd.DataFrame] = {}
        self.files: list[str] = []
        # What the numbers stand on (bank, day, branch, currency): said again wherever they are shown without the page.
        self.about: dict[str, Any] = {}

    @property
    def folder(self) -> Path | None:
        """Folder of the step's own files, None in a dry run."""
        return None if self.run_dir is None else self.run_dir / self.step

    @property
    def figures(self) -> list[Figure]:
        """All figures, of findings first; a key stands once."""
        seen: dict[str, Figure] = {}
        for figure in [f for finding in self.findings for f in finding.figures] + self.extra_figures:
            seen.setdefault(figure.key, figure)
        return list(seen.values())

    def figure(self, key: str) -> Figure:
        """Return the figure of that key; KeyError names those that there are."""
        for figure in self.figures:
            if figure.key == key:
                return figure
        raise KeyError(f"step {self.step} has no figure {key!r}; it has {', '.join(f.key for f in self.figures)}")

    def add(self, finding: Finding) -> Finding:
        """Record a finding and return it, so that a notebook's cell shows it."""
        if any(finding.key == known.key for known in self.findings):
            raise ValueError(f"step {self.step} has a finding {finding.key!r} already")
        self.findings.append(finding)
        return finding

    def add_figures(self, *figures: Figure) -> None:
        """Record figures that no sentence carries."""
        self.extra_figures.extend(figures)

    def add_table(self, name: str, table: AnyTable) -> AnyTable:
        """Record a table under a name and return it; it is kept as ``<name>.parquet``. None (no such table) is not."""
        if table is not None:
            self.tables[name] = table
        return table

    def path(self, name: str) -> Path | None:
        """Return where a file of the step's own (a brief, a list) is to be written, and count it among its files."""
        if self.folder is None:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        if name not in self.files:
            self.files.append(name)
        return self.folder / name

    def keep(self) -> Path | None:
        """Write tables, then ``result.json`` (last, by rename): a reader finds a whole result or none."""
        if self.folder is None:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        names = []
        for name, table in self.tables.items():
            file = f"{name}.parquet"
            plain = in_words(table)
            plain.attrs = {}
            replace_whole(self.folder / file, lambda part, frame=plain: frame.to_parquet(part, index=False))
            names.append(file)
        content: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "step": self.step,
            "about": dict(self.about),
            "figures": [figure.as_dict() for figure in self.figures],
            "findings": [finding.as_dict() for finding in self.findings],
            "tables": names,
            "files": list(self.files),
        }
        text = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False)
        write_whole(self.folder / RESULT_FILE, text + "\n")
        return self.folder / RESULT_FILE


class KeptResult:
    """A result read back: ``about``, ``figures`` and ``findings`` by key, ``table(name)`` as a frame."""

    def __init__(self, folder: Path, content: dict[str, Any]) -> None:
        self.folder = folder
        self.step: str = content["step"]
        self.about: dict[str, Any] = content.get("about", {})
        self.figures: dict[str, Figure] = {f["key"]: Figure(**f) for f in content["figures"]}
        self.findings: dict[str, Finding] = {
            f["key"]: Finding(
                key=f["key"],
                text=Text(f["en"], f["zh"]),
                figures=tuple(self.figures[key] for key in f["figures"]),
                table=f.get("table", ""),
                tone=f.get("tone", "plain"),
            )
            for f in content["findings"]
        }
        self.tables: list[str] = [Path(name).stem for name in content["tables"]]
        self.files: list[str] = content.get("files", [])

    def table(self, name: str) -> pd.DataFrame:
        """Read one kept table; KeyError names those that there are."""
        import pandas as pd

        if name not in self.tables:
            raise KeyError(f"step {self.step} kept no table {name!r}; it kept {', '.join(self.tables)}")
        return pd.read_parquet(self.folder / f"{name}.parquet")


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table that can be kept: every column of `Text` becomes two of plain words, ``…_en`` and ``…_zh``.

    Examples
    --------
    >>> import pandas as pd
    >>> list(in_words(pd.DataFrame({"rule": [Text("cap", "上限")], "n": [3]})).columns)
    ['rule_en', 'rule_zh', 'n']
    """
    import pandas as pd

    columns = {}
    for name in table.columns:
        values = list(table[name])
        if values and all(isinstance(value, Text) for value in values):
            columns[f"{name}_en"] = [value.en for value in values]
            columns[f"{name}_zh"] = [value.zh for value in values]
        else:
            columns[name] = table[name]
    return pd.DataFrame(columns, index=table.index)


def read(run_dir: str | Path, step: str) -> KeptResult | None:
    """Read what a step kept in a run folder; None if it hasn't (or if there is no run folder)."""
    if not str(run_dir):
        return None
    file = Path(run_dir) / step / RESULT_FILE
    if not file.is_file():
        return None
    content = json.loads(file.read_text(encoding="utf-8"))
    if content.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"{file}: schema_version is {content.get('schema_version')!r}, this version reads {SCHEMA_VERSION}; "
            "run the step again"
        )
    return KeptResult(file.parent, content)
