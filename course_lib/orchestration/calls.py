"""What goes around a call that may fail, hang or come too often: each thing a function of its own.

A `Call` is an async function of one request. Every function here takes a call and gives a call, so
that they nest, and the order is a decision: a timeout inside the retries is for each try, one
outside for all of them together; a limit inside the retries lets another call in during a pause.

>>> async def answer(question):
...     return f"answer to {question}"
>>> patient = with_retries(with_timeout(answer, seconds=5), attempts=3)
>>> asyncio.run(patient("Returns?"))
'answer to Returns?'

Built in notebooks/14_orchestration.ipynb, which also says which library does each for you.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from course_lib.language_model.interface import ContextOverflow, LanguageModelError

if TYPE_CHECKING:
    import numpy as np

R = TypeVar("R")
T = TypeVar("T")
Call: TypeAlias = Callable[[R], Awaitable[T]]
Errors: TypeAlias = tuple[type[Exception], ...] | Callable[[Exception], bool]


def may_pass(error: Exception) -> bool:
    """Whether the same request may well succeed a moment later.

    So it is after a lost connection, a timeout, a status 408, 409, 429 or 5xx (in the attribute
    `status_code`, where the openai client has it, or `response.status_code`, as in httpx), and
    any LanguageModelError but ContextOverflow.

    >>> may_pass(ConnectionResetError()), may_pass(ValueError("temperature must be 0 or more"))
    (True, False)

    Built in notebooks/14_orchestration.ipynb.
    """
    status = getattr(error, "status_code", None)
    if status is None:
        status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(status, int):
        return status in (408, 409, 429) or status >= 500
    if isinstance(error, ContextOverflow):
        return False
    if isinstance(error, ConnectionError | TimeoutError | LanguageModelError):
        return True
    # the HTTP libraries' own, without importing them: openai, httpx and its successor
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"APIConnectionError", "TransportError"})


def asked_wait(error: Exception) -> float | None:
    """Seconds that the server asked to wait, in the error or its response's headers; None: not.

    `retry-after-ms` comes before `Retry-After` (RFC 9110, 10.2.3), of which the form with a date
    is not read.

    >>> error = RuntimeError("busy")
    >>> error.retry_after = 2
    >>> asked_wait(error)
    2.0

    Built in notebooks/14_orchestration.ipynb.
    """
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    places: list[tuple[Any, float]] = [
        (getattr(error, "retry_after", None), 1.0),
        (headers.get("retry-after-ms"), 1e-3),
        (headers.get("retry-after"), 1.0),
    ]
    for value, unit in places:
        try:
            seconds = float(value) * unit
        except (TypeError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def backoff(
    attempt: int,
    *,
    base: float = 0.1,
    cap: float = 2.0,
    rng: random.Random | np.random.Generator | None = None,
) -> float:
    """Seconds to wait before the next try: a random part of a bound that doubles up to a cap.

    uniform(0, min(cap, base * 2 ** attempt)): "full jitter" (M. Brooker, Exponential Backoff and
    Jitter, AWS Architecture Blog, 2015). Without the random part, callers who failed together
    come back together.

    Args:
        attempt: tries that have failed before this one; 0 after the first try.
        base: the first bound in seconds.
        cap: the largest bound in seconds.
        rng: draws; None gives the bound itself (no jitter).

    >>> [backoff(attempt) for attempt in range(6)]
    [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    >>> 0 <= backoff(5, rng=random.Random(0)) <= 2
    True

    Built in notebooks/14_orchestration.ipynb.
    """
    bound = min(cap, base * 2.0 ** min(attempt, 1000))  # above, a float overflows
    return bound if rng is None else float(rng.uniform(0.0, bound))


def with_retries(
    call: Call[R, T],
    *,
    attempts: int = 3,
    base: float = 0.1,
    cap: float = 2.0,
    jitter: bool = True,
    rng: random.Random | np.random.Generator | None = None,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    on: Errors = may_pass,
    longest: float = 60.0,
) -> Call[R, T]:
    """The call, tried again after an error that may pass, with growing pauses between the tries.

    A server that asks for a pause (`asked_wait`) gets it, with the jitter on top, since it may have
    told everybody the same.

    Args:
        call: what is tried.
        attempts: tries in all; the last one's error is raised.
        base, cap: bounds of the pauses in seconds; see `backoff`.
        jitter: draw each pause; False waits for the whole bound.
        rng: draws the pauses; None is a new, unseeded one.
        sleep: waits.
        on: kinds of errors after which to try again, or a function that tells.
        longest: a server that asks for more seconds than this gets no further try.

    Raises:
        ValueError: if attempts is below 1, or base, cap or longest negative.

    Built in notebooks/14_orchestration.ipynb.
    """
    if attempts < 1:
        raise ValueError(f"attempts must be 1 or more tries, got {attempts}")
    for name, value in (("base", base), ("cap", cap), ("longest", longest)):
        if not value >= 0:
            raise ValueError(f"{name} must be 0 or more seconds, got {value}")
    draws = (rng or random.Random()) if jitter else None

    async def retried(request: R) -> T:
        for attempt in range(attempts - 1):
            try:
                return await call(request)
            except Exception as error:
                asked = asked_wait(error)
                if not _is_one_of(error, on) or (asked or 0.0) > longest:
                    raise
            pause = backoff(attempt, base=base, cap=cap, rng=draws)
            if asked is not None:
                pause = asked + (pause if jitter else 0.0)
            await sleep(pause)
        return await call(request)

    return retried


def with_timeout(call: Call[R, T], seconds: float) -> Call[R, T]:
    """The call, given up after this long, with a TimeoutError.

    The call is cancelled: an async client closes its connection. What it started in a thread
    (`asyncio.to_thread`, `in_threads`) goes on, and keeps that thread.

    Raises:
        ValueError: if seconds is not above 0.

    >>> async def slow(question):
    ...     await asyncio.sleep(60)
    >>> try:
    ...     asyncio.run(with_timeout(slow, 0.01)("Returns?"))
    ... except TimeoutError as error:
    ...     print(error)
    no answer within 0.01 s

    Built in notebooks/14_orchestration.ipynb.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, got {seconds}")

    async def timed(request: R) -> T:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await call(request)
        except TimeoutError as error:
            if not limit.expired():  # the call's own
                raise
            raise TimeoutError(f"no answer within {seconds:g} s") from error

    return timed


def with_fallback(call: Call[R, T], other: Call[R, T], *, on: Errors = (Exception,)) -> Call[R, T]:
    """The call, and after an error another one, such as a second server or a smaller model.

    Args:
        call: is tried first.
        other: is tried after an error; its own error is raised, with the first as its context.
        on: kinds of errors after which to do so, or a function that tells.

    >>> import asyncio
    >>> async def down(question):
    ...     raise OSError("nobody there")
    >>> async def spare(question):
    ...     return "30 days"
    >>> asyncio.run(with_fallback(down, spare)("Returns?"))
    '30 days'

    Built in notebooks/14_orchestration.ipynb.
    """

    async def covered(request: R) -> T:
        try:
            return await call(request)
        except Exception as error:
            if not _is_one_of(error, on):
                raise
            return await other(request)

    return covered


def with_limit(call: Call[R, T], at_once: int) -> Call[R, T]:
    """The call, running so many times at once at most; further ones wait, in their order.

    For one event loop. The line has no end: a server should rather refuse, as
    `service.lanes.Lane` does.

    Raises:
        ValueError: if at_once is below 1.

    >>> async def answer(question):
    ...     return question.upper()
    >>> asyncio.run(with_limit(answer, 4)("returns?"))
    'RETURNS?'

    Built in notebooks/14_orchestration.ipynb.
    """
    if at_once < 1:
        raise ValueError(f"at_once must be 1 or more calls, got {at_once}")
    places = asyncio.Semaphore(at_once)

    async def limited(request: R) -> T:
        async with places:
            return await call(request)

    return limited


def in_threads(function: Callable[[R], T], threads: int) -> Call[R, T]:
    """A function that waits or computes, as a call: in threads, so many at once at most.

    `asyncio.to_thread` has min(32, cores + 4) threads, for all its callers together: on two cores
    six, and a batch for eight never fills. Threads of its own end with the program.

    Raises:
        ValueError: if threads is below 1.

    >>> asyncio.run(in_threads(str.upper, 2)("returns?"))
    'RETURNS?'

    Built in notebooks/14_orchestration.ipynb.
    """
    if threads < 1:
        raise ValueError(f"threads must be 1 or more, got {threads}")
    pool = ThreadPoolExecutor(threads, thread_name_prefix="in_threads")

    async def threaded(request: R) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, function, request)

    return threaded


def _is_one_of(error: Exception, on: Errors) -> bool:
    return isinstance(error, on) if isinstance(on, tuple) else on(error)
