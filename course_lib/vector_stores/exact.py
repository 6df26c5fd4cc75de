"""Exact search: every vector is compared with the query. The others are measured against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.similarity import top_k
from course_lib.vector_stores.checks import Batch, Condition, Metadata, Vectors
from course_lib.vector_stores.files import (
    Arrays,
    FolderLock,
    from_bytes,
    load_arrays,
    save_arrays,
    to_bytes,
)
from course_lib.vector_stores.protocol import CheckedStore, Hit, Record, StoreError, cosine

Rows = NDArray[np.intp]

_COMPACT_FROM = 1000  # rows; below, rows of deleted records cost nothing


class Table:
    """Ids, metadata and texts by row. A changed record gets a new row, so that rows never change.

    Rows of deleted and of replaced records stay, marked, until `compact`.
    """

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.metadata: list[Metadata] = []
        self.texts: list[str] = []
        self.row_of: dict[str, int] = {}
        self._used: Rows | None = None  # rows of records, until the next change

    def append(self, batch: Batch) -> None:
        """Give each record a row at the end."""
        start = len(self.ids)
        self.ids += batch.ids
        self.metadata += batch.metadata
        self.texts += batch.texts
        self.row_of |= {name: start + place for place, name in enumerate(batch.ids)}
        self._used = None

    def remove(self, ids: list[str]) -> None:
        """Forget records; unknown ids too."""
        for name in ids:
            self.row_of.pop(name, None)
        self._used = None

    def rows(self, where: Sequence[Condition] = ()) -> Rows:
        """Rows of the records that fit a filter, rising."""
        if self._used is None:
            self._used = np.sort(np.fromiter(self.row_of.values(), np.intp, len(self.row_of)))
        if not where:
            return self._used
        chosen = self._used.tolist()
        for condition in where:
            chosen = [row for row in chosen if condition.holds(self.metadata[row])]
        return np.array(chosen, dtype=np.intp)

    def compact(self) -> Rows | None:
        """Drop unused rows where they are more than half; the old numbers of those that stay."""
        if len(self.ids) < _COMPACT_FROM or len(self.ids) <= 2 * len(self.row_of):
            return None
        kept = self.rows()
        self.ids = [self.ids[row] for row in kept]
        self.metadata = [self.metadata[row] for row in kept]
        self.texts = [self.texts[row] for row in kept]
        self.row_of = {name: row for row, name in enumerate(self.ids)}
        self._used = None
        return kept

    def to_arrays(self) -> Arrays:
        """For `save_arrays`; unused rows included, since vectors are saved by row."""
        rows = [self.ids, self.metadata, self.texts, self.rows().tolist()]
        return {"records": to_bytes(rows)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Table:
        """What `to_arrays` gave."""
        table = cls()
        table.ids, table.metadata, table.texts, used = from_bytes(arrays["records"])
        table.row_of = {table.ids[row]: row for row in used}
        return table


class ExactStore(CheckedStore):
    """Records in memory, search by one matrix product; with a path, kept in one file of a folder.

    Exact: recall 1. Equal scores come in the order in which the records were last written.

    Args:
        dim: numbers in a vector.
        path: a folder, made if it is missing. `persist` and `close` write, all at once: a crash
            loses what came after the last of these, and nothing before.
        collection: the file's name in that folder.

    Raises:
        ValueError: if the file there holds vectors of another dim.
        StoreError: if the folder is in use, or the file is damaged.

    >>> with ExactStore(dim=2) as store:
    ...     store.upsert(["flat", "chain"], [[1.0, 0.0], [0.0, 1.0]], texts=["A flat", "A chain"])
    ...     store.search([0.0, 1.0], k=1)
    [Hit(id='chain', score=1.0, metadata={}, text='A chain')]

    Built in notebooks/07_vector_search.ipynb.
    """

    recall = 1.0

    def __init__(
        self, dim: int, *, path: str | Path | None = None, collection: str = "documents"
    ) -> None:
        super().__init__(dim, collection)
        self._table = Table()
        self._vectors = np.empty((0, self.dim), np.float32)  # (capacity, dim)
        self._changed = False
        self._file: Path | None = None
        if path is not None:
            self._lock = FolderLock(Path(path))
            try:
                self._open(Path(path) / f"{self.collection}.npz")
            except BaseException:
                self._lock.release()
                raise

    def _open(self, file: Path) -> None:
        self._file = file
        arrays = load_arrays(file, {"dim", "records", *self._vector_arrays()})
        if arrays is None:
            return
        dim = int(arrays["dim"])
        if dim != self.dim:
            raise ValueError(f"dim must be {dim}, as in {file}, got {self.dim}")
        try:
            self._table = Table.from_arrays(arrays)
            self._load_vectors(arrays)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise StoreError(f"{file} is no file of a {type(self).__name__} ({error})") from error

    # The vectors. FaissStore keeps them elsewhere, and changes these alone.

    def _vector_arrays(self) -> Arrays:
        return {"vectors": self._vectors[: len(self._table.ids)]}

    def _load_vectors(self, arrays: Arrays) -> None:
        self._vectors = np.ascontiguousarray(arrays["vectors"], np.float32)
        if self._vectors.shape != (len(self._table.ids), self.dim):
            raise ValueError(f"vectors of the shape {self._vectors.shape}")

    def _append_vectors(self, vectors: Vectors) -> None:
        used = len(self._table.ids)
        if used + len(vectors) > len(self._vectors):
            # Twice the room, so that n upserts of one record copy 2n rows and not n squared.
            grown = np.empty((max(2 * used, used + len(vectors)), self.dim), np.float32)
            grown[:used] = self._vectors[:used]
            self._vectors = grown
        self._vectors[used : used + len(vectors)] = vectors

    def _take_vectors(self, rows: Rows) -> Vectors:
        return self._vectors[rows]

    def _keep_vectors(self, rows: Rows) -> None:
        self._vectors = self._vectors[rows]

    def _upsert(self, batch: Batch) -> None:
        self._append_vectors(batch.vectors)
        self._table.append(batch)
        self._after_change()

    def _delete(self, ids: list[str]) -> None:
        self._table.remove(ids)
        self._after_change()

    def _after_change(self) -> None:
        self._changed = True
        kept = self._table.compact()
        if kept is not None:
            self._keep_vectors(kept)

    def _search(self, query: Vectors, k: int, where: list[Condition]) -> list[Hit]:
        rows = self._table.rows(where)
        if len(rows) == len(self._table.ids):  # every row: no need to copy them
            return self._hits(rows, self._vectors[: len(rows)] @ query, k)
        return self._hits(rows, self._take_vectors(rows) @ query, k)

    def _hits(self, rows: Rows, scores: NDArray[Any], k: int) -> list[Hit]:
        """The k best of some rows and their scores."""
        if not len(rows):
            return []
        places, best = top_k(scores, min(k, len(rows)))
        table = self._table
        return [
            Hit(table.ids[row], cosine(score), dict(table.metadata[row]), table.texts[row])
            for row, score in zip(rows[places], best, strict=True)
        ]

    def _fetch(self, ids: list[str]) -> list[Record]:
        table = self._table
        known = [name for name in ids if name in table.row_of]
        rows = np.array([table.row_of[name] for name in known], dtype=np.intp)
        vectors = self._take_vectors(rows)
        return [
            Record(name, vector.copy(), dict(table.metadata[row]), table.texts[row])
            for name, row, vector in zip(known, rows, vectors, strict=True)
        ]

    def _count(self) -> int:
        return len(self._table.row_of)

    def _persist(self) -> None:
        if self._file is None or (not self._changed and self._file.exists()):
            return
        arrays = {"dim": np.array(self.dim), **self._table.to_arrays(), **self._vector_arrays()}
        save_arrays(self._file, arrays)
        self._changed = False

    def _close(self) -> None:
        if self._file is None:
            return
        try:
            self._persist()
        finally:
            self._lock.release()
