"""Search by vectors: the nearest chunks, and of these the ones that do not repeat each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from course_lib.chunking import Chunk
from course_lib.retrieval.results import Retrieved, Retriever, check_k
from course_lib.similarity import mmr

_BATCH = 1024  # chunks that are embedded and stored at once


class Encoder(Protocol):
    """Texts to vectors of unit length, such as `embeddings.Embedder`."""

    def encode(self, texts: Iterable[str], /) -> NDArray[np.float32]:
        """One vector for each text, shape (n, dim)."""


class Searchable(Protocol):
    """What dense search needs of a store; every one in `vector_stores` has it."""

    def upsert(
        self,
        ids: Sequence[str],
        vectors: NDArray[np.float32],
        metadata: Sequence[Mapping[str, Any]] | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        """Write records."""

    def search(
        self, query: NDArray[np.float32], k: int = 10, *, where: Mapping[str, Any] | None = None
    ) -> Sequence[Any]:
        """The nearest records: each with an `id` and a `score`."""


class DenseSearch:
    """Search by meaning: the chunks whose vectors are nearest to the query's.

    Args:
        embedder: texts to unit vectors, such as `embeddings.Embedder`.
        store: where the vectors are, such as `vector_stores.open_store("memory:", dim=384)`.
        chunks: all that the store holds.
        index: whether to embed the chunks and write them to the store; False for a store from an
            earlier run over the same chunks.
        where: a filter on the chunks' metadata, such as {"superseded": False}.

    Built in notebooks/08_rag.ipynb.
    """

    def __init__(
        self,
        embedder: Encoder,
        store: Searchable,
        chunks: Sequence[Chunk],
        *,
        index: bool = True,
        where: Mapping[str, Any] | None = None,
    ) -> None:
        self.chunks = list(chunks)
        self._by_id = {chunk.id: chunk for chunk in self.chunks}
        self._embedder, self._store, self._where = embedder, store, where
        for start in range(0, len(self.chunks) if index else 0, _BATCH):
            batch = self.chunks[start : start + _BATCH]
            texts = [chunk.text_with_heading for chunk in batch]
            metadata = [chunk.metadata for chunk in batch]
            store.upsert([c.id for c in batch], embedder.encode(texts), metadata, texts)

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """The k chunks with the highest cosine to the query.

        Raises:
            ValueError: if the store returns a record that is none of the chunks.
        """
        check_k(k)
        if not query.strip() or not self.chunks:
            return []
        found = []
        for hit in self._store.search(self._embedder.encode([query])[0], k, where=self._where):
            if hit.id not in self._by_id:
                raise ValueError(f"the store must hold the given chunks alone, it has {hit.id!r}")
            found.append(Retrieved(self._by_id[hit.id], float(hit.score)))
        return found


class DiverseSearch:
    """Results that do not repeat each other: maximal marginal relevance over the first results.

    Args:
        retriever: finds the candidates.
        embedder: texts to unit vectors.
        trade_off: 1.0 is relevance alone, 0.0 variety alone; see `similarity.mmr`.
        depth: how many candidates to choose from, at least.

    Built in notebooks/08_rag.ipynb.
    """

    def __init__(
        self, retriever: Retriever, embedder: Encoder, *, trade_off: float = 0.5, depth: int = 20
    ) -> None:
        check_k(depth, "depth")
        if not 0 <= trade_off <= 1:
            raise ValueError(f"trade_off must be between 0 and 1, got {trade_off}")
        self.retriever, self.embedder = retriever, embedder
        self.trade_off, self.depth = trade_off, depth

    def search(self, query: str, k: int = 5) -> list[Retrieved]:
        """k of the candidates in the order of their choice, with the retriever's own scores."""
        check_k(k)
        found = self.retriever.search(query, max(k, self.depth))
        if not found:
            return []
        texts = [query, *(one.chunk.text_with_heading for one in found)]
        vectors = self.embedder.encode(texts)
        order = mmr(vectors[0], vectors[1:], min(k, len(found)), trade_off=self.trade_off)
        return [found[place] for place in order]
