"""The decision brief: the first page of a case, one A4 side, drawn from what its steps kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helpers.findings import Text
from helpers.findings.files import write_whole
from helpers.findings.numbers import check_language, day
from helpers.reporting import fonts, pages
from helpers.reporting.brief import blocks as parts
from helpers.reporting.brief import light as lighting
from helpers.reporting.brief.kept import POST_MORTEM, STEPS, KeptCase
from helpers.reporting.brief.lines import Line, Lines
from helpers.reporting.brief.stake import at_stake

__all__ = ["FILE", "render", "write"]

FILE = "brief.html"
_WORDS = {
    "title": Text("Decision brief", "决策简报"),
    "skip": Text("Skip to the content", "跳到正文"),
    "steps": Text("Steps", "步骤"),
    "board": Text("Run board", "运行看板"),
    "light": Text("Decision", "结论"),
    "rule": Text("Rule", "触发规则"),
    "stake": Text("Money at stake", "涉及资金"),
    "next": Text("Next step", "下一步"),
    "owner": Text("Owner", "负责部门"),
    "due": Text("By (proposed)", "建议完成日期"),
    "more_arms": Text("More arms on the page of step 5.", "其余实验组见第 5 步页面。"),
    "name": Text("What", "项目"),
    "value": Text("Value", "数值"),
    "interval": Text("95 % interval", "95% 置信区间"),
    "n": Text("n", "n"),
    "simulated": Text("Simulated data: no real customer, no real money.", "模拟数据：无真实客户、无真实资金。"),
    "how": Text(
        "Each number leads to the table that it came from. n is the size of its group; of a projection the interval is "
        "that of the forecast.",
        "每个数字均链接到其来源表。n 为所在群体的规模；预测值的区间为预测区间。",
    ),
}
_FACTS = {
    "bank": Text("Bank", "银行"),
    "as_of": Text("As of", "数据截至"),
    "branch": Text("Branch", "网点"),
    "campaign": Text("Campaign", "活动"),
    "currency": Text("Currency", "币种"),
}


def render(
    run_dir: str | Path,
    *,
    language: str,
    title: str,
    campaign: str = "",
    links: Sequence[tuple[str, str]] = (),
    board: str = "../../../index.html",
    without: Collection[str] = (),
) -> str:
    """Draw the brief of a case from the results kept in its run folder.

    Parameters
    ----------
    run_dir : str or Path
        ``<reports>/<playbook>/<case>/<language>``; a step without a result is said to be missing in its place.
    language : {"en", "zh"}
    title : str
        Playbook and case.
    campaign : str
        Id and name of the campaign that the numbers are of; empty if there is none.
    links : sequence of (href, text)
        The pages of the steps, in order.
    board : str
        Relative link to the run board.
    without : collection of str
        Steps whose results are left out: they stand on an older one of a step before them.

    Returns
    -------
    str
        A whole HTML document, one A4 side in print, without any outside reference.
    """
    check_language(language)
    case = KeptCase(Path(run_dir), without=without)
    lines = Lines(case, language)
    shown = [] if POST_MORTEM in case.withheld or case.is_withheld else lighting.lights(case)
    markup = (
        pages.environment(pages.TEMPLATES)
        .get_template("brief.html.j2")
        .render(
            lang="zh-CN" if language == "zh" else "en",
            css="/*css*/",
            words={key: text.say(language) for key, text in _WORDS.items()},
            title=title,
            board=board,
            links=[{"href": href, "text": text} for href, text in links],
            simulated=bool(case.about.get("simulated")),
            withheld=next((said.say(language) for said in case.withheld.values()), ""),
            facts=_facts(case, language, campaign),
            lights=[_light(lines, light) for light in shown[: parts.MAX_ARMS]],
            more_arms=len(shown) > parts.MAX_ARMS,
            blocks=[] if case.is_withheld else [asdict(block) for block in parts.blocks(lines)],
        )
    )
    css = pages.stylesheet() + (pages.TEMPLATES / "brief.css").read_text(encoding="utf-8").strip()
    return markup.replace("/*css*/", fonts.face_css(markup) + css, 1)


def write(
    run_dir: str | Path,
    *,
    language: str,
    title: str,
    campaign: str = "",
    links: Sequence[tuple[str, str]] = (),
    board: str = "../../../index.html",
    without: Collection[str] = (),
) -> Path:
    """Draw the brief of a case and write it, whole or not at all; the parameters are those of :func:`render`."""
    file = Path(run_dir) / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    markup = render(
        run_dir, language=language, title=title, campaign=campaign, links=links, board=board, without=without
    )
    write_whole(file, markup)
    return file


def _facts(case: KeptCase, language: str, campaign: str) -> list[dict[str, str]]:
    """Name what the numbers stand on: the bank, the last day seen, the branch, the campaign, the currency."""
    about: dict[str, Any] = case.about
    everywhere = Text("all", "全部").say(language)
    values = {
        "bank": (about.get("bank") or {}).get(language, ""),
        "as_of": about.get("as_of", ""),
        "branch": " / ".join(branch or everywhere for branch in case.branches),
        "campaign": campaign,
        "currency": about.get("currency", ""),
    }
    return [
        {"name": _FACTS[key].say(language), "value": str(value)} for key, value in values.items() if about and value
    ]


def _light(lines: Lines, light: lighting.Light) -> dict[str, Any]:
    language = lines.write.language
    stake = at_stake(lines, light.arm)
    return {
        "colour": light.colour,
        "shape": lighting.SHAPES[light.colour],
        "name": lighting.NAMES[light.colour].say(language),
        "arm": lines.code("arm", light.arm) if light.arm else "",
        "rule": light.rule,
        "why": light.why.say(language),
        "href": lines.case.link(STEPS[-1], finding=f"decision_{light.arm}" if light.arm else "decision"),
        "stake": None if stake is None else asdict(stake),
        "stake_tail": "" if stake is None else _tail(lines, stake),
        "next": light.entry.next_step.say(language),
        "owner": light.entry.owner.say(language),
        "due": day(light.due),
    }


def _tail(lines: Lines, line: Line) -> str:
    """Write interval, group size and remark behind a number that stands in a sentence."""
    n = f"n = {line.n}" if line.n else ""
    inside = lines.write(", ", "，").join(part for part in (line.interval, n) if part)
    text = lines.write(f" ({inside})", f"（{inside}）") if inside else ""
    return text + (lines.write("; ", "；") + line.note if line.note else "")
