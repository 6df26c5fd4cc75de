"""Vectors on disk, so that a text is embedded once.

One SQLite file: of the formats in the standard library the one that several processes may write at
once, and that a killed process leaves whole.
"""

from __future__ import annotations

import hashlib
import sqlite3
import warnings
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]

_KEYS_PER_QUESTION = 500  # SQLite allows 999 parameters in one statement
_WAIT_SECONDS = 60.0  # for another process that is writing


class VectorCache:
    """Texts to float32 vectors in one SQLite file, safe for several processes at once.

    A damaged file is warned about, removed and filled again. One that cannot be read, or written,
    is warned about and not read, or written, again. Neither is an error: a cache only saves time.
    The texts themselves are not stored, only their SHA-256.

    Args:
        path: the file; made with its folder when first written.
        dim: numbers in a vector.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = VectorCache(Path(folder) / "vectors.sqlite", dim=2)
    ...     cache.put({"flat tyre": np.array([0.5, 1.0], dtype=np.float32)})
    ...     cache.get(["flat tyre", "puncture"])
    {'flat tyre': array([0.5, 1. ], dtype=float32)}
    """

    def __init__(self, path: Path, dim: int) -> None:
        self.path = path
        self.dim = dim
        self._readable = self._writable = True

    def get(self, texts: Iterable[str]) -> dict[str, Vector]:
        """The vectors that are stored, by text; a text that is not stored is left out."""
        text_of = {_key(text): text for text in texts}
        keys = list(text_of)
        found: dict[str, Vector] = {}
        for start in range(0, len(keys), _KEYS_PER_QUESTION):
            part = keys[start : start + _KEYS_PER_QUESTION]
            marks = ",".join("?" * len(part))
            question = f"SELECT key, vector, crc FROM vectors WHERE key IN ({marks})"
            for key, blob, crc in self._ask(question, part):
                if (
                    isinstance(blob, bytes)
                    and len(blob) == 4 * self.dim
                    and zlib.crc32(blob) == crc
                ):
                    found[text_of[key]] = np.frombuffer(blob, dtype="<f4").astype(np.float32)
                else:
                    self._warn("holds a damaged vector; it is computed again")
        return found

    def put(self, vectors: Mapping[str, Vector]) -> None:
        """Store vectors by text in one transaction: all of them or, on a crash, none."""
        blobs = {_key(text): vector.astype("<f4").tobytes() for text, vector in vectors.items()}
        rows = [(key, blob, zlib.crc32(blob)) for key, blob in blobs.items()]
        for _ in range(2):  # after a damaged file once more, with an empty one
            if not self._writable:
                return
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as db, db:
                    db.execute(
                        "CREATE TABLE IF NOT EXISTS vectors "
                        "(key TEXT PRIMARY KEY, vector BLOB, crc INTEGER) WITHOUT ROWID"
                    )
                    db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
                    return
            except (OSError, sqlite3.OperationalError) as error:  # locked, full, read-only
                self._warn(f"cannot be written ({error}); new vectors are not kept")
                self._writable = False
            except sqlite3.DatabaseError as error:
                self._start_again(error)

    def _ask(self, question: str, parameters: list[str]) -> list[tuple[str, object, object]]:
        """Rows of a SELECT; none where there is no file, or none that can be read."""
        if not (self._readable and self.path.is_file()):
            return []
        try:
            with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as db:
                return db.execute(question, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):  # that is an empty file: nothing stored yet
                self._warn(f"cannot be read ({error}); going on without it")
                self._readable = False
        except sqlite3.DatabaseError as error:
            self._start_again(error)
        return []

    def _start_again(self, error: sqlite3.DatabaseError) -> None:
        """Warn, and remove the damaged file."""
        self._warn(f"is damaged ({error}); its vectors are computed again")
        try:
            # The journal first: it would be played into the next file of this name.
            for path in (self.path.with_name(self.path.name + "-journal"), self.path):
                path.unlink(missing_ok=True)
        except OSError:  # Windows, while another process has it open
            self._readable = self._writable = False

    def _warn(self, what: str) -> None:
        warnings.warn(f"embedding cache {self.path.name} {what}", stacklevel=2)


def _key(text: str) -> str:
    """What a text is stored under."""
    return hashlib.sha256(text.encode()).hexdigest()
