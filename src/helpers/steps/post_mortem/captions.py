"""Captions of the tables on the post-mortem's page: what each is a table of, and what its numbers are per."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from helpers.findings import Text, Writer
from helpers.steps.post_mortem.cases import Case, metric_unit

# Whom the page speaks of.
WHOM = Text("an arm of this campaign, among those looked at here,", "在所选范围内，本次活动某一组的")

CAPTIONS: Mapping[str, Text] = {
    "attainment": Text("Planned and actual, level by level", "逐级对照计划与实际"),
    "naive": Text(
        "Active days of those who joined or took a benefit, and of the others", "参加或领取权益者与其他客户的活跃天数"
    ),
    "effects": Text(
        "Differences per customer to the hold-out, or to branches not yet reached: days, shares (0-1) or the bank's currency",
        "户均相对留白组（或未上线网点）的差异：天数、占比（0–1）或本行币种金额",
    ),
    "periods": Text("Comparable periods: active days per customer", "可比时段的户均活跃天数"),
    "response_groups": Text(
        "Groups by predicted effect, with the effect observed in each", "按预测效果分组，附各组实测效果"
    ),
    "policies": Text(
        "Profit of the goal's metric alone against treating no one, read off what was observed",
        "仅按目标指标计的收益（相对全不投放，按实测结果计算）",
    ),
    "people_stage": Text("People: by how far they came", "人：按走到的环节"),
    "people_before": Text("People: by activity before the launch", "人：按上线前活跃度"),
    "goods_benefit": Text("Goods: by the benefit taken", "货：按领取的权益"),
    "place_channel": Text("Place: by the channel of the first message", "场：按首次触达渠道"),
    "place_branch": Text("Place: by branch", "场：按网点"),
    "funnel": Text(
        "From the message to success; cost lost: of those who stopped and did not take part another way",
        "从触达到达成；止步者成本只计未经其他途径参与的客户",
    ),
    "channels": Text("The same way by channel of the first message", "分首触渠道的路径"),
    "goods": Text("Benefits taken and used", "权益的领取与核销"),
    "pages": Text("Pages that the treated visited while it ran", "活动期内实验组客户访问的页面"),
    "abuse_rules": Text("Signals among those who took a benefit", "领取权益客户命中的特征"),
    "without": Text("The difference with and without the flagged", "剔除被标记客户前后的差异"),
    "returns": Text(
        "Return and cost per customer; activity and money together are estimated for themselves, so the two parts need not "
        "add up to them",
        "户均回报与成本；“活跃与资产合计”单独估计，两部分相加未必等于合计",
    ),
    "hypotheses": Text("Hypotheses and guardrails", "假设与护栏"),
    "next_cycle": Text("What the next cycle takes over", "交给下一周期的结果"),
}


def gap_captions(case: Case, tables: Mapping[str, pd.DataFrame]) -> dict[str, Text]:
    """Caption each split of the gap with the sum of its parts, which is the gap, and with what makes up for a part."""
    unit = metric_unit(case.goal_metric)
    found = {}
    for name, table in tables.items():
        parts = table["contribution"].astype(float)
        found[name] = Text.write(
            lambda w, title=CAPTIONS[name], of=parts: w(
                f"{title.en}; the parts add up to {_sum(w, of, unit)}", f"{title.zh}；各项合计 {_sum(w, of, unit)}"
            ),
            currency=case.bank.currency,
        )
    return found


def _sum(w: Writer, parts: pd.Series, unit: str) -> str:
    """Write the sum of the parts; where they have both signs, a part may be more than the whole: say what offsets it."""
    total = w.n(float(parts.sum()), unit, signed=True)
    if not ((parts > 0).any() and (parts < 0).any()):
        return total
    missing, beyond = (w.n(float(abs(of.sum())), unit) for of in (parts[parts > 0], parts[parts < 0]))
    return w(
        f"{total}: some groups fall short by {missing} together, others lie {beyond} beyond and make up for it",
        f"{total}：部分组别共缺 {missing}，其他组别共超出 {beyond}、与之相抵",
    )
