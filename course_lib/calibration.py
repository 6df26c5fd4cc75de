"""Whether a confidence can be taken at its word, and which decision follows. Needs NumPy alone.

A confidence is the probability that a model gives to its own answer, from 0 to 1; `correct` says
for each answer whether it was right. ValueErrors refuse NaN, no item, and lengths that differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Bounds for the logarithm of a temperature, as in scikit-learn: from 0.00005 to 22,000.
_WIDEST_LOG = 10.0


def reliability_bins(
    confidences: ArrayLike, correct: ArrayLike, *, n_bins: int = 10
) -> tuple[Floats, Floats, NDArray[np.intp]]:
    """Group answers by confidence and see, group by group, how many are right.

    Args:
        confidences: from 0 to 1, shape (n,).
        correct: True or False (1 or 0) for each, shape (n,).
        n_bins: how many bins of equal width; a confidence on an edge goes to the bin below.

    Returns:
        (mean confidence, share that is right, number of answers) of each bin that holds any.

    Raises:
        ValueError: if the arrays do not fit each other or their ranges, or n_bins is below 1.

    >>> reliability_bins([0.55, 0.58, 0.91, 0.99], [True, False, True, True])
    (array([0.565, 0.95 ]), array([0.5, 1. ]), array([2, 2]))

    Built in notebooks/04_probability.ipynb.
    """
    sure, right = _answers(confidences, correct, within=True)
    if isinstance(n_bins, bool) or not isinstance(n_bins, int | np.integer) or n_bins < 1:
        raise ValueError(f"n_bins must be a whole number of at least 1, got {n_bins!r}")
    places = np.searchsorted(np.linspace(0, 1, int(n_bins) + 1)[1:-1], sure)
    counts = np.bincount(places, minlength=n_bins)
    held = np.flatnonzero(counts)
    confidence = np.bincount(places, sure, n_bins)[held] / counts[held]
    accuracy = np.bincount(places, right, n_bins)[held] / counts[held]
    return confidence, accuracy, counts[held]


def expected_calibration_error(
    confidences: ArrayLike, correct: ArrayLike, *, n_bins: int = 10
) -> float:
    """Mean distance between confidence and accuracy over the bins, each weighted by its answers.

    It is never below 0, so that chance alone lifts it: by more, the fewer answers there are in
    a bin. Report it with an interval and with the number of bins.

    Args:
        confidences, correct, n_bins: as in `reliability_bins`.

    Raises:
        ValueError: as `reliability_bins` does.

    >>> round(expected_calibration_error([0.55, 0.58, 0.91, 0.99], [True, False, True, True]), 4)
    0.0575

    Built in notebooks/04_probability.ipynb (Naeini and others, 2015).
    """
    confidence, accuracy, count = reliability_bins(confidences, correct, n_bins=n_bins)
    return float(np.average(np.abs(confidence - accuracy), weights=count))


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """The temperature by which to divide logits so that softmax gives the labels the most.

    It minimises the mean of -log(probability of the label). One number changes how sure the model
    is and never which class comes first. Fit it on answers that took no part in training.

    Args:
        logits: shape (n, n_classes), finite. Logarithms of probabilities serve too; for one binary
            score z per item pass the two columns 0 and z.
        labels: the right class of each, whole numbers from 0 to n_classes - 1, shape (n,).

    Returns:
        Above 1 for a model that is too sure, below 1 for one that is not sure enough.

    Raises:
        ValueError: if the arrays do not fit each other, or if no temperature is best: where
            every label already has the largest logit of its row, colder is always better.

    >>> logits = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> round(fit_temperature(logits, [0, 0, 1, 1]), 3)  # sure of all four, right about three
    3.641

    Built in notebooks/04_probability.ipynb (Guo and others, 2017).
    """
    table, truth = _logits_and_labels(logits, labels)
    below = table - table.max(axis=1, keepdims=True)  # exp cannot overflow
    of_label = below[np.arange(len(table)), truth]

    def slope(log_inverse: float) -> float:
        """How the mean loss changes with 1 / temperature; it rises, for the loss is convex."""
        with np.errstate(over="ignore"):  # exp(-inf) is the right limit
            weights = np.exp(below * np.exp(log_inverse))
        expected = (weights * below).sum(axis=1) / weights.sum(axis=1)
        return float((expected - of_label).mean())

    low, high = -_WIDEST_LOG, _WIDEST_LOG
    if not slope(low) < 0 < slope(high):
        raise ValueError(
            "no temperature is best for these logits and labels: the labels must have larger "
            "logits than chance gives them, and at least one must not have the largest"
        )
    for _ in range(60):  # halves the range each time, down to the last digit of a float
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return float(np.exp(-(low + high) / 2))


def cheapest_threshold(
    scores: ArrayLike,
    positive: ArrayLike,
    *,
    false_positive_cost: float,
    false_negative_cost: float,
) -> tuple[float, float]:
    """The threshold with the lowest mean cost on labelled items; of equals the highest.

    An item counts as positive from the threshold upwards. Choose on training items, and report
    the cost on others.

    Args:
        scores: larger for items more likely to be positive, shape (n,).
        positive: True or False for each, shape (n,).
        false_positive_cost: price of an item taken for positive that is not.
        false_negative_cost: price of a positive item that is not taken for one.

    Returns:
        (threshold, mean cost per item). The threshold is one of the scores, or infinity where it
        is cheapest to take no item for positive.

    Raises:
        ValueError: if the arrays do not fit each other, or a cost is negative or both are 0.

    >>> cheapest_threshold([0.2, 0.6, 0.7, 0.9], [False, True, False, True],
    ...                    false_positive_cost=1, false_negative_cost=5)
    (0.6, 0.25)

    Built in notebooks/04_probability.ipynb.
    """
    values, truth = _answers(scores, positive, names=("scores", "positive"))
    costs = (false_positive_cost, false_negative_cost)
    if not (all(0 <= cost < np.inf for cost in costs) and sum(costs) > 0):
        raise ValueError(f"costs must be 0 or more, finite, and not both 0, got {costs}")
    thresholds, group = np.unique(values, return_inverse=True)  # rising
    thresholds = np.append(thresholds, np.inf)
    # Cost of a threshold: the negatives at or above it, the positives below it.
    above = np.append(np.cumsum(np.bincount(group, 1 - truth)[::-1])[::-1], 0)
    below = np.append(0, np.cumsum(np.bincount(group, truth)))
    total = false_positive_cost * above + false_negative_cost * below
    cheapest = np.flatnonzero(total == total.min())[-1]
    return float(thresholds[cheapest]), float(total[cheapest] / len(values))


@dataclass(frozen=True)
class RiskCoverage:
    """How the errors fall when the least confident answers are held back.

    Attributes:
        coverage: share of the questions that are answered, 1/n to 1, shape (n,).
        risk: share of these answers that is wrong, shape (n,).
        confidence: the lowest confidence among them, shape (n,).

    >>> RiskCoverage(np.array([0.5, 1.0]), np.array([0.0, 0.5]), np.array([0.9, 0.6])).area
    0.25
    """

    coverage: Floats
    risk: Floats
    confidence: Floats

    @property
    def area(self) -> float:
        """Mean risk over all coverages: the lower, the better confidence tells right from wrong."""
        return float(self.risk.mean())


def risk_coverage(confidences: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """Answer the most confident first, and see which share is wrong after 1, 2 ... n answers.

    A confidence that knows nothing gives a flat curve at the overall error rate. Answers of equal
    confidence count with their mean, as in a random order.

    Args:
        confidences: any scores, larger for surer answers, shape (n,).
        correct: True or False for each, shape (n,).

    Raises:
        ValueError: if the arrays do not fit each other.

    >>> curve = risk_coverage([0.9, 0.6, 0.8, 0.3], [True, False, True, True])
    >>> curve.coverage, curve.risk.round(2)
    (array([0.25, 0.5 , 0.75, 1.  ]), array([0.  , 0.  , 0.33, 0.25]))

    Built in notebooks/04_probability.ipynb (Geifman and El-Yaniv, 2017).
    """
    sure, right = _answers(confidences, correct)
    _, group, sizes = np.unique(sure, return_inverse=True, return_counts=True)
    wrong = (np.bincount(group, 1 - right) / sizes)[group]  # equals share their errors
    order = np.argsort(-sure, kind="stable")
    answered = np.arange(1, len(sure) + 1)
    return RiskCoverage(answered / len(sure), np.cumsum(wrong[order]) / answered, sure[order])


def _answers(
    confidences: ArrayLike,
    correct: ArrayLike,
    *,
    within: bool = False,
    names: tuple[str, str] = ("confidences", "correct"),
) -> tuple[Floats, Floats]:
    """Two float arrays of shape (n,), the second of 0 and 1; the first in [0, 1] if `within`."""
    arrays = []
    for name, given in zip(names, (confidences, correct), strict=True):
        try:
            array = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} must be numbers of shape (n,): {error}") from error
        if array.ndim != 1 or array.size == 0:
            raise ValueError(f"{name} must have the shape (n,), n at least 1, got {array.shape}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must hold finite numbers, got NaN or infinity")
        arrays.append(array)
    sure, right = arrays
    if len(sure) != len(right):
        lengths = f"{len(sure)} and {len(right)}"
        raise ValueError(f"{names[0]} and {names[1]} must have one length, got {lengths}")
    if not np.isin(right, (0, 1)).all():
        raise ValueError(f"{names[1]} must be True or False (1 or 0) for each item")
    if within and not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError(f"{names[0]} must lie between 0 and 1, got {sure.min()} to {sure.max()}")
    return sure, right


def _logits_and_labels(logits: ArrayLike, labels: ArrayLike) -> tuple[Floats, NDArray[np.intp]]:
    """Finite logits of shape (n, n_classes), and one class number for each row."""
    table, truth = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if table.ndim != 2 or 0 in table.shape or truth.shape != table.shape[:1]:
        got = f"{table.shape} and {truth.shape}"
        raise ValueError(f"logits and labels must have shapes (n, n_classes) and (n,), got {got}")
    if not np.isfinite(table).all():
        raise ValueError("logits must be finite: put a low number in the place of -inf")
    if truth.dtype.kind not in "iu" or truth.min() < 0 or truth.max() >= table.shape[1]:
        raise ValueError(
            f"labels must be whole numbers from 0 to {table.shape[1] - 1} (the classes), "
            f"got {np.unique(truth)[[0, -1]].tolist()} as the first and last of them"
        )
    return table, truth.astype(np.intp)
