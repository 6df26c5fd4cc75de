"""A call under load: who asks when, how long each waited, and what that says."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.orchestration.calls import Call
from course_lib.statistics import Interval, wilson_interval


@dataclass(frozen=True, eq=False)
class LoadRow:
    """One request of a load. Times are seconds since the load began.

    Attributes:
        request: what was asked.
        planned: when it was to be asked; without arrivals, when it was.
        started: when it was.
        finished: when its answer, or its error, was there.
        answer: what the call gave; None after an error.
        error: what the call raised; None after an answer.
    """

    request: Any
    planned: float
    started: float
    finished: float
    answer: Any = None
    error: Exception | None = None

    @property
    def latency(self) -> float:
        """Seconds from the planned time to the answer or the error."""
        return self.finished - self.planned


@dataclass(frozen=True, eq=False)
class LoadReport:
    """What a load met with.

    Attributes:
        rows: one for each request, in the order in which they were planned.

    >>> rows = [LoadRow("a", at, at, at + 0.5) for at in range(30)]
    >>> print(LoadReport((*rows, LoadRow("b", 30, 30, 30.1, error=TimeoutError()))))
    31 requests in 30.1 s: success 0.97 [0.84, 0.99] (TimeoutError 1);
    seconds until the answer: median 0.50 [0.50, 0.50], 95% within 0.50 [0.50, 0.50]

    Built in notebooks/14_orchestration.ipynb.
    """

    rows: tuple[LoadRow, ...]

    @property
    def latencies(self) -> NDArray[np.float64]:
        """Seconds until each answer, in the order of the rows; requests that failed are left out.

        They are no measure alone: a server that fails the slow ones has the best of them.
        """
        return np.array([row.latency for row in self.rows if row.error is None])

    @property
    def success(self) -> Interval:
        """Share of the requests that were answered, with its Wilson interval.

        Raises:
            ValueError: if there were no requests.
        """
        return wilson_interval(sum(row.error is None for row in self.rows), len(self.rows))

    @property
    def errors(self) -> dict[str, int]:
        """How often each kind of error came, the most frequent first."""
        kinds = (type(row.error).__name__ for row in self.rows if row.error is not None)
        return dict(Counter(kinds).most_common())

    @property
    def seconds(self) -> float:
        """From the first planned request to the last answer or error."""
        first = min((row.planned for row in self.rows), default=0.0)
        return max((row.finished for row in self.rows), default=0.0) - first

    @property
    def per_second(self) -> float:
        """Answers a second; errors do not count."""
        return len(self.latencies) / self.seconds if self.rows else 0.0

    def percentile(
        self, q: float, *, confidence: float = 0.95, n_resamples: int = 2000, seed: int = 0
    ) -> Interval:
        """The latency that q percent of the answers stay within, with a bootstrap interval.

        Neighbours wait in the same queue, so their latencies go together. Resampling runs of
        n ** (1/3) neighbours in place of single ones keeps most of that (circular block bootstrap:
        Politis and Romano, 1992). Two limits stay: above about 70% load a run of neighbours that
        wait together is longer than such a block, and the interval too narrow; and no resample
        holds an answer slower than the slowest seen, so that q = 99 says little below some
        hundreds of answers. Another load with another seed shows how far it goes.

        Args:
            q: above 0 and below 100; 50 is the median.
            confidence: share of the resamples inside the interval, between 0 and 1.
            n_resamples: how many samples to draw.
            seed: the same seed gives the same interval.

        Raises:
            ValueError: on fewer than 2 answers, or an argument out of range.
        """
        if not 0 < q < 100:
            raise ValueError(f"q must be a percentage above 0 and below 100, got {q}")
        if not 0 < confidence < 1 or n_resamples < 1:
            raise ValueError(
                "confidence must be between 0 and 1, both excluded, and n_resamples 1 or more, "
                f"got {confidence} and {n_resamples}"
            )
        found = self.latencies
        n = len(found)
        if n < 2:
            raise ValueError(f"a percentile needs at least 2 answers, got {n}")
        block = round(n ** (1 / 3))
        starts = np.random.default_rng(seed).integers(0, n, size=(n_resamples, -(-n // block)))
        runs = (starts[:, :, np.newaxis] + np.arange(block)) % n  # (n_resamples, blocks, block)
        resampled = np.percentile(found[runs.reshape(n_resamples, -1)[:, :n]], q, axis=1)
        low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
        return Interval(float(np.percentile(found, q)), float(low), float(high))

    def __str__(self) -> str:
        if not self.rows:
            return "no requests"
        kinds = ", ".join(f"{name} {count}" for name, count in self.errors.items())
        said = f"{len(self.rows)} requests in {self.seconds:.1f} s: success {self.success}"
        said += f" ({kinds})" if kinds else ""
        if len(self.latencies) < 2:
            return said
        return (
            f"{said};\nseconds until the answer: median {self.percentile(50)}, "
            f"95% within {self.percentile(95)}"
        )


def arrivals(rate: float, seconds: float, seed: int = 0) -> NDArray[np.float64]:
    """When requests come if each comes of itself: a Poisson process.

    The gaps are exponential with the mean 1 / rate. How many requests that makes varies: about
    rate * seconds, give or take its square root.

    Args:
        rate: requests a second.
        seconds: how long they come for.
        seed: the same seed gives the same arrivals.

    Returns:
        Seconds, ascending, from 0 to below `seconds`; shape (n,).

    Raises:
        ValueError: if rate or seconds is not above 0.

    >>> arrivals(2, 3, seed=0).round(2)
    array([0.34, 0.85, 0.86, 0.86, 1.14, 1.95, 2.29, 2.67])

    Built in notebooks/14_orchestration.ipynb.
    """
    if not (0 < rate < float("inf") and 0 < seconds < float("inf")):
        raise ValueError(
            f"rate (requests a second) and seconds must be above 0, got {rate} and {seconds}"
        )
    rng = np.random.default_rng(seed)
    times = rng.exponential(1 / rate, size=16).cumsum()
    while times[-1] < seconds:
        times = np.append(times, times[-1] + rng.exponential(1 / rate, size=len(times)).cumsum())
    return times[times < seconds]


async def run_load(
    call: Call[Any, Any],
    requests: Sequence[Any],
    arrivals: Sequence[float] | NDArray[np.float64] | None = None,
    *,
    at_once: int | None = None,
) -> LoadReport:
    """Make the requests, and measure each.

    With arrivals the load is open, as customers are: a request is made when its time has come, how
    slow the earlier ones may be, and its latency counts from that time. A closed load (`at_once`)
    asks the next question when an answer is there. It asks less where the server is slow, and so
    never sees the queue that customers would have stood in ("coordinated omission": Gil Tene, How
    NOT to Measure Latency). It is right for clients that do wait for each other, and to see how
    much a server can do.

    Args:
        call: is measured.
        requests: from the first on; with arrivals, from the first again where they end.
        arrivals: seconds after the beginning, ascending; one request is made at each.
        at_once: in place of arrivals, requests under way all the time until all are made.

    Returns:
        One row for each request. An Exception of the call is in its row.

    Raises:
        ValueError: if not exactly one of arrivals and at_once is given, arrivals are not
            ascending from 0 on, or there are no requests.

    >>> async def answer(question):
    ...     return question.upper()
    >>> report = asyncio.run(run_load(answer, ["a", "b"], [0.0, 0.01, 0.02]))
    >>> [row.answer for row in report.rows]
    ['A', 'B', 'A']

    Built in notebooks/14_orchestration.ipynb.
    """
    if (arrivals is None) == (at_once is None):
        raise ValueError("one of arrivals and at_once must be given, and not both")
    if at_once is not None and at_once < 1:
        raise ValueError(f"at_once must be 1 or more requests, got {at_once}")
    if len(requests) == 0:
        raise ValueError("requests must hold at least one request, got none")
    planned = None if arrivals is None else np.asarray(arrivals, dtype=float)
    if planned is not None and not (
        planned.ndim == 1
        and np.isfinite(planned).all()
        and (np.diff(planned, prepend=0) >= 0).all()
    ):
        raise ValueError(f"arrivals must be seconds from 0 on, ascending, got {arrivals!r}")
    rows: dict[int, LoadRow] = {}
    begin = time.perf_counter()

    async def one(index: int, at: float | None) -> None:
        request = requests[index % len(requests)]
        started = time.perf_counter() - begin
        answer, failed = None, None
        try:
            answer = await call(request)
        except Exception as error:
            failed = error
        finished = time.perf_counter() - begin
        rows[index] = LoadRow(
            request, started if at is None else at, started, finished, answer, failed
        )

    async with asyncio.TaskGroup() as tasks:  # cancelled together with this function
        if planned is not None:
            for index, at in enumerate(planned):
                await asyncio.sleep(max(0.0, begin + at - time.perf_counter()))
                tasks.create_task(one(index, float(at)))
        else:
            left = iter(range(len(requests)))

            async def worker() -> None:
                for index in left:
                    await one(index, None)

            for _ in range(min(at_once or 1, len(requests))):
                tasks.create_task(worker())
    return LoadReport(tuple(rows[index] for index in sorted(rows)))
