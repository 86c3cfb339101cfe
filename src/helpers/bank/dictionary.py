"""Writes `data/README.md`, the data dictionary, from the schemas: ``python -m helpers.bank.dictionary``."""

from __future__ import annotations

from helpers.bank.places import project_root
from helpers.bank.schemas import TABLES, ColumnRule, TableRule

_HEAD = """\
# Data dictionary · 数据字典

Generated from the schemas in `src/helpers/bank/schemas` by `python -m helpers.bank.dictionary`; edit those, not this page.
本页由 `src/helpers/bank/schemas` 生成，请修改模式定义而非本页。

A bank is a folder with `bank.yml` and its tables (parquet, CSV, or an engine that Ibis reaches). Columns may have other
names there: `bank.yml` maps them. Further columns of the bank's own are welcome and stay available. Money is in the currency that
`bank.yml` names; times are wall-clock times of its time zone; ids are text. An optional `loaded_at` on any table says when a row
was loaded: what was loaded after the day looked at is not seen. A customer without a row on a balance day keeps the last one
known until the account is closed: a bank may deliver only changes. 某余额日缺行的客户沿用最近一次余额，直至销户。

| table · 表 | one row is · 一行代表 | needed · 必备 | key · 主键 |
|:--|:--|:--|:--|
"""


def text() -> str:
    """Return the dictionary as Markdown."""
    lines = [_HEAD]
    for table in TABLES.values():
        key = ", ".join(f"`{name}`" for name in table.key) or "–"
        needed = "yes · 是" if table.required else "optional · 可选"
        lines.append(f"| [`{table.name}`](#{table.name}) | {table.row_en} · {table.row_zh} | {needed} | {key} |\n")
    lines += [_table(table) for table in TABLES.values()]
    return "".join(lines)


def _table(table: TableRule) -> str:
    head = (
        f"\n## {table.name}\n\nOne row is {table.row_en} · {table.row_zh}.\n\n"
        "| column · 列 | type · 类型 | meaning · 含义 | unit · 单位 | allowed · 取值 | may be absent · 可缺省 |\n"
        "|:--|:--|:--|:--|:--|:--|\n"
    )
    return head + "".join(_row(column) for column in table.columns)


def _row(column: ColumnRule) -> str:
    allowed = column.allowed.replace("|", "\\|")
    empty = "; may be empty" if column.nullable else ""
    absent = "" if column.required else "column may be absent"
    return (
        f"| `{column.name}` | {column.kind} | {column.en} · {column.zh} | {column.unit or '–'} | "
        f"{allowed}{empty} | {absent or '–'} |\n"
    )


def main() -> None:
    """Write the page."""
    (project_root() / "data" / "README.md").write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
