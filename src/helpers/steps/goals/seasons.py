"""Month on month and year on year, with the shift of Spring Festival said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from helpers.findings import Figure, Finding, Text
from helpers.metrics import months
from helpers.metrics.festival import CURRENCIES, NEW_YEAR, festival_days


def compare_months(usage: pd.DataFrame, aum: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Growth of MAU, DAU and AUM over the month before and over the same month of the year before.

    Parameters
    ----------
    usage : DataFrame (:func:`helpers.metrics.activity.usage_by_month`)
    aum : DataFrame (:func:`helpers.metrics.assets.aum_by_month`)
    currency : str
        Banks in CNY keep Spring Festival; for others its columns are empty.

    Returns
    -------
    DataFrame, one row a month, oldest first
        ``month``, ``mau``, ``mau_mom``, ``mau_yoy``, ``dau``, ``dau_yoy``, ``aum``, ``aum_mom``, ``aum_yoy`` (growth as
        shares, NaN without a month to compare with), ``festival_days`` and ``festival_days_year_before`` (days of the
        month in the holiday), ``is_like_for_like`` (year on year; False where the festival lies differently).
    """
    table = usage[["month", "mau", "dau"]].merge(aum[["month", "aum"]], on="month", how="outer").sort_values("month")
    table = table.reset_index(drop=True)
    position = pd.Series(range(len(table)), index=table["month"])
    back = {
        gap: [position.get(months.write(months.add(months.read(m), -gap)), -1) for m in table["month"]]
        for gap in (1, 12)
    }

    def growth(column: str, gap: int) -> np.ndarray:
        values = table[column].to_numpy(dtype=float)
        before = np.array([values[i] if i >= 0 else np.nan for i in back[gap]])
        return values / np.where(before > 0, before, np.nan) - 1

    for column, gap, name in (
        ("mau", 1, "mau_mom"),
        ("mau", 12, "mau_yoy"),
        ("dau", 12, "dau_yoy"),
        ("aum", 1, "aum_mom"),
        ("aum", 12, "aum_yoy"),
    ):
        table[name] = growth(column, gap)
    keeps = currency in CURRENCIES
    here = [festival_days(months.read(m)) if keeps else None for m in table["month"]]
    before = [festival_days(months.add(months.read(m), -12)) if keeps else None for m in table["month"]]
    table["festival_days"] = pd.array(here, dtype="Int64")
    table["festival_days_year_before"] = pd.array(before, dtype="Int64")
    table["is_like_for_like"] = [a == b for a, b in zip(here, before, strict=True)]
    columns = ["month", "mau", "mau_mom", "mau_yoy", "dau", "dau_yoy", "aum", "aum_mom", "aum_yoy"]
    return table[[*columns, "festival_days", "festival_days_year_before", "is_like_for_like"]]


def seasons_finding(comparison: pd.DataFrame, *, currency: str) -> Finding:
    """Say how the last month compares, and what Spring Festival does to the comparison.

    Parameters
    ----------
    comparison : DataFrame (:func:`compare_months`)
    currency : str

    Returns
    -------
    Finding
        Figures ``mau_mom``, ``mau_yoy``, ``aum_mom``, ``aum_yoy`` and, where both years have January and February,
        ``dau_festival_yoy``. Counts of everybody have no interval.
    """
    counted = comparison[comparison["mau"].notna()]
    if not len(counted):
        words = Text("No whole month is in the log yet: nothing can be compared.", "日志中尚无完整月份，无法比较。")
        return Finding("seasons", words, tone="warning")
    last = counted.iloc[-1]
    month, n = str(last["month"]), int(last["mau"])
    figures = [
        Figure(key, _value(last[key]), unit="share", n=n, period=month)
        for key in ("mau_mom", "mau_yoy", "aum_mom", "aum_yoy")
    ]
    festival = _festival(comparison) if currency in CURRENCIES else None
    if festival:
        figures.append(festival[1])

    def sentence(w):
        mom, yoy = w.n(last["mau_mom"], "share", signed=True), w.n(last["mau_yoy"], "share", signed=True)
        aum_mom, aum_yoy = w.n(last["aum_mom"], "share", signed=True), w.n(last["aum_yoy"], "share", signed=True)
        text = w(
            f"In {month} MAU stood at {w.n(n, 'customers')}: {mom} on the month before, {yoy} on the year before; "
            f"AUM {aum_mom} and {aum_yoy}. A “–” means that there is no month to compare with.",
            f"{month} 月活 {w.n(n, 'customers')}：环比 {mom}，同比 {yoy}；AUM 环比 {aum_mom}，同比 {aum_yoy}。"
            "“–”表示没有可比月份。",
        )
        if currency in CURRENCIES and not bool(last["is_like_for_like"]):
            text += w(
                f" Spring Festival puts {last['festival_days']} holidays into this month and "
                f"{last['festival_days_year_before']} into that of the year before: not like for like.",
                f"本月春节假期 {last['festival_days']} 天，上年同月 {last['festival_days_year_before']} 天，"
                "同比口径不可比。",
            )
        return text + (festival[0].say(w.language) if festival else "")

    return Finding("seasons", Text.write(sentence, currency=currency), tuple(figures), "comparison")


def _festival(comparison: pd.DataFrame) -> tuple[Text, Figure] | None:
    """January and February together, the latest year that has both and the year before too."""
    dau = comparison.dropna(subset=["dau"]).set_index("month")["dau"]
    for year in sorted({int(m[:4]) for m in dau.index}, reverse=True):
        pair = [f"{y}-{m:02d}" for y in (year, year - 1) for m in (1, 2)]
        if all(m in dau.index for m in pair) and year in NEW_YEAR and year - 1 in NEW_YEAR:
            days = {m: months.end_of(months.read(m)).day for m in pair}
            now, before = (
                sum(dau[m] * days[m] for m in half) / sum(days[m] for m in half) for half in (pair[:2], pair[2:])
            )
            change = now / before - 1 if before else float("nan")
            single = {
                m: dau[m] / dau[p] - 1 if dau[p] else float("nan") for m, p in zip(pair[:2], pair[2:], strict=True)
            }
            text = Text.write(
                lambda w, y=year, c=change, s=single: w(
                    f" Spring Festival began on {NEW_YEAR[y]} after {NEW_YEAR[y - 1]} the year before; mean DAU of "
                    f"January and February together, which is like for like: {w.n(c, 'share', signed=True)} "
                    f"(January alone {w.n(s[f'{y}-01'], 'share', signed=True)}, "
                    f"February alone {w.n(s[f'{y}-02'], 'share', signed=True)}).",
                    f"{y} 年春节为 {NEW_YEAR[y]}，上年为 {NEW_YEAR[y - 1]}，单月同比受错位影响；1—2 月合并日均活跃同比 "
                    f"{w.n(c, 'share', signed=True)}（1 月 {w.n(s[f'{y}-01'], 'share', signed=True)}，"
                    f"2 月 {w.n(s[f'{y}-02'], 'share', signed=True)}）。",
                )
            )
            figure = Figure(
                "dau_festival_yoy", _value(change), unit="share", n=round(now), period=f"{year}-01/{year}-02"
            )
            return text, figure
    return None


def _value(value: float) -> float | None:
    return None if value != value else float(value)
