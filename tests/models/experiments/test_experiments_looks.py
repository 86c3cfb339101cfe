"""An experiment look by look: the last look is the whole experiment, and early looks are what was known then."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest

from helpers.models.experiments import confidence_sequence, effect, effect_by_look, false_alarms


def table(n: int = 800, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"arm": rng.choice(["control", "bonus"], n), "x": rng.normal(size=n)})
    frame["entered_date"] = pd.Timestamp("2025-09-01") + pd.to_timedelta(rng.integers(0, 12, n), unit="D")
    frame["y"] = frame.x + rng.normal(size=n) + 0.2 * (frame.arm == "bonus")
    return frame


@pytest.mark.parametrize("make", [pd.DataFrame, ibis.memtable], ids=["frame", "engine"])
@pytest.mark.parametrize("covariate", [None, "x"])
def test_each_look_is_the_effect_on_those_who_had_come(make, covariate: str | None) -> None:
    frame = table()
    found = effect_by_look(make(frame), metric="y", look="entered_date", control="control", covariate=covariate)
    assert len(found) == 12
    for place in (3, 11):
        row = found.iloc[place]
        seen = frame[frame.entered_date <= pd.Timestamp(row.look)]
        whole = effect(seen, metric="y", control="control", covariate=covariate).iloc[0]
        assert (row.n, row.n_control) == (whole.n, whole.n_control)
        assert row.estimate == pytest.approx(whole.estimate, abs=1e-10)
        assert (row.fixed_lower, row.fixed_upper) == pytest.approx((whole.lower, whole.upper), abs=1e-10)
        assert row.p_value == pytest.approx(whole.p_value, rel=1e-8)
    again = confidence_sequence(found.estimate, se=found.se, n=found.n + found.n_control)
    assert found.lower.tolist() == pytest.approx(again["lower"].tolist())
    assert found.p_always.is_monotonic_decreasing


def test_looks_before_there_is_anything_to_estimate_are_empty_and_counted() -> None:
    frame = table(40)
    early = pd.DataFrame({"arm": ["bonus"], "x": 0.0, "entered_date": pd.Timestamp("2025-08-01"), "y": [1.0]})
    found = effect_by_look(pd.concat([early, frame]), metric="y", look="entered_date", control="control")
    assert (found.n[0], found.n_control[0]) == (1, 0)
    assert found.loc[0, ["estimate", "lower", "upper", "p_value", "p_always"]].isna().all()
    assert found.estimate.iloc[-1] == pytest.approx(found.estimate.iloc[-1])


@pytest.mark.parametrize("make", [pd.DataFrame, ibis.memtable], ids=["frame", "engine"])
@pytest.mark.parametrize("covariate", [None, "x"])
def test_an_arm_that_starts_late_leaves_the_others_theirs(make, covariate: str | None) -> None:
    frame = table()
    late = table(60, seed=8).assign(arm="gift")
    late["entered_date"] = pd.Timestamp("2025-09-07") + pd.to_timedelta([0] + [1] * 59, unit="D")
    options = {"metric": "y", "look": "entered_date", "control": "control", "covariate": covariate}
    found = effect_by_look(make(pd.concat([frame, late])), **options)
    alone = effect_by_look(make(frame), **options)
    others = found[found.arm == "bonus"].reset_index(drop=True)
    numbers = [
        "n",
        "n_control",
        "estimate",
        "se",
        "lower",
        "upper",
        "fixed_lower",
        "fixed_upper",
        "p_value",
        "p_always",
    ]
    before = 12 if covariate is None else 7  # θ is the arms' together once the late one has two customers
    np.testing.assert_allclose(others[numbers][:before], alone[numbers][:before], rtol=1e-9)
    gift = found[found.arm == "gift"].reset_index(drop=True)
    assert gift.n.tolist() == [0] * 6 + [1] + [60] * 5
    assert gift.estimate.isna().tolist() == [True] * 7 + [False] * 5
    whole = effect(pd.concat([frame, late]), metric="y", control="control", covariate=covariate).set_index("arm")
    for rows in (others, gift):
        assert rows.estimate.iloc[-1] == pytest.approx(whole.estimate[rows.arm[0]], abs=1e-10)


def test_nothing_is_compared_before_control_starts() -> None:
    frame = table()
    frame["entered_date"] = frame.entered_date.where(frame.arm != "control", pd.Timestamp("2025-09-12"))
    found = effect_by_look(frame, metric="y", look="entered_date", control="control")
    assert found.estimate.isna().tolist() == [True] * 11 + [False]


def test_bad_input_is_named() -> None:
    for look in (3, None, ["entered_date"]):
        with pytest.raises(ValueError, match=r"look: the table has no column .*, only"):
            effect_by_look(table(), metric="y", look=look, control="control")
    with pytest.raises(ValueError, match="one metric a call"):
        effect_by_look(table(), metric=["y", "x"], look="entered_date", control="control")
    with pytest.raises(ValueError, match="control: 'none'"):
        effect_by_look(table(), metric="y", look="entered_date", control="none")
    with pytest.raises(ValueError, match="no column 'day'"):
        effect_by_look(table(), metric="y", look="day", control="control")
    for change in ({"looks": 0}, {"customers_a_look": 3}, {"experiments": 5.5}, {"seed": "a"}, {"seed": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(change))}: "):
            false_alarms(**change)


def test_false_alarms_of_thirty_looks() -> None:
    """2,000 A/A experiments; the plain rule's 29.4 % ± 3 standard errors (3.1 points); the others keep the level."""
    last = false_alarms(looks=30, experiments=2_000, seed=3).query("look == 30").set_index("rule")
    assert last.false_alarm["plain"] == pytest.approx(0.294, abs=0.031)
    assert last.upper["confidence_sequence"] < 0.05
    assert last.false_alarm["planned_looks"] == pytest.approx(0.05, abs=0.015)
    assert (last.n == 2_000).all()
