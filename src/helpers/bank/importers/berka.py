"""A real Czech bank of 1993–1998 (“Berka”, PKDD'99 discovery challenge) as canonical tables.

What the files are and are not: there was no app. *Activity* means transactions that the customer started — cash at
the counter, card withdrawals, single transfers. Interest, fees, penalty interest, loan instalments, incoming
transfers and standing orders happen without the customer and don't count. Nothing in the files has a time of day.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.findings.finding import Text
from helpers.findings.spoken import SpokenError, at

CURRENCY = "CZK"
# Set by the bank, not by the customer: interest credited, fees, penalty interest, loan instalments.
_BANK_SYMBOLS = {"UROK", "SLUZBY", "SANKC. UROK", "UVER"}
# What moves the balance without being new money (interest and fees); instalments are the customer's money.
_VALUATION_SYMBOLS = {"UROK", "SLUZBY", "SANKC. UROK"}
_KINDS = {"VKLAD": "cash_deposit", "VYBER": "cash_withdrawal", "VYBER KARTOU": "card_withdrawal"}
_TRANSFER_OUT = "PREVOD NA UCET"
_FILES = ("account", "client", "disp", "district", "card", "loan", "order")

_BANK_YML = """\
schema_version: 1
name: {name}
title: {{en: "Berka (PKDD'99), a real Czech bank, 1993–1998", zh: "Berka（PKDD'99）捷克真实银行，1993–1998"}}
currency: CZK
timezone: Europe/Prague
simulated: false
aum_net_of_overdrafts: true
activity_means:
  en: >-
    a transaction that the customer started (cash at the counter, card, single transfer); there was no app, and
    no time of day is known
  zh: 客户主动发起的交易（柜面存取现金、卡取现、单笔转账）；当时没有 App，也没有具体时刻
notes:
  en: >-
    Customers are the owners of accounts; AUM is the account's balance, an overdraft counting as negative. Interest and
    fees are valuation, everything else is net inflow.
  zh: 客户为账户所有人；AUM 为账户余额，透支计为负数。利息与费用计入估值变动，其余为净流入。
"""


def convert(source: str | Path, dest: str | Path) -> Path:
    """Write the PKDD'99 files as a bank.

    Parameters
    ----------
    source : str or Path
        Folder with ``account.asc``, ``client.asc``, ``disp.asc``, ``district.asc``, ``card.asc``, ``loan.asc``,
        ``order.asc`` and the transactions: ``trans.asc`` whole, or a first part ``trans*.csv.gz``. Of a part the
        last day is dropped, since it may be cut in the middle.
    dest : str or Path
        Folder of the bank; must be new, empty, or an earlier import.

    Returns
    -------
    Path
        ``dest``, with ``bank.yml``, ``customers``, ``activity``, ``balances`` (month ends, last balance carried
        forward, with ``net_inflow``), ``products`` and ``transactions``.

    Raises
    ------
    ValueError
        If a file or column is missing, or DEST holds something else.

    References
    ----------
    Berka and Sochorova (1999), PKDD'99 Discovery Challenge, guide to the financial data set.
    """
    folder, target = Path(source).expanduser(), Path(dest).expanduser()
    if target.exists() and any(target.iterdir()) and not (target / "bank.yml").is_file():
        raise SpokenError(
            at(
                str(target),
                Text("is not empty and not a bank; choose a new folder", "非空且不是银行数据；请换一个新文件夹"),
            )
        )
    files = {name: _read(folder, name) for name in _FILES}
    trans = _transactions(folder)
    last_day = trans["date"].max()
    tables = _tables(files, trans, last_day)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        for name, table in tables.items():
            table.to_parquet(temporary / f"{name}.parquet", index=False)
        (temporary / "bank.yml").write_text(_BANK_YML.format(name=target.name), encoding="utf-8")
        temporary.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        os.replace(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target


def _read(folder: Path, name: str) -> pd.DataFrame:
    file = folder / f"{name}.asc"
    if not file.is_file():
        names = [f"{known}.asc" for known in _FILES]
        words = Text(
            f"is missing; SOURCE should hold {', '.join(names)} and trans*",
            f"缺失；SOURCE 中应有 {'、'.join(names)} 与 trans*",
        )
        raise SpokenError(at(str(file), words))
    return pd.read_csv(file, sep=";", dtype=str, encoding="latin-1", keep_default_na=False)


def _transactions(folder: Path) -> pd.DataFrame:
    """Read the transactions in the file's order: it is the only thing that orders the rows of one day."""
    found = [*folder.glob("trans.asc"), *sorted(folder.glob("trans*.csv.gz")), *sorted(folder.glob("trans*.csv"))]
    if not found:
        words = Text(
            "there are no transactions; looked for trans.asc, trans*.csv.gz, trans*.csv",
            "没有交易文件；已查找 trans.asc、trans*.csv.gz、trans*.csv",
        )
        raise SpokenError(at(str(folder), words))
    file = found[0]
    whole = file.suffix == ".asc"
    trans = pd.read_csv(file, sep=";" if whole else ",", dtype=str, encoding="latin-1", keep_default_na=False)
    needed = ["account_id", "date", "type", "operation", "amount", "balance", "k_symbol", "account"]
    missing = [column for column in needed if column not in trans.columns]
    if missing:
        words = Text(
            f"column {missing[0]!r} is missing; it has {', '.join(trans.columns)}",
            f"缺少列 {missing[0]!r}；现有 {'、'.join(trans.columns)}",
        )
        raise SpokenError(at(str(file), words))
    trans = trans[needed].copy()
    trans["date"] = _days(trans["date"], file)
    for column in ("amount", "balance"):
        trans[column] = pd.to_numeric(trans[column])
    trans["k_symbol"] = trans["k_symbol"].str.strip()
    if not whole:
        trans = trans[trans["date"] < trans["date"].max()]
    return trans


def _days(text: pd.Series, file: Path | str) -> pd.Series:
    """Read days written YYMMDD, all of the twentieth century."""
    days = pd.to_datetime("19" + text.str.slice(0, 6), format="%Y%m%d", errors="coerce")
    if days.isna().any():
        wrong = text[days.isna()].iloc[0]
        words = Text(f"date {wrong!r} is not written YYMMDD", f"日期 {wrong!r} 不是 YYMMDD 格式")
        raise SpokenError(at(str(file), words))
    return days


def customer_ids(client: pd.Series) -> pd.Series:
    """Return canonical ids: ``C`` and nine digits."""
    return "C" + client.astype(str).str.zfill(9)


def birth_and_gender(birth_number: pd.Series) -> pd.DataFrame:
    """Read year of birth and gender from the birth number YYMMDD; a woman's month is raised by 50.

    Examples
    --------
    >>> birth_and_gender(pd.Series(["706213", "450204"])).to_dict("list")
    {'birth_year': [1970, 1945], 'gender': ['F', 'M']}
    """
    month = birth_number.str.slice(2, 4).astype(int)
    year = 1900 + birth_number.str.slice(0, 2).astype(int)
    return pd.DataFrame({"birth_year": year, "gender": np.where(month > 50, "F", "M")})


def _tables(files: dict[str, pd.DataFrame], trans: pd.DataFrame, last_day: pd.Timestamp) -> dict[str, pd.DataFrame]:
    owners = files["disp"].query("type == 'OWNER'")[["disp_id", "client_id", "account_id"]]
    accounts = (
        files["account"].merge(owners, on="account_id").merge(files["client"], on="client_id", suffixes=("", "_c"))
    )
    accounts["opened"] = _days(accounts["date"], "account.asc")
    accounts = accounts[accounts["opened"] <= last_day].reset_index(drop=True)
    accounts["customer_id"] = customer_ids(accounts["client_id"])
    districts = files["district"].set_index("A1")["A2"]
    customers = pd.DataFrame(
        {
            "customer_id": accounts["customer_id"],
            "joined_date": accounts["opened"].dt.date,
            **birth_and_gender(accounts["birth_number"]),
            "branch": accounts["district_id"].map(districts),
            "region": accounts["district_id"].map(files["district"].set_index("A1")["A3"]),
            "statement": accounts["frequency"].map(
                {
                    "POPLATEK MESICNE": "monthly",
                    "POPLATEK TYDNE": "weekly",
                    "POPLATEK PO OBRATU": "after_transaction",
                }
            ),
        }
    ).sort_values("customer_id", ignore_index=True)
    trans = trans.merge(accounts[["account_id", "customer_id"]], on="account_id", how="inner", sort=False)
    started = _started(trans, files["order"])
    return {
        "customers": customers,
        "activity": pd.DataFrame(
            {
                "customer_id": started["customer_id"],
                "occurred_at": started["date"],
                "event": started["kind"],
                "page": None,
                "session_id": None,
                "app": "branch_and_card",
            }
        ).astype({"page": "string", "session_id": "string"}),
        "balances": _balances(trans, last_day),
        "products": _products(accounts, files, last_day),
        "transactions": pd.DataFrame(
            {
                "customer_id": started["customer_id"],
                "occurred_at": started["date"],
                "kind": started["kind"],
                "amount": started["amount"],
                "direction": np.where(started["type"] == "PRIJEM", "in", "out"),
            }
        ),
    }


def _started(trans: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """Keep what the customer started; a transfer that equals a standing order (payee, amount) is the order's."""
    by_hand = trans["operation"].isin(list(_KINDS)) & ~trans["k_symbol"].isin(_BANK_SYMBOLS)
    standing = set(
        zip(orders["account_id"], orders["account_to"].str.strip(), orders["amount"].astype(float), strict=True)
    )
    payee = trans["account"].str.strip().str.replace(r"\.0$", "", regex=True)
    is_order = pd.Series(
        [key in standing for key in zip(trans["account_id"], payee, trans["amount"], strict=True)], index=trans.index
    )
    single = (trans["operation"] == _TRANSFER_OUT) & ~is_order & ~trans["k_symbol"].isin(_BANK_SYMBOLS)
    kept = trans[by_hand | single].copy()
    kept["kind"] = kept["operation"].map(_KINDS).fillna("transfer")
    return kept


def _balances(trans: pd.DataFrame, last_day: pd.Timestamp) -> pd.DataFrame:
    """Month-end balances, the last one carried forward, with net inflow: all but interest and fees."""
    trans = trans.assign(
        month=trans["date"].dt.to_period("M"),
        signed=np.where(trans["type"] == "PRIJEM", trans["amount"], -trans["amount"]),
    )
    is_valuation = trans["k_symbol"].isin(_VALUATION_SYMBOLS)
    last_whole = (last_day + pd.Timedelta(days=1)).to_period("M") - 1
    months = pd.period_range(trans["month"].min(), last_whole, freq="M")
    trans = trans[trans["month"] <= last_whole]
    ends = trans.groupby(["customer_id", "month"], sort=True)["balance"].last().unstack("month").reindex(columns=months)
    aum = ends.ffill(axis=1)
    valuation = (
        trans["signed"].where(is_valuation, 0.0).groupby([trans["customer_id"], trans["month"]]).sum().unstack("month")
    ).reindex(index=aum.index, columns=months)
    change = aum.fillna(0.0).diff(axis=1)
    change[months[0]] = aum[months[0]].fillna(0.0)
    tidy = pd.DataFrame({"aum": aum.stack(), "net_inflow": (change - valuation.fillna(0.0)).stack().round(2)}).dropna(
        subset="aum"
    )
    tidy.index.names = ["customer_id", "month"]
    tidy = tidy.reset_index()
    return pd.DataFrame(
        {
            "customer_id": tidy["customer_id"],
            "balance_date": tidy["month"].dt.to_timestamp(how="end").dt.date,
            "aum": tidy["aum"].round(2),
            "loan": pd.array([None] * len(tidy), dtype="Float64"),
            "net_inflow": tidy["net_inflow"],
        }
    )


def _products(accounts: pd.DataFrame, files: dict[str, pd.DataFrame], last_day: pd.Timestamp) -> pd.DataFrame:
    current = pd.DataFrame(
        {"customer_id": accounts["customer_id"], "product": "current_account", "opened": accounts["opened"]}
    )
    cards = files["card"].merge(accounts[["disp_id", "customer_id"]], on="disp_id")
    cards = pd.DataFrame(
        {
            "customer_id": cards["customer_id"],
            "product": "card_" + cards["type"],
            "opened": _days(cards["issued"], "card.asc"),
        }
    )
    loans = files["loan"].merge(accounts[["account_id", "customer_id"]], on="account_id")
    granted = _days(loans["date"], "loan.asc")
    ends = [day + pd.DateOffset(months=int(months)) for day, months in zip(granted, loans["duration"], strict=True)]
    loans = pd.DataFrame({"customer_id": loans["customer_id"], "product": "loan", "opened": granted, "closed": ends})
    orders = files["order"].merge(accounts[["account_id", "customer_id", "opened"]], on="account_id")
    orders = orders.drop_duplicates("customer_id").assign(product="standing_order")[
        ["customer_id", "product", "opened"]
    ]
    everything = pd.concat([current, cards, loans, orders], ignore_index=True)
    everything = everything[everything["opened"] <= last_day]
    return pd.DataFrame(
        {
            "customer_id": everything["customer_id"],
            "product": everything["product"],
            "opened_date": everything["opened"].dt.date,
            "closed_date": pd.to_datetime(everything["closed"]).dt.date,
        }
    ).sort_values(["customer_id", "product"], ignore_index=True)
