"""course_lib.calibration beside scikit-learn where it has the quantity, else beside brute force."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from course_lib.calibration import (
    cheapest_threshold,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
    risk_coverage,
)

# Tenths, so that confidences tie and fall on the edges of bins.
shares = st.one_of(st.floats(0, 1), st.integers(0, 10).map(lambda n: n / 10))


@st.composite
def answers(draw: st.DrawFn, most=40) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, most))
    return (
        draw(hnp.arrays(np.float64, n, elements=shares)),
        draw(hnp.arrays(np.bool_, n)),
    )


@given(answers(), st.integers(1, 20))
def test_bins_equal_scikit_learns_calibration_curve(given_answers, n_bins):
    confidences, correct = given_answers
    confidence, accuracy, count = reliability_bins(confidences, correct, n_bins=n_bins)
    # pos_label: scikit-learn cannot guess it where all are right or all wrong
    wanted = calibration_curve(correct.astype(int), confidences, n_bins=n_bins, pos_label=1)
    np.testing.assert_allclose((accuracy, confidence), wanted)
    assert count.sum() == len(confidences)
    assert (count > 0).all()


@given(answers(), st.integers(1, 20))
def test_calibration_error_is_the_weighed_gap_of_the_bins(given_answers, n_bins):
    confidences, correct = given_answers
    edges = np.linspace(0, 1, n_bins + 1)
    edges[0] = -1
    gaps = 0.0
    for low, high in pairwise(edges):
        inside = (confidences > low) & (confidences <= high)
        if inside.any():
            gaps += abs((confidences[inside] - correct[inside]).sum())
    error = expected_calibration_error(confidences, correct, n_bins=n_bins)
    assert error == pytest.approx(gaps / len(confidences), abs=1e-12)


def test_calibration_error_of_the_honest_and_of_the_boaster():
    rng = np.random.default_rng(0)
    confidences = rng.uniform(size=100_000)
    honest = rng.uniform(size=100_000) < confidences
    assert expected_calibration_error(confidences, honest) < 0.01
    assert expected_calibration_error(np.ones(4), [True, False, False, False]) == 0.75


# ---- temperature scaling


class GivenLogits(ClassifierMixin, BaseEstimator):
    """A classifier whose logits are its input."""

    def fit(self, X, y):
        self.classes_ = np.arange(X.shape[1])
        return self

    def decision_function(self, X):
        return X

    def predict(self, X):
        return X.argmax(axis=1)


def noisy_logits(seed, n=300, n_classes=4, temperature=1.0):
    """Logits, and labels drawn from their softmax at a temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=3, size=(n, n_classes))
    gumbel = rng.gumbel(size=logits.shape)
    return logits, (logits / temperature + gumbel).argmax(axis=1)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_classes", [3, 11])
@pytest.mark.parametrize("temperature", [0.4, 1.0, 5.0])
def test_temperature_equals_scikit_learns(seed, n_classes, temperature):
    logits, labels = noisy_logits(seed, n_classes=n_classes, temperature=temperature)
    classifier = FrozenEstimator(GivenLogits().fit(logits, labels))
    calibrated = CalibratedClassifierCV(classifier, method="temperature").fit(logits, labels)
    theirs = 1 / calibrated.calibrated_classifiers_[0].calibrators[0].beta_
    assert fit_temperature(logits, labels) == pytest.approx(theirs, rel=1e-4)


@given(st.integers(0, 10_000), st.floats(0.3, 8), st.integers(2, 6))
@settings(max_examples=50)
def test_no_other_temperature_has_a_lower_loss(seed, temperature, n_classes):
    logits, labels = noisy_logits(seed, n_classes=n_classes, temperature=temperature)

    def loss(log_temperature):
        scaled = logits / np.exp(log_temperature)
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        return log_loss(labels, shares, labels=range(n_classes))

    best = fit_temperature(logits, labels)
    found = minimize_scalar(loss, bounds=(-3, 4), method="bounded", options={"xatol": 1e-8})
    assert loss(np.log(best)) <= found.fun + 1e-9


def test_temperature_recovers_what_the_labels_were_drawn_with():
    logits, labels = noisy_logits(0, n=100_000, temperature=2.5)
    assert fit_temperature(logits, labels) == pytest.approx(2.5, rel=0.02)
    assert fit_temperature(logits * 4, labels) == pytest.approx(10, rel=0.02)
    assert fit_temperature(logits + 1000, labels) == pytest.approx(2.5, rel=0.02)


def test_huge_logits_need_a_huge_temperature_and_overflow_nowhere():
    logits, labels = noisy_logits(0)
    with np.errstate(all="raise", under="ignore"):
        hot = fit_temperature(logits * 1000, labels)
    assert hot == pytest.approx(1000 * fit_temperature(logits, labels), rel=1e-6)


@pytest.mark.parametrize(
    "labels", [[0, 0, 0], [1, 1, 1]], ids=["every label first", "every label last"]
)
def test_a_temperature_that_does_not_exist_is_refused(labels):
    logits = [[2.0, 0.0], [1.0, 0.5], [9.0, 1.0]]
    with pytest.raises(ValueError, match="no temperature is best"):
        fit_temperature(logits, labels)
    with pytest.raises(ValueError, match="no temperature is best"):
        fit_temperature(np.ones((3, 2)), labels)  # says nothing, at any temperature


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        ([[1.0, 2.0]], [2], "whole numbers from 0 to 1"),
        ([[1.0, 2.0]], [-1], "whole numbers from 0 to 1"),
        ([[1.0, 2.0]], [0.0], "whole numbers from 0 to 1"),
        ([[1.0, 2.0]], ["a"], "whole numbers from 0 to 1 .*first and last"),
        ([[1.0, 2.0]], [0, 1], "shapes"),
        ([[1.0, 2.0]], 0, "shapes"),
        ([1.0, 2.0], [0, 1], "shapes"),
        (np.ones((0, 2)), [], "shapes"),
        ([[1.0, -np.inf]], [0], "logits must be finite"),
        ([[1.0, np.nan]], [0], "logits must be finite"),
    ],
)
def test_bad_logits_or_labels_are_refused(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        fit_temperature(logits, labels)


# ---- threshold


@given(answers(), st.integers(0, 9), st.integers(0, 9))
def test_no_threshold_is_cheaper_and_none_as_cheap_is_higher(given_answers, fp, fn):
    scores, positive = given_answers
    if fp == fn == 0:
        return

    def cost(threshold):
        flagged = scores >= threshold
        return np.mean(fp * (flagged & ~positive) + fn * (~flagged & positive))

    threshold, mean = cheapest_threshold(
        scores, positive, false_positive_cost=fp, false_negative_cost=fn
    )
    every = [*sorted(set(scores)), np.inf]
    costs = np.array([cost(one) for one in every])
    assert mean == pytest.approx(costs.min())
    assert threshold == every[np.flatnonzero(np.isclose(costs, costs.min()))[-1]]


def test_threshold_of_calibrated_scores_is_the_ratio_of_the_costs():
    rng = np.random.default_rng(0)
    scores = rng.uniform(size=200_000)
    positive = rng.uniform(size=200_000) < scores
    threshold, _ = cheapest_threshold(
        scores, positive, false_positive_cost=1, false_negative_cost=4
    )
    assert threshold == pytest.approx(1 / (1 + 4), abs=0.02)


def test_threshold_at_the_ends():
    costs = {"false_positive_cost": 1, "false_negative_cost": 1}
    assert cheapest_threshold([0.4], [True], **costs) == (0.4, 0)
    assert cheapest_threshold([0.4, 0.8], [False, False], **costs) == (np.inf, 0)


@pytest.mark.parametrize("costs", [(-1, 1), (0, 0), (np.nan, 1), (1, np.inf)])
def test_bad_costs_are_refused(costs):
    with pytest.raises(ValueError, match="costs must be"):
        cheapest_threshold(
            [0.1, 0.2], [True, False], false_positive_cost=costs[0], false_negative_cost=costs[1]
        )


# ---- risk and coverage


@given(answers(most=6))
@settings(max_examples=50)
def test_risk_is_the_mean_over_all_orders_of_equal_confidences(given_answers):
    confidences, correct = given_answers
    risks = []
    for order in permutations(range(len(correct))):
        order = np.array(order)
        if (np.diff(confidences[order]) <= 0).all():
            risks.append(np.cumsum(~correct[order]) / np.arange(1, len(order) + 1))
    curve = risk_coverage(confidences, correct)
    np.testing.assert_allclose(curve.risk, np.mean(risks, axis=0))
    np.testing.assert_allclose(curve.coverage, np.arange(1, len(correct) + 1) / len(correct))
    np.testing.assert_array_equal(curve.confidence, np.sort(confidences)[::-1])
    assert curve.area == pytest.approx(np.mean(risks))


@given(answers(), st.randoms(use_true_random=False))
def test_risk_ends_at_the_error_rate_and_does_not_depend_on_the_order(given_answers, random):
    confidences, correct = given_answers
    curve = risk_coverage(confidences, correct)
    assert curve.risk[-1] == pytest.approx(np.mean(~correct))
    order = random.sample(range(len(correct)), len(correct))
    np.testing.assert_allclose(
        risk_coverage(confidences[order], correct[order]).risk, curve.risk, atol=1e-12
    )


def test_area_tells_a_confidence_that_knows_from_one_that_does_not():
    correct = np.array([True] * 8 + [False] * 2)
    knows, constant, inverted = correct.astype(float), np.ones(10), 1 - correct
    areas = [risk_coverage(confidence, correct).area for confidence in (knows, constant, inverted)]
    assert areas == sorted(areas)
    assert areas[1] == pytest.approx(0.2)


# ---- what all of them refuse


ANSWERED = [
    reliability_bins,
    expected_calibration_error,
    risk_coverage,
    lambda c, r: cheapest_threshold(c, r, false_positive_cost=1, false_negative_cost=1),
]


@pytest.mark.parametrize("function", ANSWERED)
@pytest.mark.parametrize(
    ("confidences", "correct", "message"),
    [
        ([], [], r"shape \(n,\)"),
        ([[0.5]], [[True]], r"shape \(n,\)"),
        ([0.5, 0.6], [True], "one length, got 2 and 1"),
        ([np.nan], [True], "NaN or infinity"),
        ([0.5], [np.nan], "NaN or infinity"),
        ([0.5], [2], "True or False"),
        (["high"], [True], "must be numbers"),
    ],
)
def test_bad_answers_are_refused(function, confidences, correct, message):
    with pytest.raises(ValueError, match=message):
        function(confidences, correct)


@pytest.mark.parametrize("function", ANSWERED[:2])
def test_a_confidence_is_a_share_and_bins_are_counted(function):
    with pytest.raises(ValueError, match=r"between 0 and 1, got 0\.2 to 55"):
        function([55, 0.2], [True, False])
    for n_bins in (0, 2.5, True):
        with pytest.raises(ValueError, match="n_bins must be a whole number of at least 1"):
            function([0.5], [True], n_bins=n_bins)
