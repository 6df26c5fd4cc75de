"""faiss's HNSW graph: a search walks from neighbour to neighbour, and reads few vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from course_lib.vector_stores.checks import Condition, Vectors, check_whole
from course_lib.vector_stores.exact import ExactStore, Rows
from course_lib.vector_stores.files import Arrays
from course_lib.vector_stores.protocol import Hit, cosine, need

# Where a filter leaves fewer records, all of them are compared: in a graph most of whose nodes may
# not be returned, a walk finds little.
_COMPARE_ALL = 2000


class FaissStore(ExactStore):
    """Records in memory, their vectors in faiss's IndexHNSWFlat; with a path, kept in a folder.

    Approximate. The graph cannot forget, so replaced and deleted records stay in it, hidden, until
    they are more than half; then it is made again.

    Args:
        dim: numbers in a vector.
        path: a folder, written by `persist` and `close`, as for ExactStore.
        collection: the file's name in that folder.
        m: neighbours of a node; more give a better recall for more memory.
        ef_construction: candidates looked at while a node is added.
        ef_search: candidates looked at in a search; more give a better recall for more time.

    Raises:
        ValueError: if a number is out of range, or the file holds vectors of another dim.
        StoreError: as ExactStore, or if faiss is not installed.

    Built in notebooks/07_vector_search.ipynb.
    """

    recall = 0.97

    def __init__(
        self,
        dim: int,
        *,
        path: str | Path | None = None,
        collection: str = "documents",
        m: int = 16,
        ef_construction: int = 100,
        ef_search: int = 64,
    ) -> None:
        self._faiss: Any = need("faiss", "faiss-cpu", "FaissStore")
        self.m = check_whole(m, "m")
        self.ef_construction = check_whole(ef_construction, "ef_construction")
        self.ef_search = check_whole(ef_search, "ef_search")
        self._graph = self._empty_graph(check_whole(dim, "dim"))
        super().__init__(dim, path=path, collection=collection)

    def _empty_graph(self, dim: int) -> Any:
        # Of unit vectors the inner product is the cosine.
        graph = self._faiss.IndexHNSWFlat(dim, self.m, self._faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = self.ef_construction
        return graph

    def _vector_arrays(self) -> Arrays:
        return {"graph": self._faiss.serialize_index(self._graph)}

    def _load_vectors(self, arrays: Arrays) -> None:
        graph = self._faiss.deserialize_index(arrays["graph"])
        if (graph.d, graph.ntotal) != (self.dim, len(self._table.ids)):
            raise ValueError(f"a graph of {graph.ntotal} vectors of {graph.d} numbers")
        self._graph = graph

    def _append_vectors(self, vectors: Vectors) -> None:
        self._graph.add(vectors)

    def _take_vectors(self, rows: Rows) -> Vectors:
        taken: Vectors = self._graph.reconstruct_batch(rows)
        return taken

    def _keep_vectors(self, rows: Rows) -> None:
        kept = self._take_vectors(rows)
        self._graph = self._empty_graph(self.dim)
        self._graph.add(kept)

    def _search(self, query: Vectors, k: int, where: list[Condition]) -> list[Hit]:
        table = self._table
        allowed = table.rows(where)
        wanted = min(k, len(allowed))
        if where and len(allowed) <= _COMPARE_ALL:
            return self._compare_all(query, allowed, k)
        options = {"efSearch": max(self.ef_search, wanted)}
        if len(allowed) < len(table.ids):
            mask = np.zeros(len(table.ids), dtype=bool)
            mask[allowed] = True
            bits = np.packbits(mask, bitorder="little")
            options["sel"] = self._faiss.IDSelectorBitmap(bits)
        if wanted:
            parameters = self._faiss.SearchParametersHNSW(**options)
            scores, rows = self._graph.search(query[np.newaxis], wanted, params=parameters)
            if rows[0, -1] >= 0:  # -1 stands for: found no more
                return [
                    Hit(table.ids[row], cosine(score), dict(table.metadata[row]), table.texts[row])
                    for row, score in zip(rows[0], scores[0], strict=True)
                ]
        return self._compare_all(query, allowed, k)

    def _compare_all(self, query: Vectors, rows: Rows, k: int) -> list[Hit]:
        return self._hits(rows, self._take_vectors(rows) @ query, k)
