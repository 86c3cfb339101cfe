"""Errors that a user reads: every line in both languages, so that whoever shows one picks the reader's."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

from helpers.findings.finding import Text

# Begins the note with the Chinese lines: a notebook's traceback shows it below the English ones.
NOTE = "中文："
_REASONS = {
    errno.ENOENT: "路径不存在",
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "文件系统只读",
    errno.ENOSPC: "磁盘空间不足",
    errno.EDQUOT: "超出磁盘配额",
    errno.ENOTDIR: "路径中有一段不是文件夹",
    errno.EISDIR: "这是一个文件夹",
    errno.EEXIST: "同名文件已存在",
    errno.ENAMETOOLONG: "路径过长",
    errno.EIO: "读写出错",
}


class SpokenError(ValueError):
    """What is wrong, one clear line each; ``str()`` is English, :meth:`say` either language.

    Attributes
    ----------
    texts : tuple of Text
        One for each thing that is wrong.

    Examples
    --------
    >>> error = SpokenError(Text("budget should be above 0, not -1", "budget 应大于 0，现为 -1"))
    >>> str(error), error.say("zh")
    ('budget should be above 0, not -1', 'budget 应大于 0，现为 -1')
    """

    def __init__(self, *texts: Text) -> None:
        self.texts = texts
        # The texts themselves are the arguments, so that an error from another process comes back whole.
        super().__init__(*texts)
        if texts:
            self.add_note("\n".join(f"{NOTE}{text.zh}" for text in texts))

    def __str__(self) -> str:
        return self.say("en")

    @property
    def lines(self) -> list[str]:
        """The English lines."""
        return [text.en for text in self.texts]

    def say(self, language: str) -> str:
        """Return all lines in one language."""
        return "\n".join(text.say(language) for text in self.texts)


def at(where: str | Text, what: Text) -> Text:
    """Put the place before what is wrong there.

    Examples
    --------
    >>> at("-p", Text("budget should be above 0", "budget 应大于 0")).zh
    '-p：budget 应大于 0'
    """
    place = where if isinstance(where, Text) else Text(where, where)
    return Text(f"{place.en}: {what.en}", f"{place.zh}：{what.zh}")


def nearest(name: str, known: Iterable[str]) -> Text:
    """Return “, did you mean 'x'” for a near name, else nothing.

    Examples
    --------
    >>> nearest("horizon_day", ["horizon_days", "segment"])
    Text(en=", did you mean 'horizon_days'", zh="，是否应为 'horizon_days'")
    """
    near = difflib.get_close_matches(name, [str(word) for word in known], 1)
    return Text(f", did you mean {near[0]!r}", f"，是否应为 {near[0]!r}") if near else Text("", "")


def unknown(what: str | Text, name: str, known: Iterable[str]) -> Text:
    """Say that a name is unknown, with the nearest one and all that there are.

    ``what`` is a parameter's or entry's name, the same in both languages, or words for what is named.

    Examples
    --------
    >>> unknown(Text("case", "案例"), "harbor", ["harbour", "old_town"]).en
    "case 'harbor' is unknown, did you mean 'harbour'; there are harbour, old_town"
    """
    names = [str(word) for word in known]
    words = what if isinstance(what, Text) else Text(what, what)
    near = nearest(name, names)
    return Text(
        f"{words.en} {name!r} is unknown{near.en}; there are {', '.join(names) or 'none'}",
        f"{words.zh} {name!r} 不存在{near.zh}；可选：{'、'.join(names) or '无'}",
    )


def system_reason(error: OSError) -> Text:
    """Return the system's own words for an error, and what they are in Chinese where it is a common one."""
    own = error.strerror or str(error)
    return Text(own, _REASONS.get(error.errno or 0, own))


def unwritable(error: OSError) -> Text:
    """Say that something can't be written, and why."""
    reason = system_reason(error)
    return Text(f"can't be written ({reason.en})", f"无法写入（{reason.zh}）")
