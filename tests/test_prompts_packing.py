"""Packing and compressing: never over the budget, in the order promised, nothing made up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.prompts import compress, pack_context


def words(text):
    return len(text.split())


class Overlap:
    """An embedder whose vectors are sets of words."""

    def encode(self, texts):
        sets = [set(text.lower().strip(" .?\n").replace(".", "").split()) for text in texts]
        every = sorted(set().union(*sets))
        vectors = np.array([[word in one for word in every] for one in sets], np.float32)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


@given(
    st.lists(st.text("ab ", max_size=8), max_size=8),
    st.integers(0, 30),
    st.sampled_from(["best_first", "best_last", "edges"]),
)
def test_packed_within_the_budget(passages, budget, order):
    kept = pack_context(passages, budget, count_tokens=len, order=order)
    assert sum(len(passages[place]) for place in kept) <= budget
    assert len(set(kept)) == len(kept)
    left = budget
    greedy = []  # the definition
    for place, passage in enumerate(passages):
        if len(passage) <= left:
            greedy.append(place)
            left -= len(passage)
    assert sorted(kept) == greedy


def test_orders():
    def packed(order):
        return pack_context(["a"] * 5, 9, count_tokens=len, order=order)

    assert packed("best_first") == [0, 1, 2, 3, 4]
    assert packed("best_last") == [4, 3, 2, 1, 0]
    assert packed("edges") == [0, 2, 4, 3, 1]  # the worst, 4, in the middle


PAGE = "Bikes are sold in Ghent. A return costs 79 euro. We like tea.\nThe return takes 30 days."


def test_compress_takes_the_nearest_sentences_in_their_order():
    kept = compress(
        "How many days does a return take?", [PAGE], 11, embedder=Overlap(), count_tokens=words
    )
    assert kept == ["A return costs 79 euro. ...\nThe return takes 30 days."]


def test_compress_across_passages():
    pages = ["Tea is hot. Cats sleep.", "A return takes 30 days."]
    kept = compress("return days", pages, 5, embedder=Overlap(), count_tokens=words)
    assert kept == ["", "A return takes 30 days."]


def test_a_ruler_of_a_table_is_no_sentence():
    table = "| part | price |\n|---|---|\n| pads | 16 |\n"
    kept = compress("price of pads", [table], 99, embedder=Overlap(), count_tokens=words)
    assert kept == ["| part | price | ...\n| pads | 16 |"]


@given(st.lists(st.lists(st.sampled_from(["One a.", "Two b.", "Three c d e."])), max_size=4),
       st.integers(0, 20))  # fmt: skip
def test_compressed_within_the_budget(parts, budget):
    pages = [" ".join(part) for part in parts]
    kept = compress("a c", pages, budget, embedder=Overlap(), count_tokens=words)
    assert len(kept) == len(pages)
    assert sum(map(words, kept)) <= budget
    for text, page in zip(kept, pages, strict=True):
        rest = page
        for line in text.split(" ...\n"):
            assert line in rest  # in order, and each where it stood
            rest = rest.partition(line)[2] if line else rest
    if sum(map(words, pages)) <= budget:
        assert kept == [page.strip() for page in pages]


def test_wrong_arguments():
    with pytest.raises(ValueError, match="max_tokens must be 0 or more, got -1"):
        pack_context(["a"], -1, count_tokens=len)
    with pytest.raises(ValueError, match="order must be"):
        pack_context(["a"], 1, count_tokens=len, order="worst")
    with pytest.raises(ValueError, match="max_tokens must be 0 or more, got -1"):
        compress("q", ["a"], -1, embedder=Overlap(), count_tokens=len)
    assert compress("q", [], 5, embedder=Overlap(), count_tokens=len) == []
    assert compress("q", ["--- ..."], 5, embedder=Overlap(), count_tokens=len) == [""]
