"""What the bank did: campaigns, who was assigned, reached and rewarded, and how customers were won."""

from __future__ import annotations

import pandera.pandas as pa
from pandera.typing import Series

from helpers.bank.schemas.columns import column
from helpers.bank.schemas.table import Table, about


class Campaigns(Table):
    """One row a campaign."""

    class Config(Table.Config):
        name = "campaigns"
        metadata = about("a campaign", "一场活动", key=("campaign_id",))

    campaign_id: Series[str] = column("campaign", "活动编号", unique=True)
    form: Series[str] = column("form, a slug of data/catalogue/activities.yml", "活动形式（目录中的代号）")
    name: Series[str] = column("name as customers read it", "活动名称")
    starts_date: Series[pa.Date] = column("first day", "开始日期", seen="row")
    ends_date: Series[pa.Date] = column("last day", "结束日期")
    budget: Series[float] = column("budget granted", "批准预算", unit="money", nullable=True, ge=0)
    success_event: Series[str] = column("event in the log that counts as success", "计为成功的事件", nullable=True)
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Assignments(Table):
    """One row a customer whom a campaign treated or held out."""

    class Config(Table.Config):
        name = "assignments"
        metadata = about(
            "a customer assigned in a campaign", "活动分组中的一位客户", key=("campaign_id", "customer_id")
        )

    campaign_id: Series[str] = column("campaign", "活动编号")
    customer_id: Series[str] = column("customer", "客户编号")
    arm: Series[str] = column("arm; the hold-out is an arm too", "分组（含留白组）")
    propensity: Series[float] = column(
        "chance with which the arm was drawn; empty if no draw was made",
        "分到该组的概率，非随机则为空",
        nullable=True,
        gt=0,
        le=1,
    )
    assigned_at: Series[pa.DateTime] = column("when it was assigned", "分组时间", seen="row")
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Touches(Table):
    """One row a message or contact."""

    class Config(Table.Config):
        name = "touches"
        metadata = about("a contact with a customer", "对客户的一次触达", key=("touch_id",))

    touch_id: Series[str] = column("contact", "触达编号", unique=True)
    campaign_id: Series[str] = column("campaign that it belongs to, empty if none", "所属活动，可为空", nullable=True)
    customer_id: Series[str] = column("customer", "客户编号")
    channel: Series[str] = column("channel, a slug of data/catalogue/channels.yml", "渠道（目录中的代号）")
    sent_at: Series[pa.DateTime] = column("when it was sent", "发送时间", seen="row")
    outcome: Series[str] = column(
        "what became of it: delivered, clicked, failed, suppressed …", "触达结果", nullable=True
    )
    cost: Series[float] = column("cost of this contact", "该次触达成本", unit="money", ge=0)
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Rewards(Table):
    """One row a benefit paid out."""

    class Config(Table.Config):
        name = "rewards"
        metadata = about("a benefit paid to a customer", "发给客户的一份权益", key=())

    campaign_id: Series[str] = column("campaign", "活动编号")
    customer_id: Series[str] = column("customer", "客户编号")
    rewarded_at: Series[pa.DateTime] = column("when it was granted", "发放时间", seen="row")
    kind: Series[str] = column("benefit, a slug of data/catalogue/benefits.yml", "权益（目录中的代号）")
    cost: Series[float] = column("cost to the bank", "银行承担的成本", unit="money", ge=0)
    redeemed_at: Series[pa.DateTime] = column(
        "when it was used, empty if not", "使用时间，未用为空", seen="value", nullable=True
    )
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Acquisitions(Table):
    """One row a person whom a channel brought to the bank; who never registered has no registered_at."""

    class Config(Table.Config):
        name = "acquisitions"
        metadata = about("a person whom a channel brought", "渠道带来的一个人", key=("customer_id",))

    customer_id: Series[str] = column(
        "customer, or prospect who never registered", "客户（或未注册的潜客）编号", unique=True
    )
    channel: Series[str] = column("channel, a slug of data/catalogue/channels.yml", "渠道（目录中的代号）")
    seen_at: Series[pa.DateTime] = column("first contact", "首次接触时间", seen="row")
    registered_at: Series[pa.DateTime] = column("registration", "注册时间", seen="value", nullable=True)
    activated_at: Series[pa.DateTime] = column(
        "activation by the bank's rule", "激活时间（按本行口径）", seen="value", nullable=True
    )
    cost: Series[float] = column("cost of winning this person", "获取此人的成本", unit="money", ge=0)
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Referrals(Table):
    """One row an invitation from customer to customer."""

    class Config(Table.Config):
        name = "referrals"
        metadata = about("an invitation", "一次邀请", key=())

    referrer_id: Series[str] = column("customer who invited", "邀请人")
    referee_id: Series[str] = column("person invited", "被邀请人")
    campaign_id: Series[str] | None = column(
        "campaign that it belongs to, empty if none", "所属活动，可为空", nullable=True
    )
    invited_at: Series[pa.DateTime] = column("when the invitation was sent", "邀请时间", seen="row")
    registered_at: Series[pa.DateTime] = column(
        "when the person invited registered", "被邀请人注册时间", seen="value", nullable=True
    )
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)
