"""Measuring a store: recall against exact search, and a process of its own."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.similarity import top_k
from course_lib.vector_stores.measure import measure_store, recall_at_k


def unit(n: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@given(st.integers(1, 12), st.integers(0, 5), st.integers(0, 1000))
def test_recall_is_the_share_of_the_nearest_that_was_kept(k, dropped, seed):
    scores = np.random.default_rng(seed).permutation(60).reshape(3, 20) / 60
    found = [row[dropped:].tolist() for row in top_k(scores, k)[0]]
    assert recall_at_k(scores, found, k) == pytest.approx(max(0, k - dropped) / k)


def test_a_record_as_near_as_the_last_counts_whichever_comes_first():
    scores = [[0.9, 0.5, 0.5, 0.1]]
    assert recall_at_k(scores, [[0, 1]], 2) == recall_at_k(scores, [[0, 2]], 2) == 1.0
    assert recall_at_k(scores, [[0, 3]], 2) == 0.5
    assert recall_at_k(scores, [[]], 2) == 0.0


def test_fewer_records_than_asked_for_are_all_found():
    assert recall_at_k([[0.9, 0.5]], [[0, 1]], 10) == 1.0


@pytest.mark.parametrize("url", ["memory:", "exact:FOLDER"])
def test_an_exact_store_has_recall_one_at_each_size(url):
    before = set(os.listdir())
    small, large = measure_store(url, [(unit(50, 0), unit(5, 1)), (unit(3000, 2), unit(5, 3))])
    assert (small.n, large.n) == (50, 3000)
    assert small.recall == large.recall == 1.0
    assert 0 < large.p50_ms <= large.p95_ms
    assert large.build_s > 0
    assert set(os.listdir()) == before


def test_an_approximate_store_is_measured_as_such():
    rows = unit(4000, 0)
    (one,) = measure_store("ivf::memory:", [(rows, unit(30, 1))])
    assert 0.3 < one.recall < 1.0


def test_an_error_in_the_other_process_comes_back():
    with pytest.raises(ValueError, match="url must start with"):
        measure_store("nothing:", [(unit(20, 0), unit(2, 1))])
