"""Which examples are chosen: against the definitions, on vectors made by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.prompts import select_examples
from course_lib.similarity import mmr

VECTORS = {
    "query": [1.0, 0.0],
    "near": [0.99, 0.14],
    "near again": [0.98, 0.2],
    "aside": [0.7, -0.71],
    "far": [-1.0, 0.0],
}


class Table:
    """An embedder that looks up."""

    def encode(self, texts):
        vectors = np.array([VECTORS[text] for text in texts], np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


POOL = ["far", "near again", "aside", "near"]


def test_similar_takes_the_nearest_first():
    assert select_examples("query", POOL, 3, method="similar", embedder=Table()) == [3, 1, 2]


def test_diverse_does_not_repeat():
    chosen = select_examples("query", POOL, 2, method="diverse", embedder=Table())
    assert chosen == [3, 2]
    vectors = Table().encode(["query", *POOL])
    assert chosen == mmr(vectors[0], vectors[1:], 2).tolist()


@given(st.integers(1, 30), st.data())
def test_random_is_a_draw_without_repeats(size, data):
    pool = [str(number) for number in range(size)]
    k, seed = data.draw(st.integers(1, size)), data.draw(st.integers(0, 5))
    chosen = select_examples("a", pool, k, seed=seed)
    assert chosen == select_examples("b", pool, k, seed=seed)
    assert len(set(chosen)) == k
    assert set(chosen) <= set(range(size))
    assert all(type(place) is int for place in chosen)


def test_random_depends_on_the_seed_and_reaches_all():
    pool = list("abcdef")
    draws = [tuple(select_examples("", pool, 2, seed=seed)) for seed in range(40)]
    assert {place for draw in draws for place in draw} == set(range(6))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k must be between 1 and 4"),
        ({"k": 5}, "k must be between 1 and 4"),
        ({"k": True}, "k must be between"),
        ({"k": 1, "method": "best"}, "method must be 'random'"),
        ({"k": 1, "method": "similar"}, "embedder must be given"),
        ({"k": 1, "pool": "text"}, "pool must be a list"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        select_examples(**{"query": "query", "pool": POOL, **arguments})
