"""Search over chunks: by words (BM25), by meaning, by both, and with a second look at the results.

Every searcher has `search(query, k)` and returns a `list[Retrieved]`, best first. For all of them:
k below 1 is a ValueError; where fewer than k chunks are found, fewer come back; a blank query finds
nothing, and so does a search over no chunks.
"""

from course_lib.retrieval.by_meaning import DenseSearch, DiverseSearch
from course_lib.retrieval.by_words import BM25, WordSearch, words
from course_lib.retrieval.combined import HybridSearch, LikelihoodReranker, reciprocal_rank_fusion
from course_lib.retrieval.results import Retrieved, Retriever

__all__ = [
    "BM25",
    "DenseSearch",
    "DiverseSearch",
    "HybridSearch",
    "LikelihoodReranker",
    "Retrieved",
    "Retriever",
    "WordSearch",
    "reciprocal_rank_fusion",
    "words",
]
