"""How right, fast and large a store is with your vectors, measured in a process of its own."""

from __future__ import annotations

import gc
import multiprocessing
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from course_lib.vector_stores import open_store

_SAME_SCORE = 1e-6  # of two records; whichever of them comes first is as right


@dataclass(frozen=True)
class Measurement:
    """What a store did with n vectors."""

    n: int
    recall: float  # recall@k against exact search
    build_s: float  # from empty to the answer to a first query
    p50_ms: float  # half of the queries take at most this long
    p95_ms: float
    memory_mb: float  # that the process grew by; of a server's store, the client's part alone


def recall_at_k(
    scores: ArrayLike, found: Sequence[Sequence[int]] | NDArray[np.intp], k: int = 10
) -> float:
    """Share of the k nearest records that a search found, mean over queries.

    A record whose score equals that of the k-th nearest counts as one of them.

    Args:
        scores: of every record for every query, shape (n_queries, n).
        found: for each query the rows that the search gave, at most k.
        k: how many were asked for.

    >>> recall_at_k([[0.9, 0.5, 0.7, 0.1]], [[0, 1]], k=2)
    0.5
    """
    table = np.asarray(scores)
    k = min(k, table.shape[1])
    worst = np.partition(table, -k, axis=1)[:, -k] - _SAME_SCORE
    hits = [
        np.count_nonzero(row[np.asarray(rows, dtype=np.intp)] >= least)
        for row, rows, least in zip(table, found, worst, strict=True)
    ]
    return float(np.mean(hits) / k)


def measure_store(
    url: str,
    corpora: Sequence[tuple[NDArray[np.float32], NDArray[np.float32]]],
    *,
    k: int = 10,
) -> list[Measurement]:
    """Fill a store with vectors and ask it queries, one at a time.

    Everything happens in a fresh process, so that its memory is the store's.

    Args:
        url: as for `open_store`, with FOLDER for a folder, which is made and deleted:
            "chroma:FOLDER".
        corpora: pairs of vectors, shape (n, dim), and queries, shape (n_queries, dim), of unit
            length; each is measured with a store of its own.
        k: records asked for.

    Used in notebooks/07_vector_search.ipynb.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(_measure_all, url, list(corpora), k).result()


def _measure_all(url: str, corpora: list[tuple[Any, Any]], k: int) -> list[Measurement]:
    vectors, queries = corpora[0]
    _measure(url, vectors[:k], queries[:1], k)  # its library is imported, and ready
    return [_measure(url, vectors, queries, k) for vectors, queries in corpora]


def _measure(url: str, vectors: Any, queries: Any, k: int) -> Measurement:
    import psutil

    process = psutil.Process()
    ids = [str(row) for row in range(len(vectors))]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = url.replace("FOLDER", str(Path(folder) / "store"))
        gc.collect()
        before = process.memory_info().rss
        start = time.perf_counter()
        name = f"measure-{len(vectors)}"
        with open_store(place, dim=vectors.shape[1], collection=name) as store:
            store.upsert(ids, vectors)
            store.persist()
            store.search(queries[0], k)
            build_s = time.perf_counter() - start
            found, seconds = [], []
            for query in queries:
                start = time.perf_counter()
                hits = store.search(query, k)
                seconds.append(time.perf_counter() - start)
                found.append([int(hit.id) for hit in hits])
            gc.collect()
            grown = process.memory_info().rss - before
    p50, p95 = 1000 * np.percentile(seconds, [50, 95])
    recall = recall_at_k(queries @ vectors.T, found, k)
    return Measurement(
        len(vectors), recall, build_s, float(p50), float(p95), max(0.0, grown / 2**20)
    )
