"""How many threads to give to torch on this computer, right now.

A thread too many costs more than a thread too few: torch's threads wait for each other by spinning,
so two threads on one free core run about ten times slower than one.
"""

from __future__ import annotations

import math
import os
from pathlib import Path


def available_cores() -> int:
    """Number of cores this process may use: the affinity mask and a container's quota are honoured.

    >>> available_cores() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):  # Linux; elsewhere a process may use every core
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:  # a container limited to 2 CPUs still sees all of its host's cores
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such file, or "max": no quota
        pass
    return max(1, cores)


def choose_threads() -> int:
    """Number of threads for torch: your wish if you state one, else the cores that are free.

    ``COURSE_THREADS`` comes first, then ``OMP_NUM_THREADS``, then the available cores minus the
    load of the last minute.

    Returns:
        At least 1.

    Raises:
        ValueError: if ``COURSE_THREADS`` is not a whole number of at least 1.

    >>> choose_threads() >= 1
    True
    """
    wish = os.environ.get("COURSE_THREADS", "").strip()
    if wish:
        if not wish.isdecimal() or int(wish) < 1:
            raise ValueError(f"COURSE_THREADS must be a whole number of at least 1, got {wish!r}")
        return int(wish)
    omp = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # "4,2" is nested levels
    if omp.isdecimal() and int(omp) >= 1:
        return int(omp)
    return max(1, available_cores() - round(_load()))


def _load() -> float:
    """Processes that wanted a core during the last minute, on average; 0 where unknown."""
    try:
        import psutil

        return float(psutil.getloadavg()[0])  # unlike os.getloadavg, it also answers on Windows
    except (ImportError, OSError):
        return 0.0
