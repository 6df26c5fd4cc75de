"""How much is done at once, how much may wait, and how often one client may ask."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Busy(RuntimeError):  # noqa: N818 - it names what happened
    """All places are taken.

    Attributes:
        retry_after: whole seconds after which there should be one.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"all places are taken, try again in {retry_after} s")
        self.retry_after = retry_after


class Lane:
    """Threads for one kind of work, and a waiting line of bounded length.

    A line without an end would answer everybody late: whoever finds it full is told so at once.

    Args:
        name: of the threads.
        at_once: pieces of work in hand.
        waiting: further pieces that may wait.

    Built in notebooks/15_capstone.ipynb.
    """

    def __init__(self, name: str, at_once: int, waiting: int) -> None:
        self.name, self.at_once, self.waiting = name, at_once, waiting
        self.taken = 0
        self._seconds = 1.0  # that a piece of work takes, a moving average
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)

    def enter(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Start the work, or put it in the line. Call it in the event loop.

        Raises:
            Busy: if the line is full.
        """
        if self.taken >= self.at_once + self.waiting:
            raise Busy(self.retry_after)
        self.taken += 1
        loop = asyncio.get_running_loop()

        def timed() -> T:
            began = time.perf_counter()
            try:
                return work()
            finally:
                took = time.perf_counter() - began
                loop.call_soon_threadsafe(self._took, took)

        # The place is free when the thread is: a caller who has gone away does not stop it.
        job = self._threads.submit(timed)
        job.add_done_callback(lambda _: loop.call_soon_threadsafe(self._leave))
        return asyncio.wrap_future(job)

    @property
    def retry_after(self) -> int:
        """Whole seconds until the line should have moved on by one."""
        return min(120, max(1, math.ceil(self._seconds / self.at_once)))

    def close(self) -> None:
        """Finish what was begun, and end the threads; what waits is dropped."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _took(self, seconds: float) -> None:
        self._seconds += 0.2 * (seconds - self._seconds)

    def _leave(self) -> None:
        self.taken -= 1


class Rate:
    """A token bucket for each client: so many requests a minute, in a burst or spread out.

    Args:
        per_minute: requests.
        clients: how many clients are remembered; the one not seen for longest is forgotten.

    >>> now = 0.0
    >>> rate = Rate(2, clock=lambda: now)
    >>> rate.wait("a"), rate.wait("a"), rate.wait("a"), rate.wait("b")
    (0.0, 0.0, 30.0, 0.0)
    >>> now = 30.0
    >>> rate.wait("a")
    0.0

    Built in notebooks/15_capstone.ipynb.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        clients: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if per_minute < 1 or clients < 1:
            raise ValueError(
                f"per_minute and clients must be 1 or more, got {per_minute} and {clients}"
            )
        self.per_minute, self.clients = per_minute, clients
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, client: str) -> float:
        """Seconds that this client has to wait; 0 lets the request through, and counts it."""
        with self._lock:
            now = self._clock()
            left, seen = self._buckets.pop(client, (float(self.per_minute), now))
            left = min(self.per_minute, left + (now - seen) * self.per_minute / 60)
            allowed = left >= 1
            self._buckets[client] = (left - 1 if allowed else left, now)
            while len(self._buckets) > self.clients:
                self._buckets.popitem(last=False)
            return 0.0 if allowed else (1 - left) * 60 / self.per_minute
