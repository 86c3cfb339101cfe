"""Scaffolds a playbook: a folder with a playbook.yml that runs as it is, and a README to fill in."""

from __future__ import annotations

import re
from pathlib import Path

from helpers.bank.places import project_root
from helpers.findings.finding import Text
from helpers.runs.refusal import Refusal

_YML = """\
# What this playbook runs: a bank, steps, parameters, cases. `playbook params` lists what can be set.
schema_version: 1
title:
  en: {words}
  zh: {words}
bank: data/banks/sample  # folder of the bank (bank.yml in it)
steps:
  - step: 01_goal_decomposition
  - step: 02_segment_insight
parameters:  # for every step that declares them
  as_of: ""  # last day that is seen, YYYY-MM-DD; empty: last day of the log
cases:  # one run of all steps each
  all:
    title: {{en: Whole bank, zh: 全行}}
"""
_README = """\
# {words}

Which decision this playbook serves, who reads its pages and how often, and what to look at first.

Run it: `playbook run {name}`.
"""


def create(name: str) -> Path:
    """Write the scaffold of a playbook.

    Raises
    ------
    Refusal
        If the name can't be a folder's name, or the playbook exists.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise Refusal(
            Text(
                f"name {name!r} should be lower-case letters, digits and _, beginning with a letter",
                f"名称 {name!r} 应由小写字母、数字和 _ 组成，并以字母开头",
            )
        )
    folder = project_root() / "playbooks" / name
    if folder.exists():
        raise Refusal(Text(f"playbook {name!r} exists already: {folder}", f"手册 {name!r} 已存在：{folder}"))
    folder.mkdir(parents=True)
    words = name.replace("_", " ").capitalize()
    (folder / "playbook.yml").write_text(_YML.format(words=words), encoding="utf-8")
    (folder / "README.md").write_text(_README.format(words=words, name=name), encoding="utf-8")
    return folder
