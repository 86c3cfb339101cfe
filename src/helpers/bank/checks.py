"""The data doctor: every rule of the schemas counted in the engine, one pass a table, broken ones with an example."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from helpers.bank.problems import Problem
from helpers.bank.schemas import TABLES, ColumnRule, TableRule
from helpers.bank.sources import KINDS, RAW
from helpers.findings.finding import Text

if TYPE_CHECKING:
    import ibis.expr.types as ir


def check(tables: dict[str, Any], *, aum_net_of_overdrafts: bool = False) -> tuple[list[Problem], tuple[Problem, ...]]:
    """Check all tables in place and drop the raw columns from them.

    Parameters
    ----------
    tables : dict of str to ibis Table or None
        As :func:`helpers.bank.sources.connect` gives them; the dict's tables are replaced by their clean form.
    aum_net_of_overdrafts : bool
        Allow negative balances, as `bank.yml` may declare.

    Returns
    -------
    (problems, remarks)
        Problems refuse the bank; remarks were noticed and are tolerated (rows of strangers, holders without a new row).
    """
    problems: list[Problem] = []
    remarks: list[Problem] = []
    for name, table in tables.items():
        if table is None:
            continue
        rule = TABLES[name]
        if name == "balances" and aum_net_of_overdrafts:
            rule = replace(rule, columns=tuple(replace(c, ge=None) if c.name == "aum" else c for c in rule.columns))
        found, noticed = _check_table(rule, table)
        problems += found
        remarks += noticed
    strip(tables)
    if not problems:
        remarks += _strangers(tables)
        remarks += _vanished(tables)
    return problems, tuple(remarks)


def strip(tables: dict[str, Any]) -> None:
    """Drop the columns as delivered that stand beside cast ones."""
    for name, table in tables.items():
        if table is not None:
            raw = [column for column in table.columns if column.startswith(RAW)]
            tables[name] = table.drop(*raw) if raw else table


def _rules(table: ir.Table, column: ColumnRule) -> list[tuple[Text, Any, str]]:
    """Return (words, condition of a broken row, column that shows the example) for one column."""
    value = table[column.name]
    broken: list[tuple[Text, Any, str]] = []
    raw_name = RAW + column.name
    unreadable = None
    if raw_name in table.columns and table[raw_name].type().is_string():
        raw = table[raw_name]
        unreadable = value.isnull() & raw.notnull() & (raw.strip() != "")
        words = Text(f"can't be read as {column.kind}", f"无法读作{KINDS[column.kind]}（{column.kind}）")
        broken.append((words, unreadable, raw_name))
    if not column.nullable:
        empty = value.isnull() if unreadable is None else value.isnull() & ~unreadable.fill_null(False)
        broken.append((Text("is empty, should not be", "为空，不应为空"), empty, column.name))
    if value.type().is_floating():
        words = Text("is not a number (NaN or infinite)", "不是有限数值（NaN 或无穷）")
        broken.append((words, value.isnan() | value.isinf(), column.name))
        value = value.nullif(float("nan"))
    if column.ge is not None or column.gt is not None or column.le is not None:
        outside = None
        for limit, test in (
            (column.ge, lambda v, x: v < x),
            (column.gt, lambda v, x: v <= x),
            (column.le, lambda v, x: v > x),
        ):
            if limit is not None:
                condition = test(value, limit)
                outside = condition if outside is None else outside | condition
        allowed = [
            Text(f"{words.en} {limit:g}", f"{words.zh} {limit:g}")
            for limit, words in (
                (column.ge, Text("at least", "不小于")),
                (column.gt, Text("above", "大于")),
                (column.le, Text("at most", "不大于")),
            )
            if limit is not None
        ]
        words = Text(
            f"should be {', '.join(part.en for part in allowed)}", f"应{'且'.join(part.zh for part in allowed)}"
        )
        broken.append((words, outside, column.name))
    if column.isin is not None:
        names = [str(value) for value in column.isin]
        words = Text(f"should be one of {', '.join(names)}", f"应为 {'、'.join(names)} 之一")
        broken.append((words, ~value.isin(column.isin), column.name))
    if column.kind in ("date", "timestamp") and column.name not in ("ends_date",):
        import ibis

        # A day's grace: the bank's clock may run ahead of this machine's.
        tomorrow = datetime.now() + timedelta(days=1)
        limit = ibis.literal(tomorrow.date() if column.kind == "date" else tomorrow)
        broken.append((Text("lies in the future", "晚于今天"), value > limit, column.name))
    return broken


def _check_table(rule: TableRule, table: ir.Table) -> tuple[list[Problem], list[Problem]]:
    broken = [
        (column, words, condition, shown)
        for column in rule.columns
        if column.name in table.columns
        for words, condition, shown in _rules(table, column)
    ]
    counts = {f"c{index}": condition.fill_null(False).sum() for index, (_, _, condition, _) in enumerate(broken)}
    row = table.aggregate(n_rows=table.count(), **counts).execute().iloc[0]
    problems, remarks = [], []
    if int(row["n_rows"]) == 0 and rule.required:
        return [Problem(rule.name, "", Text("the table has no row", "表中没有数据行"))], []
    for index, (column, words, condition, shown) in enumerate(broken):
        n_rows = row[f"c{index}"]
        if n_rows is None or n_rows != n_rows or int(n_rows) == 0:
            continue
        example = table.filter(condition).select(value=table[shown]).limit(1).execute()["value"].iloc[0]
        problem = Problem(rule.name, column.name, words, int(n_rows), _show(example))
        (remarks if column.lenient else problems).append(problem)
    if rule.key and not problems:
        repeated = (
            table.group_by(*rule.key)
            .aggregate(times=lambda t: t.count())
            .filter(lambda t: t.times > 1)
            .order_by(rule.key)
        )
        n_keys = int(repeated.count().execute())
        if n_keys:
            first = repeated.limit(1).execute().iloc[0]
            key = ", ".join(_show(first[name]) for name in rule.key)
            problems.append(
                Problem(
                    rule.name,
                    rule.key[0] if len(rule.key) == 1 else "+".join(rule.key),
                    Text("should stand once, and is repeated", "应唯一，却有重复"),
                    n_keys,
                    f"{key} ×{int(first['times'])}",
                )
            )
    return problems, remarks


def _strangers(tables: dict[str, Any]) -> list[Problem]:
    """Count rows of activity and balances whose customer is not in `customers`."""
    remarks = []
    customers = tables["customers"]
    for name in ("activity", "balances"):
        strangers = tables[name].select("customer_id").distinct().anti_join(customers, "customer_id")
        n = int(strangers.count().execute())
        if n:
            example = strangers.order_by("customer_id").limit(1).execute()["customer_id"].iloc[0]
            words = Text("is not in customers", "不在 customers 表中")
            remarks.append(Problem(name, "customer_id", words, n, _show(example)))
    return remarks


def _vanished(tables: dict[str, Any]) -> list[Problem]:
    """Count holders without a row on the newest balance day who did not close: their last balance is carried forward."""
    balances, customers = tables["balances"], tables["customers"]
    newest = balances.balance_date.max().execute()
    if newest is None or newest != newest:
        return []
    last = balances.group_by("customer_id").aggregate(
        day=balances.balance_date.max(), aum=balances.aum.argmax(balances.balance_date)
    )
    gone = last.filter((last.day < newest) & (last.aum > 0))
    if "closed_date" in customers.columns:
        gone = gone.anti_join(customers.filter(customers.closed_date.notnull()), "customer_id")
    n = int(gone.count().execute())
    if not n:
        return []
    day = str(newest)[:10]
    words = Text(
        f"has no row on the newest day, {day}; the last balance is carried forward",
        f"在最新日期 {day} 没有记录；沿用最后一次余额",
    )
    example = gone.order_by("customer_id").limit(1).execute().iloc[0]
    return [Problem("balances", "balance_date", words, n, f"last row {str(example['day'])[:10]}")]


def _show(value: Any) -> str:
    text = "empty" if value is None or value != value else str(value).removesuffix(" 00:00:00")
    return text if len(text) <= 60 else text[:57] + "…"
