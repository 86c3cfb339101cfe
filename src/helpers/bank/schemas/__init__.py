"""Canonical tables of a bank: one class each, the only place where their column names are spelt."""

from helpers.bank.schemas.behaviour import Activity, Balances, Transactions
from helpers.bank.schemas.campaigns import Acquisitions, Assignments, Campaigns, Referrals, Rewards, Touches
from helpers.bank.schemas.customers import Customers, Devices, Products, Surveys, Tags
from helpers.bank.schemas.table import ColumnRule, Table, TableRule, table_rule

MODELS: dict[str, type[Table]] = {
    model.Config.name: model
    for model in (
        Customers,
        Activity,
        Balances,
        Products,
        Tags,
        Transactions,
        Campaigns,
        Assignments,
        Touches,
        Rewards,
        Acquisitions,
        Referrals,
        Surveys,
        Devices,
    )
}
TABLES: dict[str, TableRule] = {name: table_rule(model) for name, model in MODELS.items()}
REQUIRED = tuple(name for name, table in TABLES.items() if table.required)

__all__ = [
    "MODELS",
    "REQUIRED",
    "TABLES",
    "Acquisitions",
    "Activity",
    "Assignments",
    "Balances",
    "Campaigns",
    "ColumnRule",
    "Customers",
    "Devices",
    "Products",
    "Referrals",
    "Rewards",
    "Surveys",
    "Table",
    "TableRule",
    "Tags",
    "Touches",
    "Transactions",
    "table_rule",
]
