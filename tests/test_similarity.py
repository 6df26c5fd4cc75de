"""course_lib.similarity beside scipy and scikit-learn, on random and on nasty input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import cosine_similarity as sklearn_cosine

from course_lib import similarity
from course_lib.similarity import (
    cosine_similarity,
    dot_product,
    euclidean_distance,
    manhattan_distance,
    mmr,
    top_k,
)

PAIRWISE = [dot_product, cosine_similarity, euclidean_distance, manhattan_distance]
ORACLES: dict[Callable[..., Any], Callable[..., Any]] = {
    dot_product: lambda q, d: np.array([[sum(a * b) for b in d] for a in q]),
    cosine_similarity: sklearn_cosine,
    euclidean_distance: lambda q, d: cdist(q, d, "euclidean"),
    manhattan_distance: lambda q, d: cdist(q, d, "cityblock"),
}
# scikit-learn takes a length below 1e-15 for zero; we do not, and are asked about that apart.
numbers = st.floats(-1e6, 1e6).map(lambda x: x if abs(x) > 1e-6 else 0.0)


@st.composite
def query_and_document_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    dim = draw(st.integers(1, 8))
    rows = st.integers(1, 6)
    return (
        draw(hnp.arrays(np.float64, (draw(rows), dim), elements=numbers)),
        draw(hnp.arrays(np.float64, (draw(rows), dim), elements=numbers)),
    )


@pytest.mark.parametrize("function", PAIRWISE)
@given(pair=query_and_document_rows())
def test_equals_the_oracle(function, pair):
    queries, documents = pair
    expected = ORACLES[function](queries, documents)
    size = max(1.0, float(np.abs(queries).max()), float(np.abs(documents).max()))
    tolerance = {dot_product: size * size, cosine_similarity: 1.0}.get(function, size)
    np.testing.assert_allclose(
        function(queries, documents), expected, rtol=1e-9, atol=1e-12 * tolerance
    )


@pytest.mark.parametrize("function", PAIRWISE)
@pytest.mark.parametrize("n_documents", [1, 500, 1001])  # more and less than one inner block
def test_equals_the_oracle_in_float32_and_keeps_it(function, n_documents):
    rng = np.random.default_rng(n_documents)
    queries = rng.standard_normal((3, 384)).astype(np.float32)
    documents = rng.standard_normal((n_documents, 384)).astype(np.float32)
    result = function(queries, documents)
    assert result.dtype == np.float32
    expected = ORACLES[function](queries.astype(float), documents.astype(float))
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("function", PAIRWISE)
def test_one_query_gives_its_row(function):
    rng = np.random.default_rng(0)
    queries, documents = rng.standard_normal((2, 5)), rng.standard_normal((7, 5))
    np.testing.assert_allclose(function(queries[0], documents), function(queries, documents)[0])


@pytest.mark.parametrize("function", PAIRWISE)
def test_accepts_lists_and_whole_numbers(function):
    result = function([[1, 2]], [[3, 4], [0, 1]])
    assert result.dtype == np.float64
    assert result.shape == (1, 2)


@pytest.mark.parametrize("function", PAIRWISE)
def test_no_queries_and_no_documents_give_empty_scores(function):
    assert function(np.zeros((0, 3)), np.ones((4, 3))).shape == (0, 4)
    assert function(np.ones((4, 3)), np.zeros((0, 3))).shape == (4, 0)


@pytest.mark.parametrize("function", PAIRWISE)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_queries", [1, 2, 50])
def test_refuses_what_is_not_finite(function, bad, dtype, n_queries):
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((n_queries, 20)).astype(dtype)
    documents = rng.standard_normal((60, 20)).astype(dtype)
    documents[41, 7] = bad
    queries[0, 7] = 0.0  # zero times NaN must still be seen
    with pytest.raises(ValueError, match=r"documents must hold finite .* in 1 of 60 .* row 41"):
        function(queries, documents)
    documents[41, 7] = 0.0
    queries[n_queries - 1, 7] = bad
    with pytest.raises(
        ValueError, match=rf"queries must hold finite .* first in row {n_queries - 1}"
    ):
        function(queries, documents)


@pytest.mark.parametrize("function", PAIRWISE)
def test_says_what_is_wrong_with_a_shape(function):
    with pytest.raises(ValueError, match="same dim, got 2 and 3"):
        function(np.ones((1, 2)), np.ones((1, 3)))
    with pytest.raises(ValueError, match=r"documents must have the shape .* got \(3,\)"):
        function(np.ones((1, 3)), np.ones(3))
    with pytest.raises(ValueError, match=r"queries must have the shape .* got \(1, 1, 3\)"):
        function(np.ones((1, 1, 3)), np.ones((1, 3)))
    with pytest.raises(ValueError, match="queries must have at least one number a row"):
        function(np.ones((1, 0)), np.ones((1, 0)))
    with pytest.raises(ValueError, match="queries must be numbers"):
        function([["a", "b"]], np.ones((1, 2)))
    with pytest.raises(ValueError, match="documents must be numbers"):
        function(np.ones((1, 2)), [[1, 2], [3]])


def test_a_zero_vector_has_cosine_0_with_everything():
    result = cosine_similarity([[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [2.0, 2.0]])
    np.testing.assert_allclose(result, [[0.0, 0.0], [0.0, 1.0]])


@given(pair=query_and_document_rows(), power=st.integers(-250, 250))
def test_cosine_ignores_length_and_stays_in_range(pair, power):
    queries, documents = pair
    result = cosine_similarity(queries, documents)
    assert result.min() >= -1.0
    assert result.max() <= 1.0
    # 1e-3 and more, so that the scaled numbers do not fall below the smallest float
    queries = np.where(np.abs(queries) < 1e-3, 0.0, queries)
    np.testing.assert_allclose(
        cosine_similarity(queries * 10.0**power, documents),
        cosine_similarity(queries, documents),
        atol=1e-12,
    )


@given(pair=query_and_document_rows())
def test_distances_are_metrics(pair):
    rows = np.concatenate(pair)
    for distance in (euclidean_distance, manhattan_distance):
        result = distance(rows, rows)
        assert (result >= 0).all()
        assert (np.diag(result) == 0).all()
        np.testing.assert_array_equal(result, result.T)
        through_others = (result[:, :, np.newaxis] + result[np.newaxis, :, :]).min(axis=1)
        assert (result <= through_others * (1 + 1e-9) + 1e-9).all()


def test_euclidean_distance_keeps_its_digits_between_close_vectors():
    vector = np.full((1, 384), 1000.0, dtype=np.float32)
    moved = vector.copy()
    moved[0, 0] += 0.5
    assert euclidean_distance(vector, moved)[0, 0] == pytest.approx(0.5)


def slow_top_k(scores: np.ndarray, k: int, largest: bool) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-scores if largest else scores, axis=-1, kind="stable")[..., :k]
    return order, np.take_along_axis(scores, order, axis=-1)


@given(
    scores=hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=1, max_dims=2, max_side=40),
        elements=st.one_of(st.integers(-2, 2), st.floats(width=32, allow_nan=False)),
    ),
    largest=st.booleans(),
    share=st.floats(0, 1),
)
def test_top_k_equals_a_full_stable_sort(scores, largest, share):
    k = max(1, round(share * scores.shape[-1]))
    indices, values = top_k(scores, k, largest=largest)
    expected_indices, expected_values = slow_top_k(scores, k, largest)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_array_equal(values, expected_values)
    assert values.dtype == np.float32


@pytest.mark.parametrize("n", [511, 512, 513, 5_000, 70_000, 70_001])
@pytest.mark.parametrize("k", [1, 2, 10, 140])
@pytest.mark.parametrize("kind", ["random", "many ties", "all equal", "rising", "falling", "-inf"])
@pytest.mark.parametrize("largest", [True, False])
def test_top_k_of_long_rows_equals_a_full_stable_sort(n, k, kind, largest):
    rng = np.random.default_rng(n + k)
    scores = {
        "random": rng.standard_normal((2, n)),
        "many ties": rng.integers(0, 5, (2, n)).astype(float),
        "all equal": np.ones((2, n)),
        "rising": np.arange(2.0 * n).reshape(2, n),
        "falling": -np.arange(2.0 * n).reshape(2, n),
        "-inf": np.where(rng.random((2, n)) < 0.9999, -np.inf, rng.standard_normal((2, n))),
    }[kind]
    indices, values = top_k(scores, k, largest=largest)
    expected_indices, expected_values = slow_top_k(scores, k, largest)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_array_equal(values, expected_values)


@settings(max_examples=300)
@given(data=st.data())
def test_top_k_by_groups_of_two_equals_a_full_stable_sort(data):
    scores = data.draw(
        hnp.arrays(np.float64, (2, data.draw(st.integers(8, 80))), elements=st.integers(-3, 3))
    )
    k = data.draw(st.integers(1, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "_LEAST_GROUP", 2)  # short rows then go the way of long ones
        indices, _ = top_k(scores, k)
    np.testing.assert_array_equal(indices, slow_top_k(scores, k, True)[0])


def test_top_k_works_on_columns_of_a_larger_array():
    scores = np.random.default_rng(0).standard_normal((3, 20_000))[:, ::3]
    np.testing.assert_array_equal(top_k(scores, 5)[0], slow_top_k(scores, 5, True)[0])


@pytest.mark.parametrize("k", [0, -1, 4])
def test_top_k_names_the_range_of_k(k):
    with pytest.raises(ValueError, match=rf"k must be between 1 and 3 .*, got {k}"):
        top_k(np.array([1.0, 2.0, 3.0]), k)


@pytest.mark.parametrize("k", [1.0, True, "1", None])
def test_top_k_refuses_a_k_that_is_no_whole_number(k):
    with pytest.raises(ValueError, match="k must be a whole number"):
        top_k(np.array([1.0, 2.0, 3.0]), k)


@pytest.mark.parametrize("n", [3, 10_000])
@pytest.mark.parametrize("largest", [True, False])
def test_top_k_refuses_nan_wherever_it_is(n, largest):
    for place in (0, n // 2, n - 1):
        scores = np.random.default_rng(0).standard_normal((2, n))
        scores[1, place] = np.nan
        with pytest.raises(ValueError, match="scores must hold no NaN, got NaN in row 1"):
            top_k(scores, 2, largest=largest)


def test_top_k_of_empty_input():
    assert top_k(np.zeros((0, 5)), 2)[0].shape == (0, 2)
    with pytest.raises(ValueError, match="at least one number"):
        top_k(np.array([]), 1)
    with pytest.raises(ValueError, match="scores must have the shape"):
        top_k(np.float64(1.0), 1)


def slow_mmr(query: np.ndarray, documents: np.ndarray, k: int, trade_off: float) -> list[int]:
    """The formula, read aloud."""
    to_query = cosine_similarity(query, documents)
    to_each_other = cosine_similarity(documents, documents)
    taken = [int(np.argmax(to_query))]
    while len(taken) < k:
        left = [i for i in range(len(documents)) if i not in taken]
        score = [
            trade_off * to_query[i] - (1 - trade_off) * max(to_each_other[i, j] for j in taken)
            for i in left
        ]
        taken.append(left[int(np.argmax(score))])
    return taken


@pytest.mark.parametrize("trade_off", [0.0, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_mmr_follows_its_formula(trade_off, seed):
    rng = np.random.default_rng(seed)
    query, documents = rng.standard_normal(6), rng.standard_normal((15, 6))
    assert mmr(query, documents, 15, trade_off=trade_off).tolist() == slow_mmr(
        query, documents, 15, trade_off
    )


@given(pair=query_and_document_rows(), trade_off=st.floats(0, 1), data=st.data())
def test_mmr_takes_each_document_once_and_the_best_first(pair, trade_off, data):
    queries, documents = pair
    k = data.draw(st.integers(1, len(documents)))
    taken = mmr(queries[0], documents, k, trade_off=trade_off)
    assert taken.shape == (k,)
    assert len(set(taken.tolist())) == k
    assert taken[0] == np.argmax(cosine_similarity(queries[0], documents))


def test_mmr_at_trade_off_1_is_the_order_of_relevance():
    rng = np.random.default_rng(0)
    query, documents = rng.standard_normal(6), rng.standard_normal((15, 6))
    expected = top_k(cosine_similarity(query, documents), 15)[0]
    np.testing.assert_array_equal(mmr(query, documents, 15, trade_off=1.0), expected)


def test_mmr_says_what_is_wrong():
    documents = np.eye(3)
    with pytest.raises(ValueError, match=r"query must have the shape \(dim,\), got \(1, 3\)"):
        mmr(np.ones((1, 3)), documents, 1)
    with pytest.raises(ValueError, match="k must be between 1 and 3"):
        mmr(np.ones(3), documents, 4)
    with pytest.raises(ValueError, match=r"trade_off must be between 0 and 1, got 1\.5"):
        mmr(np.ones(3), documents, 1, trade_off=1.5)
    with pytest.raises(ValueError, match="trade_off must be between 0 and 1, got nan"):
        mmr(np.ones(3), documents, 1, trade_off=float("nan"))
    with pytest.raises(ValueError, match="queries must hold finite"):
        mmr(np.array([1.0, np.nan, 0.0]), documents, 1)
    with pytest.raises(ValueError, match="k must be between 1 and 0"):
        mmr(np.ones(3), np.zeros((0, 3)), 1)
