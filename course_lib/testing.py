"""The README's test command: lint, types, unit tests with doctests, then every notebook."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence

from course_lib import ROOT, assets
from course_lib.build import kernel_environment, nbval_command

NOTHING_COLLECTED = 5  # pytest's exit status where no test matched
PACKAGES = ("hypothesis", "mypy", "nbval", "pytest", "ruff")
USAGE = """usage: course test [--fast] [options for pytest]

Runs ruff, mypy, the unit tests with every docstring's example, and every cell of every notebook.
--fast leaves out the notebooks and the tests marked slow. With other options, such as
-k similarity, only pytest's steps run."""


def steps(arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    """What ``course test ARGUMENTS`` runs: for each step its title and its command."""
    fast = "--fast" in arguments
    extra = [argument for argument in arguments if argument != "--fast"]
    python = [sys.executable, "-m"]
    planned = []
    if not extra:
        planned += [
            ("Lint (ruff check)", [*python, "ruff", "check", "."]),
            ("Format (ruff format --check)", [*python, "ruff", "format", "--check", "."]),
            ("Types (mypy --strict)", [*python, "mypy"]),
        ]
    slow = ["-m", "not slow"] if fast else []
    workers = ["-n", "2", "--dist", "loadfile"]
    unit_tests = [*python, "pytest", *workers, *slow, *extra]
    planned.append(("Unit tests, doctests, exercises, environment", unit_tests))
    if not fast:
        planned.append(("Every notebook, every cell (nbval)", nbval_command(["notebooks"], extra)))
    return planned


def main(arguments: Sequence[str]) -> int:
    """Run the steps one after the other, all of them, and sum up at the end."""
    if "--help" in arguments or "-h" in arguments:
        print(USAGE)
        return 0
    missing = [name for name in PACKAGES if not _installed(name)]
    if missing:
        print(f"The tests need {', '.join(missing)}. Next step: python course.py test")
        return 1
    try:
        assets.fetch()  # the tests themselves run without a network
    except assets.AssetError as error:
        print(error)
        return 1
    # Two processes share the cores; torch's threads would fight over them.
    environment = kernel_environment()
    planned = steps(arguments)
    results = []
    for number, (title, command) in enumerate(planned, start=1):
        print(f"\n[{number}/{len(planned)}] {title}", flush=True)
        started = time.monotonic()
        status = subprocess.call(command, cwd=ROOT, env=environment)
        results.append((title, status, time.monotonic() - started))
    print("\nSummary")
    for title, status, seconds in results:
        word = {0: "passed", NOTHING_COLLECTED: "nothing to run"}.get(status, "FAILED")
        print(f"  {word:<14} {title} ({seconds:.0f} s)")
    statuses = [status for _, status, _ in results]
    failed = any(status not in (0, NOTHING_COLLECTED) for status in statuses)
    # A misspelt -k that matches nothing anywhere must not look like success.
    return int(failed or 0 not in statuses)


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None
