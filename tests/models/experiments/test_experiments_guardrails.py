"""Guardrails: held only when harm beyond the margin is ruled out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from helpers.models.experiments import effect, guardrails


def effects(shift: float, n: int = 400, seed: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"arm": ["a", "b"] * n, "logins": rng.normal(10, 2, 2 * n)})
    table.loc[table.arm == "b", "logins"] += shift
    return table, effect(table, metric="logins", control="a")


@pytest.mark.parametrize("better", ["up", "down"])
def test_p_value_is_the_one_sided_test_against_the_margin(better: str) -> None:
    table, found = effects(-0.1)
    row = guardrails(found, margins={"logins": {"margin": 0.5, "better": better}}).iloc[0]
    compare = CompareMeans(*(DescrStatsW(table.logins[table.arm == arm]) for arm in ("b", "a")))
    alternative, value = ("larger", -0.5) if better == "up" else ("smaller", 0.5)
    reference = compare.ttest_ind(alternative=alternative, usevar="unequal", value=value)[1]
    assert row.p_value == pytest.approx(reference, rel=1e-9)
    assert (row.verdict == "held") == (reference < 0.05)


@pytest.mark.parametrize(("shift", "n", "verdict"), [(0.0, 1_000, "held"), (-2.0, 400, "broken"), (0.0, 15, "open")])
def test_verdicts(shift: float, n: int, verdict: str) -> None:
    _, found = effects(shift, n)
    row = guardrails(found, margins={"logins": {"margin": 0.5, "better": "up"}}).iloc[0]
    assert row.verdict == verdict
    assert (row.worst > -0.5) == (verdict == "held")
    assert (row.n, row.n_control) == (n, n)


def test_relative_margin_is_a_share_of_the_control_mean() -> None:
    _, found = effects(0.0)
    relative = guardrails(found, margins={"logins": {"margin": 0.05, "better": "up", "relative": True}}).iloc[0]
    assert relative.margin == pytest.approx(0.05 * found.mean_control[0])


def test_false_holds_are_at_most_alpha_at_the_margin() -> None:
    """Harm exactly at the margin in 400 experiments: held in 5 % ± 3 standard errors (3.3 points)."""
    rng = np.random.default_rng(7)
    held = []
    for _ in range(400):
        table = pd.DataFrame({"arm": ["a", "b"] * 50, "y": rng.normal(0, 1, 100)})
        table.loc[table.arm == "b", "y"] -= 0.4
        row = guardrails(effect(table, metric="y", control="a"), margins={"y": {"margin": 0.4, "better": "up"}}).iloc[0]
        held.append(row.verdict == "held")
    assert np.mean(held) == pytest.approx(0.05, abs=0.033)


@pytest.mark.parametrize(
    ("margins", "message"),
    [
        ({"aum": {"margin": 1, "better": "up"}}, r"'aum' is not among the effects \['logins'\]"),
        ({"logins": {"margin": 0, "better": "up"}}, "margin 0; a positive number"),
        ({"logins": {"better": "up"}}, "margin None"),
        ({"logins": {"margin": 1, "better": "more"}}, "better='more'"),
    ],
)
def test_bad_input_is_named(margins: dict, message: str) -> None:
    _, found = effects(0.0, 20)
    with pytest.raises(ValueError, match=message):
        guardrails(found, margins=margins)
    with pytest.raises(ValueError, match="alpha: 2"):
        guardrails(found, margins={}, alpha=2)


@pytest.mark.parametrize("better", ["up", "down"])
@pytest.mark.filterwarnings("error")
def test_an_effect_without_a_known_error_leaves_its_guardrail_open(better: str) -> None:
    table = pd.DataFrame({"arm": ["c"] * 10 + ["a"] * 10 + ["b"] * 10, "y": [0] * 20 + list(range(10))})
    found = effect(table, metric="y", control="c")
    row = guardrails(found, margins={"y": {"margin": 0.1, "better": better}}).set_index("arm").loc["a"]
    assert (row.verdict, row.p_value) == ("open", 1.0)
    assert row.worst == (-np.inf if better == "up" else np.inf)


def test_a_margin_that_is_a_bare_number_is_named() -> None:
    with pytest.raises(ValueError, match=r"margins: 'logins' has 0.1; a mapping is allowed, such as \{'margin'"):
        guardrails(effects(0.0, 20)[1], margins={"logins": 0.1})


@pytest.mark.parametrize("margins", [[0.1], None, "logins"])
def test_margins_that_are_no_mapping_are_named(margins: object) -> None:
    with pytest.raises(ValueError, match=r"margins: .* is no mapping of metric to rule, such as "):
        guardrails(effects(0.0, 20)[1], margins=margins)


def test_effects_that_are_none_are_named() -> None:
    table, found = effects(0.0, 20)
    for given in (None, table, found.drop(columns="se")):
        with pytest.raises(
            ValueError, match=r"effects: a table with the columns \['metric', .* is needed, as `effect`"
        ):
            guardrails(given, margins={"logins": {"margin": 0.1, "better": "up"}})
