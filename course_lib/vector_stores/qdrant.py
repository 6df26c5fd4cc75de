"""Qdrant by its own client: in memory, in a folder or on a server; and what Edge shares."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.vector_stores.checks import Batch, Condition, Value, Vectors, kind
from course_lib.vector_stores.files import FolderLock
from course_lib.vector_stores.protocol import CheckedStore, Hit, Record, StoreError, cosine, need

# Qdrant's ids are UUIDs or integers. The same string gives the same UUID, in every program.
_NAMESPACE = uuid.UUID("6f1f5d4c-7d2e-5f43-9d4c-0c1a7a3f5e11")


def point_id(name: str) -> str:
    """The UUID that stands for an id; the id itself is kept in the payload."""
    return str(uuid.uuid5(_NAMESPACE, name))


def payloads(batch: Batch) -> list[dict[str, Any]]:
    """What is stored beside each vector; metadata apart, so that its fields cannot hide ours."""
    return [
        {"id": name, "text": text, "metadata": metadata}
        for name, text, metadata in zip(batch.ids, batch.texts, batch.metadata, strict=True)
    ]


def to_hit(point: Any) -> Hit:
    """A scored point of Qdrant as a Hit."""
    found = point.payload
    return Hit(found["id"], cosine(point.score), dict(found["metadata"]), found["text"])


def to_record(point: Any) -> Record:
    """A point of Qdrant as a Record."""
    found = point.payload
    vector = np.array(point.vector, dtype=np.float32)
    return Record(found["id"], vector, dict(found["metadata"]), found["text"])


def to_filter(where: Sequence[Condition], models: Any, *, flags: str | None = None) -> Any:
    """A filter in the classes of `models`: qdrant_client's, or those of Edge by the same names.

    `flags` is where in the payload the booleans are, as text, for the engine that needs it so.
    """

    def is_one_of(field: str, value: Value) -> Any:
        key = path("metadata", field)
        if kind(value) == "number":  # MatchValue knows no floats
            exactly = models.Range(gte=float(value), lte=float(value))
            return models.FieldCondition(key=key, range=exactly)
        if kind(value) == "bool" and flags:
            key, value = path(flags, field), str(value)
        return models.FieldCondition(key=key, match=models.MatchValue(value=value))

    def path(place: str, field: str) -> str:
        return f'{place}."{field}"'  # quoted, or a combining accent would end the name

    must = []
    for one in where:
        if one.operator == "$in":
            some = [is_one_of(one.field, value) for value in one.operand]
            must.append(models.Filter(should=some))
        else:
            bound = {one.operator.removeprefix("$"): float(one.operand)}
            key = path("metadata", one.field)
            must.append(models.FieldCondition(key=key, range=models.Range(**bound)))
    return models.Filter(must=must) if must else None


class QdrantStore(CheckedStore):
    """Qdrant: in memory, in a folder, or on a server by changing one argument.

    Without a url it is the client's local mode: exact search in Python, which the client advises
    for up to 20,000 records. A server uses an HNSW graph. Both write at once.

    Args:
        dim: numbers in a vector.
        path: a folder; in memory without it.
        url: a server, such as http://localhost:6333, instead of a path.
        api_key: for a server that wants one.
        collection: name of the collection there.

    Raises:
        ValueError: if both path and url are given, or the collection has vectors of another dim.
        StoreError: if the folder is in use or damaged, the server does not answer, or qdrant-client
            is not installed.

    Built in notebooks/07_vector_search.ipynb.
    """

    batch_size = 500  # records in a request; a server takes up to 32 MB
    recall = 0.97  # of a server; without one it is exact

    def __init__(
        self,
        dim: int,
        *,
        path: str | Path | None = None,
        url: str | None = None,
        api_key: str | None = None,
        collection: str = "documents",
    ) -> None:
        super().__init__(dim, collection)
        if path is not None and url is not None:
            raise ValueError(f"url and path must not both be given, got {url!r} and {path!r}")
        qdrant = need("qdrant_client", "qdrant-client", "QdrantStore")
        self._models = qdrant.models
        self._lock = None if path is None else FolderLock(Path(path))
        where: dict[str, Any] = {"location": ":memory:"}
        if path is not None:
            # SQLite's own rule of one thread would forbid search in a web server's threads.
            where = {"path": str(path), "force_disable_check_same_thread": True}
        elif url is not None:
            where = {"url": url, "api_key": api_key, "check_compatibility": False}
        try:
            self._client = qdrant.QdrantClient(**where)
            found = self._open_collection()
            if path is not None:
                self._write_in_batches()
        except Exception as error:  # each of its transports has its own classes
            self._release()
            raise StoreError(
                f"Qdrant cannot open {url or path} ({type(error).__name__}: {error}). Next step: "
                + ("start the server, or check the URL" if url else "check the folder's files")
            ) from error

        if found != self.dim:
            self._close()
            raise ValueError(f"dim must be {found}, as in {self.collection!r}, got {self.dim}")

    def _open_collection(self) -> int:
        """The dim of the collection, made if it is missing."""
        models = self._models
        if not self._client.collection_exists(self.collection):
            self._client.create_collection(
                self.collection,
                vectors_config=models.VectorParams(size=self.dim, distance=models.Distance.COSINE),
            )
        return int(self._client.get_collection(self.collection).config.params.vectors.size)

    def _write_in_batches(self) -> None:
        """Spare the local mode a wait for the disk after each record: 20 ms on a slow one.

        With SQLite's write-ahead log a crash of the program loses nothing, and one of the computer
        at most the last records. The client offers no way to ask for it but its inside.
        """
        try:
            database = self._client._client.collections[self.collection].storage.storage
        except AttributeError:  # another version of the client: slower, and as right
            return
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")

    def _upsert(self, batch: Batch) -> None:
        points = self._models.Batch(
            ids=[point_id(name) for name in batch.ids],
            vectors=batch.vectors.tolist(),
            payloads=payloads(batch),
        )
        self._client.upsert(self.collection, points=points, wait=True)

    def _search(self, query: Vectors, k: int, where: list[Condition]) -> list[Hit]:
        answer = self._client.query_points(
            self.collection,
            query=query.tolist(),
            query_filter=to_filter(where, self._models),
            limit=k,
            with_payload=True,
        )
        return [to_hit(point) for point in answer.points]

    def _fetch(self, ids: list[str]) -> list[Record]:
        points = self._client.retrieve(
            self.collection,
            [point_id(name) for name in ids],
            with_payload=True,
            with_vectors=True,
        )
        return [to_record(point) for point in points]

    def _delete(self, ids: list[str]) -> None:
        points = self._models.PointIdsList(points=[point_id(name) for name in ids])
        self._client.delete(self.collection, points_selector=points, wait=True)

    def _count(self) -> int:
        return int(self._client.count(self.collection, exact=True).count)

    def _persist(self) -> None:
        """Nothing: each call has written already."""

    def _close(self) -> None:
        try:
            self._client.close()
        finally:
            self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
