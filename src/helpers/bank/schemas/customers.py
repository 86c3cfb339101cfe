"""Who the customers are and what they hold: customers, products, tags, devices, surveys."""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from helpers.bank.schemas.columns import column
from helpers.bank.schemas.table import Table, about


class Customers(Table):
    """One row a customer; the bank's own attributes may follow as further columns."""

    class Config(Table.Config):
        name = "customers"
        metadata = about("a customer", "一位客户", key=("customer_id",), required=True)

    customer_id: Series[str] = column("customer, not device or account", "客户编号（非设备、非账户）", unique=True)
    joined_date: Series[pa.Date] = column("day on which the person became a customer", "成为客户的日期", seen="row")
    birth_year: Series[pd.Int64Dtype] = column(
        "year of birth", "出生年份", unit="year", nullable=True, ge=1880, le=2100
    )
    gender: Series[str] = column("F or M; empty if unknown", "性别：F 女、M 男，未知为空", nullable=True)
    branch: Series[str] = column("branch that owns the customer", "归属网点", nullable=True)
    is_payroll: Series[pd.BooleanDtype] | None = column("salary is paid into this bank", "是否代发客户", nullable=True)
    is_car_owner: Series[pd.BooleanDtype] | None = column("owns a car", "是否车主", nullable=True)
    has_children: Series[pd.BooleanDtype] | None = column("has children", "有无子女", nullable=True)
    risk_appetite: Series[str] | None = column(
        "risk appetite by the bank's questionnaire", "风险偏好（问卷评定）", nullable=True
    )
    city_tier: Series[pd.Int64Dtype] | None = column(
        "tier of the city, 1 the largest", "城市级别，1 为一线", nullable=True, ge=1, le=9
    )
    closed_date: Series[pa.Date] | None = column(
        "day on which the last account was closed", "销户日期", seen="value", nullable=True
    )
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Products(Table):
    """One row a product held by a customer."""

    class Config(Table.Config):
        name = "products"
        metadata = about("a product of a customer", "客户持有的一项产品", key=())

    customer_id: Series[str] = column("customer", "客户编号")
    product: Series[str] = column("kind of product", "产品种类")
    opened_date: Series[pa.Date] = column("first day of holding", "开始持有日期", seen="row")
    closed_date: Series[pa.Date] | None = column("last day of holding", "结束持有日期", seen="value", nullable=True)
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Tags(Table):
    """One row a tag value of a customer, from the bank's tag system."""

    class Config(Table.Config):
        name = "tags"
        metadata = about("a tag of a customer", "客户的一个标签", key=("customer_id", "tag"))

    customer_id: Series[str] = column("customer", "客户编号")
    tag: Series[str] = column("name of the tag", "标签名")
    family: Series[str] | None = column(
        "family of the tag",
        "标签大类",
        nullable=True,
        isin=["basic", "financial", "social", "risk", "life", "behaviour"],
    )
    value: Series[str] = column("value; empty is a hole", "标签值，空即缺失", nullable=True)
    updated_at: Series[pa.DateTime] = column("last refresh of the value", "最近更新时间", seen="row", nullable=True)
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Devices(Table):
    """One row a device that a customer signed in from."""

    class Config(Table.Config):
        name = "devices"
        metadata = about("a device of a customer", "客户登录过的一台设备", key=())

    customer_id: Series[str] = column("customer", "客户编号")
    device_id: Series[str] = column("device", "设备编号")
    first_seen_at: Series[pa.DateTime] = column("first sign-in from it", "首次登录时间", seen="row")
    last_seen_at: Series[pa.DateTime] | None = column(
        "last sign-in from it", "最近登录时间", seen="value", nullable=True
    )
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)


class Surveys(Table):
    """One row a survey sent; without an answer the score is empty."""

    class Config(Table.Config):
        name = "surveys"
        metadata = about("a survey sent to a customer", "发给客户的一份问卷", key=())

    customer_id: Series[str] = column("customer", "客户编号")
    kind: Series[str] = column("nps (0–10), csat (1–5) or ces (1–7)", "问卷类型", isin=["nps", "csat", "ces"])
    sent_at: Series[pa.DateTime] = column("when it was sent", "发送时间", seen="row")
    answered_at: Series[pa.DateTime] = column("when it was answered", "回答时间", seen="value", nullable=True)
    score: Series[float] = column(
        "answer on the scale of its kind", "得分", seen="with:answered_at", nullable=True, ge=0, le=10
    )
    loaded_at: Series[pa.DateTime] | None = column("when the row was loaded", "入库时间", seen="row", nullable=True)
