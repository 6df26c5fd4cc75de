"""Is a difference more than chance, and how many items show it. Needs NumPy alone."""

from __future__ import annotations

from math import ceil
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_EXACT_ITEMS = 16  # up to this many differences all 2^16 ways of signing them are tried
_BLOCK_NUMBERS = 1_000_000  # signs drawn at a time: 8 MB, at any number of items


def paired_permutation_test(
    a: ArrayLike, b: ArrayLike, *, n_resamples: int = 10_000, seed: int = 0
) -> float:
    """Two-sided p-value of the mean difference, where a[i] and b[i] are about the same item.

    Were both systems equally good, then which of an item's two scores is whose would be a coin's
    toss: each difference could as well have the other sign. p is the share of such sign patterns
    whose mean difference is at least as far from 0 as the measured one. With up to 16 items that
    differ all patterns are tried; with more, n_resamples of them are drawn, and the measured one
    is counted among them, so that p is never 0 (Phipson and Smyth, 2010).

    Args:
        a: score of the first system on each item, shape (n,).
        b: score of the second system on the same items in the same order, shape (n,).
        n_resamples: how many patterns to draw where not all are tried.
        seed: the same seed gives the same p.

    Returns:
        p, above 0 and at most 1.

    Raises:
        ValueError: on no scores, lengths that differ, NaN or infinity, or no resamples.

    >>> paired_permutation_test([0.9, 0.8, 0.7, 0.8, 0.6], [0.7, 0.7, 0.4, 0.8, 0.5])
    0.125

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    first, second = _as_numbers(a, "a"), _as_numbers(b, "b")
    if len(first) != len(second):
        raise ValueError(
            f"a and b must hold one score for each of the same items, "
            f"got {len(first)} and {len(second)} scores"
        )
    if n_resamples < 1:
        raise ValueError(f"n_resamples must be 1 or more, got {n_resamples}")
    differences = first - second
    differences = differences[differences != 0]  # a sign changes nothing in the others
    # The same numbers added in another order differ in the last digits; they are as far from 0.
    as_far = abs(differences.sum()) - 1e-11 * np.abs(differences).sum()
    if len(differences) <= _EXACT_ITEMS:
        sums = np.zeros(1)
        for difference in differences:
            sums = np.concatenate([sums + difference, sums - difference])
        return float(np.mean(np.abs(sums) >= as_far))
    rng = np.random.default_rng(seed)
    count = 1
    step = max(1, _BLOCK_NUMBERS // len(differences))
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start), len(differences)
        flipped = rng.integers(0, 2, size, dtype=np.int8).astype(np.float64)  # 1 where flipped
        sums = differences.sum() - 2 * (flipped @ differences)
        count += int(np.count_nonzero(np.abs(sums) >= as_far))
    return count / (n_resamples + 1)


def holm(p_values: ArrayLike) -> Floats:
    """p-values of several comparisons, made larger for their number: guards every claim.

    Call significant what stays under 0.05: then the chance that even one of these claims is false
    is under 5 %, however many comparisons were made (Holm, 1979). For a few comparisons of which
    each will be quoted by itself.

    Args:
        p_values: one for each comparison, shape (n,), each from 0 to 1.

    Returns:
        Adjusted p-values in the same order, shape (n,).

    Raises:
        ValueError: if a p-value is not from 0 to 1.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    p, order = _in_order(p_values)
    # The smallest of n counts n times, the next n - 1 times; none may fall below an earlier one.
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    result = np.empty(len(p))
    result[order] = np.minimum(adjusted, 1.0)
    return result


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """p-values of many comparisons, made larger for their number: guards the list as a whole.

    Of the comparisons that stay under 0.05, at most 5 % are false on average (Benjamini and
    Hochberg, 1995, for independent or positively dependent tests). For a search through many, of
    which the best are looked at again.

    Args:
        p_values: one for each comparison, shape (n,), each from 0 to 1.

    Returns:
        Adjusted p-values in the same order, shape (n,).

    Raises:
        ValueError: if a p-value is not from 0 to 1.

    >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5])
    array([0.04      , 0.05333333, 0.05333333, 0.5       ])

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    p, order = _in_order(p_values)
    rising = p[order] * len(p) / np.arange(1, len(p) + 1)
    result = np.empty(len(p))
    result[order] = np.minimum.accumulate(rising[::-1])[::-1]  # none may exceed a later one
    return result


def sample_size(
    difference: float, spread: float, *, power: float = 0.8, significance: float = 0.05
) -> int:
    """How many items a paired comparison needs to notice a mean difference of this size.

    ((z(1 - significance / 2) + z(power)) * spread / difference)^2, with Guenther's (1981) small
    addition for a spread that is itself estimated. Ten times smaller differences need a hundred
    times as many items.

    Args:
        difference: the mean difference worth noticing, for example 0.03 of recall.
        spread: standard deviation of the per-item differences, from a first run:
            np.std(a - b, ddof=1).
        power: chance of noticing it if it is there.
        significance: chance of seeing a difference where there is none.

    Returns:
        The number of items, at least 2.

    Raises:
        ValueError: if an argument is out of range.

    >>> sample_size(0.03, spread=0.25)
    547

    Built in notebooks/09_evaluating_retrieval.ipynb.
    """
    if not (np.isfinite(difference) and difference != 0):
        raise ValueError(f"difference must be a finite number other than 0, got {difference}")
    if not (np.isfinite(spread) and spread > 0):
        raise ValueError(f"spread must be above 0 and finite, got {spread}")
    for name, share in (("power", power), ("significance", significance)):
        if not 0.0 < share < 1.0:
            raise ValueError(f"{name} must be between 0 and 1, both excluded, got {share}")
    normal = NormalDist()
    threshold = normal.inv_cdf(1 - significance / 2)
    items = ((threshold + normal.inv_cdf(power)) * spread / difference) ** 2
    return max(2, ceil(items + threshold**2 / 2))


def _in_order(p_values: ArrayLike) -> tuple[Floats, NDArray[np.intp]]:
    """The p-values, and the order that sorts them."""
    p = _as_numbers(p_values, "p_values")
    bad = np.flatnonzero((p < 0) | (p > 1))
    if bad.size:
        raise ValueError(f"p_values must be from 0 to 1, got {p[bad[0]]} at {bad[0]}")
    return p, np.argsort(p)


def _as_numbers(values: ArrayLike, name: str) -> Floats:
    """Finite float64 numbers of shape (n,), n at least 1."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers of shape (n,): {error}") from error
    if numbers.ndim != 1 or not len(numbers):
        raise ValueError(
            f"{name} must have the shape (n,) with n at least 1, got the shape {numbers.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        raise ValueError(f"{name} must hold finite numbers, got {numbers[bad[0]]} at {bad[0]}")
    return numbers
