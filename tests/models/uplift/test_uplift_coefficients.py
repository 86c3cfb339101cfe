"""Curves and coefficients against scikit-uplift 0.5.1 and causalml 0.18.0 (frozen values) and against a closed form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.models.uplift import autoc, auuc, qini_coefficient, qini_curve, toc_curve, uplift_curve

# The packages work in floating point with other orders of summation: 1e-12 is their own rounding.
EXACT = {"rel": 1e-12, "abs": 1e-12}


def campaign():
    """Return the definitions' data set: 20,000 customers, effect .04 + .10 x, base rate .10, seed 42."""
    random = np.random.default_rng(42)
    x = random.uniform(-1, 1, 20_000)
    treatment = random.binomial(1, 0.5, 20_000)
    y = random.binomial(1, 0.10 + treatment * (0.04 + 0.10 * x))
    return x, treatment, y, random.random(20_000)


def lopsided():
    """Return 400 customers, 90 % treated, whose 12 highest scores are all treated: where the packages part ways."""
    random = np.random.default_rng(7)
    treatment = random.binomial(1, 0.9, 400)
    score = random.permutation(400) / 400
    score[treatment == 0] -= 0.0301
    y = random.binomial(1, 0.3 + 0.2 * treatment * (score > 0.5))
    return score, treatment, y, y * random.gamma(2, 100, 400)


# causalml qini_score raw, normalised; auuc_score raw, normalised; scikit-uplift qini_auc_score, uplift_auc_score.
FROZEN = {
    "oracle": (
        143.41360097908165,
        0.3513046210441443,
        692.5213421359243,
        0.8554065881623559,
        0.12744525974935014,
        0.05564299784147786,
    ),
    "reversed": (
        -143.0476837343365,
        -0.35040827356997795,
        120.78742749815028,
        0.14919736759364904,
        -0.12712008544241604,
        -0.054922195502055224,
    ),
    "random": (
        13.168973071955122,
        0.032258593766559984,
        429.90341935134876,
        0.5310193272202277,
        0.011702678004942594,
        0.004856433209309995,
    ),
    "lopsided": (
        16.283205703641883,
        0.32768061013520816,
        45.604705090418726,
        0.82826192333334,
        0.1919257376218742,
        0.19063033551952854,
    ),
    "lopsided, arms swapped": (
        -1.853479153958073,
        -0.34525592083532725,
        -45.604705090418726,
        -0.82826192333334,
        -0.20209596533869353,
        -0.09957798785481597,
    ),
}


def ranked(case):
    if case.startswith("lopsided"):
        score, treatment, y, _ = lopsided()
        return y, score, 1 - treatment if "swapped" in case else treatment
    x, treatment, y, drawn = campaign()
    return y, {"oracle": x, "reversed": -x, "random": drawn}[case], treatment


@pytest.mark.parametrize("case", FROZEN)
def test_equals_the_named_packages_on_untied_scores(case):
    data = ranked(case)
    measured = (
        qini_coefficient(*data, convention="causalml", normalize=False, n_boot=0),
        qini_coefficient(*data, convention="causalml", n_boot=0),
        auuc(*data, convention="causalml", normalize=False, n_boot=0),
        auuc(*data, convention="causalml", n_boot=0),
        qini_coefficient(*data, convention="scikit-uplift", n_boot=0),
        auuc(*data, convention="scikit-uplift", n_boot=0),
    )
    assert [one["estimate"] for one in measured] == pytest.approx(FROZEN[case], **EXACT)


def test_equals_causalml_on_amounts():
    score, treatment, _, amount = lopsided()
    data = (amount, score, treatment)
    assert qini_coefficient(*data, convention="causalml", normalize=False, n_boot=0)["estimate"] == pytest.approx(
        2905.82711646528, **EXACT
    )
    assert qini_coefficient(*data, convention="causalml", n_boot=0)["estimate"] == pytest.approx(
        0.4122794145576506, **EXACT
    )
    assert auuc(*data, normalize=False, n_boot=0)["estimate"] == pytest.approx(7123.362423542279, **EXACT)
    assert auuc(*data, n_boot=0)["estimate"] == pytest.approx(0.9121245186610529, **EXACT)


def test_tied_scores_equal_scikit_uplift():
    x, treatment, y, _ = campaign()
    tied = (y, np.round(x, 1), treatment)
    assert len(np.unique(tied[1])) == 21
    assert qini_coefficient(*tied, convention="scikit-uplift", n_boot=0)["estimate"] == pytest.approx(
        0.127044546548512, **EXACT
    )
    assert auuc(*tied, convention="scikit-uplift", n_boot=0)["estimate"] == pytest.approx(0.05545137015706912, **EXACT)


def test_radcliffe_is_the_area_per_customer_squared():
    """The three rows of the definitions' table, five digits."""
    values = [
        qini_coefficient(*ranked(case), convention="radcliffe", n_boot=0)["estimate"]
        for case in ("oracle", "random", "reversed")
    ]
    assert values == pytest.approx([0.00717, 0.00066, -0.00715], abs=5e-6)


def test_curves_start_at_zero_and_end_at_the_whole_campaign():
    x, treatment, y, _ = campaign()
    qini, gain = qini_curve(y, x, treatment), uplift_curve(y, x, treatment)
    assert qini.columns.tolist() == ["n_targeted", "share_targeted", "qini"]
    assert gain.columns.tolist() == ["n_targeted", "share_targeted", "uplift"]
    assert qini.iloc[0].tolist() == [0, 0, 0]
    assert gain.iloc[0].tolist() == [0, 0, 0]
    lift = y[treatment == 1].mean() - y[treatment == 0].mean()
    assert qini["qini"].iloc[-1] == pytest.approx(lift * treatment.sum(), rel=1e-12)
    assert gain["uplift"].iloc[-1] == pytest.approx(lift * len(y), rel=1e-12)
    assert len(qini) == len(y) + 1


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), amounts=st.booleans(), n_scores=st.integers(2, 40))
def test_order_of_rows_changes_nothing(seed, amounts, n_scores):
    random = np.random.default_rng(seed)
    y = random.gamma(2, 3, 60) if amounts else random.integers(0, 2, 60)
    data = (y, random.integers(0, n_scores, 60) / n_scores, np.r_[0, 1, random.integers(0, 2, 58)])
    shuffled = [part[random.permutation(60).argsort()] for part in data]
    order = random.permutation(60)
    shuffled = [part[order] for part in data]
    assert qini_curve(*data).equals(qini_curve(*shuffled))
    assert uplift_curve(*data).equals(uplift_curve(*shuffled))
    assert qini_coefficient(*data, n_boot=5) == qini_coefficient(*shuffled, n_boot=5)
    assert autoc(*data, n_boot=5) == autoc(*shuffled, n_boot=5)
    assert toc_curve(*data, n_boot=5).equals(toc_curve(*shuffled, n_boot=5))


def test_constant_score_is_worth_nothing():
    _, treatment, y, _ = campaign()
    flat = np.zeros(len(y))
    for convention in ("radcliffe", "causalml", "scikit-uplift"):
        assert qini_coefficient(y, flat, treatment, convention=convention, n_boot=0)["estimate"] == pytest.approx(
            0, abs=1e-12
        )
    assert autoc(y, flat, treatment, n_boot=0)["estimate"] == pytest.approx(0, abs=1e-12)


def test_autoc_meets_its_closed_form():
    """Effect .04 + .10 x with x uniform on (-1, 1): TOC(q) = .10 (1 - q), so AUTOC = .05; standard error about .006."""
    x, treatment, y, _ = campaign()
    found = autoc(y, x, treatment)
    assert found["estimate"] == pytest.approx(0.05, abs=3 * 0.006)
    assert found["lower"] < 0.05 < found["upper"]
    assert autoc(y, -x, treatment, n_boot=0)["estimate"] < 0


def test_autoc_agrees_with_the_sum_over_tops():
    x, treatment, y, _ = campaign()
    keep = slice(0, 300)
    x, treatment, y = x[keep], treatment[keep], y[keep].astype(float)
    share = treatment.mean()
    means = [y[treatment == arm].mean() for arm in (0, 1)]
    score = means[1] - means[0] + treatment * (y - means[1]) / share - (1 - treatment) * (y - means[0]) / (1 - share)
    score = score[np.argsort(-x)]
    tops = [score[:k].mean() - score.mean() for k in range(1, 301)]
    assert autoc(y, x, treatment, n_boot=0)["estimate"] == pytest.approx(np.mean(tops), rel=1e-10)
    curve = toc_curve(y, x, treatment)
    np.testing.assert_allclose(curve["toc"], tops, atol=1e-12)
    assert curve["n_targeted"].tolist() == list(range(1, 301))


def test_toc_meets_its_closed_form_and_its_band_covers_it():
    """TOC(q) = .10 (1 − q); at each of nine shares a 95 % band of 40 campaigns misses at most 6 (probability .002)."""
    shares = np.arange(0.1, 1.0, 0.1)
    covered = np.zeros(len(shares))
    for seed in range(40):
        random = np.random.default_rng(seed)
        x, treatment = random.uniform(-1, 1, 2000), random.binomial(1, 0.5, 2000)
        y = random.binomial(1, 0.10 + treatment * (0.04 + 0.10 * x))
        curve = toc_curve(y, x, treatment, propensity=0.5, n_boot=100, seed=seed)
        rows = curve.iloc[(shares * 2000).astype(int) - 1]
        covered += ((rows["lower"] <= 0.10 * (1 - shares)) & (0.10 * (1 - shares) <= rows["upper"])).to_numpy()
    assert (covered >= 34).all(), covered
    assert curve["toc"].iloc[-1] == pytest.approx(0, abs=1e-12)
    assert (curve["lower"] <= curve["upper"]).all()


@pytest.mark.parametrize("propensity", [0.5, None])
def test_autoc_and_toc_are_as_uncertain_as_campaigns_drawn_anew(propensity):
    """The spread over 600 campaigns is known to 3 %, and 100 draws in 40 campaigns give their width to 2 %.

    Drawn within arms where the propensity is given, the widths are .85 and .87 of it.
    """
    found, at_a_fifth, widths, widths_at_a_fifth = [], [], [], []
    for seed in range(600):
        random = np.random.default_rng(seed)
        x, treatment = random.normal(size=400), random.integers(0, 2, 400)
        data = (3 * x + random.normal(size=400), x, treatment)
        drawn = {"propensity": propensity, "n_boot": 100 if seed < 40 else 0, "seed": seed, "alpha": 0.32}
        one, row = autoc(*data, **drawn), toc_curve(*data, **drawn).iloc[79]
        found.append(one["estimate"])
        at_a_fifth.append(row["toc"])
        if seed < 40:
            widths.append(one["upper"] - one["lower"])
            widths_at_a_fifth.append(row["upper"] - row["lower"])
    # 68 % of a normal distribution lie within .9945 standard deviations of its mean.
    assert np.mean(widths) / (2 * 0.9945) == pytest.approx(np.std(found), rel=0.1)
    assert np.mean(widths_at_a_fifth) / (2 * 0.9945) == pytest.approx(np.std(at_a_fifth), rel=0.1)


def test_toc_of_a_constant_score_is_one_row_at_the_average():
    _, treatment, y, _ = campaign()
    curve = toc_curve(y, np.zeros(len(y)), treatment)
    assert len(curve) == 1
    assert curve.iloc[0].tolist() == pytest.approx([20_000, 1.0, 0.0], abs=1e-12)


def test_interval_covers_the_true_coefficient():
    """Radcliffe's Q/n² of the true ranking at 50/50 is .5 · ∫ .10 q (1 − q) dq = .05/6."""
    truth = 0.5 * 0.10 / 6
    covered = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        x, treatment = random.uniform(-1, 1, 2000), random.binomial(1, 0.5, 2000)
        y = random.binomial(1, 0.10 + treatment * (0.04 + 0.10 * x))
        found = qini_coefficient(y, x, treatment, n_boot=100, seed=seed)
        covered += found["lower"] <= truth <= found["upper"]
    # Binomial(60, .95): below 51 has probability .002; a percentile interval of 100 draws is a little short.
    assert covered >= 51


def test_bootstrap_is_seeded_and_holds_the_estimate():
    data = ranked("oracle")
    first, again = (qini_coefficient(*data, convention="scikit-uplift", n_boot=30, seed=3) for _ in range(2))
    assert first == again
    assert first["lower"] < first["estimate"] < first["upper"]
    assert first["n"] == 20_000
    other = qini_coefficient(*data, convention="scikit-uplift", n_boot=30, seed=4)
    assert other["lower"] != first["lower"]
    assert np.isnan(qini_coefficient(*data, n_boot=0)["lower"])


def test_band_of_a_curve_holds_it():
    x, treatment, y, _ = campaign()
    table = qini_curve(y, x, treatment, n_boot=50)
    inner = table.iloc[2000:18_000]
    assert ((inner["lower"] <= inner["qini"]) & (inner["qini"] <= inner["upper"])).mean() > 0.99
    assert table[["lower", "upper"]].iloc[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"convention": "sklift"}, "convention is 'sklift'; it must be one of radcliffe, causalml, scikit-uplift"),
        ({"y": [0.5, 0, 1, 1], "convention": "scikit-uplift"}, "divides by the perfect ranking of outcomes 0 and 1"),
        ({"y": [np.nan, 0, 1, 1]}, "y is NaN or infinite for 1 of 4 customers"),
        ({"y": ["a", "b", "c", "d"]}, "y holds 'a'; only numbers"),
        ({"uplift": [0.1, np.nan, 0, 0]}, "uplift is NaN or infinite for 1 values"),
        ({"uplift": [0.1, 0.2]}, r"uplift has shape \(2,\); \(4,\) is needed"),
        ({"treatment": [1, 1, 1, 0], "control": 7}, r"control=7 is not among the arms in treatment \(0, 1\)"),
        ({"treatment": [0, 0, 0, 0]}, r"treatment has one arm only \(0\)"),
        ({"treatment": [0, 1, 2, 0]}, "treatment has 3 arms"),
        ({"treatment": ["mail", "none", "mail", "none"]}, "control=0 is not among the arms in treatment"),
        ({"treatment": [0, 1, None, 1]}, "treatment is missing for 1 of 4 customers"),
        ({"n_boot": -1}, "n_boot is -1"),
        ({"n_boot": 2.5}, "n_boot is 2.5; it must be a whole number"),
        ({"y": [1, 0, "x", 0]}, "y holds 'x'; only numbers"),
        ({"y": [1, [0, 1], 0, 0]}, r"y holds \[0, 1\]; only numbers"),
        ({"treatment": [1, [0, 1], 0, 0]}, r"treatment holds \[0, 1\]; one arm a customer is needed"),
        ({"uplift": [0.1, "high", 0, 0]}, "uplift holds 'high'; only numbers are allowed"),
        ({"alpha": "5 %"}, "alpha is '5 %'; it must lie strictly between 0 and 1"),
        ({"alpha": 5}, "alpha is 5; it must lie strictly between 0 and 1"),
    ],
)
def test_bad_input_is_named(change, message):
    given_input = {"y": [1, 0, 1, 0], "uplift": [0.4, 0.3, 0.2, 0.1], "treatment": [1, 0, 0, 1], "n_boot": 2} | change
    with pytest.raises(ValueError, match=message):
        qini_coefficient(**given_input)


def test_texts_name_arms_where_the_control_is_told():
    assert qini_coefficient([1, 0, 1, 0], [4, 3, 2, 1], ["m", "no", "no", "m"], control="no", n_boot=0) == (
        qini_coefficient([1, 0, 1, 0], [4, 3, 2, 1], [1, 0, 0, 1], n_boot=0)
        | {"lower": pytest.approx(np.nan, nan_ok=True), "upper": pytest.approx(np.nan, nan_ok=True)}
    )


@pytest.mark.parametrize("measure", [qini_curve, uplift_curve, toc_curve, qini_coefficient, auuc, autoc])
def test_a_negative_number_of_samples_is_named_by_all(measure):
    with pytest.raises(ValueError, match="n_boot is -3; it must be a whole number"):
        measure([1, 0, 1, 0], [0.4, 0.3, 0.2, 0.1], [1, 0, 0, 1], n_boot=-3)


def test_a_sample_without_a_divisor_does_not_stop_the_estimate():
    """A rare outcome: in some samples both arms have as many, and the curve's end is 0."""
    random = np.random.default_rng(0)
    n = 20_000
    treatment, y = np.tile([0, 1], n // 2), (random.random(n) < 0.02).astype(float)
    found = auuc(y, random.normal(size=n), treatment)
    assert found["lower"] < found["estimate"] < found["upper"]
    assert np.isfinite([found["lower"], found["upper"]]).all()
    for convention in ("causalml", "scikit-uplift"):
        given_input = ([1, 0, 1, 0, 1, 0], [0.6, 0.5, 0.4, 0.3, 0.2, 0.1], [1, 0, 0, 1, 1, 0])
        assert np.isfinite(qini_coefficient(*given_input, convention=convention)["lower"])
    assert np.isfinite(
        qini_coefficient([1, 0, 1, 0], [0.4, 0.3, 0.2, 0.1], [1, 0, 0, 1], convention="scikit-uplift")["upper"]
    )
    with pytest.raises(ValueError, match="the arms' means are equal"):
        auuc([1, 0, 1, 0], [0.4, 0.3, 0.2, 0.1], [1, 1, 0, 0])


def test_intervals_are_in_units_of_the_whole_samples_divisor():
    """A weak campaign: dividing each sample by its own end would make the interval ten times as wide as the raw one."""
    random = np.random.default_rng(4)
    n = 4000
    treatment, score = np.tile([0, 1], n // 2), random.normal(size=n)
    y = random.normal(size=n) + 0.03 * treatment
    end = abs(y[treatment == 1].mean() - y[treatment == 0].mean()) * n
    scaled, raw = (auuc(y, score, treatment, normalize=normalize) for normalize in (True, False))
    for part in ("estimate", "lower", "upper"):
        assert scaled[part] == pytest.approx(raw[part] / end, rel=1e-9)


@pytest.mark.parametrize("measure", [qini_coefficient, auuc, autoc])
def test_an_arm_of_one_customer_has_no_interval(measure):
    random = np.random.default_rng(0)
    y, treatment = random.normal(size=400), np.r_[1, np.zeros(399)]
    found = measure(y, random.normal(size=400), treatment)
    assert np.isfinite(found["estimate"])
    assert np.isnan([found["lower"], found["upper"]]).all()


@pytest.mark.parametrize("curve", [qini_curve, uplift_curve, toc_curve])
def test_an_arm_of_one_customer_has_no_band(curve):
    random = np.random.default_rng(0)
    table = curve(random.normal(size=400), random.normal(size=400), np.r_[1, np.zeros(399)], n_boot=5)
    assert table[["lower", "upper"]].isna().all(axis=None)
    assert table.iloc[:, :3].notna().all(axis=None)


@pytest.mark.parametrize("known", ["propensity", "outcomes"])
def test_order_of_tied_rows_changes_nothing_where_the_scores_differ(known):
    random = np.random.default_rng(3)
    n = 300
    data = [random.integers(0, 2, n), random.integers(0, 3, n) / 3, np.tile([0, 1], n // 2)]
    extra = {"propensity": random.uniform(0.2, 0.8, n), "outcomes": random.random((n, 2))}[known]
    order = random.permutation(n)
    first = autoc(*data, n_boot=20, **{known: extra})
    again = autoc(*(part[order] for part in data), n_boot=20, **{known: extra[order]})
    # Sums over customers in another order differ by rounding at most.
    assert [again[part] for part in first] == pytest.approx([first[part] for part in first], rel=1e-12)
    curves = [
        toc_curve(*data, n_boot=5, **{known: extra}),
        toc_curve(*(part[order] for part in data), n_boot=5, **{known: extra[order]}),
    ]
    pd.testing.assert_frame_equal(*curves, rtol=1e-12)


def test_propensities_by_name_are_those_of_the_arms():
    random = np.random.default_rng(3)
    n = 300
    y, score, arm = random.normal(size=n), random.normal(size=n), np.tile(["mail", "none"], n // 2)
    share = random.uniform(0.2, 0.8, n)
    expected = autoc(y, score, arm, control="none", propensity=share, n_boot=3)
    table = pd.DataFrame({"mail": share, "none": 1 - share})
    assert autoc(y, score, arm, control="none", propensity=table, n_boot=3) == expected
    flat = autoc(y, score, arm, control="none", propensity=0.4, n_boot=3)
    assert autoc(y, score, arm, control="none", propensity={"mail": 0.4, "none": 0.6}, n_boot=3) == flat


@pytest.mark.parametrize("measure", [autoc, toc_curve])
def test_expected_outcomes_must_be_known(measure):
    outcomes = np.array([[0.1, 0.2], [np.nan, 0.2], [0.1, 0.2], [0.1, 0.2]])
    with pytest.raises(ValueError, match="outcomes is NaN or infinite for 1 of 4 customers"):
        measure([1, 0, 1, 0], [0.4, 0.3, 0.2, 0.1], [1, 0, 0, 1], outcomes=outcomes)
