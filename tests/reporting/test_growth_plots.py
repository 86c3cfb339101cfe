"""Step 1's charts: drawn headless on the axes given, in both languages, with titles that say the number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from helpers.reporting.plots import growth, style

MONTHS = ["2025-01", "2025-02", "2025-03"]
USAGE = pd.DataFrame(
    {
        "month": MONTHS,
        "mau": [100, 110, 120],
        "wau": [60.0, np.nan, 70.0],
        "dau": [20.0, 21.0, 22.0],
        "stickiness": [0.2, 0.19, 0.18],
    }
)
DAYS = pd.DataFrame(
    {
        "active_days_class": ["1", "2–3", "4–7", "8–14", "15–31"],
        "customers": [10, 20, 30, 30, 10],
        "share": [0.1, 0.2, 0.3, 0.3, 0.1],
        "lower": [0.05, 0.1, 0.2, 0.2, 0.05],
        "upper": [0.2, 0.3, 0.4, 0.4, 0.2],
    }
)
BRIDGE = pd.DataFrame(
    {
        "month": MONTHS,
        "mau_new": [10, 12, 9],
        "mau_resurrected": [2, 3, 4],
        "mau_churned": [5, 5, 20],
        "mau_change": [7, 10, -7],
        "quick_ratio": [2.4, 3.0, 0.65],
    }
)
MONEY = pd.DataFrame(
    {
        "month": MONTHS,
        **{f"aum_{c}": [1e6, 2e6, 3e6] for c in ("new", "resurrected", "expansion", "contraction", "lost")},
        "aum": [5e7, 5.1e7, 5.2e7],
        "aum_change": [1e6, 2e6, 3e6],
        "net_new_money": [8e5, 9e5, np.nan],
    }
)
SPLIT = pd.DataFrame(
    {
        "month_before": "2025-01",
        "month_after": "2025-03",
        "factor": ["customers", "active_rate"],
        "before": [10.0, 0.5],
        "after": [12.0, 0.4],
        "effect": [5e6, -2e6],
        "effect_share": [1.67, -0.67],
    }
)
STATES = pd.DataFrame(
    [(m, s, 25, 0.25) for m in MONTHS for s in ("potential", "active", "mature", "churning")],
    columns=["month", "lifecycle_state", "customers", "share"],
)
MOVES = pd.DataFrame(
    [
        ("2025-03", a, b, 5, 20 if a == "mature" else 4, 0.25)
        for a in ("active", "mature")
        for b in ("mature", "churning")
    ],
    columns=["month", "from_state", "to_state", "customers", "n", "share"],
)
PROJECTION = pd.DataFrame(
    {
        "month": [*MONTHS, "2025-04"],
        "mau": [100.0, 110.0, 120.0, 130.0],
        "lower": [np.nan] * 3 + [110.0],
        "upper": [np.nan] * 3 + [150.0],
        "is_projected": [False] * 3 + [True],
    }
)
LEVERS = pd.DataFrame({"lever": ["acquire", "retain"], "lever_gap": [12, 8], "lever_room": [6.0, 9.0]})
CHARTS: list[tuple[Any, pd.DataFrame, dict[str, Any], str, str]] = [
    (growth.usage, USAGE, {}, "MAU 120 in 2025-03", "2025-03 月活 120 人"),
    (growth.active_days, DAYS, {}, "40.0 % of 100 customers", "100 位客户中 40.0%"),
    (growth.mau_bridge, BRIDGE, {}, "2025-03: −7 net", "2025-03 净变动 −7 人"),
    (growth.aum_bridge, MONEY, {"currency": "CNY"}, "2025-03: AUM +CNY 3.00 m", "2025-03 AUM +300.0 万元"),
    (growth.aum_split, SPLIT, {"currency": "CNY"}, "AUM +CNY 3.00 m", "AUM +300.0 万元"),
    (growth.lifecycle, STATES, {}, "25.0 % of 100 customers", "100 位客户中 25.0%"),
    (growth.transitions, MOVES, {}, "25.0 % of the mature", "成熟期客户 25.0%"),
    (growth.projection, PROJECTION, {"target": 140.0}, "target 10 above", "目标高出预测 10"),
    (growth.levers, LEVERS, {}, "20 MAU to be added", "月活需补 20"),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("plot", "table", "settings", "en", "zh"), CHARTS, ids=[c[0].__name__ for c in CHARTS])
def test_charts(plot: Any, table: pd.DataFrame, settings: dict, en: str, zh: str, language: str) -> None:
    before = table.copy(deep=True)
    with style.look():
        ax = style.figure().subplots()
        assert plot(table, ax=ax, language=language, **settings) is ax
        assert {"en": en, "zh": zh}[language] in ax.get_title(loc="left").replace("\n", " " if language == "en" else "")
        assert ax.get_xlabel()
        assert ax.get_ylabel()
        ax.figure.canvas.draw()
        # No title runs out of the picture.
        box = ax.title.get_window_extent() if ax.get_title() else ax._left_title.get_window_extent()
        assert box.x1 <= ax.figure.bbox.x1 + 1
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    ("plot", "table"),
    [(c[0], c[1]) for c in CHARTS if c[0] is not growth.levers],
    ids=[c[0].__name__ for c in CHARTS if c[0] is not growth.levers],
)
def test_nothing_to_draw_is_said(plot: Any, table: pd.DataFrame) -> None:
    with style.look():
        assert "Not enough whole months" in plot(table.iloc[:0], language="en").get_title(loc="left")


def test_small_groups_stay_blank_and_bad_metric_is_named() -> None:
    with style.look():
        shown = {text.get_text() for text in growth.transitions(MOVES, language="en").texts}
        assert len(growth.transitions(MOVES, language="en", min_group_size=1).texts) > len(shown)
    with pytest.raises(ValueError, match="metric must be one of mau, aum, not 'dau'"):
        growth.levers(LEVERS, metric="dau")
