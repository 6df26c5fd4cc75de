"""course_lib.statistics beside scipy, and the promise that a 95 % interval makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_lib.statistics import Interval, bootstrap_interval, paired_bootstrap_interval

samples = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=2, max_size=30)


@pytest.mark.parametrize("statistic", [np.mean, np.std])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_agrees_with_scipy(statistic, confidence):
    scores = np.random.default_rng(3).exponential(size=60)
    ours = bootstrap_interval(scores, confidence=confidence, statistic=statistic)
    theirs = stats.bootstrap(
        (scores,), statistic, confidence_level=confidence, method="percentile", rng=1
    ).confidence_interval
    assert ours.estimate == pytest.approx(statistic(scores))
    spread = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.06 * spread)
    assert ours.high == pytest.approx(theirs.high, abs=0.06 * spread)


def test_takes_any_statistic_of_one_sample():
    scores = np.random.default_rng(3).exponential(size=61)
    interval = bootstrap_interval(scores, statistic=np.median)
    assert interval.estimate == np.median(scores)
    assert {interval.low, interval.high} <= set(scores)  # the median of an odd sample is in it
    longest = bootstrap_interval([1, 5, 3], statistic=max, n_resamples=100)
    assert (longest.estimate, longest.high) == (5, 5)


def test_a_95_percent_interval_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(300):
        interval = bootstrap_interval(rng.normal(5.0, 2.0, size=50), n_resamples=400, seed=trial)
        hits += interval.low <= 5.0 <= interval.high
    assert 0.90 <= hits / 300 <= 0.98


@settings(max_examples=50)
@given(scores=samples, seed=st.integers(0, 100))
def test_is_ordered_inside_the_scores_and_the_same_again(scores, seed):
    interval = bootstrap_interval(scores, n_resamples=200, seed=seed)
    room = 1e-9 * max(1.0, max(abs(score) for score in scores))
    assert min(scores) - room <= interval.low <= interval.high <= max(scores) + room
    assert interval == bootstrap_interval(scores, n_resamples=200, seed=seed)


def test_more_confidence_and_fewer_scores_are_wider():
    scores = np.random.default_rng(0).normal(size=200)

    def width(interval: Interval) -> float:
        return interval.high - interval.low

    usual = width(bootstrap_interval(scores))
    assert width(bootstrap_interval(scores, confidence=0.99)) > usual
    assert width(bootstrap_interval(scores[:50])) > usual


def test_the_result_does_not_depend_on_the_size_of_the_inner_blocks(monkeypatch):
    scores = np.random.default_rng(0).normal(size=50)
    expected = bootstrap_interval(scores, n_resamples=1000)
    monkeypatch.setattr("course_lib.statistics._BLOCK_NUMBERS", 64)
    assert bootstrap_interval(scores, n_resamples=1000) == expected


def test_a_million_scores_fit_in_memory():
    interval = bootstrap_interval(np.arange(1_000_000) % 2 == 0, n_resamples=5)
    assert interval.estimate == 0.5
    assert interval.low == pytest.approx(0.5, abs=0.01)


def test_pairing_takes_out_what_the_items_share():
    rng = np.random.default_rng(0)
    difficulty = rng.normal(size=100)
    a = difficulty + 0.3 + 0.1 * rng.normal(size=100)
    b = difficulty + 0.1 * rng.normal(size=100)
    paired = paired_bootstrap_interval(a, b)
    assert paired.estimate == pytest.approx(np.mean(a) - np.mean(b))
    assert paired.low > 0
    alone = bootstrap_interval(a)
    assert paired.high - paired.low < (alone.high - alone.low) / 3
    other_way = paired_bootstrap_interval(b, a)
    assert other_way.estimate == pytest.approx(-paired.estimate)


def test_prints_as_estimate_and_range():
    interval = Interval(0.6214, 0.5098, 0.7311)
    assert str(interval) == "0.62 [0.51, 0.73]"
    assert f"{interval}" == str(interval)
    assert f"{interval:.1%}" == "62.1% [51.0%, 73.1%]"


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([], r"scores must have the shape \(n,\) with n at least 2, got the shape \(0,\)"),
        ([0.5], r"n at least 2, got the shape \(1,\)"),
        ([[0.5, 0.2]], r"got the shape \(1, 2\)"),
        ([0.5, float("nan")], "scores must hold finite numbers, got nan at 1"),
        ([float("inf"), 0.5], "scores must hold finite numbers, got inf at 0"),
        (["a", "b"], "scores must be numbers"),
    ],
)
def test_refuses_bad_scores(scores, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(scores)


@pytest.mark.parametrize("confidence", [0, 1, 95, -0.5, float("nan")])
def test_refuses_a_confidence_that_is_no_share(confidence):
    with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
        bootstrap_interval([0.1, 0.2], confidence=confidence)


def test_refuses_no_resamples_and_pairs_that_do_not_match():
    with pytest.raises(ValueError, match="n_resamples must be 1 or more, got 0"):
        bootstrap_interval([0.1, 0.2], n_resamples=0)
    with pytest.raises(ValueError, match="same items, got 2 and 3 scores"):
        paired_bootstrap_interval([0.1, 0.2], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="b must hold finite numbers"):
        paired_bootstrap_interval([0.1, 0.2], [0.1, float("nan")])
