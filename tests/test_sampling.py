"""course_lib.sampling beside scipy and the transformers library's own logits processors."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import scipy.stats
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from transformers.generation.logits_process import (
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from course_lib.sampling import (
    apply_temperature,
    entropy,
    log_softmax,
    min_p_filter,
    perplexity,
    sample,
    softmax,
    top_k_filter,
    top_p_filter,
)

TAKES_LOGITS = [
    softmax,
    log_softmax,
    lambda logits: apply_temperature(logits, 0.5),
    lambda logits: apply_temperature(logits, 0),
    lambda logits: top_k_filter(logits, 2),
    lambda logits: top_p_filter(logits, 0.5),
    lambda logits: min_p_filter(logits, 0.5),
    lambda logits: sample(logits, np.random.default_rng(0)),
]
shapes = hnp.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=12)
# -inf is a token that may not come; a few whole numbers, so that ties are common
values = st.one_of(st.floats(-60, 60), st.sampled_from([-np.inf, 0.0, 1.0, 2.0]))


@st.composite
def logits_rows(draw: st.DrawFn, shapes=shapes) -> np.ndarray:
    rows = draw(hnp.arrays(np.float64, draw(shapes), elements=values))
    assume(np.isfinite(rows.max(axis=-1)).all())
    return rows


def by_transformers(warper, logits: np.ndarray) -> np.ndarray:
    rows = torch.tensor(np.atleast_2d(logits))
    return warper(None, rows).numpy().reshape(logits.shape)


@given(logits=logits_rows())
def test_softmax_and_its_logarithm_equal_scipys(logits):
    np.testing.assert_allclose(softmax(logits), scipy.special.softmax(logits, axis=-1), atol=1e-15)
    np.testing.assert_allclose(
        log_softmax(logits), scipy.special.log_softmax(logits, axis=-1), atol=1e-12
    )


@given(logits=logits_rows(), shift=st.floats(-1e4, 1e4))
def test_softmax_adds_up_to_1_and_sees_differences_alone(logits, shift):
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1)
    np.testing.assert_allclose(softmax(logits + shift), probabilities, atol=1e-9)


@pytest.mark.parametrize("huge", [1e4, 1e30, 1e308])
def test_huge_logits_overflow_nowhere(huge):
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_array_equal(softmax([huge, huge, -huge]), [0.5, 0.5, 0])
        assert log_softmax([huge, 0.0])[0] == 0
        np.testing.assert_array_equal(softmax(apply_temperature([huge, -huge], 1e-300)), [1, 0])
        np.testing.assert_array_equal(top_p_filter([huge, -huge], 0.9), [huge, -np.inf])


@given(logits=logits_rows(), temperature=st.floats(0.05, 20))
def test_temperature_gives_the_distribution_of_transformers(logits, temperature):
    theirs = by_transformers(TemperatureLogitsWarper(temperature), logits)
    np.testing.assert_allclose(
        softmax(apply_temperature(logits, temperature)), softmax(theirs), atol=1e-12
    )


@given(logits=logits_rows())
def test_temperature_0_is_greedy_and_colder_approaches_it(logits):
    greedy = softmax(apply_temperature(logits, 0))
    np.testing.assert_array_equal(greedy.argmax(axis=-1), logits.argmax(axis=-1))
    assert set(np.unique(greedy)) <= {0.0, 1.0}
    np.testing.assert_array_equal(greedy.sum(axis=-1), 1)
    logits = logits.round(6)
    cold = softmax(apply_temperature(logits, 1e-300))
    best = logits == logits.max(axis=-1, keepdims=True)
    # A tie is broken at 0 alone.
    np.testing.assert_allclose(cold, best / best.sum(axis=-1, keepdims=True))


@given(logits=logits_rows(), k=st.integers(1, 15))
def test_top_k_equals_transformers_ties_included(logits, k):
    theirs = by_transformers(TopKLogitsWarper(k), logits)
    np.testing.assert_array_equal(top_k_filter(logits, k), theirs)


@given(logits=logits_rows(), p=st.floats(0, 1))
def test_top_p_keeps_as_many_of_each_logit_as_transformers(logits, p):
    upto = np.cumsum(np.sort(softmax(logits), axis=-1), axis=-1)
    assume(np.abs(upto - (1 - p)).min() > 1e-9)  # on the border rounding decides
    ours = top_p_filter(logits, p)
    theirs = by_transformers(TopPLogitsWarper(p), logits)
    # Which of two equal tokens stays is left to chance there, so not their places but what stays.
    np.testing.assert_array_equal(np.sort(ours, axis=-1), np.sort(theirs, axis=-1))


@given(logits=logits_rows(), p=st.floats(0, 1, allow_subnormal=False))
def test_min_p_equals_transformers(logits, p):
    ratio = softmax(logits) / softmax(logits).max(axis=-1, keepdims=True)
    assume(np.abs(ratio - p).min() > 1e-12)
    theirs = by_transformers(MinPLogitsWarper(p), logits)
    np.testing.assert_array_equal(min_p_filter(logits, p), theirs)


@given(logits=logits_rows(), p=st.floats(0, 1), k=st.integers(1, 15))
def test_a_filter_changes_no_logit_it_keeps_and_always_keeps_the_best(logits, p, k):
    for filtered in (top_k_filter(logits, k), top_p_filter(logits, p), min_p_filter(logits, p)):
        kept = np.isfinite(filtered)
        np.testing.assert_array_equal(filtered[kept], logits[kept])
        np.testing.assert_array_equal(filtered.max(axis=-1), logits.max(axis=-1))


@pytest.mark.parametrize(("p", "kept"), [(0.25, 1), (0.3, 2), (0.5, 2), (0.51, 3), (1.0, 4)])
def test_at_the_border_of_top_p_the_first_of_equals_stay(p, kept):
    expected = [0.0] * kept + [-np.inf] * (4 - kept)
    np.testing.assert_array_equal(top_p_filter([0.0, 0.0, 0.0, 0.0], p), expected)


def test_filters_that_keep_everything():
    logits = np.array([3.0, -np.inf, 1.0, -40.0])
    for filtered in (top_k_filter(logits, 9), top_p_filter(logits, 1), min_p_filter(logits, 0)):
        np.testing.assert_array_equal(filtered, logits)


@pytest.mark.parametrize("function", TAKES_LOGITS[:-1])
def test_float32_stays_float32_and_the_input_as_it_was(function):
    logits = np.array([[1, 3, 2], [5, 5, 0]], dtype=np.float32)
    before = logits.copy()
    assert function(logits).dtype == np.float32
    np.testing.assert_array_equal(logits, before)
    assert function([[1, 3, 2]]).dtype == np.float64


def test_a_temperature_too_small_for_float32_is_a_cold_one():
    cold = softmax(apply_temperature(np.array([2, 5, 5], dtype=np.float32), 1e-300))
    np.testing.assert_array_equal(cold, np.array([0, 0.5, 0.5], dtype=np.float32))


@pytest.mark.parametrize("function", TAKES_LOGITS)
def test_one_token_is_certain(function):
    result = function([7.0])
    assert result == 0 if isinstance(result, int) else softmax(np.atleast_1d(result)) == 1


@pytest.mark.parametrize("function", TAKES_LOGITS)
@pytest.mark.parametrize(
    ("logits", "message"),
    [
        ([1.0, np.nan], "no NaN"),
        ([1.0, np.inf], r"got \+inf"),
        ([-np.inf, -np.inf], "every token is at -inf"),
        ([], "one number or more"),
        (3.0, "one number or more"),
        (["a"], "must be numbers"),
        ([[1.0], [1.0, 2.0]], "must be numbers"),
    ],
)
def test_bad_logits_are_refused(function, logits, message):
    with pytest.raises(ValueError, match=message):
        function(logits)


@pytest.mark.parametrize("temperature", [-0.1, np.nan, np.inf, "hot", True, None])
def test_a_bad_temperature_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be a finite number from 0"):
        apply_temperature([1.0, 2.0], temperature)


@pytest.mark.parametrize("k", [0, -1, 2.0, True, "3"])
def test_a_bad_k_is_refused(k):
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        top_k_filter([1.0, 2.0], k)


@pytest.mark.parametrize("function", [top_p_filter, min_p_filter])
@pytest.mark.parametrize("p", [-0.1, 1.1, np.nan, 50, True])
def test_a_bad_p_is_refused(function, p):
    with pytest.raises(ValueError, match="p must be a finite number from 0 to 1"):
        function([1.0, 2.0], p)


# ---- drawing


@pytest.mark.parametrize(
    ("options", "n_kept"),
    [
        ({"temperature": 0.7, "top_k": 4, "top_p": 0.9}, 3),
        ({"temperature": 2.0, "top_k": 2}, 2),
        ({"min_p": 0.3}, 3),
        ({"temperature": 0}, 1),
        ({}, 5),
    ],
)
def test_draws_follow_the_filtered_distribution(options, n_kept):
    logits = np.log([0.1, 0.4, 0.3, 0.05, 0.15])
    drawn = sample(logits, np.random.default_rng(0), **options, size=40_000)
    wanted = apply_temperature(logits, options.get("temperature", 1.0))
    for name, warp in (("top_k", top_k_filter), ("top_p", top_p_filter), ("min_p", min_p_filter)):
        wanted = warp(wanted, options[name]) if name in options else wanted
    wanted = softmax(wanted)
    assert (wanted > 0).sum() == n_kept
    counts = np.bincount(drawn, minlength=5)
    assert counts[wanted == 0].sum() == 0
    if n_kept > 1:
        assert scipy.stats.chisquare(counts[wanted > 0], 40_000 * wanted[wanted > 0]).pvalue > 0.001


def test_a_seed_repeats_a_draw_and_one_draw_is_an_int():
    logits = np.zeros(1000)
    first, again = (sample(logits, np.random.default_rng(3), size=20) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len(set(first)) > 10
    one = sample(logits, np.random.default_rng(3))
    assert isinstance(one, int)
    assert one == first[0]


class AlwaysThe:
    """A generator at one of its ends."""

    def __init__(self, u):
        self.u = u

    def random(self, size=None):
        return self.u if size is None else np.full(size, self.u)


def test_a_draw_at_either_end_takes_a_token_that_may_come():
    rng = np.random.default_rng(0)
    for n in range(1, 300):  # rounding goes another way each time
        logits = np.concatenate([[-np.inf], rng.normal(size=n), [-np.inf]])
        assert sample(logits, AlwaysThe(0.0)) == 1
        assert sample(logits, AlwaysThe(np.nextafter(1, 0))) == n


def test_a_draw_wants_one_row():
    with pytest.raises(ValueError, match=r"shape \(n_tokens,\), got \(1, 2\)"):
        sample([[1.0, 2.0]], np.random.default_rng(0))


# ---- entropy and perplexity


@given(logits=logits_rows())
def test_entropy_equals_scipys(logits):
    probabilities = softmax(logits)
    for unit, base in (("bits", 2), ("nats", None)):
        wanted = scipy.stats.entropy(probabilities, axis=-1, base=base)
        np.testing.assert_allclose(entropy(probabilities, unit=unit), wanted, atol=1e-12)


@given(n=st.integers(1, 500))
def test_a_uniform_choice_has_the_most_entropy_and_the_perplexity_n(n):
    uniform = np.full(n, 1 / n)
    assert entropy(uniform) == pytest.approx(np.log2(n))
    assert perplexity(np.log(uniform)) == pytest.approx(n)
    assert 2 ** entropy(uniform) == pytest.approx(n)


def test_entropy_of_a_certain_choice_is_zero_without_a_sign():
    assert str(entropy([1.0, 0.0])) == "0.0"
    np.testing.assert_array_equal(entropy([[1.0, 0.0], [0.5, 0.5]]), [0, 1])


@pytest.mark.parametrize("bad", [[0.5, 0.4], [1.5, -0.5], [2.0, 3.0], [np.nan, 1.0], [], [[], []]])
def test_entropy_refuses_what_is_no_distribution(bad):
    with pytest.raises(ValueError, match="probabilities must"):
        entropy(bad)
    with pytest.raises(ValueError, match="unit must be 'bits' or 'nats'"):
        entropy([1.0], unit="digits")


@given(hnp.arrays(np.float64, st.integers(1, 30), elements=st.floats(-50, 0)))
def test_perplexity_is_the_inverse_of_the_geometric_mean(logs):
    assert perplexity(logs) == pytest.approx(1 / scipy.stats.gmean(np.exp(logs)), rel=1e-9)


def test_perplexity_at_its_ends():
    assert perplexity([0.0]) == 1.0
    assert perplexity([1e-8, 0.0]) == 1.0  # what rounding makes of certain tokens
    assert perplexity([-1.0, -np.inf]) == np.inf
    assert perplexity([-1e9]) == np.inf


@pytest.mark.parametrize("bad", [[0.5, -1.0], [], [np.nan], [[-1.0, -2.0]], -1.0])
def test_perplexity_refuses_what_is_no_log_probability(bad):
    with pytest.raises(ValueError, match="log_probabilities must"):
        perplexity(bad)
