"""The segment that the step looks at, beside the base and the other segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from helpers.findings import Figure, Finding, KeptResult, SpokenError, Text
from helpers.findings.numbers import MIN_GROUP_SIZE
from helpers.metrics import segments
from helpers.metrics.benefits import read_benefits
from helpers.metrics.exact import exact_sum
from helpers.metrics.layers import last_balances, open_customers
from helpers.metrics.tags import read_tags

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from helpers.bank import Bank


@dataclass(frozen=True)
class Focus:
    """One segment of one bank.

    Attributes
    ----------
    bank : Bank
    slug : str
    entry : Segment
    members, base : lazy Ibis tables
        Open customers of the segment and of the whole bank (or branch).
    n, n_base : int
        How many they are.
    min_group_size : int
        Groups below it are not shown singly.
    """

    bank: Bank
    slug: str
    entry: segments.Segment
    members: ir.Table
    base: ir.Table
    n: int
    n_base: int
    min_group_size: int
    # What was asked of its bank already: the audit of the tags is read by the sentence on suggestions too.
    asked: dict[str, pd.DataFrame | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> Text:
        """Name of the segment in both languages."""
        return self.entry.name.text

    @property
    def is_shown(self) -> bool:
        """True if the segment is large enough to speak of it."""
        return self.n >= self.min_group_size


def focus(bank: Bank, segment: str, *, min_group_size: int = MIN_GROUP_SIZE) -> Focus:
    """Pick the segment to look at.

    Parameters
    ----------
    bank : Bank
    segment : str
        Slug of `data/catalogue/segments.yml`.
    min_group_size : int
        Groups with fewer customers are not shown singly, at least 1.

    Raises
    ------
    ValueError
        If the segment is unknown or can't be formed here, or the group size is below 1.
    """
    positive("min_group_size", min_group_size)
    entry = segments.pick(segment)
    base = open_customers(bank)
    members = base.semi_join(segments.members(bank, segment), "customer_id")
    return Focus(
        bank=bank,
        slug=segment,
        entry=entry,
        members=members,
        base=base,
        n=int(members.count().to_pandas()),
        n_base=int(base.count().to_pandas()),
        min_group_size=int(min_group_size),
    )


def positive(name: str, value: object) -> int:
    """Return a whole number from 1 on, or raise SpokenError naming the parameter."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise SpokenError(
            Text(
                f"{name} must be a whole number, at least 1, not {value!r}",
                f"{name} 应为不小于 1 的整数，现为 {value!r}",
            )
        )
    return int(value)


def segment_table(focus: Focus) -> pd.DataFrame:
    """Count every segment: customers, open accounts, assets.

    Returns
    -------
    DataFrame, one row a segment that the bank can form
        ``segment``, ``customers`` (all, closed accounts too), ``n_open``, ``share`` (of open customers), ``aum``
        (sum of last balances), ``aum_each`` (mean of open customers), ``n_unknown``; numbers of segments below the
        group minimum are missing. Segments overlap: the rows don't add up. ``attrs["missing"]``: slug to missing
        column of the segments that can't be formed.
    """
    bank = focus.bank
    sizes = segments.sizes(bank)
    missing = sizes[sizes["missing"] != ""].set_index("segment")["missing"].to_dict()
    sizes = sizes[sizes["missing"] == ""]
    flags = segments.membership(bank).to_pandas()
    money = last_balances(bank).group_by("customer_id").aggregate(aum=lambda t: exact_sum(t.aum)).to_pandas()
    people = focus.base.select("customer_id").to_pandas().merge(flags, on="customer_id", how="left")
    people = people.merge(money, on="customer_id", how="left").fillna({"aum": 0.0})
    rows = []
    for line in sizes.itertuples():
        inside = people[people[line.segment].eq(True)]
        shown = len(inside) >= focus.min_group_size
        rows.append(
            {
                "segment": line.segment,
                "customers": line.customers if shown else np.nan,
                "n_open": len(inside) if shown else np.nan,
                "share": len(inside) / focus.n_base if shown else np.nan,
                "aum": inside["aum"].sum() if shown else np.nan,
                "aum_each": inside["aum"].mean() if shown else np.nan,
                "n_unknown": line.n_unknown,
            }
        )
    table = pd.DataFrame(rows)
    table.attrs["missing"] = missing
    return table


def size_finding(focus: Focus, table: pd.DataFrame) -> Finding:
    """Say how large the segment is, in customers and in assets."""
    row = table.set_index("segment").loc[focus.slug]
    name, day = focus.name, focus.bank.as_of.isoformat()
    if not focus.is_shown:
        figure = Figure("focus_customers", None, unit="customers", period=day)
        few = focus.min_group_size
        return Finding(
            "segment_size",
            Text(
                f"{name.en}: fewer than {few} open accounts on {day}; a group this small is not shown and not judged.",
                f"{name.zh}：截至 {day} 存量客户不足 {few} 人，人数过少，不展示、不评价。",
            ),
            (figure,),
            table="segments",
            tone="warning",
        )
    total = table.set_index("segment").loc["all", "aum"] if "all" in set(table["segment"]) else np.nan
    share = row["aum"] / total if total else np.nan
    figures = (
        Figure("focus_customers", focus.n, unit="customers", n=focus.n_base, period=day),
        Figure("focus_share", focus.n / focus.n_base, unit="share", n=focus.n_base, period=day),
        Figure("focus_aum", float(row["aum"]), unit="money", n=focus.n, period=day),
        Figure("focus_aum_share", None if np.isnan(share) else float(share), unit="share", n=focus.n_base, period=day),
    )
    text = Text.write(
        lambda w: w(
            f"{name.en}: {w.n(focus.n, 'customers')} with an open account on {day}, "
            f"{w.n(figures[1].value, 'share')} of "
            f"all {w.n(focus.n_base)}; they hold {w.n(row['aum'], 'money')}, {w.n(share, 'share')} of all assets.",
            f"{name.zh}：截至 {day} 存量 {w.n(focus.n, 'customers')}，占全部 {w.n(focus.n_base)} 人的 "
            f"{w.n(figures[1].value, 'share')}；持有 AUM {w.n(row['aum'], 'money')}，占全部资产的 "
            f"{w.n(share, 'share')}。",
        ),
        currency=focus.bank.currency,
    )
    return Finding("segment_size", text, figures, table="segments")


def filled(table: pd.DataFrame) -> pd.DataFrame | None:
    """The table, or None if it has no row: an empty one is not shown, the finding beside it says why."""
    return table if len(table) else None


def goal_text(goal: KeptResult | None) -> Text:
    """Say which goal of step 1 this step works for, or that there is none to read."""
    if goal is None:
        return Text(
            "No result of step 1 in this run folder: the segment is judged without a target.",
            "本次运行没有第 1 步结果：客群分析不带目标。",
        )
    known = [f for key, f in goal.findings.items() if "gap" in key or "target" in key or "feasib" in key]
    chosen = (known or list(goal.findings.values()))[:1]
    if not chosen:
        return Text("Step 1 kept no finding.", "第 1 步没有保留结论。")
    said = chosen[0].text
    return Text(f"From step 1: {said.en}", f"承接第 1 步：{said.zh}")


def unanswered(focus: Focus) -> Text:
    """Say which tables and columns this bank lacks, and what stays unanswered for want of them."""
    bank = focus.bank
    wants = {
        "tags": ("the tag audit", "标签盘点"),
        "products": ("which product the segment prefers", "客群产品偏好"),
        "rewards": ("which benefit works as a hook", "钩子权益"),
        "devices": ("shared devices (bonus hunters stay in the counts)", "共用设备（羊毛党未剔除）"),
    }
    lost = [(table, *words) for table, words in wants.items() if getattr(bank, table) is None]
    missing = segments.sizes(bank)
    missing = missing[missing["missing"] != ""]
    en, zh = [], []
    if lost:
        en.append("Missing tables: " + "; ".join(f"{t} (without it: {e})" for t, e, _ in lost) + ".")
        zh.append("缺少的表：" + "；".join(f"{t}（缺失影响：{z}）" for t, _, z in lost) + "。")
    if len(missing):
        en.append("Segments that can't be formed: " + _columns(missing, ": no column ", ", ") + ".")
        zh.append("无法形成的客群：" + _columns(missing, " 缺字段 ", "、") + "。")
    return Text(
        " ".join(en) or "All tables that this step can use are there.", "".join(zh) or "本步骤可用的表全部具备。"
    )


def _columns(missing: pd.DataFrame, between: str, comma: str) -> str:
    return comma.join(
        f"{slug}{between}{column}" for slug, column in zip(missing["segment"], missing["missing"], strict=True)
    )


def names() -> dict[str, dict[str, Text]]:
    """Names in both languages of what catalogues call by slugs, by column: for showing tables; kept ones keep slugs."""
    tags = {slug: entry.name.text for slug, entry in read_tags().items()}
    return {
        "segment": {slug: entry.name.text for slug, entry in segments.read_segments().items()},
        "tag": tags,
        "trait": {f"tag:{slug}": name for slug, name in tags.items()},
        "benefit": benefit_names(),
    }


def benefit_names() -> dict[str, Text]:
    """Names of benefits by slug, and by the codes that the bank's own tables use for them."""
    names = {}
    for slug, benefit in read_benefits().items():
        for code in (slug, *benefit.also_called):
            names[code] = benefit.name.text
    return names
