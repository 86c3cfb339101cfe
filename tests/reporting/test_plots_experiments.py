"""Charts of experiments, drawn without a display, on the axes given, in both languages."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from helpers.findings import Text
from helpers.models.experiments import effect, effect_by_look, false_alarms, group_sequential, reach_curve
from helpers.reporting.plots import experiments as plots
from helpers.reporting.plots import style


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 600
    frame = pd.DataFrame({"arm": rng.choice(["control", "points", "gift"], n), "day": rng.integers(1, 11, n)})
    frame["logins"] = rng.poisson(3 + 2 * (frame.arm == "gift"))
    frame["aum_change"] = rng.normal(0.0, 50, n)
    return frame


@pytest.fixture(scope="module")
def drawings(table: pd.DataFrame) -> dict:
    effects = effect(table, metric=["logins", "aum_change"], control="control", winsorize=0.95)
    looks = effect_by_look(table, metric="logins", look="day", control="control")
    events = pd.DataFrame({"customer_id": table.index, "occurred_at": pd.Timestamp("2025-01-01")})
    events["occurred_at"] += pd.to_timedelta(table.day, unit="D")
    reach = reach_curve(events, starts_at="2025-01-01", days=14)
    alarms = false_alarms(looks=4, experiments=100, customers_a_look=40)
    return {
        "effects": lambda **options: plots.plot_effects(effects, **options),
        "effects_in_units": lambda **options: plots.plot_effects(
            effects[effects.metric == "logins"], relative=False, unit_text=Text("logins", "次"), **options
        ),
        "looks": lambda **options: plots.plot_looks(
            looks[looks.arm == "gift"], name=Text("logins", "登录次数"), **options
        ),
        "false_alarms": lambda **options: plots.plot_false_alarms(alarms, **options),
        "bounds": lambda **options: plots.plot_bounds(group_sequential(4), **options),
        "reach": lambda **options: plots.plot_reach(reach, n_needed=300, **options),
        "reach_too_far": lambda **options: plots.plot_reach(reach, n_needed=900, **options),
    }


NAMES = ["effects", "effects_in_units", "looks", "false_alarms", "bounds", "reach", "reach_too_far"]


@pytest.mark.parametrize("name", NAMES)
def test_draws_on_the_axes_given_and_sets_no_global_style(drawings: dict, name: str) -> None:
    before = dict(mpl.rcParams)
    ax = Figure().subplots()
    assert drawings[name](ax=ax) is ax
    assert dict(mpl.rcParams) == before
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert ax.get_title(loc="left") or ax.get_title()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("error:Glyph")
def test_speaks_both_languages(drawings: dict, name: str) -> None:
    said = {}
    for language in ("en", "zh"):
        with style.look():
            ax = drawings[name](language=language)
            ax.figure.canvas.draw()
        texts = [ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left") + ax.get_title()]
        said[language] = "".join(texts)
        assert all(texts)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in said["zh"])
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in said["en"])


def test_effects_show_every_interval_at_its_place(table: pd.DataFrame) -> None:
    effects = effect(table, metric="logins", control="control")
    ax = plots.plot_effects(effects)
    drawn = sorted(
        tuple(line.get_xdata()) for line in ax.lines if len(line.get_xdata()) == 2 and line.get_xdata()[0] != 0
    )
    expected = sorted((row.relative_lower * 100, row.relative_upper * 100) for row in effects.itertuples())
    assert np.allclose(drawn, expected)
    assert "1 of 2 differences" in ax.get_title(loc="left") + ax.get_title()


def test_a_relative_interval_without_end_is_said_and_not_drawn() -> None:
    open_ended = pd.DataFrame({"arm": ["control", "treatment"] * 4, "y": [-1.0, 5, 1, 6, -2, 5, 2.1, 6]})
    found = effect(open_ended, metric="y", control="control")
    ax = plots.plot_effects(found)
    assert "no relative figure" in ax.texts[0].get_text()
    assert np.isfinite(ax.get_xlim()).all()
    assert not plots.plot_effects(found, relative=False).texts[0].get_text().startswith("control")


def test_one_arm_at_a_time_is_drawn_look_by_look(table: pd.DataFrame) -> None:
    looks = effect_by_look(table, metric="logins", look="day", control="control")
    with pytest.raises(ValueError, match="one is drawn at a time"):
        plots.plot_looks(looks)
    empty = looks[looks.arm == "gift"].assign(estimate=np.nan)
    assert plots.plot_looks(empty).texts[0].get_text() == "Nothing can be estimated yet"
