"""From a language model's logits to one token: probabilities, filters, a draw. Needs NumPy alone.

A logit is the model's score for a token, any number; one vector of them has one entry for each
token of the vocabulary. Functions work along the last axis, so logits may have the shape
(n_tokens,) or (n, n_tokens). float32 stays float32; other numbers are computed in float64. A
logit of -inf is a token that cannot be chosen. The filters keep the logits of the tokens they
allow and set the others to -inf, as the logits processors of the transformers library do.
ValueErrors refuse NaN, +inf, an empty row, and a row in which every token is at -inf.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]


def softmax(logits: ArrayLike) -> Floats:
    """Probabilities that grow with the logits: exp(logit) divided by the sum of all exp(logit).

    Args:
        logits: shape (..., n_tokens).

    Returns:
        The same shape; 0 or more, and each row adds up to 1.

    >>> softmax([0.0, 0.0, np.log(2.0)])
    array([0.25, 0.25, 0.5 ])
    >>> softmax([1000.0, 1000.0])  # exp(1000) alone would overflow
    array([0.5, 0.5])

    Built in notebooks/04_probability.ipynb.
    """
    powers = np.exp(_below_the_best(_as_logits(logits)))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def log_softmax(logits: ArrayLike) -> Floats:
    """Natural logarithm of `softmax`, exact also where a probability is too small for a float.

    Args:
        logits: shape (..., n_tokens).

    Returns:
        The same shape; 0 or less.

    >>> log_softmax([0.0, -2000.0])
    array([    0., -2000.])

    Built in notebooks/04_probability.ipynb.
    """
    below = _below_the_best(_as_logits(logits))
    return np.asarray(below - np.log(np.exp(below).sum(axis=-1, keepdims=True)))


def apply_temperature(logits: ArrayLike, temperature: float) -> Floats:
    """Logits divided by a temperature: below 1 the best tokens gain, above 1 the others do.

    Args:
        logits: shape (..., n_tokens).
        temperature: 0 or more. 0 is greedy: the best token alone is left, of equals the first.

    Returns:
        The same shape, moved so that the best logit is 0: no softmax sees it, nothing overflows.

    Raises:
        ValueError: if the temperature is negative or not finite.

    >>> apply_temperature([3.0, 1.0, 3.0], 2.0)
    array([ 0., -1.,  0.])
    >>> softmax(apply_temperature([3.0, 1.0, 3.0], 0))
    array([1., 0., 0.])

    Built in notebooks/04_probability.ipynb.
    """
    below = _below_the_best(_as_logits(logits))
    _check_up_to(np.inf, temperature, "temperature")
    if temperature > 0:
        with np.errstate(over="ignore"):  # -inf is the right limit
            return np.asarray(below / max(float(temperature), 1e-30))  # float32 holds no less
    is_best = np.arange(below.shape[-1]) == below.argmax(axis=-1, keepdims=True)
    return np.where(is_best, below, -np.inf)


def top_k_filter(logits: ArrayLike, k: int) -> Floats:
    """Keep the k most probable tokens and the equals of the k-th; the others go to -inf.

    Args:
        logits: shape (..., n_tokens).
        k: 1 or more; from n_tokens upwards everything is kept.

    >>> top_k_filter([1.0, 4.0, 2.0, 2.0], 2)
    array([-inf,   4.,   2.,   2.])

    Built in notebooks/04_probability.ipynb.
    """
    array = _as_logits(logits)
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, got {k!r}")
    place = array.shape[-1] - min(int(k), array.shape[-1])
    kth_best = np.partition(array, place, axis=-1)[..., place : place + 1]
    return np.where(array >= kth_best, array, -np.inf)


def top_p_filter(logits: ArrayLike, p: float) -> Floats:
    """Keep the fewest most probable tokens that add up to p (nucleus sampling); others go to -inf.

    Args:
        logits: shape (..., n_tokens).
        p: from 0 to 1; the best token is always kept. Of equally probable tokens at the border
            the first in order are kept.

    >>> top_p_filter(np.log([0.2, 0.5, 0.3]), 0.6).round(2)
    array([ -inf, -0.69, -1.2 ])

    Built in notebooks/04_probability.ipynb (Holtzman and others, 2020).
    """
    array = _as_logits(logits)
    _check_up_to(1, p, "p")
    best_last = np.flip(np.argsort(-array, axis=-1, kind="stable"), axis=-1)
    # Adding up from the least probable token loses no digits: what a token and all less probable
    # ones share must exceed 1 - p, or the tokens before it reach p without it.
    tail = np.cumsum(np.take_along_axis(softmax(array), best_last, axis=-1), axis=-1)
    kept = np.empty(array.shape, dtype=bool)
    np.put_along_axis(kept, best_last, tail > 1 - p, axis=-1)
    np.put_along_axis(kept, best_last[..., -1:], True, axis=-1)
    return np.where(kept, array, -np.inf)


def min_p_filter(logits: ArrayLike, p: float) -> Floats:
    """Keep the tokens at least p times as probable as the best one; the others go to -inf.

    Args:
        logits: shape (..., n_tokens).
        p: from 0 (keep everything) to 1 (keep the best, and its equals).

    >>> min_p_filter(np.log([0.2, 0.5, 0.3]), 0.5).round(2)
    array([ -inf, -0.69, -1.2 ])

    Built in notebooks/04_probability.ipynb (Nguyen and others, 2024).
    """
    array = _as_logits(logits)
    _check_up_to(1, p, "p")
    least = np.log(p) if p > 0 else -np.inf  # a ratio of probabilities is a difference of logits
    return np.where(_below_the_best(array) >= least, array, -np.inf)


def sample(
    logits: ArrayLike,
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    size: int | None = None,
) -> Any:
    """Draw tokens by their probabilities, after temperature, top-k, top-p and min-p in this order.

    Args:
        logits: shape (n_tokens,).
        rng: makes the draw repeatable: ``np.random.default_rng(seed)``.
        temperature, top_k, top_p, min_p: as in the functions of these names; None leaves one out.
        size: how many tokens to draw; None for one.

    Returns:
        The index of a token, an int; or indices of shape (size,).

    Raises:
        ValueError: if logits are not one row, or as the functions of these names do.

    >>> sample([0.0, 5.0, 1.0], np.random.default_rng(0), temperature=0)
    1
    >>> sample(np.log([0.1, 0.6, 0.3]), np.random.default_rng(0), top_k=2, size=8)
    array([1, 1, 1, 1, 2, 2, 1, 2])

    Built in notebooks/04_probability.ipynb.
    """
    row = apply_temperature(logits, temperature)
    if row.ndim != 1:
        raise ValueError(f"logits must have the shape (n_tokens,), got {row.shape}")
    if top_k is not None:
        row = top_k_filter(row, top_k)
    if top_p is not None:
        row = top_p_filter(row, top_p)
    if min_p is not None:
        row = min_p_filter(row, min_p)
    upto = np.cumsum(softmax(row.astype(np.float64)))
    # A draw below 1, times a number, is below that number: it falls on a token that may come.
    drawn = np.searchsorted(upto, rng.random(size) * upto[-1], side="right")
    return int(drawn) if size is None else drawn


def entropy(probabilities: ArrayLike, *, unit: Literal["bits", "nats"] = "bits") -> Any:
    """How open a choice is: the mean of -log(probability). 0 bits when one token is certain.

    2 to the power of the bits is the number of equally probable tokens that were as open.

    Args:
        probabilities: shape (..., n_tokens), each row adding up to 1.
        unit: "bits" (logarithm to base 2) or "nats" (natural logarithm).

    Returns:
        A float for one row, else shape (...).

    Raises:
        ValueError: if a row is no distribution, or the unit is unknown.

    >>> entropy([0.5, 0.25, 0.25])
    1.5

    Built in notebooks/04_probability.ipynb (Shannon, 1948).
    """
    array = _as_floats(probabilities, "probabilities")
    if unit not in ("bits", "nats"):
        raise ValueError(f"unit must be 'bits' or 'nats', got {unit!r}")
    if not (array >= 0).all() or not np.allclose(array.sum(axis=-1), 1, atol=1e-4):
        raise ValueError("probabilities must be 0 or more and add up to 1: softmax makes them so")
    logs = np.log(array, out=np.zeros_like(array), where=array > 0)  # 0 * log(0) counts as 0
    nats = np.abs((array * logs).sum(axis=-1))  # abs, because -0.0 looks odd
    result = nats / np.log(2) if unit == "bits" else nats
    return float(result) if array.ndim == 1 else result


def perplexity(log_probabilities: ArrayLike) -> float:
    """How surprised a model is by a text: exp of the mean of -log(probability) of its tokens.

    A perplexity of 20 is the surprise of choosing among 20 equally probable tokens each time.

    Args:
        log_probabilities: natural logarithms, one for each token of the text, shape (n,).

    Returns:
        1 or more; infinite where a token had the probability 0.

    Raises:
        ValueError: if there is none, or one is NaN or above 0.

    >>> round(perplexity(np.log([0.5, 0.125])), 6)
    4.0

    Built in notebooks/04_probability.ipynb.
    """
    array = _as_floats(log_probabilities, "log_probabilities")
    if array.ndim != 1 or not (array <= 1e-6).all():  # rounding may lift a certain token above 0
        raise ValueError(
            "log_probabilities must have the shape (n,) and be 0 or less (log_softmax makes them), "
            f"got the shape {array.shape}, up to {array.max()}"
        )
    with np.errstate(over="ignore"):
        return float(np.exp(-np.minimum(array, 0).mean(dtype=np.float64)))


def _as_floats(values: ArrayLike, name: str) -> Floats:
    """Array of at least one dimension that is neither empty nor holds NaN."""
    try:
        array = np.asarray(values)
        if array.dtype != np.float32:
            array = array.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers: {error}") from error
    if array.ndim == 0 or array.size == 0:
        raise ValueError(f"{name} must hold one number or more in a row, got {array.shape}")
    if np.isnan(array).any():
        raise ValueError(f"{name} must hold no NaN, got {np.isnan(array).sum()} of them")
    return array


def _as_logits(values: ArrayLike) -> Floats:
    """Logits of which each row has a finite best one."""
    array = _as_floats(values, "logits")
    best = array.max(axis=-1)
    if not np.isfinite(best).all():
        what = "+inf" if (best == np.inf).any() else "a row in which every token is at -inf"
        raise ValueError(f"logits must have a finite largest number in each row, got {what}")
    return array


def _below_the_best(logits: Floats) -> Floats:
    """Logits less the largest of their row: the same probabilities, and exp cannot overflow."""
    with np.errstate(over="ignore"):  # -1e308 - 1e308 is as good as -inf
        return np.asarray(logits - logits.max(axis=-1, keepdims=True))


def _check_up_to(high: float, value: Any, name: str) -> None:
    """Raise unless the value is a finite number from 0 to `high`."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not (number and 0 <= value <= high and value < np.inf):
        raise ValueError(f"{name} must be a finite number from 0 to {high}, got {value!r}")
