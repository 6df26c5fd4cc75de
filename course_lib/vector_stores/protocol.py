"""One interface to every vector store, and the checks and states that all of them share."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from numpy.typing import ArrayLike

from course_lib.vector_stores import checks
from course_lib.vector_stores.checks import Batch, Condition, Metadata, Value, Vectors


class StoreError(RuntimeError):
    """A store that cannot do its work: closed, in use elsewhere, damaged or out of reach."""


@dataclass(frozen=True)
class Hit:
    """A record that a search found; `score` is the cosine, in [-1, 1]."""

    id: str
    score: float
    metadata: Metadata
    text: str


@dataclass(frozen=True, eq=False)
class Record:
    """A record as it is stored; `vector` has the shape (dim,) and unit length."""

    id: str
    vector: Vectors
    metadata: Metadata
    text: str


@runtime_checkable
class VectorStore(Protocol):
    """Records of an id, a unit vector, metadata and a text; found again by what is near a query.

    Errors: every argument is checked before anything is written, and a wrong one is a ValueError.
    What the store itself cannot do, because it is closed or damaged, is a StoreError.
    """

    dim: int

    def upsert(
        self,
        ids: Sequence[str],
        vectors: ArrayLike,
        metadata: Sequence[Mapping[str, Value]] | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        """Write records; one whose id is there already is replaced as a whole.

        Args:
            ids: 1 to 512 characters each, none twice.
            vectors: shape (n, dim), each of length 1.
            metadata: for each record its fields: str, int, float or bool.
            texts: for each record its text; "" by default.
        """

    def search(
        self, query: ArrayLike, k: int = 10, *, where: Mapping[str, Any] | None = None
    ) -> list[Hit]:
        """The k records nearest to the query, best first; fewer where fewer fit.

        Args:
            query: shape (dim,), of length 1.
            k: how many.
            where: fields that must hold a value: {"team": "parts"}, one of several values:
                {"year": {"$in": [2024, 2025]}}, or a number in a range ($gt, $gte, $lt, $lte):
                {"price": {"$gte": 10, "$lt": 20}}. All must hold; a record without a field is not
                found by it. 1 and 1.0 are equal; 1 and True, or 1 and "1", are not.
        """

    def fetch(self, ids: Sequence[str]) -> list[Record | None]:
        """The records with these ids, in their order; None for an unknown id."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove records; an unknown id is no error."""

    def count(self) -> int:
        """How many records there are."""

    def persist(self) -> None:
        """Make sure that what was written is on the disk; `close` does it too."""

    def close(self) -> None:
        """Give up files and connections. Closing again does nothing; all else is an error then."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc_info: Any) -> None: ...


class CheckedStore(ABC):
    """A store's outside: checks, states and batches. A database adds the methods below the line.

    Args:
        dim: numbers in a vector.
        collection: name of the set of records, where one place can hold several.
    """

    batch_size = 1_000_000  # records that the database takes at once
    recall: float  # the recall@10 that it reaches on text, against exact search; tested

    def __init__(self, dim: int, collection: str = "documents") -> None:
        self.dim = checks.check_whole(dim, "dim")
        self.collection = checks.check_collection(collection)
        self._closed = False

    def upsert(
        self,
        ids: Sequence[str],
        vectors: ArrayLike,
        metadata: Sequence[Mapping[str, Value]] | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        """See VectorStore.upsert."""
        self._check_open()
        batch = checks.check_batch(ids, vectors, metadata, texts, self.dim)
        self._check_batch(batch)
        with self._saying("write"):
            for part in batch.parts(self.batch_size):
                self._upsert(part)

    def search(
        self, query: ArrayLike, k: int = 10, *, where: Mapping[str, Any] | None = None
    ) -> list[Hit]:
        """See VectorStore.search."""
        self._check_open()
        vector = checks.check_query(query, self.dim)
        k = checks.check_whole(k, "k")
        conditions = checks.check_where(where)
        if any(one.operator == "$in" and not one.operand for one in conditions):
            return []  # nothing is one of no values; some databases refuse the question
        with self._saying("search"):
            return self._search(vector, k, conditions)

    def fetch(self, ids: Sequence[str]) -> list[Record | None]:
        """See VectorStore.fetch."""
        self._check_open()
        names = checks.check_ids(ids)
        self._check_ids(names)
        found: dict[str, Record] = {}
        unique = list(dict.fromkeys(names))
        with self._saying("read"):
            for start in range(0, len(unique), self.batch_size):
                part = unique[start : start + self.batch_size]
                found |= {record.id: record for record in self._fetch(part)}
        return [found.get(name) for name in names]

    def delete(self, ids: Sequence[str]) -> None:
        """See VectorStore.delete."""
        self._check_open()
        unique = list(dict.fromkeys(checks.check_ids(ids)))
        self._check_ids(unique)
        with self._saying("delete"):
            for start in range(0, len(unique), self.batch_size):
                self._delete(unique[start : start + self.batch_size])

    def count(self) -> int:
        """See VectorStore.count."""
        self._check_open()
        with self._saying("count"):
            return self._count()

    def persist(self) -> None:
        """See VectorStore.persist."""
        self._check_open()
        with self._saying("write"):
            self._persist()

    def close(self) -> None:
        """See VectorStore.close."""
        if not self._closed:
            self._closed = True
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(
                f"this {type(self).__name__} is closed. Next step: open it again, "
                "or keep your work inside its `with` block"
            )

    @contextmanager
    def _saying(self, what: str) -> Iterator[None]:
        """Make one exception of what each library raises for a lost server or a damaged file."""
        try:
            yield
        except (StoreError, ValueError):
            raise
        except Exception as error:
            raise StoreError(
                f"{type(self).__name__} could not {what} ({type(error).__name__}: {error}). "
                "Next step: check that its server runs, or that its folder is whole and writable"
            ) from error

    def _check_batch(self, batch: Batch) -> None:
        """Refuse records that this database alone cannot take."""
        self._check_ids(batch.ids)

    def _check_ids(self, ids: list[str]) -> None:  # noqa: B027 - most databases need no more
        """Refuse ids that this database alone cannot take."""

    # What a database adds; the arguments are checked, and ids come once each.

    @abstractmethod
    def _upsert(self, batch: Batch) -> None: ...

    @abstractmethod
    def _search(self, query: Vectors, k: int, where: list[Condition]) -> list[Hit]: ...

    @abstractmethod
    def _fetch(self, ids: list[str]) -> list[Record]: ...

    @abstractmethod
    def _delete(self, ids: list[str]) -> None: ...

    @abstractmethod
    def _count(self) -> int: ...

    @abstractmethod
    def _persist(self) -> None: ...

    @abstractmethod
    def _close(self) -> None: ...


def cosine(score: float) -> float:
    """A score without the rounding that puts it outside of [-1, 1]."""
    return min(1.0, max(-1.0, float(score)))


def need(module: str, package: str, who: str) -> ModuleType:
    """Import an optional module, or say in one line what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise StoreError(
            f"{who} needs {package}, which cannot be imported ({error}). "
            f"Next step: python -m pip install {package}"
        ) from error
