"""Searches that work on the results of others: rank fusion, and reranking by a language model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from course_lib.chunking import Chunk
from course_lib.retrieval.results import Retrieved, Retriever, check_k


def reciprocal_rank_fusion(
    rankings: Iterable[Sequence[Retrieved]], k: int = 5, *, constant: float = 60
) -> list[Retrieved]:
    """Join rankings whose scores cannot be compared: each gives a chunk 1 / (constant + rank).

    The sum is the chunk's score (Cormack, Clarke and Büttcher, 2009); rank 1 is the first. Of equal
    scores the one met first comes first.

    Args:
        rankings: results of several searches, each best first.
        k: how many chunks to return.
        constant: the larger, the less the first places count over the later ones.

    Raises:
        ValueError: if k is below 1 or constant below 0.

    Built in notebooks/08_rag.ipynb.
    """
    check_k(k)
    if not constant >= 0:
        raise ValueError(f"constant must be 0 or more, got {constant}")
    scores: dict[str, float] = {}
    chunks: dict[str, Chunk] = {}
    for ranking in rankings:
        unique = {found.chunk.id: found.chunk for found in ranking}
        for rank, name in enumerate(unique, start=1):
            scores[name] = scores.get(name, 0.0) + 1 / (constant + rank)
        chunks |= unique
    order = sorted(scores, key=lambda name: -scores[name])  # stable: ties as they were met
    return [Retrieved(chunks[name], scores[name]) for name in order[:k]]


class HybridSearch:
    """Several searchers at once, joined by `reciprocal_rank_fusion`.

    Args:
        retrievers: such as a WordSearch and a DenseSearch over the same chunks.
        depth: how many results of each are joined, at least.

    Built in notebooks/08_rag.ipynb.
    """

    def __init__(self, retrievers: Sequence[Retriever], *, depth: int = 50) -> None:
        check_k(depth, "depth")
        self.retrievers, self.depth = list(retrievers), depth

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """The k chunks that stand highest in all rankings together."""
        check_k(k)
        rankings = [one.search(query, max(k, self.depth)) for one in self.retrievers]
        return reciprocal_rank_fusion(rankings, k)


class LikelihoodReranker:
    """Candidates ordered by how probable a language model finds the question after each passage.

    The score is the log-probability of the question, 0 at most (Sachan et al., 2022: "Improving
    passage retrieval with zero-shot question generation"). One run of the model for each candidate.

    Args:
        retriever: finds the candidates.
        model: has `log_probability(prompt, continuation)`, which returns a number or an object with
            a `total`, such as `language_model.load()`.
        depth: how many candidates to look at, at least.
        prompt: what the model reads before the question; `{passage}` stands for the passage.

    Built in notebooks/08_rag.ipynb.
    """

    def __init__(
        self,
        retriever: Retriever,
        model: Any,
        *,
        depth: int = 20,
        prompt: str = "{passage}\n\nA question that this text answers: ",
    ) -> None:
        check_k(depth, "depth")
        if "{passage}" not in prompt:
            raise ValueError(f"prompt must contain {{passage}}, got {prompt!r}")
        self.retriever, self.model, self.depth, self.prompt = retriever, model, depth, prompt

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """The k candidates after which the question is most probable."""
        check_k(k)
        scored = []
        for found in self.retriever.search(query, max(k, self.depth)):
            prompt = self.prompt.replace("{passage}", found.chunk.text_with_heading)
            result = self.model.log_probability(prompt, query)
            scored.append(Retrieved(found.chunk, float(getattr(result, "total", result))))
        return sorted(scored, key=lambda one: -one.score)[:k]
