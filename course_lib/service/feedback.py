"""What people think of an answer, on disk before anybody is told so."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_TABLE = """
create table if not exists feedback (
    id integer primary key,
    received real not null,      -- seconds since 1970
    answer_id text not null,
    helpful integer not null check (helpful in (0, 1)),
    comment text not null,
    question text,               -- null where the service no longer had the answer
    answer text,
    model text
) strict
"""


class FeedbackError(RuntimeError):
    """Feedback could not be kept: what happened, and what to do next."""


@dataclass(frozen=True)
class Feedback:
    """One opinion.

    Attributes:
        answer_id: of the answer that it is about.
        helpful: whether the answer helped.
        comment: in the person's own words; may be empty.
        question, answer, model: what was asked and answered; None where that is not known.
    """

    answer_id: str
    helpful: bool
    comment: str = ""
    question: str | None = None
    answer: str | None = None
    model: str | None = None


class FeedbackStore:
    """Feedback in an SQLite file. What `add` returned for survives a crash of program or machine.

    Every record is a transaction of its own, written through to the disk (`synchronous=FULL`)
    before `add` returns. Threads may share a store.

    Args:
        path: the file; its folder is made if it is missing.

    Raises:
        FeedbackError: if the file cannot be opened or written, or is no such file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = FeedbackStore(Path(folder) / "feedback.sqlite")
    ...     number = store.add(Feedback("a1", helpful=True))
    ...     print(number, store.count())
    ...     store.close()
    1 1

    Built in notebooks/15_capstone.ipynb.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, check_same_thread=False, isolation_level=None, timeout=10
            )
            self._connection.execute("pragma journal_mode=wal")
            self._connection.execute("pragma synchronous=full")
            self._connection.execute(_TABLE)
            # A file that cannot be written is noticed now, not when somebody has written to us.
            self._connection.execute("begin immediate")
            self._connection.execute(f"pragma user_version={int(time.time()) % 2**31}")
            self._connection.execute("commit")
            if self._connection.execute("pragma quick_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("its pages do not fit together")
        except (OSError, sqlite3.Error) as error:
            raise self._explain(error) from error

    def add(self, given: Feedback) -> int:
        """Write a record through to the disk, and return its number.

        Raises:
            FeedbackError: if it could not be written; then it is not there.
        """
        values = (
            time.time(), given.answer_id, int(given.helpful), given.comment,
            given.question, given.answer, given.model,
        )  # fmt: skip
        columns = "received, answer_id, helpful, comment, question, answer, model"
        with self._lock:
            try:
                row = self._connection.execute(
                    f"insert into feedback ({columns}) values (?, ?, ?, ?, ?, ?, ?)", values
                )
            except sqlite3.Error as error:
                raise self._explain(error) from error
            return int(row.lastrowid or 0)

    def count(self) -> int:
        """How many records there are.

        Raises:
            FeedbackError: if the file cannot be read.
        """
        with self._lock:
            try:
                return int(self._connection.execute("select count(*) from feedback").fetchone()[0])
            except sqlite3.Error as error:
                raise self._explain(error) from error

    def close(self) -> None:
        """Close the file; closing again does nothing."""
        with self._lock:
            self._connection.close()

    def _explain(self, error: Exception) -> FeedbackError:
        return FeedbackError(
            f"{self.path} cannot keep feedback ({type(error).__name__}: {error}). Next step: see "
            "that the disk has room, that the folder may be written, and that the file is a whole "
            "feedback file; move a damaged one away, and a new one is made"
        )
