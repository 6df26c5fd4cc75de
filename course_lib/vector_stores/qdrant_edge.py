"""Qdrant's engine inside this process (qdrant-edge-py, a beta): its HNSW graph without a server."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from course_lib.vector_stores.checks import Batch, Condition, Vectors
from course_lib.vector_stores.files import FolderLock
from course_lib.vector_stores.protocol import CheckedStore, Hit, Record, StoreError, need
from course_lib.vector_stores.qdrant import payloads, point_id, to_filter, to_hit, to_record


class QdrantEdgeStore(CheckedStore):
    """The engine of Qdrant's server, in a folder of this program.

    Records are compared one by one until `optimize` builds the graph, which it does from some 10 MB
    of vectors on; `persist` calls it.

    Args:
        dim: numbers in a vector.
        path: a folder, made if it is missing.
        collection: name of a folder in it.

    Raises:
        ValueError: if the folder holds vectors of another dim.
        StoreError: if the folder is in use or damaged, or qdrant-edge-py is not installed.

    Built in notebooks/07_vector_search.ipynb.
    """

    batch_size = 1000
    recall = 0.97

    def __init__(self, dim: int, *, path: str | Path, collection: str = "documents") -> None:
        super().__init__(dim, collection)
        edge: Any = need("qdrant_edge", "qdrant-edge-py", "QdrantEdgeStore")
        self._edge = edge
        self._models = SimpleNamespace(
            Filter=edge.Filter,
            FieldCondition=edge.FieldCondition,
            MatchValue=edge.MatchValue,
            Range=edge.RangeFloat,
        )
        self._lock = FolderLock(Path(path))
        folder = Path(path) / self.collection
        try:
            found = _dim_of(folder)
            if found in (None, self.dim):
                self._shard = self._open(folder, new=found is None)
        except Exception as error:
            self._lock.release()
            raise StoreError(
                f"{folder} is damaged, or no folder of Qdrant Edge ({error}). Next step: put back "
                "a copy, or delete it and write the records again"
            ) from error

        if found not in (None, self.dim):
            self._lock.release()
            raise ValueError(f"dim must be {found}, as in {folder}, got {self.dim}")

    def _open(self, folder: Path, *, new: bool) -> Any:
        edge = self._edge
        if not new:
            return edge.EdgeShard.load(str(folder))
        folder.mkdir(parents=True, exist_ok=True)
        vectors = edge.EdgeVectorParams(size=self.dim, distance=edge.Distance.Cosine)
        return edge.EdgeShard.create(str(folder), edge.EdgeConfig(vectors=vectors))

    def _upsert(self, batch: Batch) -> None:
        points = []
        for payload, vector in zip(payloads(batch), batch.vectors, strict=True):
            # MatchValue(True) of version 0.9 looks for the number 1, so booleans are kept as text
            # once more.
            flags = {
                name: str(value)
                for name, value in payload["metadata"].items()
                if isinstance(value, bool)
            }
            payload |= {"flags": flags} if flags else {}
            points.append(self._edge.Point(point_id(payload["id"]), vector.tolist(), payload))
        self._shard.update(self._edge.UpdateOperation.upsert_points(points))

    def _search(self, query: Vectors, k: int, where: list[Condition]) -> list[Hit]:
        request = self._edge.QueryRequest(
            limit=k,
            query=self._edge.Query.Nearest(query.tolist()),
            filter=to_filter(where, self._models, flags="flags"),
            with_payload=True,
        )
        return [to_hit(point) for point in self._shard.query(request)]

    def _fetch(self, ids: list[str]) -> list[Record]:
        points = self._shard.retrieve([point_id(name) for name in ids], True, True)
        return [to_record(point) for point in points]

    def _delete(self, ids: list[str]) -> None:
        points = [point_id(name) for name in ids]
        self._shard.update(self._edge.UpdateOperation.delete_points(points))

    def _count(self) -> int:
        return int(self._shard.count(self._edge.CountRequest(exact=True)))

    def optimize(self) -> None:
        """Build the graph, or take into it the records that came since the last time."""
        self._check_open()
        self._shard.optimize()

    def _persist(self) -> None:
        self._shard.optimize()
        self._shard.flush()

    def _close(self) -> None:
        try:
            self._shard.flush()
            self._shard.close()
        finally:
            self._lock.release()


def _dim_of(folder: Path) -> int | None:
    """Numbers in a vector of the shard that is there; None where there is none yet."""
    if not folder.exists() or not any(folder.iterdir()):
        return None
    return int(json.loads((folder / "edge_config.json").read_bytes())["vectors"][""]["size"])
