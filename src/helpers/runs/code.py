"""Which of the project's modules a notebook imports, all the way down, read from the sources without importing them."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import helpers

PACKAGE = "helpers"
# Every page is drawn by it, whatever its notebook imports.
ALWAYS = ("helpers.reporting.pages",)


class Code:
    """Source files of the package and what they import; each file is read once for each object."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(helpers.__file__).parent
        self._imports: dict[str, set[str]] = {}
        self._digests: dict[Path, str] = {}
        self._of_notebook: dict[Path, str] = {}

    def digest(self, notebook: Path) -> str:
        """Digest of the modules that a notebook needs, with the data files (labels, templates) beside them."""
        if notebook not in self._of_notebook:
            whole = hashlib.sha256()
            for file in self.files(notebook):
                whole.update(f"{file.relative_to(self.folder).as_posix()}:{self._digest(file)}\n".encode())
            self._of_notebook[notebook] = whole.hexdigest()
        return self._of_notebook[notebook]

    def files(self, notebook: Path) -> list[Path]:
        """Source and data files that a notebook needs, sorted."""
        wanted = [*ALWAYS, *_names_in_notebook(notebook)]
        seen: set[str] = set()
        while wanted:
            name = self._module(wanted.pop())
            while name and name not in seen:
                seen.add(name)
                wanted += self._imported_by(name)
                # Importing a module runs the packages above it first.
                name = name.rpartition(".")[0]
        sources = {self._file(name) for name in seen}
        return sorted(sources | {data for source in sources for data in _data_beside(source.parent)})

    def _module(self, name: str) -> str:
        """Cut a dotted name down to a module that exists: ``a.b.function`` is in ``a.b``."""
        while name and self._file(name) is None:
            name = name.rpartition(".")[0]
        return name

    def _file(self, name: str) -> Path | None:
        first, *rest = name.split(".")
        if first != PACKAGE:
            return None
        place = self.folder.joinpath(*rest)
        for file in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if file.is_file():
                return file
        return None

    def _imported_by(self, name: str) -> set[str]:
        if name not in self._imports:
            file = self._file(name)
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            try:
                self._imports[name] = set(_names(file.read_text(encoding="utf-8"), package))
            except SyntaxError:
                # It counts with its content; what it would import is never reached.
                self._imports[name] = set()
        return self._imports[name]

    def _digest(self, file: Path) -> str:
        if file not in self._digests:
            self._digests[file] = hashlib.sha256(file.read_bytes()).hexdigest()
        return self._digests[file]


def _names_in_notebook(notebook: Path) -> Iterator[str]:
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            # Line magics are not Python; what they do is no import of the package.
            plain = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
            try:
                yield from _names(plain, "")
            except SyntaxError:
                # The cell will fail by itself; nothing can be kept from it.
                continue


def _names(source: str, package: str) -> Iterator[str]:
    """Dotted names that a source imports, also inside functions (late imports)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            if base.split(".")[0] == PACKAGE:
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _data_beside(folder: Path) -> Iterator[Path]:
    """Files that are no sources: in the package's folder and in those below that are no packages themselves."""
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__" and not (entry / "__init__.py").is_file():
                yield from _data_beside(entry)
        elif entry.suffix not in (".py", ".pyc") and not entry.name.startswith("."):
            yield entry
