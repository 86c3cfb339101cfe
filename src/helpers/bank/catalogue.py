"""Reads `data/catalogue/*.yml`: what an operations team edits, checked against a pydantic model of each file.

The models stand with whoever works with the entries (activity forms in the step that ranks them, channels in the
one that allocates …); this module finds, reads and refuses. Every catalogue is a mapping ``schema_version``,
``entries``: slug to entry; names and texts of entries are ``{en: …, zh: …}``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from helpers.bank import places
from helpers.bank.settings import explain, read_yaml
from helpers.findings import SpokenError, Text
from helpers.findings.spoken import at, unknown

SCHEMA_VERSION = 1


class Entry(BaseModel):
    """Base of all catalogue entries: unknown keys are refused, so that no misspelt one is silently without effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(Entry):
    """The same words in both languages; both must be there."""

    en: str
    zh: str

    @field_validator("en", "zh")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise SpokenError(Text("both languages need words", "中英文都须填写"))
        return value

    @property
    def text(self) -> Text:
        """The words as findings use them."""
        return Text(self.en, self.zh)

    def say(self, language: str) -> str:
        """Return the words in one language."""
        return self.text.say(language)


AnyEntry = TypeVar("AnyEntry", bound=Entry)


def read(name: str, model: type[AnyEntry], *, folder: str | Path = "") -> dict[str, AnyEntry]:
    """Read one catalogue.

    Parameters
    ----------
    name : str
        File name without ending, e.g. ``channels``.
    model : subclass of Entry
        Shape of its entries.
    folder : str or Path
        Folder of the catalogues; the project's ``data/catalogue`` by default.

    Returns
    -------
    dict of slug to entry, in the file's order

    Raises
    ------
    ValueError
        One line for each entry that is unknown, missing or of a wrong type, with file and place.
    """
    file = (places.find(folder) if str(folder) else places.project_root() / "data" / "catalogue") / f"{name}.yml"
    if not file.is_file():
        raise SpokenError(at(str(file), Text("the catalogue is missing", "缺少此目录文件")))
    content: Any = read_yaml(file)
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        begin = f"schema_version: {SCHEMA_VERSION}"
        raise SpokenError(at(str(file), Text(f"should begin with {begin}", f"应以 {begin} 开头")))
    entries = content.get("entries")
    if not isinstance(entries, dict) or not entries:
        words = Text("entries should be a mapping of slug to entry", "entries 应为“代码: 条目”的映射")
        raise SpokenError(at(str(file), words))
    unknown = set(content) - {"schema_version", "entries"}
    problems = [at(str(file), at(key, Text("unknown entry", "无法识别的条目"))) for key in sorted(unknown)]
    found: dict[str, AnyEntry] = {}
    for slug, entry in entries.items():
        try:
            found[str(slug)] = model.model_validate(entry)
        except ValidationError as error:
            problems += [at(str(file), Text(f"{slug}.{line.en}", f"{slug}.{line.zh}")) for line in explain(error)]
    if problems:
        raise SpokenError(*problems)
    return found


def pick(entries: dict[str, AnyEntry], slug: str, *, what: str | Text) -> AnyEntry:
    """Return one entry; SpokenError names the parameter, the value, the nearest slug and all that there are."""
    if slug in entries:
        return entries[slug]
    raise SpokenError(unknown(what, slug, entries))
