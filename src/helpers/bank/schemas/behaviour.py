"""What customers do and what they own day by day: activity, balances, transactions."""

from __future__ import annotations

import pandera.pandas as pa
from pandera.typing import Series

from helpers.bank.schemas.columns import column
from helpers.bank.schemas.table import Table, about


class Activity(Table):
    """One row an event in the app; exact duplicates are tolerated, as counts are of distinct days."""

    class Config(Table.Config):
        name = "activity"
        metadata = about("an event in the app", "App 内的一个事件", key=(), required=True)

    customer_id: Series[str] = column("customer", "客户编号")
    occurred_at: Series[pa.DateTime] = column(
        "when it happened, in the bank's time zone", "发生时间（银行所在时区）", seen="row"
    )
    event: Series[str] = column("what was done", "事件")
    page: Series[str] = column("page on which it was done", "页面", nullable=True)
    session_id: Series[str] = column("visit that it belongs to", "会话编号", nullable=True)
    app: Series[str] = column("app or edition", "App 或版本", nullable=True)
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Balances(Table):
    """One row a customer and balance day (every day, or every month's end)."""

    class Config(Table.Config):
        name = "balances"
        metadata = about(
            "a customer's balances on a day",
            "客户某日的余额",
            key=("customer_id", "balance_date"),
            required=True,
        )

    customer_id: Series[str] = column("customer", "客户编号")
    balance_date: Series[pa.Date] = column("day at whose end the balance stood", "余额日期（日终）", seen="row")
    aum: Series[float] = column("assets under management", "管理资产余额", unit="money", ge=0)
    loan: Series[float] = column("loans outstanding", "贷款余额", unit="money", nullable=True, ge=0)
    net_inflow: Series[float] | None = column(
        "new money since the previous balance day, outflows negative",
        "自上一余额日以来的净流入（流出为负）",
        unit="money",
        nullable=True,
    )
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Transactions(Table):
    """One row a transaction that the customer started."""

    class Config(Table.Config):
        name = "transactions"
        metadata = about("a transaction started by the customer", "客户发起的一笔交易", key=())

    customer_id: Series[str] = column("customer", "客户编号")
    occurred_at: Series[pa.DateTime] = column("when it was booked", "发生时间", seen="row")
    kind: Series[str] = column("kind of transaction", "交易类型")
    amount: Series[float] = column("amount, always positive", "金额（恒为正）", unit="money", ge=0)
    direction: Series[str] | None = column(
        "in or out of the customer's accounts",
        "资金方向：in 流入、out 流出",
        nullable=True,
        isin=["in", "out"],
    )
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)
