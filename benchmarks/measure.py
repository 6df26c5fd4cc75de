"""Timing two ways of doing the same work, turn by turn."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]
REST = 0.15  # seconds between two libraries' turns


@dataclass(frozen=True)
class Settings:
    """How long to measure: `quick` is for trying the benchmarks out, not for numbers to quote."""

    quick: bool
    threads: tuple[int, ...]

    @property
    def seconds(self) -> float:
        return 1.0 if self.quick else 6.0

    @property
    def least_rounds(self) -> int:
        return 3 if self.quick else 7


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    work: str
    other: str
    threads: int
    ours_seconds: float
    other_seconds: float
    ratio: float  # median of the rounds' ratios: a busy moment hits both turns of a round
    low: float  # the middle half of the rounds' ratios
    high: float
    rounds: int
    checked: str
    least_ratio: float | None = None
    most_seconds: float | None = None

    @property
    def target(self) -> str:
        if self.least_ratio is not None:
            met, wanted = self.ratio >= self.least_ratio, f"at least {self.least_ratio:g}x"
        elif self.most_seconds is not None:
            met, wanted = self.ours_seconds < self.most_seconds, f"under {self.most_seconds:g} s"
        else:
            return "–"
        return f"{wanted}: {'met' if met else '**missed**'}"


def compare(
    work: str,
    ours: Work,
    other_name: str,
    other: Work,
    settings: Settings,
    *,
    threads: int,
    checked: str,
    clock: Callable[[Work], float] | None = None,
    **target: float | None,
) -> Row:
    """Time both, one after the other, again and again, so that a busy moment hits both alike."""
    clock = clock or seconds_of
    clock(ours), clock(other)  # first calls allocate, and wake threads up
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + settings.seconds
    while len(times) < settings.least_rounds or (time.perf_counter() < end and len(times) < 200):
        if len(times) % 2:
            first = clock(other)
            times.append((clock(ours), first))
        else:
            times.append((clock(ours), clock(other)))
    seconds = np.array(times)  # (rounds, 2)
    low, ratio, high = np.quantile(seconds[:, 1] / seconds[:, 0], [0.25, 0.5, 0.75])
    ours_seconds, other_seconds = np.median(seconds, axis=0)
    return Row(
        work, other_name, threads, float(ours_seconds), float(other_seconds),
        float(ratio), float(low), float(high), len(times), checked, **target,
    )  # fmt: skip


def seconds_of(work: Work) -> float:
    """Wall-clock seconds of one call: the median of as many calls as fit in a tenth of a second."""
    # The other library's threads go on spinning after its work, and would take a core from this
    # one: with a rest of 5 ms, faiss looked ten times slower beside NumPy's threads than it is.
    time.sleep(REST)
    times = []
    while len(times) < 2 or sum(times) < 0.1:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
        if times[0] > 0.1:
            break
    return float(np.median(times[1:] or times))  # the first of several wakes the threads up


@contextmanager
def same_threads(threads: int) -> Iterator[None]:
    """Hold every numeric library that is loaded to this many threads."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads):
        yield


def describe_machine() -> list[str]:
    """Processor, system and versions; nothing that names the computer."""
    names = ("numpy", "torch", "transformers", "sentence-transformers", "faiss-cpu", "scikit-learn")
    versions = []
    for name in names:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} not installed")
    return [
        f"{_processor()}, {len(_cores())} cores; {platform.system()}, "
        f"Python {platform.python_version()}",
        ", ".join(versions),
    ]


def load() -> str:
    """How busy the computer is, where the system says so."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def _cores() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()
