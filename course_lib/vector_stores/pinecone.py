"""Pinecone by its official client: its cloud, or the emulator that comes with the course."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from course_lib.vector_stores.checks import Batch, Condition, Metadata, Vectors
from course_lib.vector_stores.protocol import CheckedStore, Hit, Record, StoreError, cosine, need

_TEXT = "_text"  # the metadata field that holds a record's text; users' fields have no such name
_MOST_HITS = 10_000
_METADATA_BYTES = 40 * 2**10
_REQUEST_BYTES = 1_500_000  # Pinecone refuses more than 2 MB
_URL_CHARACTERS = 6000  # ids of a fetch stand in its URL
# Pinecone's ids are ASCII. Percent signs stand for everything else, and for themselves.
_PLAIN = "".join(chr(code) for code in range(32, 127) if chr(code) != "%")


class PineconeStore(CheckedStore):
    """An index of Pinecone, in the cloud or in the emulator by changing one argument.

    The cloud shows what was written after some seconds; the emulator at once. Both know floats
    alone, so an integral float comes back as an int: 3.0 as 3.

    Args:
        dim: numbers in a vector.
        host: the emulator's URL (see pinecone_local). Without it the cloud, where the index is made
            on AWS in us-east-1: that takes a minute, and may cost money.
        api_key: by default the environment's PINECONE_API_KEY; an emulator needs none.
        collection: name of the index.

    Raises:
        ValueError: if the index has vectors of another dim.
        StoreError: if Pinecone does not answer, or refuses; or the client is not installed.

    Built in notebooks/07_vector_search.ipynb.
    """

    batch_size = 500
    recall = 0.97  # not measured here: the emulator is exact

    def __init__(
        self,
        dim: int,
        *,
        host: str | None = None,
        api_key: str | None = None,
        collection: str = "documents",
    ) -> None:
        super().__init__(dim, collection)
        pinecone: Any = need("pinecone", "pinecone", "PineconeStore")
        self._not_found = pinecone.NotFoundError
        try:
            self._client = pinecone.Pinecone(api_key or ("local" if host else None), host=host)
            if not self._client.indexes.exists(self.collection):
                field = {"type": "dense_vector", "dimension": self.dim, "metric": "cosine"}
                # "_values" is the name by which upsert and query mean the index's one vector.
                self._client.indexes.create(
                    name=self.collection, schema={"fields": {"_values": field}}, timeout=300
                )
            index = self._client.indexes.describe(self.collection)
            found = index.schema.fields["_values"].dimension
            self._index = self._client.index(host=index.host)
        except Exception as error:
            raise StoreError(
                f"Pinecone cannot open {self.collection!r} at {host or 'its cloud'} "
                f"({type(error).__name__}: {error}). Next step: "
                + ("start the emulator, or check the URL" if host else "check PINECONE_API_KEY")
            ) from error
        if found != self.dim:
            self._close()
            raise ValueError(f"dim must be {found}, as in {self.collection!r}, got {self.dim}")

    def _check_ids(self, ids: list[str]) -> None:
        for place, name in enumerate(ids):
            if len(quote(name, safe=_PLAIN)) > 512:
                raise ValueError(
                    f"ids[{place}] must fit into 512 ASCII characters for Pinecone (ü counts as 6, "
                    f"an emoji as 12), got {len(quote(name, safe=_PLAIN))}"
                )

    def _check_batch(self, batch: Batch) -> None:
        self._check_ids(batch.ids)
        for place, (fields, text) in enumerate(zip(batch.metadata, batch.texts, strict=True)):
            size = len(json.dumps({**fields, _TEXT: text}, ensure_ascii=False).encode())
            if size > _METADATA_BYTES:
                raise ValueError(
                    f"texts[{place}] and its metadata must be at most {_METADATA_BYTES} bytes for "
                    f"Pinecone, got {size}"
                )

    def _upsert(self, batch: Batch) -> None:
        rows = [
            {"id": quote(name, safe=_PLAIN), "values": vector.tolist(), "metadata": metadata}
            for name, vector, metadata in zip(
                batch.ids,
                batch.vectors,
                (
                    {**fields, **({_TEXT: text} if text else {})}
                    for fields, text in zip(batch.metadata, batch.texts, strict=True)
                ),
                strict=True,
            )
        ]
        sizes = (len(json.dumps(row, ensure_ascii=False).encode()) for row in rows)
        for part in _parts(rows, sizes, _REQUEST_BYTES):
            self._index.upsert(vectors=part)

    def _search(self, query: Vectors, k: int, where: list[Condition]) -> list[Hit]:
        if k > _MOST_HITS:
            raise ValueError(f"k must be at most {_MOST_HITS} for Pinecone, got {k}")
        answer = self._index.query(
            vector=query.tolist(), top_k=k, filter=_to_filter(where), include_metadata=True
        )
        hits = []
        for match in answer.matches:
            metadata, text = _split(match.metadata)
            hits.append(Hit(unquote(match.id), cosine(match.score), metadata, text))
        return hits

    def _fetch(self, ids: list[str]) -> list[Record]:
        names = [quote(name, safe=_PLAIN) for name in ids]
        records = []
        for part in _parts(names, (len(quote(name)) + 5 for name in names), _URL_CHARACTERS):
            for found in self._index.fetch(ids=part).vectors.values():
                metadata, text = _split(found.metadata)
                vector = np.array(found.values, dtype=np.float32)
                records.append(Record(unquote(found.id), vector, metadata, text))
        return records

    def _delete(self, ids: list[str]) -> None:
        try:
            self._index.delete(ids=[quote(name, safe=_PLAIN) for name in ids])
        except self._not_found:  # what the cloud says where nothing was ever written
            return

    def _count(self) -> int:
        return int(self._index.describe_index_stats().total_vector_count)

    def _persist(self) -> None:
        """Nothing: what Pinecone has accepted, it keeps."""

    def _close(self) -> None:
        self._index.close()
        self._client.close()


def _parts(items: list[Any], sizes: Iterable[int], most: int) -> Iterable[list[Any]]:
    """Split items so that each part's sizes add up to at most `most`."""
    part: list[Any] = []
    total = 0
    for item, size in zip(items, sizes, strict=True):
        if part and total + size > most:
            yield part
            part, total = [], 0
        part.append(item)
        total += size
    if part:
        yield part


def _split(stored: dict[str, Any] | None) -> tuple[Metadata, str]:
    """A record's own metadata, with its integers, and its text."""
    fields = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in (stored or {}).items()
    }
    text = str(fields.pop(_TEXT, ""))
    return fields, text


def _to_filter(where: Sequence[Condition]) -> dict[str, Any] | None:
    """A filter in Pinecone's words, which are ours."""
    if not where:
        return None
    return {
        "$and": [
            {one.field: {one.operator: list(one.operand) if one.operator == "$in" else one.operand}}
            for one in where
        ]
    }
