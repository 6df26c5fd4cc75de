"""Exact search with dot_product and top_k beside faiss IndexFlatIP and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.measure import Row, Settings, compare, same_threads
from course_lib.embeddings import normalize
from course_lib.similarity import dot_product, top_k

DIM, K = 384, 10


def run(settings: Settings) -> Iterator[Row]:
    import faiss
    from sklearn.neighbors import NearestNeighbors

    faiss_default = faiss.cvar.distance_compute_blas_threshold
    rng = np.random.default_rng(0)
    all_queries = normalize(rng.standard_normal((100, DIM), dtype=np.float32))
    for n_documents in (10_000,) if settings.quick else (10_000, 50_000, 200_000):
        documents = normalize(rng.standard_normal((n_documents, DIM), dtype=np.float32))
        index = faiss.IndexFlatIP(DIM)
        index.add(documents)
        # On unit vectors the Euclidean order is the order of the dot product, and it is
        # scikit-learn's fastest metric.
        neighbours = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(documents)
        for n_queries in (1, 100):
            queries = all_queries[:n_queries]

            def ours(queries=queries, documents=documents):
                return top_k(dot_product(queries, documents), K)

            def flat(blas: bool, queries=queries, index=index):
                # faiss 1.15 turns to matrix products only from 128,000 queries on its widest
                # build; asked to from 20 on, it is up to ten times as fast for 100 queries.
                threshold = 20 if blas else faiss_default
                faiss.cvar.distance_compute_blas_threshold = threshold
                return index.search(queries, K)

            def scikit_learn(queries=queries, neighbours=neighbours):
                return neighbours.kneighbors(queries)

            least = 2.0 if n_queries == 1 else 1.0
            others = [("faiss IndexFlatIP", lambda flat=flat: flat(blas=False), least)]
            if n_queries > 1:
                name = "faiss IndexFlatIP, distance_compute_blas_threshold=20"
                others.append((name, lambda flat=flat: flat(blas=True), least))
            others.append(("scikit-learn NearestNeighbors", scikit_learn, None))
            for threads in settings.threads:
                for name, other, least_ratio in others:
                    with same_threads(threads):
                        yield compare(
                            f"top {K} of {n_documents:,} x {DIM}, "
                            f"{n_queries} {'query' if n_queries == 1 else 'queries'}",
                            ours,
                            name,
                            other,
                            settings,
                            threads=threads,
                            checked=same_neighbours(queries, documents, ours()[0], other()[1]),
                            least_ratio=least_ratio,
                        )


def same_neighbours(
    queries: np.ndarray, documents: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> str:
    """An error where the neighbours differ by more than the order of scores equal to rounding."""
    exact = queries.astype(np.float64) @ documents.astype(np.float64).T
    gap = np.abs(np.take_along_axis(exact, ours, 1) - np.take_along_axis(exact, theirs, 1)).max()
    if gap > 1e-6:
        raise AssertionError(f"the neighbours differ: their scores by {gap:.1e}")
    return f"{(ours == theirs).mean():.1%} same neighbours"
