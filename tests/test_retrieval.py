"""BM25 beside bm25s, fusion and MMR beside their formulas, and what every search promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import bm25s
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import data, retrieval
from course_lib.chunking import Chunk, chunk_headings, covers
from course_lib.data import LARKSPUR
from course_lib.ingestion import Document, load_folder
from course_lib.retrieval import (
    BM25,
    DenseSearch,
    DiverseSearch,
    HybridSearch,
    LikelihoodReranker,
    Retrieved,
    WordSearch,
    reciprocal_rank_fusion,
)
from course_lib.retrieval.by_words import LANGUAGES
from course_lib.similarity import mmr


def chunks_of(*texts: str) -> list[Chunk]:
    return [Chunk(Document(text, "a.txt", f"d{n}"), 0, len(text)) for n, text in enumerate(texts)]


class LetterEmbedder:
    """Counts letters; enough to tell texts apart, and the same every time."""

    dim = 26

    def encode(self, texts: Iterable[str]) -> np.ndarray:
        rows = [[text.lower().count(chr(97 + n)) + 0.01 for n in range(26)] for text in texts]
        vectors = np.array(rows, dtype=np.float32).reshape(-1, 26)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class ListStore:
    """The least that dense search asks of a store."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[np.ndarray, Any, str]] = {}

    def upsert(self, ids, vectors, metadata=None, texts=None):
        for name, vector, item, text in zip(ids, vectors, metadata, texts, strict=True):
            self.records[name] = (vector, item, text)

    def search(self, query, k=10, *, where=None):
        hits = [
            SimpleNamespace(id=name, score=float(vector @ query))
            for name, (vector, item, _) in self.records.items()
            if all(item.get(key) == value for key, value in (where or {}).items())
        ]
        return sorted(hits, key=lambda hit: -hit.score)[:k]


@dataclass
class WordOverlapModel:
    """A stand-in for a language model: a question is likely after a passage with its words."""

    scored: bool = False  # return an object with a total, as the course's model does

    def __post_init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def log_probability(self, prompt: str, continuation: str) -> Any:
        self.asked.append((prompt, continuation))
        shared = set(prompt.lower().split()) & set(continuation.lower().split())
        total = float(len(shared)) - 10
        return SimpleNamespace(total=total) if self.scored else total


TEXTS = ["the motor is hot", "a worn chain", "charge the battery below forty", "motor and battery"]
MAKERS: dict[str, Callable[[list[Chunk]], Any]] = {
    "BM25": BM25,
    "WordSearch": WordSearch,
    "DenseSearch": lambda chunks: DenseSearch(LetterEmbedder(), ListStore(), chunks),
    "HybridSearch": lambda chunks: HybridSearch([BM25(chunks), WordSearch(chunks)]),
    "DiverseSearch": lambda chunks: DiverseSearch(BM25(chunks), LetterEmbedder()),
    "LikelihoodReranker": lambda chunks: LikelihoodReranker(BM25(chunks), WordOverlapModel()),
}


# --- what every search promises ---


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_results_are_chunks_with_scores(make):
    chunks = chunks_of(*TEXTS)
    search = make(chunks).search
    found = search("motor battery", 2)
    assert len(found) == 2
    assert all(isinstance(one, Retrieved) and one.chunk in chunks for one in found)
    assert all(type(one.score) is float for one in found)
    assert len({one.chunk.id for one in found}) == 2
    assert search("motor battery", 2) == found
    assert search("motor battery", np.int64(2)) == found
    assert 2 <= len(search("motor battery", 100)) <= 4


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_a_blank_query_and_no_chunks_find_nothing(make):
    full, empty = make(chunks_of(*TEXTS)), make([])
    for query in ("", "  \n"):
        assert full.search(query) == []
    assert empty.search("motor") == []
    assert empty.search("") == []


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
@pytest.mark.parametrize("k", [0, -1, 1.5, True, "2"])
def test_k_must_be_a_whole_number_above_0(make, k):
    with pytest.raises(ValueError, match="k must be a whole number of 1 or more, got"):
        make(chunks_of(*TEXTS)).search("motor", k)


@pytest.mark.parametrize("name", ["BM25", "WordSearch"])
@given(
    texts=st.lists(st.text("ab é", max_size=8), max_size=6),
    query=st.text("ab é\0", max_size=8),
    k=st.integers(1, 8),
)
@settings(max_examples=60, deadline=None)
def test_scores_fall_and_ties_keep_the_chunks_order(name, texts, query, k):
    chunks = chunks_of(*texts)
    found = MAKERS[name](chunks).search(query, k)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(score > 0 for score in scores)
    places = [(-one.score, chunks.index(one.chunk)) for one in found]
    assert places == sorted(places)


# --- BM25 ---

token_lists = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=12), min_size=1, max_size=8)


@given(
    documents=token_lists,
    query=st.lists(st.sampled_from("abcdefgh"), max_size=6),
    k1=st.floats(0, 3),
    b=st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_bm25_equals_bm25s_on_the_same_tokens(documents, query, k1, b):
    ours = BM25(chunks_of(*map(" ".join, documents)), k1=k1, b=b, tokenize=str.split)
    scores = ours.scores(" ".join(query))
    known = {token for tokens in documents for token in tokens}
    query = [token for token in query if token in known]  # bm25s knows no others
    if not query:
        assert not scores.any()
        return
    oracle = bm25s.BM25(k1=k1, b=b, dtype="float64")
    oracle.index(documents, show_progress=False)
    np.testing.assert_allclose(scores, oracle.get_scores(query), atol=1e-6, rtol=0)


@pytest.fixture(scope="module")
def larkspur() -> list[Chunk]:
    return chunk_headings(load_folder(LARKSPUR, ignore=["manuals"]).documents)


def test_bm25_equals_bm25s_on_larkspur(larkspur):
    for tokenize in (retrieval.words, lambda text: WordSearch([]).tokens([text])[0]):
        tokens = [tokenize(chunk.text_with_heading) for chunk in larkspur]
        oracle = bm25s.BM25(k1=1.2, b=0.75, dtype="float64")
        oracle.index(tokens, show_progress=False)
        ours = BM25(larkspur, tokenize=tokenize)
        known = {token for row in tokens for token in row}
        for question in data.load_questions()[:60]:
            query = [token for token in tokenize(question.text) if token in known]
            expected = oracle.get_scores(query)
            np.testing.assert_allclose(ours.scores(question.text), expected, atol=1e-6, rtol=0)


def test_word_search_is_bm25_on_stems(larkspur):
    search = WordSearch(larkspur)
    ours = BM25(larkspur, tokenize=lambda text: search.tokens([text])[0])
    for question in data.load_questions()[:40]:
        ids = [one.chunk.id for one in search.search(question.text, 10)]
        assert ids == [one.chunk.id for one in ours.search(question.text, 10)]


def test_bm25_by_hand():
    scores = BM25(chunks_of("a a b", "b"), k1=1.0, b=0.5).scores("a")
    idf = math.log(1 + (2 - 1 + 0.5) / (1 + 0.5))
    assert scores == pytest.approx([idf * 2 / (2 + 1 * (0.5 + 0.5 * 3 / 2)), 0.0], abs=1e-12)


def test_word_search_finds_other_forms_of_a_word_and_no_stop_words():
    chunks = chunks_of("Charging is allowed", "The chain", "Die Schalter klemmen")
    assert [one.chunk.text for one in WordSearch(chunks).search("the charge")] == [
        "Charging is allowed"
    ]
    german = WordSearch(chunks, language="german")
    assert [one.chunk.text for one in german.search("die Schaltern")] == ["Die Schalter klemmen"]
    assert german.search("die") == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_named_works(language):
    assert len(WordSearch(chunks_of("motor 40"), language=language).search("40")) == 1


def test_wrong_arguments_of_word_searches():
    with pytest.raises(ValueError, match=r"language must be one of danish, .*, got 'klingon'"):
        WordSearch([], language="klingon")
    with pytest.raises(ValueError, match="k1 must be 0 or more, got -1"):
        BM25([], k1=-1)
    with pytest.raises(ValueError, match=r"b must be between 0 and 1, got 1\.5"):
        BM25([], b=1.5)


# --- dense ---


def test_dense_search_is_by_cosine_and_stores_what_a_filter_needs():
    chunks = [
        Chunk(Document(text, "a.md", f"d{n}", "Title", {"superseded": n == 0}), 0, len(text))
        for n, text in enumerate(["aaa", "aab", "zzz"])
    ]
    store = ListStore()
    found = DenseSearch(LetterEmbedder(), store, chunks).search("aaa", 2)
    vectors = LetterEmbedder().encode(["aaa", *[chunk.text_with_heading for chunk in chunks]])
    expected = vectors[1:] @ vectors[0]
    assert [one.chunk.text for one in found] == ["aaa", "aab"]
    assert [one.score for one in found] == pytest.approx(sorted(expected)[:0:-1])
    _, metadata, text = store.records[chunks[0].id]
    assert text == chunks[0].text_with_heading == "Title\naaa"
    assert metadata == {"superseded": True, "source": "a.md", "title": "Title", "locator": "d0"}

    in_force = DenseSearch(
        LetterEmbedder(), store, chunks, index=False, where={"superseded": False}
    )
    assert [one.chunk.text for one in in_force.search("aaa", 3)] == ["aab", "zzz"]


def test_a_store_with_other_records_is_refused():
    store = ListStore()
    chunks = chunks_of("aaa", "bbb")
    DenseSearch(LetterEmbedder(), store, chunks)
    search = DenseSearch(LetterEmbedder(), store, chunks[:1], index=False)
    with pytest.raises(ValueError, match=r"the store must hold the given chunks alone.*'d1@0-3'"):
        search.search("aaa")


@pytest.mark.parametrize("url", ["memory:", "faiss::memory:"])
def test_dense_search_over_the_courses_stores(larkspur, url):
    from course_lib.vector_stores import open_store

    with open_store(url, dim=26) as store:
        found = DenseSearch(LetterEmbedder(), store, larkspur).search(larkspur[7].text_with_heading)
        assert found[0].chunk == larkspur[7]
        assert found[0].score == pytest.approx(1, abs=1e-5)
        assert store.count() == len(larkspur)


# --- fusion, MMR, reranking ---


def ranking(chunks: list[Chunk], *order: int) -> list[Retrieved]:
    return [Retrieved(chunks[place], 1 - place / 10) for place in order]


def test_fusion_by_hand():
    chunks = chunks_of("a", "b", "c", "d")
    fused = reciprocal_rank_fusion([ranking(chunks, 0, 1, 2), ranking(chunks, 2, 0)], 4)
    assert [(one.chunk.text, one.score) for one in fused] == [
        ("a", pytest.approx(1 / 61 + 1 / 62)),
        ("c", pytest.approx(1 / 63 + 1 / 61)),
        ("b", pytest.approx(1 / 62)),
    ]
    tied = reciprocal_rank_fusion([ranking(chunks, 3, 1), ranking(chunks, 0, 2)], 4)
    assert [one.chunk.text for one in tied] == ["d", "a", "b", "c"]  # the first ranking leads
    assert reciprocal_rank_fusion([], 4) == reciprocal_rank_fusion([[], []], 4) == []
    sharp = reciprocal_rank_fusion([ranking(chunks, 0, 1)], 1, constant=0)
    assert [(one.chunk.text, one.score) for one in sharp] == [("a", 1.0)]


def test_a_chunk_counts_once_in_a_ranking_at_its_first_place():
    chunks = chunks_of("a", "b")
    fused = reciprocal_rank_fusion([ranking(chunks, 0, 1, 0)], 4)
    assert [(one.chunk.text, one.score) for one in fused] == [("a", 1 / 61), ("b", 1 / 62)]


@given(st.lists(st.permutations(range(5)), min_size=1, max_size=4), st.integers(1, 6))
def test_fusion_equals_its_formula(orders, k):
    chunks = chunks_of(*"abcde")
    fused = reciprocal_rank_fusion([ranking(chunks, *order) for order in orders], k)
    expected = {n: sum(1 / (61 + order.index(n)) for order in orders) for n in range(5)}
    assert len(fused) == min(k, 5)
    for one in fused:
        assert one.score == pytest.approx(expected[chunks.index(one.chunk)], abs=1e-12)
    left = [expected[n] for n in range(5) if chunks[n] not in [one.chunk for one in fused]]
    assert all(fused[-1].score >= score - 1e-12 for score in left)


def test_hybrid_search_looks_deeper_than_k():
    chunks = chunks_of("motor motor", "motor x", "motor y y", "battery")

    class Reverse:
        def search(self, query: str, k: int = 5) -> list[Retrieved]:
            return BM25(chunks).search(query, 10)[::-1][:k]

    both = HybridSearch([BM25(chunks), Reverse()])
    assert len(both.search("motor", 1)) == 1
    scores = {one.chunk.text: one.score for one in both.search("motor", 3)}
    assert scores["motor x"] == pytest.approx(2 / 62)


def test_diverse_search_takes_mmrs_order():
    chunks = chunks_of("aaab", "aaab b", "aaac", "zzz aaa")
    inner = DenseSearch(LetterEmbedder(), ListStore(), chunks)
    candidates = inner.search("aaa", 4)
    vectors = LetterEmbedder().encode(["aaa", *[c.chunk.text_with_heading for c in candidates]])
    for trade_off in (0.0, 0.3, 1.0):
        order = mmr(vectors[0], vectors[1:], 3, trade_off=trade_off)
        diverse = DiverseSearch(inner, LetterEmbedder(), trade_off=trade_off)
        assert diverse.search("aaa", 3) == [candidates[place] for place in order]
    assert DiverseSearch(inner, LetterEmbedder(), trade_off=1).search("aaa", 3) == candidates[:3]


@pytest.mark.parametrize("scored", [False, True])
def test_the_reranker_orders_by_the_models_likelihood(scored):
    chunks = chunks_of("motor motor motor", "why is the motor hot", "motor hot")
    model = WordOverlapModel(scored)
    reranker = LikelihoodReranker(BM25(chunks), model, prompt="Read: {passage}\nAsk: ")
    found = reranker.search("why is the motor hot", 2)
    assert [(one.chunk.text, one.score) for one in found] == [
        ("why is the motor hot", -5.0), ("motor hot", -8.0)
    ]  # fmt: skip
    assert len(model.asked) == 3  # all candidates, not k
    assert all(question == "why is the motor hot" for _, question in model.asked)
    assert ("Read: motor hot\nAsk: ", "why is the motor hot") in model.asked


def test_a_passage_with_braces_is_shown_as_it_is():
    model = WordOverlapModel()
    chunks = chunks_of("{passage} {0} motor")
    LikelihoodReranker(BM25(chunks), model).search("motor")
    assert model.asked[0][0].startswith("{passage} {0} motor\n")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: reciprocal_rank_fusion([], 0), "k must be"),
        (lambda: reciprocal_rank_fusion([], 1, constant=-1), "constant must be 0 or more, got -1"),
        (lambda: HybridSearch([], depth=0), "depth must be a whole number of 1 or more, got 0"),
        (lambda: DiverseSearch(BM25([]), LetterEmbedder(), depth=0), "depth must be"),
        (lambda: DiverseSearch(BM25([]), LetterEmbedder(), trade_off=2), "trade_off must be"),
        (lambda: LikelihoodReranker(BM25([]), None, depth=0), "depth must be"),
        (lambda: LikelihoodReranker(BM25([]), None, prompt="x"), "prompt must contain {passage}"),
    ],
)
def test_wrong_arguments_of_combined_searches(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- on Larkspur ---


def test_words_and_fusion_find_what_they_should(larkspur):
    """Training questions that one section answers; a broken search finds next to none of them."""
    questions = [q for q in data.load_handbook_questions() if q.split == "train"]

    def share(search: Any) -> float:
        hits = [
            any(
                covers(found.chunk, judged.anchor)
                for found in search.search(question.text, 5)
                for judged in question.relevant
                if judged.grade == 2
            )
            for question in questions
        ]
        return sum(hits) / len(hits)

    words = WordSearch(larkspur)
    assert share(words) > 0.4
    assert share(HybridSearch([words, BM25(larkspur)])) > 0.35


@pytest.mark.slow
def test_the_reranker_with_the_real_model():
    language_model = pytest.importorskip("course_lib.language_model")
    chunks = chunks_of(
        "The warranty on the frame is ten years.",
        "Charge the battery between 0 and 40 degrees.",
        "The workshop in Ghent opens at half past eight.",
    )

    class Everything:
        def search(self, query: str, k: int = 5) -> list[Retrieved]:
            return [Retrieved(chunk, 0.0) for chunk in chunks][:k]

    reranker = LikelihoodReranker(Everything(), language_model.load())
    assert reranker.search("How long is the warranty on the frame?", 1)[0].chunk == chunks[0]
    assert reranker.search("When does the workshop open?", 1)[0].chunk == chunks[2]
