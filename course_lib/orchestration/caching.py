"""Answers kept, so that a question is asked once, also while its answer is on the way."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
import warnings
from collections.abc import Callable, Coroutine, Iterator, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any, Generic

from course_lib.orchestration.calls import Call, R, T

_WAIT_SECONDS = 5.0  # for another process that is writing


def request_key(request: Any) -> str:
    """A request's key: the SHA-256 of its JSON, keys sorted. Unequal requests get other keys.

    What changes the answer belongs into the request: the model's name, its options, the prompt's
    version, and the index's where passages are found in one.

    Raises:
        ValueError: if the request is no JSON; pass a key function of your own then.

    >>> request_key({"model": "m", "max_tokens": 9}) == request_key({"max_tokens": 9, "model": "m"})
    True

    Built in notebooks/14_orchestration.ipynb.
    """
    try:
        text = json.dumps(request, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"key must be given for a request that is no JSON: {error}") from error
    return hashlib.sha256(text.encode()).hexdigest()


class SqliteCache(MutableMapping[str, Any]):
    """Values by key in one SQLite file, for several processes, and for the next run.

    The values are what JSON holds: strings, numbers, lists, dictionaries. It holds them as they
    are: delete the file to forget what customers asked. Nothing else removes a value.

    Args:
        path: the file; made with its folder when first written.

    Raises:
        TypeError: on storing a value that is no JSON.
        sqlite3.Error, OSError: if the file is damaged, locked or cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = SqliteCache(Path(folder) / "answers.sqlite")
    ...     cache["returns?"] = "Within 30 days."
    ...     cache.get("returns?"), len(cache), "repairs?" in cache
    ('Within 30 days.', 1, False)

    Built in notebooks/14_orchestration.ipynb.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __getitem__(self, key: str) -> Any:
        for (value,) in self._ask("SELECT value FROM answers WHERE key = ?", key):
            return json.loads(value)
        raise KeyError(key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._write("INSERT OR REPLACE INTO answers VALUES (?, ?)", key, json.dumps(value))

    def __delitem__(self, key: str) -> None:
        self[key]  # KeyError if it is not there
        self._write("DELETE FROM answers WHERE key = ?", key)

    def __iter__(self) -> Iterator[str]:
        return iter([key for (key,) in self._ask("SELECT key FROM answers ORDER BY key")])

    def __len__(self) -> int:
        return sum(count for (count,) in self._ask("SELECT count(*) FROM answers"))

    def _ask(self, question: str, *parameters: str) -> list[tuple[Any, ...]]:
        """Rows of a SELECT; none where there is no file yet."""
        if not self.path.is_file():
            return []
        with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as db, db:
            self._make_table(db)
            return db.execute(question, parameters).fetchall()

    def _write(self, statement: str, *parameters: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as db, db:
            self._make_table(db)
            db.execute(statement, parameters)

    def _make_table(self, db: sqlite3.Connection) -> None:
        db.execute(
            "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"
        )


def with_cache(
    call: Call[R, T],
    cache: MutableMapping[str, T],
    *,
    key: Callable[[R], str] = request_key,
) -> Call[R, T]:
    """The call, made once for equal requests; later ones get the answer that was kept.

    Equal requests that come while the first one is on its way wait for its answer, or its error
    ("single flight", golang.org/x/sync/singleflight): when a popular answer is missing, the server
    is asked once, not by everybody. The call goes on while anybody waits for it, also if the one
    who began it was cancelled. Errors are not kept. A cache file that fails is warned about and
    done without.

    Everybody with an equal key gets the same answer: a question about a customer's own order needs
    the customer in its key, or no cache. For one event loop.

    Args:
        call: gives the answer that is missing.
        cache: where answers are kept: a dictionary (which grows without end) or a SqliteCache.
        key: what two requests must have in common to get the same answer.

    >>> asked = []
    >>> async def answer(question):
    ...     asked.append(question)
    ...     return question.upper()
    >>> async def three_times(call):
    ...     return await asyncio.gather(call("a"), call("a"), call("b"))
    >>> asyncio.run(three_times(with_cache(answer, {}))), asked
    (['A', 'A', 'B'], ['a', 'b'])

    Built in notebooks/14_orchestration.ipynb.
    """
    flights: dict[str, _Flight[T]] = {}

    async def fly(name: str, request: R) -> T:
        answer = await call(request)
        _careful(cache.__setitem__, name, answer)
        return answer

    async def cached(request: R) -> T:
        name = key(request)
        flight = flights.get(name)
        if flight is None:
            if (kept := _careful(cache.__getitem__, name)) is not _MISSING:
                return kept  # type: ignore[no-any-return]
            flight = flights[name] = _Flight(fly(name, request))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            # landed: the next one reads the cache, or, after an error, asks again. Or cancelled by
            # the last one who waited: so is the call, and the next one begins another
            if flights.get(name) is flight and (flight.task.done() or not flight.waiting):
                flight.task.cancel()  # nothing, if it is done
                del flights[name]

    return cached


class _Flight(Generic[T]):
    """A call under way, and those who wait for it."""

    def __init__(self, call: Coroutine[Any, Any, T]) -> None:
        self.task, self.waiting = asyncio.create_task(call), 0


_MISSING: Any = object()


def _careful(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the cache's method gives; _MISSING if it has no such key, or fails."""
    try:
        return function(*arguments)
    except KeyError:
        return _MISSING
    except (OSError, sqlite3.Error) as error:
        warnings.warn(f"the answers' cache cannot be used ({error}): going on", stacklevel=3)
        return _MISSING
