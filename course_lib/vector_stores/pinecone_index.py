"""What the emulator of Pinecone keeps and answers; `pinecone_local` serves it. NumPy alone."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import numpy as np

_PER_UPSERT = 1000
_METADATA_BYTES = 40 * 2**10
_TOP_K = 10_000


class RefusedError(Exception):
    """An answer that is an error: its HTTP status and message."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Index:
    """Records of one index, by namespace and id."""

    def __init__(self, name: str, schema: dict[str, Any], deployment: dict[str, Any]) -> None:
        self.name, self.schema, self.deployment = name, schema, deployment
        fields = list(schema.get("fields", {}).values())
        if len(fields) != 1 or fields[0].get("type") != "dense_vector":
            raise RefusedError(
                HTTPStatus.NOT_IMPLEMENTED, "the emulator has indexes of one dense vector"
            )
        self.dimension = int(fields[0]["dimension"])
        if fields[0].get("metric", "cosine") != "cosine":
            raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, "the emulator knows the cosine alone")
        self.namespaces: dict[str, dict[str, dict[str, Any]]] = {}
        self._units: dict[str, Any] = {}  # namespace -> (ids, matrix), until the next change

    def describe(self, base: str) -> dict[str, Any]:
        """The index as the control plane shows it."""
        return {
            "name": self.name,
            "schema": self.schema,
            "deployment": self.deployment,
            "deletion_protection": "disabled",
            "status": {"ready": True, "state": "Ready"},
            "host": f"{base}/at/{self.name}",
        }

    def upsert(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /vectors/upsert; all of the records, or none and an error."""
        vectors = body.get("vectors", [])
        if not 1 <= len(vectors) <= _PER_UPSERT:
            raise bad(f"a request takes 1 to {_PER_UPSERT} vectors, got {len(vectors)}")
        for vector in vectors:
            self._check(vector)
        namespace = body.get("namespace", "")
        records = self.namespaces.setdefault(namespace, {})
        for vector in vectors:
            records[vector["id"]] = {
                "id": vector["id"],
                "values": np.array(vector["values"], dtype=np.float32),  # a list is 8 times that
                # The cloud keeps every number as a float64, and gives it back as one.
                "metadata": {
                    key: float(value) if is_number(value) else value
                    for key, value in (vector.get("metadata") or {}).items()
                },
            }
        self._units.pop(namespace, None)
        return {"upsertedCount": len(vectors)}

    def _check(self, vector: dict[str, Any]) -> None:
        name, values = vector.get("id"), vector.get("values", [])
        if not isinstance(name, str) or not 1 <= len(name) <= 512 or not name.isascii():
            raise bad(f"Vector ID must be ASCII and have 1 to 512 characters, got {name!r}")
        if len(values) != self.dimension:
            raise bad(
                f"Vector dimension {len(values)} does not match the dimension of the index "
                f"{self.dimension}"
            )
        if not np.any(values):
            raise bad("Dense vectors must contain at least one non-zero value")
        metadata = vector.get("metadata") or {}
        if len(json.dumps(metadata, ensure_ascii=False).encode()) > _METADATA_BYTES:
            raise bad(f"Metadata size exceeds the limit of {_METADATA_BYTES} bytes per vector")
        for key, value in metadata.items():
            texts = isinstance(value, list) and all(isinstance(one, str) for one in value)
            if key.startswith("$") or not (isinstance(value, str | int | float | bool) or texts):
                raise bad(f"Metadata must be text, numbers, booleans or texts, got {key!r}")

    def query(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /query: exact, by cosine."""
        top_k, vector = body.get("topK", 0), body.get("vector", [])
        if not 1 <= top_k <= _TOP_K:
            raise bad(f"top_k must be between 1 and {_TOP_K}, got {top_k}")
        if len(vector) != self.dimension:
            raise bad(
                f"Query vector dimension {len(vector)} does not match the dimension of the index "
                f"{self.dimension}"
            )
        namespace = body.get("namespace", "")
        records = self.namespaces.get(namespace, {})
        if namespace not in self._units:
            rows = np.array([record["values"] for record in records.values()])
            rows = rows.reshape(-1, self.dimension)
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
            self._units[namespace] = (list(records), rows)
        names, units = self._units[namespace]
        query = np.array(vector, dtype=np.float32)
        scores = units @ (query / np.linalg.norm(query))
        matches: list[dict[str, Any]] = []
        for row in np.argsort(-scores, kind="stable"):
            record = records[names[row]]
            if len(matches) < top_k and fits(record["metadata"], body.get("filter") or {}):
                match = {"id": record["id"], "score": float(scores[row])}
                if body.get("includeValues"):
                    match["values"] = record["values"].tolist()
                if body.get("includeMetadata"):
                    match["metadata"] = record["metadata"]
                matches.append(match)
        return {"matches": matches, "namespace": namespace, "usage": {"readUnits": 1}}

    def fetch(self, asked: dict[str, list[str]]) -> dict[str, Any]:
        """GET /vectors/fetch; unknown ids are left out."""
        namespace = asked.get("namespace", [""])[0]
        records = self.namespaces.get(namespace, {})
        found = {
            name: {**records[name], "values": records[name]["values"].tolist()}
            for name in asked.get("ids", [])
            if name in records
        }
        return {"vectors": found, "namespace": namespace, "usage": {"readUnits": 1}}

    def delete(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /vectors/delete by ids, by filter, or all."""
        namespace = body.get("namespace", "")
        records = self.namespaces.get(namespace, {})
        gone = list(body.get("ids", []))
        if body.get("deleteAll"):
            gone = list(records)
        elif body.get("filter"):
            gone = [name for name in records if fits(records[name]["metadata"], body["filter"])]
        for name in gone:
            records.pop(name, None)
        self._units.pop(namespace, None)
        return {}

    def stats(self) -> dict[str, Any]:
        """POST /describe_index_stats."""
        counts = {name: len(records) for name, records in self.namespaces.items()}
        return {
            "dimension": self.dimension,
            "indexFullness": 0,
            "totalVectorCount": sum(counts.values()),
            "namespaces": {name: {"vectorCount": count} for name, count in counts.items()},
        }


def bad(message: str) -> RefusedError:
    """The answer to a wrong request."""
    return RefusedError(HTTPStatus.BAD_REQUEST, message)


def is_number(value: object) -> bool:
    """A number, which a boolean is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def fits(metadata: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Pinecone's filter language: $and, $or, and a field with $eq, $ne, $gt, ..., $in, $nin."""
    for key, test in wanted.items():
        if key in ("$and", "$or"):
            if not (all if key == "$and" else any)(fits(metadata, one) for one in test):
                return False
            continue
        for symbol, operand in (test if isinstance(test, dict) else {"$eq": test}).items():
            if not holds(metadata.get(key), symbol, operand):
                return False
    return True


def holds(value: Any, symbol: str, operand: Any) -> bool:
    """One comparison; values of different types are never equal."""

    def equal(one: Any) -> bool:
        if isinstance(value, list):
            return one in value
        same = (is_number(value) and is_number(one)) or type(value) is type(one)
        return bool(same and value == one)

    if symbol in ("$eq", "$ne"):
        return equal(operand) == (symbol == "$eq")
    if symbol in ("$in", "$nin"):
        return any(equal(one) for one in operand) == (symbol == "$in")
    if symbol not in ("$gt", "$gte", "$lt", "$lte") or not is_number(operand):
        raise bad(f"{symbol} is no operator for {operand!r}")
    if not is_number(value):
        return False
    return bool({
        "$gt": value > operand,
        "$gte": value >= operand,
        "$lt": value < operand,
        "$lte": value <= operand,
    }[symbol])  # fmt: skip
