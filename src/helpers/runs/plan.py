"""A playbook as a plan: which notebooks run for which cases with which parameters; everything checked before a kernel.

Reads YAML and notebook JSON only; nothing heavy is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from helpers.bank.places import find, project_root
from helpers.findings.finding import Text
from helpers.findings.numbers import LANGUAGES
from helpers.findings.spoken import at, nearest, unknown
from helpers.runs import parameters, titles, values
from helpers.runs.parameters import Parameter
from helpers.runs.refusal import Refusal

FILE = "playbook.yml"
SCHEMA_VERSION = 1
DEFAULT_TIME_LIMIT_SECONDS = 1800
_TOP = ("schema_version", "title", "summary", "bank", "steps", "parameters", "cases", "time_limit_seconds")
_STEP = ("step", "notebook", "parameters")
_CASE = ("title", "parameters")
# Set for each step by the batch itself.
OWN = {"language": "--language", "run_dir": "--reports", "bank": "--bank"}
_STEP_WORD, _CASE_WORD = Text("step", "步骤"), Text("case", "案例")
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
    # Parameters that the case gives itself: its title may speak of them.
    own: tuple[str, ...] = ()
    # What it runs on where the command line has it otherwise than its title says (see helpers.runs.titles).
    departed: dict[str, tuple[Any, ...]] = field(default_factory=dict)


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
    # All its cases, also where only one of them runs.
    case_names: tuple[str, ...] = ()
    # Names of the bank's campaigns by id; filled in when the bank is checked.
    campaigns: dict[str, str] = field(default_factory=dict)

    def case_title(self, case: CasePlan) -> dict[str, str]:
        """Return what a case is called in each language: its own title only where its parameters hold."""
        own_title = Text(*(case.title[language] for language in LANGUAGES))
        named = titles.title(own_title, case.departed, own=case.own, campaigns=self.campaigns)
        return {language: named.say(language) for language in LANGUAGES}

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


def find_step(name: str, known: Mapping[str, Path], *, where: str | Text) -> str:
    """Return the stem for a step given by stem, number (``1``, ``01``) or words (``goal_decomposition``)."""
    for stem in known:
        number, _, words = stem.partition("_")
        if name in (stem, number, words, number.lstrip("0")):
            return stem
    raise Refusal(at(where, unknown(_STEP_WORD, name, known)))


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
        raise Refusal(at(str(given), Text(f"there is no {FILE} in it", f"其中没有 {FILE}")))
    raise Refusal(unknown(Text("playbook", "手册"), name, names))


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
    lines: list[Text] = []
    steps = _steps(content, folder, place)
    declared = {name: parameters.read(notebook) for name, notebook, _ in steps}
    cases = content["cases"] if content.get("cases") else {"all": {}}
    if not isinstance(cases, dict):
        words = Text("cases should be a mapping of name to parameters", "cases 应为“名称: 参数”的映射")
        raise Refusal(at(place, words))
    for name, entry in cases.items():
        lines += _case_problems(str(name), entry, place)
    if lines:
        raise Refusal(*lines)
    if case and case not in cases:
        raise Refusal(at("--case", unknown(_CASE_WORD, case, cases)))
    only = find_step(step, {name: notebook for name, notebook, _ in steps}, where="--step") if step else ""
    the_bank = bank or str(content.get("bank", ""))
    if not the_bank:
        words = Text(
            "bank is missing; write the bank's folder there or give --bank",
            "缺少 bank；请写明银行数据文件夹，或用 --bank 给出",
        )
        raise Refusal(at(place, words))
    # Kernels run in the project's folder: a path given relative to this one must not change its meaning on the way.
    the_bank = str(find(the_bank).resolve())
    plans = []
    for case_name, entry in cases.items():
        entry = entry or {}
        given = {name: {"bank": the_bank} if "bank" in declared[name] else {} for name in declared}
        _fill(given, content.get("parameters") or {}, declared, place, lines)
        for name, _, own in steps:
            _apply(given[name], own, declared[name], _inside(place, _STEP_WORD, name), lines)
        _fill(given, entry.get("parameters") or {}, declared, _inside(place, _CASE_WORD, str(case_name)), lines)
        planned = _together(given, declared)
        _fill(given, overrides or {}, declared, "-p", lines)
        own = tuple(dict.fromkeys(str(key).rpartition(".")[2] for key in entry.get("parameters") or {}))
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
                own=own,
                departed=titles.departed(planned, _together(given, declared), own=own),
            )
        )
    if lines:
        raise Refusal(*dict.fromkeys(lines))
    limit = content.get("time_limit_seconds", DEFAULT_TIME_LIMIT_SECONDS)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        words = Text(
            f"time_limit_seconds should be a whole number of at least 1, not {limit!r}",
            f"time_limit_seconds 应为不小于 1 的整数，现为 {limit!r}",
        )
        raise Refusal(at(place, words))
    return Plan(
        name=folder.resolve().name,
        title=_title(content.get("title"), folder.name),
        bank=the_bank,
        language=language,
        cases=tuple(plan for plan in plans if not case or plan.name == case),
        time_limit_seconds=limit,
        step_names=tuple(name for name, _, _ in steps),
        case_names=tuple(plan.name for plan in plans),
    )


def _load(file: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        words = Text("not UTF-8 text; save it as UTF-8", "不是 UTF-8 文本；请另存为 UTF-8")
        raise Refusal(at(str(file), words)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = Text(f" line {mark.line + 1}", f" 第 {mark.line + 1} 行") if mark else Text("", "")
        reason = getattr(error, "problem", None)
        words = Text(f"broken YAML, {reason or 'not YAML'}", f"YAML 格式有误（{reason or '不是 YAML'}）")
        raise Refusal(at(Text(f"{file}{line.en}", f"{file}{line.zh}"), words)) from error
    if not isinstance(content, dict):
        raise Refusal(
            at(str(file), Text(f"should be a mapping with {', '.join(_TOP)}", f"应为包含 {'、'.join(_TOP)} 的映射"))
        )
    lines = [_unknown_key(key, _TOP) for key in content if key not in _TOP]
    found = content.get("schema_version")
    if found != SCHEMA_VERSION:
        lines.append(
            Text(
                f"schema_version should be {SCHEMA_VERSION}, not {found!r}",
                f"schema_version 应为 {SCHEMA_VERSION}，现为 {found!r}",
            )
        )
    if not isinstance(content.get("parameters") or {}, dict):
        lines.append(_not_a_mapping(Text("parameters", "parameters")))
    if not isinstance(content.get("steps") or [], list):
        lines.append(Text("steps should be a list", "steps 应为列表"))
    if lines:
        raise Refusal(*(at(str(file), line) for line in lines))
    return content


def _steps(content: Mapping[str, Any], folder: Path, place: str) -> list[tuple[str, Path, dict[str, Any]]]:
    known = step_notebooks()
    entries = content.get("steps") or list(known)
    found: list[tuple[str, Path, dict[str, Any]]] = []
    for entry in entries:
        if isinstance(entry, str | int):
            entry = {"step": str(entry)}
        if not isinstance(entry, dict) or not ({"step", "notebook"} & set(entry)):
            words = Text(
                f"a step should be a name, or a mapping with step and parameters, not {entry!r}",
                f"步骤应为名称，或含 step 与 parameters 的映射，现为 {entry!r}",
            )
            raise Refusal(at(place, words))
        for key in entry:
            if key not in _STEP:
                words = _unknown_key(key, _STEP)
                raise Refusal(at(place, Text(f"step entry {words.en}", f"步骤条目 {words.zh}")))
        if "notebook" in entry:
            notebook = folder / str(entry["notebook"])
            if not notebook.is_file():
                given = entry["notebook"]
                raise Refusal(at(place, Text(f"notebook {given!r} is not there", f"笔记本 {given!r} 不存在")))
            name = notebook.stem
            # It names a page, and links lead there.
            if set(name) & set("#?%"):
                words = Text(f"notebook {name!r} has one of # ? % in its name", f"笔记本名 {name!r} 不能含 #、?、%")
                raise Refusal(at(place, words))
        else:
            name = find_step(str(entry["step"]), known, where=place)
            notebook = known[name]
        own = entry.get("parameters") or {}
        if not isinstance(own, dict):
            raise Refusal(at(place, _not_a_mapping(Text(f"parameters of step {name}", f"步骤 {name} 的 parameters "))))
        if any(name == other for other, _, _ in found):
            raise Refusal(at(place, Text(f"step {name} stands twice", f"步骤 {name} 重复")))
        found.append((name, notebook, own))
    return found


def _case_problems(name: str, entry: Any, place: str) -> list[Text]:
    if not _SLUG.match(name):
        words = Text(
            f"case {name!r} should be lower-case letters, digits, - and _ (it names a folder)",
            f"案例 {name!r} 应由小写字母、数字、- 和 _ 组成（用作文件夹名）",
        )
        return [at(place, words)]
    if entry is None:
        return []
    where = at(place, Text(f"case {name}", f"案例 {name}"))
    if not isinstance(entry, dict):
        words = Text("should be a mapping with title and parameters", "应为含 title 与 parameters 的映射")
        return [Text(f"{where.en} {words.en}", f"{where.zh} {words.zh}")]
    lines = [at(where, _unknown_key(key, _CASE)) for key in entry if key not in _CASE]
    if not isinstance(entry.get("parameters") or {}, dict):
        lines.append(at(where, _not_a_mapping(Text("parameters", "parameters"))))
    return lines


def _unknown_key(key: Any, known: tuple[str, ...]) -> Text:
    near = nearest(str(key), known)
    return Text(f"{key!r} is unknown{near.en}", f"{key!r} 无法识别{near.zh}")


def _not_a_mapping(what: Text) -> Text:
    return Text(f"{what.en} should be a mapping of name to value", f"{what.zh} 应为“名称: 取值”的映射")


def _inside(place: str, what: Text, name: str) -> Text:
    return Text(f"{place} {what.en} {name}", f"{place} {what.zh} {name}")


def _title(given: Any, name: str) -> dict[str, str]:
    if isinstance(given, dict):
        return {language: str(given.get(language) or name) for language in LANGUAGES}
    return dict.fromkeys(LANGUAGES, str(given or name))


def _together(
    given: Mapping[str, Mapping[str, Any]], declared: Mapping[str, Mapping[str, Parameter]]
) -> dict[str, tuple[Any, ...]]:
    """Return each parameter's values over all steps, each value once, in the steps' order."""
    found: dict[str, dict[Any, None]] = {}
    for step, known in declared.items():
        for name, parameter in known.items():
            found.setdefault(name, {})[given[step].get(name, parameter.default)] = None
    return {name: tuple(of_name) for name, of_name in found.items()}


def _fill(
    given: dict[str, dict[str, Any]],
    wanted: Mapping[str, Any],
    declared: Mapping[str, dict[str, Parameter]],
    where: str | Text,
    lines: list[Text],
) -> None:
    """Give each value to the step it names (``step.name``), or to every step that declares it."""
    for key, value in wanted.items():
        step, dot, name = str(key).rpartition(".")
        if dot:
            try:
                stem = find_step(step, dict.fromkeys(declared, Path()), where=where)
            except Refusal as refusal:
                lines += refusal.texts
                continue
            _apply(given[stem], {name: value}, declared[stem], where, lines)
            continue
        takers = [stem for stem in declared if name in declared[stem]]
        if not takers:
            everything = {known: parameter for known_of in declared.values() for known, parameter in known_of.items()}
            lines += parameters.unknown(name, everything, where=where).texts
        for stem in takers:
            _apply(given[stem], {name: value}, declared[stem], where, lines)


def _apply(
    target: dict[str, Any],
    wanted: Mapping[str, Any],
    known: dict[str, Parameter],
    where: str | Text,
    lines: list[Text],
) -> None:
    for name, value in wanted.items():
        if name in OWN:
            words = Text(
                f"{name} is set by the batch for all steps; use {OWN[name]}",
                f"{name} 由批次统一设置；请用 {OWN[name]}",
            )
            lines.append(at(where, words))
            continue
        try:
            if name not in known:
                raise parameters.unknown(name, known, where=where)
            target[name] = values.check(name, parameters.coerce(known[name], value, where=where), where=where)
        except Refusal as refusal:
            lines += refusal.texts
