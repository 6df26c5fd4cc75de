"""course_lib.statistics beside scipy, and the promise that a 95 % interval makes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.proportion import proportion_confint

from course_lib.statistics import (
    Interval,
    bootstrap_interval,
    cohen_kappa,
    paired_bootstrap_interval,
    wilson_interval,
)

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


# Scores as evaluations have them: name -> possible scores and how often each comes.
SCORES = {
    "half hits": ([0, 1], [0.5, 0.5]),
    "nine hits in ten": ([0, 1], [0.1, 0.9]),
    "reciprocal ranks": ([0, 0.1, 0.2, 1 / 3, 0.5, 1], [0.2, 0.1, 0.1, 0.1, 0.15, 0.35]),
    "wins minus losses": ([-1, 0, 1], [0.1, 0.7, 0.2]),
}


def coverage(draw, truth, n_scores, n_samples=2000):
    """Share of samples whose 95 % interval holds the true mean."""
    rng = np.random.default_rng(n_scores)
    hits = 0
    for seed in range(n_samples):
        interval = bootstrap_interval(draw(rng, n_scores), n_resamples=500, seed=seed)
        hits += interval.low - 1e-9 <= truth <= interval.high + 1e-9
    return hits / n_samples


@pytest.mark.slow
@pytest.mark.parametrize("n_scores", [50, 200])
@pytest.mark.parametrize("name", SCORES)
def test_a_95_percent_interval_covers_the_truth_about_95_times_in_100(name, n_scores):
    values, shares = SCORES[name]
    covered = coverage(
        lambda rng, n: rng.choice(values, n, p=shares), float(np.dot(values, shares)), n_scores
    )
    assert 0.93 <= covered <= 0.97


@pytest.mark.slow
def test_very_skewed_scores_need_a_hundred_and_a_dozen_scores_are_too_few():
    def skewed(rng, n):
        return rng.exponential(size=n)

    assert 0.93 <= coverage(skewed, 1.0, 100) <= 0.97
    assert coverage(skewed, 1.0, 12) < 0.91  # what the docstring warns of


def test_a_95_percent_interval_of_fewer_samples_covers_too():
    assert 0.90 <= coverage(lambda rng, n: rng.normal(5.0, 2.0, n), 5.0, 50, 300) <= 0.98


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


@settings(max_examples=200)
@given(
    counts=st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    confidence=st.sampled_from([0.5, 0.9, 0.95, 0.999]),
)
def test_wilson_equals_statsmodels(counts, confidence):
    successes, n = counts
    ours = wilson_interval(successes, n, confidence=confidence)
    low, high = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-12)
    assert 0 <= ours.low <= ours.estimate == successes / n <= ours.high <= 1


def test_wilson_leaves_room_where_the_bootstrap_sees_none():
    assert str(bootstrap_interval([1] * 20)) == "1.00 [1.00, 1.00]"
    assert wilson_interval(20, 20).low < 0.9


labels = st.sampled_from(["yes", "partly", "no"])


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(labels, labels), min_size=2, max_size=40))
def test_kappa_equals_scikit_learn(pairs):
    first, second = zip(*pairs, strict=True)
    if len({*first, *second}) == 1:
        with pytest.raises(ValueError, match=f"two labels or more, got only {first[0]!r}"):
            cohen_kappa(first, second)
        return
    ours = cohen_kappa(first, second, n_resamples=100)
    assert ours.estimate == pytest.approx(cohen_kappa_score(first, second))
    assert -1 <= ours.low <= ours.high <= 1
    assert cohen_kappa(second, first, n_resamples=100).estimate == pytest.approx(ours.estimate)


def labelled(rng, n):
    """Labels of two people who agree on four items of five, and otherwise label alike."""
    first = rng.choice(["yes", "partly", "no"], n, p=[0.5, 0.2, 0.3])
    other = rng.choice(["yes", "partly", "no"], n, p=[0.5, 0.2, 0.3])
    return first, np.where(rng.random(n) < 0.8, first, other)


def test_kappa_interval_is_that_of_resampled_items():
    first, second = labelled(np.random.default_rng(0), 150)
    ours = cohen_kappa(first.tolist(), second.tolist())
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, 150, 150) for _ in range(1000)]
    theirs = np.quantile([cohen_kappa_score(first[i], second[i]) for i in drawn], [0.025, 0.975])
    assert (ours.low, ours.high) == pytest.approx(theirs, abs=0.02)
    assert cohen_kappa(first.tolist(), second.tolist()) == ours  # the same seed
    codes = [{"yes": 3, "partly": (1, 2), "no": None}[label] for label in first]
    same = [{"yes": 3, "partly": (1, 2), "no": None}[label] for label in second]
    assert cohen_kappa(codes, same).estimate == ours.estimate  # any label that can be a dict's key


def test_kappa_interval_covers_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(0)
    truth = 0.8  # agreement beyond chance is how often the second copies the first
    intervals = [
        cohen_kappa(*map(list, labelled(rng, 150)), n_resamples=500, seed=trial)
        for trial in range(1000)
    ]
    covered = np.mean([interval.low <= truth <= interval.high for interval in intervals])
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson_interval(3, 2), "successes must be from 0 to n, .* got 3 of 2"),
        (lambda: wilson_interval(-1, 2), "got -1 of 2"),
        (lambda: wilson_interval(0, 0), "n 1 or more, got 0 of 0"),
        (lambda: wilson_interval(1, 2, confidence=95), "confidence must be between 0 and 1"),
        (lambda: cohen_kappa(["a"], ["a", "b"]), "the same items, at least 2, got 1 and 2"),
        (lambda: cohen_kappa(["a"], ["b"]), "at least 2, got 1 and 1"),
        (lambda: cohen_kappa(["a", "b"], ["a", "b"], n_resamples=0), "n_resamples must be 1"),
    ],
)
def test_refuses_counts_and_labels_that_make_no_sense(call, message):
    with pytest.raises(ValueError, match=message):
        call()
