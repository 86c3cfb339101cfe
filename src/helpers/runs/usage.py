"""What the command line says of its own use: which language it speaks, and how a wrong call is put in Chinese."""

from __future__ import annotations

import os
import sys
from itertools import pairwise
from typing import Any

import typer
from typer.core import TyperGroup

from helpers.findings.finding import Text
from helpers.findings.numbers import EN, LANGUAGES

REFUSED_EXIT = 2
# Chosen once a shell: pages, messages and help texts. `--language` of a command goes before it.
LANGUAGE_VARIABLE = "REPORT_LANGUAGE"

# How the parser says that a value is not of an option's kind.
_COMPLAINTS = {
    "Input should be a valid integer": "应为整数",
    "Input should be a valid number": "应为数字",
    "Input should be greater than or equal to 0": "应为不小于 0 的整数",
    "Input should be greater than or equal to 1": "应为不小于 1 的整数",
}
# Words of the help's frame, as typer keeps them.
_FRAME = {
    "ARGUMENTS_PANEL_TITLE": "位置参数",
    "OPTIONS_PANEL_TITLE": "选项",
    "COMMANDS_PANEL_TITLE": "命令",
    "DEFAULT_STRING": "[默认：{}]",
    "REQUIRED_LONG_STRING": "[必填]",
    "ENVVAR_STRING": "[环境变量：{}]",
}
_HELP = {"Show this message and exit.": "显示本说明并退出。"}


def language() -> str:
    """Return the language that the call asks for, else the shell's; English if neither names one that there is."""
    asked = next((value for word, value in pairwise(sys.argv) if word == "--language"), "")
    asked = asked or next((word.partition("=")[2] for word in sys.argv if word.startswith("--language=")), "")
    return next((name for name in (asked, os.environ.get(LANGUAGE_VARIABLE)) if name in LANGUAGES), EN)


def words(en: str, zh: str) -> str:
    """Return a help text in the language of the shell."""
    return Text(en, zh).say(language())


class Commands(TyperGroup):
    """The commands; a call that the parser refuses is refused in one line where the shell's language is Chinese."""

    def main(self, *args: Any, standalone_mode: bool = True, **settings: Any) -> Any:
        """Run the command line; ends with the command's exit code."""
        if not standalone_mode or language() == EN:
            return super().main(*args, standalone_mode=standalone_mode, **settings)
        if "--help" in sys.argv or len(sys.argv) < 2:
            _frame_in_chinese()
        try:
            code = super().main(*args, standalone_mode=False, **settings)
        except typer.BadParameter.__base__ as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()
            else:
                typer.echo(explain(error).zh, err=True)
            sys.exit(REFUSED_EXIT)
        sys.exit(code if isinstance(code, int) else 0)


def _frame_in_chinese() -> None:
    from typer import rich_utils

    for name, text in _FRAME.items():
        setattr(rich_utils, name, text)
    plain = rich_utils._make_rich_text

    def folded(**settings: Any) -> Any:
        """Break lines anywhere: Chinese has no spaces, and typer cuts a word off that is wider than its column."""
        made = plain(**{**settings, "text": _HELP.get(settings["text"], settings["text"])})
        made.overflow = "fold"
        return made

    rich_utils._make_rich_text = folded


def explain(error: Any) -> Text:
    """Put the parser's complaint (a click ``UsageError``) in both languages; the English is the parser's own.

    Parameters
    ----------
    error : exception
        ``option_name``, ``param`` or ``message`` say what it is about, by its kind.
    """
    kind, own = type(error).__name__, error.format_message()
    param = getattr(error, "param", None)
    name = next((word for word in (getattr(param, "opts", None) or []) if word.startswith("-")), "")
    name = name or str(getattr(param, "name", "") or "")
    if kind == "NoSuchOption":
        return Text(own, f"没有选项 {error.option_name}")
    if own.startswith("No such command "):
        return Text(own, f"没有命令 {own.split(chr(39))[1]}")
    if kind == "MissingParameter":
        return Text(own, f"缺少参数 {name}")
    if kind == "BadOptionUsage":
        return Text(own, f"选项 {error.option_name} 的用法有误（{own}）")
    if kind == "BadParameter":
        message = getattr(error, "message", own)
        said = next((zh for en, zh in _COMPLAINTS.items() if message.startswith(en)), message)
        return Text(own, f"{name} 的取值不对（{said}）")
    return Text(own, f"命令用法有误（{own}）")
