"""`import course_lib` beside other imports, each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measure import Row, Settings, compare

PROGRAM = """
import sys, time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start, "torch" in sys.modules)
"""


def run(settings: Settings) -> Iterator[Row]:
    parts = "course_lib.embeddings, course_lib.similarity, course_lib.plotting"
    if import_time("course_lib")[1] or import_time(parts)[1]:
        raise AssertionError("importing course_lib loads torch")
    for ours, other, most_seconds in (
        ("course_lib", "numpy", 0.15),
        ("course_lib", "sentence_transformers", 0.15),
        (parts, "numpy", None),
    ):
        yield compare(
            f"import {ours}",
            lambda module=ours: module,
            f"import {other}",
            lambda module=other: module,
            settings,
            threads=1,
            checked="torch is not loaded",
            clock=lambda work: import_time(work())[0],
            most_seconds=most_seconds,
        )


def import_time(module: str) -> tuple[float, bool]:
    """Seconds of `import module`, without the interpreter's own start; whether it loads torch."""
    command = [sys.executable, "-c", PROGRAM.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, torch = done.stdout.split()
    return float(seconds), torch == "True"
