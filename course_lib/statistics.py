"""How sure a measured number is. Needs NumPy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Resamples are drawn in blocks of at most this many numbers: 8 MB of indices, at any sample size.
_BLOCK_NUMBERS = 1_000_000


@dataclass(frozen=True)
class Interval:
    """An estimate and the range that sampling error leaves open.

    >>> interval = Interval(0.6214, 0.5098, 0.7311)
    >>> print(interval)
    0.62 [0.51, 0.73]
    >>> f"{interval:.3f}"
    '0.621 [0.510, 0.731]'
    """

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return format(self, ".2f")

    def __format__(self, spec: str) -> str:
        spec = spec or ".2f"
        return f"{self.estimate:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def bootstrap_interval(
    scores: ArrayLike,
    *,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
    statistic: Callable[[NDArray[np.float64]], Any] = np.mean,
) -> Interval:
    """Estimate and percentile bootstrap interval of a statistic of independent scores.

    Draws n_resamples samples with replacement, each as large as `scores`, and takes the middle
    `confidence` share of their statistics (Efron, 1979). Under about 20 scores, or where nearly all
    scores are equal, the interval comes out too narrow.

    Args:
        scores: one number for each question or document, shape (n,), n at least 2. Booleans count
            as 1 and 0.
        confidence: share of the resamples inside the interval, between 0 and 1.
        n_resamples: how many samples to draw.
        seed: the same seed gives the same interval.
        statistic: takes shape (n,) and returns one number, for example np.median.

    Returns:
        The statistic of `scores`, and the interval's ends.

    Raises:
        ValueError: on fewer than 2 scores, NaN or infinity, or an argument out of range.

    >>> print(bootstrap_interval([1, 1, 0, 1, 0, 1, 1, 0, 1, 1] * 5))
    0.70 [0.58, 0.82]

    First used in notebooks/00_start_here.ipynb.
    """
    sample = _as_sample(scores, "scores")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be between 0 and 1, both excluded, got {confidence}")
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be 1 or more, got {n_resamples}")
    rng = np.random.default_rng(seed)
    resampled = np.empty(n_resamples)
    step = max(1, _BLOCK_NUMBERS // len(sample))
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start)
        samples = sample[rng.integers(0, len(sample), size=(size, len(sample)))]  # (size, n)
        resampled[start : start + size] = (
            samples.mean(axis=1) if statistic is np.mean else [statistic(row) for row in samples]
        )
    tail = (1.0 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1.0 - tail])
    return Interval(float(statistic(sample)), float(low), float(high))


def paired_bootstrap_interval(
    a: ArrayLike,
    b: ArrayLike,
    *,
    confidence: float = 0.95,
    n_resamples: int = 10_000,
    seed: int = 0,
) -> Interval:
    """Mean of a minus mean of b, with its interval, where a[i] and b[i] are about the same item.

    Resampling the items, not the two systems apart, takes out what makes an item hard for both:
    the interval is narrower than the two systems' own intervals suggest. It excludes 0 where the
    difference is more than sampling error.

    Args:
        a: score of the first system on each item, shape (n,).
        b: score of the second system on the same items in the same order, shape (n,).
        confidence: share of the resamples inside the interval, between 0 and 1.
        n_resamples: how many samples to draw.
        seed: the same seed gives the same interval.

    Returns:
        The difference of the means, and the interval's ends.

    Raises:
        ValueError: if the lengths differ, and for what `bootstrap_interval` refuses.

    >>> print(paired_bootstrap_interval([0.9, 0.8, 0.7, 0.8], [0.7, 0.7, 0.4, 0.8]))
    0.15 [0.05, 0.25]

    First used in notebooks/00_start_here.ipynb.
    """
    first, second = _as_sample(a, "a"), _as_sample(b, "b")
    if len(first) != len(second):
        raise ValueError(
            f"a and b must hold one score for each of the same items, "
            f"got {len(first)} and {len(second)} scores"
        )
    return bootstrap_interval(
        first - second, confidence=confidence, n_resamples=n_resamples, seed=seed
    )


def _as_sample(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    """Finite float64 scores of shape (n,), n at least 2."""
    try:
        sample = np.asarray(scores, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers of shape (n,): {error}") from error
    if sample.ndim != 1 or len(sample) < 2:
        raise ValueError(
            f"{name} must have the shape (n,) with n at least 2, got the shape {sample.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(sample))
    if bad.size:
        raise ValueError(f"{name} must hold finite numbers, got {sample[bad[0]]} at {bad[0]}")
    return sample
