"""An inverted file: vectors sorted into lists by k-means; a search reads the nearest lists alone.

For teaching: on one machine's worth of text, exact search in NumPy is about as fast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.vector_stores.checks import Condition, Vectors, check_whole
from course_lib.vector_stores.exact import ExactStore, Rows
from course_lib.vector_stores.protocol import Hit

_SAMPLE_PER_LIST = 64  # vectors that k-means learns from; more move the centres little


def kmeans(
    vectors: Vectors, n_clusters: int, *, n_rounds: int = 10, seed: int = 0
) -> tuple[Vectors, NDArray[np.intp]]:
    """Group unit vectors around unit centres: assign each to its nearest, move the centres, repeat.

    Args:
        vectors: shape (n, dim), of length 1.
        n_clusters: how many centres, from 1 to n.
        n_rounds: how often the centres move.
        seed: picks the vectors that the centres start from.

    Returns:
        The centres, shape (n_clusters, dim), and for each vector its centre's index, shape (n,).

    Raises:
        ValueError: if n_clusters is out of range.

    >>> east_and_north = np.array([[1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    >>> centres, nearest = kmeans(east_and_north, 2)
    >>> bool(nearest[0] != nearest[2])
    True

    Built in notebooks/07_vector_search.ipynb.
    """
    if not 1 <= n_clusters <= len(vectors):
        raise ValueError(
            f"n_clusters must be between 1 and {len(vectors)} (the number of vectors), "
            f"got {n_clusters}"
        )
    rng = np.random.default_rng(seed)
    centres = vectors[rng.choice(len(vectors), n_clusters, replace=False)]  # (n_clusters, dim)
    for _ in range(n_rounds):
        scores = vectors @ centres.T  # (n, n_clusters)
        nearest = scores.argmax(axis=1)
        members = np.zeros((n_clusters, len(vectors)), np.float32)
        members[nearest, np.arange(len(vectors))] = 1
        sums = members @ vectors
        length = np.linalg.norm(sums, axis=1)
        # A centre that nobody is nearest to starts again at the vectors that are served worst.
        lost = np.flatnonzero(length < 1e-6)
        sums[lost] = vectors[scores.max(axis=1).argsort()[: len(lost)]]
        centres = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return centres, (vectors @ centres.T).argmax(axis=1)


class IVFStore(ExactStore):
    """ExactStore that compares a query with the `n_probe` nearest of `n_lists` lists of vectors.

    The lists are made by the first search after a change. The centres stay until there are
    twice as many records as they were made from.

    Args:
        dim: numbers in a vector.
        path: a folder, as for ExactStore; the lists are made again after opening.
        collection: the file's name in that folder.
        n_lists: by default the square root of the number of records.
        n_probe: lists that a search reads, and more where these hold fewer than k records that fit
            the filter. Where few records fit, all of these are compared. n_probe = n_lists is
            exact.
        seed: of k-means.

    Raises:
        ValueError: if a number is out of range.
        StoreError: as ExactStore.

    Built in notebooks/07_vector_search.ipynb.
    """

    recall = 0.85

    def __init__(
        self,
        dim: int,
        *,
        path: str | Path | None = None,
        collection: str = "documents",
        n_lists: int | None = None,
        n_probe: int = 8,
        seed: int = 0,
    ) -> None:
        self.n_lists = None if n_lists is None else check_whole(n_lists, "n_lists")
        self.n_probe = check_whole(n_probe, "n_probe")
        self.seed = seed
        self._centres: Vectors | None = None
        self._made_from = 0  # records that the centres were made from
        self._lists: list[Rows] | None = None
        super().__init__(dim, path=path, collection=collection)

    def _after_change(self) -> None:
        super()._after_change()
        self._lists = None

    def _search(self, query: Vectors, k: int, where: list[Condition]) -> list[Hit]:
        if not self._count():
            return []
        if self._lists is None:
            self._lists = self._sort_into_lists()
        assert self._centres is not None
        fitting = self._table.rows(where)
        if len(fitting) * len(self._lists) <= self.n_probe * self._count():
            # The filter leaves no more than the lists to be read would hold: compare them all.
            return self._hits(fitting, self._vectors[fitting] @ query, k)
        fits = np.zeros(len(self._table.ids), dtype=bool)
        fits[fitting] = True
        order = np.argsort(-(self._centres @ query), kind="stable")
        candidates: list[Rows] = []
        n_found = 0
        for n_read, nearest in enumerate(order):
            if n_read >= self.n_probe and n_found >= k:
                break
            some = self._lists[nearest]
            candidates.append(some[fits[some]])
            n_found += len(candidates[-1])
        read = np.sort(np.concatenate(candidates))
        return self._hits(read, self._vectors[read] @ query, k)

    def _sort_into_lists(self) -> list[Rows]:
        """For each centre the rows that are nearest to it."""
        rows = self._table.rows()
        vectors = self._vectors[rows]
        if self._centres is None or len(rows) > 2 * self._made_from:
            n_lists = min(self.n_lists or max(1, round(len(rows) ** 0.5)), len(rows))
            sample = self._sample(vectors, n_lists * _SAMPLE_PER_LIST)
            self._centres, _ = kmeans(sample, n_lists, seed=self.seed)
            self._made_from = len(rows)
        nearest = (vectors @ self._centres.T).argmax(axis=1)
        order = np.argsort(nearest, kind="stable")
        ends = np.cumsum(np.bincount(nearest, minlength=len(self._centres)))[:-1]
        return np.split(rows[order], ends)

    def _sample(self, vectors: Vectors, size: int) -> NDArray[Any]:
        if len(vectors) <= size:
            return vectors
        rng = np.random.default_rng(self.seed)
        return vectors[rng.choice(len(vectors), size, replace=False)]
