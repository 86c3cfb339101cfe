"""Opens a bank: `bank.yml` to lazy, validated, canonical Ibis tables, as they were seen on a day."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helpers.bank import checks, places, settings, sources
from helpers.bank.asked import Asked
from helpers.bank.problems import BankError, Problem
from helpers.bank.schemas import REQUIRED, TABLES
from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError

if TYPE_CHECKING:
    import ibis.expr.types as ir

# Tables that belong to the whole bank whatever branch is looked at: prospects have no branch yet.
SHARED_TABLES = ("campaigns", "acquisitions")
# Set by the batch to the fingerprint of the bank that it has checked, so that its notebooks don't check again.
CHECKED = "PLAYBOOK_CHECKED_BANK"


@dataclass(frozen=True)
class Bank:
    """A bank's canonical tables as lazy Ibis tables; optional tables that it has not are None.

    Attributes
    ----------
    folder : Path
    currency : str
        ISO code of all money columns.
    timezone : str
        IANA name; every timestamp is local time there.
    simulated : bool
        True for the sample bank: every page says so.
    tables : dict of str to ibis Table or None
    as_of : date
        Last day that is seen: rows, values and loads after it are hidden.
    branch : str
        Branch that is looked at, empty for the whole bank.
    fingerprints : dict of str to str
        Digest of each table's content, and of `bank.yml`.
    remarks : tuple of Problem
        What the data doctor noticed and tolerated.
    """

    folder: Path
    settings: settings.Settings
    tables: dict[str, Any]
    as_of: date
    fingerprints: dict[str, str]
    branch: str = ""
    remarks: tuple[Problem, ...] = ()
    whole: Bank | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.tables, Asked):
            object.__setattr__(self, "tables", Asked(self.tables))

    def __getattr__(self, name: str) -> ir.Table | None:
        if name in TABLES:
            return self.tables.get(name)
        raise AttributeError(f"a bank has no {name!r}; its tables are {', '.join(TABLES)}")

    @cached_property
    def fingerprint(self) -> str:
        """One digest of all tables and of `bank.yml`."""
        return sources.fingerprint(self.fingerprints)

    @property
    def is_content_known(self) -> bool:
        """Whether the fingerprint follows every change of the data (not for tables behind a URL)."""
        return sources.is_content_known(self.settings)

    @property
    def currency(self) -> str:
        """ISO code of the bank's currency."""
        return self.settings.currency

    @property
    def timezone(self) -> str:
        """IANA name of the bank's time zone."""
        return self.settings.timezone

    @property
    def simulated(self) -> bool:
        """True if the bank is simulated."""
        return self.settings.simulated

    @property
    def name(self) -> str:
        """Short name, the folder's unless `bank.yml` gives one."""
        return self.settings.name or self.folder.name

    @property
    def missing_tables(self) -> tuple[str, ...]:
        """Optional tables that this bank has not."""
        there = {name for name, table in self.tables.items() if table is not None}
        return tuple(name for name in TABLES if name not in there)

    @property
    def tables_read(self) -> tuple[str, ...]:
        """Tables that were asked for since the bank was opened, in the schema's order; those it has not count not."""
        return tuple(name for name in TABLES if name in self.tables.names and name not in self.missing_tables)

    @cached_property
    def n_rows(self) -> dict[str, int]:
        """Rows of each table that the bank has, whole: before day and branch are applied."""
        if self.whole is not None:
            return self.whole.n_rows
        return {name: int(table.count().execute()) for name, table in self.tables.items() if table is not None}

    @cached_property
    def n_customers(self) -> int:
        """Customers that are looked at: of the branch, known on the day."""
        return int(self.customers.count().execute())

    @cached_property
    def log_days(self) -> tuple[date, date]:
        """First and last day of the activity log, within what is seen."""
        row = (
            self.activity.aggregate(first=lambda t: t.occurred_at.min(), last=lambda t: t.occurred_at.max())
            .execute()
            .iloc[0]
        )
        return row["first"].date(), row["last"].date()

    def at(self, *, as_of: str | date | None = None, branch: str = "") -> Bank:
        """Return the bank as it was seen on a day, and as one branch sees it.

        Raises
        ------
        ValueError
            If ``as_of`` is no date, or lies before the log's first day; if the branch does not exist.
        """
        whole = self.whole or self
        day = whole.as_of if as_of in (None, "") else parse_day(as_of, name="as_of")
        first, _ = whole.log_days
        if day < first:
            raise SpokenError(
                Text(
                    f"as_of {day} lies before the first day of the activity log, {first}; choose {first} or later",
                    f"as_of {day} 早于行为日志首日 {first}；请选择 {first} 或之后的日期",
                )
            )
        names = whole.tables.names
        tables = {name: None if table is None else _seen(name, table, day) for name, table in whole.tables.items()}
        if branch:
            names.add("customers")
            known = sorted(tables["customers"].branch.name("b").as_table().distinct().execute()["b"].dropna())
            if branch not in known:
                raise SpokenError(
                    Text(
                        f"branch {branch!r} is not in customers.branch; there are {', '.join(known[:20])}",
                        f"网点 {branch!r} 不在 customers.branch 中；可选：{'、'.join(known[:20])}",
                    )
                )
            members = tables["customers"].filter(lambda t: t.branch == branch)
            tables = {
                name: table
                if table is None or name in SHARED_TABLES
                else members
                if name == "customers"
                else table.semi_join(members, table[_owner(table)] == members.customer_id)
                for name, table in tables.items()
            }
        return replace(whole, tables=Asked(tables, names), as_of=day, branch=branch, whole=whole)


def _last_day(bank: Bank) -> date:
    """Return the last day that the data speak of: a month's end may have a balance and no event."""
    last_balance = bank.balances.balance_date.max().execute()
    last_event = bank.log_days[1]
    return (
        last_event
        if last_balance is None or last_balance != last_balance
        else max(last_event, parse_day(str(last_balance)[:10], name="balance_date"))
    )


def _owner(table: ir.Table) -> str:
    return "customer_id" if "customer_id" in table.columns else "referrer_id"


def parse_day(value: str | date, *, name: str) -> date:
    """Read a day written YYYY-MM-DD; ValueError names the parameter and the value."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise SpokenError(
            Text(
                f"{name} must be a day written YYYY-MM-DD, not {value!r}",
                f"{name} 应为 YYYY-MM-DD 格式的日期，现为 {value!r}",
            )
        ) from None


def _seen(name: str, table: ir.Table, day: date) -> ir.Table:
    """Hide rows and values that were not known at the end of ``day``."""
    import ibis

    end = datetime.combine(day + timedelta(days=1), datetime.min.time())
    hidden: dict[str, Any] = {}
    for rule in TABLES[name].columns:
        if rule.name not in table.columns or not rule.seen:
            continue
        clock = TABLES[name][rule.seen.removeprefix("with:")] if rule.seen.startswith("with:") else rule
        moment = table[clock.name]
        known = moment < ibis.literal(end) if clock.kind == "timestamp" else moment <= ibis.literal(day)
        if rule.seen == "row":
            table = table.filter(known | moment.isnull()) if rule.nullable else table.filter(known)
        else:
            hidden[rule.name] = ibis.cases((known, table[rule.name]), else_=ibis.null(table[rule.name].type()))
    return table.mutate(**hidden) if hidden else table


def open_bank(path: str | Path, *, as_of: str | date | None = None, branch: str = "") -> Bank:
    """Open a bank and check its tables against the canonical schemas.

    Parameters
    ----------
    path : str or Path
        Folder with a `bank.yml` (or that file), relative to the working folder or the project's.
    as_of : str or date, optional
        Last day that is seen (YYYY-MM-DD); by default the last day of the data (log or balances).
    branch : str
        Look at one branch's customers only.

    Returns
    -------
    Bank

    Raises
    ------
    BankError
        With every broken rule, counted and named: missing tables or columns, unreadable files, values that are
        not what the schema allows, repeated keys, days in the future.
    ValueError
        If ``as_of`` or ``branch`` doesn't fit the data.
    """
    folder = places.find(path)
    if folder.name == places.SETTINGS:
        folder = folder.parent
    config = settings.read(folder, tuple(TABLES))
    tables, problems = sources.connect(folder, config)
    missing = [name for name in REQUIRED if tables.get(name) is None and not any(p.table == name for p in problems)]
    needed = Text(
        f"the table is missing; every bank needs {', '.join(REQUIRED)}",
        f"缺少此表；每家银行都须有 {'、'.join(REQUIRED)}",
    )
    problems += [Problem(name, "", needed) for name in missing]
    if problems:
        raise BankError(str(path), problems)
    fingerprints = sources.fingerprints(folder, config)
    remarks: tuple[Problem, ...] = ()
    if os.environ.get(CHECKED) == sources.fingerprint(fingerprints):
        checks.strip(tables)
    else:
        problems, remarks = checks.check(tables, aum_net_of_overdrafts=config.aum_net_of_overdrafts)
        if problems:
            raise BankError(str(path), problems)
    bank = Bank(
        folder=folder,
        settings=config,
        tables=tables,
        as_of=date.max,
        fingerprints=fingerprints,
        remarks=remarks,
    )
    bank = replace(bank, as_of=_last_day(bank))
    return bank.at(as_of=as_of, branch=branch)
