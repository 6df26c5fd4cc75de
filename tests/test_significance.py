"""course_lib.significance beside scipy and statsmodels, and what its p-values promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from course_lib.significance import (
    benjamini_hochberg,
    holm,
    paired_permutation_test,
    sample_size,
)

p_lists = st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=20)
# A difference below 1e-11 of all differences is rounding to the test, and not to scipy.
rounded = st.floats(-1e3, 1e3).map(lambda score: round(score, 5))
scores = st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 1.0]) | rounded


def mean_difference(a, b, axis):
    return np.mean(a, axis=axis) - np.mean(b, axis=axis)


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(scores, scores), min_size=2, max_size=9))
def test_tries_all_signs_of_few_items_as_scipy_does(pairs):
    a, b = np.array(pairs).T
    theirs = stats.permutation_test(
        (a, b), mean_difference, permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    if np.ptp(a - b) > 1e-9:  # scipy takes rounding of equal differences for distance
        assert paired_permutation_test(a, b) == pytest.approx(theirs.pvalue)


def test_hits_and_misses_give_the_exact_sign_test():
    a = [1] * 9 + [0] * 3 + [1] * 40  # 9 items only a answers, 3 only b, 40 both
    b = [0] * 9 + [1] * 3 + [1] * 40
    assert paired_permutation_test(a, b) == pytest.approx(stats.binomtest(9, 12).pvalue)


def test_draws_signs_of_many_items():
    a = np.array([1] * 30 + [0] * 14 + [1] * 100)
    b = np.array([0] * 30 + [1] * 14 + [1] * 100)
    exact = stats.binomtest(30, 44).pvalue  # 0.0226
    drawn = paired_permutation_test(a, b, n_resamples=100_000)
    assert drawn == pytest.approx(exact, abs=4 * np.sqrt(exact / 100_000))
    assert drawn == paired_permutation_test(a, b, n_resamples=100_000)
    assert drawn != paired_permutation_test(a, b, n_resamples=100_000, seed=1)


def test_p_is_never_zero_and_one_without_a_difference():
    a = np.arange(40.0)
    assert paired_permutation_test(a + 1, a, n_resamples=99) == 0.01
    assert paired_permutation_test(a, a) == 1.0
    assert paired_permutation_test(a, a[::-1]) == 1.0  # the differences cancel out
    assert paired_permutation_test([0.3, 0.3, 0.3], [0.1, 0.1, 0.1]) == 0.25  # 2 of 8, to rounding


def test_neither_the_order_of_the_systems_nor_the_scale_matters():
    rng = np.random.default_rng(0)
    a, b = rng.random(60), rng.random(60)
    p = paired_permutation_test(a, b)
    assert paired_permutation_test(b, a) == p
    assert paired_permutation_test(1000 * a, 1000 * b) == pytest.approx(p)


def test_a_few_thousand_items_are_drawn_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 500))
    expected = paired_permutation_test(a, b)
    monkeypatch.setattr("course_lib.significance._BLOCK_NUMBERS", 4_000)
    assert paired_permutation_test(a, b) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("n_items", [12, 60])
def test_one_false_alarm_in_twenty_where_both_are_equally_good(n_items):
    rng = np.random.default_rng(n_items)
    difficulty = rng.random((1000, n_items))
    a, b = difficulty + 0.3 * rng.standard_normal((2, 1000, n_items))
    p = [paired_permutation_test(*pair, n_resamples=500) for pair in zip(a, b, strict=True)]
    assert 0.035 <= np.mean(np.array(p) <= 0.05) <= 0.065


def test_hits_and_misses_raise_fewer_false_alarms_still():
    a, b = np.random.default_rng(0).integers(0, 2, (2, 1000, 30))  # few values p can take
    p = [paired_permutation_test(*pair, n_resamples=500) for pair in zip(a, b, strict=True)]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.05


@settings(max_examples=200)
@given(p_lists)
def test_benjamini_hochberg_equals_statsmodels(p_values):
    theirs = multipletests(p_values, method="fdr_bh")[1]
    np.testing.assert_allclose(benjamini_hochberg(p_values), theirs)


@settings(max_examples=30, deadline=None)  # statsmodels takes a tenth of a second
@given(p_lists)
def test_holm_equals_statsmodels(p_values):
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1])


@given(p_lists)
def test_corrections_only_raise_and_benjamini_hochberg_raises_less(p_values):
    careful, lenient = holm(p_values), benjamini_hochberg(p_values)
    assert (np.array(p_values) <= lenient + 1e-15).all()
    assert (lenient <= careful + 1e-12).all()
    assert (careful <= 1).all()


@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("significance", [0.01, 0.05])
@pytest.mark.parametrize("effect", [0.1, 0.3, -0.5])
def test_sample_size_equals_statsmodels(effect, significance, power):
    theirs = TTestPower().solve_power(abs(effect), alpha=significance, power=power)
    assert abs(sample_size(effect * 0.2, 0.2, power=power, significance=significance) - theirs) <= 1


def test_the_planned_number_of_items_gives_the_planned_power():
    rng = np.random.default_rng(0)
    n_items = sample_size(0.1, spread=0.5)
    changes = [-1.0, 0.0, 1.0]  # a question lost, as before, won: mean 0.1
    shares = [0.08, 0.74, 0.18]  # and variance 0.25
    won = [
        paired_permutation_test(rng.choice(changes, n_items, p=shares), [0.0] * n_items,
                                n_resamples=500, seed=trial) <= 0.05
        for trial in range(500)
    ]  # fmt: skip
    assert 0.75 <= np.mean(won) <= 0.86


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: paired_permutation_test([1, 2], [1]), "same items, got 2 and 1 scores"),
        (lambda: paired_permutation_test([], []), r"a must have the shape \(n,\)"),
        (
            lambda: paired_permutation_test([1], [np.nan]),
            "b must hold finite numbers, got nan at 0",
        ),
        (lambda: paired_permutation_test([1], [2], n_resamples=0), "n_resamples must be 1 or more"),
        (lambda: holm([0.1, 1.2]), "p_values must be from 0 to 1, got 1.2 at 1"),
        (lambda: benjamini_hochberg([-0.1]), "p_values must be from 0 to 1, got -0.1 at 0"),
        (lambda: benjamini_hochberg(["x"]), "p_values must be numbers"),
        (lambda: sample_size(0, 1), "difference must be a finite number other than 0, got 0"),
        (lambda: sample_size(0.1, 0), "spread must be above 0 and finite, got 0"),
        (lambda: sample_size(0.1, 1, power=1), "power must be between 0 and 1"),
        (lambda: sample_size(0.1, 1, significance=5), "significance must be between 0 and 1"),
    ],
)
def test_refuses_what_makes_no_sense(call, message):
    with pytest.raises(ValueError, match=message):
        call()
