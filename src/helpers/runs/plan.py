"""A playbook as a plan: which notebooks run for which cases with which parameters; everything checked before a kernel.

Reads YAML and notebook JSON only; nothing heavy is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.bank.places import find, project_root
from helpers.runs import parameters, values
from helpers.runs.parameters import Parameter
from helpers.runs.refusal import Refusal, nearest

FILE = "playbook.yml"
SCHEMA_VERSION = 1
DEFAULT_TIME_LIMIT_SECONDS = 1800
_TOP = ("schema_version", "title", "summary", "bank", "steps", "parameters", "cases", "time_limit_seconds")
_STEP = ("step", "notebook", "parameters")
_CASE = ("title", "parameters")
# Set for each step by the batch itself.
OWN = {"language": "use --language", "run_dir": "use --reports", "bank": "use --bank"}
_SLUG = re.compile(r"^[a-z0-9][a-z0-9_-]*$")


@dataclass(frozen=True)
class StepPlan:
    """One notebook of one case with all its parameters."""

    name: str
    notebook: Path
    parameters: dict[str, Any]


@dataclass(frozen=True)
class CasePlan:
    """One case: its title and its steps in order."""

    name: str
    title: dict[str, str]
    steps: tuple[StepPlan, ...]


@dataclass(frozen=True)
class Plan:
    """A checked playbook, ready to run."""

    name: str
    title: dict[str, str]
    bank: str
    language: str
    cases: tuple[CasePlan, ...]
    time_limit_seconds: int
    # All steps of the playbook in order, also where only one of them runs.
    step_names: tuple[str, ...] = ()

    @property
    def n_steps(self) -> int:
        """How many notebooks will run in all."""
        return sum(len(case.steps) for case in self.cases)


def notebooks_folder() -> Path:
    """Folder of the step notebooks."""
    return project_root() / "notebooks"


def step_notebooks() -> dict[str, Path]:
    """Step notebooks by stem, found by listing the folder."""
    return {file.stem: file for file in sorted(notebooks_folder().glob("*.ipynb"))}


def find_step(name: str, known: Mapping[str, Path], *, where: str) -> str:
    """Return the stem for a step given by stem, number (``1``, ``01``) or words (``goal_decomposition``)."""
    for stem in known:
        number, _, words = stem.partition("_")
        if name in (stem, number, words, number.lstrip("0")):
            return stem
    raise Refusal(f"{where}: step {name!r} is unknown{nearest(name, known)}; there are {', '.join(known)}")


def find_playbook(name: str) -> Path:
    """Return the folder of a playbook given by name or path."""
    given = Path(name).expanduser()
    if given.name == FILE:
        given = given.parent
    known = project_root() / "playbooks"
    for folder in (given, known / name):
        if (folder / FILE).is_file():
            return folder
    names = sorted(folder.name for folder in known.iterdir() if (folder / FILE).is_file()) if known.is_dir() else []
    if given.is_dir():
        raise Refusal(f"{given}: there is no {FILE} in it")
    raise Refusal(f"playbook {name!r} is unknown{nearest(name, names)}; there are {', '.join(names) or 'none'}")


def read(
    playbook: str,
    *,
    bank: str = "",
    case: str = "",
    step: str = "",
    language: str = "en",
    overrides: Mapping[str, str] | None = None,
) -> Plan:
    """Read and check a playbook.

    Parameters
    ----------
    playbook : str
        Name of a folder of ``playbooks/``, or a path.
    bank : str
        Folder of a bank instead of the playbook's own.
    case, step : str
        Run only this case, only this step.
    language : {"en", "zh"}
    overrides : mapping
        From the command line: ``name`` goes to every step that declares it, ``step.name`` to one.

    Returns
    -------
    Plan

    Raises
    ------
    Refusal
        With one line for every unknown step, notebook or parameter, wrong type or value.
    """
    folder = find_playbook(playbook)
    values.check("language", language, where="--language")
    content = _load(folder / FILE)
    place = f"{folder.name}/{FILE}"
    lines: list[str] = []
    steps = _steps(content, folder, place)
    declared = {name: parameters.read(notebook) for name, notebook, _ in steps}
    cases = content["cases"] if content.get("cases") else {"all": {}}
    if not isinstance(cases, dict):
        raise Refusal(f"{place}: cases should be a mapping of name to parameters")
    for name, entry in cases.items():
        lines += _case_problems(str(name), entry, place)
    if lines:
        raise Refusal(*lines)
    if case and case not in cases:
        raise Refusal(f"--case: case {case!r} is unknown{nearest(case, cases)}; there are {', '.join(cases)}")
    only = find_step(step, {name: notebook for name, notebook, _ in steps}, where="--step") if step else ""
    the_bank = bank or str(content.get("bank", ""))
    if not the_bank:
        raise Refusal(f"{place}: bank is missing; write the bank's folder there or give --bank")
    # Kernels run in the project's folder: a path given relative to this one must not change its meaning on the way.
    the_bank = str(find(the_bank).resolve())
    plans = []
    for case_name, entry in cases.items():
        entry = entry or {}
        given = {name: {"bank": the_bank} if "bank" in declared[name] else {} for name in declared}
        _fill(given, content.get("parameters") or {}, declared, place, lines)
        for name, _, own in steps:
            _apply(given[name], own, declared[name], f"{place} step {name}", lines)
        _fill(given, entry.get("parameters") or {}, declared, f"{place} case {case_name}", lines)
        _fill(given, overrides or {}, declared, "-p", lines)
        for name, known in declared.items():
            if "language" in known:
                given[name]["language"] = language
        plans.append(
            CasePlan(
                name=str(case_name),
                title=_title(entry.get("title"), str(case_name)),
                steps=tuple(
                    StepPlan(name, notebook, given[name]) for name, notebook, _ in steps if not only or name == only
                ),
            )
        )
    if lines:
        raise Refusal(*dict.fromkeys(lines))
    limit = content.get("time_limit_seconds", DEFAULT_TIME_LIMIT_SECONDS)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        raise Refusal(f"{place}: time_limit_seconds should be a whole number of at least 1, not {limit!r}")
    return Plan(
        name=folder.resolve().name,
        title=_title(content.get("title"), folder.name),
        bank=the_bank,
        language=language,
        cases=tuple(plan for plan in plans if not case or plan.name == case),
        time_limit_seconds=limit,
        step_names=tuple(name for name, _, _ in steps),
    )


def _load(file: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise Refusal(f"{file}: not UTF-8 text; save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise Refusal(f"{file}{line}: broken YAML, {getattr(error, 'problem', None) or 'not YAML'}") from error
    if not isinstance(content, dict):
        raise Refusal(f"{file}: should be a mapping with {', '.join(_TOP)}")
    lines = [f"{file}: {key!r} is unknown{nearest(str(key), _TOP)}" for key in content if key not in _TOP]
    if content.get("schema_version") != SCHEMA_VERSION:
        lines.append(f"{file}: schema_version should be {SCHEMA_VERSION}, not {content.get('schema_version')!r}")
    for key in ("parameters",):
        if not isinstance(content.get(key) or {}, dict):
            lines.append(f"{file}: {key} should be a mapping of name to value")
    if not isinstance(content.get("steps") or [], list):
        lines.append(f"{file}: steps should be a list")
    if lines:
        raise Refusal(*lines)
    return content


def _steps(content: Mapping[str, Any], folder: Path, place: str) -> list[tuple[str, Path, dict[str, Any]]]:
    known = step_notebooks()
    entries = content.get("steps") or list(known)
    found: list[tuple[str, Path, dict[str, Any]]] = []
    for entry in entries:
        if isinstance(entry, str | int):
            entry = {"step": str(entry)}
        if not isinstance(entry, dict) or not ({"step", "notebook"} & set(entry)):
            raise Refusal(f"{place}: a step should be a name, or a mapping with step and parameters, not {entry!r}")
        for key in entry:
            if key not in _STEP:
                raise Refusal(f"{place}: step entry {key!r} is unknown{nearest(str(key), _STEP)}")
        if "notebook" in entry:
            notebook = folder / str(entry["notebook"])
            if not notebook.is_file():
                raise Refusal(f"{place}: notebook {entry['notebook']!r} is not there")
            name = notebook.stem
        else:
            name = find_step(str(entry["step"]), known, where=place)
            notebook = known[name]
        own = entry.get("parameters") or {}
        if not isinstance(own, dict):
            raise Refusal(f"{place}: parameters of step {name} should be a mapping of name to value")
        if any(name == other for other, _, _ in found):
            raise Refusal(f"{place}: step {name} stands twice")
        found.append((name, notebook, own))
    return found


def _case_problems(name: str, entry: Any, place: str) -> list[str]:
    if not _SLUG.match(name):
        return [f"{place}: case {name!r} should be lower-case letters, digits, - and _ (it names a folder)"]
    if entry is None:
        return []
    if not isinstance(entry, dict):
        return [f"{place}: case {name} should be a mapping with title and parameters"]
    lines = [f"{place}: case {name}: {key!r} is unknown{nearest(str(key), _CASE)}" for key in entry if key not in _CASE]
    if not isinstance(entry.get("parameters") or {}, dict):
        lines.append(f"{place}: case {name}: parameters should be a mapping of name to value")
    return lines


def _title(given: Any, name: str) -> dict[str, str]:
    if isinstance(given, dict):
        return {language: str(given.get(language) or name) for language in values.LANGUAGES}
    return dict.fromkeys(values.LANGUAGES, str(given or name))


def _fill(
    given: dict[str, dict[str, Any]],
    wanted: Mapping[str, Any],
    declared: Mapping[str, dict[str, Parameter]],
    where: str,
    lines: list[str],
) -> None:
    """Give each value to the step it names (``step.name``), or to every step that declares it."""
    for key, value in wanted.items():
        step, dot, name = str(key).rpartition(".")
        if dot:
            try:
                stem = find_step(step, dict.fromkeys(declared, Path()), where=where)
            except Refusal as refusal:
                lines += refusal.lines
                continue
            _apply(given[stem], {name: value}, declared[stem], where, lines)
            continue
        takers = [stem for stem in declared if name in declared[stem]]
        if not takers:
            everything = {known: parameter for known_of in declared.values() for known, parameter in known_of.items()}
            lines += parameters.unknown(name, everything, where=where).lines
        for stem in takers:
            _apply(given[stem], {name: value}, declared[stem], where, lines)


def _apply(
    target: dict[str, Any], wanted: Mapping[str, Any], known: dict[str, Parameter], where: str, lines: list[str]
) -> None:
    for name, value in wanted.items():
        if name in OWN:
            lines.append(f"{where}: {name} is set by the batch for all steps; {OWN[name]}")
            continue
        try:
            if name not in known:
                raise parameters.unknown(name, known, where=where)
            target[name] = values.check(name, parameters.coerce(known[name], value, where=where), where=where)
        except Refusal as refusal:
            lines += refusal.lines
