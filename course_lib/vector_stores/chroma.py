"""Chroma: in memory, in a folder, or on a server; with your vectors, never with its own model."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from course_lib.vector_stores.checks import Batch, Condition, Vectors, kind
from course_lib.vector_stores.files import FolderLock
from course_lib.vector_stores.protocol import CheckedStore, Hit, Record, StoreError, cosine, need


class ChromaStore(CheckedStore):
    """Chroma: in memory, in a folder, or on a server by changing one argument. Writes at once.

    Args:
        dim: numbers in a vector.
        path: a folder; in memory without it.
        url: a server, such as http://localhost:8000 (``chroma run --path FOLDER`` starts one),
            instead of a path.
        collection: name of the collection there.

    Raises:
        ValueError: if both path and url are given, or the collection has vectors of another dim.
        StoreError: if the folder is in use or damaged, the server does not answer, or chromadb is
            not installed.

    Built in notebooks/07_vector_search.ipynb.
    """

    # Chroma takes up to 5,461 records at once, and its server requests of up to 40 MB.
    batch_size = 1000
    recall = 0.97

    def __init__(
        self,
        dim: int,
        *,
        path: str | Path | None = None,
        url: str | None = None,
        collection: str = "documents",
    ) -> None:
        super().__init__(dim, collection)
        if path is not None and url is not None:
            raise ValueError(f"url and path must not both be given, got {url!r} and {path!r}")
        chromadb: Any = need("chromadb", "chromadb", "ChromaStore")
        self._lock = None if path is None else FolderLock(Path(path))
        self._in_memory = path is None and url is None
        # All clients in memory share one database: a name of our own keeps two stores apart.
        self._name = f"{collection}-{uuid.uuid4().hex}" if self._in_memory else collection
        self._client: Any = None
        try:
            self._client = _connect(chromadb, path, url)
            self._records = self._open_collection(chromadb)
        except Exception as error:
            self._release()
            raise StoreError(
                f"Chroma cannot open {url or path} ({type(error).__name__}: {error}). Next step: "
                + ("start the server, or check the URL" if url else "check the folder's files")
            ) from error
        found = (self._records.metadata or {}).get("dim")
        if found != self.dim:
            self._release()
            raise ValueError(f"dim must be {found}, as in {self.collection!r}, got {self.dim}")

    def _open_collection(self, chromadb: Any) -> Any:
        # Without `embedding_function=None` Chroma loads a model of its own for a collection.
        try:
            return self._client.get_collection(self._name, embedding_function=None)
        except chromadb.errors.NotFoundError:
            return self._client.create_collection(
                self._name,
                embedding_function=None,
                metadata={"dim": self.dim},
                configuration={"hnsw": {"space": "cosine"}},
            )

    def _upsert(self, batch: Batch) -> None:
        # Chroma adds an upsert's fields to those that a record has: name the old ones to drop them.
        old = self._records.get(ids=batch.ids, include=["metadatas"])
        before = dict(zip(old["ids"], old["metadatas"], strict=True))
        metadata = []
        for name, fields in zip(batch.ids, batch.metadata, strict=True):
            gone = dict.fromkeys((before.get(name) or {}).keys() - fields.keys())
            metadata.append({**gone, **fields} or None)  # it refuses an empty mapping
        self._records.upsert(
            ids=batch.ids, embeddings=batch.vectors, metadatas=metadata, documents=batch.texts
        )

    def _search(self, query: Vectors, k: int, where: list[Condition]) -> list[Hit]:
        n = self._count()
        if not n:
            return []
        found = self._records.query(
            query_embeddings=query[np.newaxis],
            n_results=min(k, n),
            where=_to_where(where),
            include=["metadatas", "documents", "distances"],
        )
        columns = (found[name][0] for name in ("ids", "distances", "metadatas", "documents"))
        return [
            Hit(name, cosine(1 - distance), dict(metadata or {}), text)
            for name, distance, metadata, text in zip(*columns, strict=True)
        ]

    def _fetch(self, ids: list[str]) -> list[Record]:
        found = self._records.get(ids=ids, include=["embeddings", "metadatas", "documents"])
        columns = (found[name] for name in ("ids", "embeddings", "metadatas", "documents"))
        return [
            Record(name, np.array(vector, dtype=np.float32), dict(metadata or {}), text)
            for name, vector, metadata, text in zip(*columns, strict=True)
        ]

    def _delete(self, ids: list[str]) -> None:
        self._records.delete(ids=ids)

    def _count(self) -> int:
        return int(self._records.count())

    def _persist(self) -> None:
        """Nothing: each call has written already."""

    def _close(self) -> None:
        if self._in_memory:
            self._client.delete_collection(self._name)
        self._release()

    def _release(self) -> None:
        try:
            if self._client is not None:
                self._client.close()
        finally:
            if self._lock is not None:
                self._lock.release()


def _connect(chromadb: Any, path: str | Path | None, url: str | None) -> Any:
    settings = chromadb.config.Settings(anonymized_telemetry=False)
    if path is not None:
        return chromadb.PersistentClient(str(path), settings=settings)
    if url is None:
        return chromadb.EphemeralClient(settings=settings)
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 8000)
    return chromadb.HttpClient(parts.hostname, port, ssl=secure, settings=settings)


def _to_where(where: Sequence[Condition]) -> dict[str, Any] | None:
    """A filter in Chroma's words: one operator a mapping, values of one type a list."""
    every = []
    for one in where:
        if one.operator != "$in":
            every.append(_range(one))
            continue
        by_kind: dict[str, list[Any]] = {}
        for value in one.operand:
            plain = float(value) if kind(value) == "number" else value
            by_kind.setdefault(kind(value), []).append(plain)
        some = [{one.field: {"$in": values}} for values in by_kind.values()]
        every.append(some[0] if len(some) == 1 else {"$or": some})
    if not every:
        return None
    return every[0] if len(every) == 1 else {"$and": every}


def _range(one: Condition) -> dict[str, Any]:
    """A comparison with a number."""
    plain: dict[str, Any] = {one.field: {one.operator: one.operand}}
    whole = math.trunc(one.operand)
    if whole == one.operand:
        return plain
    # Integers are compared with the bound's whole part, which is wrong for that integer alone.
    if one.holds({one.field: whole}):
        return {"$or": [plain, {one.field: {"$eq": whole}}]}
    return {"$and": [plain, {one.field: {"$ne": whole}}]}
